//! `L-REJOIN-NO-ONLINE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-NO-ONLINE",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-162, R-163",
    says: "A Rejoin of a known member is answered with Online.",
    cause: "the member was forgotten, or nothing listens on that connection",
    known: "every version since 0.2.8 (B-01, B-10)",
    needs: &[],
    looks_at: REJOINS,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let group = at.group().filter(|group| group.left.is_none() && !group.joining);
    if let Some(group) = group.filter(|_| !at.sent && at.packet.is(Kind::Rejoin))
        && let Some(number) = group.numbers.get(&at.friend)
        && at.peer(*number).is_some()
        && at.own().is_some()
    {
        promises.add(at.promise(&RULE, Proof::Link));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::Online) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("the Rejoin of {} was not answered with Online", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, _, at) = come_back(it);
            it.remove_all(|p| p.kind() == Some(Kind::Online) && p.from == bob && p.at > at);
        }),
        silent("rejoin", |it| {
            let _ = come_back(it);
        }),
    ]
}
