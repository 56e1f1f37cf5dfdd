//! Taking over what an observer saw to be so, for a machine that follows somebody else.
//!
//! Who follows a real client from its traffic learns facts that no input brings about: its client
//! founded the conference before anybody watched, a list in an answer tells who is active. A [`Fact`]
//! puts the machine into that state. Nothing is sent, the client is not told, and what holds after
//! every step holds after this, too.

use super::endpoint::{Endpoint, seconds};
use super::group::{Context, Group};
use super::peers::Place;
use super::{DropReason, Peer, Profile, Reasons, Seconds};
use crate::time::Timestamp;
use crate::wire::{
    Conference, GroupNumber, LossyNumber, MAX_NAME_SIZE, MAX_TITLE_SIZE, MessageNumber, PeerNumber,
    PublicKey,
};

/// Something about an endpoint that an observer knows or takes to be so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact<'a> {
    /// What the rules read from now on.
    Profile(Profile),
    /// The own name, 0 to 128 bytes. Entries of conferences keep theirs.
    Name(&'a [u8]),
    /// The DHT key at the other side of a friend connection.
    DhtKey {
        /// The real key at the other side.
        friend: PublicKey,
        /// The DHT key.
        dht_key: PublicKey,
    },
    /// A conference is open at a number that is free.
    Conference {
        /// Its number.
        group: GroupNumber,
        /// Its type and id.
        conference: Conference,
        /// Our number in it, if it is not still joining.
        own: Option<PeerNumber>,
    },
    /// A peer is in one of the lists, and nowhere else.
    Peer {
        /// Where.
        group: GroupNumber,
        /// Its number.
        number: PeerNumber,
        /// Its real key.
        real_key: PublicKey,
        /// Its DHT key.
        dht_key: PublicKey,
        /// Its name, 0 to 128 bytes.
        name: &'a [u8],
        /// In the list of active peers; otherwise, of frozen ones.
        active: bool,
    },
    /// Nobody has this number.
    NoPeer {
        /// Where.
        group: GroupNumber,
        /// The number.
        number: PeerNumber,
    },
    /// There is a slot on a friend connection.
    Slot {
        /// Where.
        group: GroupNumber,
        /// The real key at the other side.
        friend: PublicKey,
        /// Why; at least one reason.
        reasons: Reasons,
        /// The number at the other side, if the slot is online; the connection must be up then.
        online: Option<GroupNumber>,
    },
    /// There is no slot on this friend connection.
    NoSlot {
        /// Where.
        group: GroupNumber,
        /// The real key at the other side.
        friend: PublicKey,
    },
    /// The title, and whether it is fresh.
    Title {
        /// Where.
        group: GroupNumber,
        /// 0 to 128 bytes.
        title: &'a [u8],
        ///
        fresh: bool,
    },
    /// The number of the last message we sent.
    MessageNumber {
        /// Where.
        group: GroupNumber,
        /// The number; 0 before the first.
        number: MessageNumber,
    },
    /// The number of the next lossy message we send.
    LossyNumber {
        /// Where.
        group: GroupNumber,
        /// The number.
        number: LossyNumber,
    },
    /// When the last ping was sent, if one was.
    Pinged {
        /// Where.
        group: GroupNumber,
        /// When.
        at: Option<Seconds>,
    },
    /// Whether a Name message goes out at the end of the pass.
    NameScheduled {
        /// Where.
        group: GroupNumber,
        /// Whether.
        scheduled: bool,
    },
}

impl Endpoint {
    /// Takes a fact for granted, as of a moment.
    ///
    /// # Errors
    ///
    /// Why it cannot be so, together with what is so otherwise; nothing has changed then.
    pub fn assume(&mut self, at: Timestamp, fact: &Fact<'_>) -> Result<(), DropReason> {
        self.now = self.now.max(seconds(at));
        let before = self.output.len();
        let done = self.take_for_granted(fact);
        // Nobody is told of what was so already; but who is not needed any more is to be let go.
        self.output.truncate(before);
        done
    }

    fn take_for_granted(&mut self, fact: &Fact<'_>) -> Result<(), DropReason> {
        match *fact {
            Fact::Profile(ref profile) => {
                self.profile = profile.clone();
                Ok(())
            }
            Fact::Name(name) => {
                self.me.name = fitting(name, MAX_NAME_SIZE)?.to_vec();
                Ok(())
            }
            Fact::DhtKey { friend, dht_key } => {
                let connection =
                    self.connections.get_mut(&friend).ok_or(DropReason::NotConnected)?;
                connection.dht_key = dht_key;
                Ok(())
            }
            Fact::Conference { group, conference, own } => {
                self.assume_conference(group, conference, own)
            }
            Fact::Peer { group, number, real_key, dht_key, name, active } => {
                let name = fitting(name, MAX_NAME_SIZE)?;
                self.with(group, |group, cx| {
                    group.assume_peer(cx, number, real_key, dht_key, name, active)
                })
            }
            Fact::NoPeer { group, number } => self.with(group, |group, cx| {
                let place = group.peers.find(number).ok_or(DropReason::UnknownPeer)?;
                group.assume_gone(cx, place)
            }),
            Fact::Slot { group, friend, reasons, online } => {
                self.with(group, |group, cx| group.assume_slot(cx, &friend, reasons, online))
            }
            Fact::NoSlot { group, friend } => self.with(group, |group, cx| {
                let slot = group.slots.find(&friend).ok_or(DropReason::NoSlot)?;
                group.drop_slot(cx, slot);
                Ok(())
            }),
            Fact::Title { group, title, fresh } => {
                let title = fitting(title, MAX_TITLE_SIZE)?;
                self.with(group, |group, cx| {
                    group.title = title.to_vec();
                    group.title_fresh =
                        fresh && (group.has_others() || !cx.profile.freshness_at_once);
                    Ok(())
                })
            }
            Fact::MessageNumber { group, number } => self.with(group, |group, _| {
                group.message_number = number.0;
                Ok(())
            }),
            Fact::LossyNumber { group, number } => self.with(group, |group, _| {
                group.lossy_number = number.0;
                Ok(())
            }),
            Fact::Pinged { group, at } => self.with(group, |group, _| {
                group.last_ping = at;
                Ok(())
            }),
            Fact::NameScheduled { group, scheduled } => self.with(group, |group, _| {
                group.name_scheduled = scheduled;
                Ok(())
            }),
        }
    }

