//! Facts that are taken over when the endpoint tells them: of conferences that it was in before the
//! capture began, or whose state is in doubt.

use super::follower::{Follower, Said, Teller};
use crate::conference::{Fact, Reasons};
use crate::wire::{Conference, GroupNumber, Packet, PeerEntry};

/// How many connections of conferences are remembered.
const SPOKEN: usize = 1 << 14;

impl Follower {
    /// The endpoint sent a packet that nobody judges: what it tells of the state counts.
    pub(super) fn adopt(&mut self, said: &Said, packet: &Packet<'_>, teller: Teller<'_>) {
        let known = self.group_of(&said.friend, packet).map(|group| group.conference());
        let Some(conference) = known.or_else(|| packet.conference()).or(said.conference) else {
            return;
        };
        match packet {
            Packet::PeerResponse(response) => {
                let entries: Vec<_> = response.peers().collect();
                self.adopt_members(said, conference, &entries, teller);
            }
            Packet::TitleResponse(response) => {
                if let Some(group) = self.machine.group_of(&conference).map(|it| it.number()) {
                    let fact = Fact::Title { group, title: response.title, fresh: true };
                    self.learn(said.at, &fact, teller);
                }
            }
            _ => {}
        }
    }

    /// Notes what packets of conferences tell about numbers, whoever sent them: the endpoint's own
    /// number of a conference, and that of a friend where the endpoint speaks.
    pub(super) fn note_numbers(&mut self, said: &Said, packet: &Packet<'_>) {
        let Some(number) = packet.group_number() else { return };
        if let Some(conference) = packet.conference() {
            self.note_own_group(conference, number);
        } else if let Some(conference) = said.conference
            && self.spoken.len() < SPOKEN
        {
            self.spoken.insert((conference, said.friend), number);
        }
    }

    /// The endpoint has the conference under this number.
    pub(super) fn note_own_group(&mut self, conference: Conference, number: GroupNumber) {
        if self.own_groups.len() < SPOKEN {
            self.own_groups.insert(conference, number);
        }
    }

    /// A list of members that the endpoint sends has all that are active.
    fn adopt_members(
        &mut self,
        said: &Said,
        conference: Conference,
        entries: &[PeerEntry<'_>],
        teller: Teller<'_>,
    ) {
        let at = said.at.max(self.fed_at);
        let group = match self.machine.group_of(&conference) {
            Some(group) => group.number(),
            None => {
                let own = entries.iter().find(|entry| entry.real_key == self.key);
                let (Some(own), Some(group)) = (own, self.free_number(&conference)) else { return };
                let own = Some(own.peer_number);
                self.learn(at, &Fact::Conference { group, conference, own }, teller);
                self.unknown_numbers.insert(group);
                self.unseen_pings.insert(group);
                group
            }
        };
        let me = self.key;
        for entry in entries.iter().filter(|entry| entry.real_key != me) {
            let fact = Fact::Peer {
                group,
                number: entry.peer_number,
                real_key: entry.real_key,
                dht_key: entry.dht_key,
                name: entry.name,
                active: true,
            };
            self.learn(at, &fact, teller);
        }
        // It speaks only where a slot is online.
        let spoken = self.spoken.iter().filter(|((it, _), _)| *it == conference);
        let spoken: Vec<_> = spoken.map(|((_, friend), number)| (*friend, *number)).collect();
        for (friend, number) in spoken {
            let has_slot = self
                .machine
                .group(group)
                .is_some_and(|group| group.slots().any(|slot| slot.friend == friend));
            if !has_slot && self.up.contains_key(&friend) {
                let online = Some(number);
                let fact = Fact::Slot { group, friend, reasons: Reasons::CLOSEST, online };
                self.learn(at, &fact, teller);
            }
        }
    }

    /// The endpoint's number of the conference, or else a free one.
    fn free_number(&self, conference: &Conference) -> Option<GroupNumber> {
        let is_free = |number: &GroupNumber| self.machine.group(*number).is_none();
        match self.own_groups.get(conference) {
            Some(number) => Some(*number).filter(is_free),
            None => (0..u16::MAX).map(GroupNumber).find(is_free),
        }
    }
}
