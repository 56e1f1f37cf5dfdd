//! One direction of a TCP connection: segments in, bytes in their order out.

use std::collections::BTreeMap;

use super::history::History;
use super::sink::{Sink, Way, When};
use super::{Follows, Limits};
use crate::time::Timestamp;

/// How far behind the next byte a segment may begin that repeats old ones, in bytes.
const BEHIND: i64 = 1 << 20;

/// How many segments in a row far away from the next byte make the stream go on there.
const STRAYS: u32 = 3;

/// Where the positions of bytes begin, so that there is room for earlier ones than the first one seen.
const FIRST_POSITION: u64 = 1 << 32;

/// What a waiting piece costs beside its bytes, and the first of them.
const OVERHEAD: usize = 128;
const OVERHEAD_OF_FIRST: usize = 768;

/// The bytes of a segment.
#[derive(Clone, Copy)]
pub(super) struct Data<'a> {
    pub(super) sequence: u32,
    pub(super) bytes: &'a [u8],
    /// How many more there were on the wire.
    pub(super) missing: usize,
    pub(super) when: When,
}

/// How a SYN fits to what is known of its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// It is where the stream begins, or may have begun.
    Here,
    /// It begins another stream.
    Another,
}

/// How much is known of where the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing was seen.
    #[default]
    Unseen,
    /// Bytes were seen, but no SYN: others may come that were sent before them.
    Unsure,
    /// The next byte is known.
    Running,
}

/// One direction of a connection.
#[derive(Default)]
pub(super) struct Half {
    phase: Phase,
    /// Sequence number of the stream's first byte, once a SYN told it.
    first: Option<u32>,
    /// Sequence number of the next byte; of the first one seen, as long as it is unsure.
    next: u32,
    /// Position of that byte.
    position: u64,
    /// What the next piece follows, as far as it is known.
    lost: Option<Follows>,
    /// What the other side expects next.
    acknowledged: Option<u32>,
    /// Bytes that wait for earlier ones, by position; they do not overlap.
    waiting: BTreeMap<u64, Waiting>,
    /// What they cost.
    waiting_bytes: usize,
    /// When the last bytes in order came.
    progress: Timestamp,
    /// Whether the hole is in the list of those that are looked at again.
    pub(super) is_listed: bool,
    history: History,
    /// Sequence number that would follow the last segment far away, and how many followed each other.
    strays: Option<(u32, u32)>,
}

struct Waiting {
    bytes: Vec<u8>,
    missing: usize,
    when: When,
}

impl Waiting {
    fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

impl Half {
    /// Whether nothing but a SYN was seen.
    pub(super) fn is_untouched(&self) -> bool {
        self.waiting.is_empty() && (self.phase == Phase::Unseen || self.position == FIRST_POSITION)
    }

