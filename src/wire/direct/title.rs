//! Title response (0x62, kind 0x0a): "this is the title", after a peer response (packets §8.3).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x62                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     1 | 0x0a                                                     |
//! | 1–128 | title                                                    |
//!
//! c-toxcore reads the title's length modulo 256, so accepts some longer ones cut (B-03); here
//! a longer one is always malformed.

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};
use crate::wire::{GroupNumber, MAX_TITLE_SIZE};

/// "This is the title".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct TitleResponse<'a> {
    /// Index of the conference at the receiver.
    pub group_number: GroupNumber,
    /// The title: 1 to 128 bytes, which are UTF-8 most of the time.
    pub title: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "title_response",
    head: super::HEAD,
    fields: &[Field::new("title", Shape::Text, "title of the conference")],
};

impl<'a> TitleResponse<'a> {
    /// Reads what follows the header.
    #[inline]
    pub(super) fn parse(group_number: GroupNumber, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, title) = field("title_response.title", rest(1, MAX_TITLE_SIZE)).parse(i)?;
        Ok((i, Self { group_number, title }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        super::emit_head(self.group_number, super::TITLE, out);
        out.extend_from_slice(self.title);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::{reads_and_writes, refuses};

    #[test]
    fn a_title_response_is_read_and_written() {
        let bytes = hex!("62 0002 0a 68656c6c6f");
        let packet = TitleResponse { group_number: GroupNumber(2), title: b"hello" };
        reads_and_writes(&bytes, Packet::TitleResponse(packet), 5);
        refuses(&bytes[..4], "title_response.title at byte 4: needs 1 byte, 0 left");
    }

    #[test]
    fn a_title_that_is_not_utf_8_is_kept() {
        let bytes = hex!("62 0002 0a ff00c0");
        let packet = TitleResponse { group_number: GroupNumber(2), title: &[0xff, 0, 0xc0] };
        reads_and_writes(&bytes, Packet::TitleResponse(packet), 5);
    }

    #[test]
    fn no_title_is_longer_than_128_bytes_whatever_its_length_modulo_256() {
        for length in 129..1400 {
            let bytes = [&hex!("62 0002 0a")[..], &vec![b'x'; length]].concat();
            let text = format!("has {length} bytes, at most 128 allowed");
            refuses(&bytes, &format!("title_response.title at byte 4: {text}"));
        }
    }
}
