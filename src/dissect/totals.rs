//! What a capture holds in numbers.

use std::collections::BTreeMap;

use super::record::{Content, Data, Record};
use crate::capture::NotUdp;
use crate::crypto::Sealed;
use crate::wire::{
    Conference, DataId, GroupMessage, Kind, MessageBody, Packet, PublicKey, ToxKind,
};

/// How many conferences, and how many people, are told apart.
const CONFERENCES: usize = 4096;
const PEOPLE: usize = 1 << 16;

/// The longest name or title that is kept, in bytes: what the format allows (packets §10).
const LONGEST_TEXT: usize = 128;

/// Counts of everything that a capture holds. Packets count once; resends are counted apart.
#[derive(Clone, Default)]
pub struct Totals {
    /// UDP datagrams.
    pub datagrams: u64,
    /// UDP datagrams of which only the beginning was captured.
    pub truncated: u64,
    /// Frames that gave no UDP datagram, by reason.
    pub not_udp: BTreeMap<&'static str, u64>,
    tox: Vec<u64>,
    empty: u64,
    /// Cookie requests and responses, and handshakes, that were opened.
    pub cookie_requests_opened: u64,
    /// See [`Self::cookie_requests_opened`].
    pub cookie_responses_opened: u64,
    /// See [`Self::cookie_requests_opened`].
    pub handshakes_opened: u64,
    /// Why handshakes stayed closed.
    pub handshakes_sealed: BTreeMap<Sealed, u64>,
    /// Data packets that were opened, resends included.
    pub data_opened: u64,
    /// Lossless data packets that had been opened before.
    pub resends: u64,
    /// Why data packets stayed closed.
    pub sealed: BTreeMap<Sealed, u64>,
    /// Sessions of which a packet was opened.
    pub sessions: u32,
    /// What opened data packets carry, resends left out.
    pub carried: BTreeMap<DataId, u64>,
    /// Conference packets, resends left out.
    pub conference: BTreeMap<Kind, u64>,
    /// What was seen of each conference.
    pub conferences: BTreeMap<Conference, ConferenceTotals>,
    /// What was seen of each person.
    pub people: BTreeMap<PublicKey, PersonTotals>,
    /// Packets of conferences and people beyond those that are told apart.
    pub left_out: u64,
}

/// What was seen of one conference.
#[derive(Clone, Default)]
pub struct ConferenceTotals {
    /// Conference packets, resends left out.
    pub packets: u64,
    /// Distinct copies of text messages and actions, relayed ones included.
    pub texts: u64,
    /// Who took part: everybody whom a peer list, a new-peer message or a message named.
    pub members: BTreeMap<PublicKey, Option<u16>>,
    /// The last title seen, hostile bytes.
    pub title: Option<Vec<u8>>,
}

/// What was seen of one person.
#[derive(Clone, Default)]
pub struct PersonTotals {
    /// What the person was called last, hostile bytes.
    pub name: Option<Vec<u8>>,
    /// Data packets sent and received.
    pub sent: u64,
    /// See [`Self::sent`].
    pub received: u64,
}

impl Totals {
    /// Counts a record.
    pub fn record(&mut self, record: &Record<'_>) {
        self.datagrams += 1;
        self.truncated += u64::from(record.truncated);
        self.first_byte(record.datagram);
        match &record.content {
            Content::CookieRequest(seen) => self.cookie_requests_opened += u64::from(seen.is_ok()),
            Content::CookieResponse(seen) => {
                self.cookie_responses_opened += u64::from(seen.is_ok())
            }
            Content::Handshake(Ok(_)) => self.handshakes_opened += 1,
            Content::Handshake(Err(why)) => *self.handshakes_sealed.entry(*why).or_default() += 1,
            Content::Data(Ok(data)) => self.data(record, data),
            Content::Data(Err(why)) => *self.sealed.entry(*why).or_default() += 1,
            Content::Other(_) => {}
        }
    }

