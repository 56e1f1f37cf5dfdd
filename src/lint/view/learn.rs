//! What an endpoint sends and receives tells what it knows.

use super::{Copies, Endpoint, Group, Handed, Loss, MessageKey, Packet, View, endpoint, limited};
use crate::lint::finding::Spot;
use crate::lint::guard::{Level, Why};
use crate::wire::{
    Conference, GroupMessage, InviteAccepted, MessageBody, PeerResponse, PublicKey, {self as wire},
};

/// Nanoseconds at the beginning of a session in which an endpoint may pass on what it received before.
const IN_FLIGHT: i64 = 2 * super::SECOND;
/// Bytes of entries that a Peer Response has room for, and of the largest of them: with less room than
/// that, another one may follow.
const MOST_ENTRIES: usize = 1369;
const LARGEST_ENTRY: usize = 67 + 128;
/// With more peers than that nobody is said to be left out of a list.
const OMITTED: usize = 256;
/// Nanoseconds after which a lossy number stands for another message: they wrap after 65536.
const LOSSY_AGE: i64 = 60 * super::SECOND;

impl View {
    /// The copies of a message that passed through an endpoint.
    pub(in crate::lint) fn copies(&self, packet: &Packet<'_>, key: &MessageKey) -> Option<&Copies> {
        if packet.id == wire::DataId::CONFERENCE_LOSSY {
            self.lossy.peek(key)
        } else {
            self.messages.peek(key)
        }
    }

    /// A packet of which both ends are known.
    pub(in crate::lint) fn learn(
        &mut self,
        packet: &Packet<'_>,
        conference: Option<Conference>,
        lost: Option<Loss>,
    ) -> Result<(), Why> {
        let (Some(from), Some(to)) = (packet.from, packet.to) else { return Ok(()) };
        let at = packet.spot.at;
        for (key, other) in [(from, to), (to, from)] {
            let endpoint = self.endpoint(key)?;
            if endpoint.talks(other, packet.session) {
                let gone = |promise: &crate::lint::promise::Promise| {
                    promise.friend == other && promise.session != packet.session
                };
                endpoint.promises.retain(|promise| !gone(promise));
            }
            if let Some(loss) = lost {
                endpoint.misses(loss);
            }
        }
        self.endpoint(from)?.sends(at);
        if let (Some(wire::Packet::Invite(invite)), Some(conference)) = (packet.read(), conference)
        {
            let invited = self.invitations.get_or_insert((from, to), Vec::new);
            let invitation = (conference, invite.group_number);
            if !invited.contains(&invitation) && invited.len() < endpoint::GROUPS {
                invited.push(invitation);
            }
        }
        let Some(conference) = conference else { return Ok(()) };
        if packet.read().is_none() && author_and_number(packet).is_none() {
            return Ok(());
        }
        let sent = self.group(from, conference, packet, true)?;
        if sent {
            self.with_group(from, conference, |group, me, room, known| {
                group.sends(packet, me, to, room, known);
            });
        }
        let heard = self.group(to, conference, packet, false)?;
        if heard {
            self.with_group(to, conference, |group, me, room, known| {
                group.hears(packet, me, from, room);
                group.remembers(packet, from, known);
            });
        }
        Ok(())
    }

    /// Makes sure that the endpoint has the conference, if the packet means that; gives whether it has.
    fn group(
        &mut self,
        key: PublicKey,
        conference: Conference,
        packet: &Packet<'_>,
        sent: bool,
    ) -> Result<bool, Why> {
        let joins = sent && matches!(packet.read(), Some(wire::Packet::InviteAccepted(_)));
        let known = self.endpoint(key)?.groups.contains_key(&conference);
        // An invitation, or a claim, does not make a member.
        let means = sent || matches!(packet.read(), Some(wire::Packet::InviteAccepted(_)));
        if known && !joins {
            return Ok(true);
        }
        if !known && !means {
            return Ok(false);
        }
        self.instances += 1;
        let mut group = Group::new(key, self.instances);
        if joins {
            (group.birth, group.joining) = (Level::Known, true);
        }
        group.founder = sent && matches!(packet.read(), Some(wire::Packet::Invite(_)));
        let endpoint = self.endpoint(key)?;
        let Some(place) =
            limited(&mut endpoint.groups, conference, endpoint::GROUPS, || Group::new(key, 0))
        else {
            return Err(Why::NoRoom);
        };
        let before = std::mem::replace(place, group);
        place.follows(&before);
        self.room += before.peers.len();
        Ok(true)
    }

