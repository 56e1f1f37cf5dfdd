//! Handshake, merge, churn and titles: worlds of two to six endpoints.

use toxscope::conference::Profile;
use toxscope::wire::ConferenceType;

use super::explore::{Explored, holds, is_found};
use super::world::{Action, Deed, Planted, Rules, Who, World, key, rules, seed_but};

/// A world, and what is to be so whenever nothing is under way.
struct Instance {
    start: World,
    rules: Rules,
    goal: fn(&World, &Rules) -> Result<(), &'static str>,
}

impl Explored for Instance {
    type State = World;
    type Action = Action;

    fn start(&self) -> World {
        self.start.clone()
    }

    fn actions(&self, state: &World, actions: &mut Vec<Action>) {
        state.actions(&self.rules, actions);
    }

    fn next(&self, state: &World, action: Action) -> World {
        let mut next = state.clone();
        next.act(&self.rules, action);
        next
    }

    fn wrong(&self, state: &World) -> Option<String> {
        if state.broken.is_some() {
            return state.broken.clone();
        }
        if !state.is_quiet(&self.rules) {
            return None;
        }
        (self.goal)(state, &self.rules).err().map(str::to_owned)
    }
}

/// Two members whose sessions come and go.
fn handshake(profile: &Profile, planted: Planted) -> Instance {
    let start = World::together(&[profile.clone(), profile.clone()], ConferenceType::TEXT);
    let start = start.with(3, 0);
    let rules = Rules { planted, ..rules(0..2) };
    Instance { start, rules, goal: both_online_and_announced }
}

fn both_online_and_announced(world: &World, _: &Rules) -> Result<(), &'static str> {
    if !(world.online(0, 1) && world.online(1, 0)) {
        return Err("a slot is not online");
    }
    if world.active(0) != [0, 1] || world.active(1) != [0, 1] {
        return Err("somebody is not active");
    }
    // Nobody froze before the first session ended.
    let again = world.cuts < 3;
    if again && world.announced != [1, 1] {
        return Err("somebody is not announced once");
    }
    Ok(())
}

/// G-019, I-007, I-008, I-016, I-017: however the packets of two who rejoin pass each other, both
/// slots are online and each side is announced once.
#[test]
fn handshakes_complete_in_every_order() {
    for profile in [Profile::seed(), Profile::spec(), Profile::hardened()] {
        holds(&format!("handshake, {profile}"), handshake(&profile, Planted::Nothing));
    }
    let silent = handshake(&Profile::seed(), Planted::NoOnline);
    is_found("handshake with a member who never sends Online", silent, "not online");
    let quiet = seed_but(|profile| profile.announces_on_online = false);
    let quiet = handshake(&quiet, Planted::Nothing);
    is_found("handshake without announcements", quiet, "not announced once");
}

/// The same with time: a member may be suspended until it is frozen, or freezes the others.
fn suspended(profile: &Profile, planted: Planted) -> Instance {
    let start = World::together(&[profile.clone(), profile.clone()], ConferenceType::TEXT);
    let start = start.with(1, 5);
    let rules = Rules { planted, ..rules(0..2) };
    let goal = |world: &World, _: &Rules| {
        if world.online(0, 1) && world.online(1, 0) { Ok(()) } else { Err("a slot is not online") }
    };
    Instance { start, rules, goal }
}

/// I-011, O-002, O-011: whoever freezes whom, and when.
#[test]
fn slots_come_back_whoever_freezes_whom() {
    holds("suspended", suspended(&Profile::seed(), Planted::Nothing));
    let silent = suspended(&Profile::seed(), Planted::NoOnline);
    is_found("suspended with a member who never sends Online", silent, "not online");
}

/// Two and two members who know nothing of the other two any more; one of each can reach the other.
fn merge(profiles: [Profile; 4], goal: fn(&World, &Rules) -> Result<(), &'static str>) -> Instance {
    let mut start = World::together(&profiles, ConferenceType::TEXT);
    start.split(&[0, 1], &[2, 3]);
    let start = start.with(0, 6);
    let reachable = vec![(0, 1), (0, 2), (2, 3)];
    Instance { start, rules: Rules { reachable, coarse: true, ..rules(0..4) }, goal }
}

fn all_together_at_last(world: &World, _: &Rules) -> Result<(), &'static str> {
    let all = (0..4).all(|who| world.active(who) == [0, 1, 2, 3]);
    if world.waits > 0 || all { Ok(()) } else { Err("the lists are not complete after 120 s") }
}

fn never_together(world: &World, _: &Rules) -> Result<(), &'static str> {
    let apart = world.active(0) == [0, 1] && world.active(2) == [2, 3];
    if apart { Ok(()) } else { Err("they merged") }
}

/// G-004, G-006, I-001, I-002, I-003, I-004, I-005: one friend connection merges two components
/// if both its ends know how, whatever the others are.
#[test]
fn components_merge_over_one_connection() {
    let (new, old) = (Profile::seed, Profile::legacy);
    holds("merge", merge([new(), new(), new(), new()], all_together_at_last));
    holds("merge among legacy members", merge([new(), old(), new(), old()], all_together_at_last));
    holds("no merge", merge([old(), new(), old(), new()], never_together));
    let one_sided = merge([old(), new(), new(), new()], all_together_at_last);
    is_found("merge with a legacy member at one end", one_sided, "not complete");
}

