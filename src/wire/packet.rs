//! A conference packet of any kind, from its data id on (packets §8).
//!
//! | Id   | Packets                                                                      |
//! |------|------------------------------------------------------------------------------|
//! | 0x60 | [`Invite`], [`InviteAccepted`], [`InviteMember`]                             |
//! | 0x61 | [`Online`]                                                                   |
//! | 0x62 | [`PeerIntroduced`], [`PeerQuery`], [`PeerResponse`], [`TitleResponse`]       |
//! | 0x63 | [`GroupMessage`]                                                             |
//! | 0x64 | [`Rejoin`]                                                                   |
//! | 0xc7 | [`Lossy`]                                                                    |
//!
//! Lengths are judged as c-toxcore's newest version does (packets §9), with one exception:
//! titles of more than 128 bytes are always malformed (B-03).

use std::fmt;

use arbitrary::Arbitrary;

use nom::Parser;

use super::parse::{Error, Parsed, fault, field, u8};
use super::{
    Conference, DataId, DirectUnknown, Fault, GroupMessage, GroupNumber, Invite, InviteAccepted,
    InviteMember, InviteUnknown, Lossy, MessageBody, Online, PeerIntroduced, PeerQuery,
    PeerResponse, Rejoin, TitleResponse, Unknown, direct, invite, layout,
};

