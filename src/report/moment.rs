//! Times for people.

use std::fmt;

use crate::time::Timestamp;

/// How times are written for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeStyle {
    /// Date and time, UTC.
    Absolute,
    /// Seconds since the first frame.
    #[default]
    Relative,
    /// Seconds since the record before.
    Delta,
    /// Seconds since 1970.
    Epoch,
}

/// Writes the times of records, one after another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    style: TimeStyle,
    before: Option<Timestamp>,
}

impl Times {
    pub(super) const fn new(style: TimeStyle) -> Self {
        Self { style, before: None }
    }

    /// The time of the next record.
    pub(super) fn of(&mut self, at: Timestamp, rel: i64) -> Time {
        let before = self.before.replace(at).unwrap_or(at);
        match self.style {
            TimeStyle::Absolute => Time::Moment(at),
            TimeStyle::Relative => Time::Nanos(rel),
            TimeStyle::Delta => Time::Nanos(at.nanos_since(before)),
            TimeStyle::Epoch => Time::Nanos(at.as_nanos()),
        }
    }
}

/// A time on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    Moment(Timestamp),
    Nanos(i64),
}

/// Seconds have six places; finer ones are cut.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Moment(at) => at.fmt(f),
            Self::Nanos(nanos) => {
                let sign = if nanos < 0 { "-" } else { "" };
                let micros = nanos.unsigned_abs() / 1000;
                f.pad(&format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_counts_from_its_own_start() {
        let of = |style| {
            let mut times = Times::new(style);
            [(1_000_000_000, 0), (2_500_000_999, 1_500_000_999)]
                .map(|(at, rel)| times.of(Timestamp::from_nanos(at), rel).to_string())
        };
        assert_eq!(of(TimeStyle::Relative), ["0.000000", "1.500000"]);
        assert_eq!(of(TimeStyle::Delta), ["0.000000", "1.500000"]);
        assert_eq!(of(TimeStyle::Epoch), ["1.000000", "2.500000"]);
        assert_eq!(
            of(TimeStyle::Absolute),
            ["1970-01-01T00:00:01.000000Z", "1970-01-01T00:00:02.500000999Z"]
        );
        let back = Times::new(TimeStyle::Relative).of(Timestamp::default(), -1_500_000_000);
        assert_eq!(back.to_string(), "-1.500000");
    }
}
