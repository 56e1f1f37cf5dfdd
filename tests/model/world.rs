//! A few endpoints, what is on its way between them, and everything that could happen next.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use toxscope::conference::{
    Dice, DropReason, Endpoint, Event, Group, Input, Output, Profile, Request, Tap,
};
use toxscope::time::Timestamp;
use toxscope::wire::{ConferenceType, GroupNumber, MessageBody, NewPeer, Packet, PublicKey};

/// One tick of the models, in seconds: a ping interval, of which three are the time-out.
pub(crate) const WAIT: u64 = 20;

/// Who is meant, by index.
pub(crate) type Who = usize;

/// The session between two, the first of whom has the lower index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Session {
    up: [bool; 2],
    /// It is over; nothing gets through, and each side is yet to notice.
    dying: bool,
}

/// What a client does, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Deed {
    SetTitle(Who, &'static str),
    Leave(Who),
    Invite(Who, Who),
}

/// Something that could happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A session is there, as the first of them sees it.
    Up(Who, Who),
    /// The session is cut.
    Cut(Who, Who),
    /// The first of them notices.
    Down(Who, Who),
    /// What the first sent to the second arrives: one packet, or all of them.
    Deliver(Who, Who),
    Pass(Who),
    /// Time goes on.
    Wait,
    /// The deed of that index.
    Do(usize),
}

/// What is planted to see that it is found: packets that somebody does not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Planted {
    Nothing,
    /// The first one never sends an Online.
    NoOnline,
}

/// What is fixed while a world is explored.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Who can reach whom, the lower index first.
    pub(crate) reachable: Vec<(Who, Who)>,
    pub(crate) deeds: Vec<Deed>,
    /// All packets of a link arrive together, and passes happen as they are due.
    pub(crate) coarse: bool,
    pub(crate) planted: Planted,
}

/// An endpoint that many worlds share until it does something: most steps are of one alone.
#[derive(Clone, Debug)]
pub(crate) struct Member(Arc<(u64, Endpoint)>);

impl Member {
    pub(crate) fn of(endpoint: Endpoint) -> Self {
        let mut hasher = DefaultHasher::new();
        endpoint.hash(&mut hasher);
        Self(Arc::new((hasher.finish(), endpoint)))
    }
}

impl Deref for Member {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.0.1
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Member {}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

/// Small peer numbers, so that endpoints stay small; each member gives out others, and none twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SmallNumbers(u16);

impl SmallNumbers {
    pub(crate) const fn of(who: Who) -> Self {
        Self(who as u16 * 32)
    }
}

impl Dice for SmallNumbers {
    fn conference_id(&mut self) -> [u8; 32] {
        [1; 32]
    }

    fn peer_number(&mut self) -> u16 {
        self.0 += 1;
        self.0
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) members: Vec<Member>,
    dice: Vec<SmallNumbers>,
    sessions: BTreeMap<(Who, Who), Session>,
    wire: BTreeMap<(Who, Who), VecDeque<Vec<u8>>>,
    seconds: u64,
    /// How often sessions may be cut and time may go on yet.
    pub(crate) cuts: u8,
    pub(crate) waits: u8,
    /// Deeds that were done.
    pub(crate) done: u32,
    /// New Peer messages that each wrote since its last session began.
    pub(crate) announced: Vec<u8>,
    /// What did not hold.
    pub(crate) broken: Option<String>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at {}: {:?}, broken: {:?}", self.seconds, self.sessions, self.broken)?;
        for (who, member) in self.members.iter().enumerate() {
            for group in member.groups() {
                let slots: Vec<_> = group
                    .slots()
                    .map(|slot| (slot.friend.0[0], slot.online, slot.reasons))
                    .collect();
                let keys = |peers: &[toxscope::conference::Peer]| {
                    peers.iter().map(|peer| peer.real_key.0[0]).collect::<Vec<_>>()
                };
                let (active, frozen) = (keys(group.active()), keys(group.frozen()));
                writeln!(f, "  {who}: active {active:?}, frozen {frozen:?}, slots {slots:?}")?;
            }
        }
        for ((from, to), packets) in &self.wire {
            for packet in packets {
                writeln!(f, "  {from} to {to}: {:02x?}", &packet[..packet.len().min(12)])?;
            }
        }
        Ok(())
    }
}

pub(crate) fn key(who: Who) -> PublicKey {
    // Around the ring, so that neighbours on it are not neighbours by index.
    PublicKey([[20, 180, 100, 60, 220, 140][who]; 32])
}

