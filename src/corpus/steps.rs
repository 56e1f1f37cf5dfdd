//! An endpoint's inputs as the fuzz target `machine_steps` reads them.
//!
//! The target knows nine people, four conferences and short texts, and draws its own dice. So people are
//! renamed, conferences get other ids, the numbers of members are looked up by who they are, and what does not
//! fit is cut. A machine lives along, to know what the target will know.

use std::collections::BTreeMap;

use crate::conference::{Endpoint, Group, Input, Profile, Release, Request, SeededDice};
use crate::replay::{Observation, What};
use crate::time::Timestamp;
use crate::wire::{
    Conference, ConferenceId, ConferenceType, GroupNumber, MessageBody, Packet, PeerEntry,
    PeerNumber, PeerResponse, PublicKey,
};

/// How many people there are; the last one is the endpoint itself.
pub(crate) const PEOPLE: u8 = 9;
/// First byte of the endpoint's own key.
pub(crate) const OWN: u8 = 0x80;
/// Steps of one input at most, so that a long input does not take long.
pub(crate) const STEPS: usize = 400;
/// The first byte of an input: rules of c-toxcore's newest release, and a text conference.
const RULES: u8 = 4;
/// What there is room for, in bytes, in a packet and in a text.
const PACKET: usize = 255;
const TEXT: usize = 9;
/// Half a second, in which the target counts, in nanoseconds.
const UNIT: i64 = 500_000_000;

/// The key of one of the nine.
pub(crate) const fn key(which: u8) -> PublicKey {
    let which = which % PEOPLE;
    PublicKey([if which == PEOPLE - 1 { OWN } else { which * 28 + 1 }; 32])
}

/// What one endpoint lived through.
pub(super) struct Steps {
    people: Vec<PublicKey>,
    own: PublicKey,
    conferences: BTreeMap<Conference, Conference>,
    twin: Endpoint,
    dice: SeededDice,
    bytes: Vec<u8>,
    steps: usize,
    start: Timestamp,
    nanos: i64,
    most_members: usize,
    seen: Seen,
}

/// What was among the inputs.
#[derive(Default)]
struct Seen {
    joins: bool,
    founds: bool,
    freezes: bool,
    rejoin: bool,
    audio: bool,
    leaves: bool,
}

impl Steps {
    /// Nothing yet. `at` is where time begins.
    pub(super) fn new(own: PublicKey, at: Timestamp) -> Self {
        let me = key(PEOPLE - 1);
        let mut steps = Self {
            people: Vec::new(),
            own,
            conferences: BTreeMap::new(),
            twin: Endpoint::new(Profile::ctoxcore(Release::HEAD), me, me, b"own"),
            dice: SeededDice::new(1),
            bytes: vec![RULES],
            steps: 0,
            start: at,
            nanos: 0,
            most_members: 0,
            seen: Seen::default(),
        };
        // With these the target begins.
        let (at, friend) = (Timestamp::from_nanos(0), key(0));
        steps.step(Input::Request { at, request: Request::AddFriend(friend) });
        steps.step(Input::ConnectionUp { at, friend, dht_key: friend });
        steps.step(Input::Request { at, request: Request::Create(ConferenceType::TEXT) });
        steps.steps = 0;
        steps
    }

    /// A name and the input, if anything happened.
    pub(super) fn finish(self) -> Option<(String, Vec<u8>)> {
        if self.steps == 0 {
            return None;
        }
        let Seen { joins, founds, freezes, rejoin, audio, leaves } = self.seen;
        let mut name = format!("{}peers", self.most_members);
        for (is_there, word) in [
            (founds, "founds"),
            (joins, "joins"),
            (freezes, "freezes"),
            (rejoin, "rejoin"),
            (audio, "audio"),
            (leaves, "leaves"),
        ] {
            if is_there {
                name += "-";
                name += word;
            }
        }
        name += &format!("-{}steps", self.steps);
        Some((name, self.bytes))
    }

    /// What the machine that stands for the endpoint was given.
    pub(super) fn observe(&mut self, seen: &Observation<'_>) {
        // One input may need others before it.
        if self.steps + 4 > STEPS {
            return;
        }
        match seen.what {
            What::Input(input) => {
                let _ = self.input(seen.machine, input);
            }
            What::Learned if self.twin.name() != seen.machine.name() => {
                self.set_name(seen.machine.name());
            }
            _ => {}
        }
    }

