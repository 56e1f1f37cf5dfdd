//! Online (0x61): "this conference is open here; reach it under this number" (packets §8.2).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x61                                                     |
//! |     2 | group number, as the sender counts                       |
//! |    33 | conference: one byte of type, 32 random                  |
//!
//! Exactly 36 bytes.

use arbitrary::Arbitrary;
use nom::Parser;

use super::conference::{self, conference};
use super::layout::{Field, Layout, Shape};
use super::parse::{Parsed, end, field};
use super::{Conference, DataId, GroupNumber};

/// "This conference is open here; reach it under this number".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Online {
    /// Index of the conference at the sender.
    pub group_number: GroupNumber,
    /// The conference.
    pub conference: Conference,
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "online",
    head: &[],
    fields: &[
        Field::new("id", Shape::U8, "0x61, online"),
        Field::new("group_number", Shape::U16, "index of the conference at the sender"),
        conference::TYPE,
        conference::ID,
    ],
};

impl Online {
    /// Reads what follows the packet id.
    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, group_number) = field("online.group_number", GroupNumber::parse).parse(i)?;
        let (i, conference) =
            conference("online.conference_type", "online.conference_id").parse(i)?;
        let (i, ()) = field("online.trailing", end).parse(i)?;
        Ok((i, Self { group_number, conference }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(DataId::CONFERENCE_ONLINE.0);
        self.group_number.emit(out);
        self.conference.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::testing::{ID, reads_and_writes, refuses};
    use crate::wire::{ConferenceType, Packet};

    const BYTES: [u8; 36] =
        hex!("61 0102 01 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");

    #[test]
    fn an_online_packet_is_read_and_written() {
        let online = Online {
            group_number: GroupNumber(0x0102),
            conference: Conference { kind: ConferenceType::AUDIO, id: ID },
        };
        reads_and_writes(&BYTES, Packet::Online(online), 36);
    }

    #[test]
    fn an_online_packet_has_36_bytes() {
        refuses(&[0x61], "online.group_number at byte 1: needs 2 bytes, 0 left");
        refuses(&BYTES[..35], "online.conference_id at byte 4: needs 32 bytes, 31 left");
        let long = [&BYTES[..], &[0]].concat();
        refuses(&long, "online.trailing at byte 36: 1 byte too many");
    }
}
