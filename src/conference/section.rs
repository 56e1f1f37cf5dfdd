//! Reading the conferences section of a save file, damaged or not (R-205, packets §12.2).
//!
//! Records follow each other without a count; all integers are little-endian:
//!
//! | Bytes | Field                                          |
//! |------:|------------------------------------------------|
//! |     1 | conference type                                |
//! |    32 | conference id                                  |
//! |     4 | message number                                 |
//! |     2 | lossy message number                           |
//! |     2 | own peer number                                |
//! |     4 | number of saved peers                          |
//! |     1 | length of the title, 0 to 128                  |
//! |     … | title                                          |
//! |     … | saved peers                                    |
//!
//! A saved peer:
//!
//! | Bytes | Field                                          |
//! |------:|------------------------------------------------|
//! |    32 | real key                                       |
//! |    32 | DHT key                                        |
//! |     2 | peer number                                    |
//! |     8 | last active, in seconds                        |
//! |     1 | length of the name, 0 to 128                   |
//! |     … | name                                           |

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::endpoint::MAX_GROUPS;
use super::{Damage, DamageKind, Seconds};
use crate::wire::{Conference, ConferenceId, ConferenceType, MAX_NAME_SIZE, PeerNumber, PublicKey};

/// Size in bytes of a record without title and peers; fewer bytes at the end are ignored.
pub(super) const RECORD_SIZE: usize = 46;
/// Size in bytes of a saved peer without a name.
pub(super) const SAVED_PEER_SIZE: usize = 75;
/// Saved peers that are looked at while the next record is searched behind a damaged one.
const SEARCH_BUDGET: usize = 1 << 20;

/// One record of the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedConference<'a> {
    /// Where it begins, in bytes from the start of the section.
    pub offset: usize,
    /// Type and id.
    pub conference: Conference,
    /// As it is stored: 65536 ahead of the last one used (R-203, D-061).
    pub message_number: u32,
    /// As it is stored: 8192 ahead of the next one.
    pub lossy_number: u16,
    /// The owner's number.
    pub own_number: PeerNumber,
    /// 0 to 128 bytes.
    pub title: &'a [u8],
    /// All peers but the owner.
    pub peers: SavedPeers<'a>,
}

/// The peers of a record, read as they are asked for.
#[derive(Clone, Copy)]
pub struct SavedPeers<'a> {
    /// At the first peer; all are known to be readable.
    reader: Reader<'a>,
    count: u32,
    /// Bytes before the section, by which offsets are moved.
    before: usize,
}

impl<'a> SavedPeers<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One after another, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = SavedPeer<'a>> + use<'a> {
        let Self { mut reader, count, before } = *self;
        (0..count).map_while(move |_| {
            let peer = reader.peer().ok()?;
            Some(SavedPeer { offset: peer.offset + before, ..peer })
        })
    }
}

impl PartialEq for SavedPeers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

impl Eq for SavedPeers<'_> {}

impl fmt::Debug for SavedPeers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// One peer of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedPeer<'a> {
    /// Where it begins, in bytes from the start of the section.
    pub offset: usize,
    /// Its real key.
    pub real_key: PublicKey,
    /// Its DHT key.
    pub dht_key: PublicKey,
    /// Its number.
    pub number: PeerNumber,
    /// When it was last active.
    pub last_active: Seconds,
    /// 0 to 128 bytes.
    pub name: &'a [u8],
}

