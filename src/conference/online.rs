//! The handshake that brings slots online.

use super::group::{Context, Group};
use super::slots::Reasons;
use super::{DropReason, Pings, Seconds};
use crate::wire::{Online, Packet, PublicKey};

/// How old our last Online must be before we answer one on an online slot, in seconds.
const REPAIR_AFTER: Seconds = 10;

impl Group {
    /// Sends Online on a slot.
    pub(super) fn send_online(&mut self, cx: &mut Context<'_>, index: usize) {
        let online = Online { group_number: self.number, conference: self.conference };
        if let Some(slot) = self.slots.get_mut(index) {
            slot.online_sent = Some(cx.now);
            cx.send(&slot.friend, &Packet::Online(online));
        }
    }

    /// the friend connection of a slot came up.
    pub(super) fn greet(&mut self, cx: &mut Context<'_>, friend: &PublicKey) {
        if let Some(index) = self.slots.find(friend) {
            self.send_online(cx, index);
        }
    }

    /// the friend connection of a slot went down; says if there was a slot.
    pub(super) fn slot_down(&mut self, friend: &PublicKey) -> bool {
        let slot = self.slots.find(friend).and_then(|index| self.slots.get_mut(index));
        match slot {
            Some(slot) => {
                slot.online = false;
                slot.online_sent = None;
                true
            }
            None => false,
        }
    }

    /// whoever is second to arrive at an online slot is dropped.
    pub(super) fn handle_online(
        &mut self,
        cx: &mut Context<'_>,
        friend: &PublicKey,
        online: Online,
    ) -> Result<(), DropReason> {
        let index = self.slots.find(friend).ok_or(DropReason::NoSlot)?;
        let slot = *self.slots.get(index).ok_or(DropReason::NoSlot)?;
        if slot.online {
            return self.repair(cx, index, online);
        }
        let introducer =
            slot.reasons.contains(Reasons::INTRODUCER) && cx.profile.announces_on_online;
        if introducer || !self.slots.any_online() {
            cx.send_query(friend, online.group_number);
        }
        // this is how a slot learns a new number.
        self.set_online(index, online.group_number);
        self.send_online(cx, index);
        if slot.reasons.contains(Reasons::INTRODUCING) && cx.profile.announces_on_online {
            self.introduce(cx, friend);
            self.name_scheduled = true;
        }
        match cx.profile.ping_on_online {
            // R-142, D-012.
            Pings::Always => self.ping(cx),
            Pings::IfDue => self.ping_if_due(cx),
            Pings::Never => {}
        }
        Ok(())
    }

    /// R-066(d): names the peer at the other side to everybody.
    fn introduce(&mut self, cx: &mut Context<'_>, friend: &PublicKey) {
        let dht_key = cx.connections.get(friend).map(|connection| connection.dht_key);
        let peer = self.peers.by_key(friend).filter(|_| self.is_active(friend));
        if let (Some(number), Some(dht_key)) = (peer.map(|peer| peer.number), dht_key) {
            // Without our own number there is no message.
            let _ = self.announce(cx, number, *friend, dht_key);
        }
    }

    /// where a profile asks for it, an Online on an online slot is answered once if our
    /// last one is old (B-09). Never unconditionally: two endpoints would not stop.
    fn repair(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
        online: Online,
    ) -> Result<(), DropReason> {
        let slot = self.slots.get(index).ok_or(DropReason::NoSlot)?;
        let old = slot.online_sent.is_none_or(|sent| sent + REPAIR_AFTER < cx.now);
        let same = slot.group_number == Some(online.group_number);
        if !(cx.profile.repairs_half_open && old && same) {
            return Err(DropReason::SlotOnline);
        }
        self.send_online(cx, index);
        Ok(())
    }
}
