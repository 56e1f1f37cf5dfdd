//! The first byte of a TCP relay payload (packets §6.3).

use std::fmt;

/// The first byte of a relay payload. Every value has a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayKind(pub u8);

impl RelayKind {
    /// All 256 kinds, in order of their bytes.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// Name in JSON and filters, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x00 => "routing_request",
            0x01 => "routing_response",
            0x02 => "connect_notification",
            0x03 => "disconnect_notification",
            0x04 => "ping",
            0x05 => "pong",
            0x06 => "oob_send",
            0x07 => "oob_recv",
            0x08 => "onion_request",
            0x09 => "onion_response",
            0x0a => "forward_request",
            0x0b => "forwarding",
            0x0c..=0x0f => "reserved",
            0x10..=0xff => "data",
        }
    }

    /// The connection that a data frame belongs to: the byte is its number (D-072).
    #[must_use]
    pub const fn connection(self) -> Option<u8> {
        if self.0 < 0x10 { None } else { Some(self.0) }
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
            assert!(!kind.name().is_empty());
            assert_eq!(kind.connection().is_some(), kind.name() == "data");
        }
        assert_eq!(RelayKind(0x10).connection(), Some(0x10));
    }
}
