//! The original and our machine agree; and if they did not, it would be seen.

#![cfg(original)]

use toxscope::conference::{Duplicates, Pings, Prefix, Profile, RelayBack};
use toxscope::simulate::scenario::BUNDLED;
use toxscope_oracle::minimise::minimise;
use toxscope_oracle::original::{Original, version};
use toxscope_oracle::scenarios::{parts, play};
use toxscope_oracle::script::{Case, Step, What};
use toxscope_oracle::speed::talk;
use toxscope_oracle::tally::Tally;
use toxscope_oracle::told::Told;
use toxscope_oracle::{Outcome, bytes_of, profile, run};

/// Inputs of the run that is part of every test; `docs/oracle.md` has the command for more.
const INPUTS: u64 = 500_000;
/// Inputs after which a wrong profile must have been found out.
const ENOUGH: u64 = 100_000;

#[test]
fn it_is_the_version_that_the_profile_names() {
    assert_eq!(format!("ctoxcore:{}", version()), profile().to_string());
}

#[test]
fn both_sides_do_the_same_whatever_happens() {
    let (mut original, mut tally) = (Original::new(), Tally::default());
    let mut seed = 0;
    while tally.total() < INPUTS {
        let outcome = run(&mut original, &profile(), &bytes_of(seed), &mut tally);
        if outcome.disagreement.is_some() {
            let short = minimise(&mut original, &profile(), &outcome.case);
            let (_, disagreement) = short.run(&mut original, &profile()).unwrap_err();
            panic!("seed {seed}: the sides part ways:\n{short}{disagreement}");
        }
        seed += 1;
    }
    println!("{tally}");
    assert!(tally.packets.len() >= 19, "all kinds of packets go in: {:?}", tally.packets);
    assert!(tally.sent.len() >= 18, "all kinds of packets come out: {:?}", tally.sent);
    assert!(tally.told.values().all(|count| *count > 0));
}

#[test]
fn both_sides_do_the_same_in_every_scenario() {
    let (mut original, mut whole) = (Original::new(), Tally::default());
    for scenario in BUNDLED {
        let parts = parts(scenario, 1).unwrap();
        assert!(!parts.is_empty(), "{}: somebody follows the rules of the original", scenario.name);
        let mut tally = Tally::default();
        for (index, part) in parts.iter().enumerate() {
            let played = play(&mut original, part, &mut tally);
            played.unwrap_or_else(|how| panic!("{}, part {index}: {how}", scenario.name));
        }
        let (name, count, inputs) = (scenario.name, parts.len(), tally.total());
        let left_out = parts.iter().map(|part| part.left_out).sum::<usize>();
        println!("{name}: {count} endpoints, {inputs} inputs, {left_out} left out");
        whole.add(&tally);
    }
    println!("{whole}");
}

/// What the original alone does, step by step.
fn trace(original: &mut Original, case: &Case) -> Vec<Vec<Told>> {
    original.begin(1_700_000_000, &case.identity);
    let inputs = case.steps.iter().filter_map(|step| Some((step.input()?, step.dice.clone())));
    inputs
        .map(|(input, dice)| {
            original.handle(&input, dice);
            original.told()
        })
        .collect()
}

#[test]
fn the_original_does_the_same_whatever_it_did_before() {
    let mut original = Original::new();
    let mut play = |seed| run(&mut original, &profile(), &bytes_of(seed), &mut Tally::default());
    let cases: Vec<Case> = (0..150).map(|seed| play(seed).case).collect();
    let first: Vec<_> = cases.iter().map(|case| trace(&mut original, case)).collect();
    let again: Vec<_> = cases.iter().rev().map(|case| trace(&mut original, case)).collect();
    assert!(again.iter().rev().eq(&first));
    drop(original);
    for (case, first) in cases.iter().zip(&first).step_by(10) {
        assert_eq!(&trace(&mut Original::new(), case), first);
    }
    assert!(first.iter().flatten().flatten().count() > 10_000);
}

