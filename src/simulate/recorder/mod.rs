//! Records what members send each other as a pcapng file: net_crypto packets, sealed with their keys.
//!
//! The capture is one that would be taken beside every sender: whatever is sent is in it at the moment it
//! is sent, whether it gets lost or not, and what is sent again is in it again. Cookies and handshakes are
//! in it once. Signs of life, acknowledgements without data and requests for lost packets are not in it.

mod session;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use zeroize::Zeroizing;

use super::{Chance, KeyPair, Made, MemberId, Nanos, Observer, SECOND, Sent, timestamp};
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{LinkType, emit_udp};
use crate::conference::{Endpoint, Input, Output};
use crate::crypto::{self, BoxKey};
use crate::wire::{DataId, Hex, PublicKey};
use session::{Content, Session};

/// Between two attempts to send a packet (`transport`).
const RESEND_AFTER: Nanos = SECOND;

/// A frame that is going to be written at its time.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    at: Nanos,
    /// What was planned first is written first.
    order: u64,
    from: MemberId,
    to: MemberId,
    generation: u32,
    content: Content,
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    /// The heap gives the greatest first, so the earliest is that.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

/// Writes what members with secret keys send each other.
///
/// The keys are known only when all sessions are, and a reader wants them first. As a world can be run
/// twice, it is: once into nowhere for the [keys](Recorder::finish), and once more with them.
pub struct Recorder<W: Write> {
    out: Option<Writer<W>>,
    /// The first error of the output; nothing is written behind it.
    failed: Option<io::Error>,
    /// Makes session keys, nonces and cookies.
    chance: Chance,
    people: BTreeMap<MemberId, [KeyPair; 2]>,
    by_key: BTreeMap<PublicKey, MemberId>,
    /// What members are called at the moment.
    names: BTreeMap<MemberId, Vec<u8>>,
    /// By the two members, the lower one first.
    sessions: BTreeMap<(MemberId, MemberId), Session>,
    planned: BinaryHeap<Planned>,
    order: u64,
    datagrams: u64,
    /// The pairs of keys that the log has a line about.
    noted: BTreeSet<(PublicKey, PublicKey)>,
    log: Zeroizing<String>,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

/// What a recorder leaves behind.
pub struct Recorded<W> {
    /// Where the capture was written to.
    pub out: W,
    /// How many datagrams are in it.
    pub datagrams: u64,
    /// A key log that opens all of it, and names the members.
    pub log: Zeroizing<String>,
}

impl<W: Write> Recorder<W> {
    /// Begins a capture; `log` goes into it. The same seed makes the same keys.
    ///
    /// # Errors
    ///
    /// Those of `out`; `InvalidInput` if the keys have no room, which is about that of 16 MiB.
    pub fn new(seed: u64, log: &str, out: W) -> io::Result<Self> {
        let comments = crypto::comments(log.as_bytes());
        if log.len() > MOST_LOG {
            let kind = io::ErrorKind::InvalidInput;
            return Err(io::Error::new(
                kind,
                "there are more sessions than a file has room for keys",
            ));
        }
        let mut out = Writer::with_comments(out, comments.iter().map(|comment| comment.as_str()))?;
        out.interface(Interface {
            link: LinkType::IPV4,
            snap_length: 0,
            resolution: Resolution::NANOSECONDS,
            name: Some("simulated"),
        })?;
        Ok(Self {
            out: Some(out),
            failed: None,
            // Not the values of the world, which makes other keys of them.
            chance: Chance::new(!seed),
            people: BTreeMap::new(),
            by_key: BTreeMap::new(),
            names: BTreeMap::new(),
            sessions: BTreeMap::new(),
            planned: BinaryHeap::new(),
            order: 0,
            datagrams: 0,
            noted: BTreeSet::new(),
            log: Zeroizing::default(),
            payload: Vec::new(),
            frame: Vec::new(),
        })
    }

    /// Ends the capture at the moment at which the world ends.
    ///
    /// # Errors
    ///
    /// The first error of the output.
    pub fn finish(mut self, now: Nanos) -> io::Result<Recorded<W>> {
        self.write_until(now);
        match (self.failed, self.out) {
            (None, Some(out)) => {
                Ok(Recorded { out: out.finish()?, datagrams: self.datagrams, log: self.log })
            }
            (failed, _) => Err(failed.unwrap_or_else(|| io::ErrorKind::Other.into())),
        }
    }

    fn plan(&mut self, at: Nanos, ends: (MemberId, MemberId), generation: u32, content: Content) {
        self.order += 1;
        let (order, (from, to)) = (self.order, ends);
        self.planned.push(Planned { at, order, from, to, generation, content });
    }

    /// Writes everything that is sent until a moment.
    fn write_until(&mut self, now: Nanos) {
        while self.planned.peek().is_some_and(|next| next.at <= now) {
            if let Some(planned) = self.planned.pop() {
                self.write(&planned);
            }
        }
    }

    fn write(&mut self, planned: &Planned) {
        let Planned { at, from, to, generation, content, .. } = planned;
        let Some(session) = self.sessions.get_mut(&pair(*from, *to)) else { return };
        self.payload.clear();
        if session.generation != *generation || !session.emit(*from, content, &mut self.payload) {
            return;
        }
        self.frame.clear();
        emit_udp(address(*from), address(*to), &self.payload, &mut self.frame);
        self.datagrams += 1;
        if let Some(out) = self.out.as_mut().filter(|_| self.failed.is_none()) {
            let size = u32::try_from(self.frame.len()).unwrap_or(u32::MAX);
            self.failed = out.packet(0, timestamp(*at), &self.frame, size).err();
        }
    }

