//! What is read ahead, from what the endpoint sends soon: facts that no input tells.

use super::follower::{Follower, Said, SaidWhat, Teller};
use super::observation::Why;
use super::rules::NOBODY;
use super::wire::is_before;
use crate::conference::{Fact, Group};
use crate::time::Timestamp;
use crate::wire::{
    Conference, GroupMessage, GroupNumber, MessageBody, MessageNumber, Packet, PeerNumber,
    PublicKey,
};

/// How many packets are looked through for one.
pub(super) const LOOK: usize = 1024;

/// How many numbers of messages may be skipped at once: nobody saw those messages, since no connection
/// carried them while it was silent.
const SKIPPED: u32 = 1 << 16;

impl Follower {
    /// The conference packets that the endpoint sends soon, in order.
    pub(super) fn soon(&self) -> impl Iterator<Item = (&Said, &[u8])> {
        self.outbox.values().take(LOOK).filter_map(|said| match &said.what {
            SaidWhat::Packet(bytes) => Some((said, &**bytes)),
            _ => None,
        })
    }

    /// The endpoint says this soon.
    pub(super) fn says(&self, friend: &PublicKey, bytes: &[u8]) -> bool {
        self.soon().any(|(said, sent)| said.friend == *friend && sent == bytes)
    }

    /// The group messages of its own that the endpoint sends soon.
    fn own_messages_soon<'a>(
        &'a self,
        group: &'a Group,
    ) -> impl Iterator<Item = (&'a Said, GroupMessage<'a>)> {
        let own = group.own_number();
        self.soon().filter_map(move |(said, bytes)| match Packet::parse(bytes) {
            Ok(Packet::Message(message)) if Some(message.peer_number) == own => {
                let conference = said.conference;
                let is_here = conference.is_none_or(|it| it == group.conference());
                is_here.then_some((said, message))
            }
            _ => None,
        })
    }

    /// The endpoint invites `friend` to a conference that nobody heard of: it has just founded it, unless
    /// the messages that follow have other numbers than those of a founder.
    pub(super) fn is_new_conference(&self, friend: &PublicKey, conference: &Conference) -> bool {
        let messages = self.soon().filter_map(|(said, bytes)| match Packet::parse(bytes) {
            Ok(Packet::Message(message)) if said.friend == *friend => Some((said, message)),
            _ => None,
        });
        let mut new = messages.filter(|(said, message)| {
            said.conference == Some(*conference)
                && matches!(message.body, MessageBody::NewPeer(new) if new.real_key == *friend)
        });
        new.next().is_none_or(|(_, first)| {
            first.peer_number == PeerNumber(0) && first.message_number == MessageNumber(1)
        })
    }

    /// The number that the endpoint gives to a new member of a conference, and the DHT key that it tells.
    pub(super) fn new_member(
        &self,
        friend: &PublicKey,
        conference: &Conference,
    ) -> Option<(PeerNumber, PublicKey)> {
        self.machine.group_of(conference).and_then(|group| {
            let last = group.message_number().0;
            self.own_messages_soon(group).find_map(|(_, message)| match message.body {
                MessageBody::NewPeer(new)
                    if new.real_key == *friend && is_before(last, message.message_number.0) =>
                {
                    Some((new.new_peer_number, new.dht_key))
                }
                _ => None,
            })
        })
    }

    /// Messages of its own that nobody saw used up numbers: they were sent on connections that were
    /// silent already.
    pub(super) fn skip_numbers(&mut self, at: Timestamp, teller: Teller<'_>) {
        let skips = self.machine.groups().filter_map(|group| {
            let last = group.message_number().0;
            let unknown = self.unknown_numbers.contains(&group.number());
            let numbers =
                self.own_messages_soon(group).map(|(_, message)| message.message_number.0);
            let next = if unknown {
                numbers.min()?
            } else {
                let later = numbers.filter(|number| is_before(last, *number));
                later.min_by_key(|number| number.wrapping_sub(last))?
            };
            let skipped = next.wrapping_sub(last).wrapping_sub(1);
            let may_skip = self.may_skip.contains(&group.number());
            let skips = unknown || may_skip && (1..SKIPPED).contains(&skipped);
            // What an endpoint saves before it says that it ends lacks the number of that message.
            let is_older = unknown && skipped != 0 && !(self.ended_well && skipped == u32::MAX);
            skips.then_some((group.number(), next.wrapping_sub(1), is_older))
        });
        for (group, number, is_older) in skips.collect::<Vec<_>>() {
            let number = MessageNumber(number);
            self.learn(at, &Fact::MessageNumber { group, number }, teller);
            self.unknown_numbers.remove(&group);
            if is_older {
                // It was saved earlier than it ended.
                self.unknown_titles.insert(group);
                if let Some(conference) = self.machine.group(group).map(Group::conference) {
                    self.doubt(conference, at, Why::StateUnknown, teller);
                }
            }
        }
    }

    /// No packet showed the endpoint's own DHT key: the list of members does that it sends soon.
    pub(super) fn learn_own_dht_key(&mut self, at: Timestamp) {
        if self.machine.dht_key() != NOBODY {
            return;
        }
        let key = self.soon().find_map(|(_, bytes)| match Packet::parse(bytes) {
            Ok(Packet::PeerResponse(response)) => {
                let own = response.peers().find(|peer| peer.real_key == self.key);
                own.map(|peer| peer.dht_key)
            }
            _ => None,
        });
        if let Some(key) = key {
            self.set_dht_key(at, key);
        }
    }

    /// No packet showed the endpoint's own name: what it says of itself soon does.
    pub(super) fn learn_own_name(&mut self, at: Timestamp, teller: Teller<'_>) {
        if !self.machine.name().is_empty() {
            return;
        }
        let said = self.soon().find_map(|(_, bytes)| match Packet::parse(bytes) {
            Ok(Packet::PeerResponse(response)) => {
                let own = response.peers().find(|peer| peer.real_key == self.key);
                own.map(|peer| peer.name.to_vec())
            }
            _ => None,
        });
        let said = said.or_else(|| {
            let mut own = self.machine.groups().flat_map(|group| self.own_messages_soon(group));
            own.find_map(|(_, message)| match message.body {
                MessageBody::Name(name) => Some(name.name.to_vec()),
                _ => None,
            })
        });
        let Some(name) = said.filter(|name| !name.is_empty()) else { return };
        self.learn_nickname(at, &name, teller);
        let own = self.machine.groups().filter_map(|group| {
            let own = group.active().iter().find(|peer| peer.real_key == self.key)?;
            Some((group.number(), own.number, own.dht_key))
        });
        for (group, number, dht_key) in own.collect::<Vec<_>>() {
            let (real_key, active) = (self.key, true);
            let fact = Fact::Peer { group, number, real_key, dht_key, name: &name, active };
            self.learn(at, &fact, teller);
        }
    }

    /// The endpoint answers `friend`: with a title that it set while nobody was there to be told.
    pub(super) fn learn_title(
        &mut self,
        at: Timestamp,
        friend: &PublicKey,
        group: GroupNumber,
        teller: Teller<'_>,
    ) {
        if !self.unknown_titles.remove(&group) {
            return;
        }
        let to_friend = self.soon().filter(|(said, _)| said.friend == *friend);
        let is_list = |bytes: &[u8]| matches!(Packet::parse(bytes), Ok(Packet::PeerResponse(_)));
        let behind = to_friend
            .map(|(_, bytes)| bytes)
            .skip_while(|bytes| !is_list(bytes))
            .find(|bytes| !is_list(bytes));
        let title = match behind.map(Packet::parse) {
            Some(Ok(Packet::TitleResponse(response))) => Some(response.title.to_vec()),
            _ => None,
        };
        if let Some(title) = title {
            self.learn(at, &Fact::Title { group, title: &title, fresh: false }, teller);
        }
    }
}
