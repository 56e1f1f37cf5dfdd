//! Group message of another id (0x63): kept; receivers remember its number (packets §9).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! |  rest | body                                                     |

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// A group message of an id that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct UnknownMessage<'a> {
    /// The message id: none of those that have a type here.
    pub id: u8,
    /// What follows.
    pub body: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "message",
    head: super::HEAD,
    fields: &[Field::new("body", Shape::Bytes, "what follows an id that nobody knows")],
};

impl<'a> UnknownMessage<'a> {
    #[inline]
    pub(super) fn parse(id: u8, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, body) = field("message.body", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { id, body }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.body);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes};

    #[test]
    fn a_message_of_another_id_is_kept() {
        let bytes = hex!("63 0001 0002 00000003 42 6869");
        let unknown = UnknownMessage { id: 0x42, body: b"hi" };
        reads_and_writes(&bytes, message(MessageBody::Unknown(unknown)), 10);
    }
}
