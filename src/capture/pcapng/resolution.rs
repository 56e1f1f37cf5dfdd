//! Time stamps of an interface: ticks to nanoseconds and back.

use crate::time::Timestamp;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Resolution of an interface's time stamps, as `if_tsresol` writes it: the exponent of a
/// negative power of 10, or of 2 where the highest bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution(pub u8);

impl Resolution {
    /// Microseconds, which also hold where a file says nothing.
    pub const MICROSECONDS: Self = Self(6);
    /// Nanoseconds.
    pub const NANOSECONDS: Self = Self(9);
}

/// How ticks since an interface's epoch become a [`Timestamp`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    scale: Scale,
    /// Seconds to add, from `if_tsoffset`.
    offset: i64,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    /// Nanoseconds in a tick.
    Times(u64),
    /// Ticks in a nanosecond.
    Divided(u64),
    /// Ticks in a second, as a power of 2.
    Binary(u32),
}

impl Clock {
    pub(super) fn new(resolution: Resolution, offset_seconds: i64) -> Self {
        let exponent = u32::from(resolution.0 & 0x7f);
        let power = |exponent| 10_u64.checked_pow(exponent).unwrap_or(u64::MAX);
        let scale = match exponent.checked_sub(9) {
            _ if resolution.0 & 0x80 != 0 => Scale::Binary(exponent),
            // Multiplying takes less than dividing by 1 does.
            None | Some(0) => Scale::Times(power(9 - exponent.min(9))),
            Some(finer) => Scale::Divided(power(finer)),
        };
        Self { scale, offset: offset_seconds }
    }

    /// The moment `ticks` after the interface's epoch, clamped to the range of [`Timestamp`].
    #[inline]
    pub(super) fn moment(self, ticks: u64) -> Timestamp {
        // 2^64 times 10^9 fits 94 bits, and the exponent is at most 127.
        let nanos = match self.scale {
            Scale::Times(nanos) => i128::from(ticks) * i128::from(nanos),
            Scale::Divided(ticks_per_nano) => i128::from(ticks / ticks_per_nano),
            Scale::Binary(exponent) => {
                (i128::from(ticks) * i128::from(NANOS_PER_SECOND)) >> exponent
            }
        };
        let nanos = nanos + i128::from(self.offset) * i128::from(NANOS_PER_SECOND);
        match i64::try_from(nanos) {
            Ok(nanos) => Timestamp::from_nanos(nanos),
            Err(_) if nanos < 0 => Timestamp::MIN,
            Err(_) => Timestamp::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> i64 {
        Clock::new(Resolution(resolution), offset).moment(ticks).as_nanos()
    }

    #[test]
    fn ticks_of_every_resolution_become_nanoseconds() {
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(3, 0, 7), 7_000_000);
        assert_eq!(nanos(6, 0, 7), 7000);
        assert_eq!(nanos(9, 0, 7), 7);
        assert_eq!(nanos(12, 0, 7999), 7);
        assert_eq!(nanos(127, 0, u64::MAX), 1);
        assert_eq!(nanos(0x80, 0, 7), 7_000_000_000);
        assert_eq!(nanos(0x80 | 10, 0, 1536), 1_500_000_000);
        assert_eq!(nanos(0x80 | 127, 0, u64::MAX), 0);
    }

    #[test]
    fn an_offset_is_added_and_what_leaves_the_range_is_clamped() {
        assert_eq!(nanos(6, 10, 1), 10_000_001_000);
        assert_eq!(nanos(6, -10, 1), -9_999_999_000);
        assert_eq!(nanos(0, 0, u64::MAX), i64::MAX);
        assert_eq!(nanos(0x80, 0, u64::MAX), i64::MAX);
        assert_eq!(nanos(9, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(nanos(6, -300_000_000_000, 300_000_000_000_000_007), 7000);
        assert_eq!(nanos(0, -1, u64::MAX), i64::MAX);
        assert_eq!(nanos(9, i64::MIN, 0), i64::MIN);
    }
}
