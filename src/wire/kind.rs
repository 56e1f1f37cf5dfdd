//! The first byte of a UDP datagram, which says what kind of Tox packet it is (packets §2).

use std::fmt;

/// The first byte of a UDP datagram. Every value has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToxKind(pub u8);

impl ToxKind {
    /// Cookie request, 145 bytes.
    pub const COOKIE_REQUEST: Self = Self(0x18);
    /// Cookie response, 161 bytes.
    pub const COOKIE_RESPONSE: Self = Self(0x19);
    /// Crypto handshake, 385 bytes.
    pub const CRYPTO_HANDSHAKE: Self = Self(0x1a);
    /// Crypto data, 28 to 1400 bytes.
    pub const CRYPTO_DATA: Self = Self(0x1b);
    /// DHT request, at most 1024 bytes.
    pub const DHT_REQUEST: Self = Self(0x20);
    /// LAN discovery, 33 bytes.
    pub const LAN_DISCOVERY: Self = Self(0x21);

    /// The kind of a datagram's payload; nothing if the payload is empty.
    #[must_use]
    #[inline]
    pub fn of(payload: &[u8]) -> Option<Self> {
        payload.first().copied().map(Self)
    }

    /// All 256 kinds, in order of their bytes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// Name in JSON and filters, in snake case; `unknown` for a byte that no packet begins with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    /// Name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.names().1
    }

    /// Whether some Tox packet begins with this byte.
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(self.names().0.as_bytes(), b"unknown")
    }

    /// Whether it is a packet of a session, or of its beginning; relays pass these on.
    #[must_use]
    pub const fn is_net_crypto(self) -> bool {
        matches!(
            self,
            Self::COOKIE_REQUEST
                | Self::COOKIE_RESPONSE
                | Self::CRYPTO_HANDSHAKE
                | Self::CRYPTO_DATA
        )
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self.0 {
            0x00 => ("dht_ping_request", "DHT ping request"),
            0x01 => ("dht_ping_response", "DHT ping response"),
            0x02 => ("dht_nodes_request", "DHT nodes request"),
            0x04 => ("dht_nodes_response", "DHT nodes response"),
            0x18 => ("cookie_request", "Cookie request"),
            0x19 => ("cookie_response", "Cookie response"),
            0x1a => ("crypto_handshake", "Crypto handshake"),
            0x1b => ("crypto_data", "Crypto data"),
            0x20 => ("dht_request", "DHT request"),
            0x21 => ("lan_discovery", "LAN discovery"),
            0x5a => ("group_handshake", "NGC handshake"),
            0x5b => ("group_lossless", "NGC lossless"),
            0x5c => ("group_lossy", "NGC lossy"),
            0x80 => ("onion_request_0", "Onion request 0 (initial)"),
            0x81 => ("onion_request_1", "Onion request 1"),
            0x82 => ("onion_request_2", "Onion request 2"),
            0x83 => ("announce_request_old", "Announce request (old)"),
            0x84 => ("announce_response_old", "Announce response (old)"),
            0x85 => ("onion_data_request", "Onion data request"),
            0x86 => ("onion_data_response", "Onion data response"),
            0x87 => ("announce_request", "Announce request"),
            0x88 => ("announce_response", "Announce response"),
            0x8c => ("onion_response_3", "Onion response 3"),
            0x8d => ("onion_response_2", "Onion response 2"),
            0x8e => ("onion_response_1", "Onion response 1"),
            0x90 => ("forward_request", "Forward request"),
            0x91 => ("forwarding", "Forwarding"),
            0x92 => ("forward_reply", "Forward reply"),
            0x93 => ("data_search_request", "Data search request"),
            0x94 => ("data_search_response", "Data search response"),
            0x95 => ("data_retrieve_request", "Data retrieve request"),
            0x96 => ("data_retrieve_response", "Data retrieve response"),
            0x97 => ("store_announce_request", "Store announce request"),
            0x98 => ("store_announce_response", "Store announce response"),
            0xf0 => ("bootstrap_info", "Bootstrap info"),
            _ => ("unknown", "Unknown Tox kind"),
        }
    }
}

impl fmt::Display for ToxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for ToxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(0x{:02x})", self.name(), self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// C-009.
    #[test]
    fn every_first_byte_has_a_name_and_no_two_known_ones_share_it() {
        let mut names = HashSet::new();
        for kind in ToxKind::all() {
            assert!(!kind.name().is_empty() && !kind.title().is_empty());
            assert!(
                kind.name()
                    .bytes()
                    .all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
            );
            assert!(!kind.is_known() || names.insert(kind.name()), "{kind:?}");
        }
        assert_eq!(names.len(), 35);
    }

    #[test]
    fn an_empty_payload_has_no_kind() {
        assert_eq!(ToxKind::of(&[]), None);
        assert_eq!(ToxKind::of(&[0x1b, 0]), Some(ToxKind::CRYPTO_DATA));
    }
}
