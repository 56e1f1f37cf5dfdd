//! Properties of steps (T-…) from random states: whatever happened before, one packet more.

use proptest::prelude::*;

use super::room::{Room, dht_key_of, drops, entry, key_of, low_key};
use crate::conference::{Endpoint, Group, Input, Output, Profile, Request, SeededDice};
use crate::time::Timestamp;
use crate::wire::{
    ConferenceType, DataId, FreezePeer, GroupMessage, GroupNumber, InviteAccepted, InviteMember,
    KillPeer, Lossy, LossyBody, LossyNumber, MessageBody, MessageNumber, Name, NewPeer, Online,
    Packet, PeerEntry, PeerIntroduced, PeerNumber, PeerQuery, PeerResponse, Ping, PublicKey,
    Rejoin, Title, TitleResponse, UnknownMessage,
};

const ZERO: GroupNumber = GroupNumber(0);

/// Numbers and keys, of which those of bob are some.
#[derive(Clone, Copy, Debug)]
struct Listed {
    number: u8,
    key: u8,
    dht_key: u8,
}

fn listed() -> impl Strategy<Value = Listed> {
    (0_u8..6, 0_u8..6, 0_u8..4).prop_map(|(number, key, dht_key)| Listed { number, key, dht_key })
}

/// A list in which no key is twice: one that contradicts itself renumbers back and forth
/// (docs/divergences.md).
fn list() -> impl Strategy<Value = Vec<Listed>> {
    proptest::collection::vec(listed(), 1..7).prop_map(|mut list| {
        let mut keys = std::collections::BTreeSet::new();
        list.retain(|listed| keys.insert(listed.key));
        list
    })
}

impl Listed {
    fn key(self) -> PublicKey {
        match self.key {
            0 => key_of("bob"),
            1 => key_of("ann"),
            key => low_key(key),
        }
    }

    fn entry(self, bob: PeerNumber) -> PeerEntry<'static> {
        let number = if self.number == 0 { bob.0 } else { u16::from(self.number) };
        PeerEntry { name: b"name", ..entry(number, self.key(), low_key(self.dht_key)) }
    }
}

/// One packet of any kind; small numbers, so that they meet.
#[derive(Clone, Debug)]
struct Made {
    kind: u8,
    author: u8,
    number: u32,
    listed: Vec<Listed>,
}

fn made() -> impl Strategy<Value = Made> {
    let numbers = prop_oneof![5_u32..20, Just(1 << 31), Just(u32::MAX)];
    (0_u8..20, 0_u8..6, numbers, list()).prop_map(|(kind, author, number, listed)| Made {
        kind,
        author,
        number,
        listed,
    })
}

impl Made {
    fn bytes(&self, bob: PeerNumber, group: &Group) -> Vec<u8> {
        let author = if self.author == 0 { bob } else { PeerNumber(u16::from(self.author)) };
        let conference = group.conference();
        let (one, receiver_group_number) = (GroupNumber(1), ZERO);
        let mut entries = Vec::new();
        self.listed.iter().for_each(|listed| listed.entry(bob).emit(&mut entries));
        let first = self.listed[0].entry(bob);
        let message = |body| {
            Packet::Message(GroupMessage {
                group_number: ZERO,
                peer_number: author,
                message_number: MessageNumber(self.number),
                body,
            })
        };
        let lossy = LossyBody::Audio { sequence_number: 1, opus: b"x" };
        let packet = match self.kind {
            0 => Packet::InviteAccepted(InviteAccepted {
                group_number: one,
                receiver_group_number,
                conference,
            }),
            1 => Packet::InviteMember(InviteMember {
                group_number: one,
                receiver_group_number,
                conference,
                peer_number: author,
            }),
            2 => Packet::Online(Online { group_number: one, conference }),
            3 => Packet::Rejoin(Rejoin { conference, trailing: &[] }),
            4 => Packet::PeerIntroduced(PeerIntroduced { group_number: ZERO, trailing: &[] }),
            5 => Packet::PeerQuery(PeerQuery { group_number: ZERO, trailing: &[] }),
            6 | 7 => Packet::PeerResponse(PeerResponse { group_number: ZERO, entries: &entries }),
            8 => Packet::TitleResponse(TitleResponse { group_number: ZERO, title: b"told" }),
            9 => Packet::Lossy(Lossy {
                group_number: ZERO,
                peer_number: author,
                message_number: LossyNumber(self.number as u16),
                body: lossy,
            }),
            10 => message(MessageBody::KillPeer(KillPeer { killed_peer_number: author })),
            11 => message(MessageBody::FreezePeer(FreezePeer { frozen_peer_number: author })),
            12 => message(MessageBody::Name(Name { name: b"other" })),
            13 => message(MessageBody::Title(Title { title: b"set" })),
            14 => message(MessageBody::Unknown(UnknownMessage { id: 0x42, body: b"x" })),
            15 | 16 => message(MessageBody::NewPeer(NewPeer {
                new_peer_number: first.peer_number,
                real_key: first.real_key,
                dht_key: first.dht_key,
            })),
            17 => super::room::chat_packet(author, self.number),
            _ => message(MessageBody::Ping(Ping { trailing: &[] })),
        };
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        bytes
    }
}

