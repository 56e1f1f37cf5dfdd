//! Capture files to datagrams and streams: pcap and pcapng from any [`Read`], never seeking, plain or
//! packed with gzip or zstd.
//!
//! Three layers. *Containers* turn bytes into frames (`pcap`, [`pcapng`]); `net` turns frames into
//! UDP datagrams and TCP segments (Ethernet, VLAN, Linux cooked, loopback and raw links; IPv4 and IPv6
//! with fragments); `streams` puts segments together. Memory is bounded by [`Limits`] and does not grow
//! with the input; every frame gives exactly one event, which pieces of streams may follow, and an error
//! comes only after all that was read before it.

mod buffer;
mod bytes;
mod clocks;
mod container;
mod error;
mod frames;
mod gzip;
mod input;
mod link;
mod merge;
mod net;
mod pcap;
pub mod pcapng;
mod rewrite;
mod streams;
#[cfg(test)]
mod testing;
mod zstd;

use std::io::Read;
use std::net::SocketAddr;

use crate::time::Timestamp;

pub use clocks::{Behind, Clock};
use container::{Item, Kind};
pub use error::{Error, Place};
pub use frames::{Block, Frame, Frames};
pub use link::LinkType;
use merge::Merge;
pub use net::Ends;
use net::Fragments;
pub use net::emit_udp;
pub use rewrite::{Changes, Rewritten, rewrite};
use streams::Streams;
pub use streams::{Follows, Piece, StreamCounts};

/// Bounds on what one input may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a packed input may unpack to; more ends with [`Error::TooLarge`].
    pub max_decompressed: u64,
    /// IP datagrams that may wait for missing fragments at one time; the oldest goes first.
    pub fragmented_datagrams: usize,
    /// Nanoseconds of capture time after which a datagram with missing fragments is given up.
    pub fragment_age: i64,
    /// TCP connections that are remembered; the one used least recently goes first.
    pub tcp_connections: usize,
    /// Bytes that may be missing in a TCP stream while others wait for them.
    pub stream_gap: usize,
    /// Bytes of one direction of a TCP connection that may wait for others.
    pub stream_bytes: usize,
    /// Bytes of all TCP connections that are held, to wait or to be compared with.
    pub streams_bytes: usize,
    /// Nanoseconds of capture time after which bytes that are missing in a TCP stream are given up.
    pub stream_age: i64,
    /// The same for bytes that their receiver has acknowledged: they are not going to be sent again, but
    /// may come late in a capture whose frames are out of order. So long, too, earlier bytes may still
    /// come in a stream whose SYN was not seen.
    pub stream_disorder: i64,
    /// How many frames, too, have to pass meanwhile.
    pub stream_disorder_frames: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_decompressed: 8 << 30,
            fragmented_datagrams: 1024,
            fragment_age: 30_000_000_000,
            tcp_connections: 1 << 17,
            stream_gap: 64 << 10,
            stream_bytes: 1 << 20,
            streams_bytes: 64 << 20,
            stream_age: 30_000_000_000,
            stream_disorder: 1_000_000_000,
            stream_disorder_frames: 64,
        }
    }
}

/// Where in the input something was found; every later complaint points home to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Number of the frame, from 1, over the whole input.
    pub frame: u64,
    /// Byte at which the frame's data begin, in the input after unpacking.
    pub offset: u64,
    /// Which of several inputs, from 0.
    pub file: u16,
}

/// One UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When the frame was captured; for fragments, when the last missing one was.
    pub at: Timestamp,
    /// Source address and port.
    pub from: SocketAddr,
    /// Destination address and port.
    pub to: SocketAddr,
    /// What UDP carries, as far as it was captured.
    pub payload: &'a [u8],
    /// The frame; for fragments, the frame that completed the datagram.
    pub origin: Origin,
    /// The headers announce more payload than there is, as after a snap length.
    pub truncated: bool,
    /// Fragments overlapped with differing bytes; the bytes that came first were kept.
    pub overlap: bool,
}

