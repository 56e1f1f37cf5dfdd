//! `L-ONLINE-UNANSWERED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ONLINE-UNANSWERED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-066",
    says: "An Online is answered with an Online by whoever still waits for one.",
    cause: "an answer that was forgotten; the other side never speaks on this connection",
    known: "",
    needs: &[],
    looks_at: ONLINES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    if at.goes_online() {
        promises.add(at.promise(&RULE, Proof::Slot));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::Online) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("the Online of {} was not answered", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let last = it.last(Kind::Online);
            it.remove(last);
            go_on(it);
        }),
        silent("talk", |it| {
            let online = it.first(Kind::Online);
            it.repeat(online, MS);
        }),
    ]
}
