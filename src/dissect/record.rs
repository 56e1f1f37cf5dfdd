//! One datagram, or one packet to or from a relay, as far as the keys at hand explain it.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::field::{FieldId, Fields, Value};
use super::payload::payload;
use crate::crypto::{OpenHandshake, Sealed};
use crate::time::Timestamp;
use crate::wire::net_crypto::{CookieRequestPlain, CookieResponsePlain};
use crate::wire::relay::{RelayHandshakePlain, RelayPacket, RelayPing, RelayPong};
use crate::wire::{Conference, DataId, Kind, Malformed, Packet, PublicKey, RelayKind, ToxKind};

/// One datagram of a capture, or one packet to or from a relay: where it was, whose it was, what it was.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Which of several captures that are read as one, from 0.
    pub file: u16,
    /// Number of the frame, from 1, over the whole file.
    pub frame: u64,
    /// Byte of the (unpacked) file at which the frame's data begin.
    pub offset: u64,
    /// When the frame was captured.
    pub at: Timestamp,
    /// Nanoseconds since the first frame of the file.
    pub rel: i64,
    /// Where the datagram came from.
    pub src: SocketAddr,
    /// Where the datagram went to.
    pub dst: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// Where it is in a connection to a relay, if TCP carried it.
    pub relay: Option<Relay>,
    /// The sender, as far as it is known.
    pub from: Party<'a>,
    /// The receiver, as far as it is known.
    pub to: Party<'a>,
    /// Whether the capture kept only the beginning of the datagram.
    pub truncated: bool,
    /// What UDP carried, as far as it was captured; of TCP, what a relay passes on, else the relay's packet,
    /// else its frame or handshake as it was sent.
    pub datagram: &'a [u8],
    /// What it turned out to be.
    pub content: Content<'a>,
}

/// What carries a Tox packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A UDP datagram.
    Udp,
    /// A TCP connection to a relay.
    Tcp,
}

impl Transport {
    /// The name in JSON lines and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// Where a packet is in a connection of a client to a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Number of the TCP connection, from 1, in the order in which they are first seen in the capture.
    pub stream: u32,
    /// Whether it goes to the relay, if that is known.
    pub to_relay: Option<bool>,
    /// What the relay's packet is, if it was opened.
    pub kind: Option<RelayKind>,
    /// The connection through the relay that it is about, as the client numbers it.
    pub connection_id: Option<u8>,
    /// The DHT public key of the other client that it is about, as far as that is known.
    pub dht_key: Option<PublicKey>,
}

/// Somebody, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// The long-term public key.
    pub real_key: Option<PublicKey>,
    /// What a `NAME` line of a key log, or else the last name seen in a conference, calls the owner of
    /// that key. Hostile bytes.
    pub name: Option<&'a [u8]>,
}

