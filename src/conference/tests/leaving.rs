//! Leaving, losing connections, what clients see.

use super::room::{PING, Room, drops, entry, key_of, sends};
use crate::conference::{Departure, DropReason, Event, Output, Profile, Request};
use crate::wire::{ConferenceType, FreezePeer, GroupNumber, KillPeer, MessageBody, PeerNumber};

fn kill(number: PeerNumber) -> MessageBody<'static> {
    MessageBody::KillPeer(KillPeer { killed_peer_number: number })
}

/// gone, and not saved.
#[test]
fn deleting_a_conference_is_for_good() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let number = room.next_number("ann");
    let outputs = room.request("ann", Request::Delete { group: GroupNumber(0) });
    assert_eq!(sends(&outputs), [format!("b 63/11 #{number}")]);
    assert!(outputs.contains(&Output::Event(Event::Closed { group: GroupNumber(0) })));
    assert_eq!(room.save("ann"), b"");
    let again = room.request("ann", Request::Delete { group: GroupNumber(0) });
    assert_eq!(drops(&again), [DropReason::NoConference]);
}

/// D-035. Saving goes on; nothing else does.
#[test]
fn shutting_down_says_freeze_and_keeps_the_save() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let outputs = room.request("ann", Request::ShutDown);
    assert!(sends(&outputs)[0].starts_with("b 63/12"));
    assert_eq!(room.group("ann").slots().count(), 0);
    assert!(!room.save("ann").is_empty());
    assert_eq!(drops(&room.tick("ann")), [DropReason::Ended]);
}

/// T-024. Out of both lists, relayed to the slots that remain.
#[test]
fn a_kill_removes_its_author_frozen_or_not() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(61);
    room.held = true;
    let (bob, cat) = (room.number("bob"), room.number("cat"));
    room.message("bob", "ann", (cat, 90), kill(cat));
    assert!(room.group("ann").peer(&key_of("cat")).is_none());
    let outputs = room.message("bob", "ann", (bob, 90), kill(bob));
    let left = Event::PeerLeft {
        group: GroupNumber(0),
        peer: bob,
        real_key: key_of("bob"),
        why: Departure::Killed,
    };
    assert_eq!(outputs[0], Output::Event(left));
    assert_eq!(sends(&outputs), [""; 0], "nobody is left to relay to");
    assert_eq!(room.slot("ann", "bob"), None);
}

/// relayed by who knows the author as active.
#[test]
fn a_freeze_freezes_its_author_and_is_relayed() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let cat = room.number("cat");
    let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: cat });
    let outputs = room.message("cat", "ann", (cat, 90), freeze);
    assert!(room.is_frozen("ann", "cat"));
    assert!(sends(&outputs).contains(&"b 63/12 #90".to_owned()));
}

/// B-14. A late response brings the leaver back, unless the profile remembers it; T-024.
#[test]
fn a_late_response_revives_who_left_unless_it_is_remembered() {
    for (profile, remembers) in [(Profile::seed(), false), (Profile::hardened(), true)] {
        let mut room = Room::with(&profile, ["ann", "bob", "cat"]);
        room.held = true;
        let cat = room.number("cat");
        let listed = entry(cat.0, key_of("cat"), key_of("c"));
        room.message("cat", "ann", (cat, 90), kill(cat));
        let outputs = room.message("bob", "ann", (cat, 90), kill(cat));
        assert_eq!(sends(&outputs).is_empty(), remembers, "{profile}");
        room.response("bob", "ann", &[listed]);
        assert_eq!(room.is_active("ann", "cat"), !remembers, "{profile}");
        if remembers {
            let outputs = room.message("bob", "ann", (cat, 91), PING);
            assert_eq!(drops(&outputs), [DropReason::AuthorKilled]);
            room.pause(60);
            room.tick("ann");
            room.response("bob", "ann", &[listed]);
            assert!(room.is_active("ann", "cat"), "after a minute it is forgotten");
        }
    }
}

/// a New Peer message brings it back even where it is remembered.
#[test]
fn who_is_announced_anew_is_back() {
    let mut room = Room::with(&Profile::hardened(), ["ann", "bob", "cat"]);
    room.held = true;
    let (bob, cat) = (room.number("bob"), room.number("cat"));
    room.message("cat", "ann", (cat, 90), kill(cat));
    let number = room.next_number("bob");
    room.new_peer("bob", "ann", (bob, number), (cat.0, key_of("cat"), key_of("c")));
    room.message("bob", "ann", (cat, 91), PING);
    assert!(room.is_active("ann", "cat"));
}

/// G-008, X-006.
#[test]
fn who_left_during_a_split_stays_frozen_at_who_missed_it() {
    let mut room = Room::of(["ann", "bob", "cat", "dan"]);
    for (a, b) in [("ann", "cat"), ("ann", "dan"), ("bob", "cat"), ("bob", "dan")] {
        room.cut(a, b);
    }
    room.wait(65);
    let group = GroupNumber(0);
    room.request("dan", Request::Delete { group });
    room.wait(65);
    room.restore("ann", "cat");
    room.wait(90);
    for name in ["ann", "bob"] {
        assert_eq!(room.active(name), "abc");
        assert!(room.is_frozen(name, "dan"));
    }
    assert!(room.group("cat").peer(&key_of("dan")).is_none());
}

/// T-015. D-020.
#[test]
fn losing_the_last_connection_freezes_everybody() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.cut("ann", "cat");
    assert_eq!(room.active("ann"), "abc");
    room.cut("ann", "bob");
    assert_eq!(room.active("ann"), "a");
    assert_eq!(room.group("ann").frozen().len(), 2);
    let patient = Profile { freezes_when_disconnected: false, ..Profile::seed() };
    let mut room = Room::with(&patient, ["ann", "bob"]);
    room.cut("ann", "bob");
    assert_eq!(room.active("ann"), "ab");
    room.wait(61);
    assert_eq!(room.active("ann"), "a");
}

/// a slot that goes in another way freezes nobody; R-197.
#[test]
fn losing_the_last_slot_in_another_way_freezes_nobody() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.cut("ann", "cat");
    room.held = true;
    let bob = room.number("bob");
    room.message("bob", "ann", (bob, 90), kill(bob));
    assert_eq!(room.active("ann"), "ac");
    assert_eq!(drops(&room.say("ann", "x")), [DropReason::NoOnlineSlot]);
}

/// joining ones too; frozen peers apart.
#[test]
fn the_list_of_conferences_has_all() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.create("bob", ConferenceType::TEXT);
    room.held = true;
    room.request("ann", Request::Invite { group: GroupNumber(0), friend: key_of("bob") });
    room.deliver_next();
    let listed: Vec<_> =
        room.endpoint("bob").groups().map(|it| (it.number().0, it.own_number())).collect();
    assert_eq!(listed, [(0, Some(PeerNumber(0))), (1, None)]);
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.disconnect("ann", "bob");
    let group = room.group("ann");
    assert_eq!((group.active().len(), group.frozen().len()), (1, 1));
    assert!(group.frozen()[0].last_active > 0);
}
