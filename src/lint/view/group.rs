//! A conference, as one endpoint knows it.

use std::collections::{BTreeMap, BTreeSet};

use crate::lint::finding::Spot;
use crate::lint::guard::Level;
use crate::time::Timestamp;
use crate::wire::{MessageNumber, PeerNumber, PublicKey};

/// Message numbers that an endpoint remembers of each author.
pub(in crate::lint) const REMEMBERED: usize = 8;
/// Peers that left that are kept in mind.
pub(super) const KILLED: usize = 64;

/// Neighbours that are wanted on either side.
const SIDE: usize = 2;

/// Members that are gone that are kept in mind.
const GONE: usize = 16;

/// Nanoseconds without a sign of a peer after which it is frozen for sure.
const FROZEN: i64 = 65 * super::SECOND;
/// Titles that are kept in mind.
const TITLES: usize = 8;

/// A conference, as one endpoint knows it.
pub struct Group {
    /// Whose view this is; never one of its peers.
    pub of: PublicKey,
    /// Tells instances apart: leaving and joining again makes another one.
    pub instance: u32,
    /// How well its joining is known.
    pub birth: Level,
    /// It was first heard of as it invited somebody, so it may have created the conference.
    pub founder: bool,
    /// It has accepted an invitation and does not know its number yet.
    pub joining: bool,
    /// Its own number, and how well that is known.
    pub own: Option<(PeerNumber, Level)>,
    /// The newest number that it gave a message of its own, and where.
    pub newest: Option<(MessageNumber, Spot)>,
    /// The newest number that it ever gave a message of its own.
    pub highest: Option<MessageNumber>,
    /// Where its numbers went back, until they are new again.
    pub back: Option<Spot>,
    /// Peers that left for good, with their numbers.
    pub killed: BTreeMap<PublicKey, (PeerNumber, Spot)>,
    /// Session and number of the packets that said so.
    pub killed_by: BTreeMap<PublicKey, (u32, u32)>,
    /// When it pinged last.
    pub pinged: Option<Spot>,
    /// When it said its name last.
    pub named: Option<Spot>,
    /// It left for good.
    pub left: Option<Spot>,
    /// The title: what it said of it, or received, last. `None` if not known; empty if unset.
    pub title: Option<Vec<u8>>,
    /// Titles that it was told since it joined, in Title Responses, as long as nobody set one.
    pub told: Vec<(Vec<u8>, Spot)>,
    /// Somebody set the title, or may have.
    pub titled: bool,
    /// When it listed peers last.
    pub listed: Option<Timestamp>,
    /// Peers that it left out of its last list, and where that was.
    pub omitted: BTreeMap<PublicKey, Spot>,
    /// Friends whom it introduced, or who introduced it, once.
    pub introduced: BTreeSet<PublicKey>,
    /// Peers, by number.
    pub peers: BTreeMap<PeerNumber, Peer>,
    /// Their numbers, by key.
    pub numbers: BTreeMap<PublicKey, PeerNumber>,
    /// Members that it does not know any more.
    pub gone: BTreeSet<PublicKey>,
}

/// A member, as another knows it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its real key.
    pub key: PublicKey,
    /// How well it is known that the endpoint has it in a list.
    pub level: Level,
    /// Where it was named first.
    pub since: Spot,
    /// When something came that counts as its activity.
    pub active: Option<Timestamp>,
    /// Session and number of the packet that was its last activity; none if the endpoint itself said so.
    pub handled: Option<(u32, u32)>,
    /// It was listed again by somebody after it had left.
    pub returned: Option<Spot>,
    /// It said Freeze.
    pub froze: Option<Spot>,
    /// The DHT key that it was last announced with by fresh information.
    pub dht_key: Option<PublicKey>,
    /// The DHT key that the endpoint itself announced it with last.
    pub announced: Option<(PublicKey, Spot)>,
    /// The newest message of it that came.
    pub heard: Option<MessageNumber>,
    /// The newest messages of it that the endpoint passed on, newest first, with their ids.
    pub relayed: Vec<(MessageNumber, u8)>,
}

/// Whether `m` is newer than `r`, around the wrap of the numbers.
pub(in crate::lint) const fn newer(m: MessageNumber, r: MessageNumber) -> bool {
    let ahead = m.0.wrapping_sub(r.0);
    1 <= ahead && ahead <= (1 << 31) + 1
}

