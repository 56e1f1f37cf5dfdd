//! Mutations of a list of members (packets §8.3).

use std::ops::Range;

use super::{Change, Content, Mutated, Subject};
use crate::simulate::Chance;
use crate::wire::net_crypto::MAX_DATA_SIZE;
use crate::wire::{Packet, PeerResponse};

/// Where the good entries of a list are.
fn entries(subject: &Subject<'_>) -> Vec<Range<usize>> {
    let Ok(Packet::PeerResponse(response)) = Packet::parse(subject.bytes) else {
        return Vec::new();
    };
    let PeerResponse { entries, .. } = response;
    let mut start = subject.bytes.len() - entries.len();
    let ranges = response.peers().map(|peer| {
        let range = start..start + peer.size();
        start = range.end;
        range
    });
    ranges.collect()
}

fn one(all: &[Range<usize>], chance: &mut Chance) -> Option<Range<usize>> {
    all.get(chance.index(all.len())).cloned()
}

fn changed(name: &'static str, before: usize, after: usize, bytes: Vec<u8>) -> Mutated {
    let (before, after) = (Content::Count(before), Content::Count(after));
    Mutated { bytes, change: Change { name, field: "peers".to_owned(), before, after } }
}

/// An entry is there again, once or as often as there is room.
pub(super) fn entry_repeated(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let all = entries(subject);
    let entry = subject.bytes.get(one(&all, chance)?)?;
    let room = MAX_DATA_SIZE.checked_sub(subject.bytes.len())?;
    let fit = room / entry.len().max(1);
    let more = if chance.happens(750_000) { fit.min(1) } else { fit };
    let at = one(&all, chance)?.end;
    let bytes = subject.with(at..at, &entry.repeat(more));
    Some(changed("entry_repeated", all.len(), all.len() + more, bytes))
}

pub(super) fn entry_removed(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let all = entries(subject);
    let entry = one(&all, chance)?;
    Some(changed("entry_removed", all.len(), all.len() - 1, subject.with(entry, &[])))
}

pub(super) fn entries_swapped(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let all = entries(subject);
    let first = chance.index(all.len().checked_sub(1)?);
    let (one, other) = (all.get(first)?.clone(), all.get(first + 1)?.clone());
    let swapped = [subject.bytes.get(other.clone())?, subject.bytes.get(one.clone())?].concat();
    let bytes = subject.with(one.start..other.end, &swapped);
    Some(changed("entries_swapped", all.len(), all.len(), bytes))
}

/// Two entries have one peer number.
pub(super) fn number_taken_twice(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let all = entries(subject);
    let which = chance.index(all.len());
    let (one, other) = (all.get(which)?.start, one(&all, chance)?.start);
    let number = subject.bytes.get(other..other + 2)?;
    let field = format!("peers[{which}].peer_number");
    let told = |bytes: &[u8]| {
        Content::Number(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    };
    let (before, after) = (told(subject.bytes.get(one..one + 2)?), told(number));
    let change = Change { name: "number_taken_twice", field, before, after };
    Some(Mutated { bytes: subject.with(one..one + 2, number), change })
}
