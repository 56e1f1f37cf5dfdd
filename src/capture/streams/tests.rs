use std::net::SocketAddr;

use proptest::prelude::*;

use super::*;
use crate::capture::net::Segment;
use crate::capture::testing::{ACK, FIN, RST, SYN};

/// A piece as text: frame, connection, sender, what it follows, bytes.
fn shown(piece: &Piece<'_>) -> String {
    let sender = match piece.from_opener {
        Some(true) => "opener",
        Some(false) => "other",
        None => "somebody",
    };
    let follows = match piece.follows {
        Follows::Start => "start".to_owned(),
        Follows::Bytes => "bytes".to_owned(),
        Follows::Hole(size) => format!("hole of {size}"),
        Follows::Unseen => "unseen".to_owned(),
    };
    let bytes = String::from_utf8_lossy(piece.bytes);
    format!("{} #{} {sender} after {follows}: {bytes}", piece.origin.frame, piece.connection)
}

/// Ann's and Bob's host, and the segments between them.
struct Wire {
    streams: Streams,
    frame: u64,
    /// Nanoseconds.
    now: i64,
    differ: Vec<u64>,
}

const ANN: SocketAddr = address(1, 50_000);
const BOB: SocketAddr = address(2, 33_445);

const fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, host)), port)
}

impl Wire {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self { streams: Streams::new(&limits), frame: 0, now: 0, differ: Vec::new() }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, segment: Segment<'_>) -> Vec<String> {
        self.frame += 1;
        let (at, frame) = (Timestamp::from_nanos(self.now), self.frame);
        if self.streams.segment(
            from,
            to,
            &segment,
            at,
            Origin { frame, offset: frame * 100, file: 0 },
        ) {
            self.differ.push(frame);
        }
        self.pieces()
    }

    fn pieces(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.streams.piece().as_ref().map(shown)).collect()
    }

    fn ann(&mut self, flags: u8, sequence: u32, acknowledgment: u32, bytes: &str) -> Vec<String> {
        self.send(ANN, BOB, segment(flags, sequence, acknowledgment, bytes.as_bytes()))
    }

    fn bob(&mut self, flags: u8, sequence: u32, acknowledgment: u32, bytes: &str) -> Vec<String> {
        self.send(BOB, ANN, segment(flags, sequence, acknowledgment, bytes.as_bytes()))
    }

    /// Ann opens a connection: her first byte is 101, Bob's is 901.
    fn opened() -> Self {
        let mut wire = Self::new();
        assert_eq!(wire.ann(SYN, 100, 0, ""), NOTHING);
        assert_eq!(wire.bob(SYN | ACK, 900, 101, ""), NOTHING);
        wire
    }

    fn wait(&mut self, seconds: i64) {
        self.now += seconds * 1_000_000_000 + 1;
    }

    /// Time passes, and so many frames of others.
    fn wait_frames(&mut self, seconds: i64, frames: u64) {
        self.wait(seconds);
        self.frame += frames;
    }

    fn end(mut self) -> (Vec<String>, StreamCounts) {
        self.streams.finish();
        let pieces = self.pieces();
        let counts = self.streams.counts();
        let held: usize = self.streams.connections.iter().map(|(_, it)| it.held()).sum();
        assert_eq!(self.streams.held, held);
        assert!(self.streams.connections.iter().all(|(_, it)| !it.first.has_hole()));
        (pieces, counts)
    }
}

fn segment(flags: u8, sequence: u32, acknowledgment: u32, payload: &[u8]) -> Segment<'_> {
    Segment::made(flags, sequence, acknowledgment, payload)
}

const NOTHING: [String; 0] = [];

#[test]
fn bytes_in_order_are_handed_out_as_of_their_own_frames() {
    let mut wire = Wire::opened();
    assert_eq!(wire.ann(ACK, 101, 901, "hello"), ["3 #1 opener after start: hello"]);
    assert_eq!(wire.bob(ACK, 901, 106, "hi"), ["4 #1 other after start: hi"]);
    assert_eq!(wire.ann(ACK, 106, 903, ", bob"), ["5 #1 opener after bytes: , bob"]);
    assert_eq!(wire.bob(ACK, 903, 111, ""), NOTHING);
    let (pieces, counts) = wire.end();
    assert_eq!(pieces, NOTHING);
    assert_eq!(counts, StreamCounts { connections: 1, bytes: 12, ..StreamCounts::default() });
}