/// A section as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section<'a> {
    /// The records that can be read.
    pub conferences: Vec<SavedConference<'a>>,
    /// What is wrong, in order of the offsets.
    pub damage: Vec<Damage>,
}

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
struct Reader<'a> {
    section: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    fn left(&self) -> usize {
        self.section.len().saturating_sub(self.offset)
    }

    fn fail(&self, field: &'static str, kind: DamageKind) -> Damage {
        Damage { offset: self.offset, field, kind }
    }

    fn take(&mut self, size: usize, field: &'static str) -> Result<&'a [u8], Damage> {
        let end = self.offset.checked_add(size);
        let Some(bytes) = end.and_then(|end| self.section.get(self.offset..end)) else {
            let (needs, left) = (size as u64, self.left());
            return Err(self.fail(field, DamageKind::PastTheEnd { needs, left }));
        };
        self.offset += size;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Damage> {
        let bytes = self.take(N, field)?;
        Ok(*bytes.first_chunk().expect("as many bytes were taken"))
    }

    /// A length of one byte and as many bytes, at most 128.
    fn text(&mut self, field: &'static str) -> Result<&'a [u8], Damage> {
        let at = *self;
        let [length] = self.array(field)?;
        if usize::from(length) > MAX_NAME_SIZE {
            return Err(at.fail(field, DamageKind::TooLong(length)));
        }
        self.take(usize::from(length), field)
    }

    fn peer(&mut self) -> Result<SavedPeer<'a>, Damage> {
        let offset = self.offset;
        Ok(SavedPeer {
            offset,
            real_key: PublicKey(self.array("peer.real_key")?),
            dht_key: PublicKey(self.array("peer.dht_key")?),
            number: PeerNumber(u16::from_le_bytes(self.array(PEER_NUMBER)?)),
            last_active: Seconds::from_le_bytes(self.array("peer.last_active")?),
            name: self.text("peer.name")?,
        })
    }

    fn record(&mut self, budget: &mut usize) -> Result<SavedConference<'a>, Damage> {
        let offset = self.offset;
        let [kind] = self.array("conference_type")?;
        let id = ConferenceId(self.array("conference_id")?);
        let message_number = u32::from_le_bytes(self.array("message_number")?);
        let lossy_number = u16::from_le_bytes(self.array("lossy_number")?);
        let own_number = PeerNumber(u16::from_le_bytes(self.array("own_peer_number")?));
        let at = *self;
        let count = u32::from_le_bytes(self.array("peer_count")?);
        let title = self.text("title")?;
        if count as usize > self.left() / SAVED_PEER_SIZE {
            // Told before any of them is looked for.
            let needs = u64::from(count) * SAVED_PEER_SIZE as u64;
            let left = self.left();
            return Err(at.fail("peer_count", DamageKind::PastTheEnd { needs, left }));
        }
        let peers = SavedPeers { reader: *self, count, before: 0 };
        for _ in 0..count {
            *budget = budget.saturating_sub(1);
            self.peer()?;
        }
        let conference = Conference { kind: ConferenceType(kind), id };
        Ok(SavedConference {
            offset,
            conference,
            message_number,
            lossy_number,
            own_number,
            title,
            peers,
        })
    }

    /// The places in a range where a record of a known type could begin.
    fn places(self, range: Range<usize>) -> impl Iterator<Item = Self> {
        let begins = move |offset: &usize| self.section.get(*offset).is_some_and(|kind| *kind <= 1);
        range.filter(begins).map(move |offset| Self { offset, ..self })
    }

    /// The first of them from which on there are only sound records, and at least one.
    fn sound_place(self, range: Range<usize>, budget: &mut usize) -> Option<Self> {
        let mut places = self.places(range);
        places.find(|place| place.left() >= RECORD_SIZE && place.is_sound(budget))
    }

    /// From here to the end there are only records that can be read, and that look like some.
    fn is_sound(self, budget: &mut usize) -> bool {
        self.is_whole(budget, |record| record.is_plausible())
    }

    /// From here to the end there are only records that can be read and are `right`.
    fn is_whole(
        mut self,
        budget: &mut usize,
        right: impl Fn(&SavedConference<'a>) -> bool,
    ) -> bool {
        while self.left() >= RECORD_SIZE {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            if !self.record(budget).is_ok_and(|record| right(&record)) {
                return false;
            }
        }
        true
    }
}

/// The field of a peer's number, and how far into the record of the peer it is.
const PEER_NUMBER: &str = "peer.peer_number";
const PEER_NUMBER_AT: usize = 64;

impl SavedConference<'_> {
    /// peers that contradict the owner or each other, with their index. R-155: an owner is
    /// no peer of itself.
    #[must_use]
    pub fn contradictions(&self, owner: Option<&PublicKey>) -> Vec<(usize, Damage)> {
        let (mut numbers, mut keys) = (BTreeSet::new(), BTreeSet::new());
        let mut found = Vec::new();
        for (index, peer) in self.peers.iter().enumerate() {
            let (field, kind) = if Some(&peer.real_key) == owner {
                ("peer.real_key", DamageKind::OwnKey)
            } else if peer.number == self.own_number {
                (PEER_NUMBER, DamageKind::OwnNumber(peer.number))
            } else if !numbers.insert(peer.number) {
                (PEER_NUMBER, DamageKind::DuplicateNumber(peer.number))
            } else if !keys.insert(peer.real_key) {
                ("peer.real_key", DamageKind::DuplicateKey)
            } else {
                continue;
            };
            let inside = if field == PEER_NUMBER { PEER_NUMBER_AT } else { 0 };
            found.push((index, Damage { offset: peer.offset + inside, field, kind }));
        }
        found
    }

    /// The conference was there before.
    pub(super) fn duplicate(&self) -> Damage {
        let kind = DamageKind::DuplicateConference;
        Damage { offset: self.offset + 1, field: "conference_id", kind }
    }

    fn is_known_type(&self) -> bool {
        [ConferenceType::TEXT, ConferenceType::AUDIO].contains(&self.conference.kind)
    }

    /// It looks like something that was written, not like the middle of something else.
    fn is_plausible(&self) -> bool {
        let zero = |bytes: &[u8; 32]| bytes == &[0; 32];
        self.is_known_type()
            && !zero(&self.conference.id.0)
            && self.peers.iter().all(|peer| !zero(&peer.real_key.0) && peer.last_active >> 40 == 0)
    }
}

