//! What an opener gave, kept for another thread: one arena for all bytes, one small entry for each step.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::slice::Iter;

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
///
/// What steps have in common, and what most have, lies in lists of its own: things that are small and plain
/// are written where they stay, while an `enum` with room for all would be made elsewhere and moved.
#[derive(Default)]
pub(super) struct Batch {
    order: Vec<Kind>,
    /// Steps that are neither datagrams nor relayed.
    others: Vec<Other>,
    relayed: Vec<(Relay, KeptInside)>,
    /// Of the steps that have one.
    datagrams: Vec<KeptDatagram>,
    /// What was opened of each of these; its sender, then its receiver.
    opened: Vec<KeptOpened>,
    people: Vec<Option<PublicKey>>,
    /// What was in the boxes of those that were opened: data packets, handshakes, and cookies.
    data: Vec<KeptData>,
    handshakes: Vec<KeptHandshake>,
    cookies: Vec<Span>,
    bytes: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Kind {
    Datagram,
    Relayed,
    Other,
}

/// A step without a datagram.
enum Other {
    Names(Names),
    NotUdp { at: Timestamp, why: NotUdp },
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

/// A datagram without its bytes.
pub(super) struct KeptDatagram {
    at: Timestamp,
    from: SocketAddr,
    to: SocketAddr,
    payload: Span,
    origin: Origin,
    truncated: bool,
    overlap: bool,
}

/// What an opened datagram is, and why it stays closed if it does.
#[derive(Clone, Copy)]
struct KeptOpened {
    seen: KeptSeen,
    closed: Option<Sealed>,
}

#[derive(Clone, Copy)]
enum KeptSeen {
    CookieRequest,
    CookieResponse,
    Handshake,
    Data,
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

/// A place among bytes.
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.order.len() >= STEPS || self.bytes.len() >= BYTES
    }

    /// Keeps a step.
    #[inline]
    pub(super) fn push(&mut self, step: Step<'_>) {
        let other = match step {
            Step::Datagram(datagram, opened) => {
                self.keep(datagram, opened);
                return self.order.push(Kind::Datagram);
            }
            Step::Relayed(relayed) => {
                self.keep_relayed(relayed);
                return self.order.push(Kind::Relayed);
            }
            Step::Names(names) => Other::Names(names),
            Step::NotUdp { at, why } => Other::NotUdp { at, why },
            Step::Late(why) => Other::Late(why),
            Step::Pause => Other::Pause,
        };
        self.others.push(other);
        self.order.push(Kind::Other);
    }

    /// Gives the steps back, in their order, until `give` breaks; the batch is empty then.
    pub(super) fn drain<B>(
        &mut self,
        mut give: impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (mut others, mut relayed) = (self.others.drain(..), self.relayed.drain(..));
        let (mut datagrams, mut people) = (self.datagrams.iter(), self.people.iter());
        let mut boxes = Boxes {
            opened: self.opened.iter(),
            data: self.data.iter(),
            handshakes: self.handshakes.iter(),
            cookies: self.cookies.iter(),
            bytes: &self.bytes,
        };
        // Each made where it stays: they are large.
        let mut datagram = || datagrams.next().expect("it was kept").with(&self.bytes);
        let mut opened = || Opened {
            from: *people.next().expect("it was kept"),
            to: *people.next().expect("it was kept"),
            seen: boxes.next(),
            // Nobody gives a step that is to be tried again.
            may_open_later: false,
        };
        let flow = self.order.drain(..).try_for_each(|kind| match kind {
            Kind::Datagram => give(Step::Datagram(&datagram(), &opened())),
            Kind::Relayed => {
                let (datagram, opened) = (datagram(), opened());
                let (relay, inside) = relayed.next().expect("it was kept");
                let inside = inside.restored(datagram.payload, &opened);
                give(Step::Relayed(&Relayed { datagram, relay, inside }))
            }
            Kind::Other => match others.next().expect("it was kept") {
                Other::Names(names) => give(Step::Names(names)),
                Other::NotUdp { at, why } => give(Step::NotUdp { at, why }),
                Other::Late(why) => give(Step::Late(why)),
                Other::Pause => give(Step::Pause),
            },
        });
        drop((others, relayed));
        self.datagrams.clear();
        self.opened.clear();
        self.people.clear();
        self.data.clear();
        self.handshakes.clear();
        self.cookies.clear();
        self.bytes.clear();
        flow
    }

    #[inline]
    fn keep(&mut self, datagram: &Datagram<'_>, opened: &Opened<'_>) {
        let payload = Span::write(&mut self.bytes, |bytes| {
            bytes.extend_from_slice(datagram.payload);
        });
        self.datagrams.push(KeptDatagram::new(datagram, payload));
        self.people.push(opened.from);
        self.people.push(opened.to);
        let (seen, closed) = match &opened.seen {
            Seen::CookieRequest(seen) => {
                let kept = seen.as_ref().map(|plain| self.keep_cookie(|out| plain.emit(out)));
                (KeptSeen::CookieRequest, kept.err())
            }
            Seen::CookieResponse(seen) => {
                let kept = seen.as_ref().map(|plain| self.keep_cookie(|out| plain.emit(out)));
                (KeptSeen::CookieResponse, kept.err())
            }
            Seen::Handshake(seen) => {
                let kept = seen.as_ref().map(|seen| self.keep_handshake(seen));
                (KeptSeen::Handshake, kept.err())
            }
            Seen::Data(seen) => {
                let kept = seen.as_ref().map(|seen| self.keep_data(seen));
                (KeptSeen::Data, kept.err())
            }
            Seen::Other => (KeptSeen::Other, None),
        };
        self.opened.push(KeptOpened { seen, closed: closed.copied() });
    }

