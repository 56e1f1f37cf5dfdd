//! Slots and their reasons.

use super::closest::stuff_slots;
use super::room::{PING, Room, chat, drops, key_of, sends};
use crate::conference::{DropReason, Output, Profile, Reasons, Request};
use crate::wire::{
    GroupNumber, Lossy, LossyBody, LossyNumber, Packet, PeerIntroduced, PeerNumber, PeerQuery,
};

/// the seventeenth fails in silence.
#[test]
fn there_are_sixteen_slots() {
    let mut room = Room::of(["ann", "bob"]);
    stuff_slots(&mut room);
    room.enter("z", &Profile::seed());
    room.held = false;
    room.befriend("ann", "z");
    room.held = true;
    let accepted = crate::wire::InviteAccepted {
        group_number: GroupNumber(0),
        receiver_group_number: GroupNumber(0),
        conference: room.group("ann").conference(),
    };
    let outputs = room.forge_packet("z", "ann", &Packet::InviteAccepted(accepted));
    assert_eq!(sends(&outputs).len(), 16, "everybody is told, but not z");
    assert!(room.slot("ann", "z").is_none() && room.is_active("ann", "z"));
}

/// D-046. The original says nothing to whom it drops (B-24).
#[test]
fn cleaning_keeps_two_slots_free_and_spares_the_closest() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for profile in [Profile::seed(), original] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        stuff_slots(&mut room);
        room.cut("ann", "k");
        room.tick("ann");
        let group = room.group("ann");
        assert_eq!(group.slots().count(), 14, "{profile}");
        assert!(room.slot("ann", "k").is_none(), "connecting slots go first");
        let closest: Vec<_> = group.closest().copied().collect();
        let kept = |key: &crate::wire::PublicKey| group.slots().any(|slot| slot.friend == *key);
        assert!(closest.iter().all(kept), "{profile}");
    }
}

/// online slots go last; those that introduce us are told (D-046, B-24).
#[test]
fn an_introducer_that_is_cleaned_away_is_told() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, told) in [(Profile::seed(), true), (original, false)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        stuff_slots(&mut room);
        let group = room.members.get_mut("ann").unwrap();
        let group = group.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
        for index in 0..16 {
            let slot = group.slots.get_mut(index).unwrap();
            slot.reasons = slot.reasons.with(Reasons::INTRODUCER);
        }
        let outputs = room.tick("ann");
        let introduced = sends(&outputs).iter().filter(|line| line.contains("62/01")).count();
        assert_eq!(introduced, if told { 2 } else { 0 }, "{profile}");
    }
}

/// adding a reason keeps state and number.
#[test]
fn a_reason_is_added_to_the_slot_that_is_there() {
    let mut room = Room::of(["ann", "bob"]);
    let before = room.slot("ann", "bob").unwrap();
    assert!(before.online && before.reasons.contains(Reasons::INTRODUCING));
    assert!(before.reasons.contains(Reasons::CLOSEST));
    let rejoin = crate::wire::Rejoin { conference: room.group("ann").conference(), trailing: &[] };
    room.forge_packet("bob", "ann", &Packet::Rejoin(rejoin));
    let after = room.slot("ann", "bob").unwrap();
    assert_eq!((after.online, after.group_number), (before.online, before.group_number));
    assert_eq!(format!("{:?}", after.reasons), "CLOSEST+INTRODUCING");
    assert_eq!(format!("{:?}", Reasons::NONE), "NONE");
}

/// I-020. The connection of a friend survives, that of a stranger ends in the pass
/// (B-15: the original ends it at once).
#[test]
fn the_last_slot_takes_the_connection_of_a_stranger_with_it() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, at_once) in [(Profile::seed(), false), (original, true)] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.enter("cat", &profile);
        room.befriend("bob", "cat");
        room.create("ann", crate::wire::ConferenceType::TEXT);
        room.invite("ann", "bob");
        room.invite("bob", "cat");
        room.wait(1);
        assert!(room.slot("ann", "cat").unwrap().online, "they are neighbours on the ring");
        let group = room.group("ann").number();
        let at = room.now();
        let delete = Request::Delete { group };
        room.held = true;
        let input = crate::conference::Input::Request { at, request: delete };
        let outputs = room.step("ann", input);
        let release = Output::Release { friend: key_of("cat") };
        assert_eq!(outputs.contains(&release), at_once, "{profile}");
        if !at_once {
            assert!(room.tick("ann").contains(&release));
        }
        assert!(room.endpoint("ann").connection(&key_of("cat")).is_none());
        let bob = room.endpoint("ann").connection(&key_of("bob")).unwrap();
        assert!(bob.is_up() && bob.is_friend() && bob.users() == 0);
        assert_eq!(bob.dht_key(), super::room::dht_key_of("bob"));
    }
}

