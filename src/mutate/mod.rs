//! Conference packets, changed by somebody who knows what they mean.
//!
//! A mutation knows its field: numbers go to the edges of their windows or become those of somebody else,
//! texts get the sizes at which receivers decide, lists are cut, lengths lie. Others are of the traffic:
//! packets are lost, repeated, moved, joined by others. Whatever is made can be sealed and sent: it has 1 to
//! 1373 bytes, and stays lossless or lossy.
//!
//! The same seed gives the same mutations.
//!
//! | File      | What                                                  |
//! |-----------|-------------------------------------------------------|
//! | `known`   | values that occur, by what they are                   |
//! | `field`   | mutations of one field                                |
//! | `list`    | mutations of a list of members                        |
//! | `whole`   | mutations of a packet, whatever it is                 |
//! | `traffic` | which packets of a recording are mutated, and how     |

mod field;
mod known;
mod list;
#[cfg(test)]
mod tests;
mod traffic;
mod whole;

pub use known::Known;
pub use traffic::{HowMany, Mutation, traffic};

use crate::simulate::Chance;
use crate::wire::net_crypto::MAX_DATA_SIZE;
use crate::wire::{DataClass, DataId, layout};

/// What a mutation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The mutation's name, in snake case.
    pub name: &'static str,
    /// The field, such as `peers[0].name`; empty if it is the whole packet.
    pub field: String,
    /// What was there.
    pub before: Content,
    /// What is there now.
    pub after: Content,
}

/// What is told of a field, or of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing to be told.
    Nothing,
    /// A number.
    Number(u32),
    /// Bytes that are text most of the time.
    Text(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// How many bytes there are.
    Size(usize),
    /// How many entries of a list there are.
    Count(usize),
    /// Another moment: so many nanoseconds later, or earlier.
    Later(i64),
}

/// A packet that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutated {
    /// Its bytes, data id included: 1 to 1373.
    pub bytes: Vec<u8>,
    /// What was done to it.
    pub change: Change,
}

/// A packet that is about to be changed.
struct Subject<'a> {
    bytes: &'a [u8],
    parts: Vec<layout::Part<'a>>,
    known: &'a Known,
}

impl<'a> Subject<'a> {
    /// The packet with other bytes in a place of it.
    fn with(&self, place: std::ops::Range<usize>, by: &[u8]) -> Vec<u8> {
        let before = self.bytes.get(..place.start).unwrap_or(self.bytes);
        let after = self.bytes.get(place.end..).unwrap_or_default();
        [before, by, after].concat()
    }

    /// One of the parts that are wanted, each equally likely.
    fn one(
        &self,
        chance: &mut Chance,
        wanted: impl Fn(&layout::Part<'a>) -> bool,
    ) -> Option<layout::Part<'a>> {
        let all: Vec<_> = self.parts.iter().copied().filter(wanted).collect();
        all.get(chance.index(all.len())).copied()
    }
}

/// Makes a packet another one; nothing if it finds nothing to change.
type Way = fn(&Subject<'_>, &mut Chance) -> Option<Mutated>;

const WAYS: &[Way] = &[
    field::number_at_edge,
    field::number_near,
    field::number_of_other,
    field::id,
    field::key,
    field::text_size,
    field::text_content,
    field::length_lies,
    list::entry_repeated,
    list::entry_removed,
    list::entries_swapped,
    list::number_taken_twice,
    whole::cut,
    whole::trailing,
    whole::bit_flipped,
    whole::bytes_overwritten,
];

/// Changes a packet, from its data id on, in one of the ways that suit it. Nothing if there is none, as for
/// no bytes at all.
#[must_use]
pub fn packet(bytes: &[u8], known: &Known, chance: &mut Chance) -> Option<Mutated> {
    let subject = Subject { bytes, parts: layout::parts(bytes).collect(), known };
    let mut ways = WAYS.to_vec();
    chance.shuffle(&mut ways);
    let mut tries = ways.into_iter().filter_map(|way| way(&subject, chance));
    tries.find(|made| made.bytes != bytes && can_be_sent(&made.bytes, bytes))
}

/// Whether a packet fits into a datagram, and is lossless or lossy as another is.
fn can_be_sent(bytes: &[u8], instead: &[u8]) -> bool {
    let class = |bytes: &[u8]| bytes.first().map(|id| DataId(*id).class());
    let is_known = matches!(class(bytes), Some(DataClass::Lossless | DataClass::Lossy));
    bytes.len() <= MAX_DATA_SIZE && is_known && class(bytes) == class(instead)
}
