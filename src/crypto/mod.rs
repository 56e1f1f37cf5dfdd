//! Keys to plaintext: key logs, cookies, handshakes, sessions, data packets.
//!
//! Secrets live only here, and have no `Debug`. A box that does not open is a value,
//! [`Sealed`], and its packet stays in the trace.

mod address;
mod budget;
mod cipher;
mod cookies;
mod halves;
mod inventory;
mod keylog;
mod keyring;
mod link;
mod nonce;
mod numbers;
mod order;
mod pieces;
mod relays;
mod seal;
mod sealed;
mod session;
mod sessions;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use cipher::{BoxKey, SecretKey, TAG_LENGTH, sha512};
pub use inventory::{Inventory, Owner};
pub use keylog::{LONGEST_LINE, MAGIC, Sifted, Tally, comments, is_key_log, sift};
pub use keyring::{CAPACITY, KeyRing, Names};
pub use order::Order;
pub use relays::{RelaySeen, Relayed, Relays, Route, StreamBytes};
pub use seal::{Seal, seal_data};
pub use sealed::Sealed;
pub(crate) use sessions::SEARCHES;
pub use sessions::{Data, OpenHandshake, Opened, Seen, Sessions};
