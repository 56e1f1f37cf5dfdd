//! `docs/invariants.md` says which tests hold each invariant and property, and none lacks one
//! without a reason.

#![allow(clippy::indexing_slicing, reason = "helpers of tests are tests")]

mod cited;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use cited::{citations, ids, read, root};

/// Every invariant and property, in words of this project.
const PROPERTIES: &[(&str, &str)] = &[
    ("I-001", "no key is active and frozen"),
    ("I-002", "no key is active twice, or frozen twice"),
    ("I-003", "no peer number occurs twice"),
    ("I-004", "a member is active to itself, once, under its number and its name"),
    ("I-005", "we are never frozen to ourselves"),
    ("I-006", "who is joining is not listed and says nothing"),
    ("I-007", "at most 16 slots, one for each friend connection"),
    ("I-008", "every slot has a reason"),
    ("I-009", "after a pass, CLOSEST slots are of closest peers"),
    ("I-010", "after a pass, the closest are the two and two nearest of the active"),
    ("I-011", "a frozen peer has only a slot that was made to rejoin"),
    ("I-012", "no more frozen peers than the limit"),
    ("I-013", "names and titles are at most 128 bytes long"),
    ("I-014", "at most 8 remembered numbers, in strict order"),
    ("I-015", "a fresh title needs somebody else who is active"),
    ("I-016", "the number of an online slot was told in this session"),
    ("I-017", "a slot is online only while its connection is up"),
    ("I-018", "nobody was active in the future, or is late to freeze after a pass"),
    ("I-019", "a counter of introducers is right"),
    ("I-020", "connections count their slots"),
    ("I-021", "a conference is open once"),
    ("I-022", "every new instance has the frozen limit"),
    ("O-001", "queries, messages and audio go to online slots, with their numbers"),
    ("O-002", "a frozen peer is sent nothing but Rejoin and Online"),
    ("O-003", "own message numbers rise, from 1, without 0"),
    ("O-004", "what has one own number is one message"),
    ("O-005", "what is relayed is not changed"),
    ("O-006", "a foreign message goes once to each slot"),
    ("O-007", "nothing goes back to its source unless that wrote it"),
    ("O-008", "audio goes once to each peer, not to its source, and never in text conferences"),
    ("O-009", "what is sent fits and reads back"),
    ("O-010", "a response has every active peer once, and no frozen one"),
    ("O-011", "a Rejoin goes to a frozen peer"),
    ("O-012", "at most one scheduled Name in a pass"),
    ("O-013", "20 s between pings, but for those as a slot goes online"),
    ("O-014", "the same inputs give the same outputs"),
    ("T-001", "freezing and thawing keep what is known of a peer"),
    ("T-002", "any message of a frozen author but a Freeze thaws it"),
    ("T-003", "a Freeze thaws nobody, and of a stranger changes nothing"),
    ("T-004", "a response is no activity"),
    ("T-005", "splitting a response does not matter"),
    ("T-006", "a refused entry does not touch the others"),
    ("T-007", "when a response changes a DHT key"),
    ("T-008", "a fresh DHT key is the one that is connected to"),
    ("T-009", "the same packet again changes next to nothing"),
    ("T-010", "unknown ids use up their number and do nothing else"),
    ("T-011", "a truncated packet changes nothing"),
    ("T-012", "with little disorder, each number is accepted once"),
    ("T-013", "with little disorder, the last name and title stand"),
    ("T-014", "with little disorder, each lossy number is accepted once"),
    ("T-015", "losing the last connection leaves us alone"),
    ("T-016", "what a save and a load keep"),
    ("T-017", "a damaged record is left out and told, the others load"),
    ("T-018", "when a title response counts"),
    ("T-019", "a title set among others survives responses"),
    ("T-020", "the introducing connection goes on both sides"),
    ("T-021", "a scheduled Name waits for a slot"),
    ("T-022", "a Rejoin needs no slot before it"),
    ("T-023", "friends are kept when the frozen list is cut"),
    ("T-024", "who was killed is gone"),
    ("G-001", "every message reaches everybody once"),
    ("G-002", "incomplete lists become complete"),
    ("G-003", "the ring is symmetric and connected, whoever leaves"),
    ("G-004", "one new friend connection merges two components"),
    ("G-005", "so it does where only one side has frozen the other"),
    ("G-006", "but not among legacy members"),
    ("G-007", "a chain of components merges"),
    ("G-008", "who left by Kill during a split is absent or frozen"),
    ("G-009", "who left by Freeze is frozen or absent"),
    ("G-010", "titles disagree after a split, until one is set"),
    ("G-011", "who was alone takes the title of the others"),
    ("G-012", "so does who restarted"),
    ("G-013", "a name changed while frozen reaches everybody"),
    ("G-014", "half-open slots are repaired, in `hardened`"),
    ("G-015", "queries end"),
    ("G-016", "without anything to say there are only pings"),
    ("G-017", "who restarts from a save is heard"),
    ("G-018", "among old members after a minute"),
    ("G-019", "simultaneous Rejoins complete"),
    ("G-020", "an invitation merges a split where members answer"),
    ("G-021", "a number given twice does no harm"),
    ("G-022", "forgers do not break the invariants"),
    ("G-023", "forgers do not exhaust memory"),
    ("X-001", "a name change is missed in a short split"),
    ("X-002", "a new DHT key is not announced"),
    ("X-003", "what is late by more than eight is lost"),
    ("X-004", "what led to a query and is lost stays lost"),
    ("X-005", "titles disagree after a split"),
    ("X-006", "who left unheard stays frozen"),
    ("X-007", "audio after reloads looks old"),
    ("C-001", "what is written reads back"),
    ("C-002", "what is read is written back"),
    ("C-003", "no input makes a parser panic, loop or allocate much"),
    ("C-004", "lengths are accepted as c-toxcore accepts them"),
    ("C-005", "sealed packets have their sizes and open with the right key only"),
    ("C-006", "nonces are followed over gaps and wraps"),
    ("C-007", "packet requests keep every set of numbers"),
    ("C-008", "saves load to what was saved, and are stable"),
    ("C-009", "everything on the wire has a name"),
    ("C-010", "the base nonce of the other direction opens nothing"),
    ("LP-001", "reference endpoints raise no diagnostic"),
    ("LP-002", "no error without the beginning"),
    ("LP-003", "no error without some keys"),
    ("LP-004", "no error without one packet"),
    ("LP-005", "each diagnostic has a capture that raises it alone"),
    ("LP-006", "c-toxcore raises those of its defects"),
    ("LP-007", "the order of what is simultaneous does not matter"),
    ("LP-008", "linting is linear"),
];

