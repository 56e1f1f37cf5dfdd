//! One endpoint: inputs to the concern they belong to, and the table of conferences.

use std::collections::{BTreeMap, VecDeque};

use super::connections::Connections;
use super::group::{Context, Group, Me};
use super::messages::{Arrived, modulo};
use super::{Connection, Dice, DropReason, Event, Input, Output, Profile, Request, Seconds, Step};
use crate::time::Timestamp;
use crate::wire::{
    Conference, ConferenceId, ConferenceType, DataId, GroupNumber, MAX_NAME_SIZE, Malformed,
    Packet, PeerNumber, PublicKey,
};

/// One endpoint of any number of conferences.
///
/// ```
/// use toxscope::conference::{Endpoint, Input, Profile, Request, SeededDice};
/// use toxscope::time::Timestamp;
/// use toxscope::wire::{ConferenceType, PublicKey};
///
/// let mut dice = SeededDice::new(1);
/// let mut ann = Endpoint::new(Profile::seed(), PublicKey([1; 32]), PublicKey([2; 32]), b"ann");
/// let request = Request::Create(ConferenceType::TEXT);
/// ann.handle(&Input::Request { at: Timestamp::from_parts(1, 0), request }, &mut dice);
/// while let Some(output) = ann.poll_output() {
///     println!("{output:?}");
/// }
/// assert_eq!(ann.groups().count(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    pub(super) profile: Profile,
    pub(super) me: Me,
    pub(super) now: Seconds,
    pub(super) connections: Connections,
    pub(super) groups: Groups,
    /// The program ended; only saving is left.
    pub(super) ended: bool,
    pub(super) output: VecDeque<Output>,
}

impl Endpoint {
    /// An endpoint without friends and conferences. Names longer than 128 bytes are cut.
    #[must_use]
    pub fn new(profile: Profile, real_key: PublicKey, dht_key: PublicKey, name: &[u8]) -> Self {
        let name = name.get(..MAX_NAME_SIZE).unwrap_or(name).to_vec();
        Self {
            groups: Groups::new(&profile),
            profile,
            me: Me { real_key, dht_key, name },
            now: 0,
            connections: Connections::default(),
            ended: false,
            output: VecDeque::new(),
        }
    }

    /// Takes in what happened. [`Self::poll_output`] then hands out what follows.
    ///
    /// R-232: the packets of a connection are handed in as they were sent, except lossy ones.
    pub fn handle(&mut self, input: &Input<'_>, dice: &mut dyn Dice) {
        self.now = self.now.max(seconds(input.at()));
        let done = match *input {
            Input::Request { request: Request::Save, .. } => {
                let section = self.save();
                self.output.push_back(Output::Saved(section));
                Ok(())
            }
            _ if self.ended => Err(DropReason::Ended),
            Input::ConnectionUp { friend, dht_key, .. } => self.connection_up(&friend, dht_key),
            Input::ConnectionDown { friend, .. } => self.connection_down(&friend),
            Input::Packet { friend, bytes, .. } => self.packet(&friend, bytes, dice),
            Input::Request { request, .. } => self.request(&request, dice),
            Input::Tick { .. } => self.pass(),
        };
        if let Err(reason) = done {
            self.output.push_back(Output::Dropped(reason));
        }
    }