    /// Counts a frame that gave no datagram.
    pub fn not_udp(&mut self, why: NotUdp) {
        *self.not_udp.entry(why.name()).or_default() += 1;
    }

    /// Datagrams by kind, those that occur, in the order of their first bytes; `unknown` ones as one.
    #[must_use]
    pub fn tox(&self) -> BTreeMap<&'static str, u64> {
        let mut kinds = BTreeMap::new();
        for (kind, count) in ToxKind::all().zip(&self.tox).filter(|(_, count)| **count > 0) {
            *kinds.entry(kind.name()).or_default() += count;
        }
        if self.empty > 0 {
            kinds.insert("empty", self.empty);
        }
        kinds
    }

    /// Datagrams of one kind.
    #[must_use]
    pub fn of_kind(&self, kind: ToxKind) -> u64 {
        self.tox.get(usize::from(kind.0)).copied().unwrap_or(0)
    }

    fn first_byte(&mut self, datagram: &[u8]) {
        let Some(&first) = datagram.first() else {
            self.empty += 1;
            return;
        };
        if self.tox.is_empty() {
            self.tox = vec![0; 256];
        }
        if let Some(count) = self.tox.get_mut(usize::from(first)) {
            *count += 1;
        }
    }

    fn data(&mut self, record: &Record<'_>, data: &Data<'_>) {
        self.data_opened += 1;
        self.sessions = self.sessions.max(data.session);
        if data.resend {
            self.resends += 1;
            return;
        }
        *self.carried.entry(data.id).or_default() += 1;
        for (party, is_sender) in [(&record.from, true), (&record.to, false)] {
            let Some(key) = party.real_key else { continue };
            let Some(person) = limited(&mut self.people, key, PEOPLE) else {
                self.left_out += 1;
                continue;
            };
            if person.name.as_deref() != party.name {
                person.name = party.name.map(kept);
            }
            *(if is_sender { &mut person.sent } else { &mut person.received }) += 1;
        }
        let Some(packet) = &data.packet else { return };
        let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
        *self.conference.entry(kind).or_default() += 1;
        if let (Ok(packet), Some(conference)) = (packet, data.context.conference) {
            match limited(&mut self.conferences, conference, CONFERENCES) {
                Some(totals) => totals.packet(packet, data.context.author.real_key),
                None => self.left_out += 1,
            }
        }
    }
}

impl ConferenceTotals {
    fn packet(&mut self, packet: &Packet<'_>, author: Option<PublicKey>) {
        self.packets += 1;
        match packet {
            Packet::PeerResponse(response) => {
                for peer in response.peers() {
                    self.member(peer.real_key, Some(peer.peer_number.0));
                }
            }
            Packet::TitleResponse(response) => self.title = Some(kept(response.title)),
            Packet::InviteMember(member) => {
                if let Some(author) = author {
                    self.member(author, Some(member.peer_number.0));
                }
            }
            Packet::Message(GroupMessage { body, peer_number, .. }) => {
                if let Some(author) = author {
                    self.member(author, Some(peer_number.0));
                }
                match body {
                    MessageBody::NewPeer(new) => {
                        self.member(new.real_key, Some(new.new_peer_number.0))
                    }
                    MessageBody::Title(title) => self.title = Some(kept(title.title)),
                    MessageBody::Chat(_) | MessageBody::Action(_) => self.texts += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn member(&mut self, key: PublicKey, number: Option<u16>) {
        if let Some(known) = limited(&mut self.members, key, PEOPLE) {
            *known = number.or(*known);
        }
    }
}

/// The entry of `key`, unless it is one too many.
fn limited<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K, most: usize) -> Option<&mut V> {
    if map.len() >= most && !map.contains_key(&key) {
        return None;
    }
    Some(map.entry(key).or_default())
}

fn kept(text: &[u8]) -> Vec<u8> {
    text.iter().copied().take(LONGEST_TEXT).collect()
}
