//! Group messages: sending, and the order of effects on receiving.

use super::group::{Context, Group};
use super::peers::Place;
use super::{Departure, DropReason, Event, MAX_TEXT_SIZE, Output, RelayBack};
use crate::wire::{
    Action, Chat, Fault, FreezePeer, GroupMessage, GroupNumber, KillPeer, MAX_TITLE_SIZE,
    MessageBody, MessageNumber, Packet, PeerNumber, Ping, PublicKey, Title,
};

/// Bytes before the body of a group message.
const HEADER_SIZE: usize = 10;

/// A group message as it came: its header, and its body if it is well formed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'a> {
    pub(super) group_number: GroupNumber,
    author: PeerNumber,
    number: u32,
    id: u8,
    body: Result<MessageBody<'a>, Fault>,
    bytes: &'a [u8],
}

impl<'a> Arrived<'a> {
    pub(super) const fn new(message: GroupMessage<'a>, bytes: &'a [u8]) -> Self {
        Self {
            group_number: message.group_number,
            author: message.peer_number,
            number: message.message_number.0,
            id: message.body.id(),
            body: Ok(message.body),
            bytes,
        }
    }

    /// a message whose header is readable counts, whatever its body is like.
    pub(super) fn malformed(bytes: &'a [u8], fault: Fault, modulo_256: bool) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER_SIZE)?;
        let [_, g0, g1, a0, a1, n0, n1, n2, n3, id] = *header.first_chunk::<HEADER_SIZE>()?;
        // B-03.
        let cut = if modulo_256 && id == Title::ID { modulo(body) } else { None };
        Some(Self {
            group_number: GroupNumber(u16::from_be_bytes([g0, g1])),
            author: PeerNumber(u16::from_be_bytes([a0, a1])),
            number: u32::from_be_bytes([n0, n1, n2, n3]),
            id,
            body: cut.map(|title| MessageBody::Title(Title { title })).ok_or(fault),
            bytes,
        })
    }
}

/// B-03: a title as read by who keeps its length in one byte.
pub(super) fn modulo(title: &[u8]) -> Option<&[u8]> {
    let length = title.len() % 256;
    if (1..=MAX_TITLE_SIZE).contains(&length) { title.get(..length) } else { None }
}

impl Group {
    /// a message of our own, one copy for each online slot.
    pub(super) fn broadcast(
        &mut self,
        cx: &mut Context<'_>,
        body: &MessageBody<'_>,
    ) -> Result<(), DropReason> {
        //
        let own = self.own.ok_or(DropReason::StillJoining)?;
        if !self.slots.any_online() {
            // no connection, and no number used.
            return Err(DropReason::NoOnlineSlot);
        }
        self.message_number = match self.message_number.wrapping_add(1) {
            // D-031.
            0 => 1,
            number => number,
        };
        let message_number = MessageNumber(self.message_number);
        // with the number that the other side gave us.
        for slot in self.slots.online() {
            let group_number = slot.group_number.unwrap_or(GroupNumber(0));
            let message =
                GroupMessage { group_number, peer_number: own, message_number, body: *body };
            cx.send(&slot.friend, &Packet::Message(message));
        }
        if cx.profile.relay_back == RelayBack::Never
            && let Some(entry) = self.peers.active_mut(own)
        {
            // D-034: nobody sends it back, so it counts as seen.
            let _ = entry.remembered.accept(message_number.0, body.id(), cx.profile.duplicates);
        }
        Ok(())
    }

    /// The client says something.
    pub(super) fn say(
        &mut self,
        cx: &mut Context<'_>,
        text: &[u8],
        action: bool,
    ) -> Result<(), DropReason> {
        match text.len() {
            0 if !cx.profile.sends_empty_text => return Err(DropReason::Empty),
            0..=MAX_TEXT_SIZE => {}
            // D-066.
            _ => return Err(DropReason::TooLong),
        }
        let body = match action {
            true => MessageBody::Action(Action { text }),
            false => MessageBody::Chat(Chat { text }),
        };
        self.broadcast(cx, &body)?;
        if let (RelayBack::Never, Some(peer)) = (cx.profile.relay_back, self.own) {
            cx.event(Event::Said { group: self.number, peer, action, text: text.to_vec() });
        }
        Ok(())
    }

    /// A group message came. The order of what follows is part of the protocol.
    pub(super) fn handle_message(
        &mut self,
        cx: &mut Context<'_>,
        from: &PublicKey,
        arrived: &Arrived<'_>,
    ) -> Result<(), DropReason> {
        let slot = self.slots.find(from).ok_or(DropReason::NoSlot)?;
        let index = self.active_author(cx, slot, arrived)?;
        let peer = self.peers.active().get(index).ok_or(DropReason::UnknownAuthor)?;
        let author = peer.real_key;
        // before duplicates are told, so they count.
        self.release_introducer(cx, &author, slot);
        let known = self.peers.get_mut(Place::Active(index)).ok_or(DropReason::UnknownAuthor)?;
        // remembered before the body is looked at.
        known.remembered.accept(arrived.number, arrived.id, cx.profile.duplicates)?;
        if self.own == Some(arrived.author) {
            self.tell_impersonation(cx, arrived.number);
        }
        let body = arrived.body.map_err(DropReason::Malformed)?;
        self.process(cx, index, arrived.author, &body)?;
        self.relay(cx, arrived.bytes, from, &author);
        Ok(())
    }

