//! Where an opener gets its events from: a capture, or one that another thread reads, too.

use std::io::Read;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

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

/// A capture that two threads read: one ahead when it has nothing else to do, the other when nothing was read ahead.
pub(super) struct Reading<R> {
    capture: Mutex<Unread<R>>,
}

/// What is left of a capture.
pub(super) struct Unread<R> {
    pub(super) datagrams: Datagrams<R>,
    /// Where events go that are read ahead, until the end.
    filled: Option<Sender<Events>>,
    /// What ended the capture early, if anything did.
    pub(super) error: Option<capture::Error>,
}

impl<R: Read> Reading<R> {
    pub(super) fn new(datagrams: Datagrams<R>, filled: Sender<Events>) -> Self {
        let filled = Some(filled);
        Self { capture: Mutex::new(Unread { datagrams, filled, error: None }) }
    }

    /// Reads the next events ahead in the place of others; gives those back if the other thread reads, or if there
    /// are no more.
    pub(super) fn read_ahead(&self, mut events: Events) -> Option<Events> {
        let Ok(mut unread) = self.capture.try_lock() else { return Some(events) };
        let Some(filled) = unread.filled.clone() else { return Some(events) };
        unread.read_into(&mut events);
        filled.send(events).err().map(|unsent| unsent.0)
    }

    /// What is left, when nobody reads any more.
    pub(super) fn into_unread(self) -> Unread<R> {
        self.capture.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Read> Unread<R> {
    /// Reads the next events in the place of others.
    fn read_into(&mut self, events: &mut Events) {
        events.clear();
        while self.filled.is_some() && !events.is_full() {
            // Matched where it is: it is large.
            match self.datagrams.next() {
                Ok(Some(ref event)) => events.push(event),
                Ok(None) => self.filled = None,
                Err(error) => {
                    self.filled = None;
                    self.error = Some(error);
                }
            }
        }
    }
}

/// What two threads read, for the one that opens it.
pub(super) struct Received<R> {
    events: Events,
    full: Receiver<Events>,
    done: Sender<Done>,
    reading: Arc<Reading<R>>,
}

impl<R: Read> Received<R> {
    pub(super) fn new(
        full: Receiver<Events>,
        done: Sender<Done>,
        reading: Arc<Reading<R>>,
    ) -> Self {
        Self { events: Events::default(), full, done, reading }
    }

    /// The next event.
    #[inline]
    fn next(&mut self) -> Result<Option<Event<'_>>, capture::Error> {
        while self.events.is_done() {
            if !self.take_next() {
                return Ok(None);
            }
        }
        Ok(self.events.pop())
    }

    /// Takes the events that were read ahead, or else reads some; false at the end.
    fn take_next(&mut self) -> bool {
        if self.take_ahead() {
            return true;
        }
        let reading = Arc::clone(&self.reading);
        // Who panics while reading ends this thread, too: nothing more is sent.
        let mut unread = reading.capture.lock().unwrap_or_else(PoisonError::into_inner);
        // The other one may have read meanwhile.
        if self.take_ahead() {
            return true;
        }
        if unread.filled.is_none() {
            return false;
        }
        unread.read_into(&mut self.events);
        true
    }

    fn take_ahead(&mut self) -> bool {
        let Ok(next) = self.full.try_recv() else { return false };
        let done = std::mem::replace(&mut self.events, next);
        // Whoever has ended wants none.
        let _ = self.done.send(Done::Events(done));
        true
    }
}

/// Where a thread that opens gets its events from.
pub(super) enum Input<R> {
    /// It reads the capture itself.
    Capture(Box<Datagrams<R>>),
    /// Both threads read, and no read has to wait.
    Received(Received<R>),
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
