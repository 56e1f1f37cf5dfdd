//! `L-UNKNOWN-NO-QUERY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-UNKNOWN-NO-QUERY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-112",
    says: "A message of an unknown author makes its receiver ask for the list of members.",
    cause: "an implementation that drops it in silence; it stays deaf to that member",
    known: "",
    needs: &[Need::Birth, Need::Whole],
    looks_at: MESSAGES,
    check: Check::Promise(Expectation { begins, keeps, anywhere: true, tells }),
};

fn begins(at: &At<'_>, promises: &mut Promises) {
    let Some(message) = at.packet.message().filter(|_| !at.sent) else { return };
    let Some(group) = at.group() else { return };
    let known = group.peers.contains_key(&message.peer_number)
        || group.own.is_some_and(|(own, _)| own == message.peer_number);
    let online = at.my_part().is_some_and(|part| part.messaged.is_some());
    // A Kill comes on several ways, and which was the first is not known; a list that was on its way brings
    // back whoever left (B-14); and some remember them (the profile `hardened`).
    if group.killed.values().any(|(number, _)| *number == message.peer_number) {
        at.uses(Level::Assumed);
    }
    if !known && online && !at.packet.is(Kind::FreezePeer) {
        let promise = at.promise(&RULE, Proof::Slot);
        let message = Some((message.peer_number, message.message_number));
        promises.add(promise.map(|promise| Promise { message, ..promise }));
    }
}

fn keeps(at: &At<'_>, promise: &Promise) -> bool {
    // Who is named meanwhile on another connection may have been known when the message was handled.
    let named = at.me.groups.get(&promise.conference).is_some_and(|group| {
        promise.message.is_some_and(|(author, _)| {
            group
                .peers
                .get(&author)
                .is_some_and(|it| it.since.at.nanos_since(promise.cause.at) < SECOND)
        })
    });
    named || at.packet.is(Kind::PeerQuery) && at.is_about(promise)
}

fn tells(promise: &Promise, who: &dyn Fn(&PublicKey) -> String) -> String {
    format!(
        "{} came from {} and nothing is known of its author, but it was not asked for",
        promise.messages(),
        who(&promise.friend)
    )
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let at = it.saying(b"she sleeps");
            let mut bytes = it.bytes(at).clone();
            bytes[3] ^= 0x55;
            it.say(at, MS, bytes);
        }),
        silent("rejoin", |it| {
            let at = it.saying(b"she sleeps");
            let mut bytes = it.bytes(at).clone();
            bytes[3] ^= 0x55;
            let unknown = it.say(at, MS, bytes);
            it.reply(unknown, MS, vec![0x62, 0, 0, 8]);
        }),
    ]
}
