//! What a client may have wanted, told by what was sent.

use super::follower::Follower;
use crate::conference::{Group, Request};
use crate::wire::{Conference, GroupNumber, Invite, LossyBody, MessageBody, Packet, PublicKey};

/// What the client of the endpoint may have done.
pub(super) enum Action<'a> {
    /// A request to the machine.
    Request(Request<'a>),
    /// Founding a conference at this number, and inviting somebody.
    Found(Conference, GroupNumber, PublicKey),
}

impl Follower {
    /// The conference that a packet to `friend` is about.
    pub(super) fn group_of(&self, friend: &PublicKey, packet: &Packet<'_>) -> Option<&Group> {
        if let Some(conference) = packet.conference() {
            return self.machine.group_of(&conference);
        }
        let number = packet.group_number()?;
        self.machine.groups().find(|group| {
            let mut slots = group.slots();
            slots.any(|slot| slot.friend == *friend && slot.group_number == Some(number))
        })
    }

    /// The client action that a packet to `friend` may come from.
    pub(super) fn action<'a>(&self, friend: &PublicKey, packet: &Packet<'a>) -> Option<Action<'a>> {
        let friend = *friend;
        match *packet {
            Packet::Invite(invite) => {
                let Some(group) = self.machine.group_of(&invite.conference) else {
                    return Some(Action::Found(invite.conference, invite.group_number, friend));
                };
                let group = group.number();
                (group == invite.group_number)
                    .then_some(Action::Request(Request::Invite { group, friend }))
            }
            Packet::InviteAccepted(accepted) => {
                let invitation = Invite {
                    group_number: accepted.receiver_group_number,
                    conference: accepted.conference,
                };
                Some(Action::Request(Request::Accept { friend, invitation }))
            }
            Packet::Message(message) => {
                let found = self.group_of(&friend, packet)?;
                if found.own_number() != Some(message.peer_number) {
                    return None;
                }
                let group = found.number();
                Some(Action::Request(match message.body {
                    MessageBody::Chat(chat) => Request::Say { group, text: chat.text },
                    MessageBody::Action(action) => Request::Act { group, text: action.text },
                    MessageBody::Title(title) => Request::SetTitle { group, title: title.title },
                    MessageBody::Name(name) => Request::SetName(name.name),
                    MessageBody::KillPeer(kill)
                        if Some(kill.killed_peer_number) == found.own_number() =>
                    {
                        Request::Delete { group }
                    }
                    MessageBody::FreezePeer(freeze)
                        if Some(freeze.frozen_peer_number) == found.own_number() =>
                    {
                        Request::ShutDown
                    }
                    _ => return None,
                }))
            }
            Packet::Lossy(lossy) => {
                let found = self.group_of(&friend, packet)?;
                if found.own_number() != Some(lossy.peer_number) {
                    return None;
                }
                let group = found.number();
                match lossy.body {
                    LossyBody::Audio { sequence_number, opus } => {
                        Some(Action::Request(Request::SendAudio { group, sequence_number, opus }))
                    }
                    LossyBody::AudioCut(_) | LossyBody::Unknown { .. } => None,
                }
            }
            Packet::InviteMember(_)
            | Packet::InviteUnknown(_)
            | Packet::Online(_)
            | Packet::PeerIntroduced(_)
            | Packet::PeerQuery(_)
            | Packet::PeerResponse(_)
            | Packet::TitleResponse(_)
            | Packet::DirectUnknown(_)
            | Packet::Rejoin(_)
            | Packet::Unknown(_) => None,
        }
    }
}
