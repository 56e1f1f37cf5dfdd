//! The half of dissecting that needs the keys: capture events in, what they are out, opened as far as
//! the keys at hand allow.
//!
//! A data packet may overtake the handshake of its session, on the way or in the capture. So when one
//! cannot be opened, what follows is read ahead and searched for handshakes before the packet is given
//! up. How far ahead depends on the capture alone, on its times and sizes: it gives the same records
//! from a file and from a slow pipe.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::capture::{self, Datagram, Datagrams, Event, Follows, NotUdp, Origin, Piece};
use crate::crypto::{self, KeyRing, Names, Opened, Sessions, Tally};
use crate::time::Timestamp;

/// How far ahead handshakes are looked for, in nanoseconds of capture time: they are sent again about
/// once a second (packets §4.4).
const LOOKAHEAD: i64 = 2_000_000_000;

/// The most events, and bytes of payload, that are read ahead.
const LOOKAHEAD_EVENTS: usize = 8192;
const LOOKAHEAD_BYTES: usize = 8 << 20;

/// What an [`Opener`] gives, one after another.
pub(super) enum Step<'a> {
    /// What people are called from here on.
    Names(Names),
    /// A datagram.
    Datagram(&'a Datagram<'a>, &'a Opened<'a>),
    /// A frame that gave no datagram.
    NotUdp { at: Timestamp, why: NotUdp },
    /// The next one may take a while to come.
    Pause,
}

/// How far an [`Opener`] goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the first key, which may be there already, or else to the end.
    FirstKey,
    /// To the end.
    End,
}

/// The sessions that are followed, and the keys, also those inside the capture.
pub(super) struct Opener {
    pub(super) sessions: Sessions,
    secrets_type: Option<u32>,
    /// How the lines of key logs inside the capture were taken, if there were any.
    pub(super) embedded: Option<Tally>,
}

impl Opener {
    pub(super) fn new(ring: KeyRing, secrets_type: Option<u32>) -> Self {
        Self { sessions: Sessions::new(ring), secrets_type, embedded: None }
    }

    /// Opens one datagram after another; gives what ended the capture early, if anything did.
    pub(super) fn run<R: Read, B>(
        &mut self,
        datagrams: &mut Datagrams<R>,
        until: Until,
        mut give: impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, Option<capture::Error>> {
        let mut ahead = Ahead::default();
        // Without keys nothing is read ahead, so that nothing is left behind here.
        while until == Until::End || self.sessions.ring().is_empty() {
            let later = if let Some(kept) = ahead.pop() {
                self.event(&kept.event(), false, &mut give)?
            } else if ahead.has_ended {
                return ControlFlow::Continue(ahead.error);
            } else {
                if !datagrams.is_ready() {
                    give(Step::Pause)?;
                }
                // Matched where it is: it is large.
                match datagrams.next() {
                    Ok(Some(ref event)) => self.event(event, false, &mut give)?,
                    Ok(None) => return ControlFlow::Continue(None),
                    Err(error) => return ControlFlow::Continue(Some(error)),
                }
            };
            if let Some(kept) = later {
                give(Step::Pause)?;
                ahead.read(kept.at, datagrams, self);
                self.event(&kept.event(), true, &mut give)?;
            }
        }
        ControlFlow::Continue(None)
    }

    /// Gives an event; or keeps it to be tried again once handshakes were looked for.
    #[inline]
    fn event<B>(
        &mut self,
        event: &Event<'_>,
        is_second_try: bool,
        give: &mut impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, Option<Kept>> {
        if let Some(names) = self.new_names() {
            give(Step::Names(names))?;
        }
        match event {
            Event::Datagram(datagram) => {
                let opened = self.datagram(datagram);
                if opened.may_open_later && !is_second_try {
                    return ControlFlow::Continue(Some(Kept::of(event)));
                }
                give(Step::Datagram(datagram, &opened))?;
            }
            Event::Other { at, why, .. } => give(Step::NotUdp { at: *at, why: *why })?,
            Event::Piece(_) => {}
            Event::Comment(_) | Event::Secrets { .. } => self.embed(event),
        }
        ControlFlow::Continue(None)
    }

    /// What people are called who were not called so before.
    #[inline]
    pub(super) fn new_names(&mut self) -> Option<Names> {
        self.sessions.ring_mut().take_names()
    }

    /// Opens a datagram.
    #[inline]
    pub(super) fn datagram(&mut self, datagram: &Datagram<'_>) -> Opened<'_> {
        let Datagram { from, to, payload, truncated, .. } = *datagram;
        self.sessions.datagram(from, to, payload, truncated)
    }

    /// Takes the keys of a comment or of secrets, if they are any.
    pub(super) fn embed(&mut self, event: &Event<'_>) {
        let text = match *event {
            Event::Comment(text) if crypto::is_key_log(text) => text,
            Event::Secrets { secrets_type, data } if self.secrets_type == Some(secrets_type) => {
                data
            }
            _ => return,
        };
        let tally = self.sessions.ring_mut().read(text);
        let tally = tally.expect("reading from memory does not fail");
        self.embedded.get_or_insert_default().add(&tally);
    }

    /// Looks at an event ahead of its turn, which comes soon, for the handshake that it may be.
    fn foresee(&mut self, event: &Event<'_>) {
        match *event {
            Event::Datagram(Datagram { from, to, payload, truncated, .. }) => {
                self.sessions.foresee(from, to, payload, truncated);
            }
            // Their turn comes when it comes: keys that are added then reopen the search.
            Event::Other { .. } | Event::Piece(_) | Event::Comment(_) | Event::Secrets { .. } => {}
        }
    }
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

    /// Reads on until [`LOOKAHEAD`] after `at`, and shows what it reads to the opener.
    fn read<R: Read>(&mut self, at: Timestamp, datagrams: &mut Datagrams<R>, opener: &mut Opener) {
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
                    opener.foresee(&event);
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
