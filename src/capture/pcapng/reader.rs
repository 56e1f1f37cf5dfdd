//! Reads pcapng block by block.

use std::io::Read;
use std::ops::Range;

use super::resolution::Clock;
use super::{BYTE_ORDER_MAGIC, Resolution, block, option};
use crate::capture::buffer::Buffer;
use crate::capture::bytes::{Fields, Order};
use crate::capture::container::{Frame, Item, MAX_FRAME, count, magic};
use crate::capture::{Error, LinkType};
use crate::time::Timestamp;

/// Most bytes that one block may have, as libpcap and Wireshark have it (threats row 1).
const MAX_BLOCK: u32 = 16 << 20;

/// Most interfaces of one section.
const MAX_INTERFACES: usize = 65_536;

/// Type and total length at the front of a block, the total length again at its end.
const BLOCK_FRONT: usize = 8;
const BLOCK_END: usize = 4;

/// The section that is being read.
pub(in crate::capture) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// Options of the section header that were not yet looked at for comments.
    header_options: Range<usize>,
}

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    /// Most bytes that were kept of a frame; 0 for all.
    snap_length: u32,
    clock: Clock,
}

/// What was wrong with the inside of a block.
type Inside<T> = Result<T, String>;

impl Pcapng {
    /// Tells whether a section header comes first.
    pub(in crate::capture) fn recognise<R: Read>(
        buffer: &mut Buffer<R>,
    ) -> Result<Option<Self>, Error> {
        if magic(buffer.ready(), Order::Little) != Some(block::SECTION_HEADER) {
            return Ok(None);
        }
        if !buffer.ensure(12)? {
            return Err(buffer.cut_short("a Section Header Block", 28));
        }
        let Some(order) = section_order(buffer.ready()) else { return Ok(None) };
        Ok(Some(Self { order, interfaces: Vec::new(), header_options: 0..0 }))
    }

