//! Any other data id: kept as it is.
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | data id                                                  |
//! |  rest | body                                                     |

use super::DataId;
use super::layout::{Field, Layout, Shape};
use super::parse::Parsed;
use arbitrary::Arbitrary;

/// A packet whose id is none of a conference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Unknown<'a> {
    /// Its first byte.
    pub id: DataId,
    /// What follows.
    pub body: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "packet",
    head: &[],
    fields: &[
        Field::new("id", Shape::U8, "data id, which is none of a conference's"),
        Field::new("body", Shape::Bytes, "what follows the id"),
    ],
};

impl<'a> Unknown<'a> {
    /// Reads what follows the packet id.
    #[inline]
    pub(super) fn parse(id: u8, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, body) = nom::combinator::rest(i)?;
        Ok((i, Self { id: DataId(id), body }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.id.0);
        out.extend_from_slice(self.body);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::{reads_and_writes, refuses};

    #[test]
    fn packets_of_other_ids_are_kept() {
        let bytes = hex!("40 6869 ff00");
        let unknown = Unknown { id: DataId(0x40), body: &bytes[1..] };
        reads_and_writes(&bytes, Packet::Unknown(unknown), 1);
    }

    #[test]
    fn nothing_at_all_is_no_packet() {
        refuses(&[], "packet.id at byte 0: needs 1 byte, 0 left");
    }
}
