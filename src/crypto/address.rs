//! Addresses as compact keys of tables.

use std::net::{IpAddr, SocketAddr};

/// An IP address with its port. IPv4 addresses are mapped into IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Endpoint {
    ip: u128,
    port: u16,
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        Self { ip: ip.to_bits(), port: address.port() }
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
