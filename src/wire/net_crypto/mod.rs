//! Sessions between two clients: cookies, handshakes, data, and what is sealed in them
//! (packets §4, §5).
//!
//! `CookieRequest` and its like are datagrams with their boxes closed; `CookieRequestPlain` and
//! its like are what the boxes hold.

mod cookie_request;
mod cookie_response;
mod data;
mod handshake;
mod packet_request;

pub use cookie_request::{CookieRequest, CookieRequestPlain};
pub use cookie_response::{CookieResponse, CookieResponsePlain};
pub use data::{CryptoData, CryptoPlain, MAX_DATA_SIZE};
pub use handshake::{Handshake, HandshakePlain};
pub use packet_request::{PacketRequest, Requested};

use super::ToxKind;
use super::layout::Layout;

pub(crate) use cookie_request::LAYOUT as COOKIE_REQUEST_LAYOUT;
pub(crate) use cookie_response::LAYOUT as COOKIE_RESPONSE_LAYOUT;
pub(crate) use data::LAYOUT as DATA_LAYOUT;
pub(crate) use handshake::LAYOUT as HANDSHAKE_LAYOUT;
pub(crate) use packet_request::LAYOUT as PACKET_REQUEST_LAYOUT;

/// The layout of what is sealed in a datagram of this kind, if its shape is known.
pub(crate) fn plain_layout(kind: ToxKind) -> Option<&'static Layout> {
    match kind {
        ToxKind::COOKIE_REQUEST => Some(&cookie_request::PLAIN_LAYOUT),
        ToxKind::COOKIE_RESPONSE => Some(&cookie_response::PLAIN_LAYOUT),
        ToxKind::CRYPTO_HANDSHAKE => Some(&handshake::PLAIN_LAYOUT),
        ToxKind::CRYPTO_DATA => Some(&data::PLAIN_LAYOUT),
        _ => None,
    }
}

/// Size of a cookie in bytes (packets §4.3): a nonce, and a box that only its issuer can open.
pub const COOKIE_SIZE: usize = 112;

/// Eight bytes that a cookie response returns as the request stated them.
pub type EchoId = [u8; 8];
