//! A growing list whose items never move: growing leaves no copies of secrets behind, and needs no room
//! for a second list.

use std::num::NonZeroU32;

/// Items in one piece.
const PIECE: usize = 1 << 12;

/// A list, indexed from 1, so that an index that may be missing takes no more room.
pub(super) struct Pieces<T> {
    pieces: Vec<Vec<T>>,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T> Pieces<T> {
    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    /// Appends an item; gives its index, or `None` if there are `most` already.
    pub(super) fn push(&mut self, item: T, most: usize) -> Option<NonZeroU32> {
        let index = self.len() + 1;
        if index > most {
            return None;
        }
        match self.pieces.last_mut().filter(|last| last.len() < PIECE) {
            Some(last) => last.push(item),
            None => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(item);
                self.pieces.push(piece);
            }
        }
        NonZeroU32::new(u32::try_from(index).ok()?)
    }

    /// The item that [`Self::push`] gave this index.
    pub(super) fn get(&self, index: NonZeroU32) -> &T {
        let at = index.get() as usize - 1;
        let item = self.pieces.get(at / PIECE).and_then(|piece| piece.get(at % PIECE));
        item.expect("an index is only made for an item, and none is removed")
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, index: NonZeroU32) -> &mut T {
        let at = index.get() as usize - 1;
        let item = self.pieces.get_mut(at / PIECE).and_then(|piece| piece.get_mut(at % PIECE));
        item.expect("an index is only made for an item, and none is removed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_the_index_that_they_were_given() {
        let mut pieces = Pieces::default();
        let most = 2 * PIECE + 3;
        let indices: Vec<_> = (0..most).map(|item| pieces.push(item, most).unwrap()).collect();
        assert_eq!((pieces.push(0, most), pieces.len()), (None, most));
        assert_eq!(indices.first(), NonZeroU32::new(1).as_ref());
        for (item, index) in indices.into_iter().enumerate() {
            assert_eq!(*pieces.get(index), item);
            assert_eq!(*pieces.get_mut(index), item);
        }
    }
}
