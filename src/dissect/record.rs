//! One datagram, as far as the keys at hand explain it.

use std::net::SocketAddr;

use crate::crypto::{OpenHandshake, Sealed};
use crate::time::Timestamp;
use crate::wire::net_crypto::{CookieRequestPlain, CookieResponsePlain};
use crate::wire::{DataId, Malformed, Packet, PublicKey, ToxKind};

/// One datagram of a capture: where it was, whose it was, what it was.
pub struct Record<'a> {
    /// Number of the frame, from 1, over the whole file.
    pub frame: u64,
    /// Byte of the (unpacked) file at which the frame's data begin.
    pub offset: u64,
    /// When the frame was captured.
    pub at: Timestamp,
    /// Nanoseconds since the first frame of the file.
    pub rel: i64,
    /// Where the datagram came from.
    pub src: SocketAddr,
    /// Where the datagram went to.
    pub dst: SocketAddr,
    /// What carried it.
    pub transport: Transport,
    /// The sender, as far as it is known.
    pub from: Party<'a>,
    /// The receiver, as far as it is known.
    pub to: Party<'a>,
    /// Whether the capture kept only the beginning of the datagram.
    pub truncated: bool,
    /// What UDP carried, as far as it was captured.
    pub datagram: &'a [u8],
    /// What it turned out to be.
    pub content: Content<'a>,
}

/// What carries a Tox packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A UDP datagram.
    Udp,
}

impl Transport {
    /// The name in JSON lines and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
        }
    }
}

/// Somebody, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// The long-term public key.
    pub real_key: Option<PublicKey>,
    /// What a `NAME` line of a key log, or else the last name seen in a conference, calls the owner of
    /// that key. Hostile bytes.
    pub name: Option<&'a [u8]>,
}

/// What a datagram turned out to be.
pub enum Content<'a> {
    /// A cookie request.
    CookieRequest(Result<CookieRequestPlain, Sealed>),
    /// A cookie response.
    CookieResponse(Result<CookieResponsePlain<'a>, Sealed>),
    /// A handshake.
    Handshake(Result<OpenHandshake<'a>, Sealed>),
    /// A data packet.
    Data(Result<Data<'a>, Sealed>),
    /// Another Tox packet, or no Tox packet: only its first byte was looked at. `None` for an empty
    /// datagram.
    Other(Option<ToxKind>),
}

/// A data packet that was opened.
pub struct Data<'a> {
    /// Number of the session, from 1, in the order in which sessions first had a packet opened.
    pub session: u32,
    /// The packet number: a lossless packet's own, else the sender's next.
    pub number: u32,
    /// The next lossless packet that the sender still waits for.
    pub ack: u32,
    /// Whether the same lossless packet was opened before.
    pub resend: bool,
    /// What kind of data.
    pub id: DataId,
    /// The data, its id included.
    pub bytes: &'a [u8],
    /// The conference packet that the data is, for the ids that have one.
    pub packet: Option<Result<Packet<'a>, Malformed<'a>>>,
    /// What earlier packets tell about this one.
    pub context: Context<'a>,
}

/// What earlier packets tell about a conference packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// Type and id, 33 bytes, of the conference that the packet's group number means.
    pub conference: Option<ConferenceKey>,
    /// The member that the packet's peer number means: author of a message.
    pub author: Party<'a>,
}
