//! A world: members, what lies between them, and what happens next.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::FixedState;

use super::link::{End, Link};
use super::{
    Chance, Clock, KeyPair, MILLISECOND, Member, MemberId, Nanos, Network, Observer, Program, Save,
    timestamp,
};
use crate::conference::{
    DropReason, Endpoint, Event, Group, Input, Output, Profile, Request, SeededDice,
};
use crate::crypto::SecretKey;
use crate::time::Timestamp;
use crate::wire::{Conference, ConferenceType, DataId, Invite, NewPeer, PublicKey};

/// Time between two passes of a program.
pub(super) const PASS_INTERVAL: Nanos = 50 * MILLISECOND;

/// Endpoints on one virtual clock.
///
/// Time stands still until [`Self::run_until`] lets it go on; what people do happens at once.
#[derive(Clone)]
pub struct World<O = ()> {
    pub(super) now: Nanos,
    /// Decides about the network.
    pub(super) chance: Chance,
    /// Gives keys and dice to members.
    births: Chance,
    pub(super) network: Network,
    pub(super) members: Vec<Member>,
    by_key: HashMap<PublicKey, MemberId, FixedState>,
    /// Of members 0 and 1, then 0 and 2, 1 and 2, then 0 and 3 …
    pub(super) links: Vec<Link>,
    queue: BinaryHeap<Planned>,
    planned: u64,
    steps: u64,
    /// Kept for the room that it has.
    outputs: Vec<Output>,
    pub(super) observer: O,
}

/// The two members of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    low: MemberId,
    high: MemberId,
}

impl Pair {
    /// The link of two different members, and the end at which the first is.
    pub(super) const fn of(one: MemberId, other: MemberId) -> (Self, End) {
        if one.0 < other.0 {
            (Self { low: one, high: other }, End::Low)
        } else {
            (Self { low: other, high: one }, End::High)
        }
    }

    pub(super) const fn at(self, end: End) -> MemberId {
        match end {
            End::Low => self.low,
            End::High => self.high,
        }
    }

    const fn place(self) -> usize {
        let high = self.high.index();
        high * (high - 1) / 2 + self.low.index()
    }
}

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// The end of a pass.
    Tick(MemberId),
    /// Two who look for each other have found each other.
    Found(Pair),
    /// The first packet of a session reaches an end.
    Up { pair: Pair, end: End, generation: u32 },
    /// A packet arrives, last sent at `attempt`.
    Arrival {
        pair: Pair,
        from: End,
        generation: u32,
        number: u32,
        attempt: Nanos,
        lossy: bool,
        bytes: Vec<u8>,
    },
    /// The news that a session has ended arrives.
    Ended { pair: Pair, from: End, generation: u32 },
    /// An end has heard nothing for so long that it gives the session up.
    Alarm { pair: Pair, end: End, generation: u32, silence: u32 },
}

#[derive(Clone, Debug)]
struct Planned {
    at: Nanos,
    /// What was planned first happens first.
    order: u64,
    plan: Plan,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    /// The heap gives the greatest first, so the earliest is that.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// What a new member is like.
#[derive(Clone, Debug)]
pub struct Newcomer<'a> {
    /// Whose rules it follows.
    pub profile: Profile,
    /// Its name, at most 128 bytes.
    pub name: &'a [u8],
    /// Its clock.
    pub clock: Clock,
    /// Its keys have secret halves, so that its packets can be sealed.
    pub seals: bool,
}

impl World {
    /// A world without members, in which chance is decided by `seed`.
    #[must_use]
    pub fn new(seed: u64, network: Network) -> Self {
        Self::observed(seed, network, ())
    }
}

impl<O: Observer> World<O> {
    /// A world that somebody looks at.
    #[must_use]
    pub fn observed(seed: u64, network: Network, observer: O) -> Self {
        let mut chance = Chance::new(seed);
        let births = Chance::new(chance.bits());
        Self {
            now: 0,
            chance,
            births,
            network,
            members: Vec::new(),
            by_key: HashMap::with_hasher(FixedState::default()),
            links: Vec::new(),
            queue: BinaryHeap::new(),
            planned: 0,
            steps: 0,
            outputs: Vec::new(),
            observer,
        }
    }

