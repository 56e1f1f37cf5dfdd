//! Random conferences that go through one trouble after another, for hours.

use super::random::{Unhealed, befriend_tree, bridges, split};
use super::{
    Chance, Clock, Gathering, MILLISECOND, MemberId, Nanos, Network, Program, Quality, SECOND,
    Watch,
};
use crate::conference::{Profile, Request};
use crate::wire::ConferenceType;

/// All agree so soon after a network has healed, as it was claimed.
pub const IN_TIME: Nanos = 120 * SECOND;
/// Who does not agree by then never will.
const GIVEN_UP_AFTER: Nanos = 1200 * SECOND;
/// By then everybody sees everybody as a conference is formed, and each part of it sees itself.
const FORMED_AFTER: Nanos = 600 * SECOND;
/// By then everybody has heard what was said, however often it got lost.
const HEARD_AFTER: Nanos = 120 * SECOND;
/// The longest time in which nothing happens after a trouble.
const QUIET: Nanos = 1200 * SECOND;
/// Datagrams of a million that get lost, at most.
const MOST_LOSS: u64 = 300_000;
/// Datagrams of a million that arrive twice, at most.
const MOST_DUPLICATION: u64 = 200_000;
/// In a conference of no more than so many everybody is a neighbour of everybody (G-003). In a larger one,
/// members without persistent conferences lose their last neighbour at times and are gone for good
/// (docs/divergences.md).
const CIRCLE: usize = 5;
/// How wrong a clock may be as the world begins.
const MOST_SKEW: Nanos = 86_400 * SECOND;
/// How many millionths a clock gains or loses at most.
const MOST_DRIFT: i64 = 500;

/// A conference in a world with troubles: splits, ways cut in one direction, losses, datagrams that come
/// twice and in another order, programs that are suspended, end, crash and start from old saves, clocks
/// that are wrong and drift, and in small worlds sometimes members without persistent conferences.
#[derive(Clone, Copy, Debug)]
pub struct Ordeal {
    /// Decides about everything.
    pub seed: u64,
    /// How many members it has, 2 at least.
    pub members: usize,
    /// After so long there are no new troubles.
    pub lasts: Nanos,
}

/// How a conference came together again after one trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// How long it took since the network healed until all lists agreed and slots joined everybody.
    pub took: Nanos,
    /// No part knew anybody of another as active any more (the condition of G-004).
    pub apart: bool,
    /// Nothing gets lost any more since the heal, and nothing takes longer than 60 ms.
    pub calm: bool,
}

/// What a conference went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endured {
    /// How it came together again after each of its troubles.
    pub merges: Vec<Merge>,
    /// Some of its members know nothing of persistent conferences.
    pub has_legacy: bool,
    /// How long the world went on.
    pub simulated: Nanos,
    /// How many inputs its endpoints took in.
    pub steps: u64,
    /// Differs if anybody sent other bytes, or something at another moment.
    pub digest: u64,
}

impl Ordeal {
    /// Goes through all of it.
    ///
    /// # Errors
    ///
    /// What did not come about: everybody gets in, and all agree; all agree at some time after each heal,
    /// and slots join everybody (G-004, G-005, G-007); then each message reaches everybody once (G-001), and a
    /// title and a name that are set reach everybody (G-010); no invariant breaks.
    pub fn run(&self, watch: Watch) -> Result<Endured, Unhealed> {
        let mut conference = Troubled::new(self, watch);
        let merges = conference.go(self.lasts);
        let all = conference.all;
        let broken = all.finding().map(ToString::to_string);
        let members = self.members;
        match (merges.map_err(str::to_owned), broken) {
            (Ok(merges), None) => Ok(Endured {
                merges,
                has_legacy: conference.modern.len() < members,
                simulated: all.world.now(),
                steps: all.world.steps(),
                digest: all.world.observer().1.digest(),
            }),
            (Err(what), None) | (_, Some(what)) => {
                Err(Unhealed { members, now: all.world.now(), what })
            }
        }
    }
}

struct Troubled {
    all: Gathering,
    chance: Chance,
    /// Those who know persistent conferences.
    modern: Vec<MemberId>,
    /// How many saves each had as its program was started last. Those before say numbers that were used
    /// since.
    stale: Vec<usize>,
}

