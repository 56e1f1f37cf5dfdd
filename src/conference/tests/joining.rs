//! Instances, inviting and joining.

use super::room::{PING, Room, drops, entry, key_of, sends};
use crate::conference::{Dice, DropReason, Event, Input, Output, Profile, Reasons, Request};
use crate::wire::{
    Conference, ConferenceId, ConferenceType, GroupNumber, Invite, InviteAccepted, InviteMember,
    Packet, PeerNumber,
};

fn ctoxcore() -> Profile {
    "ctoxcore".parse().unwrap()
}

/// no packet is sent.
#[test]
fn who_creates_a_conference_is_member_0_of_it() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::AUDIO);
    let group = room.group("ann");
    assert_eq!(group.own_number(), Some(PeerNumber(0)));
    assert_eq!(group.conference().kind, ConferenceType::AUDIO);
    assert_eq!((group.active().len(), group.active()[0].name.as_slice()), (1, &b"ann"[..]));
    assert_eq!((group.frozen().len(), group.frozen_limit(), group.title()), (0, 128, &b""[..]));
    assert_eq!((group.message_number().0, group.lossy_number().0), (0, 0));
    assert!(!group.title_is_fresh());
    assert_eq!(room.log, [""; 0]);
}

/// I-022; the original forgets the limit in a gap (B-01).
#[test]
fn the_lowest_free_number_is_taken_and_nothing_of_the_old_instance_remains() {
    for (profile, limit) in [(Profile::seed(), 128), (ctoxcore(), 0)] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.create("ann", ConferenceType::TEXT);
        room.set_title("ann", "old");
        room.create("ann", ConferenceType::TEXT);
        let numbers: Vec<_> = room.endpoint("ann").groups().map(|it| it.number().0).collect();
        assert_eq!(numbers, [0, 1]);
        room.request("ann", Request::Delete { group: GroupNumber(0) });
        room.create("ann", ConferenceType::TEXT);
        let group = room.group("ann");
        assert_eq!((group.number(), group.title()), (GroupNumber(0), &b""[..]));
        assert_eq!(group.frozen_limit(), limit, "{profile}");
    }
}

/// the same id with another type is another conference.
#[test]
fn a_conference_is_named_by_type_and_id_together() {
    let mut room = Room::of(["ann", "bob"]);
    let Conference { id, .. } = room.group("ann").conference();
    let conference = Conference { kind: ConferenceType::AUDIO, id };
    room.accepts = false;
    let invite = Invite { group_number: GroupNumber(7), conference };
    let outputs = room.forge_packet("bob", "ann", &Packet::Invite(invite));
    let event = Event::Invited { friend: key_of("bob"), invitation: invite };
    assert_eq!(outputs, [Output::Event(event)]);
    let accepted = InviteAccepted {
        group_number: GroupNumber(3),
        receiver_group_number: GroupNumber(0),
        conference,
    };
    let outputs = room.forge_packet("bob", "ann", &Packet::InviteAccepted(accepted));
    assert_eq!(outputs, [Output::Dropped(DropReason::OtherConference)]);
    let nowhere = InviteAccepted { receiver_group_number: GroupNumber(9), ..accepted };
    let outputs = room.forge_packet("bob", "ann", &Packet::InviteAccepted(nowhere));
    assert_eq!(outputs, [Output::Dropped(DropReason::NoConference)]);
    let outputs = room.forge("bob", "ann", &[0x60, 1, 0, 0]);
    assert!(matches!(outputs[..], [Output::Dropped(DropReason::Malformed(_))]));
}

///
#[test]
fn a_conference_of_an_unknown_type_is_not_joined() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    let conference = Conference { kind: ConferenceType(7), id: ConferenceId([1; 32]) };
    let invitation = Invite { group_number: GroupNumber(0), conference };
    let outputs = room.accept("ann", "bob", invitation);
    assert_eq!(outputs, [Output::Dropped(DropReason::UnknownType)]);
    let outputs = room.request("ann", Request::Create(ConferenceType(7)));
    assert_eq!(outputs, [Output::Dropped(DropReason::UnknownType)]);
}

