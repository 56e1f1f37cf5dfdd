//! IP fragments to datagrams, with bounds on number, age and bytes (threats row 4).
//!
//! Bytes that came first win, whatever comes later in their place.

use foldhash::fast::RandomState;
use lru::LruCache;

use super::ip::{Fragment, Packet, Pair};
use crate::capture::{FragmentCounts, Limits, NotUdp};
use crate::time::Timestamp;

/// Most bytes of one datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Most bytes held for all waiting datagrams together.
const MAX_HELD: usize = 16 << 20;

/// Fragments count in units of 8 bytes.
const UNIT: usize = 8;

/// What tells the datagrams of one pair of hosts apart; IPv6 has no protocol in it.
type Key = (Pair, u32, u8);

/// Datagrams that wait for fragments, the oldest first.
pub(in crate::capture) struct Fragments {
    waiting: LruCache<Key, Datagram, RandomState>,
    limit: usize,
    age: i64,
    /// Bytes held in `waiting`.
    held: usize,
    /// The datagram completed last.
    complete: Vec<u8>,
    pub(in crate::capture) counts: FragmentCounts,
}

struct Datagram {
    since: Timestamp,
    /// Protocol of the first fragment's payload.
    protocol: u8,
    bytes: Vec<u8>,
    /// Which units of `bytes` are there, a bit each.
    present: Vec<u64>,
    /// How many bytes are there.
    count: usize,
    /// Length of the whole, once the last fragment came.
    whole: Option<usize>,
    overlap: bool,
}

/// What a fragment led to.
pub(super) enum Added<'a> {
    Waits,
    WaitsWithOverlap,
    Complete { protocol: u8, payload: &'a [u8], overlap: bool },
}

impl Fragments {
    pub(in crate::capture) fn new(limits: &Limits) -> Self {
        Self {
            waiting: LruCache::unbounded_with_hasher(RandomState::default()),
            limit: limits.fragmented_datagrams.max(1),
            age: limits.fragment_age,
            held: 0,
            complete: Vec::new(),
            counts: FragmentCounts::default(),
        }
    }

    /// Adds `packet`, which is this fragment.
    #[cold]
    pub(super) fn add(
        &mut self,
        packet: &Packet<'_>,
        fragment: Fragment,
        at: Timestamp,
    ) -> Result<Added<'_>, NotUdp> {
        let Packet { pair, protocol, payload, .. } = *packet;
        if fragment.truncated {
            return Err(NotUdp::Cut("fragment"));
        }
        if payload.is_empty() || (fragment.more && payload.len() % UNIT != 0) {
            return Err(NotUdp::Malformed("length of a fragment"));
        }
        if fragment.offset + payload.len() > MAX_DATAGRAM {
            return Err(NotUdp::Malformed("fragment beyond 65535 bytes"));
        }
        self.drop_old(at);
        let key = (pair, fragment.id, if matches!(pair, Pair::V4(..)) { protocol } else { 0 });
        let datagram = match self.waiting.peek_mut(&key) {
            Some(datagram) => datagram,
            None => {
                self.waiting.put(key, Datagram::new(at, protocol));
                self.waiting.peek_mut(&key).expect("it was put there just now")
            }
        };
        let before = datagram.bytes.len();
        let overlap = datagram.insert(fragment, payload, protocol);
        self.held += datagram.bytes.len() - before;
        if datagram.whole == Some(datagram.count) {
            let datagram = self.waiting.pop(&key).expect("it was found just now");
            self.held -= datagram.bytes.len();
            self.counts.completed += 1;
            self.complete = datagram.bytes;
            let (protocol, overlap) = (datagram.protocol, datagram.overlap);
            return Ok(Added::Complete { protocol, payload: &self.complete, overlap });
        }
        while self.waiting.len() > self.limit || self.held > MAX_HELD {
            self.drop_oldest();
        }
        Ok(if overlap { Added::WaitsWithOverlap } else { Added::Waits })
    }

    fn drop_old(&mut self, now: Timestamp) {
        while let Some((_, oldest)) = self.waiting.peek_lru() {
            if now.nanos_since(oldest.since) <= self.age {
                return;
            }
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, datagram)) = self.waiting.pop_lru() {
            self.held -= datagram.bytes.len();
            self.counts.given_up += 1;
        }
    }
}

impl Datagram {
    fn new(since: Timestamp, protocol: u8) -> Self {
        Self {
            since,
            protocol,
            bytes: Vec::new(),
            present: Vec::new(),
            count: 0,
            whole: None,
            overlap: false,
        }
    }

