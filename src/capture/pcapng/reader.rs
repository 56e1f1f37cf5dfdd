//! Reads pcapng block by block.

use std::io::Read;

use super::resolution::Clock;
use super::{BYTE_ORDER_MAGIC, Resolution, block, option};
use crate::capture::buffer::{Buffer, Span};
use crate::capture::bytes::{Fields, Order};
use crate::capture::container::{Item, Kind, MAX_FRAME, magic};
use crate::capture::{Error, LinkType};
use crate::time::Timestamp;

/// Most bytes that one block may have, as libpcap and Wireshark have it (threats row 1).
const MAX_BLOCK: u32 = 16 << 20;

/// Most interfaces of one section.
const MAX_INTERFACES: usize = 65_536;

/// Type and total length at the front of a block, the total length again at its end.
const BLOCK_FRONT: usize = 8;
const BLOCK_END: usize = 4;

const NOTHING: Span = Span { start: 0, length: 0 };

/// The section that is being read.
pub(in crate::capture) struct Pcapng {
    pub(in crate::capture) order: Order,
    interfaces: Vec<Interface>,
    /// Options of the section header that were not yet looked at for comments.
    header_options: Span,
    /// Length of the last frame on the wire.
    pub(in crate::capture) original: u32,
}

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
        Ok(Some(Self { order, interfaces: Vec::new(), header_options: NOTHING, original: 0 }))
    }

    /// Whether a packet block comes next, and is there as a whole.
    #[inline]
    pub(in crate::capture) fn is_ready<R: Read>(&self, buffer: &Buffer<R>) -> bool {
        let ready = buffer.ready();
        let front = (Fields { bytes: ready, order: self.order }).words();
        front.is_some_and(|[block_type, total]| {
            matches!(block_type, block::ENHANCED_PACKET | block::PACKET | block::SIMPLE_PACKET)
                && ready.len() >= total as usize
        })
    }

    /// The next item, `None` at the end.
    #[inline(always)]
    pub(in crate::capture) fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
    ) -> Result<Option<Item>, Error> {
        loop {
            if self.header_options.length > 0
                && let Some(comment) = self.next_comment(buffer)
            {
                return Ok(Some(Item::without_time(Kind::Comment, comment)));
            }
            let Some((block_type, total)) = self.block(buffer)? else { return Ok(None) };
            let start = buffer.start() + BLOCK_FRONT;
            let place = Span { start, length: total - BLOCK_FRONT - BLOCK_END };
            let body = buffer.slice(place);
            let item = match block_type {
                block::ENHANCED_PACKET | block::PACKET | block::SIMPLE_PACKET => {
                    match self.packet(block_type, body, start) {
                        Ok((data, at, link, original)) => {
                            self.original = original;
                            buffer.consume(total);
                            return Ok(Some(Item { kind: Kind::Frame, data, at, link }));
                        }
                        Err(reason) => Err(reason),
                    }
                }
                block::SECTION_HEADER => self.begin_section(body, place).map(|()| None),
                block::INTERFACE => self.interface(body).map(|()| None),
                block::SECRETS => self.secrets(body, start).map(Some),
                _ => Ok(None),
            };
            match item {
                Ok(item) => {
                    buffer.consume(total);
                    if item.is_some() {
                        return Ok(item);
                    }
                }
                Err(reason) => {
                    return Err(buffer.damaged(format!("{}: {reason}", name(block_type))));
                }
            }
        }
    }

    /// Makes one whole block ready: its type and total length, `None` at the end of the input.
    #[inline(always)]
    pub(in crate::capture) fn block<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
    ) -> Result<Option<(u32, usize)>, Error> {
        loop {
            let ready = buffer.ready();
            let Some([block_type, mut total, _]) =
                (Fields { bytes: ready, order: self.order }).words()
            else {
                if buffer.ensure(12)? {
                    continue;
                }
                if buffer.ready().is_empty() {
                    return Ok(None);
                }
                return Err(buffer.cut_short("a block", 12));
            };
            if block_type == block::SECTION_HEADER {
                let Some(order) = section_order(ready) else {
                    return Err(buffer.damaged("Section Header Block: no byte-order magic".into()));
                };
                if order != self.order {
                    self.order = order;
                    total = total.swap_bytes();
                }
            }
            if total < 12 || total % 4 != 0 || total > MAX_BLOCK {
                return Err(impossible_length(buffer, block_type, total));
            }
            let whole = total as usize;
            let Some(end) = ready.get(whole - BLOCK_END..whole) else {
                if buffer.ensure(whole)? {
                    continue;
                }
                return Err(buffer.cut_short(name(block_type), whole));
            };
            let again = (Fields { bytes: end, order: self.order }).u32().unwrap_or(0);
            if again != total {
                return Err(differing_lengths(buffer, block_type, total, again));
            }
            return Ok(Some((block_type, whole)));
        }
    }

    /// Reads one of the three packet blocks, whose body is at `start` in the buffer.
    #[inline(always)]
    fn packet(
        &self,
        block_type: u32,
        body: &[u8],
        start: usize,
    ) -> Inside<(Span, Timestamp, LinkType, u32)> {
        let mut fields = Fields { bytes: body, order: self.order };
        let (interface, at, captured, original) = match block_type {
            block::SIMPLE_PACKET => {
                let [original] = fields.words().ok_or_else(|| too_short(body))?;
                let interface = self.known_interface(0)?;
                let limit =
                    if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
                (interface, Timestamp::default(), original.min(limit), original)
            }
            block::PACKET => {
                let number = fields.u16().ok_or_else(|| too_short(body))?;
                let _drops = fields.u16().ok_or_else(|| too_short(body))?;
                let [high, low, captured, original] =
                    fields.words().ok_or_else(|| too_short(body))?;
                let interface = self.known_interface(number.into())?;
                (interface, interface.clock.moment(ticks(high, low)), captured, original)
            }
            _ => {
                let [number, high, low, captured, original] =
                    fields.words().ok_or_else(|| too_short(body))?;
                let interface = self.known_interface(number)?;
                (interface, interface.clock.moment(ticks(high, low)), captured, original)
            }
        };
        if captured > MAX_FRAME {
            return Err(format!("a frame of {captured} bytes, at most {MAX_FRAME}"));
        }
        let (length, room) = (captured as usize, fields.bytes.len());
        if length > room {
            return Err(format!("a frame of {length} bytes in {room}"));
        }
        let data = Span { start: start + (body.len() - room), length };
        Ok((data, at, interface.link, original))
    }

    #[inline]
    fn known_interface(&self, number: u32) -> Inside<&Interface> {
        let interface = usize::try_from(number).ok().and_then(|number| self.interfaces.get(number));
        interface.ok_or_else(|| format!("interface {number} of {}", self.interfaces.len()))
    }

    #[cold]
    fn begin_section(&mut self, body: &[u8], place: Span) -> Inside<()> {
        let mut fields = Fields { bytes: body, order: self.order };
        let _magic = fields.u32();
        let version = fields.u16().zip(fields.u16()).ok_or_else(|| too_short(body))?;
        let _section_length = fields.array::<8>().ok_or_else(|| too_short(body))?;
        // Minor version 2 was written by mistake and means the same.
        if !matches!(version, (1, 0 | 2)) {
            return Err(format!("version {}.{} is not known", version.0, version.1));
        }
        let length = fields.bytes.len();
        let options = Span { start: place.start + (place.length - length), length };
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

    #[cold]
    fn secrets(&self, body: &[u8], start: usize) -> Inside<Item> {
        let mut fields = Fields { bytes: body, order: self.order };
        let [secrets_type, length] = fields.words().ok_or_else(|| too_short(body))?;
        let (room, start) = (fields.bytes.len(), start + 8);
        match usize::try_from(length) {
            Ok(length) if length <= room => {
                Ok(Item::without_time(Kind::Secrets { secrets_type }, Span { start, length }))
            }
            _ => Err(format!("secrets of {length} bytes in {room}")),
        }
    }

    fn options<'a>(&self, bytes: &'a [u8]) -> Options<'a> {
        Options::new(bytes, self.order)
    }

    /// The next comment of the section header.
    #[cold]
    fn next_comment<R: Read>(&mut self, buffer: &Buffer<R>) -> Option<Span> {
        let place = self.header_options;
        let mut options = self.options(buffer.slice(place));
        // Faults were found when the section began.
        while let Some(Ok((code, value))) = options.next() {
            if code == option::COMMENT {
                let left = options.fields.bytes.len();
                let next = place.start + (place.length - left);
                self.header_options = Span { start: next, length: left };
                let start = next - value.len().next_multiple_of(4);
                return Some(Span { start, length: value.len() });
            }
        }
        self.header_options = NOTHING;
        None
    }
}

