//! A whole simulated world, driven by bytes.

use std::collections::BTreeSet;

use super::machine::Decisions;
use super::trouble;
use crate::conference::{Profile, Release, Request};
use crate::simulate::{
    Gathering, MILLISECOND, MemberId, Nanos, Network, Program, Quality, SECOND, Watch,
};
use crate::wire::{ConferenceType, GroupNumber};

/// What is done to a world at most, so that a long input does not take long.
const DEEDS: usize = 40;
/// By then all agree after everything is healed: a time-out, whatever it led to, and its repair.
const AGREED_AFTER: Nanos = 400 * SECOND;

/// Whatever happens to a world, every endpoint keeps its invariants, and so does what it sends. Once
/// everything is healed, those who are in the conference agree about who is, and hear each other once.
pub fn network(data: &[u8]) {
    let mut decisions = Decisions::of(data);
    let mut world = Driven::new(&mut decisions);
    for _ in 0..DEEDS {
        if decisions.is_empty() {
            break;
        }
        world.deed(&mut decisions);
        world.is_sound();
    }
    world.heals();
    world.is_sound();
}

struct Driven {
    all: Gathering,
    /// The rules of all members promise that they agree in the end.
    promised: bool,
    /// Somebody came in later, whose saves may know of nobody.
    reinvited: bool,
    restarted: bool,
}

impl Driven {
    fn new(decisions: &mut Decisions<'_>) -> Self {
        let which = decisions.byte();
        let count = 2 + usize::from(which >> 6);
        let kind = if which & 0x20 == 0 { ConferenceType::TEXT } else { ConferenceType::AUDIO };
        let mut promised = true;
        let profiles: Vec<Profile> = (0..count)
            .map(|place| {
                let choice = if which & 0x10 == 0 { which } else { decisions.byte() };
                promised &= choice & 0x0f < 10;
                match choice & 0x0f {
                    0..5 => Profile::seed(),
                    5..10 => Profile::hardened(),
                    10 | 11 => Profile::spec(),
                    12 | 13 => Profile::legacy(),
                    // Whoever forms the conference knows how to.
                    _ if place == 0 => Profile::seed(),
                    _ => Profile::ctoxcore(Release::HEAD),
                }
            })
            .collect();
        let seed = u64::from(decisions.byte());
        let mut all = Gathering::strangers(seed, Network::default(), Watch::closely(), &profiles);
        let is_chain = seed & 1 != 0;
        for (place, one) in all.members.clone().into_iter().enumerate() {
            for other in all.members.clone().into_iter().take(place).rev() {
                all.world.befriend(one, other);
                if is_chain {
                    break;
                }
            }
        }
        assert!(all.form(kind), "in a calm network everybody gets in");
        let (members, limit) = (all.members.clone(), all.world.now() + 90 * SECOND);
        let agreed = all.wait_until(limit, |all| all.see_each_other(&members));
        assert!(agreed || !promised, "in a calm network everybody sees everybody");
        Self { all, promised: promised && agreed, reinvited: false, restarted: false }
    }

    fn is_sound(&self) {
        let finding = self.all.finding().map(ToString::to_string);
        assert_eq!(finding, None);
    }

    fn one(&self, decisions: &mut Decisions<'_>) -> MemberId {
        self.all.id(usize::from(decisions.byte()) % self.all.members.len())
    }

    fn group(&self, who: MemberId) -> Option<GroupNumber> {
        Some(self.all.group(who)?.number())
    }

