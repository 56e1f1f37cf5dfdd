//! How fast the reference machine is (`docs/proofs.md`).
//!
//! `cargo bench --bench conference` prints how long a message takes with few and with many known peers,
//! how much time of a conference is simulated in a second, what 65 536 New Peer messages of a hostile member
//! cost, and how many sequences of twenty events the fuzz target `machine_steps` goes through in a second, with
//! all that it checks.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::Instant;

use toxscope::conference::{Dice as _, Endpoint, Input, Output, Profile, Request, SeededDice};
use toxscope::simulate::{Gathering, Nanos, Network, SECOND, Watch};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Chat, ConferenceType, GroupMessage, GroupNumber, InviteAccepted, MessageBody, MessageNumber,
    NewPeer, Packet, PeerEntry, PeerNumber, PeerResponse, PublicKey,
};

const MESSAGES: u32 = 200_000;
const FRIEND: PublicKey = PublicKey([7; 32]);
const ROUNDS: usize = 5;

fn main() {
    let mut first = None;
    for peers in [4, 100, 10_000, 60_000] {
        let (endpoint, mut dice) = endpoint_with(peers);
        let rounds = (0..ROUNDS).map(|_| nanoseconds_a_message(endpoint.clone(), &mut dice, peers));
        let best = rounds.fold(f64::MAX, f64::min);
        let ratio = best / *first.get_or_insert(best);
        println!("{peers:>6} known peers: {best:.0} ns a message, {ratio:.2} of that with 4");
    }
    for (members, what) in
        [(10, "nobody says anything"), (10, "each says something a minute"), (16, "the same")]
    {
        let rounds =
            (0..ROUNDS).map(|_| simulated_hours_a_second(members, what != "nobody says anything"));
        let best = rounds.fold(0.0, f64::max);
        println!("{members:>6} members, {what}: {best:.1} h of conference in a second");
    }
    crowd();
    sequences();
}

fn key(number: u16) -> PublicKey {
    let mut key = [number as u8; 32];
    key[..2].copy_from_slice(&number.wrapping_mul(40_503).to_be_bytes());
    PublicKey(key)
}

/// A friend in the conference.
fn endpoint() -> (Endpoint, SeededDice) {
    let (own, friend) = (PublicKey([9; 32]), FRIEND);
    let mut dice = SeededDice::new(1);
    let mut endpoint = Endpoint::new(Profile::seed(), own, own, b"own");
    let at = Timestamp::from_parts(1, 0);
    endpoint.step(Input::Request { at, request: Request::AddFriend(friend) }, &mut dice);
    endpoint.step(Input::ConnectionUp { at, friend, dht_key: friend }, &mut dice);
    let create = Request::Create(ConferenceType::TEXT);
    endpoint.step(Input::Request { at, request: create }, &mut dice);
    let conference = endpoint.groups().next().expect("it was created").conference();
    let group_number = GroupNumber(0);
    let accepted = InviteAccepted { group_number, receiver_group_number: group_number, conference };
    packet(&mut endpoint, &mut dice, &Packet::InviteAccepted(accepted));
    (endpoint, dice)
}

/// A neighbour that knows all the others, under the numbers from 1 on.
fn endpoint_with(peers: u16) -> (Endpoint, SeededDice) {
    let (mut endpoint, mut dice) = endpoint();
    for number in 1..=peers {
        let (peer_number, real_key) = (PeerNumber(number), key(number));
        let mut entries = Vec::new();
        PeerEntry { peer_number, real_key, dht_key: real_key, name: b"" }.emit(&mut entries);
        let response = PeerResponse { group_number: GroupNumber(0), entries: &entries };
        packet(&mut endpoint, &mut dice, &Packet::PeerResponse(response));
    }
    (endpoint, dice)
}

fn packet(endpoint: &mut Endpoint, dice: &mut SeededDice, packet: &Packet<'_>) {
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    let (at, friend) = (Timestamp::from_parts(1, 0), FRIEND);
    endpoint.step(Input::Packet { at, friend, bytes: &bytes }, dice);
}

