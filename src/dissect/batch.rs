//! What an opener gave, kept for another thread: one arena for all bytes, one small entry for each step.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::opener::{Inside, Relayed, Step};
use super::record::Relay;
use crate::capture::{Datagram, NotUdp, Origin};
use crate::crypto::{Data, Names, OpenHandshake, Opened, Sealed, Seen};
use crate::time::Timestamp;
use crate::wire::net_crypto::{
    CookieRequestPlain, CookieResponsePlain, CryptoPlain, HandshakePlain,
};
use crate::wire::relay::{RelayHandshakePlain, RelayPacket};
use crate::wire::{DataId, Fault, PublicKey};

/// How many steps, and bytes, fill a batch; one step may go beyond.
const STEPS: usize = 1024;
const BYTES: usize = 256 << 10;

/// Steps that own their bytes. Used again and again, it allocates nothing.
#[derive(Default)]
pub(super) struct Batch {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

/// A step without its bytes.
enum Entry {
    Names(Names),
    NotUdp { at: Timestamp, why: NotUdp },
    Datagram(Kept),
    Relayed(Box<(Kept, Relay, KeptInside)>),
    Late(Sealed),
    Pause,
}

/// What is inside a relay's frame, without its bytes.
#[derive(Clone, Copy)]
enum KeptInside {
    Handshake(Result<RelayHandshakePlain, Sealed>),
    Answer(Result<RelayHandshakePlain, Sealed>),
    Packet(Result<(), Sealed>),
    PassedOn,
}

/// A datagram and what was opened of it, without its bytes.
struct Kept {
    at: Timestamp,
    from: SocketAddr,
    to: SocketAddr,
    payload: Span,
    origin: Origin,
    truncated: bool,
    overlap: bool,
    sender: Option<PublicKey>,
    receiver: Option<PublicKey>,
    seen: KeptSeen,
}

/// What an opened datagram is; what its box held is written again as it was.
#[derive(Clone, Copy)]
enum KeptSeen {
    CookieRequest(Result<Span, Sealed>),
    CookieResponse(Result<Span, Sealed>),
    Handshake(Result<KeptHandshake, Sealed>),
    Data(Result<KeptData, Sealed>),
    Other,
}

#[derive(Clone, Copy)]
struct KeptHandshake {
    plain: Span,
    is_new: bool,
    cookie_hash_fits: bool,
}

#[derive(Clone, Copy)]
struct KeptData {
    session: u32,
    direction: u8,
    from_the_start: bool,
    resend: bool,
    copy: bool,
    ack: u32,
    number: u32,
    padding: usize,
    id: Option<DataId>,
    data: Span,
}

/// A place among the bytes.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= STEPS || self.bytes.len() >= BYTES
    }

    /// Keeps a step.
    pub(super) fn push(&mut self, step: Step<'_>) {
        let entry = match step {
            Step::Names(names) => Entry::Names(names),
            Step::NotUdp { at, why } => Entry::NotUdp { at, why },
            Step::Datagram(datagram, opened) => Entry::Datagram(self.keep(datagram, opened)),
            Step::Relayed(relayed) => Entry::Relayed(Box::new(self.keep_relayed(relayed))),
            Step::Late(why) => Entry::Late(why),
            Step::Pause => Entry::Pause,
        };
        self.entries.push(entry);
    }

    /// Gives the steps back, in their order, until `give` breaks; the batch is empty then.
    pub(super) fn drain<B>(
        &mut self,
        mut give: impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let bytes = &self.bytes;
        let flow = self.entries.iter_mut().try_for_each(|entry| match entry {
            Entry::Names(names) => give(Step::Names(std::mem::take(names))),
            Entry::NotUdp { at, why } => give(Step::NotUdp { at: *at, why: *why }),
            Entry::Datagram(kept) => {
                give(Step::Datagram(&kept.datagram(bytes), &kept.opened(bytes)))
            }
            Entry::Relayed(kept) => {
                let (kept, relay, inside) = &**kept;
                let (datagram, opened) = (kept.datagram(bytes), kept.opened(bytes));
                let inside = inside.restored(datagram.payload, &opened);
                give(Step::Relayed(&Relayed { datagram, relay: *relay, inside }))
            }
            Entry::Late(why) => give(Step::Late(*why)),
            Entry::Pause => give(Step::Pause),
        });
        self.entries.clear();
        self.bytes.clear();
        flow
    }

    #[inline]
    fn keep(&mut self, datagram: &Datagram<'_>, opened: &Opened<'_>) -> Kept {
        let Datagram { at, from, to, payload, origin, truncated, overlap } = *datagram;
        let payload = self.written(|bytes| bytes.extend_from_slice(payload));
        let seen = match opened.seen {
            Seen::CookieRequest(seen) => {
                KeptSeen::CookieRequest(seen.map(|plain| self.written(|bytes| plain.emit(bytes))))
            }
            Seen::CookieResponse(seen) => {
                KeptSeen::CookieResponse(seen.map(|plain| self.written(|bytes| plain.emit(bytes))))
            }
            Seen::Handshake(seen) => KeptSeen::Handshake(seen.map(|seen| {
                let OpenHandshake { plain, is_new, cookie_hash_fits } = seen;
                let plain = self.written(|bytes| plain.emit(bytes));
                KeptHandshake { plain, is_new, cookie_hash_fits }
            })),
            Seen::Data(seen) => KeptSeen::Data(seen.map(|seen| {
                let Data { session, direction, from_the_start, resend, copy, plain } = seen;
                let CryptoPlain { ack, number, padding, id, data } = plain;
                let data = self.written(|bytes| bytes.extend_from_slice(data));
                KeptData {
                    session,
                    direction,
                    from_the_start,
                    resend,
                    copy,
                    ack,
                    number,
                    padding,
                    id,
                    data,
                }
            })),
            Seen::Other => KeptSeen::Other,
        };
        let (sender, receiver) = (opened.from, opened.to);
        Kept { at, from, to, payload, origin, truncated, overlap, sender, receiver, seen }
    }

    fn keep_relayed(&mut self, relayed: &Relayed<'_>) -> (Kept, Relay, KeptInside) {
        let nothing = Opened { from: None, to: None, seen: Seen::Other, may_open_later: false };
        let (opened, inside) = match relayed.inside {
            Inside::Handshake(plain) => (&nothing, KeptInside::Handshake(plain)),
            Inside::Answer(plain) => (&nothing, KeptInside::Answer(plain)),
            Inside::Packet(packet) => (&nothing, KeptInside::Packet(packet.map(|_| ()))),
            Inside::PassedOn(opened) => (opened, KeptInside::PassedOn),
        };
        (self.keep(&relayed.datagram, opened), relayed.relay, inside)
    }

    fn written(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.bytes.len();
        write(&mut self.bytes);
        Span { start, end: self.bytes.len() }
    }
}

