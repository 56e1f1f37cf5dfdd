//! The capture's clock: which frame comes first, whether somebody set it, and silences that no session keeps.
//!
//! Frames stand in a capture in the order in which they were captured; their times are as fine as the clock
//! was, and jump when it is set. Time as replay counts it never does: where the order of the frames says
//! more than their times, it counts.

use std::collections::BTreeMap;

use super::observation::Why;
use crate::time::Timestamp;
use crate::wire::DataId;

/// Times this near have the order of their frames, in nanoseconds. Fine clocks tell more frames apart than
/// were captured in that time.
const TIED: i64 = 1_000;
/// A clock that is as far behind itself was set, in nanoseconds. Captures of several interfaces mix them up
/// by less.
const SET_BACK: i64 = 50_000_000;
/// Who has a session asks in it every second for what is missing (packets §5.6; c-toxcore does); both of them
/// do. So no capture of sessions is silent for longer than this, in nanoseconds.
const SILENCE: i64 = 1_500_000_000;

/// Tells when the frames of a capture were captured.
pub(super) struct Clock {
    /// The last record: of which file and frame, which time it had, and which moment that was taken for.
    frame: (u16, u64),
    time: Timestamp,
    at: Timestamp,
    /// The latest moment so far.
    latest: Timestamp,
    /// What is added to the capture's times, in nanoseconds.
    behind: i64,
    /// Sessions since the last silence, and when somebody last asked in them for what is missing.
    live: BTreeMap<u32, Timestamp>,
}

/// What happened behind this moment the capture does not tell.
pub(super) struct Gap {
    pub(super) since: Timestamp,
    pub(super) why: Why,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            frame: (0, 0),
            time: Timestamp::MIN,
            at: Timestamp::MIN,
            latest: Timestamp::MIN,
            behind: 0,
            live: BTreeMap::new(),
        }
    }
}

impl Clock {
    /// The moment of the next record, which is of this frame and has this time.
    pub(super) fn read(&mut self, frame: (u16, u64), time: Timestamp) -> (Timestamp, Option<Gap>) {
        let mut at = time.later(self.behind);
        let (before, behind) = (self.latest, self.latest.nanos_since(at));
        let is_set_back = behind > SET_BACK;
        if is_set_back {
            self.behind = self.behind.saturating_add(behind);
            at = before;
        }
        if frame == self.frame
            || time == self.time
            || is_set_back
            || (0..TIED).contains(&self.at.nanos_since(at))
        {
            at = self.at.later(1);
        }
        (self.frame, self.time, self.at) = (frame, time, at);
        self.latest = before.max(at);
        let silent = at.nanos_since(before) > SILENCE;
        let live = if silent { std::mem::take(&mut self.live) } else { BTreeMap::new() };
        let why = if is_set_back {
            Some(Why::Clock)
        } else {
            let is_live = |last: &Timestamp| before.nanos_since(*last) <= SILENCE;
            live.values().any(is_live).then_some(Why::Silence)
        };
        let gap = why.map(|why| Gap { since: before, why });
        (at, gap)
    }

    /// This was sent in a session.
    pub(super) fn hear(&mut self, session: u32, at: Timestamp, id: DataId) {
        match id {
            DataId::PACKET_REQUEST => _ = self.live.insert(session, at),
            DataId::KILL_SESSION => _ = self.live.remove(&session),
            _ => {}
        }
    }
}
