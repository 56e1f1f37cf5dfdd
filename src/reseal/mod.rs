//! Opened packets of a capture, edited and sealed again.
//!
//! A capture is read with its keys; what was opened is changed, removed, moved, repeated, or joined by more;
//! and a capture is written that looks as if that had been sent. Its packets are sealed with the keys of
//! their sessions under nonces that count on, so that whoever opens the one opens the other.
//!
//! A lossless packet has a number, and the other side acknowledges it by that number (packets §5.4). A
//! packet that is removed was never sent: those behind it close up, and acknowledgements follow. One that
//! is added, or moved across others, gets the number of its new place. What is only lost keeps its number,
//! as on a bad line. Requests for lost packets (packets §5.4) are not rewritten.
//!
//! Frames of sessions in which nothing is edited are copied as they stand. Packets of an edited session
//! become frames of link type [`RAW`](crate::capture::LinkType::RAW) with the same addresses; of fragments,
//! the one that completed a datagram makes room for it. Sessions of which a packet went over a relay are
//! copied, too: a relay seals what it passes on once more.
//!
//! | File        | What                                             |
//! |-------------|--------------------------------------------------|
//! | `packet`    | a packet, however often it was sent              |
//! | `read`      | a capture with keys to packets                   |
//! | `edit`      | what can be done to a packet                     |
//! | `numbering` | the numbers of a direction, as edited            |
//! | `write`     | packets to a capture                             |

mod edit;
mod numbering;
mod packet;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use edit::{By, Edit, Refused};
pub use packet::Packet;
pub use write::{Secrets, Written};

use crate::capture::{self, Limits};
use crate::crypto::Seal;
use crate::dissect::Dissector;
use edit::{Added, Plan};
use packet::Sent;

/// A capture whose opened packets can be edited. It takes about as much memory as the capture does
/// unpacked, which [`Limits`] bound.
pub struct Recording<'a> {
    capture: &'a [u8],
    limits: Limits,
    dissector: Dissector,
    ways: Vec<Way>,
    packets: Vec<Packet>,
    /// How each packet was sent, first of all first.
    sent: Vec<Vec<Sent>>,
    plans: Vec<Plan>,
    added: Vec<Added>,
    secrets: Secrets,
    /// Opened packets that are not offered, because their sessions used a relay.
    relayed: u64,
    /// What ended the capture early.
    error: Option<capture::Error>,
}

/// What one sender counts from one base nonce on, under one session key.
struct Way {
    /// The first nonce.
    seal: Seal,
    /// Number of the first lossless packet that was seen.
    first: Option<u32>,
    /// Whether a packet went over a relay.
    relayed: bool,
}

impl Recording<'_> {
    /// The packets that can be edited, in the order of the capture. A packet that was sent again, or
    /// captured twice, is there once.
    #[must_use]
    pub fn packets(&self) -> &[Packet] {
        &self.packets
    }

    /// How many packets were added.
    #[must_use]
    pub fn added(&self) -> usize {
        self.added.len()
    }

    /// How many frames hold opened packets of sessions that used a relay; they are not offered.
    #[must_use]
    pub const fn relayed(&self) -> u64 {
        self.relayed
    }

    /// What ended the capture early, if anything did; everything before it was read.
    #[must_use]
    pub const fn error(&self) -> Option<&capture::Error> {
        self.error.as_ref()
    }

    /// The opposite direction of the same session.
    fn back(&self, way: usize) -> Option<usize> {
        let seal = &self.ways.get(way)?.seal;
        let is_back = |it: &Way| it.seal.is_beside(seal) && it.seal.direction != seal.direction;
        self.ways.iter().position(is_back)
    }
}