    /// Whether bytes wait for earlier ones.
    pub(super) fn has_hole(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether something with this number may come now.
    pub(super) fn expects(&self, sequence: u32, limits: &Limits) -> bool {
        self.phase != Phase::Running
            || sequence.wrapping_sub(self.next) as usize <= limits.stream_gap
    }

    /// A SYN says that the stream begins with this number.
    pub(super) fn begin(
        &mut self,
        first: u32,
        when: When,
        way: &Way,
        limits: &Limits,
        sink: &mut Sink,
    ) -> Begins {
        let ahead = i64::from(first.wrapping_sub(self.next).cast_signed());
        match self.phase {
            Phase::Unseen => {
                (self.next, self.position) = (first, FIRST_POSITION);
            }
            // What was seen so far came after it.
            Phase::Unsure if ahead <= 0 && -ahead <= limits.stream_gap as i64 => {
                self.next = first;
                self.position = self.position.wrapping_add_signed(ahead);
            }
            Phase::Running if self.first == Some(first) => return Begins::Here,
            // It comes too late to be of use.
            Phase::Running if self.first.is_none() && ahead <= 0 && -ahead <= BEHIND => {
                self.first = Some(first);
                return Begins::Here;
            }
            Phase::Unsure | Phase::Running => return Begins::Another,
        }
        if self.waiting.first_key_value().is_some_and(|(start, _)| *start < self.position) {
            return Begins::Another;
        }
        self.phase = Phase::Running;
        self.first = Some(first);
        self.lost = Some(Follows::Start);
        self.drain(Some(when), way, sink);
        Begins::Here
    }

    /// The other side expects this byte next.
    pub(super) fn acknowledge(&mut self, number: u32) {
        if self.acknowledged.is_none_or(|known| number.wrapping_sub(known).cast_signed() > 0) {
            self.acknowledged = Some(number);
        }
    }

    /// Takes the bytes of a segment; true if they differ from others in their place, which came first.
    pub(super) fn data(
        &mut self,
        data: Data<'_>,
        way: &Way,
        limits: &Limits,
        sink: &mut Sink,
    ) -> bool {
        if self.phase == Phase::Unseen {
            self.phase = Phase::Unsure;
            (self.next, self.position) = (data.sequence, FIRST_POSITION);
            self.lost = Some(Follows::Unseen);
        }
        let mut data = data;
        let mut ahead = i64::from(data.sequence.wrapping_sub(self.next).cast_signed());
        if ahead > limits.stream_gap as i64 || ahead < -BEHIND {
            if !self.is_confirmed(&data) {
                sink.counts.strays += 1;
                return false;
            }
            self.jump(data.sequence, ahead, way, sink);
            ahead = 0;
        }
        self.strays = None;
        let mut differs = false;
        if self.phase == Phase::Running && ahead < 0 {
            let old = usize::try_from(-ahead).unwrap_or(usize::MAX);
            let length = data.bytes.len() + data.missing;
            // One old byte or none: asks whether anybody is still there, with any byte.
            differs = length > 1 && self.history.differs(data.bytes, old);
            sink.counts.repeated += length.min(old) as u64;
            if old > data.bytes.len() {
                data.missing = length.saturating_sub(old);
            }
            data.bytes = data.bytes.get(old..).unwrap_or_default();
            ahead = 0;
        }
        if self.phase == Phase::Running && ahead == 0 && self.waiting.is_empty() {
            self.hand_out(data.bytes, data.when, way, sink);
            self.skip(data.missing as u64);
            sink.counts.cut += data.missing as u64;
        } else {
            let start = self.position.wrapping_add_signed(ahead);
            differs |= self.keep(start, &data, sink);
            if self.phase == Phase::Running {
                self.drain(Some(data.when), way, sink);
            }
        }
        while self.waiting_bytes > limits.stream_bytes
            || (self.phase == Phase::Unsure && self.waiting_bytes > limits.stream_gap)
        {
            self.give_up(way, sink);
        }
        differs
    }

    /// Bytes held, and what comes with them.
    pub(super) fn held(&self) -> usize {
        let of_first = if self.waiting.is_empty() { 0 } else { OVERHEAD_OF_FIRST };
        self.waiting_bytes + of_first + self.history.held()
    }

    /// Whether the first hole is not going to be filled any more, by all that is known.
    pub(super) fn is_overdue(&self, now: When, limits: &Limits) -> bool {
        let Some((start, waiting)) = self.waiting.first_key_value() else { return false };
        let age = now.at.nanos_since(waiting.when.at.max(self.progress));
        let frames = now.origin.frame.saturating_sub(waiting.when.origin.frame);
        let behind_hole = self.next.wrapping_add(start.wrapping_sub(self.position) as u32);
        let was_received = self
            .acknowledged
            .is_some_and(|number| number.wrapping_sub(behind_hole).cast_signed() >= 0);
        let is_only_late = was_received || self.phase == Phase::Unsure;
        let is_late = age > limits.stream_disorder && frames >= limits.stream_disorder_frames;
        age > limits.stream_age || (is_only_late && is_late)
    }

    /// Gives the first hole up: what waits behind it goes on as of the frames that brought it.
    pub(super) fn give_up(&mut self, way: &Way, sink: &mut Sink) {
        let Some((&start, _)) = self.waiting.first_key_value() else { return };
        let ahead = start.wrapping_sub(self.position);
        if self.phase == Phase::Unsure {
            self.phase = Phase::Running;
            self.position = start;
            self.next = self.next.wrapping_add(ahead as u32);
        } else {
            sink.counts.holes += 1;
            sink.counts.lost += ahead;
            self.skip(ahead);
        }
        self.drain(None, way, sink);
    }

    /// Whether a segment far away from the next byte belongs to the stream: the other side has
    /// received it, or enough segments follow each other there.
    fn is_confirmed(&mut self, data: &Data<'_>) -> bool {
        if data.bytes.is_empty() {
            return false;
        }
        let length = data.bytes.len() + data.missing;
        let end = data.sequence.wrapping_add(length as u32);
        let was_received = self.acknowledged.is_some_and(|number| {
            let beyond = i64::from(number.wrapping_sub(end).cast_signed());
            (0..=BEHIND).contains(&beyond) && data.sequence.wrapping_sub(self.next) < 1 << 31
        });
        let follows = self.strays.filter(|(next, _)| *next == data.sequence);
        let count = follows.map_or(1, |(_, count)| count + 1);
        self.strays = Some((end, count));
        was_received || count >= STRAYS
    }

    /// Goes on at another place.
    fn jump(&mut self, sequence: u32, ahead: i64, way: &Way, sink: &mut Sink) {
        while self.has_hole() {
            self.give_up(way, sink);
        }
        self.phase = Phase::Running;
        sink.counts.holes += 1;
        match u64::try_from(ahead) {
            Ok(ahead) if self.lost != Some(Follows::Unseen) => {
                sink.counts.lost += ahead;
                self.skip(ahead);
            }
            _ => self.lost = Some(Follows::Unseen),
        }
        self.history.clear();
        self.next = sequence;
    }

    /// Keeps bytes that begin at this position, without those that are there already; true if these
    /// differ.
    fn keep(&mut self, start: u64, data: &Data<'_>, sink: &mut Sink) -> bool {
        let end = start + data.bytes.len() as u64;
        let part = |from: u64, to: u64| {
            data.bytes.get((from - start) as usize..(to - start) as usize).unwrap_or_default()
        };
        let (mut at, mut differs) = (start, false);
        while at < end {
            let covering = self.waiting.range(..=at).next_back();
            let covering = covering.map(|(begin, there)| (*begin, &there.bytes));
            let stop = match covering.filter(|(begin, there)| begin + there.len() as u64 > at) {
                Some((begin, there)) => {
                    let stop = end.min(begin + there.len() as u64);
                    let there = there.get((at - begin) as usize..(stop - begin) as usize);
                    differs |= there != Some(part(at, stop));
                    sink.counts.repeated += stop - at;
                    stop
                }
                None => {
                    let next = self.waiting.range(at..).next().map(|(begin, _)| *begin);
                    let stop = next.map_or(end, |next| next.min(end));
                    let missing = if stop == end && next != Some(end) { data.missing } else { 0 };
                    let bytes = part(at, stop).to_vec();
                    let waiting = Waiting { bytes, missing, when: data.when };
                    self.waiting_bytes += waiting.cost();
                    self.waiting.insert(at, waiting);
                    stop
                }
            };
            at = stop;
        }
        differs
    }

    /// Hands out what waited and is in order now: as of `completed`, or else as of its own frames.
    fn drain(&mut self, completed: Option<When>, way: &Way, sink: &mut Sink) {
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() == self.position
        {
            let waiting = entry.remove();
            self.waiting_bytes -= waiting.cost();
            self.hand_out(&waiting.bytes, completed.unwrap_or(waiting.when), way, sink);
            let next = self.waiting.first_key_value().map(|(start, _)| start - self.position);
            let missing = (waiting.missing as u64).min(next.unwrap_or(u64::MAX));
            self.skip(missing);
            sink.counts.cut += missing;
        }
    }

    fn hand_out(&mut self, bytes: &[u8], when: When, way: &Way, sink: &mut Sink) {
        if bytes.is_empty() {
            return;
        }
        let follows = self.lost.take().unwrap_or(Follows::Bytes);
        sink.piece(bytes, follows, when, way);
        self.history.push(bytes);
        self.progress = when.at;
        self.position += bytes.len() as u64;
        self.next = self.next.wrapping_add(bytes.len() as u32);
    }

    /// Goes on behind so many bytes that are missing.
    fn skip(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.lost = Some(match self.lost {
            Some(Follows::Unseen) => Follows::Unseen,
            Some(Follows::Hole(before)) => Follows::Hole(before.saturating_add(bytes)),
            Some(Follows::Start | Follows::Bytes) | None => Follows::Hole(bytes),
        });
        self.history.clear();
        self.position += bytes;
        self.next = self.next.wrapping_add(bytes as u32);
    }
}
