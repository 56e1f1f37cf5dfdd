//! A packet, however often it was sent.

use std::net::SocketAddr;

use crate::time::Timestamp;
use crate::wire::{DataClass, DataId, Kind, Nonce, PublicKey};

/// A data packet that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The frame that has it first.
    pub frame: u64,
    /// When that was captured.
    pub at: Timestamp,
    /// The sender's real key, as far as it is known.
    pub from: Option<PublicKey>,
    /// The receiver's real key, as far as it is known.
    pub to: Option<PublicKey>,
    /// Its session, as records number them.
    pub session: u32,
    /// Its direction in the session, 0 or 1.
    pub direction: u8,
    /// Its own number if it is lossless, else the sender's next one.
    pub number: u32,
    /// The next lossless packet that the sender still waited for.
    pub ack: u32,
    /// Zero bytes before the data.
    pub padding: usize,
    /// What it carries, data id included: 1 to 1373 bytes.
    pub bytes: Vec<u8>,
    /// In how many frames it is.
    pub frames: usize,
    pub(super) way: usize,
}

impl Packet {
    /// What kind of data it carries.
    #[must_use]
    pub fn id(&self) -> DataId {
        DataId(self.bytes.first().copied().unwrap_or_default())
    }

    /// What conference packet it is, if it is one.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.id().is_conference().then(|| Kind::of(&self.bytes))
    }

    /// Whether it is delivered in order, and sent again until it is.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        self.id().class() == DataClass::Lossless
    }
}

/// One frame that has the packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) frame: u64,
    pub(super) at: Timestamp,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) ack: u32,
    pub(super) padding: usize,
    /// The same for frames that are copies of each other.
    pub(super) nonce: Nonce,
}
