//! Title (0x63, message 0x31): "this is the title" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! | 1–128 | title                                                    |
//!
//! c-toxcore reads the title's length modulo 256, so accepts some longer ones cut (B-03); here
//! a longer one is always malformed.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::MAX_TITLE_SIZE;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// "This is the title".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Title<'a> {
    /// The title: 1 to 128 bytes, which are UTF-8 most of the time.
    pub title: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "title",
    head: super::HEAD,
    fields: &[Field::new("title", Shape::Text, "title of the conference")],
};

impl<'a> Title<'a> {
    /// The message id.
    pub const ID: u8 = 0x31;

    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, title) = field("title.title", rest(1, MAX_TITLE_SIZE)).parse(i)?;
        Ok((i, Self { title }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.title);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes, refuses};

    #[test]
    fn a_title_is_read_and_written() {
        let bytes = hex!("63 0001 0002 00000003 31 6869");
        reads_and_writes(&bytes, message(MessageBody::Title(Title { title: b"hi" })), 11);
    }

    #[test]
    fn a_title_that_is_not_utf_8_is_kept() {
        let bytes = hex!("63 0001 0002 00000003 31 ff00c0");
        let title = &[0xff, 0, 0xc0];
        reads_and_writes(&bytes, message(MessageBody::Title(Title { title })), 11);
    }

    #[test]
    fn no_title_is_empty_or_longer_than_128_bytes_whatever_its_length_modulo_256() {
        let head = hex!("63 0001 0002 00000003 31");
        refuses(&head, "title.title at byte 10: needs 1 byte, 0 left");
        for length in 129..1400 {
            let bytes = [&head[..], &vec![b'x'; length]].concat();
            let text = format!("has {length} bytes, at most 128 allowed");
            refuses(&bytes, &format!("title.title at byte 10: {text}"));
        }
    }
}
