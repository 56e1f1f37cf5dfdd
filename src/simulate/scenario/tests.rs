//! Tests of scenarios: those that come with the program, and what is wrong with others.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::{BUNDLED, Error, Happening, MOST_SIZE, Options, Player, Scenario, Stopped, Verdict};
use crate::conference::Profile;
use crate::simulate::{Nanos, SECOND};

fn bundled(name: &str) -> Scenario {
    let found = BUNDLED.iter().find(|bundled| bundled.name == name).unwrap();
    Scenario::parse(found.text.as_bytes()).unwrap()
}

/// What happens as a scenario is played, and how it ends.
fn told(scenario: &Scenario, seed: u64, profile: Option<Profile>) -> (Vec<String>, Verdict) {
    let mut lines = Vec::new();
    let audience = |now: Nanos, what: &Happening<'_>| {
        lines.push(format!("{now} {what:?}"));
        ControlFlow::Continue(())
    };
    let options = Options { seed, profile };
    let (verdict, ()) = Player::new(scenario, &options, audience, ()).play().unwrap();
    (lines, verdict)
}

/// The scenario goes as it says in all of its profiles.
fn holds(name: &str) {
    let scenario = bundled(name);
    assert_ne!(scenario.about(), "");
    assert_ne!(scenario.profiles().len(), 0, "{name} does not say where it holds");
    let seeds = std::env::var("TOXSCOPE_SEEDS").map_or(8, |seeds| seeds.parse().unwrap());
    for profile in scenario.profiles() {
        for seed in 1..=seeds {
            let (lines, verdict) = told(&scenario, seed, Some(profile.clone()));
            let wrong = lines.iter().filter(|line| {
                line.contains("failed: Some") || line.contains("Refused") || line.contains("Broken")
            });
            let wrong: Vec<_> = wrong.collect();
            assert!(verdict.is_good(), "{name}, profile {profile}, seed {seed}: {wrong:#?}");
            assert!(verdict.expectations > 0);
        }
    }
}

