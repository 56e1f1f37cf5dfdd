//! Direct packet of another kind (0x62): kept, ignored by receivers (packets §9).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x62                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     1 | kind: none of 1, 8, 9, 10                                |
//! |  rest | body                                                     |

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::GroupNumber;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// A direct packet of a kind that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct DirectUnknown<'a> {
    /// Index of the conference at the receiver.
    pub group_number: GroupNumber,
    /// The fourth byte: none of 1, 8, 9, 10.
    pub kind: u8,
    /// What follows.
    pub body: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "direct",
    head: super::HEAD,
    fields: &[Field::new("body", Shape::Bytes, "what follows a kind that nobody knows")],
};

impl<'a> DirectUnknown<'a> {
    /// Reads what follows the header.
    #[inline]
    pub(super) fn parse(group_number: GroupNumber, kind: u8, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, body) = field("direct.body", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { group_number, kind, body }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        super::emit_head(self.group_number, self.kind, out);
        out.extend_from_slice(self.body);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::reads_and_writes;

    #[test]
    fn a_direct_packet_of_another_kind_is_kept() {
        let bytes = hex!("62 0001 04 ff");
        let packet = DirectUnknown { group_number: GroupNumber(1), kind: 4, body: &[0xff] };
        reads_and_writes(&bytes, Packet::DirectUnknown(packet), 4);
    }
}
