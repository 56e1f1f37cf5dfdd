//! What is known of the traffic between two addresses.

use super::address::{Both, Direction};
use super::halves::HalfId;
use super::keyring::KeyId;

/// How many sessions and handshakes are remembered for one pair of addresses: a session that was
/// replaced may still have packets on the way.
const REMEMBERED: usize = 8;

/// What is known of the traffic between two addresses.
#[derive(Default)]
pub(super) struct Link {
    /// Sessions whose packets went here, the one used last first.
    pub(super) sessions: Vec<Attached>,
    /// What each end sent.
    pub(super) sides: Both<Side>,
    /// The key that opened the last handshake here.
    pub(super) long_term: Option<KeyId>,
    /// The search for the keys of packets of each kind.
    pub(super) cookie_search: Search,
    pub(super) handshake_search: Search,
    pub(super) data_search: Search,
    /// The wait for handshakes that data packets overtook.
    pub(super) data_wait: Search,
}

/// A session that uses a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Attached {
    /// The session's key, which names the session.
    pub(super) key: KeyId,
    /// Whether the session's first party is at the link's second end.
    pub(super) swapped: bool,
}

/// What one end of a link sent.
#[derive(Default)]
pub(super) struct Side {
    /// Its opened handshakes, the one seen last first.
    pub(super) halves: Vec<HalfId>,
    /// Whether it sent any handshake, opened or not.
    pub(super) handshake_seen: bool,
    /// The keys that opened its cookie requests, the last one first.
    pub(super) request_keys: Vec<KeyId>,
}

impl Link {
    /// Puts `attached` in front, as it was attached first: a packet may come with its addresses swapped.
    pub(super) fn attach(&mut self, attached: Attached) {
        let known = self.sessions.iter().find(|known| known.key == attached.key);
        let attached = known.copied().unwrap_or(attached);
        to_front(&mut self.sessions, attached, |known| known.key == attached.key);
    }

    /// Notes an opened handshake that went in `direction`. Those of sessions whose keys are known, as
    /// `is_promising` says, stay in preference to others.
    pub(super) fn add_half(
        &mut self,
        direction: Direction,
        half: HalfId,
        is_promising: impl Fn(HalfId) -> bool,
    ) {
        let halves = &mut self.sides.of_mut(direction).halves;
        if !halves.contains(&half) {
            self.data_search = Search::default();
            self.data_wait = Search::default();
            if halves.len() >= REMEMBERED
                && let Some(at) = halves.iter().rposition(|known| !is_promising(*known))
            {
                halves.remove(at);
            }
        }
        to_front(halves, half, |known| *known == half);
    }
}

/// Puts `item` in front of `list` in the place of any that is `same`.
pub(super) fn to_front<T>(list: &mut Vec<T>, item: T, same: impl Fn(&T) -> bool) {
    match list.iter().position(same) {
        // As for most packets.
        Some(0) => {
            if let Some(first) = list.first_mut() {
                *first = item;
            }
            return;
        }
        Some(at) => {
            list.remove(at);
        }
        None => {}
    }
    list.truncate(REMEMBERED - 1);
    list.insert(0, item);
}

/// When a search among all keys is worth while: for the first packets that fail, then ever more seldom;
/// and anew whenever keys were added.
#[derive(Clone, Copy, Default)]
pub(super) struct Search {
    failures: u32,
    generation: u32,
    /// How many keys of the list were tried already, when the budget ended a search.
    pub(super) tried: u32,
}

impl Search {
    /// Whether to search for the packet at hand, which nothing nearer opened: one of the first
    /// `patience` ones, or one of ever fewer after them.
    pub(super) fn begin(&mut self, generation: u32, patience: u32) -> bool {
        if self.generation != generation {
            *self = Self { generation, ..Self::default() };
        }
        self.failures = self.failures.saturating_add(1);
        self.failures <= patience || self.failures.is_power_of_two()
    }

    /// The packet at hand was opened.
    pub(super) fn end(&mut self) {
        self.failures = 0;
        self.tried = 0;
    }
}