fn pair(a: Who, b: Who) -> (Who, Who) {
    (a.min(b), a.max(b))
}

impl World {
    /// One conference of all, created by the first, who invited the others; nothing is under way.
    pub(crate) fn together(profiles: &[Profile], kind: ConferenceType) -> Self {
        let all = 0..profiles.len();
        let mut world = Self::strangers(profiles);
        let rules = rules(all.clone());
        for a in all.clone() {
            for b in all.clone().filter(|b| *b != a) {
                world.request(&rules, a, Request::AddFriend(key(b)));
            }
        }
        world.settle(&rules);
        world.request(&rules, 0, Request::Create(kind));
        for guest in all.skip(1) {
            world.request(&rules, 0, Request::Invite { group: GroupNumber(0), friend: key(guest) });
            world.settle(&rules);
        }
        world.pass_time(&rules, 2);
        world.announced.fill(0);
        assert_eq!(world.broken, None);
        world
    }

    pub(crate) fn strangers(profiles: &[Profile]) -> Self {
        let endpoint = |(who, profile): (Who, &Profile)| {
            Member::of(Endpoint::new(profile.clone(), key(who), key(who), &[b'a' + who as u8]))
        };
        Self {
            members: profiles.iter().enumerate().map(endpoint).collect(),
            dice: (0..profiles.len()).map(SmallNumbers::of).collect(),
            sessions: BTreeMap::new(),
            wire: BTreeMap::new(),
            seconds: 0,
            cuts: 0,
            waits: 0,
            done: 0,
            announced: vec![0; profiles.len()],
            broken: None,
        }
    }

    /// With so many cuts and ticks to come.
    pub(crate) fn with(self, cuts: u8, waits: u8) -> Self {
        Self { cuts, waits, ..self }
    }

    pub(crate) fn group(&self, who: Who) -> Option<&Group> {
        self.members[who].groups().next()
    }

    /// Whom somebody has as active, itself included, by index.
    pub(crate) fn active(&self, who: Who) -> Vec<Who> {
        let all = 0..self.members.len();
        let Some(group) = self.group(who) else { return Vec::new() };
        all.filter(|other| group.is_active(&key(*other))).collect()
    }

    /// The slot of `who` to `other` is online.
    pub(crate) fn online(&self, who: Who, other: Who) -> bool {
        let slot =
            |group: &Group| group.slots().any(|slot| slot.friend == key(other) && slot.online);
        self.group(who).is_some_and(slot)
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_parts(1000 + self.seconds as i64, 0)
    }

    pub(crate) fn request(&mut self, rules: &Rules, who: Who, request: Request<'_>) -> Vec<Output> {
        let at = self.at();
        self.step(rules, who, Input::Request { at, request })
    }

    /// One step of one endpoint, with everything that must hold after it.
    pub(crate) fn step(&mut self, rules: &Rules, who: Who, input: Input<'_>) -> Vec<Output> {
        let before = self.members[who].clone();
        let mut endpoint = Endpoint::clone(&before);
        let mut tap = Tap::default();
        tap.look(&endpoint);
        let outputs = endpoint.step(input, &mut self.dice[who]).outputs;
        let mut found = endpoint.violations();
        if let Input::Tick { .. } = input {
            found.extend(endpoint.violations_after_pass());
        }
        found.extend(tap.step(&endpoint, &input, &outputs));
        self.broken = found.first().map(|found| format!("{who}: {found}"));
        if self.broken.is_none() {
            self.broken = title_rule(&before, &endpoint, &input, &outputs).map(str::to_owned);
        }
        self.members[who] = Member::of(endpoint);
        for output in &outputs {
            match output {
                Output::Send { friend, bytes } => {
                    let swallowed = match rules.planted {
                        Planted::Nothing => false,
                        Planted::NoOnline => who == 0 && bytes[0] == 0x61,
                    };
                    if !swallowed {
                        self.send(who, friend, bytes);
                    }
                }
                Output::Release { friend } => {
                    let other = self.who(friend);
                    if let Some(session) = self.sessions.get_mut(&pair(who, other)) {
                        session.up[usize::from(who > other)] = false;
                        self.cut(who, other);
                    }
                }
                Output::Event(Event::Invited { friend, invitation }) => {
                    let (friend, invitation) = (*friend, *invitation);
                    self.request(rules, who, Request::Accept { friend, invitation });
                }
                _ => {}
            }
        }
        outputs
    }