/// The same after a member of the first component left for good, which the other two did not hear.
fn quitter(profile: &Profile) -> Instance {
    let mut start = World::together(&vec![profile.clone(); 4], ConferenceType::TEXT);
    start.split(&[0, 1], &[2, 3]);
    let reachable = vec![(0, 1), (1, 2), (2, 3)];
    let deeds = vec![Deed::Leave(0)];
    let rules = Rules { reachable, deeds, coarse: true, ..rules(0..4) };
    let mut start = start.with(0, 6);
    start.act(&rules, Action::Do(0));
    let goal = |world: &World, _: &Rules| {
        let together = [1, 2, 3].iter().all(|who| world.active(*who) == [1, 2, 3]);
        let known = |who: Who| world.group(who).is_some_and(|it| it.peer(&key(0)).is_some());
        match world.waits {
            0 if !together => Err("the others are not together, or who left is with them"),
            0 if known(1) => Err("who heard it knows who left"),
            _ => Ok(()),
        }
    };
    Instance { start, rules, goal }
}

/// G-008: after the merge, whoever left is absent where that was heard and frozen elsewhere.
#[test]
fn who_left_during_a_split_is_active_nowhere_in_the_end() {
    holds("quitter", quitter(&Profile::seed()));
    let alive = seed_but(|profile| profile.freezes_when_disconnected = false);
    holds("quitter where only time freezes", quitter(&alive));
    let kept = seed_but(|profile| profile.freezes = false);
    is_found("quitter among members who do not rejoin", quitter(&kept), "not together");
}

/// Members of a ring, all friends, who leave and come back.
fn churn(profile: &Profile, planted: Planted) -> Instance {
    let start = World::together(&vec![profile.clone(); 6], ConferenceType::TEXT);
    let start = start.with(0, 5);
    // One leaves and comes back; without the other, those at the ends of the ring become neighbours.
    let deeds = vec![Deed::Leave(4), Deed::Leave(2), Deed::Invite(1, 2)];
    let rules = Rules { deeds, coarse: true, planted, ..rules(0..6) };
    Instance { start, rules, goal: closest_are_online }
}

/// G-003, G-014: in the end, closeness is mutual and every pair of closest peers has both slots
/// online.
fn closest_are_online(world: &World, rules: &Rules) -> Result<(), &'static str> {
    if world.waits > 0 || world.done.count_ones() as usize != rules.deeds.len() {
        return Ok(());
    }
    let inside: Vec<Who> = (0..6)
        .filter(|who| world.group(*who).is_some_and(|group| group.own_number().is_some()))
        .collect();
    for who in &inside {
        if world.active(*who) != inside {
            return Err("the lists differ");
        }
        let Some(group) = world.group(*who) else { continue };
        for other in inside.iter().filter(|other| group.closest().any(|it| *it == key(**other))) {
            let mutual = world
                .group(*other)
                .is_some_and(|group| group.closest().any(|closest| *closest == key(*who)));
            if !mutual {
                return Err("closeness is not mutual");
            }
            if !world.online(*who, *other) {
                return Err("a closest slot is not online");
            }
        }
    }
    Ok(())
}

/// G-003, G-014, I-009, I-010.
#[test]
fn the_ring_is_whole_after_members_left_and_came_back() {
    holds("churn", churn(&Profile::hardened(), Planted::Nothing));
    let silent = churn(&Profile::hardened(), Planted::NoOnline);
    is_found("churn with a member who never sends Online", silent, "not online");
}

/// Three members, who set titles while sessions are cut.
fn titles(profile: &Profile, deeds: &[Deed]) -> Instance {
    let start = World::together(&vec![profile.clone(); 3], ConferenceType::TEXT).with(1, 4);
    let rules = Rules { deeds: deeds.to_vec(), coarse: true, ..rules(0..3) };
    Instance { start, rules, goal: |_, _| Ok(()) }
}

/// The same with a title that all know before.
fn titled(profile: &Profile, deeds: &[Deed]) -> Instance {
    let mut instance = titles(profile, deeds);
    let first = Rules { deeds: vec![Deed::SetTitle(0, "zero")], ..instance.rules.clone() };
    instance.start.act(&first, Action::Do(0));
    instance.start.settle(&first);
    instance.start.done = 0;
    instance
}

/// T-018, T-019, I-015: no response replaces a fresh title, and a title set among others is fresh.
#[test]
fn titles_that_are_fresh_stand() {
    let both = [Deed::SetTitle(0, "one"), Deed::SetTitle(1, "two")];
    holds("titles", titles(&Profile::seed(), &both));
    holds("titles after another", titled(&Profile::seed(), &both));
    let stale = seed_but(|profile| profile.own_title_is_fresh = false);
    is_found("titles that are not fresh when they are set", titles(&stale, &both), "T-019");
    let always = seed_but(|profile| profile.title_response_always = true);
    let one = [Deed::SetTitle(1, "two")];
    let mut always = titled(&always, &one);
    always.start.waits = 0;
    is_found("titles that any response replaces", always, "T-018");
}