#[cold]
fn impossible_length<R: Read>(buffer: &Buffer<R>, block_type: u32, total: u32) -> Error {
    let name = name(block_type);
    buffer
        .damaged(format!("{name} of {total} bytes: must be a multiple of 4 from 12 to {MAX_BLOCK}"))
}

#[cold]
fn differing_lengths<R: Read>(buffer: &Buffer<R>, kind: u32, front: u32, end: u32) -> Error {
    let name = name(kind);
    buffer.damaged(format!("{name}: its length is {front} in front and {end} at the end"))
}

/// The options at the end of a block, one at a time.
pub(in crate::capture) struct Options<'a> {
    fields: Fields<'a>,
}

impl<'a> Options<'a> {
    pub(in crate::capture) const fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { fields: Fields { bytes, order } }
    }
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

fn ticks(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::NotUdp;
    use crate::capture::testing::{Bytes, Seen, ipv4, read, udp};

    const BOTH: [Order; 2] = [Order::Little, Order::Big];

    fn icmp() -> Vec<u8> {
        ipv4(1, 0, 0, &[])
    }

    fn other(frame: u64, nanos: i64) -> Seen {
        Seen::Other(frame, nanos, NotUdp::Protocol(1))
    }

    fn section(order: Order) -> Bytes {
        Bytes::new(order).section(&[]).interface(LinkType::RAW, 0, &[])
    }

    /// The error after a section, an interface and the bytes of `more`.
    fn error(more: impl Fn(Bytes) -> Bytes) -> String {
        let errors = BOTH.map(|order| read(&*more(section(order)).bytes).1.expect("damage"));
        assert_eq!(errors[0], errors[1]);
        errors[0].clone()
    }

    #[test]
    fn all_three_packet_blocks_give_frames_in_both_byte_orders() {
        for order in BOTH {
            let ip = ipv4(17, 0, 0, &udp(b"hi"));
            let file = section(order).enhanced(0, 5, &ip);
            let obsolete =
                Bytes::new(order).u16(0).u16(9).u32(1).u32(6).u32(20).u32(20).raw(&icmp());
            let simple = Bytes::new(order).u32(20).raw(&icmp());
            let file = file.block(2, &obsolete.bytes).block(3, &simple.bytes);
            let (seen, error) = read(&*file.bytes);
            assert_eq!(error, None);
            let payload = b"hi".to_vec();
            let (from, to) = ("10.0.0.1:33445".into(), "10.0.0.2:33446".into());
            assert_eq!(
                seen,
                [
                    Seen::Datagram(1, 28 + 20 + 28, 5000, from, to, payload, ""),
                    other(2, ((1 << 32) + 6) * 1000),
                    other(3, 0),
                ]
            );
        }
    }

    #[test]
    fn a_simple_packet_is_as_long_as_the_snap_length_lets_it_be() {
        let simple = Bytes::new(Order::Little).u32(1000).raw(&icmp());
        let file = Bytes::new(Order::Little).section(&[]).interface(LinkType::RAW, 20, &[]);
        assert_eq!(read(&*file.block(3, &simple.bytes).bytes), (vec![other(1, 0)], None));
        assert_eq!(
            error(|file| {
                let simple = Bytes::new(file.order).u32(1000).raw(&icmp());
                file.block(3, &simple.bytes)
            }),
            "damaged at byte 48, before the first frame: \
             Simple Packet Block: a frame of 1000 bytes in 20"
        );
    }

    #[test]
    fn every_interface_has_its_link_type_and_its_clock() {
        for order in BOTH {
            let seconds = match order {
                Order::Little => 10_i64.to_le_bytes(),
                Order::Big => 10_i64.to_be_bytes(),
            };
            let nanos = Bytes::new(order).option(9, &[9]).option(14, &seconds).option(0, &[]);
            // What follows the end of the options is none.
            let binary = Bytes::new(order).option(2, b"eth0").option(9, &[0x81]).option(0, &[9; 9]);
            let file = section(order)
                .interface(LinkType::RAW, 0, &nanos.bytes)
                .interface(LinkType(147), 0, &binary.bytes)
                .enhanced(0, 4, &icmp())
                .enhanced(1, 4, &icmp())
                .enhanced(2, 5, &icmp());
            assert_eq!(
                read(&*file.bytes),
                (
                    vec![
                        other(1, 4000),
                        other(2, 10_000_000_004),
                        Seen::Other(3, 2_500_000_000, NotUdp::Link(LinkType(147))),
                    ],
                    None
                )
            );
        }
    }

    #[test]
    fn sections_may_differ_in_byte_order_and_have_their_own_interfaces() {
        for (first, second) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
            let one = section(first).interface(LinkType::RAW, 0, &[]).enhanced(1, 1, &icmp());
            let two = section(second).enhanced(0, 2, &icmp());
            let file = [&*one.bytes, &*two.bytes].concat();
            assert_eq!(read(&*file), (vec![other(1, 1000), other(2, 2000)], None));
            let missing = section(second).enhanced(1, 2, &icmp());
            let file = [&*one.bytes, &*missing.bytes].concat();
            let reason = "damaged at byte 168, after frame 1: \
                 Enhanced Packet Block: interface 1 of 1";
            assert_eq!(read(&*file), (vec![other(1, 1000)], Some(reason.into())));
        }
    }

    #[test]
    fn section_comments_and_secrets_are_events_in_the_order_of_the_file() {
        for order in BOTH {
            let options =
                Bytes::new(order).option(4, b"toxscope").option(1, b"one").option(1, b"").bytes;
            let secrets = Bytes::new(order).u32(0x544c_534b).u32(5).raw(b"12345");
            let file = Bytes::new(order)
                .section(&options)
                .interface(LinkType::RAW, 0, &[])
                .block(10, &secrets.bytes)
                .enhanced(0, 1, &icmp())
                .section(&Bytes::new(order).option(1, b"two").bytes);
            assert_eq!(
                read(&*file.bytes),
                (
                    vec![
                        Seen::Comment(b"one".to_vec()),
                        Seen::Comment(vec![]),
                        Seen::Secrets(0x544c_534b, b"12345".to_vec()),
                        other(1, 1000),
                        Seen::Comment(b"two".to_vec()),
                    ],
                    None
                )
            );
        }
    }

    #[test]
    fn blocks_of_other_types_are_skipped() {
        for order in BOTH {
            let file = section(order)
                .block(4, b"name resolution")
                .block(0x8000_0001, &[0; 300_000])
                .block(0x0bad, &[])
                .enhanced(0, 1, &icmp());
            assert_eq!(read(&*file.bytes), (vec![other(1, 1000)], None));
        }
    }

    #[test]
    fn lengths_of_blocks_must_be_possible_and_agree() {
        let length = |total: u32, end: u32| {
            error(|file| file.u32(6).u32(total).u32(0).u32(end).raw(&[0; 64]))
        };
        for total in [0, 4, 8, 11, 13, 14, 15, (16 << 20) + 4, u32::MAX] {
            assert_eq!(
                length(total, total),
                format!(
                    "damaged at byte 48, before the first frame: Enhanced Packet Block of \
                     {total} bytes: must be a multiple of 4 from 12 to 16777216"
                )
            );
        }
        assert_eq!(
            length(16, 20),
            "damaged at byte 48, before the first frame: \
             Enhanced Packet Block: its length is 16 in front and 20 at the end"
        );
        assert_eq!(
            length(100, 100),
            "cut short at byte 48, before the first frame: \
             Enhanced Packet Block needs 100 bytes, 80 left"
        );
    }

    #[test]
    fn blocks_too_short_for_their_type_are_damage() {
        for (block_type, name, least) in [
            (1, "Interface Description Block", 8),
            (2, "Packet Block", 20),
            (3, "Simple Packet Block", 4),
            (6, "Enhanced Packet Block", 20),
            (10, "Decryption Secrets Block", 8),
        ] {
            for length in (0..least).step_by(4) {
                assert_eq!(
                    error(|file| file.block(block_type, &[0; 20][..length])),
                    format!(
                        "damaged at byte 48, before the first frame: \
                         {name}: too short with {length} bytes inside"
                    )
                );
            }
            for order in BOTH {
                let file = section(order).block(block_type, &[0; 20][..least]);
                assert_eq!(read(&*file.bytes).1, None);
            }
        }
        for length in [4, 8, 12] {
            assert_eq!(
                error(|file| {
                    let body = Bytes::new(file.order).u32(BYTE_ORDER_MAGIC).u16(1).u16(0);
                    let body = body.raw(&[0; 8]).bytes;
                    file.block(block::SECTION_HEADER, &body[..length])
                }),
                format!(
                    "damaged at byte 48, before the first frame: \
                     Section Header Block: too short with {length} bytes inside"
                )
            );
        }
    }

    #[test]
    fn contents_must_fit_their_block() {
        assert_eq!(
            error(|file| file.block(6, &[0; 12]).block(6, &[])),
            "damaged at byte 48, before the first frame: \
             Enhanced Packet Block: too short with 12 bytes inside"
        );
        let body = |order| Bytes::new(order).u32(0).u32(0).u32(0).u32(21).u32(21).raw(&icmp());
        assert_eq!(
            error(|file| {
                let body = body(file.order);
                file.block(6, &body.bytes)
            }),
            "damaged at byte 48, before the first frame: \
             Enhanced Packet Block: a frame of 21 bytes in 20"
        );
        let large = vec![0; 262_145];
        assert_eq!(
            error(|file| file.enhanced(0, 0, &large)),
            "damaged at byte 48, before the first frame: \
             Enhanced Packet Block: a frame of 262145 bytes, at most 262144"
        );
        assert_eq!(
            error(|file| {
                let secrets = Bytes::new(file.order).u32(1).u32(5).raw(b"1234").bytes;
                file.block(10, &secrets)
            }),
            "damaged at byte 48, before the first frame: \
             Decryption Secrets Block: secrets of 5 bytes in 4"
        );
    }

    #[test]
    fn options_must_fit_their_block() {
        let interface = |options: &dyn Fn(Bytes) -> Bytes| {
            error(|file| {
                let options = options(Bytes::new(file.order));
                file.interface(LinkType::RAW, 0, &options.bytes)
            })
        };
        let place = "damaged at byte 48, before the first frame: Interface Description Block: ";
        let long = interface(&|options| options.u16(2).u16(5).raw(b"1234"));
        assert_eq!(long, format!("{place}option 2 of 5 bytes in 4"));
        let resolution = interface(&|options| options.option(9, b"12"));
        assert_eq!(resolution, format!("{place}option 9 of 2 bytes"));
        let offset = interface(&|options| options.option(14, b"1234"));
        assert_eq!(offset, format!("{place}option 14 of 4 bytes"));

        let options = Bytes::new(Order::Little).option(1, b"one").u16(1).u16(9);
        let file = Bytes::new(Order::Little).section(&options.bytes);
        let reason = "damaged at byte 0, before the first frame: \
             Section Header Block: option 1 of 9 bytes in 0";
        assert_eq!(read(&*file.bytes), (vec![], Some(reason.into())));
    }

    #[test]
    fn versions_other_than_1_0_and_1_2_are_not_known() {
        let version = |major, minor| {
            let body = Bytes::new(Order::Big).u32(BYTE_ORDER_MAGIC).u16(major).u16(minor);
            let file =
                Bytes::new(Order::Big).block(block::SECTION_HEADER, &body.raw(&[0; 8]).bytes);
            read(&*file.bytes).1
        };
        assert_eq!((version(1, 0), version(1, 2)), (None, None));
        let reason = |version| {
            Some(format!(
                "damaged at byte 0, before the first frame: \
                 Section Header Block: version {version} is not known"
            ))
        };
        assert_eq!(version(1, 1), reason("1.1"));
        assert_eq!(version(2, 0), reason("2.0"));
        assert_eq!(version(0, 0), reason("0.0"));
    }

    #[test]
    fn a_section_without_byte_order_is_no_capture_at_first_and_damage_later() {
        let head = Bytes::new(Order::Little).block(block::SECTION_HEADER, &[0; 16]);
        let reason = "not a capture: it begins like pcapng but has no byte-order magic";
        assert_eq!(read(&*head.bytes).1.as_deref(), Some(reason));
        assert_eq!(
            error(|file| file.block(block::SECTION_HEADER, &[0; 16])),
            "damaged at byte 48, before the first frame: Section Header Block: no byte-order magic"
        );
    }

    #[test]
    fn a_section_has_at_most_65536_interfaces() {
        let mut file = Bytes::new(Order::Little).section(&[]);
        for _ in 0..MAX_INTERFACES {
            file = file.interface(LinkType::RAW, 0, &[]);
        }
        let last = file.enhanced(65_535, 1, &icmp());
        let (seen, error) = read(&*last.bytes);
        assert_eq!((seen, error), (vec![other(1, 1000)], None));
        let (_, error) = read(&*last.interface(LinkType::RAW, 0, &[]).bytes);
        assert!(error.unwrap().ends_with("more than 65536 interfaces in one section"));
    }
}
