//! Introduced (0x62, kind 1): "I no longer need you to introduce me" (packets §8.3).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x62                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     1 | 0x01                                                     |
//! |    ≥0 | surplus, ignored by receivers                            |
//!
//! Before c-toxcore 0.2.8 it was called "peer leave".

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::GroupNumber;
use crate::wire::layout::{Layout, TRAILING};
use crate::wire::parse::{Parsed, field, rest};

/// "I no longer need you to introduce me".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct PeerIntroduced<'a> {
    /// Index of the conference at the receiver.
    pub group_number: GroupNumber,
    /// Surplus bytes, which receivers ignore.
    pub trailing: &'a [u8],
}

pub(super) static LAYOUT: Layout =
    Layout { name: "peer_introduced", head: super::HEAD, fields: &[TRAILING] };

impl<'a> PeerIntroduced<'a> {
    /// Reads what follows the header.
    #[inline]
    pub(super) fn parse(group_number: GroupNumber, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, trailing) = field("peer_introduced.trailing", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { group_number, trailing }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        super::emit_head(self.group_number, super::INTRODUCED, out);
        out.extend_from_slice(self.trailing);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::{reads_and_writes, refuses};

    #[test]
    fn an_introduced_packet_is_read_and_written() {
        let bytes = hex!("62 0102 01");
        let packet = PeerIntroduced { group_number: GroupNumber(0x0102), trailing: &[] };
        reads_and_writes(&bytes, Packet::PeerIntroduced(packet), 4);
        refuses(&bytes[..3], "direct.direct_kind at byte 3: needs 1 byte, 0 left");
        refuses(&bytes[..2], "direct.group_number at byte 1: needs 2 bytes, 1 left");
    }

    #[test]
    fn surplus_after_an_introduced_packet_is_kept() {
        let bytes = hex!("62 0102 01 00ff");
        let packet = PeerIntroduced { group_number: GroupNumber(0x0102), trailing: &[0, 0xff] };
        reads_and_writes(&bytes, Packet::PeerIntroduced(packet), 4);
    }
}