#[test]
fn bytes_that_overtook_others_wait_for_the_frame_that_completes_them() {
    let mut wire = Wire::opened();
    assert_eq!(wire.ann(ACK, 106, 901, "world"), NOTHING);
    assert_eq!(wire.ann(ACK, 111, 901, "!"), NOTHING);
    assert_eq!(
        wire.ann(ACK, 101, 901, "hello"),
        [
            "5 #1 opener after start: hello",
            "5 #1 opener after bytes: world",
            "5 #1 opener after bytes: !"
        ]
    );
}

#[test]
fn bytes_that_come_again_are_handed_out_once() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "hello");
    assert_eq!(wire.ann(ACK, 101, 901, "hello"), NOTHING);
    assert_eq!(wire.ann(ACK, 104, 901, "lo, you"), ["5 #1 opener after bytes: , you"]);
    assert_eq!(wire.ann(ACK, 115, 901, "there"), NOTHING);
    assert_eq!(wire.ann(ACK, 115, 901, "there"), NOTHING);
    assert_eq!(
        wire.ann(ACK, 110, 901, "u out there"),
        [
            "8 #1 opener after bytes:  out",
            "8 #1 opener after bytes: there",
            "8 #1 opener after bytes: e"
        ]
    );
}

#[test]
fn the_first_bytes_win_and_frames_with_others_are_named() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "hello");
    assert_eq!(wire.ann(ACK, 101, 901, "jello"), NOTHING, "behind");
    assert_eq!(wire.differ, [4]);
    wire.ann(ACK, 110, 901, "waits");
    assert_eq!(wire.ann(ACK, 108, 901, "..waiting"), NOTHING, "among what waits");
    assert_eq!(wire.differ, [4, 6]);
    assert_eq!(
        wire.ann(ACK, 103, 901, "LLO, x"),
        [
            "7 #1 opener after bytes: , ",
            "7 #1 opener after bytes: ..",
            "7 #1 opener after bytes: waits",
            "7 #1 opener after bytes: ng"
        ]
    );
    assert_eq!(wire.differ, [4, 6, 7]);
    let (_, counts) = wire.end();
    assert_eq!((counts.overlaps, counts.repeated), (3, 5 + 5 + 3 + 1));
}

#[test]
fn a_byte_sent_to_ask_whether_anybody_is_there_is_no_overlap() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "hello");
    assert_eq!(wire.ann(ACK, 105, 901, "\0"), NOTHING);
    assert_eq!(wire.ann(ACK, 105, 901, ""), NOTHING);
    assert_eq!(wire.differ, [0; 0]);
}

#[test]
fn sequence_numbers_wrap() {
    let mut wire = Wire::new();
    wire.ann(SYN, u32::MAX - 3, 0, "");
    assert_eq!(wire.ann(ACK, 2, 0, "world"), NOTHING);
    assert_eq!(
        wire.ann(ACK, u32::MAX - 2, 0, "hello"),
        ["3 #1 opener after start: hello", "3 #1 opener after bytes: world"]
    );
    assert_eq!(wire.ann(ACK, 7, 0, "."), ["4 #1 opener after bytes: ."]);
}

#[test]
fn a_hole_that_the_receiver_does_not_have_is_waited_for() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "one");
    wire.ann(ACK, 107, 901, "three");
    for _ in 0..4 {
        wire.wait(5);
        assert_eq!(wire.bob(ACK, 901, 104, ""), NOTHING);
    }
    assert_eq!(
        wire.ann(ACK, 104, 901, "two"),
        ["9 #1 opener after bytes: two", "9 #1 opener after bytes: three"]
    );
    let (_, counts) = wire.end();
    assert_eq!((counts.holes, counts.lost), (0, 0));
}

