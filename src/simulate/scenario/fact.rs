//! Whether what a scenario expects is so.

use std::collections::BTreeSet;

use super::play::Player;
use super::statement::{Fact, Place, State, Times};
use super::story::Audience;
use crate::conference::Group;
use crate::simulate::{MemberId, Observer, Program};
use crate::wire::Conference;

type Found = Result<(), Unmet>;

/// Why something is not as expected.
pub(super) enum Unmet {
    /// It is otherwise.
    Otherwise(String),
    /// It cannot be told, so that its opposite cannot either.
    Unknown(String),
}

impl Unmet {
    pub(super) fn into_reason(self) -> String {
        let (Self::Otherwise(reason) | Self::Unknown(reason)) = self;
        reason
    }
}

fn so(is_so: bool, otherwise: impl FnOnce() -> String) -> Found {
    if is_so { Ok(()) } else { Err(Unmet::Otherwise(otherwise())) }
}

/// The opposite of what was found, if `negated`.
fn unless(negated: bool, found: Found) -> Found {
    match found {
        Ok(()) if negated => Err(Unmet::Otherwise("it is so".to_owned())),
        Err(Unmet::Otherwise(_)) if negated => Ok(()),
        found => found,
    }
}

impl<A: Audience, O: Observer> Player<'_, A, O> {
    /// Why something is not so, if it is not; if `negated`, why it is so for one of those whom it is
    /// about.
    pub(super) fn check(&self, fact: &Fact, negated: bool) -> Found {
        let each_is = |all: &[Place], check: &dyn Fn(&Place) -> Found| {
            each(all, |place| unless(negated, check(place)))
        };
        match fact {
            Fact::See { who, whom } => {
                each_is(who, &|place| self.sees(self.id(*place), &self.all(whom)))
            }
            Fact::Is { who, state, at } => each(at, |at| {
                let others = who.iter().filter(|who| *who != at);
                each(others, |who| unless(negated, self.is(self.id(*who), *state, self.id(*at))))
            }),
            Fact::Agreement(who) => unless(negated, self.agree(&self.members(who))),
            Fact::Title { title, at } => each_is(at, &|at| {
                let found = self.view(self.id(*at))?.title();
                so(found == title, || format!("{} has {}", self.name(self.id(*at)), quoted(found)))
            }),
            Fact::TitlesAgree(who) => unless(negated, self.titles_agree(&self.members(who))),
            Fact::Name { of, name, at } => each_is(at, &|at| {
                let (of, at) = (self.id(*of), self.id(*at));
                let key = self.world.member(of).real().public;
                let peer = self.view(at)?.peer(&key);
                let unknown = || Unmet::Unknown(format!("{} knows nobody", self.name(at)));
                let peer = peer.ok_or_else(unknown)?;
                so(peer.name == *name, || format!("{} has {}", self.name(at), quoted(&peer.name)))
            }),
            Fact::KnowKey { who, of } => each_is(who, &|who| {
                let (of, who) = (self.member(*of), self.id(*who));
                let peer = self.view(who)?.peer(&of.real().public);
                let known = peer.map(|peer| peer.dht_key);
                so(known == Some(of.dht().public), || format!("{} does not", self.name(who)))
            }),
            Fact::Heard { who, text, times } => each_is(who, &|who| {
                let ears = &self.world.observer().0.ears;
                self.heard(self.id(*who), ears.heard(self.id(*who), text), *times)
            }),
            Fact::HeardAudio { who, times } => each_is(who, &|who| {
                let ears = &self.world.observer().0.ears;
                self.heard(self.id(*who), ears.heard_audio(self.id(*who)), *times)
            }),
            Fact::Neighbours(who) => {
                let conference = self.conference()?;
                let are = |one, other| self.world.are_neighbours(&conference, one, other);
                self.pairs(who, negated, are)
            }
            Fact::Connected(who) => {
                self.pairs(who, negated, |one, other| self.world.is_connected(one, other))
            }
        }
    }

    fn member(&self, place: Place) -> &crate::simulate::Member {
        self.world.member(self.id(place))
    }

    fn all(&self, places: &[Place]) -> Vec<MemberId> {
        places.iter().map(|place| self.id(*place)).collect()
    }

    /// Those named, or everybody whose program runs and who has not left the conference.
    fn members(&self, named: &[Place]) -> Vec<MemberId> {
        if !named.is_empty() {
            return self.all(named);
        }
        let runs = |who: &MemberId| self.world.member(*who).program() == Program::Running;
        let all = self.world.ids().filter(runs).filter(|who| !self.left.contains(who));
        all.filter(|who| self.group(*who).is_some()).collect()
    }

    fn name(&self, who: MemberId) -> &str {
        self.name_of(who.index())
    }

    fn view(&self, who: MemberId) -> Result<&Group, Unmet> {
        let outside = || Unmet::Unknown(format!("{} is not in the conference", self.name(who)));
        self.group(who).ok_or_else(outside)
    }

    fn conference(&self) -> Result<Conference, Unmet> {
        self.conference.ok_or_else(|| Unmet::Unknown("there is no conference".to_owned()))
    }

    fn sees(&self, who: MemberId, whom: &[MemberId]) -> Found {
        let active = self.view(who)?.active().iter();
        let active = active.filter_map(|peer| self.world.by_key(&peer.real_key));
        let active: BTreeSet<MemberId> = active.filter(|other| *other != who).collect();
        let wanted = whom.iter().copied().filter(|other| *other != who).collect();
        so(active == wanted, || {
            let names: Vec<_> = active.iter().map(|other| self.name(*other)).collect();
            let names = if names.is_empty() { "nobody".to_owned() } else { names.join(" ") };
            format!("{} sees {names}", self.name(who))
        })
    }

    fn is(&self, who: MemberId, state: State, at: MemberId) -> Found {
        let group = self.view(at)?;
        let key = self.world.member(who).real().public;
        let found = match group.peer(&key) {
            None => State::Unknown,
            Some(_) if group.is_active(&key) => State::Active,
            Some(_) => State::Frozen,
        };
        so(found == state, || {
            let found = match found {
                State::Active => "active",
                State::Frozen => "frozen",
                State::Unknown => "unknown",
            };
            format!("{} is {found} at {}", self.name(who), self.name(at))
        })
    }

    fn agree(&self, members: &[MemberId]) -> Found {
        each(members, |who| self.view(*who).map(drop))?;
        each(members, |who| self.sees(*who, members))?;
        self.titles_agree(members)?;
        for who in members {
            for of in members {
                let member = self.world.member(*of);
                let peer = self.view(*who)?.peer(&member.real().public);
                let known = peer.map(|peer| peer.name.as_slice()).unwrap_or_default();
                so(known == member.endpoint().name(), || {
                    format!(
                        "{} has the name {} for {}",
                        self.name(*who),
                        quoted(known),
                        self.name(*of)
                    )
                })?;
            }
        }
        let whole = self.world.is_whole(&self.conference()?, members);
        so(whole, || "not all are joined by online slots".to_owned())
    }

    fn titles_agree(&self, members: &[MemberId]) -> Found {
        let nobody = || Unmet::Unknown("nobody is in the conference".to_owned());
        let first = members.first().ok_or_else(nobody)?;
        each(members, |who| self.view(*who).map(drop))?;
        let title = self.view(*first)?.title();
        each(members, |who| {
            let other = self.view(*who)?.title();
            so(title == other, || {
                let (one, two) = (self.name(*first), self.name(*who));
                format!("{one} has {}, {two} has {}", quoted(title), quoted(other))
            })
        })
    }

    fn heard(&self, who: MemberId, count: u32, times: Times) -> Found {
        let right = match times {
            Times::Some => count > 0,
            Times::Exactly(times) => count == times,
        };
        so(right, || format!("{} heard it {count} times", self.name(who)))
    }

    fn pairs(
        &self,
        who: &[Place],
        negated: bool,
        are: impl Fn(MemberId, MemberId) -> bool,
    ) -> Found {
        for (place, one) in who.iter().enumerate() {
            for other in who.iter().take(place) {
                let (one, other) = (self.id(*other), self.id(*one));
                let not = || format!("{} and {} are not", self.name(one), self.name(other));
                unless(negated, so(are(one, other), not))?;
            }
        }
        Ok(())
    }
}

/// The first complaint about any.
fn each<'p, P: 'p>(
    all: impl IntoIterator<Item = &'p P>,
    check: impl FnMut(&'p P) -> Found,
) -> Found {
    all.into_iter().try_for_each(check)
}

/// A text as a line of a scenario has it.
fn quoted(text: &[u8]) -> String {
    format!("\"{}\"", text.escape_ascii())
}
