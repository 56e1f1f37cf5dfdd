//! Records to the endpoints that they are about.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::clock::{Clock, Gap};
use super::copies::Copies;
use super::follower::{Follower, Heard, HeardWhat, Said, SaidWhat, Teller};
use super::observation::{Difference, Doubt, Tally, Why};
use super::rules::NOBODY;
use super::wire::{Wire, is_before};
use crate::conference::Profile;
use crate::dissect::{Content, Data, Delivery, Record};
use crate::recent::Recent;
use crate::time::Timestamp;
use crate::wire::dht::DhtPacket;
use crate::wire::net_crypto::CookieRequest;
use crate::wire::{DataClass, DataId, PublicKey, ToxKind};

/// How many endpoints are followed, and how many addresses are remembered.
const ENDPOINTS: usize = 1024;
const ADDRESSES: usize = 1 << 16;
/// How many closed data packets in a row show that a session's keys are not known. Fewer may be noise.
const CLOSED: u32 = 8;

/// What to replay.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// By which rules all are judged. `None`: those of c-toxcore's newest release, or of 0.2.10 for an
    /// endpoint that passes messages back where they came from, as releases before 0.2.11 do.
    pub profile: Option<Profile>,
    /// Only endpoints of this key or name.
    pub only: Option<Whom>,
    /// What an endpoint had saved before the capture began.
    pub state: Option<Saved>,
}

/// Somebody, as people say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The beginning of a real key, in lower-case hexadecimal digits.
    Key(String),
    /// A name.
    Name(String),
}

impl Whom {
    /// `text` is a Tox ID, a public key or at least four digits from its beginning; else a name.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let digits = text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            4..=64 if digits => Self::Key(text.to_ascii_lowercase()),
            76 if digits => {
                Self::Key(text.chars().take(64).collect::<String>().to_ascii_lowercase())
            }
            _ => Self::Name(text.to_owned()),
        }
    }

    /// Whether this is somebody of that key and name.
    #[must_use]
    pub fn is(&self, key: &PublicKey, name: Option<&[u8]>) -> bool {
        match self {
            Self::Key(digits) => key.to_string().starts_with(digits.as_str()),
            Self::Name(text) => name == Some(text.as_bytes()),
        }
    }
}

/// What an endpoint had saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Whose it is: a real key.
    pub owner: PublicKey,
    /// The owner's name.
    pub name: Vec<u8>,
    /// The conferences section.
    pub conferences: Vec<u8>,
}

/// What was found about an endpoint.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// Its real key.
    pub key: PublicKey,
    /// What the key log or the conferences call it. Hostile bytes.
    pub name: Option<&'a [u8]>,
    /// By which rules it was judged.
    pub profile: &'a Profile,
    /// How many of its packets were judged how.
    pub tally: &'a Tally,
    /// Where it and the rules part ways; of very many, the first.
    pub differences: &'a [Difference],
    /// What was not judged, and why.
    pub doubts: Vec<Doubt>,
}

/// What was not replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Conference packets whose sender's key is not known: the beginning of the session was not
    /// captured, or did not open.
    pub nobody: u64,
    /// Packets of endpoints that there was no room for.
    pub no_room: u64,
}

/// Replays a capture.
pub struct Replay {
    delivery: Delivery,
    people: People,
}

struct People {
    options: Options,
    endpoints: BTreeMap<PublicKey, Follower>,
    /// DHT keys that packets from an address showed, proven or twice in a row.
    dht_keys: Recent<SocketAddr, PublicKey>,
    /// DHT keys that a packet from an address showed once.
    claimed_dht_keys: Recent<SocketAddr, PublicKey>,
    /// Who sends from an address now, and who did before.
    owners: Recent<SocketAddr, (PublicKey, Option<PublicKey>)>,
    /// Data packets that stay closed, one after the other, by addresses; and the addresses with so many
    /// that there must be sessions nobody has the keys of.
    closed_in_a_row: HashMap<(SocketAddr, SocketAddr), u32>,
    closed: Recent<SocketAddr, ()>,
    clock: Clock,
    copies: Copies,
    left_out: LeftOut,
}

