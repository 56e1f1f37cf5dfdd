//! One connection of a client to a relay.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::flow::{Flow, Head};
use super::{End, Found, Keys, Route, StreamBytes, What};
use crate::crypto::address::{Both, Direction, Endpoint, Pair};
use crate::crypto::keylog::Purpose;
use crate::crypto::keyring::KeyId;
use crate::crypto::sealed::Sealed;
use crate::wire::relay::{
    RelayAnswer, RelayFrame, RelayHandshake, RelayHandshakePlain, RelayKind, RelayPacket,
};
use crate::wire::{Nonce, PublicKey};

/// How many frames, one after another, make a relay of a connection that began before the capture.
const EVIDENCE: u32 = 8;

/// For how many frames of such a connection, at first, a nonce is searched; how far ahead of those that
/// `NONCE` lines give, since a logger writes one for every so many; and with how many attempts at the most.
const SEARCHES: u32 = 4;
const RANGE: u64 = 1 << 15;
const TRIES: usize = 1 << 18;

/// DNS over TCP has frames of the same shape.
const DNS: u16 = 53;

/// Whether a connection is worth following.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is one to a relay, or may be.
    Follow,
    /// It is something else.
    NoRelay,
}

/// What one side sent first.
#[derive(Default)]
enum Greeting {
    /// Not seen, or not yet.
    #[default]
    Unseen,
    /// Bytes of its size, closed.
    Closed(Vec<u8>),
    /// Opened.
    Open(RelayHandshakePlain),
}

/// One connection of a client to a relay, or of anybody to anything as long as it may be that.
pub(super) struct Leg {
    stream: u32,
    /// Which direction leads to the relay, if that is known.
    to_relay: Option<Direction>,
    greetings: Both<Greeting>,
    flows: Both<Flow>,
    /// Whether it is one to a relay, with certainty or nearly so.
    is_relay: bool,
    /// How many frames were seen of a connection that began before the capture.
    evidence: u32,
    /// The client's DHT public key.
    client_key: Option<PublicKey>,
    /// The key of the handshakes.
    greeting_key: Option<KeyId>,
    /// The key of the frames.
    key: Option<KeyId>,
    /// The keys that were there when they were tried last for a handshake.
    generation: Option<u32>,
    /// How often a nonce was searched.
    searches: u32,
    /// Whom the connections through the relay lead to.
    routes: BTreeMap<u8, PublicKey>,
}

impl Leg {
    pub(super) fn new(stream: u32) -> Self {
        Self {
            stream,
            to_relay: None,
            greetings: Both::default(),
            flows: Both::default(),
            is_relay: false,
            evidence: 0,
            client_key: None,
            greeting_key: None,
            key: None,
            generation: None,
            searches: 0,
            routes: BTreeMap::new(),
        }
    }

    /// Takes the next bytes, and adds what was found in them to `found`.
    pub(super) fn take(
        &mut self,
        bytes: &StreamBytes<'_>,
        keys: &mut Keys<'_>,
        found: &mut Found,
    ) -> Verdict {
        let (_, way) = Pair::of(Endpoint::from(bytes.from), Endpoint::from(bytes.to));
        if let Some(from_opener) = bytes.from_opener {
            self.to_relay = self.to_relay.or(Some(way.swapped_if(!from_opener)));
        }
        let flow = self.flows.of_mut(way);
        // Of a stream whose beginning was not seen, this may be it all the same.
        let missing = if bytes.is_first { Some(0) } else { bytes.missing };
        let may_begin = missing.is_none() && !flow.has_frames;
        flow.push(bytes.bytes, if may_begin { Some(0) } else { missing });
        if !flow.has_frames {
            match self.greet(way, bytes, keys, found) {
                Greeted::Done => {}
                Greeted::Later if !may_begin => return Verdict::Follow,
                Greeted::Never if !may_begin => return Verdict::NoRelay,
                Greeted::Later | Greeted::Never => self.flows.of_mut(way).has_frames = true,
            }
        }
        self.frames(way, bytes, keys, found)
    }