/// What a capture holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A UDP datagram.
    Datagram(Datagram<'a>),
    /// A frame that gave no UDP datagram.
    Other {
        /// The frame.
        origin: Origin,
        /// When it was captured.
        at: Timestamp,
        /// Why it gave none.
        why: NotUdp,
    },
    /// The next bytes of a TCP stream, after the event of the frame that completed them.
    Piece(Piece<'a>),
    /// A comment on a pcapng section, bytes as they stand (UTF-8 by the format's rules).
    Comment(&'a [u8]),
    /// A pcapng Decryption Secrets Block.
    Secrets {
        /// What kind of secrets, as the block numbers them.
        secrets_type: u32,
        /// The secrets without padding.
        data: &'a [u8],
    },
}

/// Why a frame gave no UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotUdp {
    /// A link type that is not read.
    Link(LinkType),
    /// Neither IPv4 nor IPv6; the EtherType, or the length of an 802.3 frame.
    EtherType(u16),
    /// IP with another protocol: 1 ICMP, 6 TCP, 58 ICMPv6 and so on.
    Protocol(u8),
    /// A fragment that waits for others.
    Fragment,
    /// A fragment that waits for others, with bytes that differ from those already there.
    FragmentOverlap,
    /// A TCP segment, with bytes that differ from those already there.
    SegmentOverlap,
    /// The frame ends inside this header, as after a snap length.
    Cut(&'static str),
    /// A header that contradicts itself; what and how.
    Malformed(&'static str),
    /// More headers inside each other than are followed.
    TooDeep,
}

impl NotUdp {
    /// A word for tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Link(_) => "other_link",
            Self::EtherType(0x0806) => "arp",
            Self::EtherType(_) => "not_ip",
            Self::Protocol(1) => "icmp",
            Self::Protocol(6) | Self::SegmentOverlap => "tcp",
            Self::Protocol(58) => "icmpv6",
            Self::Protocol(_) => "other_ip",
            Self::Fragment | Self::FragmentOverlap => "fragment",
            Self::Cut(_) => "cut",
            Self::Malformed(_) => "malformed",
            Self::TooDeep => "too_deep",
        }
    }
}

/// What became of fragmented IP datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounts {
    /// Datagrams put together.
    pub completed: u64,
    /// Datagrams given up with fragments missing: too old, too many, or too large together.
    pub given_up: u64,
}

/// Reads the events of a capture, in the order of the file; of several, in the order of their times.
pub struct Datagrams<R> {
    inputs: Merge<R>,
    limits: Limits,
    fragments: Fragments,
    streams: Streams,
    /// What ended the input, while pieces are still to be handed out.
    error: Option<Error>,
    /// Whether reading the input may have to wait for somebody who writes it.
    may_wait: bool,
    times_out_of_range: u64,
}

impl<R: Read> Datagrams<R> {
    /// Recognises the format of `input` by its first bytes.
    ///
    /// # Errors
    ///
    /// [`Error::NotACapture`] for anything but pcap and pcapng, an empty input included.
    pub fn new(input: R, limits: Limits) -> Result<Self, Error> {
        let (fragments, streams) = (Fragments::new(&limits), Streams::new(&limits));
        Ok(Self {
            inputs: Merge::new(input, &limits)?,
            limits,
            fragments,
            streams,
            error: None,
            may_wait: true,
            times_out_of_range: 0,
        })
    }

    /// Adds another capture of the same network, whose clock was `shift` nanoseconds behind: that much is added
    /// to its times. Those that fail are read as far as they go, see [`Self::errors`].
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn and(mut self, input: R, shift: i64) -> Result<Self, Error> {
        self.inputs.add(input, shift, &self.limits)?;
        Ok(self)
    }

    /// What ended captures early, of several that are read as one; none where [`Self::next`] gives it.
    pub fn errors(&mut self) -> Vec<Error> {
        self.inputs.errors()
    }

    /// Says that reading the input never waits for somebody who writes it, as with a regular file: all of
    /// it counts as ready.
    #[must_use]
    pub fn without_waiting(self) -> Self {
        Self { may_wait: false, ..self }
    }