impl Troubled {
    fn new(ordeal: &Ordeal, watch: Watch) -> Self {
        let mut chance = Chance::new(ordeal.seed);
        let has_legacy = (3..=CIRCLE).contains(&ordeal.members) && chance.happens(400_000);
        let members: Vec<_> = (0..ordeal.members)
            .map(|place| {
                let profile = if has_legacy && place > 1 && chance.happens(600_000) {
                    Profile::legacy()
                } else if chance.happens(500_000) {
                    Profile::seed()
                } else {
                    Profile::hardened()
                };
                let drift = chance.between(-MOST_DRIFT, MOST_DRIFT);
                let drift = i32::try_from(drift).unwrap_or_default();
                (profile, Clock { ahead: chance.between(-MOST_SKEW, MOST_SKEW), drift })
            })
            .collect();
        let legacy = Profile::legacy();
        let knows: Vec<bool> = members.iter().map(|(profile, _)| *profile != legacy).collect();
        let all = Gathering::with_clocks(chance.bits(), Network::default(), watch, members);
        let modern = all.members.iter().zip(knows).filter(|(_, knows)| *knows);
        let modern = modern.map(|(who, _)| *who).collect();
        Self { all, chance, modern, stale: vec![0; ordeal.members] }
    }

    fn has_legacy(&self) -> bool {
        self.modern.len() < self.all.members.len()
    }

