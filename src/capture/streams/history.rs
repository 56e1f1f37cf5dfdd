//! The last bytes of a stream that were handed out, to compare what comes again with them.

/// How many bytes are remembered at least, if there were so many.
const REMEMBERED: usize = 2048;

/// The last bytes that were handed out without a gap.
#[derive(Default)]
pub(super) struct History {
    bytes: Vec<u8>,
}

impl History {
    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// Adds what was handed out now.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(REMEMBERED)..).unwrap_or_default();
        if last.len() < bytes.len() {
            self.bytes.clear();
        }
        if self.bytes.len() + last.len() > 2 * REMEMBERED {
            let surplus = (self.bytes.len() + last.len()).saturating_sub(REMEMBERED);
            self.bytes.drain(..surplus.min(self.bytes.len()));
        }
        self.bytes.extend_from_slice(last);
    }

    /// Forgets everything: what follows does not follow it.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Whether `bytes`, which begin so many bytes before the end of what was handed out, differ from it,
    /// as far as it is remembered.
    pub(super) fn differs(&self, bytes: &[u8], before_end: usize) -> bool {
        let forgotten = before_end.saturating_sub(self.bytes.len());
        let again = bytes.get(forgotten..bytes.len().min(before_end)).unwrap_or_default();
        let begin = self.bytes.len().saturating_sub(before_end - forgotten);
        let there = self.bytes.get(begin..begin + again.len()).unwrap_or_default();
        there != again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_come_again_are_compared_as_far_as_they_are_remembered() {
        let mut history = History::default();
        history.push(b"hello");
        history.push(b", world");
        assert!(!history.differs(b"world", 5));
        assert!(history.differs(b"World", 5));
        assert!(!history.differs(b"world, and more", 5), "what is new is not compared");
        assert!(!history.differs(b"hello", 12));
        assert!(!history.differs(b"forgotten: hello", 23));
        assert!(history.differs(b"forgotten: hallo", 23));
        assert!(!history.differs(b"long ago", 1000));
        assert!(!history.differs(b"", 5));
    }

    #[test]
    fn what_is_remembered_is_the_end_of_all_and_no_more_than_there_is_room_for() {
        let (mut history, mut all) = (History::default(), Vec::new());
        for length in (0..10_000).step_by(97) {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + length) as u8).collect();
            history.push(&bytes);
            all.extend(bytes);
            assert!(history.held() <= 2 * REMEMBERED, "{}", history.held());
            for again in (1..all.len().min(3 * REMEMBERED)).step_by(331) {
                let mut bytes = all[all.len() - again..].to_vec();
                assert!(!history.differs(&bytes, again), "{again} of {}", all.len());
                bytes[again - 1] ^= 1;
                assert!(history.differs(&bytes, again), "{again} of {}", all.len());
            }
        }
        history.clear();
        assert!(!history.differs(b"anything", 8));
    }
}
