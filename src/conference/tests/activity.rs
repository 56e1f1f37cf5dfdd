//! Activity, pings, freezing and thawing, and the main loop.

use super::room::{PING, Room, chat, drops, entry, key_of, low_key, sends};
use crate::conference::{
    Departure, DropReason, Event, Input, Output, Profile, Reasons, SeededDice,
};
use crate::wire::{FreezePeer, GroupNumber, MessageBody, Packet, PeerNumber, UnknownMessage};

fn ctoxcore() -> Profile {
    "ctoxcore".parse().unwrap()
}

/// Ann has bob and a silent cat; 61 seconds later cat is frozen.
fn with_frozen_cat(profile: &Profile) -> (Room, PeerNumber, PeerNumber) {
    let mut room = Room::with(profile, ["ann", "bob", "cat"]);
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(61);
    assert!(room.is_frozen("ann", "cat"));
    room.held = true;
    room.clear();
    let (bob, cat) = (room.number("bob"), room.number("cat"));
    (room, bob, cat)
}

/// T-002. Any message of a frozen author thaws it, also a duplicate, a malformed
/// one, or one that nobody knows; T-003: but not a Freeze (D-013, D-015).
#[test]
fn any_message_but_a_freeze_thaws_its_author() {
    let unknown = MessageBody::Unknown(UnknownMessage { id: 0x42, body: b"x" });
    for (number, body) in [(90, PING), (90, unknown), (90, chat("")), (1, PING)] {
        let (mut room, _, cat) = with_frozen_cat(&Profile::seed());
        room.message("bob", "ann", (cat, number), body);
        assert!(room.is_active("ann", "cat"), "{body:?}");
    }
    let (mut room, _, cat) = with_frozen_cat(&Profile::seed());
    let before = room.group("ann").clone();
    let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: cat });
    let outputs = room.message("bob", "ann", (cat, 90), freeze);
    assert_eq!(outputs, [Output::Dropped(DropReason::AuthorFrozen)]);
    let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: PeerNumber(4711) });
    let outputs = room.message("bob", "ann", (PeerNumber(4711), 90), freeze);
    assert_eq!(outputs, [Output::Dropped(DropReason::UnknownAuthor)]);
    assert_eq!(*room.group("ann"), before);
}

/// a New Peer message about a frozen peer thaws it; R-151, T-008.
#[test]
fn a_new_peer_message_thaws_and_brings_the_new_key() {
    let (mut room, bob, cat) = with_frozen_cat(&Profile::seed());
    let number = room.next_number("bob");
    room.new_peer("bob", "ann", (bob, number), (cat.0, key_of("cat"), low_key(9)));
    let peer = room.group("ann").peer(&key_of("cat")).unwrap();
    assert_eq!((peer.dht_key, peer.dht_key_updated), (low_key(9), true));
    assert!(room.is_active("ann", "cat"));
}

/// T-004, D-016. Being listed is no activity.
#[test]
fn a_response_thaws_nobody() {
    let (mut room, _, cat) = with_frozen_cat(&Profile::seed());
    let before = room.group("ann").peer(&key_of("cat")).unwrap().last_active;
    room.response("bob", "ann", &[entry(cat.0, key_of("cat"), low_key(1))]);
    assert!(room.is_frozen("ann", "cat"));
    assert_eq!(room.group("ann").peer(&key_of("cat")).unwrap().last_active, before);
}

/// O-013. Other traffic does not postpone it; without a slot none is sent.
#[test]
fn a_ping_leaves_every_twenty_seconds() {
    let mut room = Room::of(["ann", "bob"]);
    room.wait(21);
    room.clear();
    let own = |room: &Room| room.log_of(&["A>B 63/00"]).len();
    room.say("ann", "x");
    room.wait(200);
    // Each of ann's, and each of bob's that she sends back.
    assert_eq!(own(&room), 20);
    room.held = true;
    room.disconnect("ann", "bob");
    room.clear();
    for _ in 0..50 {
        room.pause(1);
        room.tick("ann");
    }
    assert_eq!(own(&room), 0);
}

