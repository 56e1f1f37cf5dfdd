//! `L-INTRODUCE-MISSING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-INTRODUCE-MISSING",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-066",
    says: "Whoever takes somebody back announces it on every slot that is online.",
    cause: "an announcement to the one who came back only; the others keep it for frozen",
    known: "",
    needs: &[],
    looks_at: ONLINES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let rejoined = at.their_part().is_some_and(|part| part.rejoined.is_some());
    if !rejoined || !at.goes_online() {
        return;
    }
    for (friend, session, _) in at.slots().filter(|slot| slot.0 != at.friend) {
        let promise = at.promise(&RULE, Proof::Slot);
        let about = Some(at.friend);
        promises.add(promise.map(|it| Promise { friend, session, about, ..it }));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    let announces = matches!(
        at.packet.body(),
        Some(MessageBody::NewPeer(it)) if Some(it.real_key) == promise.about
    );
    // After another Online the slot is not the one that it was.
    at.is_about(promise) && (announces || at.packet.is(Kind::Online))
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    let about = promise.about.as_ref().map_or_else(|| "somebody".to_owned(), who);
    format!("took {about} back and did not announce it to {}", who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let (bob, cas, at) = come_back(it);
            it.remove_all(|p| {
                p.kind() == Some(Kind::NewPeer) && p.from == bob && p.to != cas && p.at > at
            });
        }),
        silent("rejoin", |it| {
            let _ = come_back(it);
        }),
    ]
}
