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

use super::Packet;
use super::layout::{Field, Layout, Shape};
use super::parse::{Parsed, field, u8};

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
pub(super) fn parse(i: &[u8]) -> Parsed<'_, Packet<'_>> {
    let (i, kind) = field("invite.invite_kind", u8).parse(i)?;
    match kind {
        INVITATION => Invite::parse.map(Packet::Invite).parse(i),
        ACCEPTED => InviteAccepted::parse.map(Packet::InviteAccepted).parse(i),
        MEMBER => InviteMember::parse.map(Packet::InviteMember).parse(i),
        kind => InviteUnknown::parse(kind, i).map(|(i, it)| (i, Packet::InviteUnknown(it))),
    }
}
