//! What happens to an endpoint.

use crate::time::Timestamp;
use crate::wire::{ConferenceType, GroupNumber, Invite, PublicKey};

/// One thing that happens to an endpoint. Friend connections go by the other side's real key.
///
/// Time never runs backwards: an earlier moment than that of the last input counts as that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input<'a> {
    /// A session on a friend connection is there, as of its first valid encrypted packet.
    ConnectionUp {
        /// When.
        at: Timestamp,
        /// The real key at the other side.
        friend: PublicKey,
        /// The DHT key at the other side, as the handshake told.
        dht_key: PublicKey,
    },
    /// The session is gone.
    ConnectionDown {
        /// When.
        at: Timestamp,
        /// The real key at the other side.
        friend: PublicKey,
    },
    /// A packet on a friend connection.
    Packet {
        /// When.
        at: Timestamp,
        /// The real key at the other side.
        friend: PublicKey,
        /// The packet, from its data id on.
        bytes: &'a [u8],
    },
    /// The client wants something.
    Request {
        /// When.
        at: Timestamp,
        /// What it wants.
        request: Request<'a>,
    },
    /// The end of a pass: everything that arrived was handed in.
    Tick {
        /// When.
        at: Timestamp,
    },
}

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request<'a> {
    /// Add a friend; there is a friend connection to it from now on.
    AddFriend(PublicKey),
    /// Forget a friend.
    RemoveFriend(PublicKey),
    /// The endpoint has a new DHT key.
    SetDhtKey(PublicKey),
    /// Create a conference.
    Create(ConferenceType),
    /// Invite a friend.
    Invite {
        /// Into this conference.
        group: GroupNumber,
        /// The friend's real key.
        friend: PublicKey,
    },
    /// Accept an invitation.
    Accept {
        /// Who invited us.
        friend: PublicKey,
        /// The invitation ("cookie").
        invitation: Invite,
    },
    /// Send a message of text.
    Say {
        /// Where.
        group: GroupNumber,
        /// What: 1 to 1363 bytes.
        text: &'a [u8],
    },
    /// Send an action.
    Act {
        /// Where.
        group: GroupNumber,
        /// What: 1 to 1363 bytes.
        text: &'a [u8],
    },
    /// Send one packet of audio.
    SendAudio {
        /// Where.
        group: GroupNumber,
        /// The audio's own count.
        sequence_number: u16,
        /// One Opus packet, 1 to 1363 bytes.
        opus: &'a [u8],
    },
    /// Set the title.
    SetTitle {
        /// Where.
        group: GroupNumber,
        /// 1 to 128 bytes.
        title: &'a [u8],
    },
    /// Set the own name, in all conferences: 0 to 128 bytes.
    SetName(&'a [u8]),
    /// Set how many frozen peers are kept.
    SetFrozenLimit {
        /// Where.
        group: GroupNumber,
        /// How many.
        limit: u32,
    },
    /// Leave a conference for good.
    Delete {
        /// Which.
        group: GroupNumber,
    },
    /// Write the conferences section of the save file.
    Save,
    /// The program ends.
    ShutDown,
}

impl Input<'_> {
    /// When it happens.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::ConnectionUp { at, .. }
            | Self::ConnectionDown { at, .. }
            | Self::Packet { at, .. }
            | Self::Request { at, .. }
            | Self::Tick { at } => *at,
        }
    }
}