/// Properties for which there is nothing to test, and why.
const NOTHING_TO_TEST: &[(&str, &str)] =
    &[("I-019", "no counter is kept: whoever wants the number counts the slots")];

/// Properties whose tests have not landed. Whoever lands one takes its line away: a line whose
/// property is cited by a test of the named folder fails here.
const OPEN: &[(&str, &str)] = &[
    ("LP-001", "src/lint"),
    ("LP-002", "src/lint"),
    ("LP-003", "src/lint"),
    ("LP-004", "src/lint"),
    ("LP-005", "src/lint"),
    ("LP-006", "src/lint"),
    ("LP-007", "src/lint"),
    ("LP-008", "src/lint"),
];

/// Files that check properties after every step of a test, a fuzz target or a simulation, with
/// the id of what is broken in their messages.
const CHECKS: &[&str] = &["src/conference/invariants.rs", "src/conference/tap.rs"];

/// Where tests are.
const FOLDERS: &[&str] = &["src", "tests"];

/// The ids that a check puts into its messages.
fn checked() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut checked = BTreeMap::<_, BTreeSet<_>>::new();
    for file in CHECKS {
        let text = read(&root().join(file));
        for quoted in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let literals = quoted.split('"').skip(1).step_by(2);
            for id in literals.filter_map(|literal| ids(literal).first().copied()) {
                checked.entry(id.to_owned()).or_default().insert(*file);
            }
        }
    }
    checked
}