/// Ann, a member with bob, after these packets of bob's.
struct State {
    ann: Endpoint,
    bob: PeerNumber,
    at: Timestamp,
}

impl State {
    fn after(profile: &Profile, packets: &[Made], freeze_at: usize) -> Self {
        let mut room = Room::friends(profile, ["ann", "bob"]);
        room.create("ann", ConferenceType::AUDIO);
        room.invite("ann", "bob");
        room.wait(1);
        let (ann, bob) = (room.endpoint("ann").clone(), room.number("bob"));
        let mut state = Self { ann, bob, at: room.now() };
        for (index, packet) in packets.iter().enumerate() {
            if index == freeze_at {
                state.at = Timestamp::from_nanos(state.at.as_nanos() + 61_000_000_000);
                state.tick();
            }
            state.take(packet);
        }
        assert_eq!(state.ann.violations(), []);
        // An acceptance gave bob another one.
        state.bob = state.group().peer(&key_of("bob")).map_or(state.bob, |bob| bob.number);
        state
    }

    fn tick(&mut self) {
        self.ann.step(Input::Tick { at: self.at }, &mut SeededDice::new(1));
    }

    fn group(&self) -> &Group {
        self.ann.groups().next().unwrap()
    }

    fn take(&mut self, packet: &Made) -> Vec<Output> {
        let bytes = packet.bytes(self.bob, self.group());
        self.take_bytes(&bytes)
    }

    fn take_bytes(&mut self, bytes: &[u8]) -> Vec<Output> {
        let input = Input::Packet { at: self.at, friend: key_of("bob"), bytes };
        self.ann.step(input, &mut SeededDice::new(7)).outputs
    }

    fn respond(&mut self, entries: &[PeerEntry<'_>]) -> Vec<Output> {
        let mut list = Vec::new();
        entries.iter().for_each(|entry| entry.emit(&mut list));
        let mut bytes = Vec::new();
        Packet::PeerResponse(PeerResponse { group_number: ZERO, entries: &list }).emit(&mut bytes);
        self.take_bytes(&bytes)
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::seed()), Just(Profile::spec()), Just(Profile::hardened())]
}

fn history() -> impl Strategy<Value = Vec<Made>> {
    proptest::collection::vec(made(), 0..12)
}

/// A peer as far as others can tell, without when it was active.
fn known(group: &Group, key: &PublicKey) -> Option<(PeerNumber, PublicKey, Vec<u8>, Vec<u32>)> {
    let peer = group.peer(key)?;
    Some((peer.number, peer.dht_key, peer.name.clone(), peer.remembered().collect()))
}