/// D-062.
#[test]
fn only_members_invite_and_only_friends_who_are_there() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.enter("cat", &Profile::seed());
    room.create("ann", ConferenceType::TEXT);
    let group = room.group("ann").number();
    let invite = |room: &mut Room, name: &str, friend: &str| {
        let group = room.group(name).number();
        drops(&room.request(name, Request::Invite { group, friend: key_of(friend) }))
    };
    assert_eq!(invite(&mut room, "ann", "cat"), [DropReason::NotAFriend]);
    room.cut("ann", "bob");
    let before = room.group("ann").clone();
    assert_eq!(invite(&mut room, "ann", "bob"), [DropReason::NotConnected]);
    assert_eq!(*room.group("ann"), before);
    room.restore("ann", "bob");
    room.held = true;
    let outputs = room.request("ann", Request::Invite { group, friend: key_of("bob") });
    assert_eq!(sends(&outputs), ["b 60/0"]);
    room.deliver_next();
    assert_eq!(room.group("bob").own_number(), None);
    assert_eq!(invite(&mut room, "bob", "ann"), [DropReason::StillJoining]);
}

/// refusing is not to answer.
#[test]
fn an_invitation_is_told_to_the_client_and_accepted_once() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.accepts = false;
    room.create("ann", ConferenceType::TEXT);
    room.invite("ann", "bob");
    assert_eq!(room.endpoint("bob").groups().count(), 0);
    let invitation = match &room.member("bob").events[..] {
        [Event::Invited { invitation, .. }] => *invitation,
        other => panic!("{other:?}"),
    };
    room.held = true;
    let outputs = room.accept("bob", "ann", invitation);
    assert_eq!(sends(&outputs), ["a 60/1", "a 62/08"]);
    let slot = room.slot("bob", "ann").unwrap();
    assert_eq!((slot.online, slot.reasons), (true, Reasons::INTRODUCER));
    assert_eq!(slot.group_number, Some(GroupNumber(0)));
    assert_eq!(room.group("bob").own_number(), None);
    let again = room.accept("bob", "ann", invitation);
    assert_eq!(again, [Output::Dropped(DropReason::AlreadyJoined)]);
}

/// with the DHT key of the friend connection, to everybody.
#[test]
fn an_acceptance_makes_a_member_and_tells_all() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    let conference = room.group("ann").conference();
    room.enter("dan", &Profile::seed());
    room.befriend("ann", "dan");
    room.held = true;
    let accepted = InviteAccepted {
        group_number: GroupNumber(5),
        receiver_group_number: GroupNumber(0),
        conference,
    };
    let outputs = room.forge_packet("dan", "ann", &Packet::InviteAccepted(accepted));
    let number = room.next_number("ann") - 1;
    let mut sent = sends(&outputs);
    sent.sort();
    assert_eq!(sent, ["b", "c", "d"].map(|to| format!("{to} 63/10 #{number}")));
    let slot = room.slot("ann", "dan").unwrap();
    assert_eq!((slot.online, slot.reasons), (true, Reasons::INTRODUCING));
    assert_eq!(slot.group_number, Some(GroupNumber(5)));
    let dan = room.group("ann").peer(&key_of("dan")).unwrap();
    assert_eq!((dan.dht_key, dan.dht_key_updated), (super::room::dht_key_of("dan"), true));
}

struct Loaded(Vec<u16>);

impl Dice for Loaded {
    fn conference_id(&mut self) -> [u8; 32] {
        [1; 32]
    }

    fn peer_number(&mut self) -> u16 {
        if self.0.len() > 1 { self.0.remove(0) } else { self.0[0] }
    }
}

