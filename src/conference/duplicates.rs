//! The message numbers remembered of each author.

use super::{DropReason, Duplicates};
use crate::wire::{Name, Title};

/// How many are remembered.
const MOST: usize = 8;
/// How far ahead the next number may be at members of before 0.2.5.
const AHEAD: u32 = 64;

/// The largest message numbers of one author that were accepted, each with its id; largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Remembered {
    numbers: [u32; MOST],
    ids: [u8; MOST],
    count: u8,
}

impl Remembered {
    /// Numbers in any order, right or wrong.
    #[cfg(test)]
    pub(super) fn of(given: &[u32]) -> Self {
        let mut numbers = [0; MOST];
        numbers[..given.len()].copy_from_slice(given);
        Self { numbers, ids: [0; MOST], count: given.len() as u8 }
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().copied().take(usize::from(self.count))
    }

    /// takes a number that is new, or says why not.
    #[inline]
    pub(super) fn accept(
        &mut self,
        number: u32,
        id: u8,
        rule: Duplicates,
    ) -> Result<(), DropReason> {
        let count = usize::from(self.count);
        let at = match rule {
            Duplicates::Wrapping => self.place(number, id, is_newer)?,
            Duplicates::Plain => self.place(number, id, |number, than| number > than)?,
            Duplicates::Ahead64 => {
                // only the last number counts, and any first number is right.
                let last = self.numbers().next();
                let ahead = last.map_or(1, |last| number.wrapping_sub(last));
                if !(1..=AHEAD).contains(&ahead) {
                    let seen = last == Some(number);
                    return Err(if seen { DropReason::AlreadySeen } else { DropReason::TooOld });
                }
                0
            }
        };
        if at == MOST {
            return Err(DropReason::TooOld);
        }
        let last = count.min(MOST - 1);
        self.numbers.copy_within(at..last, at + 1);
        self.ids.copy_within(at..last, at + 1);
        if let (Some(kept), Some(kept_id)) = (self.numbers.get_mut(at), self.ids.get_mut(at)) {
            *kept = number;
            *kept_id = id;
        }
        self.count = (last + 1) as u8;
        Ok(())
    }

    /// Where the number belongs among those remembered.
    fn place(
        &self,
        number: u32,
        id: u8,
        newer: impl Fn(u32, u32) -> bool,
    ) -> Result<usize, DropReason> {
        let ordered = id == Name::ID || id == Title::ID;
        for (at, (kept, kept_id)) in self.numbers().zip(self.ids).enumerate() {
            if newer(number, kept) {
                return Ok(at);
            }
            if number == kept {
                return Err(DropReason::AlreadySeen);
            }
            // an older name or title never overrides a newer one.
            if ordered && kept_id == id {
                return Err(DropReason::Superseded);
            }
        }
        Ok(usize::from(self.count))
    }
}

/// `number` is newer than `than` iff it is 1 to 2^31 + 1 ahead, modulo 2^32 (D-030).
pub(super) const fn is_newer(number: u32, than: u32) -> bool {
    number.wrapping_sub(than).wrapping_sub(1) <= 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D-030. Half the numbers and one more are newer.
    #[test]
    fn a_number_is_newer_up_to_half_the_way_round_and_one_more() {
        for than in [0, 7, u32::MAX - 3, u32::MAX] {
            let is_newer = |ahead: u32| is_newer(than.wrapping_add(ahead), than);
            assert_eq!([0, 1, (1 << 31) + 1].map(is_newer), [false, true, true], "{than}");
            assert_eq!([(1 << 31) + 2, u32::MAX].map(is_newer), [false, false], "{than}");
        }
    }
}
