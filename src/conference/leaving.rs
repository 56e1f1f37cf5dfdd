//! Leaving, and losing all connections.

use super::group::{Context, Group};
use super::{FREEZE_TIMEOUT, MAX_SLOTS};
use crate::wire::{FreezePeer, KillPeer, MessageBody, PeerNumber};

impl Group {
    /// leaves for good.
    pub(super) fn leave(&mut self, cx: &mut Context<'_>) {
        if let Some(own) = self.own {
            let kill = KillPeer { killed_peer_number: own };
            // Without an online slot nobody hears it.
            let _ = self.broadcast(cx, &MessageBody::KillPeer(kill));
        }
        self.drop_all_slots(cx);
    }

    /// goes away for a while; R-243: before 0.2.9 there was only leaving (D-035).
    pub(super) fn go_away(&mut self, cx: &mut Context<'_>) {
        if !cx.profile.freeze_messages {
            return self.leave(cx);
        }
        if let Some(own) = self.own {
            let freeze = FreezePeer { frozen_peer_number: own };
            let _ = self.broadcast(cx, &MessageBody::FreezePeer(freeze));
        }
        self.drop_all_slots(cx);
    }

    fn drop_all_slots(&mut self, cx: &mut Context<'_>) {
        for index in 0..MAX_SLOTS {
            self.drop_slot(cx, index);
        }
    }

    /// R-190, where a profile asks for it: the number belonged to somebody who left less than a
    /// minute ago (B-14).
    pub(super) fn was_killed(&self, cx: &Context<'_>, number: PeerNumber) -> bool {
        let killed = self.killed.get(&number);
        killed.is_some_and(|at| cx.now < at.saturating_add(FREEZE_TIMEOUT))
    }

    /// Forgets killed numbers after a minute.
    pub(super) fn forget_killed(&mut self, cx: &Context<'_>) {
        self.killed.retain(|_, at| cx.now < at.saturating_add(FREEZE_TIMEOUT));
    }

    /// a friend connection with a slot went down; if no slot is online now, everybody
    /// but ourselves is frozen (D-020). R-196: nothing else leads here.
    pub(super) fn freeze_if_disconnected(&mut self, cx: &mut Context<'_>) {
        if !cx.profile.freezes_when_disconnected || self.slots.any_online() {
            return;
        }
        let mut index = 0;
        while let Some(peer) = self.peers.active().get(index) {
            if peer.real_key == cx.me.real_key {
                index += 1;
            } else {
                self.freeze(cx, index);
            }
        }
    }
}
