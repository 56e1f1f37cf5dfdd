//! Bytes to packets and back; one file per packet, each with its byte table.
//!
//! Everything here borrows its input, never allocates while parsing and loses nothing: ids that
//! nobody knows, text that is not UTF-8, surplus bytes and the tail of a damaged list are kept, so
//! that whatever is accepted is written back byte for byte. Sizes are bytes, integers big-endian.
//!
//! | Module         | Bytes                                                               |
//! |----------------|---------------------------------------------------------------------|
//! | [`kind`]       | first byte of a UDP datagram                                        |
//! | [`dht`]        | DHT packets and requests: keys in clear, the rest sealed            |
//! | [`net_crypto`] | cookies, handshakes, data packets, and what is sealed in them       |
//! | [`relay`]      | first byte of a TCP relay payload                                   |
//! | [`data_id`]    | first byte of what a data packet carries                            |

pub mod data_id;
pub mod dht;
mod fault;
mod keys;
pub mod kind;
pub mod net_crypto;
mod parse;
pub mod relay;

pub use data_id::{DataClass, DataId};
pub use fault::{Fault, Reason};
pub use keys::{Hex, Nonce, PublicKey};
pub use kind::ToxKind;
pub use relay::RelayKind;
