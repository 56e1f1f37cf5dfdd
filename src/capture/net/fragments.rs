//! IP fragments to datagrams, with bounds on number, age and bytes (threats row 4).
//!
//! Bytes that came first win, whatever comes later in their place.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use lru::LruCache;

use super::ip::{Fragment, Packet};
use crate::capture::{FragmentCounts, Limits, NotUdp};
use crate::time::Timestamp;

/// Most bytes of one datagram.
const MAX_DATAGRAM: usize = 65_535;

/// Most bytes held for all waiting datagrams together.
const MAX_HELD: usize = 16 << 20;

/// Fragments count in units of 8 bytes.
const UNIT: usize = 8;

/// What tells the datagrams of one pair of hosts apart; IPv6 has no protocol in it.
type Key = (IpAddr, IpAddr, u32, u8);

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

    /// Adds the fragment that `packet` is.
    #[cold]
    pub(super) fn add(&mut self, packet: &Packet<'_>, at: Timestamp) -> Result<Added<'_>, NotUdp> {
        let Packet { from, to, protocol, payload, fragment } = *packet;
        let fragment = fragment.ok_or(NotUdp::Malformed("not a fragment"))?;
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
        let key = (from, to, fragment.id, if from.is_ipv4() { protocol } else { 0 });
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