impl Replay {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            delivery: Delivery::default(),
            people: People {
                options,
                endpoints: BTreeMap::new(),
                dht_keys: Recent::new(ADDRESSES),
                claimed_dht_keys: Recent::new(ADDRESSES),
                owners: Recent::new(ADDRESSES),
                closed_in_a_row: HashMap::new(),
                closed: Recent::new(ADDRESSES),
                clock: Clock::default(),
                copies: Copies::default(),
                left_out: LeftOut::default(),
            },
        }
    }

    /// Takes the next record of a capture; `teller` gets what follows from it, and from those before.
    pub fn record(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        let people = &mut self.people;
        let (at, gap) = people.clock.read((record.file, record.frame), record.at);
        let moved = (at != record.at).then(|| Record { at, ..record.clone() });
        let record = moved.as_ref().unwrap_or(record);
        if let Some(gap) = gap {
            people.gap(&gap, teller);
        }
        if people.copies.is_one(record) {
            return;
        }
        people.pass_by(record, teller);
        let flow = self.delivery.record::<()>(record, &mut |record| {
            people.handled(record, teller);
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue());
        people.run(record, teller);
    }

    /// The capture has ended.
    pub fn finish(&mut self, teller: Teller<'_>) {
        let people = &mut self.people;
        let flow = self.delivery.finish::<()>(&mut |record| {
            people.handled(record, teller);
            ControlFlow::Continue(())
        });
        debug_assert!(flow.is_continue());
        for follower in people.endpoints.values_mut() {
            follower.finish(teller);
        }
    }

    /// The endpoints that took part in conferences, by key, with what was found.
    pub fn endpoints(&self) -> impl Iterator<Item = Outcome<'_>> {
        let only = self.people.options.only.as_ref();
        let all = self.people.endpoints.values().filter(move |it| {
            it.took_part() && only.is_none_or(|only| only.is(&it.key, it.name.as_deref()))
        });
        all.map(|it| Outcome {
            key: it.key,
            name: it.name.as_deref(),
            profile: it.machine.profile(),
            tally: &it.tally,
            differences: &it.differences,
            doubts: it.doubts.all().collect(),
        })
    }

    /// What was not replayed.
    #[must_use]
    pub const fn left_out(&self) -> LeftOut {
        self.people.left_out
    }
}

impl People {
    /// Frames may be missing, or the clock was set.
    fn gap(&mut self, gap: &Gap, teller: Teller<'_>) {
        for follower in self.endpoints.values_mut() {
            follower.lost(gap.since, gap.why, teller);
        }
    }

    /// What a record tells at the moment it passes by.
    fn pass_by(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        let at = record.at;
        self.learn_dht_key(record, teller);
        if let Content::CookieRequest(Ok(_)) = record.content {
            let from = record.from.real_key.or_else(|| self.owner(record.src));
            let to = record.to.real_key.or_else(|| self.owner(record.dst));
            if let (Some(from), Some(to)) = (from, to)
                && let Some(follower) = self.endpoints.get_mut(&from)
            {
                follower.say(Said {
                    at,
                    frame: record.frame,
                    session: 0,
                    friend: to,
                    conference: None,
                    what: SaidWhat::Seeking,
                });
            }
        }
        if let (Content::Data(Ok(_)), Some(key)) = (&record.content, record.from.real_key)
            && !comes_from_relay(record)
            && self.owner(record.src) != Some(key)
        {
            self.own(record.src, key, at, teller);
            if self.closed.peek(&record.src).is_some()
                && let Some(follower) = self.follower(key, at)
            {
                follower.doubt_all(at, Why::Closed, teller);
            }
        }
        let owner = record.from.real_key.or_else(|| self.owner(record.src));
        let owner = owner.filter(|_| !comes_from_relay(record));
        if let Some(follower) = owner.and_then(|owner| self.endpoints.get_mut(&owner)) {
            follower.sign(at);
        }
        let Content::Data(Ok(data)) = &record.content else { return };
        let (Some(from), Some(to)) = (record.from.real_key, record.to.real_key) else {
            self.left_out.nobody += u64::from(record.conference_packet().is_some() && !data.resend);
            return;
        };
        if from == to {
            return;
        }
        self.clock.hear(data.session, at, data.id);
        let shown = self.dht_keys.peek(&record.src).copied();
        let known = self.endpoints.get(&from).and_then(|sender| sender.dht_key);
        let shown = shown.filter(|key| known != Some(*key) && self.whose(key).is_none());
        if let Some(follower) = self.follower(from, at) {
            if let Some(name) = record.from.name
                && follower.name.as_deref() != Some(name)
            {
                follower.name = Some(name.to_vec());
            }
            if let Some(key) = shown {
                follower.dht_key = Some(key);
                let what = SaidWhat::DhtKey(key);
                follower.say(Said {
                    at,
                    frame: record.frame,
                    session: 0,
                    friend: to,
                    conference: None,
                    what,
                });
            }
            follower.wire(data.session);
            if !data.copy {
                let lossless = data.id.class() == DataClass::Lossless;
                follower.sign(at);
                follower.acknowledged(data.session, at, data.ack, lossless);
                if comes_from_relay(record) {
                    // When it was sent, and after what, was not seen.
                    follower.doubt_all(at, Why::Relay, teller);
                }
            }
        }
    }

