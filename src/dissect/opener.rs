//! The half of dissecting that needs the keys: capture events in, what they are out, opened as far as
//! the keys at hand allow.
//!
//! A data packet may overtake the handshake of its session, on the way or in the capture. So when one
//! cannot be opened, what follows is read ahead and searched for handshakes before the packet is given
//! up. How far ahead depends on the capture alone, on its times and sizes: it gives the same records
//! from a file and from a slow pipe.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::capture::{self, Datagram, Event, Follows, NotUdp, Origin, Piece};
use crate::crypto::{
    self, KeyRing, Names, Opened, RelaySeen, Relays, Route, Sealed, Sessions, StreamBytes, Tally,
};
use crate::time::Timestamp;
use crate::wire::ToxKind;
use crate::wire::relay::{RelayHandshakePlain, RelayPacket};

use super::late::{self, Late, TICK};
use super::record::Relay;
use super::source::Source;

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
    /// Something in a connection to a relay.
    Relayed(&'a Relayed<'a>),
    /// A frame that gave no datagram.
    NotUdp { at: Timestamp, why: NotUdp },
    /// The next one was given before, closed for this reason.
    Late(Sealed),
    /// The next one may take a while to come.
    Pause,
}

/// What was found in a connection to a relay.
pub(super) struct Relayed<'a> {
    /// Where it was, between the ends of the TCP connection. Its payload is what the relay passes on, else the
    /// relay's packet, else the frame or handshake as it was sent.
    pub(super) datagram: Datagram<'a>,
    pub(super) relay: Relay,
    pub(super) inside: Inside<'a>,
}

/// What something in a connection to a relay is.
#[derive(Clone, Copy)]
pub(super) enum Inside<'a> {
    Handshake(Result<RelayHandshakePlain, Sealed>),
    Answer(Result<RelayHandshakePlain, Sealed>),
    Packet(Result<RelayPacket<'a>, Sealed>),
    /// A net_crypto packet that the relay passes on.
    PassedOn(&'a Opened<'a>),
}

/// How far an [`Opener`] goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the first key, which may be there already, or else to the end.
    FirstKey,
    /// To the end.
    End,
}

/// The sessions and the connections to relays that are followed, and the keys, also those inside the capture.
pub(super) struct Opener {
    pub(super) sessions: Sessions,
    pub(super) relays: Relays,
    secrets_type: Option<u32>,
    /// How the lines of key logs inside the capture were taken, if there were any.
    pub(super) embedded: Option<Tally>,
    /// In a capture that is still being made: keys and handshakes that come later than their packets.
    pub(super) late: Option<Late>,
}

impl Opener {
    pub(super) fn new(ring: KeyRing, secrets_type: Option<u32>) -> Self {
        let (sessions, relays) = (Sessions::new(ring), Relays::default());
        Self { sessions, relays, secrets_type, embedded: None, late: None }
    }

