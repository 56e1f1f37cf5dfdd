//! `L-RESP-UNSOLICITED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-UNSOLICITED",
    severity: Severity::Warning,
    class: Class::Connection,
    cites: "R-081",
    says: "A Peer Response answers a Peer Query of this session.",
    cause: "an implementation that pushes lists; receivers take them all the same",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Link(check),
};

fn check(on: &OnLink<'_>, found: &mut Found) {
    let asked = on.receivers_part().is_some_and(|part| part.queried.is_some());
    if on.packet.is(Kind::PeerResponse) && !asked {
        found.say("nobody asked for this list in this session".to_owned(), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| it.remove_all(|p| p.kind() == Some(Kind::PeerQuery))),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            it.repeat(response, MS);
        }),
    ]
}
