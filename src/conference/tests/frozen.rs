//! The frozen list: T-023.

use super::room::{Room, drops, entry, key_of, low_key};
use crate::conference::{DropReason, Event, Input, Output, Profile, Request, SeededDice};
use crate::wire::{GroupNumber, PeerNumber};

/// Ann, bob, and `count` peers that nobody can reach.
fn crowd(profile: &Profile, count: u8) -> Room {
    let mut room = Room::with(profile, ["ann", "bob"]);
    room.held = true;
    for peer in 1..=count {
        room.pause(1);
        room.response("bob", "ann", &[entry(100 + u16::from(peer), low_key(peer), low_key(peer))]);
    }
    room
}

fn frozen(room: &Room) -> Vec<u8> {
    let mut keys: Vec<_> = room.group("ann").frozen().iter().map(|it| it.real_key.0[0]).collect();
    keys.sort_unstable();
    keys
}

/// the longest inactive go first; the change takes effect at once.
#[test]
fn above_the_limit_the_longest_inactive_are_forgotten() {
    let mut room = crowd(&Profile::seed(), 5);
    room.disconnect("ann", "bob");
    assert_eq!(frozen(&room), [1, 2, 3, 4, 5, b'b']);
    let limit = |limit| Request::SetFrozenLimit { group: GroupNumber(0), limit };
    let outputs = room.request("ann", limit(3));
    assert_eq!(frozen(&room), [4, 5, b'b']);
    let evicted = |peer: u8| {
        let number = PeerNumber(100 + u16::from(peer));
        let event = Event::Evicted { group: GroupNumber(0), peer: number, real_key: low_key(peer) };
        outputs.contains(&Output::Event(event))
    };
    assert!(evicted(1) && evicted(2) && evicted(3));
    assert_eq!(drops(&room.request("ann", limit(3))), [DropReason::Unchanged]);
    room.request("ann", limit(0));
    assert_eq!(frozen(&room), [0; 0]);
}

/// friends are kept, by the friendship of that moment; the original goes by that
/// of before (B-13).
#[test]
fn friends_are_kept_by_present_friendship() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, kept) in [(Profile::seed(), vec![1, b'b']), (original, vec![3, b'b'])] {
        let mut room = crowd(&profile, 3);
        room.request("ann", Request::AddFriend(low_key(1)));
        room.disconnect("ann", "bob");
        room.request("ann", Request::SetFrozenLimit { group: GroupNumber(0), limit: 2 });
        assert_eq!(frozen(&room), kept, "{profile}");
    }
}

/// I-012, also while they freeze; the slot of who is forgotten goes (B-23).
#[test]
fn with_a_limit_of_nothing_nobody_is_kept() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, slot) in [(Profile::seed(), false), (original, true)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        room.request("ann", Request::SetFrozenLimit { group: GroupNumber(0), limit: 0 });
        room.pause(61);
        room.tick("ann");
        assert_eq!(frozen(&room), [0; 0]);
        assert_eq!(room.slot("ann", "bob").is_some(), slot, "{profile}");
    }
}

/// D-063. After reloading it is as large as the file, if that is more than 128.
#[test]
fn the_limit_after_reloading_is_that_of_a_new_conference_or_what_was_saved() {
    let mut room = crowd(&Profile::seed(), 3);
    room.request("ann", Request::SetFrozenLimit { group: GroupNumber(0), limit: 500 });
    let section = room.save("ann");
    room.restart("ann", &section);
    assert_eq!(room.group("ann").frozen_limit(), 128);
    let section = room.save("ann");
    let few = Profile { frozen_limit: Some(2), ..Profile::seed() };
    let mut ann = crate::conference::Endpoint::new(few, key_of("ann"), key_of("x"), b"ann");
    ann.load(room.now(), &section, &[]);
    assert_eq!(ann.groups().next().unwrap().frozen_limit(), 4);
    ann.step(Input::Tick { at: room.now() }, &mut SeededDice::new(1));
    assert_eq!(ann.groups().next().unwrap().frozen().len(), 4);
}