    /// Takes the handshake of one side, once it is there. Nobody sends more before the other has answered.
    fn greet(
        &mut self,
        way: Direction,
        bytes: &StreamBytes<'_>,
        keys: &mut Keys<'_>,
        found: &mut Found,
    ) -> Greeted {
        let is_answer = !matches!(self.greetings.of(way.reversed()), Greeting::Unseen);
        let to_relay = self.to_relay.map_or(!is_answer, |to_relay| to_relay == way);
        let size = if to_relay { RelayHandshake::SIZE } else { RelayAnswer::SIZE };
        let flow = self.flows.of_mut(way);
        match flow.bytes.len() {
            length if length < size => return Greeted::Later,
            length if length > size => return Greeted::Never,
            _ => flow.has_frames = true,
        }
        let greeting = std::mem::take(&mut flow.bytes);
        self.to_relay = self.to_relay.or(Some(way.swapped_if(!to_relay)));
        let relay = if to_relay { bytes.to } else { bytes.from };
        let opened = self.open_greeting(&greeting, relay, keys);
        self.is_relay |= opened.is_ok() || (!to_relay && is_answer);
        if self.is_relay {
            let what = if to_relay { What::Handshake } else { What::Answer };
            found.push(what(opened), Some(to_relay), &greeting, None);
        }
        match opened {
            Ok(plain) => self.greeted(way, plain),
            Err(_) => *self.greetings.of_mut(way) = Greeting::Closed(greeting),
        }
        Greeted::Done
    }

    /// One side's handshake was opened.
    fn greeted(&mut self, way: Direction, plain: RelayHandshakePlain) {
        self.flows.of_mut(way).base = Some(plain.base_nonce);
        *self.greetings.of_mut(way) = Greeting::Open(plain);
    }

    /// Opens the handshake of one side. `relay` is the relay's address.
    fn open_greeting(
        &mut self,
        greeting: &[u8],
        relay: SocketAddr,
        keys: &mut Keys<'_>,
    ) -> Result<RelayHandshakePlain, Sealed> {
        if keys.ring.is_empty() {
            return Err(Sealed::NoKeyLog);
        }
        keys.budget.earn();
        let (nonce, sealed) = match RelayHandshake::parse(greeting) {
            Ok(handshake) => {
                self.client_key = Some(handshake.dht_key);
                (handshake.nonce, handshake.sealed)
            }
            Err(_) => {
                let answer = RelayAnswer::parse(greeting).map_err(|_| Sealed::BadLength)?;
                (answer.nonce, answer.sealed)
            }
        };
        let relay = Endpoint::from(relay);
        let relay_key = keys.hosts.peek(&relay).and_then(|host| host.dht_key);
        keys.candidates.clear();
        keys.candidates.extend(self.greeting_key);
        let (ring, budget) = (&mut *keys.ring, &mut *keys.budget);
        // One key opens both handshakes: where none has opened the one, none opens the other.
        let is_hopeless = self.generation == Some(ring.generation()) && self.greeting_key.is_none();
        if !is_hopeless {
            ring.candidates(Purpose::Dht, self.client_key, relay_key, budget, keys.candidates);
        }
        let all = ring.all().take(if is_hopeless { 0 } else { ring.len() });
        self.generation = Some(ring.generation());
        budget.search();
        let candidates = keys.candidates.iter().copied().chain(all);
        let mut tried = candidates.take_while(|_| budget.spend(1));
        let Some(key) = tried.find(|key| ring.key(*key).open(&nonce, sealed, keys.plain)) else {
            return Err(if budget.has_refused() { Sealed::Budget } else { Sealed::NoKey });
        };
        let plain = RelayHandshakePlain::parse(keys.plain).map_err(|_| Sealed::BadLength)?;
        ring.mark_used(key);
        self.greeting_key = Some(key);
        let mut parties = ring.parties(key).into_iter().flatten();
        if let Some(dht_key) = parties.find(|party| Some(*party) != self.client_key) {
            keys.hosts.get_or_insert(relay, Default::default).dht_key = Some(dht_key);
        }
        Ok(plain)
    }

    /// Tries the handshakes again that are closed, if there are new keys.
    fn try_greetings_again(&mut self, bytes: &StreamBytes<'_>, keys: &mut Keys<'_>) {
        if self.generation == Some(keys.ring.generation()) {
            return;
        }
        let to_relay = self.to_relay.unwrap_or(Direction::Forth);
        let (_, way) = Pair::of(Endpoint::from(bytes.from), Endpoint::from(bytes.to));
        let relay = if way == to_relay { bytes.to } else { bytes.from };
        for way in [to_relay, to_relay.reversed()] {
            let Greeting::Closed(greeting) = self.greetings.of_mut(way) else { continue };
            let greeting = std::mem::take(greeting);
            match self.open_greeting(&greeting, relay, keys) {
                Ok(plain) => self.greeted(way, plain),
                Err(_) => *self.greetings.of_mut(way) = Greeting::Closed(greeting),
            }
        }
    }

