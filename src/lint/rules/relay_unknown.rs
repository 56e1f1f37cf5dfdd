//! `L-RELAY-UNKNOWN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-UNKNOWN",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-112",
    says: "Messages of authors that are in no list are not passed on.",
    cause: "relaying before looking up the author",
    known: "",
    needs: &[Need::Birth, Need::Whole],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(message) = at.packet.message().filter(|_| at.is_of_others()) else { return };
    let Some(group) = at.group() else { return };
    let heard = at.copies.is_some_and(|copies| !copies.heard.is_empty());
    let author = message.peer_number;
    // With its Kill somebody leaves who may be back under another number by now.
    let left =
        at.packet.is(Kind::KillPeer) || group.killed.values().any(|(number, _)| *number == author);
    if heard && !left && !group.peers.contains_key(&author) {
        found.say(format!("passes on a message of peer {author}, of whom it was never told"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let text = it.saying(b"I'm late");
            it.change(text, |bytes| bytes[3] = 0x77);
        }),
        silent("talk", |it| {
            let text = it.saying(b"I'm late");
            it.change(text, |bytes| bytes[3..5].fill(0));
        }),
    ]
}
