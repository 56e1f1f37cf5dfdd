//! Randomness of the network and of what people do, from a seed.

use super::Nanos;
use crate::conference::SeededDice;

/// Random values that are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Chance(SeededDice);

impl Chance {
    /// The values of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(SeededDice::new(seed))
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        scale(self.bits(), bound)
    }

    /// A place in a list of `size` entries; 0 if there are none.
    pub fn index(&mut self, size: usize) -> usize {
        usize::try_from(self.below(size as u64)).unwrap_or(0)
    }

    /// A duration from `least` to `most`, both included.
    pub fn between(&mut self, least: Nanos, most: Nanos) -> Nanos {
        let span = u64::try_from(most.saturating_sub(least)).unwrap_or(0);
        least.saturating_add_unsigned(self.below(span.saturating_add(1)))
    }

    /// Whether something happens that happens so many times in a million.
    pub fn happens(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }

    /// 32 random bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.bits().to_be_bytes());
        }
        bytes
    }

    /// Puts a list into any order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.index(last + 1));
        }
    }
}

/// The part of `bound` that `bits` are of 2^64.
fn scale(bits: u64, bound: u64) -> u64 {
    let product = u128::from(bits) * u128::from(bound);
    u64::try_from(product >> 64).expect("a product of two 64-bit numbers has 128 bits")
}