#[test]
fn a_hole_that_the_receiver_has_is_given_up_when_disorder_no_longer_explains_it() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "one");
    wire.ann(ACK, 107, 901, "three");
    assert_eq!(wire.bob(ACK, 901, 112, ""), NOTHING);
    // Neither frames nor time alone are enough.
    wire.frame = 80;
    assert_eq!(wire.ann(ACK, 112, 901, "four"), NOTHING);
    let mut other = Wire::opened();
    other.ann(ACK, 107, 901, "three");
    other.bob(ACK, 901, 112, "");
    other.wait(2);
    assert_eq!(other.ann(ACK, 112, 901, "four"), NOTHING);
    wire.wait(1);
    // As of their own frames.
    assert_eq!(
        wire.bob(ACK, 901, 116, "ok"),
        [
            "4 #1 opener after hole of 3: three",
            "81 #1 opener after bytes: four",
            "82 #1 other after start: ok"
        ]
    );
    let (_, counts) = wire.end();
    assert_eq!((counts.holes, counts.lost), (1, 3));
}

#[test]
fn a_hole_is_given_up_when_it_is_old_whoever_sends_then() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 104, 901, "late");
    wire.wait(29);
    let others = (address(3, 1), address(4, 2));
    assert_eq!(wire.send(others.0, others.1, segment(SYN, 1, 0, b"")), NOTHING);
    wire.wait(1);
    assert_eq!(
        wire.send(others.0, others.1, segment(ACK, 2, 0, b"x")),
        ["3 #1 opener after hole of 3: late", "5 #2 opener after start: x"]
    );
    assert_eq!(wire.ann(ACK, 101, 901, "too"), NOTHING, "after its time");
}

#[test]
fn a_hole_is_given_up_when_too_much_waits_behind_it() {
    let limits = Limits { stream_bytes: 1000, ..Limits::default() };
    let mut wire = Wire::with(limits);
    wire.ann(SYN, 100, 0, "");
    for first in (102..).step_by(2).take(7) {
        assert_eq!(wire.ann(ACK, first, 0, "x"), NOTHING);
    }
    assert_eq!(wire.ann(ACK, 116, 0, "x"), ["2 #1 opener after hole of 1: x"]);
    assert_eq!(wire.ann(ACK, 118, 0, "x"), ["3 #1 opener after hole of 1: x"]);
}

#[test]
fn what_still_waits_at_the_end_is_handed_out_with_its_holes() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 111, 901, "b");
    wire.ann(ACK, 105, 901, "a");
    wire.bob(ACK, 910, 101, "c");
    let (pieces, counts) = wire.end();
    assert_eq!(
        pieces,
        [
            "4 #1 opener after hole of 4: a",
            "3 #1 opener after hole of 5: b",
            "5 #1 other after hole of 9: c"
        ]
    );
    assert_eq!((counts.holes, counts.lost), (3, 18));
}

#[test]
fn bytes_cut_off_by_the_snap_length_are_a_hole_at_once() {
    let mut wire = Wire::opened();
    let cut = |sequence, bytes, missing| Segment { missing, ..segment(ACK, sequence, 901, bytes) };
    assert_eq!(wire.send(ANN, BOB, cut(101, b"ab", 8)), ["3 #1 opener after start: ab"]);
    assert_eq!(wire.send(ANN, BOB, cut(111, b"", 5)), NOTHING);
    assert_eq!(wire.send(ANN, BOB, cut(126, b"ef", 8)), NOTHING, "overtook");
    assert_eq!(
        wire.send(ANN, BOB, cut(116, b"cd", 8)),
        ["6 #1 opener after hole of 13: cd", "6 #1 opener after hole of 8: ef"]
    );
    // The same again, and a little more.
    assert_eq!(wire.send(ANN, BOB, cut(126, b"ef", 12)), NOTHING);
    assert_eq!(wire.ann(ACK, 140, 901, "g"), ["8 #1 opener after hole of 12: g"]);
    let (_, counts) = wire.end();
    assert_eq!((counts.holes, counts.cut), (0, 33));
}

