//! `L-NEWPEER-CONFLICT`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-NEWPEER-CONFLICT",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-016, R-018, R-034",
    says: "A new member does not get the number of an active one.",
    cause: "two inviters that chose the same number, or a member that answered an invitation \
           with a number that is taken",
    known: "every version since 0.2.11 (B-07)",
    needs: &[Need::Awake],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let active = |at: &At<'_>, peer: &Peer| {
        peer.active.is_some_and(|active| at.now().nanos_since(active) < 55 * SECOND)
    };
    announces_taken(at, found, active, "");
}

/// So many seconds into the recording, bob announces a stranger under the number of cas, who fell asleep
/// at 13 s.
#[cfg(test)]
pub(super) fn announce_a_stranger(it: &mut crate::lint::testing::Traffic, seconds: i64) {
    let new = it.find(|p| p.kind() == Some(Kind::NewPeer) && p.bytes[8] == 3);
    let (bob, ann) = (it.packets[new].from, it.packets[new].to);
    let mut bytes = it.bytes(new).clone();
    bytes[6] = 1;
    bytes[12] ^= 1;
    let at = it.last_message(bob, ann, seconds * SECOND);
    it.say(at, MS, bytes);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| announce_a_stranger(it, 40)),
        silent("rejoin", |it| announce_a_stranger(it, 85)),
    ]
}
