//! Rejoin (0x64): "take me back into this conference" (packets §8.5).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x64                                                     |
//! |    33 | conference: one byte of type, 32 random                  |
//! |    ≥0 | surplus, ignored by receivers                            |
//!
//! There is no group number: neither side knows the other's at that moment.

use arbitrary::Arbitrary;
use nom::Parser;

use super::conference::{self, conference};
use super::layout::{Field, Layout, Shape};
use super::parse::{Parsed, field, rest};
use super::{Conference, DataId};

/// "Take me back into this conference".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Rejoin<'a> {
    /// The conference.
    pub conference: Conference,
    /// Surplus bytes, which receivers ignore.
    pub trailing: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "rejoin",
    head: &[],
    fields: &[
        Field::new("id", Shape::U8, "0x64, rejoin"),
        conference::TYPE,
        conference::ID,
        super::layout::TRAILING,
    ],
};

impl<'a> Rejoin<'a> {
    /// Reads what follows the packet id.
    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, conference) =
            conference("rejoin.conference_type", "rejoin.conference_id").parse(i)?;
        let (i, trailing) = field("rejoin.trailing", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { conference, trailing }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(DataId::CONFERENCE_REJOIN.0);
        self.conference.emit(out);
        out.extend_from_slice(self.trailing);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::testing::{ID, reads_and_writes, refuses};
    use crate::wire::{ConferenceType, Packet};

    const BYTES: [u8; 37] =
        hex!("64 00 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf 0000ff");

    #[test]
    fn a_rejoin_is_read_and_written() {
        let conference = Conference { kind: ConferenceType::TEXT, id: ID };
        reads_and_writes(&BYTES[..34], Packet::Rejoin(Rejoin { conference, trailing: &[] }), 34);
    }

    #[test]
    fn surplus_after_a_rejoin_is_kept() {
        let conference = Conference { kind: ConferenceType::TEXT, id: ID };
        let trailing = &[0x00, 0x00, 0xff];
        reads_and_writes(&BYTES, Packet::Rejoin(Rejoin { conference, trailing }), 34);
    }

    #[test]
    fn a_rejoin_needs_34_bytes() {
        refuses(&BYTES[..33], "rejoin.conference_id at byte 2: needs 32 bytes, 31 left");
        refuses(&BYTES[..1], "rejoin.conference_type at byte 1: needs 1 byte, 0 left");
    }
}
