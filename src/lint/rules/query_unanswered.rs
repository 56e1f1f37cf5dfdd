//! `L-QUERY-UNANSWERED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-QUERY-UNANSWERED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-081",
    says: "A Peer Query on a slot that is online is answered with a Peer Response.",
    cause: "an implementation that answers only some; the other side does not learn who is there",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let talks = at.my_part().is_some_and(|part| part.messaged.is_some() && part.killed.is_none());
    if !at.sent && at.packet.is(Kind::PeerQuery) && talks {
        promises.add(at.promise(&RULE, Proof::Slot));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::PeerResponse) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("the Peer Query of {} stays unanswered", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let first = it.first(Kind::PeerResponse);
            let (session, way) = (it.packets[first].session, it.packets[first].direction);
            it.remove_all(|p| {
                p.kind() == Some(Kind::PeerResponse) && p.session == session && p.direction == way
            });
        }),
        silent("talk", |it| {
            let query = it.first(Kind::PeerQuery);
            it.repeat(query, MS);
        }),
    ]
}
