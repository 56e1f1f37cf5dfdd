//! How peers become known and how they go.

use super::group::{Context, Group};
use super::peers::Place;
use super::{Departure, DropReason, Event, Peer};
use crate::wire::{PeerEntry, PeerNumber, PublicKey};

impl Group {
    /// what comes straight from a peer or from a New Peer message. R-175: it always
    /// replaces the DHT key.
    pub(super) fn learn_fresh(
        &mut self,
        cx: &mut Context<'_>,
        number: PeerNumber,
        key: PublicKey,
        dht_key: PublicKey,
    ) -> Result<(), DropReason> {
        if cx.profile.looks_up_by_key {
            return self.learn_by_key(cx, number, key, dht_key);
        }
        self.killed.remove(&number);
        let Some(place) = self.peers.find(number) else {
            return self.add(cx, number, key, dht_key).map(|_| ());
        };
        let matches = self.peers.get(place).is_some_and(|peer| peer.real_key == key);
        if !matches {
            if cx.profile.activity_before_key {
                // B-25: the original refreshes or thaws the holder of the number first.
                self.note_active(cx, place);
            }
            return Err(DropReason::NumberTaken);
        }
        let own = key == cx.me.real_key && !cx.profile.own_entry_unprotected;
        if own {
            self.note_active(cx, place);
            return Ok(());
        }
        // the new key is there before the peer is offered to the closest set (B-08).
        if !cx.profile.stale_closest_key {
            self.set_dht_key(place, dht_key);
        }
        let place = self.note_active(cx, place);
        self.set_dht_key(place, dht_key);
        Ok(())
    }

    fn set_dht_key(&mut self, place: Place, dht_key: PublicKey) {
        if let Some(peer) = self.peers.get_mut(place) {
            peer.dht_key = dht_key;
            peer.dht_key_updated = true;
        }
    }

    /// an entry of a Peer Response; gives the place of the peer.
    pub(super) fn learn_listed(
        &mut self,
        cx: &mut Context<'_>,
        entry: &PeerEntry<'_>,
    ) -> Result<Place, DropReason> {
        let PeerEntry { peer_number, real_key, dht_key, .. } = *entry;
        if cx.profile.looks_up_by_key {
            self.learn_by_key(cx, peer_number, real_key, dht_key)?;
            return self.peers.find(peer_number).ok_or(DropReason::UnknownPeer);
        }
        let Some(place) = self.peers.find(peer_number) else {
            if self.was_killed(cx, peer_number) {
                return Err(DropReason::AuthorKilled);
            }
            return self.add(cx, peer_number, real_key, dht_key);
        };
        let peer = self.peers.get_mut(place).ok_or(DropReason::UnknownPeer)?;
        if peer.real_key != real_key {
            return Err(DropReason::NumberTaken);
        }
        let own = real_key == cx.me.real_key && !cx.profile.own_entry_unprotected;
        match place {
            Place::Frozen(_) => peer.dht_key = dht_key,
            Place::Active(_) if !peer.dht_key_updated && !own => {
                peer.dht_key = dht_key;
                peer.dht_key_updated = true;
            }
            Place::Active(_) => {}
        }
        Ok(place)
    }

    /// Adds a peer under a number that nobody has.
    fn add(
        &mut self,
        cx: &mut Context<'_>,
        number: PeerNumber,
        key: PublicKey,
        dht_key: PublicKey,
    ) -> Result<Place, DropReason> {
        if key == cx.me.real_key && !cx.profile.own_entry_unprotected {
            // R-035, last sentence; the original does not protect it (B-05).
            return Err(DropReason::AboutOurselves);
        }
        let full = |limit| self.peers.active().len() >= limit as usize;
        let known = self.peers.find_key(&key);
        if known.is_none() && cx.profile.peer_limit.is_some_and(full) {
            // D-024.
            return Err(DropReason::TooManyPeers);
        }
        // the entry under the old number goes first.
        match known {
            Some(Place::Active(index)) => {
                self.take_active(cx, index, Departure::Replaced);
            }
            Some(Place::Frozen(_)) => {
                self.peers.remove(known.expect("it was just matched"));
            }
            None => {}
        }
        let mut peer = Peer::new(number, key, dht_key, cx.now);
        peer.was_friend = cx.connections.is_friend(&key);
        self.closest.offer(cx.profile.prefix, &cx.me.real_key, &peer);
        let place = Place::Active(self.peers.active().len());
        self.peers.push_active(peer);
        self.next_time_out = self.next_time_out.min(cx.now + super::FREEZE_TIMEOUT);
        cx.event(Event::PeerJoined {
            group: self.number,
            peer: number,
            real_key: key,
            thawed: false,
        });
        Ok(place)
    }

    /// D-064: members of before 0.2.8 look peers up by key, and refuse a second number.
    fn learn_by_key(
        &mut self,
        cx: &mut Context<'_>,
        number: PeerNumber,
        key: PublicKey,
        dht_key: PublicKey,
    ) -> Result<(), DropReason> {
        if let Some(place) = self.peers.find_key(&key) {
            self.set_dht_key(place, dht_key);
            let same = self.peers.get(place).is_some_and(|peer| peer.number == number);
            return if same { Ok(()) } else { Err(DropReason::KnownOtherwise) };
        }
        if self.peers.find(number).is_some() {
            return Err(DropReason::NumberTaken);
        }
        self.add(cx, number, key, dht_key).map(|_| ())
    }

    /// takes a peer out of the active list, the closest set and the slots, and tells
    /// the client.
    pub(super) fn take_active(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
        why: Departure,
    ) -> Option<Peer> {
        let peer = self.peers.remove(Place::Active(index))?;
        self.closest.remove(&peer.real_key);
        if why != Departure::Frozen || cx.profile.drops_frozen_slots {
            self.drop_slot_of(cx, &peer.real_key);
        }
        // who is replaced is back at once under the new number, and nobody is gone.
        if why != Departure::Replaced {
            self.lose_freshness(cx);
        }
        cx.event(Event::PeerLeft {
            group: self.number,
            peer: peer.number,
            real_key: peer.real_key,
            why,
        });
        Some(peer)
    }
}
