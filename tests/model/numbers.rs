//! Message numbers: one author, whose messages reach one receiver late, out of order and twice.

use toxscope::conference::{Duplicates, Endpoint, Event, Input, Output, Profile};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Chat, ConferenceType, GroupMessage, GroupNumber, MessageBody, MessageNumber, Name, Packet,
    PeerEntry, PeerNumber, PeerResponse, PublicKey, Title,
};

use super::explore::{Explored, holds, is_found};
use super::world::{Member, SmallNumbers, World, key, seed_but};

/// Messages that are sent; their disorder is less than the window of 8.
const MESSAGES: u32 = 13;
const WINDOW: u32 = 8;
/// The numbers wrap in the middle.
const FIRST: u32 = u32::MAX - 5;
const AUTHOR: PeerNumber = PeerNumber(4711);
const AUTHORS_KEY: PublicKey = PublicKey([9; 32]);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    receiver: Member,
    /// Messages that arrived, one bit each.
    arrived: u32,
    wrong: Option<&'static str>,
}

struct Numbers(Profile);

/// The number of a message; 0 is left out.
fn number(message: u32) -> u32 {
    let number = FIRST.wrapping_add(message);
    if number < FIRST { number + 1 } else { number }
}

/// Every third message is a text, a name, a title; names and titles say which message it was.
fn packet(message: u32) -> Vec<u8> {
    let text = [b'0' + message as u8];
    let body = match message % 3 {
        0 => MessageBody::Chat(Chat { text: &text }),
        1 => MessageBody::Name(Name { name: &text }),
        _ => MessageBody::Title(Title { title: &text }),
    };
    let message = GroupMessage {
        group_number: GroupNumber(0),
        peer_number: AUTHOR,
        message_number: MessageNumber(number(message)),
        body,
    };
    let mut bytes = Vec::new();
    Packet::Message(message).emit(&mut bytes);
    bytes
}

impl Explored for Numbers {
    type State = State;
    /// The message that arrives.
    type Action = u32;

    fn start(&self) -> State {
        let world = World::together(&[self.0.clone(), self.0.clone()], ConferenceType::TEXT);
        let mut receiver = Endpoint::clone(&world.members[0]);
        let mut entries = Vec::new();
        let (peer_number, real_key) = (AUTHOR, AUTHORS_KEY);
        PeerEntry { peer_number, real_key, dht_key: real_key, name: b"" }.emit(&mut entries);
        let group_number = GroupNumber(0);
        let mut bytes = Vec::new();
        Packet::PeerResponse(PeerResponse { group_number, entries: &entries }).emit(&mut bytes);
        let input =
            Input::Packet { at: Timestamp::from_parts(2000, 0), friend: key(1), bytes: &bytes };
        receiver.step(input, &mut SmallNumbers::of(0));
        State { receiver: Member::of(receiver), arrived: 0, wrong: None }
    }

    fn actions(&self, state: &State, actions: &mut Vec<u32>) {
        // The oldest one that is yet to arrive limits how far others may be ahead of it; copies
        // of what arrived are as old as the window at most.
        let oldest = state.arrived.trailing_ones();
        let newest = 32 - state.arrived.leading_zeros();
        let ahead = (oldest + WINDOW).min(MESSAGES);
        let behind = newest.saturating_sub(2 * WINDOW);
        actions.extend(behind..ahead);
    }

    fn next(&self, state: &State, message: u32) -> State {
        let mut next = state.clone();
        let bytes = packet(message);
        let at = Timestamp::from_parts(2000, 0);
        let input = Input::Packet { at, friend: key(1), bytes: &bytes };
        let mut receiver = Endpoint::clone(&state.receiver);
        let outputs = receiver.step(input, &mut SmallNumbers::of(0)).outputs;
        let said = outputs.iter().any(|it| matches!(it, Output::Event(Event::Said { .. })));
        let again = state.arrived & 1 << message != 0;
        next.arrived |= 1 << message;
        // T-012, for those that are not about order.
        if message.is_multiple_of(3) && said == again {
            next.wrong = Some(if said { "accepted twice" } else { "not accepted" });
        }
        // T-013.
        let last = |kind: u32| {
            let arrived = (0..MESSAGES).filter(|it| it % 3 == kind && next.arrived & 1 << it != 0);
            arrived.max().map(|message| vec![b'0' + message as u8])
        };
        let group = receiver.groups().next().expect("the conference");
        let name = group.peer(&AUTHORS_KEY).map(|peer| peer.name.clone()).unwrap_or_default();
        if name != last(1).unwrap_or_default() {
            next.wrong = Some("an old name");
        }
        if group.title() != last(2).unwrap_or_default() {
            next.wrong = Some("an old title");
        }
        if !receiver.violations().is_empty() {
            next.wrong = Some("an invariant is violated");
        }
        next.receiver = Member::of(receiver);
        next
    }

    fn wrong(&self, state: &State) -> Option<String> {
        state.wrong.map(str::to_owned)
    }
}

/// T-012, T-013, I-014: over the wrap.
#[test]
fn numbers_are_accepted_once_and_the_last_name_stands() {
    holds("numbers", Numbers(Profile::seed()));
    let plain = seed_but(|profile| profile.duplicates = Duplicates::Plain);
    is_found("numbers that do not wrap", Numbers(plain), "");
    let ahead = seed_but(|profile| profile.duplicates = Duplicates::Ahead64);
    is_found("numbers of which only the last is remembered", Numbers(ahead), "");
}
