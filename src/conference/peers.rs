//! The peers of a conference: active ones, frozen ones, found by number and by key.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use super::Seconds;
use super::duplicates::Remembered;
use super::lossy::LossyWindow;
use crate::wire::{PeerNumber, PublicKey};

/// what an endpoint knows of one member of a conference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its number.
    pub number: PeerNumber,
    /// Its real key.
    pub real_key: PublicKey,
    /// Its DHT key, as far as known.
    pub dht_key: PublicKey,
    /// Its name, 0 to 128 bytes.
    pub name: Vec<u8>,
    /// When it was last active.
    pub last_active: Seconds,
    /// The DHT key was updated since the last thaw.
    pub dht_key_updated: bool,
    /// The name is from a Name message or an earlier response.
    pub name_learned: bool,
    /// It was a friend when the entry was made (B-13).
    pub(super) was_friend: bool,
    pub(super) remembered: Remembered,
    pub(super) lossy: LossyWindow,
}

impl Peer {
    /// A peer that nothing was heard of.
    pub(super) fn new(
        number: PeerNumber,
        real_key: PublicKey,
        dht_key: PublicKey,
        last_active: Seconds,
    ) -> Self {
        Self {
            number,
            real_key,
            dht_key,
            name: Vec::new(),
            last_active,
            dht_key_updated: true,
            name_learned: false,
            was_friend: false,
            remembered: Remembered::default(),
            lossy: LossyWindow::default(),
        }
    }

    /// The message numbers remembered, largest first.
    pub fn remembered(&self) -> impl Iterator<Item = u32> {
        self.remembered.numbers()
    }
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Active(usize),
    Frozen(usize),
}

/// active and frozen peers, each number and key once; both lists append and swap the last into a gap.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    active: Vec<Peer>,
    frozen: Vec<Peer>,
    numbers: Numbers,
    keys: BTreeMap<PublicKey, PeerNumber>,
}

impl Peers {
    pub(super) fn active(&self) -> &[Peer] {
        &self.active
    }

    pub(super) fn frozen(&self) -> &[Peer] {
        &self.frozen
    }

    #[inline]
    pub(super) fn find(&self, number: PeerNumber) -> Option<Place> {
        self.numbers.get(number)
    }

    pub(super) fn find_key(&self, key: &PublicKey) -> Option<Place> {
        self.find(*self.keys.get(key)?)
    }

    pub(super) fn get(&self, place: Place) -> Option<&Peer> {
        match place {
            Place::Active(index) => self.active.get(index),
            Place::Frozen(index) => self.frozen.get(index),
        }
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Peer> {
        match place {
            Place::Active(index) => self.active.get_mut(index),
            Place::Frozen(index) => self.frozen.get_mut(index),
        }
    }

    pub(super) fn by_key(&self, key: &PublicKey) -> Option<&Peer> {
        self.get(self.find_key(key)?)
    }

    pub(super) fn active_mut(&mut self, number: PeerNumber) -> Option<&mut Peer> {
        match self.find(number)? {
            Place::Active(index) => self.active.get_mut(index),
            Place::Frozen(_) => None,
        }
    }

    /// Appends an active peer whose number and key are new.
    pub(super) fn push_active(&mut self, peer: Peer) {
        debug_assert!(self.find(peer.number).is_none() && self.find_key(&peer.real_key).is_none());
        self.numbers.set(peer.number, Some(Place::Active(self.active.len())));
        self.keys.insert(peer.real_key, peer.number);
        self.active.push(peer);
    }

    /// Appends a frozen peer whose number and key are new.
    pub(super) fn push_frozen(&mut self, peer: Peer) {
        debug_assert!(self.find(peer.number).is_none() && self.find_key(&peer.real_key).is_none());
        self.numbers.set(peer.number, Some(Place::Frozen(self.frozen.len())));
        self.keys.insert(peer.real_key, peer.number);
        self.frozen.push(peer);
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Peer> {
        let list = match place {
            Place::Active(_) => &mut self.active,
            Place::Frozen(_) => &mut self.frozen,
        };
        let (Place::Active(index) | Place::Frozen(index)) = place;
        if index >= list.len() {
            return None;
        }
        let peer = list.swap_remove(index);
        let moved = list.get(index).map(|moved| moved.number);
        self.numbers.set(peer.number, None);
        self.keys.remove(&peer.real_key);
        if let Some(moved) = moved {
            self.numbers.set(moved, Some(place));
        }
        Some(peer)
    }

    /// Keeps the `limit` frozen peers that `order` puts first, and hands out the others.
    pub(super) fn evict_frozen<K: Ord>(
        &mut self,
        limit: usize,
        order: impl FnMut(&Peer) -> K,
    ) -> Vec<Peer> {
        self.frozen.sort_by_cached_key(order);
        let evicted = self.frozen.split_off(limit.min(self.frozen.len()));
        for peer in &evicted {
            self.numbers.set(peer.number, None);
            self.keys.remove(&peer.real_key);
        }
        for (index, peer) in self.frozen.iter().enumerate() {
            self.numbers.set(peer.number, Some(Place::Frozen(index)));
        }
        evicted
    }
}

// The indexes follow from the lists.
impl PartialEq for Peers {
    fn eq(&self, other: &Self) -> bool {
        self.active == other.active && self.frozen == other.frozen
    }
}

impl Eq for Peers {}

impl Hash for Peers {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.active.hash(state);
        self.frozen.hash(state);
    }
}

/// Peer numbers to places, in pages of 256: as fast with 65536 peers as with four, and nobody
/// can choose numbers that make it slow.
#[derive(Clone, Debug, Default)]
struct Numbers {
    pages: Vec<Option<Box<[u32; 256]>>>,
}

/// No peer. All others are an index times two, plus one for frozen.
const VACANT: u32 = u32::MAX;

impl Numbers {
    const fn split(number: PeerNumber) -> (usize, usize) {
        let [page, entry] = number.0.to_be_bytes();
        (page as usize, entry as usize)
    }

    #[inline]
    fn get(&self, number: PeerNumber) -> Option<Place> {
        let (page, entry) = Self::split(number);
        let coded = *self.pages.get(page)?.as_ref()?.get(entry)?;
        let index = (coded >> 1) as usize;
        match coded {
            VACANT => None,
            coded if coded & 1 == 0 => Some(Place::Active(index)),
            _ => Some(Place::Frozen(index)),
        }
    }

    fn set(&mut self, number: PeerNumber, place: Option<Place>) {
        let coded = match place {
            None => VACANT,
            Some(Place::Active(index)) => (index as u32) << 1,
            Some(Place::Frozen(index)) => (index as u32) << 1 | 1,
        };
        let (page, entry) = Self::split(number);
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let Some(page) = self.pages.get_mut(page) else { return };
        let page = page.get_or_insert_with(|| Box::new([VACANT; 256]));
        if let Some(entry) = page.get_mut(entry) {
            *entry = coded;
        }
    }
}