    fn with_group(
        &mut self,
        key: PublicKey,
        conference: Conference,
        learn: impl FnOnce(&mut Group, PublicKey, &mut usize, Known<'_>),
    ) {
        let Some(endpoint) = self.people.get_mut(&key) else { return };
        let lost = endpoint.lost.is_some();
        let closed = endpoint.closed.is_some();
        let Endpoint { groups, elsewhere, .. } = endpoint;
        let Some(group) = groups.get_mut(&conference) else { return };
        let known = Known {
            messages: &mut self.messages,
            lossy: &mut self.lossy,
            elsewhere,
            may_miss: lost || closed,
            links: &mut self.links,
        };
        learn(group, key, &mut self.room, known);
    }
}

/// What else is known while a group learns.
struct Known<'a> {
    messages: &'a mut crate::recent::Recent<MessageKey, Copies>,
    lossy: &'a mut crate::recent::Recent<MessageKey, Copies>,
    elsewhere: &'a mut Option<Spot>,
    may_miss: bool,
    links: &'a mut crate::recent::Recent<u32, super::Link>,
}

/// Author and number of a lossy message, as if it were that of a message.
fn lossy_author(packet: &Packet<'_>) -> Option<(wire::PeerNumber, wire::MessageNumber)> {
    match packet.read() {
        Some(wire::Packet::Lossy(lossy)) => {
            Some((lossy.peer_number, wire::MessageNumber(lossy.message_number.0.into())))
        }
        _ => None,
    }
}

/// Author and number of a message, well-formed or not.
fn author_and_number(packet: &Packet<'_>) -> Option<(wire::PeerNumber, wire::MessageNumber)> {
    if packet.id != wire::DataId::CONFERENCE_MESSAGE {
        return None;
    }
    let author = packet.bytes.get(3..5)?.try_into().ok()?;
    let number = packet.bytes.get(5..9)?.try_into().ok()?;
    Some((
        wire::PeerNumber(u16::from_be_bytes(author)),
        wire::MessageNumber(u32::from_be_bytes(number)),
    ))
}

impl Group {
    /// The key under which the endpoint knows a message.
    pub(in crate::lint) fn message_key(&self, packet: &Packet<'_>) -> Option<MessageKey> {
        let (number, message) = author_and_number(packet).or_else(|| lossy_author(packet))?;
        Some((self.instance, number, message))
    }

    /// The endpoint has received a copy of a message.
    fn remembers(&self, packet: &Packet<'_>, friend: PublicKey, known: Known<'_>) {
        let Some(key) = self.message_key(packet) else { return };
        let is_lossy = packet.id == wire::DataId::CONFERENCE_LOSSY;
        let table = if is_lossy { known.lossy } else { known.messages };
        let copies = table.get_or_insert(key, Copies::default);
        if is_lossy {
            copies.renew(packet.spot.at, LOSSY_AGE);
        }
        copies.add_heard(Handed::of(packet, friend));
    }

    fn sends(
        &mut self,
        packet: &Packet<'_>,
        me: PublicKey,
        to: PublicKey,
        room: &mut usize,
        known: Known<'_>,
    ) {
        let spot = packet.spot;
        if let Some((author, number)) = author_and_number(packet) {
            let key = (self.instance, author, number);
            let copies = known.messages.get_or_insert(key, Copies::default);
            let unheard = copies.heard.is_empty();
            let copy = Handed::of(packet, to);
            let is_new = unheard && copies.sent.iter().all(|it| it.content != copy.content);
            let is_other =
                copies.sent.iter().chain(&copies.heard).all(|it| it.content != copy.content);
            copies.add_sent(copy);
            if unheard && self.own.is_none() && self.founder {
                self.own = Some((author, Level::Assumed));
            }
            if self.own.is_some_and(|(own, _)| own == author) {
                self.counts(number, is_other, spot);
                self.says(packet, number, is_new, room);
            } else {
                let started = known.links.peek(&packet.session).map(|link| link.started);
                let settled = started.is_some_and(|at| spot.at.nanos_since(at) > IN_FLIGHT);
                if unheard && settled && self.own.is_some() && !known.may_miss {
                    known.elsewhere.get_or_insert(spot);
                }
                let id = packet.bytes.get(9).copied().unwrap_or(0);
                if let Some(peer) = self.peers.get_mut(&author) {
                    peer.relays(number, id);
                }
            }
        }
        if let Some((author, number)) = lossy_author(packet) {
            let key = (self.instance, author, number);
            let copies = known.lossy.get_or_insert(key, Copies::default);
            copies.renew(spot.at, LOSSY_AGE);
            copies.add_sent(Handed::of(packet, to));
        }
        self.meets(packet, to);
        match packet.read() {
            Some(wire::Packet::InviteMember(member)) => {
                self.own = Some((member.peer_number, Level::Known))
            }
            Some(wire::Packet::PeerResponse(response)) => {
                self.omits(response, me, spot);
                self.lists(response, me, spot, room);
            }
            Some(wire::Packet::TitleResponse(response)) => {
                self.title = Some(response.title.to_vec())
            }
            _ => {}
        }
    }

