//! One endpoint, and a neighbour who sends whatever it likes.

use toxscope::conference::{Endpoint, Group, Input, Profile, Request, Tap};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Conference, ConferenceType, FreezePeer, GroupMessage, GroupNumber, Invite, InviteAccepted,
    InviteMember, KillPeer, MessageBody, MessageNumber, Name, NewPeer, Online, Packet, PeerEntry,
    PeerIntroduced, PeerNumber, PeerQuery, PeerResponse, Ping, PublicKey, Rejoin, Title,
    TitleResponse,
};

use super::explore::{Explored, holds, is_found};
use super::world::{Member, SmallNumbers, WAIT, World, key, seed_but};

/// Limits are scaled down, so that they are met.
fn small(mut profile: Profile) -> Profile {
    profile.frozen_limit = Some(2);
    profile
}

const STRANGER: PublicKey = PublicKey([99; 32]);
/// A number that nobody has at first.
const FREE: PeerNumber = PeerNumber(7);
const ZERO: GroupNumber = GroupNumber(0);

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    honest: Member,
    dice: SmallNumbers,
    waits: u8,
    wrong: Option<String>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.honest.groups().collect::<Vec<_>>())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The packet of that index arrives.
    Packet(usize),
    Up,
    Down,
    /// 20 s go by.
    Wait,
    Pass,
    SetTitle,
}

struct Forger {
    start: State,
    packets: Vec<Vec<u8>>,
}

impl Forger {
    /// The first of two is honest.
    fn new(profile: &Profile) -> Self {
        let world = World::together(&[profile.clone(), profile.clone()], ConferenceType::TEXT);
        let honest = Endpoint::clone(&world.members[0]);
        let group = honest.groups().next().expect("the conference");
        let (own, conference) = (group.own_number().expect("a member"), group.conference());
        let forger = group.peer(&key(1)).expect("the other one").number;
        let packets = packets(conference, own, forger);
        let dice = SmallNumbers::of(0);
        Self { start: State { honest: Member::of(honest), dice, waits: 4, wrong: None }, packets }
    }
}

fn emitted(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    bytes
}

/// All that the forger sends: every kind, with its own, our, and a free peer number, and with all
/// keys.
fn packets(conference: Conference, own: PeerNumber, forger: PeerNumber) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut add = |packet: &Packet<'_>| all.push(emitted(packet));
    let (one, receiver) = (GroupNumber(1), ZERO);
    add(&Packet::Invite(Invite { group_number: one, conference }));
    add(&Packet::InviteAccepted(InviteAccepted {
        group_number: one,
        receiver_group_number: receiver,
        conference,
    }));
    for peer_number in [own, forger, FREE] {
        add(&Packet::InviteMember(InviteMember {
            group_number: one,
            receiver_group_number: receiver,
            conference,
            peer_number,
        }));
    }
    add(&Packet::Online(Online { group_number: ZERO, conference }));
    add(&Packet::Online(Online { group_number: one, conference }));
    add(&Packet::Rejoin(Rejoin { conference, trailing: &[] }));
    add(&Packet::PeerIntroduced(PeerIntroduced { group_number: ZERO, trailing: &[] }));
    add(&Packet::PeerQuery(PeerQuery { group_number: ZERO, trailing: &[] }));
    add(&Packet::TitleResponse(TitleResponse { group_number: ZERO, title: b"t" }));
    for peer_number in [own, forger, FREE] {
        for real_key in [key(0), key(1), STRANGER] {
            let mut entries = Vec::new();
            PeerEntry { peer_number, real_key, dht_key: real_key, name: b"n" }.emit(&mut entries);
            add(&Packet::PeerResponse(PeerResponse { group_number: ZERO, entries: &entries }));
            let new_peer = NewPeer { new_peer_number: peer_number, real_key, dht_key: real_key };
            add(&message(forger, 1000, MessageBody::NewPeer(new_peer)));
        }
        for number in [1, 1000] {
            let kill = KillPeer { killed_peer_number: peer_number };
            let freeze = FreezePeer { frozen_peer_number: peer_number };
            for body in [
                MessageBody::Ping(Ping { trailing: &[] }),
                MessageBody::KillPeer(kill),
                MessageBody::FreezePeer(freeze),
                MessageBody::Name(Name { name: b"m" }),
                MessageBody::Title(Title { title: b"u" }),
            ] {
                add(&message(peer_number, number, body));
            }
        }
    }
    all
}