    /// Who was the last to send from this address.
    fn owner(&self, address: SocketAddr) -> Option<PublicKey> {
        self.owners.peek(&address).map(|(owner, _)| *owner)
    }

    /// Whose DHT key this is.
    fn whose(&self, dht_key: &PublicKey) -> Option<PublicKey> {
        let mut all = self.endpoints.values();
        all.find(|it| it.dht_key.as_ref() == Some(dht_key)).map(|it| it.key)
    }

    /// Somebody sends from this address. Two who do so by turns cannot be told apart by it.
    fn own(&mut self, address: SocketAddr, key: PublicKey, at: Timestamp, teller: Teller<'_>) {
        let before = self.owners.peek(&address).copied();
        if let Some((other, Some(first))) = before
            && first == key
        {
            for key in [key, other] {
                if let Some(follower) = self.endpoints.get_mut(&key) {
                    follower.doubt_all(at, Why::Address, teller);
                }
            }
        }
        self.owners.put(address, (key, before.map(|(owner, _)| owner)));
    }

    /// Packets of some kinds show the DHT key of their sender.
    fn learn_dht_key(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        let Some(key) = shown_dht_key(record) else { return };
        // A cookie request that opens proves its key. Of others, anybody can send one.
        let proven = matches!(record.content, Content::CookieRequest(Ok(_)));
        if comes_from_relay(record) {
            return;
        }
        if !proven && self.claimed_dht_keys.peek(&record.src) != Some(&key) {
            self.claimed_dht_keys.put(record.src, key);
            return;
        }
        if self.dht_keys.peek(&record.src) != Some(&key) {
            if let Some(other) = self.whose(&key)
                && self.owner(record.src).is_some_and(|owner| owner != other)
            {
                // It sends from the address that was somebody else's.
                self.own(record.src, other, record.at, teller);
            }
            self.dht_keys.put(record.src, key);
        }
        let owner = match &record.content {
            Content::CookieRequest(Ok(plain)) => Some(plain.real_key),
            _ => self.owner(record.src),
        };
        if let Some(owner) = owner {
            self.tell_dht_key(owner, key, record.at, record.frame);
        }
    }

    fn tell_dht_key(&mut self, owner: PublicKey, key: PublicKey, at: Timestamp, frame: u64) {
        if let Some(follower) = self.endpoints.get_mut(&owner)
            && follower.dht_key != Some(key)
        {
            follower.dht_key = Some(key);
            let what = SaidWhat::DhtKey(key);
            follower.say(Said { at, frame, session: 0, friend: owner, conference: None, what });
        }
    }

    fn follower(&mut self, key: PublicKey, at: Timestamp) -> Option<&mut Follower> {
        let only = self.options.only.as_ref();
        if only.is_some_and(|only| matches!(only, Whom::Key(_)) && !only.is(&key, None)) {
            return None;
        }
        if self.endpoints.len() >= ENDPOINTS && !self.endpoints.contains_key(&key) {
            self.left_out.no_room += 1;
            return None;
        }
        let (profile, state) = (self.options.profile.clone(), self.options.state.as_ref());
        Some(self.endpoints.entry(key).or_insert_with(|| {
            let mut follower = Follower::new(key, profile, at);
            if let Some(saved) = state.filter(|saved| saved.owner == key) {
                follower.load(saved);
            }
            follower
        }))
    }

