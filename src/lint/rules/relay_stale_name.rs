//! `L-RELAY-STALE-NAME`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-STALE-NAME",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-115",
    says: "An older name or title is not passed on behind a newer one of the same author.",
    cause: "ids that are not remembered with the numbers; an old name comes back",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

const IDS: [u8; 2] = [0x30, 0x31];

fn check(at: &At<'_>, found: &mut Found) {
    let Some(message) = at.packet.message().filter(|_| at.is_of_others()) else { return };
    let (number, id) = (message.message_number, message.body.id());
    let is_first = at.copies.is_some_and(|it| !it.heard.is_empty() && it.sent.is_empty());
    if !IDS.contains(&id) || !is_first {
        return;
    }
    let Some(peer) = at.peer(message.peer_number) else { return };
    if let Some((later, _)) = peer.relayed.iter().find(|it| it.1 == id && newer(it.0, number)) {
        let message = format!(
            "{} {number} of peer {} is passed on behind the newer one {later}",
            message.body.kind(),
            message.peer_number,
        );
        found.say(message, &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // A text becomes a name, just before another name, and is passed on behind that.
            let text = it.saying(b"'/c calc'!A0");
            it.change(text, |bytes| bytes[9] = 0x30);
            let relayed = it.relayed(text);
            let bytes = it.bytes(relayed).clone();
            let (from, to) = (it.packets[relayed].from, it.packets[relayed].to);
            it.remove_all(|p| p.from == from && p.bytes == bytes);
            let name = it.find(|p| p.from == from && p.to == to && p.bytes.ends_with(b"\xffas\n"));
            it.say(name, 0, bytes);
        }),
        silent("talk", |it| {
            let text = it.saying(b"'/c calc'!A0");
            it.change(text, |bytes| bytes[9] = 0x30);
        }),
    ]
}