/// A conference packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub enum Packet<'a> {
    /// 0x60, kind 0.
    Invite(Invite),
    /// 0x60, kind 1.
    InviteAccepted(InviteAccepted),
    /// 0x60, kind 2.
    InviteMember(InviteMember),
    /// 0x60, any other kind.
    InviteUnknown(InviteUnknown<'a>),
    /// 0x61.
    Online(Online),
    /// 0x62, kind 1.
    PeerIntroduced(PeerIntroduced<'a>),
    /// 0x62, kind 8.
    PeerQuery(PeerQuery<'a>),
    /// 0x62, kind 9.
    PeerResponse(PeerResponse<'a>),
    /// 0x62, kind 10.
    TitleResponse(TitleResponse<'a>),
    /// 0x62, any other kind.
    DirectUnknown(DirectUnknown<'a>),
    /// 0x63.
    Message(GroupMessage<'a>),
    /// 0x64.
    Rejoin(Rejoin<'a>),
    /// 0xc7.
    Lossy(Lossy<'a>),
    /// Any other id.
    Unknown(Unknown<'a>),
}

/// A packet that could not be read, with what is wrong with it.
///
/// What could be read of it is in its [`parts`](Self::parts).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{error}")]
pub struct Malformed<'a> {
    /// The whole packet, from its data id on.
    pub bytes: &'a [u8],
    /// Field, byte and reason.
    pub error: Fault,
}

impl<'a> Malformed<'a> {
    /// What can be read in spite of the fault, and the rest, without a gap.
    #[must_use]
    pub fn parts(&self) -> layout::Parts<'a> {
        layout::parts(self.bytes)
    }

    /// What the packet would be if it were well formed, by its ids.
    ///
    /// [`Kind::Malformed`] if it ends before them.
    #[must_use]
    pub fn intended(&self) -> Kind {
        Kind::of(self.bytes)
    }
}

/// What turns the outcome of a packet's parser into the outcome of [`Packet::parse`].
///
/// Each arm of a dispatch ends its packet itself. Were the arms to meet first, every packet would
/// be put together piece by piece and copied, which costs more than reading it.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    bytes: &'a [u8],
}

impl<'a> End<'a> {
    #[inline(always)]
    pub(super) fn packet<T>(
        self,
        parsed: Parsed<'a, T>,
        packet: impl FnOnce(T) -> Packet<'a>,
    ) -> Result<Packet<'a>, Malformed<'a>> {
        match parsed {
            Ok((_, it)) => Ok(packet(it)),
            Err(error) => Err(self.malformed(error)),
        }
    }

    #[cold]
    pub(super) fn malformed(self, error: nom::Err<Error<'a>>) -> Malformed<'a> {
        Malformed { bytes: self.bytes, error: fault(self.bytes.len(), error) }
    }
}

impl<'a> Packet<'a> {
    /// Reads a packet, from its data id on.
    ///
    /// # Errors
    ///
    /// The bytes together with the first fault found in them.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed<'a>> {
        let end = End { bytes };
        let (i, id) = match field("packet.id", u8).parse(bytes) {
            Ok(read) => read,
            Err(error) => return Err(end.malformed(error)),
        };
        match DataId(id) {
            DataId::CONFERENCE_INVITE => invite::parse(end, i),
            DataId::CONFERENCE_ONLINE => end.packet(Online::parse(i), Packet::Online),
            DataId::CONFERENCE_DIRECT => direct::parse(end, i),
            DataId::CONFERENCE_MESSAGE => end.packet(GroupMessage::parse(i), Packet::Message),
            DataId::CONFERENCE_REJOIN => end.packet(Rejoin::parse(i), Packet::Rejoin),
            DataId::CONFERENCE_LOSSY => end.packet(Lossy::parse(i), Packet::Lossy),
            _ => end.packet(Unknown::parse(id, i), Packet::Unknown),
        }
    }

    /// Writes the packet, from its data id on; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Invite(packet) => packet.emit(out),
            Self::InviteAccepted(packet) => packet.emit(out),
            Self::InviteMember(packet) => packet.emit(out),
            Self::InviteUnknown(packet) => packet.emit(out),
            Self::Online(packet) => packet.emit(out),
            Self::PeerIntroduced(packet) => packet.emit(out),
            Self::PeerQuery(packet) => packet.emit(out),
            Self::PeerResponse(packet) => packet.emit(out),
            Self::TitleResponse(packet) => packet.emit(out),
            Self::DirectUnknown(packet) => packet.emit(out),
            Self::Message(packet) => packet.emit(out),
            Self::Rejoin(packet) => packet.emit(out),
            Self::Lossy(packet) => packet.emit(out),
            Self::Unknown(packet) => packet.emit(out),
        }
    }

    /// What the packet is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Invite(_) => Kind::Invite,
            Self::InviteAccepted(_) => Kind::InviteAccepted,
            Self::InviteMember(_) => Kind::InviteMember,
            Self::Online(_) => Kind::Online,
            Self::PeerIntroduced(_) => Kind::PeerIntroduced,
            Self::PeerQuery(_) => Kind::PeerQuery,
            Self::PeerResponse(_) => Kind::PeerResponse,
            Self::TitleResponse(_) => Kind::TitleResponse,
            Self::Message(message) => message.body.kind(),
            Self::Rejoin(_) => Kind::Rejoin,
            Self::Lossy(_) => Kind::Lossy,
            Self::InviteUnknown(_) | Self::DirectUnknown(_) | Self::Unknown(_) => Kind::Unknown,
        }
    }

    /// The group number in the packet: as the sender counts in invitations, their answers and
    /// online packets, as the receiver counts in all others; a rejoin has none.
    #[must_use]
    pub const fn group_number(&self) -> Option<GroupNumber> {
        match self {
            Self::Invite(packet) => Some(packet.group_number),
            Self::InviteAccepted(packet) => Some(packet.group_number),
            Self::InviteMember(packet) => Some(packet.group_number),
            Self::Online(packet) => Some(packet.group_number),
            Self::PeerIntroduced(packet) => Some(packet.group_number),
            Self::PeerQuery(packet) => Some(packet.group_number),
            Self::PeerResponse(packet) => Some(packet.group_number),
            Self::TitleResponse(packet) => Some(packet.group_number),
            Self::DirectUnknown(packet) => Some(packet.group_number),
            Self::Message(packet) => Some(packet.group_number),
            Self::Lossy(packet) => Some(packet.group_number),
            Self::InviteUnknown(_) | Self::Rejoin(_) | Self::Unknown(_) => None,
        }
    }

    /// The conference that the packet names by type and id, if it does.
    #[must_use]
    pub const fn conference(&self) -> Option<Conference> {
        match self {
            Self::Invite(packet) => Some(packet.conference),
            Self::InviteAccepted(packet) => Some(packet.conference),
            Self::InviteMember(packet) => Some(packet.conference),
            Self::Online(packet) => Some(packet.conference),
            Self::Rejoin(packet) => Some(packet.conference),
            Self::InviteUnknown(_)
            | Self::PeerIntroduced(_)
            | Self::PeerQuery(_)
            | Self::PeerResponse(_)
            | Self::TitleResponse(_)
            | Self::DirectUnknown(_)
            | Self::Message(_)
            | Self::Lossy(_)
            | Self::Unknown(_) => None,
        }
    }

    /// Bytes that receivers ignore: surplus, and what follows the good entries of a peer list.
    #[must_use]
    pub fn trailing(&self) -> &'a [u8] {
        match self {
            Self::PeerIntroduced(packet) => packet.trailing,
            Self::PeerQuery(packet) => packet.trailing,
            Self::PeerResponse(packet) => packet.rest(),
            Self::Message(GroupMessage { body: MessageBody::Ping(ping), .. }) => ping.trailing,
            Self::Rejoin(packet) => packet.trailing,
            Self::Invite(_)
            | Self::InviteAccepted(_)
            | Self::InviteMember(_)
            | Self::InviteUnknown(_)
            | Self::Online(_)
            | Self::TitleResponse(_)
            | Self::DirectUnknown(_)
            | Self::Message(_)
            | Self::Lossy(_)
            | Self::Unknown(_) => &[],
        }
    }
}

impl MessageBody<'_> {
    /// What the message is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Ping(_) => Kind::Ping,
            Self::NewPeer(_) => Kind::NewPeer,
            Self::KillPeer(_) => Kind::KillPeer,
            Self::FreezePeer(_) => Kind::FreezePeer,
            Self::Name(_) => Kind::Name,
            Self::Title(_) => Kind::Title,
            Self::Chat(_) => Kind::Chat,
            Self::Action(_) => Kind::Action,
            Self::Unknown(_) => Kind::Unknown,
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $title:literal,)*) => {
        /// What a conference packet is, as JSON and filters name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind, in the order of the packets' ids.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Name in JSON and filters, in snake case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Name for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$kind => $title,)*
                }
            }
        }
    };
}