/// An entry has a number that one behind it takes from who has it now.
fn makes_room(group: &Group, packet: &Made, bob: PeerNumber) -> bool {
    let entries: Vec<_> = packet.listed.iter().map(|listed| listed.entry(bob)).collect();
    entries.iter().enumerate().any(|(place, behind)| {
        let known = group.peer(&behind.real_key).map(|peer| peer.number);
        let before = entries.iter().take(place);
        Some(behind.peer_number) != known
            && before.into_iter().any(|entry| Some(entry.peer_number) == known)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// T-009, from any state and for every kind of packet.: an acceptance gives a new
    /// number each time, a member packet is announced each time.
    #[test]
    fn the_same_packet_again_changes_nothing(
        profile in profiles(), before in history(), freeze_at in 0_usize..12, packet in made(),
    ) {
        let mut state = State::after(&profile, &before, freeze_at);
        let bytes = packet.bytes(state.bob, state.group());
        prop_assume!(bytes[0] != DataId::CONFERENCE_INVITE.0);
        prop_assume!(!makes_room(state.group(), &packet, state.bob));
        state.take_bytes(&bytes);
        let once = state.ann.clone();
        let outputs = state.take_bytes(&bytes);
        prop_assert_eq!(&once, &state.ann);
        for output in &outputs {
            // Queries are answered, unknown authors asked for, Rejoins answered with Online.
            let sent = match output {
                Output::Send { bytes: sent, .. } => sent,
                Output::Dropped(_) => continue,
                other => panic!("{other:?}"),
            };
            let answer = matches!((&bytes[..], &sent[..]),
                ([0x62, _, _, 0x08, ..], [0x62, _, _, 0x09 | 0x0a, ..])
                | ([0x63, ..], [0x62, _, _, 0x08])
                | ([0x64, ..], [0x61, ..]));
            prop_assert!(answer, "{:02x?} after {:02x?}", sent, bytes);
        }
    }

    /// T-004, T-006, T-007. A response thaws nobody, refreshes nobody, and gives a known peer
    /// another key only if it is frozen or its key was not updated since it thawed; whatever is
    /// refused has no effect on the other entries.
    #[test]
    fn a_response_changes_no_more_than_it_may(
        profile in profiles(),
        before in history(),
        freeze_at in 0_usize..12,
        list in list(),
        refused_at in 0_usize..7,
    ) {
        let mut state = State::after(&profile, &before, freeze_at);
        let before = state.group().clone();
        let mut without = State { ann: state.ann.clone(), ..state };
        let bob = state.bob;
        let mut entries: Vec<_> = list.iter().map(|listed| listed.entry(bob)).collect();
        without.respond(&entries);
        // Our own number with a key that nobody has is always refused.
        let own = before.own_number().unwrap();
        let refused = entry(own.0, low_key(77), low_key(1));
        entries.insert(refused_at.min(entries.len()), refused);
        state.respond(&entries);
        prop_assert_eq!(state.group(), without.group());
        for peer in before.active().iter().chain(before.frozen()) {
            let after = state.group().peer(&peer.real_key).filter(|it| it.number == peer.number);
            let Some(after) = after else { continue };
            prop_assert_eq!(after.last_active, peer.last_active);
            let was_active = before.is_active(&peer.real_key);
            prop_assert_eq!(state.group().is_active(&peer.real_key), was_active);
            let may = !was_active || !peer.dht_key_updated;
            prop_assert!(after.dht_key == peer.dht_key || may);
        }
    }

    /// T-005. However a list is split, from any state.
    #[test]
    fn a_response_can_be_split_anywhere(
        profile in profiles(),
        before in history(),
        list in list(),
        splits in proptest::collection::vec(1_usize..4, 7),
    ) {
        let mut whole = State::after(&profile, &before, 12);
        let mut split = State { ann: whole.ann.clone(), ..whole };
        // Whoever renumbers itself loses its slot, and is not listened to any more.
        let list = list.iter().filter(|listed| (listed.key == 0) == (listed.number == 0));
        let entries: Vec<_> = list.map(|listed| listed.entry(whole.bob)).collect();
        whole.respond(&entries);
        let mut rest = &entries[..];
        for size in splits {
            let (part, behind) = rest.split_at(size.min(rest.len()));
            split.respond(part);
            rest = behind;
        }
        split.respond(rest);
        prop_assert_eq!(whole.ann, split.ann);
    }

    /// T-010, T-011. Unknown kinds change nothing; a packet that is cut too short to be one changes
    /// nothing either, unless the header of a group message is left, which counts as activity and
    /// uses up its number.
    #[test]
    fn what_cannot_be_read_changes_nothing(
        profile in profiles(), before in history(), freeze_at in 0_usize..12, packet in made(),
    ) {
        let state = State::after(&profile, &before, freeze_at);
        let bytes = packet.bytes(state.bob, state.group());
        for length in 0..bytes.len() {
            let mut cut = State { ann: state.ann.clone(), ..state };
            let bytes = &bytes[..length];
            let outputs = cut.take_bytes(bytes);
            if Packet::parse(bytes).is_err() && !(bytes.first() == Some(&0x63) && length >= 10) {
                prop_assert_eq!(&cut.ann, &state.ann);
                prop_assert_eq!((outputs.len(), drops(&outputs).len()), (1, 1));
            }
        }
        for unknown in [&[0x60, 9, 0, 0][..], &[0x62, 0, 0, 0x44, 1], &[0x65, 1, 2, 3], &[0x10]] {
            let mut other = State { ann: state.ann.clone(), ..state };
            other.take_bytes(unknown);
            prop_assert_eq!(&other.ann, &state.ann);
        }
        let bob = state.bob;
        let active = state.group().active().iter().any(|peer| peer.number == bob);
        let mut unknown = vec![0x63, 0, 0];
        unknown.extend(bob.0.to_be_bytes());
        unknown.extend([0, 0, 0, 90, 0x77, 1, 2]);
        let mut other = State { ann: state.ann.clone(), ..state };
        let outputs = other.take_bytes(&unknown);
        prop_assert!(!outputs.iter().any(|it| matches!(it, Output::Event(_))) || !active);
        if active {
            // But for number and activity, nothing changed.
            let clear = |group: &Group| {
                let mut group = group.clone();
                let place = group.peers.find(bob).unwrap();
                let peer = group.peers.get_mut(place).unwrap();
                peer.remembered = Default::default();
                peer.last_active = 0;
                group
            };
            prop_assert_eq!(clear(other.group()), clear(state.group()));
        }
    }

    /// T-001. Freezing by time, thawing by any message: the same peer, with the mark cleared.
    #[test]
    fn whoever_freezes_and_thaws_is_the_same(
        profile in profiles(), before in history(), number in 100_u32..200,
    ) {
        let mut state = State::after(&profile, &before, 12);
        let keys: Vec<_> = state.group().active().iter().map(|peer| peer.real_key).collect();
        let before: Vec<_> = keys.iter().map(|key| known(state.group(), key)).collect();
        state.at = Timestamp::from_nanos(state.at.as_nanos() + 61_000_000_000);
        state.tick();
        for (key, before) in keys.iter().zip(before) {
            if *key == key_of("ann") {
                continue;
            }
            prop_assert!(!state.group().is_active(key));
            prop_assert_eq!(known(state.group(), key), before.clone());
            let (author, ..) = before.unwrap();
            let mut bytes = Vec::new();
            super::room::chat_packet(author, number).emit(&mut bytes);
            if state.group().slots().any(|slot| slot.friend == key_of("bob")) {
                state.take_bytes(&bytes);
                let peer = state.group().peer(key).unwrap();
                prop_assert!(state.group().is_active(key) && !peer.dht_key_updated);
                prop_assert_eq!(peer.last_active, state.ann.now);
            }
        }
    }

    /// T-015, T-016. Whatever was, losing the last connection leaves us alone; and a save keeps
    /// what it says, however often it is loaded and saved.
    #[test]
    fn losing_all_and_reloading_keep_everybody_as_frozen(
        before in history(), freeze_at in 0_usize..12,
    ) {
        let mut state = State::after(&Profile::seed(), &before, freeze_at);
        let group = state.group().clone();
        let own = key_of("ann");
        let others = |group: &Group| {
            let all = group.active().iter().chain(group.frozen());
            let mut all: Vec<_> = all.filter(|peer| peer.real_key != own)
                .map(|peer| (peer.number, peer.real_key, peer.dht_key, peer.name.clone(), peer.last_active))
                .collect();
            all.sort_by_key(|peer| peer.0.0);
            all
        };
        let mut loaded = Endpoint::new(Profile::seed(), own, dht_key_of("ann"), b"ann");
        let report = loaded.load(state.at, &state.ann.save(), &[]);
        prop_assert_eq!(report.damage, []);
        let again = loaded.groups().next().unwrap();
        prop_assert_eq!(again.active().len(), 1);
        prop_assert_eq!(others(again), others(&group));
        prop_assert_eq!((again.own_number(), again.conference()), (group.own_number(), group.conference()));
        prop_assert_eq!((again.title(), again.title_is_fresh()), (group.title(), false));
        prop_assert_eq!(again.message_number().0, group.message_number().0.wrapping_add(65_536));
        prop_assert_eq!(again.lossy_number().0, group.lossy_number().0.wrapping_add(8_192));
        prop_assert_eq!(again.slots().count(), 0);

        let had_slot = group.slots().any(|slot| slot.friend == key_of("bob"));
        let input = Input::ConnectionDown { at: state.at, friend: key_of("bob") };
        state.ann.step(input, &mut SeededDice::new(1));
        if had_slot {
            let left: Vec<_> = state.group().active().iter().map(|peer| peer.real_key).collect();
            prop_assert_eq!(left, [own]);
            prop_assert_eq!(others(state.group()), others(&group));
        }
    }

    /// T-023. Friends are kept, by the friendship of that moment, if they all fit.
    #[test]
    fn friends_are_kept_if_they_all_fit(
        friends in proptest::collection::vec(any::<bool>(), 1..12), limit in 0_u32..12,
    ) {
        let mut state = State::after(&Profile::seed(), &[], 0);
        let entries: Vec<_> = (0..friends.len() as u8)
            .map(|peer| entry(100 + u16::from(peer), low_key(peer + 1), low_key(1)))
            .collect();
        state.respond(&entries);
        for (peer, friend) in (0..).zip(&friends) {
            if *friend {
                let request = Request::AddFriend(low_key(peer + 1));
                state.ann.step(Input::Request { at: state.at, request }, &mut SeededDice::new(1));
            }
        }
        let input = Input::ConnectionDown { at: state.at, friend: key_of("bob") };
        state.ann.step(input, &mut SeededDice::new(1));
        let request = Request::SetFrozenLimit { group: ZERO, limit };
        state.ann.step(Input::Request { at: state.at, request }, &mut SeededDice::new(1));
        // Bob is one, too.
        let all = 1 + friends.iter().filter(|friend| **friend).count();
        let kept = state.group().frozen();
        let friendly = kept.iter().filter(|peer| {
            state.ann.connection(&peer.real_key).is_some_and(|it| it.is_friend())
        });
        prop_assert_eq!(friendly.count(), all.min(limit as usize));
        prop_assert_eq!(kept.len(), (friends.len() + 1).min(limit as usize));
    }

    /// T-024: in `hardened`, whoever was killed does not come back within a minute by anything but
    /// a New Peer message, an acceptance or a member packet.
    #[test]
    fn who_was_killed_stays_away_for_a_minute(
        before in history(), packets in proptest::collection::vec(made(), 1..20),
    ) {
        let mut state = State::after(&Profile::hardened(), &before, 12);
        let (number, key) = (PeerNumber(50), low_key(50));
        state.respond(&[entry(number.0, key, low_key(1))]);
        let kill = |number, state: &mut State| {
            let body = MessageBody::KillPeer(KillPeer { killed_peer_number: PeerNumber(50) });
            let (group_number, peer_number) = (ZERO, PeerNumber(50));
            let message_number = MessageNumber(number);
            let message = GroupMessage { group_number, peer_number, message_number, body };
            let mut bytes = Vec::new();
            Packet::Message(message).emit(&mut bytes);
            state.take_bytes(&bytes);
        };
        kill(1, &mut state);
        prop_assume!(state.group().slots().any(|slot| slot.friend == key_of("bob")));
        prop_assert!(state.group().peer(&key).is_none());
        for (second, packet) in (0..).zip(&packets) {
            state.at = Timestamp::from_nanos(state.at.as_nanos() + second % 3 * 1_000_000_000);
            if !matches!(packet.kind, 0 | 1 | 15 | 16) {
                state.take(packet);
            }
            state.respond(&[entry(number.0, key, low_key(1))]);
            kill(2 + second as u32, &mut state);
            state.tick();
            prop_assert!(state.group().peer(&key).is_none());
        }
    }
}

/// T-005, as far as it does not hold: a response that renumbers its sender takes the sender's slot
/// so that a second packet is not taken, though it would be in the first.
#[test]
fn a_response_that_renumbers_its_sender_is_the_last_one_taken() {
    let start = State::after(&Profile::seed(), &[], 0);
    let renumbered = entry(7, key_of("bob"), low_key(1));
    let other = entry(8, low_key(8), low_key(1));
    let mut whole = State { ann: start.ann.clone(), ..start };
    whole.respond(&[renumbered, other]);
    let mut split = start;
    split.respond(&[renumbered]);
    assert_eq!(drops(&split.respond(&[other])), [crate::conference::DropReason::NoSlot]);
    let known = |state: &State| state.group().peer(&low_key(8)).is_some();
    assert_eq!((known(&whole), known(&split)), (true, false));
}

/// T-009, as far as it does not hold: a list with one key under two numbers renumbers it back and
/// forth, each time it comes; the state afterwards is the same but for the order of the list.
#[test]
fn a_list_that_contradicts_itself_renumbers_back_and_forth() {
    let mut state = State::after(&Profile::seed(), &[], 0);
    let (one, other) = (entry(7, low_key(7), low_key(1)), entry(8, low_key(7), low_key(1)));
    state.respond(&[one, other]);
    let once = state.ann.clone();
    let outputs = state.respond(&[one, other]);
    assert_eq!(state.ann, once);
    assert!(outputs.iter().any(|output| matches!(output, Output::Event(_))), "{outputs:?}");
}

/// T-009, as far as it does not hold: an entry whose number somebody has is refused. If one
/// behind it gives that somebody another number, there is room as the list comes again.
#[test]
fn a_list_that_makes_room_for_what_it_was_refused_counts_again() {
    let mut state = State::after(&Profile::seed(), &[], 0);
    state.respond(&[entry(7, low_key(7), low_key(1))]);
    let list = [entry(7, low_key(8), low_key(1)), entry(9, low_key(7), low_key(1))];
    state.respond(&list);
    let number = |state: &State, key| state.group().peer(&low_key(key)).map(|peer| peer.number);
    assert_eq!((number(&state, 7), number(&state, 8)), (Some(PeerNumber(9)), None));
    state.respond(&list);
    assert_eq!(number(&state, 8), Some(PeerNumber(7)));
}

/// T-004, as far as it does not hold: a frozen peer that is listed under another number is removed
/// and added anew, so that it is active without having been heard.
#[test]
fn a_frozen_peer_that_is_listed_under_another_number_is_active_anew() {
    let mut state = State::after(&Profile::seed(), &[], 0);
    state.respond(&[entry(7, low_key(7), low_key(1))]);
    state.at = Timestamp::from_nanos(state.at.as_nanos() + 61_000_000_000);
    let mut bytes = Vec::new();
    super::room::chat_packet(state.bob, 90).emit(&mut bytes);
    state.take_bytes(&bytes);
    state.tick();
    assert!(!state.group().is_active(&low_key(7)));
    state.respond(&[entry(8, low_key(7), low_key(1))]);
    assert!(state.group().is_active(&low_key(7)));
}

/// G-021: two members give one number to two newcomers. Whoever hears of one first keeps that one,
/// whatever the other neighbour lists, and no invariant breaks.
#[test]
fn a_number_that_is_given_twice_is_kept_by_the_first() {
    let number = PeerNumber(77);
    let start = State::after(&Profile::seed(), &[], 0);
    let new_peer = |state: &mut State, key: u8, message: u32| {
        let (real_key, dht_key) = (low_key(key), low_key(key));
        let body = MessageBody::NewPeer(NewPeer { new_peer_number: number, real_key, dht_key });
        let (peer_number, message_number) = (state.bob, MessageNumber(message));
        let message = GroupMessage { group_number: ZERO, peer_number, message_number, body };
        let mut bytes = Vec::new();
        Packet::Message(message).emit(&mut bytes);
        state.take_bytes(&bytes);
    };
    for (one, other) in [(1, 2), (2, 1)] {
        let mut state = State { ann: start.ann.clone(), ..start };
        new_peer(&mut state, one, 50);
        new_peer(&mut state, other, 51);
        state.respond(&[entry(number.0, low_key(other), low_key(1))]);
        let known = |key| state.group().peer(&low_key(key)).map(|peer| peer.number);
        assert_eq!((known(one), known(other)), (Some(number), None));
        assert_eq!(state.ann.violations(), []);
    }
}

/// T-003: a Freeze of somebody who is not active changes nothing, whatever its number and path.
#[test]
fn a_freeze_of_who_is_not_active_changes_nothing() {
    for (author, number) in [(4711, 1), (4711, u32::MAX), (9, 1), (9, 5), (9, 900)] {
        let mut state = State::after(&Profile::seed(), &[], 0);
        state.respond(&[entry(9, low_key(9), low_key(1))]);
        let mut bytes = Vec::new();
        super::room::chat_packet(PeerNumber(9), 5).emit(&mut bytes);
        state.take_bytes(&bytes);
        state.at = Timestamp::from_nanos(state.at.as_nanos() + 61_000_000_000);
        bytes.clear();
        super::room::chat_packet(state.bob, 90).emit(&mut bytes);
        state.take_bytes(&bytes);
        state.tick();
        assert!(!state.group().is_active(&low_key(9)));
        let before = state.ann.clone();
        let body = MessageBody::FreezePeer(FreezePeer { frozen_peer_number: PeerNumber(author) });
        let (peer_number, message_number) = (PeerNumber(author), MessageNumber(number));
        let message = GroupMessage { group_number: ZERO, peer_number, message_number, body };
        bytes.clear();
        Packet::Message(message).emit(&mut bytes);
        let outputs = state.take_bytes(&bytes);
        assert_eq!((outputs.len(), drops(&outputs).len()), (1, 1), "{author} {number}");
        assert_eq!(state.ann, before, "{author} {number}");
    }
}
