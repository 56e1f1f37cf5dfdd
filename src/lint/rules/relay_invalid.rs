//! `L-RELAY-INVALID`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RELAY-INVALID",
    severity: Severity::Warning,
    class: Class::Endpoint,
    cites: "R-116, R-121, R-122",
    says: "What receivers cannot process is not passed on.",
    cause: "relaying before looking",
    known: "titles of 257 to 384 bytes, every version (B-03)",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let heard = at.copies.is_some_and(|copies| !copies.heard.is_empty());
    let author = at.packet.bytes.get(3..5).map(<[u8]>::to_vec);
    let is_own = at.own().is_none_or(|own| Some(own.0.to_be_bytes().to_vec()) == author);
    if at.packet.id != DataId::CONFERENCE_MESSAGE || !heard || is_own {
        return;
    }
    let why = match (at.packet.message(), &at.packet.conference) {
        (Some(message), _) => match message.body {
            MessageBody::Unknown(it) => format!("a message of the unknown id 0x{:02x}", it.id),
            MessageBody::KillPeer(it) if it.killed_peer_number != message.peer_number => {
                "a Kill of somebody else than its author".to_owned()
            }
            MessageBody::FreezePeer(it) if it.frozen_peer_number != message.peer_number => {
                "a Freeze of somebody else than its author".to_owned()
            }
            _ => return,
        },
        (None, Some(Err(malformed))) => format!("a malformed message ({})", malformed.error),
        _ => return,
    };
    found.say(format!("passes on {why}"), &[]);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let text = it.saying(b"I'm late");
            it.change(text, |bytes| bytes[9] = 0x42);
        }),
        silent("talk", |it| {
            let text = it.saying(b"I'm late");
            it.change(text, |bytes| bytes[9] = 0x41);
        }),
    ]
}
