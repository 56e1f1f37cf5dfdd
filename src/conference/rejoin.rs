//! Rejoining: finding together again over a friend connection.

use super::DropReason;
use super::group::{Context, Group};
use super::peers::Place;
use super::slots::Reasons;
use crate::wire::{Packet, PublicKey, Rejoin};

impl Group {
    /// the friend connection to a frozen peer came up; says if a Rejoin was sent.
    pub(super) fn rejoin_frozen(&mut self, cx: &mut Context<'_>, friend: &PublicKey) -> bool {
        let frozen = matches!(self.peers.find_key(friend), Some(Place::Frozen(_)));
        frozen && self.send_rejoin(cx, friend)
    }

    /// sends a Rejoin over a connection that is up, and waits on a slot. R-165:
    /// nobody repeats it.
    pub(super) fn send_rejoin(&mut self, cx: &mut Context<'_>, friend: &PublicKey) -> bool {
        if !cx.connections.is_up(friend) {
            return false;
        }
        let rejoin = Rejoin { conference: self.conference, trailing: &[] };
        cx.send(friend, &Packet::Rejoin(rejoin));
        self.add_slot(cx, friend, Reasons::INTRODUCER).is_some()
    }

    /// somebody rejoins. R-163: on any connection, whether it ever had a slot or not.
    /// what follows comes with the answer to our Online.
    pub(super) fn handle_rejoin(
        &mut self,
        cx: &mut Context<'_>,
        friend: &PublicKey,
    ) -> Result<(), DropReason> {
        // D-017.
        let peer = self.peers.by_key(friend).ok_or(DropReason::UnknownPeer)?;
        let number = peer.number;
        let dht_key = cx.connections.get(friend).ok_or(DropReason::NotConnected)?.dht_key;
        self.learn_fresh(cx, number, *friend, dht_key)?;
        let slot = self.add_slot(cx, friend, Reasons::INTRODUCING);
        let slot = slot.ok_or(DropReason::NoFreeSlot)?;
        self.send_online(cx, slot);
        Ok(())
    }
}