/// What a datagram turned out to be.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// A cookie request.
    CookieRequest(Result<CookieRequestPlain, Sealed>),
    /// A cookie response.
    CookieResponse(Result<CookieResponsePlain<'a>, Sealed>),
    /// A handshake.
    Handshake(Result<OpenHandshake<'a>, Sealed>),
    /// A data packet.
    Data(Result<Data<'a>, Sealed>),
    /// A client's handshake with a relay.
    RelayHandshake(Result<RelayHandshakePlain, Sealed>),
    /// The relay's answer to it.
    RelayAnswer(Result<RelayHandshakePlain, Sealed>),
    /// A frame between a client and a relay that holds something else than a packet above.
    Relay(Result<RelayPacket<'a>, Sealed>),
    /// Another Tox packet, or no Tox packet: only its first byte was looked at. `None` for an empty
    /// datagram.
    Other(Option<ToxKind>),
}

/// A data packet that was opened.
#[derive(Clone, Debug)]
pub struct Data<'a> {
    /// Number of the session, from 1, in the order in which sessions first had a packet opened.
    pub session: u32,
    /// The packet number: a lossless packet's own, else the sender's next.
    pub number: u32,
    /// The next lossless packet that the sender still waits for.
    pub ack: u32,
    /// Whether the same was opened before: a lossless packet with its number, or the very same lossy one.
    pub resend: bool,
    /// Whether the very same packet was opened before, sealed with the same nonce: captured twice, or on the
    /// other half of its way through a relay.
    pub copy: bool,
    /// Which of the session's two directions; the same number always means the same one.
    pub direction: u8,
    /// Whether the session's handshake from this sender was seen, so that its first packet is number 0.
    pub from_the_start: bool,
    /// What kind of data.
    pub id: DataId,
    /// The data, its id included.
    pub bytes: &'a [u8],
    /// The conference packet that the data is, for the ids that have one.
    pub packet: Option<Result<Packet<'a>, Malformed<'a>>>,
    /// What earlier packets tell about this one.
    pub context: Context<'a>,
}

/// What earlier packets tell about a conference packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// The conference that the packet names or that its group number means.
    pub conference: Option<Conference>,
    /// The member that the packet's peer number means: author of a message.
    pub author: Party<'a>,
}

impl Record<'_> {
    /// What the record is, as JSON lines and filters name it: the kind of conference packet, else what
    /// an opened data packet carries, else the kind of Tox packet.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::CookieRequest(_) => ToxKind::COOKIE_REQUEST.name(),
            Content::CookieResponse(_) => ToxKind::COOKIE_RESPONSE.name(),
            Content::Handshake(_) => ToxKind::CRYPTO_HANDSHAKE.name(),
            Content::Data(Err(_)) => ToxKind::CRYPTO_DATA.name(),
            Content::Data(Ok(data)) => data.kind(),
            Content::RelayHandshake(_) => RELAY_HANDSHAKE,
            Content::RelayAnswer(_) => RELAY_ANSWER,
            Content::Relay(Ok(packet)) => packet.kind().name(),
            Content::Relay(Err(_)) => RELAY_FRAME,
            Content::Other(kind) => match kind {
                Some(kind) if kind.is_known() => kind.name(),
                _ => NOT_TOX,
            },
        }
    }

    /// The conference packet, if the record is one, malformed or not.
    #[must_use]
    pub const fn conference_packet(&self) -> Option<&Data<'_>> {
        match &self.content {
            Content::Data(Ok(data)) if data.packet.is_some() => Some(data),
            _ => None,
        }
    }

    /// Why it stays closed, if it does.
    #[must_use]
    pub const fn sealed(&self) -> Option<Sealed> {
        match self.content {
            Content::CookieRequest(Err(why))
            | Content::CookieResponse(Err(why))
            | Content::Handshake(Err(why))
            | Content::Data(Err(why))
            | Content::RelayHandshake(Err(why))
            | Content::RelayAnswer(Err(why))
            | Content::Relay(Err(why)) => Some(why),
            _ => None,
        }
    }

    /// Size in bytes: of what an opened data packet carries, id included, padding not; else of the
    /// datagram.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        match &self.content {
            Content::Data(Ok(data)) => data.bytes.len(),
            _ => self.datagram.len(),
        }
    }
}

/// The kind of a datagram whose first byte no Tox packet has.
pub const NOT_TOX: &str = "not_tox";

/// The kinds of what is sent between a client and a relay beside packets: their handshakes, and frames that
/// stay closed.
pub const RELAY_HANDSHAKE: &str = "relay_handshake";
/// See [`RELAY_HANDSHAKE`].
pub const RELAY_ANSWER: &str = "relay_answer";
/// See [`RELAY_HANDSHAKE`].
pub const RELAY_FRAME: &str = "relay_frame";

impl Data<'_> {
    /// What the data is, as JSON lines and filters name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.packet {
            Some(Ok(packet)) => packet.kind().name(),
            Some(Err(_)) => Kind::Malformed.name(),
            None => self.id.name(),
        }
    }
}

