//! `L-EARLY-DIRECT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-EARLY-DIRECT",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-059",
    says: "Nothing is sent in a conference on a connection before the other side said, in this \
           session, under which number.",
    cause: "a slot used before its Online came, with number 0 or a stale one; the other side \
           drops it or takes it for another conference",
    known: "c-toxcore up to 0.2.8 (86935beb2)",
    needs: &[Need::Whole],
    looks_at: ADDRESSED,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    if !on.packet.is_addressed() || on.receiver().announced_any() {
        return;
    }
    let number = on.packet.addressed().map_or(0, |number| number.0);
    let message = format!(
        "sent to conference {number} of the other side, which has announced none in this session"
    );
    found.say(message, &[]);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // A ping as the very first conference packet of a session.
            let online = it.first(Kind::Online);
            let (session, way) = (it.packets[online].session, it.packets[online].direction);
            let ping = it.find(|p| p.kind() == Some(Kind::Ping));
            let bytes = it.bytes(ping).clone();
            let first = it.find(|p| p.session == session && p.direction == way);
            it.say(first, 0, bytes);
        }),
        silent("talk", |it| {
            let query = it.first(Kind::PeerQuery);
            it.repeat(query, 0);
        }),
    ]
}
