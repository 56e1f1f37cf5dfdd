//! A frame of the stream to or from a relay (packets §6.2).
//!
//! | Bytes | Field                                                        |
//! |------:|--------------------------------------------------------------|
//! |     2 | length of what follows: 17 to 2048; another ends everything  |
//! |   ≥17 | sealed with the temporary keys of both: a packet             |
//!
//! No nonce is on the wire: frame number i of a direction uses the base nonce of its sender + i.

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, fail, field, take, u16, whole};
use crate::wire::{Fault, Reason};

/// A frame. 19 to 2050 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayFrame<'a> {
    /// The box over a [`RelayPacket`](super::RelayPacket): 17 to 2048 bytes, its tag of 16 included.
    pub sealed: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "relay_frame",
    head: &[],
    fields: &[
        Field::new("length", Shape::U16, "length of what follows"),
        Field::new("sealed", Shape::Bytes, "box between the temporary keys of client and relay"),
    ],
};

impl<'a> RelayFrame<'a> {
    /// Size of the length in front, in bytes.
    pub const HEAD: usize = 2;
    /// The least and the most bytes that are sealed, tag included.
    pub const SEALED: std::ops::RangeInclusive<usize> = 17..=2048;

    /// The size in bytes of the whole frame that begins so.
    ///
    /// # Errors
    ///
    /// The fault, if no frame has that length.
    pub fn size(head: [u8; 2]) -> Result<usize, Fault> {
        whole(&head, length).map(|length| Self::HEAD + length)
    }

    /// Reads a whole frame.
    ///
    /// # Errors
    ///
    /// The fault, if no frame has that length, or if the bytes are more or fewer.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Fault> {
        whole(frame, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, length) = length(i)?;
        let (i, sealed) = field("relay_frame.sealed", take(length)).parse(i)?;
        let (i, ()) = field("relay_frame.trailing", end).parse(i)?;
        Ok((i, Self { sealed }))
    }

    /// Writes the frame; the exact inverse of [`Self::parse`].
    ///
    /// # Panics
    ///
    /// If more is sealed than a frame may have.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.sealed.len()).expect("frames have at most 2048 bytes");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(self.sealed);
    }
}

fn length(i: &[u8]) -> Parsed<'_, usize> {
    let (least, most) = (*RelayFrame::SEALED.start(), *RelayFrame::SEALED.end());
    let length = |at| {
        let (rest, length) = u16(at)?;
        match usize::from(length) {
            left if left < least => fail(at, Reason::TooShort { needs: least, left }),
            length if length > most => fail(at, Reason::TooLong { length, most }),
            length => Ok((rest, length)),
        }
    };
    field("relay_frame.length", length).parse(i)
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn a_frame_is_read_and_written() {
        let bytes = hex!("0011 3333333333333333333333333333333344");
        let frame = RelayFrame { sealed: &bytes[2..] };
        assert_eq!(RelayFrame::parse(&bytes), Ok(frame));
        assert_eq!(RelayFrame::size([0, 0x11]), Ok(19));
        let mut out = Vec::new();
        frame.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..bytes.len() {
            assert!(RelayFrame::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(RelayFrame::parse(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn a_frame_seals_17_to_2048_bytes() {
        for length in 0..=u16::MAX {
            let size = RelayFrame::size(length.to_be_bytes());
            let fits = (17..=2048).contains(&length);
            assert_eq!(size.ok(), fits.then_some(usize::from(length) + 2));
        }
        let fault = |length: u16| RelayFrame::size(length.to_be_bytes()).unwrap_err().to_string();
        assert_eq!(fault(16), "relay_frame.length at byte 0: needs 17 bytes, 16 left");
        assert_eq!(
            fault(2049),
            "relay_frame.length at byte 0: has 2049 bytes, at most 2048 allowed"
        );
    }
}
