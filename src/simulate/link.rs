//! What lies between two members: ways that may be cut, and the session over them.

use std::collections::VecDeque;

use super::{MILLISECOND, Nanos, SECOND};
use crate::wire::PublicKey;

/// How a way treats what is sent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// The shortest time that a datagram takes.
    pub least_delay: Nanos,
    /// The longest time that a datagram takes.
    pub most_delay: Nanos,
    /// Datagrams of a million that get lost.
    pub loss: u32,
    /// Datagrams of a million that arrive twice.
    pub duplication: u32,
}

impl Default for Quality {
    /// 10 to 60 ms, nothing lost.
    fn default() -> Self {
        Self {
            least_delay: 10 * MILLISECOND,
            most_delay: 60 * MILLISECOND,
            loss: 0,
            duplication: 0,
        }
    }
}

/// How a network treats its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Of every way that has no quality of its own.
    pub quality: Quality,
    /// The shortest time until two who look for each other have found each other.
    pub least_search: Nanos,
    /// The longest time until then.
    pub most_search: Nanos,
}

impl Default for Network {
    /// One to five seconds until a session is there.
    fn default() -> Self {
        Self { quality: Quality::default(), least_search: SECOND, most_search: 5 * SECOND }
    }
}

/// One lossless packet that waits for a way to open.
#[derive(Clone, Debug)]
pub(super) struct Stalled {
    pub(super) number: u32,
    pub(super) bytes: Vec<u8>,
}

/// One direction of a link.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// Nothing gets through.
    pub(super) cut: bool,
    pub(super) quality: Option<Quality>,
    /// Since when the receiver has heard nothing, if so.
    pub(super) silent: bool,
    /// Counts the silences, so that an alarm knows its own.
    pub(super) silences: u32,
    /// When the last lossless packet under way will be there.
    pub(super) last_arrival: Nanos,
    /// The same of those that need not be sent again.
    pub(super) last_clean: Nanos,
    /// Lossless packets that wait, in order.
    pub(super) stalled: VecDeque<Stalled>,
    /// When the sender's side of the session ended; nothing is sent again after that.
    pub(super) ended: Option<Nanos>,
    /// A packet of the stream will never come, so nothing behind it will.
    pub(super) broken: bool,
    /// How many lossless packets were sent in this session.
    pub(super) sent: u32,
}

/// What one end of a link knows.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// The endpoint wants a friend connection to the other.
    pub(super) wants: bool,
    /// The other is a friend.
    pub(super) friend: bool,
    /// Where it looks for the other.
    pub(super) dht_key: PublicKey,
    /// The session that is up, by its generation.
    pub(super) up: Option<u32>,
    /// Which start of the other's program that session is with.
    pub(super) start: u32,
    /// The session is being made, and this side waits for its first packet.
    pub(super) expects: bool,
}

/// Everything between two members; the one with the lower number is side 0, and way 0 begins there.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) ways: [Way; 2],
    pub(super) sides: [Side; 2],
    /// Counts the sessions.
    pub(super) generation: u32,
    /// They look for each other.
    pub(super) searching: bool,
}

impl Link {
    pub(super) fn new() -> Self {
        let side = Side {
            wants: false,
            friend: false,
            dht_key: PublicKey([0; 32]),
            up: None,
            start: 0,
            expects: false,
        };
        Self {
            ways: Default::default(),
            sides: [side.clone(), side],
            generation: 0,
            searching: false,
        }
    }

    /// The side is up in the newest session.
    pub(super) fn is_up(&self, end: End) -> bool {
        self.side(end).up.is_some_and(|up| up == self.generation)
    }

    pub(super) fn side(&self, end: End) -> &Side {
        let [low, high] = &self.sides;
        if end == End::Low { low } else { high }
    }

    pub(super) fn side_mut(&mut self, end: End) -> &mut Side {
        let [low, high] = &mut self.sides;
        if end == End::Low { low } else { high }
    }

    /// The way that begins at an end.
    pub(super) fn way(&self, from: End) -> &Way {
        let [low, high] = &self.ways;
        if from == End::Low { low } else { high }
    }

    pub(super) fn way_mut(&mut self, from: End) -> &mut Way {
        let [low, high] = &mut self.ways;
        if from == End::Low { low } else { high }
    }
}

/// One of the two ends of a link: of the member with the lower or the higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Low,
    High,
}

impl End {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}
