//! Lossy messages.

use proptest::prelude::*;

use super::room::{Room, drops, key_of};
use crate::conference::lossy::LossyWindow;
use crate::conference::{DropReason, Event, Output, Profile, Reasons, Request};
use crate::wire::{
    ConferenceType, GroupNumber, KillPeer, Lossy, LossyBody, LossyNumber, MessageBody, Packet,
    PeerNumber,
};

fn ctoxcore() -> Profile {
    "ctoxcore".parse().unwrap()
}

fn audio(number: u16) -> LossyBody<'static> {
    LossyBody::Audio { sequence_number: number, opus: b"opus" }
}

fn lossy(author: PeerNumber, number: u16, body: LossyBody<'_>) -> Packet<'_> {
    Packet::Lossy(Lossy {
        group_number: GroupNumber(0),
        peer_number: author,
        message_number: LossyNumber(number),
        body,
    })
}

fn targets(outputs: &[Output]) -> Vec<char> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { friend, bytes } if bytes[0] == 0xc7 => Some(friend.0[0] as char),
        _ => None,
    });
    sent.collect()
}

/// from 0, without a gap at 0, used only if a copy was sent.
#[test]
fn own_lossy_numbers_are_used_as_copies_are_sent() {
    let mut room = Room::of_audio(&Profile::seed(), ["ann", "bob"]);
    let send = |room: &mut Room| {
        let group = GroupNumber(0);
        room.request("ann", Request::SendAudio { group, sequence_number: 1, opus: b"x" })
    };
    assert_eq!(room.group("ann").lossy_number().0, 0);
    let outputs = send(&mut room);
    assert!(matches!(&outputs[..], [Output::Send { bytes, .. }] if bytes[5..7] == [0, 0]));
    assert_eq!(room.group("ann").lossy_number().0, 1);
    room.disconnect("ann", "bob");
    room.held = true;
    assert_eq!(drops(&send(&mut room)), [DropReason::NoOnlineSlot]);
    assert_eq!(room.group("ann").lossy_number().0, 1);
    let group = GroupNumber(0);
    let empty = Request::SendAudio { group, sequence_number: 1, opus: b"" };
    assert_eq!(drops(&room.request("ann", empty)), [DropReason::Empty]);
    let long = Request::SendAudio { group, sequence_number: 1, opus: &[0; 1364] };
    assert_eq!(drops(&room.request("ann", long)), [DropReason::TooLong]);
}

/// also over the wrap at 2^16.
#[test]
fn the_window_holds_256_numbers() {
    let mut window = LossyWindow::default();
    let top = 100_u16;
    assert_eq!(window.accept(top), Ok(()), "the first ever");
    assert_eq!(window.accept(top), Err(DropReason::AlreadySeen));
    assert_eq!(window.accept(top.wrapping_sub(255)), Ok(()), "the bottom");
    assert_eq!(window.accept(top.wrapping_sub(256)), Err(DropReason::TooOld));
    assert_eq!(window.accept(top + 100), Ok(()));
    assert_eq!(window.accept(top), Err(DropReason::AlreadySeen));
    assert_eq!(window.accept(top.wrapping_sub(255)), Err(DropReason::TooOld));
    let far = (top + 100).wrapping_sub(255).wrapping_add(1 << 15);
    assert_eq!(window.accept(far.wrapping_add(1)), Err(DropReason::TooOld));
    assert_eq!(window.accept(far), Ok(()));
    assert_eq!(window.accept(far - 255), Ok(()), "all is clear after a jump");
}

proptest! {
    /// T-014.
    #[test]
    fn with_little_disorder_each_lossy_number_is_accepted_once(
        first: u16,
        shuffle in proptest::collection::vec(0_usize..200, 1..400),
    ) {
        let mut numbers: Vec<u16> = (0..shuffle.len() as u16).map(|i| first.wrapping_add(i)).collect();
        let mut keyed: Vec<_> = numbers.drain(..).enumerate()
            .map(|(i, number)| (i + shuffle[i], number)).collect();
        keyed.sort_by_key(|(place, _)| *place);
        let mut window = LossyWindow::default();
        for (_, number) in &keyed {
            prop_assert_eq!(window.accept(*number), Ok(()), "{}", number);
        }
        for (_, number) in &keyed {
            prop_assert!(window.accept(*number).is_err());
        }
    }
}

