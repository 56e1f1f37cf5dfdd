//! Guards against wrong findings: what a capture does not show is not held against anybody.
//!
//! | Guard | Situation                                | Effect                                         |
//! |-------|------------------------------------------|------------------------------------------------|
//! | G1    | the session, or the membership, is older than the capture | not judged                    |
//! | G2    | packets of the endpoint stay closed      | what is missing is not judged, the rest is assumed |
//! | G3    | the tap lost packets of the session      | what is missing is not judged, the rest is assumed |
//! | G4    | packets cross each other                 | acknowledgements tell what was handled (`promise`) |
//! | G5    | the capture ends                         | nothing is found missing (`promise`)           |
//! | G6    | local decisions                          | rules wait for the packets that they produce   |
//! | G7    | old versions                             | rules name the versions that are known for it  |
//! | G8    | friendship                               | no rule needs it                               |
//! | G9    | several conferences                      | group numbers are read as last announced (`view`) |
//!
//! What is assumed lowers the severity by one step.

use std::fmt;

use super::rule::{Class, Need, Rule, Severity};

/// How sure a fact is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The capture begins later.
    #[default]
    Unknown,
    /// Derived, by what usually is so.
    Assumed,
    /// Seen from its cause.
    Known,
}

/// Why something was not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The session is older than the capture.
    Session,
    /// The membership is older than the capture.
    Birth,
    /// Packets stay closed.
    Closed,
    /// Packets were not captured.
    Lost,
    /// The endpoint has connections that the capture does not show.
    Elsewhere,
    /// The endpoint was asleep, or is not heard of.
    Asleep,
    /// Frames are not in the order of their times.
    Disorder,
    /// Too much to remember.
    NoRoom,
}

impl Why {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Birth => "birth",
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Elsewhere => "elsewhere",
            Self::Asleep => "asleep",
            Self::Disorder => "disorder",
            Self::NoRoom => "no_room",
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Session => "the session began before the capture",
            Self::Birth => "the endpoint was in the conference before the capture",
            Self::Closed => "a packet stays closed, or is not known to be whose",
            Self::Lost => "a packet was not captured",
            Self::Elsewhere => "the endpoint has connections that the capture does not show",
            Self::Asleep => "the endpoint was silent for a while",
            Self::Disorder => "a frame is older than one before it",
            Self::NoRoom => "too much to remember",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// What the guards look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// The lowest level of the facts that the rule used.
    pub(super) facts: Level,
    /// Both directions of the session are followed from their handshakes on.
    pub(super) from_the_start: bool,
    /// A packet of the session was not captured.
    pub(super) gap: bool,
    /// Packets of the endpoint stayed closed lately.
    pub(super) closed: bool,
    /// Why not all is known that the endpoint ever sent and received.
    pub(super) partial: Option<Why>,
    /// How well the endpoint's joining is known.
    pub(super) birth: Level,
    /// The endpoint was asleep lately.
    pub(super) asleep: bool,
    /// Something is missing, rather than wrong.
    pub(super) absence: bool,
}

/// How bad a finding is, or why it is none.
pub(super) fn judge(rule: &Rule, seen: Circumstances) -> Result<Severity, Why> {
    let mut level = seen.facts;
    let mut why = Why::Birth;
    let mut at_most = |most: Level, because: Why| {
        if most < level {
            (level, why) = (most, because);
        }
    };
    let on_session = matches!(rule.class, Class::Connection);
    if on_session && !seen.from_the_start {
        at_most(Level::Unknown, Why::Session);
    }
    if matches!(rule.class, Class::Connection | Class::Endpoint) && seen.gap {
        at_most(if seen.absence { Level::Unknown } else { Level::Assumed }, Why::Lost);
    }
    if rule.class == Class::Endpoint && seen.closed {
        let absent = seen.absence || rule.needs.contains(&Need::Opened);
        at_most(if absent { Level::Unknown } else { Level::Assumed }, Why::Closed);
    }
    if let Some(because) = seen.partial.filter(|_| rule.needs.contains(&Need::Whole)) {
        at_most(Level::Unknown, because);
    }
    if rule.needs.contains(&Need::Birth) {
        at_most(seen.birth, Why::Birth);
    }
    if rule.needs.contains(&Need::Awake) && seen.asleep {
        at_most(Level::Unknown, Why::Asleep);
    }
    match level {
        Level::Known => Ok(rule.severity),
        Level::Assumed => rule.severity.less().ok_or(why),
        Level::Unknown => Err(why),
    }
}
