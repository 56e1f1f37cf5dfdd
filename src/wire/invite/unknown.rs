//! Invitation of another kind (0x60): kept, ignored by receivers (packets §9).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x60                                                     |
//! |     1 | kind: 3 to 255                                           |
//! |    ≥2 | body                                                     |
//!
//! At least 4 bytes, like every conference packet.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::DataId;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// An invitation of a kind that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct InviteUnknown<'a> {
    /// The second byte: 3 to 255.
    pub kind: u8,
    /// What follows: at least 2 bytes.
    pub body: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "invite_unknown",
    head: super::HEAD,
    fields: &[Field::new("body", Shape::Bytes, "what follows a kind that nobody knows")],
};

impl<'a> InviteUnknown<'a> {
    /// Reads what follows the two ids.
    #[inline]
    pub(super) fn parse(kind: u8, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, body) = field("invite_unknown.body", rest(2, usize::MAX)).parse(i)?;
        Ok((i, Self { kind, body }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([DataId::CONFERENCE_INVITE.0, self.kind]);
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
    fn an_invitation_of_another_kind_is_kept() {
        let bytes = hex!("60 03 0000 ff");
        let unknown = InviteUnknown { kind: 3, body: &bytes[2..] };
        reads_and_writes(&bytes, Packet::InviteUnknown(unknown), 4);
        refuses(&bytes[..3], "invite_unknown.body at byte 2: needs 2 bytes, 1 left");
    }
}