/// D-012, in the tests of the online handshake; here that it counts as the last ping.
#[test]
fn a_ping_on_going_online_counts() {
    let mut room = Room::of(["ann", "bob"]);
    room.wait(10);
    room.disconnect("ann", "bob");
    room.settle();
    room.held = true;
    room.clear();
    for second in 1..=20 {
        room.pause(1);
        room.tick("ann");
        // Bob does nothing, so all of these are hers.
        let pings = room.log_of(&["A>B 63/00"]).len();
        assert_eq!(pings, usize::from(second == 20), "{second} s after going online");
    }
}

/// from 60 s on, and not before.
#[test]
fn a_peer_freezes_after_sixty_seconds_without_activity() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let (bob, cat) = (room.number("bob"), room.number("cat"));
    room.message("bob", "ann", (cat, 90), PING);
    room.pause(30);
    room.message("bob", "ann", (bob, 90), PING);
    room.pause(29);
    room.tick("ann");
    assert!(room.is_active("ann", "cat"));
    room.pause(1);
    let outputs = room.tick("ann");
    let left = Event::PeerLeft {
        group: GroupNumber(0),
        peer: cat,
        real_key: key_of("cat"),
        why: Departure::Frozen,
    };
    assert!(outputs.contains(&Output::Event(left)), "{outputs:?}");
    assert_eq!(room.active("ann"), "ab");
}

/// the original skips who took the place of a frozen one.
#[test]
fn the_original_takes_a_pass_more_for_some() {
    for (profile, passes) in [(Profile::seed(), 1), (ctoxcore(), 2)] {
        let mut room = Room::with(&profile, ["ann", "bob", "cat"]);
        room.held = true;
        room.pause(61);
        let mut needed = 0;
        while room.group("ann").active().len() > 1 {
            room.tick("ann");
            needed += 1;
        }
        assert_eq!(needed, passes, "{profile}");
    }
}

/// I-005.
#[test]
fn we_never_time_out() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.pause(1_000_000);
    room.tick("ann");
    assert_eq!(room.active("ann"), "a");
}

/// T-001. What is known of a peer survives.
#[test]
fn a_frozen_peer_keeps_what_is_known_of_it_and_loses_its_slot() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let cat = room.number("cat");
    room.message("bob", "ann", (cat, 90), chat("x"));
    let before = room.group("ann").peer(&key_of("cat")).unwrap().clone();
    let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: cat });
    let outputs = room.message("cat", "ann", (cat, 91), freeze);
    assert!(sends(&outputs).contains(&"c 64".to_owned()), "{outputs:?}");
    let frozen = room.group("ann").peer(&key_of("cat")).unwrap();
    assert_eq!((frozen.number, &frozen.name), (before.number, &before.name));
    assert_eq!(frozen.last_active, before.last_active);
    assert_eq!(frozen.remembered().collect::<Vec<_>>()[..2], [91, 90]);
    assert!(!room.group("ann").closest().any(|key| *key == key_of("cat")));
    // and back.
    room.message("bob", "ann", (cat, 92), chat("x"));
    let thawed = room.group("ann").peer(&key_of("cat")).unwrap();
    assert_eq!((thawed.number, &thawed.name, thawed.dht_key), (cat, &before.name, before.dht_key));
    assert!(!thawed.dht_key_updated);
}

/// O-002. D-021: old releases kept the slot, and sent on.
#[test]
fn nothing_is_sent_to_a_frozen_peer() {
    let old: Profile = "ctoxcore:0.2.10".parse().unwrap();
    for (profile, sent) in [(Profile::seed(), 0), (old, 1)] {
        let mut room = Room::with(&profile, ["ann", "bob", "cat"]);
        room.held = true;
        let cat = room.number("cat");
        let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: cat });
        room.message("cat", "ann", (cat, 91), freeze);
        let outputs = room.say("ann", "x");
        let to_cat = sends(&outputs).iter().filter(|line| line.starts_with("c 63")).count();
        assert_eq!(to_cat, sent, "{profile}");
    }
}

