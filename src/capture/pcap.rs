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

use super::buffer::{Buffer, Span};
use super::bytes::{Fields, Order};
use super::container::{Item, Kind, MAX_FRAME, magic};
use super::pcapng::Resolution;
use super::{Error, LinkType};
use crate::time::Timestamp;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Kuznetzov's variant with longer record headers.
const MODIFIED: u32 = 0xa1b2_cd34;

const FILE_HEADER: usize = 24;
/// Where it has the version, and the link type.
const VERSION: usize = 4;
const LINK_TYPE: usize = 20;
const RECORD_HEADER: usize = 16;
const MODIFIED_RECORD_HEADER: usize = 24;

/// What the file header says.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in one unit of the fraction of a second.
    unit: i64,
    record_header: usize,
    pub(super) link: LinkType,
    lengths: Lengths,
    /// Most bytes that were kept of a frame.
    pub(super) snap_length: u32,
    /// Length of the last frame on the wire.
    pub(super) original: u32,
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
    /// Resolution of the time stamps.
    pub(super) const fn resolution(&self) -> Resolution {
        if self.unit == 1 { Resolution::NANOSECONDS } else { Resolution::MICROSECONDS }
    }

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
                let reason = format!("pcap version {major}.{minor} is not known");
                return Err(buffer.damaged_at(VERSION, reason));
            }
        };
        let link = LinkType(header.link as u16);
        if header.link & 0x03ff_0000 != 0 || !link.is_assigned() {
            let reason = format!("link type {:#x} is not known", header.link);
            return Err(buffer.damaged_at(LINK_TYPE, reason));
        }
        buffer.consume(FILE_HEADER);
        Ok(Some(Self {
            order,
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == MODIFIED { MODIFIED_RECORD_HEADER } else { RECORD_HEADER },
            link,
            lengths,
            snap_length: header.snap_length,
            original: 0,
        }))
    }

    /// Whether the next frame is there as a whole.
    #[inline]
    pub(super) fn is_ready<R: Read>(&self, buffer: &Buffer<R>) -> bool {
        let ready = buffer.ready();
        RecordHeader::read(ready, self.order).is_some_and(|record| {
            ready.len() >= self.record_header + self.lengths(&record).0 as usize
        })
    }

    /// How many bytes of a frame were captured, and how many there were.
    #[inline]
    fn lengths(&self, record: &RecordHeader) -> (u32, u32) {
        let swapped = match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::OriginalFirst => true,
            Lengths::Either => record.captured > record.original,
        };
        if swapped {
            (record.original, record.captured)
        } else {
            (record.captured, record.original)
        }
    }

    /// The next frame, `None` at the end.
    #[inline(always)]
    pub(super) fn next<R: Read>(&mut self, buffer: &mut Buffer<R>) -> Result<Option<Item>, Error> {
        loop {
            let ready = buffer.ready();
            let Some(record) = RecordHeader::read(ready, self.order) else {
                if buffer.ensure(self.record_header)? {
                    continue;
                }
                if buffer.ready().is_empty() {
                    return Ok(None);
                }
                return Err(buffer.cut_short("a record header", self.record_header));
            };
            let (captured, original) = self.lengths(&record);
            if captured > MAX_FRAME {
                let reason = format!("a frame of {captured} bytes, at most {MAX_FRAME}");
                return Err(buffer.damaged(reason));
            }
            let length = captured as usize;
            let whole = self.record_header + length;
            if ready.len() < whole {
                if buffer.ensure(whole)? {
                    continue;
                }
                return Err(buffer.cut_short("a record", whole));
            }
            let start = buffer.start() + self.record_header;
            buffer.consume(whole);
            self.original = original;
            let nanos = i64::from(record.fraction) * self.unit;
            return Ok(Some(Item {
                kind: Kind::Frame,
                data: Span { start, length },
                at: Timestamp::from_parts(i64::from(record.seconds), nanos),
                link: self.link,
            }));
        }
    }
}

struct FileHeader {
    version: (u16, u16),
    link: u32,
    snap_length: u32,
}

