//! What replay tells as it goes: inputs, steps, the judgement of what an endpoint sent.

use crate::conference::{Endpoint, Input, Step};
use crate::time::Timestamp;
use crate::wire::{Conference, PublicKey};

/// One thing that replay did or found, at one endpoint.
///
/// Observations of an endpoint come in the order in which its machine lived through them, about two
/// seconds of capture behind the last record: what an endpoint sends says what it had handled before.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The endpoint's real key.
    pub endpoint: PublicKey,
    /// What the key log or the conferences call it, as far as known. Hostile bytes.
    pub name: Option<&'a [u8]>,
    /// The frame that this is about: that brought the packet, or in which it was sent. `None` where no
    /// frame did, such as at the end of a pass.
    pub frame: Option<u64>,
    /// When, by the capture's clock.
    pub at: Timestamp,
    /// The machine: before the input in [`What::Input`], after it in everything else.
    pub machine: &'a Endpoint,
    /// What was done or found.
    pub what: What<'a>,
}

/// What was done or found.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// This is about to be handed to the machine.
    Input(&'a Input<'a>),
    /// It was handed to the machine, and this followed.
    Step(&'a Step<'a>),
    /// The endpoint sent a packet.
    Sent(&'a Sent<'a>),
    /// Something that was learned from what the endpoint sent, since no input tells it: the machine is
    /// in another state than before.
    Learned,
    /// Where the endpoint and the rules part ways. What [`Replay::endpoints`](super::Replay::endpoints)
    /// says at the end counts: a doubt that comes later may take a difference back.
    Difference(&'a Difference),
    /// From here on, something about the endpoint is not judged any more.
    Doubt(&'a Doubt),
    /// The endpoint starts again; its machine is a new one.
    Restart,
}

/// How far the machine's state is that of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Knowledge {
    /// The endpoint was there before the capture, or takes part in what the capture does not show: the
    /// state is not known, and nothing is found missing.
    Unknown,
    /// Known, but some of it taken over from what the endpoint said of itself, or from an earlier
    /// state of it.
    Assumed,
    /// Known from the beginning, cause by cause.
    Known,
}

/// A conference packet that the endpoint sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// To whom.
    pub to: PublicKey,
    /// The packet, from its data id on.
    pub bytes: &'a [u8],
    /// In which conference, if that is known.
    pub conference: Option<Conference>,
    /// The judgement.
    pub class: Class,
    /// The rule that explains it, or else that it stands against.
    pub rule: &'static str,
    /// The frame that brought what caused it.
    pub cause: Option<u64>,
}

/// The judgement of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The rules say that it is sent, for what the endpoint had received and its client had done.
    Predicted,
    /// The rules do not say that it is sent, but a client may want it.
    ClientAction,
    /// The rules allow it at some moment near this one, or in another order.
    Timing,
    /// Nothing explains it.
    Unexplained,
    /// It cannot be judged, for this reason.
    NotJudged(Why),
}

/// Something about an endpoint is not known: what it does is predicted as far as possible, but nothing is
/// found to be missing or unexplained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// About which conference; `None` if everything is in doubt, from the beginning on.
    pub conference: Option<Conference>,
    /// Since when; when it was noticed, if everything is in doubt.
    pub since: Timestamp,
    /// Why.
    pub why: Why,
}

/// Why something is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The endpoint was in the conference before the capture began, and its state is not known yet.
    StateUnknown,
    /// Sessions of the endpoint stay closed, or do not tell with whom they are.
    Closed,
    /// A packet that the endpoint received was not captured.
    Lost,
    /// The endpoint passes on what nobody sent to it in this capture: it has connections that the
    /// capture does not show.
    Elsewhere,
    /// Packets to or from it went through a TCP relay, and were not seen on its own side of the relay: when
    /// it sent or received them is not known.
    Relay,
    /// What it is said to have saved is not what it began with.
    OtherState,
    /// Somebody else sends from its address, too: what is not sealed cannot be told apart.
    Address,
    /// Members are announced with other DHT keys than the capture shows of them, which proves none: whose
    /// handshakes ask for nothing do not show theirs, and of other packets anybody can send one.
    DhtKey,
    /// A session lasted on without signs of life, which all clients send: the capture, which may be a
    /// simulated one, lacks them, and does not tell when packets were handled or sessions ended.
    NoSigns,
    /// Nothing at all was captured for a while in which sessions lasted, whose parties send something every
    /// second: frames are missing from the capture, or somebody set its clock forward.
    Silence,
    /// The times of the frames went back: somebody set the clock of the capture.
    Clock,
    /// There was no room to remember more.
    NoRoom,
}

