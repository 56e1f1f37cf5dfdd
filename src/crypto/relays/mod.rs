//! Follows connections of clients to relays, and opens what the keys at hand open (packets §6).
//!
//! A connection to a relay is known by its handshake: 128 bytes from the client and nothing more until 96
//! bytes have come back. What follows are frames, whose lengths are in clear. So they can be counted while they
//! stay closed, and opened from the moment their key is there. Everything else that TCP carries is left alone.
//!
//! Where bytes are missing, the next frame is looked for at the beginning of each segment, and its nonce among
//! as many as the missing bytes can have had frames.

mod flow;
mod leg;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::address::Endpoint;
use super::budget::Budget;
use super::keyring::{KeyId, KeyRing};
use super::sealed::Sealed;
use super::sessions::{Host, Sessions};
use crate::recent::Recent;
use crate::wire::PublicKey;
use crate::wire::relay::{RelayHandshakePlain, RelayPacket};

use leg::{Leg, Verdict};

/// How many connections are followed. Each may hold a frame in each direction: 40 MiB in all.
const LEGS: usize = 1 << 13;

/// The next bytes of one direction of a TCP connection.
#[derive(Clone, Copy, Debug)]
pub struct StreamBytes<'a> {
    /// Number of the connection, never used again for another.
    pub stream: u32,
    /// Source address and port.
    pub from: SocketAddr,
    /// Destination address and port.
    pub to: SocketAddr,
    /// Whether the sender opened the connection, if that was seen.
    pub from_opener: Option<bool>,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether they are the first ones.
    pub is_first: bool,
    /// How many bytes before them were not captured; `None` if that is not known.
    pub missing: Option<u64>,
}

/// What was found in a connection to a relay.
pub struct Relayed<'a> {
    /// What it is.
    pub seen: RelaySeen<'a>,
    /// Whether it goes to the relay, if that is known.
    pub to_relay: Option<bool>,
    /// What the frame held, if it was opened; else the frame, or the handshake, as it was sent.
    pub bytes: &'a [u8],
    /// Between whom a packet goes that the relay passes on.
    pub route: Option<Route>,
}

/// What was found in a connection to a relay, apart from where it goes.
pub enum RelaySeen<'a> {
    /// The client's handshake.
    Handshake(Result<RelayHandshakePlain, Sealed>),
    /// The relay's answer to it.
    Answer(Result<RelayHandshakePlain, Sealed>),
    /// A frame.
    Packet(Result<RelayPacket<'a>, Sealed>),
}

/// Between whom a packet goes that a relay passes on.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The client whose connection it is.
    client: End,
    /// The client behind the relay.
    other: End,
    from_client: bool,
}

impl Route {
    /// The DHT public key of the client at the other end of the way through the relay, if it is known.
    #[must_use]
    pub const fn other_client(&self) -> Option<PublicKey> {
        self.other.dht_key
    }
}

impl Route {
    /// Sender and receiver.
    pub(super) const fn ends(&self) -> [End; 2] {
        if self.from_client { [self.client, self.other] } else { [self.other, self.client] }
    }
}

/// One of the two ends of a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) endpoint: Endpoint,
    pub(super) dht_key: Option<PublicKey>,
}

impl End {
    /// The client with this key, or else whoever is at this endpoint.
    fn of(dht_key: Option<PublicKey>, otherwise: impl FnOnce() -> Endpoint) -> Self {
        let endpoint = dht_key.as_ref().map_or_else(otherwise, Endpoint::client);
        Self { endpoint, dht_key }
    }
}

/// All connections to relays.
pub struct Relays {
    legs: Recent<u32, Leg>,
    found: Found,
}

impl Default for Relays {
    fn default() -> Self {
        Self { legs: Recent::new(LEGS), found: Found::default() }
    }
}

impl Relays {
    /// How many connections were forgotten for want of room.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.legs.forgotten()
    }

    /// Takes the next bytes of a TCP connection, which may be one to a relay. What is found in them is to be
    /// fetched with [`Self::pop`].
    pub fn take(&mut self, bytes: &StreamBytes<'_>, sessions: &mut Sessions) {
        // Of one that was left alone, the bytes go on where they were.
        let is_new = bytes.is_first || bytes.missing != Some(0);
        if !is_new && self.legs.peek(&bytes.stream).is_none() {
            return;
        }
        let leg = self.legs.get_or_insert(bytes.stream, || Leg::new(bytes.stream));
        if leg.take(bytes, &mut sessions.keys(), &mut self.found) == Verdict::NoRelay {
            self.legs.remove(&bytes.stream);
        }
    }

    /// The next thing that was found.
    pub fn pop(&mut self) -> Option<Relayed<'_>> {
        self.found.pop()
    }
}

/// What opening needs of the sessions.
pub(super) struct Keys<'a> {
    pub(super) ring: &'a mut KeyRing,
    pub(super) budget: &'a mut Budget,
    pub(super) candidates: &'a mut Vec<KeyId>,
    pub(super) plain: &'a mut Vec<u8>,
    pub(super) hosts: &'a mut Recent<Endpoint, Host>,
}

/// What was found and not fetched.
#[derive(Default)]
pub(super) struct Found {
    bytes: Vec<u8>,
    items: VecDeque<Item>,
}

struct Item {
    what: What,
    to_relay: Option<bool>,
    bytes: Range<usize>,
    route: Option<Route>,
}

#[derive(Clone, Copy)]
pub(super) enum What {
    Handshake(Result<RelayHandshakePlain, Sealed>),
    Answer(Result<RelayHandshakePlain, Sealed>),
    Packet(Result<(), Sealed>),
}

impl Found {
    /// Adds something that was found.
    pub(super) fn push(
        &mut self,
        what: What,
        to_relay: Option<bool>,
        bytes: &[u8],
        route: Option<Route>,
    ) {
        if self.items.is_empty() {
            self.bytes.clear();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let bytes = start..self.bytes.len();
        self.items.push_back(Item { what, to_relay, bytes, route });
    }

    fn pop(&mut self) -> Option<Relayed<'_>> {
        let Item { what, to_relay, bytes, route } = self.items.pop_front()?;
        let bytes = self.bytes.get(bytes).unwrap_or_default();
        let seen = match what {
            What::Handshake(plain) => RelaySeen::Handshake(plain),
            What::Answer(plain) => RelaySeen::Answer(plain),
            What::Packet(opened) => RelaySeen::Packet(
                opened.and_then(|()| RelayPacket::parse(bytes).map_err(|_| Sealed::BadLength)),
            ),
        };
        Some(Relayed { seen, to_relay, bytes, route })
    }
}