    /// The next event; `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// See [`Error`]; all frames before the place of the error were returned.
    #[expect(clippy::should_implement_trait, reason = "events borrow from the reader")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.next_in_place()
    }

    /// The same for whoever looks at less than is in an event: what nobody looks at is then not put together.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    #[inline(always)]
    pub(crate) fn next_in_place(&mut self) -> Result<Option<Event<'_>>, Error> {
        if self.streams.has_piece() {
            return Ok(self.streams.piece().map(Event::Piece));
        }
        let item = match self.inputs.next() {
            Ok(Some(item)) => item,
            Ok(None) => return self.end(),
            Err(error) => {
                self.error = Some(error);
                return self.end();
            }
        };
        let Item { kind, at, link, .. } = item;
        Ok(Some(match kind {
            Kind::Frame => {
                let origin = self.inputs.count_frame(&item);
                let is_clamped = at == Timestamp::MIN || at == Timestamp::MAX;
                self.times_out_of_range += u64::from(is_clamped);
                let frame = self.inputs.data(&item);
                let (fragments, streams) = (&mut self.fragments, &mut self.streams);
                match net::datagram(link, frame, origin, at, fragments, streams) {
                    Ok(datagram) => Event::Datagram(datagram),
                    Err(why) => Event::Other { origin, at, why },
                }
            }
            Kind::Comment => Event::Comment(self.inputs.data(&item)),
            Kind::Secrets { secrets_type } => {
                Event::Secrets { secrets_type, data: self.inputs.data(&item) }
            }
        }))
    }

    /// The input has ended: hands out what still waits, then says what ended it.
    #[cold]
    fn end(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.streams.finish();
        if self.streams.has_piece() {
            return Ok(self.streams.piece().map(Event::Piece));
        }
        self.error.take().map_or(Ok(None), Err)
    }

    /// Whether reading the input may have to wait for somebody who writes it.
    pub const fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// Whether [`Self::next`] will not wait for the input: the next event is sure to be in what was read
    /// already, or the input is one that nobody waits for.
    #[inline]
    pub fn is_ready(&self) -> bool {
        !self.may_wait || self.streams.has_piece() || self.inputs.is_ready()
    }

    /// Frames read so far, with and without datagrams.
    pub fn frames(&self) -> u64 {
        self.inputs.frames()
    }

    /// Frames whose times [`Timestamp`] cannot hold: they have its earliest or latest one.
    pub fn times_out_of_range(&self) -> u64 {
        self.times_out_of_range
    }

    /// What became of fragmented datagrams so far; those that still wait are in neither count.
    pub fn fragments(&self) -> FragmentCounts {
        self.fragments.counts
    }

    /// What became of TCP segments so far; bytes that still wait are in no count.
    pub fn streams(&self) -> StreamCounts {
        self.streams.counts()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::bytes::Order;
    use super::testing::{
        ACK, Bytes, SYN, Seen, ethernet, ipv4, ipv6, ipv6_fragment, read, tcp, udp,
    };
    use super::*;

    #[test]
    fn an_input_that_is_no_capture_is_refused_in_one_sentence() {
        let refused = |input: &[u8]| Datagrams::new(input, Limits::default()).err().unwrap();
        for (input, reason) in [
            (&b""[..], "the input is empty"),
            (&[0xd4, 0xc3, 0xb2], "the input is too short to tell what it is"),
            (b"hello, world\n", "it looks like text"),
            ("# Müll\n".as_bytes(), "it looks like text"),
            (b"\x7fELF", "it begins with 7f 45 4c 46, not like pcap or pcapng"),
            (b"BZh9", "it is packed with bzip2; unpack it first"),
            (b"\xfd7zXZ\0", "it is packed with xz; unpack it first"),
            (b"PK\x03\x04", "it is a zip archive; unpack it first"),
            (&[4, 0x22, 0x4d, 0x18], "it is packed with lz4; unpack it first"),
        ] {
            assert_eq!(refused(input).to_string(), format!("not a capture: {reason}"));
        }
    }

    #[test]
    fn a_recording_is_read_back() {
        let mut writer = pcapng::Writer::with_comments(Vec::new(), ["one", "two"]).unwrap();
        let interface = |resolution| pcapng::Interface {
            link: LinkType::RAW,
            snap_length: 0,
            resolution,
            name: None,
        };
        writer.interface(interface(pcapng::Resolution::NANOSECONDS)).unwrap();
        writer.interface(interface(pcapng::Resolution::MICROSECONDS)).unwrap();
        writer.secrets(7, b"secret").unwrap();
        let frame = ipv4(17, 0, 0, &udp(b"abc"));
        let at = Timestamp::from_nanos(1_700_000_000_123_456_789);
        writer.packet(0, at, &frame, 31).unwrap();
        writer.packet(1, at, &frame[..30], 31).unwrap();
        let file = writer.finish().unwrap();
        let datagram = |at, payload, origin, truncated| {
            Event::Datagram(Datagram {
                at: Timestamp::from_nanos(at),
                from: "10.0.0.1:33445".parse().unwrap(),
                to: "10.0.0.2:33446".parse().unwrap(),
                payload,
                origin,
                truncated,
                overlap: false,
            })
        };
        let end = file.len() as u64;
        let expected = [
            Event::Comment(b"one"),
            Event::Comment(b"two"),
            Event::Secrets { secrets_type: 7, data: b"secret" },
            datagram(
                1_700_000_000_123_456_789,
                b"abc",
                Origin { frame: 1, offset: end - 100, file: 0 },
                false,
            ),
            datagram(
                1_700_000_000_123_456_000,
                b"ab",
                Origin { frame: 2, offset: end - 36, file: 0 },
                true,
            ),
        ];
        let mut datagrams = Datagrams::new(&*file, Limits::default()).unwrap();
        for event in expected {
            assert_eq!(datagrams.next().unwrap(), Some(event));
        }
        assert_eq!(datagrams.next().unwrap(), None);
        assert_eq!(datagrams.frames(), 2);
    }

    /// One frame of every kind that the network layer tells apart.
    fn frames() -> Vec<Vec<u8>> {
        let segment = udp(b"sixteen bytes in");
        vec![
            ethernet(&[0x0800], &ipv4(17, 0, 0, &segment)),
            ethernet(&[0x88a8, 0x8100, 0x86dd], &ipv6(17, &segment)),
            ethernet(&[0x0800], &ipv4(17, 3, 0x2000, &segment[..16])),
            ethernet(&[0x0800], &ipv4(17, 3, 0x2001, &segment)),
            ethernet(&[0x0800], &ipv4(17, 3, 2, &segment[16..])),
            ethernet(&[0x86dd], &ipv6(44, &ipv6_fragment(17, 9, 8, false, &segment[8..]))),
            ethernet(&[0x86dd], &ipv6(44, &ipv6_fragment(17, 9, 0, true, &segment[..8]))),
            ethernet(&[0x0806], &[0; 28]),
            ethernet(&[0x0800], &ipv4(6, 0, 0, &tcp(SYN, u32::MAX, 0, &[]))),
            ethernet(&[0x86dd], &ipv6(6, &tcp(SYN | ACK, 9, 9, b"fast"))),
            ethernet(&[0x0800], &ipv4(6, 0, 0, &tcp(ACK, 0, 1, b"what TCP carries"))),
            ethernet(&[0x0800], &ipv4(6, 0, 0, &[0; 20])),
            ethernet(&[0x0800], &ipv4(17, 0, 0, &segment))[..50].to_vec(),
        ]
    }

    fn pcap(order: Order, magic: u32) -> Vec<u8> {
        let mut file = Bytes::new(order).pcap(magic, 1);
        for (second, frame) in (0..).zip(frames()) {
            file = file.record(second, 5, &frame);
        }
        file.bytes
    }

    fn pcapng(order: Order) -> Vec<u8> {
        let comment = Bytes::new(order).option(1, b"comment").option(0, &[]).bytes;
        let secrets = Bytes::new(order).u32(1).u32(3).raw(b"key").bytes;
        let resolution = Bytes::new(order).option(9, &[9]).bytes;
        let mut file = Bytes::new(order).section(&comment).block(10, &secrets);
        file = file.interface(LinkType::ETHERNET, 0, &resolution);
        for (second, frame) in (0..).zip(frames()) {
            file = file.enhanced(0, second * 1_000_000_000 + 5, &frame).block(5, &[0; 12]);
        }
        file = file.section(&[]).interface(LinkType::ETHERNET, 96, &[]);
        for frame in frames() {
            let simple = Bytes::new(order).u32(u32::try_from(frame.len()).unwrap());
            file = file.block(3, &simple.raw(&frame).bytes);
        }
        file.bytes
    }

    fn files() -> Vec<Vec<u8>> {
        let mut files = Vec::new();
        for order in [Order::Little, Order::Big] {
            files.extend([pcap(order, 0xa1b2_c3d4), pcap(order, 0xa1b2_3c4d), pcapng(order)]);
        }
        files
    }

    #[test]
    fn both_byte_orders_give_the_same_events() {
        let [a, b, c, d, e, f] = files().try_into().unwrap();
        for (little, big) in [(a, d), (b, e), (c, f)] {
            let (seen, error) = read(&*little);
            assert!(seen.len() >= 10 && error.is_none());
            assert_eq!(read(&*big), (seen, None));
        }
    }

    #[test]
    fn a_capture_cut_at_any_byte_gives_the_events_before_the_cut_and_then_says_so() {
        for file in files() {
            let whole = read(&*file).0;
            let ends = record_ends(&file);
            for length in 0..file.len() {
                let (seen, error) = read(&file[..length]);
                assert_eq!(seen, whole[..seen.len()], "{length} bytes");
                match error {
                    Some(error) if length < 4 => {
                        assert!(error.starts_with("not a capture: the input"), "{error}");
                    }
                    Some(error) => {
                        assert!(error.starts_with("cut short at byte "), "{error}");
                        let before = ends.iter().take_while(|end| **end <= length).count();
                        assert_eq!(frames_in(&seen), before, "{length} bytes: {error}");
                    }
                    // Between two records or blocks a file may end.
                    None => assert!(length % 2 == 0 && error.is_none()),
                }
            }
        }
    }

    fn frames_in(seen: &[Seen]) -> usize {
        seen.iter().filter(|seen| matches!(seen, Seen::Datagram(..) | Seen::Other(..))).count()
    }

    /// Where in the file each frame is complete, found without the reader: a byte more or less
    /// makes no difference to a search for the frames' bytes.
    fn record_ends(file: &[u8]) -> Vec<usize> {
        let mut ends = Vec::new();
        let mut from = 0;
        let pcapng = file[0] == 0x0a;
        for frame in frames().iter().chain(frames().iter().filter(|_| pcapng)) {
            let here = file[from..].windows(frame.len()).position(|part| part == &**frame);
            from += here.expect("every frame is in the file") + frame.len();
            let block_end = if pcapng { from.next_multiple_of(4) + 4 } else { from };
            ends.push(block_end);
        }
        ends
    }

    /// Gives its bytes in pieces of these lengths.
    struct Dribble<'a>(&'a [u8], std::iter::Cycle<std::vec::IntoIter<usize>>);

    impl Read for Dribble<'_> {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            let length = self.1.next().unwrap_or(1).min(space.len()).min(self.0.len());
            let (now, later) = self.0.split_at(length);
            space[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    /// Counts how often it is read.
    struct Counted<'a, R>(R, &'a std::cell::Cell<u32>);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
            self.1.set(self.1.get() + 1);
            self.0.read(space)
        }
    }

    #[test]
    fn what_is_ready_takes_no_read() {
        for file in files() {
            for pieces in [vec![1], vec![7, 60], vec![200, 1], vec![1 << 16]] {
                let reads = std::cell::Cell::new(0);
                let input = Counted(Dribble(&file, pieces.clone().into_iter().cycle()), &reads);
                let mut datagrams = Datagrams::new(input, Limits::default()).unwrap();
                let mut ready = 0;
                loop {
                    let (was_ready, before) = (datagrams.is_ready(), reads.get());
                    let Some(_) = datagrams.next().unwrap() else { break };
                    if was_ready {
                        assert_eq!(reads.get(), before, "{pieces:?}");
                        ready += 1;
                    }
                }
                // Where all is there, blocks without a frame may still hide the next one.
                assert!(pieces != [1 << 16] || ready >= 8, "{ready}");
            }
        }
    }

    proptest! {
        #[test]
        fn reads_of_any_size_give_the_same_events(
            file in 0..6_usize,
            lengths in proptest::collection::vec(1..90_usize, 1..9),
        ) {
            let file = files().swap_remove(file);
            prop_assert_eq!(read(Dribble(&file, lengths.into_iter().cycle())), read(&*file));
        }

        #[test]
        fn damage_changes_nothing_that_came_before(
            file in 0..6_usize,
            place in any::<prop::sample::Index>(),
            bytes in proptest::collection::vec(any::<u8>(), 1..5),
        ) {
            let mut file = files().swap_remove(file);
            let whole = read(&*file).0;
            let place = place.index(file.len());
            let untouched = record_ends(&file).iter().take_while(|end| **end <= place).count();
            for (old, new) in file[place..].iter_mut().zip(bytes) {
                *old = new;
            }
            let seen = read(&*file).0;
            let frames = |seen: &[Seen]| {
                let frame = |seen: &&Seen| matches!(seen, Seen::Datagram(..) | Seen::Other(..));
                seen.iter().filter(frame).take(untouched).cloned().collect::<Vec<_>>()
            };
            prop_assert_eq!(frames(&seen), frames(&whole));
        }

        #[test]
        fn no_frame_of_any_link_makes_it_panic(
            link in prop::sample::select(vec![0, 1, 12, 101, 108, 113, 228, 229, 276, 7]),
            frame in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            testing::frames(LinkType(link), &[frame]);
        }
    }
}
