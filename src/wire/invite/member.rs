//! Already a member (0x60, kind 2): "I am in there already, as this peer" (packets §8.1).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x60                                                     |
//! |     1 | 0x02                                                     |
//! |     2 | group number, as the sender counts                       |
//! |     2 | group number at the receiver, copied from its invitation |
//! |    33 | conference: one byte of type, 32 random                  |
//! |     2 | peer number of the sender                                |
//!
//! Exactly 41 bytes. Since c-toxcore 0.2.11; the specification does not have it (D-010).

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::conference::{self, conference};
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field};
use crate::wire::{Conference, DataId, GroupNumber, PeerNumber};

/// "I am in there already, as this peer".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct InviteMember {
    /// Index of the conference at the sender.
    pub group_number: GroupNumber,
    /// Index of the conference at the receiver, copied from its invitation.
    pub receiver_group_number: GroupNumber,
    /// The conference.
    pub conference: Conference,
    /// The sender's number in the conference.
    pub peer_number: PeerNumber,
}

pub(super) static LAYOUT: Layout = Layout {
    name: "invite_member",
    head: super::HEAD,
    fields: &[
        Field::new("group_number", Shape::U16, "index of the conference at the sender"),
        super::RECEIVER_GROUP_NUMBER,
        conference::TYPE,
        conference::ID,
        Field::new("peer_number", Shape::U16, "the sender's number in the conference"),
    ],
};

impl InviteMember {
    /// Reads what follows the two ids.
    #[inline]
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, group_number) = field("invite_member.group_number", GroupNumber::parse).parse(i)?;
        let (i, receiver_group_number) =
            field("invite_member.receiver_group_number", GroupNumber::parse).parse(i)?;
        let (i, conference) =
            conference("invite_member.conference_type", "invite_member.conference_id").parse(i)?;
        let (i, peer_number) = field("invite_member.peer_number", PeerNumber::parse).parse(i)?;
        let (i, ()) = field("invite_member.trailing", end).parse(i)?;
        Ok((i, Self { group_number, receiver_group_number, conference, peer_number }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([DataId::CONFERENCE_INVITE.0, super::MEMBER]);
        self.group_number.emit(out);
        self.receiver_group_number.emit(out);
        self.conference.emit(out);
        self.peer_number.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::testing::{ID, reads_and_writes, refuses};
    use crate::wire::{ConferenceType, Packet};

    const BYTES: [u8; 41] = hex!(
        "60 02 0003 0004 01"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
        "0005"
    );

    #[test]
    fn a_member_packet_is_read_and_written() {
        let member = InviteMember {
            group_number: GroupNumber(3),
            receiver_group_number: GroupNumber(4),
            conference: Conference { kind: ConferenceType::AUDIO, id: ID },
            peer_number: PeerNumber(5),
        };
        reads_and_writes(&BYTES, Packet::InviteMember(member), 41);
    }

    #[test]
    fn a_member_packet_has_41_bytes() {
        refuses(&BYTES[..39], "invite_member.peer_number at byte 39: needs 2 bytes, 0 left");
        let long = [&BYTES[..], &[0]].concat();
        refuses(&long, "invite_member.trailing at byte 41: 1 byte too many");
    }
}
