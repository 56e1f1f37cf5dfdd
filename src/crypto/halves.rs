//! Opened handshakes. Each is one half of a session: it states its sender's session key and base nonce.
//!
//! Anybody can send old handshakes again, from any address and in any number, and they open. So those of
//! sessions whose keys are known are kept in preference to others, and those of the same two people are
//! found again wherever they were seen.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;

use super::keyring::KeyId;
use crate::recent::Recent;
use crate::wire::{Nonce, PublicKey};

/// How many handshakes are remembered whose session keys are known, and how many others.
const PROMISING: usize = 1 << 14;
const OTHERS: usize = 1 << 12;

/// One side's part of a session, as its handshake stated it.
#[derive(Clone, Copy)]
pub(super) struct Half {
    pub(super) session_key: PublicKey,
    pub(super) base_nonce: Nonce,
    /// The long-term key that opened it, which stands for the two people.
    pub(super) people: KeyId,
    pub(super) from: Option<PublicKey>,
    pub(super) to: Option<PublicKey>,
    /// Whether its record was given out; handshakes are looked at ahead of their turn.
    pub(super) given_out: bool,
}

/// Which handshake; of one that was forgotten, nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HalfId(u32);

/// All handshakes that are remembered.
pub(super) struct Halves {
    ids: HashMap<(PublicKey, Nonce), HalfId, RandomState>,
    promising: Recent<HalfId, Half>,
    others: Recent<HalfId, Half>,
    /// By the key that opened them, the one seen last first.
    of_people: HashMap<KeyId, VecDeque<HalfId>, RandomState>,
    next: u32,
    forgotten: u64,
}

impl Halves {
    pub(super) fn new() -> Self {
        Self {
            ids: HashMap::default(),
            promising: Recent::new(PROMISING),
            others: Recent::new(OTHERS),
            of_people: HashMap::default(),
            next: 0,
            forgotten: 0,
        }
    }

    /// Notes a handshake; gives what was known of it before. `is_known` says whether the key log may
    /// have the session key that a public session key belongs to.
    pub(super) fn note(
        &mut self,
        half: Half,
        is_known: impl Fn(&PublicKey) -> bool,
    ) -> (HalfId, Option<Half>) {
        let name = (half.session_key, half.base_nonce);
        let id = *self.ids.entry(name).or_insert(HalfId(self.next));
        let before = match self.get_mut(id) {
            Some(known) => {
                let before = *known;
                known.given_out |= half.given_out;
                if [before.from, before.to] == [None, None] {
                    (known.from, known.to) = (half.from, half.to);
                }
                Some(before)
            }
            None => {
                self.next = self.next.wrapping_add(1);
                if is_known(&half.session_key) {
                    self.keep(id, half);
                } else if let Some((oldest, half)) = self.others.push(id, half) {
                    // Its key may have been logged since.
                    if is_known(&half.session_key) {
                        self.keep(oldest, half);
                    } else {
                        self.forget(oldest, &half);
                    }
                }
                None
            }
        };
        let list = self.of_people.entry(half.people).or_default();
        if let Some(at) = list.iter().position(|known| *known == id) {
            list.remove(at);
        }
        list.push_front(id);
        (id, before)
    }

    /// Notes that a session of this handshake was found.
    pub(super) fn led_to_a_session(&mut self, id: HalfId) {
        if let Some(half) = self.others.remove(&id) {
            self.keep(id, half);
        }
    }

    /// A handshake that is still remembered.
    pub(super) fn get(&self, id: HalfId) -> Option<&Half> {
        self.promising.peek(&id).or_else(|| self.others.peek(&id))
    }

    /// Whether it is of a session whose key is known.
    pub(super) fn is_promising(&self, id: HalfId) -> bool {
        self.promising.peek(&id).is_some()
    }

    /// Handshakes anywhere: those of sessions whose keys are known, then others; of each sort at most
    /// `most`, the one seen last first.
    pub(super) fn latest(&self, most: usize) -> impl Iterator<Item = HalfId> {
        let promising = self.promising.iter().take(most);
        promising.chain(self.others.iter().take(most)).map(|(id, _)| *id)
    }

    /// The handshakes that the same long-term key opened, the one seen last first.
    pub(super) fn of_people(&self, people: KeyId) -> impl Iterator<Item = HalfId> {
        self.of_people.get(&people).into_iter().flatten().copied()
    }

    /// How many were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn get_mut(&mut self, id: HalfId) -> Option<&mut Half> {
        if self.promising.peek(&id).is_some() {
            self.promising.get_mut(&id)
        } else {
            self.others.get_mut(&id)
        }
    }

    fn keep(&mut self, id: HalfId, half: Half) {
        if let Some((oldest, half)) = self.promising.push(id, half) {
            self.forget(oldest, &half);
        }
    }

    fn forget(&mut self, id: HalfId, half: &Half) {
        self.forgotten += 1;
        self.ids.remove(&(half.session_key, half.base_nonce));
        if let Some(list) = self.of_people.get_mut(&half.people) {
            // The oldest stand at the end.
            if let Some(at) = list.iter().rposition(|known| *known == id) {
                list.remove(at);
            }
            if list.is_empty() {
                self.of_people.remove(&half.people);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keyring::KeyRing;

    /// A key that opened handshakes.
    fn people() -> KeyId {
        let mut ring = KeyRing::new();
        let line = format!("BOX {0} {0}\n", "42".repeat(32));
        ring.read(line.as_bytes()).unwrap();
        ring.all().next().unwrap()
    }

    fn half(number: u32) -> Half {
        let mut session_key = PublicKey([0; 32]);
        session_key.0[..4].copy_from_slice(&number.to_be_bytes());
        let base_nonce = Nonce([7; 24]);
        Half { session_key, base_nonce, people: people(), from: None, to: None, given_out: true }
    }

    #[test]
    fn what_the_key_log_knows_and_what_led_to_a_session_outlasts_a_flood_of_others() {
        let mut halves = Halves::new();
        let (known, _) = halves.note(half(0), |_| true);
        let (led, _) = halves.note(half(1), |_| false);
        halves.led_to_a_session(led);
        let (late, _) = halves.note(half(2), |_| false);
        for number in 3..3 + 2 * OTHERS as u32 {
            // Its key comes into the log meanwhile.
            let late = half(2).session_key;
            assert!(halves.note(half(number), |key| *key == late).1.is_none());
        }
        assert!([known, led, late].iter().all(|id| halves.is_promising(*id)));
        assert_eq!(halves.forgotten(), OTHERS as u64);
        assert_eq!(halves.ids.len(), OTHERS + 3);
        assert_eq!(halves.of_people(people()).count(), OTHERS + 3);
        assert!(halves.note(half(0), |_| true).1.is_some(), "it is the same again");
        assert_eq!(halves.of_people(people()).next(), Some(known));
        for number in 0..2 * PROMISING as u32 {
            halves.note(half(number), |_| true);
        }
        assert!(halves.ids.len() <= OTHERS + PROMISING);
    }
}
