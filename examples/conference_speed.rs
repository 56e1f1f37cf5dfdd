//! How long the reference machine takes for a message: with four known peers and with ten thousand.
//!
//! `cargo run --release --example conference_speed`
#![expect(clippy::print_stdout, reason = "its figures are for people")]

use std::time::Instant;

use toxscope::conference::{Endpoint, Input, Output, Profile, Request, SeededDice};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Chat, ConferenceType, GroupMessage, GroupNumber, InviteAccepted, MessageBody, MessageNumber,
    Packet, PeerEntry, PeerNumber, PeerResponse, PublicKey,
};

const MESSAGES: u32 = 1_000_000;

fn main() {
    for peers in [4, 100, 10_000, 60_000] {
        let (endpoint, mut dice) = endpoint_with(peers);
        let mut best = f64::MAX;
        for _ in 0..5 {
            best = best.min(nanoseconds_a_message(endpoint.clone(), &mut dice, peers));
        }
        println!("{peers:>6} peers: {best:.0} ns a message");
    }
}

/// A neighbour under number 1 that knows all the others.
fn endpoint_with(peers: u16) -> (Endpoint, SeededDice) {
    let friend = PublicKey([7; 32]);
    let own = PublicKey([9; 32]);
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
    for number in 1..=peers {
        let mut key = [number as u8; 32];
        key[..2].copy_from_slice(&number.wrapping_mul(40_503).to_be_bytes());
        let real_key = PublicKey(key);
        let mut entries = Vec::new();
        PeerEntry { peer_number: PeerNumber(number), real_key, dht_key: real_key, name: b"" }
            .emit(&mut entries);
        let response = PeerResponse { group_number, entries: &entries };
        packet(&mut endpoint, &mut dice, &Packet::PeerResponse(response));
    }
    (endpoint, dice)
}

fn packet(endpoint: &mut Endpoint, dice: &mut SeededDice, packet: &Packet<'_>) {
    let mut bytes = Vec::new();
    packet.emit(&mut bytes);
    let (at, friend) = (Timestamp::from_parts(1, 0), PublicKey([7; 32]));
    endpoint.step(Input::Packet { at, friend, bytes: &bytes }, dice);
}

/// Messages of all peers in turn, each handed to the client and sent on.
fn nanoseconds_a_message(mut endpoint: Endpoint, dice: &mut SeededDice, peers: u16) -> f64 {
    let (at, friend) = (Timestamp::from_parts(1, 0), PublicKey([7; 32]));
    let mut bytes = Vec::new();
    let mut said = 0;
    let mut spent = 0;
    for round in 0..MESSAGES / 1000 {
        // A thousand packets at a time are made outside of the clock.
        let packets: Vec<Vec<u8>> = (0..1000)
            .map(|index| {
                let count = round * 1000 + index;
                let message = GroupMessage {
                    group_number: GroupNumber(0),
                    peer_number: PeerNumber(
                        (count.wrapping_mul(7919) % u32::from(peers)) as u16 + 1,
                    ),
                    message_number: MessageNumber(count + 1),
                    body: MessageBody::Chat(Chat { text: b"hello, world" }),
                };
                bytes.clear();
                Packet::Message(message).emit(&mut bytes);
                bytes.clone()
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
