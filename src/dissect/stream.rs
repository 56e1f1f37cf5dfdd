//! A whole capture as one stream of records: the file is read on one thread and dissected on another.
//!
//! Handshakes are looked at ahead of their turn, so that packets which overtook them, on the way or in
//! the capture, can be opened. How far ahead depends on the capture alone, on its times and sizes: it
//! gives the same records from a file and from a slow pipe.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::ops::{ControlFlow, Range};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::dissector::Dissector;
use super::record::Record;
use crate::capture::{self, Datagram, Datagrams, Event, NotUdp, Origin};
use crate::time::Timestamp;

/// How far ahead of their turn handshakes are looked at, in nanoseconds of capture time: they are sent
/// again about once a second (packets §4.4).
const LOOKAHEAD: i64 = 2_000_000_000;

/// The most events, and bytes of payload, that are looked at ahead of their turn.
const LOOKAHEAD_EVENTS: usize = 8192;
const LOOKAHEAD_BYTES: usize = 8 << 20;

/// What a stream gives.
pub enum Item<'a> {
    /// A datagram.
    Record(&'a Record<'a>),
    /// A frame that gave no datagram.
    NotUdp(NotUdp),
}

/// How much is handed from thread to thread at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As much as is good for throughput: the input is a file.
    Bulk,
    /// Every event when it comes: the input is a pipe, and somebody may watch.
    Prompt,
}

impl Pace {
    const fn events(self) -> usize {
        match self {
            Self::Bulk => 1024,
            Self::Prompt => 1,
        }
    }
}

/// How far a stream went.
#[derive(Debug)]
pub struct End {
    /// Frames read, with and without datagrams.
    pub frames: u64,
    /// What ended the capture early, if anything did. Everything before it was given.
    pub error: Option<capture::Error>,
}

/// Dissects `datagrams` to the end, or until `visit` breaks; gives how far it went, or the break.
///
/// `visit` gets each item in the order of the capture.
pub fn stream<R: Read + Send + 'static, B>(
    datagrams: Datagrams<R>,
    dissector: &mut Dissector,
    pace: Pace,
    mut visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B, End> {
    let mut ahead = Ahead::start(datagrams, pace);
    loop {
        while ahead.wants_more()
            && let Some(event) = ahead.look()
        {
            dissector.foresee(event);
        }
        let Some(event) = ahead.take() else { break };
        let not_udp = match &event {
            Event::Other { why, .. } => Some(*why),
            _ => None,
        };
        if let Some(record) = dissector.event(event) {
            visit(Item::Record(&record))?;
        } else if let Some(why) = not_udp {
            visit(Item::NotUdp(why))?;
        }
    }
    ControlFlow::Continue(
        ahead.end.expect("the reading thread says how it ended unless it panicked"),
    )
}

/// Events read but not yet dissected.
struct Ahead {
    full: Receiver<Batch>,
    empty: SyncSender<Batch>,
    batches: VecDeque<Batch>,
    /// Which event of the first batch is taken next.
    taken: usize,
    /// Which batch, and which event of it, is looked at next.
    looked: (usize, usize),
    /// How many events were looked at but not taken, and how many bytes they have.
    lead: usize,
    lead_bytes: usize,
    /// When the last event taken was captured, and the latest one looked at.
    taken_at: Timestamp,
    looked_at: Timestamp,
    end: Option<End>,
}

impl Ahead {
    fn start<R: Read + Send + 'static>(datagrams: Datagrams<R>, pace: Pace) -> Self {
        let (full_sender, full) = sync_channel(BATCHES);
        let (empty, empty_receiver) = sync_channel(BATCHES + 2);
        // Not joined: after a break it may be waiting for a pipe that nobody fills.
        thread::spawn(move || read(datagrams, pace, &full_sender, &empty_receiver));
        Self {
            full,
            empty,
            batches: VecDeque::new(),
            taken: 0,
            looked: (0, 0),
            lead: 0,
            lead_bytes: 0,
            taken_at: Timestamp::default(),
            looked_at: Timestamp::default(),
            end: None,
        }
    }

    /// Whether what was looked at reaches less far ahead than it should.
    const fn wants_more(&self) -> bool {
        self.lead == 0
            || (self.looked_at.nanos_since(self.taken_at) < LOOKAHEAD
                && self.lead < LOOKAHEAD_EVENTS
                && self.lead_bytes < LOOKAHEAD_BYTES)
    }

    /// The next event ahead of its turn.
    fn look(&mut self) -> Option<Event<'_>> {
        let (mut batch, mut event) = self.looked;
        while self.batches.get(batch).is_none_or(|batch| event >= batch.events.len()) {
            if self.batches.get(batch).is_some() {
                (batch, event) = (batch + 1, 0);
                continue;
            }
            let mut received = self.full.recv().ok()?;
            self.end = received.end.take();
            self.batches.push_back(received);
        }
        self.looked = (batch, event + 1);
        let event = self.batches.get(batch)?.event(event)?;
        self.looked_at = match at(&event) {
            Some(at) if self.lead == 0 => at,
            Some(at) => self.looked_at.max(at),
            None => self.looked_at,
        };
        self.lead += 1;
        self.lead_bytes += payload_bytes(&event);
        Some(event)
    }

    /// The next event, if it was looked at.
    fn take(&mut self) -> Option<Event<'_>> {
        self.lead = self.lead.checked_sub(1)?;
        while self.batches.front().is_some_and(|batch| self.taken >= batch.events.len()) {
            if let Some(done) = self.batches.pop_front() {
                // Without a reader there is nobody to use it again.
                _ = self.empty.try_send(done);
            }
            self.taken = 0;
            self.looked.0 -= 1;
        }
        self.taken += 1;
        let event = self.batches.front()?.event(self.taken - 1)?;
        self.lead_bytes -= payload_bytes(&event);
        self.taken_at = at(&event).unwrap_or(self.taken_at);
        Some(event)
    }
}

