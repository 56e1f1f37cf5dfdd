//! Randomness, handed in.

/// Where the machine's random values come from.
///
/// A real endpoint must draw them from a cryptographic generator (R-004, R-016, D-065).
pub trait Dice {
    /// The id of a new conference.
    fn conference_id(&mut self) -> [u8; 32];

    /// A candidate for the number of a new member, each value equally likely.
    fn peer_number(&mut self) -> u16;
}

/// A small generator that gives the same values for the same seed; not for secrets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeededDice(u64);

impl SeededDice {
    /// Dice that show the values of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        // SplitMix64, by its published constants.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Dice for SeededDice {
    fn conference_id(&mut self) -> [u8; 32] {
        let mut id = [0; 32];
        for chunk in id.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_be_bytes());
        }
        id
    }

    fn peer_number(&mut self) -> u16 {
        let [high, low, ..] = self.next_u64().to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}
