//! Records in the order in which clients handle what they carry.
//!
//! A capture has packets in the order of the wire; a client handles the lossless ones of each session in
//! the order of their numbers (packets §5.4). One that overtook another waits here for it, unless the
//! receiver acknowledges it, captured or not. Everything else passes at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::record::{Content, Context, Data, Party, Record, Relay, Transport};
use crate::crypto::Order;
use crate::time::Timestamp;
use crate::wire::{Conference, DataClass, DataId, Packet, PublicKey};

/// How many directions of sessions are followed, and how many bytes may wait in all. Beyond them, what
/// has waited longest goes on out of its turn.
const DIRECTIONS: usize = 1 << 17;
const WAITING_BYTES: usize = 32 << 20;

/// One direction of a session.
type Way = (u32, u8);

/// Puts records into the order in which clients handle them.
#[derive(Default)]
pub struct Delivery {
    orders: BTreeMap<Way, Order<Waiting>>,
    bytes: usize,
}

impl Delivery {
    /// Takes the next record of the capture, and hands to `visit` all those whose turn it is.
    pub fn record<B>(
        &mut self,
        record: &Record<'_>,
        visit: &mut impl FnMut(&Record<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Content::Data(Ok(data)) = &record.content else { return visit(record) };
        let back = (data.session, data.direction ^ 1);
        if let Some(order) = self.orders.get_mut(&back) {
            order.acknowledge(data.ack);
            self.release(back, visit)?;
        }
        if data.id.class() != DataClass::Lossless || data.resend {
            return visit(record);
        }
        let way = (data.session, data.direction);
        let order = self.orders.entry(way).or_insert_with(|| {
            if data.from_the_start { Order::from_the_start() } else { Order::default() }
        });
        if order.is_next(data.number) {
            order.pass(data.number);
            return visit(record);
        }
        let waiting = Waiting::of(record, data);
        self.bytes += waiting.size();
        order.keep(data.number, waiting);
        self.release(way, visit)?;
        while self.bytes > WAITING_BYTES || self.orders.len() > DIRECTIONS {
            self.give_up_first(visit)?;
        }
        ControlFlow::Continue(())
    }

    /// Hands out everything that still waits: the capture has ended.
    pub fn finish<B>(
        &mut self,
        visit: &mut impl FnMut(&Record<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        while !self.orders.is_empty() {
            self.give_up_first(visit)?;
        }
        ControlFlow::Continue(())
    }

    fn release<B>(
        &mut self,
        way: Way,
        visit: &mut impl FnMut(&Record<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        while let Some(waiting) = self.orders.get_mut(&way).and_then(Order::pop) {
            self.bytes -= waiting.size();
            waiting.visit(visit)?;
        }
        ControlFlow::Continue(())
    }

    /// Forgets the direction of the oldest session, whose packets go on as they are.
    fn give_up_first<B>(
        &mut self,
        visit: &mut impl FnMut(&Record<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((_, mut order)) = self.orders.pop_first() else {
            return ControlFlow::Continue(());
        };
        while let Some(waiting) = order.pop_any() {
            self.bytes -= waiting.size();
            waiting.visit(visit)?;
        }
        ControlFlow::Continue(())
    }
}

/// A record of an opened lossless packet that owns what it refers to.
struct Waiting {
    file: u16,
    frame: u64,
    offset: u64,
    at: Timestamp,
    rel: i64,
    src: SocketAddr,
    dst: SocketAddr,
    transport: Transport,
    relay: Option<Relay>,
    from: Someone,
    to: Someone,
    truncated: bool,
    datagram: Vec<u8>,
    session: u32,
    number: u32,
    ack: u32,
    direction: u8,
    from_the_start: bool,
    id: DataId,
    bytes: Vec<u8>,
    conference: Option<Conference>,
    author: Someone,
}

/// A party that owns its name.
struct Someone {
    real_key: Option<PublicKey>,
    name: Option<Vec<u8>>,
}

impl Someone {
    fn of(party: &Party<'_>) -> Self {
        Self { real_key: party.real_key, name: party.name.map(<[u8]>::to_vec) }
    }

    fn party(&self) -> Party<'_> {
        Party { real_key: self.real_key, name: self.name.as_deref() }
    }
}

impl Waiting {
    fn of(record: &Record<'_>, data: &Data<'_>) -> Self {
        Self {
            file: record.file,
            frame: record.frame,
            offset: record.offset,
            at: record.at,
            rel: record.rel,
            src: record.src,
            dst: record.dst,
            transport: record.transport,
            relay: record.relay,
            from: Someone::of(&record.from),
            to: Someone::of(&record.to),
            truncated: record.truncated,
            datagram: record.datagram.to_vec(),
            session: data.session,
            number: data.number,
            ack: data.ack,
            direction: data.direction,
            from_the_start: data.from_the_start,
            id: data.id,
            bytes: data.bytes.to_vec(),
            conference: data.context.conference,
            author: Someone::of(&data.context.author),
        }
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.datagram.len() + self.bytes.len()
    }

    fn visit<B>(&self, visit: &mut impl FnMut(&Record<'_>) -> ControlFlow<B>) -> ControlFlow<B> {
        let context = Context { conference: self.conference, author: self.author.party() };
        visit(&Record {
            file: self.file,
            frame: self.frame,
            offset: self.offset,
            at: self.at,
            rel: self.rel,
            src: self.src,
            dst: self.dst,
            transport: self.transport,
            relay: self.relay,
            from: self.from.party(),
            to: self.to.party(),
            truncated: self.truncated,
            datagram: &self.datagram,
            content: Content::Data(Ok(Data {
                session: self.session,
                number: self.number,
                ack: self.ack,
                resend: false,
                copy: false,
                direction: self.direction,
                from_the_start: self.from_the_start,
                id: self.id,
                bytes: &self.bytes,
                packet: self.id.is_conference().then(|| Packet::parse(&self.bytes)),
                context,
            })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Datagram, Event, Origin};
    use crate::crypto::KeyRing;
    use crate::crypto::testing::Client;
    use crate::dissect::Dissector;

    /// A conversation of ann and bob, captured; what is handled, as numbers in their order.
    struct Capture {
        ann: Client,
        bob: Client,
        dissector: Dissector,
        delivery: Delivery,
        frames: u64,
        handled: Vec<(u64, u32)>,
    }

    impl Capture {
        fn new() -> Self {
            let (ann, bob) = (Client::new(1, 11), Client::new(2, 12));
            let mut ring = KeyRing::new();
            ring.read(ann.shared_lines(&bob).as_bytes()).unwrap();
            let (dissector, delivery) = (Dissector::new(ring, None), Delivery::default());
            let handshakes = [ann.handshake(&bob), bob.handshake(&ann)];
            let mut capture =
                Self { ann, bob, dissector, delivery, frames: 0, handled: Vec::new() };
            let (ann, bob) = (capture.ann.address, capture.bob.address);
            capture.datagram(ann, bob, &handshakes[0]);
            capture.datagram(bob, ann, &handshakes[1]);
            capture.handled.clear();
            capture.frames = 0;
            capture
        }

        fn ann_sends(&mut self, number: u32, data: &[u8]) {
            let datagram = self.ann.numbered(&self.bob, number, data);
            self.datagram(self.ann.address, self.bob.address, &datagram);
        }

        fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
            self.frames += 1;
            let event = Event::Datagram(Datagram {
                at: Timestamp::default(),
                from,
                to,
                payload,
                origin: Origin { frame: self.frames, offset: 0, file: 0 },
                truncated: false,
                overlap: false,
            });
            let record = self.dissector.event(event).unwrap();
            let handled = &mut self.handled;
            let flow = self.delivery.record(&record, &mut |record| note(handled, record));
            assert!(flow.is_continue());
        }

        fn end(mut self) -> Vec<(u64, u32)> {
            let handled = &mut self.handled;
            assert!(self.delivery.finish(&mut |record| note(handled, record)).is_continue());
            assert_eq!(self.delivery.bytes, 0);
            self.handled
        }
    }

    fn note(handled: &mut Vec<(u64, u32)>, record: &Record<'_>) -> ControlFlow<()> {
        let number = match &record.content {
            Content::Data(Ok(data)) => data.number,
            _ => u32::MAX,
        };
        handled.push((record.frame, number));
        ControlFlow::Continue(())
    }

    const CHAT: &[u8] = b"\x63\0\0\0\0\0\0\0\x01\x40hi";

    #[test]
    fn a_packet_that_overtook_another_waits_for_it() {
        let mut capture = Capture::new();
        [0, 2, 3, 1, 4].into_iter().for_each(|number| capture.ann_sends(number, CHAT));
        assert_eq!(capture.end(), [(1, 0), (4, 1), (2, 2), (3, 3), (5, 4)]);
    }

    #[test]
    fn resends_and_lossy_packets_pass_at_once() {
        let mut capture = Capture::new();
        capture.ann_sends(1, CHAT);
        capture.ann_sends(2, b"\xc7\0\0\0\0\0\0\xc0\0\0a");
        capture.ann_sends(1, CHAT);
        capture.ann_sends(0, CHAT);
        assert_eq!(capture.end(), [(2, 2), (3, 1), (4, 0), (1, 1)]);
    }

    #[test]
    fn what_still_waits_at_the_end_goes_on_in_order() {
        let mut capture = Capture::new();
        [3, 1].into_iter().for_each(|number| capture.ann_sends(number, CHAT));
        assert_eq!(capture.end(), [(2, 1), (1, 3)]);
    }

    #[test]
    fn a_packet_that_waits_keeps_all_that_is_known_of_it() {
        let mut capture = Capture::new();
        capture.ann_sends(1, CHAT);
        let mut seen = 0;
        let flow: ControlFlow<()> = capture.delivery.finish(&mut |record| {
            assert_eq!(record.kind(), "chat");
            assert_eq!(record.datagram.first(), Some(&0x1b));
            let data = record.conference_packet().unwrap();
            assert_eq!((data.bytes, data.resend, record.bytes()), (CHAT, false, CHAT.len()));
            seen += 1;
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        assert_eq!(seen, 1);
    }
}
