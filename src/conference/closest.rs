//! The closest peers: who is wanted as a neighbour.
//!
//! The keys form a ring. Each peer wants connections to the two next to it on either side.

use super::group::{Context, Group};
use super::slots::Reasons;
use super::{Output, Peer};
use crate::wire::PublicKey;

/// How much of a key counts for closeness (R-040, D-041).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// The first 8 bytes, modulo 2^64.
    First8,
    /// The whole key, modulo 2^256.
    Whole,
}

/// A distance on the ring, most significant word first.
pub(super) type Distance = [u64; 4];

impl Prefix {
    /// `v(from) − v(to)`, modulo the size of the ring.
    pub(super) fn distance(self, from: &PublicKey, to: &PublicKey) -> Distance {
        let word = |key: &PublicKey, index: usize| {
            let chunk = key.0.as_chunks::<8>().0.get(index).expect("a key has four words");
            u64::from_be_bytes(*chunk)
        };
        match self {
            Self::First8 => [word(from, 0).wrapping_sub(word(to, 0)), 0, 0, 0],
            Self::Whole => {
                let mut distance = [0; 4];
                let mut borrowed = false;
                for (index, part) in distance.iter_mut().enumerate().rev() {
                    let (first, low) = word(from, index).overflowing_sub(word(to, index));
                    let (second, lower) = first.overflowing_sub(u64::from(borrowed));
                    *part = second;
                    borrowed = low || lower;
                }
                distance
            }
        }
    }
}

/// A cell: whom it holds, and the DHT key as it was when the peer was offered (B-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    key: PublicKey,
    dht_key: PublicKey,
}

/// What changed since the last pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Change {
    #[default]
    None,
    Added,
    Removed,
}

/// the two nearest on either side, in four cells. A cell's position carries no meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Closest {
    cells: [Option<Cell>; 4],
    change: Change,
    /// Somebody found no free slot.
    unserved: bool,
}

impl Closest {
    pub(super) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.cells.iter().flatten().map(|cell| &cell.key)
    }

    pub(super) fn contains(&self, key: &PublicKey) -> bool {
        self.keys().any(|held| held == key)
    }

    pub(super) const fn is_changed(&self) -> bool {
        !matches!(self.change, Change::None)
    }

    pub(super) const fn is_unserved(&self) -> bool {
        self.unserved
    }

    /// offers a peer to the cells; who is displaced is offered again.
    pub(super) fn offer(&mut self, prefix: Prefix, own: &PublicKey, peer: &Peer) {
        let mut offered = Cell { key: peer.real_key, dht_key: peer.dht_key };
        if offered.key == *own || self.contains(&offered.key) {
            return;
        }
        // Each round brings the cells closer, so there are few; the bound is a belt.
        for _ in 0..64 {
            let Some(cell) = self.cell_for(prefix, own, &offered.key) else { return };
            let displaced = cell.replace(offered);
            if self.change == Change::None {
                self.change = Change::Added;
            }
            match displaced {
                Some(displaced) => offered = displaced,
                None => return,
            }
        }
    }

    /// the cell to put `key` into. R-043: the comparisons are strict, ties keep the holder.
    fn cell_for(
        &mut self,
        prefix: Prefix,
        own: &PublicKey,
        key: &PublicKey,
    ) -> Option<&mut Option<Cell>> {
        if let Some(free) = self.cells.iter().position(Option::is_none) {
            return self.cells.get_mut(free);
        }
        let mut found = None;
        let mut largest = [0; 4];
        for (index, held) in self.cells.iter().flatten().enumerate() {
            let distance = |key: &PublicKey| match index {
                0 | 1 => prefix.distance(own, key),
                _ => prefix.distance(key, own),
            };
            let held = distance(&held.key);
            if held > distance(key) && held > largest {
                largest = held;
                found = Some(index);
            }
        }
        self.cells.get_mut(found?)
    }

    /// a peer is not active any more.
    pub(super) fn remove(&mut self, key: &PublicKey) {
        let mut cells = self.cells.iter_mut();
        if let Some(cell) = cells.find(|cell| cell.is_some_and(|held| held.key == *key)) {
            *cell = None;
            self.change = Change::Removed;
        }
    }
}

impl Group {
    /// R-230, 1: acts on what changed in the closest set, and retries.
    pub(super) fn connect_to_closest(&mut self, cx: &mut Context<'_>) {
        let retry = self.closest.unserved && self.slots.has_free();
        if !self.closest.is_changed() && !retry {
            return;
        }
        if self.closest.change == Change::Removed {
            for peer in self.peers.active() {
                self.closest.offer(cx.profile.prefix, &cx.me.real_key, peer);
            }
        }
        self.drop_distant(cx);
        self.closest.unserved = false;
        for index in 0..self.closest.cells.len() {
            if let Some(Some(cell)) = self.closest.cells.get(index).copied() {
                self.connect_to(cx, cell);
            }
        }
        self.closest.change = Change::None;
    }

    /// slots of peers that left the set lose the reason CLOSEST.
    fn drop_distant(&mut self, cx: &mut Context<'_>) {
        for index in 0..super::MAX_SLOTS {
            let Some(slot) = self.slots.get(index) else { continue };
            if slot.reasons.contains(Reasons::CLOSEST) && !self.closest.contains(&slot.friend) {
                self.remove_reason(cx, index, Reasons::CLOSEST);
            }
        }
    }

    ///
    fn connect_to(&mut self, cx: &mut Context<'_>, cell: Cell) {
        if cx.connections.get(&cell.key).is_none() {
            if !self.slots.has_free() {
                // B-12: the original does not come back to it.
                self.closest.unserved = !cx.profile.forgets_closest;
                return;
            }
            // R-047; B-08: the original uses the copy in the cell.
            let entry = self.peers.by_key(&cell.key).filter(|_| !cx.profile.stale_closest_key);
            let dht_key = entry.map_or(cell.dht_key, |peer| peer.dht_key);
            cx.connections.create(cell.key, dht_key, false);
            cx.out.push_back(Output::Open { friend: cell.key, dht_key });
        }
        let Some(index) = self.add_slot(cx, &cell.key, Reasons::CLOSEST) else {
            self.closest.unserved = !cx.profile.forgets_closest;
            return;
        };
        let online = self.slots.get(index).is_some_and(|slot| slot.online);
        // D-045: old releases sent it to everybody, at every change.
        if cx.connections.is_up(&cell.key) && (!online || cx.profile.gratuitous_online) {
            self.send_online(cx, index);
        }
    }
}
