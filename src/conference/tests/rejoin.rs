//! Rejoining.

use super::room::{Room, drops, key_of, sends};
use crate::conference::{DropReason, Profile, Reasons};
use crate::wire::{Conference, ConferenceId, ConferenceType, Packet, Rejoin};

fn rejoin(room: &Room) -> Packet<'static> {
    Packet::Rejoin(Rejoin { conference: room.group("ann").conference(), trailing: &[] })
}

/// D-011. The Rejoin precedes the Online; 0.2.8 sent none for the new slot.
#[test]
fn a_session_with_a_frozen_peer_begins_with_a_rejoin() {
    let silent = Profile { online_after_rejoin: false, ..Profile::seed() };
    for (profile, sent) in [
        (Profile::seed(), vec!["A>B 64", "A>B 61"]),
        (Profile::spec(), vec!["A>B 64", "A>B 61"]),
        (silent, vec!["A>B 64"]),
    ] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        room.disconnect("ann", "bob");
        assert!(room.is_frozen("ann", "bob"));
        room.clear();
        room.connect_only("ann", "bob");
        assert_eq!(room.log_of(&["A>B"]), sent, "{profile}");
        let slot = room.slot("ann", "bob").unwrap();
        assert!(!slot.online && slot.reasons == Reasons::INTRODUCER);
    }
}

/// D-036, where the profile has it; no Online with it.
#[test]
fn a_peer_that_freezes_on_a_session_that_is_up_gets_a_rejoin() {
    for (profile, expected) in [(Profile::seed(), 1), (Profile::spec(), 0)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        room.pause(61);
        let outputs = room.tick("ann");
        let of_kind = |kind: &str| sends(&outputs).iter().filter(|it| it.contains(kind)).count();
        assert_eq!((of_kind("b 64"), of_kind("b 61")), (expected, 0), "{profile}");
        assert_eq!(room.slot("ann", "bob").is_some(), expected == 1, "{profile}");
    }
}

/// D-017. Thaws, takes the key of the connection, adds INTRODUCING, answers with Online.
#[test]
fn a_rejoin_thaws_its_sender_and_is_answered_with_online() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.disconnect("ann", "bob");
    room.connect_only("ann", "bob");
    let outputs = room.forge_packet("bob", "ann", &rejoin(&room));
    assert_eq!(sends(&outputs), ["b 61"]);
    assert!(room.is_active("ann", "bob"));
    let slot = room.slot("ann", "bob").unwrap();
    assert_eq!(slot.reasons, Reasons::INTRODUCER.with(Reasons::INTRODUCING));
    room.enter("eve", &Profile::seed());
    room.held = false;
    room.befriend("ann", "eve");
    let packet = rejoin(&room);
    assert_eq!(drops(&room.forge_packet("eve", "ann", &packet)), [DropReason::UnknownPeer]);
    let conference = Conference { kind: ConferenceType::TEXT, id: ConferenceId([9; 32]) };
    let elsewhere = Packet::Rejoin(Rejoin { conference, trailing: &[] });
    let outputs = room.forge_packet("bob", "ann", &elsewhere);
    assert_eq!(drops(&outputs), [DropReason::NoConference]);
}

/// T-022. The original loses it on a connection that never had a slot (B-10).
#[test]
fn a_rejoin_is_understood_without_any_history_of_slots() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, expected) in [(Profile::seed(), vec!["e 61"]), (original, vec![])] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.enter("eve", &profile);
        room.befriend("ann", "eve");
        room.held = true;
        let (bob, number) = (room.number("bob"), room.next_number("bob"));
        room.new_peer("bob", "ann", (bob, number), (9, key_of("eve"), key_of("e")));
        let packet = rejoin(&room);
        let outputs = room.forge_packet("eve", "ann", &packet);
        assert_eq!(sends(&outputs), expected, "{profile}");
    }
}

/// G-019, in every order of delivery both sides are online, each announced once.
#[test]
fn simultaneous_rejoins_bring_both_sides_online() {
    for order in 0..256_u32 {
        let mut room = Room::of(["ann", "bob"]);
        room.held = true;
        room.disconnect("ann", "bob");
        room.clear();
        room.connect_only("ann", "bob");
        for step in 0..200 {
            let turn = order >> (step % 8) & 1 == 0;
            if !room.deliver_from(if turn { "ann" } else { "bob" })
                && !room.deliver_from(if turn { "bob" } else { "ann" })
            {
                break;
            }
        }
        for (name, other) in [("ann", "bob"), ("bob", "ann")] {
            let slot = room.slot(name, other).unwrap();
            assert!(slot.online && room.is_active(name, other), "{order:08b}");
        }
        let announced = |by: &str| {
            let own = room.log_of(&[by]);
            own.len()
        };
        assert!(announced("A>B 63/10") <= 2 && announced("B>A 63/10") <= 2, "{:?}", room.log);
    }
}

/// it is not repeated.
#[test]
fn a_rejoin_without_an_answer_is_not_repeated() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.disconnect("ann", "bob");
    room.connect_only("ann", "bob");
    room.clear();
    for _ in 0..200 {
        room.pause(1);
        room.tick("ann");
    }
    assert_eq!(room.log_of(&["A>B"]), [""; 0]);
    assert!(room.slot("ann", "bob").is_some());
}

/// harmless for a peer that is active and online; nothing is announced.
#[test]
fn a_rejoin_of_who_is_there_changes_little() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.pause(30);
    let outputs = room.forge_packet("bob", "ann", &rejoin(&room));
    assert_eq!(sends(&outputs), ["b 61"]);
    let bob = room.group("ann").peer(&key_of("bob")).unwrap();
    assert_eq!(bob.last_active, room.seconds());
}
