//! `L-REJOIN-NO-QUERY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-NO-QUERY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-066, R-164",
    says: "Whoever comes back by Rejoin asks for the list of members when the other side is \
           online.",
    cause: "a slot that lost its reason; changes that were missed stay unknown",
    known: "",
    needs: &[],
    looks_at: ONLINES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let rejoined = at.my_part().is_some_and(|part| part.rejoined.is_some());
    if rejoined && at.goes_online() {
        promises.add(at.promise(&RULE, Proof::Slot));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::PeerQuery) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("came back to {} and asked for no list", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, _, at) = come_back(it);
            it.remove_all(|p| p.kind() == Some(Kind::PeerQuery) && p.from == bob && p.at > at);
        }),
        silent("rejoin", |it| {
            let _ = come_back(it);
        }),
    ]
}
