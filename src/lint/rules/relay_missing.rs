//! `L-RELAY-MISSING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-MISSING",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-118",
    says: "A new message goes on to every neighbour but the one it came from.",
    cause: "numbers taken for repeats that are none; those behind do not get the message",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    relays(at, &RULE, Relays::Numbers, promises);
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.is_about(promise) && at.is_message(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("{} was not passed on to {}", promise.messages(), who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let text = it.saying(b"good night");
            let relayed = it.relayed(text);
            let bytes = it.bytes(relayed).clone();
            let (from, to) = (it.packets[relayed].from, it.packets[relayed].to);
            it.drop_copies(&bytes, from, to);
            it.drop_copies(&bytes, to, from);
        }),
        silent("rejoin", |it| {
            // It came from there, too.
            let text = it.saying(b"good night");
            let relayed = it.relayed(text);
            let bytes = it.bytes(relayed).clone();
            let (from, to) = (it.packets[relayed].from, it.packets[relayed].to);
            it.drop_copies(&bytes, from, to);
        }),
    ]
}
