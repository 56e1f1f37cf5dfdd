//! Acceptance (0x60, kind 1): "I join; reach me under this number" (packets §8.1).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x60                                                     |
//! |     1 | 0x01                                                     |
//! |     2 | group number, as the sender counts                       |
//! |     2 | group number at the receiver, copied from its invitation |
//! |    33 | conference: one byte of type, 32 random                  |
//!
//! Exactly 39 bytes.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::conference::{self, conference};
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field};
use crate::wire::{Conference, DataId, GroupNumber};

/// "I join; reach me under this number".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct InviteAccepted {
    /// Index of the conference at the sender, the new member.
    pub group_number: GroupNumber,
    /// Index of the conference at the receiver, copied from its invitation.
    pub receiver_group_number: GroupNumber,
    /// The conference.
    pub conference: Conference,
}

pub(super) static LAYOUT: Layout = Layout {
    name: "invite_accepted",
    head: super::HEAD,
    fields: &[
        Field::new("group_number", Shape::U16, "index of the conference at the sender"),
        super::RECEIVER_GROUP_NUMBER,
        conference::TYPE,
        conference::ID,
    ],
};

impl InviteAccepted {
    /// Reads what follows the two ids.
    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, group_number) =
            field("invite_accepted.group_number", GroupNumber::parse).parse(i)?;
        let (i, receiver_group_number) =
            field("invite_accepted.receiver_group_number", GroupNumber::parse).parse(i)?;
        let (i, conference) =
            conference("invite_accepted.conference_type", "invite_accepted.conference_id")
                .parse(i)?;
        let (i, ()) = field("invite_accepted.trailing", end).parse(i)?;
        Ok((i, Self { group_number, receiver_group_number, conference }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([DataId::CONFERENCE_INVITE.0, super::ACCEPTED]);
        self.group_number.emit(out);
        self.receiver_group_number.emit(out);
        self.conference.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::testing::{ID, reads_and_writes, refuses};
    use crate::wire::{ConferenceType, Packet};

    const BYTES: [u8; 39] =
        hex!("60 01 0003 0004 01 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf");

    #[test]
    fn an_acceptance_is_read_and_written() {
        let accepted = InviteAccepted {
            group_number: GroupNumber(3),
            receiver_group_number: GroupNumber(4),
            conference: Conference { kind: ConferenceType::AUDIO, id: ID },
        };
        reads_and_writes(&BYTES, Packet::InviteAccepted(accepted), 39);
    }

    #[test]
    fn an_acceptance_has_39_bytes() {
        refuses(
            &BYTES[..5],
            "invite_accepted.receiver_group_number at byte 4: needs 2 bytes, 1 left",
        );
        refuses(&BYTES[..37], "invite_accepted.conference_id at byte 7: needs 32 bytes, 30 left");
        let long = [&BYTES[..], &[0; 2]].concat();
        refuses(&long, "invite_accepted.trailing at byte 39: 2 bytes too many");
    }
}
