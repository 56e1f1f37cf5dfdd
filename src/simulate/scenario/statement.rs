//! What the lines of a scenario say.

use crate::conference::Profile;
use crate::simulate::{Clock, Nanos};
use crate::wire::ConferenceType;

/// A member by its place among those of the scenario.
pub(super) type Place = usize;

/// One line that says something.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// The line, from 1.
    pub(super) line: usize,
    /// What stands there, without what surrounds it.
    pub(super) text: String,
    pub(super) deed: Deed,
}

/// What a line lets happen.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Members enter the world, with their profile, if it is not the scenario's, and their clock.
    Enter {
        members: Vec<Place>,
        profile: Option<Profile>,
        clock: Clock,
    },
    /// All these become friends of each other.
    Friends(Vec<Place>),
    /// The first creates a conference, the others are invited by a friend in it; until all are in.
    Conference {
        kind: ConferenceType,
        members: Vec<Place>,
    },
    /// The network, or some ways of it, treat datagrams otherwise from now on.
    Quality {
        ways: Option<Ways>,
        change: Change,
    },
    /// How long members search for each other.
    Search(Nanos, Nanos),
    Cut(Ways),
    /// Ways work again; all of them, if none are named.
    Heal(Option<Ways>),
    /// Nothing passes between members of different parts.
    Split(Vec<Vec<Place>>),
    /// Time goes on.
    Wait(Nanos),
    /// Time goes on until a moment.
    At(Nanos),
    /// Members do something; whether it may come to nothing.
    Do {
        who: Vec<Place>,
        what: Act,
        may_fail: bool,
    },
    Expect {
        fact: Fact,
        negated: bool,
        when: When,
    },
}

/// Ways from some members to others.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) from: Vec<Place>,
    pub(super) to: Vec<Place>,
    /// And back.
    pub(super) both: bool,
}

/// What becomes of the quality of ways; what is not said stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change {
    pub(super) delay: Option<(Nanos, Nanos)>,
    pub(super) loss: Option<u32>,
    pub(super) duplication: Option<u32>,
}

/// What a member does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Befriend(Vec<Place>),
    Unfriend(Vec<Place>),
    Create(ConferenceType),
    Invite(Vec<Place>),
    /// Invitations are accepted as they come, from now on or no longer.
    Accept(bool),
    Say(Vec<u8>),
    Emote(Vec<u8>),
    /// So many packets of audio, one in 20 ms.
    Play(u16),
    Title(Vec<u8>),
    Rename(Vec<u8>),
    Limit(u32),
    Leave,
    Save,
    Quit,
    Crash,
    Start(Start),
    Suspend,
    Resume,
    Rekey,
}

/// What a program starts from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Last,
    /// The save with that number, from 1.
    From(usize),
    Afresh,
}

/// When something is expected to be so.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Now,
    /// At some moment until then.
    Within(Nanos),
    /// All the time until then.
    For(Nanos),
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Some,
    Exactly(u32),
}

/// What may be so.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// Members list exactly these as active, and themselves.
    See {
        who: Vec<Place>,
        whom: Vec<Place>,
    },
    /// Each of some is so at each of others.
    Is {
        who: Vec<Place>,
        state: State,
        at: Vec<Place>,
    },
    /// All that run agree about everything, and are joined by slots.
    Agreement(Vec<Place>),
    Title {
        title: Vec<u8>,
        at: Vec<Place>,
    },
    TitlesAgree(Vec<Place>),
    Name {
        of: Place,
        name: Vec<u8>,
        at: Vec<Place>,
    },
    /// The DHT key that others know is the present one.
    KnowKey {
        who: Vec<Place>,
        of: Place,
    },
    Heard {
        who: Vec<Place>,
        text: Vec<u8>,
        times: Times,
    },
    HeardAudio {
        who: Vec<Place>,
        times: Times,
    },
    /// Each two have an online slot to each other.
    Neighbours(Vec<Place>),
    /// Each two have a session.
    Connected(Vec<Place>),
}

/// What one member is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Frozen,
    Unknown,
}
