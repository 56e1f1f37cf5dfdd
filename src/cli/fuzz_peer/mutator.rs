//! Which packets are changed, and into what.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

use crate::mutate::{self, Change, Known};
use crate::simulate::Chance;
use crate::wire::net_crypto::MAX_DATA_SIZE;
use crate::wire::{DataClass, DataId};

/// What precedes a data id: acknowledgement and number (packets §5.3).
const HEAD: usize = 8;
const NUMBER: std::ops::Range<usize> = 4..8;

/// Lossless packets that are remembered, to be the same when they are sent again.
const REMEMBERED: usize = 1 << 14;

/// What a conference packet is to become.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// Its number among the conference packets of the run, from 1 on; one that is sent again keeps it.
    pub(super) number: u64,
    /// Whether it was sent before.
    pub(super) is_resent: bool,
    /// The packet as the program has it, from its data id on.
    pub(super) before: Vec<u8>,
    /// What it is changed into, and how.
    pub(super) after: Option<(Vec<u8>, Change)>,
    /// What is sealed instead of what the program wants sealed.
    pub(super) plain: Option<Vec<u8>>,
}

/// Decides by a seed: the same packets in the same order are changed in the same way.
pub(super) struct Mutator {
    seed: u64,
    per_million: u32,
    only: RangeInclusive<u64>,
    known: Known,
    count: u64,
    /// What lossless packets became, by key and number.
    made: BTreeMap<(u64, u32), Decision>,
    order: VecDeque<(u64, u32)>,
}

impl Mutator {
    /// Changes so many of a million packets whose numbers are among `only`.
    pub(super) fn new(seed: u64, per_million: u32, only: RangeInclusive<u64>) -> Self {
        let (known, made, order) = (Known::default(), BTreeMap::new(), VecDeque::new());
        Self { seed, per_million, only, known, count: 0, made, order }
    }

    /// What becomes of something that is about to be sealed under a key; `None` if it is no conference
    /// packet.
    pub(super) fn decide(&mut self, key: u64, plain: &[u8]) -> Option<Decision> {
        let (head, padded) = plain.split_at_checked(HEAD)?;
        let begin = padded.iter().position(|byte| *byte != 0)?;
        let packet = padded.get(begin..)?;
        let id = DataId(*packet.first()?);
        if !id.is_conference() {
            return None;
        }
        let number = head.get(NUMBER).and_then(|number| number.first_chunk())?;
        let place = (key, u32::from_be_bytes(*number));
        let is_lossless = id.class() == DataClass::Lossless;
        if is_lossless
            && let Some(before) = self.made.get(&place)
            && before.before == packet
        {
            let plain = before.after.as_ref().map(|(after, _)| sealed(head, after));
            return Some(Decision { is_resent: true, plain, ..before.clone() });
        }
        self.count += 1;
        self.known.note(packet);
        // Its own dice for each packet: what one becomes does not depend on how many were changed before.
        let mut chance = Chance::new(Chance::new(self.seed ^ self.count.rotate_left(32)).bits());
        let is_wanted = self.only.contains(&self.count) && chance.happens(self.per_million);
        let made = is_wanted.then(|| mutate::packet(packet, &self.known, &mut chance)).flatten();
        let after = made.map(|made| (made.bytes, made.change));
        let plain = after.as_ref().map(|(after, _)| sealed(head, after));
        let decision = Decision {
            number: self.count,
            is_resent: false,
            before: packet.to_vec(),
            after,
            plain,
        };
        if is_lossless {
            self.remember(place, &decision);
        }
        Some(decision)
    }

    fn remember(&mut self, place: (u64, u32), decision: &Decision) {
        let remembered = Decision { plain: None, ..decision.clone() };
        if self.made.insert(place, remembered).is_none() {
            self.order.push_back(place);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.made.remove(&oldest);
        }
    }
}

/// A packet behind its acknowledgement and number, padded as c-toxcore pads.
fn sealed(head: &[u8], packet: &[u8]) -> Vec<u8> {
    let padding = MAX_DATA_SIZE.saturating_sub(packet.len()) % 8;
    [head, [0; 8].get(..padding).unwrap_or_default(), packet].concat()
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const PING: [u8; 10] = hex!("63 0000 0001 00000007 00");

    fn plain(number: u32, packet: &[u8]) -> Vec<u8> {
        let number = number.to_be_bytes();
        sealed(&[[0; 4], number].concat(), packet)
    }

    #[test]
    fn the_same_seed_changes_the_same_packets_in_the_same_way() {
        let run = |seed| -> Vec<_> {
            let mut mutator = Mutator::new(seed, 500_000, 0..=u64::MAX);
            let packets = (0..200).map(|n| mutator.decide(1, &plain(n, &PING)).unwrap());
            packets.map(|it| it.after).collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let changed = run(7).iter().flatten().count();
        assert!((60..140).contains(&changed), "{changed}");
    }

    #[test]
    fn a_packet_that_is_sent_again_is_changed_as_before() {
        let mut mutator = Mutator::new(1, 1_000_000, 0..=u64::MAX);
        let first = mutator.decide(1, &plain(5, &PING)).unwrap();
        let other = mutator.decide(2, &plain(5, &PING)).unwrap();
        let again = mutator.decide(1, &plain(5, &PING)).unwrap();
        assert!(again.is_resent && !first.is_resent && !other.is_resent);
        assert_eq!((again.number, &again.after), (first.number, &first.after));
        assert_eq!(again.plain, first.plain);
        assert_eq!(other.number, 2);
    }

    #[test]
    fn what_is_sealed_keeps_its_number_and_is_padded() {
        let mut mutator = Mutator::new(3, 1_000_000, 0..=u64::MAX);
        for n in 0..500 {
            let decision = mutator.decide(1, &plain(n, &PING)).unwrap();
            let (after, _) = decision.after.expect("all are changed");
            let plain = decision.plain.unwrap();
            assert_eq!(plain.get(4..8).unwrap(), n.to_be_bytes());
            assert_eq!((plain.len() - 8) % 8, MAX_DATA_SIZE % 8);
            assert!(plain.ends_with(&after) && after.len() <= MAX_DATA_SIZE);
        }
    }

    #[test]
    fn only_the_packets_that_are_named_are_changed() {
        let mut mutator = Mutator::new(1, 1_000_000, 4..=5);
        let changed = (0..10).map(|n| mutator.decide(1, &plain(n, &PING)).unwrap());
        let changed: Vec<_> = changed.filter(|it| it.after.is_some()).map(|it| it.number).collect();
        assert_eq!(changed, [4, 5]);
        assert!(mutator.decide(1, &plain(11, &[0x10])).is_none(), "no conference packet");
        assert!(mutator.decide(1, &[0; 12]).is_none() && mutator.decide(1, &[]).is_none());
    }
}