    /// Opens one datagram after another; gives what ended the capture early, if anything did.
    pub(super) fn run<B>(
        &mut self,
        source: &mut impl Source,
        until: Until,
        mut give: impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, Option<capture::Error>> {
        let mut ahead = Ahead::default();
        // Without keys nothing is read ahead, so that nothing is left behind here.
        while until == Until::End || self.sessions.ring().is_empty() || !ahead.events.is_empty() {
            let later = if let Some(kept) = ahead.pop() {
                self.again(&kept, false, &mut give)?.then_some(kept)
            } else if ahead.has_ended {
                return ControlFlow::Continue(ahead.error);
            } else {
                if !source.is_ready() {
                    give(Step::Pause)?;
                }
                // Matched where it is: it is large.
                match source.next() {
                    Ok(Some(Event::Secrets { secrets_type: TICK, .. })) if self.late.is_some() => {
                        self.try_late(&mut give)?;
                        None
                    }
                    Ok(Some(Event::Piece(ref piece))) => {
                        self.ask_for_keys(piece);
                        ahead.extend(self.frames(piece));
                        None
                    }
                    Ok(Some(ref event)) => {
                        self.event(event, false, &mut give)?.then(|| Kept::of(event))
                    }
                    Ok(None) => return ControlFlow::Continue(None),
                    Err(error) => return ControlFlow::Continue(Some(error)),
                }
            };
            if let Some(kept) = later {
                if self.late.is_some() {
                    self.keep_late(kept, &mut give)?;
                    continue;
                }
                if source.may_wait() {
                    give(Step::Pause)?;
                }
                ahead.read(kept.at, source, self);
                self.again(&kept, true, &mut give)?;
            }
        }
        ControlFlow::Continue(None)
    }

    /// Gives what was kept, as [`Self::event`] does.
    pub(super) fn again<B>(
        &mut self,
        kept: &Kept,
        is_second_try: bool,
        give: &mut impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, bool> {
        let frame = match kept.due() {
            Due::Event(event) => return self.event(&event, is_second_try, give),
            Due::Frame(frame) => frame,
        };
        if let Some(names) = self.new_names() {
            give(Step::Names(names))?;
        }
        let &Frame { from, to, origin, relay, inside } = frame;
        let (at, payload) = (kept.at, kept.bytes.as_slice());
        let (truncated, overlap) = (false, false);
        let datagram = Datagram { at, from, to, payload, origin, truncated, overlap };
        let opened;
        let inside = match inside {
            KeptInside::Handshake(plain) => Inside::Handshake(plain),
            KeptInside::Answer(plain) => Inside::Answer(plain),
            KeptInside::Packet(Err(why)) => Inside::Packet(Err(why)),
            KeptInside::Packet(Ok(())) => {
                Inside::Packet(RelayPacket::parse(payload).map_err(|_| Sealed::BadLength))
            }
            KeptInside::PassedOn(route) => {
                opened = self.sessions.relayed(&route, payload);
                if !is_second_try && late::waits(self.late.as_mut(), &opened) {
                    return ControlFlow::Continue(true);
                }
                Inside::PassedOn(&opened)
            }
        };
        give(Step::Relayed(&Relayed { datagram, relay, inside }))?;
        ControlFlow::Continue(false)
    }

    /// What is in a piece of a stream, if it is one to a relay.
    pub(super) fn frames(&mut self, piece: &Piece<'_>) -> Vec<Kept> {
        let Piece { from, to, bytes, connection: stream, from_opener, follows, .. } = *piece;
        let is_first = follows == Follows::Start;
        let missing = match follows {
            Follows::Start | Follows::Bytes => Some(0),
            Follows::Hole(missing) => Some(missing),
            Follows::Unseen => None,
        };
        let bytes = StreamBytes { stream, from, to, from_opener, bytes, is_first, missing };
        self.relays.take(&bytes, &mut self.sessions);
        let mut frames = Vec::new();
        while let Some(relayed) = self.relays.pop() {
            frames.push(Kept::of_relay(piece, &relayed));
        }
        frames
    }

    /// Gives an event, or else says that it is to be tried again once handshakes were looked for.
    #[inline]
    fn event<B>(
        &mut self,
        event: &Event<'_>,
        is_second_try: bool,
        give: &mut impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B, bool> {
        if let Some(names) = self.new_names() {
            give(Step::Names(names))?;
        }
        match event {
            Event::Datagram(datagram) => {
                let Datagram { from, to, payload, truncated, .. } = *datagram;
                let opened = self.sessions.datagram(from, to, payload, truncated);
                if !is_second_try && late::waits(self.late.as_mut(), &opened) {
                    return ControlFlow::Continue(true);
                }
                give(Step::Datagram(datagram, &opened))?;
            }
            Event::Other { at, why, .. } => give(Step::NotUdp { at: *at, why: *why })?,
            Event::Piece(_) => {}
            Event::Comment(_) | Event::Secrets { .. } => self.embed(event),
        }
        ControlFlow::Continue(false)
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

    /// Looks at what was kept ahead of its turn, which comes soon, for the handshake that it may be.
    fn foresee(&mut self, kept: &Kept) {
        match &kept.what {
            What::Datagram { from, to, truncated, .. } => {
                self.sessions.foresee(*from, *to, &kept.bytes, *truncated);
            }
            What::Relayed(frame) => {
                if let KeptInside::PassedOn(route) = &frame.inside {
                    self.sessions.foresee_relayed(route, &kept.bytes);
                }
            }
            // Their turn comes when it comes: keys that are added then reopen the search.
            What::Other { .. } | What::Comment | What::Secrets { .. } => {}
        }
    }
}

/// Events that were read ahead of their turn, and frames of relays, of which one piece has many.
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

    fn extend(&mut self, kept: Vec<Kept>) {
        for kept in kept {
            self.latest = if self.events.is_empty() { kept.at } else { self.latest.max(kept.at) };
            self.bytes += kept.bytes.len();
            self.events.push_back(kept);
        }
    }

    /// Reads on until [`LOOKAHEAD`] after `at`, and shows what it reads to the opener.
    fn read(&mut self, at: Timestamp, source: &mut impl Source, opener: &mut Opener) {
        while !self.has_ended
            && (self.events.is_empty() || self.latest.nanos_since(at) < LOOKAHEAD)
            && self.events.len() < LOOKAHEAD_EVENTS
            && self.bytes < LOOKAHEAD_BYTES
        {
            match source.next() {
                Ok(Some(event)) => {
                    let kept = match &event {
                        Event::Piece(piece) => opener.frames(piece),
                        event => vec![Kept::of(event)],
                    };
                    kept.iter().for_each(|kept| opener.foresee(kept));
                    self.extend(kept);
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

/// An event, or a frame of a relay, that owns its bytes.
pub(super) struct Kept {
    pub(super) at: Timestamp,
    pub(super) bytes: Vec<u8>,
    what: What,
}

/// An event without its bytes.
enum What {
    Datagram { from: SocketAddr, to: SocketAddr, origin: Origin, truncated: bool, overlap: bool },
    Other { origin: Origin, why: NotUdp },
    Relayed(Box<Frame>),
    Comment,
    Secrets { secrets_type: u32 },
}

/// Something in a connection to a relay, without its bytes.
struct Frame {
    from: SocketAddr,
    to: SocketAddr,
    origin: Origin,
    relay: Relay,
    inside: KeptInside,
}

/// What it is.
#[derive(Clone, Copy)]
enum KeptInside {
    Handshake(Result<RelayHandshakePlain, Sealed>),
    Answer(Result<RelayHandshakePlain, Sealed>),
    Packet(Result<(), Sealed>),
    PassedOn(Route),
}

impl Kept {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let (at, bytes, what) = match *event {
            Event::Datagram(Datagram { at, from, to, payload, origin, truncated, overlap }) => {
                (at, payload, What::Datagram { from, to, origin, truncated, overlap })
            }
            Event::Other { origin, at, why } => (at, &[][..], What::Other { origin, why }),
            Event::Comment(text) => (Timestamp::default(), text, What::Comment),
            // Its frames are kept, if it has any.
            Event::Piece(piece) => (piece.at, &[][..], What::Comment),
            Event::Secrets { secrets_type, data } => {
                (Timestamp::default(), data, What::Secrets { secrets_type })
            }
        };
        Self { at, bytes: bytes.to_vec(), what }
    }

    /// Something in a connection to a relay, which `piece` has completed.
    fn of_relay(piece: &Piece<'_>, relayed: &crypto::Relayed<'_>) -> Self {
        let Piece { at, from, to, connection: stream, origin, .. } = *piece;
        let crypto::Relayed { seen, to_relay, bytes, route } = relayed;
        let mut relay = Relay {
            stream,
            to_relay: *to_relay,
            kind: None,
            connection_id: None,
            dht_key: route.as_ref().and_then(Route::other_client),
        };
        let mut bytes = *bytes;
        let inside = match seen {
            RelaySeen::Handshake(plain) => KeptInside::Handshake(*plain),
            RelaySeen::Answer(plain) => KeptInside::Answer(*plain),
            RelaySeen::Packet(Err(why)) => KeptInside::Packet(Err(*why)),
            RelaySeen::Packet(Ok(packet)) => {
                relay.kind = Some(packet.kind());
                relay.connection_id = packet.connection_id();
                relay.dht_key = relay.dht_key.or(packet.dht_key());
                match packet.passed_on().zip(*route) {
                    Some((passed_on, route)) if is_net_crypto(passed_on) => {
                        bytes = passed_on;
                        KeptInside::PassedOn(route)
                    }
                    _ => KeptInside::Packet(Ok(())),
                }
            }
        };
        let what = What::Relayed(Box::new(Frame { from, to, origin, relay, inside }));
        Self { at, bytes: bytes.to_vec(), what }
    }

    fn due(&self) -> Due<'_> {
        let (at, payload) = (self.at, self.bytes.as_slice());
        Due::Event(match self.what {
            What::Datagram { from, to, origin, truncated, overlap } => {
                Event::Datagram(Datagram { at, from, to, payload, origin, truncated, overlap })
            }
            What::Other { origin, why } => Event::Other { origin, at, why },
            What::Relayed(ref frame) => return Due::Frame(frame),
            What::Comment => Event::Comment(payload),
            What::Secrets { secrets_type } => Event::Secrets { secrets_type, data: payload },
        })
    }
}

/// What was kept, when its turn comes.
enum Due<'a> {
    Event(Event<'a>),
    Frame(&'a Frame),
}

/// Whether a relay passes on a packet of a session, or of its beginning.
fn is_net_crypto(packet: &[u8]) -> bool {
    ToxKind::of(packet).is_some_and(ToxKind::is_net_crypto)
}
