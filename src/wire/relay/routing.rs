//! Routing request (0x00) and response (0x01): a client asks a relay for a connection with another client
//! (packets §6.3).
//!
//! | Bytes | Field                                                        |
//! |------:|--------------------------------------------------------------|
//! |     1 | 0x00                                                         |
//! |    32 | DHT public key of the other client                           |
//!
//! | Bytes | Field                                                        |
//! |------:|--------------------------------------------------------------|
//! |     1 | 0x01                                                         |
//! |     1 | number of the connection, 16 or more; 0: there will be none  |
//! |    32 | DHT public key of the other client                           |

use nom::Parser;

use super::RelayKind;
use crate::wire::PublicKey;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field, u8};

/// "Connect me with this client". Exactly 33 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoutingRequest {
    /// DHT public key of the other client.
    pub dht_key: PublicKey,
}

/// "That connection has this number". Exactly 34 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoutingResponse {
    /// The connection, 16 or more, as the client at hand counts; 0 if it was refused.
    pub connection_id: u8,
    /// DHT public key of the other client.
    pub dht_key: PublicKey,
}

const DHT_KEY: Field = Field::new("dht_key", Shape::Key, "DHT public key of the other client");

pub(super) static REQUEST_LAYOUT: Layout =
    Layout { name: "relay_routing_request", head: &[], fields: &[super::KIND, DHT_KEY] };

pub(super) static RESPONSE_LAYOUT: Layout = Layout {
    name: "relay_routing_response",
    head: &[],
    fields: &[super::KIND, super::CONNECTION_ID, DHT_KEY],
};

impl RoutingRequest {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, dht_key) = field("relay_routing_request.dht_key", PublicKey::parse).parse(i)?;
        let (i, ()) = field("relay_routing_request.trailing", end).parse(i)?;
        Ok((i, Self { dht_key }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(RelayKind::ROUTING_REQUEST.0);
        self.dht_key.emit(out);
    }
}

impl RoutingResponse {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, connection_id) = field("relay_routing_response.connection_id", u8).parse(i)?;
        let (i, dht_key) = field("relay_routing_response.dht_key", PublicKey::parse).parse(i)?;
        let (i, ()) = field("relay_routing_response.trailing", end).parse(i)?;
        Ok((i, Self { connection_id, dht_key }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([RelayKind::ROUTING_RESPONSE.0, self.connection_id]);
        self.dht_key.emit(out);
    }
}
