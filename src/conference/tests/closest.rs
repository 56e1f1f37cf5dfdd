//! The closest peers.

use proptest::prelude::*;

use super::room::{Room, low_key};
use crate::conference::closest::Closest;
use crate::conference::peers::Peers;
use crate::conference::{Output, Peer, Prefix, Profile, Reasons};
use crate::wire::{PeerNumber, PublicKey};

fn key(first: u64, last: u64) -> PublicKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&first.to_be_bytes());
    key[24..].copy_from_slice(&last.to_be_bytes());
    PublicKey(key)
}

/// D-041.
#[test]
fn distances_are_differences_on_a_ring() {
    let (a, b) = (key(5, 1), key(7, 3));
    assert_eq!(Prefix::First8.distance(&b, &a), [2, 0, 0, 0]);
    assert_eq!(Prefix::First8.distance(&a, &b), [u64::MAX - 1, 0, 0, 0]);
    assert_eq!(Prefix::Whole.distance(&b, &a), [2, 0, 0, 2]);
    assert_eq!(Prefix::Whole.distance(&a, &b), [u64::MAX - 2, u64::MAX, u64::MAX, u64::MAX - 1]);
    assert_eq!(Prefix::Whole.distance(&key(5, 0), &a), [u64::MAX; 4]);
}

fn peer(key: PublicKey) -> Peer {
    Peer::new(PeerNumber(0), key, key, 0)
}

/// with equal prefixes the first one stays; with whole keys there is no tie.
#[test]
fn ties_keep_who_was_there() {
    let own = key(0, 0);
    for (prefix, stays) in [(Prefix::First8, true), (Prefix::Whole, false)] {
        let mut closest = Closest::default();
        for near in [key(u64::MAX - 10, 0), key(u64::MAX - 20, 0), key(10, 9), key(20, 9)] {
            closest.offer(prefix, &own, &peer(near));
        }
        closest.offer(prefix, &own, &peer(key(20, 1)));
        assert_eq!(closest.contains(&key(20, 9)), stays, "{prefix:?}");
    }
}

proptest! {
    /// the cells are the two and two nearest, also after removals.
    #[test]
    fn the_cells_hold_the_two_nearest_on_either_side(
        keys in proptest::collection::btree_set(1_u64.., 1..40),
        removals in proptest::collection::vec(0_usize..40, 0..10),
        whole: bool,
    ) {
        let prefix = if whole { Prefix::Whole } else { Prefix::First8 };
        let own = key(0, 0);
        let mut all: Vec<_> = keys.into_iter().map(|first| key(first, 0)).collect();
        all.sort_by_key(|key| key.0[7]);
        let mut closest = Closest::default();
        all.iter().for_each(|key| closest.offer(prefix, &own, &peer(*key)));
        for index in removals {
            if all.len() > 1 {
                let removed = all.remove(index % all.len());
                closest.remove(&removed);
            }
        }
        all.iter().for_each(|key| closest.offer(prefix, &own, &peer(*key)));
        let mut ring = all.clone();
        ring.sort();
        let expected: std::collections::BTreeSet<_> =
            ring.iter().take(2).chain(ring.iter().rev().take(2)).copied().collect();
        let found: std::collections::BTreeSet<_> = closest.keys().copied().collect();
        prop_assert_eq!(found, expected);
    }

    /// whatever is added and removed, numbers and keys lead to their entries.
    #[test]
    fn peers_are_found_by_number_and_key(
        deeds in proptest::collection::vec((0_u8..4, 0_u8..24), 0..200),
    ) {
        let mut peers = Peers::default();
        for (deed, which) in deeds {
            let number = PeerNumber(u16::from(which) * 999);
            let place = peers.find(number);
            match (deed, place) {
                (0, None) => {
                    peers.push_active(Peer::new(number, low_key(which + 1), low_key(0), 0));
                }
                (1, None) => {
                    peers.push_frozen(Peer::new(number, low_key(which + 1), low_key(0), 0));
                }
                (2, Some(place)) => {
                    prop_assert_eq!(peers.remove(place).unwrap().number, number);
                }
                (3, _) => {
                    peers.evict_frozen(usize::from(which), |peer| peer.number);
                }
                _ => {}
            }
            for which in 0..24 {
                let number = PeerNumber(u16::from(which) * 999);
                let found = peers.find(number);
                prop_assert_eq!(found, peers.find_key(&low_key(which + 1)));
                if let Some(place) = found {
                    prop_assert_eq!(peers.get(place).unwrap().number, number);
                }
            }
        }
    }
}