/// Those next to a member on the ring of keys, two on either side.
fn next_on_the_ring<'a>(
    me: &PublicKey,
    members: impl Iterator<Item = &'a PublicKey>,
) -> BTreeSet<PublicKey> {
    let place =
        |key: &PublicKey| u64::from_be_bytes(key.0.first_chunk().copied().unwrap_or_default());
    let others = members.filter(|key| *key != me);
    let others: BTreeSet<_> =
        others.map(|key| (place(key).wrapping_sub(place(me)), *key)).collect();
    let ends = others.iter().take(SIDE).chain(others.iter().rev().take(SIDE));
    ends.map(|(_, key)| *key).collect()
}

impl Group {
    pub(in crate::lint) const fn new(of: PublicKey, instance: u32) -> Self {
        Self {
            of,
            instance,
            birth: Level::Unknown,
            founder: false,
            joining: false,
            own: None,
            newest: None,
            highest: None,
            back: None,
            killed: BTreeMap::new(),
            killed_by: BTreeMap::new(),
            pinged: None,
            named: None,
            left: None,
            title: None,
            told: Vec::new(),
            titled: false,
            listed: None,
            omitted: BTreeMap::new(),
            introduced: BTreeSet::new(),
            peers: BTreeMap::new(),
            numbers: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }

    /// A peer is named. A new one needs room; gives whether there was. Others announce the endpoint to itself
    /// as to everybody else: that makes no peer.
    pub(in crate::lint) fn name(
        &mut self,
        number: PeerNumber,
        key: PublicKey,
        spot: Spot,
        level: Level,
        room: &mut usize,
    ) -> bool {
        if key == self.of {
            return true;
        }
        if let Some(peer) = self.peers.get_mut(&number) {
            if peer.key != key {
                return true;
            }
            peer.level = peer.level.max(level);
            return true;
        }
        if *room == 0 {
            return false;
        }
        *room -= 1;
        self.killed.remove(&key);
        if let Some(before) = self.numbers.insert(key, number)
            && self.peers.remove(&before).is_some()
        {
            *room += 1;
        }
        let peer = Peer {
            key,
            level,
            since: spot,
            active: Some(spot.at),
            handled: None,
            returned: None,
            froze: None,
            dht_key: None,
            announced: None,
            heard: None,
            relayed: Vec::new(),
        };
        self.peers.insert(number, peer);
        true
    }

    /// Members that are or were next to it on the ring, two on either side: those it wants as neighbours
    ///
    pub(in crate::lint) fn wanted(&self, me: &PublicKey) -> BTreeSet<PublicKey> {
        let mut wanted = next_on_the_ring(me, self.numbers.keys());
        wanted.extend(next_on_the_ring(me, self.numbers.keys().chain(&self.gone)));
        wanted
    }

    /// It begins anew after that one, which it left.
    pub(in crate::lint) fn follows(&mut self, before: &Self) {
        self.gone.clone_from(&before.gone);
        for key in before.numbers.keys() {
            self.goes(*key);
        }
    }

    fn goes(&mut self, key: PublicKey) {
        if self.gone.len() < GONE {
            self.gone.insert(key);
        }
    }

    /// It starts again from what it saved: everybody is frozen, nothing is remembered of messages.
    pub(in crate::lint) fn restart(&mut self) {
        self.birth = self.birth.min(Level::Assumed);
        self.pinged = None;
        self.named = None;
        self.title = None;
        self.titled = true;
        for peer in self.peers.values_mut() {
            peer.active = None;
            peer.level = peer.level.min(Level::Assumed);
            peer.relayed.clear();
            peer.heard = None;
        }
    }

    /// A Title Response comes to somebody who joined, and has no title yet for all that is known.
    pub(in crate::lint) fn is_told_title(&mut self, title: &[u8], spot: Spot) {
        if self.birth == Level::Known && !self.titled && self.told.len() < TITLES {
            self.told.push((title.to_vec(), spot));
        }
    }

    /// A peer leaves for good.
    pub(in crate::lint) fn remove(&mut self, number: PeerNumber, room: &mut usize) {
        if let Some(peer) = self.peers.remove(&number) {
            *room += 1;
            self.omitted.remove(&peer.key);
            self.goes(peer.key);
            if self.numbers.get(&peer.key) == Some(&number) {
                self.numbers.remove(&peer.key);
            }
        }
    }
}

impl Peer {
    /// Whether it is frozen for want of signs.
    #[must_use]
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.active.is_some_and(|active| now.nanos_since(active) > FROZEN)
    }

    /// The endpoint passed on a message of it.
    pub(in crate::lint) fn relays(&mut self, number: MessageNumber, id: u8) {
        if self.relayed.iter().any(|(known, _)| *known == number) {
            return;
        }
        let older = |known: &(MessageNumber, u8)| !newer(number, known.0);
        let place = self.relayed.iter().take_while(|known| older(known)).count();
        self.relayed.insert(place, (number, id));
        self.relayed.truncate(REMEMBERED);
    }
}
