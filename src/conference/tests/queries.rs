//! Queries and responses.

use super::room::{Room, chat, drops, entry, key_of, low_key, sends};
use crate::conference::{DropReason, Event, Output, Profile, Request};
use crate::wire::{GroupNumber, Packet, PeerEntry, PeerNumber, PeerQuery, PeerResponse};

fn query() -> Packet<'static> {
    Packet::PeerQuery(PeerQuery { group_number: GroupNumber(0), trailing: &[] })
}

fn sizes(outputs: &[Output]) -> Vec<usize> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { bytes, .. } => Some(bytes.len()),
        _ => None,
    });
    sent.collect()
}

/// split into packets of at most 1373 bytes; a title follows (D-054).
#[test]
fn a_query_is_answered_with_all_active_peers_and_the_title() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let (bob, number) = (room.number("bob"), room.next_number("bob"));
    for peer in 0..40 {
        let key = low_key(peer + 1);
        room.new_peer(
            "bob",
            "ann",
            (bob, number + u32::from(peer)),
            (u16::from(peer) + 9, key, key),
        );
    }
    let outputs = room.forge_packet("bob", "ann", &query());
    assert_eq!(sends(&outputs), ["b 62/09"; 3]);
    // The first two have names of three bytes.
    assert_eq!(sizes(&outputs), [4 + 20 * 67 + 6, 4 + 20 * 67, 4 + 2 * 67]);
    room.set_title("ann", "T");
    let outputs = room.forge_packet("bob", "ann", &query());
    assert_eq!(sends(&outputs), ["b 62/09", "b 62/09", "b 62/09", "b 62/0a"]);
}

/// 1369 bytes of entries fill a packet.
#[test]
fn a_response_is_full_to_the_last_byte() {
    for (name, expected) in [(26, &[1373][..]), (27, &[1374 - 67, 4 + 67])] {
        let mut room = Room::of(["ann", "bob"]);
        room.request("ann", Request::SetName(&vec![b'a'; name]));
        room.settle();
        room.held = true;
        let (bob, number) = (room.number("bob"), room.next_number("bob"));
        for peer in 0..18 {
            let key = low_key(peer + 1);
            let message = (bob, number + u32::from(peer));
            room.new_peer("bob", "ann", message, (u16::from(peer) + 9, key, key));
        }
        let outputs = room.forge_packet("bob", "ann", &query());
        assert_eq!(sizes(&outputs), expected, "{name}");
    }
}

/// frozen peers are not listed; R-146.
#[test]
fn frozen_peers_are_not_listed() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(61);
    room.held = true;
    let outputs = room.forge_packet("bob", "ann", &query());
    assert_eq!(sizes(&outputs), [4 + 2 * 70]);
}

/// not on a connecting slot; D-067: an empty list has an empty response.
#[test]
fn a_query_on_a_connecting_slot_is_ignored() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    room.disconnect("ann", "bob");
    room.connect_only("ann", "bob");
    let outputs = room.forge_packet("bob", "ann", &query());
    assert_eq!(drops(&outputs), [DropReason::SlotConnecting]);
}

/// the message is lost, its author is asked for.
#[test]
fn a_message_of_an_unknown_author_is_dropped_and_leads_to_a_query() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let outputs = room.message("bob", "ann", (PeerNumber(4711), 1), chat("hi"));
    assert_eq!(sends(&outputs), ["b 62/08"]);
    assert_eq!(drops(&outputs), [DropReason::UnknownAuthor]);
    room.response("bob", "ann", &[entry(4711, low_key(1), low_key(1))]);
    let outputs = room.message("bob", "ann", (PeerNumber(4711), 1), chat("hi"));
    assert_eq!(drops(&outputs), []);
    assert_eq!(room.texts("ann"), ["hi"]);
}

