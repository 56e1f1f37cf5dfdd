//! Who sends and who receives, as compact keys of tables.
//!
//! A packet in a UDP datagram goes between two addresses. One that a relay passes on goes between two
//! clients, whose DHT public keys name them: so it has the same two ends on its way to the relay and on its
//! way from there, and through whatever relay it goes. Where the relay's connections were made before the
//! capture began, all that is known of the client behind one is its number.

use std::net::{IpAddr, SocketAddr};

use crate::wire::PublicKey;

/// Where packets come from or go to.
///
/// Three plain words, of which nothing is padding: there is one for each end of every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Endpoint {
    /// What kind it is, and the port or the number of the connection through the relay.
    kind_and_port: u64,
    /// IP address, IPv4 mapped into IPv6; half of a key; or number of the connection to the relay.
    high: u64,
    low: u64,
}

enum Kind {
    Address,
    Client,
    Connection,
}

impl From<SocketAddr> for Endpoint {
    #[inline]
    fn from(address: SocketAddr) -> Self {
        let name = match address.ip() {
            // Mapped into IPv6.
            IpAddr::V4(ip) => 0xffff << 32 | u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        Self::new(Kind::Address, address.port(), name)
    }
}

impl Endpoint {
    #[inline]
    fn new(kind: Kind, port: u16, name: u128) -> Self {
        let kind_and_port = (kind as u64) << u16::BITS | u64::from(port);
        Self { kind_and_port, high: (name >> u64::BITS) as u64, low: name as u64 }
    }

    /// The client with this DHT public key, behind relays.
    ///
    /// Half of the key tells clients apart: to find two alike takes 2^64 attempts, and would do no more
    /// than mix up what is known of the traffic of the two.
    pub(super) fn client(dht_key: &PublicKey) -> Self {
        let half = dht_key.0.first_chunk().expect("a key has 32 bytes");
        Self::new(Kind::Client, 0, u128::from_be_bytes(*half))
    }

    /// The client behind a connection through a relay, by the number of the TCP connection to the relay and
    /// the number that the client there has for the connection through it.
    pub(super) fn connection(stream: u32, connection_id: u8) -> Self {
        Self::new(Kind::Connection, connection_id.into(), stream.into())
    }
}

/// An unordered pair of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair(Endpoint, Endpoint);

impl Pair {
    /// The pair, and which of its two directions leads from `from` to `to`: 0 or 1.
    pub(super) fn of(from: Endpoint, to: Endpoint) -> (Self, Direction) {
        if from <= to {
            (Self(from, to), Direction::Forth)
        } else {
            (Self(to, from), Direction::Back)
        }
    }
}

/// Which of two ways packets go between two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forth,
    Back,
}

impl Direction {
    /// The other one.
    pub(super) const fn reversed(self) -> Self {
        match self {
            Self::Forth => Self::Back,
            Self::Back => Self::Forth,
        }
    }

    /// This direction, or the other when `swapped`.
    pub(super) const fn swapped_if(self, swapped: bool) -> Self {
        if swapped { self.reversed() } else { self }
    }
}

/// Two things of one kind, one for each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Both<T> {
    forth: T,
    back: T,
}

impl<T> Both<T> {
    /// The thing of one direction.
    pub(super) const fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::Forth => &self.forth,
            Direction::Back => &self.back,
        }
    }

    /// Both, to change them.
    pub(super) const fn each_mut(&mut self) -> [&mut T; 2] {
        [&mut self.forth, &mut self.back]
    }

    /// The thing of one direction, to change it.
    pub(super) const fn of_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Forth => &mut self.forth,
            Direction::Back => &mut self.back,
        }
    }
}
