//! The online handshake.

use super::room::{Room, drops, sends};
use crate::conference::{DropReason, Profile, Reasons};
use crate::wire::{
    Conference, ConferenceId, ConferenceType, GroupNumber, KillPeer, MessageBody, Online, Packet,
};

fn online(room: &Room, number: u16) -> Packet<'static> {
    let conference = room.group("ann").conference();
    Packet::Online(Online { group_number: GroupNumber(number), conference })
}

/// Ann and bob; their session went down and is up again at ann, who waits for his Online.
fn waiting(profile: &Profile) -> Room {
    let mut room = Room::with(profile, ["ann", "bob", "cat"]);
    room.wait(25);
    room.disconnect("ann", "bob");
    room.held = true;
    room.connect_only("ann", "bob");
    room.clear();
    room
}

/// the reasons stay while the slot is connecting.
#[test]
fn a_session_that_comes_up_is_greeted_in_every_conference_with_a_slot() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let before = room.slot("ann", "bob").unwrap();
    room.disconnect("ann", "bob");
    let slot = room.slot("ann", "bob").unwrap();
    assert_eq!((slot.online, slot.reasons), (false, before.reasons));
    room.clear();
    room.connect_only("ann", "bob");
    assert_eq!(room.log, ["A>B 61", "B>A 61"]);
}

/// (b), (c), (d), (e), in this order; R-142: the ping is due always (D-012) or not.
#[test]
fn going_online_has_its_effects_in_order() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, pings) in [(Profile::seed(), true), (Profile::spec(), true), (original, false)] {
        let mut room = waiting(&profile);
        let outputs = room.forge_packet("bob", "ann", &online(&room, 7));
        let number = room.group("ann").message_number().0;
        let first = if pings { number - 1 } else { number };
        let mut expected = vec!["b 61".to_owned()];
        expected.extend(["c", "b"].map(|to| format!("{to} 63/10 #{first}")));
        if pings {
            expected.extend(["c", "b"].map(|to| format!("{to} 63/00 #{number}")));
        }
        let mut sent = sends(&outputs);
        sent[1..].sort_by_key(|line| (line[5..].to_owned(), line[..1] != expected[1][..1]));
        expected[1..].sort_by_key(|line| (line[5..].to_owned(), line[..1] != sent[1][..1]));
        assert_eq!(sent, expected, "{profile}");
        assert_eq!(room.slot("ann", "bob").unwrap().group_number, Some(GroupNumber(7)));
        // (d) schedules a Name.
        let name = format!("63/30 #{}", number + 1);
        assert!(sends(&room.tick("ann")).iter().any(|line| line.contains(&name)), "{profile}");
    }
}

/// (a), if nothing is online or the slot has INTRODUCER; R-080.
#[test]
fn the_first_slot_to_go_online_is_asked_for_peers() {
    // Bob leaves while cat is away, so cat is not frozen.
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.wait(25);
    room.cut("ann", "cat");
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    let kill = MessageBody::KillPeer(KillPeer { killed_peer_number: bob });
    room.message("bob", "ann", (bob, number), kill);
    room.connect_only("ann", "cat");
    assert!(!room.slot("ann", "cat").unwrap().reasons.contains(Reasons::INTRODUCER));
    let outputs = room.forge_packet("cat", "ann", &online(&room, 7));
    assert_eq!(sends(&outputs)[..2], ["c 62/08", "c 61"]);
    // Bob has the reason INTRODUCER, and something else is online.
    let mut room = waiting(&Profile::seed());
    assert!(room.slot("bob", "ann").unwrap().reasons.contains(Reasons::INTRODUCER));
    let packet = online(&room, 7);
    let outputs = room.forge_packet("ann", "bob", &packet);
    assert_eq!(sends(&outputs)[..2], ["a 62/08", "a 61"]);
}

/// of two the second is dropped.
#[test]
fn an_online_without_use_is_dropped() {
    let mut room = waiting(&Profile::seed());
    room.forge_packet("bob", "ann", &online(&room, 7));
    let outputs = room.forge_packet("bob", "ann", &online(&room, 7));
    assert_eq!(drops(&outputs), [DropReason::SlotOnline]);
    assert_eq!(outputs.len(), 1);
    let conference = Conference { kind: ConferenceType::TEXT, id: ConferenceId([9; 32]) };
    let elsewhere = Packet::Online(Online { group_number: GroupNumber(0), conference });
    let outputs = room.forge_packet("bob", "ann", &elsewhere);
    assert_eq!(drops(&outputs), [DropReason::NoConference]);
    room.enter("eve", &Profile::seed());
    room.held = false;
    room.befriend("ann", "eve");
    let packet = online(&room, 1);
    assert_eq!(drops(&room.forge_packet("eve", "ann", &packet)), [DropReason::NoSlot]);
    let outputs = room.forge("bob", "ann", &[0x61; 35]);
    assert!(matches!(drops(&outputs)[..], [DropReason::Malformed(_)]));
}

/// the number of an online slot stays until the slot is connecting again.
#[test]
fn a_number_changes_with_a_new_online_only() {
    let mut room = waiting(&Profile::seed());
    room.forge_packet("bob", "ann", &online(&room, 7));
    room.forge_packet("bob", "ann", &online(&room, 8));
    let number = |room: &Room| room.slot("ann", "bob").unwrap().group_number;
    assert_eq!(number(&room), Some(GroupNumber(7)));
    room.disconnect("ann", "bob");
    room.connect_only("ann", "bob");
    room.forge_packet("bob", "ann", &online(&room, 8));
    assert_eq!(number(&room), Some(GroupNumber(8)));
}

/// R-070, G-014: only where the profile asks for it (B-09), once in ten seconds, for the number stored.
#[test]
fn a_half_open_slot_is_repaired_where_the_profile_asks_for_it() {
    for (profile, repairs) in [(Profile::hardened(), true), (Profile::seed(), false)] {
        let mut room = waiting(&profile);
        room.forge_packet("bob", "ann", &online(&room, 7));
        room.pause(11);
        let other = room.forge_packet("bob", "ann", &online(&room, 6));
        assert_eq!(drops(&other), [DropReason::SlotOnline]);
        let outputs = room.forge_packet("bob", "ann", &online(&room, 7));
        assert_eq!(sends(&outputs) == ["b 61"], repairs, "{profile}");
        let again = room.forge_packet("bob", "ann", &online(&room, 7));
        assert_eq!(drops(&again), [DropReason::SlotOnline]);
    }
}
