//! Group messages.

use super::room::{PING, Room, chat, drops, entry, key_of, low_key, sends};
use crate::conference::{DropReason, Event, Output, Profile, Request};
use crate::wire::{
    FreezePeer, GroupNumber, KillPeer, MessageBody, MessageNumber, Name, PeerNumber, Title,
};

fn pair(profile: &Profile) -> (Room, PeerNumber, u32) {
    let mut room = Room::with(profile, ["ann", "bob"]);
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    (room, bob, number)
}

/// O-003. From 1, without 0, and none for nothing.
#[test]
fn own_numbers_count_up_and_skip_zero() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let ann = room.members.get_mut("ann").unwrap();
    let group = ann.endpoint.groups.get_mut(GroupNumber(0)).unwrap();
    group.message_number = u32::MAX - 1;
    ann.tap = crate::conference::Tap::default();
    let mut numbers = Vec::new();
    for _ in 0..3 {
        room.say("ann", "x");
        numbers.push(room.group("ann").message_number().0);
    }
    assert_eq!(numbers, [u32::MAX, 1, 2]);
    room.disconnect("ann", "bob");
    assert_eq!(drops(&room.say("ann", "x")), [DropReason::NoOnlineSlot]);
    assert_eq!(room.group("ann").message_number(), MessageNumber(2));
}

/// D-066.
#[test]
fn a_text_has_1_to_1363_bytes() {
    let mut room = Room::of(["ann", "bob"]);
    assert_eq!(drops(&room.say("ann", "")), [DropReason::Empty]);
    assert_eq!(drops(&room.say("ann", &"x".repeat(1364))), [DropReason::TooLong]);
    let outputs = room.say("ann", &"x".repeat(1363));
    assert!(matches!(&outputs[..], [Output::Send { bytes, .. }] if bytes.len() == 1373));
    assert_eq!(room.texts("bob")[0].len(), 1363);
}

/// the eight largest.
#[test]
fn a_number_is_accepted_once_and_not_below_the_eight_largest() {
    let (mut room, bob, _) = pair(&Profile::seed());
    let mut hear = |number| drops(&room.message("bob", "ann", (bob, number), chat("x")));
    for number in [100, 102, 101, 103, 104, 105, 106, 107] {
        assert_eq!(hear(number), [], "{number}");
    }
    assert_eq!(hear(104), [DropReason::AlreadySeen]);
    assert_eq!(hear(99), [DropReason::TooOld]);
    assert_eq!(hear(u32::MAX), [DropReason::TooOld]);
    assert_eq!(hear(108), []);
    assert_eq!(hear(100), [DropReason::TooOld]);
    let peer = room.group("ann").peer(&key_of("bob")).unwrap();
    assert_eq!(peer.remembered().collect::<Vec<_>>(), (101..=108).rev().collect::<Vec<_>>());
}

/// D-030. It wraps, except in old releases.
#[test]
fn numbers_wrap() {
    let old: Profile = "ctoxcore:0.2.10".parse().unwrap();
    for (profile, wraps) in [(Profile::seed(), true), (old, false)] {
        let (mut room, _, _) = pair(&profile);
        room.response("bob", "ann", &[entry(9, low_key(9), low_key(9))]);
        let new = PeerNumber(9);
        let mut hear = |number| drops(&room.message("bob", "ann", (new, number), chat("x")));
        (0..8).for_each(|number| assert_eq!(hear(u32::MAX - 7 + number), []));
        assert_eq!(hear(1), if wraps { vec![] } else { vec![DropReason::TooOld] }, "{profile}");
    }
}

