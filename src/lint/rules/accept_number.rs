//! `L-ACCEPT-NUMBER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ACCEPT-NUMBER",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-016",
    says: "A new member does not get the number of a frozen one.",
    cause: "numbers of frozen members that are not considered",
    known: "",
    needs: &[Need::Awake],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let frozen = |at: &At<'_>, peer: &Peer| {
        let active = peer.active.map(|active| at.now().nanos_since(active));
        peer.froze.is_some() || active.is_some_and(|ago| ago > 65 * SECOND)
    };
    announces_taken(at, found, frozen, "the frozen ");
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| newpeer_conflict::announce_a_stranger(it, 85)),
        silent("rejoin", |it| newpeer_conflict::announce_a_stranger(it, 40)),
    ]
}
