//! An opened packet, as rules see it.

use std::cell::OnceCell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::lint::finding::Spot;
use crate::wire::{self, DataClass, DataId, GroupNumber, Kind, Malformed, MessageBody, PublicKey};

/// An opened packet, on its way from one endpoint to another.
pub struct Packet<'a> {
    /// Where and when it was captured.
    pub spot: Spot,
    /// Names of the captures, printable.
    pub files: &'a [String],
    /// The sender's real key.
    pub from: Option<PublicKey>,
    /// The receiver's real key.
    pub to: Option<PublicKey>,
    /// Its session.
    pub session: u32,
    /// Its direction in the session, 0 or 1.
    pub direction: u8,
    /// Its number in the session if it is lossless, else the next one's.
    pub number: u32,
    /// What the sender waits for next: everything before it was handled.
    pub ack: u32,
    /// Whether the session is followed from the sender's handshake on.
    pub from_the_start: bool,
    /// Size in bytes of the whole crypto data packet.
    pub sealed_size: usize,
    /// What it carries.
    pub id: DataId,
    /// The same as bytes, the id included.
    pub bytes: &'a [u8],
    /// The conference packet, if it is one.
    pub conference: Option<Result<wire::Packet<'a>, Malformed<'a>>>,
    /// What stands for everything after the message number, once somebody has asked for it.
    pub(in crate::lint) content: OnceCell<u64>,
}

impl<'a> Packet<'a> {
    /// The conference packet, if it is a well-formed one.
    #[must_use]
    pub const fn read(&self) -> Option<&wire::Packet<'a>> {
        match &self.conference {
            Some(Ok(packet)) => Some(packet),
            _ => None,
        }
    }

    /// The group message, if it is a well-formed one.
    #[must_use]
    pub const fn message(&self) -> Option<&wire::GroupMessage<'a>> {
        match self.read() {
            Some(wire::Packet::Message(message)) => Some(message),
            _ => None,
        }
    }

    /// What the message says, if it is a well-formed message.
    #[must_use]
    pub fn body(&self) -> Option<&MessageBody<'a>> {
        self.message().map(|message| &message.body)
    }

    /// What conference packet it is, or was meant to be.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.conference.as_ref().map(|packet| match packet {
            Ok(packet) => packet.kind(),
            Err(malformed) => malformed.intended(),
        })
    }

    /// Whether it is of that kind and well-formed.
    #[must_use]
    pub fn is(&self, kind: Kind) -> bool {
        self.read().is_some_and(|packet| packet.kind() == kind)
    }

    /// Whether it addresses a conference by the number that the receiver announced.
    #[must_use]
    pub const fn is_addressed(&self) -> bool {
        matches!(
            self.id,
            DataId::CONFERENCE_DIRECT | DataId::CONFERENCE_MESSAGE | DataId::CONFERENCE_LOSSY
        )
    }

    /// The number that it addresses, well-formed or not.
    #[must_use]
    pub fn addressed(&self) -> Option<GroupNumber> {
        let bytes = self.bytes.get(1..3).filter(|_| self.is_addressed())?;
        Some(GroupNumber(u16::from_be_bytes(bytes.try_into().ok()?)))
    }

    /// Stands for everything after the message number, in this run of the program.
    #[must_use]
    pub fn content(&self) -> u64 {
        *self.content.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            self.bytes.get(9..).hash(&mut hasher);
            hasher.finish()
        })
    }

    /// Whether it is delivered in order.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        self.id.class() == DataClass::Lossless
    }
}