    /// the author's index among the active peers, after its activity was
    /// noted.
    fn active_author(
        &mut self,
        cx: &mut Context<'_>,
        slot: usize,
        arrived: &Arrived<'_>,
    ) -> Result<usize, DropReason> {
        // D-015: a Freeze is no activity.
        let freeze = arrived.id == FreezePeer::ID && cx.profile.freeze_messages;
        match self.peers.find(arrived.author) {
            Some(Place::Active(index)) if freeze || !cx.profile.any_message_is_activity => {
                Ok(index)
            }
            Some(Place::Frozen(_)) if freeze => Err(DropReason::AuthorFrozen),
            Some(place) => match self.note_active(cx, place) {
                Place::Active(index) => Ok(index),
                Place::Frozen(_) => Err(DropReason::AuthorFrozen),
            },
            None if freeze => Err(DropReason::UnknownAuthor),
            None if self.was_killed(cx, arrived.author) => Err(DropReason::AuthorKilled),
            None => {
                // the message is lost; its author may be known to the neighbour.
                let slot = self.slots.get(slot).ok_or(DropReason::NoSlot)?;
                if slot.online || !cx.profile.direct_when_online_only {
                    let number = slot.group_number.unwrap_or(GroupNumber(0));
                    let friend = slot.friend;
                    cx.send_query(&friend, number);
                }
                Err(DropReason::UnknownAuthor)
            }
        }
    }

    /// a number of ours that we have not used yet.
    fn tell_impersonation(&self, cx: &mut Context<'_>, number: u32) {
        if super::duplicates::is_newer(number, self.message_number) {
            let message_number = MessageNumber(number);
            cx.event(Event::Impersonated { group: self.number, message_number });
        }
    }

    /// what the message says. An error means that it is not passed on.
    fn process(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
        author: PeerNumber,
        body: &MessageBody<'_>,
    ) -> Result<(), DropReason> {
        match body {
            MessageBody::Ping(ping) => self.take_ping(cx, index, ping)?,
            MessageBody::NewPeer(peer) => {
                let learned =
                    self.learn_fresh(cx, peer.new_peer_number, peer.real_key, peer.dht_key);
                // Passed on, whatever came of it.
                if let Err(reason) = learned {
                    cx.out.push_back(Output::Dropped(reason));
                }
            }
            MessageBody::KillPeer(KillPeer { killed_peer_number: named }) => {
                self.own_departure(cx, author, *named)?;
                self.kill(cx, index);
            }
            MessageBody::FreezePeer(_) if !cx.profile.freeze_messages => {
                //
                return Err(DropReason::UnknownKind);
            }
            MessageBody::FreezePeer(FreezePeer { frozen_peer_number: named }) => {
                //
                self.own_departure(cx, author, *named)?;
                self.freeze(cx, index);
            }
            MessageBody::Name(name) => self.take_name(cx, author, name.name),
            MessageBody::Title(title) => self.take_title(cx, Some(author), title.title),
            // our own texts too.
            MessageBody::Chat(Chat { text }) => {
                let text = text.to_vec();
                cx.event(Event::Said { group: self.number, peer: author, action: false, text });
            }
            MessageBody::Action(Action { text }) => {
                let text = text.to_vec();
                cx.event(Event::Said { group: self.number, peer: author, action: true, text });
            }
            MessageBody::Unknown(_) => return Err(DropReason::UnknownKind),
        }
        Ok(())
    }

    fn take_ping(
        &mut self,
        cx: &Context<'_>,
        index: usize,
        ping: &Ping<'_>,
    ) -> Result<(), DropReason> {
        if cx.profile.checks_ping_body && !ping.trailing.is_empty() {
            //
            return Err(DropReason::TooLong);
        }
        // for old members, this is what counts; for others, it has counted.
        if let Some(peer) = self.peers.get_mut(Place::Active(index)) {
            peer.last_active = cx.now;
        }
        Ok(())
    }

    /// who may leave by a Kill or Freeze is its author, unless that is ourselves.
    fn own_departure(
        &self,
        cx: &Context<'_>,
        author: PeerNumber,
        named: PeerNumber,
    ) -> Result<(), DropReason> {
        if author != named {
            return Err(DropReason::NotAboutAuthor);
        }
        if self.own == Some(named) && !cx.profile.own_entry_unprotected {
            // B-05: the original obeys.
            return Err(DropReason::AboutOurselves);
        }
        Ok(())
    }

    /// the author leaves for good. R-189: its slot is gone before the message is passed on.
    fn kill(&mut self, cx: &mut Context<'_>, index: usize) {
        if let Some(peer) = self.take_active(cx, index, Departure::Killed)
            && cx.profile.remembers_killed
        {
            self.killed.insert(peer.number, cx.now);
        }
    }
}
