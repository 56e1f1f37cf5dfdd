//! Message (0x63, message 0x40): "the author says this" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! |    ≥1 | text                                                     |
//!
//! At most 1363 bytes of text fit what carries them.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// "The author says this".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Chat<'a> {
    /// What the author says: at least 1 byte, which are UTF-8 most of the time.
    pub text: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "chat",
    head: super::HEAD,
    fields: &[Field::new("text", Shape::Text, "what the author says")],
};

impl<'a> Chat<'a> {
    /// The message id.
    pub const ID: u8 = 0x40;

    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, text) = field("chat.text", rest(1, usize::MAX)).parse(i)?;
        Ok((i, Self { text }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.text);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes, refuses};

    #[test]
    fn a_message_is_read_and_written() {
        let bytes = hex!("63 0001 0002 00000003 40 6869");
        reads_and_writes(&bytes, message(MessageBody::Chat(Chat { text: b"hi" })), 11);
    }

    #[test]
    fn a_message_that_is_not_utf_8_is_kept() {
        let bytes = hex!("63 0001 0002 00000003 40 ff00c0");
        let text = &[0xff, 0, 0xc0];
        reads_and_writes(&bytes, message(MessageBody::Chat(Chat { text })), 11);
    }

    #[test]
    fn a_message_has_at_least_one_byte() {
        let head = hex!("63 0001 0002 00000003 40");
        refuses(&head, "chat.text at byte 10: needs 1 byte, 0 left");
    }
}
