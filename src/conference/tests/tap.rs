//! Every check of what is sent fails where it should: steps are made up.

use super::room::{Room, chat, key_of};
use crate::conference::peers::Place;
use crate::conference::{Endpoint, Input, Output, Reasons, Tap};
use crate::time::Timestamp;
use crate::wire::{
    ConferenceType, FreezePeer, GroupMessage, GroupNumber, Lossy, LossyBody, LossyNumber,
    MessageBody, MessageNumber, Name, Online, Packet, PeerIntroduced, PeerNumber, PeerQuery,
    PeerResponse, Ping, Rejoin,
};

const ZERO: GroupNumber = GroupNumber(0);

/// Ann, with bob and cat active and dan, a friend, frozen and away.
fn ann(kind: ConferenceType) -> Endpoint {
    let mut room = Room::friends(&crate::conference::Profile::seed(), ["ann", "bob", "cat", "dan"]);
    room.create("ann", kind);
    ["bob", "cat", "dan"].iter().for_each(|name| drop(room.invite("ann", name)));
    for other in ["ann", "bob", "cat"] {
        room.cut(other, "dan");
    }
    room.wait(61);
    room.endpoint("ann").clone()
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    bytes
}

fn send(to: &str, packet: &Packet<'_>) -> Output {
    Output::Send { friend: key_of(to), bytes: bytes(packet) }
}

fn message<'a>(author: u16, number: u32, body: MessageBody<'a>) -> Packet<'a> {
    let (peer_number, message_number) = (PeerNumber(author), MessageNumber(number));
    Packet::Message(GroupMessage { group_number: ZERO, peer_number, message_number, body })
}

fn lossy(to: u8) -> Packet<'static> {
    Packet::Lossy(Lossy {
        group_number: ZERO,
        peer_number: PeerNumber(9),
        message_number: LossyNumber(7),
        body: LossyBody::Audio { sequence_number: u16::from(to), opus: b"x" },
    })
}

const PING: MessageBody<'static> = MessageBody::Ping(Ping { trailing: &[] });
const NAME: MessageBody<'static> = MessageBody::Name(Name { name: b"ann" });

/// Ann, and a tap that looked at her.
struct Tapped {
    ann: Endpoint,
    tap: Tap,
    seconds: i64,
}

impl Tapped {
    fn new(kind: ConferenceType) -> Self {
        let ann = ann(kind);
        let mut tap = Tap::default();
        tap.look(&ann);
        Self { seconds: i64::try_from(ann.now).unwrap(), tap, ann }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_parts(self.seconds, 0)
    }

    /// What does not hold of these outputs of a pass.
    fn pass(&mut self, outputs: &[Output]) -> Vec<&'static str> {
        let input = Input::Tick { at: self.at() };
        self.tap.step(&self.ann, &input, outputs).iter().map(|found| found.id).collect()
    }

    /// The same of what a packet led to.
    fn packet(&mut self, from: &str, packet: &Packet<'_>, outputs: &[Output]) -> Vec<&'static str> {
        let bytes = bytes(packet);
        let input = Input::Packet { at: self.at(), friend: key_of(from), bytes: &bytes };
        self.tap.step(&self.ann, &input, outputs).iter().map(|found| found.id).collect()
    }
}

/// O-001, O-002, O-009.
#[test]
fn what_goes_nowhere_is_told() {
    let mut it = Tapped::new(ConferenceType::TEXT);
    let query =
        |number| Packet::PeerQuery(PeerQuery { group_number: GroupNumber(number), trailing: &[] });
    assert_eq!(it.pass(&[send("bob", &query(0))]), [""; 0]);
    assert_eq!(it.pass(&[send("bob", &query(9))]), ["O-001"]);
    assert_eq!(it.pass(&[send("eve", &query(0))]), ["O-001"]);
    assert_eq!(it.pass(&[send("dan", &query(0))]), ["O-001", "O-002"], "frozen, and down");
    it.ann.connections.get_mut(&key_of("dan")).unwrap().up = true;
    assert_eq!(it.pass(&[send("dan", &message(0, 90, chat("x")))]), ["O-002"]);
    let introduced = PeerIntroduced { group_number: ZERO, trailing: &[] };
    assert_eq!(it.pass(&[send("dan", &Packet::PeerIntroduced(introduced))]), ["O-002"]);
    let junk = Output::Send { friend: key_of("bob"), bytes: vec![0x61] };
    assert_eq!(it.pass(&[junk]), ["O-009"]);
    let long = vec![0x40; 1364];
    let long = message(0, 90, chat(std::str::from_utf8(&long).unwrap()));
    assert_eq!(it.pass(&[send("bob", &long)])[0], "O-009");
}