/// ping, time-outs, cleaning, Name, in this order.
#[test]
fn time_outs_come_before_cleaning_and_the_name_last() {
    let mut room = Room::of(["ann", "bob"]);
    super::closest::stuff_slots(&mut room);
    // By hand: only bob is silent, and every slot tells when it is cleaned away.
    (room.held, room.quiet) = (true, true);
    room.pause(61);
    let (now, bob) = (room.seconds(), room.number("bob"));
    let group = room.members.get_mut("ann").unwrap();
    let group = group.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
    group.name_scheduled = true;
    for index in 0..16 {
        let slot = group.slots.get_mut(index).unwrap();
        slot.reasons = slot.reasons.with(Reasons::INTRODUCER);
    }
    for number in group.active().iter().map(|peer| peer.number).collect::<Vec<_>>() {
        if number != bob {
            group.peers.active_mut(number).unwrap().last_active = now;
        }
    }
    let outputs = room.tick("ann");
    let order = outputs.iter().map(|output| match output {
        Output::Event(Event::PeerLeft { why: Departure::Frozen, .. }) => "freezes".to_owned(),
        Output::Send { bytes, .. } => super::room::short(bytes).split(' ').next().unwrap().into(),
        other => format!("{other:?}"),
    });
    let mut order: Vec<String> = order.collect();
    order.dedup();
    assert_eq!(order, ["63/00", "freezes", "64", "62/01", "63/30"]);
}

/// closest set, ping, Name, in this order.
#[test]
fn a_pass_has_its_order() {
    let (mut room, bob, cat) = with_frozen_cat(&Profile::seed());
    let number = room.next_number("bob");
    room.new_peer("bob", "ann", (bob, number), (9, low_key(9), low_key(9)));
    room.message("bob", "ann", (cat, 90), PING);
    room.pause(20);
    let outputs = room.tick("ann");
    let order: Vec<String> = outputs
        .iter()
        .map(|output| match output {
            Output::Open { .. } => "open".into(),
            Output::Send { bytes, .. } => super::room::short(bytes)[..5].into(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(order, ["open", "63/00", "63/30"]);
    assert_eq!(drops(&room.tick("ann")), [DropReason::NothingDue]);
}

/// time is in whole seconds, and never runs backwards.
#[test]
fn time_is_rounded_down_to_seconds_and_does_not_run_backwards() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let bob = room.number("bob");
    room.message("bob", "ann", (bob, 90), PING);
    let before = room.seconds();
    let at = crate::time::Timestamp::from_parts(1, 0);
    let ann = &mut room.members.get_mut("ann").unwrap().endpoint;
    ann.step(Input::Tick { at }, &mut SeededDice::new(1));
    assert_eq!(ann.groups().next().unwrap().peer(&key_of("bob")).unwrap().last_active, before);
    assert!(ann.next_due().is_some_and(|due| due >= before));
}

/// the packets of one connection are handled in the order they come, one by one.
#[test]
fn packets_are_handled_as_they_come() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.say("ann", "one");
    room.say("ann", "two");
    room.held = false;
    room.settle();
    assert_eq!(room.texts("bob"), ["one", "two"]);
}

/// what somebody does not know is ignored, and nothing is negotiated.
#[test]
fn what_is_not_known_has_no_effect() {
    let mut room = Room::of(["ann", "bob"]);
    let before = room.group("ann").clone();
    for (bytes, reason) in [
        (&[0x60, 9, 0, 0][..], DropReason::UnknownKind),
        (&[0x62, 0, 0, 0x44], DropReason::UnknownKind),
        (&[0x65, 1, 2, 3], DropReason::OtherPacket),
    ] {
        assert_eq!(room.forge("bob", "ann", bytes), [Output::Dropped(reason)]);
    }
    assert_eq!(*room.group("ann"), before);
    let lossy = Packet::parse(&[0xc7]).is_err();
    assert!(lossy);
}

/// B-05. The original goes by the number, and so times itself out under another.
#[test]
fn only_the_original_times_itself_out_once_it_is_renumbered() {
    for (profile, frozen) in [(Profile::seed(), false), ("ctoxcore".parse().unwrap(), true)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        let bob = room.number("bob");
        room.pause(30);
        room.new_peer("bob", "ann", (bob, 90), (900, key_of("ann"), key_of("x")));
        for (seconds, number) in [(31, 91), (30, 92)] {
            room.pause(seconds);
            room.message("bob", "ann", (bob, number), PING);
            room.tick("ann");
        }
        assert_eq!(room.is_frozen("ann", "ann"), frozen, "{profile}");
        assert!(room.is_active("ann", "bob"));
    }
}