/// D-014. A frozen author is not thawed, an unknown one not asked for.
#[test]
fn lossy_messages_are_taken_from_active_peers_only() {
    let mut room = Room::of_audio(&Profile::seed(), ["ann", "bob", "cat"]);
    let (bob, ann, cat) = (room.number("bob"), room.number("ann"), room.number("cat"));
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(61);
    room.held = true;
    let mut hear =
        |author, number| drops(&room.forge_packet("bob", "ann", &lossy(author, number, audio(0))));
    assert_eq!(hear(bob, 5), []);
    assert_eq!(hear(bob, 5), [DropReason::AlreadySeen]);
    assert_eq!(hear(ann, 5), [DropReason::OwnLossy]);
    assert_eq!(hear(cat, 5), [DropReason::AuthorFrozen]);
    assert_eq!(hear(PeerNumber(4711), 5), [DropReason::UnknownAuthor]);
    assert_eq!(room.log_of(&["62/08"]), [""; 0]);
}

/// B-21, the original takes peer 0 for itself while joining.
#[test]
fn the_founder_is_heard_while_joining() {
    for (profile, reason) in [(Profile::seed(), vec![]), (ctoxcore(), vec![DropReason::OwnLossy])] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.create("ann", ConferenceType::AUDIO);
        room.held = true;
        let group = GroupNumber(0);
        room.request("ann", Request::Invite { group, friend: key_of("bob") });
        room.deliver_next();
        let founder = super::room::entry(0, key_of("ann"), key_of("x"));
        room.response("ann", "bob", &[founder]);
        let outputs = room.forge_packet("ann", "bob", &lossy(PeerNumber(0), 1, audio(1)));
        assert_eq!(drops(&outputs), reason, "{profile}");
    }
}

/// O-008. The original sends to slot 0 instead of the right neighbour (B-04).
#[test]
fn lossy_messages_go_to_those_not_closest_and_to_one_on_either_side() {
    for profile in [Profile::seed(), Profile::spec(), ctoxcore()] {
        let mut room = Room::of_audio(&profile, ["m"]);
        stuff_audio(&mut room);
        room.tick("m");
        let group = room.group("m");
        let slots: Vec<_> = group.slots().filter(|slot| slot.online).copied().collect();
        let closest = |it: &crate::conference::Slot| it.reasons.contains(Reasons::CLOSEST);
        let away: Vec<_> =
            slots.iter().filter(|it| !closest(it)).map(|it| it.friend.0[0] as char).collect();
        let source = slots.iter().find(|it| !closest(it)).unwrap().friend;
        let author = group.peer(&source).unwrap().number;
        let name = (source.0[0] as char).to_string();
        let outputs = room.forge_packet(&name, "m", &lossy(author, 9, audio(0)));
        let sent = targets(&outputs);
        // l is the nearest to the left of m, n to the right.
        let mut expected: Vec<_> =
            away.into_iter().filter(|letter| *letter != source.0[0] as char).collect();
        expected.push('l');
        if !profile.lossy_to_slot_0 {
            expected.push('n');
            assert_eq!(sent, expected, "{profile}");
        } else {
            assert_eq!(sent[..expected.len()], expected, "{profile}");
            assert!(
                !sent.contains(&'n') || room.group("m").slots().next().unwrap().friend.0[0] == b'n'
            );
        }
    }
}

/// Fills m's conference with friends.
fn stuff_audio(room: &mut Room) {
    let profile = room.endpoint("m").profile().clone();
    for letter in "abcklnopqr".chars() {
        let name = letter.to_string();
        room.enter(&name, &profile);
        room.held = false;
        room.befriend("m", &name);
        room.held = true;
        let accepted = crate::wire::InviteAccepted {
            group_number: GroupNumber(0),
            receiver_group_number: GroupNumber(0),
            conference: room.group("m").conference(),
        };
        room.forge_packet(&name, "m", &Packet::InviteAccepted(accepted));
        // Nothing but the reason CLOSEST, where it applies.
    }
}

