//! Name (0x63, message 0x30): "this is my name" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! | 0–128 | name                                                     |
//!
//! An empty name is legal: it takes the name away.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::MAX_NAME_SIZE;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// "This is my name".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Name<'a> {
    /// The author's name: 0 to 128 bytes, which are UTF-8 most of the time.
    pub name: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "name",
    head: super::HEAD,
    fields: &[Field::new("name", Shape::Text, "new name of the author")],
};

impl<'a> Name<'a> {
    /// The message id.
    pub const ID: u8 = 0x30;

    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, name) = field("name.name", rest(0, MAX_NAME_SIZE)).parse(i)?;
        Ok((i, Self { name }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes, refuses};

    #[test]
    fn a_name_is_read_and_written() {
        let bytes = hex!("63 0001 0002 00000003 30 6869");
        reads_and_writes(&bytes, message(MessageBody::Name(Name { name: b"hi" })), 10);
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_kept() {
        let bytes = hex!("63 0001 0002 00000003 30 ff00c0");
        let name = &[0xff, 0, 0xc0];
        reads_and_writes(&bytes, message(MessageBody::Name(Name { name })), 10);
    }

    #[test]
    fn a_name_has_at_most_128_bytes() {
        let head = hex!("63 0001 0002 00000003 30");
        let name = &[b'x'; 129];
        let whole = [&head[..], name].concat();
        reads_and_writes(&whole[..138], message(MessageBody::Name(Name { name: &name[1..] })), 10);
        refuses(&whole, "name.name at byte 10: has 129 bytes, at most 128 allowed");
    }
}
