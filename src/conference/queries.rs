//! Peer queries and peer responses.

use super::group::{Context, Group};
use super::peers::Place;
use super::{DropReason, Event, Output};
use crate::wire::{
    GroupNumber, Packet, PeerEntry, PeerNumber, PeerQuery, PeerResponse, PublicKey, TitleResponse,
};

/// Bytes of entries that fit into one response (packets §8.3).
const MAX_ENTRIES: usize = 1369;

impl Context<'_> {
    /// asks a neighbour for peers.
    pub(super) fn send_query(&mut self, friend: &PublicKey, group_number: GroupNumber) {
        self.send(friend, &Packet::PeerQuery(PeerQuery { group_number, trailing: &[] }));
    }
}

impl Group {
    /// answers a query, on an online slot only.
    pub(super) fn handle_query(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
    ) -> Result<(), DropReason> {
        let slot = self.slots.get(index).ok_or(DropReason::NoSlot)?;
        if !slot.online && cx.profile.direct_when_online_only {
            return Err(DropReason::SlotConnecting);
        }
        let (friend, group_number) = (slot.friend, slot.group_number.unwrap_or(GroupNumber(0)));
        let empty_response = cx.profile.empty_response;
        let mut respond = |entries: &mut Vec<u8>| {
            cx.send(&friend, &Packet::PeerResponse(PeerResponse { group_number, entries }));
            entries.clear();
        };
        let mut entries = Vec::new();
        // frozen peers are left out.
        for peer in self.peers.active() {
            let entry = PeerEntry {
                peer_number: peer.number,
                real_key: peer.real_key,
                dht_key: peer.dht_key,
                name: &peer.name,
            };
            if entries.len() + entry.size() > MAX_ENTRIES {
                respond(&mut entries);
            }
            entry.emit(&mut entries);
        }
        // D-067.
        if !entries.is_empty() || empty_response {
            respond(&mut entries);
        }
        if !self.title.is_empty() {
            // D-054.
            let title = TitleResponse { group_number, title: &self.title };
            cx.send(&friend, &Packet::TitleResponse(title));
        }
        Ok(())
    }

    /// takes in a response, asked for or not. R-082: each packet stands alone.
    pub(super) fn handle_response(
        &mut self,
        cx: &mut Context<'_>,
        response: &PeerResponse<'_>,
    ) -> Result<(), DropReason> {
        let mut effect = false;
        let mut peers = response.peers();
        for entry in peers.by_ref() {
            match self.take_entry(cx, &entry) {
                Ok(changed) => effect |= changed,
                Err(reason) => {
                    // the entries behind it stand.
                    let _ = reason;
                    cx.out.push_back(Output::Dropped(DropReason::EntryRefused(entry.peer_number)));
                }
            }
            let frozen = matches!(self.peers.find(entry.peer_number), Some(Place::Frozen(_)));
            let refused = self.peers.by_key(&entry.real_key).map(|peer| peer.number)
                != Some(entry.peer_number);
            if cx.profile.response_stops_early && (frozen || refused) {
                // B-02.
                return Ok(());
            }
        }
        if cx.profile.stores_before_name {
            effect |= self.take_nameless(cx, peers.rest());
        }
        match response.fault() {
            Some(fault) => Err(DropReason::Malformed(fault)),
            None if effect => Ok(()),
            None => Err(DropReason::NothingNew),
        }
    }

    /// One entry; says if it changed anything.
    fn take_entry(
        &mut self,
        cx: &mut Context<'_>,
        entry: &PeerEntry<'_>,
    ) -> Result<bool, DropReason> {
        let (place, changed) = self.take_keys(cx, entry)?;
        let named = self.take_listed_name(cx, place, entry.name);
        Ok(changed || named)
    }

    /// Number and keys of an entry: the place of the peer, and whether that was news.
    fn take_keys(
        &mut self,
        cx: &mut Context<'_>,
        entry: &PeerEntry<'_>,
    ) -> Result<(Place, bool), DropReason> {
        let joins = entry.real_key == cx.me.real_key && self.own.is_none();
        if joins {
            self.become_member(cx, entry.peer_number)?;
        }
        let before = self.peers.by_key(&entry.real_key).map(|peer| (peer.number, peer.dht_key));
        let place = self.learn_listed(cx, entry)?;
        let after = self.peers.get(place).map(|peer| (peer.number, peer.dht_key));
        Ok((place, joins || before != after))
    }

    /// our own number, at last.
    fn become_member(
        &mut self,
        cx: &mut Context<'_>,
        number: PeerNumber,
    ) -> Result<(), DropReason> {
        if cx.profile.own_entry_unprotected {
            // B-05: whatever becomes of the entry, the number is ours.
            self.own = Some(number);
        } else if self.peers.find(number).is_some() {
            // Under a number that is taken we could not be told from its holder (R-034, I-004).
            return Err(DropReason::NumberTaken);
        } else {
            self.enter_ourselves(cx, number);
        }
        // here, and not after a reload.
        cx.event(Event::Connected { group: self.number });
        self.name_scheduled = true;
        Ok(())
    }

    /// B-20: the original takes keys and number of an entry whose name is malformed.
    fn take_nameless(&mut self, cx: &mut Context<'_>, rest: &[u8]) -> bool {
        let Some((head, _)) = rest.split_at_checked(PeerEntry::MIN_SIZE - 1) else { return false };
        let (Some(number), Some(real), Some(dht)) =
            (head.first_chunk::<2>(), head.get(2..34), head.get(34..66))
        else {
            return false;
        };
        let (Some(real_key), Some(dht_key)) =
            (PublicKey::from_slice(real), PublicKey::from_slice(dht))
        else {
            return false;
        };
        if rest.len() < PeerEntry::MIN_SIZE {
            return false;
        }
        let peer_number = PeerNumber(u16::from_be_bytes(*number));
        let entry = PeerEntry { peer_number, real_key, dht_key, name: &[] };
        self.take_keys(cx, &entry).is_ok_and(|(_, changed)| changed)
    }
}