    fn who(&self, friend: &PublicKey) -> Who {
        (0..self.members.len()).find(|who| key(*who) == *friend).expect("one of the members")
    }

    fn send(&mut self, from: Who, friend: &PublicKey, bytes: &[u8]) {
        let to = self.who(friend);
        if let Ok(Packet::Message(message)) = Packet::parse(bytes)
            && matches!(message.body, MessageBody::NewPeer(NewPeer { .. }))
            && self.group(from).and_then(Group::own_number) == Some(message.peer_number)
        {
            self.announced[from] = self.announced[from].saturating_add(1);
        }
        let alive = self.sessions.get(&pair(from, to)).is_some_and(|session| !session.dying);
        if alive {
            self.wire.entry((from, to)).or_default().push_back(bytes.to_vec());
        }
    }

    fn cut(&mut self, a: Who, b: Who) {
        let pair = pair(a, b);
        self.wire.retain(|(from, to), _| (*from.min(to), *from.max(to)) != pair);
        let session = self.sessions.entry(pair).or_default();
        session.dying = true;
        if session.up == [false, false] {
            self.sessions.remove(&pair);
        }
    }

    /// Both want a connection to each other.
    fn wanted(&self, a: Who, b: Who) -> bool {
        let wants = |a: Who, b: Who| self.members[a].connection(&key(b)).is_some();
        wants(a, b) && wants(b, a)
    }

    fn is_due(&self, who: Who) -> bool {
        self.members[who].next_due().is_some_and(|due| due <= 1000 + self.seconds)
    }

    /// All that can happen now.
    pub(crate) fn actions(&self, rules: &Rules, actions: &mut Vec<Action>) {
        for &(a, b) in &rules.reachable {
            match self.sessions.get(&(a, b)) {
                None if self.wanted(a, b) => actions.extend([Action::Up(a, b), Action::Up(b, a)]),
                None => {}
                Some(session) => {
                    for (side, action) in [(0, (a, b)), (1, (b, a))] {
                        let (who, other) = action;
                        match (session.up[side], session.dying) {
                            (false, false) => actions.push(Action::Up(who, other)),
                            (true, true) => actions.push(Action::Down(who, other)),
                            _ => {}
                        }
                    }
                    if !session.dying && self.cuts > 0 {
                        actions.push(Action::Cut(a, b));
                    }
                }
            }
        }
        for ((from, to), packets) in &self.wire {
            let session = self.sessions.get(&pair(*from, *to));
            let up = session.is_some_and(|session| session.up[usize::from(to > from)]);
            if up && !packets.is_empty() {
                actions.push(Action::Deliver(*from, *to));
            }
        }
        for who in 0..self.members.len() {
            if self.is_due(who) {
                actions.push(Action::Pass(who));
            }
        }
        if self.waits > 0 && (!rules.coarse || actions.is_empty()) {
            actions.push(Action::Wait);
        }
        let done = |deed: &usize| self.done & 1 << deed != 0;
        actions.extend((0..rules.deeds.len()).filter(|deed| !done(deed)).map(Action::Do));
    }

    /// Nothing is under way: whoever wants a session has it, packets arrived, no pass is due.
    pub(crate) fn is_quiet(&self, rules: &Rules) -> bool {
        let mut actions = Vec::new();
        self.actions(rules, &mut actions);
        actions.iter().all(|it| matches!(it, Action::Wait | Action::Do(_) | Action::Cut(..)))
    }

