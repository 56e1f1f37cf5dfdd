//! `L-WRAP`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-WRAP",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-114",
    says: "Numbers are compared around their wrap from 2^32-1 to 1.",
    cause: "a plain comparison: after the wrap all messages of the author look old",
    known: "c-toxcore 0.2.5 to 0.2.10 (f6c3ce6d1)",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: false, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    relays(at, &RULE, Relays::Wraps, promises);
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    at.is_about(promise) && at.is_message(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!(
        "{}, the first after a wrap, was not passed on to {}",
        promise.messages(),
        who(&promise.friend)
    )
}

/// What the author of a text said before has numbers just before the wrap.
#[cfg(test)]
fn wrap_before(it: &mut crate::lint::testing::Traffic) {
    let text = it.saying(b"good night");
    let (author, number) = (it.bytes(text)[3..5].to_vec(), it.bytes(text)[8]);
    for p in &mut it.packets {
        if p.id() == DataId::CONFERENCE_MESSAGE && p.bytes[3..5] == author && p.bytes[8] < number {
            p.bytes[5..8].fill(0xff);
            p.bytes[8] += 0xf0;
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            wrap_before(it);
            let text = it.saying(b"good night");
            let relayed = it.relayed(text);
            let bytes = it.bytes(relayed).clone();
            let (from, to) = (it.packets[relayed].from, it.packets[relayed].to);
            it.drop_copies(&bytes, from, to);
            it.drop_copies(&bytes, to, from);
        }),
        silent("rejoin", wrap_before),
    ]
}
