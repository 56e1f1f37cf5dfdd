//! What holds for everything that an endpoint sends (O-001 to O-013) and for how its slots change
//! (I-011, I-016), to be checked by tests, fuzz targets and simulations.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash as _, Hasher as _};

use foldhash::fast::FixedState;

use super::endpoint::seconds;
use super::peers::Place;
use super::{
    Endpoint, Event, Group, Input, Output, Pings, Reasons, RelayBack, Request, Seconds, Violation,
};
use crate::wire::{
    Conference, GroupMessage, GroupNumber, Lossy, MessageBody, Packet, PeerNumber, PublicKey,
};

/// Own messages of one conference whose content is remembered (O-004): more than a save is ahead.
const OWN_MESSAGES: usize = 1 << 17;
/// Foreign messages that are remembered for one neighbour and author (O-006).
const COPIES: usize = 64;
/// Neighbours and authors for which they are remembered, in one conference.
const COPIED: usize = 1 << 16;

/// Reads along at one endpoint.
///
/// [`Self::look`] comes before the first step, and after whatever changes the endpoint in another
/// way than by a step. What one neighbour announces under one number for two conferences cannot be
/// told apart, and is looked at less closely.
#[derive(Clone, Debug, Default)]
pub struct Tap {
    slots: Vec<Seen>,
    conferences: BTreeMap<Conference, Sent>,
}

/// A slot as it was after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    conference: Conference,
    friend: PublicKey,
    number: Option<GroupNumber>,
    online: bool,
    reasons: Reasons,
    frozen: bool,
}

/// What went out in one conference.
#[derive(Clone, Debug, Default)]
struct Sent {
    /// The own number that was used last.
    number: Option<u32>,
    /// What went out under own numbers, hashed.
    own: BTreeMap<u32, u64>,
    last_ping: Option<Seconds>,
    /// Foreign numbers that went to a neighbour, by author, the last one last.
    copies: HashMap<(PublicKey, PeerNumber), Vec<u32>, FixedState>,
}

/// One step, while it is looked at.
struct Look<'a> {
    endpoint: &'a Endpoint,
    input: &'a Input<'a>,
    outputs: &'a [Output],
    before: Vec<Seen>,
    /// The slots are as they were before.
    slots_stay: bool,
    /// The own number of the first Name in this pass.
    names: BTreeMap<Conference, u32>,
    /// To whom audio went.
    heard: Vec<(Conference, PublicKey)>,
    found: Vec<Violation>,
}

impl Look<'_> {
    fn report(&mut self, id: &'static str, conference: Option<Conference>, found: String) {
        let group = conference.and_then(|it| self.endpoint.group_of(&it)).map(|it| it.number());
        self.found.push(Violation { id, group, found });
    }

    fn now(&self) -> Seconds {
        seconds(self.input.at()).max(self.endpoint.now)
    }

    /// The packet that came in, and from whom.
    fn packet(&self) -> Option<(PublicKey, &[u8])> {
        match self.input {
            Input::Packet { friend, bytes, .. } => Some((*friend, bytes)),
            _ => None,
        }
    }

    /// The bytes are those that came in, but for the group number.
    fn is_relayed(&self, bytes: &[u8]) -> bool {
        let kept = |bytes: &[u8]| {
            bytes.split_at_checked(3).map(|(head, rest)| (head.first().copied(), rest.len()))
        };
        self.packet().is_some_and(|(_, received)| {
            kept(received) == kept(bytes) && received.get(3..) == bytes.get(3..)
        })
    }
}

impl Tap {
    /// Takes the endpoint as it is.
    pub fn look(&mut self, endpoint: &Endpoint) {
        self.slots = slots(endpoint);
    }

    /// The program of the endpoint ended and starts again from a save, so that numbers go on
    /// somewhere else; what they said is remembered (O-004).
    pub fn restarted(&mut self) {
        self.slots.clear();
        for sent in self.conferences.values_mut() {
            *sent = Sent { own: std::mem::take(&mut sent.own), ..Sent::default() };
        }
    }

