//! A scenario carried out, line by line.

use std::fmt;

use super::fact::Unmet;
use super::statement::{Act, Change, Deed, Place, Start, Statement, Ways, When};
use super::story::{Audience, Happening, Stage};
use super::{MOST_TIME, Scenario};
use crate::conference::{DropReason, Group, Profile, Request};
use crate::simulate::{
    Clock, Finding, MILLISECOND, MemberId, Nanos, Network, Newcomer, Observer, Program, Quality,
    SECOND, World,
};
use crate::wire::{Conference, ConferenceType, GroupNumber};

/// The most inputs that the endpoints of a scenario may take in.
const MOST_STEPS: u64 = 100_000_000;
/// How often an expectation that may take time is looked at.
const GLANCE: Nanos = SECOND / 2;
/// Time from one packet of audio to the next.
const AUDIO_INTERVAL: Nanos = 20 * MILLISECOND;
/// By then a conference is formed and its members agree.
const FORMED_AFTER: Nanos = 120 * SECOND;
/// What the program of a member is doing, where that makes a line come to nothing.
const RUNNING: &str = "its program runs already";
const SUSPENDED: &str = "its program is suspended";
const NOT_RUNNING: &str = "its program does not run";

/// How a scenario is to be played.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides about all chance.
    pub seed: u64,
    /// Of all members that have none of their own; nothing for the scenario's first.
    pub profile: Option<Profile>,
}

/// How a play ended.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How many expectations were looked at.
    pub expectations: usize,
    /// How many of them were not met, and how many lines came to nothing.
    pub failures: usize,
    /// The first invariant that broke.
    pub finding: Option<Finding>,
    /// How long the world went on.
    pub simulated: Nanos,
    /// How many inputs its endpoints took in.
    pub steps: u64,
}

impl Verdict {
    /// Everything went as the scenario says.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.failures == 0 && self.finding.is_none()
    }
}

/// Why a play ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It took longer than seven days, at that line.
    TooLong(usize),
    /// More happened than is worth waiting for, at that line.
    TooMuch(usize),
    /// The audience had left.
    Alone,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(line) => {
                let days = MOST_TIME / (86_400 * SECOND);
                write!(f, "line {line}: a scenario may take {days} days, and this takes longer")
            }
            Self::TooMuch(line) => {
                write!(f, "line {line}: given up after {MOST_STEPS} packets and other inputs")
            }
            Self::Alone => f.write_str("nobody wants to know the end"),
        }
    }
}

impl std::error::Error for Stopped {}

/// Plays a scenario.
pub struct Player<'s, A: Audience, O: Observer> {
    scenario: &'s Scenario,
    profile: Profile,
    pub(super) world: World<(Stage<A>, O)>,
    pub(super) conference: Option<Conference>,
    /// Who has left the conference for good.
    pub(super) left: Vec<MemberId>,
    line: usize,
    expectations: usize,
    failures: usize,
}

type Went = Result<(), Stopped>;

impl<'s, A: Audience, O: Observer> Player<'s, A, O> {
    /// Ready to begin, in front of an audience; the observer looks on as well.
    pub fn new(scenario: &'s Scenario, options: &Options, audience: A, observer: O) -> Self {
        let first = scenario.profiles().first().cloned();
        let profile = options.profile.clone().or(first).unwrap_or_default();
        let both = (Stage::new(audience), observer);
        let world = World::observed(options.seed, Network::default(), both);
        Self {
            scenario,
            profile,
            world,
            conference: None,
            left: Vec::new(),
            line: 0,
            expectations: 0,
            failures: 0,
        }
    }

    /// Plays to the end. Gives back the observer.
    ///
    /// # Errors
    ///
    /// Why it ended before.
    pub fn play(mut self) -> Result<(Verdict, O), Stopped> {
        let scenario = self.scenario;
        for statement in &scenario.statements {
            self.line = statement.line;
            let is_expectation = matches!(statement.deed, Deed::Expect { .. });
            if !is_expectation {
                let (line, text) = (statement.line, statement.text.as_str());
                self.tell(&Happening::Deed { line, text });
            }
            self.carry_out(statement)?;
            if self.world.observer().0.is_over {
                return Err(Stopped::Alone);
            }
        }
        let (simulated, steps) = (self.world.now(), self.world.steps());
        let (stage, observer) = self.world.into_observer();
        let finding = stage.watch.finding().cloned();
        let Self { expectations, failures, .. } = self;
        Ok((Verdict { expectations, failures, finding, simulated, steps }, observer))
    }

