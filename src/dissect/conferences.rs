//! What conference packets tell about later ones: which conference a group number means, who is behind
//! a peer number, what members are called.
//!
//! Best effort, for people: a capture may begin in the middle, and members are strangers. Nothing here
//! changes what a packet is said to hold.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::record::{Context, Party};
use crate::crypto::Names;
use crate::recent::Recent;
use crate::wire::{
    Conference, GroupMessage, GroupNumber, MessageBody, Packet, PeerNumber, PublicKey,
};

/// How many of each are remembered; the one used least recently goes first.
const GROUP_NUMBERS: usize = 1 << 16;
const MEMBERS: usize = 1 << 17;
const NAMES: usize = 1 << 16;

/// One end of a session: session number, and the direction in which it sends.
type End = (u32, u8);

/// Where a peer number counts: in a conference, or in whatever a group number means at one end of a
/// session whose beginning was not captured.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Conference(Conference),
    GroupNumber(End, GroupNumber),
}

/// What conference packets told so far.
pub(super) struct Conferences {
    group_numbers: Recent<(End, GroupNumber), Conference>,
    members: Recent<(Scope, PeerNumber), PublicKey>,
    names: Recent<PublicKey, Vec<u8>>,
    /// What people called each other, in `NAME` lines of key logs.
    given: HashMap<PublicKey, Arc<[u8]>, RandomState>,
}

impl Conferences {
    pub(super) fn new() -> Self {
        Self {
            group_numbers: Recent::new(GROUP_NUMBERS),
            members: Recent::new(MEMBERS),
            names: Recent::new(NAMES),
            given: HashMap::default(),
        }
    }

    /// Notes what key logs call people. It comes before what members call themselves.
    pub(super) fn name(&mut self, names: Names) {
        self.given.extend(names);
    }

    /// Learns from a packet that went over session `session` in `direction`, sent by `from`.
    pub(super) fn learn(
        &mut self,
        session: u32,
        direction: u8,
        from: Option<PublicKey>,
        packet: &Packet<'_>,
    ) {
        let (sender, receiver) = ((session, direction), (session, direction ^ 1));
        if let (Some(conference), Some(number)) = (packet.conference(), packet.group_number()) {
            self.group_numbers.put((sender, number), conference);
        }
        if let Packet::InviteAccepted(_) | Packet::InviteMember(_) = packet
            && let (Some(conference), Some(number)) = (packet.conference(), receiver_number(packet))
        {
            self.group_numbers.put((receiver, number), conference);
        }
        let Some(scope) = self.scope(receiver, packet) else { return };
        match packet {
            Packet::InviteMember(member) => {
                if let Some(from) = from {
                    self.members.put((scope, member.peer_number), from);
                }
            }
            Packet::PeerResponse(response) => {
                for peer in response.peers() {
                    self.members.put((scope, peer.peer_number), peer.real_key);
                    if !peer.name.is_empty() {
                        self.names.put(peer.real_key, peer.name.to_vec());
                    }
                }
            }
            Packet::Message(GroupMessage { peer_number, body, .. }) => match body {
                MessageBody::NewPeer(new) => {
                    self.members.put((scope, new.new_peer_number), new.real_key);
                }
                MessageBody::Name(name) => {
                    if let Some(author) = self.members.get(&(scope, *peer_number)) {
                        self.names.put(*author, name.name.to_vec());
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// What is known about a packet that went over session `session` in `direction`.
    pub(super) fn context<'a>(
        &'a self,
        session: u32,
        direction: u8,
        packet: &Packet<'_>,
    ) -> Context<'a> {
        let Some(scope) = self.scope((session, direction ^ 1), packet) else {
            return Context::default();
        };
        let conference = match scope {
            Scope::Conference(conference) => Some(conference),
            Scope::GroupNumber(..) => None,
        };
        let number = match packet {
            Packet::InviteMember(member) => Some(member.peer_number),
            Packet::Message(message) => Some(message.peer_number),
            Packet::Lossy(lossy) => Some(lossy.peer_number),
            _ => None,
        };
        let author = number.and_then(|number| self.members.peek(&(scope, number)).copied());
        Context { conference, author: self.party(author) }
    }

    /// How many group numbers, members and names were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.group_numbers.forgotten() + self.members.forgotten() + self.names.forgotten()
    }

    /// Somebody with a name.
    #[inline]
    pub(super) fn party<'a>(&'a self, real_key: Option<PublicKey>) -> Party<'a> {
        let Some(key) = real_key else { return Party::default() };
        let given = self.given.get(&key).map(|name| &**name);
        let name = given.or_else(|| self.names.peek(&key).map(Vec::as_slice));
        Party { real_key, name }
    }

    /// Where the packet's peer numbers count.
    fn scope(&self, receiver: End, packet: &Packet<'_>) -> Option<Scope> {
        if let Some(conference) = packet.conference() {
            return Some(Scope::Conference(conference));
        }
        let number = packet.group_number()?;
        let known = self.group_numbers.peek(&(receiver, number)).copied();
        Some(known.map_or(Scope::GroupNumber(receiver, number), Scope::Conference))
    }
}

const fn receiver_number(packet: &Packet<'_>) -> Option<GroupNumber> {
    match packet {
        Packet::InviteAccepted(packet) => Some(packet.receiver_group_number),
        Packet::InviteMember(packet) => Some(packet.receiver_group_number),
        _ => None,
    }
}
