//! Kill peer (0x63, message 0x11): "I leave for good" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! |     2 | peer number, the same as the author's in valid messages  |
//!
//! Exactly 12 bytes.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::PeerNumber;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field};

/// "I leave for good".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct KillPeer {
    /// Who leaves; receivers obey only if it is the author.
    pub killed_peer_number: PeerNumber,
}

pub(super) static LAYOUT: Layout = Layout {
    name: "kill_peer",
    head: super::HEAD,
    fields: &[Field::new("killed_peer_number", Shape::U16, "who leaves, the author itself")],
};

impl KillPeer {
    /// The message id.
    pub const ID: u8 = 0x11;

    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, killed_peer_number) =
            field("kill_peer.killed_peer_number", PeerNumber::parse).parse(i)?;
        let (i, ()) = field("kill_peer.trailing", end).parse(i)?;
        Ok((i, Self { killed_peer_number }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        self.killed_peer_number.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes, refuses};

    const BYTES: [u8; 12] = hex!("63 0001 0002 00000003 11 0002");

    #[test]
    fn a_kill_message_is_read_and_written() {
        let peer = KillPeer { killed_peer_number: PeerNumber(2) };
        reads_and_writes(&BYTES, message(MessageBody::KillPeer(peer)), 12);
    }

    #[test]
    fn a_kill_message_has_12_bytes() {
        refuses(&BYTES[..11], "kill_peer.killed_peer_number at byte 10: needs 2 bytes, 1 left");
        let long = [&BYTES[..], &[0]].concat();
        refuses(&long, "kill_peer.trailing at byte 12: 1 byte too many");
    }

    #[test]
    fn a_kill_message_about_another_than_its_author_is_well_formed() {
        let mut bytes = BYTES;
        bytes[11] = 9;
        let peer = KillPeer { killed_peer_number: PeerNumber(9) };
        reads_and_writes(&bytes, message(MessageBody::KillPeer(peer)), 12);
    }
}
