//! Capture events and keys in, records out.

use std::collections::BTreeMap;

use super::conferences::Conferences;
use super::record::{Content, Context, Data, Record, Transport};
use crate::capture::{Datagram, Event};
use crate::crypto::{self, KeyRing, Seen, Sessions, Tally};
use crate::time::Timestamp;
use crate::wire::{DataId, Malformed, Packet, PublicKey, ToxKind};

/// Turns the events of a capture, in their order, into records.
pub struct Dissector {
    sessions: Sessions,
    conferences: Conferences,
    start: Option<Timestamp>,
    secrets_type: Option<u32>,
    embedded: Option<Tally>,
}

impl Dissector {
    /// With the keys to begin with. Key logs embedded in the capture's comments are used too, and so
    /// are its secrets blocks of `secrets_type`, if the user names one.
    #[must_use]
    pub fn new(ring: KeyRing, secrets_type: Option<u32>) -> Self {
        Self {
            sessions: Sessions::new(ring),
            conferences: Conferences::new(),
            start: None,
            secrets_type,
            embedded: None,
        }
    }

    /// The sessions followed so far, and the keys.
    #[must_use]
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The sessions followed so far, to add keys while packets come in.
    pub const fn sessions_mut(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    /// How often something about sessions or conferences was forgotten for want of room.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.sessions.forgotten() + self.conferences.forgotten()
    }

    /// How the lines of key logs inside the capture were taken, if there were any.
    #[must_use]
    pub const fn embedded(&self) -> Option<&Tally> {
        self.embedded.as_ref()
    }

    /// Looks at an event ahead of its turn, which comes soon, for the handshake that it may be.
    pub(super) fn foresee(&mut self, event: Event<'_>) {
        match event {
            Event::Datagram(Datagram { from, to, payload, truncated, .. }) => {
                self.sessions.foresee(from, to, payload, truncated);
            }
            // Their turn comes when it comes: keys that are added then reopen the search.
            Event::Other { .. } | Event::Piece(_) | Event::Comment(_) | Event::Secrets { .. } => {}
        }
    }

    /// Takes the next event. Datagrams give a record.
    #[inline]
    pub fn event<'a>(&'a mut self, event: Event<'a>) -> Option<Record<'a>> {
        match event {
            Event::Datagram(datagram) => {
                self.start.get_or_insert(datagram.at);
                Some(self.datagram(&datagram))
            }
            Event::Other { at, .. } => {
                self.start.get_or_insert(at);
                None
            }
            Event::Piece(_) => None,
            Event::Comment(_) | Event::Secrets { .. } => {
                self.embed(event);
                None
            }
        }
    }

    /// Dissects one datagram.
    #[inline]
    fn datagram<'a>(&'a mut self, datagram: &Datagram<'a>) -> Record<'a> {
        let Datagram { at, from, to, payload, origin, truncated, .. } = *datagram;
        let start = *self.start.get_or_insert(at);
        // Everything is learned before anything is borrowed for the record.
        let (sessions, conferences) = (&mut self.sessions, &mut self.conferences);
        let opened = sessions.datagram(from, to, payload, truncated);
        let packet = conference_packet(&opened.seen);
        if let (Seen::Data(Ok(data)), Some(Ok(packet))) = (&opened.seen, &packet)
            && !data.resend
        {
            conferences.learn(data.session, data.direction, opened.from, packet);
        }
        let names = opened.names;
        Record {
            frame: origin.frame,
            offset: origin.offset,
            at,
            rel: at.nanos_since(start),
            src: from,
            dst: to,
            transport: Transport::Udp,
            from: conferences.party(opened.from, names),
            to: conferences.party(opened.to, names),
            truncated,
            datagram: payload,
            may_open_later: opened.may_open_later,
            content: match opened.seen {
                Seen::CookieRequest(seen) => Content::CookieRequest(seen),
                Seen::CookieResponse(seen) => Content::CookieResponse(seen),
                Seen::Handshake(seen) => Content::Handshake(seen),
                Seen::Data(seen) => {
                    Content::Data(seen.map(|data| opened_data(conferences, names, data, packet)))
                }
                Seen::Other => Content::Other(ToxKind::of(payload)),
            },
        }
    }

    fn embed(&mut self, event: Event<'_>) {
        let text = match event {
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
}

/// The conference packet inside, if there is one.
fn conference_packet<'a>(seen: &Seen<'a>) -> Option<Result<Packet<'a>, Malformed<'a>>> {
    match seen {
        Seen::Data(Ok(data)) if data.plain.id.is_some_and(DataId::is_conference) => {
            Some(Packet::parse(data.plain.data))
        }
        _ => None,
    }
}

fn opened_data<'a>(
    conferences: &'a Conferences,
    names: &'a BTreeMap<PublicKey, Vec<u8>>,
    data: crypto::Data<'a>,
    packet: Option<Result<Packet<'a>, Malformed<'a>>>,
) -> Data<'a> {
    let crypto::Data { session, direction, from_the_start, resend, plain } = data;
    let id = plain.id.expect("crypto gives no data without an id");
    let context = match &packet {
        Some(Ok(packet)) => conferences.context(session, direction, packet, names),
        _ => Context::default(),
    };
    Data {
        session,
        number: plain.number,
        ack: plain.ack,
        resend,
        direction,
        from_the_start,
        id,
        bytes: plain.data,
        packet,
        context,
    }
}