    pub(crate) fn act(&mut self, rules: &Rules, action: Action) {
        let at = self.at();
        match action {
            Action::Up(who, other) => {
                let session = self.sessions.entry(pair(who, other)).or_default();
                session.up[usize::from(who > other)] = true;
                self.announced[who] = 0;
                let (friend, dht_key) = (key(other), key(other));
                self.step(rules, who, Input::ConnectionUp { at, friend, dht_key });
            }
            Action::Cut(a, b) => {
                self.cuts -= 1;
                self.cut(a, b);
            }
            Action::Down(who, other) => {
                let pair = pair(who, other);
                if let Some(session) = self.sessions.get_mut(&pair) {
                    session.up[usize::from(who > other)] = false;
                    if session.up == [false, false] {
                        self.sessions.remove(&pair);
                    }
                }
                self.step(rules, who, Input::ConnectionDown { at, friend: key(other) });
            }
            Action::Deliver(from, to) => {
                let count = if rules.coarse { usize::MAX } else { 1 };
                let queue = self.wire.entry((from, to)).or_default();
                let packets: Vec<_> = queue.drain(..queue.len().min(count)).collect();
                if queue.is_empty() {
                    self.wire.remove(&(from, to));
                }
                for bytes in packets {
                    self.step(rules, to, Input::Packet { at, friend: key(from), bytes: &bytes });
                    if self.broken.is_some() {
                        return;
                    }
                }
            }
            Action::Pass(who) => {
                self.step(rules, who, Input::Tick { at });
            }
            Action::Wait => {
                self.waits -= 1;
                self.seconds += WAIT;
            }
            Action::Do(deed) => {
                self.done |= 1 << deed;
                let group = GroupNumber(0);
                match rules.deeds[deed] {
                    Deed::SetTitle(who, title) => {
                        let title = title.as_bytes();
                        self.request(rules, who, Request::SetTitle { group, title });
                    }
                    Deed::Leave(who) => {
                        self.request(rules, who, Request::Delete { group });
                    }
                    Deed::Invite(who, guest) => {
                        let friend = key(guest);
                        self.request(rules, who, Request::Invite { group, friend });
                    }
                }
            }
        }
        if rules.coarse {
            for who in 0..self.members.len() {
                if self.broken.is_none() && self.is_due(who) {
                    let at = self.at();
                    self.step(rules, who, Input::Tick { at });
                }
            }
        }
    }

    /// Whatever can happen by itself happens, one thing after the other.
    pub(crate) fn settle(&mut self, rules: &Rules) {
        for _ in 0..10_000 {
            let mut actions = Vec::new();
            self.actions(rules, &mut actions);
            let by_itself =
                |it: &Action| !matches!(it, Action::Wait | Action::Do(_) | Action::Cut(..));
            let Some(action) = actions.into_iter().find(by_itself) else { return };
            self.act(rules, action);
            assert_eq!(self.broken, None, "while it is made");
        }
        panic!("it does not come to rest: {self:?}");
    }

    /// So many ticks pass, and all that follows.
    pub(crate) fn pass_time(&mut self, rules: &Rules, ticks: u8) {
        for _ in 0..ticks {
            self.seconds += WAIT;
            self.settle(rules);
        }
    }

    /// Everybody is cut off from everybody of the other part, until nobody knows the others any
    /// more.
    pub(crate) fn split(&mut self, left: &[Who], right: &[Who]) {
        let mut inside = rules(0..self.members.len());
        inside.reachable.retain(|(a, b)| left.contains(a) == left.contains(b));
        for a in left {
            for b in right {
                self.cut(*a, *b);
            }
        }
        for (a, b) in self.sessions.clone().into_keys() {
            for (who, other) in [(a, b), (b, a)] {
                if left.contains(&who) != left.contains(&other) {
                    self.act(&inside, Action::Down(who, other));
                }
            }
        }
        self.pass_time(&inside, 4);
        self.announced.fill(0);
    }
}

/// The default profile with another rule.
pub(crate) fn seed_but(change: fn(&mut Profile)) -> Profile {
    let mut profile = Profile::seed();
    change(&mut profile);
    profile
}

/// Everybody can reach everybody.
pub(crate) fn rules(all: std::ops::Range<Who>) -> Rules {
    let reachable = all.clone().flat_map(|b| (0..b).map(move |a| (a, b))).collect();
    Rules { reachable, deeds: Vec::new(), coarse: false, planted: Planted::Nothing }
}

/// T-018, T-019: a fresh title stands against responses, and what the client sets among others is
/// fresh.
fn title_rule(
    before: &Endpoint,
    after: &Endpoint,
    input: &Input<'_>,
    outputs: &[Output],
) -> Option<&'static str> {
    let (old, new) = (before.groups().next()?, after.groups().next()?);
    match input {
        Input::Packet { bytes: [0x62, _, _, 0x0a, ..], .. } => {
            let stands = !old.title_is_fresh() || old.title() == new.title();
            (!stands).then_some("T-018: a response replaced a fresh title")
        }
        Input::Request { request: Request::SetTitle { .. }, .. } => {
            let dropped = outputs.iter().any(
                |output| matches!(output, Output::Dropped(why) if *why != DropReason::NothingDue),
            );
            let fresh = dropped || new.active().len() == 1 || new.title_is_fresh();
            (!fresh).then_some("T-019: a title set among others is not fresh")
        }
        _ => None,
    }
}