    fn keep_cookie(&mut self, emit: impl FnOnce(&mut Vec<u8>)) {
        self.cookies.push(Span::write(&mut self.bytes, emit));
    }

    fn keep_handshake(&mut self, seen: &OpenHandshake<'_>) {
        let OpenHandshake { plain, is_new, cookie_hash_fits } = seen;
        let plain = Span::write(&mut self.bytes, |out| plain.emit(out));
        let (is_new, cookie_hash_fits) = (*is_new, *cookie_hash_fits);
        self.handshakes.push(KeptHandshake { plain, is_new, cookie_hash_fits });
    }

    #[inline]
    fn keep_data(&mut self, seen: &Data<'_>) {
        let Data { session, direction, from_the_start, resend, copy, plain } = *seen;
        let CryptoPlain { ack, number, padding, id, data } = plain;
        let data = Span::write(&mut self.bytes, |bytes| bytes.extend_from_slice(data));
        self.data.push(KeptData {
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
        });
    }

    fn keep_relayed(&mut self, relayed: &Relayed<'_>) {
        let nothing = Opened { from: None, to: None, seen: Seen::Other, may_open_later: false };
        let (opened, inside) = match relayed.inside {
            Inside::Handshake(plain) => (&nothing, KeptInside::Handshake(plain)),
            Inside::Answer(plain) => (&nothing, KeptInside::Answer(plain)),
            Inside::Packet(packet) => (&nothing, KeptInside::Packet(packet.map(|_| ()))),
            Inside::PassedOn(opened) => (opened, KeptInside::PassedOn),
        };
        self.keep(&relayed.datagram, opened);
        self.relayed.push((relayed.relay, inside));
    }
}

/// What datagrams turned out to be, one after another.
struct Boxes<'a> {
    opened: Iter<'a, KeptOpened>,
    data: Iter<'a, KeptData>,
    handshakes: Iter<'a, KeptHandshake>,
    cookies: Iter<'a, Span>,
    bytes: &'a [u8],
}

impl<'a> Boxes<'a> {
    #[inline]
    fn next(&mut self) -> Seen<'a> {
        let KeptOpened { seen, closed } = *self.opened.next().expect("it was kept");
        let open = closed.map_or(Ok(()), Err);
        match seen {
            KeptSeen::CookieRequest => Seen::CookieRequest(
                open.and_then(|()| again(CookieRequestPlain::parse(self.cookie()))),
            ),
            KeptSeen::CookieResponse => Seen::CookieResponse(
                open.and_then(|()| again(CookieResponsePlain::parse(self.cookie()))),
            ),
            KeptSeen::Handshake => Seen::Handshake(open.and_then(|()| self.handshake())),
            KeptSeen::Data => Seen::Data(open.map(|()| self.data())),
            KeptSeen::Other => Seen::Other,
        }
    }

    fn cookie(&mut self) -> &'a [u8] {
        self.cookies.next().expect("it was kept").of(self.bytes)
    }

    fn handshake(&mut self) -> Result<OpenHandshake<'a>, Sealed> {
        let KeptHandshake { plain, is_new, cookie_hash_fits } =
            *self.handshakes.next().expect("it was kept");
        let plain = again(HandshakePlain::parse(plain.of(self.bytes)))?;
        Ok(OpenHandshake { plain, is_new, cookie_hash_fits })
    }

    #[inline]
    fn data(&mut self) -> Data<'a> {
        let kept = *self.data.next().expect("it was kept");
        let KeptData { session, direction, from_the_start, resend, copy, .. } = kept;
        let KeptData { ack, number, padding, id, data, .. } = kept;
        let plain = CryptoPlain { ack, number, padding, id, data: data.of(self.bytes) };
        Data { session, direction, from_the_start, resend, copy, plain }
    }
}

impl Span {
    /// The place of what is written at the end of `bytes`.
    #[inline]
    pub(super) fn write(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let here = |bytes: &Vec<u8>| u32::try_from(bytes.len()).expect("a batch is far smaller");
        let start = here(bytes);
        write(bytes);
        Self { start, end: here(bytes) }
    }

    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl KeptDatagram {
    #[inline]
    pub(super) const fn new(datagram: &Datagram<'_>, payload: Span) -> Self {
        let Datagram { at, from, to, origin, truncated, overlap, .. } = *datagram;
        Self { at, from, to, payload, origin, truncated, overlap }
    }

    #[inline]
    pub(super) fn with<'a>(&self, bytes: &'a [u8]) -> Datagram<'a> {
        let Self { at, from, to, payload, origin, truncated, overlap } = *self;
        Datagram { at, from, to, payload: payload.of(bytes), origin, truncated, overlap }
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

/// What was read again after it was written: it is as it was.
fn again<T>(parsed: Result<T, Fault>) -> Result<T, Sealed> {
    parsed.map_err(|_| Sealed::BadLength)
}
