//! The numbers of lossless packets of one direction, before and after they are edited.

use std::collections::BTreeMap;

use super::Recording;
use super::edit::Fate;
use crate::time::Timestamp;

/// Numbers count from the first one that was seen, so that their wrap does not matter.
#[derive(Default)]
pub(super) struct Numbering {
    first: u32,
    /// Packets that stay where they are, by number.
    stay: Vec<i64>,
    /// The same by the time at which they were first sent, each with the greatest number until then.
    by_time: Vec<(Timestamp, i64)>,
    /// Numbers whose packets are no more, or elsewhere.
    gone: Vec<i64>,
    /// Packets that come in, in order: after which number, and when.
    come: Vec<Come>,
    /// Where each of them is.
    places: BTreeMap<Incoming, usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Come {
    after: i64,
    at: Timestamp,
    what: Incoming,
}

/// A packet that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Incoming {
    /// From another place, by its place among the packets.
    Moved(usize),
    /// By its place among those that were added.
    Added(usize),
}

impl Numbering {
    pub(super) fn of(recording: &Recording<'_>, way: usize) -> Self {
        let first = recording.ways.get(way).and_then(|way| way.first).unwrap_or_default();
        let mut numbering = Self { first, ..Self::default() };
        let mut moved = Vec::new();
        let all = recording.packets.iter().zip(&recording.plans).enumerate();
        for (place, (packet, plan)) in all.filter(|(_, (it, _))| it.way == way && it.is_lossless())
        {
            let number = numbering.distance(packet.number);
            if plan.fate == Fate::Removed {
                numbering.gone.push(number);
            } else if plan.shift != 0 {
                numbering.gone.push(number);
                moved.push((packet.at.later(plan.shift), Incoming::Moved(place)));
            } else {
                numbering.stay.push(number);
                numbering.by_time.push((packet.at, number));
            }
        }
        numbering.gone.sort_unstable();
        numbering.stay.sort_unstable();
        numbering.by_time.sort_unstable();
        let mut greatest = i64::MIN;
        for (_, number) in &mut numbering.by_time {
            greatest = greatest.max(*number);
            *number = greatest;
        }
        let added = recording.added.iter().enumerate();
        let added = added.filter(|(_, it)| it.way == way && it.is_lossless());
        let added = added.map(|(place, it)| (it.at, Incoming::Added(place)));
        for (at, what) in moved.into_iter().chain(added) {
            let after = numbering.last_until(at).unwrap_or_else(|| numbering.before_all());
            numbering.come.push(Come { after, at, what });
        }
        numbering.come.sort_unstable();
        let places = numbering.come.iter().enumerate();
        numbering.places = places.map(|(place, it)| (it.what, place)).collect();
        numbering
    }

    fn distance(&self, number: u32) -> i64 {
        i64::from(number.wrapping_sub(self.first).cast_signed())
    }

    fn number(&self, distance: i64) -> u32 {
        // The count is that of 32 bits, however far it goes.
        self.first.wrapping_add(distance as u32)
    }

    fn before_all(&self) -> i64 {
        let least = [self.stay.first(), self.gone.first()];
        least.into_iter().flatten().min().map_or(-1, |least| least - 1)
    }

    /// The greatest number that was sent until then, of those that stay.
    fn last_until(&self, at: Timestamp) -> Option<i64> {
        self.last_of(self.by_time.partition_point(|(sent, _)| *sent <= at))
    }

    fn last_of(&self, count: usize) -> Option<i64> {
        self.by_time.get(count.checked_sub(1)?).map(|(_, number)| *number)
    }

    fn shifted(&self, distance: i64, came: usize) -> i64 {
        let gone = self.gone.partition_point(|gone| *gone < distance);
        let change = i64::try_from(came).unwrap_or(0) - i64::try_from(gone).unwrap_or(0);
        distance + change
    }

    /// The number of a packet that stays.
    pub(super) fn kept(&self, number: u32) -> u32 {
        let distance = self.distance(number);
        let came = self.come.partition_point(|it| it.after < distance);
        self.number(self.shifted(distance, came))
    }

    /// The number of a packet that comes in.
    pub(super) fn incoming(&self, what: Incoming) -> u32 {
        let Some(&place) = self.places.get(&what) else { return self.first };
        let after = self.come.get(place).map_or(-1, |it| it.after);
        self.number(self.shifted(after, place) + 1)
    }

    /// The number of the next packet, at a moment, if it was this one: an acknowledgement, or the number of
    /// a lossy packet.
    pub(super) fn next(&self, number: u32, at: Timestamp) -> u32 {
        let distance = self.distance(number);
        let before = self.stay.partition_point(|stays| *stays < distance);
        let last = before.checked_sub(1).and_then(|last| self.stay.get(last)).copied();
        let last = last.unwrap_or_else(|| self.before_all());
        // What came in behind the last of them counts if it was sent before.
        let counts = |it: &Come| it.after < last || (it.after == last && it.at < at);
        self.number(self.shifted(distance, self.come.partition_point(counts)))
    }

    /// The number of the next packet, at a moment, when all that was sent before counts.
    pub(super) fn next_at(&self, at: Timestamp) -> u32 {
        let last = self.last_of(self.by_time.partition_point(|(sent, _)| *sent < at));
        let last = last.unwrap_or_else(|| self.before_all());
        self.next(self.number(last + 1), at)
    }
}
