//! `L-SPOOF-SELF`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SPOOF-SELF",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-123, R-124",
    says: "Nobody but a member itself writes messages under its number.",
    cause: "a member that forges messages, or a number that two members have",
    known: "every version obeys forged Kills and Freezes (B-05)",
    needs: &[Need::Birth, Need::Whole],
    looks_at: MESSAGES,
    check: Check::Heard(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let (Some(message), Some(group)) = (at.packet.message(), at.group()) else { return };
    if group.joining || !at.is_own() || at.copies.is_some_and(|copies| !copies.sent.is_empty()) {
        return;
    }
    let Some(highest) = group.highest else { return };
    if newer(message.message_number, highest) {
        let message = format!(
            "a message came back from {} under its own number {} that it never sent: message {}, \
             while its newest is {highest}",
            at.friends_name(),
            message.peer_number,
            message.message_number,
        );
        found.say(message, &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            // Somebody's message comes back to it with a number that it never gave.
            let chat = it.saying(b"I'm late");
            let mut bytes = it.bytes(chat).clone();
            bytes[6] = 9;
            it.reply(chat, MS, bytes);
        }),
        silent("talk", |it| {
            let chat = it.saying(b"I'm late");
            let bytes = it.bytes(chat).clone();
            it.reply(chat, MS, bytes);
        }),
    ]
}
