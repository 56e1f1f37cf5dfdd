//! Mutations of a packet, whatever it is.

use super::{Change, Content, Mutated, Subject};
use crate::simulate::Chance;
use crate::wire::layout::Part;
use crate::wire::net_crypto::MAX_DATA_SIZE;

/// The packet ends early: before a field or inside it.
pub(super) fn cut(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, |part| part.offset > 0)?;
    let at = part.offset + chance.index(part.bytes.len());
    let (before, after) = (Content::Size(subject.bytes.len()), Content::Size(at));
    let change = Change { name: "cut", field: part.path().to_string(), before, after };
    Some(Mutated { bytes: subject.bytes.get(..at)?.to_vec(), change })
}

/// More bytes follow: a few, as many as there is room for, or the packet once more.
pub(super) fn trailing(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let room = MAX_DATA_SIZE.checked_sub(subject.bytes.len())?;
    let more = match chance.below(5) {
        0 => vec![0],
        1 => vec![0xff; 2],
        2 => chance.bytes().to_vec(),
        3 => vec![0; room],
        _ => subject.bytes.to_vec(),
    };
    let more = more.get(..room.min(more.len()))?;
    let bytes = [subject.bytes, more].concat();
    let (before, after) = (Content::Size(subject.bytes.len()), Content::Size(bytes.len()));
    let change = Change { name: "trailing", field: String::new(), before, after };
    Some(Mutated { bytes, change })
}

/// One bit is another one, behind the data id.
pub(super) fn bit_flipped(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, |part| part.offset > 0 && !part.bytes.is_empty())?;
    let mut value = part.bytes.to_vec();
    let place = chance.index(value.len());
    *value.get_mut(place)? ^= 1 << chance.below(8);
    Some(other(subject, &part, "bit_flipped", &value))
}

/// Some bytes of a field are zero, or all ones, or anything.
pub(super) fn bytes_overwritten(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, |part| part.offset > 0 && !part.bytes.is_empty())?;
    let from = chance.index(part.bytes.len());
    let size = 1 + chance.index((part.bytes.len() - from).min(8));
    let any = chance.bytes();
    let by = [[0; 32], [0xff; 32], any];
    let by = by.get(chance.index(by.len()))?;
    let mut value = part.bytes.to_vec();
    value.get_mut(from..from + size)?.copy_from_slice(by.get(..size)?);
    Some(other(subject, &part, "bytes_overwritten", &value))
}

fn other(subject: &Subject<'_>, part: &Part<'_>, name: &'static str, value: &[u8]) -> Mutated {
    let (before, after) = (super::field::told(part, part.bytes), super::field::told(part, value));
    let change = Change { name, field: part.path().to_string(), before, after };
    Mutated { bytes: subject.with(part.range(), value), change }
}