/// other ids are forwarded and ignored; R-133: before the payload is looked at.
#[test]
fn audio_is_heard_and_all_else_only_forwarded() {
    let mut room = Room::of_audio(&Profile::seed(), ["ann", "bob", "cat"]);
    room.held = true;
    let bob = room.number("bob");
    let outputs = room.forge_packet("bob", "ann", &lossy(bob, 1, audio(7)));
    let heard = Event::Heard {
        group: GroupNumber(0),
        peer: bob,
        sequence_number: 7,
        opus: b"opus".to_vec(),
    };
    assert!(outputs.contains(&Output::Event(heard)));
    assert_eq!(targets(&outputs), ['c']);
    let bodies = [
        (LossyBody::Unknown { id: 1, body: b"" }, DropReason::UnknownKind),
        (LossyBody::AudioCut(b"x"), DropReason::Empty),
        (LossyBody::Audio { sequence_number: 1, opus: b"" }, DropReason::Empty),
    ];
    for (number, (body, reason)) in (2..).zip(bodies) {
        let outputs = room.forge_packet("bob", "ann", &lossy(bob, number, body));
        assert_eq!((targets(&outputs), drops(&outputs)), (vec!['c'], vec![reason]));
    }
}

/// B-21. Before it knows its number, the original speaks as peer 0.
#[test]
fn audio_while_joining_is_sent_by_the_original_in_the_name_of_the_founder() {
    for (profile, sent) in [(Profile::seed(), vec![]), (ctoxcore(), vec!['a'])] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.create("ann", ConferenceType::AUDIO);
        room.held = true;
        let group = GroupNumber(0);
        room.request("ann", Request::Invite { group, friend: key_of("bob") });
        room.deliver_next();
        room.quiet = true;
        let audio = Request::SendAudio { group, sequence_number: 1, opus: b"x" };
        let outputs = room.request("bob", audio);
        assert_eq!(targets(&outputs), sent, "{profile}");
        for output in &outputs {
            assert!(!matches!(output, Output::Send { bytes, .. } if bytes[3..5] != [0, 0]));
        }
    }
}

/// B-04. The second target of the original is whoever was last in place 0, under the last
/// number of anybody in that place.
#[test]
fn the_original_sends_lossy_messages_to_who_is_in_place_0_no_more() {
    for (profile, stale) in [(Profile::seed(), false), (ctoxcore(), true)] {
        let mut room = Room::of_audio(&profile, ["m"]);
        stuff_audio(&mut room);
        room.tick("m");
        room.quiet = true;
        let first = room.group("m").slots().next().unwrap().friend;
        let (name, number) = (first.0[0] as char, room.group("m").peer(&first).unwrap().number);
        let kill = MessageBody::KillPeer(KillPeer { killed_peer_number: number });
        room.message(&name.to_string(), "m", (number, 90), kill);
        assert!(room.group("m").slots().all(|slot| slot.friend != first));
        let group = GroupNumber(0);
        let outputs =
            room.request("m", Request::SendAudio { group, sequence_number: 1, opus: b"x" });
        assert_eq!(targets(&outputs).contains(&name), stale, "{profile}");
    }
}

/// B-04: a connecting slot in place 0 has the number of who was in its place before.
#[test]
fn the_original_sends_lossy_messages_under_the_number_of_another() {
    let mut room = Room::of_audio(&ctoxcore(), ["m"]);
    room.quiet = true;
    let accepted = |room: &Room, number| {
        Packet::InviteAccepted(crate::wire::InviteAccepted {
            group_number: GroupNumber(number),
            receiver_group_number: GroupNumber(0),
            conference: room.group("m").conference(),
        })
    };
    for name in ["a", "b", "c"] {
        room.enter(name, &ctoxcore());
        room.befriend("m", name);
    }
    room.held = true;
    room.forge_packet("a", "m", &accepted(&room, 9));
    room.tick("m");
    // b becomes a neighbour by a list; its slot is where that of a was before it moved to place 0.
    room.response("a", "m", &[super::room::entry(500, key_of("b"), key_of("x"))]);
    room.tick("m");
    let number = room.group("m").peer(&key_of("a")).unwrap().number;
    let kill = MessageBody::KillPeer(KillPeer { killed_peer_number: number });
    room.message("a", "m", (number, 90), kill);
    room.forge_packet("c", "m", &accepted(&room, 4));
    room.tick("m");
    let first = *room.group("m").slots().next().unwrap();
    assert_eq!((first.friend, first.online), (key_of("b"), false));
    let group = GroupNumber(0);
    let outputs = room.request("m", Request::SendAudio { group, sequence_number: 1, opus: b"x" });
    let to_b = outputs.iter().find_map(|output| match output {
        Output::Send { friend, bytes } if *friend == key_of("b") => Some(&bytes[1..3]),
        _ => None,
    });
    assert_eq!(to_b, Some(&[0, 9][..]));
}