    /// The next thing to do, in order; nothing once all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Takes in what happened and hands out all that follows.
    pub fn step<'a>(&mut self, input: Input<'a>, dice: &mut dyn Dice) -> Step<'a> {
        self.handle(&input, dice);
        Step { input, outputs: self.output.drain(..).collect() }
    }

    /// What the rules read.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Our real key.
    #[must_use]
    pub const fn real_key(&self) -> PublicKey {
        self.me.real_key
    }

    /// Our DHT key.
    #[must_use]
    pub const fn dht_key(&self) -> PublicKey {
        self.me.dht_key
    }

    /// Our name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.me.name
    }

    /// A conference by its number.
    #[must_use]
    pub fn group(&self, number: GroupNumber) -> Option<&Group> {
        self.groups.get(number)
    }

    /// A conference by its type and id (R-003).
    #[must_use]
    pub fn group_of(&self, conference: &Conference) -> Option<&Group> {
        self.groups.get(*self.groups.numbers.get(conference)?)
    }

    /// All conferences, joining ones too, in order of their numbers (R-215).
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// The friend connection to a key, if there is one or somebody wants one.
    #[must_use]
    pub fn connection(&self, friend: &PublicKey) -> Option<&Connection> {
        self.connections.get(friend)
    }

    /// All friend connections, in order of their keys.
    pub fn connections(&self) -> impl Iterator<Item = (&PublicKey, &Connection)> {
        self.connections.iter()
    }

    /// The conferences, and what they need of the endpoint.
    pub(super) fn split(&mut self) -> (&mut Groups, Context<'_>) {
        let context = Context {
            me: &self.me,
            profile: &self.profile,
            now: self.now,
            connections: &mut self.connections,
            out: &mut self.output,
        };
        (&mut self.groups, context)
    }

    /// R-160, then R-065.
    fn connection_up(&mut self, friend: &PublicKey, dht_key: PublicKey) -> Result<(), DropReason> {
        let connection = self.connections.get_mut(friend).ok_or(DropReason::Unwanted)?;
        if connection.up {
            return Err(DropReason::AlreadyUp);
        }
        connection.up = true;
        connection.dht_key = dht_key;
        let (groups, mut cx) = self.split();
        let mut waiting = Vec::new();
        for group in groups.iter_mut() {
            let had_slot = group.slots.find(friend).is_some();
            let rejoined = cx.profile.freezes && group.rejoin_frozen(&mut cx, friend);
            waiting.push(had_slot || !rejoined || cx.profile.online_after_rejoin);
        }
        for (group, greets) in groups.iter_mut().zip(waiting) {
            if greets {
                // D-011.
                group.greet(&mut cx, friend);
            }
        }
        Ok(())
    }

    /// R-069, R-195.
    fn connection_down(&mut self, friend: &PublicKey) -> Result<(), DropReason> {
        let connection = self.connections.get_mut(friend).ok_or(DropReason::NotConnected)?;
        if !connection.up {
            return Err(DropReason::NotConnected);
        }
        connection.up = false;
        let (groups, mut cx) = self.split();
        for group in groups.iter_mut() {
            if group.slot_down(friend) {
                group.freeze_if_disconnected(&mut cx);
            }
        }
        Ok(())
    }

    fn packet(
        &mut self,
        friend: &PublicKey,
        bytes: &[u8],
        dice: &mut dyn Dice,
    ) -> Result<(), DropReason> {
        let connection = self.connections.get(friend).ok_or(DropReason::NotConnected)?;
        if !connection.up {
            return Err(DropReason::NotConnected);
        }
        let invitation = bytes.first() == Some(&DataId::CONFERENCE_INVITE.0);
        if invitation && !connection.friend {
            return Err(DropReason::NotAFriend);
        }
        if !invitation && !connection.had_slot && self.profile.needs_slot_history {
            // B-10.
            return Err(DropReason::NotListening);
        }
        match Packet::parse(bytes) {
            Ok(packet) => self.well_formed(friend, packet, bytes, dice),
            Err(malformed) => self.malformed(friend, &malformed),
        }
    }

    fn well_formed(
        &mut self,
        friend: &PublicKey,
        packet: Packet<'_>,
        bytes: &[u8],
        dice: &mut dyn Dice,
    ) -> Result<(), DropReason> {
        let (groups, mut cx) = self.split();
        match packet {
            Packet::Invite(invite) => self.handle_invite(friend, invite),
            Packet::InviteAccepted(accepted) => self.handle_accepted(friend, accepted, dice),
            Packet::InviteMember(member) => self.handle_member(friend, member),
            // R-233: who does not know a kind ignores it.
            Packet::InviteUnknown(_) => Err(DropReason::UnknownKind),
            Packet::Online(online) => {
                let group = groups.by_conference_mut(&online.conference);
                group.ok_or(DropReason::NoConference)?.handle_online(&mut cx, friend, online)
            }
            Packet::PeerIntroduced(packet) => {
                let (group, slot) = groups.addressed(packet.group_number, friend)?;
                group.handle_introduced(&mut cx, slot)
            }
            Packet::PeerQuery(packet) => {
                let (group, slot) = groups.addressed(packet.group_number, friend)?;
                group.handle_query(&mut cx, slot)
            }
            Packet::PeerResponse(packet) => {
                let (group, _) = groups.addressed(packet.group_number, friend)?;
                group.handle_response(&mut cx, &packet)
            }
            Packet::TitleResponse(packet) => {
                let (group, _) = groups.addressed(packet.group_number, friend)?;
                group.handle_title_response(&mut cx, packet.title)
            }
            Packet::DirectUnknown(packet) => {
                groups.addressed(packet.group_number, friend)?;
                Err(DropReason::UnknownKind)
            }
            Packet::Message(message) => {
                let group = groups.get_mut(message.group_number);
                let group = group.ok_or(DropReason::NoConference)?;
                group.handle_message(&mut cx, friend, &Arrived::new(message, bytes))
            }
            // R-243: members of before 0.2.8 do not know it.
            Packet::Rejoin(_) if !cx.profile.freezes => Err(DropReason::OtherPacket),
            Packet::Rejoin(rejoin) => {
                let group = groups.by_conference_mut(&rejoin.conference);
                group.ok_or(DropReason::NoConference)?.handle_rejoin(&mut cx, friend)
            }
            Packet::Lossy(lossy) => {
                let group = groups.get_mut(lossy.group_number);
                let group = group.ok_or(DropReason::NoConference)?;
                group.handle_lossy(&mut cx, friend, &lossy, bytes)
            }
            Packet::Unknown(_) => Err(DropReason::OtherPacket),
        }
    }

    /// R-116: a group message counts if its header is readable.
    fn malformed(
        &mut self,
        friend: &PublicKey,
        malformed: &Malformed<'_>,
    ) -> Result<(), DropReason> {
        let refused = DropReason::Malformed(malformed.error);
        let modulo_256 = self.profile.title_length_modulo_256;
        let (groups, mut cx) = self.split();
        match malformed.bytes {
            [id, ..] if *id == DataId::CONFERENCE_MESSAGE.0 => {
                let arrived = Arrived::malformed(malformed.bytes, malformed.error, modulo_256);
                let arrived = arrived.ok_or(refused)?;
                let group = groups.get_mut(arrived.group_number);
                let group = group.ok_or(DropReason::NoConference)?;
                group.handle_message(&mut cx, friend, &arrived)
            }
            // B-03.
            [id, high, low, 0x0a, title @ ..]
                if *id == DataId::CONFERENCE_DIRECT.0 && modulo_256 =>
            {
                let number = GroupNumber(u16::from_be_bytes([*high, *low]));
                let (group, _) = groups.addressed(number, friend)?;
                group.handle_title_response(&mut cx, modulo(title).ok_or(refused)?)
            }
            _ => Err(refused),
        }
    }

    fn request(&mut self, request: &Request<'_>, dice: &mut dyn Dice) -> Result<(), DropReason> {
        match *request {
            Request::AddFriend(key) => self.add_friend(key),
            Request::RemoveFriend(key) => self.remove_friend(&key),
            Request::SetDhtKey(key) => self.set_dht_key(key),
            Request::Create(kind) => self.create(kind, dice),
            Request::Accept { friend, invitation } => self.accept(&friend, invitation),
            Request::SetName(name) => self.set_name(name),
            Request::Delete { group } => self.delete(group),
            Request::Save => Ok(()),
            Request::ShutDown => self.shut_down(),
            Request::Invite { group, friend } => {
                self.with(group, |group, cx| group.invite(cx, &friend))
            }
            Request::Say { group, text } => {
                self.with(group, |group, cx| group.say(cx, text, false))
            }
            Request::Act { group, text } => self.with(group, |group, cx| group.say(cx, text, true)),
            Request::SendAudio { group, sequence_number, opus } => {
                self.with(group, |group, cx| group.send_audio(cx, sequence_number, opus))
            }
            Request::SetTitle { group, title } => {
                self.with(group, |group, cx| group.set_title(cx, title))
            }
            Request::SetFrozenLimit { group, limit } => {
                self.with(group, |group, cx| group.set_frozen_limit(cx, limit))
            }
        }
    }

    pub(super) fn with(
        &mut self,
        number: GroupNumber,
        request: impl FnOnce(&mut Group, &mut Context<'_>) -> Result<(), DropReason>,
    ) -> Result<(), DropReason> {
        let (groups, mut cx) = self.split();
        request(groups.get_mut(number).ok_or(DropReason::NoConference)?, &mut cx)
    }

    fn add_friend(&mut self, key: PublicKey) -> Result<(), DropReason> {
        if key == self.me.real_key {
            return Err(DropReason::AboutOurselves);
        }
        if self.connections.is_friend(&key) {
            return Err(DropReason::Unchanged);
        }
        self.connections.befriend(key);
        Ok(())
    }

    fn remove_friend(&mut self, key: &PublicKey) -> Result<(), DropReason> {
        match self.connections.get_mut(key) {
            Some(connection) if connection.friend => connection.friend = false,
            Some(_) | None => return Err(DropReason::NotAFriend),
        }
        let (_, cx) = self.split();
        cx.connections.release_if_idle(key, cx.profile, cx.out);
        Ok(())
    }

    /// R-179: nobody is told; our own entry has it.
    fn set_dht_key(&mut self, key: PublicKey) -> Result<(), DropReason> {
        if self.me.dht_key == key {
            return Err(DropReason::Unchanged);
        }
        self.me.dht_key = key;
        for group in self.groups.iter_mut() {
            if let Some(entry) = group.own.and_then(|own| group.peers.active_mut(own)) {
                entry.dht_key = key;
            }
        }
        Ok(())
    }

    /// R-004: a new conference, of which we are member 0.
    fn create(&mut self, kind: ConferenceType, dice: &mut dyn Dice) -> Result<(), DropReason> {
        if ![ConferenceType::TEXT, ConferenceType::AUDIO].contains(&kind) {
            return Err(DropReason::UnknownType);
        }
        let conference = Conference { kind, id: ConferenceId(dice.conference_id()) };
        if self.knows(&conference) {
            return Err(DropReason::AlreadyJoined);
        }
        let number = self.open(conference)?;
        let (groups, mut cx) = self.split();
        let group = groups.get_mut(number).ok_or(DropReason::NoConference)?;
        group.enter_ourselves(&cx, PeerNumber(0));
        cx.event(Event::Opened { group: number, conference });
        Ok(())
    }

    fn set_name(&mut self, name: &[u8]) -> Result<(), DropReason> {
        if name.len() > MAX_NAME_SIZE {
            return Err(DropReason::TooLong);
        }
        self.me.name = name.to_vec();
        let (groups, mut cx) = self.split();
        groups.iter_mut().for_each(|group| group.set_own_name(&mut cx));
        Ok(())
    }

    /// R-185, R-216.
    fn delete(&mut self, number: GroupNumber) -> Result<(), DropReason> {
        let (groups, mut cx) = self.split();
        let mut group = groups.remove(number).ok_or(DropReason::NoConference)?;
        group.leave(&mut cx);
        cx.event(Event::Closed { group: number });
        Ok(())
    }

    /// R-186. The conferences can still be saved.
    fn shut_down(&mut self) -> Result<(), DropReason> {
        self.ended = true;
        let (groups, mut cx) = self.split();
        groups.iter_mut().for_each(|group| group.go_away(&mut cx));
        cx.connections.release_idle(cx.out);
        Ok(())
    }

    /// R-013: the conference is open here; B-17: or the original thinks so.
    pub(super) fn knows(&self, conference: &Conference) -> bool {
        self.groups.is_hidden(conference) || self.groups.numbers.contains_key(conference)
    }

    /// R-002: a new instance at the lowest free number.
    pub(super) fn open(&mut self, conference: Conference) -> Result<GroupNumber, DropReason> {
        let number = self.groups.free_number().ok_or(DropReason::TooManyConferences)?;
        let mut group = Group::new(number, conference, &self.profile);
        if self.profile.limit_lost_in_gaps && self.groups.was_left(number) {
            // B-01.
            group.frozen_limit = 0;
        }
        self.groups.insert(group);
        Ok(number)
    }
}