/// T-008: a connection is opened with the present DHT key; the original
/// uses an old copy (B-08).
#[test]
fn closest_peers_are_connected_to_with_their_present_key() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, used) in [(Profile::seed(), low_key(2)), (original, low_key(1))] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        let (bob, number) = (room.number("bob"), room.next_number("bob"));
        room.new_peer("bob", "ann", (bob, number), (9, low_key(9), low_key(1)));
        room.new_peer("bob", "ann", (bob, number + 1), (9, low_key(9), low_key(2)));
        let outputs = room.tick("ann");
        let open = Output::Open { friend: low_key(9), dht_key: used };
        assert!(outputs.contains(&open), "{profile}: {outputs:?}");
        let slots: Vec<_> = room.group("ann").slots().collect();
        let slot = slots.iter().find(|slot| slot.friend == low_key(9)).unwrap();
        assert_eq!((slot.online, slot.reasons), (false, Reasons::CLOSEST));
        assert_eq!(slot.group_number, None);
    }
}

/// a slot loses the reason CLOSEST once its peer is not among the closest; with its
/// last reason, it goes.
#[test]
fn slots_of_peers_that_left_the_set_go() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    // Far to the left, then nearer and nearer: bob stays, the first of these goes.
    for step in 0..4_u8 {
        let key = low_key(0x10 + 0x10 * step);
        let new = (100 + u16::from(step), key, key);
        room.new_peer("bob", "ann", (bob, number + u32::from(step)), new);
        room.tick("ann");
    }
    let new = (200, low_key(0x50), low_key(0x50));
    room.new_peer("bob", "ann", (bob, number + 9), new);
    let outputs = room.tick("ann");
    let released: Vec<_> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Release { friend } => Some(*friend),
            _ => None,
        })
        .collect();
    assert_eq!(released.len(), 1, "{outputs:?}");
    assert!(!room.group("ann").closest().any(|key| *key == released[0]));
    assert!(!room.group("ann").slots().any(|slot| slot.friend == released[0]));
}

/// the original does not come back to it (B-12).
#[test]
fn who_found_no_slot_is_tried_again() {
    let original = Profile { cleans_slots: false, ..Profile::seed() };
    for (forgets, opened) in [(false, true), (true, false)] {
        let profile = Profile { forgets_closest: forgets, ..original.clone() };
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        let mut stuffed = stuff_slots(&mut room);
        let (bob, number) = (room.number("bob"), room.next_number("bob"));
        room.new_peer("bob", "ann", (bob, number), (9, low_key(0x61), low_key(1)));
        let open = |outputs: &[Output]| outputs.iter().any(|it| matches!(it, Output::Open { .. }));
        assert!(!open(&room.tick("ann")));
        let name = stuffed.remove(8);
        room.cut("ann", &name);
        drop_introducing(&mut room, &name);
        assert_eq!(open(&room.tick("ann")), opened, "forgets: {forgets}");
    }
}

/// Fills ann's slots with friends who accept her invitation; gives their names.
pub(super) fn stuff_slots(room: &mut Room) -> Vec<String> {
    let mut names = Vec::new();
    let profile = room.endpoint("ann").profile().clone();
    for letter in "cdefghijklmnopq".chars() {
        let name = letter.to_string();
        room.enter(&name, &profile);
        room.held = false;
        room.befriend("ann", &name);
        room.held = true;
        let accepted = crate::wire::InviteAccepted {
            group_number: crate::wire::GroupNumber(0),
            receiver_group_number: room.group("ann").number(),
            conference: room.group("ann").conference(),
        };
        room.forge_packet(&name, "ann", &crate::wire::Packet::InviteAccepted(accepted));
        names.push(name);
    }
    assert_eq!(room.group("ann").slots().count(), 16);
    names
}

/// the peer says that it was introduced; the slot goes with its last reason.
pub(super) fn drop_introducing(room: &mut Room, name: &str) {
    room.restore("ann", name);
    let group_number = room.group("ann").number();
    let introduced = crate::wire::PeerIntroduced { group_number, trailing: &[] };
    room.held = false;
    room.settle();
    room.held = true;
    let reasons = |room: &Room| room.slot("ann", name).map(|slot| slot.reasons);
    assert_eq!(reasons(room), Some(Reasons::INTRODUCING));
    room.forge_packet(name, "ann", &crate::wire::Packet::PeerIntroduced(introduced));
    assert_eq!(reasons(room), None);
}
