//! The first byte of what a relay's frame holds (packets §6.3).

use std::fmt;

/// The first byte of a packet to or from a relay. Every value has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayKind(pub u8);

impl RelayKind {
    /// "Connect me with this client", 33 bytes.
    pub const ROUTING_REQUEST: Self = Self(0x00);
    /// "That connection has this number", 34 bytes.
    pub const ROUTING_RESPONSE: Self = Self(0x01);
    /// "The other client wants that connection too", 2 bytes.
    pub const CONNECT_NOTIFICATION: Self = Self(0x02);
    /// "That connection is no more", 2 bytes.
    pub const DISCONNECT_NOTIFICATION: Self = Self(0x03);
    /// Ping, 9 bytes.
    pub const PING: Self = Self(0x04);
    /// Pong, 9 bytes.
    pub const PONG: Self = Self(0x05);
    /// Data for a client without a connection, at least 34 bytes.
    pub const OUT_OF_BAND_SEND: Self = Self(0x06);
    /// Data of a client without a connection, at least 34 bytes.
    pub const OUT_OF_BAND_RECV: Self = Self(0x07);

    /// All 256 kinds, in order of their bytes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// Name in JSON and filters, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x00 => "relay_routing_request",
            0x01 => "relay_routing_response",
            0x02 => "relay_connect_notification",
            0x03 => "relay_disconnect_notification",
            0x04 => "relay_ping",
            0x05 => "relay_pong",
            0x06 => "relay_oob_send",
            0x07 => "relay_oob_recv",
            0x08 => "relay_onion_request",
            0x09 => "relay_onion_response",
            0x0a => "relay_forward_request",
            0x0b => "relay_forwarding",
            0x0c..=0x0f => "relay_reserved",
            0x10..=0xff => "relay_data",
        }
    }

    /// Name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self.0 {
            0x00 => "Routing request",
            0x01 => "Routing response",
            0x02 => "Connect notification",
            0x03 => "Disconnect notification",
            0x04 => "Ping",
            0x05 => "Pong",
            0x06 => "Out-of-band send",
            0x07 => "Out-of-band recv",
            0x08 => "Onion request",
            0x09 => "Onion response",
            0x0a => "Forward request",
            0x0b => "Forwarding",
            0x0c..=0x0f => "Reserved",
            0x10..=0xff => "Data",
        }
    }

    /// The connection that a data packet belongs to: the byte is its number (D-072).
    #[must_use]
    pub const fn connection_id(self) -> Option<u8> {
        if self.0 < 0x10 { None } else { Some(self.0) }
    }

    /// Whether only clients send such packets; else, whether only relays do.
    #[must_use]
    pub const fn is_to_relay(self) -> Option<bool> {
        match self.0 {
            0x00 | 0x06 | 0x08 | 0x0a => Some(true),
            0x01 | 0x02 | 0x07 | 0x09 | 0x0b => Some(false),
            _ => None,
        }
    }
}

impl fmt::Display for RelayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for RelayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(0x{:02x})", self.name(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-009.
    #[test]
    fn every_relay_kind_has_a_name_and_data_has_its_connection() {
        for kind in RelayKind::all() {
            assert!(kind.name().starts_with("relay_") && !kind.title().is_empty());
            assert_eq!(kind.connection_id().is_some(), kind.name() == "relay_data");
        }
        assert_eq!(RelayKind(0x10).connection_id(), Some(0x10));
    }
}