    /// The endpoint numbers a message of its own, perhaps one that it has not said before.
    fn counts(&mut self, number: wire::MessageNumber, is_other: bool, spot: Spot) {
        let newer = self.highest.is_none_or(|highest| super::group::newer(number, highest));
        if newer {
            self.back = None;
        } else if is_other {
            self.back.get_or_insert(spot);
        }
    }

    /// The endpoint sends a message of its own.
    fn says(
        &mut self,
        packet: &Packet<'_>,
        number: wire::MessageNumber,
        is_new: bool,
        room: &mut usize,
    ) {
        let spot = packet.spot;
        if self.founder && number.0 == 1 {
            self.birth = Level::Known;
            self.own = self.own.map(|(own, _)| (own, Level::Known));
        }
        if is_new {
            self.newest = Some((number, spot));
            if self.highest.is_none_or(|highest| super::group::newer(number, highest)) {
                self.highest = Some(number);
            }
        }
        match packet.body() {
            Some(MessageBody::Ping(_)) if is_new => self.pinged = Some(spot),
            Some(MessageBody::Name(_)) if is_new => self.named = Some(spot),
            Some(MessageBody::Title(title)) if is_new => {
                (self.title, self.titled) = (Some(title.title.to_vec()), true);
            }
            Some(MessageBody::KillPeer(_)) => self.left = Some(spot),
            Some(MessageBody::NewPeer(new)) => {
                self.name(new.new_peer_number, new.real_key, spot, Level::Known, room);
                self.refresh(new.new_peer_number, &new.real_key, spot, None, Some(new.dht_key));
                if let Some(peer) = self.peers.get_mut(&new.new_peer_number)
                    && peer.key == new.real_key
                {
                    peer.announced = Some((new.dht_key, spot));
                }
            }
            _ => {}
        }
    }

    /// Who introduces the endpoint, or is introduced by it, has a slot whether it is near or not.
    fn meets(&mut self, packet: &Packet<'_>, friend: PublicKey) {
        use wire::Packet::{InviteAccepted, InviteMember, Rejoin};
        let meets = matches!(packet.read(), Some(InviteAccepted(_) | InviteMember(_) | Rejoin(_)));
        if meets && self.introduced.len() < endpoint::FRIENDS {
            self.introduced.insert(friend);
        }
    }

    /// The endpoint leaves peers out of a list.
    fn omits(&mut self, response: &PeerResponse<'_>, me: PublicKey, spot: Spot) {
        let goes_on = self.listed.is_some_and(|at| spot.at.nanos_since(at) < super::SECOND / 10);
        self.listed = Some(spot.at);
        let is_whole = !goes_on && response.entries.len() + LARGEST_ENTRY <= MOST_ENTRIES;
        let is_whole = is_whole && self.peers.len() <= OMITTED;
        for peer in self.peers.values().filter(|peer| is_whole && peer.key != me) {
            self.omitted.insert(peer.key, spot);
        }
        for entry in response.peers() {
            self.omitted.remove(&entry.real_key);
        }
    }

    /// The endpoint says whom it knows.
    fn lists(&mut self, response: &PeerResponse<'_>, me: PublicKey, spot: Spot, room: &mut usize) {
        for peer in response.peers() {
            if peer.real_key == me {
                self.own = Some((peer.peer_number, Level::Known));
            } else {
                self.name(peer.peer_number, peer.real_key, spot, Level::Known, room);
            }
        }
    }

