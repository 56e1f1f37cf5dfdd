//! What a capture holds in numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Content, Data, Record, Relay};
use crate::capture::{Datagram, NotUdp};
use crate::crypto::Sealed;
use crate::wire::{
    Conference, DataId, GroupMessage, Kind, MessageBody, Packet, PublicKey, ToxKind,
};

/// How many conferences, people, and TCP connections to relays are told apart; and how many members all
/// conferences have.
const CONFERENCES: usize = 4096;
const PEOPLE: usize = 1 << 16;
const STREAMS: usize = 1 << 16;
const MEMBERS: usize = 1 << 18;

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
    /// What was seen of connections to relays.
    pub relay: RelayTotals,
    cut: BTreeMap<ToxKind, u64>,
    /// Cookie requests and responses, and handshakes, that were opened.
    pub cookie_requests_opened: u64,
    /// See [`Self::cookie_requests_opened`].
    pub cookie_responses_opened: u64,
    /// See [`Self::cookie_requests_opened`].
    pub handshakes_opened: u64,
    /// Why whole handshakes stayed closed.
    pub handshakes_sealed: BTreeMap<Sealed, u64>,
    /// Data packets that were opened, resends included.
    pub data_opened: u64,
    /// Data packets that had been opened before: lossless ones with their number, or the very same.
    pub resends: u64,
    /// Those of them that are the very same, captured twice or on both halves of their way through a relay.
    pub copies: u64,
    /// Why whole data packets stayed closed.
    pub sealed: BTreeMap<Sealed, u64>,
    /// Sessions of which a packet was counted, a bit each, by their numbers.
    sessions: Vec<u64>,
    /// What opened data packets carry, resends left out.
    pub carried: BTreeMap<DataId, u64>,
    /// Conference packets, resends left out.
    pub conference: BTreeMap<Kind, u64>,
    /// What was seen of each conference.
    pub conferences: BTreeMap<Conference, ConferenceTotals>,
    /// What was seen of each person.
    pub people: BTreeMap<PublicKey, PersonTotals>,
    /// Packets and entries of conferences, people, members and connections to relays beyond those that are
    /// told apart.
    pub left_out: u64,
    /// How many members all conferences have.
    members: usize,
}

/// What was seen of connections to relays.
#[derive(Clone, Default)]
pub struct RelayTotals {
    /// The TCP connections, by their numbers.
    streams: BTreeSet<u32>,
    /// Handshakes of clients and answers of relays; those that were opened, and why others stayed closed.
    pub handshakes: u64,
    /// See [`Self::handshakes`].
    pub handshakes_opened: u64,
    /// See [`Self::handshakes`].
    pub handshakes_sealed: BTreeMap<Sealed, u64>,
    /// Frames; those that were opened, and why others stayed closed.
    pub frames: u64,
    /// See [`Self::frames`].
    pub frames_opened: u64,
    /// See [`Self::frames`].
    pub sealed: BTreeMap<Sealed, u64>,
    /// Packets that frames held, by kind.
    pub packets: BTreeMap<&'static str, u64>,
    /// Packets that relays passed on, by their first bytes.
    passed_on: BTreeMap<ToxKind, u64>,
}