    /// Takes all frames that are whole.
    fn frames(
        &mut self,
        way: Direction,
        bytes: &StreamBytes<'_>,
        keys: &mut Keys<'_>,
        found: &mut Found,
    ) -> Verdict {
        let mut at = 0;
        loop {
            let flow = self.flows.of_mut(way);
            let rest = flow.bytes.get(at..).unwrap_or_default();
            match Head::of(rest) {
                Head::More => break,
                Head::Wrong if !self.is_relay => return Verdict::NoRelay,
                // It had no more than the shape of one.
                Head::Wrong if flow.doubt == 0 && self.greeting_key.or(self.key).is_none() => {
                    return Verdict::NoRelay;
                }
                Head::Wrong => {
                    if flow.doubt == 0 {
                        // Its receiver gives the connection up.
                        let why = What::Packet(Err(Sealed::BadLength));
                        found.push(why, self.to_relay.map(|to| to == way), rest, None);
                    }
                    flow.look_elsewhere(at);
                    at = 0;
                }
                Head::Frame(size) => {
                    let all = std::mem::take(&mut flow.bytes);
                    let frame = all.get(at..at + size).unwrap_or_default();
                    let opened = self.open_frame(way, frame, bytes, keys);
                    let is_relay = self.note(way, opened, frame, bytes, keys, found);
                    let flow = self.flows.of_mut(way);
                    flow.bytes = all;
                    if !is_relay {
                        return Verdict::NoRelay;
                    }
                    if opened == Err(Sealed::Hole) {
                        flow.look_elsewhere(at);
                        at = 0;
                    } else {
                        at += size;
                    }
                }
            }
        }
        self.flows.of_mut(way).consume(at);
        Verdict::Follow
    }

    /// Adds a frame to what was found; false if it shows that this is no connection to a relay.
    fn note(
        &mut self,
        way: Direction,
        opened: Result<(), Sealed>,
        frame: &[u8],
        bytes: &StreamBytes<'_>,
        keys: &Keys<'_>,
        found: &mut Found,
    ) -> bool {
        if opened.is_ok() {
            self.is_relay = true;
            self.learn(way, keys.plain);
            let route = self.route(way, keys.plain, bytes);
            found.push(What::Packet(opened), self.is_to_relay(way), keys.plain, route);
            return true;
        }
        if !self.is_relay {
            let began_before = matches!(self.greetings.of(way), Greeting::Unseen);
            let is_dns = bytes.from.port() == DNS || bytes.to.port() == DNS;
            self.evidence += 1;
            self.is_relay = self.evidence >= EVIDENCE;
            return began_before && !is_dns;
        }
        found.push(What::Packet(opened), self.is_to_relay(way), frame, None);
        true
    }

    /// Opens a frame into `keys.plain`, and counts it.
    fn open_frame(
        &mut self,
        way: Direction,
        frame: &[u8],
        bytes: &StreamBytes<'_>,
        keys: &mut Keys<'_>,
    ) -> Result<(), Sealed> {
        let flow = self.flows.of_mut(way);
        let (first, last) = (flow.next, flow.next + flow.doubt);
        flow.next += 1;
        if keys.ring.is_empty() {
            return Err(Sealed::NoKeyLog);
        }
        keys.budget.earn();
        if flow.base.is_none() {
            self.try_greetings_again(bytes, keys);
        }
        let sealed = frame.get(RelayFrame::HEAD..).unwrap_or_default();
        let Some(base) = self.flows.of(way).base else {
            return self.search_nonce(way, first, sealed, keys);
        };
        if last > first {
            keys.budget.search();
        }
        let candidates = self.frame_keys(way, keys);
        for number in first..=last {
            let nonce = base.wrapping_add(number);
            if let Some(key) = candidates.iter().find(|key| open(**key, &nonce, sealed, keys)) {
                self.key = Some(*key);
                self.flows.of_mut(way).is_sure_of(number);
                return Ok(());
            }
        }
        Err(match self.key {
            _ if keys.budget.has_refused() => Sealed::Budget,
            None => Sealed::NoSessionKey,
            Some(_) if last > first => Sealed::Hole,
            Some(_) => Sealed::BadTag,
        })
    }