/// O-003, O-004, O-005.
#[test]
fn wrong_own_messages_are_told() {
    let mut it = Tapped::new(ConferenceType::TEXT);
    let own = |number, text| [send("bob", &message(0, number, chat(text)))];
    assert_eq!(it.pass(&own(90, "x")), [""; 0], "the first that is seen");
    assert_eq!(it.pass(&own(90, "x")), [""; 0], "another copy");
    assert_eq!(it.pass(&own(90, "y")), ["O-004"]);
    assert_eq!(it.pass(&own(91, "y")), [""; 0]);
    assert_eq!(it.pass(&own(93, "z")), ["O-003"]);
    assert_eq!(it.pass(&own(92, "z")), ["O-003"]);
    it.tap.restarted();
    it.tap.look(&it.ann);
    assert_eq!(it.pass(&own(u32::MAX, "x")), [""; 0]);
    assert_eq!(it.pass(&own(0, "x")), ["O-003"]);
    it.tap.restarted();
    it.tap.look(&it.ann);
    assert_eq!(it.pass(&own(91, "else")), ["O-004"], "a number from before the restart");
    assert_eq!(it.pass(&[send("bob", &message(4711, 1, PING))]), ["O-005"], "not ours");
    let (came, goes) = (message(4711, 2, chat("x")), message(4711, 2, chat("X")));
    assert_eq!(it.packet("bob", &came, &[send("cat", &goes)]), ["O-005"], "changed");
}

/// O-006, O-007.
#[test]
fn what_is_relayed_wrongly_is_told() {
    let mut it = Tapped::new(ConferenceType::TEXT);
    let bob = it.ann.groups().next().unwrap().peer(&key_of("bob")).unwrap().number.0;
    let said = message(bob, 5, chat("x"));
    assert_eq!(it.packet("bob", &said, &[send("cat", &said), send("bob", &said)]), [""; 0]);
    assert_eq!(it.packet("bob", &said, &[send("cat", &said)]), ["O-006"]);
    let said = message(bob, 6, chat("x"));
    assert_eq!(it.packet("cat", &said, &[send("bob", &said)]), [""; 0]);
    let said = message(bob, 7, chat("x"));
    assert_eq!(it.packet("cat", &said, &[send("cat", &said)]), ["O-007"]);
    // Numbers half the ring apart have no order, so 5 is new again.
    let far = message(bob, 5 + (1 << 31), chat("x"));
    assert_eq!(it.packet("bob", &far, &[send("cat", &far)]), [""; 0]);
    let said = message(bob, 5, chat("x"));
    assert_eq!(it.packet("bob", &said, &[send("cat", &said)]), [""; 0]);
}

/// O-008.
#[test]
fn audio_that_goes_wrong_ways_is_told() {
    let mut it = Tapped::new(ConferenceType::AUDIO);
    let audio = lossy(1);
    let to = |names: &[&str]| names.iter().map(|name| send(name, &audio)).collect::<Vec<_>>();
    assert_eq!(it.packet("bob", &audio, &to(&["cat"])), [""; 0]);
    assert_eq!(it.packet("bob", &audio, &to(&["bob"])), ["O-008"]);
    assert_eq!(it.packet("bob", &audio, &to(&["cat", "cat"])), ["O-008"]);
    assert_eq!(it.packet("bob", &audio, &[send("cat", &lossy(2))]), ["O-008"]);
    let mut it = Tapped::new(ConferenceType::TEXT);
    assert_eq!(it.packet("bob", &audio, &to(&["cat"])), ["O-008"]);
}

