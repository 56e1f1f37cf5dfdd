//! Inviting, accepting, and answering as a member.

use super::endpoint::Endpoint;
use super::group::{Context, Group};
use super::slots::Reasons;
use super::{Dice, DropReason, Event};
use crate::wire::{
    Conference, ConferenceType, Invite, InviteAccepted, InviteMember, MessageBody, NewPeer, Packet,
    PeerNumber, PublicKey,
};

/// How many numbers are drawn before giving up.
const DRAWS: u32 = 33;

impl Endpoint {
    /// a client accepts an invitation.
    pub(super) fn accept(
        &mut self,
        friend: &PublicKey,
        invitation: Invite,
    ) -> Result<(), DropReason> {
        let Conference { kind, .. } = invitation.conference;
        if ![ConferenceType::TEXT, ConferenceType::AUDIO].contains(&kind) {
            //
            return Err(DropReason::UnknownType);
        }
        if !self.connections.is_friend(friend) {
            return Err(DropReason::NotAFriend);
        }
        if self.knows(&invitation.conference) {
            //
            return Err(DropReason::AlreadyJoined);
        }
        if !self.connections.is_up(friend) {
            self.groups.leave_gap();
            return Err(DropReason::NotConnected);
        }
        let number = self.open(invitation.conference)?;
        let (groups, mut cx) = self.split();
        let group = groups.get_mut(number).ok_or(DropReason::NoConference)?;
        cx.event(Event::Opened { group: number, conference: invitation.conference });
        let accepted = InviteAccepted {
            group_number: number,
            receiver_group_number: invitation.group_number,
            conference: invitation.conference,
        };
        cx.send(friend, &Packet::InviteAccepted(accepted));
        group.meet_introducer(&mut cx, friend, &invitation, Reasons::INTRODUCER);
        Ok(())
    }

    /// somebody invites us.
    pub(super) fn handle_invite(
        &mut self,
        friend: &PublicKey,
        invitation: Invite,
    ) -> Result<(), DropReason> {
        if !self.knows(&invitation.conference) {
            let (_, mut cx) = self.split();
            cx.event(Event::Invited { friend: *friend, invitation });
            return Ok(());
        }
        let (groups, mut cx) = self.split();
        let group =
            groups.by_conference_mut(&invitation.conference).ok_or(DropReason::AlreadyJoined)?;
        let own = group.own.ok_or(DropReason::StillJoining)?;
        if !cx.profile.sends_member {
            // D-010.
            return Err(DropReason::AlreadyJoined);
        }
        let member = InviteMember {
            group_number: group.number,
            receiver_group_number: invitation.group_number,
            conference: group.conference,
            peer_number: own,
        };
        cx.send(friend, &Packet::InviteMember(member));
        let reasons = Reasons::INTRODUCER.with(Reasons::INTRODUCING);
        group.meet_introducer(&mut cx, friend, &invitation, reasons);
        Ok(())
    }

    /// somebody accepts our invitation.
    pub(super) fn handle_accepted(
        &mut self,
        friend: &PublicKey,
        accepted: InviteAccepted,
        dice: &mut dyn Dice,
    ) -> Result<(), DropReason> {
        let (groups, mut cx) = self.split();
        let group = groups.get_mut(accepted.receiver_group_number);
        let group = group.ok_or(DropReason::NoConference)?;
        if group.conference != accepted.conference {
            //
            return Err(DropReason::OtherConference);
        }
        let number = group.choose_number(dice)?;
        let dht_key = cx.connections.get(friend).ok_or(DropReason::NotConnected)?.dht_key;
        group.learn_fresh(&mut cx, number, *friend, dht_key)?;
        let slot = group.add_slot(&mut cx, friend, Reasons::INTRODUCING);
        if let Some(slot) = slot {
            group.set_online(slot, accepted.group_number);
        }
        group.announce(&mut cx, number, *friend, dht_key)
    }

    /// somebody whom we invited is a member already.
    pub(super) fn handle_member(
        &mut self,
        friend: &PublicKey,
        member: InviteMember,
    ) -> Result<(), DropReason> {
        let (groups, mut cx) = self.split();
        if !cx.profile.understands_member {
            return Err(DropReason::UnknownKind);
        }
        let group = groups.get_mut(member.receiver_group_number);
        let group = group.ok_or(DropReason::NoConference)?;
        if group.conference != member.conference {
            return Err(DropReason::OtherConference);
        }
        let dht_key = cx.connections.get(friend).ok_or(DropReason::NotConnected)?.dht_key;
        let learned = group.learn_fresh(&mut cx, member.peer_number, *friend, dht_key);
        if let Err(reason) = learned {
            // B-07: the original goes on, and spreads the contradiction.
            if !cx.profile.announces_refused_member {
                return Err(reason);
            }
        }
        let reasons = Reasons::INTRODUCING.with(Reasons::INTRODUCER);
        let slot = group.add_slot(&mut cx, friend, reasons);
        cx.send_query(friend, member.group_number);
        if let Some(slot) = slot {
            group.set_online(slot, member.group_number);
        }
        group.announce(&mut cx, member.peer_number, *friend, dht_key)
    }
}

impl Group {
    /// invites a friend.
    pub(super) fn invite(
        &self,
        cx: &mut Context<'_>,
        friend: &PublicKey,
    ) -> Result<(), DropReason> {
        if self.own.is_none() {
            // D-062.
            return Err(DropReason::StillJoining);
        }
        if !cx.connections.is_friend(friend) {
            return Err(DropReason::NotAFriend);
        }
        if !cx.connections.is_up(friend) {
            return Err(DropReason::NotConnected);
        }
        let invite = Invite { group_number: self.number, conference: self.conference };
        cx.send(friend, &Packet::Invite(invite));
        Ok(())
    }

    /// the slot of whoever invited us is online at once, and is asked for peers.
    fn meet_introducer(
        &mut self,
        cx: &mut Context<'_>,
        friend: &PublicKey,
        invitation: &Invite,
        reasons: Reasons,
    ) {
        let slot = self.add_slot(cx, friend, reasons);
        if let Some(slot) = slot {
            self.set_online(slot, invitation.group_number);
        }
        cx.send_query(friend, invitation.group_number);
    }

    /// a number that is not in use by anybody active or frozen; 0 is not special.
    fn choose_number(&self, dice: &mut dyn Dice) -> Result<PeerNumber, DropReason> {
        let mut drawn = (0..DRAWS).map(|_| PeerNumber(dice.peer_number()));
        drawn.find(|number| self.peers.find(*number).is_none()).ok_or(DropReason::NoFreeNumber)
    }

    /// names a new neighbour to everybody, with the DHT key of the friend connection.
    pub(super) fn announce(
        &mut self,
        cx: &mut Context<'_>,
        new_peer_number: PeerNumber,
        real_key: PublicKey,
        dht_key: PublicKey,
    ) -> Result<(), DropReason> {
        let new_peer = NewPeer { new_peer_number, real_key, dht_key };
        self.broadcast(cx, &MessageBody::NewPeer(new_peer))
    }
}