fn message(author: PeerNumber, number: u32, body: MessageBody<'_>) -> Packet<'_> {
    Packet::Message(GroupMessage {
        group_number: GroupNumber(0),
        peer_number: author,
        message_number: MessageNumber(number),
        body,
    })
}

/// Messages of all peers in turn, each handed to the client and sent on.
fn nanoseconds_a_message(mut endpoint: Endpoint, dice: &mut SeededDice, peers: u16) -> f64 {
    let (at, friend) = (Timestamp::from_parts(1, 0), FRIEND);
    let (mut said, mut spent) = (0, 0);
    for round in 0..MESSAGES / 1000 {
        // A thousand packets at a time are made outside of the clock.
        let packets: Vec<Vec<u8>> = (0..1000)
            .map(|index| {
                let count = round * 1000 + index;
                let author = (count.wrapping_mul(7919) % u32::from(peers)) as u16 + 1;
                let chat = MessageBody::Chat(Chat { text: b"hello, world" });
                let mut bytes = Vec::new();
                message(PeerNumber(author), count + 1, chat).emit(&mut bytes);
                bytes
            })
            .collect();
        let start = Instant::now();
        for bytes in &packets {
            endpoint.handle(&Input::Packet { at, friend, bytes }, dice);
            while let Some(output) = endpoint.poll_output() {
                said += u32::from(matches!(output, Output::Event(_)));
            }
        }
        spent += start.elapsed().as_nanos();
    }
    assert_eq!(said, MESSAGES);
    spent as f64 / f64::from(MESSAGES)
}

/// All are friends of the first. Every invariant is checked, but for what cannot change.
fn simulated_hours_a_second(members: usize, talks: bool) -> f64 {
    const LONG: Nanos = 2 * 3600 * SECOND;
    let profiles = vec![Profile::seed(); members];
    let mut all = Gathering::strangers(1, Network::default(), Watch::swiftly(), &profiles);
    for place in 1..members {
        let (one, other) = (all.id(0), all.id(place));
        all.world.befriend(one, other);
    }
    assert!(all.form(ConferenceType::TEXT));
    let (start, began) = (Instant::now(), all.world.now());
    while all.world.now() < began + LONG {
        if talks {
            for who in all.members.clone() {
                all.say(who, "hello, world").expect("everybody is connected");
            }
        }
        all.world.run_for(60 * SECOND);
    }
    let spent = start.elapsed().as_secs_f64();
    assert!(all.finding().is_none());
    assert!(all.see_each_other(&all.members));
    (LONG / (3600 * SECOND)) as f64 / spent
}

/// A member announces somebody new under every number.
fn crowd() {
    let (mut endpoint, mut dice) = endpoint();
    let group = endpoint.groups().next().expect("it was created");
    let author = group.peer(&FRIEND).expect("a member").number;
    let before = resident();
    let start = Instant::now();
    for number in 0..=u16::MAX {
        let (new_peer_number, real_key) = (PeerNumber(number), key(number));
        let new_peer = NewPeer { new_peer_number, real_key, dht_key: real_key };
        let body = MessageBody::NewPeer(new_peer);
        packet(&mut endpoint, &mut dice, &message(author, 1 + u32::from(number), body));
    }
    let spent = start.elapsed();
    let peers = endpoint.groups().next().map_or(0, |group| group.active().len());
    let start = Instant::now();
    endpoint.step(Input::Tick { at: Timestamp::from_parts(90, 0) }, &mut dice);
    println!(
        "65 536 New Peer messages: {peers} peers after {} ms, {} MiB; frozen but 128 in {} ms",
        spent.as_millis(),
        (resident() - before) >> 20,
        start.elapsed().as_millis()
    );
}

/// Sequences of twenty events, as the fuzz target reads them.
fn sequences() {
    const COUNT: usize = 20_000;
    let mut dice = SeededDice::new(2);
    let inputs: Vec<Vec<u8>> = (0..COUNT).map(|_| sequence(&mut dice)).collect();
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        inputs.iter().for_each(|input| toxscope::fuzzing::machine_steps(input));
        COUNT as f64 / start.elapsed().as_secs_f64()
    });
    let best = rounds.fold(0.0, f64::max);
    println!("{best:.0} sequences of 20 events in a second, in machine_steps");
}

/// Rules, and twenty events: most are messages, of all kinds but for those that nobody knows, of few authors.
fn sequence(dice: &mut SeededDice) -> Vec<u8> {
    let mut one_of = |count: u16| (dice.peer_number() % count) as u8;
    // The friend accepts an invitation first, so that there is somebody to hear.
    let mut bytes = vec![one_of(5), 6, 0, 2, 0, 0, 0];
    for count in 1..20 {
        let (friend, group, peer) = (u8::from(one_of(8) == 0), 0, one_of(12));
        match one_of(16) {
            0 => bytes.extend([0, one_of(60)]),
            1 => bytes.extend([1, friend, friend]),
            2 => bytes.extend([3, 8, group, 5, b'h', b'e', b'l', b'l', b'o']),
            3 => bytes.extend([3, 12, 2, b'm', b'e']),
            4 => bytes.extend([6, friend, 4, group, 0]),
            5 => bytes.extend([6, friend, 7, group]),
            6 => bytes.extend([6, friend, 8, group, 2, 1, 1, 1, 0, peer, one_of(8), 3, 1, b'x']),
            7 => bytes.extend([6, friend, 11, 0]),
            _ => {
                // Ping, New Peer, Kill, Freeze, Name, Title, or a text.
                let kind = match one_of(10) {
                    0 => 0,
                    1 | 2 => 1,
                    7.. => 8,
                    other => other,
                };
                bytes.extend([6, friend, 14, group, peer, 0, count + 1, kind]);
                match kind {
                    1 => bytes.extend([one_of(12), one_of(8), one_of(8)]),
                    5 | 6 => bytes.extend([2, b'h', b'i']),
                    8 => bytes.extend([5, b'h', b'e', b'l', b'l', b'o']),
                    _ => {}
                }
            }
        }
    }
    bytes
}

/// Bytes of this process that are in memory; 0 where that is not told.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
