//! Invitations (0x60), between friends only (packets §8.1).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x60                                                     |
//! |     1 | kind: 0 invitation, 1 acceptance, 2 already a member     |
//! |  rest | per kind                                                 |

mod accepted;
mod invitation;
mod member;
mod unknown;

use nom::Parser;

pub use accepted::InviteAccepted;
pub use invitation::Invite;
pub use member::InviteMember;
pub use unknown::InviteUnknown;

use super::layout::{Field, Layout, Shape};
use super::packet::End;
use super::parse::{field, u8};
use super::{Malformed, Packet};

const INVITATION: u8 = 0;
const ACCEPTED: u8 = 1;
const MEMBER: u8 = 2;

/// The two ids that all invitations begin with.
const HEAD: &[Field] = &[
    Field::new("id", Shape::U8, "0x60, invitation"),
    Field::new("invite_kind", Shape::U8, "0 invitation, 1 acceptance, 2 already a member"),
];

/// Of the two answers to an invitation.
const RECEIVER_GROUP_NUMBER: Field = Field::new(
    "receiver_group_number",
    Shape::U16,
    "index of the conference at the receiver, copied from its invitation",
);

/// The layout for a kind; without one, of the header.
pub(crate) fn layout(kind: Option<u8>) -> &'static Layout {
    match kind {
        Some(INVITATION) | None => &invitation::LAYOUT,
        Some(ACCEPTED) => &accepted::LAYOUT,
        Some(MEMBER) => &member::LAYOUT,
        Some(_) => &unknown::LAYOUT,
    }
}

/// Reads what follows the packet id.
#[inline]
pub(super) fn parse<'a>(end: End<'a>, i: &'a [u8]) -> Result<Packet<'a>, Malformed<'a>> {
    let (i, kind) = match field("invite.invite_kind", u8).parse(i) {
        Ok(read) => read,
        Err(error) => return Err(end.malformed(error)),
    };
    match kind {
        INVITATION => end.packet(Invite::parse(i), Packet::Invite),
        ACCEPTED => end.packet(InviteAccepted::parse(i), Packet::InviteAccepted),
        MEMBER => end.packet(InviteMember::parse(i), Packet::InviteMember),
        kind => end.packet(InviteUnknown::parse(kind, i), Packet::InviteUnknown),
    }
}
