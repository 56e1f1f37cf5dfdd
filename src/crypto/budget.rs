//! How much work a hostile capture can cause: trial decryptions are earned by packets (threats row 6).

/// What deriving a key from a key pair costs, in trial decryptions.
pub(super) const DERIVE_COST: u32 = 40;

/// Trial decryptions available at the start and at the most.
const BURST: u32 = 1 << 22;

/// Trial decryptions earned by each sealed packet, to be saved.
const EARNED: u32 = 8;

/// Trial decryptions that each sealed packet has for itself: whatever else wastes the rest, packets of
/// sessions that are near at hand still open.
const OWN: u32 = 48;

/// Trial decryptions that may still be made. Counts, never a clock: the same capture gives the same
/// result everywhere.
pub(super) struct Budget {
    left: u32,
    own: u32,
    refused: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: BURST, own: 0, refused: 0 }
    }
}

impl Budget {
    /// A sealed packet was seen.
    pub(super) fn earn(&mut self) {
        self.left = (self.left + EARNED).min(BURST);
        self.own = OWN;
    }

    /// Takes `cost` trial decryptions, or refuses.
    pub(super) fn spend(&mut self, cost: u32) -> bool {
        if let Some(own) = self.own.checked_sub(cost) {
            self.own = own;
            return true;
        }
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.refused += 1;
                false
            }
        }
    }

    /// Whether there is nothing left to spend.
    pub(super) const fn is_spent(&self) -> bool {
        self.left == 0 && self.own == 0
    }

    /// How often work was refused.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }
}
