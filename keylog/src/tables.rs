//! What has been written already: tables of fixed size, read and changed without locks, so that a
//! signal handler, another thread or the child of a fork never waits for anybody.
//!
//! They hold fingerprints of 64 bits, keyed with a secret of the process, and no key. Each table is
//! an array of sets; a set has seven places and evicts its oldest. Two threads that evict in one set
//! at the same moment may in rare orders enter one fingerprint twice: a line is then written twice,
//! which a key log allows.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Key, Nonce};

/// Places of a set: with the cursor they fill one cache line.
const PLACES: usize = 7;

/// How far a nonce may move before it is written again. A reader reaches 65536 either way.
const STEP: i64 = 32768;

/// Nonces of one session are nearer to each other than this; random ones never are.
const NEAR: i64 = 1 << 17;

/// The secret of a process, under which it hashes.
#[derive(Clone, Copy)]
pub(crate) struct Seed(pub(crate) [u64; 2]);

impl Seed {
    /// The fingerprint of a precomputed key; never zero.
    pub(crate) fn key(self, key: &Key) -> u64 {
        self.finish(self.absorb(self.start(), key)) | 1
    }

    /// The fingerprint of a `SHARED` line; never zero. Our own public key follows from the two.
    pub(crate) fn shared(self, theirs: &Key, key: &Key) -> u64 {
        self.finish(self.absorb(self.absorb(self.start(), theirs), key)) | 1
    }

    fn start(self) -> u64 {
        let Self([a, b]) = self;
        a ^ b.rotate_left(32)
    }

    fn absorb(self, state: u64, bytes: &[u8]) -> u64 {
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().fold(state, |state, word| self.mix(state ^ u64::from_le_bytes(*word)))
    }

    fn finish(self, state: u64) -> u64 {
        let Self([a, _]) = self;
        self.mix(state ^ a)
    }

    /// Both halves of a product, folded into one word.
    fn mix(self, word: u64) -> u64 {
        let Self([_, b]) = self;
        let product = u128::from(word).wrapping_mul(u128::from(b | 1));
        (product as u64) ^ ((product >> 64) as u64).rotate_left(29)
    }
}

/// Which of the two ways a key was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Seal,
    Open,
}

// ---------------------------------------------------------------------------------------------

/// One cache line: seven fingerprints and how many evictions there were.
#[repr(align(64))]
struct Set {
    places: [AtomicU64; PLACES],
    evictions: AtomicU64,
}

impl Set {
    const fn new() -> Self {
        Self { places: [const { AtomicU64::new(0) }; PLACES], evictions: AtomicU64::new(0) }
    }

    fn find(&self, print: u64) -> Option<usize> {
        self.places.iter().position(|place| place.load(Ordering::Acquire) == print)
    }

    /// Enters a fingerprint that is not there; `None` if it is. `spare` says which places may be
    /// taken; when it spares all, the oldest goes nevertheless.
    fn enter(&self, print: u64, spare: impl Fn(usize) -> bool) -> Option<usize> {
        // Each failed turn means that another thread got its own entry in; the bound is for form.
        for _ in 0..64 {
            let evictions = self.evictions.load(Ordering::Acquire);
            let mut empty = None;
            let mut seen = [0; PLACES];
            for (at, (place, seen)) in self.places.iter().zip(&mut seen).enumerate() {
                *seen = place.load(Ordering::Acquire);
                if *seen == print {
                    return None;
                }
                if *seen == 0 && empty.is_none() {
                    empty = Some(at);
                }
            }
            let oldest = (evictions % PLACES as u64) as usize;
            let at = empty.unwrap_or_else(|| {
                let turn = (0..PLACES).map(|n| (oldest + n) % PLACES);
                turn.clone().find(|at| !spare(*at)).unwrap_or(oldest)
            });
            let (Some(place), Some(old)) = (self.places.get(at), seen.get(at)) else { return None };
            if place.compare_exchange(*old, print, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                if empty.is_none() {
                    // The next one to go is the place after this one.
                    let passed = (at + PLACES - oldest) % PLACES + 1;
                    let _ = self.evictions.compare_exchange(
                        evictions,
                        evictions.wrapping_add(passed as u64),
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    );
                }
                return Some(at);
            }
        }
        None
    }
}