/// T-013.
#[test]
fn an_older_name_or_title_does_not_override_a_newer_one() {
    let (mut room, bob, number) = pair(&Profile::seed());
    let mut hear = |number, body| drops(&room.message("bob", "ann", (bob, number), body));
    let name = |name| MessageBody::Name(Name { name });
    let title = |title| MessageBody::Title(Title { title });
    assert_eq!(hear(number + 5, name(b"new")), []);
    assert_eq!(hear(number + 3, name(b"old")), [DropReason::Superseded]);
    assert_eq!(hear(number + 2, title(b"title")), []);
    assert_eq!(hear(number + 1, title(b"older")), [DropReason::Superseded]);
    assert_eq!(hear(number + 4, chat("x")), []);
    assert_eq!(room.group("ann").peer(&key_of("bob")).unwrap().name, b"new");
    assert_eq!(room.group("ann").title(), b"title");
}

/// T-010. The number of what cannot be read, or is not known, is used up.
#[test]
fn a_number_is_remembered_before_the_body_is_looked_at() {
    let (mut room, bob, number) = pair(&Profile::seed());
    let unknown = crate::wire::UnknownMessage { id: 0x42, body: b"x" };
    let outputs = room.message("bob", "ann", (bob, number), MessageBody::Unknown(unknown));
    assert_eq!(outputs, [Output::Dropped(DropReason::UnknownKind)]);
    let outputs = room.message("bob", "ann", (bob, number), chat("x"));
    assert_eq!(drops(&outputs), [DropReason::AlreadySeen]);
    let outputs = room.message("bob", "ann", (bob, number + 1), chat(""));
    assert!(matches!(outputs[..], [Output::Dropped(DropReason::Malformed(_))]));
    let outputs = room.message("bob", "ann", (bob, number + 1), chat("x"));
    assert_eq!(drops(&outputs), [DropReason::AlreadySeen]);
    let short = [0x63, 0, 0, 0, 1, 0, 0, 0, 9];
    let before = room.group("ann").clone();
    let outputs = room.forge("bob", "ann", &short);
    assert!(matches!(outputs[..], [Output::Dropped(DropReason::Malformed(_))]));
    assert_eq!(*room.group("ann"), before, "T-011");
}

/// a repeated number keeps its author active.
#[test]
fn a_repeated_message_number_is_dropped_but_keeps_its_sender_active() {
    let (mut room, bob, number) = pair(&Profile::seed());
    room.message("bob", "ann", (bob, number), chat("hi"));
    room.pause(50);
    let outputs = room.message("bob", "ann", (bob, number), chat("hi"));
    assert_eq!(outputs, [Output::Dropped(DropReason::AlreadySeen)]);
    room.pause(20);
    room.tick("ann");
    assert!(room.is_active("ann", "bob"));
}

/// O-005, O-007. D-034: the author's neighbour sends it back; the specification
/// does not, so own messages are reported as they are sent.
#[test]
fn a_message_goes_on_to_all_but_its_source_and_back_to_its_author() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    let line = |to: &str, number| format!("{to} 63/40 #{number}");
    let mut direct = sends(&room.message("bob", "ann", (bob, number), chat("x")));
    direct.sort();
    assert_eq!(direct, [line("b", number), line("c", number)]);
    let relayed = sends(&room.message("cat", "ann", (bob, number + 1), chat("x")));
    assert_eq!(relayed, [line("b", number + 1)]);
    let (mut room, bob, number) = pair(&Profile::spec());
    assert_eq!(sends(&room.message("bob", "ann", (bob, number), chat("x"))), [""; 0]);
    room.say("ann", "mine");
    assert_eq!(room.texts("ann").last().unwrap(), "mine");
}

/// in a conference of two, one's own message comes back.
#[test]
fn own_messages_are_reported_when_they_come_back() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.say("ann", "hi");
    assert_eq!(room.texts("ann"), [""; 0]);
    room.held = false;
    room.settle();
    assert_eq!((room.texts("ann"), room.texts("bob")), (vec!["hi".into()], vec!["hi".into()]));
}

/// an own message that comes back is passed on once.
#[test]
fn own_messages_that_come_back_are_relayed_once() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    room.say("ann", "hi");
    let (ann, number) = (room.number("ann"), room.group("ann").message_number().0);
    let first = room.message("bob", "ann", (ann, number), chat("hi"));
    assert_eq!(sends(&first), [format!("c 63/40 #{number}")]);
    let second = room.message("cat", "ann", (ann, number), chat("hi"));
    assert_eq!(second, [Output::Dropped(DropReason::AlreadySeen)]);
}

