//! What the tests of this room share.

use super::{
    ConferenceId, GroupMessage, GroupNumber, MessageBody, MessageNumber, Packet, PeerNumber,
    PublicKey, layout,
};

pub(crate) const ID: ConferenceId = ConferenceId(counting_from(0xa0));
pub(crate) const REAL_KEY: PublicKey = PublicKey(counting_from(0xc0));
pub(crate) const DHT_KEY: PublicKey = PublicKey(counting_from(0xe0));

const fn counting_from(first: u8) -> [u8; 32] {
    let mut bytes = [first; 32];
    let mut i = 1;
    while i < 32 {
        bytes[i] += i as u8;
        i += 1;
    }
    bytes
}

/// `63 0001 0002 00000003` and a body.
pub(crate) fn message(body: MessageBody<'_>) -> Packet<'_> {
    Packet::Message(GroupMessage {
        group_number: GroupNumber(1),
        peer_number: PeerNumber(2),
        message_number: MessageNumber(3),
        body,
    })
}

/// `bytes` are `packet`, are written back the same, and can be cut down to `least` bytes.
pub(crate) fn reads_and_writes(bytes: &[u8], packet: Packet<'_>, least: usize) {
    assert_eq!(Packet::parse(bytes), Ok(packet));
    let mut out = Vec::new();
    packet.emit(&mut out);
    assert_eq!(out, bytes);
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        match Packet::parse(cut) {
            Ok(packet) => {
                assert!(length >= least, "{length} bytes are enough");
                out.clear();
                packet.emit(&mut out);
                assert_eq!(out, cut);
            }
            Err(malformed) => {
                assert!(length < least, "{length} bytes are not enough: {malformed}");
                assert_eq!(malformed.bytes, cut);
                agrees_with_its_layout(cut);
            }
        }
    }
}

/// `bytes` are malformed, with this complaint.
pub(crate) fn refuses(bytes: &[u8], complaint: &str) {
    assert_eq!(Packet::parse(bytes).unwrap_err().to_string(), complaint);
    agrees_with_its_layout(bytes);
}

/// The fault is in the field where the layout's walk ends or turns to surplus.
pub(crate) fn agrees_with_its_layout(bytes: &[u8]) {
    let malformed = Packet::parse(bytes).unwrap_err();
    let layout = layout::of(bytes);
    let mut offset = 0;
    let mut fields = layout.all_fields();
    let field = loop {
        let Some(field) = fields.next() else { break "trailing" };
        match field.shape.size() {
            Some(size) if offset + size <= bytes.len() => offset += size,
            _ => break field.name,
        }
    };
    assert_eq!(malformed.error.field, format!("{}.{field}", layout.name), "{malformed}");
    assert_eq!(malformed.error.offset, offset, "{malformed}");
}