kinds! {
    /// 0x60, kind 0.
    Invite "invite" "Invitation",
    /// 0x60, kind 1.
    InviteAccepted "invite_accepted" "Invitation accepted",
    /// 0x60, kind 2.
    InviteMember "invite_member" "Already a member",
    /// 0x61.
    Online "online" "Online",
    /// 0x62, kind 1.
    PeerIntroduced "peer_introduced" "Peer introduced",
    /// 0x62, kind 8.
    PeerQuery "peer_query" "Peer query",
    /// 0x62, kind 9.
    PeerResponse "peer_response" "Peer response",
    /// 0x62, kind 10.
    TitleResponse "title_response" "Title response",
    /// 0x63, message 0x00.
    Ping "ping" "Ping",
    /// 0x63, message 0x10.
    NewPeer "new_peer" "New peer",
    /// 0x63, message 0x11.
    KillPeer "kill_peer" "Kill peer",
    /// 0x63, message 0x12.
    FreezePeer "freeze_peer" "Freeze peer",
    /// 0x63, message 0x30.
    Name "name" "Name",
    /// 0x63, message 0x31.
    Title "title" "Title",
    /// 0x63, message 0x40.
    Chat "chat" "Message",
    /// 0x63, message 0x41.
    Action "action" "Action",
    /// 0x64.
    Rejoin "rejoin" "Rejoin",
    /// 0xc7.
    Lossy "lossy" "Lossy message",
    /// Ids that nobody knows.
    Unknown "unknown" "Unknown packet",
    /// Not readable: see [`Malformed`].
    Malformed "malformed" "Malformed packet",
}

impl Kind {
    /// What a packet is by its ids alone, well formed or not.
    ///
    /// [`Kind::Malformed`] if it ends before them.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let byte = |at: usize| bytes.get(at).copied();
        let Some(id) = byte(0) else { return Self::Malformed };
        let ids = match DataId(id) {
            DataId::CONFERENCE_INVITE => byte(1),
            DataId::CONFERENCE_DIRECT => byte(3),
            DataId::CONFERENCE_MESSAGE => byte(9),
            DataId::CONFERENCE_LOSSY => byte(7),
            _ => Some(0),
        };
        if ids.is_none() {
            return Self::Malformed;
        }
        let name = layout::of(bytes).name;
        Self::ALL.iter().copied().find(|kind| kind.name() == name).unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