const fn at(event: &Event<'_>) -> Option<Timestamp> {
    match event {
        Event::Datagram(Datagram { at, .. }) | Event::Other { at, .. } => Some(*at),
        Event::Comment(_) | Event::Secrets { .. } => None,
    }
}

const fn payload_bytes(event: &Event<'_>) -> usize {
    match event {
        Event::Datagram(datagram) => datagram.payload.len(),
        Event::Other { .. } => 0,
        Event::Comment(bytes) | Event::Secrets { data: bytes, .. } => bytes.len(),
    }
}

/// How many batches may wait.
const BATCHES: usize = 4;

/// How many bytes of payload a batch holds, before the last event.
const BATCH_BYTES: usize = 256 << 10;

/// The reading thread.
fn read<R: Read>(
    mut datagrams: Datagrams<R>,
    pace: Pace,
    full: &SyncSender<Batch>,
    empty: &Receiver<Batch>,
) {
    let mut batch = Batch::default();
    loop {
        let error = match datagrams.next() {
            Ok(Some(event)) => {
                batch.keep(&event);
                if batch.events.len() >= pace.events() || batch.bytes.len() >= BATCH_BYTES {
                    if full.send(batch).is_err() {
                        return;
                    }
                    batch = empty.try_recv().unwrap_or_default();
                    batch.clear();
                }
                continue;
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        batch.end = Some(End { frames: datagrams.frames(), error });
        // If nobody receives it, nobody wants it.
        _ = full.send(batch);
        return;
    }
}

/// Some events with the bytes that they refer to.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    events: Vec<Kept>,
    end: Option<End>,
}

/// An event whose bytes are a range of its batch's.
enum Kept {
    Datagram {
        at: Timestamp,
        from: SocketAddr,
        to: SocketAddr,
        payload: Range<usize>,
        origin: Origin,
        truncated: bool,
        overlap: bool,
    },
    Other {
        origin: Origin,
        at: Timestamp,
        why: NotUdp,
    },
    Comment(Range<usize>),
    Secrets {
        secrets_type: u32,
        data: Range<usize>,
    },
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.events.clear();
    }

    fn keep(&mut self, event: &Event<'_>) {
        let kept = match *event {
            Event::Datagram(Datagram { at, from, to, payload, origin, truncated, overlap }) => {
                let payload = self.bytes(payload);
                Kept::Datagram { at, from, to, payload, origin, truncated, overlap }
            }
            Event::Other { origin, at, why } => Kept::Other { origin, at, why },
            Event::Comment(text) => Kept::Comment(self.bytes(text)),
            Event::Secrets { secrets_type, data } => {
                Kept::Secrets { secrets_type, data: self.bytes(data) }
            }
        };
        self.events.push(kept);
    }

    fn bytes(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn event(&self, at: usize) -> Option<Event<'_>> {
        let bytes = |range: &Range<usize>| {
            self.bytes.get(range.clone()).expect("a range that was kept with these bytes")
        };
        Some(match self.events.get(at)? {
            &Kept::Datagram { at, from, to, ref payload, origin, truncated, overlap } => {
                let payload = bytes(payload);
                Event::Datagram(Datagram { at, from, to, payload, origin, truncated, overlap })
            }
            &Kept::Other { origin, at, why } => Event::Other { origin, at, why },
            Kept::Comment(text) => Event::Comment(bytes(text)),
            &Kept::Secrets { secrets_type, ref data } => {
                Event::Secrets { secrets_type, data: bytes(data) }
            }
        })
    }
}
