//! `L-REJOIN-MISSING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-MISSING",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-160",
    says: "A Rejoin goes to a frozen member when its connection comes up.",
    cause: "a frozen member that was forgotten, or a connection that nobody listens to",
    known: "every version since 0.2.10 (B-01), 0.2.8 (9770880e9)",
    needs: &[Need::Awake, Need::Whole],
    looks_at: ANY,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

/// With so many peers, one of them may have been forgotten.
const MANY: usize = 128;

fn begins(at: &At<'_>, promises: &mut Promises) {
    if at.sent || at.theirs().sent.is_some() || at.me.was_asleep(at.now()) {
        return;
    }
    for (conference, group) in &at.me.groups {
        let peer = group.numbers.get(&at.friend).and_then(|number| group.peers.get(number));
        let Some(peer) = peer.filter(|_| group.left.is_none() && group.peers.len() < MANY) else {
            continue;
        };
        if peer.level == Level::Known && peer.is_silent(at.now()) {
            promises.add(Some(at.promise_in(*conference, &RULE, Proof::Link)));
        }
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::Rejoin) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!(
        "the connection to {}, who is frozen, came up, but no Rejoin was sent",
        who(&promise.friend)
    )
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, cas, _) = come_back_from_afar(it);
            it.remove_all(|p| p.kind() == Some(Kind::Rejoin) && p.from == bob && p.to == cas);
        }),
        silent("rejoin", |it| {
            let _ = come_back_from_afar(it);
        }),
    ]
}
