//! TCP segments to the bytes that they carry, in order and once.
//!
//! * Bytes that came first win, whatever comes later in their place; a frame whose bytes differ from
//!   those is named ([`NotUdp::SegmentOverlap`](super::NotUdp)) and counted.
//! * Bytes that overtook others wait for them, within bounds ([`Limits`]): those of one direction, those
//!   of all, and a hole that they may wait for. A hole is given up when the other side acknowledges what
//!   is behind it and disorder no longer explains it, when it is too old, when too much waits, and at
//!   the end of the capture. The piece behind it says how much is missing.
//! * A piece is handed out as of the frame that completed it: the one that filled the hole before it. What
//!   waited behind a hole that was given up is handed out as of its own frame.
//! * A stream whose SYN was not captured begins with the first bytes seen, after a moment in which earlier
//!   ones may still come.
//! * Segments far away from the next byte are passed over until the other side has acknowledged them or
//!   enough of them follow each other: then the stream goes on there.
//! * RST and FIN end nothing: whatever still comes is taken. They only allow that a SYN begins another
//!   connection between the same ports; in the midst of a connection the SYN has to be answered, or
//!   followed, first.

mod half;
mod history;
mod sink;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;

use foldhash::fast::RandomState;
use lru::LruCache;

use super::net::Segment;
use super::{Limits, Origin};
use crate::time::Timestamp;

use half::{Begins, Data, Half};
use sink::{Sink, Way, When};

/// The next bytes of one direction of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// When the frame was captured that completed the piece.
    pub at: Timestamp,
    /// Source address and port.
    pub from: SocketAddr,
    /// Destination address and port.
    pub to: SocketAddr,
    /// The bytes, at least one.
    pub bytes: &'a [u8],
    /// The frame that completed the piece.
    pub origin: Origin,
    /// Number of the connection, from 1, in the order in which they were first seen.
    pub connection: u32,
    /// Whether the sender opened the connection; `None` if its opening was not captured.
    pub from_opener: Option<bool>,
    /// What is before it.
    pub follows: Follows,
}

/// What a piece of a stream follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Nothing: it begins the stream.
    Start,
    /// The bytes of the piece before.
    Bytes,
    /// So many bytes that are missing in the capture.
    Hole(u64),
    /// An unknown number of bytes that are missing in the capture, the beginning of the stream or more.
    Unseen,
}

/// What became of TCP segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Connections of which a SYN or bytes were seen.
    pub connections: u64,
    /// Bytes handed out.
    pub bytes: u64,
    /// Bytes that came again.
    pub repeated: u64,
    /// Segments with bytes that differ from others in their place, which came first.
    pub overlaps: u64,
    /// Holes in streams that were given up.
    pub holes: u64,
    /// Bytes missing in them, as far as their size is known.
    pub lost: u64,
    /// Bytes cut off by the snap length.
    pub cut: u64,
    /// Segments passed over because they were far away from their streams.
    pub strays: u64,
    /// Connections forgotten for want of room.
    pub forgotten: u64,
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The two ends, the smaller one first.
type Key = (SocketAddr, SocketAddr);

fn key_of(from: SocketAddr, to: SocketAddr) -> (Key, Side) {
    if from <= to { ((from, to), Side::First) } else { ((to, from), Side::Second) }
}

/// A TCP connection.
struct Connection {
    number: u32,
    /// Who opened it, if that was seen.
    opener: Option<Side>,
    first: Half,
    second: Half,
    /// Whether either side reset it or both finished.
    is_closed: bool,
    finished: Option<Side>,
    /// A SYN in its midst that may begin another connection: from whom, and that one's first byte.
    reopening: Option<(Side, u32)>,
}

impl Connection {
    fn new(number: u32) -> Self {
        Self {
            number,
            opener: None,
            first: Half::default(),
            second: Half::default(),
            is_closed: false,
            finished: None,
            reopening: None,
        }
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }

    fn way(&self, key: &Key, side: Side) -> Way {
        let (from, to) = match side {
            Side::First => (key.0, key.1),
            Side::Second => (key.1, key.0),
        };
        let from_opener = self.opener.map(|opener| opener == side);
        Way { connection: self.number, from, to, from_opener }
    }