/// what is relayed and what is not.
#[test]
fn every_id_has_its_effect() {
    let (mut room, bob, mut number) = pair(&Profile::seed());
    let mut hear = |id: u8, body: &[u8]| {
        let mut bytes = vec![0x63, 0, 0];
        bytes.extend(bob.0.to_be_bytes());
        bytes.extend(number.to_be_bytes());
        bytes.push(id);
        bytes.extend(body);
        number += 1;
        sends(&room.forge("bob", "ann", &bytes)).len()
    };
    for (id, body, relayed) in [
        (0x00, &b""[..], 1),
        (0x00, b"x", 1),
        (0x40, b"x", 1),
        (0x40, b"", 0),
        (0x41, b"x", 1),
        (0x41, b"", 0),
        (0x42, b"x", 0),
        (0x30, b"", 1),
        (0x31, b"", 0),
        (0x31, b"x", 1),
        (0x10, b"x", 0),
        (0x10, &[9; 66], 1),
        (0x11, b"x", 0),
        (0xff, b"", 0),
    ] {
        assert_eq!(hear(id, body), relayed, "{id:02x} {body:?}");
    }
}

///
#[test]
fn nobody_removes_another_than_itself() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    let cat = room.number("cat");
    let kill = MessageBody::KillPeer(KillPeer { killed_peer_number: cat });
    let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: cat });
    for (more, body) in [(0, kill), (1, freeze)] {
        let outputs = room.message("bob", "ann", (bob, number + more), body);
        assert_eq!(outputs, [Output::Dropped(DropReason::NotAboutAuthor)]);
    }
    assert!(room.is_active("ann", "cat"));
}

/// the original obeys (B-05).
#[test]
fn a_forged_kill_or_freeze_of_ourselves_is_ignored() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, there) in [(Profile::seed(), true), (original, false)] {
        let (mut room, _, _) = pair(&profile);
        let own = room.number("ann");
        let kill = MessageBody::KillPeer(KillPeer { killed_peer_number: own });
        let freeze = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: own });
        for (number, body) in [(500, freeze), (501, kill)] {
            let outputs = room.message("bob", "ann", (own, number), body);
            assert_eq!(drops(&outputs) == [DropReason::AboutOurselves], there, "{profile}");
        }
        assert_eq!(room.group("ann").peer(&key_of("ann")).is_some(), there, "{profile}");
    }
}

///
#[test]
fn a_number_of_ours_that_we_did_not_use_is_reported() {
    let (mut room, _, _) = pair(&Profile::seed());
    let (own, used) = (room.number("ann"), room.group("ann").message_number().0);
    let report = |outputs: &[Output]| {
        let number = MessageNumber(used + 1);
        let event = Event::Impersonated { group: GroupNumber(0), message_number: number };
        outputs.contains(&Output::Event(event))
    };
    assert!(report(&room.message("bob", "ann", (own, used + 1), PING)));
    let outputs = room.message("bob", "ann", (own, used), chat("late"));
    assert!(!outputs.iter().any(|it| matches!(it, Output::Event(Event::Impersonated { .. }))));
}

/// D-033. The original sends empty texts, which nobody takes.
#[test]
fn empty_texts_are_sent_by_the_original_only() {
    for (profile, sent) in [(Profile::seed(), 0), ("ctoxcore".parse().unwrap(), 1)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        for (action, id) in [(false, "63/40"), (true, "63/41")] {
            room.clear();
            let (group, text) = (GroupNumber(0), &[][..]);
            room.request(
                "ann",
                match action {
                    false => Request::Say { group, text },
                    true => Request::Act { group, text },
                },
            );
            assert_eq!(room.log_of(&[id]).len(), sent, "{profile}");
            room.deliver_from("ann");
            assert_eq!(room.texts("bob"), [""; 0]);
        }
    }
}
