//! Peer query (0x62, kind 8): "who is in this conference?" (packets §8.3).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x62                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     1 | 0x08                                                     |
//! |    ≥0 | surplus, ignored by receivers                            |

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::GroupNumber;
use crate::wire::layout::{Layout, TRAILING};
use crate::wire::parse::{Parsed, field, rest};

/// "Who is in this conference?"
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct PeerQuery<'a> {
    /// Index of the conference at the receiver.
    pub group_number: GroupNumber,
    /// Surplus bytes, which receivers ignore.
    pub trailing: &'a [u8],
}

pub(super) static LAYOUT: Layout =
    Layout { name: "peer_query", head: super::HEAD, fields: &[TRAILING] };

impl<'a> PeerQuery<'a> {
    /// Reads what follows the header.
    #[inline]
    pub(super) fn parse(group_number: GroupNumber, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, trailing) = field("peer_query.trailing", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { group_number, trailing }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        super::emit_head(self.group_number, super::QUERY, out);
        out.extend_from_slice(self.trailing);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::reads_and_writes;

    #[test]
    fn a_query_is_read_and_written() {
        let bytes = hex!("62 0000 08");
        let packet = PeerQuery { group_number: GroupNumber(0), trailing: &[] };
        reads_and_writes(&bytes, Packet::PeerQuery(packet), 4);
    }

    #[test]
    fn surplus_after_a_query_is_kept() {
        let bytes = hex!("62 0000 08 08");
        let packet = PeerQuery { group_number: GroupNumber(0), trailing: &[8] };
        reads_and_writes(&bytes, Packet::PeerQuery(packet), 4);
    }
}
