//! The peer list and DHT keys.

use super::room::{Room, chat, drops, entry, key_of, low_key, sends};
use crate::conference::{Departure, DropReason, Event, Output, Profile};
use crate::wire::{PeerNumber, PublicKey};

fn ctoxcore() -> Profile {
    "ctoxcore".parse().unwrap()
}

/// Ann and bob; bob's next message to ann has this author and number.
fn pair(profile: &Profile) -> (Room, (PeerNumber, u32)) {
    let mut room = Room::with(profile, ["ann", "bob"]);
    room.wait(1);
    room.held = true;
    let next = (room.number("bob"), room.next_number("bob"));
    room.clear();
    (room, next)
}

fn dht_key(room: &Room, key: &PublicKey) -> (PublicKey, bool) {
    let peer = room.group("ann").peer(key).unwrap();
    (peer.dht_key, peer.dht_key_updated)
}

/// a new peer, then a new key for it.
#[test]
fn fresh_information_adds_peers_and_replaces_keys() {
    let (mut room, (bob, number)) = pair(&Profile::seed());
    let (new, old) = (low_key(1), low_key(2));
    let outputs = room.new_peer("bob", "ann", (bob, number), (9, key_of("cat"), old));
    let joined = Event::PeerJoined {
        group: room.group("ann").number(),
        peer: PeerNumber(9),
        real_key: key_of("cat"),
        thawed: false,
    };
    assert_eq!(outputs[0], Output::Event(joined));
    let cat = room.group("ann").peer(&key_of("cat")).unwrap();
    assert_eq!((cat.last_active, cat.name.as_slice()), (room.seconds(), &b""[..]));
    assert_eq!(dht_key(&room, &key_of("cat")), (old, true));
    room.pause(5);
    room.new_peer("bob", "ann", (bob, number + 1), (9, key_of("cat"), new));
    assert_eq!(dht_key(&room, &key_of("cat")), (new, true));
    let cat = room.group("ann").peer(&key_of("cat")).unwrap();
    assert_eq!(cat.last_active, room.seconds());
}

/// the old entry goes first, with its slot.
#[test]
fn a_key_under_a_new_number_replaces_its_old_entry() {
    let (mut room, (bob, number)) = pair(&Profile::seed());
    let outputs = room.new_peer("bob", "ann", (bob, number), (9, key_of("bob"), low_key(1)));
    let left = Event::PeerLeft {
        group: room.group("ann").number(),
        peer: bob,
        real_key: key_of("bob"),
        why: Departure::Replaced,
    };
    assert_eq!(outputs[0], Output::Event(left));
    assert_eq!(room.slot("ann", "bob"), None);
    assert_eq!(room.group("ann").peer(&key_of("bob")).unwrap().number, PeerNumber(9));
    assert_eq!(room.group("ann").active().len(), 2);
}

/// the key must match (B-25: first).
#[test]
fn a_number_of_another_key_is_refused_and_does_not_count_as_activity() {
    for (profile, refreshed) in [(Profile::seed(), false), (ctoxcore(), true)] {
        let (mut room, (bob, number)) = pair(&profile);
        room.new_peer("bob", "ann", (bob, number), (9, key_of("cat"), low_key(1)));
        room.pause(10);
        let before = room.seconds() - 10;
        let outputs =
            room.new_peer("bob", "ann", (bob, number + 1), (9, key_of("dan"), low_key(2)));
        assert_eq!(drops(&outputs), [DropReason::NumberTaken]);
        // relayed whatever its outcome.
        assert!(sends(&outputs).iter().any(|line| line.contains("63/10")), "{outputs:?}");
        let cat = room.group("ann").peer(&key_of("cat")).unwrap();
        assert_eq!(cat.last_active > before, refreshed, "{profile}");
        assert_eq!(cat.dht_key, low_key(1));
    }
}

/// T-004, T-007. Known peers keep their key, frozen ones stay frozen.
#[test]
fn a_response_replaces_keys_of_the_frozen_and_of_those_not_updated_since_they_thawed() {
    let (mut room, (bob, number)) = pair(&Profile::seed());
    room.new_peer("bob", "ann", (bob, number), (9, key_of("cat"), low_key(1)));
    room.pause(40);
    room.message("bob", "ann", (bob, number + 1), chat("x"));
    let cat = key_of("cat");
    room.response("bob", "ann", &[entry(9, cat, low_key(2))]);
    assert_eq!(dht_key(&room, &cat), (low_key(1), true), "fresh key stands");
    room.pause(25);
    room.tick("ann");
    assert!(room.is_frozen("ann", "cat"));
    let before = room.group("ann").peer(&cat).unwrap().last_active;
    room.response("bob", "ann", &[entry(9, cat, low_key(3))]);
    assert!(room.is_frozen("ann", "cat"));
    assert_eq!(room.group("ann").peer(&cat).unwrap().last_active, before);
    assert_eq!(dht_key(&room, &cat).0, low_key(3));
    // thawing clears the mark, so one response counts.
    room.message("bob", "ann", (PeerNumber(9), 1), chat("x"));
    assert_eq!(dht_key(&room, &cat), (low_key(3), false));
    room.response("bob", "ann", &[entry(9, cat, low_key(4))]);
    assert_eq!(dht_key(&room, &cat), (low_key(4), true));
    room.response("bob", "ann", &[entry(9, cat, low_key(5))]);
    assert_eq!(dht_key(&room, &cat), (low_key(4), true));
}

