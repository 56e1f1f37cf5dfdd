//! Sessions, ways and programs.

use super::super::{
    Clock, MILLISECOND, MemberId, Nanos, Network, Newcomer, Program, Quality, SECOND, Watch, World,
};
use super::{Trace, assert_sound, circle};
use crate::conference::{DropReason, Profile, Request};
use crate::wire::{ConferenceType, PublicKey};

/// Two members who may be friends.
fn pair(network: Network) -> (World<Trace>, MemberId, MemberId) {
    let mut world = World::observed(3, network, Trace::default());
    let [one, other] = [b"one".as_slice(), b"two"].map(|name| {
        let profile = Profile::seed();
        world.enter(Newcomer { profile, name, clock: Clock::default(), seals: false })
    });
    (world, one, other)
}

fn lossy(loss: u32, duplication: u32) -> Network {
    let quality = Quality { loss, duplication, ..Quality::default() };
    Network { quality, ..Network::default() }
}

/// A conference of the two, whose sessions begin before 11 s.
fn talk(world: &mut World<Trace>, one: MemberId, other: MemberId, kind: ConferenceType) {
    world.befriend(one, other);
    world.run_until(11 * SECOND);
    let conference = world.create(one, kind).unwrap();
    world.invite(one, other, &conference).unwrap();
    world.run_for(10 * SECOND);
    let group = world.group(other, &conference).unwrap();
    assert_eq!(group.active().len(), 2);
}

fn say(world: &mut World<Trace>, who: MemberId, text: &str) -> Result<(), DropReason> {
    let group = world.member(who).endpoint().groups().next().unwrap().number();
    world.request(who, Request::Say { group, text: text.as_bytes() })
}

/// The texts that a member is told, in order.
fn texts(world: &World<Trace>, who: MemberId) -> Vec<String> {
    let said = world.observer().0.iter().filter(|(_, whose, _)| *whose == who);
    let texts = said.flat_map(|(_, _, what)| what.split("text: [").skip(1));
    let texts = texts.map(|rest| {
        let numbers = rest.split(']').next().unwrap().split(", ");
        numbers.map(|number| char::from(number.parse::<u8>().unwrap())).collect()
    });
    texts.collect()
}

#[test]
fn a_session_comes_up_once_both_want_it_and_have_found_each_other() {
    let (mut world, one, other) = pair(Network::default());
    world.add_friend(one, other);
    world.run_until(100 * SECOND);
    assert!(!world.is_connected(one, other), "one of them does not want it");
    world.add_friend(other, one);
    world.run_until(101 * SECOND);
    assert!(!world.is_connected(one, other), "the search takes a second at least");
    world.run_until(106 * SECOND);
    assert!(world.is_connected(one, other));
    for who in [one, other] {
        assert_eq!(world.observer().times(who, "ConnectionUp").len(), 1);
    }
}

#[test]
fn who_gives_a_session_up_that_is_only_up_at_the_other_can_have_another() {
    let (mut world, one, other) = pair(Network::default());
    world.befriend(one, other);
    let ups = |world: &World<Trace>| {
        [one, other].map(|who| world.observer().times(who, "ConnectionUp").len())
    };
    while ups(&world) == [0, 0] {
        world.run_for(MILLISECOND);
    }
    let (who, peer) = match ups(&world) {
        [0, 1] => (one, other),
        [1, 0] => (other, one),
        both => panic!("{both:?}"),
    };
    world.remove_friend(who, peer).unwrap();
    world.run_for(SECOND);
    assert_eq!(ups(&world).into_iter().sum::<usize>(), 1, "nobody is told who has given it up");
    world.add_friend(who, peer);
    world.run_for(60 * SECOND);
    assert_eq!(world.observer().times(peer, "ConnectionDown").len(), 1);
    assert!(world.is_connected(one, other));
}

#[test]
fn strangers_find_each_other_only_by_a_dht_key_that_is_right() {
    for right in [false, true] {
        let (mut world, one, other) = pair(Network::default());
        let keys = [one, other].map(|who| world.member(who).real().public);
        let dht_key = if right { world.member(other).dht().public } else { PublicKey([9; 32]) };
        // Neither endpoint knows of it, so they end what they did not begin.
        world.look_for(one, &keys[1], dht_key);
        world.look_for(other, &keys[0], PublicKey([8; 32]));
        world.run_until(60 * SECOND);
        let asked = world.observer().times(one, "ConnectionUp").len();
        assert_eq!(asked > 0, right);
    }
}