    fn held(&self) -> usize {
        self.first.held() + self.second.held()
    }

    /// A SYN of `opener`, or the answer to one, says where the streams begin: that of its sender, and if
    /// it is an answer that of the other side.
    fn open(
        &mut self,
        opener: Side,
        (side, first, theirs): (Side, u32, Option<u32>),
        context: &mut Context<'_>,
    ) -> Begins {
        let known = self.opener;
        self.opener = known.or(Some(opener));
        let begins = self.begin_half(side, first, context);
        if begins == Begins::Another {
            self.opener = known;
        } else if let Some(theirs) = theirs {
            self.begin_half(side.other(), theirs, context);
        }
        begins
    }

    fn begin_half(&mut self, side: Side, first: u32, context: &mut Context<'_>) -> Begins {
        let way = self.way(context.key, side);
        self.half(side).begin(first, context.when, &way, context.limits, context.sink)
    }

    /// Whether a SYN that contradicts what is known may begin another connection now. In the midst of one
    /// it is only noted, until it is answered.
    fn may_begin_anew(&mut self, (side, first, theirs): (Side, u32, Option<u32>)) -> bool {
        let is_unused = self.first.is_untouched() && self.second.is_untouched();
        let is_answer = theirs.is_some_and(|theirs| self.reopening == Some((side.other(), theirs)));
        if theirs.is_none() {
            self.reopening = Some((side, first));
        }
        self.is_closed || is_unused || is_answer
    }

    /// Makes room for another connection between the same ends.
    fn begin_anew(&mut self, context: &mut Context<'_>) {
        self.flush(context.key, context.sink);
        *self = Self::new(number(context.sink));
    }

    fn note_end(&mut self, segment: &Segment<'_>, side: Side, limits: &Limits) {
        if segment.fin {
            self.is_closed |= self.finished == Some(side.other());
            self.finished.get_or_insert(side);
        }
        self.is_closed |= segment.rst && self.half(side).expects(segment.sequence, limits);
    }

    /// Gives up everything that still waits.
    fn flush(&mut self, key: &Key, sink: &mut Sink) {
        for side in [Side::First, Side::Second] {
            let way = self.way(key, side);
            while self.half(side).has_hole() {
                self.half(side).give_up(&way, sink);
            }
        }
    }
}

/// What taking a SYN needs beside the connection.
struct Context<'a> {
    key: &'a Key,
    when: When,
    limits: &'a Limits,
    sink: &'a mut Sink,
}

/// A hole that is looked at again when some time has passed.
struct Hole {
    since: Timestamp,
    key: Key,
    side: Side,
    /// The connection it is in.
    connection: u32,
}

/// All TCP connections.
pub(super) struct Streams {
    limits: Limits,
    connections: LruCache<Key, Connection, RandomState>,
    holes: VecDeque<Hole>,
    sink: Sink,
    /// Bytes held in all connections.
    held: usize,
}

