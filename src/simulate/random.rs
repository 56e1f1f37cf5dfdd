//! Random worlds that are split and heal.

use std::fmt;

use super::{Chance, Gathering, MILLISECOND, MemberId, Nanos, Network, Quality, SECOND, Watch};
use crate::conference::Profile;
use crate::wire::ConferenceType;

/// By then all lists agree after a split has healed; almost always within 120 s (G-004).
const MERGED_AFTER: Nanos = 600 * SECOND;
/// By then each part of a split sees itself alone.
const APART_AFTER: Nanos = 600 * SECOND;
/// By then they agree as a conference is formed.
const FORMED_AFTER: Nanos = 120 * SECOND;

/// A random world that is split, and heals over one new friend connection.
#[derive(Clone, Debug)]
pub struct Split {
    /// Decides about everything.
    pub seed: u64,
    /// Of all members.
    pub profile: Profile,
    /// The most members that there are; the fewest are two.
    pub most: usize,
}

/// How a world healed.
#[derive(Clone, Copy, Debug)]
pub struct Healed {
    /// How many members it has.
    pub members: usize,
    /// How long it took until all lists agreed.
    pub took: Nanos,
    /// How long the world went on.
    pub simulated: Nanos,
    /// How many inputs its endpoints took in.
    pub steps: u64,
}

/// What did not come about in a world.
#[derive(Clone, Debug)]
pub struct Unhealed {
    /// How many members it has.
    pub members: usize,
    /// When it was noticed.
    pub now: Nanos,
    /// What.
    pub what: String,
}

impl fmt::Display for Unhealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { members, now, what } = self;
        write!(f, "{members} members, after {} s: {what}", now / SECOND)
    }
}

impl Split {
    /// Forms a conference, splits it in two, lets it heal, and lets everybody say something.
    ///
    /// # Errors
    ///
    /// What did not come about: all agree before (G-002), all agree within 600 s of the heal and
    /// the slots connect all (G-004), each message reaches everybody once (G-001), no invariant breaks.
    pub fn run(&self, watch: Watch) -> Result<Healed, Unhealed> {
        let mut chance = Chance::new(self.seed);
        let members = 2 + chance.index(self.most.saturating_sub(1));
        let network = random_network(&mut chance);
        let profiles = vec![self.profile.clone(); members];
        let mut all = Gathering::strangers(chance.bits(), network, watch, &profiles);
        let took = self.go(&mut all, &mut chance).map_err(str::to_owned);
        let broken = all.finding().map(ToString::to_string);
        match (took, broken) {
            (Ok(took), None) => {
                Ok(Healed { members, took, simulated: all.world.now(), steps: all.world.steps() })
            }
            (Err(what), None) | (_, Some(what)) => {
                Err(Unhealed { members, now: all.world.now(), what })
            }
        }
    }

    fn go(&self, all: &mut Gathering, chance: &mut Chance) -> Result<Nanos, &'static str> {
        let everybody = all.members.clone();
        let parts = split(&everybody, chance);
        parts.iter().for_each(|part| befriend_tree(all, part, chance));
        // They met over friendships that ended since.
        let bridges = bridges(&parts, chance);
        bridges.iter().for_each(|(one, other)| all.world.befriend(*one, *other));
        if !all.form(ConferenceType::TEXT) {
            return Err("somebody did not get in");
        }
        let limit = all.world.now() + FORMED_AFTER;
        if !all.wait_until(limit, |all| all.see_each_other(&everybody)) {
            return Err("the lists do not agree after forming");
        }
        for (one, other) in bridges {
            let _ = all.world.remove_friend(one, other);
            let _ = all.world.remove_friend(other, one);
        }
        all.split(&parts);
        // Everybody notices by then, and each part has put itself in order.
        all.world.run_for(chance.between(100 * SECOND, 150 * SECOND));
        let limit = all.world.now() + APART_AFTER;
        if !all.wait_until(limit, |all| parts.iter().all(|part| all.see_each_other(part))) {
            return Err("a part does not hold together");
        }
        all.heal();
        for (one, other) in self::bridges(&parts, chance) {
            all.world.befriend(one, other);
        }
        let healed = all.world.now();
        let limit = healed + all.world.network().most_search + MERGED_AFTER;
        let agreed = |all: &Gathering| all.see_each_other(&everybody) && all.is_whole(&everybody);
        if !all.wait_until(limit, agreed) {
            return Err("the lists do not agree after healing");
        }
        let took = all.world.now() - healed;
        all.world.run_for(30 * SECOND);
        for (place, who) in everybody.iter().enumerate() {
            if all.say(*who, &format!("I am {place}")).is_err() {
                return Err("somebody cannot speak");
            }
        }
        all.world.run_for(20 * SECOND);
        let hears_all = |who: &MemberId| {
            let mut places = 0..everybody.len();
            places.all(|place| all.heard(*who, &format!("I am {place}")) == 1)
        };
        if !everybody.iter().all(hears_all) {
            return Err("a message did not reach somebody, or twice");
        }
        if !agreed(all) {
            return Err("the lists agreed, and do no longer");
        }
        Ok(took)
    }
}

/// Delays of 1 ms to almost 1 s, up to 2 % loss, up to 10 s until two have found each other.
fn random_network(chance: &mut Chance) -> Network {
    let least_delay = chance.between(MILLISECOND, 100 * MILLISECOND);
    let quality = Quality {
        least_delay,
        most_delay: least_delay + chance.between(0, 800 * MILLISECOND),
        loss: u32::try_from(chance.below(20_000)).unwrap_or(0),
        duplication: 0,
    };
    Network { quality, least_search: SECOND, most_search: chance.between(SECOND, 10 * SECOND) }
}

/// Makes everybody but the first a friend of one before.
pub(super) fn befriend_tree(all: &mut Gathering, members: &[MemberId], chance: &mut Chance) {
    for (place, who) in members.iter().enumerate().skip(1) {
        if let Some(other) = members.get(chance.index(place)) {
            all.world.befriend(*who, *other);
        }
    }
}

/// Parts of which none is empty: two mostly, sometimes more.
pub(super) fn split(everybody: &[MemberId], chance: &mut Chance) -> Vec<Vec<MemberId>> {
    let mut mixed = everybody.to_vec();
    chance.shuffle(&mut mixed);
    let count = if chance.happens(700_000) { 2 } else { 2 + chance.index(4) };
    let mut parts = vec![Vec::new(); count.min(mixed.len())];
    for (place, who) in mixed.into_iter().enumerate() {
        let part = if place < parts.len() { place } else { chance.index(parts.len()) };
        if let Some(part) = parts.get_mut(part) {
            part.push(who);
        }
    }
    // The first member forms the conference, and everybody has a friend before.
    parts.iter_mut().for_each(|part| part.sort());
    parts.sort();
    parts
}

/// One pair for every part but the first: somebody of it, and somebody of a part before.
pub(super) fn bridges(parts: &[Vec<MemberId>], chance: &mut Chance) -> Vec<(MemberId, MemberId)> {
    let mut pairs = Vec::new();
    for (place, part) in parts.iter().enumerate().skip(1) {
        let before = parts.get(chance.index(place));
        let one = part.get(chance.index(part.len()));
        let other = before.and_then(|part| part.get(chance.index(part.len())));
        pairs.extend(one.copied().zip(other.copied()));
    }
    pairs
}
