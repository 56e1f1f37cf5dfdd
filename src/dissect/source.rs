//! Where an opener gets its events from: a capture, or another thread that reads one.

use std::io::Read;
use std::sync::mpsc::{Receiver, Sender};

use super::batch::{Batch, KeptDatagram, Span};
use crate::capture::{self, Datagram, Datagrams, Event, Piece};

/// How many events, and bytes, fill a batch; one event may go beyond.
const EVENTS: usize = 1024;
const BYTES: usize = 256 << 10;

/// The events of a capture, one after another.
pub(super) trait Source {
    /// The next event; `None` at the end and after an error.
    fn next(&mut self) -> Result<Option<Event<'_>>, capture::Error>;

    /// Whether [`Self::next`] will not wait for the input.
    fn is_ready(&self) -> bool;

    /// Whether reading the input may have to wait for somebody who writes it.
    fn may_wait(&self) -> bool;
}

impl<R: Read> Source for Datagrams<R> {
    #[inline]
    fn next(&mut self) -> Result<Option<Event<'_>>, capture::Error> {
        self.next()
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.is_ready()
    }

    fn may_wait(&self) -> bool {
        self.may_wait()
    }
}

/// Events that own their bytes. Used again and again, it allocates nothing.
#[derive(Default)]
pub(super) struct Events {
    order: Vec<Kind>,
    /// Apart from the others, as in a [`Batch`].
    datagrams: Vec<KeptDatagram>,
    /// Each without its bytes, and where those are.
    others: Vec<(Event<'static>, Span)>,
    bytes: Vec<u8>,
    /// How many of each were given.
    given: usize,
    datagrams_given: usize,
    others_given: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Datagram,
    Other,
}

impl Events {
    fn is_full(&self) -> bool {
        self.order.len() >= EVENTS || self.bytes.len() >= BYTES
    }

    fn is_done(&self) -> bool {
        self.given >= self.order.len()
    }

    fn clear(&mut self) {
        self.order.clear();
        self.datagrams.clear();
        self.others.clear();
        self.bytes.clear();
        (self.given, self.datagrams_given, self.others_given) = (0, 0, 0);
    }

    #[inline]
    fn push(&mut self, event: &Event<'_>) {
        let (other, bytes) = match *event {
            Event::Datagram(ref datagram) => {
                let payload = Span::write(&mut self.bytes, |bytes| {
                    bytes.extend_from_slice(datagram.payload);
                });
                self.datagrams.push(KeptDatagram::new(datagram, payload));
                self.order.push(Kind::Datagram);
                return;
            }
            Event::Other { origin, at, why } => (Event::Other { origin, at, why }, &[][..]),
            Event::Piece(piece) => (Event::Piece(Piece { bytes: &[], ..piece }), piece.bytes),
            Event::Comment(text) => (Event::Comment(&[]), text),
            Event::Secrets { secrets_type, data } => {
                (Event::Secrets { secrets_type, data: &[] }, data)
            }
        };
        let bytes = Span::write(&mut self.bytes, |all| all.extend_from_slice(bytes));
        self.others.push((other, bytes));
        self.order.push(Kind::Other);
    }

    #[inline]
    fn pop(&mut self) -> Option<Event<'_>> {
        let kind = *self.order.get(self.given)?;
        self.given += 1;
        match kind {
            Kind::Datagram => {
                let datagram = self.datagrams.get(self.datagrams_given)?;
                self.datagrams_given += 1;
                Some(Event::Datagram(datagram.with(&self.bytes)))
            }
            Kind::Other => self.pop_other(),
        }
    }

    #[inline(never)]
    fn pop_other(&mut self) -> Option<Event<'_>> {
        let (event, bytes) = self.others.get(self.others_given)?;
        self.others_given += 1;
        let bytes = bytes.of(&self.bytes);
        Some(match *event {
            Event::Datagram(datagram) => Event::Datagram(Datagram { payload: bytes, ..datagram }),
            Event::Other { origin, at, why } => Event::Other { origin, at, why },
            Event::Piece(piece) => Event::Piece(Piece { bytes, ..piece }),
            Event::Comment(_) => Event::Comment(bytes),
            Event::Secrets { secrets_type, .. } => Event::Secrets { secrets_type, data: bytes },
        })
    }
}

/// What a thread that opens has done with.
pub(super) enum Done {
    /// Its steps, to be visited.
    Steps(Batch),
    /// All of these events, to be filled again.
    Events(Events),
}

/// Reads a capture for another thread.
pub(super) struct Reading<R> {
    pub(super) datagrams: Datagrams<R>,
    /// Where events go, until the end.
    pub(super) filled: Option<Sender<Events>>,
    /// What ended the capture early, if anything did.
    pub(super) error: Option<capture::Error>,
}

impl<R: Read> Reading<R> {
    /// Reads the next events in the place of others, and hands them over.
    pub(super) fn read_into(&mut self, mut events: Events) {
        let Some(filled) = &self.filled else { return };
        events.clear();
        let mut has_ended = false;
        while !has_ended && !events.is_full() {
            // Matched where it is: it is large.
            match self.datagrams.next() {
                Ok(Some(ref event)) => events.push(event),
                Ok(None) => has_ended = true,
                Err(error) => {
                    has_ended = true;
                    self.error = Some(error);
                }
            }
        }
        let went = filled.send(events);
        if has_ended || went.is_err() {
            self.filled = None;
        }
    }
}

/// What another thread reads.
pub(super) struct Received {
    events: Events,
    full: Receiver<Events>,
    done: Sender<Done>,
}

impl Received {
    pub(super) fn new(full: Receiver<Events>, done: Sender<Done>) -> Self {
        Self { events: Events::default(), full, done }
    }

    /// The next event, as long as the other thread reads any.
    #[inline]
    fn next(&mut self) -> Result<Option<Event<'_>>, capture::Error> {
        while self.events.is_done() {
            let Ok(next) = self.full.recv() else { return Ok(None) };
            let done = std::mem::replace(&mut self.events, next);
            // Whoever has ended wants none.
            let _ = self.done.send(Done::Events(done));
        }
        Ok(self.events.pop())
    }
}

/// Where a thread that opens gets its events from.
pub(super) enum Input<R> {
    /// It reads the capture itself.
    Capture(Box<Datagrams<R>>),
    /// Another thread reads, and does nothing else that anybody would wait for.
    Received(Received),
}

impl<R: Read> Source for Input<R> {
    #[inline]
    fn next(&mut self) -> Result<Option<Event<'_>>, capture::Error> {
        match self {
            Self::Capture(datagrams) => datagrams.next(),
            Self::Received(received) => received.next(),
        }
    }

    #[inline]
    fn is_ready(&self) -> bool {
        match self {
            Self::Capture(datagrams) => datagrams.is_ready(),
            Self::Received(_) => true,
        }
    }

    fn may_wait(&self) -> bool {
        match self {
            Self::Capture(datagrams) => datagrams.may_wait(),
            Self::Received(_) => false,
        }
    }
}