/// from a friend connection without a slot, nothing is taken; on a connecting slot,
/// messages are.
#[test]
fn packets_are_taken_from_whoever_has_a_slot() {
    let mut room = Room::of(["ann", "bob"]);
    room.enter("eve", &Profile::seed());
    room.befriend("ann", "eve");
    room.held = true;
    let bob = room.number("bob");
    let next = room.next_number("bob");
    assert_eq!(drops(&room.message("eve", "ann", (bob, next), PING)), [DropReason::NoSlot]);
    let query = Packet::PeerQuery(PeerQuery { group_number: GroupNumber(0), trailing: &[] });
    assert_eq!(drops(&room.forge_packet("eve", "ann", &query)), [DropReason::NoSlot]);
    let other = Packet::PeerQuery(PeerQuery { group_number: GroupNumber(5), trailing: &[] });
    assert_eq!(drops(&room.forge_packet("bob", "ann", &other)), [DropReason::NoConference]);
    room.held = false;
    room.disconnect("ann", "bob");
    room.held = true;
    assert_eq!(drops(&room.message("bob", "ann", (bob, next), PING)), [DropReason::NotConnected]);
}

/// nothing is sent on a connecting slot.
#[test]
fn a_connecting_slot_receives_and_does_not_send() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.cut("ann", "bob");
    room.held = true;
    room.restore("ann", "bob");
    let group = room.members.get_mut("ann").unwrap();
    let group = group.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
    let index = group.slots.find(&key_of("bob")).unwrap();
    assert!(!group.slots.get(index).unwrap().online);
    room.held = false;
    room.connect_only("ann", "bob");
    room.held = true;
    let (bob, next) = (room.number("bob"), room.next_number("bob"));
    let outputs = room.message("bob", "ann", (bob, next), chat("hi"));
    assert_eq!(sends(&outputs), [format!("c 63/40 #{next}")]);
    let said = room.say("ann", "hello");
    assert!(sends(&said).iter().all(|line| line.starts_with('c')), "{said:?}");
}

/// T-020. Introduced takes the reason; the slot goes with its last one.
#[test]
fn introduced_ends_the_introduction_and_is_not_answered() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let introduced = PeerIntroduced { group_number: GroupNumber(0), trailing: &[] };
    let introduced = Packet::PeerIntroduced(introduced);
    assert_eq!(room.forge_packet("bob", "ann", &introduced), []);
    let slot = room.slot("ann", "bob").unwrap();
    assert_eq!(slot.reasons, Reasons::CLOSEST);
    let outputs = room.forge_packet("bob", "ann", &introduced);
    assert_eq!(drops(&outputs), [DropReason::NotIntroducing]);
}

/// more than four online slots, and the introducer's message through another one.
#[test]
fn an_introducer_is_released_once_its_messages_come_around() {
    let mut room = Room::of(["ann", "bob"]);
    stuff_slots(&mut room);
    let dan = room.group("ann").peer(&key_of("d")).unwrap().number;
    let find = |room: &mut Room| {
        let ann = room.members.get_mut("ann").unwrap();
        let group = ann.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
        let index = group.slots.find(&key_of("d")).unwrap();
        let slot = group.slots.get_mut(index).unwrap();
        slot.reasons = Reasons::INTRODUCER;
    };
    find(&mut room);
    let own = room.message("d", "ann", (dan, 1), PING);
    assert!(!sends(&own).iter().any(|line| line.contains("62/01")));
    assert!(room.slot("ann", "d").is_some());
    // Duplicates count.
    let outputs = room.message("c", "ann", (dan, 1), PING);
    assert_eq!(sends(&outputs), ["d 62/01"]);
    assert_eq!(drops(&outputs), [DropReason::AlreadySeen]);
    assert!(room.slot("ann", "d").is_none());
}

/// with four online slots or fewer it stays.
#[test]
fn an_introducer_stays_while_connections_are_few() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let ann = room.number("ann");
    let next = room.next_number("ann");
    let before = room.slot("bob", "ann").unwrap();
    assert!(before.reasons.contains(Reasons::INTRODUCER));
    room.message("cat", "bob", (ann, next), PING);
    assert_eq!(room.slot("bob", "ann").unwrap().reasons, before.reasons);
}

///
#[test]
fn lossy_messages_are_for_audio_conferences() {
    let mut room = Room::of(["ann", "bob"]);
    let lossy = Lossy {
        group_number: GroupNumber(0),
        peer_number: PeerNumber(1),
        message_number: LossyNumber(0),
        body: LossyBody::Audio { sequence_number: 0, opus: b"x" },
    };
    let outputs = room.forge_packet("bob", "ann", &Packet::Lossy(lossy));
    assert_eq!(drops(&outputs), [DropReason::NotForText]);
}