/// Whole seconds, rounded down (R-231).
pub(super) const fn seconds(at: Timestamp) -> Seconds {
    match at.as_nanos() {
        nanos if nanos > 0 => nanos.unsigned_abs() / 1_000_000_000,
        _ => 0,
    }
}

/// A place for a conference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Open(Box<Group>),
    /// Nobody is here.
    Free,
    /// A conference was here, and others behind it still are.
    Left,
}

impl Place {
    fn group(&self) -> Option<&Group> {
        match self {
            Self::Open(group) => Some(group),
            Self::Free | Self::Left => None,
        }
    }

    fn group_mut(&mut self) -> Option<&mut Group> {
        match self {
            Self::Open(group) => Some(group),
            Self::Free | Self::Left => None,
        }
    }
}

/// The conferences of an endpoint, by number and by type and id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Groups {
    places: Vec<Place>,
    numbers: BTreeMap<Conference, GroupNumber>,
    /// B-17.
    gaps_match_zero: bool,
}

/// B-16: as many as there are numbers, but one.
pub(super) const MAX_GROUPS: usize = 65_535;
/// B-17: what an unused place looks like to the original.
const ZERO: Conference = Conference { kind: ConferenceType::TEXT, id: ConferenceId([0; 32]) };

impl Groups {
    const fn new(profile: &Profile) -> Self {
        let gaps_match_zero = profile.gaps_match_zero;
        Self { places: Vec::new(), numbers: BTreeMap::new(), gaps_match_zero }
    }

