//! Connect (0x02) and disconnect notification (0x03): a connection can be used, or no more (packets §6.3).
//!
//! | Bytes | Field                                            |
//! |------:|--------------------------------------------------|
//! |     1 | 0x02 or 0x03                                     |
//! |     1 | number of the connection                         |

use nom::Parser;

use super::RelayKind;
use crate::wire::layout::Layout;
use crate::wire::parse::{Parsed, end, field, u8};

/// "The other client wants that connection too", from a relay. Exactly 2 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectNotification {
    /// The connection, as the client at hand counts.
    pub connection_id: u8,
}

/// "That connection is no more", either way. Exactly 2 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DisconnectNotification {
    /// The connection, as the client at hand counts.
    pub connection_id: u8,
}

pub(super) static CONNECT_LAYOUT: Layout = Layout {
    name: "relay_connect_notification",
    head: &[],
    fields: &[super::KIND, super::CONNECTION_ID],
};

pub(super) static DISCONNECT_LAYOUT: Layout = Layout {
    name: "relay_disconnect_notification",
    head: &[],
    fields: &[super::KIND, super::CONNECTION_ID],
};

impl ConnectNotification {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, connection_id) = field("relay_connect_notification.connection_id", u8).parse(i)?;
        let (i, ()) = field("relay_connect_notification.trailing", end).parse(i)?;
        Ok((i, Self { connection_id }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([RelayKind::CONNECT_NOTIFICATION.0, self.connection_id]);
    }
}

impl DisconnectNotification {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, connection_id) =
            field("relay_disconnect_notification.connection_id", u8).parse(i)?;
        let (i, ()) = field("relay_disconnect_notification.trailing", end).parse(i)?;
        Ok((i, Self { connection_id }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([RelayKind::DISCONNECT_NOTIFICATION.0, self.connection_id]);
    }
}
