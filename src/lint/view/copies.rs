//! The copies of a message that an endpoint received and sent.

use super::Packet;
use crate::lint::finding::Spot;
use crate::time::Timestamp;
use crate::wire::PublicKey;

/// Copies that are remembered of a message, in each direction: an endpoint has 16 slots.
const COPIES: usize = 32;

/// The copies of one message.
#[derive(Default)]
pub struct Copies {
    /// Those that the endpoint received, in order.
    pub heard: Vec<Handed>,
    /// Those that it sent, in order.
    pub sent: Vec<Handed>,
}

/// One copy.
#[derive(Clone, Copy, Debug)]
pub struct Handed {
    /// From whom, or to whom.
    pub friend: PublicKey,
    /// In which session.
    pub session: u32,
    /// Its number there.
    pub number: u32,
    /// Where it was seen.
    pub spot: Spot,
    /// The message id.
    pub id: u8,
    /// Stands for everything after the message number.
    pub content: u64,
}

impl Handed {
    /// A packet with a message, well-formed or not.
    pub(in crate::lint) fn of(packet: &Packet<'_>, friend: PublicKey) -> Self {
        Self {
            friend,
            session: packet.session,
            number: packet.number,
            spot: packet.spot,
            id: packet.bytes.get(9).copied().unwrap_or(0),
            content: packet.content(),
        }
    }
}

impl Copies {
    /// Forgets copies from before the wrap of the numbers.
    pub(in crate::lint) fn renew(&mut self, at: Timestamp, age: i64) {
        let last = self.heard.last().into_iter().chain(self.sent.last()).map(|it| it.spot.at).max();
        if last.is_some_and(|last| at.nanos_since(last) > age) {
            self.heard.clear();
            self.sent.clear();
        }
    }

    pub(in crate::lint) fn add_heard(&mut self, copy: Handed) {
        if self.heard.len() < COPIES {
            self.heard.push(copy);
        }
    }

    pub(in crate::lint) fn add_sent(&mut self, copy: Handed) {
        if self.sent.len() < COPIES {
            self.sent.push(copy);
        }
    }
}