/// The set of an array that a fingerprint belongs to. The low bit of a fingerprint is always one.
fn set_of<T>(sets: &[T], print: u64) -> Option<&T> {
    sets.get((print >> 32) as usize % sets.len().max(1))
}

// ---------------------------------------------------------------------------------------------

/// The `SHARED` lines that were written: up to 57 344, in 512 KiB.
pub(crate) struct Written {
    sets: [Set; 8192],
}

impl Written {
    pub(crate) const fn new() -> Self {
        Self { sets: [const { Set::new() }; 8192] }
    }

    /// Claims a line; false if it was claimed before.
    pub(crate) fn claim(&self, print: u64) -> bool {
        set_of(&self.sets, print).is_some_and(|set| set.enter(print, |_| false).is_some())
    }

    /// Takes a claim back: the line could not be written.
    pub(crate) fn release(&self, print: u64) {
        let Some(set) = set_of(&self.sets, print) else { return };
        for place in &set.places {
            let _ = place.compare_exchange(print, 0, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

// ---------------------------------------------------------------------------------------------

/// The precomputed keys of this process and where the nonces of each are: up to 28 672 keys, in
/// 1280 KiB. A nonce of a key that is not here is never written: such a key was not made by
/// `beforenm`, it may be the one that encrypts the user's profile.
pub(crate) struct Keys {
    sets: [KeySet; 4096],
}

struct KeySet {
    prints: Set,
    uses: [Uses; PLACES],
}

/// Two runs of nonces in each direction: a session has one, and two when both of its ends live in
/// this process. The first run is written at once, the second when its next nonce has shown that it
/// is one: a key whose nonces are random is written once and is then silent.
struct Uses {
    seal: [AtomicU64; 2],
    open: [AtomicU64; 2],
}

impl Uses {
    const fn none() -> Self {
        Self { seal: [const { AtomicU64::new(0) }; 2], open: [const { AtomicU64::new(0) }; 2] }
    }

    fn all(&self) -> impl Iterator<Item = &AtomicU64> {
        self.seal.iter().chain(&self.open)
    }

    /// True once two nonces of a run were near each other: a session, better kept than a key with
    /// random nonces.
    fn is_a_session(&self) -> bool {
        self.all().any(|run| Run(run.load(Ordering::Relaxed)).counts())
    }
}

/// Where the last written nonce of a run was: bit 63 set, bit 62 "counts", bit 61 "not written",
/// 14 bits that tell its upper 145 bits (and the key) apart, its lower 47 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run(u64);

impl Run {
    const COUNTS: u64 = 1 << 62;
    const UNWRITTEN: u64 = 1 << 61;
    const LOW: u32 = 47;

    fn new(seed: Seed, key_print: u64, nonce: &Nonce) -> Self {
        let low = nonce.last_chunk().copied().map_or(0, u64::from_be_bytes);
        let upper = nonce.first_chunk::<16>().copied().unwrap_or_default();
        let tag = seed.absorb(seed.start() ^ key_print, &upper) ^ (low >> Self::LOW);
        let tag = seed.finish(seed.mix(tag)) >> 50;
        Self(1 << 63 | tag << Self::LOW | low & ((1 << Self::LOW) - 1))
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn counts(self) -> bool {
        self.0 & Self::COUNTS != 0
    }

    fn counting(self) -> Self {
        Self(self.0 | Self::COUNTS)
    }

    fn is_written(self) -> bool {
        !self.is_empty() && self.0 & Self::UNWRITTEN == 0
    }

    fn unwritten(self) -> Self {
        Self(self.0 | Self::UNWRITTEN)
    }

    /// How far `other` is ahead of this one, if both belong to one run.
    fn distance_to(self, other: Self) -> Option<i64> {
        let flags = Self::COUNTS | Self::UNWRITTEN | ((1 << Self::LOW) - 1);
        let same = (self.0 ^ other.0) & !flags == 0;
        // Two's complement in 47 bits.
        let ahead = (other.0.wrapping_sub(self.0) << (64 - Self::LOW)) as i64 >> (64 - Self::LOW);
        (same && !self.is_empty() && ahead.abs() < NEAR).then_some(ahead)
    }
}

impl Keys {
    pub(crate) const fn new() -> Self {
        Self {
            sets: [const { KeySet { prints: Set::new(), uses: [const { Uses::none() }; PLACES] } };
                4096],
        }
    }

    /// Enters a key that `beforenm` made.
    pub(crate) fn enter(&self, print: u64) {
        let Some(KeySet { prints, uses }) = set_of(&self.sets, print) else { return };
        if prints.find(print).is_some() {
            return;
        }
        let spare = |at: usize| uses.get(at).is_some_and(Uses::is_a_session);
        if let Some(uses) = prints.enter(print, spare).and_then(|at| uses.get(at)) {
            uses.all().for_each(|run| run.store(0, Ordering::Release));
        }
    }

    /// Says whether this use of a key is worth a `NONCE` line: the first in its direction, or [`STEP`]
    /// ahead of the last one written. The answer yes is given once.
    pub(crate) fn claim(
        &self,
        seed: Seed,
        print: u64,
        direction: Direction,
        nonce: &Nonce,
    ) -> bool {
        let Some(KeySet { prints, uses }) = set_of(&self.sets, print) else { return false };
        let Some(uses) = prints.find(print).and_then(|at| uses.get(at)) else { return false };
        let (runs, others) = match direction {
            Direction::Seal => (&uses.seal, &uses.open),
            Direction::Open => (&uses.open, &uses.seal),
        };
        let now = Run::new(seed, print, nonce);
        // Another thread may get in between; whoever loses looks again.
        for _ in 0..8 {
            let Some((run, last, next)) = next_run(runs, now) else { return false };
            // Both ends in one process: what one sealed and wrote down, the other opens.
            let written = others.iter().map(|run| Run(run.load(Ordering::Acquire))).find(|other| {
                other.is_written() && other.distance_to(now).is_some_and(|n| n.abs() < STEP)
            });
            if replace(run, last, written.unwrap_or(next)) {
                return next.is_written() && written.is_none();
            }
        }
        false
    }
}

/// The run that a nonce changes, what it was and what it becomes; `None` if it changes nothing.
fn next_run(runs: &[AtomicU64; 2], now: Run) -> Option<(&AtomicU64, Run, Run)> {
    let [first, second] = runs;
    for run in runs {
        let last = Run(run.load(Ordering::Acquire));
        let Some(ahead) = last.distance_to(now) else { continue };
        if ahead >= STEP || (ahead != 0 && !last.is_written()) {
            return Some((run, last, now.counting()));
        }
        if ahead != 0 && !last.counts() {
            replace(run, last, last.counting());
        }
        return None;
    }
    let last = Run(first.load(Ordering::Acquire));
    if last.is_empty() {
        return Some((first, last, now));
    }
    let last = Run(second.load(Ordering::Acquire));
    (!last.is_written()).then_some((second, last, now.unwritten()))
}

fn replace(run: &AtomicU64, old: Run, new: Run) -> bool {
    run.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed([0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344]);

    fn key(n: u64) -> Key {
        let mut key = [0x5a; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        key
    }

    /// `base + n`, with a base that makes the sum carry far.
    fn nonce(base: u8, n: u64) -> Nonce {
        let mut nonce = [base; 24];
        nonce[8..16].copy_from_slice(&[0xff; 8]);
        let low = u128::from_be_bytes(nonce[8..].try_into().unwrap()).wrapping_add(n.into());
        nonce[8..].copy_from_slice(&low.to_be_bytes());
        nonce
    }

    fn random(n: u64) -> Nonce {
        let mut nonce = [0; 24];
        for (at, chunk) in nonce.chunks_mut(8).enumerate() {
            chunk.copy_from_slice(&SEED.mix(SEED.mix(n * 3 + at as u64 + 1)).to_be_bytes());
        }
        nonce
    }

    /// A table of the test's own (they are too large for a stack) and one key in it.
    macro_rules! keys_with {
        ($key:expr) => {{
            static KEYS: Keys = Keys::new();
            let print = SEED.key($key);
            KEYS.enter(print);
            (&KEYS, print)
        }};
    }

    #[test]
    fn a_line_is_claimed_once_and_again_after_its_release() {
        static WRITTEN: Written = Written::new();
        let written = &WRITTEN;
        let print = SEED.shared(&key(1), &key(2));
        assert!(written.claim(print));
        assert!(!written.claim(print));
        assert!(written.claim(SEED.shared(&key(2), &key(1))));
        written.release(print);
        assert!(written.claim(print));
    }

    #[test]
    fn a_full_table_forgets_the_oldest_lines_and_no_others() {
        let set = Set::new();
        for print in 1..=7 {
            assert!(set.enter(print, |_| false).is_some());
        }
        assert!(set.enter(8, |_| false).is_some());
        assert!(set.enter(9, |_| false).is_some());
        let left: Vec<_> = (1..=9).filter(|print| set.find(*print).is_some()).collect();
        assert_eq!(left, [3, 4, 5, 6, 7, 8, 9]);
        assert!(set.enter(10, |at| at == 2).is_some());
        assert!(set.find(3).is_some() && set.find(4).is_none());
    }

    #[test]
    fn ten_thousand_lines_are_all_kept() {
        static WRITTEN: Written = Written::new();
        let written = &WRITTEN;
        let prints: Vec<_> = (0..10_000).map(|n| SEED.shared(&key(n), &key(n))).collect();
        assert!(prints.iter().all(|print| written.claim(*print)));
        assert_eq!(prints.iter().filter(|print| written.claim(**print)).count(), 0);
    }

    #[test]
    fn the_nonce_of_a_key_that_was_not_derived_here_is_never_written() {
        let (keys, _) = keys_with!(&key(0));
        assert!(!keys.claim(SEED, SEED.key(&key(1)), Direction::Seal, &nonce(1, 0)));
    }

    #[test]
    fn a_counted_nonce_is_written_first_and_then_every_32768() {
        let (keys, print) = keys_with!(&key(1));
        let lines: Vec<_> = (0..200_000)
            .filter(|n| keys.claim(SEED, print, Direction::Seal, &nonce(7, *n)))
            .collect();
        assert_eq!(lines, [0, 32768, 65536, 98304, 131_072, 163_840, 196_608]);
        assert!(keys.claim(SEED, print, Direction::Open, &nonce(9, 0)));
        assert!(!keys.claim(SEED, print, Direction::Open, &nonce(9, 1)));
    }

    #[test]
    fn nonces_that_come_late_or_again_write_nothing() {
        let (keys, print) = keys_with!(&key(1));
        assert!(keys.claim(SEED, print, Direction::Open, &nonce(7, 40_000)));
        for n in [40_000, 39_990, 40_001, 10_000, 40_000 + 32_767] {
            assert!(!keys.claim(SEED, print, Direction::Open, &nonce(7, n)), "{n}");
        }
        assert!(keys.claim(SEED, print, Direction::Open, &nonce(7, 40_000 + 65_535)));
    }

    #[test]
    fn random_nonces_are_written_once_in_each_direction() {
        let (keys, print) = keys_with!(&key(1));
        let lines = |direction, from| {
            (from..from + 10_000)
                .filter(|n| keys.claim(SEED, print, direction, &random(*n)))
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(Direction::Seal, 0), [0]);
        assert_eq!(lines(Direction::Open, 10_000), [10_000]);
        assert_eq!(lines(Direction::Open, 20_000), []);
    }

    #[test]
    fn both_ends_in_one_process_write_each_run_once() {
        let (keys, print) = keys_with!(&key(1));
        let mut lines = Vec::new();
        for n in 0..100_000 {
            for (base, direction) in [
                (1, Direction::Seal),
                (1, Direction::Open),
                (2, Direction::Seal),
                (2, Direction::Open),
            ] {
                if keys.claim(SEED, print, direction, &nonce(base, n)) {
                    lines.push((base, n));
                }
            }
        }
        lines.sort_unstable();
        let lines_of = |base: u8, first: u64| [0, 32768, 65536, 98304].map(|n| (base, first + n));
        let expected = [lines_of(1, 0), lines_of(2, 1)];
        assert_eq!(lines, expected.concat(), "the second run is known at its second nonce");
    }

    #[test]
    fn sessions_outlive_a_flood_of_other_keys() {
        let (keys, print) = keys_with!(&key(0));
        assert!(keys.claim(SEED, print, Direction::Seal, &nonce(1, 0)));
        assert!(!keys.claim(SEED, print, Direction::Seal, &nonce(1, 1)));
        for n in 1..100_000 {
            keys.enter(SEED.key(&key(n)));
        }
        assert!(!keys.claim(SEED, print, Direction::Seal, &nonce(1, 2)));
        assert!(keys.claim(SEED, print, Direction::Seal, &nonce(1, 32768)));
    }
}