    fn go(&mut self, lasts: Nanos) -> Result<Vec<Merge>, &'static str> {
        let everybody = self.all.members.clone();
        let kind =
            if self.chance.happens(500_000) { ConferenceType::TEXT } else { ConferenceType::AUDIO };
        befriend_tree(&mut self.all, &everybody, &mut self.chance);
        if !self.all.form(kind) {
            return Err("somebody did not get in");
        }
        self.agree_within(&everybody, FORMED_AFTER).ok_or("no agreement after forming")?;
        everybody.iter().for_each(|who| self.save(*who));
        let mut merges = Vec::new();
        while self.all.world.now() < lasts && self.all.finding().is_none() {
            merges.push(self.trouble()?);
            self.is_well()?;
            let quiet = self.chance.between(0, QUIET);
            self.all.world.run_for(quiet);
        }
        Ok(merges)
    }

    /// How long it takes until these agree, if they do within a time.
    fn agree_within(&mut self, members: &[MemberId], time: Nanos) -> Option<Nanos> {
        let began = self.all.world.now();
        let agreed = |all: &Gathering| all.see_each_other(members) && all.is_whole(members);
        let agree = self.all.wait_until(began + time, agreed);
        agree.then_some(self.all.world.now() - began)
    }

    /// One trouble, and how it is overcome.
    fn trouble(&mut self) -> Result<Merge, &'static str> {
        let everybody = self.all.members.clone();
        let parts = self.parts();
        self.meet_others(&parts);
        if self.chance.happens(800_000) {
            self.worsen();
        }
        self.cut(&parts);
        let lasts = if self.chance.happens(600_000) {
            self.chance.between(100 * SECOND, 300 * SECOND)
        } else {
            self.chance.between(SECOND, 100 * SECOND)
        };
        let until = self.all.world.now() + lasts;
        while self.all.world.now() < until {
            let pause = self.chance.between(0, 20 * SECOND);
            self.all.world.run_until(until.min(self.all.world.now() + pause));
            self.deed(&parts);
        }
        if self.has_legacy() {
            // Those who forget whom they do not hear have to hold together (G-004).
            for part in &parts {
                self.agree_within(part, FORMED_AFTER).ok_or("a part does not hold together")?;
            }
        }
        let apart = self.are_apart(&parts);
        let calm = self.chance.happens(500_000);
        if calm {
            self.set_all(Quality::default());
        }
        self.all.heal();
        self.started(&everybody);
        let modern: Vec<Vec<MemberId>> = parts.iter().map(|part| self.modern_of(part)).collect();
        for (one, other) in bridges(&modern, &mut self.chance) {
            self.all.world.befriend(one, other);
        }
        let took = self.agree_within(&everybody, GIVEN_UP_AFTER);
        let took = took.ok_or("no agreement after healing")?;
        Ok(Merge { took, apart, calm })
    }

    fn modern_of(&self, part: &[MemberId]) -> Vec<MemberId> {
        part.iter().copied().filter(|who| self.modern.contains(who)).collect()
    }

    /// Parts in each of which somebody knows persistent conferences.
    fn parts(&mut self) -> Vec<Vec<MemberId>> {
        loop {
            let parts = split(&self.all.members, &mut self.chance);
            if parts.iter().all(|part| !self.modern_of(part).is_empty()) {
                return parts;
            }
        }
    }

    /// Friendships change: each part is joined by them, and none goes from one to another.
    fn meet_others(&mut self, parts: &[Vec<MemberId>]) {
        for part in parts {
            befriend_tree(&mut self.all, part, &mut self.chance);
            for who in part {
                let friends: Vec<MemberId> = self.all.world.member(*who).friends().collect();
                for friend in friends.iter().filter(|friend| !part.contains(friend)) {
                    let _ = self.all.world.remove_friend(*who, *friend);
                    let _ = self.all.world.remove_friend(*friend, *who);
                }
            }
        }
    }

    /// Cuts the parts off from each other, in both directions or in one.
    fn cut(&mut self, parts: &[Vec<MemberId>]) {
        if self.chance.happens(600_000) {
            return self.all.split(parts);
        }
        for (place, part) in parts.iter().enumerate() {
            for other in parts.iter().skip(place + 1).flatten() {
                part.iter().for_each(|who| self.all.world.cut(*who, *other));
            }
        }
    }

    /// Up to 30 % of what is sent get lost, everywhere.
    fn worsen(&mut self) {
        let quality = self.bad_quality();
        self.set_all(quality);
    }

    fn bad_quality(&mut self) -> Quality {
        let chance = &mut self.chance;
        let least_delay = chance.between(MILLISECOND, 200 * MILLISECOND);
        let most_delay = least_delay + chance.between(0, 800 * MILLISECOND);
        let loss = u32::try_from(chance.below(MOST_LOSS + 1)).unwrap_or_default();
        let duplication = u32::try_from(chance.below(MOST_DUPLICATION + 1)).unwrap_or_default();
        Quality { least_delay, most_delay, loss, duplication }
    }

    fn set_all(&mut self, quality: Quality) {
        for who in self.all.members.clone() {
            for other in self.all.members.clone() {
                self.all.world.set_quality(who, other, quality);
            }
        }
    }

    /// Nobody is active to anybody of another part.
    fn are_apart(&self, parts: &[Vec<MemberId>]) -> bool {
        parts.iter().all(|part| {
            let inside = |key| self.all.world.by_key(key).is_some_and(|who| part.contains(&who));
            part.iter()
                .filter_map(|who| self.all.group(*who))
                .all(|group| group.active().iter().all(|peer| inside(&peer.real_key)))
        })
    }

    fn one(&mut self, of: &[MemberId]) -> MemberId {
        let place = self.chance.index(of.len());
        *of.get(place).expect("nobody asks for one of none")
    }

    /// Something that somebody does, or that happens to a way. What comes to nothing is left at that.
    fn deed(&mut self, parts: &[Vec<MemberId>]) {
        let everybody = self.all.members.clone();
        let who = self.one(&everybody);
        // Those who forget whom they do not hear get no troubles of their own.
        let deeds = if self.has_legacy() { 10 } else { 20 };
        match self.chance.below(deeds) {
            0..3 => {
                let _ = self.all.say(who, "something");
            }
            3 => {
                let title = self.letter();
                let _ = self.all.set_title(who, &title);
            }
            4 => {
                let name = self.letter();
                let _ = self.all.world.request(who, Request::SetName(name.as_bytes()));
            }
            5 => self.play(who),
            6 => {
                let other = self.one(&everybody);
                let quality = self.bad_quality();
                self.all.world.set_quality(who, other, quality);
            }
            7..10 => self.save(who),
            10..13 => {
                let other = self.one(&everybody);
                self.all.world.cut(who, other);
            }
            13 => {
                let part = parts.iter().find(|part| part.contains(&who));
                let other = part.map_or(who, |part| self.one(part));
                self.all.world.restore(who, other);
                self.all.world.restore(other, who);
            }
            14 => self.all.world.suspend(who),
            15 => self.all.world.resume(who),
            16 => self.all.world.crash(who),
            17 => {
                let _ = self.all.world.quit(who);
            }
            18 => self.start(who),
            _ => {
                let _ = self.all.world.change_dht_key(who);
            }
        }
    }

    fn letter(&mut self) -> String {
        char::from(b'a'.wrapping_add(u8::try_from(self.chance.below(26)).unwrap_or_default()))
            .into()
    }

    fn play(&mut self, who: MemberId) {
        let Some(group) = self.all.group(who).map(|group| group.number()) else { return };
        for sequence_number in 0..8 {
            let audio = Request::SendAudio { group, sequence_number, opus: b"x" };
            let _ = self.all.world.request(who, audio);
        }
    }

    fn save(&mut self, who: MemberId) {
        let _ = self.all.world.save(who);
    }

    /// A program starts from any of the saves that it made since it was started before.
    fn start(&mut self, who: MemberId) {
        let member = self.all.world.member(who);
        if member.program() == Program::Ended {
            let stale = self.stale.get(who.index()).copied().unwrap_or_default();
            let fresh = member.saves().len().saturating_sub(stale);
            let save = stale + self.chance.index(fresh);
            self.all.world.start(who, Some(save));
            self.started(&[who]);
        }
    }

    /// Whoever started since makes a save, and those from before count no longer.
    fn started(&mut self, members: &[MemberId]) {
        for who in members {
            let saves = self.all.world.member(*who).saves().len();
            self.save(*who);
            if let Some(stale) = self.stale.get_mut(who.index()) {
                *stale = saves;
            }
        }
    }

    /// Everybody says something, which everybody hears once; a title and a name reach everybody.
    fn is_well(&mut self) -> Result<(), &'static str> {
        let everybody = self.all.members.clone();
        self.all.world.run_for(30 * SECOND);
        self.all.world.observer_mut().1.forget();
        for (place, who) in everybody.iter().enumerate() {
            self.all.say(*who, &format!("I am {place}")).map_err(|_| "somebody cannot speak")?;
            self.play(*who);
        }
        let (titles, renames) = (self.one(&everybody), self.one(&everybody));
        let now = self.all.world.now();
        let (title, name) = (format!("title at {now}"), format!("name at {now}"));
        self.all.set_title(titles, &title).map_err(|_| "somebody cannot set the title")?;
        let renamed = self.all.world.request(renames, Request::SetName(name.as_bytes()));
        renamed.map_err(|_| "somebody cannot change the name")?;
        let key = self.all.world.member(renames).real().public;
        let arrived = |all: &Gathering| {
            everybody.iter().all(|who| {
                let group = all.group(*who);
                let named = group.and_then(|group| group.peer(&key));
                let titled = group.is_some_and(|group| group.title() == title.as_bytes());
                let mut places = 0..everybody.len();
                titled
                    && named.is_some_and(|peer| peer.name == name.as_bytes())
                    && places.all(|place| all.heard(*who, &format!("I am {place}")) > 0)
            })
        };
        let limit = self.all.world.now() + HEARD_AFTER;
        if !self.all.wait_until(limit, arrived) {
            return Err("something that was said, a title or a name did not reach somebody");
        }
        self.all.world.run_for(20 * SECOND);
        let ears = &self.all.world.observer().1;
        let sent = 8 * u32::try_from(everybody.len() - 1).unwrap_or(u32::MAX);
        for who in &everybody {
            if (0..everybody.len()).any(|place| self.all.heard(*who, &format!("I am {place}")) > 1)
            {
                return Err("a message reached somebody twice");
            }
            if ears.heard_audio(*who) > sent {
                return Err("somebody heard more audio than was sent");
            }
        }
        if !arrived(&self.all) || !self.all.see_each_other(&everybody) {
            return Err("all agreed, and do no longer");
        }
        Ok(())
    }
}