#[test]
fn a_stream_without_its_syn_begins_with_the_earliest_of_the_first_bytes() {
    let mut wire = Wire::new();
    assert_eq!(wire.ann(ACK, 506, 901, "world"), NOTHING);
    assert_eq!(wire.ann(ACK, 501, 901, "hello"), NOTHING);
    wire.wait_frames(1, 64);
    assert_eq!(
        wire.ann(ACK, 511, 901, "!"),
        [
            "2 #1 somebody after unseen: hello",
            "1 #1 somebody after bytes: world",
            "67 #1 somebody after bytes: !"
        ]
    );
    let (_, counts) = wire.end();
    assert_eq!((counts.holes, counts.lost), (0, 0));
}

#[test]
fn a_syn_that_its_bytes_overtook_still_begins_the_stream() {
    let mut wire = Wire::new();
    assert_eq!(wire.ann(ACK, 106, 901, "world"), NOTHING);
    assert_eq!(wire.bob(ACK, 901, 106, "hi"), NOTHING);
    assert_eq!(wire.ann(ACK, 101, 901, "hello"), NOTHING);
    assert_eq!(
        wire.ann(SYN, 100, 0, ""),
        ["4 #1 opener after start: hello", "4 #1 opener after bytes: world"]
    );
    assert_eq!(wire.bob(SYN | ACK, 900, 101, ""), ["5 #1 other after start: hi"]);
    assert_eq!(wire.ann(SYN, 100, 0, ""), NOTHING, "again");
    assert_eq!(wire.ann(ACK, 111, 903, "!"), ["7 #1 opener after bytes: !"]);
}

#[test]
fn the_answer_to_a_syn_says_where_both_begin() {
    let mut wire = Wire::new();
    assert_eq!(wire.bob(SYN | ACK, 900, 101, ""), NOTHING);
    assert_eq!(wire.ann(ACK, 101, 901, "hello"), ["2 #1 opener after start: hello"]);
    assert_eq!(wire.bob(ACK, 901, 106, "hi"), ["3 #1 other after start: hi"]);
}

#[test]
fn bytes_may_come_with_the_syn() {
    let mut wire = Wire::new();
    assert_eq!(wire.ann(SYN, 100, 0, "fast"), ["1 #1 opener after start: fast"]);
    assert_eq!(wire.ann(ACK, 105, 901, "er"), ["2 #1 opener after bytes: er"]);
}

#[test]
fn after_the_end_of_a_connection_its_ports_are_used_again() {
    for end in [FIN, RST] {
        let mut wire = Wire::opened();
        wire.ann(ACK, 101, 901, "hello");
        assert_eq!(wire.bob(end | ACK, 901, 106, ""), NOTHING);
        assert_eq!(wire.ann(end | ACK, 106, 901, ""), NOTHING);
        assert_eq!(wire.ann(SYN, 5000, 0, ""), NOTHING);
        assert_eq!(wire.bob(SYN | ACK, 77, 5001, ""), NOTHING);
        assert_eq!(wire.ann(ACK, 5001, 78, "again"), ["8 #2 opener after start: again"]);
        assert_eq!(wire.bob(ACK, 78, 5006, "hi"), ["9 #2 other after start: hi"]);
        assert_eq!(wire.end().1.connections, 2);
    }
}

#[test]
fn ports_may_be_used_again_by_the_other_side_and_without_an_end_before() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "hello");
    wire.ann(ACK, 110, 901, "waits");
    assert_eq!(wire.bob(SYN, 5000, 0, ""), NOTHING, "noted");
    assert_eq!(wire.ann(SYN | ACK, 77, 5001, ""), ["4 #1 opener after hole of 4: waits"]);
    assert_eq!(wire.bob(ACK, 5001, 78, "new"), ["7 #2 opener after start: new"]);
    assert_eq!(wire.ann(ACK, 78, 5004, "hi"), ["8 #2 other after start: hi"]);

    // Only one side is captured.
    let mut wire = Wire::new();
    wire.ann(SYN, 100, 0, "");
    wire.ann(ACK, 101, 901, "hello");
    wire.ann(SYN, 9000, 0, "");
    assert_eq!(wire.ann(ACK, 9001, 1, "new"), ["4 #2 opener after start: new"]);
}