impl Streams {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            connections: LruCache::unbounded_with_hasher(RandomState::default()),
            holes: VecDeque::new(),
            sink: Sink::default(),
            held: 0,
        }
    }

    /// What became of segments so far; bytes that still wait are in no count.
    pub(super) const fn counts(&self) -> StreamCounts {
        self.sink.counts
    }

    /// Whether there is a piece to fetch.
    #[inline]
    pub(super) fn has_piece(&self) -> bool {
        !self.sink.is_empty()
    }

    /// The next piece.
    pub(super) fn piece(&mut self) -> Option<Piece<'_>> {
        self.sink.pop()
    }

    /// Takes a segment; true if its bytes differ from others in their place, which came first.
    #[cold]
    pub(super) fn segment(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        segment: &Segment<'_>,
        at: Timestamp,
        origin: Origin,
    ) -> bool {
        self.look_at_holes(When { at, origin });
        let (key, side) = key_of(from, to);
        let has_bytes = !segment.payload.is_empty() || segment.missing > 0;
        let is_known = self.connections.contains(&key);
        if !is_known && !segment.syn && !has_bytes {
            return false;
        }
        if !is_known {
            self.insert(key);
        }
        let (limits, sink) = (&self.limits, &mut self.sink);
        let connection =
            self.connections.get_mut(&key).expect("it was put there if it was missing");
        let held = connection.held();
        let mut context = Context { key: &key, when: When { at, origin }, limits, sink };
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.syn {
            let opener = if segment.acknowledgment.is_some() { side.other() } else { side };
            let begin = (side, sequence, segment.acknowledgment);
            if connection.open(opener, begin, &mut context) == Begins::Another
                && connection.may_begin_anew(begin)
            {
                connection.begin_anew(&mut context);
                connection.open(opener, begin, &mut context);
            }
        } else if has_bytes && connection.reopening == Some((side, sequence)) {
            connection.begin_anew(&mut context);
            connection.open(side, (side, sequence, None), &mut context);
        }
        if let Some(number) = segment.acknowledgment {
            connection.half(side.other()).acknowledge(number);
        }
        let mut differs = false;
        if has_bytes {
            let (bytes, missing) = (segment.payload, segment.missing);
            let data = Data { sequence, bytes, missing, when: When { at, origin } };
            let way = connection.way(&key, side);
            let half = connection.half(side);
            differs = half.data(data, &way, limits, sink);
            sink.counts.overlaps += u64::from(differs);
            if half.has_hole() && !std::mem::replace(&mut half.is_listed, true) {
                self.holes.push_back(Hole { since: at, key, side, connection: way.connection });
            }
        }
        connection.note_end(segment, side, limits);
        self.held = self.held + connection.held() - held;
        self.make_room();
        differs
    }

    /// Gives up everything that still waits: the capture has ended.
    #[cold]
    pub(super) fn finish(&mut self) {
        for hole in std::mem::take(&mut self.holes) {
            if let Some(connection) = self.connections.peek_mut(&hole.key)
                && connection.number == hole.connection
            {
                let held = connection.held();
                connection.flush(&hole.key, &mut self.sink);
                self.held = self.held + connection.held() - held;
            }
        }
    }

    fn insert(&mut self, key: Key) {
        while self.connections.len() >= self.limits.tcp_connections.max(1) {
            self.forget_oldest();
        }
        let connection = Connection::new(number(&mut self.sink));
        self.connections.put(key, connection);
    }

    fn make_room(&mut self) {
        while self.held > self.limits.streams_bytes && self.connections.len() > 1 {
            self.forget_oldest();
        }
        if self.holes.len() > 2 * self.connections.len() + 16 {
            let connections = &self.connections;
            self.holes.retain(|hole| {
                connections.peek(&hole.key).is_some_and(|found| found.number == hole.connection)
            });
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((key, mut connection)) = self.connections.pop_lru() {
            self.held -= connection.held();
            connection.flush(&key, &mut self.sink);
            self.sink.counts.forgotten += 1;
        }
    }

    /// Gives up holes that are not going to be filled any more.
    fn look_at_holes(&mut self, now: When) {
        while let Some(hole) = self.holes.front()
            && now.at.nanos_since(hole.since) > self.limits.stream_disorder
            && let Some(hole) = self.holes.pop_front()
        {
            let Some(connection) = self
                .connections
                .peek_mut(&hole.key)
                .filter(|connection| connection.number == hole.connection)
            else {
                continue;
            };
            let held = connection.held();
            let way = connection.way(&hole.key, hole.side);
            let half = connection.half(hole.side);
            while half.is_overdue(now, &self.limits) {
                half.give_up(&way, &mut self.sink);
            }
            half.is_listed = half.has_hole();
            if half.is_listed {
                self.holes.push_back(Hole { since: now.at, ..hole });
            }
            self.held = self.held + connection.held() - held;
        }
    }
}

/// The number of the next connection.
fn number(sink: &mut Sink) -> u32 {
    sink.counts.connections += 1;
    u32::try_from(sink.counts.connections).unwrap_or(u32::MAX)
}