    /// What of a step does not hold; nothing, unless there is a bug. Defects that a profile asks
    /// for do not count.
    pub fn step(
        &mut self,
        endpoint: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
    ) -> Vec<Violation> {
        let before = std::mem::replace(&mut self.slots, slots(endpoint));
        let mut look = Look {
            endpoint,
            input,
            outputs,
            slots_stay: before == self.slots,
            before,
            names: BTreeMap::new(),
            heard: Vec::new(),
            found: Vec::new(),
        };
        if let Input::ConnectionDown { friend, .. } = input {
            for sent in self.conferences.values_mut() {
                sent.copies.retain(|(to, _), _| to != friend);
            }
        }
        for output in outputs {
            match output {
                Output::Send { friend, bytes } => self.sent(&mut look, friend, bytes),
                Output::Event(event) => self.event(endpoint, event),
                _ => {}
            }
        }
        self.check_slots(&mut look);
        look.found
    }

    fn event(&mut self, endpoint: &Endpoint, event: &Event) {
        match event {
            Event::Opened { conference, .. } => {
                let sent = Sent { number: Some(0), ..Sent::default() };
                self.conferences.insert(*conference, sent);
            }
            // Nothing is remembered of a new entry's messages.
            Event::PeerJoined { group, peer, thawed: false, .. } => {
                let conference = endpoint.group(*group).map(|group| group.conference());
                if let Some(sent) = conference.and_then(|it| self.conferences.get_mut(&it)) {
                    sent.copies.retain(|(_, author), _| author != peer);
                }
            }
            _ => {}
        }
    }

    fn sent(&mut self, look: &mut Look<'_>, friend: &PublicKey, bytes: &[u8]) {
        if look.endpoint.connection(friend).is_some_and(|connection| !connection.is_up()) {
            look.report("O-001", None, format!("the connection to {friend} is down"));
        }
        let profile = look.endpoint.profile();
        // D-033: nothing behind the header of a text or an action. Its number counts as any other.
        let is_empty = matches!(bytes, [0x63, _, _, _, _, _, _, _, _, 0x40 | 0x41]);
        let filled = (is_empty && profile.sends_empty_text).then(|| [bytes, b"?"].concat());
        let whole = filled.as_deref().unwrap_or(bytes);
        let Ok(packet) = Packet::parse(whole) else {
            // B-03: a title that is too long is passed on.
            if !(profile.title_length_modulo_256 && look.is_relayed(bytes)) {
                look.report("O-009", None, format!("{bytes:02x?} are no packet"));
            }
            return;
        };
        let mut again = Vec::with_capacity(whole.len());
        packet.emit(&mut again);
        if again != whole || bytes.len() > 1373 {
            look.report("O-009", None, format!("{packet:?} of {} bytes", bytes.len()));
        }
        let number = match packet {
            Packet::PeerIntroduced(it) => it.group_number,
            Packet::PeerQuery(it) => it.group_number,
            Packet::PeerResponse(it) => {
                check_response(look, friend, it.group_number);
                it.group_number
            }
            Packet::TitleResponse(it) => it.group_number,
            Packet::Message(it) => it.group_number,
            Packet::Lossy(it) => it.group_number,
            Packet::Rejoin(it) => return check_rejoin(look, friend, it.conference),
            _ => return,
        };
        let Some(conference) = self.conference(look, friend, number, &packet) else { return };
        match packet {
            Packet::Message(message) => self.message(look, friend, bytes, &message, conference),
            Packet::Lossy(lossy) => check_lossy(look, friend, bytes, &lossy, conference),
            _ => {}
        }
    }

