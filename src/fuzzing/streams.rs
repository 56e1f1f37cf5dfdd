//! TCP streams: the same bytes, however they come; and whatever comes.

use std::collections::BTreeMap;

use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{Datagrams, Event, Follows, Limits, LinkType, StreamCounts};
use crate::time::Timestamp;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The same bytes, cut into segments differently, out of order and repeated, give the same stream, whole
/// and from its start. If the first byte is odd: any segments at all give each byte at most once.
pub fn tcp_streams(data: &[u8]) {
    match data.split_first() {
        Some((mode, data)) if mode & 1 == 0 => same_stream(data),
        Some((_, data)) => any_segments(data),
        None => {}
    }
}

/// The input: the sequence number of the first byte (four bytes, big-endian), the length of the stream (two
/// bytes), after how many segments the SYN comes (one byte); then for each segment where it begins (two
/// bytes) and how long it is (one byte). In the end the whole is sent in order.
fn same_stream(data: &[u8]) {
    let Some((&[s0, s1, s2, s3, l0, l1, syn], data)) = data.split_first_chunk::<7>() else {
        return;
    };
    let first = u32::from_be_bytes([s0, s1, s2, s3]);
    let length = usize::from(u16::from_be_bytes([l0, l1])) % 4096 + 1;
    let stream: Vec<u8> = (0..length).map(|at| (at * 7 + at / 251) as u8).collect();
    let stretches = data.chunks_exact(3).filter_map(|chunk| {
        let &[p0, p1, size] = chunk else { return None };
        let start = usize::from(u16::from_be_bytes([p0, p1])) % length;
        Some((start, (start + usize::from(size)).min(length)))
    });
    let whole = (0..length).step_by(211).map(|start| (start, (start + 211).min(length)));
    let mut segments: Vec<Frame<'_>> = stretches
        .chain(whole)
        .map(|(start, end)| Frame {
            flags: ACK,
            sequence: first.wrapping_add(start as u32),
            bytes: stream.get(start..end).unwrap_or_default(),
            ..Frame::default()
        })
        .collect();
    let opening = Frame { flags: SYN, sequence: first.wrapping_sub(1), ..Frame::default() };
    segments.insert(usize::from(syn).min(segments.len()), opening);

    let (pieces, counts) = read(&segments, Limits::default());
    let mut got = Vec::new();
    for (_, follows, bytes) in &pieces {
        assert_eq!(*follows, if got.is_empty() { Follows::Start } else { Follows::Bytes });
        got.extend_from_slice(bytes);
    }
    assert_eq!(got, stream);
    assert_eq!((counts.overlaps, counts.holes, counts.strays), (0, 0, 0));
}

/// The input, for each segment: flags, who sends (the lowest bit) and where the sequence number is (the
/// others, in steps of 2^25), the rest of it and the acknowledgment (two bytes each), how many bytes it has
/// and how many were cut off, and quarters of a second that pass (a byte each).
fn any_segments(data: &[u8]) {
    let filling: Vec<u8> = (0..=u8::MAX).collect();
    let segments: Vec<Frame<'_>> = data
        .chunks_exact(9)
        .filter_map(|chunk| {
            let &[flags, who, q0, q1, a0, a1, size, cut, pause] = chunk else { return None };
            let sequence = u32::from(u16::from_be_bytes([q0, q1]));
            let begin = usize::from(flags >> 5);
            Some(Frame {
                flags: flags & 0x1f,
                is_back: who & 1 == 1,
                sequence: sequence.wrapping_add(u32::from(who >> 1) << 25),
                acknowledgment: u32::from(u16::from_be_bytes([a0, a1])),
                bytes: filling.get(begin..begin + usize::from(size)).unwrap_or(&filling),
                cut: usize::from(cut),
                pause: i64::from(pause) * 250_000_000,
            })
        })
        .collect();
    let limits = Limits { stream_bytes: 4 << 10, streams_bytes: 12 << 10, ..Limits::default() };
    let (pieces, counts) = read(&segments, limits.clone());
    assert_eq!(read(&segments, limits), (pieces.clone(), counts), "two runs differ");
    let sent: usize = segments.iter().map(|segment| segment.bytes.len()).sum();
    let got: usize = pieces.iter().map(|(_, _, bytes)| bytes.len()).sum();
    assert!(got <= sent, "{got} bytes of {sent}");
    assert_eq!(got as u64, counts.bytes);
    let mut begun = BTreeMap::new();
    for (way, follows, bytes) in &pieces {
        assert!(!bytes.is_empty());
        let is_first = begun.insert(*way, ()).is_none();
        assert!(!is_first || *follows != Follows::Bytes, "nothing was before it");
        assert!(is_first || *follows != Follows::Start, "something was before it");
    }
}

/// One TCP segment in a frame of its own.
#[derive(Default)]
struct Frame<'a> {
    flags: u8,
    is_back: bool,
    sequence: u32,
    acknowledgment: u32,
    bytes: &'a [u8],
    /// How many bytes more its header announces.
    cut: usize,
    /// Nanoseconds that pass before it.
    pause: i64,
}

impl Frame<'_> {
    /// An IPv4 packet between 10.0.0.1 and 10.0.0.2.
    fn emit(&self) -> Vec<u8> {
        let (from, to) = if self.is_back { (2, 1) } else { (1, 2) };
        let length = u16::try_from(40 + self.bytes.len() + self.cut).unwrap_or(u16::MAX);
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, from, 10, 0, 0, to]);
        packet.extend([0x10, from, 0x10, to]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.acknowledgment.to_be_bytes());
        packet.extend([0x50, self.flags, 0, 0, 0, 0, 0, 0]);
        packet.extend_from_slice(self.bytes);
        packet
    }
}

/// A direction of a connection.
type Way = (u32, bool);

/// The pieces that a capture of these segments gives.
fn read(segments: &[Frame<'_>], limits: Limits) -> (Vec<(Way, Follows, Vec<u8>)>, StreamCounts) {
    const MEMORY: &str = "memory does not fail";
    let mut writer = Writer::new(Vec::new()).expect(MEMORY);
    let (link, snap_length, resolution) = (LinkType::RAW, 0, Resolution::NANOSECONDS);
    writer.interface(Interface { link, snap_length, resolution, name: None }).expect(MEMORY);
    let mut now = 0;
    for segment in segments {
        now += segment.pause;
        let frame = segment.emit();
        let length = frame.len() as u32;
        writer.packet(0, Timestamp::from_nanos(now), &frame, length).expect(MEMORY);
    }
    let file = writer.finish().expect(MEMORY);
    let mut datagrams = Datagrams::new(&*file, limits).expect("it was written as a capture");
    let mut pieces = Vec::new();
    while let Some(event) = datagrams.next().expect("it was written whole") {
        if let Event::Piece(piece) = event {
            let way = (piece.connection, piece.from < piece.to);
            pieces.push((way, piece.follows, piece.bytes.to_vec()));
        }
    }
    assert_eq!(datagrams.frames(), segments.len() as u64);
    (pieces, datagrams.streams())
}
