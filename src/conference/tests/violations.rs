//! Every check of an invariant fails where it should: states are damaged by hand.

use super::room::{Room, key_of, low_key};
use crate::conference::duplicates::Remembered;
use crate::conference::peers::Place;
use crate::conference::slots::Reasons;
use crate::conference::{Endpoint, FREEZE_TIMEOUT, Group, Peer};
use crate::wire::{ConferenceType, GroupNumber, PeerNumber};

const ZERO: GroupNumber = GroupNumber(0);

/// Ann, with bob and cat active and dan frozen, and a second conference.
fn sound() -> Endpoint {
    let mut room = Room::of(["ann", "bob", "cat", "dan"]);
    room.create("ann", ConferenceType::AUDIO);
    for other in ["ann", "bob", "cat"] {
        room.cut(other, "dan");
    }
    room.wait(61);
    let ann = room.endpoint("ann").clone();
    assert_eq!((ann.violations(), ann.violations_after_pass()), (vec![], vec![]));
    ann
}

fn group(ann: &mut Endpoint) -> &mut Group {
    ann.groups.get_mut(ZERO).unwrap()
}

fn peer<'a>(ann: &'a mut Endpoint, name: &str) -> &'a mut Peer {
    let group = group(ann);
    let place = group.peers.find_key(&key_of(name)).unwrap();
    group.peers.get_mut(place).unwrap()
}

fn slot(ann: &mut Endpoint) -> &mut crate::conference::Slot {
    let group = group(ann);
    let bob = group.slots.find(&key_of("bob")).unwrap();
    group.slots.get_mut(bob).unwrap()
}

type Damage = fn(&mut Endpoint);

/// Damage, and the invariant that breaks.
const STATES: &[(&str, Damage)] = &[
    ("I-001", |ann| peer(ann, "dan").real_key = key_of("bob")),
    ("I-002", |ann| peer(ann, "cat").real_key = key_of("bob")),
    ("I-003", |ann| peer(ann, "cat").number = PeerNumber(0)),
    ("I-004", |ann| group(ann).own = Some(PeerNumber(4711))),
    ("I-004", |ann| {
        group(ann).peers.remove(Place::Active(0)).unwrap();
    }),
    ("I-004", |ann| peer(ann, "ann").name = b"Ann".to_vec()),
    ("I-005", |ann| {
        let own = group(ann).peers.remove(Place::Active(0)).unwrap();
        group(ann).peers.push_frozen(own);
    }),
    ("I-006", |ann| group(ann).own = None),
    ("I-007", |ann| slot(ann).friend = key_of("cat")),
    ("I-008", |ann| slot(ann).reasons = Reasons::NONE),
    ("I-010", |ann| {
        group(ann).peers.remove(Place::Active(1)).unwrap();
    }),
    ("I-012", |ann| group(ann).frozen_limit = 0),
    ("I-013", |ann| peer(ann, "dan").name = vec![0; 129]),
    ("I-013", |ann| group(ann).title = vec![0; 129]),
    ("I-014", |ann| peer(ann, "bob").remembered = Remembered::of(&[5, 6])),
    ("I-014", |ann| peer(ann, "bob").remembered = Remembered::of(&[5, 5])),
    ("I-015", |ann| {
        let second = ann.groups.get_mut(GroupNumber(1)).unwrap();
        second.title_fresh = true;
    }),
    ("I-016", |ann| slot(ann).group_number = None),
    ("I-017", |ann| ann.connections.get_mut(&key_of("bob")).unwrap().up = false),
    ("I-018", |ann| peer(ann, "bob").last_active = ann.now + 1),
    ("I-020", |ann| ann.connections.get_mut(&key_of("bob")).unwrap().users += 1),
    ("I-020", |ann| slot(ann).friend = low_key(1)),
    ("I-021", |ann| {
        let conference = group(ann).conference;
        ann.groups.get_mut(GroupNumber(1)).unwrap().conference = conference;
    }),
];

/// The same for what holds at the end of a pass only.
const AFTER_PASS: &[(&str, Damage)] = &[
    ("I-009", |ann| slot(ann).friend = low_key(1)),
    ("I-010", |ann| {
        let near = Peer::new(PeerNumber(9), low_key(b'a'), low_key(1), ann.now);
        group(ann).peers.push_active(near);
    }),
    ("I-018", |ann| peer(ann, "bob").last_active = ann.now - FREEZE_TIMEOUT),
];

/// I-001 I-002 I-003 I-004 I-005 I-006 I-007 I-008 I-009 I-010 I-012 I-013 I-014 I-015 I-016 I-017
/// I-018 I-020 I-021.
#[test]
fn a_damaged_state_violates_its_invariant() {
    let sound = sound();
    for (id, damage) in STATES {
        let mut ann = sound.clone();
        damage(&mut ann);
        let found = ann.violations();
        assert!(found.iter().any(|found| found.id == *id), "{id}: {found:?}");
        assert!(found.iter().all(|found| !found.to_string().is_empty()));
    }
    for (id, damage) in AFTER_PASS {
        let mut ann = sound.clone();
        damage(&mut ann);
        let found = ann.violations_after_pass();
        assert!(found.iter().any(|found| found.id == *id), "{id}: {found:?}");
    }
    let mut ended = sound;
    slot(&mut ended).friend = low_key(1);
    ended.ended = true;
    assert_eq!(ended.violations_after_pass(), [], "there are no more passes");
}