    /// What a record tells when its receiver handles it.
    fn handled(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        let Content::Data(Ok(data)) = &record.content else { return };
        let (Some(from), Some(to)) = (record.from.real_key, record.to.real_key) else { return };
        if from == to {
            return;
        }
        let is_kept = data.id.is_conference() && !data.resend;
        let packet: Option<Rc<[u8]>> = is_kept.then(|| data.bytes.into());
        if !data.resend
            && let Some(follower) = self.follower(from, record.at)
        {
            follower.wire(data.session).is_old |= !data.from_the_start;
            say(follower, record, data, packet.clone(), to, teller);
        }
        let of_sender = self.endpoints.get(&from).and_then(|sender| sender.dht_key);
        let shown = of_sender.or_else(|| self.dht_keys.peek(&record.src).copied());
        let dht_key = shown.unwrap_or(NOBODY);
        if let Some(follower) = self.follower(to, record.at) {
            follower.wire(data.session);
            hear(follower, record, data, packet, from, dht_key, teller);
        }
    }

    /// Packets that somebody acknowledges or got before, and that were not captured.
    fn find_lost(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        let Content::Data(Ok(data)) = &record.content else { return };
        let followers = [(record.from.real_key, true), (record.to.real_key, false)];
        for (key, is_receiver) in followers {
            let Some(follower) = key.and_then(|key| self.endpoints.get_mut(&key)) else { continue };
            let Some(wire) = follower.wires.get_mut(&data.session) else { continue };
            let next = if is_receiver { &mut wire.next_heard } else { &mut wire.next_said };
            let seen = next.unwrap_or(if wire.is_old { data.ack } else { 0 });
            if is_before(seen, data.ack) {
                *next = Some(data.ack);
                follower.lost(record.at, Why::Lost, teller);
            }
        }
    }

    /// Data packets of sessions whose keys nobody has, or of which nobody knows whose they are.
    fn find_closed(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        let way = (record.src, record.dst);
        match &record.content {
            Content::Data(Ok(_))
                if record.from.real_key.is_some() && record.to.real_key.is_some() =>
            {
                if !self.closed_in_a_row.is_empty() {
                    self.closed_in_a_row.remove(&way);
                }
                return;
            }
            // It opens, but nobody knows whose it is.
            Content::Data(Ok(_)) => {}
            Content::Data(Err(_)) => {
                if self.closed_in_a_row.len() >= ADDRESSES {
                    self.closed_in_a_row.clear();
                }
                let count = self.closed_in_a_row.entry(way).or_default();
                *count += 1;
                if *count < CLOSED {
                    return;
                }
            }
            _ => return,
        }
        let relayed = record.relay.is_some();
        let ends = [
            (record.src, comes_from_relay(record)),
            (record.dst, relayed && !comes_from_relay(record)),
        ];
        for (address, _) in ends.into_iter().filter(|(_, is_relay)| !is_relay) {
            self.closed.put(address, ());
            if let Some(owner) = self.owner(address)
                && let Some(follower) = self.endpoints.get_mut(&owner)
            {
                follower.doubt_all(record.at, Why::Closed, teller);
            }
        }
    }

    fn run(&mut self, record: &Record<'_>, teller: Teller<'_>) {
        self.find_lost(record, teller);
        self.find_closed(record, teller);
        let owner = record.from.real_key.or_else(|| self.owner(record.src));
        for key in [owner, record.to.real_key].into_iter().flatten() {
            if let Some(follower) = self.endpoints.get_mut(&key) {
                follower.clock = follower.clock.max(record.at);
                follower.run(teller);
            }
        }
    }
}

/// It is on its way from a relay to its receiver, so the address says nothing about the sender.
fn comes_from_relay(record: &Record<'_>) -> bool {
    record.relay.is_some_and(|relay| relay.to_relay != Some(true))
}

