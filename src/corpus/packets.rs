//! What a conference packet holds, as a name made of our own words.

use std::fmt::Write as _;

use crate::wire::{Conference, ConferenceType, LossyBody, MessageBody, Packet};

/// Kind and contents. Packets of one shape differ in numbers, keys and letters only.
pub(super) fn shape(bytes: &[u8]) -> String {
    let packet = match Packet::parse(bytes) {
        Ok(packet) => packet,
        Err(malformed) => {
            let intended = malformed.intended().name();
            return format!("malformed-{intended}-{}bytes", bytes.len());
        }
    };
    let mut shape = packet.kind().name().to_owned();
    if let Some(conference) = packet.conference() {
        shape += &of_type(conference);
    }
    match packet {
        Packet::PeerResponse(response) => {
            let _ = write!(shape, "-{}peers", response.peers().count());
            if response.peers().any(|peer| !peer.name.is_ascii()) {
                shape += "-utf8";
            }
            if response.peers().any(|peer| peer.name.is_empty()) {
                shape += "-unnamed";
            }
        }
        Packet::TitleResponse(response) => shape += &text(response.title),
        Packet::Message(message) => match message.body {
            MessageBody::Chat(chat) => shape += &text(chat.text),
            MessageBody::Action(action) => shape += &text(action.text),
            MessageBody::Title(title) => shape += &text(title.title),
            MessageBody::Name(name) => shape += &text(name.name),
            MessageBody::Unknown(unknown) => {
                let _ = write!(shape, "-{:02x}-{}bytes", unknown.id, unknown.body.len());
            }
            MessageBody::Ping(_)
            | MessageBody::NewPeer(_)
            | MessageBody::KillPeer(_)
            | MessageBody::FreezePeer(_) => {}
        },
        Packet::Lossy(lossy) => match lossy.body {
            // Audio is of any length: the order of magnitude tells enough.
            LossyBody::Audio { opus, .. } => {
                let _ = write!(shape, "-audio-below-{}bytes", (opus.len() + 1).next_power_of_two());
            }
            LossyBody::AudioCut(_) => shape += "-audio-cut",
            LossyBody::Unknown { id, .. } => {
                let _ = write!(shape, "-{id:02x}");
            }
        },
        Packet::InviteUnknown(_) | Packet::DirectUnknown(_) | Packet::Unknown(_) => {
            let _ = write!(shape, "-{:02x}-{}bytes", bytes.first().unwrap_or(&0), bytes.len());
        }
        Packet::Invite(_)
        | Packet::InviteAccepted(_)
        | Packet::InviteMember(_)
        | Packet::Online(_)
        | Packet::PeerIntroduced(_)
        | Packet::PeerQuery(_)
        | Packet::Rejoin(_) => {}
    }
    if !packet.trailing().is_empty() {
        shape += "-trailing";
    }
    shape
}

fn of_type(conference: Conference) -> String {
    match conference.kind {
        ConferenceType::TEXT => "-text".to_owned(),
        ConferenceType::AUDIO => "-audio".to_owned(),
        ConferenceType(other) => format!("-type{other}"),
    }
}

/// What kind of text, and how much of it.
fn text(text: &[u8]) -> String {
    let kind = match std::str::from_utf8(text) {
        Ok("") => return "-empty".to_owned(),
        Ok(text) if text.chars().any(char::is_control) => "controls",
        Ok(text) if text.is_ascii() => "ascii",
        Ok(_) => "utf8",
        Err(_) => "not_utf8",
    };
    format!("-{kind}-{}bytes", text.len())
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn shapes_say_what_packets_hold_in_words_of_ours() {
        for (bytes, expected) in [
            (&hex!("62 0000 0a c3a9 c3a9")[..], "title_response-utf8-4bytes"),
            (&hex!("63 0001 0002 00000003 40 2e2e2f"), "chat-ascii-3bytes"),
            (&hex!("63 0001 0002 00000003 40 1b5b6d"), "chat-controls-3bytes"),
            (&hex!("63 0001 0002 00000003 30"), "name-empty"),
            (&hex!("62 0000 08 ff"), "peer_query-trailing"),
            (&hex!("61 00"), "malformed-online-2bytes"),
            (&hex!(""), "malformed-malformed-0bytes"),
        ] {
            assert_eq!(shape(bytes), expected);
        }
    }
}
