//! Cases from bytes: whatever they are, something happens that a conference can see.
//!
//! The bytes may come from a generator or from a fuzzer. What they choose from is what our machine
//! knows at that moment, so that most of what happens means something: packets on slots, by authors
//! that are listed, with numbers near those that were seen. The rest is wrong in some way.

use std::collections::VecDeque;

use toxscope::conference::{Dice, Endpoint, Group, Peer, SeededDice};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Action, Chat, Conference, ConferenceId, ConferenceType, FreezePeer, GroupMessage, GroupNumber,
    Invite, InviteAccepted, InviteMember, KillPeer, Lossy, LossyBody, LossyNumber, MessageBody,
    MessageNumber, Name, NewPeer, Online, Packet, PeerEntry, PeerIntroduced, PeerNumber, PeerQuery,
    PeerResponse, Ping, PublicKey, Rejoin, Title, TitleResponse, UnknownMessage,
};

use crate::dice::StepDice;
use crate::original::Identity;
use crate::script::{BEGIN, Step, What};

/// The longest packet that a session carries, in bytes (packets §7).
const MAX_PACKET: usize = 1373;

/// Bytes that decide what happens; zero once they are used up.
#[derive(Clone, Debug)]
struct Decisions<'a>(&'a [u8]);

impl Decisions<'_> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// One of `count`.
    fn below(&mut self, count: usize) -> usize {
        match count {
            0 | 1 => 0,
            2..=256 => usize::from(self.byte()) % count,
            _ => usize::from(self.word()) % count,
        }
    }

    /// True in about so many of 256 cases.
    fn chance(&mut self, of_256: u8) -> bool {
        self.byte() < of_256
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).copied()
    }

    /// Index of one of the weights.
    fn weighed(&mut self, weights: &[u16]) -> usize {
        let sum: u16 = weights.iter().sum();
        let mut left = self.word() % sum.max(1);
        for (index, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        0
    }
}

/// Somebody who may be a member.
#[derive(Clone, Debug)]
struct Member {
    key: PublicKey,
    dht_keys: [PublicKey; 2],
    number: PeerNumber,
    /// Where its message numbers begin.
    first: u32,
    lossy: u16,
}

/// How often what happens, out of the sum. The order is that of `Play::act`.
type Weights = [u16; 18];

/// The mood with many neighbours.
const CROWD: usize = 2;
/// How a case goes on the whole: weights, and how many packets of 256 are damaged.
const MOODS: [(Weights, u8); 8] = [
    // Messages on sound connections.
    ([60, 0, 8, 3, 1, 3, 8, 2, 1, 6, 2, 0, 20, 5, 12, 3, 8, 1], 4),
    // Connections come and go.
    ([30, 0, 16, 8, 4, 3, 6, 2, 1, 6, 4, 0, 24, 8, 24, 14, 8, 1], 4),
    // Many neighbours, so that slots run out.
    ([24, 0, 12, 4, 4, 2, 12, 1, 2, 40, 24, 0, 20, 3, 20, 2, 8, 0], 4),
    // Audio.
    ([24, 40, 8, 3, 2, 2, 6, 1, 1, 8, 2, 0, 20, 3, 12, 4, 10, 1], 4),
    // A client that wants a lot.
    ([20, 4, 8, 3, 1, 3, 6, 3, 4, 6, 4, 0, 16, 4, 12, 4, 50, 1], 4),
    // Lists of peers.
    ([30, 0, 6, 4, 1, 10, 40, 6, 1, 5, 3, 0, 16, 5, 10, 3, 5, 1], 12),
    // Whatever bytes.
    ([40, 10, 10, 6, 4, 4, 12, 6, 5, 8, 6, 8, 12, 4, 10, 5, 8, 1], 90),
    // Silence, saves.
    ([20, 2, 8, 6, 2, 2, 6, 3, 1, 6, 2, 0, 16, 24, 16, 6, 8, 8], 4),
];

/// Seconds that can pass at once.
const JUMPS: [i64; 16] = [1, 19, 20, 5, 10, 18, 20, 21, 40, 21, 30, 59, 60, 61, 120, 4000];

