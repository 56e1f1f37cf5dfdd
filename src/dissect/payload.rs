//! What a conference packet says, as fields of the table.

use std::ops::ControlFlow;

use super::field::{FieldId, Value};
use crate::wire::{
    Conference, Fault, GroupMessage, GroupNumber, Lossy, LossyBody, Malformed, MessageBody, Packet,
    PeerResponse, layout,
};

/// Takes fields until it breaks.
pub(super) type Each<'e> = &'e mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>;

/// Hands the fields of a packet to `each`, in the order of its bytes: what it says, or what can be
/// read of it and what was wrong.
pub fn payload(
    packet: &Result<Packet<'_>, Malformed<'_>>,
    each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match packet {
        Ok(packet) => fields(packet, each),
        Err(malformed) => {
            for part in malformed.parts() {
                if let Some((id, value)) = readable(&part) {
                    each(id, value)?;
                }
            }
            fault(malformed.error, each)
        }
    }
}

fn fields(packet: &Packet<'_>, each: Each<'_>) -> ControlFlow<()> {
    match packet {
        Packet::Invite(packet) => {
            group_number(packet.group_number, each)?;
            conference(packet.conference, each)
        }
        Packet::InviteAccepted(packet) => {
            group_number(packet.group_number, each)?;
            each(FieldId::ReceiverGroupNumber, number(packet.receiver_group_number.0))?;
            conference(packet.conference, each)
        }
        Packet::InviteMember(packet) => {
            group_number(packet.group_number, each)?;
            each(FieldId::ReceiverGroupNumber, number(packet.receiver_group_number.0))?;
            conference(packet.conference, each)?;
            each(FieldId::PeerNumber, number(packet.peer_number.0))
        }
        Packet::InviteUnknown(packet) => {
            each(FieldId::Id, number(0x60_u8))?;
            each(FieldId::InviteKind, number(packet.kind))?;
            each(FieldId::Body, Value::Bytes(packet.body))
        }
        Packet::Online(packet) => {
            group_number(packet.group_number, each)?;
            conference(packet.conference, each)
        }
        Packet::PeerIntroduced(packet) => {
            group_number(packet.group_number, each)?;
            trailing(packet.trailing, each)
        }
        Packet::PeerQuery(packet) => {
            group_number(packet.group_number, each)?;
            trailing(packet.trailing, each)
        }
        Packet::PeerResponse(packet) => peers(packet, each),
        Packet::TitleResponse(packet) => {
            group_number(packet.group_number, each)?;
            each(FieldId::Title, Value::Text(packet.title))
        }
        Packet::DirectUnknown(packet) => {
            each(FieldId::Id, number(0x62_u8))?;
            group_number(packet.group_number, each)?;
            each(FieldId::DirectKind, number(packet.kind))?;
            each(FieldId::Body, Value::Bytes(packet.body))
        }
        Packet::Message(packet) => message(packet, each),
        Packet::Rejoin(packet) => {
            conference(packet.conference, each)?;
            trailing(packet.trailing, each)
        }
        Packet::Lossy(packet) => lossy(packet, each),
        Packet::Unknown(packet) => {
            each(FieldId::Id, number(packet.id.0))?;
            each(FieldId::Body, Value::Bytes(packet.body))
        }
    }
}

fn message(packet: &GroupMessage<'_>, each: Each<'_>) -> ControlFlow<()> {
    group_number(packet.group_number, each)?;
    each(FieldId::PeerNumber, number(packet.peer_number.0))?;
    each(FieldId::MessageNumber, number(packet.message_number.0))?;
    each(FieldId::MessageId, number(packet.body.id()))?;
    match &packet.body {
        MessageBody::Ping(ping) => trailing(ping.trailing, each),
        MessageBody::NewPeer(peer) => {
            each(FieldId::NewPeerNumber, number(peer.new_peer_number.0))?;
            each(FieldId::RealKey, Value::Key(peer.real_key.as_bytes()))?;
            each(FieldId::DhtKey, Value::Key(peer.dht_key.as_bytes()))
        }
        MessageBody::KillPeer(peer) => {
            each(FieldId::KilledPeerNumber, number(peer.killed_peer_number.0))
        }
        MessageBody::FreezePeer(peer) => {
            each(FieldId::FrozenPeerNumber, number(peer.frozen_peer_number.0))
        }
        MessageBody::Name(name) => each(FieldId::Name, Value::Text(name.name)),
        MessageBody::Title(title) => each(FieldId::Title, Value::Text(title.title)),
        MessageBody::Chat(chat) => each(FieldId::Text, Value::Text(chat.text)),
        MessageBody::Action(action) => each(FieldId::Text, Value::Text(action.text)),
        MessageBody::Unknown(message) => each(FieldId::Body, Value::Bytes(message.body)),
    }
}