/// O-010, O-011.
#[test]
fn incomplete_responses_and_needless_rejoins_are_told() {
    let mut it = Tapped::new(ConferenceType::TEXT);
    let group = it.ann.groups().next().unwrap().clone();
    let respond = |peers: &[crate::conference::Peer]| {
        let mut entries = Vec::new();
        for peer in peers {
            let entry = super::room::entry(peer.number.0, peer.real_key, peer.dht_key);
            entry.emit(&mut entries);
        }
        let response = PeerResponse { group_number: ZERO, entries: &entries };
        send("bob", &Packet::PeerResponse(response))
    };
    let query = Packet::PeerQuery(PeerQuery { group_number: ZERO, trailing: &[] });
    assert_eq!(it.packet("bob", &query, &[respond(group.active())]), [""; 0]);
    assert_eq!(it.packet("bob", &query, &[respond(&group.active()[1..])]), ["O-010"]);
    assert_eq!(it.packet("bob", &query, &[respond(group.frozen())]), ["O-010"]);
    assert_eq!(it.packet("cat", &query, &[respond(group.active())]), ["O-010"], "cat asked");
    assert_eq!(it.pass(&[respond(group.active())]), ["O-010"], "nobody asked");
    let rejoin = Packet::Rejoin(Rejoin { conference: group.conference(), trailing: &[] });
    assert_eq!(it.pass(&[send("bob", &rejoin)]), ["O-011"]);
    it.ann.connections.get_mut(&key_of("dan")).unwrap().up = true;
    assert_eq!(it.pass(&[send("dan", &rejoin)]), [""; 0]);
}

/// O-012, O-013.
#[test]
fn pings_and_names_out_of_time_are_told() {
    let mut it = Tapped::new(ConferenceType::TEXT);
    let own = |number, body| send("bob", &message(0, number, body));
    assert_eq!(it.pass(&[own(90, NAME), send("cat", &message(0, 90, NAME))]), [""; 0]);
    assert_eq!(it.pass(&[own(91, NAME), own(92, NAME)]), ["O-012"]);
    assert_eq!(it.pass(&[own(93, PING)]), [""; 0], "the first that is seen");
    it.seconds += 19;
    assert_eq!(it.pass(&[own(94, PING)]), ["O-013"]);
    it.seconds += 20;
    assert_eq!(it.pass(&[own(95, PING)]), [""; 0]);
    it.seconds += 20;
    let freeze =
        message(1, 1, MessageBody::FreezePeer(FreezePeer { frozen_peer_number: PeerNumber(1) }));
    assert_eq!(it.packet("bob", &freeze, &[own(96, PING)]), ["O-013"], "not the time for it");
    let conference = it.ann.groups().next().unwrap().conference();
    let online = Packet::Online(Online { group_number: ZERO, conference });
    assert_eq!(it.packet("bob", &online, &[own(97, PING)]), [""; 0]);
}

/// I-011, I-016.
#[test]
fn slots_that_come_from_nowhere_are_told() {
    let sound = Tapped::new(ConferenceType::TEXT);
    let again = || Tapped { ann: sound.ann.clone(), tap: sound.tap.clone(), ..sound };
    fn slot(it: &mut Tapped) -> &mut crate::conference::Slot {
        let group = it.ann.groups.get_mut(ZERO).unwrap();
        let bob = group.slots.find(&key_of("bob")).unwrap();
        group.slots.get_mut(bob).unwrap()
    }
    let mut it = again();
    slot(&mut it).group_number = Some(GroupNumber(7));
    assert_eq!(it.pass(&[]), ["I-016"]);
    assert_eq!(it.pass(&[]), [""; 0], "told once");
    let mut it = again();
    let online = |number| Online {
        group_number: number,
        conference: it.ann.groups().next().unwrap().conference(),
    };
    let (seven, eight) = (online(GroupNumber(7)), online(GroupNumber(8)));
    slot(&mut it).group_number = Some(GroupNumber(7));
    assert_eq!(it.packet("bob", &Packet::Online(eight), &[]), ["I-016"]);
    slot(&mut it).group_number = Some(GroupNumber(8));
    assert_eq!(it.packet("cat", &Packet::Online(eight), &[]), ["I-016"], "of another");
    slot(&mut it).group_number = Some(GroupNumber(7));
    assert_eq!(it.packet("bob", &Packet::Online(seven), &[]), [""; 0]);

    let freeze = |it: &mut Tapped| {
        let group = it.ann.groups.get_mut(ZERO).unwrap();
        let Some(Place::Active(bob)) = group.peers.find_key(&key_of("bob")) else { panic!() };
        let bob = group.peers.remove(Place::Active(bob)).unwrap();
        group.peers.push_frozen(bob);
    };
    let mut it = again();
    freeze(&mut it);
    assert_eq!(it.pass(&[]), ["I-011"], "the old slot");
    let mut it = again();
    freeze(&mut it);
    *slot(&mut it) = crate::conference::Slot {
        online: false,
        reasons: Reasons::INTRODUCER,
        group_number: None,
        ..*slot(&mut it)
    };
    assert_eq!(it.pass(&[]), [""; 0], "a slot to rejoin");
    slot(&mut it).reasons = Reasons::CLOSEST;
    assert_eq!(it.pass(&[]), ["I-011"]);
}
