//! The conferences section of a save file (R-200 to R-206, packets §12.2).
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

use super::endpoint::{Endpoint, seconds};
use super::group::{Group, UNLIMITED};
use super::{Peer, Seconds};
use crate::time::Timestamp;
use crate::wire::{
    Conference, ConferenceId, ConferenceType, GroupNumber, MAX_NAME_SIZE, MAX_TITLE_SIZE,
    PeerNumber, PublicKey,
};

/// Size in bytes of a record without title and peers; fewer bytes at the end are ignored.
pub(super) const RECORD_SIZE: usize = 46;
/// Size in bytes of a saved peer without a name.
pub(super) const SAVED_PEER_SIZE: usize = 75;
/// How far ahead the message number is in a save.
const MESSAGES_AHEAD: u32 = 65_536;
/// How far ahead the lossy number is in a save; so four reloads go half around.
const LOSSY_AHEAD: u16 = 8_192;
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
    pub peers: Vec<SavedPeer<'a>>,
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

/// What is wrong in a section, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// In bytes from the start of the section.
    pub offset: usize,
    /// What.
    pub kind: DamageKind,
}

/// What can be wrong in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The title is longer than 128 bytes.
    TitleTooLong(u8),
    /// A name is longer than 128 bytes.
    NameTooLong(u8),
    /// A field runs past the end of the section.
    PastTheEnd(&'static str),
    /// Neither text nor audio.
    UnknownType(u8),
    /// The conference was there before.
    DuplicateConference,
    /// A peer has the owner's number (B-06).
    OwnNumber(PeerNumber),
    /// A peer has the owner's key.
    OwnKey,
    /// A peer's number was there before.
    DuplicateNumber(PeerNumber),
    /// A peer's key was there before.
    DuplicateKey,
    /// The next conference begins inside of what is read as this one.
    Overlaps,
    /// Bytes that were skipped to find the next record.
    Skipped(usize),
    /// Bytes at the end that are too few for a record; receivers ignore them.
    Trailing(usize),
    /// There are 65535 conferences already.
    TooManyConferences,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: ", self.offset)?;
        match self.kind {
            DamageKind::TitleTooLong(length) => {
                write!(f, "the title has {length} bytes, at most {MAX_TITLE_SIZE} allowed")
            }
            DamageKind::NameTooLong(length) => {
                write!(f, "a name has {length} bytes, at most {MAX_NAME_SIZE} allowed")
            }
            DamageKind::PastTheEnd(field) => write!(f, "{field} runs past the end of the section"),
            DamageKind::UnknownType(kind) => write!(f, "{kind} is no type of a conference"),
            DamageKind::DuplicateConference => f.write_str("the conference was there before"),
            DamageKind::OwnNumber(number) => {
                write!(f, "a peer has the owner's number {number}")
            }
            DamageKind::OwnKey => f.write_str("a peer has the owner's key"),
            DamageKind::DuplicateNumber(number) => {
                write!(f, "the peer number {number} was there before")
            }
            DamageKind::DuplicateKey => f.write_str("the peer's key was there before"),
            DamageKind::Overlaps => f.write_str("lengths in the conference lead into the next one"),
            DamageKind::Skipped(bytes) => {
                write!(f, "{bytes} bytes skipped to find the next conference")
            }
            DamageKind::Trailing(bytes) => {
                write!(f, "{bytes} bytes at the end are too few for a conference")
            }
            DamageKind::TooManyConferences => f.write_str("there are 65535 conferences already"),
        }
    }
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

    fn fail(&self, kind: DamageKind) -> Damage {
        Damage { offset: self.offset, kind }
    }

    fn take(&mut self, size: usize, field: &'static str) -> Result<&'a [u8], Damage> {
        let end = self.offset.checked_add(size);
        let bytes = end.and_then(|end| self.section.get(self.offset..end));
        let bytes = bytes.ok_or_else(|| self.fail(DamageKind::PastTheEnd(field)))?;
        self.offset += size;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Damage> {
        let bytes = self.take(N, field)?;
        Ok(*bytes.first_chunk().expect("as many bytes were taken"))
    }

    /// A length of one byte and as many bytes, at most 128.
    fn text(
        &mut self,
        field: &'static str,
        too_long: fn(u8) -> DamageKind,
    ) -> Result<&'a [u8], Damage> {
        let at = *self;
        let [length] = self.array(field)?;
        if usize::from(length) > MAX_NAME_SIZE {
            return Err(at.fail(too_long(length)));
        }
        self.take(usize::from(length), field)
    }

    fn peer(&mut self) -> Result<SavedPeer<'a>, Damage> {
        let offset = self.offset;
        Ok(SavedPeer {
            offset,
            real_key: PublicKey(self.array("a peer's real key")?),
            dht_key: PublicKey(self.array("a peer's DHT key")?),
            number: PeerNumber(u16::from_le_bytes(self.array("a peer's number")?)),
            last_active: Seconds::from_le_bytes(self.array("a peer's last activity")?),
            name: self.text("a peer's name", DamageKind::NameTooLong)?,
        })
    }

    fn record(&mut self, budget: &mut usize) -> Result<SavedConference<'a>, Damage> {
        let offset = self.offset;
        let [kind] = self.array("the type")?;
        let id = ConferenceId(self.array("the id")?);
        let message_number = u32::from_le_bytes(self.array("the message number")?);
        let lossy_number = u16::from_le_bytes(self.array("the lossy message number")?);
        let own_number = PeerNumber(u16::from_le_bytes(self.array("the own peer number")?));
        let at = *self;
        let count = u32::from_le_bytes(self.array("the number of peers")?);
        let title = self.text("the title", DamageKind::TitleTooLong)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > self.left() / SAVED_PEER_SIZE {
            // Told before anything is reserved for them.
            return Err(at.fail(DamageKind::PastTheEnd("the number of peers")));
        }
        let mut peers = Vec::with_capacity(count.min(*budget));
        for _ in 0..count {
            *budget = budget.saturating_sub(1);
            peers.push(self.peer()?);
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

impl SavedConference<'_> {
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
            let mut all = usize::MAX;
            match reader.record(&mut all) {
                Ok(record) if record.is_known_type() => {
                    let fits = whole || record.is_plausible() && reader.is_sound(&mut budget);
                    let inside = start.offset + 1..reader.offset;
                    match (!fits).then(|| start.sound_place(inside, &mut budget)).flatten() {
                        Some(next) => {
                            found.damage.push(start.fail(DamageKind::Overlaps));
                            reader = next;
                        }
                        None => found.conferences.push(record),
                    }
                }
                Ok(record) => {
                    let kind = DamageKind::UnknownType(record.conference.kind.0);
                    found.damage.push(start.fail(kind));
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
        if reader.left() > 0 {
            found.damage.push(reader.fail(DamageKind::Trailing(reader.left())));
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
        self.damage.push(start.fail(DamageKind::Skipped(next.offset - start.offset)));
        next
    }
}

/// What came of loading a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The conferences, in the order of the file.
    pub groups: Vec<GroupNumber>,
    /// What was left out, and why.
    pub damage: Vec<Damage>,
}

impl Endpoint {
    /// The conferences section: every connected conference with all its peers but
    /// ourselves.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for group in self.groups.iter() {
            if let Some(own) = group.own {
                self.save_group(group, own, &mut out);
            }
        }
        out
    }

    fn save_group(&self, group: &Group, own: PeerNumber, out: &mut Vec<u8>) {
        let ahead = self.profile.saves_counters_ahead;
        let (messages, lossy) = if ahead { (MESSAGES_AHEAD, LOSSY_AHEAD) } else { (0, 0) };
        let all = group.peers.active().iter().chain(group.peers.frozen());
        let others = all.filter(|peer| peer.real_key != self.me.real_key);
        let count = u32::try_from(others.clone().count()).expect("there are 65536 numbers");
        out.push(group.conference.kind.0);
        out.extend_from_slice(&group.conference.id.0);
        out.extend_from_slice(&group.message_number.wrapping_add(messages).to_le_bytes());
        out.extend_from_slice(&group.lossy_number.wrapping_add(lossy).to_le_bytes());
        out.extend_from_slice(&own.0.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        put_text(&group.title, out);
        for peer in others {
            out.extend_from_slice(&peer.real_key.0);
            out.extend_from_slice(&peer.dht_key.0);
            out.extend_from_slice(&peer.number.0.to_le_bytes());
            out.extend_from_slice(&peer.last_active.to_le_bytes());
            put_text(&peer.name, out);
        }
    }

    /// Opens the conferences of a section, after friends and name were set.
    ///
    /// Where the profile keeps numbers (D-060), the n-th conference gets the n-th of `numbers`
    /// if that is free; otherwise, numbers are assigned in the order of the file.
    /// In the profile of c-toxcore any damage means that nothing is loaded (B-06).
    pub fn load(&mut self, at: Timestamp, section: &[u8], numbers: &[GroupNumber]) -> Loaded {
        self.now = self.now.max(seconds(at));
        let parsed = Section::parse(section);
        let mut loaded = Loaded { groups: Vec::new(), damage: parsed.damage };
        let before = self.profile.loads_all_or_nothing.then(|| self.clone());
        for (index, record) in parsed.conferences.iter().enumerate() {
            let wish = numbers.get(index).filter(|_| self.profile.keeps_group_numbers).copied();
            self.load_group(record, wish, &mut loaded);
        }
        loaded.damage.sort_by_key(|damage| damage.offset);
        let harmless = |damage: &Damage| matches!(damage.kind, DamageKind::Trailing(_));
        if let Some(before) = before.filter(|_| !loaded.damage.iter().all(harmless)) {
            *self = before;
            loaded.groups.clear();
        }
        loaded
    }

    fn load_group(
        &mut self,
        record: &SavedConference<'_>,
        wish: Option<GroupNumber>,
        loaded: &mut Loaded,
    ) {
        let mut damaged = |offset, kind| loaded.damage.push(Damage { offset, kind });
        if self.group_of(&record.conference).is_some() {
            return damaged(record.offset, DamageKind::DuplicateConference);
        }
        let wish = wish.filter(|number| self.groups.get(*number).is_none());
        let Some(number) = wish.or_else(|| self.groups.free_number()) else {
            return damaged(record.offset, DamageKind::TooManyConferences);
        };
        let mut group = Group::new(number, record.conference, &self.profile);
        group.message_number = record.message_number;
        group.lossy_number = record.lossy_number;
        group.title = record.title.to_vec();
        let (mut seen_numbers, mut seen_keys) = (BTreeSet::new(), BTreeSet::new());
        for saved in &record.peers {
            // what contradicts is left out; R-155.
            let wrong = if saved.number == record.own_number {
                Some(DamageKind::OwnNumber(saved.number))
            } else if saved.real_key == self.me.real_key {
                Some(DamageKind::OwnKey)
            } else if !seen_numbers.insert(saved.number) {
                Some(DamageKind::DuplicateNumber(saved.number))
            } else if !seen_keys.insert(saved.real_key) {
                Some(DamageKind::DuplicateKey)
            } else {
                None
            };
            if let Some(kind) = wrong {
                damaged(saved.offset, kind);
                continue;
            }
            // nothing is remembered of its messages.
            let mut peer =
                Peer::new(saved.number, saved.real_key, saved.dht_key, saved.last_active);
            peer.name = saved.name.to_vec();
            peer.dht_key_updated = false;
            peer.was_friend = self.connections.is_friend(&saved.real_key);
            group.peers.push_frozen(peer);
        }
        // R-158, D-063.
        let saved = u32::try_from(record.peers.len()).unwrap_or(UNLIMITED);
        group.frozen_limit = group.frozen_limit.max(saved);
        let (groups, cx) = self.split();
        group.enter_ourselves(&cx, record.own_number);
        groups.insert(group);
        loaded.groups.push(number);
    }
}

/// A length of one byte and as many bytes.
fn put_text(text: &[u8], out: &mut Vec<u8>) {
    let text = text.get(..MAX_NAME_SIZE).unwrap_or(text);
    out.push(u8::try_from(text.len()).expect("at most 128 bytes"));
    out.extend_from_slice(text);
}