    fn tell(&mut self, what: &Happening<'_>) {
        let now = self.world.now();
        self.world.observer_mut().0.tell(now, what);
    }

    pub(super) fn id(&self, place: Place) -> MemberId {
        self.world.ids().nth(place).expect("members are named after they were declared")
    }

    fn ids(&self, places: &[Place]) -> Vec<MemberId> {
        places.iter().map(|place| self.id(*place)).collect()
    }

    fn carry_out(&mut self, statement: &Statement) -> Went {
        match &statement.deed {
            Deed::Enter { members, profile, clock } => {
                self.enter(members, profile.as_ref(), *clock);
            }
            Deed::Friends(members) => {
                for (place, one) in members.iter().enumerate() {
                    for other in members.iter().take(place) {
                        let (one, other) = (self.id(*one), self.id(*other));
                        self.befriend(one, other, false);
                    }
                }
            }
            Deed::Conference { kind, members } => return self.form(*kind, members),
            Deed::Quality { ways, change } => self.change(ways.as_ref(), *change),
            Deed::Search(least, most) => {
                let network = self.world.network_mut();
                (network.least_search, network.most_search) = (*least, *most);
            }
            Deed::Cut(ways) => self.each_way(ways, |world, from, to| world.cut(from, to)),
            Deed::Heal(Some(ways)) => {
                self.each_way(ways, |world, from, to| world.restore(from, to));
            }
            Deed::Heal(None) => {
                for from in self.world.ids() {
                    self.world.ids().for_each(|to| self.world.restore(from, to));
                }
            }
            Deed::Split(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    let others = parts.iter().skip(place + 1).flatten().copied().collect();
                    let ways = Ways { from: part.clone(), to: others, both: true };
                    self.each_way(&ways, |world, from, to| world.cut(from, to));
                }
            }
            Deed::Wait(duration) => return self.run_for(*duration),
            Deed::At(moment) => {
                let wait = moment.saturating_sub(self.world.now());
                if wait < 0 {
                    self.refuse(None, "that moment has passed", false);
                }
                return self.run_for(wait.max(0));
            }
            Deed::Do { who, what, may_fail } => {
                for place in who {
                    self.act(self.id(*place), what, *may_fail)?;
                }
            }
            Deed::Expect { fact, negated, when } => {
                let held = self.watch_for(*when, |player| {
                    let found = player.check(fact, *negated);
                    found.map_err(Unmet::into_reason)
                })?;
                self.expectations += 1;
                self.failures += usize::from(held.is_err());
                let failed = held.err();
                let (line, text) = (statement.line, statement.text.as_str());
                self.tell(&Happening::Expectation { line, text, failed: failed.as_deref() });
            }
        }
        Ok(())
    }

    fn enter(&mut self, members: &[Place], profile: Option<&Profile>, clock: Clock) {
        for place in members {
            let name = self.scenario.names.get(*place).expect("it was declared").as_bytes();
            let profile = profile.unwrap_or(&self.profile).clone();
            // Keys have secret halves even if nothing is sealed, so that a capture changes nothing.
            self.world.enter(Newcomer { profile, name, clock, seals: true });
        }
    }

    fn form(&mut self, kind: ConferenceType, members: &[Place]) -> Went {
        if self.conference.is_some() {
            self.refuse(None, "there is a conference already", false);
            return Ok(());
        }
        let members = self.ids(members);
        self.conference = self.world.gather(kind, &members);
        let Some(conference) = self.conference else {
            let why = "not everybody could be invited by a friend who is in it";
            self.refuse(None, why, false);
            return Ok(());
        };
        let agreed = self.watch_for(When::Within(FORMED_AFTER), |player| {
            let agree = player.world.see_each_other(&conference, &members);
            if agree { Ok(()) } else { Err("its members do not all see each other".to_owned()) }
        })?;
        if let Err(why) = agreed {
            self.refuse(None, &why, false);
        }
        Ok(())
    }

    fn change(&mut self, ways: Option<&Ways>, change: Change) {
        let apply = |quality: &mut Quality| {
            if let Some((least, most)) = change.delay {
                (quality.least_delay, quality.most_delay) = (least, most);
            }
            quality.loss = change.loss.unwrap_or(quality.loss);
            quality.duplication = change.duplication.unwrap_or(quality.duplication);
        };
        match ways {
            None => apply(&mut self.world.network_mut().quality),
            Some(ways) => self.each_way(ways, |world, from, to| {
                let mut quality = world.quality_of(from, to);
                apply(&mut quality);
                world.set_quality(from, to, quality);
            }),
        }
    }

    fn each_way(
        &mut self,
        ways: &Ways,
        mut each: impl FnMut(&mut World<(Stage<A>, O)>, MemberId, MemberId),
    ) {
        for from in self.ids(&ways.from) {
            for to in self.ids(&ways.to).into_iter().filter(|to| *to != from) {
                each(&mut self.world, from, to);
                if ways.both {
                    each(&mut self.world, to, from);
                }
            }
        }
    }

    /// What a line asks for came to nothing.
    fn refuse(&mut self, who: Option<MemberId>, why: &str, expected: bool) {
        self.failures += usize::from(!expected);
        let line = self.line;
        self.tell(&Happening::Refused { line, who, why, expected });
    }

    fn run_for(&mut self, duration: Nanos) -> Went {
        let moment = self.world.now().saturating_add(duration);
        if moment > MOST_TIME {
            return Err(Stopped::TooLong(self.line));
        }
        while self.world.step_until(moment) {
            if self.world.steps() > MOST_STEPS {
                return Err(Stopped::TooMuch(self.line));
            }
            if self.world.observer().0.is_over {
                return Err(Stopped::Alone);
            }
        }
        Ok(())
    }

    /// Looks whether something is so, as long as it takes.
    fn watch_for(
        &mut self,
        when: When,
        is_so: impl Fn(&Self) -> Result<(), String>,
    ) -> Result<Result<(), String>, Stopped> {
        let (span, until_so) = match when {
            When::Now => (0, true),
            When::Within(span) => (span, true),
            When::For(span) => (span, false),
        };
        let end = self.world.now().saturating_add(span);
        loop {
            let found = is_so(self);
            if found.is_ok() == until_so || self.world.now() >= end {
                return Ok(found);
            }
            self.run_for(GLANCE.min(end - self.world.now()))?;
        }
    }

    pub(super) fn name_of(&self, place: Place) -> &str {
        self.scenario.names.get(place).map_or("?", String::as_str)
    }

    pub(super) fn group(&self, who: MemberId) -> Option<&Group> {
        self.world.group(who, self.conference.as_ref()?)
    }

    fn act(&mut self, who: MemberId, what: &Act, may_fail: bool) -> Went {
        if let Act::Play(packets) = what {
            for sequence_number in 0..*packets {
                self.try_to(who, may_fail, |player| {
                    let (group, opus) = (player.number(who)?, b"sound".as_slice());
                    player.world.request(who, Request::SendAudio { group, sequence_number, opus })
                });
                self.run_for(AUDIO_INTERVAL)?;
            }
            return Ok(());
        }
        match what {
            Act::Befriend(others) => {
                for other in self.ids(others).into_iter().filter(|other| *other != who) {
                    if self.are_friends(who, other) {
                        self.refuse(Some(who), "they are friends already", may_fail);
                    } else {
                        self.befriend(who, other, may_fail);
                    }
                }
            }
            Act::Unfriend(others) => {
                for other in self.ids(others).into_iter().filter(|other| *other != who) {
                    if !self.are_friends(who, other) {
                        self.refuse(Some(who), "they are no friends", may_fail);
                        continue;
                    }
                    for (one, other) in [(who, other), (other, who)] {
                        self.try_to(one, may_fail, |player| player.world.remove_friend(one, other));
                    }
                }
            }
            Act::Invite(others) => {
                for other in self.ids(others).into_iter().filter(|other| *other != who) {
                    self.try_to(who, may_fail, |player| {
                        let conference = player.conference.ok_or(DropReason::NoConference)?;
                        player.world.invite(who, other, &conference)
                    });
                }
            }
            Act::Create(_) if self.conference.is_some() => {
                self.refuse(Some(who), "there is a conference already", may_fail);
            }
            Act::Crash => match self.world.member(who).program() {
                Program::Ended => self.refuse(Some(who), NOT_RUNNING, may_fail),
                Program::Running | Program::Suspended => self.world.crash(who),
            },
            Act::Suspend => match self.idle(who) {
                Some(why) => self.refuse(Some(who), why, may_fail),
                None => self.world.suspend(who),
            },
            Act::Resume => match self.world.member(who).program() {
                Program::Suspended => self.world.resume(who),
                Program::Running => self.refuse(Some(who), RUNNING, may_fail),
                Program::Ended => self.refuse(Some(who), NOT_RUNNING, may_fail),
            },
            Act::Accept(accepts) => self.world.set_accepts(who, *accepts),
            Act::Start(start) => self.start(who, *start, may_fail),
            _ => self.try_to(who, may_fail, |player| player.request(who, what)),
        }
        Ok(())
    }

    fn try_to(
        &mut self,
        who: MemberId,
        may_fail: bool,
        act: impl FnOnce(&mut Self) -> Result<(), DropReason>,
    ) {
        if let Some(why) = self.idle(who) {
            self.refuse(Some(who), why, may_fail);
        } else if let Err(reason) = act(self) {
            self.refuse(Some(who), &reason.to_string(), may_fail);
        }
    }

    /// Why the program of a member does nothing, if so.
    fn idle(&self, who: MemberId) -> Option<&'static str> {
        match self.world.member(who).program() {
            Program::Running => None,
            Program::Suspended => Some(SUSPENDED),
            Program::Ended => Some(NOT_RUNNING),
        }
    }

    /// On both sides.
    fn are_friends(&self, one: MemberId, other: MemberId) -> bool {
        let takes = |one, other| self.world.member(one).friends().any(|friend| friend == other);
        takes(one, other) && takes(other, one)
    }

    /// Who does not run knows of it when it starts; who is suspended would never.
    fn befriend(&mut self, one: MemberId, other: MemberId, may_fail: bool) {
        let suspended = |who: &MemberId| self.world.member(*who).program() == Program::Suspended;
        match [one, other].into_iter().find(suspended) {
            Some(who) => self.refuse(Some(who), SUSPENDED, may_fail),
            None => self.world.befriend(one, other),
        }
    }

    /// The number of the conference at a member.
    fn number(&self, who: MemberId) -> Result<GroupNumber, DropReason> {
        self.group(who).map(Group::number).ok_or(DropReason::NoConference)
    }

    fn start(&mut self, who: MemberId, start: Start, may_fail: bool) {
        let running = match self.world.member(who).program() {
            Program::Running => Some(RUNNING),
            Program::Suspended => Some(SUSPENDED),
            Program::Ended => None,
        };
        if let Some(why) = running {
            return self.refuse(Some(who), why, may_fail);
        }
        let saves = self.world.member(who).saves().len();
        let save = match start {
            Start::Afresh => None,
            Start::Last => saves.checked_sub(1),
            Start::From(number) => {
                let save = number.checked_sub(1).filter(|save| *save < saves);
                if save.is_none() {
                    self.refuse(Some(who), "there is no such save", may_fail);
                    return;
                }
                save
            }
        };
        self.world.start(who, save);
    }

    fn request(&mut self, who: MemberId, what: &Act) -> Result<(), DropReason> {
        match what {
            Act::Create(kind) => {
                self.conference = Some(self.world.create(who, *kind)?);
                Ok(())
            }
            Act::Leave => {
                let group = self.number(who)?;
                self.left.push(who);
                self.world.request(who, Request::Delete { group })
            }
            Act::Save => self.world.save(who),
            Act::Quit => self.world.quit(who),
            Act::Rekey => self.world.change_dht_key(who),
            Act::Rename(name) => self.world.request(who, Request::SetName(name)),
            _ => {
                let group = self.number(who)?;
                let request = match what {
                    Act::Say(text) => Request::Say { group, text },
                    Act::Emote(text) => Request::Act { group, text },
                    Act::Title(title) => Request::SetTitle { group, title },
                    Act::Limit(limit) => Request::SetFrozenLimit { group, limit: *limit },
                    _ => return Ok(()),
                };
                self.world.request(who, request)
            }
        }
    }
}
