//! `docs/rules.md` says where each rule is kept and which tests hold it, and no rule lacks either.

mod cited;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cited::{citations, ids, read, root, sources};

/// Every rule of the state machine, in words of this project.
const RULES: &[(u16, &str)] = &[
    (1, "an instance is joining or connected"),
    (2, "group numbers: lowest free, constant"),
    (3, "type and id name a conference"),
    (4, "creating"),
    (5, "defaults of a new instance"),
    (6, "types"),
    (10, "inviting"),
    (11, "an invitation is told to the client"),
    (12, "accepting"),
    (13, "no joining twice"),
    (14, "an acceptance makes a member"),
    (15, "an acceptance that does not match"),
    (16, "choosing a peer number"),
    (17, "an invitation to a member"),
    (18, "the answer of a member"),
    (19, "learning the own number"),
    (20, "first actions of a member"),
    (21, "what is possible while joining"),
    (30, "what is known of a peer"),
    (31, "numbers and keys are unique"),
    (32, "adding with fresh information"),
    (33, "adding from a response"),
    (34, "a number of another key"),
    (35, "a key under another number"),
    (36, "removing an active peer"),
    (37, "order of the list"),
    (40, "distance between keys"),
    (41, "two and two are closest"),
    (42, "four cells"),
    (43, "ties"),
    (44, "when the closest set is acted on"),
    (45, "dropping who is not closest"),
    (46, "connecting to the closest"),
    (47, "with the present DHT key"),
    (48, "trying again"),
    (50, "sixteen slots"),
    (51, "reasons"),
    (52, "adding a reason"),
    (53, "slots keep connections"),
    (54, "who may send"),
    (55, "removing a reason"),
    (56, "releasing an introducer"),
    (57, "receiving Introduced"),
    (58, "cleaning"),
    (59, "sending on online slots only"),
    (65, "a connection comes up"),
    (66, "receiving Online"),
    (67, "the second Online is dropped"),
    (68, "a group number changes"),
    (69, "a connection goes down"),
    (70, "half-open slots"),
    (80, "when to query"),
    (81, "answering a query"),
    (82, "each response stands alone"),
    (83, "receiving a response"),
    (84, "malformed entries"),
    (85, "the message that led to a query is lost"),
    (90, "title and freshness"),
    (91, "setting the title"),
    (92, "receiving a title"),
    (93, "receiving a title response"),
    (94, "losing freshness"),
    (95, "the same title again"),
    (96, "titles after a split"),
    (100, "own name"),
    (101, "the scheduled Name"),
    (102, "it waits for a connection"),
    (103, "names from responses"),
    (104, "Name messages"),
    (105, "how long a name counts as learned"),
    (110, "sending a message"),
    (111, "own numbers never repeat"),
    (112, "unknown author"),
    (113, "eight numbers are remembered"),
    (114, "which numbers are accepted"),
    (115, "order of names and titles"),
    (116, "remembering precedes validation"),
    (117, "activity precedes duplicates"),
    (118, "relaying"),
    (119, "back to the author"),
    (120, "own messages come back"),
    (121, "effects of the ids"),
    (122, "nobody removes others"),
    (123, "nobody removes ourselves"),
    (124, "own numbers used by others"),
    (130, "sending lossy messages"),
    (131, "window of lossy numbers"),
    (132, "from whom lossy messages are taken"),
    (133, "forwarding lossy messages"),
    (134, "audio"),
    (140, "what is activity"),
    (141, "ping"),
    (142, "ping on going online"),
    (143, "time-out"),
    (144, "we never time out"),
    (145, "freezing"),
    (146, "frozen means ignored"),
    (150, "thawing"),
    (151, "the new key precedes thawing"),
    (155, "content of the frozen list"),
    (156, "limit of the frozen list"),
    (157, "friends are kept"),
    (158, "changing the limit"),
    (160, "Rejoin as a connection comes up"),
    (161, "Rejoin on freezing"),
    (162, "receiving Rejoin"),
    (163, "on any connection"),
    (164, "how rejoining completes"),
    (165, "no repetition"),
    (166, "end of the introducing connection"),
    (167, "Rejoin of who is there"),
    (175, "fresh DHT keys count"),
    (176, "listed DHT keys count sometimes"),
    (177, "thawing clears the mark"),
    (178, "the key that is announced"),
    (179, "own new keys are not announced"),
    (185, "deleting"),
    (186, "shutting down"),
    (187, "receiving Kill"),
    (188, "receiving Freeze"),
    (189, "who relays the last message"),
    (190, "late copies of a Kill"),
    (191, "leaving during a split"),
    (195, "losing all connections"),
    (196, "only by a connection going down"),
    (197, "sending while disconnected"),
    (200, "what is saved"),
    (201, "reloading"),
    (202, "group numbers after reloading"),
    (203, "counters are saved ahead"),
    (204, "lossy numbers after reloads"),
    (205, "damaged records"),
    (206, "remembered numbers are not saved"),
    (215, "list of conferences"),
    (216, "deletion is permanent"),
    (217, "when the client hears of being connected"),
    (218, "frozen peers apart"),
    (219, "own messages are reported as they return"),
    (230, "order of a pass"),
    (231, "whole seconds"),
    (232, "order on a connection"),
    (233, "no negotiation"),
    (240, "legacy: silent peers are deleted"),
    (241, "legacy: repeated numbers"),
    (242, "legacy: Introduced drops"),
    (243, "legacy: unknown packets"),
    (244, "legacy: pings with a body"),
    (245, "legacy: relaying to the source"),
    (246, "legacy: title responses"),
];

