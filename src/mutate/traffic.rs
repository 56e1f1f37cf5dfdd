//! Which packets of a recording are mutated, and how.

use std::collections::BTreeMap;

use super::{Change, Content, Known, packet};
use crate::reseal::{By, Edit, Packet, Recording};
use crate::simulate::{Chance, MILLISECOND};
use crate::wire::{DataId, Kind};

/// How many packets are mutated, of those that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HowMany {
    /// So many, or all if there are fewer.
    Count(usize),
    /// So many of a million, and at least one.
    PerMillion(u32),
}

/// A packet that was mutated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// Its place among the recording's packets.
    pub place: usize,
    /// What was done.
    pub change: Change,
    /// Its place among the packets that were added, if one was.
    pub added: Option<usize>,
}

/// Mutates conference packets of a recording that are `wanted`, in order. Packets are changed four times of
/// five; else they are lost, repeated, moved or joined by others.
pub fn traffic(
    recording: &mut Recording<'_>,
    seed: u64,
    how_many: HowMany,
    wanted: impl Fn(&Packet) -> bool,
) -> Vec<Mutation> {
    let mut chance = Chance::new(seed);
    let (mut known, mut spans) = (Known::default(), BTreeMap::new());
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for (place, packet) in recording.packets().iter().enumerate() {
        let at = packet.at.as_nanos();
        let span = spans.entry((packet.session, packet.direction)).or_insert((at, at));
        *span = (at.min(span.0), at.max(span.1));
        if packet.kind().is_some() {
            known.note(&packet.bytes);
            all.push(place);
            if wanted(packet) {
                places.push(place);
            }
        }
    }
    let count = match how_many {
        HowMany::Count(count) => count,
        HowMany::PerMillion(part) => {
            let part = places.len() as u64 * u64::from(part) / 1_000_000;
            usize::try_from(part).unwrap_or(usize::MAX).max(1)
        }
    };
    chance.shuffle(&mut places);
    places.truncate(count);
    places.sort_unstable();
    let mut made = Vec::new();
    for place in places {
        let mut hand = Hand { recording, known: &known, all: &all, chance: &mut chance, place };
        let span = hand.packet().map(|packet| (packet.session, packet.direction));
        let span = span.and_then(|way| spans.get(&way)).copied().unwrap_or_default();
        made.extend(hand.mutate(span));
    }
    made
}

/// What lies ready to mutate one packet.
struct Hand<'r, 'c> {
    recording: &'r mut Recording<'c>,
    known: &'r Known,
    /// Places of all conference packets.
    all: &'r [usize],
    chance: &'r mut Chance,
    place: usize,
}

/// What can be done to a packet as a whole.
#[derive(Clone, Copy)]
enum Deed {
    Lose,
    Remove,
    Resend,
    Repeat,
    Move,
    Insert,
    Echo,
    Pad,
}

const DEEDS: [Deed; 8] = [
    Deed::Lose,
    Deed::Remove,
    Deed::Resend,
    Deed::Repeat,
    Deed::Move,
    Deed::Insert,
    Deed::Echo,
    Deed::Pad,
];

impl Hand<'_, '_> {
    fn packet(&self) -> Option<&Packet> {
        self.recording.packets().get(self.place)
    }

    /// `span` is when the first and the last packet of this direction of the session were sent.
    fn mutate(&mut self, span: (i64, i64)) -> Option<Mutation> {
        if self.chance.happens(800_000) {
            let bytes = &self.recording.packets().get(self.place)?.bytes;
            if let Some(mutated) = packet(bytes, self.known, self.chance)
                && self.recording.edit(self.place, Edit::Change(mutated.bytes)).is_ok()
            {
                return Some(Mutation { place: self.place, change: mutated.change, added: None });
            }
        }
        let mut deeds = DEEDS;
        self.chance.shuffle(&mut deeds);
        deeds.into_iter().find_map(|deed| self.deed(deed, span))
    }

    fn deed(&mut self, deed: Deed, (first, last): (i64, i64)) -> Option<Mutation> {
        let packet = self.packet()?.clone();
        let at = packet.at.as_nanos();
        // Nobody opens what is sent before the session begins or after it was replaced.
        let most = last.saturating_sub(at).min(10_000 * MILLISECOND);
        let later = self.chance.between(0, most);
        let (name, after, edit) = match deed {
            Deed::Lose => ("lost", Content::Nothing, Edit::Lose),
            Deed::Remove => ("never_sent", Content::Nothing, Edit::Remove),
            Deed::Resend => ("sent_again", Content::Later(later), Edit::Resend(later)),
            Deed::Move => {
                let least = first.saturating_sub(at).max(-10_000 * MILLISECOND);
                let nanos = self.chance.between(least, most);
                ("moved", Content::Later(nanos), Edit::Shift(nanos))
            }
            Deed::Repeat => {
                let edit = insert(By::Sender, later, packet.bytes);
                ("repeated", Content::Later(later), edit)
            }
            Deed::Echo => {
                let edit = insert(By::Receiver, later, packet.bytes);
                ("echoed", Content::Later(later), edit)
            }
            Deed::Insert => {
                let bytes = self.another(&packet)?;
                let edit = insert(By::Sender, later, bytes.clone());
                ("joined_by", Content::Bytes(bytes), edit)
            }
            Deed::Pad => {
                let sizes = [0, 1, 7, 8, 64, 1024];
                let size = *sizes.get(self.chance.index(sizes.len()))?;
                if size == packet.padding {
                    return None;
                }
                ("padded", Content::Size(size), Edit::Pad(size))
            }
        };
        let before = match deed {
            Deed::Pad => Content::Size(packet.padding),
            _ => Content::Nothing,
        };
        let field = if matches!(deed, Deed::Pad) { "padding" } else { "" }.to_owned();
        let is_unchanged = matches!((deed, &after), (Deed::Move, Content::Later(0)));
        let is_added = matches!(edit, Edit::Insert { .. });
        let added = is_added.then(|| self.recording.added());
        if is_unchanged || self.recording.edit(self.place, edit).is_err() {
            return None;
        }
        Some(Mutation { place: self.place, change: Change { name, field, before, after }, added })
    }

    /// A packet of another kind from anywhere, as if it was meant for the same conference.
    fn another(&mut self, packet: &Packet) -> Option<Vec<u8>> {
        let place = *self.all.get(self.chance.index(self.all.len()))?;
        let other = self.recording.packets().get(place)?;
        if other.kind() == packet.kind() || other.kind() == Some(Kind::Malformed) {
            return None;
        }
        let mut bytes = other.bytes.clone();
        // These begin with the receiver's number of the conference.
        let is_inside = |bytes: &[u8]| {
            let id = bytes.first().map(|id| DataId(*id));
            matches!(
                id,
                Some(
                    DataId::CONFERENCE_DIRECT
                        | DataId::CONFERENCE_MESSAGE
                        | DataId::CONFERENCE_LOSSY
                )
            )
        };
        if is_inside(&bytes) && is_inside(&packet.bytes) {
            bytes.get_mut(1..3)?.copy_from_slice(packet.bytes.get(1..3)?);
        }
        Some(bytes)
    }
}

fn insert(by: By, later: i64, bytes: Vec<u8>) -> Edit {
    Edit::Insert { by, later, bytes, ack: None }
}