impl Span {
    fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

impl Kept {
    #[inline]
    fn datagram<'a>(&self, bytes: &'a [u8]) -> Datagram<'a> {
        let Self { at, from, to, origin, truncated, overlap, .. } = *self;
        Datagram { at, from, to, payload: self.payload.of(bytes), origin, truncated, overlap }
    }

    #[inline]
    fn opened<'a>(&self, bytes: &'a [u8]) -> Opened<'a> {
        let (from, to, seen) = (self.sender, self.receiver, self.seen.restored(bytes));
        // Nobody gives a step that is to be tried again.
        Opened { from, to, seen, may_open_later: false }
    }
}

impl KeptInside {
    fn restored<'a>(self, payload: &'a [u8], opened: &'a Opened<'a>) -> Inside<'a> {
        match self {
            Self::Handshake(plain) => Inside::Handshake(plain),
            Self::Answer(plain) => Inside::Answer(plain),
            Self::Packet(opened) => {
                Inside::Packet(opened.and_then(|()| again(RelayPacket::parse(payload))))
            }
            Self::PassedOn => Inside::PassedOn(opened),
        }
    }
}

impl KeptSeen {
    #[inline]
    fn restored<'a>(&self, bytes: &'a [u8]) -> Seen<'a> {
        match *self {
            Self::CookieRequest(seen) => Seen::CookieRequest(
                seen.and_then(|plain| again(CookieRequestPlain::parse(plain.of(bytes)))),
            ),
            Self::CookieResponse(seen) => Seen::CookieResponse(
                seen.and_then(|plain| again(CookieResponsePlain::parse(plain.of(bytes)))),
            ),
            Self::Handshake(seen) => Seen::Handshake(seen.and_then(|seen| {
                let KeptHandshake { plain, is_new, cookie_hash_fits } = seen;
                let plain = again(HandshakePlain::parse(plain.of(bytes)))?;
                Ok(OpenHandshake { plain, is_new, cookie_hash_fits })
            })),
            Self::Data(seen) => Seen::Data(seen.map(|seen| {
                let KeptData { session, direction, from_the_start, resend, copy, .. } = seen;
                let KeptData { ack, number, padding, id, data, .. } = seen;
                let plain = CryptoPlain { ack, number, padding, id, data: data.of(bytes) };
                Data { session, direction, from_the_start, resend, copy, plain }
            })),
            Self::Other => Seen::Other,
        }
    }
}

/// What was read again after it was written: it is as it was.
fn again<T>(parsed: Result<T, Fault>) -> Result<T, Sealed> {
    parsed.map_err(|_| Sealed::BadLength)
}