#[test]
fn a_forged_syn_or_reset_ends_nothing() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "hello");
    wire.ann(SYN, 0x7000_0000, 0, "");
    wire.bob(SYN, 0x7000_0000, 0, "");
    wire.bob(RST, 0x7000_0000, 0, "");
    wire.ann(SYN, 0x7100_0000, 0, "");
    assert_eq!(wire.ann(ACK, 106, 901, ", bob"), ["8 #1 opener after bytes: , bob"]);
    assert_eq!(wire.bob(RST, 901, 0, ""), NOTHING);
    assert_eq!(wire.ann(ACK, 111, 901, "!"), ["10 #1 opener after bytes: !"], "after a reset too");
}

#[test]
fn segments_far_away_are_passed_over_until_they_are_confirmed() {
    let mut wire = Wire::opened();
    wire.ann(ACK, 101, 901, "hello");
    assert_eq!(wire.ann(ACK, 1_000_000_000, 901, "forged"), NOTHING);
    assert_eq!(wire.ann(ACK, 3_000_000_000, 901, "forged"), NOTHING);
    assert_eq!(wire.ann(ACK, 106, 901, ", bob"), ["6 #1 opener after bytes: , bob"]);
    // By what the other side acknowledges.
    wire.bob(ACK, 901, 200_005, "");
    assert_eq!(wire.ann(ACK, 200_000, 901, "there"), ["8 #1 opener after hole of 199889: there"]);
    // By what follows them.
    assert_eq!(wire.ann(ACK, 900_000, 901, "one"), NOTHING);
    assert_eq!(wire.ann(ACK, 900_003, 901, "two"), NOTHING);
    assert_eq!(wire.ann(ACK, 900_006, 901, "six"), ["11 #1 opener after hole of 700001: six"]);
    assert_eq!(wire.ann(ACK, 900_009, 901, "."), ["12 #1 opener after bytes: ."]);
    // Backwards, as when ports are used again and no SYN was captured.
    for part in ["a", "b"] {
        assert_eq!(wire.ann(ACK, 4_000_000_000 + u32::from(part == "b"), 901, part), NOTHING);
    }
    assert_eq!(wire.ann(ACK, 4_000_000_002, 901, "c"), ["15 #1 opener after unseen: c"]);
    let (_, counts) = wire.end();
    assert_eq!((counts.strays, counts.holes, counts.lost), (6, 3, 199_889 + 700_001));
}

#[test]
fn the_connection_used_least_recently_is_forgotten_and_counted() {
    let mut wire = Wire::with(Limits { tcp_connections: 2, ..Limits::default() });
    wire.ann(SYN, 100, 0, "");
    wire.ann(ACK, 111, 0, "waits");
    wire.send(address(3, 1), BOB, segment(SYN, 1, 0, b""));
    assert_eq!(
        wire.send(address(4, 1), BOB, segment(SYN, 1, 0, b"")),
        ["2 #1 opener after hole of 10: waits"]
    );
    assert_eq!(wire.ann(ACK, 116, 0, "later"), NOTHING);
    wire.wait_frames(1, 64);
    assert_eq!(
        wire.ann(ACK, 121, 0, "."),
        ["5 #4 somebody after unseen: later", "70 #4 somebody after bytes: ."]
    );
    assert_eq!(wire.end().1.forgotten, 2);
}

#[test]
fn all_connections_together_hold_no_more_than_they_may() {
    let limits = Limits { streams_bytes: 100_000, ..Limits::default() };
    let mut wire = Wire::with(limits);
    for host in 0..200 {
        let from = address(7, host);
        wire.send(from, BOB, segment(SYN, 1, 0, b""));
        wire.send(from, BOB, segment(ACK, 2, 0, &[b'x'; 1500]));
        wire.send(from, BOB, segment(ACK, 9000, 0, &[b'y'; 1500]));
        assert!(wire.streams.held <= 100_000 + 5000);
    }
    let (pieces, counts) = wire.end();
    assert!(counts.forgotten > 150);
    assert_eq!(counts.bytes, 200 * 3000);
    assert_eq!(counts.holes, 200);
    assert!(pieces.len() < 50);
}