#[test]
fn who_hears_nothing_for_32_seconds_gives_up_and_tells_the_other() {
    let (mut world, one, other) = pair(Network::default());
    world.befriend(one, other);
    world.run_until(10 * SECOND);
    world.cut(one, other);
    world.run_until(33 * SECOND);
    assert!(world.is_connected(one, other));
    world.run_until(43 * SECOND);
    let [down, other_down] = [one, other].map(|who| world.observer().times(who, "ConnectionDown"));
    assert_eq!((down.len(), other_down.len()), (1, 1));
    assert!((34 * SECOND..=42 * SECOND).contains(&other_down[0]), "{other_down:?}");
    assert!(down[0] > other_down[0], "who still hears is told");
    world.run_until(100 * SECOND);
    assert!(!world.is_connected(one, other), "a session needs both ways");
    world.restore(one, other);
    world.run_until(110 * SECOND);
    assert!(world.is_connected(one, other));
}

#[test]
fn when_both_ways_are_cut_both_notice_for_themselves() {
    let (mut world, one, other) = pair(Network::default());
    world.befriend(one, other);
    world.run_until(10 * SECOND);
    world.cut(one, other);
    world.cut(other, one);
    world.run_until(43 * SECOND);
    for who in [one, other] {
        let downs = world.observer().times(who, "ConnectionDown");
        assert_eq!(downs.len(), 1);
        assert!((34 * SECOND..=42 * SECOND).contains(&downs[0]), "{downs:?}");
    }
}

#[test]
fn a_short_cut_delays_packets_and_loses_none() {
    let (mut world, one, other) = pair(Network::default());
    talk(&mut world, one, other, ConferenceType::TEXT);
    world.cut(one, other);
    for text in ["a", "b", "c"] {
        say(&mut world, one, text).unwrap();
        world.run_for(5 * SECOND);
    }
    assert_eq!(texts(&world, other), [""; 0]);
    world.restore(one, other);
    say(&mut world, one, "d").unwrap();
    world.run_for(5 * SECOND);
    assert_eq!(texts(&world, other), ["a", "b", "c", "d"]);
    world.run_for(60 * SECOND);
    assert_eq!(world.observer().times(other, "ConnectionDown"), [0; 0]);
}

#[test]
fn packets_that_wait_for_a_way_are_gone_with_their_session() {
    let (mut world, one, other) = pair(Network::default());
    talk(&mut world, one, other, ConferenceType::TEXT);
    world.cut(one, other);
    say(&mut world, one, "lost").unwrap();
    world.run_for(40 * SECOND);
    world.restore(one, other);
    world.run_for(30 * SECOND);
    assert!(world.is_connected(one, other));
    say(&mut world, one, "heard").unwrap();
    world.run_for(5 * SECOND);
    assert_eq!(texts(&world, other), ["heard"]);
}

#[test]
fn lossless_packets_survive_loss_and_keep_their_order() {
    let (mut world, one, other) = pair(lossy(300_000, 100_000));
    talk(&mut world, one, other, ConferenceType::TEXT);
    let said: Vec<String> = (0..100).map(|number| format!("t{number}")).collect();
    for text in &said {
        say(&mut world, one, text).unwrap();
        world.run_for(100 * MILLISECOND);
    }
    world.run_for(20 * SECOND);
    assert_eq!(texts(&world, other), said);
}

#[test]
fn lossy_packets_get_lost_come_twice_and_overtake_each_other() {
    let (mut world, one, other) = pair(lossy(200_000, 200_000));
    talk(&mut world, one, other, ConferenceType::AUDIO);
    for sequence_number in 0..500 {
        let group = world.member(one).endpoint().groups().next().unwrap().number();
        let audio = Request::SendAudio { group, sequence_number, opus: b"x" };
        world.request(one, audio).unwrap();
        world.run_for(20 * MILLISECOND);
    }
    world.run_for(SECOND);
    let trace = world.observer();
    let heard = trace.times(other, "Heard").len();
    assert!((350..450).contains(&heard), "{heard} of 500 heard");
    assert!((30..130).contains(&trace.times(other, "AlreadySeen").len()));
    let numbers = trace.0.iter().filter_map(|(_, _, what)| {
        what.split("Heard { ").nth(1)?.split("sequence_number: ").nth(1)?.split(',').next()
    });
    let numbers: Vec<u32> = numbers.map(|number| number.parse().unwrap()).collect();
    assert!(!numbers.is_sorted());
}

