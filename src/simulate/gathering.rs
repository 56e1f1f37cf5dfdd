//! A world with one conference, formed and watched.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use super::{
    Clock, Finding, MemberId, Nanos, Network, Newcomer, Observer, Program, Sent, Watch, World,
};
use crate::conference::{DropReason, Endpoint, Event, Group, Input, Output, Profile, Request};
use crate::wire::{Conference, ConferenceId, ConferenceType};

/// Hears what everybody hears.
#[derive(Clone, Debug, Default)]
pub struct Ears {
    texts: BTreeMap<(MemberId, Vec<u8>), u32>,
    audio: BTreeMap<MemberId, u32>,
    digest: u64,
}

impl Ears {
    /// How often a member was told of a text or action.
    #[must_use]
    pub fn heard(&self, who: MemberId, text: &[u8]) -> u32 {
        self.texts.get(&(who, text.to_vec())).copied().unwrap_or(0)
    }

    /// How many packets of audio a member was given.
    #[must_use]
    pub fn heard_audio(&self, who: MemberId) -> u32 {
        self.audio.get(&who).copied().unwrap_or(0)
    }

    /// Differs, all but certainly, if anybody sent other bytes, or something at another moment.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// Forgets what was heard.
    pub fn forget(&mut self) {
        self.texts.clear();
        self.audio.clear();
    }
}

impl Observer for Ears {
    fn sent(&mut self, sent: &Sent<'_>) {
        let hasher = FixedState::with_seed(self.digest);
        self.digest = hasher.hash_one((sent.from, sent.to, sent.attempts, sent.bytes));
    }

    fn after(&mut self, _: Nanos, who: MemberId, _: &Endpoint, _: &Input<'_>, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Event(Event::Said { text, .. }) => {
                    *self.texts.entry((who, text.clone())).or_default() += 1;
                }
                Output::Event(Event::Heard { .. }) => *self.audio.entry(who).or_default() += 1,
                _ => {}
            }
        }
    }
}

/// What a gathering is to be like.
#[derive(Clone, Debug)]
pub struct Gathering {
    /// Its world.
    pub world: World<(Watch, Ears)>,
    /// Who belongs to the conference, in the order of the world.
    pub members: Vec<MemberId>,
    /// The conference.
    pub conference: Conference,
}

impl std::fmt::Debug for World<(Watch, Ears)> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Gathering {
    /// Strangers with these profiles, and no conference yet.
    #[must_use]
    pub fn strangers(seed: u64, network: Network, watch: Watch, profiles: &[Profile]) -> Self {
        let members = profiles.iter().map(|profile| (profile.clone(), Clock::default()));
        Self::with_clocks(seed, network, watch, members)
    }

    /// Strangers with these profiles and clocks, and no conference yet.
    #[must_use]
    pub fn with_clocks(
        seed: u64,
        network: Network,
        watch: Watch,
        members: impl IntoIterator<Item = (Profile, Clock)>,
    ) -> Self {
        let mut world = World::observed(seed, network, (watch, Ears::default()));
        let members = members.into_iter().enumerate().map(|(number, (profile, clock))| {
            let name = format!("member {number}");
            world.enter(Newcomer { profile, name: name.as_bytes(), clock, seals: false })
        });
        let members = members.collect();
        let conference = Conference { kind: ConferenceType::TEXT, id: ConferenceId([0; 32]) };
        Self { world, members, conference }
    }

    /// The member with that place.
    #[must_use]
    pub fn id(&self, place: usize) -> MemberId {
        *self.members.get(place).expect("a gathering has the members it was made with")
    }

    /// All come together in a conference, see [`World::gather`]; says if they did.
    pub fn form(&mut self, kind: ConferenceType) -> bool {
        let formed = self.world.gather(kind, &self.members);
        self.conference = formed.unwrap_or(self.conference);
        formed.is_some()
    }

    /// A member's view of the conference.
    #[must_use]
    pub fn group(&self, who: MemberId) -> Option<&Group> {
        self.world.group(who, &self.conference)
    }

    /// Lets time go on until something is so; says if it is by a moment.
    pub fn wait_until(&mut self, moment: Nanos, is_so: impl Fn(&Self) -> bool) -> bool {
        while !is_so(self) {
            if !self.world.glance(moment) {
                return false;
            }
        }
        true
    }

    /// Each of these members lists exactly these members as active.
    #[must_use]
    pub fn see_each_other(&self, members: &[MemberId]) -> bool {
        self.world.see_each_other(&self.conference, members)
    }

    /// Slots that are online at both ends join all of these members.
    #[must_use]
    pub fn is_whole(&self, members: &[MemberId]) -> bool {
        self.world.is_whole(&self.conference, members)
    }

    /// Both have an online slot to the other.
    #[must_use]
    pub fn are_neighbours(&self, one: MemberId, other: MemberId) -> bool {
        self.world.are_neighbours(&self.conference, one, other)
    }

    /// A member says something.
    ///
    /// # Errors
    ///
    /// Those of [`World::request`].
    pub fn say(&mut self, who: MemberId, text: &str) -> Result<(), DropReason> {
        let group = self.group(who).ok_or(DropReason::NoConference)?.number();
        self.world.request(who, Request::Say { group, text: text.as_bytes() })
    }

    /// A member sets the title.
    ///
    /// # Errors
    ///
    /// Those of [`World::request`].
    pub fn set_title(&mut self, who: MemberId, title: &str) -> Result<(), DropReason> {
        let group = self.group(who).ok_or(DropReason::NoConference)?.number();
        self.world.request(who, Request::SetTitle { group, title: title.as_bytes() })
    }

    /// How often a member heard a text.
    #[must_use]
    pub fn heard(&self, who: MemberId, text: &str) -> u32 {
        self.world.observer().1.heard(who, text.as_bytes())
    }

    /// Cuts everything between members of different parts.
    pub fn split(&mut self, parts: &[Vec<MemberId>]) {
        for (place, part) in parts.iter().enumerate() {
            for other in parts.iter().skip(place + 1).flatten() {
                for who in part {
                    self.world.cut(*who, *other);
                    self.world.cut(*other, *who);
                }
            }
        }
    }

    /// Restores all ways, and lets all programs run.
    pub fn heal(&mut self) {
        for who in self.members.clone() {
            for other in self.members.clone() {
                self.world.restore(who, other);
            }
        }
        for who in self.members.clone() {
            match self.world.member(who).program() {
                Program::Running => {}
                Program::Suspended => self.world.resume(who),
                Program::Ended => {
                    let last = self.world.member(who).saves().len().checked_sub(1);
                    self.world.start(who, last);
                }
            }
        }
    }

    /// The first thing that should not have happened.
    #[must_use]
    pub const fn finding(&self) -> Option<&Finding> {
        self.world.observer().0.finding()
    }
}
