//! One session, both ends of it.

use std::collections::{BTreeMap, VecDeque};

use super::{Packet, limited, newer};
use crate::lint::finding::Spot;
use crate::time::Timestamp;
use crate::wire::{
    self, Conference, DataId, GroupMessage, GroupNumber, MessageBody, MessageNumber, PeerNumber,
    PublicKey,
};

/// Conferences that an end may announce in a session.
const CONFERENCES: usize = 16;
/// Authors that are told apart in a conference on a session.
const AUTHORS: usize = 32;
/// Queries that are kept in mind.
const ASKED: usize = 10;
/// Messages whose authors are kept in mind.
const SAID: usize = 16;

/// One session.
#[derive(Default)]
pub struct Link {
    /// When its first packet was seen.
    pub started: Timestamp,
    ends: [End; 2],
}

/// Packets of a session that were not captured.
#[derive(Clone, Copy, Debug)]
pub(in crate::lint) struct Loss {
    /// How many.
    pub(in crate::lint) count: u64,
    /// When the last one before them was seen.
    pub(in crate::lint) since: Timestamp,
    /// When it showed that they are missing.
    pub(in crate::lint) until: Timestamp,
}

/// One end of a session.
#[derive(Default)]
pub struct End {
    /// Whose.
    pub key: Option<PublicKey>,
    /// Whether its first packet is number 0.
    pub from_the_start: bool,
    /// The number of its next packet.
    pub next: Option<u32>,
    /// What it waits for: everything before was handled.
    pub acked: u32,
    /// Packets of it that were not captured.
    pub lost: u64,
    /// When a packet of it may first not have been captured.
    pub lost_since: Option<Timestamp>,
    /// When the packet before [`Self::next`] was seen.
    counted: Option<Timestamp>,
    /// When it sent something last.
    pub sent: Option<Timestamp>,
    /// It said that it is there for a friend.
    pub friendly: bool,
    announced: BTreeMap<GroupNumber, (Conference, Spot)>,
    parts: BTreeMap<Conference, Part>,
}

/// What one end said about one conference in a session.
#[derive(Default)]
pub struct Part {
    /// Under which number it wants to be addressed.
    pub number: Option<(GroupNumber, Spot)>,
    /// The lossless number of the packet that said so.
    pub announced_by: u32,
    /// It invited.
    pub invited: Option<Spot>,
    /// It accepted an invitation, or said that it is a member.
    pub accepted: Option<Spot>,
    /// How often it said Online, and when last.
    pub onlines: u32,
    /// See [`Self::onlines`].
    pub online: Option<Spot>,
    /// It asked to be taken back.
    pub rejoined: Option<Spot>,
    /// When it last sent something that addresses the conference.
    pub spoke: Option<Spot>,
    /// When it last sent a group message.
    pub messaged: Option<Spot>,
    /// When it first sent a group message.
    pub first_messaged: Option<Spot>,
    /// It asked for the list of peers.
    pub queried: Option<Spot>,
    /// Where it asked for the list of peers, the last ten times.
    pub asked: VecDeque<Spot>,
    /// How often it asked for the list of peers.
    pub queries: u32,
    /// The last Peer Response that it sent, and the size in bytes of its entries.
    pub responded: Option<(Spot, usize)>,
    /// How many Peer Responses it sent.
    pub answers: u32,
    /// The newest messages by author, with where they were.
    pub newest: BTreeMap<PeerNumber, (MessageNumber, Spot)>,
    /// It left, under this number, by this message.
    pub killed: Option<Spot>,
    /// See [`Self::killed`].
    pub killed_number: Option<PeerNumber>,
    /// See [`Self::killed`].
    pub killed_message: Option<MessageNumber>,
    /// Members that it announced, by number.
    pub renamed: BTreeMap<PeerNumber, Spot>,
    /// It went away for a while.
    pub froze: Option<Spot>,
    /// Authors of the messages that it sent last, and where those were.
    pub said: VecDeque<(PeerNumber, Spot)>,
    /// Where it answered with a list of peers, the last ten times.
    pub answered: VecDeque<Spot>,
    /// Where it told the title last.
    pub titled: Option<Spot>,
}