    /// The next item, `None` at the end.
    #[inline]
    pub(in crate::capture) fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
    ) -> Result<Option<Item>, Error> {
        if let Some(comment) = self.next_comment(buffer) {
            return Ok(Some(Item::Comment(comment)));
        }
        loop {
            let Some((block_type, total)) = self.block(buffer)? else { return Ok(None) };
            let offset = buffer.offset();
            let start = buffer.take(0).start;
            let body = start + BLOCK_FRONT..start + total - BLOCK_END;
            let bytes = buffer.slice(body.clone());
            let inside = match block_type {
                block::ENHANCED_PACKET | block::PACKET | block::SIMPLE_PACKET => {
                    match self.packet(block_type, bytes) {
                        Ok(packet) => {
                            buffer.take(total);
                            let place = BLOCK_FRONT + packet.skipped;
                            let origin = count(buffer, offset + place as u64);
                            let start = start + place;
                            return Ok(Some(Item::Frame(Frame {
                                origin,
                                at: packet.at,
                                link: packet.link,
                                data: start..start + packet.captured,
                            })));
                        }
                        Err(reason) => Err(reason),
                    }
                }
                block::SECTION_HEADER => self.begin_section(bytes, body),
                block::INTERFACE => self.interface(bytes),
                block::SECRETS => match self.secrets(bytes) {
                    Ok((secrets_type, length)) => {
                        let start = body.start + 8;
                        let data = start..start + length;
                        buffer.take(total);
                        return Ok(Some(Item::Secrets { secrets_type, data }));
                    }
                    Err(reason) => Err(reason),
                },
                _ => Ok(()),
            };
            if let Err(reason) = inside {
                return Err(buffer.damaged(format!("{}: {reason}", name(block_type))));
            }
            buffer.take(total);
            if let Some(comment) = self.next_comment(buffer) {
                return Ok(Some(Item::Comment(comment)));
            }
        }
    }

    /// Makes one whole block ready: its type and total length, `None` at the end of the input.
    #[inline]
    fn block<R: Read>(&mut self, buffer: &mut Buffer<R>) -> Result<Option<(u32, usize)>, Error> {
        if !buffer.ensure(12)? {
            if buffer.ready().is_empty() {
                return Ok(None);
            }
            return Err(buffer.cut_short("a block", 12));
        }
        let mut fields = Fields { bytes: buffer.ready(), order: self.order };
        let front = fields.u32().zip(fields.u32());
        let Some((block_type, mut total)) = front else {
            return Err(buffer.cut_short("a block", 12));
        };
        if block_type == block::SECTION_HEADER {
            let Some(order) = section_order(buffer.ready()) else {
                return Err(buffer.damaged("Section Header Block: no byte-order magic".into()));
            };
            if order != self.order {
                self.order = order;
                total = total.swap_bytes();
            }
        }
        if total < 12 || total % 4 != 0 || total > MAX_BLOCK {
            return Err(buffer.damaged(format!(
                "{} of {total} bytes: must be a multiple of 4 from 12 to {MAX_BLOCK}",
                name(block_type)
            )));
        }
        let whole = total as usize;
        if !buffer.ensure(whole)? {
            return Err(buffer.cut_short(name(block_type), whole));
        }
        let end = buffer.ready().get(whole - BLOCK_END..whole).unwrap_or_default();
        let again = Fields { bytes: end, order: self.order }.u32();
        if again != Some(total) {
            let again = again.unwrap_or(0);
            return Err(buffer.damaged(format!(
                "{}: its length is {total} in front and {again} at the end",
                name(block_type)
            )));
        }
        Ok(Some((block_type, whole)))
    }

    /// Reads one of the three packet blocks.
    #[inline]
    fn packet(&self, block_type: u32, body: &[u8]) -> Inside<Packet> {
        let mut fields = Fields { bytes: body, order: self.order };
        let interface = match block_type {
            block::ENHANCED_PACKET => fields.u32(),
            // Interface in 16 bits, then a count of drops.
            block::PACKET => fields.u16().zip(fields.u16()).map(|(interface, _)| interface.into()),
            _ => Some(0),
        };
        let number = interface.ok_or_else(|| too_short(body))?;
        let interface = usize::try_from(number).ok().and_then(|number| self.interfaces.get(number));
        let interface =
            interface.ok_or_else(|| format!("interface {number} of {}", self.interfaces.len()))?;
        let (at, captured) = if block_type == block::SIMPLE_PACKET {
            let original = fields.u32().ok_or_else(|| too_short(body))?;
            let limit = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
            (Timestamp::default(), original.min(limit))
        } else {
            let lengths = || Some((fields.u32()?, fields.u32()?, fields.u32()?, fields.u32()?));
            let mut lengths = lengths;
            let (high, low, captured, _original) = lengths().ok_or_else(|| too_short(body))?;
            (interface.clock.moment(u64::from(high) << 32 | u64::from(low)), captured)
        };
        if captured > MAX_FRAME {
            return Err(format!("a frame of {captured} bytes, at most {MAX_FRAME}"));
        }
        let (captured, room) = (captured as usize, fields.bytes.len());
        if captured > room {
            return Err(format!("a frame of {captured} bytes in {room}"));
        }
        Ok(Packet { link: interface.link, at, skipped: body.len() - room, captured })
    }

    #[cold]
    fn begin_section(&mut self, body: &[u8], place: Range<usize>) -> Inside<()> {
        let mut fields = Fields { bytes: body, order: self.order };
        let _magic = fields.u32();
        let version = fields.u16().zip(fields.u16()).ok_or_else(|| too_short(body))?;
        let _section_length = fields.array::<8>().ok_or_else(|| too_short(body))?;
        // Minor version 2 was written by mistake and means the same.
        if !matches!(version, (1, 0 | 2)) {
            return Err(format!("version {}.{} is not known", version.0, version.1));
        }
        let options = place.end - fields.bytes.len()..place.end;
        for option in self.options(fields.bytes) {
            option?;
        }
        self.interfaces.clear();
        self.header_options = options;
        Ok(())
    }

    #[cold]
    fn interface(&mut self, body: &[u8]) -> Inside<()> {
        let mut fields = Fields { bytes: body, order: self.order };
        let link = fields.u16().zip(fields.u16()).ok_or_else(|| too_short(body))?.0;
        let snap_length = fields.u32().ok_or_else(|| too_short(body))?;
        let (mut resolution, mut offset) = (Resolution::MICROSECONDS, 0);
        for found in self.options(fields.bytes) {
            let (code, value) = found?;
            let read = match code {
                option::IF_TSRESOL => {
                    value.try_into().map(|&[exponent]: &[u8; 1]| resolution = Resolution(exponent))
                }
                option::IF_TSOFFSET => value.try_into().map(|seconds: &[u8; 8]| {
                    offset = match self.order {
                        Order::Little => i64::from_le_bytes(*seconds),
                        Order::Big => i64::from_be_bytes(*seconds),
                    };
                }),
                _ => Ok(()),
            };
            read.map_err(|_| format!("option {code} of {} bytes", value.len()))?;
        }
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces in one section"));
        }
        let clock = Clock::new(resolution, offset);
        self.interfaces.push(Interface { link: LinkType(link), snap_length, clock });
        Ok(())
    }

    /// Type and length of the secrets, which begin at byte 8 of the body.
    #[cold]
    fn secrets(&self, body: &[u8]) -> Inside<(u32, usize)> {
        let mut fields = Fields { bytes: body, order: self.order };
        let (secrets_type, length) =
            fields.u32().zip(fields.u32()).ok_or_else(|| too_short(body))?;
        let room = fields.bytes.len();
        match usize::try_from(length) {
            Ok(length) if length <= room => Ok((secrets_type, length)),
            _ => Err(format!("secrets of {length} bytes in {room}")),
        }
    }

    fn options<'a>(&self, bytes: &'a [u8]) -> Options<'a> {
        Options { fields: Fields { bytes, order: self.order } }
    }

    /// The next comment of the section header, as a place in the buffer.
    #[inline]
    fn next_comment<R: Read>(&mut self, buffer: &Buffer<R>) -> Option<Range<usize>> {
        if self.header_options.is_empty() { None } else { self.find_comment(buffer) }
    }

    #[cold]
    fn find_comment<R: Read>(&mut self, buffer: &Buffer<R>) -> Option<Range<usize>> {
        let place = self.header_options.clone();
        let mut options = self.options(buffer.slice(place.clone()));
        // Faults were found when the section began.
        while let Some(Ok((code, value))) = options.next() {
            if code == option::COMMENT {
                let next = place.end - options.fields.bytes.len();
                let start = next - value.len().next_multiple_of(4);
                self.header_options = next..place.end;
                return Some(start..start + value.len());
            }
        }
        self.header_options = 0..0;
        None
    }
}