fn lossy(packet: &Lossy<'_>, each: Each<'_>) -> ControlFlow<()> {
    group_number(packet.group_number, each)?;
    each(FieldId::PeerNumber, number(packet.peer_number.0))?;
    each(FieldId::MessageNumber, number(packet.message_number.0))?;
    each(FieldId::MessageId, number(packet.body.id()))?;
    match packet.body {
        LossyBody::Audio { sequence_number, opus } => {
            each(FieldId::SequenceNumber, number(sequence_number))?;
            each(FieldId::Opus, Value::Bytes(opus))
        }
        LossyBody::AudioCut(body) | LossyBody::Unknown { body, .. } => {
            each(FieldId::Body, Value::Bytes(body))
        }
    }
}

fn peers(packet: &PeerResponse<'_>, each: Each<'_>) -> ControlFlow<()> {
    group_number(packet.group_number, each)?;
    let mut peers = packet.peers();
    for peer in peers.by_ref() {
        each(FieldId::PeersPeerNumber, number(peer.peer_number.0))?;
        each(FieldId::PeersRealKey, Value::Key(peer.real_key.as_bytes()))?;
        each(FieldId::PeersDhtKey, Value::Key(peer.dht_key.as_bytes()))?;
        each(FieldId::PeersName, Value::Text(peer.name))?;
    }
    if peers.rest().is_empty() {
        return ControlFlow::Continue(());
    }
    trailing(peers.rest(), each)?;
    packet.fault().map_or(ControlFlow::Continue(()), |error| fault(error, each))
}

fn number(number: impl Into<u64>) -> Value<'static> {
    Value::Unsigned(number.into())
}

fn group_number(group: GroupNumber, each: Each<'_>) -> ControlFlow<()> {
    each(FieldId::GroupNumber, number(group.0))
}

fn conference(conference: Conference, each: Each<'_>) -> ControlFlow<()> {
    each(FieldId::ConferenceType, Value::Name(conference.kind.name()))?;
    each(FieldId::ConferenceId, Value::Key(conference.id.as_bytes()))
}

fn trailing(bytes: &[u8], each: Each<'_>) -> ControlFlow<()> {
    if bytes.is_empty() {
        return ControlFlow::Continue(());
    }
    each(FieldId::Trailing, Value::Bytes(bytes))
}

fn fault(error: Fault, each: Each<'_>) -> ControlFlow<()> {
    each(FieldId::ErrorField, Value::Text(error.field.as_bytes()))?;
    each(FieldId::ErrorOffset, number(error.offset as u64))?;
    each(FieldId::ErrorReason, Value::Text(error.reason.to_string().as_bytes()))
}