impl Link {
    pub(in crate::lint) fn new(started: Timestamp) -> Self {
        Self { started, ..Self::default() }
    }

    /// The end that sends in that direction.
    #[must_use]
    pub fn end(&self, direction: u8) -> &End {
        let [zero, one] = &self.ends;
        if direction & 1 == 0 { zero } else { one }
    }

    fn end_mut(&mut self, direction: u8) -> &mut End {
        let [zero, one] = &mut self.ends;
        if direction & 1 == 0 { zero } else { one }
    }

    /// Both directions are followed from the handshake on.
    #[must_use]
    pub fn from_the_start(&self) -> bool {
        self.ends.iter().all(|end| end.from_the_start)
    }

    /// A packet was not captured.
    #[must_use]
    pub fn has_gap(&self) -> bool {
        self.ends.iter().any(|end| end.lost > 0)
    }

    /// How many packets the sender of this one has received that were not captured: it acknowledges more
    /// than there is.
    #[must_use]
    pub fn unseen(&self, packet: &Packet<'_>) -> u64 {
        let other = self.end(packet.direction ^ 1);
        let Some(seen) = other.next.or(other.from_the_start.then_some(0)) else { return 0 };
        let ahead = packet.ack.wrapping_sub(seen);
        if ahead > u32::MAX / 2 { 0 } else { ahead.into() }
    }

    /// Which conference a packet of this session is about.
    #[must_use]
    pub fn conference(&self, packet: &Packet<'_>) -> Option<Conference> {
        if let Some(conference) = packet.read().and_then(wire::Packet::conference) {
            return Some(conference);
        }
        self.end(packet.direction ^ 1).announced(packet.addressed()?)
    }

    /// When a packet may first not have been captured, as far as is known by now.
    #[must_use]
    pub fn lost_since(&self) -> Option<Timestamp> {
        self.ends.iter().filter_map(|end| end.lost_since).min()
    }

    /// Gives what was not captured before this packet.
    pub(in crate::lint) fn learn(&mut self, packet: &Packet<'_>) -> Option<Loss> {
        let conference = self.conference(packet);
        let unseen = self.unseen(packet);
        let started = self.started;
        let other = self.end_mut(packet.direction ^ 1);
        if other.key.is_none() {
            other.key = packet.to;
        }
        let unseen = (unseen > 0).then(|| {
            other.next = Some(packet.ack);
            other.misses(unseen, started, packet.spot.at)
        });
        let end = self.end_mut(packet.direction);
        end.key = end.key.or(packet.from);
        end.from_the_start |= packet.from_the_start;
        end.sent = Some(packet.spot.at);
        if packet.ack.wrapping_sub(end.acked) <= u32::MAX / 2 {
            end.acked = packet.ack;
        }
        end.friendly |= packet.id == DataId::MESSENGER_ONLINE;
        let lost = end.count(packet, started);
        if let Some(conference) = conference {
            end.part_learns(packet, conference);
            let receiver = self.end_mut(packet.direction ^ 1);
            receiver.is_told(packet, conference);
        }
        match (lost, unseen) {
            (Some(lost), Some(unseen)) => Some(Loss {
                count: lost.count + unseen.count,
                since: lost.since.min(unseen.since),
                until: packet.spot.at,
            }),
            (lost, unseen) => lost.or(unseen),
        }
    }
}

impl Part {
    fn says(&mut self, message: &GroupMessage<'_>, spot: Spot) {
        let (author, number) = (message.peer_number, message.message_number);
        if let Some(known) = limited(&mut self.newest, author, AUTHORS, || (number, spot))
            && newer(number, known.0)
        {
            *known = (number, spot);
        }
        match message.body {
            MessageBody::KillPeer(kill) if kill.killed_peer_number == author => {
                self.killed = Some(spot);
                self.killed_number = Some(author);
                self.killed_message = Some(number);
            }
            MessageBody::FreezePeer(_) => self.froze = Some(spot),
            MessageBody::NewPeer(new) => {
                let named = limited(&mut self.renamed, new.new_peer_number, AUTHORS, || spot);
                if let Some(named) = named {
                    *named = spot;
                }
            }
            _ => {}
        }
    }
}