    /// O-001, O-002: the one conference that has an online slot to a neighbour under a number.
    fn conference(
        &mut self,
        look: &mut Look<'_>,
        friend: &PublicKey,
        number: GroupNumber,
        packet: &Packet<'_>,
    ) -> Option<Conference> {
        let profile = look.endpoint.profile();
        let before = look.before.iter().filter(|_| !look.slots_stay);
        let slots = self.slots.iter().chain(before);
        let mut found = slots
            .filter(|slot| slot.number == Some(number) && slot.online && slot.friend == *friend)
            .map(|slot| slot.conference);
        let first = found.next();
        let others: Vec<_> = found.filter(|other| Some(*other) != first).collect();
        let excused = match packet {
            Packet::Lossy(_) => profile.lossy_to_slot_0,
            Packet::Message(_) => false,
            _ => !profile.direct_when_online_only,
        };
        if first.is_none() && !excused {
            let frozen = |group: &Group| group.frozen().iter().any(|it| it.real_key == *friend);
            let id = if look.endpoint.groups().any(frozen) { "O-002" } else { "O-001" };
            look.report(id, None, format!("{packet:?} to {friend}"));
        }
        if others.is_empty() {
            return first;
        }
        for conference in others.into_iter().chain(first) {
            // Whether the next message is a copy of one before, cannot be told.
            let sent = self.conferences.entry(conference).or_default();
            (sent.number, sent.last_ping) = (None, None);
        }
        None
    }

    fn message(
        &mut self,
        look: &mut Look<'_>,
        friend: &PublicKey,
        bytes: &[u8],
        message: &GroupMessage<'_>,
        conference: Conference,
    ) {
        let group = look.endpoint.group_of(&conference);
        let own = group.and_then(|group| group.own_number());
        let sent = self.conferences.entry(conference).or_default();
        let (author, number) = (message.peer_number, message.message_number.0);
        if look.is_relayed(bytes) {
            check_back(look, friend, author, conference);
            let again = Some(author) != own && is_copied(sent, *friend, author, number);
            if again && !group.is_some_and(|group| goes_round(group, author, number)) {
                let found = format!("number {number} of peer {author} to {friend} again");
                look.report("O-006", Some(conference), found);
            }
            return;
        }
        // A conference that is deleted in this step has no own number any more.
        if group.is_some() && own != Some(author) {
            return look.report("O-005", Some(conference), format!("{message:?}"));
        }
        let mut hasher = DefaultHasher::new();
        bytes.get(3..).hash(&mut hasher);
        let hash = hasher.finish();
        if *sent.own.entry(number).or_insert(hash) != hash {
            look.report("O-004", Some(conference), format!("{message:?}"));
        }
        if sent.own.len() > OWN_MESSAGES {
            sent.own.pop_first();
        }
        let last = sent.number.replace(number);
        if last == Some(number) {
            // Another copy of the same message.
            return;
        }
        if number == 0 || last.is_some_and(|last| number != last.wrapping_add(1).max(1)) {
            look.report("O-003", Some(conference), format!("number {number} after {last:?}"));
        }
        match message.body {
            MessageBody::Ping(_) => {
                let last = sent.last_ping.replace(look.now());
                check_ping(look, last, conference);
            }
            MessageBody::Name(_) if matches!(look.input, Input::Tick { .. }) => {
                // The same number is another copy, whatever lies between them.
                let first = look.names.insert(conference, number);
                if let Some(first) = first.filter(|first| *first != number) {
                    let found = format!("Names under {first} and {number} in one pass");
                    look.report("O-012", Some(conference), found);
                }
            }
            _ => {}
        }
    }