#[test]
fn the_last_words_of_a_program_that_ends_are_heard() {
    let mut all = circle(&vec![Profile::seed(); 3]);
    let [one, other, third] = [0, 1, 2].map(|place| all.id(place));
    all.world.quit(third).unwrap();
    all.world.run_for(SECOND);
    assert!(all.see_each_other(&[one, other]), "they were told by Freeze, not by a time-out");
    assert!(!all.world.is_connected(one, third));
    assert_eq!(all.world.member(third).program(), Program::Ended);
    assert_eq!(all.say(third, "?"), Err(DropReason::Ended));
    assert_sound(&all);
}

#[test]
fn a_program_that_starts_again_replaces_its_old_sessions_at_once() {
    let mut all = circle(&vec![Profile::seed(); 3]);
    let [one, other, third] = [0, 1, 2].map(|place| all.id(place));
    all.world.save(third).unwrap();
    let before = all.world.member(third).dht().public;
    all.world.crash(third);
    all.world.start(third, Some(0));
    assert_ne!(all.world.member(third).dht().public, before);
    all.world.run_for(8 * SECOND);
    assert!(all.see_each_other(&[one, other, third]), "nobody waited for a time-out");
    let key = all.world.member(third).real().public;
    let known = all.group(one).unwrap().peer(&key).unwrap().dht_key;
    assert_eq!(known, all.world.member(third).dht().public);
    assert_sound(&all);
}

#[test]
fn who_is_suspended_misses_what_happens_and_finds_its_sessions_dead() {
    let mut all = circle(&vec![Profile::seed(); 3]);
    let everybody = all.members.clone();
    let [one, other, third] = [0, 1, 2].map(|place| all.id(place));
    all.world.suspend(third);
    all.world.run_for(78 * SECOND);
    assert!(all.see_each_other(&[one, other]));
    assert!(all.group(third).unwrap().is_active(&all.world.member(one).real().public));
    all.world.resume(third);
    assert_eq!(all.group(third).unwrap().active().len(), 1, "R-195");
    all.world.run_for(20 * SECOND);
    assert!(all.see_each_other(&everybody));
    assert_sound(&all);
}

#[test]
fn a_wrong_clock_freezes_nobody_and_a_fast_one_early() {
    let network = Network::default();
    let mut world = World::observed(1, network, (Watch::closely(), Trace::default()));
    let clocks = [
        Clock::default(),
        Clock { ahead: -400 * 86_400 * SECOND, drift: 0 },
        Clock { ahead: 5 * SECOND, drift: 200_000 },
    ];
    let ids = clocks.map(|clock| {
        let profile = Profile::seed();
        world.enter(Newcomer { profile, name: b"x", clock, seals: false })
    });
    world.befriend(ids[0], ids[1]);
    world.befriend(ids[0], ids[2]);
    world.run_for(10 * SECOND);
    let conference = world.create(ids[0], ConferenceType::TEXT).unwrap();
    for friend in [ids[1], ids[2]] {
        world.invite(ids[0], friend, &conference).unwrap();
        world.run_for(10 * SECOND);
    }
    world.run_for(600 * SECOND);
    for who in ids {
        assert_eq!(world.group(who, &conference).unwrap().active().len(), 3);
    }
    let suspended = world.now();
    world.suspend(ids[0]);
    world.run_for(70 * SECOND);
    let frozen = |who: MemberId| -> Nanos {
        let all = world.observer().1.times(who, "why: Frozen");
        *all.iter().find(|at| **at > suspended).unwrap()
    };
    // A minute of its own takes 50 s; but all sessions may be gone before.
    assert!(frozen(ids[2]) - suspended <= 51 * SECOND);
    assert!(frozen(ids[1]) - suspended >= 24 * SECOND);
    assert!(world.observer().0.finding().is_none(), "{}", world.observer().0.finding().unwrap());
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let run = |seed| {
        let mut world = World::observed(seed, lossy(100_000, 0), Trace::default());
        let ids: Vec<_> = (0..4)
            .map(|_| {
                let (profile, clock) = (Profile::seed(), Clock::default());
                world.enter(Newcomer { profile, name: b"x", clock, seals: true })
            })
            .collect();
        (1..4).for_each(|place| world.befriend(ids[0], ids[place]));
        world.run_for(10 * SECOND);
        let conference = world.create(ids[0], ConferenceType::TEXT).unwrap();
        for friend in &ids[1..] {
            world.invite(ids[0], *friend, &conference).unwrap();
            world.run_for(5 * SECOND);
        }
        world.cut(ids[1], ids[2]);
        world.crash(ids[3]);
        world.run_for(60 * SECOND);
        world.observer().clone()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