    /// Takes over the bytes that are not there yet; true if others differ.
    fn insert(&mut self, fragment: Fragment, payload: &[u8], protocol: u8) -> bool {
        let end = fragment.offset + payload.len();
        let contradicts = match (self.whole, fragment.more) {
            (Some(whole), true) => end > whole,
            (Some(whole), false) => end != whole,
            (None, true) => false,
            (None, false) => end < self.bytes.len(),
        };
        if contradicts {
            self.overlap = true;
            return true;
        }
        if !fragment.more {
            self.whole = Some(end);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.present.resize(end.div_ceil(UNIT * 64), 0);
        }
        if fragment.offset == 0 && self.present.first().is_none_or(|word| word & 1 == 0) {
            self.protocol = protocol;
        }
        let mut differs = false;
        let there = self.bytes.get_mut(fragment.offset..end).unwrap_or_default();
        for (index, (old, new)) in there.chunks_mut(UNIT).zip(payload.chunks(UNIT)).enumerate() {
            let unit = fragment.offset / UNIT + index;
            let Some(word) = self.present.get_mut(unit / 64) else { break };
            if *word >> (unit % 64) & 1 == 1 {
                differs |= old != new;
            } else {
                *word |= 1 << (unit % 64);
                old.copy_from_slice(new);
                self.count += new.len();
            }
        }
        self.overlap |= differs;
        differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::capture::bytes::Order;
    use crate::capture::testing::{
        Bytes, frames, ipv4, ipv6, ipv6_fragment, outcome, read_with, udp,
    };

    const MORE: u16 = 0x2000;

    /// What fragments of IPv4 give one after the other: id, place in units, more, bytes.
    fn v4(fragments: &[(u16, u16, bool, &[u8])]) -> Vec<Result<(Vec<u8>, &'static str), NotUdp>> {
        let packets: Vec<_> = fragments
            .iter()
            .map(|&(id, unit, more, part)| {
                ipv4(17, id, if more { unit | MORE } else { unit }, part)
            })
            .collect();
        frames(LinkType::RAW, &packets).into_iter().map(outcome).collect()
    }

    fn segment(length: usize) -> (Vec<u8>, Vec<u8>) {
        let payload: Vec<_> = (0..length).map(|byte| byte as u8).collect();
        (udp(&payload), payload)
    }

    const WAITS: Result<(Vec<u8>, &str), NotUdp> = Err(NotUdp::Fragment);

    #[test]
    fn fragments_in_any_order_make_the_datagram_at_the_last_one() {
        let (s, payload) = segment(30);
        let parts: [(u16, u16, bool, &[u8]); 3] =
            [(1, 0, true, &s[..16]), (1, 2, true, &s[16..32]), (1, 4, false, &s[32..])];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let given = v4(&order.map(|index| parts[index]));
            assert_eq!(given, [WAITS, WAITS, Ok((payload.clone(), ""))]);
        }
    }

    #[test]
    fn datagrams_with_other_numbers_are_kept_apart() {
        let (s, payload) = segment(8);
        let given = v4(&[
            (1, 0, true, &s[..8]),
            (2, 0, true, &s[..8]),
            (2, 1, false, &s[8..]),
            (1, 1, false, &s[8..]),
        ]);
        let whole = Ok((payload, ""));
        assert_eq!(given, [WAITS, WAITS, whole.clone(), whole]);
    }

    #[test]
    fn repeated_fragments_change_nothing() {
        let (s, payload) = segment(8);
        let given = v4(&[(1, 0, true, &s[..8]), (1, 0, true, &s[..8]), (1, 1, false, &s[8..])]);
        assert_eq!(given, [WAITS, WAITS, Ok((payload, ""))]);
    }

    #[test]
    fn bytes_that_came_first_win_and_a_differing_overlap_is_told() {
        let (s, payload) = segment(24);
        let other = [0xee; 16];
        let given = v4(&[(1, 0, true, &s[..16]), (1, 1, true, &other), (1, 3, false, &s[24..])]);
        let mut expected = payload;
        expected[8..16].fill(0xee);
        assert_eq!(given, [WAITS, Err(NotUdp::FragmentOverlap), Ok((expected, "overlap"))]);
    }

    #[test]
    fn ends_that_contradict_each_other_are_told_and_left_out() {
        let (s, payload) = segment(16);
        let told = Err(NotUdp::FragmentOverlap);
        let given = v4(&[
            (1, 2, false, &s[16..]),
            (1, 2, false, &s[16..20]),
            (1, 2, true, &[0; 16]),
            (1, 0, true, &s[..16]),
        ]);
        assert_eq!(given, [WAITS, told.clone(), told.clone(), Ok((payload, "overlap"))]);
        let given = v4(&[(2, 3, true, &[0; 8]), (2, 1, false, &s[..16])]);
        assert_eq!(given, [WAITS, told]);
    }

