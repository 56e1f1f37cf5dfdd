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
//! | [`relay`]      | handshake, frames and packets between a client and a TCP relay      |
//! | [`data_id`]    | first byte of what a data packet carries                            |
//! | [`packet`]     | conference packets; each has a file of its own                      |
//! | [`layout`]     | all byte tables as data, for detail trees and malformed packets     |

mod conference;
pub mod data_id;
pub mod dht;
mod direct;
mod fault;
mod invite;
mod keys;
pub mod kind;
pub mod layout;
mod lossy;
mod message;
pub mod net_crypto;
mod numbers;
mod online;
pub mod packet;
mod parse;
#[cfg(test)]
mod properties;
mod rejoin;
pub mod relay;
#[cfg(test)]
mod testing;
mod unknown;

pub use conference::{Conference, ConferenceId, ConferenceType};
pub use data_id::{DataClass, DataId};
pub use direct::{
    DirectUnknown, PeerEntries, PeerEntry, PeerIntroduced, PeerQuery, PeerResponse, TitleResponse,
};
pub use fault::{Fault, Reason};
pub use invite::{Invite, InviteAccepted, InviteMember, InviteUnknown};
pub(crate) use keys::array_from_hex;
pub use keys::{Hex, Nonce, PublicKey};
pub use kind::ToxKind;
pub use lossy::{Lossy, LossyBody};
pub use message::{
    Action, Chat, FreezePeer, GroupMessage, KillPeer, MessageBody, Name, NewPeer, Ping, Title,
    UnknownMessage,
};
pub use numbers::{GroupNumber, LossyNumber, MessageNumber, PeerNumber};
pub use online::Online;
pub use packet::{Kind, Malformed, Packet};
pub use rejoin::Rejoin;
pub use relay::RelayKind;
pub use unknown::Unknown;

/// The longest name of a member, in bytes (packets §10).
pub const MAX_NAME_SIZE: usize = 128;
/// The longest title of a conference, in bytes (packets §10).
pub const MAX_TITLE_SIZE: usize = 128;