/// A packet block without its data.
struct Packet {
    link: LinkType,
    at: Timestamp,
    /// Bytes of the body before the data.
    skipped: usize,
    captured: usize,
}

/// The options at the end of a block, one at a time.
struct Options<'a> {
    fields: Fields<'a>,
}

impl<'a> Iterator for Options<'a> {
    type Item = Inside<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.fields.bytes.is_empty() {
            return None;
        }
        let next = self.option();
        if !matches!(next, Ok((1.., _))) {
            self.fields.bytes = &[];
        }
        match next {
            Ok((option::END, _)) => None,
            next => Some(next),
        }
    }
}

impl<'a> Options<'a> {
    fn option(&mut self) -> Inside<(u16, &'a [u8])> {
        let left = self.fields.bytes.len();
        let front = self.fields.u16().zip(self.fields.u16());
        let (code, length) = front.ok_or_else(|| format!("{left} bytes left for an option"))?;
        let length = usize::from(length);
        let room = self.fields.bytes.len();
        let (padded, rest) = self
            .fields
            .bytes
            .split_at_checked(length.next_multiple_of(4))
            .ok_or_else(|| format!("option {code} of {length} bytes in {room}"))?;
        self.fields.bytes = rest;
        Ok((code, padded.get(..length).unwrap_or_default()))
    }
}

/// The byte order of the section whose header block begins here.
fn section_order(block: &[u8]) -> Option<Order> {
    let bytes = block.get(8..12)?;
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| magic(bytes, *order) == Some(BYTE_ORDER_MAGIC))
}

fn too_short(body: &[u8]) -> String {
    format!("too short with {} bytes inside", body.len())
}

fn name(block_type: u32) -> &'static str {
    match block_type {
        block::SECTION_HEADER => "Section Header Block",
        block::INTERFACE => "Interface Description Block",
        block::PACKET => "Packet Block",
        block::SIMPLE_PACKET => "Simple Packet Block",
        block::ENHANCED_PACKET => "Enhanced Packet Block",
        block::SECRETS => "Decryption Secrets Block",
        _ => "a block of another type",
    }
}
