//! Group message (0x63): from one member to all, passed on by their neighbours (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x63                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     2 | peer number of the author                                |
//! |     4 | message number                                           |
//! |     1 | message id                                               |
//! |  rest | body, per message id                                     |
//!
//! All but the group number stays the same on the way. What is in a body is in the file of its
//! message; lengths are judged as c-toxcore's newest version does (packets §9). Whether a kill
//! or freeze message names its own author is a question of meaning, not of bytes.

mod action;
mod chat;
mod freeze_peer;
mod kill_peer;
mod name;
mod new_peer;
mod ping;
mod title;
mod unknown;

use arbitrary::Arbitrary;
use nom::Parser;

pub use action::Action;
pub use chat::Chat;
pub use freeze_peer::FreezePeer;
pub use kill_peer::KillPeer;
pub use name::Name;
pub use new_peer::NewPeer;
pub use ping::Ping;
pub use title::Title;
pub use unknown::UnknownMessage;

use super::layout::{Field, Layout, Shape};
use super::parse::{Parsed, field, u8};
use super::{DataId, GroupNumber, MessageNumber, PeerNumber};

/// From one member to all, passed on by their neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct GroupMessage<'a> {
    /// Index of the conference at the receiver; rewritten at each hop.
    pub group_number: GroupNumber,
    /// The author.
    pub peer_number: PeerNumber,
    /// The author's count of its messages.
    pub message_number: MessageNumber,
    /// What the author says.
    pub body: MessageBody<'a>,
}

/// What a group message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub enum MessageBody<'a> {
    /// 0x00: "I am still here".
    Ping(Ping<'a>),
    /// 0x10: "this one joins".
    NewPeer(NewPeer),
    /// 0x11: "I leave for good".
    KillPeer(KillPeer),
    /// 0x12: "I go away for a while".
    FreezePeer(FreezePeer),
    /// 0x30: "this is my name".
    Name(Name<'a>),
    /// 0x31: "this is the title".
    Title(Title<'a>),
    /// 0x40: text.
    Chat(Chat<'a>),
    /// 0x41: text about what the author does.
    Action(Action<'a>),
    /// Any other id.
    Unknown(UnknownMessage<'a>),
}

/// What all group messages begin with.
const HEAD: &[Field] = &[
    Field::new("id", Shape::U8, "0x63, group message"),
    Field::new("group_number", Shape::U16, "index of the conference at the receiver"),
    Field::new("peer_number", Shape::U16, "the author's number in the conference"),
    Field::new("message_number", Shape::U32, "the author's count of its messages"),
    Field::new("message_id", Shape::U8, "what the message says"),
];

/// The layout for a message id; without one, of the header.
pub(crate) fn layout(id: Option<u8>) -> &'static Layout {
    match id {
        Some(Ping::ID) => &ping::LAYOUT,
        Some(NewPeer::ID) => &new_peer::LAYOUT,
        Some(KillPeer::ID) => &kill_peer::LAYOUT,
        Some(FreezePeer::ID) => &freeze_peer::LAYOUT,
        Some(Name::ID) => &name::LAYOUT,
        Some(Title::ID) => &title::LAYOUT,
        Some(Chat::ID) => &chat::LAYOUT,
        Some(Action::ID) => &action::LAYOUT,
        Some(_) | None => &unknown::LAYOUT,
    }
}

impl<'a> GroupMessage<'a> {
    /// Reads what follows the packet id.
    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, group_number) = field("message.group_number", GroupNumber::parse).parse(i)?;
        let (i, peer_number) = field("message.peer_number", PeerNumber::parse).parse(i)?;
        let (i, message_number) = field("message.message_number", MessageNumber::parse).parse(i)?;
        let (i, id) = field("message.message_id", u8).parse(i)?;
        let (i, body) = MessageBody::parse(id, i)?;
        Ok((i, Self { group_number, peer_number, message_number, body }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(DataId::CONFERENCE_MESSAGE.0);
        self.group_number.emit(out);
        self.peer_number.emit(out);
        self.message_number.emit(out);
        out.push(self.body.id());
        self.body.emit(out);
    }
}

impl<'a> MessageBody<'a> {
    /// Reads what follows the message id.
    #[inline]
    fn parse(id: u8, i: &'a [u8]) -> Parsed<'a, Self> {
        match id {
            Ping::ID => Ping::parse.map(Self::Ping).parse(i),
            NewPeer::ID => NewPeer::parse.map(Self::NewPeer).parse(i),
            KillPeer::ID => KillPeer::parse.map(Self::KillPeer).parse(i),
            FreezePeer::ID => FreezePeer::parse.map(Self::FreezePeer).parse(i),
            Name::ID => Name::parse.map(Self::Name).parse(i),
            Title::ID => Title::parse.map(Self::Title).parse(i),
            Chat::ID => Chat::parse.map(Self::Chat).parse(i),
            Action::ID => Action::parse.map(Self::Action).parse(i),
            id => UnknownMessage::parse(id, i).map(|(i, it)| (i, Self::Unknown(it))),
        }
    }

    /// The message id.
    #[must_use]
    pub const fn id(&self) -> u8 {
        match self {
            Self::Ping(_) => Ping::ID,
            Self::NewPeer(_) => NewPeer::ID,
            Self::KillPeer(_) => KillPeer::ID,
            Self::FreezePeer(_) => FreezePeer::ID,
            Self::Name(_) => Name::ID,
            Self::Title(_) => Title::ID,
            Self::Chat(_) => Chat::ID,
            Self::Action(_) => Action::ID,
            Self::Unknown(message) => message.id,
        }
    }

    /// Writes what follows the message id.
    fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ping(ping) => ping.emit(out),
            Self::NewPeer(peer) => peer.emit(out),
            Self::KillPeer(peer) => peer.emit(out),
            Self::FreezePeer(peer) => peer.emit(out),
            Self::Name(name) => name.emit(out),
            Self::Title(title) => title.emit(out),
            Self::Chat(chat) => chat.emit(out),
            Self::Action(action) => action.emit(out),
            Self::Unknown(message) => message.emit(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use crate::wire::testing::refuses;

    #[test]
    fn a_group_message_needs_its_header() {
        let bytes = hex!("63 0001 0002 00000003 40");
        refuses(&bytes[..1], "message.group_number at byte 1: needs 2 bytes, 0 left");
        refuses(&bytes[..4], "message.peer_number at byte 3: needs 2 bytes, 1 left");
        refuses(&bytes[..6], "message.message_number at byte 5: needs 4 bytes, 1 left");
        refuses(&bytes[..9], "message.message_id at byte 9: needs 1 byte, 0 left");
    }
}