/// T-006. The original stops at the frozen or refused entry (B-02).
#[test]
fn a_refused_or_frozen_entry_does_not_keep_those_behind_it() {
    for (profile, learned) in [(Profile::seed(), true), (ctoxcore(), false)] {
        let (mut room, (bob, _)) = pair(&profile);
        let refused = entry(bob.0, low_key(9), low_key(1));
        let outputs = room.response("bob", "ann", &[refused, entry(8, low_key(8), low_key(1))]);
        assert_eq!(drops(&outputs)[0], DropReason::EntryRefused(bob));
        assert_eq!(room.group("ann").peer(&low_key(8)).is_some(), learned, "{profile}");
    }
}

/// our own entry is neither renumbered nor removed; the original lets it happen (B-05).
#[test]
fn information_that_would_renumber_ourselves_is_refused() {
    let (mut room, (bob, number)) = pair(&Profile::seed());
    let before = room.group("ann").active()[0].clone();
    let forged = (9, key_of("ann"), low_key(1));
    let outputs = room.new_peer("bob", "ann", (bob, number), forged);
    assert_eq!(drops(&outputs), [DropReason::AboutOurselves]);
    let outputs = room.response("bob", "ann", &[entry(9, key_of("ann"), low_key(1))]);
    assert_eq!(drops(&outputs)[0], DropReason::EntryRefused(PeerNumber(9)));
    assert_eq!(room.group("ann").active()[0], before);
    let (mut room, next) = pair(&ctoxcore());
    room.new_peer("bob", "ann", next, forged);
    assert_eq!(room.group("ann").peer(&key_of("ann")).unwrap().number, PeerNumber(9));
}

/// a New Peer with our own number and key leaves our own DHT key alone.
#[test]
fn nobody_tells_us_our_own_dht_key() {
    let (mut room, (bob, number)) = pair(&Profile::seed());
    let own = room.group("ann").own_number().unwrap().0;
    let outputs = room.new_peer("bob", "ann", (bob, number), (own, key_of("ann"), low_key(1)));
    assert_eq!(drops(&outputs), []);
    assert_eq!(dht_key(&room, &key_of("ann")).0, room.endpoint("ann").dht_key());
}

/// entries of a response are in the order of the list, in which the last fills a gap.
#[test]
fn the_list_appends_and_fills_gaps_with_the_last() {
    let (mut room, (bob, number)) = pair(&Profile::seed());
    for peer in 3..7_u8 {
        let new = (u16::from(peer), low_key(peer), low_key(peer));
        room.new_peer("bob", "ann", (bob, number + u32::from(peer)), new);
    }
    let numbers = |room: &Room| -> Vec<u16> {
        room.group("ann").active().iter().map(|peer| peer.number.0).collect()
    };
    assert_eq!(numbers(&room), [0, bob.0, 3, 4, 5, 6]);
    let kill = crate::wire::KillPeer { killed_peer_number: PeerNumber(3) };
    room.message("bob", "ann", (PeerNumber(3), 1), crate::wire::MessageBody::KillPeer(kill));
    assert_eq!(numbers(&room), [0, bob.0, 6, 4, 5]);
}

///
#[test]
fn a_new_dht_key_of_a_member_is_not_announced() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    let new = low_key(7);
    room.request("cat", crate::conference::Request::SetDhtKey(new));
    room.wait(30);
    assert_ne!(room.group("ann").peer(&key_of("cat")).unwrap().dht_key, new);
    assert_eq!(room.group("cat").peer(&key_of("cat")).unwrap().dht_key, new);
}

/// D-024, the bound of the list in `hardened`.
#[test]
fn the_peer_list_has_a_bound_where_the_profile_has_one() {
    let profile = Profile { peer_limit: Some(3), ..Profile::hardened() };
    let (mut room, (bob, number)) = pair(&profile);
    let new = |peer: u8| (u16::from(peer), low_key(peer), low_key(peer));
    assert_eq!(drops(&room.new_peer("bob", "ann", (bob, number), new(3))), []);
    let outputs = room.new_peer("bob", "ann", (bob, number + 1), new(4));
    assert_eq!(drops(&outputs), [DropReason::TooManyPeers]);
}
