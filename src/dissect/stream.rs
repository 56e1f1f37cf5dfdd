//! A whole capture as one stream of records.
//!
//! A data packet may overtake the handshake of its session, on the way or in the capture. So when one
//! cannot be opened, what follows is read ahead and searched for handshakes before the packet is given
//! up. How far ahead depends on the capture alone, on its times and sizes: it gives the same records
//! from a file and from a slow pipe.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::dissector::Dissector;
use super::record::Record;
use super::totals::Totals;
use crate::capture::{self, Datagram, Datagrams, Event, Follows, NotUdp, Origin, Piece};
use crate::time::Timestamp;

/// How far ahead handshakes are looked for, in nanoseconds of capture time: they are sent again about
/// once a second (packets §4.4).
const LOOKAHEAD: i64 = 2_000_000_000;

/// The most events, and bytes of payload, that are read ahead.
const LOOKAHEAD_EVENTS: usize = 8192;
const LOOKAHEAD_BYTES: usize = 8 << 20;

/// What a stream gives.
pub enum Item<'a> {
    /// A datagram.
    Record(&'a Record<'a>),
    /// A frame that gave no datagram.
    NotUdp(NotUdp),
}

/// Dissects `datagrams` to the end, or until `visit` breaks. Gives the break, or else what ended the
/// capture early, if anything did; everything before it was visited.
///
/// `visit` gets each item in the order of the capture.
pub fn stream<R: Read, B>(
    datagrams: &mut Datagrams<R>,
    dissector: &mut Dissector,
    mut visit: impl FnMut(Item<'_>) -> ControlFlow<B>,
) -> ControlFlow<B, Option<capture::Error>> {
    let mut ahead = Ahead::default();
    let mut again = None;
    loop {
        let is_second_try = again.is_some();
        let kept = again.take().or_else(|| ahead.pop());
        let event = match &kept {
            Some(kept) => kept.event(),
            None if ahead.has_ended => return ControlFlow::Continue(ahead.error),
            None => match datagrams.next() {
                Ok(Some(event)) => event,
                Ok(None) => return ControlFlow::Continue(None),
                Err(error) => return ControlFlow::Continue(Some(error)),
            },
        };
        if let Event::Other { why, .. } = event {
            dissector.event(event);
            visit(Item::NotUdp(why))?;
            continue;
        }
        // Not moved: it is large.
        let record = dissector.event(event);
        let Some(record) = &record else { continue };
        if record.may_open_later && !is_second_try {
            let at = record.at;
            again = Some(Kept::of(&event));
            ahead.read(at, datagrams, dissector);
        } else {
            visit(Item::Record(record))?;
        }
    }
}

/// Counts everything up to the first key, or to the end if there is none, as counting the records of
/// [`stream`] does; `tick` is called for each event. Nothing can be opened, so the first byte of a
/// datagram is all that there is to look at. What comes after the first key is left to [`stream`].
///
/// # Errors
///
/// What ended the capture early; everything before it was counted.
pub fn count_unopened<R: Read>(
    datagrams: &mut Datagrams<R>,
    dissector: &mut Dissector,
    totals: &mut Totals,
    mut tick: impl FnMut(),
) -> Result<(), capture::Error> {
    while dissector.sessions().ring().is_empty() {
        tick();
        match datagrams.next()? {
            Some(Event::Datagram(datagram)) => totals.unopened(&datagram),
            Some(Event::Other { why, .. }) => totals.not_udp(why),
            Some(event) => {
                dissector.event(event);
            }
            None => break,
        }
    }
    Ok(())
}

/// Events that were read ahead of their turn.
#[derive(Default)]
struct Ahead {
    events: VecDeque<Kept>,
    bytes: usize,
    /// The latest time among the events.
    latest: Timestamp,
    has_ended: bool,
    error: Option<capture::Error>,
}

impl Ahead {
    fn pop(&mut self) -> Option<Kept> {
        let kept = self.events.pop_front()?;
        self.bytes -= kept.bytes.len();
        Some(kept)
    }

    /// Reads on until [`LOOKAHEAD`] after `at`, and shows what it reads to the dissector.
    fn read<R: Read>(
        &mut self,
        at: Timestamp,
        datagrams: &mut Datagrams<R>,
        dissector: &mut Dissector,
    ) {
        if self.events.is_empty() {
            self.latest = at;
        }
        while !self.has_ended
            && self.latest.nanos_since(at) < LOOKAHEAD
            && self.events.len() < LOOKAHEAD_EVENTS
            && self.bytes < LOOKAHEAD_BYTES
        {
            match datagrams.next() {
                Ok(Some(event)) => {
                    dissector.foresee(event);
                    let kept = Kept::of(&event);
                    self.latest = self.latest.max(kept.at);
                    self.bytes += kept.bytes.len();
                    self.events.push_back(kept);
                }
                Ok(None) => self.has_ended = true,
                Err(error) => {
                    self.has_ended = true;
                    self.error = Some(error);
                }
            }
        }
    }
}

/// An event that owns its bytes.
struct Kept {
    at: Timestamp,
    bytes: Vec<u8>,
    what: What,
}

/// An event without its bytes.
enum What {
    Datagram { from: SocketAddr, to: SocketAddr, origin: Origin, truncated: bool, overlap: bool },
    Other { origin: Origin, why: NotUdp },
    Piece(Stretch),
    Comment,
    Secrets { secrets_type: u32 },
}

/// A piece without its bytes.
struct Stretch {
    from: SocketAddr,
    to: SocketAddr,
    origin: Origin,
    connection: u32,
    from_opener: Option<bool>,
    follows: Follows,
}

impl Kept {
    fn of(event: &Event<'_>) -> Self {
        let (at, bytes, what) = match *event {
            Event::Datagram(Datagram { at, from, to, payload, origin, truncated, overlap }) => {
                (at, payload, What::Datagram { from, to, origin, truncated, overlap })
            }
            Event::Other { origin, at, why } => (at, &[][..], What::Other { origin, why }),
            Event::Piece(Piece {
                at,
                from,
                to,
                bytes,
                origin,
                connection,
                from_opener,
                follows,
            }) => {
                let stretch = Stretch { from, to, origin, connection, from_opener, follows };
                (at, bytes, What::Piece(stretch))
            }
            Event::Comment(text) => (Timestamp::default(), text, What::Comment),
            Event::Secrets { secrets_type, data } => {
                (Timestamp::default(), data, What::Secrets { secrets_type })
            }
        };
        Self { at, bytes: bytes.to_vec(), what }
    }

    fn event(&self) -> Event<'_> {
        let (at, payload) = (self.at, self.bytes.as_slice());
        match self.what {
            What::Datagram { from, to, origin, truncated, overlap } => {
                Event::Datagram(Datagram { at, from, to, payload, origin, truncated, overlap })
            }
            What::Other { origin, why } => Event::Other { origin, at, why },
            What::Piece(Stretch { from, to, origin, connection, from_opener, follows }) => {
                let bytes = payload;
                Event::Piece(Piece {
                    at,
                    from,
                    to,
                    bytes,
                    origin,
                    connection,
                    from_opener,
                    follows,
                })
            }
            What::Comment => Event::Comment(payload),
            What::Secrets { secrets_type } => Event::Secrets { secrets_type, data: payload },
        }
    }
}