    /// What comes to nothing is left at that.
    fn deed(&mut self, decisions: &mut Decisions<'_>) {
        let deed = decisions.byte() % 20;
        let who = self.one(decisions);
        let world = &mut self.all.world;
        match deed {
            0..3 => trouble::wait(world, decisions, 500 * MILLISECOND),
            3 => trouble::wait(world, decisions, 10 * MILLISECOND),
            4 | 5 => {
                let other = self.one(decisions);
                self.all.world.cut(who, other);
            }
            6 => {
                let other = self.one(decisions);
                self.all.world.cut(who, other);
                self.all.world.cut(other, who);
            }
            7 => {
                let other = self.one(decisions);
                self.all.world.restore(who, other);
                self.all.world.restore(other, who);
            }
            8 => {
                let sides = decisions.byte();
                let side = |place: usize| sides & 1 << place != 0;
                let members = self.all.members.iter().enumerate();
                let (left, right): (Vec<_>, Vec<_>) = members.partition(|(place, _)| side(*place));
                let ids =
                    |part: Vec<(usize, &MemberId)>| part.into_iter().map(|(_, it)| *it).collect();
                let parts = [ids(left), ids(right)];
                self.all.split(&parts);
            }
            9 => {
                let quality = trouble::quality(decisions);
                let other = self.one(decisions);
                self.all.world.set_quality(who, other, quality);
            }
            10 | 11 => {
                let _ = self.all.say(who, "something");
            }
            12 => {
                let title = char::from(b'a' + decisions.byte() % 26).to_string();
                let _ = self.all.set_title(who, &title);
            }
            13 => {
                let _ = world.request(who, Request::SetName(&[decisions.byte()]));
            }
            14 => self.stop(who, decisions.byte()),
            15 => trouble::start_again(world, who),
            16 => {
                if let Some(group) = self.group(who) {
                    for sequence_number in 0..u16::from(decisions.byte() % 8) {
                        let audio = Request::SendAudio { group, sequence_number, opus: b"x" };
                        let _ = self.all.world.request(who, audio);
                    }
                }
            }
            17 => {
                let _ = world.change_dht_key(who);
            }
            18 => {
                if let Some(group) = self.group(who).filter(|_| decisions.byte() < 64) {
                    let _ = self.all.world.request(who, Request::Delete { group });
                }
            }
            _ => {
                let (other, conference) = (self.one(decisions), self.all.conference);
                self.reinvited |= self.all.group(other).is_none();
                let _ = self.all.world.invite(who, other, &conference);
            }
        }
    }

    fn stop(&mut self, who: MemberId, how: u8) {
        let world = &mut self.all.world;
        match how % 4 {
            0 => world.suspend(who),
            1 => world.resume(who),
            2 => {
                let _ = world.quit(who);
                self.restarted = true;
            }
            _ => {
                trouble::crash(world, who);
                self.restarted = true;
            }
        }
    }

    /// Both have the other in their lists. Otherwise no Rejoin between them counts (D-017): one has left since,
    /// and came in again.
    fn know_each_other(&self, one: MemberId, other: MemberId) -> bool {
        [(one, other), (other, one)].into_iter().all(|(who, whom)| {
            let key = self.all.world.member(whom).real().public;
            self.all.group(who).is_some_and(|group| group.peer(&key).is_some())
        })
    }

    /// Those who are in the conference, if they can be expected to come together again: friends who know each
    /// other join them all, none of whom has forgotten the others.
    fn expected(&self) -> Option<Vec<MemberId>> {
        let inside =
            |who: &MemberId| self.all.group(*who).is_some_and(|group| group.own_number().is_some());
        let inside: Vec<MemberId> = self.all.members.iter().copied().filter(inside).collect();
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<MemberId> = inside.first().copied().into_iter().collect();
        while let Some(who) = waiting.pop() {
            if inside.contains(&who) && reached.insert(who) {
                let friends = self.all.world.member(who).friends();
                waiting.extend(friends.filter(|other| self.know_each_other(who, *other)));
            }
        }
        let known = self.promised && !(self.reinvited && self.restarted);
        (known && reached.len() == inside.len()).then_some(inside)
    }

    fn heals(&mut self) {
        let members = self.all.members.clone();
        for who in &members {
            for other in &members {
                self.all.world.set_quality(*who, *other, Quality::default());
            }
        }
        self.all.heal();
        // What is under way may still bring somebody in.
        self.all.world.run_for(20 * SECOND);
        let Some(inside) = self.expected() else {
            return self.all.world.run_for(90 * SECOND);
        };
        assert!(
            members.iter().all(|who| self.all.world.member(*who).program() == Program::Running)
        );
        let limit = self.all.world.now() + AGREED_AFTER;
        let agreed = |all: &Gathering| all.see_each_other(&inside) && all.is_whole(&inside);
        assert!(self.all.wait_until(limit, agreed), "{inside:?} do not agree after healing");
        self.all.world.run_for(10 * SECOND);
        if inside.len() < 2 {
            return;
        }
        for who in &inside {
            assert_eq!(self.all.say(*who, &format!("{who:?}")), Ok(()));
            self.all.world.run_for(2 * SECOND);
        }
        self.all.world.run_for(5 * SECOND);
        for who in &inside {
            for author in &inside {
                let heard = self.all.heard(*who, &format!("{author:?}"));
                assert_eq!(heard, 1, "{author:?} was heard so often at {who:?}");
            }
        }
    }
}
