//! What a rule is: a declaration, and one function that looks.

use std::fmt;

use super::at::{At, OnLink};
use super::finding::Found;
use super::promise::{Promise, Promises};
use super::save::SaveFile;
use super::view::Packet;
use crate::wire::{DataId, PublicKey};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal but worth knowing, or a trait of old versions.
    Note,
    /// What should not be, or what must not be under an assumption.
    Warning,
    /// What must not be, and the capture proves it.
    Error,
}

impl Severity {
    /// Name in every format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// One step less, if there is one.
    pub(super) const fn less(self) -> Option<Self> {
        match self {
            Self::Note => None,
            Self::Warning => Some(Self::Note),
            Self::Error => Some(Self::Warning),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What has to be seen to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// One packet.
    Packet,
    /// One friend connection, in order.
    Connection,
    /// One endpoint with all its connections.
    Endpoint,
    /// A save file.
    Save,
}

impl Class {
    /// The letter by which classes are known.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Packet => 'A',
            Self::Connection => 'B',
            Self::Endpoint => 'C',
            Self::Save => 'F',
        }
    }

    /// What has to be seen, in words.
    #[must_use]
    pub const fn needs(self) -> &'static str {
        match self {
            Self::Packet => "one packet",
            Self::Connection => "one connection, from its handshake on, both directions",
            Self::Endpoint => "all connections of an endpoint, both directions",
            Self::Save => "a save file",
        }
    }
}

/// What a rule needs beyond what its class does; the guards see to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The endpoint came into the conference within the capture (G1).
    Birth,
    /// The endpoint was not asleep, so that it handled things when they came.
    Awake,
    /// Nothing that the endpoint sent or received stays closed (G2).
    Opened,
    /// Nothing that the endpoint sent or received was lost, or stayed closed, since it was first seen: what
    /// it knows is known whole (G2, G3).
    Whole,
}

impl Need {
    /// In words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Birth => "its joining is in the capture",
            Self::Awake => "it sent something at least every 15 s",
            Self::Opened => "no packet of it stayed closed lately",
            Self::Whole => "no packet of it was lost or stayed closed",
        }
    }
}

/// A diagnostic.
#[derive(Debug)]
pub struct Rule {
    /// Its name, such as `L-NUM-REUSE`.
    pub id: &'static str,
    /// How bad it is when nothing had to be assumed.
    pub severity: Severity,
    /// What has to be seen to decide.
    pub class: Class,
    /// The rule of the state machine that is broken, or the layout or divergence.
    pub cites: &'static str,
    /// The sentence that is guarded.
    pub says: &'static str,
    /// What usually is the cause.
    pub cause: &'static str,
    /// Versions of c-toxcore that are known for it, or its entry in `docs/divergences.md`.
    pub known: &'static str,
    /// What it needs beyond what its class does.
    pub needs: &'static [Need],
    /// The data ids of packets that it looks at; none stand for all.
    pub looks_at: &'static [DataId],
    /// How it looks.
    pub check: Check,
}

impl Rule {
    /// Whether it looks at packets with that data id.
    pub(super) fn looks_at_packets_with(&self, id: DataId) -> bool {
        self.looks_at.is_empty() || self.looks_at.contains(&id)
    }
}

/// How a rule looks.
pub enum Check {
    /// At every conference packet.
    Packet(fn(&Packet<'_>, &mut Found)),
    /// At every packet of a session, before the session's state knows it.
    Link(fn(&OnLink<'_>, &mut Found)),
    /// At every packet that an endpoint sends, before the endpoint's state knows it.
    Sent(fn(&At<'_>, &mut Found)),
    /// At every packet that an endpoint receives, before the endpoint's state knows it.
    Heard(fn(&At<'_>, &mut Found)),
    /// For what has to follow within 5 s.
    Promise(Expectation),
    /// At a save file.
    Save(fn(&SaveFile<'_>, &mut Found)),
}

/// What people are called, for messages.
pub type Names<'a> = &'a dyn Fn(&PublicKey) -> String;

/// Something has to follow something else.
pub struct Expectation {
    /// Looks at each packet for what calls for another.
    pub begins: fn(&At<'_>, &mut Promises),
    /// Whether a packet that was sent is what was called for.
    pub keeps: fn(&At<'_>, &Promise) -> bool,
    /// Whether a packet in any session may be that, rather than one in the session of the promise.
    pub anywhere: bool,
    /// The message when it does not come.
    pub tells: fn(&Promise, Names<'_>) -> String,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packet(_) => "packet",
            Self::Link(_) => "link",
            Self::Sent(_) => "sent",
            Self::Heard(_) => "heard",
            Self::Promise(_) => "promise",
            Self::Save(_) => "save",
        })
    }
}
