//! `L-ONLINE-MISSING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ONLINE-MISSING",
    severity: Severity::Error,
    class: Class::Connection,
    cites: "R-065, R-160",
    says: "Whoever sends a Rejoin as a connection comes up says Online there, too.",
    cause: "a slot that is made after the Onlines were sent; the other side waits for ours",
    known: "c-toxcore 0.2.8 (D-011)",
    needs: &[],
    looks_at: REJOINS,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

/// A Rejoin so soon is not one for a peer that freezes while the connection is up, which has no Online.
const SOON: i64 = 2 * SECOND;

fn begins(at: &At<'_>, promises: &mut Promises) {
    let first = at.my_part().is_none_or(|part| part.online.is_none() && part.rejoined.is_none());
    let soon = at.now().nanos_since(at.link.started) < SOON;
    if at.sent && at.packet.is(Kind::Rejoin) && first && soon && at.was_frozen(&at.friend) {
        promises.add(at.promise(&RULE, Proof::Link));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.packet.is(Kind::Online) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("sent {} a Rejoin as the connection came up, and no Online", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, cas, _) = come_back_from_afar(it);
            it.remove_all(|p| p.kind() == Some(Kind::Online) && p.from == bob && p.to == cas);
        }),
        silent("rejoin", |it| {
            let _ = come_back_from_afar(it);
        }),
    ]
}
