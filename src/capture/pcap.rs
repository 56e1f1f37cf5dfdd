//! pcap: one file header, then records of one link type.
//!
//! Sources: "PCAP Capture File Format" (draft-ietf-opsawg-pcap) and, for the modified variant, the
//! manual page pcap-savefile(5).
//!
//! | Bytes | File header                                            |
//! |------:|--------------------------------------------------------|
//! |     4 | magic: byte order, time resolution, variant            |
//! |   2+2 | version, major and minor                               |
//! |   4+4 | reserved                                               |
//! |     4 | snap length                                            |
//! |     4 | link type in the low 16 bits, frame check length above |
//!
//! | Bytes | Record header                                   |
//! |------:|-------------------------------------------------|
//! |   4+4 | time stamp: seconds, micro- or nanoseconds      |
//! |     4 | captured length                                 |
//! |     4 | original length                                 |
//! |     8 | modified only: interface, protocol, packet type |

use std::io::Read;

use super::buffer::Buffer;
use super::bytes::{Fields, Order};
use super::container::{Frame, Item, MAX_FRAME, count, magic};
use super::{Error, LinkType};
use crate::time::Timestamp;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Kuznetzov's variant with longer record headers.
const MODIFIED: u32 = 0xa1b2_cd34;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const MODIFIED_RECORD_HEADER: usize = 24;

/// What the file header says.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in one unit of the fraction of a second.
    unit: i64,
    record_header: usize,
    link: LinkType,
    lengths: Lengths,
}

/// Which of a record's two lengths comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    /// Before version 2.3.
    OriginalFirst,
    /// Version 2.3, written by programs of both minds: the smaller one is the captured length.
    Either,
}

impl Pcap {
    /// Reads the file header if it is one.
    pub(super) fn recognise<R: Read>(buffer: &mut Buffer<R>) -> Result<Option<Self>, Error> {
        let order = |order| {
            let magic = magic(buffer.ready(), order)?;
            matches!(magic, MICROSECONDS | NANOSECONDS | MODIFIED).then_some((order, magic))
        };
        let Some((order, magic)) = order(Order::Little).or_else(|| order(Order::Big)) else {
            return Ok(None);
        };
        if !buffer.ensure(FILE_HEADER)? {
            return Err(buffer.cut_short("the file header", FILE_HEADER));
        }
        let Some(header) = FileHeader::read(buffer.ready(), order) else {
            return Err(buffer.cut_short("the file header", FILE_HEADER));
        };
        let lengths = match header.version {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::Either,
            (2, 4) => Lengths::CapturedFirst,
            (major, minor) => {
                return Err(buffer.damaged(format!("pcap version {major}.{minor} is not known")));
            }
        };
        if header.link & 0x03ff_0000 != 0 {
            return Err(buffer.damaged(format!("link type {:#x} is not known", header.link)));
        }
        buffer.take(FILE_HEADER);
        Ok(Some(Self {
            order,
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == MODIFIED { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            link: LinkType(header.link as u16),
            lengths,
        }))
    }

    /// The next frame, `None` at the end.
    #[inline]
    pub(super) fn next<R: Read>(&mut self, buffer: &mut Buffer<R>) -> Result<Option<Item>, Error> {
        if !buffer.ensure(self.record_header)? {
            if buffer.ready().is_empty() {
                return Ok(None);
            }
            return Err(buffer.cut_short("a record header", self.record_header));
        }
        let Some(record) = RecordHeader::read(buffer.ready(), self.order) else {
            return Err(buffer.cut_short("a record header", self.record_header));
        };
        let swapped = match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::OriginalFirst => true,
            Lengths::Either => record.captured > record.original,
        };
        let captured = if swapped { record.original } else { record.captured };
        if captured > MAX_FRAME {
            return Err(buffer.damaged(format!("a frame of {captured} bytes, at most {MAX_FRAME}")));
        }
        let whole = self.record_header + captured as usize;
        if !buffer.ensure(whole)? {
            return Err(buffer.cut_short("a record", whole));
        }
        buffer.take(self.record_header);
        let origin = count(buffer, buffer.offset());
        let nanos = i64::from(record.fraction) * self.unit;
        Ok(Some(Item::Frame(Frame {
            origin,
            at: Timestamp::from_parts(i64::from(record.seconds), nanos),
            link: self.link,
            data: buffer.take(captured as usize),
        })))
    }
}

struct FileHeader {
    version: (u16, u16),
    link: u32,
}

impl FileHeader {
    fn read(bytes: &[u8], order: Order) -> Option<Self> {
        let mut fields = Fields { bytes, order };
        let _magic = fields.u32()?;
        let version = (fields.u16()?, fields.u16()?);
        let _reserved = (fields.u32()?, fields.u32()?);
        let _snap_length = fields.u32()?;
        Some(Self { version, link: fields.u32()? })
    }
}

struct RecordHeader {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl RecordHeader {
    #[inline]
    fn read(bytes: &[u8], order: Order) -> Option<Self> {
        let mut fields = Fields { bytes, order };
        Some(Self {
            seconds: fields.u32()?,
            fraction: fields.u32()?,
            captured: fields.u32()?,
            original: fields.u32()?,
        })
    }
}