#[test]
fn a_hundred_thousand_half_open_connections_have_room() {
    let mut wire = Wire::new();
    wire.ann(SYN, 100, 0, "");
    for number in 0..100_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let from = SocketAddr::from(([10, a, b, c], 1024));
        assert_eq!(wire.send(from, BOB, segment(SYN, number, 0, b"")), NOTHING);
    }
    assert_eq!(wire.streams.held, 0);
    assert_eq!(wire.ann(ACK, 101, 0, "hello"), ["100002 #1 opener after start: hello"]);
    let (_, counts) = wire.end();
    assert_eq!((counts.connections, counts.forgotten), (100_001, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Whatever cuts, disorder and repetition the wire makes of a stream.
    #[test]
    fn the_same_bytes_give_the_same_stream_however_they_come(
        bytes in proptest::collection::vec(any::<u8>(), 1..2000),
        first: u32,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 1..400_usize), 0..40),
        syn_after in 0..5_usize,
    ) {
        // Random stretches in any order, then the whole, so that nothing is missing.
        let mut segments: Vec<(usize, &[u8])> = cuts
            .iter()
            .map(|(start, length)| {
                let start = start.index(bytes.len());
                (start, &bytes[start..(start + length).min(bytes.len())])
            })
            .collect();
        for (at, part) in bytes.chunks(97).enumerate() {
            segments.push((at * 97, part));
        }
        let mut wire = Wire::new();
        let mut stream = Vec::new();
        let syn_after = syn_after.min(segments.len());
        segments.insert(syn_after, (0, &[]));
        for (number, (start, part)) in segments.into_iter().enumerate() {
            let sequence = first.wrapping_add(start as u32);
            let segment = if number == syn_after {
                segment(SYN, sequence.wrapping_sub(1), 0, part)
            } else {
                segment(ACK, sequence, 0, part)
            };
            let origin = Origin { frame: number as u64, offset: 0, file: 0 };
            let differs = wire.streams.segment(ANN, BOB, &segment, Timestamp::default(), origin);
            prop_assert!(!differs);
            while let Some(piece) = wire.streams.piece() {
                let follows = if stream.is_empty() { Follows::Start } else { Follows::Bytes };
                prop_assert_eq!(piece.follows, follows);
                stream.extend_from_slice(piece.bytes);
            }
        }
        prop_assert_eq!(stream, bytes);
        let (_, counts) = wire.end();
        prop_assert_eq!((counts.holes, counts.overlaps, counts.strays), (0, 0, 0));
    }

    /// Whatever segments come: bytes are conserved, bounds hold, nothing panics.
    #[test]
    fn any_segments_at_all_keep_the_bounds(
        segments in proptest::collection::vec(
            (any::<bool>(), any::<u8>(), prop_oneof![0..2000_u32, any::<u32>()], any::<u32>(),
             0..600_usize, 0..100_usize, 0..3_000_000_000_i64),
            0..200,
        ),
    ) {
        let limits = Limits { stream_bytes: 5000, streams_bytes: 9000, tcp_connections: 2, ..Limits::default() };
        let mut wire = Wire::with(limits);
        for (from_ann, flags, sequence, acknowledgment, length, missing, pause) in segments {
            wire.now += pause;
            let bytes = vec![flags; length];
            let segment = Segment { missing, ..segment(flags, sequence, acknowledgment, &bytes) };
            let (from, to) = if from_ann { (ANN, BOB) } else { (BOB, address(1, u16::from(flags & 1))) };
            wire.send(from, to, segment);
            let held: usize = wire.streams.connections.iter().map(|(_, it)| it.held()).sum();
            prop_assert_eq!(wire.streams.held, held);
        }
        wire.end();
    }
}
