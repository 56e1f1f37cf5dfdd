//! What must hold after every step: the invariants of the state (I-), of all that is sent (O-), and of
//! what may follow from what (T-).

use std::collections::{HashMap, VecDeque};
use std::fmt;

use foldhash::fast::FixedState;

use super::world::is_passed_on;
use super::{MemberId, Nanos, Observer, SECOND};
use crate::conference::{
    Endpoint, Event, Group, Input, Output, Pings, Reasons, RelayBack, Seconds, Violation,
};
use crate::wire::{
    Conference, DataId, FreezePeer, GroupNumber, Name, Packet, PeerNumber, Ping, PublicKey,
};

/// Own messages that are remembered to compare further copies with (O-004).
const OWN_MESSAGES: usize = 64;
/// The most that a lossless or lossy packet holds (O-009).
const MAX_PACKET_SIZE: usize = crate::wire::net_crypto::MAX_DATA_SIZE;

/// Something that should not have happened.
#[derive(Clone, Debug)]
pub struct Finding {
    /// When.
    pub now: Nanos,
    /// At whom.
    pub who: MemberId,
    /// What it was about to take in.
    pub input: String,
    /// What does not hold.
    pub violation: Violation,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.now as f64 / SECOND as f64;
        write!(f, "{seconds:.3} s, member {}: ", self.who.index())?;
        write!(f, "{} after {}", self.violation, self.input)
    }
}

/// Looks at every step of every endpoint.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Look at the whole state even after a message was only passed on.
    always: bool,
    taps: Vec<Tap>,
    finding: Option<Finding>,
}

impl Watch {
    /// Looks at the whole state after every step.
    #[must_use]
    pub const fn closely() -> Self {
        Self { always: true, taps: Vec::new(), finding: None }
    }

    /// Looks at the whole state after every step but those that only passed a message on; what such a
    /// step broke is seen at the end of the pass, at the latest. What is sent is always looked at.
    #[must_use]
    pub const fn swiftly() -> Self {
        Self { always: false, taps: Vec::new(), finding: None }
    }

    /// The first thing that should not have happened.
    #[must_use]
    pub const fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    fn tap(&mut self, who: MemberId) -> &mut Tap {
        if self.taps.len() <= who.index() {
            self.taps.resize_with(who.index() + 1, Tap::default);
        }
        self.taps.get_mut(who.index()).expect("its place was made above")
    }

    fn found(&mut self, now: Nanos, who: MemberId, input: String, violation: Violation) {
        self.finding.get_or_insert(Finding { now, who, input, violation });
    }
}

impl Observer for Watch {
    fn before(&mut self, who: MemberId, endpoint: &Endpoint, _input: &Input<'_>) {
        self.tap(who).before(endpoint);
    }

    fn after(
        &mut self,
        now: Nanos,
        who: MemberId,
        endpoint: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
    ) {
        let passed_on = is_passed_on(input, outputs);
        let mut violations = Vec::new();
        if self.always || !passed_on {
            violations = endpoint.violations();
            if let Input::Tick { .. } = input {
                violations.extend(endpoint.violations_after_pass());
            }
        }
        let always = self.always;
        if let Err(violation) = self.tap(who).after(endpoint, input, outputs, !passed_on, always) {
            violations.push(violation);
        }
        if let Some(violation) = violations.into_iter().next() {
            self.found(now, who, format!("{input:?}"), violation);
        }
    }

    fn started(&mut self, now: Nanos, who: MemberId, endpoint: &Endpoint) {
        let mut violations = endpoint.violations();
        violations.extend(self.tap(who).started(endpoint).err());
        if let Some(violation) = violations.into_iter().next() {
            self.found(now, who, "starting".into(), violation);
        }
    }
}

type Checked = Result<(), Violation>;

fn broken(id: &'static str, group: Option<GroupNumber>, found: String) -> Checked {
    Err(Violation { id, group, found })
}

/// An online slot.
#[derive(Clone, Copy, Debug)]
struct Online {
    friend: PublicKey,
    at_friend: GroupNumber,
    group: GroupNumber,
}