    /// I-011, I-016: how slots changed.
    fn check_slots(&self, look: &mut Look<'_>) {
        if look.slots_stay {
            // They were looked at when they came to be so.
            return;
        }
        for slot in &self.slots {
            let same =
                |other: &&Seen| other.friend == slot.friend && other.conference == slot.conference;
            let before = look.before.iter().find(same).copied();
            let was_online = before.filter(|before| before.online);
            let told = slot.online && was_online.map(|it| it.number) != Some(slot.number);
            if told && announced(look.input, slot) != slot.number {
                let found = format!("{:?} at {}, which did not say so", slot.number, slot.friend);
                look.report("I-016", Some(slot.conference), found);
            }
            if !slot.frozen || !look.endpoint.profile().drops_frozen_slots {
                continue;
            }
            // Its slot goes as a peer freezes, and a Rejoin makes a new one.
            let froze = before.is_none_or(|before| !before.frozen);
            let rejoined = Reasons::INTRODUCER.with(Reasons::INTRODUCING).contains(slot.reasons);
            let fresh = slot.reasons == Reasons::INTRODUCER && !slot.online;
            let invited = announced(look.input, slot).is_some();
            if !rejoined || froze && !fresh && !invited {
                let found = format!("{slot:?} of a frozen peer, before that {before:?}");
                look.report("I-011", Some(slot.conference), found);
            }
        }
    }
}

fn slots(endpoint: &Endpoint) -> Vec<Seen> {
    let mut seen = Vec::new();
    for group in endpoint.groups.iter() {
        for slot in group.slots.iter() {
            let place = group.peers.find_key(&slot.friend);
            seen.push(Seen {
                conference: group.conference,
                friend: slot.friend,
                number: slot.group_number,
                online: slot.online,
                reasons: slot.reasons,
                frozen: matches!(place, Some(Place::Frozen(_))),
            });
        }
    }
    seen
}

/// The number that an input announces for a slot.
fn announced(input: &Input<'_>, slot: &Seen) -> Option<GroupNumber> {
    let (conference, number) = match input {
        Input::Packet { friend, bytes, .. } if *friend == slot.friend => {
            match Packet::parse(bytes).ok()? {
                Packet::Online(it) => (it.conference, it.group_number),
                Packet::Invite(it) => (it.conference, it.group_number),
                Packet::InviteAccepted(it) => (it.conference, it.group_number),
                Packet::InviteMember(it) => (it.conference, it.group_number),
                _ => return None,
            }
        }
        Input::Request { request: Request::Accept { friend, invitation: it }, .. }
            if *friend == slot.friend =>
        {
            (it.conference, it.group_number)
        }
        _ => return None,
    };
    (conference == slot.conference).then_some(number)
}

/// Remembers a foreign number that goes to a neighbour; says if it went there before.
fn is_copied(sent: &mut Sent, friend: PublicKey, author: PeerNumber, number: u32) -> bool {
    if sent.copies.len() > COPIED {
        sent.copies.clear();
    }
    let copies = sent.copies.entry((friend, author)).or_default();
    let before = copies.iter().rposition(|copied| *copied == number);
    // Numbers half the ring apart have no order (D-030).
    let far = |later: &u32| later.wrapping_sub(number) >= (1 << 31) - 1;
    let again = before.is_some_and(|at| !copies.iter().skip(at + 1).any(far));
    if copies.len() == COPIES {
        copies.remove(0);
    }
    copies.push(number);
    again
}

/// The numbers remembered of an author go round the ring, so that one is new again (D-030): some lie in
/// the half of the ring that is farther away from it.
fn goes_round(group: &Group, author: PeerNumber, number: u32) -> bool {
    let peer = group.peers.find(author).and_then(|place| group.peers.get(place));
    let far = |kept: u32| (FAR..=FAR.wrapping_neg()).contains(&kept.wrapping_sub(number));
    peer.is_some_and(|peer| peer.remembered().any(far))
}

/// A quarter of the ring, and a little less.
const FAR: u32 = (1 << 30) - 2;