    pub(super) fn get(&self, number: GroupNumber) -> Option<&Group> {
        self.places.get(usize::from(number.0))?.group()
    }

    pub(super) fn get_mut(&mut self, number: GroupNumber) -> Option<&mut Group> {
        self.places.get_mut(usize::from(number.0))?.group_mut()
    }

    pub(super) fn by_conference_mut(&mut self, conference: &Conference) -> Option<&mut Group> {
        let number = *self.numbers.get(conference)?;
        if self.is_hidden(conference) { None } else { self.get_mut(number) }
    }

    /// R-054: the conference that a packet addresses, and the sender's slot in it.
    fn addressed(
        &mut self,
        number: GroupNumber,
        friend: &PublicKey,
    ) -> Result<(&mut Group, usize), DropReason> {
        let group = self.get_mut(number).ok_or(DropReason::NoConference)?;
        let slot = group.slots.find(friend).ok_or(DropReason::NoSlot)?;
        Ok((group, slot))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.places.iter().filter_map(Place::group)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Group> {
        self.places.iter_mut().filter_map(Place::group_mut)
    }

    /// The first place without a conference, if there is one before the end.
    fn gap(&self) -> Option<usize> {
        self.places.iter().position(|place| place.group().is_none())
    }

    /// R-002: the lowest number that is not in use.
    pub(super) fn free_number(&self) -> Option<GroupNumber> {
        let gap = self.gap().unwrap_or(self.places.len());
        let number = u16::try_from(gap).ok().filter(|_| gap < MAX_GROUPS)?;
        Some(GroupNumber(number))
    }

    /// B-01: a conference was at this number, and no other since.
    fn was_left(&self, number: GroupNumber) -> bool {
        matches!(self.places.get(usize::from(number.0)), Some(Place::Left))
    }

    /// B-17: the original finds an unused place instead of this conference.
    fn is_hidden(&self, conference: &Conference) -> bool {
        let at = self.numbers.get(conference).map_or(usize::MAX, |number| number.0.into());
        self.gaps_match_zero && *conference == ZERO && self.gap().is_some_and(|gap| gap < at)
    }

    /// B-17: an acceptance that cannot be sent leaves an unused place.
    pub(super) fn leave_gap(&mut self) {
        if self.gaps_match_zero && self.gap().is_none() && self.places.len() < MAX_GROUPS {
            self.places.push(Place::Free);
        }
    }

    /// Puts a conference at its number, which is free.
    pub(super) fn insert(&mut self, group: Group) {
        let at = usize::from(group.number.0);
        if self.places.len() <= at {
            self.places.resize(at + 1, Place::Free);
        }
        self.numbers.insert(group.conference, group.number);
        if let Some(place) = self.places.get_mut(at) {
            *place = Place::Open(Box::new(group));
        }
    }

    /// Forgets a conference; free places at the end go with it.
    fn remove(&mut self, number: GroupNumber) -> Option<Group> {
        let place = self.places.get_mut(usize::from(number.0))?;
        place.group()?;
        let Place::Open(group) = std::mem::replace(place, Place::Left) else { return None };
        self.numbers.remove(&group.conference);
        while self.places.last().is_some_and(|place| place.group().is_none()) {
            self.places.pop();
        }
        Some(*group)
    }
}