/// 0 is not special; a repeated acceptance gives a new number; 33 tries.
#[test]
fn numbers_are_drawn_until_one_is_free_of_active_and_frozen_peers() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    let (bob, cat) = (room.number("bob"), room.number("cat"));
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(61);
    assert!(room.is_frozen("ann", "cat"));
    room.held = true;
    let at = room.now();
    let accepted = InviteAccepted {
        group_number: GroupNumber(5),
        receiver_group_number: GroupNumber(0),
        conference: room.group("ann").conference(),
    };
    let mut bytes = Vec::new();
    accepted.emit(&mut bytes);
    let input = Input::Packet { at, friend: key_of("bob"), bytes: &bytes };
    let ann = &mut room.members.get_mut("ann").unwrap().endpoint;
    let outputs = ann.step(input, &mut Loaded(vec![bob.0, cat.0, 0, 4711])).outputs;
    assert_eq!(drops(&outputs), []);
    assert_eq!(ann.groups().next().unwrap().peer(&key_of("bob")).unwrap().number.0, 4711);
    assert!(ann.violations().is_empty());
    let outputs = ann.step(input, &mut Loaded(vec![4711])).outputs;
    assert_eq!(drops(&outputs), [DropReason::NoFreeNumber]);
}

/// only c-toxcore answers by itself (D-010); all understand the answer.
#[test]
fn an_invitation_to_a_member_heals_a_split_where_members_answer() {
    for (profile, heals) in [(ctoxcore(), true), (Profile::seed(), false)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.invite("ann", "bob");
        let answers = room.log_of(&["60/2"]).len();
        assert_eq!(answers, usize::from(heals), "{profile}");
        let reasons = room.slot("ann", "bob").unwrap().reasons;
        let both = Reasons::INTRODUCER.with(Reasons::INTRODUCING);
        assert_eq!(reasons.contains(both), heals, "{profile}");
    }
}

/// while joining it is ignored.
#[test]
fn an_invitation_to_where_we_are_joining_is_ignored() {
    let mut room = Room::friends(&ctoxcore(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.held = true;
    let group = room.group("ann").number();
    room.request("ann", Request::Invite { group, friend: key_of("bob") });
    room.deliver_next();
    let invitation = Invite { group_number: group, conference: room.group("ann").conference() };
    let outputs = room.forge_packet("ann", "bob", &Packet::Invite(invitation));
    assert_eq!(outputs, [Output::Dropped(DropReason::StillJoining)]);
}

/// D-010; a number that is taken refuses the packet, and the original goes on (B-07).
#[test]
fn a_member_packet_with_a_number_of_another_key_is_refused() {
    for (profile, sent) in [(Profile::seed(), false), (ctoxcore(), true)] {
        let mut room = Room::with(&profile, ["ann", "bob", "cat"]);
        room.held = true;
        let member = |number: PeerNumber, room: &Room| InviteMember {
            group_number: GroupNumber(6),
            receiver_group_number: GroupNumber(0),
            conference: room.group("ann").conference(),
            peer_number: number,
        };
        let taken = member(room.number("bob"), &room);
        let outputs = room.forge_packet("cat", "ann", &Packet::InviteMember(taken));
        assert_eq!(!sends(&outputs).is_empty(), sent, "{profile}");
        let right = member(room.number("cat"), &room);
        let outputs = room.forge_packet("cat", "ann", &Packet::InviteMember(right));
        assert_eq!(sends(&outputs)[0], "c 62/08");
        assert!(sends(&outputs).iter().any(|line| line.contains("63/10")));
        let slot = room.slot("ann", "cat").unwrap();
        assert_eq!(slot.group_number, Some(GroupNumber(6)));
    }
}

/// the client is told, the Name is for the end of the pass.
#[test]
fn the_own_number_comes_with_a_response() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.held = true;
    let group = room.group("ann").number();
    room.request("ann", Request::Invite { group, friend: key_of("bob") });
    room.deliver_next();
    let own = entry(77, key_of("bob"), key_of("x"));
    let outputs = room.response("ann", "bob", &[entry(0, key_of("ann"), key_of("y")), own]);
    let connected = Output::Event(Event::Connected { group: GroupNumber(0) });
    assert!(outputs.contains(&connected), "{outputs:?}");
    assert_eq!(room.number("bob"), PeerNumber(77));
    let outputs = room.tick("bob");
    assert_eq!(sends(&outputs), ["a 63/00 #1", "a 63/30 #2"]);
}

/// a number that somebody has is not adopted.
#[test]
fn an_own_number_that_is_taken_is_not_adopted() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.held = true;
    let group = room.group("ann").number();
    room.request("ann", Request::Invite { group, friend: key_of("bob") });
    room.deliver_next();
    let entries = [entry(0, key_of("ann"), key_of("y")), entry(0, key_of("bob"), key_of("x"))];
    let outputs = room.response("ann", "bob", &entries);
    assert_eq!(drops(&outputs), [DropReason::EntryRefused(PeerNumber(0))]);
    assert_eq!(room.group("bob").own_number(), None);
}

