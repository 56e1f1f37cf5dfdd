//! `L-JOIN-NO-NAME`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-JOIN-NO-NAME",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-019, R-101",
    says: "Whoever has learned its number says its name.",
    cause: "a name that is sent before there is a connection; others see a member without a name",
    known: "c-toxcore before 0.2.5 (aa63c1330)",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Promise(Expectation { begins, keeps, anywhere: true, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read().filter(|_| !at.sent) else {
        return;
    };
    let joining = at.group().is_some_and(|group| group.joining);
    if joining && response.peers().any(|entry| entry.real_key == at.me.key) {
        promises.add(at.promise(&RULE, Proof::Slot));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.conference == Some(promise.conference) && at.packet.is(Kind::Name) && !at.is_of_others()
}

fn tells(_: &Promise, _: &dyn Fn(&PublicKey) -> String) -> String {
    "became a member and did not say its name".to_owned()
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let name = it.first(Kind::Name);
            let bytes = it.bytes(name).clone();
            it.remove_all(|p| p.bytes == bytes);
        }),
        silent("rejoin", |it| {
            let name = it.first(Kind::Name);
            it.repeat(name, MS);
        }),
    ]
}
