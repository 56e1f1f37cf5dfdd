//! `L-RELAY-NOECHO`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-NOECHO",
    severity: Severity::Note,
    class: Class::Endpoint,
    cites: "D-034",
    says: "A message that came from its author goes back to the author, who shows it only then.",
    cause: "an implementation that follows the letter of the specification",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    relays(at, &RULE, Relays::Author, promises);
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.is_about(promise) && at.is_message(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!("{} did not go back to its author {}", promise.messages(), who(&promise.friend))
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let text = it.saying(b"she sleeps");
            let bytes = it.bytes(text).clone();
            let (from, to) = (it.packets[text].from, it.packets[text].to);
            it.drop_copies(&bytes, to, from);
        }),
        silent("rejoin", |it| {
            let text = it.saying(b"she sleeps");
            let bytes = it.bytes(text).clone();
            it.remove_all(|p| p.bytes == bytes);
        }),
    ]
}
