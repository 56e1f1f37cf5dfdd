//! Capture files to frames: recognises the format and hands out one frame after the other.

use std::io::Read;

use super::buffer::{Buffer, Span};
use super::bytes::Order;
use super::input::{Input, Packing};
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::{Error, Limits, LinkType, Origin};
use crate::time::Timestamp;

/// Most bytes that one frame may have, as libpcap and Wireshark have it (threats row 1).
pub(super) const MAX_FRAME: u32 = 262_144;

/// What a container holds next. Flat, because moving an enum with data of many shapes costs more
/// than reading a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// The data, as a place in the buffer.
    pub(super) data: Span,
    /// Of a frame.
    pub(super) at: Timestamp,
    /// Of a frame.
    pub(super) link: LinkType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Frame,
    Comment,
    Secrets { secrets_type: u32 },
}

impl Item {
    pub(super) fn without_time(kind: Kind, data: Span) -> Self {
        Self { kind, data, at: Timestamp::default(), link: LinkType::NULL }
    }
}

/// A capture file of either format.
pub(super) struct Container<R> {
    pub(super) buffer: Buffer<R>,
    pub(super) format: Format,
}

pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    /// Read to its end or to an error.
    Finished,
}

impl<R: Read> Container<R> {
    pub(super) fn new(input: R, limits: &Limits) -> Result<Self, Error> {
        let mut buffer = Buffer::new(Input::Plain(input));
        buffer.ensure(4)?;
        let Some(packing) = Packing::of(buffer.ready()) else { return Self::recognise(buffer) };
        let (Input::Plain(input), head) = buffer.into_parts() else {
            unreachable!("the buffer was made over a plain input")
        };
        let mut buffer = Buffer::new(Input::packed(packing, head, input, limits.max_decompressed));
        buffer.ensure(4)?;
        let packing = packing.name();
        match Packing::of(buffer.ready()) {
            None if buffer.ready().is_empty() => {
                Err(Error::NotACapture(format!("nothing inside the {packing} data")))
            }
            None => Self::recognise(buffer),
            Some(inner) => Err(Error::NotACapture(format!(
                "{} inside {packing}: only one layer of packing is undone",
                inner.name()
            ))),
        }
    }

    fn recognise(mut buffer: Buffer<R>) -> Result<Self, Error> {
        let format = if let Some(pcap) = Pcap::recognise(&mut buffer)? {
            Format::Pcap(pcap)
        } else if let Some(pcapng) = Pcapng::recognise(&mut buffer)? {
            Format::Pcapng(pcapng)
        } else {
            return Err(Error::NotACapture(describe(buffer.ready())));
        };
        Ok(Self { buffer, format })
    }

    /// The next item; `None` at the end and after an error.
    // For each frame: handing an item over through memory, layer by layer, costs `stats` a third of its time.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<Item>, Error> {
        let next = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.buffer),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.buffer),
            Format::Finished => Ok(None),
        };
        if !matches!(next, Ok(Some(_))) {
            self.format = Format::Finished;
        }
        next
    }

    /// The same where speed matters less.
    #[inline(never)]
    pub(super) fn next_apart(&mut self) -> Result<Option<Item>, Error> {
        self.next()
    }

    /// Whether the next item is there as a whole, without reading more; false when in doubt.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        match &self.format {
            Format::Pcap(pcap) => pcap.is_ready(&self.buffer),
            Format::Pcapng(pcapng) => pcapng.is_ready(&self.buffer),
            Format::Finished => true,
        }
    }

    /// The data of an item, until the next call of [`Self::next`].
    #[inline]
    pub(super) fn data(&self, span: Span) -> &[u8] {
        self.buffer.slice(span)
    }

    /// Counts a frame and says where it is.
    #[inline]
    pub(super) fn count_frame(&mut self, data: Span) -> Origin {
        self.buffer.count_frame(data.start)
    }

    pub(super) fn frames(&self) -> u64 {
        self.buffer.frames
    }
}

/// Says in one sentence what an input is that is no capture.
fn describe(head: &[u8]) -> String {
    let known = match head {
        [] => "the input is empty",
        [_] | [_, _] | [_, _, _] => "the input is too short to tell what it is",
        [0xfd, b'7', b'z', b'X', ..] => "it is packed with xz; unpack it first",
        [b'B', b'Z', b'h', ..] => "it is packed with bzip2; unpack it first",
        [0x04, 0x22, 0x4d, 0x18, ..] => "it is packed with lz4; unpack it first",
        [b'P', b'K', 3, 4, ..] => "it is a zip archive; unpack it first",
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => "it begins like pcapng but has no byte-order magic",
        _ if looks_like_text(head) => "it looks like text",
        [a, b, c, d, ..] => {
            return format!(
                "it begins with {a:02x} {b:02x} {c:02x} {d:02x}, not like pcap or pcapng"
            );
        }
    };
    known.into()
}

fn looks_like_text(head: &[u8]) -> bool {
    let head = head.get(..head.len().min(512)).unwrap_or_default();
    let valid = match str::from_utf8(head) {
        Ok(text) => text,
        // A character may be cut at the end of what was looked at.
        Err(error) if error.error_len().is_none() => {
            head.get(..error.valid_up_to()).and_then(|h| str::from_utf8(h).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.contains(|c: char| c.is_control() && !c.is_whitespace())
}

/// Reads the four bytes that tell format and byte order.
pub(super) fn magic(head: &[u8], order: Order) -> Option<u32> {
    super::bytes::Fields { bytes: head, order }.u32()
}