    fn hears(&mut self, packet: &Packet<'_>, me: PublicKey, from: PublicKey, room: &mut usize) {
        let spot = packet.spot;
        let by = Some((packet.session, packet.number));
        self.meets(packet, from);
        // A malformed title may have been taken (B-03).
        self.titled |= packet.read().is_none()
            && matches!(packet.kind(), Some(wire::Kind::Title | wire::Kind::TitleResponse));
        if packet.read().is_none()
            && let Some((author, _)) = author_and_number(packet)
            && let Some(peer) = self.peers.get_mut(&author)
        {
            // Even a malformed message is activity.
            (peer.active, peer.handled) = (Some(spot.at), by);
        }
        match packet.read() {
            Some(wire::Packet::InviteMember(member)) => {
                self.name(member.peer_number, from, spot, Level::Known, room);
                self.refresh(member.peer_number, &from, spot, by, None);
            }
            Some(wire::Packet::InviteAccepted(InviteAccepted { .. })) => {}
            Some(wire::Packet::Rejoin(_)) => {
                if let Some(number) = self.numbers.get(&from).copied() {
                    self.refresh(number, &from, spot, by, None);
                }
            }
            Some(wire::Packet::PeerResponse(response)) => self.is_told(response, me, spot, room),
            Some(wire::Packet::TitleResponse(response)) => {
                // Taken over or not: see what the endpoint says next.
                self.title = None;
                self.is_told_title(response.title, spot);
            }
            Some(wire::Packet::Message(message)) => self.hears_message(message, spot, by, room),
            _ => {}
        }
    }

    /// Somebody lists peers. c-toxcore ends at the first that is frozen or in conflict (B-02).
    fn is_told(
        &mut self,
        response: &PeerResponse<'_>,
        me: PublicKey,
        spot: Spot,
        room: &mut usize,
    ) {
        let mut level = Level::Known;
        for entry in response.peers() {
            if entry.real_key == me {
                if self.joining || self.own.is_none() {
                    let sure = if self.joining { Level::Known } else { Level::Assumed };
                    (self.own, self.joining) = (Some((entry.peer_number, sure)), false);
                }
                continue;
            }
            match self.peers.get(&entry.peer_number) {
                Some(known) if known.key != entry.real_key || known.froze.is_some() => {
                    level = Level::Assumed;
                }
                Some(_) => {}
                None => {
                    let left = self.killed.get(&entry.real_key).map(|(_, spot)| *spot);
                    self.name(entry.peer_number, entry.real_key, spot, level, room);
                    if let Some(peer) = self.peers.get_mut(&entry.peer_number) {
                        peer.returned = peer.returned.or(left);
                    }
                }
            }
        }
    }

    fn hears_message(
        &mut self,
        message: &GroupMessage<'_>,
        spot: Spot,
        by: Option<(u32, u32)>,
        room: &mut usize,
    ) {
        let author = message.peer_number;
        let is_own = self.own.is_some_and(|(own, _)| own == author);
        let knows_all = self.birth == Level::Known;
        if let Some(peer) = self.peers.get_mut(&author) {
            if !matches!(message.body, MessageBody::FreezePeer(_)) {
                (peer.active, peer.handled) = (Some(spot.at), by);
                peer.froze = None;
            }
            if peer.heard.is_none_or(|heard| super::group::newer(message.message_number, heard)) {
                peer.heard = Some(message.message_number);
            }
        } else if knows_all && !is_own {
            // Of an unknown author nothing is taken.
            return;
        }
        match message.body {
            MessageBody::NewPeer(new) => {
                let level = if knows_all { Level::Known } else { Level::Assumed };
                self.name(new.new_peer_number, new.real_key, spot, level, room);
                self.refresh(new.new_peer_number, &new.real_key, spot, by, Some(new.dht_key));
            }
            MessageBody::KillPeer(kill) if kill.killed_peer_number == author && !is_own => {
                if let Some(peer) = self.peers.get(&author) {
                    let key = peer.key;
                    limited(&mut self.killed, key, super::group::KILLED, || (author, spot));
                    limited(&mut self.killed_by, key, super::group::KILLED, || {
                        by.unwrap_or_default()
                    });
                }
                self.remove(author, room);
            }
            MessageBody::FreezePeer(freeze) if freeze.frozen_peer_number == author => {
                if let Some(peer) = self.peers.get_mut(&author) {
                    peer.froze.get_or_insert(spot);
                }
            }
            MessageBody::Title(title) => {
                (self.title, self.titled) = (Some(title.title.to_vec()), true);
            }
            _ => {}
        }
    }

    /// Something came that counts as activity of a peer, if it has that key.
    fn refresh(
        &mut self,
        number: wire::PeerNumber,
        key: &PublicKey,
        spot: Spot,
        by: Option<(u32, u32)>,
        dht_key: Option<PublicKey>,
    ) {
        if let Some(peer) = self.peers.get_mut(&number)
            && peer.key == *key
        {
            (peer.active, peer.handled) = (Some(spot.at), by);
            peer.froze = None;
            if dht_key.is_some() {
                peer.dht_key = dht_key;
            }
        }
    }
}