    #[test]
    fn impossible_fragments_are_malformed() {
        let length = Err(NotUdp::Malformed("length of a fragment"));
        let beyond = Err(NotUdp::Malformed("fragment beyond 65535 bytes"));
        let given = v4(&[(1, 0, true, &[0; 7]), (1, 1, false, &[]), (1, 8190, false, &[0; 16])]);
        assert_eq!(given, [length.clone(), length, beyond]);
        let whole = ipv4(17, 1, MORE, &[0; 16]);
        let given = frames(LinkType::RAW, &[whole[..30].to_vec()]).remove(0);
        assert_eq!(outcome(given), Err(NotUdp::Cut("fragment")));
    }

    #[test]
    fn the_largest_datagram_is_put_together() {
        let (s, payload) = segment(65_507);
        let parts: Vec<_> = s
            .chunks(1480)
            .enumerate()
            .map(|(index, part)| (9, index as u16 * 185, index != s.len() / 1480, part))
            .collect();
        assert_eq!(v4(&parts).pop(), Some(Ok((payload, ""))));
    }

    #[test]
    fn ipv6_goes_on_with_the_headers_behind_its_fragments() {
        let (s, payload) = segment(16);
        let inner = [&[17, 0, 1, 4, 0, 0, 0, 0], &*s].concat();
        let fragment = |next, at: usize, to: usize, more| {
            ipv6(44, &ipv6_fragment(next, 5, at as u16, more, &inner[at..to]))
        };
        let given = frames(
            LinkType::RAW,
            &[
                fragment(6, 16, 32, false), // only the first fragment's next header counts
                fragment(60, 0, 16, true),
            ],
        );
        let given: Vec<_> = given.into_iter().map(outcome).collect();
        assert_eq!(given, [WAITS, Ok((payload, ""))]);

        let nested = ipv6_fragment(17, 1, 8, true, &[0; 8]);
        let given = frames(
            LinkType::RAW,
            &[
                ipv6(44, &ipv6_fragment(44, 5, 0, true, &nested[..8])),
                ipv6(44, &ipv6_fragment(44, 5, 8, false, &nested[8..])),
            ],
        );
        let given: Vec<_> = given.into_iter().map(outcome).collect();
        assert_eq!(given, [WAITS, Err(NotUdp::Malformed("fragment inside a fragment"))]);
    }

    /// First fragments of datagrams, a second apart; then the rest of the first.
    fn stale(limits: Limits, count: u16) -> Result<(Vec<u8>, &'static str), NotUdp> {
        let (s, _) = segment(8);
        let mut file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, 101);
        for id in 0..count {
            file = file.record(id.into(), 0, &ipv4(17, id, MORE, &s[..8]));
        }
        file = file.record(u32::from(count) - 1, 0, &ipv4(17, 0, 1, &s[8..]));
        let (mut seen, error) = read_with(&*file.bytes, limits);
        assert_eq!(error, None);
        outcome(seen.pop().unwrap())
    }

    #[test]
    fn datagrams_that_wait_too_long_or_are_too_many_are_given_up() {
        let limits = Limits::default;
        assert!(stale(limits(), 31).is_ok());
        assert_eq!(stale(limits(), 32), WAITS);
        let young = || Limits { fragment_age: i64::MAX, ..limits() };
        assert!(stale(young(), 1024).is_ok());
        assert_eq!(stale(young(), 1025), WAITS);
        assert!(stale(Limits { fragmented_datagrams: 2, ..limits() }, 2).is_ok());
        assert_eq!(stale(Limits { fragmented_datagrams: 2, ..limits() }, 3), WAITS);
    }

    #[test]
    fn memory_is_bounded_whatever_the_fragments_claim() {
        let limits = Limits { fragment_age: i64::MAX, ..Limits::default() };
        let mut fragments = Fragments::new(&limits);
        let payload = [0; 8];
        for id in 0..5000 {
            let pair = Pair::V4([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
            let fragment = Fragment { id, offset: 65_512, more: true, truncated: false };
            let packet = Packet {
                pair,
                protocol: 17,
                payload: &payload,
                missing: 0,
                fragment: Some(fragment),
            };
            let added = fragments.add(&packet, fragment, Timestamp::default());
            assert!(matches!(added, Ok(Added::Waits)));
            assert!(fragments.held <= MAX_HELD && fragments.waiting.len() <= 1024);
        }
        assert_eq!(fragments.held, fragments.waiting.len() * 65_520);
        assert_eq!(fragments.counts.given_up, 5000 - fragments.waiting.len() as u64);
    }
}
