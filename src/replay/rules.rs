//! Which rule explains a packet.

use crate::conference::{Input, Request};
use crate::wire::{Kind, Packet, PublicKey};

/// What made the machine send something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Up,
    Down,
    Tick,
    Request,
    /// A packet of this kind.
    Packet(Kind),
}

impl Cause {
    pub(super) fn of(input: &Input<'_>) -> Self {
        match input {
            Input::ConnectionUp { .. } => Self::Up,
            Input::ConnectionDown { .. } => Self::Down,
            Input::Tick { .. } => Self::Tick,
            Input::Request { request: Request::Accept { .. }, .. } => {
                Self::Packet(Kind::InviteAccepted)
            }
            Input::Request { .. } => Self::Request,
            Input::Packet { bytes, .. } => Self::Packet(Kind::of(bytes)),
        }
    }
}

/// The rule by which `packet` follows from `cause`; `own` says that a message is the sender's own.
pub(super) const fn rule(kind: Kind, own: bool, cause: Option<Cause>) -> &'static str {
    match (kind, cause) {
        (Kind::Invite, _) => "R-010",
        (Kind::InviteAccepted, _) => "R-012",
        (Kind::InviteMember, _) => "R-017",
        (Kind::Online, Some(Cause::Packet(Kind::Online))) => "R-066",
        (Kind::Online, Some(Cause::Packet(_))) => "R-162",
        (Kind::Online, Some(Cause::Tick)) => "R-046",
        (Kind::Online, _) => "R-065",
        (Kind::PeerIntroduced, _) => "R-055",
        (Kind::PeerQuery, Some(Cause::Packet(Kind::Online))) => "R-066",
        (Kind::PeerQuery, Some(Cause::Packet(Kind::InviteAccepted))) => "R-012",
        (Kind::PeerQuery, Some(Cause::Packet(Kind::Invite))) => "R-017",
        (Kind::PeerQuery, Some(Cause::Packet(Kind::InviteMember))) => "R-018",
        (Kind::PeerQuery, Some(_)) => "R-112",
        (Kind::PeerQuery, None) => "R-080",
        (Kind::PeerResponse | Kind::TitleResponse, _) => "R-081",
        (Kind::Rejoin, Some(Cause::Up)) => "R-160",
        (Kind::Rejoin, Some(_)) => "R-161",
        (Kind::Rejoin, None) => "R-160",
        (Kind::Lossy, _) if own => "R-130",
        (Kind::Lossy, _) => "R-133",
        (
            Kind::Ping
            | Kind::NewPeer
            | Kind::KillPeer
            | Kind::FreezePeer
            | Kind::Name
            | Kind::Title
            | Kind::Chat
            | Kind::Action
            | Kind::Unknown
            | Kind::Malformed,
            _,
        ) if !own => "R-118",
        (Kind::Ping, Some(Cause::Packet(_))) => "R-142",
        (Kind::Ping, _) => "R-141",
        (Kind::NewPeer, Some(Cause::Packet(Kind::Online))) => "R-066",
        (Kind::NewPeer, Some(Cause::Packet(Kind::InviteMember))) => "R-018",
        (Kind::NewPeer, _) => "R-014",
        (Kind::KillPeer, _) => "R-185",
        (Kind::FreezePeer, _) => "R-186",
        (Kind::Name, Some(Cause::Request)) => "R-100",
        (Kind::Name, _) => "R-101",
        (Kind::Title, _) => "R-091",
        (Kind::Chat | Kind::Action, _) => "R-110",
        (Kind::Unknown | Kind::Malformed, _) => "R-121",
    }
}

/// The author's number of a group message or lossy message, wherever it was sent.
pub(super) const fn author(packet: &Packet<'_>) -> Option<crate::wire::PeerNumber> {
    match packet {
        Packet::Message(message) => Some(message.peer_number),
        Packet::Lossy(lossy) => Some(lossy.peer_number),
        _ => None,
    }
}

/// A key that stands for nobody.
pub(super) const NOBODY: PublicKey = PublicKey([0; 32]);