/// What is known of one endpoint.
#[derive(Clone, Debug, Default)]
struct Tap {
    /// The online slots before the step.
    online: Vec<Online>,
    conferences: Vec<Own>,
    /// What others said about numbers of their conferences, in the present sessions (I-016).
    announced: Vec<(PublicKey, Conference, GroupNumber)>,
    /// Numbers of foreign messages that went to a neighbour in the present session (O-006).
    copies: HashMap<(PublicKey, GroupNumber, PeerNumber), Copies, FixedState>,
}

/// What the endpoint itself sent in one conference.
#[derive(Clone, Debug)]
struct Own {
    conference: Conference,
    last: Option<u32>,
    /// The numbers may jump ahead: it started again from a save.
    started: bool,
    messages: VecDeque<(u32, Vec<u8>)>,
    last_ping: Option<Seconds>,
}

/// The last numbers of an author, of 64 each known to have been seen or not.
#[derive(Clone, Copy, Debug, Default)]
struct Copies {
    top: u32,
    seen: u64,
}

impl Copies {
    /// Notes a number; says no if it was seen before.
    fn insert(&mut self, number: u32) -> bool {
        let ahead = number.wrapping_sub(self.top);
        if self.seen == 0 || ahead.wrapping_sub(1) < u32::MAX / 2 {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.top = number;
            return true;
        }
        let behind = self.top.wrapping_sub(number);
        let bit = 1_u64.checked_shl(behind).unwrap_or(0);
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

fn online(endpoint: &Endpoint) -> impl Iterator<Item = Online> {
    endpoint.groups().flat_map(|group| {
        let slots = group.slots().filter(|slot| slot.online);
        slots.filter_map(|slot| {
            let (friend, group) = (slot.friend, group.number());
            slot.group_number.map(|at_friend| Online { friend, at_friend, group })
        })
    })
}

fn pair_at(bytes: &[u8], at: usize) -> u16 {
    let pair = bytes.get(at..).and_then(|rest| rest.first_chunk());
    pair.map_or(0, |pair| u16::from_be_bytes(*pair))
}

fn number_of(bytes: &[u8]) -> u32 {
    bytes.get(5..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_be_bytes(*four))
}

/// What follows the group number.
fn behind_group(bytes: &[u8]) -> &[u8] {
    bytes.get(3..).unwrap_or_default()
}

impl Tap {
    fn before(&mut self, endpoint: &Endpoint) {
        self.online.clear();
        self.online.extend(online(endpoint));
    }

    fn started(&mut self, endpoint: &Endpoint) -> Checked {
        self.announced.clear();
        self.copies.clear();
        self.conferences.retain_mut(|own| {
            (own.last_ping, own.started) = (None, true);
            endpoint.group_of(&own.conference).is_some()
        });
        for group in endpoint.groups() {
            // T-016.
            let alone = group.active().len() == 1 && group.slots().next().is_none();
            if !alone || group.title_is_fresh() {
                return broken("T-016", Some(group.number()), "not as after loading".into());
            }
        }
        Ok(())
    }

    /// `moves`: the step did more than pass a message on.
    fn after(
        &mut self,
        endpoint: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
        moves: bool,
        always: bool,
    ) -> Checked {
        for output in outputs {
            if let Output::Event(Event::Closed { .. }) = output {
                self.conferences.retain(|own| endpoint.group_of(&own.conference).is_some());
                self.copies.clear();
            }
        }
        self.learn(input);
        if endpoint.profile().own_entry_unprotected {
            // The defects of c-toxcore break several of these.
            return Ok(());
        }
        for output in outputs {
            if let Output::Send { friend, bytes } = output {
                let relayed = self.sent(endpoint, input, friend, bytes)?;
                if always || !relayed {
                    reads_back(bytes)?;
                }
            }
        }
        self.transition(endpoint, input, outputs)?;
        if moves {
            self.slots(endpoint)?;
            in_all(endpoint, input, outputs)?;
        }
        Ok(())
    }

    /// Notes what a neighbour tells about its numbers.
    fn learn(&mut self, input: &Input<'_>) {
        match input {
            Input::ConnectionUp { friend, .. } | Input::ConnectionDown { friend, .. } => {
                self.announced.retain(|(of, ..)| of != friend);
                self.copies.retain(|(to, ..), _| to != friend);
            }
            Input::Packet { friend, bytes, .. } if matches!(bytes, [0x60 | 0x61, ..]) => {
                let told = match Packet::parse(bytes) {
                    Ok(Packet::Invite(it)) => (it.conference, it.group_number),
                    Ok(Packet::InviteAccepted(it)) => (it.conference, it.group_number),
                    Ok(Packet::InviteMember(it)) => (it.conference, it.group_number),
                    Ok(Packet::Online(it)) => (it.conference, it.group_number),
                    _ => return,
                };
                self.announced.retain(|(of, about, _)| of != friend || *about != told.0);
                self.announced.push((*friend, told.0, told.1));
            }
            _ => {}
        }
    }

    /// I-011, I-016.
    fn slots(&self, endpoint: &Endpoint) -> Checked {
        for group in endpoint.groups() {
            for slot in group.slots() {
                let frozen = || group.frozen().iter().any(|peer| peer.real_key == slot.friend);
                if slot.reasons.contains(Reasons::CLOSEST)
                    && endpoint.profile().drops_frozen_slots
                    && frozen()
                {
                    let found = format!("{} is frozen and closest", slot.friend);
                    return broken("I-011", Some(group.number()), found);
                }
                let told = |(of, about, number): &(PublicKey, Conference, GroupNumber)| {
                    *of == slot.friend
                        && *about == group.conference()
                        && Some(*number) == slot.group_number
                };
                if slot.online && !self.announced.iter().any(told) {
                    let found = format!("{} never told {:?}", slot.friend, slot.group_number);
                    return broken("I-016", Some(group.number()), found);
                }
            }
        }
        Ok(())
    }

    /// Looks at one packet that is sent; says if it is a message that was passed on.
    fn sent(
        &mut self,
        endpoint: &Endpoint,
        input: &Input<'_>,
        friend: &PublicKey,
        bytes: &[u8],
    ) -> Result<bool, Violation> {
        let id = DataId(bytes.first().copied().unwrap_or(0));
        match id {
            DataId::CONFERENCE_DIRECT | DataId::CONFERENCE_LOSSY | DataId::CONFERENCE_MESSAGE => {
                let group = self.group_of(endpoint, friend, GroupNumber(pair_at(bytes, 1)));
                let Some(group) = group else {
                    let found = format!("a packet {id} to {friend}, whose slot is not online");
                    return broken("O-001", None, found).map(|()| false);
                };
                match id {
                    DataId::CONFERENCE_MESSAGE => {
                        self.message(endpoint, input, friend, bytes, group)
                    }
                    DataId::CONFERENCE_LOSSY => lossy(input, friend, bytes, group),
                    _ => Ok(false),
                }
            }
            DataId::CONFERENCE_REJOIN => rejoin(endpoint, input, friend, bytes).map(|()| false),
            _ => Ok(false),
        }
    }

    /// The conference that an online slot to a friend belongs to, now or before the step.
    fn group_of(
        &self,
        endpoint: &Endpoint,
        friend: &PublicKey,
        number: GroupNumber,
    ) -> Option<GroupNumber> {
        let fits = |slot: &Online| slot.at_friend == number && slot.friend == *friend;
        online(endpoint)
            .find(fits)
            .or_else(|| self.online.iter().copied().find(fits))
            .map(|slot| slot.group)
    }

    fn message(
        &mut self,
        endpoint: &Endpoint,
        input: &Input<'_>,
        friend: &PublicKey,
        bytes: &[u8],
        number: GroupNumber,
    ) -> Result<bool, Violation> {
        // A conference that was just left is not there any more.
        let Some(group) = endpoint.group(number) else { return Ok(false) };
        let author = PeerNumber(pair_at(bytes, 3));
        let is_own = group.own_number() == Some(author);
        let relayed = match input {
            Input::Packet { friend: source, bytes: received, .. }
                if received.len() == bytes.len()
                    && behind_group(received) == behind_group(bytes) =>
            {
                Some(source)
            }
            _ => None,
        };
        match relayed {
            None if !is_own => {
                let found = format!("a message of {author} that nobody sent");
                broken("O-005", Some(number), found)?;
            }
            None => self.own_message(endpoint, input, bytes, group)?,
            Some(source) => {
                if source == friend && !goes_back(endpoint, group, author, source) {
                    broken("O-007", Some(number), format!("{author} goes back to {source}"))?;
                }
                let copies = self.copies.entry((*friend, number, author)).or_default();
                if !is_own && !copies.insert(number_of(bytes)) {
                    let found = format!("{author} #{} twice to {friend}", number_of(bytes));
                    broken("O-006", Some(number), found)?;
                }
            }
        }
        Ok(relayed.is_some())
    }

    /// A message of our own, which nobody sent us.
    fn own_message(
        &mut self,
        endpoint: &Endpoint,
        input: &Input<'_>,
        bytes: &[u8],
        group: &Group,
    ) -> Checked {
        let number = number_of(bytes);
        let at = Some(group.number());
        let conference = group.conference();
        if !self.conferences.iter().any(|own| own.conference == conference) {
            self.conferences.push(Own {
                conference,
                last: None,
                started: group.message_number().0 > 1,
                messages: VecDeque::new(),
                last_ping: None,
            });
        }
        let mut all = self.conferences.iter_mut();
        let own = all.find(|own| own.conference == conference).expect("it was added above");
        if let Some((_, before)) = own.messages.iter().find(|(sent, _)| *sent == number) {
            if behind_group(bytes) != before {
                return broken("O-004", at, format!("#{number} with other contents than before"));
            }
            return Ok(());
        }
        let expected = match own.last {
            _ if number == 0 => false,
            None => own.started || number == 1,
            Some(last) if own.started => number.wrapping_sub(last).wrapping_sub(1) < u32::MAX / 2,
            Some(last) => number == last.wrapping_add(1).max(1),
        };
        if !expected {
            return broken("O-003", at, format!("#{number} after {:?}", own.last));
        }
        (own.last, own.started) = (Some(number), false);
        own.messages.push_back((number, behind_group(bytes).to_vec()));
        if own.messages.len() > OWN_MESSAGES {
            own.messages.pop_front();
        }
        if bytes.get(9) == Some(&Ping::ID) {
            let now = seconds(input);
            let last = own.last_ping.replace(now);
            let early = last.is_some_and(|last| now < last + crate::conference::PING_INTERVAL);
            let scheduled = matches!(input, Input::Tick { .. });
            if early && (scheduled || endpoint.profile().ping_on_online != Pings::Always) {
                return broken("O-013", at, format!("pings at {last:?} and {now}"));
            }
        }
        Ok(())
    }

    /// T-002, T-003, T-004, T-015.
    fn transition(&self, endpoint: &Endpoint, input: &Input<'_>, outputs: &[Output]) -> Checked {
        let thawed = || {
            outputs.iter().any(|output| {
                matches!(output, Output::Event(Event::PeerJoined { thawed: true, .. }))
            })
        };
        match input {
            Input::Packet { friend, bytes, .. } => match bytes {
                [0x62, _, _, 9, ..] if thawed() => {
                    broken("T-004", None, "a response thawed somebody".into())
                }
                [0x63, _, _, _, _, _, _, _, _, FreezePeer::ID, ..] if thawed() => {
                    broken("T-003", None, "a Freeze thawed somebody".into())
                }
                [0x63, _, _, _, _, _, _, _, _, id, ..] if *id != FreezePeer::ID => {
                    let number = GroupNumber(pair_at(bytes, 1));
                    let author = PeerNumber(pair_at(bytes, 3));
                    let Some(group) = endpoint.group(number) else { return Ok(()) };
                    let still = group.frozen().iter().any(|peer| peer.number == author);
                    if still && group.slots().any(|slot| slot.friend == *friend) {
                        return broken("T-002", Some(number), format!("{author} is still frozen"));
                    }
                    Ok(())
                }
                _ => Ok(()),
            },
            Input::ConnectionDown { friend, .. }
                if endpoint.profile().freezes_when_disconnected =>
            {
                let mut lost = self.online.iter().filter(|slot| slot.friend == *friend);
                let stays = lost.find_map(|slot| {
                    let group = endpoint.group(slot.group)?;
                    let alone = group.slots().all(|slot| !slot.online);
                    (alone && group.active().len() > 1).then_some(slot.group)
                });
                match stays {
                    Some(group) => {
                        broken("T-015", Some(group), "others are active without a slot".into())
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn seconds(input: &Input<'_>) -> Seconds {
    u64::try_from(input.at().as_nanos() / SECOND).unwrap_or(0)
}

/// O-007: who may have a message back that came from it.
fn goes_back(endpoint: &Endpoint, group: &Group, author: PeerNumber, source: &PublicKey) -> bool {
    match endpoint.profile().relay_back {
        RelayBack::Never => false,
        RelayBack::Always => true,
        // Whoever sent its own Kill is not known any more, and has no slot either.
        RelayBack::ToAuthor => {
            let mut active = group.active().iter();
            active.find(|peer| peer.number == author).is_none_or(|it| it.real_key == *source)
        }
    }
}

/// O-008.
fn lossy(
    input: &Input<'_>,
    friend: &PublicKey,
    bytes: &[u8],
    group: GroupNumber,
) -> Result<bool, Violation> {
    let Input::Packet { friend: source, bytes: received, .. } = input else { return Ok(false) };
    if source == friend {
        broken("O-008", Some(group), format!("a lossy packet goes back to {friend}"))?;
    }
    if behind_group(received) != behind_group(bytes) {
        broken("O-008", Some(group), "a lossy packet is not passed on as it was".into())?;
    }
    Ok(true)
}

/// O-011.
fn rejoin(endpoint: &Endpoint, input: &Input<'_>, friend: &PublicKey, bytes: &[u8]) -> Checked {
    let Ok(Packet::Rejoin(packet)) = Packet::parse(bytes) else {
        return broken("O-009", None, "a Rejoin that cannot be read".into());
    };
    let group = endpoint.group_of(&packet.conference);
    let frozen = |group: &Group| group.frozen().iter().any(|peer| peer.real_key == *friend);
    // It may have been evicted right after.
    let evicted = |group: &Group| group.frozen().len() >= group.frozen_limit() as usize;
    if group.is_some_and(|group| frozen(group) || evicted(group)) {
        return Ok(());
    }
    broken("O-011", group.map(Group::number), format!("to {friend}, after {input:?}"))
}

/// O-009.
fn reads_back(bytes: &[u8]) -> Checked {
    let mut again = Vec::with_capacity(bytes.len());
    match Packet::parse(bytes) {
        Ok(packet) => packet.emit(&mut again),
        Err(malformed) => return broken("O-009", None, malformed.to_string()),
    }
    if again != bytes || bytes.len() > MAX_PACKET_SIZE {
        return broken("O-009", None, "a packet is not what it says".into());
    }
    Ok(())
}

/// O-010, O-012: what all packets of a step together must be.
fn in_all(endpoint: &Endpoint, input: &Input<'_>, outputs: &[Output]) -> Checked {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { bytes, .. } => Some(bytes.as_slice()),
        _ => None,
    });
    match input {
        Input::Packet { bytes: [0x62, high, low, 8, ..], .. } => {
            let number = GroupNumber(u16::from_be_bytes([*high, *low]));
            let Some(group) = endpoint.group(number) else { return Ok(()) };
            let mut listed = Vec::new();
            let mut answered = false;
            for bytes in sent {
                if let Ok(Packet::PeerResponse(response)) = Packet::parse(bytes) {
                    answered = true;
                    listed.extend(response.peers().map(|peer| peer.peer_number));
                }
            }
            let active = group.active().iter().map(|peer| peer.number);
            if answered && !active.eq(listed.iter().copied()) {
                return broken("O-010", Some(number), format!("{listed:?} are listed"));
            }
        }
        Input::Tick { .. } => {
            for group in endpoint.groups() {
                let own = group.own_number();
                let mut names: Vec<_> = sent
                    .clone()
                    .filter(|bytes| bytes.get(9) == Some(&Name::ID))
                    .filter(|bytes| bytes.first() == Some(&DataId::CONFERENCE_MESSAGE.0))
                    .filter(|bytes| Some(PeerNumber(pair_at(bytes, 3))) == own)
                    .map(number_of)
                    .collect();
                names.dedup();
                if names.len() > 1 && endpoint.groups().count() == 1 {
                    return broken("O-012", Some(group.number()), format!("names {names:?}"));
                }
            }
        }
        _ => {}
    }
    Ok(())
}