impl End {
    /// The conference that it announced under that number last.
    #[must_use]
    pub fn announced(&self, number: GroupNumber) -> Option<Conference> {
        self.announced.get(&number).map(|(conference, _)| *conference)
    }

    /// Whether it announced any number.
    #[must_use]
    pub fn announced_any(&self) -> bool {
        !self.announced.is_empty()
    }

    /// What it said about a conference.
    #[must_use]
    pub fn part(&self, conference: &Conference) -> Option<&Part> {
        self.parts.get(conference)
    }

    /// All that it spoke of.
    pub fn parts(&self) -> impl Iterator<Item = (&Conference, &Part)> {
        self.parts.iter()
    }

    /// Packets of it were not captured; they were sent after the last one that was.
    fn misses(&mut self, count: u64, started: Timestamp, until: Timestamp) -> Loss {
        let since = self.counted.unwrap_or(started).min(until);
        self.lost += count;
        self.lost_since.get_or_insert(since);
        self.counted = Some(until);
        Loss { count, since, until }
    }

    /// Gives what is missing before this packet.
    fn count(&mut self, packet: &Packet<'_>, started: Timestamp) -> Option<Loss> {
        if !packet.is_lossless() {
            return None;
        }
        let expected = self.next.unwrap_or(if self.from_the_start { 0 } else { packet.number });
        let ahead = packet.number.wrapping_sub(expected);
        if ahead > u32::MAX / 2 {
            return None;
        }
        self.next = Some(packet.number.wrapping_add(1));
        let loss = (ahead > 0).then(|| self.misses(ahead.into(), started, packet.spot.at));
        self.counted = Some(packet.spot.at);
        loss
    }

    fn part_learns(&mut self, packet: &Packet<'_>, conference: Conference) {
        let spot = packet.spot;
        let Some(part) = limited(&mut self.parts, conference, CONFERENCES, Part::default) else {
            return;
        };
        if packet.is_addressed() {
            part.spoke = Some(spot);
        }
        let Some(read) = packet.read() else { return };
        match read {
            wire::Packet::Invite(_) => part.invited = Some(spot),
            wire::Packet::InviteAccepted(_) | wire::Packet::InviteMember(_) => {
                part.accepted = Some(spot);
            }
            wire::Packet::Online(_) => {
                part.onlines += 1;
                part.online = Some(spot);
            }
            wire::Packet::Rejoin(_) => part.rejoined = Some(spot),
            wire::Packet::PeerQuery(_) => {
                part.queried = Some(spot);
                part.queries += 1;
                part.asked.push_back(spot);
                if part.asked.len() > ASKED {
                    part.asked.pop_front();
                }
            }
            wire::Packet::PeerResponse(response) => {
                part.responded = Some((spot, response.entries.len()));
                part.answers += 1;
                part.answered.push_back(spot);
                if part.answered.len() > ASKED {
                    part.answered.pop_front();
                }
            }
            wire::Packet::TitleResponse(_) => part.titled = Some(spot),
            wire::Packet::Message(message) => {
                part.messaged = Some(spot);
                part.first_messaged.get_or_insert(spot);
                part.said.push_back((message.peer_number, spot));
                if part.said.len() > SAID {
                    part.said.pop_front();
                }
                part.says(message, spot);
            }
            _ => {}
        }
        // The number under which the sender wants to be addressed.
        if let (Some(_), Some(number)) = (read.conference(), read.group_number()) {
            part.number = Some((number, spot));
            part.announced_by = packet.number;
            if self.announced.len() < CONFERENCES || self.announced.contains_key(&number) {
                self.announced.insert(number, (conference, spot));
            }
        }
    }

    /// An acceptance repeats the number of the one who invited, perhaps in an earlier session.
    fn is_told(&mut self, packet: &Packet<'_>, conference: Conference) {
        let number = match packet.read() {
            Some(wire::Packet::InviteAccepted(accepted)) => accepted.receiver_group_number,
            Some(wire::Packet::InviteMember(member)) => member.receiver_group_number,
            _ => return,
        };
        if self.announced.len() < CONFERENCES {
            self.announced.entry(number).or_insert((conference, packet.spot));
        }
    }
}