/// The field that a whole part of a malformed packet is.
fn readable<'a>(part: &'a layout::Part<'_>) -> Option<(FieldId, Value<'a>)> {
    let id = FieldId::of(part.field.name)?;
    let value = match &part.value {
        layout::Value::Number(value) => number(*value),
        layout::Value::Key(key) => Value::Key(key.as_bytes()),
        layout::Value::ConferenceType(kind) => Value::Name(kind.name()),
        layout::Value::ConferenceId(id) => Value::Key(id.as_bytes()),
        layout::Value::Bytes(bytes) => Value::Bytes(bytes),
        layout::Value::Text(text) => Value::Text(text),
        // No conference packet holds a nonce; of a cut field the error tells.
        layout::Value::Nonce(_) | layout::Value::Cut(_) => return None,
    };
    Some((id, value))
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::dissect::field::FieldType;

    /// The fields as text, and a check that their values have the type that the table states.
    fn told(bytes: &[u8]) -> Vec<String> {
        let mut told = Vec::new();
        let _ = payload(&Packet::parse(bytes), &mut |id, value| {
            let (ty, text) = match value {
                Value::Unsigned(number) => (FieldType::Unsigned, number.to_string()),
                Value::Name(name) => (FieldType::Name, name.to_owned()),
                Value::Text(text) => (FieldType::Text, String::from_utf8_lossy(text).into_owned()),
                Value::Bytes(bytes) => (FieldType::Bytes, format!("{bytes:02x?}")),
                Value::Key(key) => (FieldType::Key, format!("{:02x}", key[0])),
                other => panic!("{other:?} in a payload"),
            };
            assert_eq!(ty, id.field().ty, "{}", id.field().name);
            assert!(ty != FieldType::Name || id.choices().iter().any(|choice| *choice == text));
            told.push(format!("{}={text}", id.field().name));
            ControlFlow::Continue(())
        });
        told
    }

    #[test]
    fn a_packet_tells_its_fields_in_the_order_of_its_bytes() {
        assert_eq!(
            told(&hex!("63 0001 0002 00000007 40 6869")),
            ["group_number=1", "peer_number=2", "message_number=7", "message_id=64", "text=hi"]
        );
        let rejoin = [&hex!("64 01")[..], &[0xab; 32], &[9]].concat();
        assert_eq!(told(&rejoin), ["conference_type=audio", "conference_id=ab", "trailing=[09]"]);
    }

    #[test]
    fn a_list_tells_its_good_entries_and_what_ended_it() {
        let entry = |number, name: &[u8]| {
            let length = u8::try_from(name.len()).unwrap();
            [&[0, number][..], &[0xaa; 32], &[0xbb; 32], &[length], name].concat()
        };
        let packet = [&hex!("62 0004 09")[..], &entry(1, b"ann"), &entry(7, b""), &[1]].concat();
        assert_eq!(
            told(&packet),
            [
                "group_number=4",
                "peers.peer_number=1",
                "peers.real_key=aa",
                "peers.dht_key=bb",
                "peers.name=ann",
                "peers.peer_number=7",
                "peers.real_key=aa",
                "peers.dht_key=bb",
                "peers.name=",
                "trailing=[01]",
                "error.field=peer_response.peers.peer_number",
                "error.offset=141",
                "error.reason=needs 2 bytes, 1 left",
            ]
        );
    }

    #[test]
    fn a_malformed_packet_tells_what_can_be_read_and_what_is_wrong() {
        assert_eq!(
            told(&hex!("63 0001 0002 000000")),
            [
                "id=99",
                "group_number=1",
                "peer_number=2",
                "error.field=message.message_number",
                "error.offset=5",
                "error.reason=needs 4 bytes, 3 left",
            ]
        );
    }

    #[test]
    fn unknown_packets_tell_their_ids_and_keep_their_bytes() {
        assert_eq!(
            told(&hex!("62 0004 07 ff")),
            ["id=98", "group_number=4", "direct_kind=7", "body=[ff]"]
        );
        assert_eq!(told(&hex!("60 09 01 02")), ["id=96", "invite_kind=9", "body=[01, 02]"]);
        assert_eq!(told(&hex!("40 68")), ["id=64", "body=[68]"]);
    }

    #[test]
    fn every_field_of_every_layout_is_in_the_table_under_its_name() {
        let ids = [0x60, 0x61, 0x62, 0x63, 0x64, 0xc7, 0x40];
        for id in ids {
            for kind in 0..=255 {
                let bytes = [id, kind, 0, kind, 0, 0, 0, kind, 0, kind];
                for field in layout::of(&bytes).all_fields() {
                    let name = field.name;
                    assert!(FieldId::of(name).is_some() || name == "peers", "{name}");
                }
            }
        }
    }
}