/// Rules that no line of the machine keeps, and why.
const ELSEWHERE: &[(u16, &str)] = &[];

/// The number in `R-nnn`.
fn rule(id: &str) -> Option<u16> {
    id.strip_prefix("R-")?.parse().ok()
}

fn stem(path: &Path) -> String {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned()
}

/// Files by the rules that their comments cite; what a file says about itself does not count.
fn kept() -> BTreeMap<u16, BTreeSet<String>> {
    let mut kept = BTreeMap::<_, BTreeSet<_>>::new();
    let folder = root().join("src/conference");
    for path in sources(&folder).iter().filter(|path| path.parent() == Some(&folder)) {
        if ["input", "output", "invariants"].contains(&stem(path).as_str()) {
            // What is said there is done elsewhere.
            continue;
        }
        for line in read(path).lines().filter(|line| !line.trim_start().starts_with("//!")) {
            for rule in ids(line).into_iter().filter_map(rule) {
                kept.entry(rule).or_default().insert(stem(path));
            }
        }
    }
    kept
}

/// Tests by the rules that they cite.
fn held() -> BTreeMap<u16, BTreeSet<String>> {
    let mut held = BTreeMap::<_, BTreeSet<_>>::new();
    for citation in citations("src/conference/tests") {
        if let Some(rule) = rule(&citation.id) {
            let name = format!("{}::{}", stem(Path::new(&citation.file)), citation.test);
            held.entry(rule).or_default().insert(name);
        }
    }
    held
}

#[test]
fn every_rule_is_kept_by_a_file_and_held_by_a_test() {
    let (kept, held) = (kept(), held());
    let mut text = String::from(
        "# Where each rule is kept\n\n\
         The rules of the reference machine, the files of `src/conference/` that keep them, and the\n\
         tests of `src/conference/tests/` that hold them. Written by the test `rules`:\n\
         `UPDATE_GOLDEN=1 cargo test --test rules`.\n\n\
         Legacy members (R-240 to R-246) are no code of their own: `Profile::ctoxcore` of a release\n\
         before 0.2.8 is one, and `Profile::legacy()` names it.\n\n\
         | Rule | About | Files | Tests |\n|---|---|---|---|\n",
    );
    let mut missing = Vec::new();
    for (rule, title) in RULES {
        let list = |from: &BTreeMap<u16, BTreeSet<String>>| {
            let names = from.get(rule).into_iter().flatten().map(|name| format!("`{name}`"));
            names.collect::<Vec<_>>().join(", ")
        };
        let reason = ELSEWHERE.iter().find(|(number, _)| number == rule).map(|(_, why)| *why);
        let (files, tests) = (reason.map_or(list(&kept), str::to_owned), list(&held));
        if files.is_empty() || tests.is_empty() {
            missing.push(format!("R-{rule:03} ({title}): files {files:?}, tests {tests:?}"));
        }
        text.push_str(&format!("| R-{rule:03} | {title} | {files} | {tests} |\n"));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let known = |rule: &u16| RULES.iter().any(|(number, _)| number == rule);
    let strangers: Vec<_> = kept.keys().chain(held.keys()).filter(|rule| !known(rule)).collect();
    assert!(strangers.is_empty(), "cited, but no rules: {strangers:?}");
    let path = root().join("docs/rules.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(text == written, "docs/rules.md is out of date: run with UPDATE_GOLDEN=1");
}
