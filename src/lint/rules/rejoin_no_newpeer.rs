//! `L-REJOIN-NO-NEWPEER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-NO-NEWPEER",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-066",
    says: "Whoever takes somebody back announces it to all, as a new peer.",
    cause: "a slot that lost its reason; members far away keep the one who came back for frozen",
    known: "",
    needs: &[],
    looks_at: ONLINES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: true, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let rejoined = at.their_part().is_some_and(|part| part.rejoined.is_some());
    if rejoined && at.goes_online() {
        promises.add(at.promise(&RULE, Proof::Slot));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.conference == Some(promise.conference)
        && matches!(at.packet.body(), Some(MessageBody::NewPeer(it)) if it.real_key == promise.friend)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("took {} back and did not announce it", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, _, at) = come_back(it);
            it.remove_all(|p| p.kind() == Some(Kind::NewPeer) && p.from == bob && p.at > at);
        }),
        silent("rejoin", |it| {
            let _ = come_back(it);
        }),
    ]
}
