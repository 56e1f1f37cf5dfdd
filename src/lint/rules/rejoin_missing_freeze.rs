//! `L-REJOIN-MISSING-FREEZE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-MISSING-FREEZE",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-161",
    says: "A Rejoin goes to a peer that freezes while its connection is up.",
    cause: "a Rejoin that is sent only as connections come up; the peer stays frozen until then",
    known: "development before 0.2.8 (e43b2eadc); the specification does not ask for it (D-036)",
    needs: &[Need::Awake, Need::Whole],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

/// After so long a peer is frozen, and the Rejoin is overdue.
const OVERDUE: i64 = 70 * SECOND;
/// Who sent something so lately is connected.
const LATELY: i64 = 10 * SECOND;
const MANY: usize = 128;

fn check(at: &At<'_>, found: &mut Found) {
    let Some((conference, group)) = at.group.filter(|(_, group)| group.peers.len() < MANY) else {
        return;
    };
    if !at.is_own() || at.copies.is_some_and(|copies| !copies.sent.is_empty()) {
        return;
    }
    let Some((_, newest)) = group.newest else { return };
    for (friend, session, mine, theirs) in at.sessions() {
        let Some(peer) = group.numbers.get(&friend).and_then(|it| group.peers.get(it)) else {
            continue;
        };
        let Some(active) = peer.active.filter(|_| peer.level == Level::Known) else { continue };
        let lately =
            |sent: Option<Timestamp>| sent.is_some_and(|it| at.now().nanos_since(it) < LATELY);
        let up = (at.links)(session).is_some_and(|link| link.started < active);
        let since = |spot: Option<Spot>| spot.is_some_and(|it| it.at.nanos_since(active) > 0);
        let rejoined =
            mine.part(&conference).is_some_and(|it| since(it.rejoined) || since(it.online))
                || theirs.part(&conference).is_some_and(|it| since(it.online));
        // Said once, with the first message of its own after the time is over.
        let due =
            at.now().nanos_since(active) > OVERDUE && newest.at.nanos_since(active) <= OVERDUE;
        if due && up && lately(mine.sent) && lately(theirs.sent) && !rejoined {
            let seconds = at.now().nanos_since(active) / SECOND;
            let message = format!(
                "heard nothing of {} for {seconds} s, whose connection is up, and sent no Rejoin",
                at.who(&friend)
            );
            found.say(message, &[]);
        }
    }
}

/// Cas, asleep since 13 s after the beginning, says that it is there so long, but nothing in the conference.
#[cfg(test)]
fn stay_connected(it: &mut crate::lint::testing::Traffic, until: i64) {
    let text = it.saying(b"she sleeps");
    let rejoin = it.last(Kind::Rejoin);
    let (bob, cas) = (it.packets[text].from, it.packets[rejoin].from);
    for (from, to) in [(cas, bob), (bob, cas)] {
        let last = it.last_message(from, to, 60 * SECOND);
        let start = it.since_start(it.packets[last].at);
        for second in (20..until).step_by(4) {
            it.say(last, second * SECOND - start, vec![0x10]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| stay_connected(it, 85)),
        silent("rejoin", |it| stay_connected(it, 60)),
    ]
}