    /// What is sent at some moments, from the first to the last one.
    fn send(&mut self, sent: &Sent<'_>) {
        let [first, last] = sent.attempts;
        let is_lossy = sent.bytes.first() == Some(&DataId::CONFERENCE_LOSSY.0);
        let mut at = first;
        while at <= last {
            let (number, bytes) = (sent.number.wrapping_add(session::OPENING), sent.bytes.to_vec());
            let content = Content::Data { number, bytes, is_lossy };
            self.plan(at, (sent.from, sent.to), sent.generation, content);
            at = at.saturating_add(RESEND_AFTER);
        }
    }

    fn note(&mut self, ours: &PublicKey, theirs: &PublicKey, key: &BoxKey) {
        if self.noted.insert((*ours, *theirs)) {
            let _ = writeln!(self.log, "SHARED {ours} {theirs} {}", Hex(key.expose()));
        }
    }
}

/// The port of all members.
const PORT: u16 = 33445;

/// The address of a member: 10.0.0.1 for the first.
fn address(who: MemberId) -> SocketAddr {
    let place = u32::try_from(who.index()).unwrap_or(u32::MAX);
    (Ipv4Addr::from(0x0a00_0001_u32.saturating_add(place)), PORT).into()
}

/// Room for keys in a Section Header Block, of which readers take 16 MiB.
const MOST_LOG: usize = 15 << 20;

fn pair(one: MemberId, other: MemberId) -> (MemberId, MemberId) {
    (one.min(other), one.max(other))
}

impl<W: Write> Observer for Recorder<W> {
    fn after(
        &mut self,
        now: Nanos,
        who: MemberId,
        endpoint: &Endpoint,
        input: &Input<'_>,
        _: &[Output],
    ) {
        self.write_until(now);
        if self.names.get(&who).is_none_or(|name| name != endpoint.name()) {
            self.names.insert(who, endpoint.name().to_vec());
        }
        let (friend, bytes) = match input {
            Input::ConnectionUp { friend, .. } => (friend, None),
            Input::Packet { friend, bytes, .. } => (friend, Some(bytes)),
            _ => return,
        };
        let is_lossy = bytes.and_then(|it| it.first()) == Some(&DataId::CONFERENCE_LOSSY.0);
        let Some(other) = self.by_key.get(friend).filter(|_| !is_lossy) else { return };
        if let Some(session) = self.sessions.get_mut(&pair(who, *other)) {
            session.receives(who, bytes.is_none());
        }
    }

    fn keys(&mut self, who: MemberId, real: &KeyPair, dht: &KeyPair) {
        self.by_key.insert(real.public, who);
        self.people.insert(who, [real.clone(), dht.clone()]);
    }

    fn started(&mut self, _: Nanos, who: MemberId, endpoint: &Endpoint, _: Option<usize>) {
        self.names.insert(who, endpoint.name().to_vec());
        let Ok(name) = str::from_utf8(endpoint.name()) else { return };
        let key = endpoint.real_key();
        if !name.is_empty() && !name.contains(char::is_control) && self.noted.insert((key, key)) {
            let _ = writeln!(self.log, "NAME {key} {name}");
        }
    }

    fn session(&mut self, made: &Made) {
        let Made { from, to, generation, sent, up } = made;
        let first = sent.first().copied().unwrap_or_default();
        self.write_until(first);
        let people = self.people.get(from).zip(self.people.get(to));
        let Some((ours, theirs)) = people.map(|(ours, theirs)| (ours.clone(), theirs.clone()))
        else {
            return;
        };
        let made = Session::make((*from, &ours), (*to, &theirs), *generation, &mut self.chance);
        let Some((session, keys)) = made else { return };
        for (ours, theirs, key) in &keys {
            self.note(ours, theirs, key);
        }
        self.sessions.insert(pair(*from, *to), session);
        let ([there, back], generation) = ([(*from, *to), (*to, *from)], *generation);
        let [requested, responded, shaken, answered] = *sent;
        self.plan(requested, there, generation, Content::Request);
        self.plan(responded, back, generation, Content::Response);
        self.plan(shaken, there, generation, Content::Handshake);
        self.plan(answered, back, generation, Content::Handshake);
        // The first packets of a friend connection (packets §6).
        let opened = up.first().copied().unwrap_or(answered);
        for (at, ends) in [(answered, back), (opened, there)] {
            let name = self.names.get(&ends.0).map_or(&[][..], Vec::as_slice);
            let nickname = [&[DataId::NICKNAME.0], name].concat();
            for (number, bytes) in [(0, vec![DataId::MESSENGER_ONLINE.0]), (1, nickname)] {
                self.plan(at, ends, generation, Content::Data { number, bytes, is_lossy: false });
            }
        }
    }

    fn sent(&mut self, sent: &Sent<'_>) {
        self.send(sent);
    }

    fn sent_again(&mut self, sent: &Sent<'_>) {
        self.send(sent);
    }

    fn closed(&mut self, now: Nanos, from: MemberId, to: MemberId, generation: u32) {
        self.write_until(now);
        if let Some(session) = self.sessions.get_mut(&pair(from, to)) {
            session.close(from, generation);
        }
    }

    fn ended(&mut self, now: Nanos, from: MemberId, to: MemberId, generation: u32) {
        self.plan(now, (from, to), generation, Content::Kill);
    }
}

#[cfg(test)]
mod tests;