/// I-006; it relays and answers all the same.
#[test]
fn who_is_joining_relays_and_answers_but_says_nothing() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.held = true;
    let group = room.group("ann").number();
    room.request("ann", Request::Invite { group, friend: key_of("bob") });
    room.deliver_next();
    room.response("ann", "bob", &[entry(0, key_of("ann"), key_of("y"))]);
    assert_eq!(room.active("bob"), "a");
    assert_eq!(drops(&room.say("bob", "hi")), [DropReason::StillJoining]);
    let relayed = room.message("ann", "bob", (PeerNumber(0), 5), PING);
    assert_eq!(sends(&relayed), ["a 63/00 #5"]);
    let query = Packet::PeerQuery(crate::wire::PeerQuery { group_number: group, trailing: &[] });
    assert_eq!(sends(&room.forge_packet("ann", "bob", &query)), ["a 62/09"]);
    assert_eq!(drops(&room.tick("bob")), [DropReason::NothingDue]);
}

/// B-17. To the original a free place is the conference of type 0 whose id is zero. Who
/// leaves makes one in the middle, an acceptance that cannot be sent makes one at the end.
#[test]
fn a_free_place_looks_like_the_conference_zero_to_the_original() {
    let zero = Conference { kind: ConferenceType::TEXT, id: ConferenceId([0; 32]) };
    let invite = Invite { group_number: GroupNumber(3), conference: zero };
    for (profile, mistaken) in [(Profile::seed(), false), (ctoxcore(), true)] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.create("ann", ConferenceType::TEXT);
        room.held = true;
        room.accept("ann", "bob", invite);
        let invited = |room: &mut Room| room.forge_packet("bob", "ann", &Packet::Invite(invite));
        assert_eq!(drops(&invited(&mut room)), [DropReason::StillJoining]);
        room.request("ann", Request::Delete { group: GroupNumber(0) });
        let reason = if mistaken { DropReason::AlreadyJoined } else { DropReason::StillJoining };
        assert_eq!(drops(&invited(&mut room)), [reason], "{profile}");

        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.held = true;
        room.disconnect("ann", "bob");
        let other = Conference { id: ConferenceId([5; 32]), ..zero };
        let accepted = room.accept("ann", "bob", Invite { conference: other, ..invite });
        assert_eq!(drops(&accepted), [DropReason::NotConnected]);
        room.connect_only("ann", "bob");
        let told = matches!(invited(&mut room)[..], [Output::Event(Event::Invited { .. })]);
        assert_eq!(told, !mistaken, "{profile}");
        room.create("ann", ConferenceType::TEXT);
        let group = room.group("ann");
        assert_eq!((group.number(), group.frozen_limit()), (GroupNumber(0), 128));
    }
}