    fn assume_conference(
        &mut self,
        number: GroupNumber,
        conference: Conference,
        own: Option<PeerNumber>,
    ) -> Result<(), DropReason> {
        if self.group_of(&conference).is_some() {
            return Err(DropReason::AlreadyJoined);
        }
        if self.groups.get(number).is_some() || number.0 == u16::MAX {
            return Err(DropReason::OtherConference);
        }
        let mut group = Group::new(number, conference, &self.profile);
        let (groups, cx) = self.split();
        if let Some(own) = own {
            group.enter_ourselves(&cx, own);
        }
        groups.insert(group);
        Ok(())
    }
}

fn fitting(text: &[u8], most: usize) -> Result<&[u8], DropReason> {
    if text.len() <= most { Ok(text) } else { Err(DropReason::TooLong) }
}

impl Group {
    fn assume_peer(
        &mut self,
        cx: &mut Context<'_>,
        number: PeerNumber,
        real_key: PublicKey,
        dht_key: PublicKey,
        name: &[u8],
        active: bool,
    ) -> Result<(), DropReason> {
        let ours = real_key == cx.me.real_key;
        if ours != (self.own == Some(number)) || ours && !active {
            return Err(DropReason::AboutOurselves);
        }
        let by_number = self.peers.find(number);
        let holds = |place: Option<Place>| place.and_then(|place| self.peers.get(place));
        if holds(by_number).is_some_and(|peer| peer.real_key != real_key) {
            return Err(DropReason::NumberTaken);
        }
        let known = self.peers.find_key(&real_key);
        if let Some(place @ Place::Active(_)) = known.filter(|_| active)
            && let Some(peer) = self.peers.get_mut(place).filter(|peer| peer.number == number)
        {
            // It keeps its place in the list.
            (peer.dht_key, peer.name) = (dht_key, name.to_vec());
            peer.was_friend = cx.connections.is_friend(&real_key);
            let peer = peer.clone();
            self.closest.offer(cx.profile.prefix, &cx.me.real_key, &peer);
            return Ok(());
        }
        let mut peer = match known.and_then(|place| self.peers.remove(place)) {
            Some(known) => known,
            None => Peer::new(number, real_key, dht_key, cx.now),
        };
        if peer.number != number {
            // Who has another number now is known anew.
            peer = Peer::new(number, real_key, dht_key, cx.now);
        }
        peer.dht_key = dht_key;
        peer.name = name.to_vec();
        peer.was_friend = cx.connections.is_friend(&real_key);
        if active {
            if !matches!(known, Some(Place::Active(_))) {
                peer.last_active = cx.now;
            }
            self.next_time_out = self.next_time_out.min(peer.last_active);
            self.closest.offer(cx.profile.prefix, &cx.me.real_key, &peer);
            self.peers.push_active(peer);
        } else {
            self.closest.remove(&real_key);
            if cx.profile.drops_frozen_slots {
                // Unless it waits there for the answer to a Rejoin.
                let online = self.slots.iter().any(|slot| slot.friend == real_key && slot.online);
                if online {
                    self.drop_slot_of(cx, &real_key);
                }
            }
            self.frozen_limit = self.frozen_limit.max(self.peers.frozen().len() as u32 + 1);
            self.peers.push_frozen(peer);
            self.lose_freshness(cx);
        }
        Ok(())
    }

    fn assume_gone(&mut self, cx: &mut Context<'_>, place: Place) -> Result<(), DropReason> {
        let peer = self.peers.get(place).ok_or(DropReason::UnknownPeer)?;
        if peer.real_key == cx.me.real_key {
            return Err(DropReason::AboutOurselves);
        }
        let key = peer.real_key;
        self.peers.remove(place);
        self.closest.remove(&key);
        self.drop_slot_of(cx, &key);
        self.lose_freshness(cx);
        Ok(())
    }

    fn assume_slot(
        &mut self,
        cx: &mut Context<'_>,
        friend: &PublicKey,
        reasons: Reasons,
        online: Option<GroupNumber>,
    ) -> Result<(), DropReason> {
        if reasons.is_empty() {
            return Err(DropReason::Empty);
        }
        let connection = cx.connections.get(friend).ok_or(DropReason::NotConnected)?;
        if online.is_some() && !connection.is_up() {
            return Err(DropReason::NotConnected);
        }
        let index = self.add_slot(cx, friend, reasons).ok_or(DropReason::NoFreeSlot)?;
        let slot = self.slots.get_mut(index).ok_or(DropReason::NoSlot)?;
        slot.reasons = reasons;
        match online {
            Some(number) => self.set_online(index, number),
            None => {
                self.slot_down(friend);
            }
        }
        Ok(())
    }
}