/// Tests by the properties that they cite: file without ending, name.
fn held() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut held = BTreeMap::<_, BTreeSet<_>>::new();
    for citation in FOLDERS.iter().flat_map(|folder| citations(folder)) {
        let known = PROPERTIES.iter().any(|(id, _)| *id == citation.id);
        if known && !citation.file.starts_with("tests/cited") {
            held.entry(citation.id).or_default().insert((citation.file, citation.test));
        }
    }
    held
}

#[test]
fn every_property_is_held_by_a_test_or_has_a_reason_why_not() {
    let (checked, held) = (checked(), held());
    let mut text = String::from(
        "# Which tests hold each property\n\n\
         The invariants (`I-…`, of states; `O-…`, of what is sent), the properties of steps (`T-…`), of\n\
         groups (`G-…`), of parsers and writers (`C-…`) and of the linter (`LP-…`), the failures that are\n\
         expected (`X-…`), and the tests that hold them. Written by the test `invariants`:\n\
         `UPDATE_GOLDEN=1 cargo test --test invariants`.\n\n\
         What is checked *after every step* is checked in every test of `src/conference/tests/`, every run\n\
         of the fuzz targets and every simulation. What cannot hold as it is stated is in\n\
         [divergences.md](divergences.md); how much was explored, fuzzed and simulated, in\n\
         [proofs.md](proofs.md).\n",
    );
    let mut missing = Vec::new();
    let mut section = "";
    for (id, about) in PROPERTIES {
        let letter = id.split('-').next().unwrap_or_default();
        if letter != section {
            section = letter;
            let title = match letter {
                "I" => "States",
                "O" => "What is sent",
                "T" => "Steps",
                "G" => "Groups",
                "X" => "Expected failures",
                "C" => "Parsers and writers",
                _ => "Linter",
            };
            text.push_str(&format!(
                "\n## {title}\n\n| Id | About | After every step | Tests |\n|---|---|---|---|\n"
            ));
        }
        let stem = |file: &str| file.rsplit('/').next().unwrap_or_default().replace(".rs", "");
        let checks = checked.get(*id).into_iter().flatten().map(|file| format!("`{}`", stem(file)));
        let tests = held.get(*id);
        let named = tests.into_iter().flatten().map(|(file, test)| {
            let file = file.trim_start_matches("src/").replace('/', "::");
            format!("`{file}::{test}`")
        });
        let mut tests_named = named.collect::<Vec<_>>().join(", ");
        let find = |list: &'static [(&str, &'static str)]| {
            list.iter().find(|(open, _)| open == id).map(|(_, value)| *value)
        };
        if let Some(why) = find(NOTHING_TO_TEST) {
            assert!(tests.is_none(), "{id} has a test after all");
            tests_named = why.to_owned();
        } else if let Some(folder) = find(OPEN) {
            let landed = |(file, _): &(String, String)| file.starts_with(folder);
            let landed = tests.is_some_and(|tests| tests.iter().any(landed));
            assert!(!landed, "{id} has a test in {folder}: take its line in OPEN away");
            let also = if tests_named.is_empty() { "" } else { "; so far " };
            tests_named = format!("**open**, in `{folder}`{also}{tests_named}");
        } else if tests_named.is_empty() {
            missing.push(format!("{id} ({about})"));
        }
        let checks = checks.collect::<Vec<_>>().join(", ");
        text.push_str(&format!("| {id} | {about} | {checks} | {tests_named} |\n"));
    }
    assert!(missing.is_empty(), "no test cites {}", missing.join(", "));
    let path = root().join("docs/invariants.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).expect("a folder to write to");
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(text == written, "docs/invariants.md is out of date: run with UPDATE_GOLDEN=1");
}

/// A check that nobody has ever seen fail proves nothing.
#[test]
fn every_check_is_seen_to_fail_in_a_test() {
    let held = held();
    for id in checked().keys() {
        assert!(held.contains_key(id), "no test shows that the check of {id} can fail");
    }
}
