//! Several endpoints on one virtual clock, joined by connections that keep the order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::conference::{
    DropReason, Endpoint, Event, Group, Input, Output, Profile, Request, SeededDice, Slot, Tap,
};
use crate::time::Timestamp;
use crate::wire::{
    ConferenceType, GroupMessage, Invite, MessageBody, MessageNumber, NewPeer, Packet, PeerEntry,
    PeerNumber, PeerResponse, Ping, PublicKey,
};

/// What most tests begin at.
const START: i64 = 1_000_000;

pub(super) struct Member {
    pub(super) endpoint: Endpoint,
    pub(super) dice: SeededDice,
    pub(super) tap: Tap,
    pub(super) events: Vec<Event>,
    pub(super) dropped: Vec<DropReason>,
}

/// Endpoints by name. The key of a member consists of its first letter.
pub(super) struct Room {
    pub(super) members: BTreeMap<String, Member>,
    nanos: i64,
    /// Packets under way, in the order they were sent.
    queue: VecDeque<(String, String, Vec<u8>)>,
    up: BTreeSet<(String, String)>,
    /// Pairs that cannot reach each other.
    cut: BTreeSet<(String, String)>,
    /// Invitations are accepted as they come.
    pub(super) accepts: bool,
    /// Who sent what to whom: `A>B 63/00 #1`.
    pub(super) log: Vec<String>,
    /// Packets are delivered only one by one, by [`Self::deliver_next`].
    pub(super) held: bool,
    /// States were made by hand, so nothing is checked.
    pub(super) quiet: bool,
}

pub(super) fn key_of(name: &str) -> PublicKey {
    PublicKey([name.as_bytes()[0]; 32])
}

pub(super) fn dht_key_of(name: &str) -> PublicKey {
    PublicKey([name.as_bytes()[0].to_ascii_uppercase(); 32])
}

fn pair(a: &str, b: &str) -> (String, String) {
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    (a.to_owned(), b.to_owned())
}

/// `62/09`, `63/00 #1`.
pub(super) fn short(bytes: &[u8]) -> String {
    let id = bytes[0];
    match id {
        0x60 => format!("60/{}", bytes[1]),
        0x62 => format!("62/{:02x}", bytes[3]),
        0x63 => {
            let number = u32::from_be_bytes(bytes[5..9].try_into().unwrap());
            format!("63/{:02x} #{number}", bytes[9])
        }
        _ => format!("{id:02x}"),
    }
}

impl Room {
    /// Strangers.
    pub(super) fn strangers<const N: usize>(profile: &Profile, names: [&str; N]) -> Self {
        let mut room = Self {
            members: BTreeMap::new(),
            nanos: START * 1_000_000_000,
            queue: VecDeque::new(),
            up: BTreeSet::new(),
            cut: BTreeSet::new(),
            accepts: true,
            log: Vec::new(),
            held: false,
            quiet: false,
        };
        for name in names {
            room.enter(name, profile);
        }
        room
    }

    /// Adds a stranger.
    pub(super) fn enter(&mut self, name: &str, profile: &Profile) {
        let endpoint =
            Endpoint::new(profile.clone(), key_of(name), dht_key_of(name), name.as_bytes());
        let member = Member {
            endpoint,
            dice: SeededDice::new(u64::from(name.as_bytes()[0])),
            tap: Tap::default(),
            events: Vec::new(),
            dropped: Vec::new(),
        };
        self.members.insert(name.to_owned(), member);
    }

    /// Friends with all connections up.
    pub(super) fn friends<const N: usize>(profile: &Profile, names: [&str; N]) -> Self {
        let mut room = Self::strangers(profile, names);
        for (i, a) in names.iter().enumerate() {
            for b in &names[..i] {
                room.befriend(b, a);
            }
        }
        room
    }

    /// Friends in one conference: the first creates it and invites the others, one by one.
    pub(super) fn of<const N: usize>(names: [&str; N]) -> Self {
        Self::with(&Profile::seed(), names)
    }

    pub(super) fn with<const N: usize>(profile: &Profile, names: [&str; N]) -> Self {
        let mut room = Self::friends(profile, names);
        room.create(names[0], ConferenceType::TEXT);
        for name in &names[1..] {
            room.invite(names[0], name);
        }
        room.wait(1);
        room.log.clear();
        room
    }

