//! What holds for everything that an endpoint sends (O-001 to O-013).

use std::collections::{BTreeMap, BTreeSet};

use crate::conference::{Endpoint, Input, Output, Pings, Profile, RelayBack};
use crate::wire::{Conference, GroupMessage, GroupNumber, MessageBody, Packet, PublicKey};

/// Reads along at one endpoint.
#[derive(Default)]
pub(super) struct Tap {
    /// Friend and number of online slots before the step.
    online: BTreeMap<(PublicKey, u16), Conference>,
    own_numbers: BTreeMap<Conference, u32>,
    /// What was sent under own numbers.
    own_messages: BTreeMap<(Conference, u32), Vec<u8>>,
    /// Foreign messages that went out on a slot, until it is online anew.
    copies: BTreeSet<(PublicKey, Conference, u16, u32)>,
    last_ping: BTreeMap<Conference, u64>,
}

fn online(endpoint: &Endpoint) -> BTreeMap<(PublicKey, u16), Conference> {
    let slots = endpoint.groups().flat_map(|group| {
        let slots = group.slots().filter(|slot| slot.online);
        slots.map(|slot| ((slot.friend, slot.group_number.unwrap().0), group.conference()))
    });
    slots.collect()
}

impl Tap {
    pub(super) fn before(&mut self, endpoint: &Endpoint) {
        self.online = online(endpoint);
    }

    /// The endpoint starts again: numbers jump ahead.
    pub(super) fn restarted(&mut self) {
        self.copies.clear();
        self.last_ping.clear();
        self.own_numbers.clear();
    }

    pub(super) fn after(&mut self, endpoint: &Endpoint, input: &Input<'_>, outputs: &[Output]) {
        if endpoint.profile().own_entry_unprotected {
            // c-toxcore's defects break several of these; its traces are golden files.
            return;
        }
        let mut slots = online(endpoint);
        slots.append(&mut self.online);
        if let Input::ConnectionDown { friend, .. } = input {
            self.copies.retain(|(to, ..)| to != friend);
        }
        let mut names = BTreeMap::<Conference, usize>::new();
        for output in outputs {
            let Output::Send { friend, bytes } = output else { continue };
            assert!(bytes.len() <= 1373, "O-009");
            let packet = Packet::parse(bytes).expect("O-009");
            let mut again = Vec::new();
            packet.emit(&mut again);
            assert_eq!(again, *bytes, "O-009");
            assert!(endpoint.connection(friend).is_some_and(|it| it.is_up()), "{friend} is down");
            let conference = |number: GroupNumber| {
                let found = slots.get(&(*friend, number.0));
                *found.unwrap_or_else(|| panic!("O-001: {packet:?} to {friend}"))
            };
            match packet {
                Packet::PeerIntroduced(it) => {
                    conference(it.group_number);
                }
                Packet::PeerQuery(it) => {
                    conference(it.group_number);
                }
                Packet::PeerResponse(it) => {
                    conference(it.group_number);
                }
                Packet::TitleResponse(it) => {
                    conference(it.group_number);
                }
                Packet::Message(it) => {
                    let conference = conference(it.group_number);
                    self.message(endpoint, input, (friend, bytes), &it, conference);
                    if let MessageBody::Name(_) = it.body {
                        *names.entry(conference).or_default() += 1;
                    }
                }
                Packet::Lossy(it) => {
                    conference(it.group_number);
                    if let Input::Packet { friend: source, bytes: received, .. } = input {
                        assert_ne!(source, friend, "O-008");
                        assert_eq!(received[3..], bytes[3..]);
                    }
                }
                Packet::Rejoin(rejoin) => {
                    let group = endpoint.group_of(&rejoin.conference).expect("O-011");
                    let was_frozen = outputs.iter().any(|output| {
                        matches!(output, Output::Event(crate::conference::Event::Evicted { real_key, .. }) if real_key == friend)
                    });
                    let frozen = group.frozen().iter().any(|peer| peer.real_key == *friend);
                    assert!(frozen || was_frozen, "O-011");
                }
                _ => {}
            }
        }
        if let (Input::Tick { .. }, Some((_, count))) =
            (input, names.iter().max_by_key(|(_, count)| **count))
        {
            assert!(*count <= 16, "O-012");
        }
        if let Input::Packet { friend, bytes, .. } = input {
            response_is_complete(endpoint, friend, bytes, outputs);
        }
    }

    fn message(
        &mut self,
        endpoint: &Endpoint,
        input: &Input<'_>,
        (friend, bytes): (&PublicKey, &[u8]),
        message: &GroupMessage<'_>,
        conference: Conference,
    ) {
        let own = endpoint.group_of(&conference).and_then(|group| group.own_number());
        let number = message.message_number.0;
        let author = message.peer_number;
        if let Input::Packet { friend: source, bytes: received, .. } = input
            && received.len() == bytes.len()
            && received[3..] == bytes[3..]
        {
            let key = endpoint
                .group_of(&conference)
                .and_then(|group| group.active().iter().find(|peer| peer.number == author))
                .map(|peer| peer.real_key);
            let back = match endpoint.profile().relay_back {
                RelayBack::ToAuthor => key.is_none_or(|key| key == *source),
                RelayBack::Never => false,
                RelayBack::Always => true,
            };
            assert!(source != friend || back, "O-007");
            let copy = (*friend, conference, author.0, number);
            assert!(Some(author) == own || self.copies.insert(copy), "O-006: {copy:?}");
            return;
        }
        if own.is_some_and(|own| own != author) {
            panic!("O-005: {message:?} after {input:?}");
        }
        assert_ne!(number, 0, "O-003");
        let kept = self.own_messages.entry((conference, number)).or_insert(bytes[3..].to_vec());
        assert_eq!(*kept, bytes[3..], "O-004");
        let last = self.own_numbers.entry(conference).or_insert(number);
        assert!(number == *last || number == last.wrapping_add(1).max(1), "O-003");
        let first = number != *last || !self.last_ping.contains_key(&conference);
        *last = number;
        if let (MessageBody::Ping(_), true) = (message.body, first) {
            self.ping(endpoint.profile(), input, conference);
        }
    }

    fn ping(&mut self, profile: &Profile, input: &Input<'_>, conference: Conference) {
        let now = input.at().as_nanos().unsigned_abs() / 1_000_000_000;
        let last = self.last_ping.insert(conference, now);
        if let (Input::Tick { .. }, Some(last)) = (input, last) {
            assert!(now >= last + 20, "O-013: {last} {now}");
        } else if last.is_some() {
            assert_eq!(profile.ping_on_online, Pings::Always, "O-013");
        }
    }
}

/// O-010.
fn response_is_complete(endpoint: &Endpoint, from: &PublicKey, bytes: &[u8], outputs: &[Output]) {
    let Ok(Packet::PeerQuery(query)) = Packet::parse(bytes) else { return };
    let Some(group) = endpoint.group(query.group_number) else { return };
    let mut listed = Vec::new();
    let mut answered = false;
    for output in outputs {
        if let Output::Send { friend, bytes } = output
            && let Ok(Packet::PeerResponse(response)) = Packet::parse(bytes)
        {
            assert_eq!(friend, from);
            answered = true;
            listed.extend(response.peers().map(|peer| peer.peer_number));
        }
    }
    let active: Vec<_> = group.active().iter().map(|peer| peer.number).collect();
    assert!(!answered || listed == active, "O-010");
}