impl<'a> Section<'a> {
    /// Reads a section. Nothing in it makes the rest unreadable: if it cannot be read
    /// from the first to the last record, then the next one is searched behind each that cannot
    /// be read or reads like nonsense.
    #[must_use]
    pub fn parse(section: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut reader = Reader { section, offset: 0 };
        let mut budget = SEARCH_BUDGET;
        let mut unlimited = usize::MAX;
        let whole = reader.is_whole(&mut unlimited, |record| record.is_known_type());
        while reader.left() >= RECORD_SIZE {
            let start = reader;
            if found.conferences.len() == MAX_GROUPS {
                found.damage.push(start.fail("conference", DamageKind::TooManyConferences));
                return found;
            }
            let mut all = usize::MAX;
            match reader.record(&mut all) {
                Ok(record) if record.is_known_type() => {
                    let fits = whole || record.is_plausible() && reader.is_sound(&mut budget);
                    let inside = start.offset + 1..reader.offset;
                    match (!fits).then(|| start.sound_place(inside, &mut budget)).flatten() {
                        Some(next) => {
                            found.damage.push(start.fail("conference", DamageKind::Overlaps));
                            reader = next;
                        }
                        None => found.conferences.push(record),
                    }
                }
                Ok(record) => {
                    let kind = DamageKind::UnknownType(record.conference.kind.0);
                    found.damage.push(start.fail("conference_type", kind));
                    // Either only the type is wrong, or all of this is no record.
                    if !reader.is_sound(&mut budget) {
                        reader = found.skip_to_next(start, &mut budget);
                    }
                }
                Err(damage) => {
                    found.damage.push(damage);
                    reader = found.skip_to_next(start, &mut budget);
                }
            }
        }
        found.end_at(reader)
    }

    /// Reads a section as the original does: record after record, up to the first that cannot be
    /// read.
    pub(super) fn in_sequence(section: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut reader = Reader { section, offset: 0 };
        let mut unlimited = usize::MAX;
        while reader.left() >= RECORD_SIZE {
            let start = reader;
            match reader.record(&mut unlimited) {
                Ok(record) if record.is_known_type() => found.conferences.push(record),
                Ok(record) => {
                    let kind = DamageKind::UnknownType(record.conference.kind.0);
                    found.damage.push(start.fail("conference_type", kind));
                }
                Err(damage) => {
                    found.damage.push(damage);
                    return found;
                }
            }
        }
        found.end_at(reader)
    }

    fn end_at(mut self, reader: Reader<'_>) -> Self {
        if reader.left() > 0 {
            self.damage.push(reader.fail("conference", DamageKind::Trailing(reader.left())));
        }
        self
    }

    /// The section as part of a file, with so many bytes before it.
    pub(super) fn behind(mut self, before: usize) -> Self {
        for record in &mut self.conferences {
            record.offset += before;
            record.peers.before += before;
        }
        for damage in &mut self.damage {
            damage.offset += before;
        }
        self
    }

    /// conferences that were there before, and what contradicts inside of them, in order.
    #[must_use]
    pub fn contradictions(&self, owner: Option<&PublicKey>) -> Vec<Damage> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for record in &self.conferences {
            if !seen.insert(record.conference) {
                found.push(record.duplicate());
            }
            found.extend(record.contradictions(owner).into_iter().map(|(_, damage)| damage));
        }
        found
    }

    /// The next place from which on everything is sound, or else the next sound record.
    fn skip_to_next(&mut self, start: Reader<'a>, budget: &mut usize) -> Reader<'a> {
        let size = start.section.len();
        let behind = start.offset + 1..(size + 1).saturating_sub(RECORD_SIZE);
        let next = start.sound_place(behind.clone(), budget).or_else(|| {
            start.places(behind).find(|place| {
                let mut place = *place;
                let record = (*budget > 0).then(|| place.record(budget));
                let record = record.and_then(Result::ok);
                record.is_some_and(|record| record.is_plausible() && !record.peers.is_empty())
            })
        });
        let next = next.unwrap_or(Reader { offset: size, ..start });
        let skipped = DamageKind::Skipped(next.offset - start.offset);
        self.damage.push(start.fail("conference", skipped));
        next
    }
}
