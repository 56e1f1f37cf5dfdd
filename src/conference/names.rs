//! Names: our own and others'.

use super::Event;
use super::group::{Context, Group};
use super::peers::Place;
use crate::wire::{MessageBody, Name, PeerNumber};

impl Group {
    /// the client set our name, perhaps to what it was.
    pub(super) fn set_own_name(&mut self, cx: &mut Context<'_>) {
        let Some(own) = self.own else { return };
        if !cx.profile.own_name_from_wire
            && let Some(entry) = self.peers.active_mut(own)
        {
            entry.name.clone_from(&cx.me.name);
        }
        self.send_name(cx);
    }

    /// Sends a Name message with our name, and so the one that is scheduled. Without an online slot
    /// nothing is sent.
    fn send_name(&mut self, cx: &mut Context<'_>) {
        let me = cx.me;
        let sent = self.broadcast(cx, &MessageBody::Name(Name { name: &me.name })).is_ok();
        if sent || cx.profile.forgets_name {
            // it is kept until it can be sent; the original forgets it (B-11).
            self.name_scheduled = false;
        }
    }

    /// R-230, 5: the Name that was scheduled, once for all causes.
    pub(super) fn send_scheduled_name(&mut self, cx: &mut Context<'_>) {
        if self.name_scheduled {
            self.send_name(cx);
        }
    }

    /// a Name message, at most 128 bytes.
    pub(super) fn take_name(&mut self, cx: &mut Context<'_>, number: PeerNumber, name: &[u8]) {
        let Some(place) = self.peers.find(number) else { return };
        self.store_name(cx, place, name);
    }

    /// a name from a response, for an active peer whose name was never learned; says if
    /// it was taken.
    pub(super) fn take_listed_name(
        &mut self,
        cx: &mut Context<'_>,
        place: Place,
        name: &[u8],
    ) -> bool {
        let learned = self.peers.get(place).is_none_or(|peer| peer.name_learned);
        if learned || matches!(place, Place::Frozen(_)) {
            return false;
        }
        self.store_name(cx, place, name);
        true
    }

    /// what is learned here survives freezing, not reloading.
    fn store_name(&mut self, cx: &mut Context<'_>, place: Place, name: &[u8]) {
        let Some(peer) = self.peers.get_mut(place) else { return };
        if peer.real_key == cx.me.real_key && !cx.profile.own_name_from_wire {
            // ours is what the client set, whatever comes back or is forged.
            return;
        }
        peer.name_learned = true;
        if peer.name == name {
            return;
        }
        peer.name = name.to_vec();
        let peer = peer.number;
        cx.event(Event::Named { group: self.number, peer, name: name.to_vec() });
    }
}