impl Why {
    /// All reasons.
    pub const ALL: &'static [Self] = &[
        Self::StateUnknown,
        Self::Closed,
        Self::Lost,
        Self::Elsewhere,
        Self::Relay,
        Self::OtherState,
        Self::Address,
        Self::DhtKey,
        Self::NoSigns,
        Self::Silence,
        Self::Clock,
        Self::NoRoom,
    ];

    /// Name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StateUnknown => "state_unknown",
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Elsewhere => "elsewhere",
            Self::Relay => "relay",
            Self::OtherState => "other_state",
            Self::Address => "address",
            Self::DhtKey => "dht_key",
            Self::NoSigns => "no_signs",
            Self::Silence => "silence",
            Self::Clock => "clock",
            Self::NoRoom => "no_room",
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::StateUnknown => "in the conference before the capture began",
            Self::Closed => "sessions of it stay closed, or do not tell with whom they are",
            Self::Lost => "a packet that it received was not captured",
            Self::Elsewhere => "it has connections that the capture does not show",
            Self::Relay => {
                "a relay passed on packets to or from it that were not seen between it and the relay"
            }
            Self::OtherState => "it did not begin with what was saved",
            Self::Address => "somebody else sends from its address, too",
            Self::DhtKey => {
                "a DHT key in it is not the one that the capture shows, which proves none"
            }
            Self::NoSigns => "sessions go on without signs of life, which clients send",
            Self::Silence => {
                "nothing was captured for a while, though sessions lasted: frames are missing, or the clock was set"
            }
            Self::Clock => "the clock of the capture was set back",
            Self::NoRoom => "no room to remember more",
        }
    }
}

/// Where an endpoint and the rules part ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What kind of difference.
    pub kind: DifferenceKind,
    /// The frame of the packet that was sent, or else of the one that should have caused a packet.
    pub frame: Option<u64>,
    /// When it was sent, or should have been.
    pub at: Timestamp,
    /// To whom.
    pub to: PublicKey,
    /// In which conference, if that is known.
    pub conference: Option<Conference>,
    /// The rule that explains what was expected, or else that what was sent stands against.
    pub rule: &'static str,
    /// The packet that was sent.
    pub sent: Option<Vec<u8>>,
    /// The packet that the rules ask for.
    pub expected: Option<Vec<u8>>,
    /// The frame of the packet that caused what was expected.
    pub cause: Option<u64>,
    /// How sure it is.
    pub knowledge: Knowledge,
}

/// What kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DifferenceKind {
    /// A packet was sent that nothing explains.
    Unexplained,
    /// A packet was sent in another form than the rules ask for.
    Otherwise,
    /// A packet was not sent.
    Missing,
}

impl Class {
    /// Name in text and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Predicted => "predicted",
            Self::ClientAction => "client_action",
            Self::Timing => "timing",
            Self::Unexplained => "unexplained",
            Self::NotJudged(_) => "not_judged",
        }
    }
}

impl Knowledge {
    /// Name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Assumed => "assumed",
            Self::Known => "known",
        }
    }
}

impl DifferenceKind {
    /// Name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unexplained => "unexplained",
            Self::Otherwise => "otherwise",
            Self::Missing => "missing",
        }
    }
}

impl Tally {
    pub(super) fn add_not_judged(&mut self, why: Why) {
        let at = Why::ALL.iter().position(|it| *it == why).unwrap_or(0);
        if let Some(counter) = self.not_judged.get_mut(at) {
            *counter += 1;
        }
    }

    /// All packets that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let judged = self.predicted + self.client_action + self.timing + self.unexplained;
        judged + self.not_judged.iter().sum::<u64>()
    }
}

/// How many of the packets that an endpoint sent were judged how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// See [`Class::Predicted`].
    pub predicted: u64,
    /// See [`Class::ClientAction`].
    pub client_action: u64,
    /// See [`Class::Timing`].
    pub timing: u64,
    /// See [`Class::Unexplained`].
    pub unexplained: u64,
    /// Packets that the rules ask for and that were not sent.
    pub missing: u64,
    /// Packets that cannot be judged, by the place of their reason in [`Why::ALL`].
    pub not_judged: [u64; Why::ALL.len()],
}