impl RelayTotals {
    /// How many TCP connections to relays there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.streams.len()
    }

    /// Packets that relays passed on, by kind.
    #[must_use]
    pub fn passed_on(&self) -> BTreeMap<&'static str, u64> {
        self.passed_on.iter().map(|(kind, count)| (kind.name(), *count)).collect()
    }

    /// Counts a record; false if its connection is one too many to be told apart.
    fn record(&mut self, record: &Record<'_>, relay: &Relay) -> bool {
        let is_told_apart = self.streams.len() < STREAMS || self.streams.contains(&relay.stream);
        if is_told_apart {
            self.streams.insert(relay.stream);
        }
        match &record.content {
            Content::RelayHandshake(seen) | Content::RelayAnswer(seen) => {
                self.handshakes += 1;
                match seen {
                    Ok(_) => self.handshakes_opened += 1,
                    Err(why) => *self.handshakes_sealed.entry(*why).or_default() += 1,
                }
            }
            Content::Relay(Err(why)) => {
                self.frames += 1;
                *self.sealed.entry(*why).or_default() += 1;
            }
            content => {
                self.frames += 1;
                self.frames_opened += 1;
                if let Some(kind) = relay.kind {
                    *self.packets.entry(kind.name()).or_default() += 1;
                }
                if !matches!(content, Content::Relay(_))
                    && let Some(kind) = ToxKind::of(record.datagram)
                {
                    *self.passed_on.entry(kind).or_default() += 1;
                }
            }
        }
        is_told_apart
    }
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
        let is_cut = match &record.relay {
            Some(relay) => {
                let is_left_out = !self.relay.record(record, relay);
                self.left_out += u64::from(is_left_out);
                false
            }
            None => {
                self.datagram(record.datagram, record.truncated);
                record.truncated
            }
        };
        match &record.content {
            _ if is_cut => {}
            Content::CookieRequest(seen) => self.cookie_requests_opened += u64::from(seen.is_ok()),
            Content::CookieResponse(seen) => {
                self.cookie_responses_opened += u64::from(seen.is_ok())
            }
            Content::Handshake(Ok(_)) => self.handshakes_opened += 1,
            Content::Handshake(Err(why)) => *self.handshakes_sealed.entry(*why).or_default() += 1,
            Content::Data(Ok(data)) => self.data(record, data),
            Content::Data(Err(why)) => *self.sealed.entry(*why).or_default() += 1,
            Content::RelayHandshake(_)
            | Content::RelayAnswer(_)
            | Content::Relay(_)
            | Content::Other(_) => {}
        }
    }

    /// Counts a datagram of which nothing can be opened, since there are no keys: as [`Self::record`]
    /// does, by its first byte alone.
    #[inline]
    pub(super) fn unopened(&mut self, datagram: &Datagram<'_>) {
        self.datagram(datagram.payload, datagram.truncated);
        let sealed = match ToxKind::of(datagram.payload) {
            _ if datagram.truncated => return,
            Some(ToxKind::CRYPTO_HANDSHAKE) => &mut self.handshakes_sealed,
            Some(ToxKind::CRYPTO_DATA) => &mut self.sealed,
            _ => return,
        };
        *sealed.entry(Sealed::NoKeyLog).or_default() += 1;
    }

    /// Counts a frame that gave no datagram.
    pub fn not_udp(&mut self, why: NotUdp) {
        *self.not_udp.entry(why.name()).or_default() += 1;
    }

    /// UDP datagrams by kind, those that occur, in the order of their first bytes; `unknown` ones as one.
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

    /// UDP datagrams of one kind.
    #[must_use]
    pub fn of_kind(&self, kind: ToxKind) -> u64 {
        self.tox.get(usize::from(kind.0)).copied().unwrap_or(0)
    }

    /// Whole packets of one kind, in UDP datagrams and passed on by relays: those that a key could open.
    #[must_use]
    pub fn whole(&self, kind: ToxKind) -> u64 {
        let passed_on = self.relay.passed_on.get(&kind).unwrap_or(&0);
        self.of_kind(kind) + passed_on - self.cut.get(&kind).unwrap_or(&0)
    }

    /// Datagrams of net_crypto that the snap length cut, by kind: nobody can open them.
    pub fn cut(&self) -> impl Iterator<Item = (ToxKind, u64)> {
        let kinds = [
            ToxKind::COOKIE_REQUEST,
            ToxKind::COOKIE_RESPONSE,
            ToxKind::CRYPTO_HANDSHAKE,
            ToxKind::CRYPTO_DATA,
        ];
        kinds.into_iter().filter_map(|kind| Some((kind, *self.cut.get(&kind)?)))
    }

    #[inline]
    fn datagram(&mut self, datagram: &[u8], truncated: bool) {
        self.datagrams += 1;
        self.first_byte(datagram);
        if truncated {
            self.truncated += 1;
            if let Some(kind) = ToxKind::of(datagram) {
                *self.cut.entry(kind).or_default() += 1;
            }
        }
    }

    #[inline]
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

    /// How many sessions there were of which a packet was opened.
    #[must_use]
    pub fn sessions(&self) -> u32 {
        self.sessions.iter().map(|bits| bits.count_ones()).sum()
    }

    /// Notes a session. They are numbered as they are first opened, so this takes a bit for each.
    fn session(&mut self, number: u32) {
        let (word, bit) = ((number / 64) as usize, number % 64);
        if word >= self.sessions.len() {
            self.sessions.resize(word + 1, 0);
        }
        if let Some(bits) = self.sessions.get_mut(word) {
            *bits |= 1 << bit;
        }
    }

    fn data(&mut self, record: &Record<'_>, data: &Data<'_>) {
        self.data_opened += 1;
        self.session(data.session);
        self.copies += u64::from(data.copy);
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
                person.name = party.name.map(<[u8]>::to_vec);
            }
            *(if is_sender { &mut person.sent } else { &mut person.received }) += 1;
        }
        let Some(packet) = &data.packet else { return };
        let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
        *self.conference.entry(kind).or_default() += 1;
        if let (Ok(packet), Some(conference)) = (packet, data.context.conference) {
            match limited(&mut self.conferences, conference, CONFERENCES) {
                Some(totals) => {
                    let before = totals.members.len();
                    let room = before + MEMBERS.saturating_sub(self.members);
                    self.left_out += totals.packet(packet, data.context.author.real_key, room);
                    self.members += totals.members.len() - before;
                }
                None => self.left_out += 1,
            }
        }
    }
}

impl ConferenceTotals {
    /// Counts a packet. There is room for so many members; gives how many found none.
    fn packet(&mut self, packet: &Packet<'_>, author: Option<PublicKey>, room: usize) -> u64 {
        let mut left_out = 0;
        let mut member =
            |key, number| left_out += u64::from(!note(&mut self.members, key, number, room));
        self.packets += 1;
        match packet {
            Packet::PeerResponse(response) => {
                for peer in response.peers() {
                    member(peer.real_key, peer.peer_number.0);
                }
            }
            Packet::TitleResponse(response) => self.title = Some(response.title.to_vec()),
            Packet::InviteMember(invited) => {
                if let Some(author) = author {
                    member(author, invited.peer_number.0);
                }
            }
            Packet::Message(GroupMessage { body, peer_number, .. }) => {
                if let Some(author) = author {
                    member(author, peer_number.0);
                }
                match body {
                    MessageBody::NewPeer(new) => member(new.real_key, new.new_peer_number.0),
                    MessageBody::Title(title) => self.title = Some(title.title.to_vec()),
                    MessageBody::Chat(_) | MessageBody::Action(_) => self.texts += 1,
                    _ => {}
                }
            }
            _ => {}
        }
        left_out
    }
}

/// Notes a member and its number, unless it is one too many.
fn note(
    members: &mut BTreeMap<PublicKey, Option<u16>>,
    key: PublicKey,
    number: u16,
    room: usize,
) -> bool {
    match limited(members, key, room) {
        Some(known) => {
            *known = Some(number);
            true
        }
        None => false,
    }
}

/// The entry of `key`, unless it is one too many.
fn limited<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K, most: usize) -> Option<&mut V> {
    if map.len() >= most && !map.contains_key(&key) {
        return None;
    }
    Some(map.entry(key).or_default())
}
