//! Which lossless packet numbers of one direction were seen, so that resends are told apart.
//!
//! A retransmission repeats its number under a new nonce (packets §5.4); numbers count modulo 2^32
//! and windows are 32768 packets wide.

use std::collections::VecDeque;

/// How far behind the newest number a resend can be: the send window, in packets (packets §5.4).
const WINDOW: u32 = 32_768;

const BITS: u32 = u64::BITS;
const WORDS: u32 = WINDOW / BITS + 1;

/// The numbers seen lately, as a bit set that slides with the newest; about 4 KiB at the most, and a few
/// bytes as long as packets come nearly in order.
#[derive(Default)]
pub(super) struct SeenNumbers {
    /// `words[i]` holds the numbers from `first + 64 i`, lowest bit first.
    words: VecDeque<u64>,
    /// Always a multiple of 64.
    first: u32,
    /// How many words directly before `first` were dropped because all their numbers were seen.
    full_before: u32,
}

impl SeenNumbers {
    /// Whether no number was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How many words there is room for.
    pub(super) fn room(&self) -> usize {
        self.words.capacity()
    }

    /// Keeps only the newest `most` words; older numbers count as seen. Gives whether that dropped any.
    pub(super) fn shrink(&mut self, most: u32) -> bool {
        let length = u32::try_from(self.words.len()).expect("at most 2 * WORDS");
        let dropped = length.saturating_sub(most);
        if dropped > 0 {
            self.words.drain(..dropped as usize);
            self.first = self.first.wrapping_add(dropped * BITS);
            self.full_before = (self.full_before + dropped).min(WORDS);
        }
        self.words.shrink_to_fit();
        dropped > 0
    }

    /// Notes `number`; `true` when it was noted before.
    ///
    /// A number more than the window behind the newest counts as seen, since nobody sends that any
    /// more; one far ahead of everything starts afresh.
    pub(super) fn note(&mut self, number: u32) -> bool {
        let word = number - number % BITS;
        if self.words.is_empty() {
            self.first = word;
        }
        let length = u32::try_from(self.words.len()).expect("at most 2 * WORDS");
        let ahead = word.wrapping_sub(self.first) / BITS;
        let behind = self.first.wrapping_sub(word) / BITS;
        let at = if ahead < 2 * WORDS {
            ahead
        } else if behind <= self.full_before || (behind < ahead && behind + length > WORDS) {
            return true;
        } else if behind < ahead {
            let unseen = behind - self.full_before;
            self.words.reserve_exact(behind as usize);
            (0..self.full_before).for_each(|_| self.words.push_front(u64::MAX));
            (0..unseen).for_each(|_| self.words.push_front(0));
            self.full_before = 0;
            self.first = word;
            0
        } else {
            *self = Self { first: word, ..Self::default() };
            0
        };
        let at = at - self.make_room(at);
        let bit = 1 << (number % BITS);
        let seen = self.words.get_mut(at as usize).expect("room was made for it");
        let before = *seen & bit != 0;
        *seen |= bit;
        self.slide();
        before
    }

    /// Makes the word at `at` exist, without ever holding more than the window; gives how many words that
    /// dropped in front.
    fn make_room(&mut self, at: u32) -> u32 {
        let surplus = (at + 1).saturating_sub(WORDS);
        if surplus > 0 {
            self.words.drain(..self.words.len().min(surplus as usize));
            self.first = self.first.wrapping_add(surplus * BITS);
            self.full_before = 0;
        }
        let needed = (at - surplus) as usize + 1;
        if needed > self.words.len() {
            self.words.reserve_exact(needed - self.words.len());
            self.words.resize(needed, 0);
        }
        surplus
    }

    /// Drops words in front: those behind the window, and full ones as long as another follows.
    fn slide(&mut self) {
        while self.words.len() > 1 {
            match self.words.front() {
                Some(&u64::MAX) => self.full_before = (self.full_before + 1).min(WORDS),
                _ if self.words.len() > WORDS as usize => self.full_before = 0,
                _ => break,
            }
            self.words.pop_front();
            self.first = self.first.wrapping_add(BITS);
        }
        if self.words.capacity() > 16 && self.words.len() < self.words.capacity() / 4 {
            self.words.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_repeated_number_is_a_resend_across_the_wrap() {
        let mut seen = SeenNumbers::default();
        let numbers = [u32::MAX - 1, u32::MAX, 0, 1, u32::MAX, 1, 2];
        assert_eq!(numbers.map(|n| seen.note(n)), [false, false, false, false, true, true, false]);
    }

    #[test]
    fn numbers_before_the_first_one_seen_are_new_once() {
        let mut seen = SeenNumbers::default();
        assert_eq!(
            [1000, 900, 10, 900, 10].map(|n| seen.note(n)),
            [false, false, false, true, true]
        );
    }

    #[test]
    fn a_number_behind_full_words_that_were_dropped_is_a_resend() {
        let mut seen = SeenNumbers::default();
        (64..100_000).for_each(|n| assert!(!seen.note(n)));
        assert!(seen.words.len() <= 2);
        assert!(seen.note(99_000));
        assert!(seen.note(70_000));
        assert!(seen.note(64), "far behind the window");
    }

    #[test]
    fn numbers_from_before_a_middle_start_are_new_even_behind_full_words() {
        let mut seen = SeenNumbers::default();
        (640..1280).for_each(|n| assert!(!seen.note(n)));
        assert!(!seen.note(3));
        assert!(seen.note(700));
        assert!(seen.note(3));
        assert!(!seen.note(639));
    }

    #[test]
    fn what_had_to_be_dropped_counts_as_seen() {
        let mut seen = SeenNumbers::default();
        [0, 64, 30_000, 32_000].into_iter().for_each(|n| assert!(!seen.note(n)));
        assert!((500..600).contains(&seen.room()), "{}", seen.room());
        assert!(seen.shrink(8) && !seen.shrink(8));
        assert!(seen.room() <= 8);
        assert_eq!(
            [32_000, 31_999, 100, 64, 32_001].map(|n| seen.note(n)),
            [true, false, true, true, false]
        );
        assert!(seen.room() <= 16);
    }

    proptest! {
        /// T-014's counterpart for net_crypto: with disorder below the window each is new once.
        #[test]
        fn each_number_is_new_exactly_once(start: u32, steps in prop::collection::vec(0u32..9000, 1..400)) {
            let (mut seen, mut model) = (SeenNumbers::default(), HashSet::new());
            for step in steps {
                let number = start.wrapping_add(step);
                prop_assert_eq!(seen.note(number), !model.insert(number));
            }
        }
    }
}