    fn input(&mut self, machine: &Endpoint, input: &Input<'_>) -> Option<()> {
        let now = Timestamp::from_nanos(self.nanos);
        match *input {
            Input::Tick { at } => {
                let ahead = at.nanos_since(self.start).saturating_sub(self.nanos) / UNIT;
                let units = u8::try_from(ahead.clamp(0, 255)).unwrap_or(u8::MAX);
                self.bytes.extend([0, units]);
                self.nanos += i64::from(units) * UNIT;
                self.step(Input::Tick { at: Timestamp::from_nanos(self.nanos) });
            }
            Input::ConnectionUp { friend, .. } => {
                let which = self.person(&friend)?;
                let is_friend = machine.connection(&friend).is_some_and(|it| it.is_friend());
                let twins = self.twin.connection(&key(which)).is_some_and(|it| it.is_friend());
                if is_friend && !twins {
                    self.bytes.extend([3, 0, which]);
                    self.step(Input::Request { at: now, request: Request::AddFriend(key(which)) });
                }
                self.bytes.extend([1, which, which]);
                let (friend, dht_key) = (key(which), key(which));
                self.step(Input::ConnectionUp { at: now, friend, dht_key });
            }
            Input::ConnectionDown { friend, .. } => {
                let which = self.person(&friend)?;
                self.bytes.extend([2, which]);
                self.step(Input::ConnectionDown { at: now, friend: key(which) });
            }
            Input::Request { request, .. } => return self.request(machine, &request),
            Input::Packet { friend, bytes, .. } => {
                let which = self.person(&friend)?;
                for packet in self.translated(machine, bytes) {
                    let size = u8::try_from(packet.len()).ok()?;
                    self.bytes.extend([6, which, 0, size]);
                    self.bytes.extend(&packet);
                    self.step(Input::Packet { at: now, friend: key(which), bytes: &packet });
                }
            }
        }
        Some(())
    }

    fn request(&mut self, machine: &Endpoint, request: &Request<'_>) -> Option<()> {
        let at = Timestamp::from_nanos(self.nanos);
        let request = match *request {
            Request::Invite { group, friend } => {
                let (which, group) = (self.person(&friend)?, self.group(machine, group)?);
                self.bytes.extend([3, 5, low(group)?, which]);
                Request::Invite { group, friend: key(which) }
            }
            Request::Accept { friend, mut invitation } => {
                let which = self.person(&friend)?;
                invitation.conference = self.conference(&invitation.conference)?;
                invitation.group_number = GroupNumber(invitation.group_number.0 % 4);
                // Which of those that the endpoint has, or else the one of that id.
                let id = *invitation.conference.id.0.first()?;
                if self.twin.groups().count() > usize::from(id) {
                    return None;
                }
                let conference = id | invitation.conference.kind.0 << 6;
                self.bytes.extend([3, 7, which, low(invitation.group_number)?, conference]);
                self.seen.joins = true;
                Request::Accept { friend: key(which), invitation }
            }
            Request::Say { group, text } => {
                let group = self.group(machine, group)?;
                let text = self.text_request(8, group, text)?;
                Request::Say { group, text }
            }
            Request::Act { group, text } => {
                let group = self.group(machine, group)?;
                let text = self.text_request(9, group, text)?;
                Request::Act { group, text }
            }
            Request::SendAudio { group, opus, .. } => {
                let group = self.group(machine, group)?;
                self.seen.audio = true;
                let opus = self.text_request(10, group, opus)?;
                Request::SendAudio { group, sequence_number: 0, opus }
            }
            Request::SetTitle { group, title } => {
                let group = self.group(machine, group)?;
                self.bytes.extend([3, 11, low(group)?]);
                self.text(title);
                Request::SetTitle { group, title }
            }
            Request::SetName(name) => {
                self.set_name(name);
                return Some(());
            }
            Request::Delete { group } => {
                let group = self.group(machine, group)?;
                self.bytes.extend([3, 14, low(group)?]);
                self.seen.leaves = true;
                Request::Delete { group }
            }
            Request::ShutDown => {
                self.bytes.extend([3, 15, u8::MAX]);
                Request::ShutDown
            }
            _ => return None,
        };
        self.step(Input::Request { at, request });
        Some(())
    }

