//! Names.

use super::room::{Room, drops, entry, key_of, sends};
use crate::conference::{DropReason, Event, Output, Profile, Request};
use crate::wire::{GroupNumber, MessageBody, Name, PeerEntry};

fn names(outputs: &[Output]) -> usize {
    sends(outputs).iter().filter(|line| line.contains("63/30")).count()
}

/// to every connected conference, even if it is the same.
#[test]
fn the_own_name_is_sent_when_it_is_set() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    assert_eq!(names(&room.request("ann", Request::SetName(b"ann"))), 1);
    assert_eq!(names(&room.request("ann", Request::SetName(b""))), 1);
    assert_eq!(room.group("ann").peer(&key_of("ann")).unwrap().name, b"");
    assert_eq!(drops(&room.request("ann", Request::SetName(&[b'x'; 129]))), [DropReason::TooLong]);
    room.disconnect("ann", "bob");
    assert_eq!(room.request("ann", Request::SetName(b"x")), []);
}

/// O-012. Several causes in one pass give one message.
#[test]
fn one_name_is_sent_for_all_who_thawed_in_a_pass() {
    let mut room = Room::of(["ann", "bob", "cat", "dan"]);
    room.held = true;
    room.pause(61);
    let (bob, cat, dan) = (room.number("bob"), room.number("cat"), room.number("dan"));
    room.message("dan", "ann", (dan, 50), super::room::PING);
    room.tick("ann");
    assert!(room.is_frozen("ann", "bob") && room.is_frozen("ann", "cat"));
    room.message("dan", "ann", (bob, 50), super::room::PING);
    room.message("dan", "ann", (cat, 50), super::room::PING);
    assert_eq!(names(&room.tick("ann")), 1);
    assert_eq!(names(&room.tick("ann")), 0);
}

/// T-021. The original forgets it (B-11).
#[test]
fn a_scheduled_name_waits_for_an_online_slot() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, sent) in [(Profile::seed(), 1), (original, 0)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        room.disconnect("ann", "bob");
        assert!(room.is_frozen("ann", "bob"));
        room.connect_only("ann", "bob");
        let rejoin =
            crate::wire::Rejoin { conference: room.group("ann").conference(), trailing: &[] };
        room.forge_packet("bob", "ann", &crate::wire::Packet::Rejoin(rejoin));
        assert!(room.is_active("ann", "bob"));
        assert_eq!(names(&room.tick("ann")), 0);
        let group = room.members.get_mut("ann").unwrap();
        let group = group.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
        let index = group.slots.find(&key_of("bob")).unwrap();
        group.set_online(index, GroupNumber(0));
        assert_eq!(names(&room.tick("ann")), sent, "{profile}");
    }
}

/// a learned name stands against responses, not against messages.
#[test]
fn a_name_message_sets_the_name_and_a_response_only_the_first() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    let named = |name| MessageBody::Name(Name { name });
    let outputs = room.message("bob", "ann", (bob, number), named(b"Robert"));
    let event = Event::Named { group: GroupNumber(0), peer: bob, name: b"Robert".to_vec() };
    assert_eq!(outputs[0], Output::Event(event));
    let own = room.group("ann").peer(&key_of("bob")).unwrap().dht_key;
    let listed = PeerEntry { name: b"Bobby", ..entry(bob.0, key_of("bob"), own) };
    assert_eq!(drops(&room.response("bob", "ann", &[listed])), [DropReason::NothingNew]);
    assert_eq!(room.group("ann").peer(&key_of("bob")).unwrap().name, b"Robert");
    let outputs = room.message("bob", "ann", (bob, number + 1), named(b"Robert"));
    assert!(outputs.iter().all(|output| matches!(output, Output::Send { .. })));
    let outputs = room.message("bob", "ann", (bob, number + 2), named(&[b'x'; 129]));
    assert!(matches!(outputs[..], [Output::Dropped(DropReason::Malformed(_))]));
    room.message("bob", "ann", (bob, number + 3), named(b""));
    assert_eq!(room.group("ann").peer(&key_of("bob")).unwrap().name, b"");
}

/// it survives freezing, not reloading.
#[test]
fn that_a_name_was_learned_survives_freezing_and_not_reloading() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    let learned = |room: &Room| room.group("ann").peer(&key_of("cat")).unwrap().name_learned;
    assert!(learned(&room));
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(61);
    assert!(room.is_frozen("ann", "cat") && learned(&room));
    let section = room.save("ann");
    room.held = true;
    room.restart("ann", &section);
    assert!(!learned(&room));
    assert_eq!(room.group("ann").peer(&key_of("cat")).unwrap().name, b"cat");
}

/// with the Name that the client sets, the scheduled one is sent.
#[test]
fn a_name_that_the_client_sets_takes_the_place_of_the_scheduled_one() {
    for profile in [Profile::seed(), "ctoxcore".parse().unwrap()] {
        let mut room = Room::with(&profile, ["ann", "bob", "cat"]);
        room.held = true;
        room.pause(61);
        let (bob, cat) = (room.number("bob"), room.number("cat"));
        room.message("cat", "ann", (cat, 50), super::room::PING);
        room.tick("ann");
        assert!(room.is_frozen("ann", "bob"));
        room.message("cat", "ann", (bob, 50), super::room::PING);
        assert!(room.is_active("ann", "bob"));
        assert_eq!(names(&room.request("ann", Request::SetName(b"anna"))), 1);
        assert_eq!(names(&room.tick("ann")), 0, "{profile}");
    }
}

/// an older name of ours that comes back, and a forged one. The original takes both
/// (`own_name_from_wire`).
#[test]
fn nobody_renames_us() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, renamed) in [(Profile::seed(), false), (original, true)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        let own_name = |room: &Room| room.group("ann").peer(&key_of("ann")).unwrap().name.clone();
        room.request("ann", Request::SetName(b"Ann"));
        assert_eq!(own_name(&room), b"Ann");
        room.held = true;
        let (own, number) = (room.number("ann"), room.next_number("ann"));
        let renames = |outputs: &[Output]| {
            outputs.iter().any(|output| matches!(output, Output::Event(Event::Named { .. })))
        };
        let mut outputs = Vec::new();
        for (more, name) in [(0, &b"ann"[..]), (1, b"somebody else")] {
            let forged = MessageBody::Name(Name { name });
            outputs.extend(room.message("bob", "ann", (own, number + more), forged));
            assert_eq!(own_name(&room), if renamed { name } else { b"Ann" }, "{profile}");
        }
        assert_eq!(renames(&outputs), renamed, "{profile}");
    }
}
