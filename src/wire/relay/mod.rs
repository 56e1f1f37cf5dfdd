//! Tox over TCP: a client's connection to a relay (packets §6).
//!
//! First each side says once who it is, in a handshake of fixed size; then frames follow each other, each
//! with a packet inside that is sealed under the next nonce of its direction. Packets that a relay passes on
//! hold what a UDP datagram would.
//!
//! [`RelayHandshake`] and its like are bytes with their boxes closed; [`RelayHandshakePlain`] and
//! [`RelayPacket`] are what the boxes hold.

mod data;
mod frame;
mod handshake;
mod kind;
mod notification;
mod out_of_band;
mod packet;
mod ping;
mod routing;
mod unknown;

pub use data::RelayData;
pub use frame::RelayFrame;
pub use handshake::{RelayAnswer, RelayHandshake, RelayHandshakePlain};
pub use kind::RelayKind;
pub use notification::{ConnectNotification, DisconnectNotification};
pub use out_of_band::{MAX_OUT_OF_BAND_SIZE, OutOfBandRecv, OutOfBandSend};
pub use packet::RelayPacket;
pub use ping::{RelayPing, RelayPong};
pub use routing::{RoutingRequest, RoutingResponse};
pub use unknown::RelayUnknown;

pub(crate) use frame::LAYOUT as FRAME_LAYOUT;
pub(crate) use handshake::{ANSWER_LAYOUT, LAYOUT as HANDSHAKE_LAYOUT};

use super::layout::{Field, Layout, Shape};

/// The byte with which every packet begins.
const KIND: Field = Field::new("kind", Shape::U8, "what the packet is");

/// The number of a connection through a relay. Each of the two clients has its own for it.
const CONNECTION_ID: Field =
    Field::new("connection_id", Shape::U8, "number of the connection through the relay");

/// The layout of a packet of this kind.
pub(crate) fn packet_layout(kind: RelayKind) -> &'static Layout {
    match kind {
        RelayKind::ROUTING_REQUEST => &routing::REQUEST_LAYOUT,
        RelayKind::ROUTING_RESPONSE => &routing::RESPONSE_LAYOUT,
        RelayKind::CONNECT_NOTIFICATION => &notification::CONNECT_LAYOUT,
        RelayKind::DISCONNECT_NOTIFICATION => &notification::DISCONNECT_LAYOUT,
        RelayKind::PING => &ping::PING_LAYOUT,
        RelayKind::PONG => &ping::PONG_LAYOUT,
        RelayKind::OUT_OF_BAND_SEND => &out_of_band::SEND_LAYOUT,
        RelayKind::OUT_OF_BAND_RECV => &out_of_band::RECV_LAYOUT,
        kind if kind.connection_id().is_some() => &data::LAYOUT,
        _ => &unknown::LAYOUT,
    }
}
