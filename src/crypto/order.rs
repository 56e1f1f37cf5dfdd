//! Lossless packets of one direction, put back into the order in which their receiver handles them
//! (packets §5.4).

use std::collections::BTreeMap;

/// How far ahead of the next packet one may be: the receive window, in packets (packets §5.4).
const WINDOW: u32 = 32_768;

/// Holds packets back until all before them came, or were acknowledged without having been captured.
pub struct Order<T> {
    next: Option<u32>,
    /// By distance from `origin`, so that the order survives the wrap of the numbers.
    waiting: BTreeMap<u32, T>,
    origin: u32,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { next: None, waiting: BTreeMap::new(), origin: 0 }
    }
}

impl<T> Order<T> {
    /// An order that begins with packet 0: the session is followed from its handshake on. Otherwise, by
    /// [`Self::default`], it begins with the packet that comes first.
    #[must_use]
    pub fn from_the_start() -> Self {
        Self { next: Some(0), ..Self::default() }
    }

    /// Whether `number` is the very packet that is handled next, with none waiting: then it need not be
    /// kept, only [`Self::pass`]ed.
    #[must_use]
    pub fn is_next(&self, number: u32) -> bool {
        self.waiting.is_empty() && self.next.is_none_or(|next| next == number)
    }

    /// Notes that packet `number`, the next one, is being handled.
    pub fn pass(&mut self, number: u32) {
        self.next = Some(number.wrapping_add(1));
    }

    /// Keeps a packet until its turn. One from before the next is handled at once, out of order: it
    /// was acknowledged before it was captured. One beyond the window makes all before it pass.
    pub fn keep(&mut self, number: u32, packet: T) {
        let next = *self.next.get_or_insert(number);
        if self.waiting.is_empty() {
            self.origin = next;
        }
        let ahead = number.wrapping_sub(next);
        if ahead > u32::MAX / 2 {
            // Behind: its distance is cut to the front of the line.
            self.waiting.entry(self.place(next)).or_insert(packet);
            return;
        }
        if ahead >= WINDOW {
            self.next = Some(number);
        }
        self.waiting.insert(self.place(number), packet);
    }

    /// The receiver waits for packet `ack`: everything before it has reached the receiver, captured or
    /// not.
    pub fn acknowledge(&mut self, ack: u32) {
        if let Some(next) = self.next
            && ack.wrapping_sub(next) <= u32::MAX / 2
        {
            self.next = Some(ack);
        }
    }

    /// The next packet whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let next = self.next?;
        let entry = self.waiting.first_entry()?;
        let number = self.origin.wrapping_add(*entry.key());
        let ahead = number.wrapping_sub(next);
        if ahead == 0 {
            self.next = Some(next.wrapping_add(1));
        } else if ahead <= u32::MAX / 2 {
            return None;
        }
        Some(entry.remove())
    }

    /// The next packet, whether it is its turn or not: the capture ends.
    pub fn pop_any(&mut self) -> Option<T> {
        self.waiting.pop_first().map(|(_, packet)| packet)
    }

    const fn place(&self, number: u32) -> u32 {
        number.wrapping_sub(self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands packets over, each named by its number, and notes the order in which they come out.
    fn handled(order: &mut Order<u32>, numbers: &[u32]) -> Vec<u32> {
        let mut handled = Vec::new();
        for &number in numbers {
            if order.is_next(number) {
                order.pass(number);
                handled.push(number);
            } else {
                order.keep(number, number);
                handled.extend(std::iter::from_fn(|| order.pop()));
            }
        }
        handled
    }

    #[test]
    fn disorder_is_undone_across_the_wrap() {
        let mut order = Order::default();
        let numbers = [u32::MAX - 1, 1, u32::MAX, 3, 0, 2, 4];
        assert_eq!(handled(&mut order, &numbers), [u32::MAX - 1, u32::MAX, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_packet_that_was_never_captured_holds_others_back_until_it_is_acknowledged() {
        let mut order = Order::from_the_start();
        assert_eq!(handled(&mut order, &[0, 2, 3]), [0]);
        order.acknowledge(1);
        assert_eq!(order.pop(), None);
        order.acknowledge(2);
        assert_eq!([order.pop(), order.pop(), order.pop()], [Some(2), Some(3), None]);
        assert_eq!(handled(&mut order, &[4]), [4]);
    }

    #[test]
    fn an_acknowledgement_counts_across_the_wrap() {
        let mut order = Order::default();
        assert_eq!(handled(&mut order, &[u32::MAX - 1, 1]), [u32::MAX - 1]);
        order.acknowledge(0);
        assert_eq!(order.pop(), None);
        order.acknowledge(u32::MAX);
        assert_eq!(order.pop(), None, "an older one changes nothing");
        order.acknowledge(1);
        assert_eq!(order.pop(), Some(1));
    }

    #[test]
    fn a_packet_captured_after_its_acknowledgement_is_handled_at_once() {
        let mut order = Order::from_the_start();
        assert_eq!(handled(&mut order, &[0, 1]), [0, 1]);
        order.acknowledge(5);
        assert_eq!(handled(&mut order, &[3, 5, 4, 6]), [3, 5, 4, 6]);
    }

    #[test]
    fn a_gap_wider_than_the_window_is_not_waited_for() {
        let mut order = Order::from_the_start();
        assert_eq!(handled(&mut order, &[1, 2, 40_000, 40_001]), [1, 2, 40_000, 40_001]);
    }

    #[test]
    fn the_end_of_the_capture_lets_everything_go_in_order() {
        let mut order = Order::from_the_start();
        assert!(handled(&mut order, &[5, 3, 4]).is_empty());
        assert_eq!(std::iter::from_fn(|| order.pop_any()).collect::<Vec<_>>(), [3, 4, 5]);
    }
}