/// O-007.
fn check_back(look: &mut Look<'_>, to: &PublicKey, author: PeerNumber, conference: Conference) {
    let Some((source, _)) = look.packet() else { return };
    if source != *to {
        return;
    }
    let group = look.endpoint.group_of(&conference);
    let entry = group.and_then(|group| group.peers.get(group.peers.find(author)?));
    let allowed = match look.endpoint.profile().relay_back {
        // Who left with this message has no entry any more.
        RelayBack::ToAuthor => entry.is_none_or(|entry| entry.real_key == source),
        RelayBack::Never => false,
        RelayBack::Always => true,
    };
    if !allowed {
        look.report("O-007", Some(conference), format!("a message of {author} back to {to}"));
    }
}

/// O-013.
fn check_ping(look: &mut Look<'_>, last: Option<Seconds>, conference: Conference) {
    let profile = look.endpoint.profile();
    let online = matches!(look.packet(), Some((_, [0x61, ..])));
    let free = online && profile.ping_on_online == Pings::Always;
    let pass = matches!(look.input, Input::Tick { .. });
    let due = last.is_none_or(|last| look.now() >= last + super::PING_INTERVAL);
    if !(free || due && (pass || online)) {
        let found = format!("a ping at {} after one at {last:?}", look.now());
        look.report("O-013", Some(conference), found);
    }
}

/// O-008.
fn check_lossy(
    look: &mut Look<'_>,
    to: &PublicKey,
    bytes: &[u8],
    lossy: &Lossy<'_>,
    conference: Conference,
) {
    if look.endpoint.profile().lossy_to_slot_0 {
        return;
    }
    let text = conference.kind != crate::wire::ConferenceType::AUDIO;
    let echo = look.packet().is_some_and(|(source, _)| source == *to);
    let twice = look.heard.contains(&(conference, *to));
    let changed = look.packet().is_some() && !look.is_relayed(bytes);
    if text || echo || twice || changed {
        look.report("O-008", Some(conference), format!("{lossy:?} to {to}"));
    }
    look.heard.push((conference, *to));
}

/// O-010: whoever asks is told of all. The query names the conference: under the number in the response,
/// its receiver may have several.
fn check_response(look: &mut Look<'_>, to: &PublicKey, number: GroupNumber) {
    let query = look.packet().filter(|(source, _)| source == to);
    let queried = query.and_then(|(_, bytes)| match Packet::parse(bytes) {
        Ok(Packet::PeerQuery(query)) => look.endpoint.group(query.group_number),
        _ => None,
    });
    let Some(group) = queried else {
        return look.report("O-010", None, format!("a response to {to}, which did not ask"));
    };
    let mut listed = Vec::new();
    for output in look.outputs {
        if let Output::Send { friend, bytes } = output
            && friend == to
            && let Ok(Packet::PeerResponse(response)) = Packet::parse(bytes)
            && response.group_number == number
        {
            listed.extend(response.peers().map(|peer| (peer.peer_number, peer.real_key)));
        }
    }
    let active = group.peers.active().iter().map(|peer| (peer.number, peer.real_key));
    let ourselves = group.own.is_none()
        || look.endpoint.profile().own_entry_unprotected
        || listed.iter().any(|(_, key)| *key == look.endpoint.real_key());
    if !active.eq(listed.iter().copied()) || !ourselves {
        let conference = Some(group.conference);
        look.report("O-010", conference, format!("listed {listed:?} to {to}"));
    }
}

/// O-011.
fn check_rejoin(look: &mut Look<'_>, to: &PublicKey, conference: Conference) {
    let group = look.endpoint.group_of(&conference);
    let place = group.and_then(|group| group.peers.find_key(to));
    // It froze, was sent a Rejoin, and was too many (B-23).
    let evicted = look.outputs.iter().any(
        |output| matches!(output, Output::Event(Event::Evicted { real_key, .. }) if real_key == to),
    );
    if !matches!(place, Some(Place::Frozen(_))) && !evicted {
        look.report("O-011", Some(conference), format!("a Rejoin to {to}, which is not frozen"));
    }
}
