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

/// Size of a cookie in bytes (packets §4.3): a nonce, and a box that only its issuer can open.
pub const COOKIE_SIZE: usize = 112;

/// Eight bytes that a cookie response returns as the request stated them.
pub type EchoId = [u8; 8];
