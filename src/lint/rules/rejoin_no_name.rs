//! `L-REJOIN-NO-NAME`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-NO-NAME",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-066, R-101",
    says: "Whoever takes somebody back says its own name.",
    cause: "a name that was not scheduled; the one who came back sees an old name",
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
    at.conference == Some(promise.conference) && at.packet.is(Kind::Name) && !at.is_of_others()
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("took {} back and did not say its name", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, _, at) = come_back(it);
            it.remove_all(|p| p.kind() == Some(Kind::Name) && p.from == bob && p.at > at);
        }),
        silent("rejoin", |it| {
            let _ = come_back(it);
        }),
    ]
}