    /// A request with a short text, which it gives.
    fn text_request<'a>(
        &mut self,
        which: u8,
        group: GroupNumber,
        text: &'a [u8],
    ) -> Option<&'a [u8]> {
        let text = text.get(..TEXT).unwrap_or(text);
        self.bytes.extend([3, which, low(group)?]);
        self.text(text);
        Some(text)
    }

    fn text(&mut self, text: &[u8]) {
        self.bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes.extend(text.iter().take(PACKET));
    }

    fn set_name(&mut self, name: &[u8]) {
        self.bytes.extend([3, 12]);
        self.text(name);
        let (at, request) = (Timestamp::from_nanos(self.nanos), Request::SetName(name));
        self.step(Input::Request { at, request });
    }

    fn step(&mut self, input: Input<'_>) {
        let _ = self.twin.step(input, &mut self.dice);
        self.steps += 1;
        let members = self.twin.groups().map(|group| group.active().len()).max();
        self.most_members = self.most_members.max(members.unwrap_or(0));
        self.seen.freezes |= self.twin.groups().any(|group| !group.frozen().is_empty());
    }

    /// Which of the nine somebody is. Nobody, if all are taken.
    fn person(&mut self, real: &PublicKey) -> Option<u8> {
        if *real == self.own {
            return Some(PEOPLE - 1);
        }
        let known = self.people.iter().position(|person| person == real);
        let which = known.or_else(|| {
            (self.people.len() < usize::from(PEOPLE) - 1).then(|| {
                self.people.push(*real);
                self.people.len() - 1
            })
        });
        which.and_then(|which| u8::try_from(which).ok())
    }

    /// What the target calls a conference. Nothing, if it has no name left.
    fn conference(&mut self, real: &Conference) -> Option<Conference> {
        if let Some(known) = self.conferences.get(real) {
            return Some(*known);
        }
        // The first one is there from the beginning.
        let id = u8::try_from(self.conferences.len() + 1).ok().filter(|id| *id < 4)?;
        let kind = ConferenceType(real.kind.0 % 3);
        let mapped = Conference { kind, id: ConferenceId([id; 32]) };
        self.conferences.insert(*real, mapped);
        Some(mapped)
    }

    /// The target's number of a conference; it founds those that it cannot join.
    fn group(&mut self, machine: &Endpoint, real: GroupNumber) -> Option<GroupNumber> {
        let real = machine.group(real)?.conference();
        if let Some(known) = self.conferences.get(&real) {
            return self.twin.group_of(known).map(Group::number);
        }
        let (before, kind) = (self.twin.groups().count(), ConferenceType(real.kind.0 % 3));
        if before > 3 || self.conferences.len() > 2 {
            return None;
        }
        self.bytes.extend([3, 4, kind.0]);
        let (at, request) = (Timestamp::from_nanos(self.nanos), Request::Create(kind));
        self.step(Input::Request { at, request });
        self.seen.founds = true;
        let (number, founded) =
            self.twin.groups().last().map(|group| (group.number(), group.conference()))?;
        self.conferences.insert(real, founded);
        Some(number)
    }

    /// The target's number of a member.
    fn member(&self, real: Option<&Group>, twin: Option<&Group>, number: PeerNumber) -> PeerNumber {
        let found = real.and_then(|real| {
            if real.own_number() == Some(number) {
                return twin?.own_number();
            }
            let mut all = real.active().iter().chain(real.frozen());
            let peer = all.find(|peer| peer.number == number)?;
            self.number_of(twin, &peer.real_key)
        });
        found.unwrap_or(number)
    }

    fn number_of(&self, twin: Option<&Group>, real: &PublicKey) -> Option<PeerNumber> {
        let which = self.people.iter().position(|person| person == real)?;
        let peer = twin?.peer(&key(u8::try_from(which).ok()?))?;
        Some(peer.number)
    }

    /// A packet that reached the endpoint, as the target is to get it; a long list in pieces.
    fn translated(&mut self, machine: &Endpoint, bytes: &[u8]) -> Vec<Vec<u8>> {
        let Ok(mut packet) = Packet::parse(bytes) else {
            return vec![bytes.get(..PACKET).unwrap_or(bytes).to_vec()];
        };
        let ours = match &packet {
            Packet::Invite(_) | Packet::Online(_) | Packet::Rejoin(_) => None,
            Packet::InviteAccepted(it) => Some(it.receiver_group_number),
            Packet::InviteMember(it) => Some(it.receiver_group_number),
            other => other.group_number(),
        };
        let group_number =
            ours.and_then(|ours| self.group(machine, ours)).or(ours).unwrap_or(GroupNumber(0));
        let real = ours.and_then(|ours| machine.group(ours));
        let conference = packet.conference().and_then(|it| self.conference(&it));
        let keys = match packet {
            Packet::Message(message) => match message.body {
                MessageBody::NewPeer(new) => self.person(&new.real_key),
                _ => None,
            },
            Packet::PeerResponse(response) => {
                return self.list(real, group_number, &response);
            }
            _ => None,
        };
        let twin = self.twin.group(group_number);
        match &mut packet {
            Packet::Invite(it) => it.conference = conference.unwrap_or(it.conference),
            Packet::InviteAccepted(it) => {
                it.receiver_group_number = group_number;
                it.conference = conference.unwrap_or(it.conference);
            }
            Packet::InviteMember(it) => {
                it.receiver_group_number = group_number;
                it.conference = conference.unwrap_or(it.conference);
                it.peer_number = self.member(real, twin, it.peer_number);
            }
            Packet::Online(it) => it.conference = conference.unwrap_or(it.conference),
            Packet::Rejoin(it) => {
                self.seen.rejoin = true;
                it.conference = conference.unwrap_or(it.conference);
            }
            Packet::PeerIntroduced(it) => it.group_number = group_number,
            Packet::PeerQuery(it) => it.group_number = group_number,
            Packet::TitleResponse(it) => it.group_number = group_number,
            Packet::DirectUnknown(it) => it.group_number = group_number,
            Packet::Lossy(it) => {
                self.seen.audio = true;
                it.group_number = group_number;
                it.peer_number = self.member(real, twin, it.peer_number);
            }
            Packet::Message(it) => {
                it.group_number = group_number;
                it.peer_number = self.member(real, twin, it.peer_number);
                match &mut it.body {
                    MessageBody::NewPeer(new) => {
                        let known = self.number_of(twin, &new.real_key);
                        new.new_peer_number = known.unwrap_or(new.new_peer_number);
                        if let Some(which) = keys {
                            (new.real_key, new.dht_key) = (key(which), key(which));
                        }
                    }
                    MessageBody::KillPeer(kill) => {
                        kill.killed_peer_number = self.member(real, twin, kill.killed_peer_number);
                    }
                    MessageBody::FreezePeer(freeze) => {
                        freeze.frozen_peer_number =
                            self.member(real, twin, freeze.frozen_peer_number);
                    }
                    _ => {}
                }
            }
            Packet::PeerResponse(_) | Packet::InviteUnknown(_) | Packet::Unknown(_) => {}
        }
        let mut out = Vec::new();
        packet.emit(&mut out);
        out.truncate(PACKET);
        vec![out]
    }

    /// A list of members, in pieces that fit.
    fn list(
        &mut self,
        real: Option<&Group>,
        group_number: GroupNumber,
        response: &PeerResponse<'_>,
    ) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut entries = Vec::new();
        let piece = |entries: &[u8]| {
            let mut out = Vec::new();
            PeerResponse { group_number, entries }.emit(&mut out);
            out
        };
        for peer in response.peers() {
            let Some(which) = self.person(&peer.real_key) else { continue };
            let twin = self.twin.group(group_number);
            let number = match real {
                Some(group) if group.own_number().is_none() => peer.peer_number,
                real => self.member(real, twin, peer.peer_number),
            };
            let (real_key, dht_key) = (key(which), key(which));
            let mut entry = Vec::new();
            PeerEntry { peer_number: number, real_key, dht_key, name: peer.name }.emit(&mut entry);
            if piece(&entries).len() + entry.len() > PACKET {
                pieces.push(piece(&entries));
                entries.clear();
            }
            entries.extend(entry);
        }
        pieces.push(piece(&entries));
        pieces
    }
}

/// The target's conferences have small numbers.
fn low(group: GroupNumber) -> Option<u8> {
    u8::try_from(group.0).ok().filter(|number| *number < 4)
}
