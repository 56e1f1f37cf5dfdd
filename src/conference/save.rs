//! Saving and loading conferences. The layout is that of `section`.

use super::endpoint::{Endpoint, seconds};
use super::group::{Group, UNLIMITED};
use super::section::{SavedConference, Section};
use super::{Damage, DamageKind, Peer};
use crate::time::Timestamp;
use crate::wire::{GroupNumber, MAX_NAME_SIZE, PeerNumber};

/// How far ahead the message number is in a save.
const MESSAGES_AHEAD: u32 = 65_536;
/// How far ahead the lossy number is in a save; so four reloads go half around.
const LOSSY_AHEAD: u16 = 8_192;
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
    /// In the profile of c-toxcore nothing is loaded if there is damage that it notices (B-06).
    pub fn load(&mut self, at: Timestamp, section: &[u8], numbers: &[GroupNumber]) -> Loaded {
        self.now = self.now.max(seconds(at));
        let parsed = match self.profile.loads_all_or_nothing {
            true => Section::in_sequence(section),
            false => Section::parse(section),
        };
        let mut loaded = Loaded { groups: Vec::new(), damage: parsed.damage };
        let before = self.profile.loads_all_or_nothing.then(|| self.clone());
        for (index, record) in parsed.conferences.iter().enumerate() {
            let wish = numbers.get(index).filter(|_| self.profile.keeps_group_numbers).copied();
            self.load_group(record, wish, &mut loaded);
        }
        loaded.damage.sort_by_key(|damage| damage.offset);
        let fatal = loaded.damage.iter().any(|damage| damage.kind.stops_original());
        if let Some(before) = before.filter(|_| fatal) {
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
        if self.group_of(&record.conference).is_some() {
            return loaded.damage.push(record.duplicate());
        }
        let wish = wish.filter(|number| self.groups.get(*number).is_none());
        let Some(number) = wish.or_else(|| self.groups.free_number()) else {
            let kind = DamageKind::TooManyConferences;
            let damage = Damage { offset: record.offset, field: "conference", kind };
            return loaded.damage.push(damage);
        };
        let mut group = Group::new(number, record.conference, &self.profile);
        group.message_number = record.message_number;
        group.lossy_number = record.lossy_number;
        group.title = record.title.to_vec();
        // what contradicts is left out; R-155.
        let mut contradictions =
            record.contradictions(Some(&self.me.real_key)).into_iter().peekable();
        let (mut peers, mut ours_at) = (Vec::new(), None);
        for (index, saved) in record.peers.iter().enumerate() {
            if let Some((_, damage)) = contradictions.next_if(|(wrong, _)| *wrong == index) {
                loaded.damage.push(damage);
                if damage.kind == DamageKind::OwnKey {
                    ours_at = ours_at.or(Some(peers.len()));
                    // The original thaws such an entry, which schedules a Name.
                    let thawed = saved.number == record.own_number;
                    group.name_scheduled |= thawed && self.profile.own_entry_unprotected;
                }
                continue;
            }
            // nothing is remembered of its messages.
            let mut peer =
                Peer::new(saved.number, saved.real_key, saved.dht_key, saved.last_active);
            peer.name = saved.name.to_vec();
            peer.dht_key_updated = false;
            peer.was_friend = self.connections.is_friend(&saved.real_key);
            peers.push(peer);
        }
        // the last takes the place of who was listed and is not kept.
        if let Some(at) = ours_at
            && let Some(last) = peers.pop()
        {
            peers.insert(at.min(peers.len()), last);
        }
        peers.into_iter().for_each(|peer| group.peers.push_frozen(peer));
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
