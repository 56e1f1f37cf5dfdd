//! The clocks of several captures, so that they can be read as one.

use std::path::Path;

use anyhow::bail;

use super::input::{counted, of_capture, open, shown};
use crate::capture::{Behind, Clock, Datagrams, Limits};

/// How many captures are read as one.
const CAPTURES: usize = 64;

/// Nanoseconds by which clocks may differ without a word.
const AGREED: i64 = 1_000_000;

/// A capture that is read together with others, and the nanoseconds to add to its times.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) path: &'a Path,
    pub(super) shift: i64,
    /// Its place among all captures, from 0.
    pub(super) place: u16,
}

/// The captures that can be read as one, by the clock of the first of them: each shares datagrams with another
/// one. Nothing tells how the clocks of others stand to theirs, nor that they show the same network, so that they are
/// read apart. And what to say about it.
pub(super) fn groups<'a>(
    files: &[&'a Path],
    limits: &Limits,
    notes: &mut Vec<String>,
) -> anyhow::Result<Vec<Vec<Part<'a>>>> {
    if files.len() > CAPTURES {
        bail!(
            "{} captures are more than {CAPTURES}, the most that are read at a time",
            files.len()
        );
    }
    let mut waiting = Vec::new();
    for (place, path) in (0..).zip(files) {
        let name = shown(path);
        let mut clock = Clock::default();
        if files.len() > 1 {
            let read = Datagrams::new(open(path)?.0, limits.clone());
            clock = Clock::read(&mut read.map_err(|error| of_capture(&name, &error))?);
        }
        waiting.push((Part { path, shift: 0, place }, name, clock));
    }
    let mut groups = Vec::new();
    while !waiting.is_empty() {
        let mut known = vec![waiting.remove(0)];
        while let Some((place, behind)) = next(&known, &waiting) {
            let (part, name, clock) = waiting.remove(place);
            if behind.nanos.saturating_abs() > AGREED {
                notes.push(told(&name, behind, &known));
            }
            known.push((Part { shift: behind.nanos, ..part }, name, clock));
        }
        if let [(_, name, _)] = &*known
            && files.len() > 1
        {
            notes.push(format!(
                "{name} has no datagram that another capture has, and was read by itself"
            ));
        }
        groups.push(known.into_iter().map(|(part, ..)| part).collect());
    }
    Ok(groups)
}

type Named<'a> = (Part<'a>, String, Clock);

/// A capture that has datagrams of one whose clock is known, and how far it is behind the first one.
fn next(known: &[Named<'_>], waiting: &[Named<'_>]) -> Option<(usize, Behind)> {
    let compared = waiting.iter().enumerate().flat_map(|(place, (_, _, clock))| {
        known.iter().filter_map(move |(part, _, other)| {
            let behind = other.compare(clock)?;
            Some((place, Behind { nanos: behind.nanos.saturating_add(part.shift), ..behind }))
        })
    });
    compared.max_by_key(|(_, behind)| (behind.both_ways, behind.datagrams))
}

fn told(name: &str, behind: Behind, known: &[Named<'_>]) -> String {
    let first = known.first().map_or("", |(_, first, _)| first);
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
