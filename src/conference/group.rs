//! One conference at one endpoint, and what its concerns share.

use std::collections::{BTreeMap, VecDeque};

use super::closest::Closest;
use super::connections::Connections;
use super::peers::Peers;
use super::slots::Slots;
use super::{Event, Output, Peer, Profile, Seconds, Slot};
use crate::wire::{
    Conference, ConferenceType, GroupNumber, LossyNumber, MessageNumber, Packet, PeerNumber,
    PublicKey,
};

/// What an endpoint is to others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Me {
    pub(super) real_key: PublicKey,
    pub(super) dht_key: PublicKey,
    pub(super) name: Vec<u8>,
}

/// What a conference needs of its endpoint while it handles an input.
pub(super) struct Context<'a> {
    pub(super) me: &'a Me,
    pub(super) profile: &'a Profile,
    pub(super) now: Seconds,
    pub(super) connections: &'a mut Connections,
    pub(super) out: &'a mut VecDeque<Output>,
}

impl Context<'_> {
    pub(super) fn send(&mut self, friend: &PublicKey, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        self.send_bytes(friend, bytes);
    }

    pub(super) fn send_bytes(&mut self, friend: &PublicKey, bytes: Vec<u8>) {
        self.out.push_back(Output::Send { friend: *friend, bytes });
    }

    pub(super) fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }
}

/// the frozen limit of a new conference where a profile has none.
pub(super) const UNLIMITED: u32 = u32::MAX;

/// One conference at one endpoint ("group instance").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    pub(super) number: GroupNumber,
    pub(super) conference: Conference,
    /// known once we are connected; until then we are joining.
    pub(super) own: Option<PeerNumber>,
    pub(super) peers: Peers,
    pub(super) closest: Closest,
    pub(super) slots: Slots,
    pub(super) title: Vec<u8>,
    ///
    pub(super) title_fresh: bool,
    /// Number of the last message we sent.
    pub(super) message_number: u32,
    /// Number of the next lossy message we send.
    pub(super) lossy_number: u16,
    pub(super) last_ping: Option<Seconds>,
    ///
    pub(super) name_scheduled: bool,
    pub(super) frozen_limit: u32,
    /// Nobody times out before; never later than the first time-out.
    pub(super) next_time_out: Seconds,
    /// killed numbers and when; in order to stay small, only where a profile asks.
    pub(super) killed: BTreeMap<PeerNumber, Seconds>,
}

impl Group {
    /// a new instance, the same whatever place it occupies.
    pub(super) fn new(number: GroupNumber, conference: Conference, profile: &Profile) -> Self {
        Self {
            number,
            conference,
            own: None,
            peers: Peers::default(),
            closest: Closest::default(),
            slots: Slots::new(profile),
            title: Vec::new(),
            title_fresh: false,
            message_number: 0,
            lossy_number: 0,
            last_ping: None,
            name_scheduled: false,
            frozen_limit: profile.frozen_limit.unwrap_or(UNLIMITED),
            next_time_out: 0,
            killed: BTreeMap::new(),
        }
    }

    /// Makes us a member under `own`, with an entry like any other's.
    pub(super) fn enter_ourselves(&mut self, cx: &Context<'_>, own: PeerNumber) {
        let mut entry = Peer::new(own, cx.me.real_key, cx.me.dht_key, cx.now);
        entry.name.clone_from(&cx.me.name);
        entry.name_learned = true;
        self.own = Some(own);
        self.peers.push_active(entry);
    }

    /// Its index at this endpoint.
    #[must_use]
    pub const fn number(&self) -> GroupNumber {
        self.number
    }

    /// Its type and id.
    #[must_use]
    pub const fn conference(&self) -> Conference {
        self.conference
    }

    /// Our number in it; nothing while we are joining.
    #[must_use]
    pub const fn own_number(&self) -> Option<PeerNumber> {
        self.own
    }

    /// Active peers, ourselves included.
    #[must_use]
    pub fn active(&self) -> &[Peer] {
        self.peers.active()
    }

    /// Frozen peers.
    #[must_use]
    pub fn frozen(&self) -> &[Peer] {
        self.peers.frozen()
    }

    /// An active or frozen peer by its key.
    #[must_use]
    pub fn peer(&self, real_key: &PublicKey) -> Option<&Peer> {
        self.peers.by_key(real_key)
    }

    /// The peer is active.
    #[must_use]
    pub fn is_active(&self, real_key: &PublicKey) -> bool {
        matches!(self.peers.find_key(real_key), Some(super::peers::Place::Active(_)))
    }

    /// The slots in use.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The closest peers, in no order that means anything.
    pub fn closest(&self) -> impl Iterator<Item = &PublicKey> {
        self.closest.keys()
    }

    /// The title; empty if unset.
    #[must_use]
    pub fn title(&self) -> &[u8] {
        &self.title
    }

    /// The title is fresh.
    #[must_use]
    pub const fn title_is_fresh(&self) -> bool {
        self.title_fresh
    }

    /// Number of the last message we sent; 0 before the first.
    #[must_use]
    pub const fn message_number(&self) -> MessageNumber {
        MessageNumber(self.message_number)
    }

    /// Number of the next lossy message we send.
    #[must_use]
    pub const fn lossy_number(&self) -> LossyNumber {
        LossyNumber(self.lossy_number)
    }

    /// How many frozen peers are kept.
    #[must_use]
    pub const fn frozen_limit(&self) -> u32 {
        self.frozen_limit
    }

    /// It carries audio, so lossy messages.
    pub(super) fn has_audio(&self) -> bool {
        self.conference.kind == ConferenceType::AUDIO
    }

    /// Somebody else is active.
    pub(super) fn has_others(&self) -> bool {
        self.peers.active().len() > usize::from(self.own.is_some())
    }
}
