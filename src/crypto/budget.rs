//! How much work a hostile capture can cause: trial decryptions are earned by packets (threats row 6).

/// What deriving a key from a key pair costs, in trial decryptions.
pub(super) const DERIVE_COST: u32 = 128;

/// Trial decryptions available at the start and at the most.
const BURST: u32 = 1 << 21;

/// Trial decryptions earned by each sealed packet, to be saved.
const EARNED: u32 = 8;

/// Trial decryptions that each sealed packet has for itself, for keys that are near at hand: whatever
/// wastes the rest, packets of sessions that are followed already still open.
const OWN: u32 = 48;

/// Trial decryptions that may still be made. Counts, never a clock: the same capture gives the same
/// result everywhere.
pub(super) struct Budget {
    left: u32,
    own: u32,
    refused: u64,
    has_refused: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: BURST, own: 0, refused: 0, has_refused: false }
    }
}

impl Budget {
    /// A sealed packet was seen.
    pub(super) fn earn(&mut self) {
        self.left = (self.left + EARNED).min(BURST);
        self.own = OWN;
        self.has_refused = false;
    }

    /// From now on the packet at hand is searched for far and wide: that is paid from what was saved.
    pub(super) const fn search(&mut self) {
        self.own = 0;
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
                self.refused += u64::from(!self.has_refused);
                self.has_refused = true;
                false
            }
        }
    }

    /// Whether work for the packet at hand was refused.
    pub(super) const fn has_refused(&self) -> bool {
        self.has_refused
    }

    /// For how many packets work was refused.
    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }
}
