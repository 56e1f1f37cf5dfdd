//! Conference packets made of decisions instead of bytes.

use arbitrary::{Arbitrary, Unstructured};

use crate::wire::{LossyBody, MAX_NAME_SIZE, MAX_TITLE_SIZE, MessageBody, Packet};

/// Any packet that can be put together is written, and the bytes are read as the same packet, unless the
/// packet is one that the wire cannot carry; whatever is read of those bytes is written as they are.
pub fn wire_emit(data: &[u8]) {
    let Ok(packet) = Packet::arbitrary(&mut Unstructured::new(data)) else { return };
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    let read = Packet::parse(&bytes);
    assert_eq!(read == Ok(packet), can_be_carried(&packet), "{packet:?} read as {read:?}");
    if let Ok(read) = read {
        let mut again = Vec::new();
        read.emit(&mut again);
        assert_eq!(again, bytes, "{read:?}");
    }
}

/// Texts are as long as they may be, and what is unknown does not go by the id of something known.
fn can_be_carried(packet: &Packet<'_>) -> bool {
    match packet {
        Packet::Unknown(unknown) => !unknown.id.is_conference(),
        Packet::InviteUnknown(unknown) => !matches!(unknown.kind, 0..=2) && unknown.body.len() >= 2,
        Packet::DirectUnknown(unknown) => !matches!(unknown.kind, 1 | 8..=10),
        Packet::TitleResponse(response) => is_title(response.title),
        Packet::Lossy(lossy) => match lossy.body {
            LossyBody::Audio { .. } => true,
            LossyBody::AudioCut(bytes) => bytes.len() < 2,
            LossyBody::Unknown { id, .. } => id != 0xc0,
        },
        Packet::Message(message) => match message.body {
            MessageBody::Name(name) => name.name.len() <= MAX_NAME_SIZE,
            MessageBody::Title(title) => is_title(title.title),
            MessageBody::Chat(chat) => !chat.text.is_empty(),
            MessageBody::Action(action) => !action.text.is_empty(),
            MessageBody::Unknown(unknown) => {
                !matches!(unknown.id, 0x00 | 0x10..=0x12 | 0x30..=0x31 | 0x40..=0x41)
            }
            MessageBody::Ping(_)
            | MessageBody::NewPeer(_)
            | MessageBody::KillPeer(_)
            | MessageBody::FreezePeer(_) => true,
        },
        Packet::Invite(_)
        | Packet::InviteAccepted(_)
        | Packet::InviteMember(_)
        | Packet::Online(_)
        | Packet::PeerIntroduced(_)
        | Packet::PeerQuery(_)
        | Packet::PeerResponse(_)
        | Packet::Rejoin(_) => true,
    }
}

fn is_title(text: &[u8]) -> bool {
    (1..=MAX_TITLE_SIZE).contains(&text.len())
}
