//! New peer (0x63, message 0x10): "this one joins" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! |     2 | peer number of the new member                            |
//! |    32 | its real public key                                      |
//! |    32 | its DHT public key                                       |
//!
//! Exactly 76 bytes.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field};
use crate::wire::{PeerNumber, PublicKey};

/// "This one joins".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct NewPeer {
    /// The new member's number in the conference.
    pub new_peer_number: PeerNumber,
    /// Its real (long-term) public key.
    pub real_key: PublicKey,
    /// Its DHT public key.
    pub dht_key: PublicKey,
}

pub(super) static LAYOUT: Layout = Layout {
    name: "new_peer",
    head: super::HEAD,
    fields: &[
        Field::new("new_peer_number", Shape::U16, "the new member's number in the conference"),
        Field::new("real_key", Shape::Key, "the new member's long-term public key"),
        Field::new("dht_key", Shape::Key, "the new member's DHT public key"),
    ],
};

impl NewPeer {
    /// The message id.
    pub const ID: u8 = 0x10;

    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, new_peer_number) = field("new_peer.new_peer_number", PeerNumber::parse).parse(i)?;
        let (i, real_key) = field("new_peer.real_key", PublicKey::parse).parse(i)?;
        let (i, dht_key) = field("new_peer.dht_key", PublicKey::parse).parse(i)?;
        let (i, ()) = field("new_peer.trailing", end).parse(i)?;
        Ok((i, Self { new_peer_number, real_key, dht_key }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        self.new_peer_number.emit(out);
        self.real_key.emit(out);
        self.dht_key.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{DHT_KEY, REAL_KEY, message, reads_and_writes, refuses};

    const BYTES: [u8; 76] = hex!(
        "63 0001 0002 00000003 10"
        "0004"
        "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    );

    #[test]
    fn a_new_peer_is_read_and_written() {
        let peer = NewPeer { new_peer_number: PeerNumber(4), real_key: REAL_KEY, dht_key: DHT_KEY };
        reads_and_writes(&BYTES, message(MessageBody::NewPeer(peer)), 76);
    }

    #[test]
    fn a_new_peer_has_76_bytes() {
        refuses(&BYTES[..10], "new_peer.new_peer_number at byte 10: needs 2 bytes, 0 left");
        refuses(&BYTES[..13], "new_peer.real_key at byte 12: needs 32 bytes, 1 left");
        refuses(&BYTES[..75], "new_peer.dht_key at byte 44: needs 32 bytes, 31 left");
        let long = [&BYTES[..], &[0]].concat();
        refuses(&long, "new_peer.trailing at byte 76: 1 byte too many");
    }
}