type Change = (&'static str, fn(&mut Profile));

/// Flips for fields that are yes or no.
macro_rules! flips {
    ($($field:ident)*) => {
        &[$((stringify!($field), |profile| profile.$field = !profile.$field),)*]
    };
}

const FLIPS: &[Change] = flips! {
    sends_member understands_member online_after_rejoin freezes_when_disconnected
    drops_frozen_slots freeze_messages rejoins_on_freezing direct_when_online_only
    gratuitous_online cleans_slots title_response_always own_title_is_fresh freshness_at_once
    equal_title_is_fresh keeps_group_numbers saves_counters_ahead empty_response
    repairs_half_open remembers_killed freezes any_message_is_activity introduced_keeps_slot
    checks_ping_body announces_on_online looks_up_by_key limit_lost_in_gaps response_stops_early
    title_length_modulo_256 lossy_to_slot_0 own_entry_unprotected loads_all_or_nothing
    announces_refused_member stale_closest_key needs_slot_history forgets_name forgets_closest
    stale_friend_flag releases_at_once gaps_match_zero stores_before_name own_number_reads_0
    keeps_failed_title evicted_keeps_slot cleans_silently activity_before_key time_out_skips
    own_name_from_wire sends_empty_text
};

const OTHERS: &[Change] = &[
    ("ping_on_online", |profile| profile.ping_on_online = Pings::Always),
    ("ping_on_online", |profile| profile.ping_on_online = Pings::Never),
    ("frozen_limit", |profile| profile.frozen_limit = None),
    ("frozen_limit", |profile| profile.frozen_limit = Some(127)),
    ("peer_limit", |profile| profile.peer_limit = Some(60)),
    ("duplicates", |profile| profile.duplicates = Duplicates::Plain),
    ("duplicates", |profile| profile.duplicates = Duplicates::Ahead64),
    ("relay_back", |profile| profile.relay_back = RelayBack::Never),
    ("relay_back", |profile| profile.relay_back = RelayBack::Always),
    ("prefix", |profile| profile.prefix = Prefix::Whole),
    ("introducer_threshold", |profile| profile.introducer_threshold = 3),
    ("introducer_threshold", |profile| profile.introducer_threshold = 5),
];

/// The first case in which the profile is found to be wrong, if there is one soon.
fn found_out(original: &mut Original, profile: &Profile) -> Option<(u64, Case)> {
    let mut tally = Tally::default();
    let mut seed = 0;
    while tally.total() < ENOUGH {
        let Outcome { case, disagreement } = run(original, profile, &bytes_of(seed), &mut tally);
        if disagreement.is_some() {
            return Some((tally.total(), case));
        }
        seed += 1;
    }
    let crowd = crowd();
    crowd.run(original, profile).is_err().then(|| (tally.total() + crowd.steps.len() as u64, crowd))
}

/// More peers freeze at once than are kept, which is rare in random cases.
fn crowd() -> Case {
    let (mut case, prepare) = talk(200);
    case.steps.truncate(prepare);
    let last = case.steps.last().expect("it has steps").clone();
    let friend = case.steps.iter().find_map(|step| match step.what {
        What::AddFriend(friend) => Some(friend),
        _ => None,
    });
    case.steps.push(Step { what: What::Down(friend.expect("it begins with a friend")), ..last });
    case
}

#[test]
fn both_sides_do_the_same_with_a_crowd() {
    assert_eq!(crowd().run(&mut Original::new(), &profile()), Ok(()));
}

#[test]
fn whatever_is_changed_in_the_profile_is_found_out() {
    let mut original = Original::new();
    let mut missed = Vec::new();
    for (name, change) in FLIPS.iter().chain(OTHERS) {
        let mut wrong = profile();
        change(&mut wrong);
        match found_out(&mut original, &wrong) {
            Some((inputs, _)) => println!("{name}: {inputs} inputs"),
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not found out within {ENOUGH} inputs: {missed:?}");
}

#[test]
fn every_field_of_the_profile_is_changed() {
    let shown = format!("{:#?}", profile());
    let fields = shown.lines().filter_map(|line| line.strip_prefix("    "));
    let fields = fields.filter(|line| !line.starts_with([' ', ')', '}']));
    for field in fields.map(|line| line.split(':').next().unwrap()).filter(|name| *name != "law") {
        let named = FLIPS.iter().chain(OTHERS).any(|(name, _)| *name == field);
        assert!(named, "{field} is not among the changes");
    }
}

#[test]
fn a_case_that_fails_is_made_short_and_fails_again() {
    let mut original = Original::new();
    let mut wrong = profile();
    wrong.cleans_silently = !wrong.cleans_silently;
    let (_, case) = found_out(&mut original, &wrong).unwrap();
    let short = minimise(&mut original, &wrong, &case);
    let failure = short.run(&mut original, &wrong).unwrap_err();
    assert_eq!(short.run(&mut original, &wrong).unwrap_err(), failure);
    assert_eq!(short.run(&mut original, &profile()), Ok(()));
    let (long, length) = (case.steps.len(), short.steps.len());
    assert!(length < long / 4 && length > 14, "{length} of {long} steps are left");
}
