//! `L-INTRODUCED-CONNECTING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-INTRODUCED-CONNECTING",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-055",
    says: "Introduced is sent on slots that are online.",
    cause: "a slot that is dropped before it was online, with number 0 or a stale one",
    known: "c-toxcore up to 0.2.8 (86935beb2)",
    needs: &[Need::Whole],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let waits = at.their_part().is_none_or(|part| {
        part.online.is_none() && part.accepted.is_none() && part.invited.is_none()
    });
    if at.packet.is(Kind::PeerIntroduced) && waits && at.link.from_the_start() {
        let who = at.friends_name();
        found.say(format!("tells {who} to be introduced, before its Online came"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let online = it.last(Kind::Online);
            let (session, way) = (it.packets[online].session, it.packets[online].direction);
            it.remove_all(|p| {
                p.kind() == Some(Kind::Online) && p.session == session && p.direction != way
            });
            let online = it.last(Kind::Online);
            it.say(online, MS, vec![0x62, 0, 0, 1]);
        }),
        silent("talk", |it| {
            let online = it.last(Kind::Online);
            it.say(online, MS, vec![0x62, 0, 0, 1]);
        }),
    ]
}
