//! One session of an endpoint, from its side: what it acknowledged when, and what was not captured.

use std::collections::VecDeque;

use super::follower::Key;
use crate::time::Timestamp;

/// How many moments of lossless packets are remembered, and how far apart, in nanoseconds.
const SPOKEN: usize = 64;
const SPOKEN_APART: i64 = 500_000_000;

/// A session of the endpoint that is followed.
pub(super) struct Wire {
    /// Its handshakes were not seen: it is older than the capture.
    pub(super) is_old: bool,
    /// The endpoint's last data packet: when, and which packet of the other side it still waited for.
    pub(super) last_sign: Option<(Timestamp, u32)>,
    /// Received lossless packets that were not acknowledged yet: number, and place in the timeline.
    pub(super) waiting: VecDeque<(u32, Key)>,
    /// The session's beginning, while nothing the endpoint sent tells that it has seen it.
    pub(super) beginning: Option<Key>,
    /// The next lossless number that is expected from the other side, and from the endpoint.
    pub(super) next_heard: Option<u32>,
    pub(super) next_said: Option<u32>,
    /// The latest moment of a lossless packet from the other side: later ones were not handled before.
    pub(super) heard_at: Timestamp,
    /// When the endpoint last sent lossless packets, half a second apart, each later than the one before.
    pub(super) spoken: VecDeque<Timestamp>,
    /// What the endpoint said on it and was not judged yet.
    pub(super) said: VecDeque<Key>,
    /// When the endpoint last noticed a sign of life on it.
    pub(super) alive_at: Option<Timestamp>,
    /// The endpoint ended it.
    pub(super) ended: bool,
    /// Something was received on it; so it is up.
    pub(super) heard: bool,
    /// Something that was received on it went through a relay.
    pub(super) relayed: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            is_old: false,
            last_sign: None,
            waiting: VecDeque::new(),
            beginning: None,
            next_heard: None,
            next_said: None,
            heard_at: Timestamp::from_nanos(i64::MIN),
            spoken: VecDeque::new(),
            said: VecDeque::new(),
            alive_at: None,
            ended: false,
            heard: false,
            relayed: false,
        }
    }
}

impl Wire {
    /// The endpoint sent a lossless packet for the first time.
    pub(super) fn speak(&mut self, at: Timestamp) {
        if self.spoken.back().is_some_and(|last| at.nanos_since(*last) < SPOKEN_APART) {
            return;
        }
        self.spoken.push_back(at);
        if self.spoken.len() > SPOKEN {
            self.spoken.pop_front();
        }
    }

    /// The endpoint sent a lossless packet for the first time between the two.
    pub(super) fn spoke_between(&self, after: Timestamp, before: Timestamp) -> bool {
        let first = self.spoken.partition_point(|at| *at < after);
        self.spoken.get(first).is_some_and(|at| *at <= before)
    }

    /// How many packets before `number` were not captured. `next` is the number that was expected.
    pub(super) fn gap(next: &mut Option<u32>, number: u32, from_the_start: bool) -> u32 {
        let expected = match *next {
            Some(next) => next,
            None if from_the_start => 0,
            None => number,
        };
        let gap = number.wrapping_sub(expected);
        if gap > u32::MAX / 2 {
            // From before: it fills a gap.
            return 0;
        }
        *next = Some(number.wrapping_add(1));
        gap
    }
}

/// `number` comes before `ack`, counting modulo 2^32.
pub(super) const fn is_before(number: u32, ack: u32) -> bool {
    let ahead = ack.wrapping_sub(number);
    ahead != 0 && ahead <= u32::MAX / 2
}
