//! The half of dissecting that needs no keys: what was opened in, records out.

use super::conferences::Conferences;
use super::opener::{Inside, Relayed};
use super::record::{Content, Context, Data, Record, Transport};
use crate::capture::Datagram;
use crate::crypto::{self, Names, Opened, Seen};
use crate::time::Timestamp;
use crate::wire::{Packet, ToxKind};

/// What earlier frames tell about later ones.
pub(super) struct Recorder {
    conferences: Conferences,
    /// When the first frame was captured.
    start: Option<Timestamp>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self { conferences: Conferences::new(), start: None }
    }

    /// How often something about conferences was forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.conferences.forgotten()
    }

    /// Notes what key logs call people.
    pub(super) fn name(&mut self, names: Names) {
        self.conferences.name(names);
    }

    /// Notes a frame; gives the nanoseconds since the first one.
    #[inline]
    pub(super) fn frame(&mut self, at: Timestamp) -> i64 {
        at.nanos_since(*self.start.get_or_insert(at))
    }

    /// The record of a datagram.
    #[inline]
    pub(super) fn record<'a>(
        &'a mut self,
        datagram: &Datagram<'a>,
        opened: &Opened<'a>,
    ) -> Record<'a> {
        let rel = self.frame(datagram.at);
        let Datagram { at, from: src, to: dst, payload, origin, truncated, .. } = *datagram;
        // Everything is learned before anything is borrowed for the record.
        let data = match opened.seen {
            Seen::Data(Ok(data)) => Some(opened_data(data)),
            _ => None,
        };
        if let Some(Data { packet: Some(Ok(packet)), resend: false, session, direction, .. }) =
            &data
        {
            self.conferences.learn(*session, *direction, opened.from, packet);
        }
        let conferences = &self.conferences;
        // Made where it goes: it is large.
        Record {
            file: origin.file,
            frame: origin.frame,
            offset: origin.offset,
            at,
            rel,
            src,
            dst,
            transport: Transport::Udp,
            relay: None,
            from: conferences.party(opened.from),
            to: conferences.party(opened.to),
            truncated,
            datagram: payload,
            content: if let Some(data) = data {
                let context = match &data.packet {
                    Some(Ok(packet)) => conferences.context(data.session, data.direction, packet),
                    _ => Context::default(),
                };
                Content::Data(Ok(Data { context, ..data }))
            } else {
                match opened.seen {
                    Seen::CookieRequest(seen) => Content::CookieRequest(seen),
                    Seen::CookieResponse(seen) => Content::CookieResponse(seen),
                    Seen::Handshake(seen) => Content::Handshake(seen),
                    Seen::Data(seen) => Content::Data(seen.map(opened_data)),
                    Seen::Other => Content::Other(ToxKind::of(payload)),
                }
            },
        }
    }

    /// The record of what was found in a connection to a relay.
    pub(super) fn relayed<'a>(&'a mut self, relayed: &Relayed<'a>) -> Record<'a> {
        let nothing = Opened { from: None, to: None, seen: Seen::Other, may_open_later: false };
        let (opened, content) = match relayed.inside {
            Inside::Handshake(plain) => (&nothing, Some(Content::RelayHandshake(plain))),
            Inside::Answer(plain) => (&nothing, Some(Content::RelayAnswer(plain))),
            Inside::Packet(packet) => (&nothing, Some(Content::Relay(packet))),
            Inside::PassedOn(opened) => (opened, None),
        };
        let mut record = self.record(&relayed.datagram, opened);
        record.transport = Transport::Tcp;
        record.relay = Some(relayed.relay);
        if let Some(content) = content {
            record.content = content;
        }
        record
    }
}

/// An opened data packet and the conference packet inside, if there is one; its context is still to come.
fn opened_data(data: crypto::Data<'_>) -> Data<'_> {
    let crypto::Data { session, direction, from_the_start, resend, copy, plain } = data;
    let id = plain.id.expect("crypto gives no data without an id");
    Data {
        session,
        number: plain.number,
        ack: plain.ack,
        resend,
        copy,
        direction,
        from_the_start,
        id,
        bytes: plain.data,
        packet: id.is_conference().then(|| Packet::parse(plain.data)),
        context: Context::default(),
    }
}
