//! Invitation (0x60, kind 0): "join this conference" (packets §8.1).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x60                                                     |
//! |     1 | 0x00                                                     |
//! |     2 | group number, as the sender counts                       |
//! |    33 | conference: one byte of type, 32 random                  |
//!
//! Exactly 37 bytes.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::conference::{self, conference};
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field};
use crate::wire::{Conference, DataId, GroupNumber};

/// "Join this conference".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Invite {
    /// Index of the conference at the sender.
    pub group_number: GroupNumber,
    /// The conference.
    pub conference: Conference,
}

pub(super) static LAYOUT: Layout = Layout {
    name: "invite",
    head: super::HEAD,
    fields: &[
        Field::new("group_number", Shape::U16, "index of the conference at the sender"),
        conference::TYPE,
        conference::ID,
    ],
};

impl Invite {
    /// Reads what follows the two ids.
    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, group_number) = field("invite.group_number", GroupNumber::parse).parse(i)?;
        let (i, conference) =
            conference("invite.conference_type", "invite.conference_id").parse(i)?;
        let (i, ()) = field("invite.trailing", end).parse(i)?;
        Ok((i, Self { group_number, conference }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([DataId::CONFERENCE_INVITE.0, super::INVITATION]);
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

    const BYTES: [u8; 37] =
        hex!("60 00 0003 00 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");

    #[test]
    fn an_invitation_is_read_and_written() {
        let invite = Invite {
            group_number: GroupNumber(3),
            conference: Conference { kind: ConferenceType::TEXT, id: ID },
        };
        reads_and_writes(&BYTES, Packet::Invite(invite), 37);
    }

    #[test]
    fn an_invitation_has_37_bytes() {
        refuses(&BYTES[..1], "invite.invite_kind at byte 1: needs 1 byte, 0 left");
        refuses(&BYTES[..3], "invite.group_number at byte 2: needs 2 bytes, 1 left");
        refuses(&BYTES[..4], "invite.conference_type at byte 4: needs 1 byte, 0 left");
        refuses(&BYTES[..36], "invite.conference_id at byte 5: needs 32 bytes, 31 left");
        let long = [&BYTES[..], &[1, 2]].concat();
        refuses(&long, "invite.trailing at byte 37: 2 bytes too many");
    }

    #[test]
    fn a_conference_type_that_nobody_knows_is_kept() {
        let mut bytes = BYTES;
        bytes[4] = 0xfe;
        let invite = Invite {
            group_number: GroupNumber(3),
            conference: Conference { kind: ConferenceType(0xfe), id: ID },
        };
        reads_and_writes(&bytes, Packet::Invite(invite), 37);
    }
}
