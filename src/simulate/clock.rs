//! The virtual clock, and the clocks that members have.

use crate::conference::Seconds;
use crate::time::Timestamp;

/// Time in a world, and its durations, in nanoseconds; a world begins at 0.
pub type Nanos = i64;

/// One second.
pub const SECOND: Nanos = 1_000_000_000;
/// One millisecond.
pub const MILLISECOND: Nanos = 1_000_000;

/// The moment at which every world begins: 2027-01-15T08:00:00Z, in seconds.
const START: i64 = 1_800_000_000;

/// A moment of a world as others tell time.
#[must_use]
pub const fn timestamp(now: Nanos) -> Timestamp {
    Timestamp::from_nanos((START * SECOND).saturating_add(now))
}

/// A clock that may be wrong and may be too fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// How far ahead it was as the world began.
    pub ahead: Nanos,
    /// How much it gains, in millionths; negative if it loses.
    pub drift: i32,
}

impl Clock {
    /// What it shows at a moment of the world.
    #[must_use]
    pub fn shows(&self, now: Nanos) -> Timestamp {
        let gained = match self.drift {
            0 => 0,
            drift => {
                let gained = i128::from(now) * i128::from(drift) / 1_000_000;
                i64::try_from(gained).unwrap_or(i64::MAX)
            }
        };
        timestamp(now.saturating_add(gained).saturating_add(self.ahead))
    }

    /// The first moment of the world, to the microsecond, at which it shows so many seconds.
    pub(super) fn moment(&self, shown: Seconds) -> Nanos {
        let shown = i64::try_from(shown).unwrap_or(i64::MAX).saturating_mul(SECOND);
        let passed = shown.saturating_sub(START * SECOND).saturating_sub(self.ahead);
        let rate = 1_000_000 + i128::from(self.drift);
        let moment = i128::from(passed) * 1_000_000 / rate.max(1);
        let mut moment = i64::try_from(moment).unwrap_or(i64::MAX);
        while self.shows(moment).as_nanos() < shown && moment < i64::MAX - 1000 {
            moment += 1000;
        }
        moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_shows_a_second_at_the_moment_that_it_names() {
        for (ahead, drift) in [(0, 0), (7 * SECOND + 1, 0), (-90 * SECOND, 300), (5, -20_000)] {
            let clock = Clock { ahead, drift };
            for second in [0, 1, 59, 86_400, 10_000_000] {
                let shown = (START + second) as u64;
                let moment = clock.moment(shown);
                let nanos = |now| clock.shows(now).as_nanos() - shown as i64 * SECOND;
                assert!((0..=2000).contains(&nanos(moment)), "{clock:?} {second}");
                assert!(nanos(moment - 5000) < 0, "{clock:?} {second}");
            }
        }
    }
}
