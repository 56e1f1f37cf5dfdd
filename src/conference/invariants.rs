//! What holds after every step, to be checked by tests, fuzz targets and simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::closest::Prefix;
use super::peers::Place;
use super::{Endpoint, Group, Peer};
use crate::wire::{GroupNumber, MAX_NAME_SIZE, MAX_TITLE_SIZE, PublicKey};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its id, such as `I-001`.
    pub id: &'static str,
    /// Where; nothing if it is about the endpoint.
    pub group: Option<GroupNumber>,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)?;
        if let Some(group) = self.group {
            write!(f, " in conference {group}")?;
        }
        write!(f, ": {}", self.found)
    }
}

impl Endpoint {
    /// The invariants that hold after every step but do not now; none, unless there is a bug.
    ///
    /// In the profiles of c-toxcore those that its defects break are left out: I-004 and I-005
    /// (B-05), I-015 (D-052).
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for group in self.groups.iter() {
            let mut report = |id, text: String| {
                found.push(Violation { id, group: Some(group.number), found: text });
            };
            self.check_peers(group, &mut report);
            self.check_ourselves(group, &mut report);
            self.check_slots(group, &mut report);
            self.check_texts(group, &mut report);
        }
        self.check_endpoint(&mut found);
        found
    }

    /// The invariants of the end of a pass (I-009, I-010, I-018), which hold right after a
    /// [`Tick`](super::Input::Tick).
    #[must_use]
    pub fn violations_after_pass(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.ended {
            return found;
        }
        for group in self.groups.iter().filter(|group| group.own.is_some()) {
            let mut report = |id, text: String| {
                found.push(Violation { id, group: Some(group.number), found: text });
            };
            if !group.closest.is_changed() {
                self.check_closest(group, &mut report);
            }
            if !self.profile.time_out_skips {
                let late = |peer: &&Peer| {
                    peer.real_key != self.me.real_key
                        && peer.last_active.saturating_add(super::FREEZE_TIMEOUT) <= self.now
                };
                if let Some(peer) = group.peers.active().iter().find(late) {
                    report("I-018", format!("peer {} should be frozen", peer.number));
                }
            }
        }
        found
    }

    fn check_peers(&self, group: &Group, report: &mut impl FnMut(&'static str, String)) {
        let mut lost = false;
        for (peer, place) in placed(group) {
            // A number and a key lead to one place: who is found there is the only one who has them.
            if group.peers.find(peer.number) != Some(place)
                || group.peers.find_key(&peer.real_key) != Some(place)
            {
                lost = true;
                report("I-003", format!("peer {} is not found", peer.number));
            }
            if matches!(place, Place::Active(_)) && peer.last_active > self.now {
                report("I-018", format!("peer {} was active in the future", peer.number));
            }
            // So they are pairwise different, unless they go round the ring (docs/divergences.md).
            let kept = peer.remembered();
            let ordered = kept.is_sorted_by(|a, b| super::duplicates::is_newer(*a, *b));
            let modern = self.profile.duplicates == super::Duplicates::Wrapping;
            if modern && !ordered {
                let kept: Vec<_> = peer.remembered().collect();
                report("I-014", format!("peer {} has the numbers {kept:?}", peer.number));
            }
        }
        if lost {
            check_twins(group, report);
        }
        if group.peers.frozen().len() > group.frozen_limit as usize {
            report("I-012", format!("{} peers are frozen", group.peers.frozen().len()));
        }
    }

    fn check_ourselves(&self, group: &Group, report: &mut impl FnMut(&'static str, String)) {
        if self.profile.own_entry_unprotected {
            return;
        }
        let place = group.peers.find_key(&self.me.real_key);
        let entry = place.and_then(|place| group.peers.get(place));
        let number = entry.map(|peer| peer.number);
        if !self.profile.own_name_from_wire
            && let Some(entry) = entry.filter(|entry| entry.name != self.me.name)
        {
            report("I-004", format!("we are called \"{}\"", entry.name.escape_ascii()));
        }
        match (group.own, place) {
            (_, Some(Place::Frozen(_))) => report("I-005", "we are frozen".into()),
            (None, None) => {}
            (None, Some(Place::Active(_))) => report("I-006", "we are listed while joining".into()),
            (Some(_), None) => report("I-004", "we are not listed".into()),
            (Some(own), Some(Place::Active(_))) => {
                if number != Some(own) {
                    report("I-004", format!("we are {own} and listed as {number:?}"));
                }
            }
        }
    }

    fn check_slots(&self, group: &Group, report: &mut impl FnMut(&'static str, String)) {
        // There is room for no more than 16.
        for slot in group.slots.iter() {
            if group.slots.iter().filter(|other| other.friend == slot.friend).count() > 1 {
                report("I-007", format!("two slots on the connection to {}", slot.friend));
            }
            if slot.reasons.is_empty() {
                report("I-008", format!("the slot to {} has no reason", slot.friend));
            }
            if slot.online && slot.group_number.is_none() {
                report("I-016", format!("the number at {} is not known", slot.friend));
            }
            if slot.online && !self.connections.is_up(&slot.friend) {
                report("I-017", format!("the connection to {} is down", slot.friend));
            }
        }
        for key in group.closest.keys() {
            let active = matches!(group.peers.find_key(key), Some(Place::Active(_)));
            if !active || *key == self.me.real_key && !self.profile.own_entry_unprotected {
                report("I-010", format!("{key} is among the closest and not an active peer"));
            }
        }
    }

    fn check_texts(&self, group: &Group, report: &mut impl FnMut(&'static str, String)) {
        let all = group.peers.active().iter().chain(group.peers.frozen());
        if all.clone().any(|peer| peer.name.len() > MAX_NAME_SIZE) {
            report("I-013", "a name is too long".into());
        }
        if group.title.len() > MAX_TITLE_SIZE {
            report("I-013", "the title is too long".into());
        }
        if group.title_fresh && !group.has_others() && self.profile.freshness_at_once {
            report("I-015", "the title is fresh although nobody else is active".into());
        }
    }

    fn check_closest(&self, group: &Group, report: &mut impl FnMut(&'static str, String)) {
        for slot in group.slots.iter() {
            if slot.reasons.contains(super::Reasons::CLOSEST)
                && !group.closest.contains(&slot.friend)
            {
                report("I-009", format!("{} is not among the closest", slot.friend));
            }
        }
        let others = group.peers.active().iter().map(|peer| &peer.real_key);
        let own = &self.me.real_key;
        let prefix = self.profile.prefix;
        let others: Vec<_> = others.filter(|key| *key != own).collect();
        let heads: BTreeSet<_> = others.iter().map(|key| prefix.distance(key, own)).collect();
        let expected = two_and_two(prefix, own, &others);
        let closest: BTreeSet<_> = group.closest.keys().copied().collect();
        // with equal prefixes it depends on who came first; who has ours is next to us on both sides.
        let told_apart = heads.len() == others.len() && !heads.contains(&[0; 4]);
        if told_apart && closest != expected {
            report("I-010", format!("closest are {closest:?}, not {expected:?}"));
        }
    }

    fn check_endpoint(&self, found: &mut Vec<Violation>) {
        let mut report = |id, text| found.push(Violation { id, group: None, found: text });
        for group in self.groups.iter() {
            // A conference leads to one number.
            if self.group_of(&group.conference).map(Group::number) != Some(group.number) {
                report("I-021", format!("{:?} is open twice", group.conference));
            }
        }
        let slots = self.groups.iter().flat_map(|group| group.slots.iter());
        let mut users: Vec<PublicKey> = slots.map(|slot| slot.friend).collect();
        users.sort_unstable();
        let mut counted = 0;
        for (key, connection) in self.connections.iter() {
            let slots = users.partition_point(|user| user <= key)
                - users.partition_point(|user| user < key);
            if slots != connection.users as usize {
                let text = format!("{key} is used {slots} times, counted {}", connection.users);
                report("I-020", text);
            }
            counted += slots;
        }
        if counted < users.len() {
            report("I-020", "a slot uses somebody to whom there is no connection".into());
        }
    }
}

/// All peers, each with the place where it is.
fn placed(group: &Group) -> impl Iterator<Item = (&Peer, Place)> {
    let active = group.peers.active().iter().enumerate();
    let frozen = group.peers.frozen().iter().enumerate();
    let active = active.map(|(index, peer)| (peer, Place::Active(index)));
    active.chain(frozen.map(|(index, peer)| (peer, Place::Frozen(index))))
}

/// Who has the number or the key of somebody else.
fn check_twins(group: &Group, report: &mut impl FnMut(&'static str, String)) {
    let mut keys = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    for (peer, place) in placed(group) {
        let active = matches!(place, Place::Active(_));
        if let Some(before) = keys.insert(peer.real_key, active) {
            let id = if before == active { "I-002" } else { "I-001" };
            report(id, format!("the key {} occurs twice", peer.real_key));
        }
        if !numbers.insert(peer.number) {
            report("I-003", format!("the number {} occurs twice", peer.number));
        }
    }
}

/// the two nearest to the left and the two nearest to the right.
fn two_and_two(prefix: Prefix, own: &PublicKey, others: &[&PublicKey]) -> BTreeSet<PublicKey> {
    let nearest = |distance: &dyn Fn(&PublicKey) -> super::closest::Distance| {
        let mut keys = others.to_vec();
        keys.sort_by_key(|key| distance(key));
        keys.into_iter().take(2).copied().collect::<Vec<_>>()
    };
    let mut set: BTreeSet<_> = nearest(&|key| prefix.distance(own, key)).into_iter().collect();
    set.extend(nearest(&|key| prefix.distance(key, own)));
    set
}
