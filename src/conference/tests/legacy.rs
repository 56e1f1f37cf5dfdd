//! Members of before persistent conferences, and profiles.

use super::room::{PING, Room, chat, drops, key_of, low_key, sends};
use crate::conference::{Departure, DropReason, Event, Output, Profile, Reasons, Release};
use crate::wire::{
    FreezePeer, GroupNumber, MessageBody, Packet, PeerIntroduced, Ping, Rejoin, TitleResponse,
};

fn legacy_ann(names: [&str; 3]) -> Room {
    let mut room = Room::with(&Profile::legacy(), names);
    room.held = true;
    room
}

/// only a ping keeps a peer, and who is silent is deleted.
#[test]
fn a_legacy_member_deletes_who_does_not_ping() {
    let mut room = legacy_ann(["ann", "bob", "cat"]);
    let (bob, cat) = (room.number("bob"), room.number("cat"));
    room.pause(50);
    room.message("bob", "ann", (bob, 90), chat("x"));
    room.message("bob", "ann", (cat, 90), PING);
    room.pause(20);
    let outputs = room.tick("ann");
    let left = Event::PeerLeft {
        group: GroupNumber(0),
        peer: bob,
        real_key: key_of("bob"),
        why: Departure::Deleted,
    };
    assert!(outputs.contains(&Output::Event(left)));
    assert_eq!((room.active("ann"), room.group("ann").frozen().len()), ("ac".into(), 0));
}

/// 1 to 64 ahead up to 0.2.4, so after a restart from a save its numbers are not taken.
#[test]
fn a_member_of_0_2_4_takes_numbers_up_to_64_ahead() {
    let mut room = Room::with(&Profile::ctoxcore(Release(4)), ["ann", "bob"]);
    room.held = true;
    let bob = room.number("bob");
    let last = room.group("ann").peer(&key_of("bob")).unwrap().remembered().next().unwrap();
    let mut hear = |number| drops(&room.message("bob", "ann", (bob, number), chat("x")));
    assert_eq!(hear(last + 65_537), [DropReason::TooOld]);
    assert_eq!(hear(last + 65), [DropReason::TooOld]);
    assert_eq!(hear(last + 64), []);
    assert_eq!(hear(last + 64), [DropReason::AlreadySeen]);
    assert_eq!(hear(last + 63), [DropReason::TooOld]);
}

/// D-022.
#[test]
fn introduced_makes_a_legacy_member_drop_a_connection_that_is_not_closest() {
    let mut room = legacy_ann(["ann", "bob", "cat"]);
    let introduced =
        Packet::PeerIntroduced(PeerIntroduced { group_number: GroupNumber(0), trailing: &[] });
    let outputs = room.forge_packet("bob", "ann", &introduced);
    assert_eq!(drops(&outputs), [DropReason::NotIntroducing], "bob is closest");
    let ann = room.members.get_mut("ann").unwrap();
    let group = ann.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
    let index = group.slots.find(&key_of("bob")).unwrap();
    group.slots.get_mut(index).unwrap().reasons = Reasons::INTRODUCING.with(Reasons::INTRODUCER);
    assert_eq!(room.forge_packet("bob", "ann", &introduced), []);
    assert_eq!(room.slot("ann", "bob"), None);
}

/// Freeze, Rejoin and member packets are unknown to them.
#[test]
fn a_legacy_member_does_not_know_the_newer_packets() {
    let mut room = legacy_ann(["ann", "bob", "cat"]);
    let bob = room.number("bob");
    let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: bob });
    let outputs = room.message("bob", "ann", (bob, 90), freeze);
    assert_eq!(outputs, [Output::Dropped(DropReason::UnknownKind)]);
    let conference = room.group("ann").conference();
    let rejoin = Packet::Rejoin(Rejoin { conference, trailing: &[] });
    assert_eq!(drops(&room.forge_packet("bob", "ann", &rejoin)), [DropReason::OtherPacket]);
    let member = crate::wire::InviteMember {
        group_number: GroupNumber(0),
        receiver_group_number: GroupNumber(0),
        conference,
        peer_number: bob,
    };
    let outputs = room.forge_packet("bob", "ann", &Packet::InviteMember(member));
    assert_eq!(drops(&outputs), [DropReason::UnknownKind]);
    // And who shuts down leaves.
    let outputs = room.request("ann", crate::conference::Request::ShutDown);
    assert!(sends(&outputs).iter().all(|line| line.contains("63/11")), "{outputs:?}");
}

///
#[test]
fn a_legacy_member_drops_a_ping_with_a_body() {
    let mut room = legacy_ann(["ann", "bob", "cat"]);
    let bob = room.number("bob");
    let ping = MessageBody::Ping(Ping { trailing: b"x" });
    assert_eq!(room.message("bob", "ann", (bob, 90), ping), [Output::Dropped(DropReason::TooLong)]);
}

/// up to 0.2.10, to the source as well.
#[test]
fn old_members_relay_to_the_source() {
    for (release, back) in [(4, true), (7, true), (10, true), (11, false)] {
        let profile = Profile::ctoxcore(Release(release));
        let mut room = Room::with(&profile, ["ann", "bob", "cat"]);
        room.held = true;
        let bob = room.number("bob");
        let outputs = room.message("cat", "ann", (bob, 40), PING);
        assert_eq!(sends(&outputs).contains(&"c 63/00 #40".into()), back, "0.2.{release}");
    }
}

/// D-050.
#[test]
fn a_title_response_always_counts_for_a_legacy_member() {
    let mut room = Room::with(&Profile::legacy(), ["ann", "bob"]);
    room.set_title("bob", "x");
    room.held = true;
    let response = TitleResponse { group_number: GroupNumber(0), title: b"y" };
    assert_eq!(drops(&room.forge_packet("bob", "ann", &Packet::TitleResponse(response))), []);
    assert_eq!(room.group("ann").title(), b"y");
}

/// D-064.
#[test]
fn a_legacy_member_refuses_a_second_number_of_a_key() {
    let mut room = legacy_ann(["ann", "bob", "cat"]);
    let bob = room.number("bob");
    let outputs = room.new_peer("bob", "ann", (bob, 90), (9, key_of("cat"), low_key(1)));
    assert_eq!(drops(&outputs), [DropReason::KnownOtherwise]);
    let outputs = room.new_peer("bob", "ann", (bob, 91), (bob.0, low_key(2), low_key(1)));
    assert_eq!(drops(&outputs), [DropReason::NumberTaken]);
}

#[test]
fn profiles_have_names() {
    for name in ["seed", "spec", "hardened", "ctoxcore", "ctoxcore:0.2.10", "ctoxcore:0.2.7"] {
        assert_eq!(name.parse::<Profile>().unwrap().to_string(), name);
    }
    assert_eq!(Profile::legacy().to_string(), "ctoxcore:0.2.7");
    // As scenarios and `--profile` have it.
    assert_eq!("legacy".parse(), Ok(Profile::legacy()));
    for bad in ["", "SEED", "ctoxcore:", "ctoxcore:0.2.3", "ctoxcore:0.2.255", "ctoxcore:0.2.+9"] {
        assert!(bad.parse::<Profile>().is_err(), "{bad}");
    }
}
