//! Values that occur, by what they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::layout::{self, Field, Shape};

/// So many values of a sort are remembered.
const MOST: usize = 1024;

/// What values mean: those of one sort can stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Peer,
    Group,
    Message,
    LossyMessage,
    Key,
    Conference,
}

impl Sort {
    pub(super) fn of(field: &Field) -> Option<Self> {
        match field.shape {
            Shape::U16 if field.name.ends_with("peer_number") => Some(Self::Peer),
            Shape::U16 if field.name.ends_with("group_number") => Some(Self::Group),
            Shape::U16 if field.name.ends_with("message_number") => Some(Self::LossyMessage),
            Shape::U32 if field.name.ends_with("message_number") => Some(Self::Message),
            Shape::Key => Some(Self::Key),
            Shape::ConferenceId => Some(Self::Conference),
            _ => None,
        }
    }
}

/// Numbers, keys and ids that occur in conference packets.
#[derive(Clone, Debug, Default)]
pub struct Known {
    values: BTreeMap<Sort, BTreeSet<Vec<u8>>>,
}

impl Known {
    /// Notes what a packet has, from its data id on.
    pub fn note(&mut self, bytes: &[u8]) {
        for part in layout::parts(bytes) {
            if let Some(sort) = Sort::of(part.field)
                && part.field.shape.size() == Some(part.bytes.len())
            {
                let values = self.values.entry(sort).or_default();
                if values.len() < MOST {
                    values.insert(part.bytes.to_vec());
                }
            }
        }
    }

    /// The values of a sort that differ from this one.
    pub(super) fn others(&self, sort: Sort, value: &[u8]) -> Vec<&[u8]> {
        let values = self.values.get(&sort).into_iter().flatten();
        values.map(Vec::as_slice).filter(|it| *it != value).collect()
    }
}