impl FileHeader {
    fn read(bytes: &[u8], order: Order) -> Option<Self> {
        let mut fields = Fields { bytes, order };
        let _magic = fields.u32()?;
        let version = (fields.u16()?, fields.u16()?);
        let _reserved = (fields.u32()?, fields.u32()?);
        let snap_length = fields.u32()?;
        Some(Self { version, link: fields.u32()?, snap_length })
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
        let [seconds, fraction, captured, original] = Fields { bytes, order }.words()?;
        Some(Self { seconds, fraction, captured, original })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::NotUdp;
    use crate::capture::testing::{Bytes, Seen, ipv4, read, udp};

    const RAW: u32 = 101;
    const ICMP: NotUdp = NotUdp::Protocol(1);

    fn icmp() -> Vec<u8> {
        ipv4(1, 0, 0, &[])
    }

    fn error(bytes: &[u8]) -> String {
        read(bytes).1.expect("the file is wrong")
    }

    #[test]
    fn both_byte_orders_and_all_variants_give_the_same_frames() {
        for order in [Order::Little, Order::Big] {
            for (magic, between, nanos) in
                [(MICROSECONDS, 0, 7000), (NANOSECONDS, 0, 7), (MODIFIED, 8, 7000)]
            {
                let mut file = Bytes::new(order).pcap(magic, RAW);
                for fraction in [7, 8] {
                    let frame = ipv4(17, 0, 0, &udp(b"hi"));
                    file = file.u32(1).u32(fraction).u32(30).u32(30).raw(&[0; 8][..between]);
                    file = file.raw(&frame);
                }
                let (seen, error) = read(&*file.bytes);
                assert_eq!((seen.len(), error), (2, None));
                let first = 40 + between as u64;
                assert_eq!(
                    seen[0],
                    Seen::Datagram(
                        1,
                        first,
                        1_000_000_000 + nanos,
                        "10.0.0.1:33445".into(),
                        "10.0.0.2:33446".into(),
                        b"hi".to_vec(),
                        "",
                    )
                );
                let second = first + 46 + between as u64;
                assert!(matches!(seen[1], Seen::Datagram(2, offset, ..) if offset == second));
            }
        }
    }

    #[test]
    fn old_versions_give_the_lengths_the_other_way_round() {
        let file = |minor: u16, first: u32, second: u32| {
            let file = Bytes::new(Order::Little).u32(MICROSECONDS).u16(2).u16(minor);
            let file = file.u32(0).u32(0).u32(65_535).u32(RAW);
            read(&*file.u32(0).u32(0).u32(first).u32(second).raw(&icmp()).bytes)
        };
        let whole = (vec![Seen::Other(1, 0, ICMP)], None);
        assert_eq!(file(4, 20, 99), whole);
        assert_eq!(file(3, 20, 99), whole);
        assert_eq!(file(3, 99, 20), whole);
        assert_eq!(file(2, 99, 20), whole);
        let cut = "cut short at byte 24, before the first frame: a record needs 115 bytes, 36 left";
        assert_eq!(file(2, 20, 99), (vec![], Some(cut.into())));
    }

    #[test]
    fn unknown_versions_and_link_types_are_damage() {
        let head = Bytes::new(Order::Big).u32(MICROSECONDS).u16(1).u16(4).raw(&[0; 16]);
        let version = "damaged at byte 4, before the first frame: pcap version 1.4 is not known";
        assert_eq!(error(&head.bytes), version);
        let link = "damaged at byte 20, before the first frame: link type 0x10001 is not known";
        assert_eq!(error(&Bytes::new(Order::Big).pcap(MICROSECONDS, 0x1_0001).bytes), link);
        let link = "damaged at byte 20, before the first frame: link type 0x2a is not known";
        assert_eq!(error(&Bytes::new(Order::Big).pcap(MICROSECONDS, 42).bytes), link);
        // The length of a frame check sequence is no part of the link type.
        let file =
            Bytes::new(Order::Big).pcap(MICROSECONDS, 0x2400_0000 | RAW).record(0, 0, &icmp());
        assert_eq!(read(&*file.bytes), (vec![Seen::Other(1, 0, ICMP)], None));
    }

    #[test]
    fn a_frame_has_at_most_262144_bytes() {
        let file = |length: u32| {
            let file = Bytes::new(Order::Little).pcap(MICROSECONDS, 147).record(0, 0, &[]);
            read(&*file.record(0, 0, &vec![0; length as usize]).bytes)
        };
        assert_eq!((file(MAX_FRAME).0.len(), file(MAX_FRAME).1), (2, None));
        let (seen, error) = file(MAX_FRAME + 1);
        assert_eq!(seen.len(), 1);
        let reason = "damaged at byte 40, after frame 1: a frame of 262145 bytes, at most 262144";
        assert_eq!(error.as_deref(), Some(reason));
    }
}