    /// A conference of audio.
    pub(super) fn of_audio<const N: usize>(profile: &Profile, names: [&str; N]) -> Self {
        let mut room = Self::friends(profile, names);
        room.create(names[0], ConferenceType::AUDIO);
        for name in &names[1..] {
            room.invite(names[0], name);
        }
        room.wait(1);
        room.log.clear();
        room
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos)
    }

    pub(super) fn seconds(&self) -> u64 {
        self.nanos.unsigned_abs() / 1_000_000_000
    }

    pub(super) fn member(&self, name: &str) -> &Member {
        &self.members[name]
    }

    pub(super) fn endpoint(&self, name: &str) -> &Endpoint {
        &self.members[name].endpoint
    }

    /// The first conference of a member.
    pub(super) fn group(&self, name: &str) -> &Group {
        self.endpoint(name).groups().next().expect("a conference")
    }

    pub(super) fn slot(&self, name: &str, other: &str) -> Option<Slot> {
        self.group(name).slots().find(|slot| slot.friend == key_of(other)).copied()
    }

    pub(super) fn number(&self, name: &str) -> PeerNumber {
        self.group(name).own_number().expect("a member")
    }

    pub(super) fn is_active(&self, name: &str, other: &str) -> bool {
        self.group(name).is_active(&key_of(other))
    }

    pub(super) fn is_frozen(&self, name: &str, other: &str) -> bool {
        self.group(name).frozen().iter().any(|peer| peer.real_key == key_of(other))
    }

    /// Names of those active at a member, itself included, by first letter.
    pub(super) fn active(&self, name: &str) -> String {
        let keys = self.group(name).active().iter().map(|peer| peer.real_key.0[0] as char);
        keys.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// One input and what follows from it at the endpoint; packets are put on their way.
    pub(super) fn step(&mut self, name: &str, input: Input<'_>) -> Vec<Output> {
        let member = self.members.get_mut(name).expect("a member of the room");
        if self.quiet {
            return member.endpoint.step(input, &mut member.dice).outputs;
        }
        member.tap.look(&member.endpoint);
        let outputs = member.endpoint.step(input, &mut member.dice).outputs;
        let mut found = member.endpoint.violations();
        found.extend(member.tap.step(&member.endpoint, &input, &outputs));
        assert!(found.is_empty(), "{name} after {input:?}: {}", found[0]);
        if let Input::Tick { .. } = input {
            let found = member.endpoint.violations_after_pass();
            assert!(found.is_empty(), "{name} after a pass: {}", found[0]);
        }
        for output in &outputs {
            match output {
                Output::Send { friend, bytes } => {
                    let to = self.name_of(friend);
                    let letters = [name, &to].map(|name| name[..1].to_uppercase());
                    self.log.push(format!("{}>{} {}", letters[0], letters[1], short(bytes)));
                    assert!(self.up.contains(&pair(name, &to)), "sent to {to}, which is not up");
                    self.queue.push_back((name.to_owned(), to, bytes.clone()));
                }
                Output::Release { friend } => {
                    let to = self.name_of(friend);
                    if self.up.remove(&pair(name, &to)) {
                        self.lose(name, &to);
                        let (at, friend) = (self.now(), key_of(name));
                        self.step(&to, Input::ConnectionDown { at, friend });
                    }
                }
                Output::Event(event) => {
                    self.members.get_mut(name).unwrap().events.push(event.clone());
                }
                Output::Dropped(reason) => {
                    self.members.get_mut(name).unwrap().dropped.push(*reason);
                }
                Output::Open { .. } | Output::Saved(_) => {}
            }
        }
        outputs
    }

    fn name_of(&self, key: &PublicKey) -> String {
        let name = self.members.keys().find(|name| key_of(name) == *key);
        name.cloned().unwrap_or_else(|| format!("{}?", key.0[0] as char))
    }

    fn lose(&mut self, a: &str, b: &str) {
        self.queue.retain(|(from, to, _)| pair(from, to) != pair(a, b));
    }

    pub(super) fn request(&mut self, name: &str, request: Request<'_>) -> Vec<Output> {
        let at = self.now();
        let outputs = self.step(name, Input::Request { at, request });
        self.settle();
        outputs
    }

    pub(super) fn befriend(&mut self, a: &str, b: &str) {
        self.request(a, Request::AddFriend(key_of(b)));
        self.request(b, Request::AddFriend(key_of(a)));
        self.settle();
    }

    pub(super) fn create(&mut self, name: &str, kind: ConferenceType) {
        self.request(name, Request::Create(kind));
    }

    pub(super) fn invite(&mut self, name: &str, friend: &str) -> Vec<Output> {
        let group = self.group(name).number();
        let outputs = self.request(name, Request::Invite { group, friend: key_of(friend) });
        self.tick_all();
        outputs
    }

    pub(super) fn accept(&mut self, name: &str, friend: &str, invitation: Invite) -> Vec<Output> {
        self.request(name, Request::Accept { friend: key_of(friend), invitation })
    }

    pub(super) fn say(&mut self, name: &str, text: &str) -> Vec<Output> {
        let group = self.group(name).number();
        self.request(name, Request::Say { group, text: text.as_bytes() })
    }

    pub(super) fn set_title(&mut self, name: &str, title: &str) -> Vec<Output> {
        let group = self.group(name).number();
        self.request(name, Request::SetTitle { group, title: title.as_bytes() })
    }

    pub(super) fn save(&mut self, name: &str) -> Vec<u8> {
        match self.request(name, Request::Save).remove(0) {
            Output::Saved(section) => section,
            other => panic!("{other:?}"),
        }
    }

    /// The program of a member ends without a word and starts again from `section`.
    pub(super) fn restart(&mut self, name: &str, section: &[u8]) {
        let friends: Vec<_> =
            self.endpoint(name).connections().map(|(key, it)| (*key, it.friend)).collect();
        let profile = self.endpoint(name).profile().clone();
        let others: Vec<_> = self.members.keys().filter(|other| *other != name).cloned().collect();
        for other in others {
            self.disconnect(name, &other);
        }
        let own_name = self.endpoint(name).name().to_vec();
        let member = self.members.get_mut(name).unwrap();
        member.endpoint = Endpoint::new(profile, key_of(name), dht_key_of(name), &own_name);
        member.tap.restarted();
        for (key, _) in friends.iter().filter(|(_, friend)| *friend) {
            let (at, request) = (Timestamp::from_nanos(self.nanos), Request::AddFriend(*key));
            member.endpoint.step(Input::Request { at, request }, &mut member.dice);
        }
        let at = Timestamp::from_nanos(self.nanos);
        let loaded = member.endpoint.load(at, section, &[]);
        assert_eq!(loaded.damage, []);
        assert!(member.endpoint.violations().is_empty());
    }

    /// A group message on the connection from a member to another, whoever wrote it.
    pub(super) fn message(
        &mut self,
        from: &str,
        to: &str,
        (author, number): (PeerNumber, u32),
        body: MessageBody<'_>,
    ) -> Vec<Output> {
        let message = GroupMessage {
            group_number: self.group(to).number(),
            peer_number: author,
            message_number: MessageNumber(number),
            body,
        };
        self.forge_packet(from, to, &Packet::Message(message))
    }

    /// A New Peer message on the connection from a member to another.
    pub(super) fn new_peer(
        &mut self,
        from: &str,
        to: &str,
        (author, number): (PeerNumber, u32),
        (new, key, dht_key): (u16, PublicKey, PublicKey),
    ) -> Vec<Output> {
        let new_peer_number = PeerNumber(new);
        let body = MessageBody::NewPeer(NewPeer { new_peer_number, real_key: key, dht_key });
        self.message(from, to, (author, number), body)
    }

    /// A Peer Response on the connection from a member to another.
    pub(super) fn response(
        &mut self,
        from: &str,
        to: &str,
        peers: &[PeerEntry<'_>],
    ) -> Vec<Output> {
        let mut entries = Vec::new();
        peers.iter().for_each(|peer| peer.emit(&mut entries));
        let group_number = self.group(to).number();
        self.forge_packet(
            from,
            to,
            &Packet::PeerResponse(PeerResponse { group_number, entries: &entries }),
        )
    }

    /// The number that one member's messages have next, as others see it.
    pub(super) fn next_number(&self, name: &str) -> u32 {
        self.group(name).message_number().0 + 1
    }

    /// Ends the session between two, if there is one; it comes up again unless they are cut.
    pub(super) fn disconnect(&mut self, a: &str, b: &str) {
        if self.up.remove(&pair(a, b)) {
            self.lose(a, b);
            let at = self.now();
            self.step(a, Input::ConnectionDown { at, friend: key_of(b) });
            self.step(b, Input::ConnectionDown { at, friend: key_of(a) });
        }
    }

    /// The two cannot reach each other any more; both learn it at once.
    pub(super) fn cut(&mut self, a: &str, b: &str) {
        self.cut.insert(pair(a, b));
        self.disconnect(a, b);
    }

    pub(super) fn restore(&mut self, a: &str, b: &str) {
        self.cut.remove(&pair(a, b));
        self.settle();
    }

    /// Sessions come up between all who want one and can reach each other.
    fn connect_wanted(&mut self) -> bool {
        let names: Vec<_> = self.members.keys().cloned().collect();
        for (i, b) in names.iter().enumerate() {
            for a in &names[..i] {
                let key = pair(a, b);
                let wanted = |a: &str, b: &str| self.endpoint(a).connection(&key_of(b)).is_some();
                if self.up.contains(&key)
                    || self.cut.contains(&key)
                    || !wanted(a, b)
                    || !wanted(b, a)
                {
                    continue;
                }
                self.up.insert(key);
                let at = self.now();
                let dht_key = |room: &Self, name: &str| room.endpoint(name).dht_key();
                let (dht_a, dht_b) = (dht_key(self, a), dht_key(self, b));
                self.step(a, Input::ConnectionUp { at, friend: key_of(b), dht_key: dht_b });
                self.step(b, Input::ConnectionUp { at, friend: key_of(a), dht_key: dht_a });
                return true;
            }
        }
        false
    }

    /// The session between two comes up, and nothing is delivered.
    pub(super) fn connect_only(&mut self, a: &str, b: &str) {
        self.cut.remove(&pair(a, b));
        assert!(self.up.insert(pair(a, b)), "{a} and {b} are connected already");
        let at = self.now();
        let (dht_a, dht_b) = (self.endpoint(a).dht_key(), self.endpoint(b).dht_key());
        self.step(a, Input::ConnectionUp { at, friend: key_of(b), dht_key: dht_b });
        self.step(b, Input::ConnectionUp { at, friend: key_of(a), dht_key: dht_a });
    }

    /// The session goes down at one side only.
    pub(super) fn down_at(&mut self, name: &str, other: &str) -> Vec<Output> {
        let at = self.now();
        self.step(name, Input::ConnectionDown { at, friend: key_of(other) })
    }

    /// The session comes up at one side only.
    pub(super) fn up_at(&mut self, name: &str, other: &str) -> Vec<Output> {
        let (at, dht_key) = (self.now(), dht_key_of(other));
        self.step(name, Input::ConnectionUp { at, friend: key_of(other), dht_key })
    }

    /// Delivers the packet that was sent first.
    pub(super) fn deliver_next(&mut self) -> Option<Vec<Output>> {
        let (from, to, bytes) = self.queue.pop_front()?;
        if self.cut.contains(&pair(&from, &to)) {
            return Some(Vec::new());
        }
        let at = self.now();
        let outputs = self.step(&to, Input::Packet { at, friend: key_of(&from), bytes: &bytes });
        let invitation = outputs.iter().find_map(|output| match output {
            Output::Event(Event::Invited { invitation, .. }) => Some(*invitation),
            _ => None,
        });
        if let Some(invitation) = invitation.filter(|_| self.accepts) {
            let request = Request::Accept { friend: key_of(&from), invitation };
            self.step(&to, Input::Request { at, request });
        }
        Some(outputs)
    }

    /// Delivers the packet of a member that was sent first; says if there was one.
    pub(super) fn deliver_from(&mut self, name: &str) -> bool {
        let Some(at) = self.queue.iter().position(|(from, ..)| from == name) else { return false };
        let packet = self.queue.remove(at).unwrap();
        self.queue.push_front(packet);
        self.deliver_next();
        true
    }

    /// Delivers everything and lets sessions come up, until nothing happens any more.
    pub(super) fn settle(&mut self) {
        if self.held {
            return;
        }
        for _ in 0..100_000 {
            if self.deliver_next().is_none() && !self.connect_wanted() {
                return;
            }
        }
        panic!("the room does not come to rest: {:?}", &self.log[self.log.len() - 20..]);
    }

    /// A pass at every member.
    pub(super) fn tick_all(&mut self) {
        let names: Vec<_> = self.members.keys().cloned().collect();
        for name in names {
            self.tick(&name);
        }
    }

    pub(super) fn tick(&mut self, name: &str) -> Vec<Output> {
        let at = self.now();
        let outputs = self.step(name, Input::Tick { at });
        self.settle();
        outputs
    }

    /// Time goes on, with two passes of everybody in each second.
    pub(super) fn wait(&mut self, seconds: u64) {
        for _ in 0..2 * seconds {
            self.nanos += 500_000_000;
            self.settle();
            self.tick_all();
        }
    }

    /// Time goes on, and nobody moves.
    pub(super) fn pause(&mut self, seconds: u64) {
        self.nanos += i64::try_from(seconds).unwrap() * 1_000_000_000;
    }

    /// A packet from a member to another that nobody sent.
    pub(super) fn forge(&mut self, from: &str, to: &str, bytes: &[u8]) -> Vec<Output> {
        let at = self.now();
        self.step(to, Input::Packet { at, friend: key_of(from), bytes })
    }

    pub(super) fn forge_packet(
        &mut self,
        from: &str,
        to: &str,
        packet: &Packet<'_>,
    ) -> Vec<Output> {
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        self.forge(from, to, &bytes)
    }

    pub(super) fn clear(&mut self) {
        self.log.clear();
        for member in self.members.values_mut() {
            member.events.clear();
            member.dropped.clear();
        }
    }

    /// The log without pings, names and what they lead to.
    pub(super) fn log_of(&self, wanted: &[&str]) -> Vec<&str> {
        let lines = self.log.iter().map(String::as_str);
        lines.filter(|line| wanted.iter().any(|part| line.contains(part))).collect()
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.member(name).events.iter().filter_map(|event| match event {
            Event::Said { text, .. } => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        });
        texts.collect()
    }
}

/// What was dropped, among outputs.
pub(super) fn drops(outputs: &[Output]) -> Vec<DropReason> {
    let reasons = outputs.iter().filter_map(|output| match output {
        Output::Dropped(reason) => Some(*reason),
        _ => None,
    });
    reasons.collect()
}

/// What was sent, among outputs: `b 62/08`.
pub(super) fn sends(outputs: &[Output]) -> Vec<String> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { friend, bytes } => Some(format!("{} {}", friend.0[0] as char, short(bytes))),
        _ => None,
    });
    sent.collect()
}

pub(super) const PING: MessageBody<'static> = MessageBody::Ping(Ping { trailing: &[] });

pub(super) fn chat(text: &str) -> MessageBody<'_> {
    MessageBody::Chat(crate::wire::Chat { text: text.as_bytes() })
}

/// Somebody says something in the first conference of the receiver.
pub(super) fn chat_packet(author: PeerNumber, number: u32) -> Packet<'static> {
    Packet::Message(GroupMessage {
        group_number: crate::wire::GroupNumber(0),
        peer_number: author,
        message_number: MessageNumber(number),
        body: chat("x"),
    })
}

/// An entry of a response, without a name.
pub(super) fn entry(number: u16, key: PublicKey, dht_key: PublicKey) -> PeerEntry<'static> {
    PeerEntry { peer_number: PeerNumber(number), real_key: key, dht_key, name: b"" }
}

/// A key of which only the first byte is not zero.
pub(super) fn low_key(first: u8) -> PublicKey {
    let mut key = [0; 32];
    key[0] = first;
    key[31] = 1;
    PublicKey(key)
}