fn message(author: PeerNumber, number: u32, body: MessageBody<'_>) -> Packet<'_> {
    let message_number = MessageNumber(number);
    Packet::Message(GroupMessage { group_number: ZERO, peer_number: author, message_number, body })
}

/// I-004 and I-005, also where a profile does not promise them.
fn is_there_itself(endpoint: &Endpoint, group: &Group) -> bool {
    let own = group.peer(&endpoint.real_key()).map(|peer| peer.number);
    own == group.own_number() && group.is_active(&endpoint.real_key())
}

impl Explored for Forger {
    type State = State;
    type Action = Action;

    fn start(&self) -> State {
        self.start.clone()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        match state.honest.connection(&key(1)) {
            Some(connection) if connection.is_up() => {
                actions.push(Action::Down);
                actions.extend((0..self.packets.len()).map(Action::Packet));
            }
            _ => actions.push(Action::Up),
        }
        actions.push(Action::Pass);
        if state.waits > 0 {
            actions.push(Action::Wait);
        }
        actions.push(Action::SetTitle);
    }

    fn next(&self, state: &State, action: Action) -> State {
        let mut next = state.clone();
        let seconds = 2000 + i64::from(self.start.waits - state.waits) * WAIT as i64;
        let (at, friend) = (Timestamp::from_parts(seconds, 0), key(1));
        let input = match action {
            Action::Packet(index) => Input::Packet { at, friend, bytes: &self.packets[index] },
            Action::Up => Input::ConnectionUp { at, friend, dht_key: friend },
            Action::Down => Input::ConnectionDown { at, friend },
            Action::Wait => {
                next.waits -= 1;
                return next;
            }
            Action::Pass => Input::Tick { at },
            Action::SetTitle => {
                let request = Request::SetTitle { group: ZERO, title: b"own" };
                Input::Request { at, request }
            }
        };
        let mut tap = Tap::default();
        let mut honest = Endpoint::clone(&state.honest);
        tap.look(&honest);
        let outputs = honest.step(input, &mut next.dice).outputs;
        let mut found = honest.violations();
        if action == Action::Pass {
            found.extend(honest.violations_after_pass());
        }
        found.extend(tap.step(&honest, &input, &outputs));
        next.wrong = found.first().map(ToString::to_string);
        if !honest.groups().all(|group| is_there_itself(&honest, group)) {
            next.wrong = Some("I-004: we are not there".to_owned());
        }
        // T-017, the last part of G-022: what is saved loads.
        let mut again = Endpoint::new(Profile::seed(), honest.real_key(), STRANGER, b"");
        if let Some(damage) = again.load(at, &honest.save(), &[]).damage.first() {
            next.wrong = Some(format!("the save is damaged: {damage}"));
        }
        next.honest = Member::of(honest);
        next
    }

    /// Own messages are numbered on for ever.
    fn deepest(&self) -> usize {
        25
    }

    fn wrong(&self, state: &State) -> Option<String> {
        state.wrong.clone()
    }
}

/// G-022, T-017: whatever it sends, in whatever order.
#[test]
fn a_forger_breaks_no_invariant() {
    for profile in [Profile::seed(), Profile::spec(), Profile::hardened()] {
        holds(&format!("forger, {profile}"), Forger::new(&small(profile)));
    }
    let unprotected = small(seed_but(|profile| profile.own_entry_unprotected = true));
    is_found("forger of an endpoint that obeys (B-05)", Forger::new(&unprotected), "I-004");
}