impl Fields for Record<'_> {
    fn each(&self, each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        each(FieldId::Frame, Value::Unsigned(self.frame))?;
        each(FieldId::Time, Value::Time(self.at))?;
        each(FieldId::Rel, Value::Nanos(self.rel))?;
        each(FieldId::Src, Value::Address(self.src))?;
        each(FieldId::Dst, Value::Address(self.dst))?;
        each(FieldId::Transport, Value::Name(self.transport.name()))?;
        for (field, party) in [(FieldId::From, &self.from), (FieldId::To, &self.to)] {
            if let Some(PublicKey(key)) = &party.real_key {
                each(field, Value::Key(key))?;
            }
        }
        let data = match &self.content {
            Content::Data(Ok(data)) => Some(data),
            _ => None,
        };
        if let Some(data) = data {
            each(FieldId::Session, Value::Unsigned(data.session.into()))?;
            each(FieldId::Number, Value::Unsigned(data.number.into()))?;
            each(FieldId::Ack, Value::Unsigned(data.ack.into()))?;
            each(FieldId::Resend, Value::Bool(data.resend))?;
        }
        each(FieldId::Kind, Value::Name(self.kind()))?;
        each(FieldId::Bytes, Value::Unsigned(self.bytes() as u64))?;
        if let Some(why) = self.sealed() {
            each(FieldId::Sealed, Value::Name(why.name()))?;
        }
        if data.is_some_and(|data| data.copy) {
            each(FieldId::Copy, Value::Bool(true))?;
        }
        if let Some(relay) = &self.relay {
            relay.each(each)?;
            if let Content::Relay(Ok(RelayPacket::Ping(RelayPing { ping_id }))) = &self.content {
                each(FieldId::RelayPingId, Value::Bytes(ping_id))?;
            }
            if let Content::Relay(Ok(RelayPacket::Pong(RelayPong { ping_id }))) = &self.content {
                each(FieldId::RelayPingId, Value::Bytes(ping_id))?;
            }
        }
        match data {
            Some(data) => data.each_of_payload(each),
            None => ControlFlow::Continue(()),
        }
    }

    fn values(
        &self,
        field: FieldId,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let text = |name: Option<&[u8]>, each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>| {
            name.map_or(ControlFlow::Continue(()), |name| each(Value::Text(name)))
        };
        let data = match &self.content {
            Content::Data(Ok(data)) => Some(data),
            _ => None,
        };
        match field {
            FieldId::FromName => text(self.from.name, each),
            FieldId::ToName => text(self.to.name, each),
            FieldId::AuthorName => text(data.and_then(|data| data.context.author.name), each),
            FieldId::Addr => {
                each(Value::Address(self.src))?;
                each(Value::Address(self.dst))
            }
            FieldId::Packet => each(Value::Bytes(data.map_or(self.datagram, |data| data.bytes))),
            FieldId::Datagram => each(Value::Bytes(self.datagram)),
            _ => self.each(&mut |id, value| {
                if id == field { each(value) } else { ControlFlow::Continue(()) }
            }),
        }
    }
}

impl Relay {
    fn each(&self, each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        each(FieldId::RelayStream, Value::Unsigned(self.stream.into()))?;
        if let Some(kind) = self.kind {
            each(FieldId::RelayKind, Value::Name(kind.name()))?;
        }
        if let Some(connection_id) = self.connection_id {
            each(FieldId::RelayConnectionId, Value::Unsigned(connection_id.into()))?;
        }
        match &self.dht_key {
            Some(PublicKey(key)) => each(FieldId::RelayDhtKey, Value::Key(key)),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Data<'_> {
    fn each_of_payload(
        &self,
        each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(packet) = &self.packet else { return ControlFlow::Continue(()) };
        if let Some(conference) = &self.context.conference {
            each(FieldId::Conference, Value::Key(&conference.id.0))?;
        }
        if let Some(PublicKey(author)) = &self.context.author.real_key {
            each(FieldId::Author, Value::Key(author))?;
        }
        payload(packet, each)
    }
}
