//! What the machine sent and the endpoint not yet.

use std::collections::{BTreeMap, VecDeque};

use crate::time::Timestamp;
use crate::wire::{Conference, PublicKey};

/// How many packets may be awaited on one friend connection.
const MOST: usize = 4096;

/// Later than everything.
const NEVER: Timestamp = Timestamp::from_nanos(i64::MAX);

/// A packet that the endpoint is expected to send.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) bytes: Vec<u8>,
    /// When its cause was handed to the machine, by the capture's clock.
    pub(super) at: Timestamp,
    /// On which session.
    pub(super) session: Option<u32>,
    /// Which of the machine's inputs it follows from, counted.
    pub(super) step: u64,
    /// The frame that brought the cause.
    pub(super) frame: Option<u64>,
    pub(super) rule: &'static str,
    pub(super) conference: Option<Conference>,
    /// It may get lost, and nobody would know.
    pub(super) lossy: bool,
    /// It is known that the endpoint handled the cause.
    pub(super) proven: bool,
}

/// What is awaited, by friend connection, in order.
pub(super) struct Awaited {
    by_friend: BTreeMap<PublicKey, VecDeque<Expected>>,
    /// No cause of those that are awaited first, by one friend each, was before.
    earliest: Timestamp,
}

impl Default for Awaited {
    fn default() -> Self {
        Self { by_friend: BTreeMap::new(), earliest: NEVER }
    }
}

impl Awaited {
    /// Awaits a packet. Gives the one that there is no room for any more.
    pub(super) fn add(&mut self, friend: PublicKey, expected: Expected) -> Option<Expected> {
        self.earliest = self.earliest.min(expected.at);
        let queue = self.by_friend.entry(friend).or_default();
        queue.push_back(expected);
        if queue.len() > MOST { remove(queue, 0, &mut self.earliest) } else { None }
    }

    /// Takes the first packet with these bytes; says if others were awaited before it.
    pub(super) fn take(&mut self, friend: &PublicKey, bytes: &[u8]) -> Option<(Expected, bool)> {
        let queue = self.by_friend.get_mut(friend)?;
        let at = queue.iter().position(|expected| expected.bytes == bytes)?;
        let step = queue.get(at)?.step;
        // Of one input, the order is certain; between inputs it is not.
        let before = queue.iter().take(at).any(|other| other.step == step && !other.lossy);
        Some((remove(queue, at, &mut self.earliest)?, before))
    }

    pub(super) fn contains(&self, friend: &PublicKey, bytes: &[u8]) -> bool {
        let queue = self.by_friend.get(friend);
        queue.is_some_and(|queue| queue.iter().any(|expected| expected.bytes == bytes))
    }

    /// The first awaited packet to `friend` that `is_it`.
    pub(super) fn take_where(
        &mut self,
        friend: &PublicKey,
        is_it: impl Fn(&Expected) -> bool,
    ) -> Option<Expected> {
        let queue = self.by_friend.get_mut(friend)?;
        let at = queue.iter().position(is_it)?;
        remove(queue, at, &mut self.earliest)
    }

    /// Takes all packets whose cause was before `at` and that are `given_up`.
    pub(super) fn take_those(
        &mut self,
        at: Timestamp,
        given_up: impl Fn(&PublicKey, &Expected) -> bool,
    ) -> Vec<(PublicKey, Expected)> {
        let mut taken = Vec::new();
        if self.earliest >= at {
            return taken;
        }
        for (friend, queue) in &mut self.by_friend {
            while queue.front().is_some_and(|it| it.at < at && given_up(friend, it)) {
                taken.extend(queue.pop_front().map(|expected| (*friend, expected)));
            }
        }
        self.by_friend.retain(|_, queue| !queue.is_empty());
        let first = self.by_friend.values().filter_map(VecDeque::front);
        self.earliest = first.map(|it| it.at).min().unwrap_or(NEVER);
        taken
    }
}

/// Takes the one at this place out; another may come first then.
fn remove(queue: &mut VecDeque<Expected>, at: usize, earliest: &mut Timestamp) -> Option<Expected> {
    let removed = queue.remove(at);
    if at == 0
        && let Some(first) = queue.front()
    {
        *earliest = first.at.min(*earliest);
    }
    removed
}
