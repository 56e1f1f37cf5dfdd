//! How far the clocks of two captures are apart, by the datagrams that both have.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::net::SocketAddr;

use super::{Datagrams, Event};
use crate::time::Timestamp;

/// How many datagrams of a capture are compared.
const DATAGRAMS: usize = 1 << 17;

/// Bytes that a datagram needs to be known again: it has a nonce, an identifier of a ping, or is sealed.
const TELLING: usize = 24;

/// When the first datagrams of a capture were seen, for comparison with those of another one.
#[derive(Default)]
pub struct Clock {
    /// By a hash of what is in them; nothing if there are several alike.
    seen: BTreeMap<u64, Option<(Timestamp, [SocketAddr; 2])>>,
}

/// How far another clock is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Nanoseconds; negative if it is ahead.
    pub nanos: i64,
    /// How many datagrams say so.
    pub datagrams: usize,
    /// Whether they go both ways, so that the time on the way cancels out, as far as both ways take as long.
    pub both_ways: bool,
}

impl Clock {
    /// Reads the beginning of a capture, as far as it can be read.
    pub fn read<R: Read>(capture: &mut Datagrams<R>) -> Self {
        let mut clock = Self::default();
        while clock.seen.len() < DATAGRAMS
            && let Ok(Some(event)) = capture.next()
        {
            let Event::Datagram(datagram) = event else { continue };
            if datagram.payload.len() < TELLING {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            datagram.payload.hash(&mut hasher);
            clock
                .seen
                .entry(hasher.finish())
                .and_modify(|seen| *seen = None)
                .or_insert(Some((datagram.at, [datagram.from, datagram.to])));
        }
        clock
    }

    /// How far the clock of `other` is behind this one; nothing if no datagram is in both.
    ///
    /// Between two addresses, half the difference of the two ways is taken for the time on the way; the pair
    /// of addresses with most datagrams both ways counts.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Behind> {
        let mut ways: BTreeMap<[SocketAddr; 2], Vec<i64>> = BTreeMap::new();
        for (hash, seen) in &self.seen {
            if let (Some((here, way)), Some(Some((there, _)))) = (seen, other.seen.get(hash)) {
                ways.entry(*way).or_default().push(here.nanos_since(*there));
            }
        }
        let datagrams = ways.values().map(Vec::len).sum();
        ways.values_mut().for_each(|it| it.sort_unstable());
        let both = |(way, there): (&[SocketAddr; 2], &Vec<i64>)| {
            let [from, to] = *way;
            let back = ways.get(&[to, from])?;
            let nanos = median(there)?.midpoint(median(back)?);
            Some((there.len().min(back.len()), nanos))
        };
        if let Some((_, nanos)) = ways.iter().filter_map(both).max_by_key(|(count, _)| *count) {
            return Some(Behind { nanos, datagrams, both_ways: true });
        }
        let nanos = median(ways.values().max_by_key(|it| it.len())?)?;
        Some(Behind { nanos, datagrams, both_ways: false })
    }
}

/// The median.
fn median(sorted: &[i64]) -> Option<i64> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::super::pcapng::{Interface, Resolution, Writer};
    use super::super::{Limits, LinkType, emit_udp};
    use super::*;

    /// A datagram of ann or bob, said by its number, and when it was seen.
    type Seen = (bool, u8, i64);

    fn clock(seen: &[Seen]) -> Clock {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let (link, resolution) = (LinkType::RAW, Resolution::NANOSECONDS);
        writer.interface(Interface { link, snap_length: 0, resolution, name: None }).unwrap();
        let (ann, bob) = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
        for (is_anns, number, at) in seen {
            let (from, to) = if *is_anns { (ann, bob) } else { (bob, ann) };
            let mut frame = Vec::new();
            emit_udp(from, to, &[*number; TELLING], &mut frame);
            writer.packet(0, Timestamp::from_nanos(*at), &frame, 52).unwrap();
        }
        let file = writer.finish().unwrap();
        Clock::read(&mut Datagrams::new(&*file, Limits::default()).unwrap())
    }

    #[test]
    fn the_time_on_the_way_cancels_out_where_both_ways_are_seen() {
        // Bob's clock is 1000 ahead; the way takes 30, once 500.
        let at_ann = clock(&[(true, 1, 5000), (true, 2, 5100), (false, 3, 5230), (true, 4, 5300)]);
        let at_bob = clock(&[(true, 1, 6030), (true, 2, 6600), (false, 3, 6200), (true, 4, 6330)]);
        let behind = |nanos| Some(Behind { nanos, datagrams: 4, both_ways: true });
        assert_eq!(at_ann.compare(&at_bob), behind(-1000));
        assert_eq!(at_bob.compare(&at_ann), behind(1000));
    }

    #[test]
    fn one_way_only_is_said_and_nothing_in_common_tells_nothing() {
        let at_ann = clock(&[(true, 1, 5000), (true, 2, 5100)]);
        let at_bob = clock(&[(true, 1, 6030), (false, 7, 7000)]);
        let told = at_ann.compare(&at_bob);
        assert_eq!(told, Some(Behind { nanos: -1030, datagrams: 1, both_ways: false }));
        assert_eq!(at_ann.compare(&clock(&[(true, 9, 5000)])), None);
    }

    #[test]
    fn datagrams_that_are_alike_tell_nothing() {
        let twice = clock(&[(true, 1, 5000), (true, 1, 5100)]);
        assert_eq!(twice.compare(&clock(&[(true, 1, 6030)])), None);
    }
}
