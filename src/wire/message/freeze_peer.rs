//! Freeze peer (0x63, message 0x12): "I go away for a while" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! |     2 | peer number, the same as the author's in valid messages  |
//!
//! Exactly 12 bytes. Since c-toxcore 0.2.9.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::PeerNumber;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field};

/// "I go away for a while".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct FreezePeer {
    /// Who goes away; receivers obey only if it is the author.
    pub frozen_peer_number: PeerNumber,
}

pub(super) static LAYOUT: Layout = Layout {
    name: "freeze_peer",
    head: super::HEAD,
    fields: &[Field::new("frozen_peer_number", Shape::U16, "who goes away, the author itself")],
};

impl FreezePeer {
    /// The message id.
    pub const ID: u8 = 0x12;

    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, frozen_peer_number) =
            field("freeze_peer.frozen_peer_number", PeerNumber::parse).parse(i)?;
        let (i, ()) = field("freeze_peer.trailing", end).parse(i)?;
        Ok((i, Self { frozen_peer_number }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        self.frozen_peer_number.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes, refuses};

    const BYTES: [u8; 12] = hex!("63 0001 0002 00000003 12 0002");

    #[test]
    fn a_freeze_message_is_read_and_written() {
        let peer = FreezePeer { frozen_peer_number: PeerNumber(2) };
        reads_and_writes(&BYTES, message(MessageBody::FreezePeer(peer)), 12);
    }

    #[test]
    fn a_freeze_message_has_12_bytes() {
        refuses(&BYTES[..11], "freeze_peer.frozen_peer_number at byte 10: needs 2 bytes, 1 left");
        let long = [&BYTES[..], &[0]].concat();
        refuses(&long, "freeze_peer.trailing at byte 12: 1 byte too many");
    }

    #[test]
    fn a_freeze_message_about_another_than_its_author_is_well_formed() {
        let mut bytes = BYTES;
        bytes[11] = 9;
        let peer = FreezePeer { frozen_peer_number: PeerNumber(9) };
        reads_and_writes(&bytes, message(MessageBody::FreezePeer(peer)), 12);
    }
}
