//! The clocks of several captures, so that they can be read as one.

use std::path::Path;

use anyhow::bail;

use super::input::{counted, of_capture, open, shown};
use crate::capture::{Behind, Clock, Datagrams, Limits};

/// How many captures are read as one.
const CAPTURES: usize = 64;

/// Nanoseconds by which clocks may differ without a word.
const AGREED: i64 = 1_000_000;

/// The nanoseconds to add to the times of each capture, so that they are by the clock of the first one; and what
/// to say about it. A capture is compared with all whose clock is known by then.
pub(super) fn compare(
    files: &[&Path],
    limits: &Limits,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<i64>> {
    if files.len() <= 1 {
        return Ok(vec![0; files.len()]);
    }
    if files.len() > CAPTURES {
        bail!("{} captures are more than {CAPTURES}, the most that are read as one", files.len());
    }
    let mut waiting = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let name = shown(file);
        let read = Datagrams::new(open(file)?.0, limits.clone());
        let mut datagrams = read.map_err(|error| of_capture(&name, &error))?;
        waiting.push((number, name, Clock::read(&mut datagrams)));
    }
    let mut known = vec![(waiting.remove(0), 0)];
    let mut shifts = vec![0; files.len()];
    while let Some((place, behind)) = next(&known, &waiting) {
        let one = waiting.remove(place);
        if behind.nanos.saturating_abs() > AGREED {
            notes.push(told(&one.1, behind, &known));
        }
        if let Some(shift) = shifts.get_mut(one.0) {
            *shift = behind.nanos;
        }
        known.push((one, behind.nanos));
    }
    for (_, name, _) in waiting {
        notes.push(format!(
            "{name} has no datagram that another capture has: its clock is taken to agree with theirs"
        ));
    }
    Ok(shifts)
}

type Named = (usize, String, Clock);

/// A capture that has datagrams of one whose clock is known, and how far it is behind the first one.
fn next(known: &[(Named, i64)], waiting: &[Named]) -> Option<(usize, Behind)> {
    let compared = waiting.iter().enumerate().flat_map(|(place, (_, _, clock))| {
        known.iter().filter_map(move |((_, _, other), shift)| {
            let behind = other.compare(clock)?;
            Some((place, Behind { nanos: behind.nanos.saturating_add(*shift), ..behind }))
        })
    });
    compared.max_by_key(|(_, behind)| (behind.both_ways, behind.datagrams))
}

fn told(name: &str, behind: Behind, known: &[(Named, i64)]) -> String {
    let first = known.first().map_or("", |((_, first, _), _)| first);
    let millis = behind.nanos.saturating_abs() / 1_000_000;
    let seconds = format!("{}.{:03} s", millis / 1000, millis % 1000);
    let direction = if behind.nanos > 0 { "behind" } else { "ahead of" };
    let datagrams = counted(behind.datagrams as u64, "datagram");
    let ways =
        if behind.both_ways { "" } else { ", all one way, so that their time on the way is in it" };
    format!(
        "the clock of {name} is {seconds} {direction} that of {first}, by {datagrams} that two captures have{ways}; \
         times are by the latter"
    )
}