/// T-005. Each packet stands alone, so it does not matter how they are split.
#[test]
fn entries_have_the_same_effect_however_they_are_split() {
    let base = {
        let mut room = Room::of(["ann", "bob"]);
        room.held = true;
        room
    };
    let bob = base.number("bob");
    let entries = [
        entry(5, low_key(5), low_key(1)),
        entry(bob.0, low_key(6), low_key(1)),
        entry(7, low_key(7), low_key(1)),
        entry(8, low_key(5), low_key(1)),
        entry(9, key_of("ann"), low_key(1)),
        PeerEntry { name: b"dan", ..entry(10, low_key(10), low_key(1)) },
    ];
    let mut states = Vec::new();
    for size in 1..=entries.len() {
        let mut ann = base.endpoint("ann").clone();
        let mut dice = crate::conference::SeededDice::new(1);
        for part in entries.chunks(size) {
            let mut list = Vec::new();
            part.iter().for_each(|entry| entry.emit(&mut list));
            let packet =
                Packet::PeerResponse(PeerResponse { group_number: GroupNumber(0), entries: &list });
            let mut bytes = Vec::new();
            packet.emit(&mut bytes);
            let (at, friend) = (base.now(), key_of("bob"));
            ann.step(crate::conference::Input::Packet { at, friend, bytes: &bytes }, &mut dice);
        }
        states.push(ann.groups().next().unwrap().clone());
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(states[0].peer(&low_key(5)).unwrap().number, PeerNumber(8));
}

/// unasked for, too; a name is taken once.
#[test]
fn a_response_that_nobody_asked_for_counts() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let named = |name| PeerEntry { name, ..entry(5, low_key(5), low_key(1)) };
    let outputs = room.response("bob", "ann", &[named(b"eve")]);
    let event = Event::Named { group: GroupNumber(0), peer: PeerNumber(5), name: b"eve".to_vec() };
    assert!(outputs.contains(&Output::Event(event)));
    let outputs = room.response("bob", "ann", &[named(b"mal")]);
    assert_eq!(drops(&outputs), [DropReason::NothingNew]);
    assert_eq!(room.group("ann").peer(&low_key(5)).unwrap().name, b"eve");
}

/// T-006. The original takes keys and number of the entry whose name is bad (B-20).
#[test]
fn a_bad_name_ends_the_packet_and_what_stands_before_it_counts() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, stored) in [(Profile::seed(), false), (original, true)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.held = true;
        let mut entries = Vec::new();
        entry(5, low_key(5), low_key(1)).emit(&mut entries);
        entry(6, low_key(6), low_key(1)).emit(&mut entries);
        *entries.last_mut().unwrap() = 129;
        entry(7, low_key(7), low_key(1)).emit(&mut entries);
        let response = PeerResponse { group_number: GroupNumber(0), entries: &entries };
        let outputs = room.forge_packet("bob", "ann", &Packet::PeerResponse(response));
        assert!(matches!(drops(&outputs)[..], [DropReason::Malformed(_)]));
        let known = |first| room.group("ann").peer(&low_key(first)).is_some();
        assert_eq!((known(5), known(6), known(7)), (true, stored, false), "{profile}");
    }
}

/// up to 66 bytes behind the last entry are ignored.
#[test]
fn bytes_that_are_too_few_for_an_entry_are_ignored() {
    let mut room = Room::of(["ann", "bob"]);
    room.held = true;
    let mut entries = Vec::new();
    entry(5, low_key(5), low_key(1)).emit(&mut entries);
    entries.extend([0; 66]);
    let response = PeerResponse { group_number: GroupNumber(0), entries: &entries };
    room.forge_packet("bob", "ann", &Packet::PeerResponse(response));
    assert!(room.group("ann").peer(&low_key(5)).is_some());
}

/// B-20. The original learns its own number from an entry whose name is bad.
#[test]
fn a_bad_name_beside_our_own_number() {
    let original: Profile = "ctoxcore".parse().unwrap();
    for (profile, learned) in [(Profile::seed(), None), (original, Some(PeerNumber(77)))] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.create("ann", crate::wire::ConferenceType::TEXT);
        room.held = true;
        let group = room.group("ann").number();
        room.request("ann", Request::Invite { group, friend: key_of("bob") });
        room.deliver_next();
        let mut entries = Vec::new();
        entry(77, key_of("bob"), low_key(1)).emit(&mut entries);
        *entries.last_mut().unwrap() = 129;
        let response = PeerResponse { group_number: GroupNumber(0), entries: &entries };
        room.forge_packet("ann", "bob", &Packet::PeerResponse(response));
        assert_eq!(room.group("bob").own_number(), learned, "{profile}");
    }
}