macro_rules! scenarios {
    ($($(#[$attribute:meta])* fn $test:ident() = $name:literal;)*) => {
        $($(#[$attribute])* fn $test() { holds($name); })*

        #[test]
        fn every_bundled_scenario_is_played() {
            let played = [$($name,)*];
            assert_eq!(played.to_vec(), BUNDLED.iter().map(|it| it.name).collect::<Vec<_>>());
        }
    };
}

scenarios! {
    /// G-001.
    #[test]
    fn friends_talk() = "talk";
    /// G-004.
    #[test]
    fn who_was_alone_comes_back() = "alone";
    /// G-004.
    #[test]
    fn a_new_friendship_merges_two_components() = "split";
    /// G-004.
    #[test]
    fn a_new_friendship_merges_components_of_legacy_members() = "legacy";
    /// G-008, X-006.
    #[test]
    fn who_quit_in_a_split_stays_frozen_at_some() = "quitter";
    /// G-010, G-011, X-005.
    #[test]
    fn titles_disagree_after_a_split() = "titles";
    /// G-012, G-017.
    #[test]
    fn programs_restart() = "restart";
    /// G-013, X-001.
    #[test]
    fn a_name_changed_in_a_short_split_is_missed() = "missed-name";
    ///
    #[test]
    fn a_new_dht_key_is_not_told() = "new-dht-key";
    #[test]
    fn a_one_way_cut_ends_a_session() = "one-way";
    /// G-005.
    #[test]
    fn a_laptop_sleeps_and_wakes_up() = "asleep";
    ///
    #[test]
    fn a_message_that_is_too_late_is_dropped() = "late";
    ///
    #[test]
    fn what_leads_to_a_query_is_lost() = "lost-trigger";
    #[test]
    fn audio_survives_a_bad_network() = "audio";
    ///
    #[test]
    fn audio_after_four_reloads_looks_old() = "old-audio";
}

/// A scenario that does not come with the program goes as it says, in these profiles.
fn goes(profiles: &[&str], text: &str) {
    let scenario = Scenario::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    for name in profiles {
        for seed in 1..=3 {
            let (lines, verdict) = told(&scenario, seed, Some(name.parse().unwrap()));
            let wrong = lines.iter().filter(|line| {
                line.contains("failed: Some") || line.contains("Refused") || line.contains("Broken")
            });
            let wrong: Vec<_> = wrong.collect();
            assert!(verdict.is_good(), "profile {name}, seed {seed}: {wrong:#?}");
            assert!(verdict.expectations > 0);
        }
    }
}

/// G-005: alice lost everybody and has frozen them, and nobody has frozen her yet.
#[test]
fn components_merge_where_only_one_side_has_frozen_the_other() {
    goes(
        &["seed", "spec", "hardened", "ctoxcore"],
        "members alice bob carol dave\nfriends all\nconference all\nall says \"here\"\nwait 1s\n\
         cut alice <-> all\nwait 45s\nexpect bob carol dave frozen at alice\n\
         expect alice active at bob carol dave\nheal\nexpect within 85s agreement\n\
         wait 60s\nexpect agreement\n",
    );
}

/// G-006: a negative control of G-004. Whoever is between the two ends knows how to rejoin.
#[test]
fn components_do_not_merge_over_two_legacy_members() {
    goes(
        &["seed", "hardened", "ctoxcore"],
        "members alice bob\nmember dave profile legacy\nmember eve profile legacy\n\
         members frank grace\nfriends alice bob dave\nfriends eve frank grace\nfriends dave eve\n\
         conference dave eve alice bob frank grace\ndave unfriends eve\n\
         split alice bob dave | eve frank grace\nwait 2m\nheal\ndave befriends eve\n\
         expect within 20s connected dave eve\nexpect for 5m alice bob dave see each other\n\
         expect eve frank grace see each other\n",
    );
}

/// G-009: as in a split that somebody leaves, but frank's program ends with a Freeze.
#[test]
fn who_ended_during_a_split_is_active_nowhere_afterwards() {
    goes(
        &["seed", "spec", "hardened", "ctoxcore"],
        "members alice bob carol dave eve frank\nfriends alice bob carol\nfriends dave eve frank\n\
         friends carol dave\nconference carol alice bob dave eve frank\n\
         split alice bob carol | dave eve frank\nwait 70s\nfrank quits\nwait 20s\n\
         expect frank frozen at all\nheal\n\
         expect within 120s alice bob carol dave eve see each other\nwait 80s\n\
         expect frank frozen at alice bob carol dave eve\nfrank starts\n\
         expect within 120s agreement\n",
    );
}

/// G-017: from a save that is almost as many messages old as counters are saved ahead.
#[test]
fn who_crashes_after_many_messages_is_heard() {
    let said = "alice says \"x\"\nwait 10ms\n".repeat(500);
    goes(
        &["seed", "spec", "hardened", "ctoxcore"],
        &format!(
            "members alice bob\nfriends all\nconference all\nalice saves\n{said}alice crashes\n\
             alice starts\nexpect within 60s agreement\nalice says \"back\"\nwait 2s\n\
             expect bob heard \"back\" once\n"
        ),
    );
}

/// G-017: a save is 65536 numbers old once a program was started from it, so that it is too old for another
/// start; unless the program saves again as it starts.
#[test]
fn who_starts_twice_from_one_save_is_not_heard() {
    let start = |saves: &str| {
        format!(
            "members alice bob\nfriends all\nconference all\nalice saves\nalice crashes\n\
             alice starts\n{saves}expect within 60s agreement\nalice says \"first\"\nwait 2s\n\
             expect bob heard \"first\" once\nalice crashes\nalice starts\n\
             expect within 60s agreement\nalice says \"second\"\nwait 2s\n"
        )
    };
    let profiles = ["seed", "spec", "hardened", "ctoxcore"];
    goes(&profiles, &format!("{}expect bob heard \"second\" once\n", start("alice saves\n")));
    let text = format!("{}expect bob heard \"second\" never\n", start(""));
    let scenario = Scenario::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    for name in profiles {
        let (lines, _) = told(&scenario, 1, Some(name.parse().unwrap()));
        let told = |what: &str| lines.iter().any(|line| line.contains(what));
        assert!(told("O-004") && !told("failed: Some"), "profile {name}: {lines:#?}");
    }
}

/// G-020: nobody keeps frozen peers, so that nobody rejoins. An invitation to somebody who is in the
/// conference is answered by a member in `ctoxcore` alone (D-010).
#[test]
fn an_invitation_merges_a_split_where_members_answer() {
    let start = "members alice bob carol dave\nfriends alice bob\nfriends carol dave\n\
                 friends bob carol\nconference all\nbob unfriends carol\nall limits 0\n\
                 split alice bob | carol dave\nwait 2m\nexpect carol dave unknown at alice bob\n\
                 heal\nbob befriends carol\nexpect within 20s connected bob carol\nwait 10s\n\
                 expect alice bob see each other\nbob invites carol\n";
    goes(&["ctoxcore"], &format!("{start}expect within 120s agreement\n"));
    let apart = "expect for 3m alice bob see each other\nexpect carol dave see each other\n";
    goes(&["seed", "spec", "hardened"], &format!("{start}{apart}"));
}

/// G-018: alice restarts among members who take her new numbers for old ones. They delete her, and
/// learn of her anew by way of dave. Without him nobody would ever hear her again: who deletes her drops
/// her slot, and she is the only one who could say who she is.
#[test]
fn who_restarts_among_legacy_members_is_heard_after_a_minute() {
    let members = "member bob profile ctoxcore:0.2.4\nmember carol profile ctoxcore:0.2.4\nfriends all\n\
                   conference all\nalice says \"before\"\nwait 2s\nalice saves\nalice crashes\n\
                   alice starts\nwait 20s\nalice says \"early\"\nwait 60s\n\
                   expect bob carol heard \"early\" never\nwait 10s\n";
    goes(
        &["seed", "hardened", "ctoxcore"],
        &format!(
            "members alice dave\n{members}alice says \"late\"\nwait 5s\n\
             expect bob carol heard \"late\" once\n"
        ),
    );
    goes(
        &["seed", "hardened"],
        &format!(
            "members alice\n{members}wait 10m\ntry alice says \"late\"\nwait 5s\n\
             expect bob carol heard \"late\" never\nexpect alice unknown at bob carol\n"
        ),
    );
}

#[test]
fn the_same_seed_gives_the_same_story() {
    let scenario = bundled("audio");
    let (first, _) = told(&scenario, 5, None);
    assert_eq!(first, told(&scenario, 5, None).0);
    assert_ne!(first, told(&scenario, 6, None).0);
}

/// Line, column, and what is said about it.
fn fault(text: &str) -> String {
    let error: Error = Scenario::parse(text.as_bytes()).unwrap_err();
    assert!(error.text.get(error.at..error.at + error.len).is_some(), "{error:?}");
    error.to_string()
}

#[test]
fn what_is_wrong_with_a_scenario_is_told_with_its_place() {
    let members = "members alice bob carol\n";
    for (line, place, wanted) in [
        (
            "alise says \"x\"",
            "2, column 1",
            "statement or a member's name is expected, and this is alise; did you mean alice?",
        ),
        (
            "alice sayz \"x\"",
            "2, column 7",
            "what they do is expected, and this is sayz; did you mean says?",
        ),
        (
            "alice says hello",
            "2, column 12",
            "a text in quotation marks is expected, and this is hello",
        ),
        ("alice says \"hello", "2, column 12", "no closing quotation mark"),
        ("alice says \"\\q\"", "2, column 13", "no such escape"),
        ("alice says \"x\" y", "2, column 16", "the end of the line is expected, and this is y"),
        ("alice says", "2, column 11", "a text in quotation marks is expected, and the line ends"),
        ("friends alice", "2, column 14", "a member's name is expected, and the line ends"),
        ("friends alice alice", "2, column 15", "another member's name is expected"),
        ("cut alice bob", "2, column 14", "-> or <-> is expected, and the line ends"),
        ("cut alice => bob", "2, column 11", "-> or <-> is expected, and this is =>"),
        ("split alice", "2, column 12", "another member or | is expected, and the line ends"),
        ("split alice | alice bob", "2, column 15", "each member is expected in one part only"),
        (
            "wait 5",
            "2, column 6",
            "a duration such as 500ms, 90s, 2.5m or 1h, at most 7d, is expected",
        ),
        ("wait 8d", "2, column 6", "at most 7d"),
        ("wait -1s", "2, column 6", "a duration"),
        ("delay 50ms to 20ms", "2, column 15", "a duration that is not shorter is expected"),
        ("loss 101%", "2, column 6", "a percentage such as 2% or 0.5%"),
        ("loss 5", "2, column 6", "a percentage"),
        ("member dave clock 5s", "2, column 19", "such as +30s or -5m"),
        ("member dave drift +1000000", "2, column 19", "+500000 to -500000"),
        ("member dave profile ctoxcore:0.2.3", "2, column 21", "a profile (seed, spec"),
        ("member alice", "2, column 8", "a new member's name is expected, and this one is taken"),
        ("members all", "2, column 9", "this word means something"),
        ("members 5", "2, column 9", "a letter, then letters, digits and _"),
        ("profiles", "2, column 9", "a profile is expected, and the line ends"),
        ("expect alice sees dave", "2, column 19", "a member's name is expected, and this is dave"),
        (
            "expect titels agree",
            "2, column 8",
            "what is to be so is expected, and this is titels; did you mean titles?",
        ),
        ("expect all frozen by bob", "2, column 19", "at is expected, and this is by"),
        ("expect bob heard \"x\" twice", "2, column 22", "once, never, or how many times"),
        ("expect bob heard \"x\" 5", "2, column 23", "times is expected, and the line ends"),
        ("alice starts from", "2, column 18", "the number of a save"),
        ("alice plays 1001", "2, column 13", "how many packets of audio, 0 to 1000, is expected"),
        ("try wait 5s", "2, column 5", "a member's name is expected, and this is wait"),
        ("about \u{1b}[31m", "2, column 1", "control characters cannot be shown"),
        ("alice \u{1b}", "2, column 7", "cannot stand outside of quotation marks"),
    ] {
        let told = fault(&format!("{members}{line}\n"));
        assert!(told.starts_with(&format!("line {place}: ")), "{line}: {told}");
        assert!(told.contains(wanted), "{line}: {told}");
    }
    let umlauts = fault("members alice\nalice says \"äöü\" x");
    assert!(umlauts.starts_with("line 2, column 18: "), "{umlauts}");
    assert!(fault(&"x".repeat(MOST_SIZE + 1)).contains("at most 262144 bytes"));
    assert!(fault(&format!("about {}", "x".repeat(5000))).contains("at most 4096 bytes"));
    let many: String = (0..201).map(|number| format!("members m{number}\n")).collect();
    assert!(fault(&many).contains("line 201, column 9: at most 200 members"));
    let error = Scenario::parse(b"members alice\nalice says \"\xff\"").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 13: text in UTF-8 is expected");
}

#[test]
fn every_word_is_documented() {
    let document = include_str!("../../../docs/scenarios.md");
    let words: std::collections::BTreeSet<&str> =
        document.split(|c: char| !c.is_ascii_alphabetic()).collect();
    for word in [super::parser::KEYWORDS, super::parser::VERBS, super::parser::FACTS].concat() {
        assert!(words.contains(word), "{word} is not in docs/scenarios.md");
    }
}

fn verdict(text: &str) -> (Vec<String>, Verdict) {
    told(&Scenario::parse(text.as_bytes()).unwrap(), 1, None)
}

#[test]
fn lines_that_come_to_nothing_fail_unless_they_may() {
    for (line, failures) in [
        ("alice says \"x\"", 1),
        ("try alice says \"x\"", 0),
        ("bob starts from 3", 1),
        ("alice invites bob", 1),
        ("at 1s\nat 0s", 1),
        ("conference alice bob", 1),
        ("alice creates\nalice creates", 1),
        ("alice plays 2", 2),
        ("alice crashes", 0),
        ("alice crashes\nalice crashes", 1),
        ("alice crashes\ntry alice crashes", 0),
        ("alice crashes\nalice suspends", 1),
        ("alice crashes\nalice resumes", 1),
        ("alice crashes\nalice says \"x\"", 1),
        ("alice crashes\nalice starts\nalice starts", 1),
        ("alice starts afresh", 1),
        ("alice suspends\nalice suspends", 1),
        ("alice suspends\nalice starts", 1),
        ("alice suspends\nalice quits", 1),
        ("alice suspends\nalice befriends bob", 1),
        ("bob suspends\nfriends alice bob", 1),
        ("alice suspends\nalice resumes", 0),
        ("alice resumes", 1),
        ("alice befriends bob\nbob befriends alice", 1),
        ("alice unfriends bob", 1),
        ("alice befriends bob\nalice unfriends bob", 0),
        ("alice befriends bob\nbob crashes\nalice unfriends bob", 1),
    ] {
        let (_, found) = verdict(&format!("members alice bob\n{line}"));
        assert_eq!(found.failures, failures, "{line}");
        assert_eq!(found.is_good(), failures == 0);
    }
}

#[test]
fn who_does_not_run_is_told_so() {
    for (line, why) in [
        ("alice suspends\nalice says \"x\"", "its program is suspended"),
        ("alice crashes\nalice says \"x\"", "its program does not run"),
        ("alice starts", "its program runs already"),
    ] {
        let (lines, _) = verdict(&format!("members alice bob\n{line}"));
        assert!(lines.last().unwrap().contains(why), "{lines:?}");
    }
}

/// A check that nobody has ever seen fail proves nothing.
#[test]
fn every_expectation_can_fail() {
    let start = "members alice bob carol dave\nfriends alice bob carol\nconference alice bob carol\n\
                 alice titles \"t\"\nalice says \"x\"\nwait 5s\n";
    for (fact, otherwise) in [
        ("alice bob carol see each other", "alice sees bob"),
        ("alice sees bob carol", "alice sees nobody"),
        ("agreement", "agreement alice bob"),
        ("agreement alice bob carol", "agreement alice dave"),
        ("alice active at bob", "alice frozen at bob"),
        ("dave unknown at bob", "alice unknown at bob"),
        ("title \"t\" at bob", "title \"u\" at bob"),
        ("titles agree", "titles agree dave"),
        ("name alice \"alice\" at bob", "name alice \"al\" at bob"),
        ("bob knows key of alice", "bob knows key of dave"),
        ("bob heard \"x\"", "bob heard \"y\""),
        ("bob heard \"x\" once", "bob heard \"x\" never"),
        ("bob heard \"x\" 1 times", "bob heard \"x\" 2 times"),
        ("bob heard audio never", "bob heard audio"),
        ("neighbours alice bob carol", "neighbours alice dave"),
        ("connected alice bob", "connected bob dave"),
        ("not alice frozen at bob", "not alice active at bob"),
        // None of them, not only not all.
        ("not alice bob heard \"y\"", "not alice dave heard \"x\""),
        ("not alice dave frozen at bob", "not alice dave active at bob"),
        ("not neighbours alice dave", "not neighbours alice bob dave"),
        ("not connected alice dave", "not connected alice bob dave"),
        ("not name alice \"al\" at bob carol", "not title \"t\" at bob"),
        ("not alice bob sees nobody", "not all see each other"),
        // Nobody can tell.
        ("not agreement alice bob", "not agreement alice dave"),
        ("not dave heard \"x\"", "not title \"u\" at dave"),
        ("not bob knows key of dave", "not dave knows key of bob"),
        ("not alice unknown at bob", "not alice unknown at dave"),
        ("not name alice \"al\" at bob", "not name dave \"d\" at bob"),
        ("within 5s alice active at bob", "within 5s alice frozen at bob"),
        ("for 5s alice active at bob", "for 5s not alice active at bob"),
    ] {
        let (_, found) = verdict(&format!("{start}expect {fact}"));
        assert_eq!((found.expectations, found.failures), (1, 0), "{fact}");
        let (lines, found) = verdict(&format!("{start}expect {otherwise}"));
        assert_eq!((found.expectations, found.failures), (1, 1), "{otherwise}");
        assert!(lines.last().unwrap().contains("failed: Some"), "{lines:?}");
    }
}

#[test]
fn what_is_expected_for_a_while_must_be_so_all_the_time() {
    let start = "members alice bob\nfriends all\nconference all\ncut alice <-> bob\n";
    let (_, found) = verdict(&format!("{start}expect for 20s connected alice bob"));
    assert_eq!(found.failures, 0);
    let (_, found) = verdict(&format!("{start}expect for 60s connected alice bob"));
    assert_eq!(found.failures, 1);
    assert!(found.simulated < 60 * SECOND, "it fails as soon as it is not so");
    let (_, found) = verdict(&format!("{start}expect within 60s not connected alice bob"));
    assert_eq!(found.failures, 0);
    assert!(found.simulated < 60 * SECOND, "it is met as soon as it is so");
}

#[test]
fn a_scenario_ends_after_a_week_or_when_its_audience_leaves() {
    let scenario = Scenario::parse(b"members alice\nwait 4d\nwait 4d").unwrap();
    let options = Options { seed: 1, profile: None };
    let stopped = Player::new(&scenario, &options, (), ()).play().err();
    assert_eq!(stopped, Some(Stopped::TooLong(3)));
    let leaves = |_: Nanos, _: &Happening<'_>| ControlFlow::Break(());
    let stopped = Player::new(&scenario, &options, leaves, ()).play().err();
    assert_eq!(stopped, Some(Stopped::Alone));
}

/// Words of scenarios, and others.
fn line() -> impl Strategy<Value = String> {
    let words = "about profiles members member friends conference delay loss duplicates search way \
                 cut heal split wait at try expect all each other nobody see sees frozen active \
                 unknown heard know knows key of title titles agree name agreement neighbours \
                 connected not within for to audio profile clock drift befriends unfriends creates \
                 invites accepts declines says acts plays limits leaves saves quits crashes starts \
                 from afresh suspends resumes rekeys once never times a b c | -> <-> 5 5s 1ms 2% \
                 +3s -4 \"x\" \"\" \" # seed legacy \u{1b} é";
    let words: Vec<&str> = words.split_whitespace().collect();
    let word = proptest::sample::select(words);
    proptest::collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_lines_are_read_or_pointed_at(lines in proptest::collection::vec(line(), 0..20)) {
        let text = format!("members a b c\n{}", lines.join("\n"));
        if let Err(error) = Scenario::parse(text.as_bytes()) {
            prop_assert!(error.text.get(error.at..error.at + error.len).is_some(), "{error:?}");
            prop_assert!(error.line <= lines.len() + 1 && error.column() >= 1);
        }
    }

    #[test]
    fn any_bytes_are_read_or_pointed_at(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = Scenario::parse(&text) {
            prop_assert!(error.text.get(error.at..error.at + error.len).is_some(), "{error:?}");
        }
    }
}