/// Makes up what happens next.
#[derive(Debug)]
pub struct Play<'a> {
    decisions: Decisions<'a>,
    cast: Vec<Member>,
    own: PublicKey,
    weights: Weights,
    damage: u8,
    now: i64,
    steps: u32,
    /// How many of the jumps in time can happen.
    pace: usize,
    /// How many lists of many peers come first.
    growth: usize,
    /// What a case begins with, so that there is somebody to talk to.
    prologue: VecDeque<What>,
}

impl<'a> Play<'a> {
    /// A play from bytes, and who plays the leading part.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> (Self, Identity) {
        let mut decisions = Decisions(bytes);
        let seed = u64::from(decisions.word()) << 16 | u64::from(decisions.word());
        let mut dice = SeededDice::new(seed);
        let mood = decisions.below(MOODS.len());
        let (weights, damage) = MOODS.get(mood).copied().expect("it is below their number");
        // Once in a while there are more than the frozen list holds.
        let multitude = decisions.chance(12);
        let size = if multitude { 160 } else { 4 + decisions.below(61) };
        let own = PublicKey(dice.conference_id());
        let mut cast: Vec<Member> = Vec::with_capacity(size);
        for index in 0..size {
            let mut key = dice.conference_id();
            match dice.next_u64() % 8 {
                // Very near, on either side; the very next is left out (docs/divergences.md).
                0 => {
                    let near = u64::from_be_bytes(*own.0.first_chunk().expect("a key has 32"));
                    let distance = match dice.next_u64() % 5 {
                        0 => 0,
                        1 => 2,
                        2 => 3,
                        3 => u64::MAX,
                        _ => u64::MAX - 1,
                    };
                    key[..8].copy_from_slice(&near.wrapping_add(distance).to_be_bytes());
                }
                // as near as somebody else.
                1 => {
                    if let Some(other) = cast.last() {
                        key[..8].copy_from_slice(&other.key.0[..8]);
                    }
                }
                _ => {}
            }
            let number = match dice.next_u64() % 4 {
                0 => dice.peer_number(),
                _ => index as u16,
            };
            let first = match dice.next_u64() % 4 {
                0 => u32::MAX - 4,
                1 => (1 << 31) - 3,
                _ => 1,
            };
            let lossy = dice.peer_number();
            let dht_keys = [PublicKey(dice.conference_id()), PublicKey(dice.conference_id())];
            let number = PeerNumber(number);
            cast.push(Member { key: PublicKey(key), dht_keys, number, first, lossy });
        }
        let friends = match mood {
            CROWD => size.min(22),
            _ => decisions.below(size.min(24) + 1),
        };
        let mut prologue = VecDeque::new();
        for member in cast.iter().take(friends) {
            prologue.push_back(What::AddFriend(member.key));
            if decisions.chance(200) {
                prologue.push_back(What::Up(member.key, member.dht_keys[0]));
            }
        }
        let kind = ConferenceType(u8::from(decisions.chance(100)));
        prologue.push_back(match cast.first() {
            Some(first) if decisions.chance(100) => {
                let conference = Conference { kind, id: ConferenceId([3; 32]) };
                What::Accept(first.key, Invite { group_number: GroupNumber(1), conference })
            }
            Some(_) | None => What::Create(kind),
        });
        let dht_key = PublicKey(dice.conference_id());
        let identity = Identity { real_key: own, dht_key, name: b"own".to_vec() };
        let now = BEGIN.as_nanos();
        let (steps, pace) = (0, 1 + decisions.below(JUMPS.len()));
        let growth = if multitude { 24 } else { decisions.below(size / 9 + 2) };
        let play =
            Self { decisions, cast, own, weights, damage, now, steps, pace, growth, prologue };
        (play, identity)
    }

    /// What happens next, as our machine stands; nothing once the bytes are used up.
    pub fn next(&mut self, ours: &Endpoint) -> Option<Step> {
        let (what, bytes) = match self.prologue.pop_front() {
            Some(what) => (what, Vec::new()),
            None if self.decisions.0.is_empty() => return None,
            None => self.act(ours),
        };
        // Never the same twice: ids of conferences are drawn from 2^256.
        self.steps += 1;
        let dice = StepDice::new(self.steps << 16 | u32::from(self.decisions.word()));
        Some(Step { at: Timestamp::from_nanos(self.now), dice, what, bytes })
    }

    fn act(&mut self, ours: &Endpoint) -> (What, Vec<u8>) {
        self.now += i64::from(self.decisions.byte()) * 1_000_000;
        let weights = self.weights;
        let which = match self.growth.checked_sub(1) {
            Some(rest) if self.decisions.chance(128) => {
                self.growth = rest;
                6
            }
            Some(_) | None => self.decisions.weighed(&weights),
        };
        match which {
            12 => {
                self.now += i64::from(self.decisions.byte() % 8) * 250_000_000;
                (What::Tick, Vec::new())
            }
            13 => {
                let seconds = JUMPS.get(self.decisions.below(self.pace)).copied().unwrap_or(1);
                self.now += seconds * 1_000_000_000;
                (What::Tick, Vec::new())
            }
            14 => (self.up(ours), Vec::new()),
            15 => {
                let up: Vec<_> =
                    ours.connections().filter(|(_, it)| it.is_up()).map(|(key, _)| *key).collect();
                let key = self.decisions.pick(&up).unwrap_or(self.own);
                (What::Down(key), Vec::new())
            }
            16 => self.request(ours),
            17 => self.restart(ours),
            _ => self.packet(ours, which),
        }
    }

    fn member(&mut self) -> Member {
        let index = self.decisions.below(self.cast.len());
        self.cast.get(index).cloned().expect("there are at least four")
    }

    fn member_of(&self, key: &PublicKey) -> Option<&Member> {
        self.cast.iter().find(|member| member.key == *key)
    }

    fn dht_key(&mut self, member: &Member) -> PublicKey {
        let [first, second] = member.dht_keys;
        if self.decisions.chance(220) { first } else { second }
    }

    fn up(&mut self, ours: &Endpoint) -> What {
        let down: Vec<_> =
            ours.connections().filter(|(_, it)| !it.is_up()).map(|(key, _)| *key).collect();
        let key = if self.decisions.chance(240) { self.decisions.pick(&down) } else { None };
        let member = match key.and_then(|key| self.member_of(&key).cloned()) {
            Some(member) => member,
            None => self.member(),
        };
        What::Up(key.unwrap_or(member.key), self.dht_key(&member))
    }

    /// A conference here, most of the time.
    fn group<'e>(&mut self, ours: &'e Endpoint) -> Option<&'e Group> {
        let count = ours.groups().count();
        ours.groups().nth(self.decisions.below(count))
    }

    fn group_number(&mut self, ours: &Endpoint) -> GroupNumber {
        if self.decisions.chance(245)
            && let Some(group) = self.group(ours)
        {
            return group.number();
        }
        GroupNumber(u16::from(self.decisions.byte() % 6))
    }

    /// Their number for a conference.
    fn their_number(&mut self) -> GroupNumber {
        GroupNumber(u16::from(self.decisions.byte() % 5))
    }

    fn conference(&mut self, ours: &Endpoint) -> Conference {
        if self.decisions.chance(240)
            && let Some(group) = self.group(ours)
        {
            return group.conference();
        }
        let which = self.decisions.byte();
        Conference { kind: ConferenceType(which % 3), id: ConferenceId([which >> 6; 32]) }
    }

    /// Somebody who can send to a conference; who is not online there yet, if that is asked for.
    fn sender(&mut self, ours: &Endpoint, group: Option<&Group>, connecting: bool) -> PublicKey {
        let is_up = |key: &PublicKey| ours.connection(key).is_some_and(|it| it.is_up());
        let slots = || {
            let slots = group.into_iter().flat_map(Group::slots);
            slots.filter(|slot| is_up(&slot.friend))
        };
        let mut able: Vec<PublicKey> = match self.decisions.byte() {
            0..=234 if connecting => {
                slots().filter(|slot| !slot.online).map(|slot| slot.friend).collect()
            }
            0..=234 => slots().map(|slot| slot.friend).collect(),
            _ => Vec::new(),
        };
        if able.is_empty() && self.decisions.chance(240) {
            able = ours.connections().map(|(key, _)| *key).filter(is_up).collect();
        }
        match self.decisions.pick(&able) {
            Some(key) => key,
            None => self.member().key,
        }
    }

    /// What has to happen before packets can arrive in a conference.
    fn help(&mut self, ours: &Endpoint, group: Option<&Group>) -> (What, Vec<u8>) {
        let up: Vec<_> =
            ours.connections().filter(|(_, it)| it.is_up() && it.is_friend()).collect();
        let friend = up.get(self.decisions.below(up.len())).map(|(key, _)| **key);
        let what = match (group, friend) {
            (_, None) if ours.connections().next().is_none() => What::AddFriend(self.member().key),
            (_, None) => self.up(ours),
            (None, Some(_)) => What::Create(ConferenceType(self.decisions.byte() % 2)),
            (Some(group), Some(_)) if group.own_number().is_none() => What::Delete(group.number()),
            (Some(group), Some(friend)) => {
                let accepted = Packet::InviteAccepted(InviteAccepted {
                    group_number: self.their_number(),
                    receiver_group_number: group.number(),
                    conference: group.conference(),
                });
                let mut bytes = Vec::new();
                accepted.emit(&mut bytes);
                return (What::Packet(friend), bytes);
            }
        };
        (what, Vec::new())
    }

    fn text(&mut self, most: usize) -> Vec<u8> {
        let length = match self.decisions.byte() {
            0..=90 => 0,
            91..=200 => self.decisions.below(9),
            201..=220 => most.saturating_sub(self.decisions.below(3)),
            _ => self.decisions.below(most + 1),
        };
        let fill = b'a' + self.decisions.byte() % 4;
        vec![fill; length]
    }

    fn packet(&mut self, ours: &Endpoint, which: usize) -> (What, Vec<u8>) {
        let group = self.group(ours);
        let is_up = |key: &PublicKey| ours.connection(key).is_some_and(|it| it.is_up());
        let reachable = group.is_some_and(|group| group.slots().any(|slot| is_up(&slot.friend)));
        if !reachable && self.decisions.chance(230) {
            return self.help(ours, group);
        }
        let from = self.sender(ours, group, which == 2);
        let mut bytes = Vec::new();
        let group_number = self.group_number(ours);
        let entries;
        let text;
        let packet = match which {
            1 => {
                text = self.text(40);
                Packet::Lossy(self.lossy(group, &from, group_number, &text))
            }
            2 => Packet::Online(Online {
                group_number: self.their_number(),
                conference: self.conference(ours),
            }),
            3 => Packet::Rejoin(Rejoin { conference: self.conference(ours), trailing: &[] }),
            4 => Packet::PeerIntroduced(PeerIntroduced { group_number, trailing: &[] }),
            5 => Packet::PeerQuery(PeerQuery { group_number, trailing: &[] }),
            6 => {
                entries = self.entries(group);
                Packet::PeerResponse(PeerResponse { group_number, entries: &entries })
            }
            7 => {
                text = self.text(300);
                Packet::TitleResponse(TitleResponse { group_number, title: &text })
            }
            8 => Packet::Invite(Invite {
                group_number: self.their_number(),
                conference: self.conference(ours),
            }),
            9 => Packet::InviteAccepted(InviteAccepted {
                group_number: self.their_number(),
                receiver_group_number: group_number,
                conference: self.conference_of(ours, group_number),
            }),
            10 => Packet::InviteMember(InviteMember {
                group_number: self.their_number(),
                receiver_group_number: group_number,
                conference: self.conference_of(ours, group_number),
                peer_number: self.number_for(group, &from),
            }),
            11 => {
                const IDS: [u8; 10] = [0x60, 0x61, 0x62, 0x63, 0x64, 0xc7, 0xc8, 0x10, 0x40, 0];
                let id = self.decisions.pick(&IDS).unwrap_or(0);
                bytes = self.text(80);
                for place in bytes.iter_mut().take(12) {
                    *place = self.decisions.byte() % 4;
                }
                bytes.insert(0, id);
                return (What::Packet(from), bytes);
            }
            _ => {
                text = self.text(1364);
                let message = self.message(group, &from, group_number, &text);
                Packet::Message(message)
            }
        };
        packet.emit(&mut bytes);
        if self.decisions.chance(self.damage) {
            self.spoil(&mut bytes);
        }
        // No session carries more.
        bytes.truncate(MAX_PACKET);
        (What::Packet(from), bytes)
    }

    /// The conference under a number here, most of the time.
    fn conference_of(&mut self, ours: &Endpoint, number: GroupNumber) -> Conference {
        match ours.group(number) {
            Some(group) if self.decisions.chance(245) => group.conference(),
            Some(_) | None => self.conference(ours),
        }
    }

    /// Makes a packet wrong: shorter, longer, or with other bytes.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        match self.decisions.byte() % 4 {
            0 => {
                let length = self.decisions.below(bytes.len());
                bytes.truncate(length.max(1));
            }
            1 => {
                let length = 1 + self.decisions.below(300);
                let byte = self.decisions.byte();
                bytes.resize(bytes.len() + length, byte);
            }
            2 => {
                let length = 1 + self.decisions.below(4);
                let kept = bytes.len().saturating_sub(length).max(1);
                bytes.truncate(kept);
            }
            _ => {
                for _ in 0..=self.decisions.byte() % 3 {
                    let at = self.decisions.below(bytes.len());
                    let byte = self.decisions.byte();
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                    }
                }
            }
        }
    }

    /// A number by which `key` may be known, or another.
    fn number_for(&mut self, group: Option<&Group>, key: &PublicKey) -> PeerNumber {
        let known = group.and_then(|group| group.peer(key)).map(|peer| peer.number);
        match self.decisions.byte() {
            0..=200 => {
                known.or_else(|| self.member_of(key).map(|it| it.number)).unwrap_or(PeerNumber(0))
            }
            201..=225 => self.member().number,
            226..=240 => group.and_then(Group::own_number).unwrap_or(PeerNumber(0)),
            _ => PeerNumber(self.decisions.word()),
        }
    }

    /// Number, real key and DHT key that mostly belong together.
    fn person(&mut self, group: Option<&Group>) -> (PeerNumber, PublicKey, PublicKey) {
        let member = self.member();
        let dht_key = self.dht_key(&member);
        match self.decisions.byte() {
            0..=190 => (self.number_for(group, &member.key), member.key, dht_key),
            191..=225 => (member.number, member.key, dht_key),
            226..=232 => (self.member().number, member.key, dht_key),
            233..=247 => {
                let own = group.and_then(Group::own_number);
                (own.unwrap_or(PeerNumber(700)), self.own, dht_key)
            }
            248..=250 => (member.number, self.own, dht_key),
            _ => (PeerNumber(self.decisions.word()), member.key, dht_key),
        }
    }

    fn entries(&mut self, group: Option<&Group>) -> Vec<u8> {
        let mut list = Vec::new();
        let joining = group.is_some_and(|group| group.own_number().is_none());
        let count = match self.decisions.byte() {
            0..=160 => self.decisions.below(5),
            161..=220 => self.decisions.below(12),
            _ => 18,
        };
        if count == 18 || self.growth > 0 {
            return self.many(group);
        }
        for _ in 0..count {
            let (peer_number, mut real_key, dht_key) = self.person(group);
            if joining && self.decisions.chance(40) {
                real_key = self.own;
            }
            let name = self.text(130);
            let entry = PeerEntry { peer_number, real_key, dht_key, name: &name };
            if list.len() + entry.size() <= 1369 {
                entry.emit(&mut list);
            }
        }
        if self.decisions.chance(12) {
            // An entry whose name runs past the end.
            let (peer_number, real_key, dht_key) = self.person(group);
            let mut entry = Vec::new();
            PeerEntry { peer_number, real_key, dht_key, name: &[] }.emit(&mut entry);
            if let Some(length) = entry.last_mut() {
                *length = self.decisions.byte();
            }
            if list.len() + entry.len() <= 1369 {
                list.extend_from_slice(&entry);
            }
        }
        list
    }

    /// As many members as fit, one after the other.
    fn many(&mut self, group: Option<&Group>) -> Vec<u8> {
        let mut list = Vec::new();
        let start = self.decisions.below(self.cast.len());
        for member in self.cast.iter().cycle().skip(start).take(18) {
            let known = group.and_then(|group| group.peer(&member.key)).map(|peer| peer.number);
            let peer_number = known.unwrap_or(member.number);
            let entry = PeerEntry {
                peer_number,
                real_key: member.key,
                dht_key: member.dht_keys[0],
                name: b"crowd".get(..start % 6).unwrap_or_default(),
            };
            entry.emit(&mut list);
        }
        list
    }

    fn author<'g>(
        &mut self,
        group: Option<&'g Group>,
        from: &PublicKey,
    ) -> (PeerNumber, Option<&'g Peer>) {
        let peer = match (group, self.decisions.byte()) {
            (Some(group), 0..=120) => {
                let index = self.decisions.below(group.active().len());
                group.active().get(index)
            }
            (Some(group), 121..=190) => group.peer(from),
            (Some(group), 191..=220) => {
                let index = self.decisions.below(group.frozen().len());
                group.frozen().get(index)
            }
            _ => None,
        };
        match peer {
            Some(peer) => (peer.number, Some(peer)),
            None => {
                let key = self.member().key;
                (self.number_for(group, &key), None)
            }
        }
    }

    fn message_number(&mut self, peer: Option<&Peer>) -> u32 {
        let member = peer.and_then(|peer| self.member_of(&peer.real_key));
        let first = member.map_or(1, |member| member.first);
        let last = peer.and_then(|peer| peer.remembered().next());
        let base = last.unwrap_or(first);
        match self.decisions.byte() {
            0..=150 => base.wrapping_add(1),
            151..=175 => base.wrapping_add(u32::from(self.decisions.byte() % 10)),
            176..=195 => {
                let kept: Vec<_> = peer.into_iter().flat_map(Peer::remembered).collect();
                self.decisions.pick(&kept).unwrap_or(base)
            }
            196..=220 => base.wrapping_sub(u32::from(self.decisions.byte() % 10)),
            221..=235 => {
                let kept: Vec<_> = peer.into_iter().flat_map(Peer::remembered).collect();
                let base = self.decisions.pick(&kept).unwrap_or(base);
                base.wrapping_add((1 << 31) - 2).wrapping_add(u32::from(self.decisions.byte() % 5))
            }
            236..=245 => 0_u32.wrapping_sub(u32::from(self.decisions.byte() % 3)),
            _ => u32::from(self.decisions.word()) << 16 | u32::from(self.decisions.word()),
        }
    }

    fn message<'t>(
        &mut self,
        group: Option<&Group>,
        from: &PublicKey,
        group_number: GroupNumber,
        text: &'t [u8],
    ) -> GroupMessage<'t> {
        let (peer_number, peer) = self.author(group, from);
        let message_number = MessageNumber(self.message_number(peer));
        let short = text.get(..130).unwrap_or(text);
        let body = match self.decisions.byte() {
            0..=50 => MessageBody::Ping(Ping { trailing: &[] }),
            51..=55 => MessageBody::Ping(Ping { trailing: short }),
            56..=110 => {
                let (new_peer_number, real_key, dht_key) = self.person(group);
                MessageBody::NewPeer(NewPeer { new_peer_number, real_key, dht_key })
            }
            111..=122 => MessageBody::KillPeer(KillPeer { killed_peer_number: peer_number }),
            123..=136 => MessageBody::FreezePeer(FreezePeer { frozen_peer_number: peer_number }),
            137..=139 => {
                MessageBody::KillPeer(KillPeer { killed_peer_number: self.member().number })
            }
            140..=142 => {
                MessageBody::FreezePeer(FreezePeer { frozen_peer_number: self.member().number })
            }
            143..=172 => MessageBody::Name(Name { name: short }),
            173..=195 => MessageBody::Title(Title { title: text.get(..400).unwrap_or(text) }),
            196..=205 => MessageBody::Action(Action { text }),
            206..=212 => {
                MessageBody::Unknown(UnknownMessage { id: self.decisions.byte(), body: short })
            }
            _ => MessageBody::Chat(Chat { text }),
        };
        GroupMessage { group_number, peer_number, message_number, body }
    }

    fn lossy<'t>(
        &mut self,
        group: Option<&Group>,
        from: &PublicKey,
        group_number: GroupNumber,
        text: &'t [u8],
    ) -> Lossy<'t> {
        const STEPS: [u16; 14] =
            [1, 1, 1, 2, 0, 255, 256, 257, 0xffff, 0xff01, 0xff00, 0x7f00, 0x8000, 0x80ff];
        let (peer_number, peer) = self.author(group, from);
        let step = self.decisions.pick(&STEPS).unwrap_or(1);
        let cast = self.cast.iter_mut();
        let mut members = cast.filter(|member| peer.is_some_and(|it| it.real_key == member.key));
        let number = members.next().map_or(step, |member| {
            member.lossy = member.lossy.wrapping_add(step);
            member.lossy
        });
        let message_number = LossyNumber(number);
        let body = match self.decisions.byte() {
            0..=210 => {
                LossyBody::Audio { sequence_number: self.decisions.byte().into(), opus: text }
            }
            211..=230 => LossyBody::AudioCut(text.get(..1).unwrap_or_default()),
            _ => LossyBody::Unknown { id: self.decisions.byte() | 1, body: text },
        };
        Lossy { group_number, peer_number, message_number, body }
    }

    fn request(&mut self, ours: &Endpoint) -> (What, Vec<u8>) {
        let group = self.group_number(ours);
        let what = match self.decisions.byte() % 32 {
            0..=4 => What::AddFriend(self.member().key),
            5 => {
                let friends: Vec<_> = ours
                    .connections()
                    .filter(|(_, it)| it.is_friend())
                    .map(|(key, _)| *key)
                    .collect();
                What::RemoveFriend(self.decisions.pick(&friends).unwrap_or(self.own))
            }
            6 | 7 if ours.groups().count() < 4 => {
                What::Create(ConferenceType(self.decisions.byte() % 3))
            }
            8..=10 => What::Invite(group, self.sender(ours, None, false)),
            11..=13 => {
                let friend = self.sender(ours, None, false);
                let which = self.decisions.byte();
                let id = ConferenceId([which % 5; 32]);
                let kind = ConferenceType(which >> 5 & 1);
                let conference = match which {
                    0..=230 => Conference { kind, id },
                    _ => self.conference(ours),
                };
                What::Accept(friend, Invite { group_number: self.their_number(), conference })
            }
            14 | 15 => {
                let limit = u32::from(self.decisions.byte() % 6);
                What::SetFrozenLimit(group, if limit == 5 { 128 } else { limit })
            }
            16 => What::Delete(group),
            17..=19 => return (What::SetName, self.text(129)),
            20..=22 => return (What::SetTitle(group), self.text(200)),
            23..=26 => {
                return (What::SendAudio(group, self.decisions.byte().into()), self.text(60));
            }
            27..=28 => return (What::Act(group), self.text(1364)),
            _ => return (What::Say(group), self.text(1364)),
        };
        (what, Vec::new())
    }

    /// The program ends and starts again, mostly from what it saved.
    fn restart(&mut self, ours: &Endpoint) -> (What, Vec<u8>) {
        let mut section = ours.save();
        match self.decisions.byte() {
            0..=170 => {}
            171..=180 => section.clear(),
            181..=200 => {
                let length = self.decisions.below(section.len());
                section.truncate(length);
            }
            201..=215 => section.extend(vec![0; self.decisions.below(46)]),
            _ => self.spoil_section(&mut section),
        }
        self.now += i64::from(self.decisions.byte()) * 500_000_000;
        let dht_key = PublicKey([self.decisions.byte() | 1; 32]);
        (What::Restart(self.decisions.chance(128), dht_key), section)
    }

    /// Makes a record wrong in a way that the original notices.
    fn spoil_section(&mut self, section: &mut [u8]) {
        let parsed = toxscope::conference::Section::parse(section);
        let Some(record) = parsed.conferences.first() else { return };
        let index = self.decisions.below(record.peers.len());
        let peer = record.peers.iter().nth(index).map(|peer| peer.offset);
        let (at, new): (usize, Vec<u8>) = match (self.decisions.byte() % 4, peer) {
            (0, Some(peer)) => (peer + 64, record.own_number.0.to_le_bytes().to_vec()),
            (1, Some(peer)) => (peer, self.own.0.to_vec()),
            (2, Some(peer)) => (peer + 74, vec![self.decisions.byte()]),
            _ => (record.offset + 45, vec![self.decisions.byte()]),
        };
        if let Some(place) = section.get_mut(at..at + new.len()) {
            place.copy_from_slice(&new);
        }
    }
}