    /// How long the world has gone on.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        self.now
    }

    /// The same moment as captures and JSON lines tell it.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        timestamp(self.now)
    }

    /// How many inputs endpoints have taken in.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Who looks on.
    #[must_use]
    pub const fn observer(&self) -> &O {
        &self.observer
    }

    /// Who looks on.
    pub const fn observer_mut(&mut self) -> &mut O {
        &mut self.observer
    }

    /// Ends the world, and gives back who looked on.
    pub fn into_observer(self) -> O {
        self.observer
    }

    /// How the network treats its members.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// How the network is to treat its members from now on.
    pub const fn network_mut(&mut self) -> &mut Network {
        &mut self.network
    }

    /// All members, in the order in which they came.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// A member's number.
    pub fn ids(&self) -> impl Iterator<Item = MemberId> + use<O> {
        (0..u32::try_from(self.members.len()).unwrap_or(u32::MAX)).map(MemberId)
    }

    /// A member.
    #[must_use]
    pub fn member(&self, who: MemberId) -> &Member {
        self.members.get(who.index()).expect("the world has who it gave a number to")
    }

    pub(super) fn member_mut(&mut self, who: MemberId) -> &mut Member {
        self.members.get_mut(who.index()).expect("the world has who it gave a number to")
    }

    pub(super) fn link(&self, pair: Pair) -> &Link {
        self.links.get(pair.place()).expect("there is a link between any two members")
    }

    pub(super) fn link_mut(&mut self, pair: Pair) -> &mut Link {
        self.links.get_mut(pair.place()).expect("there is a link between any two members")
    }

    /// Whose key it is.
    #[must_use]
    pub fn by_key(&self, real_key: &PublicKey) -> Option<MemberId> {
        self.by_key.get(real_key).copied()
    }

    /// A member's view of a conference.
    #[must_use]
    pub fn group(&self, who: MemberId, conference: &Conference) -> Option<&Group> {
        self.member(who).endpoint.group_of(conference)
    }

    /// Somebody enters the world, with a program that runs and no friends.
    pub fn enter(&mut self, newcomer: Newcomer<'_>) -> MemberId {
        let Newcomer { profile, name, clock, seals } = newcomer;
        let who = MemberId(u32::try_from(self.members.len()).expect("nobody waits for so many"));
        let real = self.key_pair(seals);
        let dht = self.key_pair(seals);
        let dice = SeededDice::new(self.births.bits());
        let phase = self.births.between(0, PASS_INTERVAL - 1);
        let endpoint = Endpoint::new(profile.clone(), real.public, dht.public, name);
        self.by_key.insert(real.public, who);
        self.members.push(Member {
            profile,
            real,
            dht,
            endpoint,
            dice,
            clock,
            program: Program::Running,
            stopped: 0,
            starts: 1,
            friends: Default::default(),
            accepts: true,
            saves: Vec::new(),
            tick_at: None,
            phase,
            overdue: Vec::new(),
        });
        (0..who.0).for_each(|_| self.links.push(Link::new()));
        let Self { observer, members, now, .. } = self;
        if let Some(member) = members.last() {
            observer.keys(who, &member.real, &member.dht);
            observer.started(*now, who, &member.endpoint, None);
        }
        who
    }

    /// Keys that nobody has yet.
    pub(super) fn key_pair(&mut self, seals: bool) -> KeyPair {
        let bytes = self.births.bytes();
        if seals {
            let secret = SecretKey::new(bytes);
            KeyPair { public: secret.public_key(), secret: Some(secret) }
        } else {
            KeyPair { public: PublicKey(bytes), secret: None }
        }
    }

    /// Lets time go on until a moment, with everything that happens until then, itself included.
    pub fn run_until(&mut self, moment: Nanos) {
        while self.step_until(moment) {}
    }

    /// Lets time go on for a duration.
    pub fn run_for(&mut self, duration: Nanos) {
        self.run_until(self.now.saturating_add(duration));
    }

    /// Lets the next thing happen, if it does by a moment; otherwise says no, and it is that moment.
    pub fn step_until(&mut self, moment: Nanos) -> bool {
        if self.queue.peek().is_none_or(|next| next.at > moment) {
            self.now = self.now.max(moment);
            return false;
        }
        if let Some(Planned { at, plan, .. }) = self.queue.pop() {
            self.now = self.now.max(at);
            self.carry_out(plan);
        }
        true
    }

    pub(super) fn plan(&mut self, at: Nanos, plan: Plan) {
        self.planned += 1;
        self.queue.push(Planned { at: at.max(self.now), order: self.planned, plan });
    }

    fn carry_out(&mut self, plan: Plan) {
        match plan {
            Plan::Tick(who) => self.tick(who),
            Plan::Found(pair) => self.make_session(pair),
            Plan::Up { pair, end, generation } => self.come_up(pair, end, generation),
            Plan::Arrival { pair, from, generation, number, attempt, lossy, bytes } => {
                self.arrive(pair, from, generation, (number, attempt, lossy), bytes);
            }
            Plan::Ended { pair, from, generation } => self.hear_of_end(pair, from, generation),
            Plan::Alarm { pair, end, generation, silence } => {
                self.give_up(pair, end, generation, silence);
            }
        }
    }

    fn tick(&mut self, who: MemberId) {
        let now = self.now;
        let member = self.member_mut(who);
        if member.tick_at != Some(now) {
            return;
        }
        member.tick_at = None;
        if member.is_running() {
            let at = member.clock.shows(now);
            self.step(who, &Input::Tick { at });
        }
    }

    /// Plans the next pass that has something to do.
    pub(super) fn plan_tick(&mut self, who: MemberId) {
        let now = self.now;
        let member = self.member_mut(who);
        let Some(due) = member.endpoint.next_due().filter(|_| member.is_running()) else { return };
        let due = member.clock.moment(due).max(now + 1);
        let wait = (member.phase - due).rem_euclid(PASS_INTERVAL);
        let at = due + wait;
        if member.tick_at.is_none_or(|planned| at < planned) {
            member.tick_at = Some(at);
            self.plan(at, Plan::Tick(who));
        }
    }

    /// What a member's clock shows.
    pub(super) fn time_at(&self, who: MemberId) -> Timestamp {
        self.member(who).clock.shows(self.now)
    }

    /// An endpoint takes something in, and the world does what follows. Gives the last thing that was
    /// dropped.
    pub(super) fn step(&mut self, who: MemberId, input: &Input<'_>) -> Option<DropReason> {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.clear();
        self.steps += 1;
        let now = self.now;
        let member = self.members.get_mut(who.index())?;
        self.observer.before(who, &member.endpoint, input);
        member.endpoint.handle(input, &mut member.dice);
        outputs.extend(std::iter::from_fn(|| member.endpoint.poll_output()));
        self.observer.after(now, who, &member.endpoint, input, &outputs);
        let moves = !is_passed_on(input, &outputs);
        let mut dropped = None;
        let mut invited = None;
        for output in outputs.drain(..) {
            match output {
                Output::Send { friend, bytes } => self.send(who, &friend, bytes),
                Output::Open { friend, dht_key } => self.look_for(who, &friend, dht_key),
                Output::Release { friend } => self.release(who, &friend),
                Output::Event(Event::Invited { friend, invitation }) => {
                    invited = Some((friend, invitation));
                }
                Output::Event(_) => {}
                Output::Saved(section) => self.keep_save(who, section),
                Output::Dropped(reason) => dropped = Some(reason),
            }
        }
        self.outputs = outputs;
        if moves {
            self.plan_tick(who);
        }
        if let Some((friend, invitation)) = invited.filter(|_| self.member(who).accepts) {
            self.accept(who, friend, invitation);
        }
        dropped
    }

    fn accept(&mut self, who: MemberId, friend: PublicKey, invitation: Invite) {
        let at = self.time_at(who);
        self.step(who, &Input::Request { at, request: Request::Accept { friend, invitation } });
    }

    fn keep_save(&mut self, who: MemberId, section: Vec<u8>) {
        let at = self.now;
        let member = self.member_mut(who);
        let endpoint = &member.endpoint;
        let known = endpoint.groups().filter(|group| group.own_number().is_some());
        let numbers = known.map(Group::number).collect();
        let name = endpoint.name().to_vec();
        member.saves.push(Save { at, section, numbers, name });
    }

    /// The client of a member wants something.
    ///
    /// # Errors
    ///
    /// Why it, or a part of it, came to nothing.
    pub fn request(&mut self, who: MemberId, request: Request<'_>) -> Result<(), DropReason> {
        if !self.member(who).is_running() {
            return Err(DropReason::Ended);
        }
        let at = self.time_at(who);
        self.step(who, &Input::Request { at, request }).map_or(Ok(()), Err)
    }

    /// A member creates a conference.
    ///
    /// # Errors
    ///
    /// Those of [`Self::request`].
    pub fn create(
        &mut self,
        who: MemberId,
        kind: ConferenceType,
    ) -> Result<Conference, DropReason> {
        let before: Vec<_> = self.member(who).endpoint.groups().map(Group::number).collect();
        self.request(who, Request::Create(kind))?;
        let mut groups = self.member(who).endpoint.groups();
        let created = groups.find(|group| !before.contains(&group.number()));
        created.map(Group::conference).ok_or(DropReason::NoConference)
    }

    /// A member invites a friend.
    ///
    /// # Errors
    ///
    /// Those of [`Self::request`].
    pub fn invite(
        &mut self,
        who: MemberId,
        friend: MemberId,
        conference: &Conference,
    ) -> Result<(), DropReason> {
        let group = self.group(who, conference).ok_or(DropReason::NoConference)?.number();
        let friend = self.member(friend).real.public;
        self.request(who, Request::Invite { group, friend })
    }
}

/// Place of the id in a group message (packets §8.4).
const MESSAGE_ID_AT: usize = 9;

/// The step is one of the many that only pass a message on: at most its author's entry changed, and
/// no pass has more to do than before.
pub(super) fn is_passed_on(input: &Input<'_>, outputs: &[Output]) -> bool {
    let Input::Packet { bytes, .. } = input else { return false };
    let is_message = |bytes: &[u8]| bytes.first() == Some(&DataId::CONFERENCE_MESSAGE.0);
    is_message(bytes)
        && bytes.get(MESSAGE_ID_AT) != Some(&NewPeer::ID)
        && outputs.iter().all(|output| match output {
            Output::Send { bytes, .. } => is_message(bytes),
            Output::Dropped(reason) => *reason == DropReason::AlreadySeen,
            Output::Open { .. } | Output::Release { .. } | Output::Event(_) | Output::Saved(_) => {
                false
            }
        })
}
