//! Dice for one step, the same for both sides.

use toxscope::conference::{Dice, SeededDice};

/// Random values that follow from a seed, and a count of how many were drawn.
///
/// Each step of a case has a seed of its own, so that a step can be left out and the others stay as
/// they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepDice {
    dice: SeededDice,
    /// Peer numbers are drawn from this many, so that some are taken already.
    numbers: u32,
    /// What comes up first.
    first: (Option<[u8; 32]>, Option<u16>),
    drawn: u32,
}

impl StepDice {
    /// The dice of a seed. One in four shows small numbers only, half of these very small ones.
    #[must_use]
    pub const fn new(seed: u32) -> Self {
        let numbers = match seed % 8 {
            0 => 3,
            4 => 24,
            _ => 1 << 16,
        };
        Self { dice: SeededDice::new(seed as u64), numbers, first: (None, None), drawn: 0 }
    }

    /// Makes an id the first to come up.
    pub const fn show_id(&mut self, id: [u8; 32]) {
        self.first.0 = Some(id);
    }

    /// Makes a peer number the first to come up.
    pub const fn show_number(&mut self, number: u16) {
        self.first.1 = Some(number);
    }

    /// How many values were drawn.
    #[must_use]
    pub const fn drawn(&self) -> u32 {
        self.drawn
    }
}

impl Default for StepDice {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Dice for StepDice {
    fn conference_id(&mut self) -> [u8; 32] {
        self.drawn += 1;
        self.first.0.take().unwrap_or_else(|| self.dice.conference_id())
    }

    fn peer_number(&mut self) -> u16 {
        self.drawn += 1;
        let drawn = || (u32::from(self.dice.peer_number()) % self.numbers) as u16;
        self.first.1.take().unwrap_or_else(drawn)
    }
}