/// The endpoint sent it.
fn say(
    follower: &mut Follower,
    record: &Record<'_>,
    data: &Data<'_>,
    packet: Option<Rc<[u8]>>,
    to: PublicKey,
    teller: Teller<'_>,
) {
    let lossless = data.id.class() == DataClass::Lossless;
    if lossless && let Some(wire) = follower.wires.get_mut(&data.session) {
        wire.speak(record.at);
        let gap = Wire::gap(&mut wire.next_said, data.number, data.from_the_start);
        if gap > 0 {
            follower.lost(record.at, Why::Lost, teller);
        }
    }
    if let Some(Ok(packet)) = &data.packet {
        follower.show_age(data.context.conference, packet, &to);
    }
    let what = match (packet, data.id) {
        (Some(bytes), _) => SaidWhat::Packet(bytes),
        (None, DataId::KILL_SESSION) => SaidWhat::End,
        (None, DataId::NICKNAME) => {
            SaidWhat::Nickname(data.bytes.get(1..).unwrap_or_default().to_vec())
        }
        (None, DataId::MESSENGER_ONLINE) => SaidWhat::Friendly,
        (None, _) => return,
    };
    follower.say(Said {
        at: record.at,
        frame: record.frame,
        session: data.session,
        friend: to,
        conference: data.context.conference,
        what,
    });
}

/// The endpoint received it.
fn hear(
    follower: &mut Follower,
    record: &Record<'_>,
    data: &Data<'_>,
    packet: Option<Rc<[u8]>>,
    from: PublicKey,
    dht_key: PublicKey,
    teller: Teller<'_>,
) {
    let Some(wire) = follower.wires.get_mut(&data.session) else { return };
    let (frame, session, friend) = (record.frame, data.session, from);
    let lossless = data.id.class() == DataClass::Lossless;
    let mut at = record.at;
    let mut gap = 0;
    if lossless && !data.resend {
        wire.heard_at = wire.heard_at.max(at);
        at = wire.heard_at;
        gap = Wire::gap(&mut wire.next_heard, data.number, data.from_the_start);
    }
    let at_relay = record.relay.is_some() && !comes_from_relay(record);
    let heard = |what| Heard { at, frame, after: None, by: None, session, friend, at_relay, what };
    wire.relayed |= at_relay;
    let is_relayed = wire.relayed;
    let begins = !std::mem::replace(&mut wire.heard, true);
    if gap > 0 {
        follower.lost(record.at, Why::Lost, teller);
    }
    if let (Some(conference), Some(Ok(packet))) = (data.context.conference, &data.packet)
        && let (None, Some(number)) = (packet.conference(), packet.group_number())
    {
        follower.note_own_group(conference, number);
    }
    if let (Some(age), Some(Ok(packet))) = (&mut follower.age, &data.packet)
        && !data.resend
    {
        age.heard(data.context.conference, packet, from, data.context.author.real_key);
    }
    if begins {
        let what = HeardWhat::Begun { dht_key };
        follower.hear(Heard { at: record.at, ..heard(what) });
    }
    if data.resend {
        if is_relayed && !at_relay {
            let number = lossless.then_some(data.number);
            follower.arrive(session, record.at, number, data.bytes);
        }
        return;
    }
    let what = match (packet, data.id) {
        (Some(bytes), _) => HeardWhat::Packet { number: lossless.then_some(data.number), bytes },
        (None, DataId::KILL_SESSION) => HeardWhat::Ended,
        (None, DataId::ALIVE) => HeardWhat::Alive { number: data.number },
        (None, _) => return,
    };
    follower.hear(heard(what));
}

/// The DHT key of the sender, in packets that show it. DHT requests are passed on, so they do not.
fn shown_dht_key(record: &Record<'_>) -> Option<PublicKey> {
    match &record.content {
        Content::CookieRequest(_) => {
            CookieRequest::parse(record.datagram).ok().map(|request| request.dht_key)
        }
        Content::Other(Some(ToxKind(0x00..=0x04))) => {
            DhtPacket::parse(record.datagram).ok().map(|packet| packet.sender)
        }
        _ => None,
    }
}