    /// The keys that frames may be sealed with.
    fn frame_keys(&self, way: Direction, keys: &mut Keys<'_>) -> Vec<KeyId> {
        if let Some(key) = self.key {
            return vec![key];
        }
        let [ours, theirs] = [way, way.reversed()].map(|way| match self.greetings.of(way) {
            Greeting::Open(plain) => Some(plain.temporary_key),
            Greeting::Unseen | Greeting::Closed(_) => None,
        });
        let mut candidates = Vec::new();
        keys.ring.candidates(Purpose::Session, ours, theirs, keys.budget, &mut candidates);
        candidates
    }

    /// Searches the nonce of frame `number` near those that `NONCE` lines give: the handshake is closed, or
    /// was not captured, and then the number is not the frame's.
    fn search_nonce(
        &mut self,
        way: Direction,
        number: u64,
        sealed: &[u8],
        keys: &mut Keys<'_>,
    ) -> Result<(), Sealed> {
        let (why, distances) = match self.greetings.of(way) {
            Greeting::Closed(_) => (Sealed::NoKey, number..number + 1),
            Greeting::Unseen | Greeting::Open(_) => (Sealed::NoRelayHandshake, 0..RANGE),
        };
        self.searches += 1;
        if self.searches > SEARCHES && !self.searches.is_power_of_two() {
            return Err(why);
        }
        let of = |key: KeyId| keys.ring.nonces(key).map(move |logged| (key, *logged.nonce));
        let anchors: Vec<(KeyId, Nonce)> = match self.key {
            Some(key) => of(key).collect(),
            None => keys.ring.with_nonces().iter().copied().flat_map(of).collect(),
        };
        keys.budget.search();
        let tries = distances.flat_map(|ahead| anchors.iter().map(move |anchor| (ahead, anchor)));
        for (ahead, (key, anchor)) in tries.take(TRIES) {
            let nonce = anchor.wrapping_add(ahead);
            if open(*key, &nonce, sealed, keys) {
                self.key = Some(*key);
                self.searches = 0;
                let flow = self.flows.of_mut(way);
                flow.base = Some(nonce.wrapping_sub(number));
                flow.is_sure_of(number);
                return Ok(());
            }
            if keys.budget.has_refused() {
                return Err(Sealed::Budget);
            }
        }
        Err(why)
    }

    /// Learns from a packet whom connections lead to, and where the relay is.
    fn learn(&mut self, way: Direction, packet: &[u8]) {
        let Ok(packet) = RelayPacket::parse(packet) else { return };
        if let RelayPacket::RoutingResponse(response) = packet
            && RelayKind(response.connection_id).connection_id().is_some()
        {
            self.routes.insert(response.connection_id, response.dht_key);
        }
        if let Some(to_relay) = packet.kind().is_to_relay() {
            self.to_relay = self.to_relay.or(Some(way.swapped_if(!to_relay)));
        }
    }

    /// Between whom a packet goes, if the relay passes it on.
    fn route(&self, way: Direction, packet: &[u8], bytes: &StreamBytes<'_>) -> Option<Route> {
        let packet = RelayPacket::parse(packet).ok()?;
        packet.passed_on()?;
        // Where nothing tells, either will do as long as it is always the same.
        let to_relay = self.is_to_relay(way).unwrap_or(way == Direction::Forth);
        let address = if to_relay { bytes.from } else { bytes.to };
        let client = End::of(self.client_key, || Endpoint::from(address));
        let id = packet.connection_id().unwrap_or_default();
        let key = packet.dht_key().or_else(|| self.routes.get(&id).copied());
        let other = End::of(key, || Endpoint::connection(self.stream, id));
        Some(Route { client, other, from_client: to_relay })
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        [Direction::Forth, Direction::Back].iter().map(|way| self.flows.of(*way).bytes.len()).sum()
    }

    fn is_to_relay(&self, way: Direction) -> Option<bool> {
        self.to_relay.map(|to_relay| to_relay == way)
    }
}

/// What became of the beginning of a direction.
enum Greeted {
    /// It was a handshake, opened or not.
    Done,
    /// There is too little of it.
    Later,
    /// It was no handshake.
    Never,
}

/// Opens a box, if the budget allows.
fn open(key: KeyId, nonce: &Nonce, sealed: &[u8], keys: &mut Keys<'_>) -> bool {
    let opens = keys.budget.spend(1) && keys.ring.key(key).open(nonce, sealed, keys.plain);
    if opens {
        keys.ring.mark_used(key);
    }
    opens
}
