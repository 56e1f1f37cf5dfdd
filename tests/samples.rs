//! Each sample says the same to toxscope as libtoxcore's public interface said while it was recorded.

mod witness;

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;
use witness::{Story, differences, run, seconds};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

/// The names of all samples that have a truth.
fn stories() -> Vec<String> {
    let names = fs::read_dir(SAMPLES).expect("a folder of samples").map(|entry| {
        let name = entry.expect("a readable folder").file_name();
        name.to_str()?.strip_suffix(".truth.jsonl").map(str::to_owned)
    });
    let mut names: Vec<_> = names.flatten().collect();
    names.sort();
    names
}

fn toxscope() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_toxscope"))
}

fn read(name: &str) -> Story {
    Story::read(toxscope(), Path::new(SAMPLES), name)
}

/// `TOXSCOPE_BLESS=1 cargo test` writes what is printed now in place of what was expected.
#[test]
fn every_sample_is_listed_as_expected() {
    for name in stories() {
        let listed = run(toxscope(), Path::new(SAMPLES), &name, &["dissect"]);
        let path = Path::new(SAMPLES).join(format!("{name}.expected.txt"));
        if env::var_os("TOXSCOPE_BLESS").is_some() {
            fs::write(&path, &listed).expect("a folder to write to");
        }
        let expected = fs::read_to_string(&path).expect("an expected output");
        let both = listed.lines().zip(expected.lines());
        for (number, (listed, expected)) in (1..).zip(both) {
            assert_eq!(listed, expected, "{name}, line {number}");
        }
        assert_eq!(listed.len(), expected.len(), "{name}: another number of lines");
    }
}

#[test]
fn every_sample_tells_what_libtoxcore_reported() {
    let stories = stories();
    assert_eq!(
        stories,
        [
            "audio", "detour", "middle", "rejoin", "relay", "restart", "roam", "split", "stale",
            "talk", "tcp", "two"
        ]
    );
    for name in stories {
        let story = read(&name);
        let wrong = differences(&story.truth, &story.records);
        assert!(wrong.is_empty(), "{name}: {} differences:\n{wrong:#?}", wrong.len());
    }
}

/// The recorder sees both halves of the way through a relay.
#[test]
fn what_a_relay_passes_on_is_seen_twice_and_counted_once() {
    for (name, least) in [("tcp", 100), ("detour", 20)] {
        let records = read(name).records;
        let through =
            |record: &&Value| record["transport"] == "tcp" && !record["session"].is_null();
        let (copies, packets): (Vec<_>, Vec<_>) =
            records.iter().filter(through).partition(|record| record["copy"] == true);
        assert_eq!(copies.len(), packets.len(), "{name}");
        assert!(packets.len() >= least, "{name}: {}", packets.len());
        assert!(copies.iter().all(|record| record["resend"] == true));
        assert!(packets.iter().all(|record| record["resend"] == false), "{name}");
        let kind = |record: &&Value| record["relay"]["kind"].clone();
        assert!(
            packets.iter().map(kind).all(|kind| kind == "relay_data" || kind == "relay_oob_send")
        );
    }
}

/// Through the relay, directly, and through the relay again.
#[test]
fn a_session_that_moves_between_relay_and_udp_stays_one() {
    let records = read("detour").records;
    let ways = records.iter().filter(|record| record["kind"] == "chat" && record["copy"] != true);
    let mut ways: Vec<_> =
        ways.map(|record| (record["session"].clone(), record["transport"].clone())).collect();
    ways.dedup();
    let one = |transport: &str| (Value::from(1), Value::from(transport));
    assert_eq!(ways, [one("tcp"), one("udp"), one("tcp")]);
}

#[test]
fn the_samples_hold_every_kind_of_conference_packet() {
    let kinds: BTreeSet<String> = stories()
        .iter()
        .flat_map(|name| read(name).records)
        .filter_map(|record| record["kind"].as_str().map(str::to_owned))
        .collect();
    for kind in [
        "invite",
        "invite_accepted",
        "invite_member",
        "online",
        "peer_introduced",
        "peer_query",
        "peer_response",
        "title_response",
        "ping",
        "new_peer",
        "kill_peer",
        "freeze_peer",
        "name",
        "title",
        "chat",
        "action",
        "rejoin",
        "lossy",
    ] {
        assert!(kinds.contains(kind), "no sample holds a packet of kind {kind}");
    }
}

/// A comparison that cannot fail proves nothing: one wrong word in the truth must be noticed, and so
/// must one that is missing.
#[test]
fn the_witness_counts_seconds_across_midnights() {
    for (earlier, later, between) in [
        ("2000-02-29T00:00:00Z", "2000-02-29T01:01:01.5Z", 3661.5),
        ("2026-11-23T23:59:59.5Z", "2026-11-24T00:00:00.5Z", 1.0),
        ("2026-12-31T23:59:59Z", "2027-01-01T00:00:01Z", 2.0),
        ("2028-02-28T12:00:00Z", "2028-03-01T12:00:00Z", 2.0 * 86_400.0),
        ("2100-02-28T12:00:00Z", "2100-03-01T12:00:00Z", 86_400.0),
    ] {
        assert_eq!(seconds(later) - seconds(earlier), between, "{earlier} to {later}");
    }
}

#[test]
fn a_truth_that_is_changed_in_one_place_differs() {
    for (name, event, field, lie) in [
        ("talk", "message_sent", "text", Value::from("never said")),
        ("talk", "message_sent", "kind", "unheard of".into()),
        ("talk", "message_received", "text", "never heard".into()),
        ("talk", "message_received", "author", "0".repeat(64).into()),
        ("talk", "title_set", "title", "never set".into()),
        ("talk", "title_received", "title", "never seen".into()),
        ("talk", "name_received", "name", "never called".into()),
        ("talk", "name_set", "name", "never called".into()),
        ("talk", "started", "dht_key", "0".repeat(64).into()),
        ("talk", "started", "port", 1.into()),
        ("talk", "saved", "peer_number", 1.into()),
        ("talk", "saved", "message_number", 1.into()),
        ("talk", "conference_founded", "conference_type", "audio".into()),
        ("talk", "joining", "conference", 9.into()),
        ("talk", "left", "peer", "ann".into()),
        ("talk", "invited", "guest", "0".repeat(64).into()),
        ("two", "joining", "conference_id", "0".repeat(64).into()),
        ("restart", "stopped", "peer", "ann".into()),
        ("audio", "audio_received", "author", "0".repeat(64).into()),
        ("tcp", "message_sent", "text", "never said".into()),
        ("tcp", "message_received", "author", "0".repeat(64).into()),
        ("tcp", "relay_connection", "port", 1.into()),
        ("detour", "message_received", "text", "never heard".into()),
    ] {
        let mut story = read(name);
        assert!(differences(&story.truth, &story.records).is_empty(), "{name} agrees at first");
        let lines: Vec<_> = (0..story.truth.len())
            .filter(|at| story.truth[*at]["event"] == event && !story.truth[*at][field].is_null())
            .collect();
        // The last such line; of peers, the one that comes last.
        let at = *lines.last().unwrap_or_else(|| panic!("{name} has no {event} with {field}"));
        let truth = story.truth[at].clone();
        story.truth[at][field] = lie.clone();
        let changed = differences(&story.truth, &story.records);
        assert!(!changed.is_empty(), "{name}: nobody notices {field} = {lie} in {truth}");
    }
    for (name, event) in [
        ("talk", "message_sent"),
        ("talk", "message_received"),
        ("talk", "title_set"),
        ("talk", "left"),
        ("talk", "invited"),
        ("talk", "joining"),
        ("restart", "stopped"),
    ] {
        let mut story = read(name);
        let at = story.truth.iter().position(|line| line["event"] == event).expect("such a line");
        story.truth.remove(at);
        let changed = differences(&story.truth, &story.records);
        assert!(!changed.is_empty(), "{name}: nobody misses a line with {event}");
    }
}

/// The same from the other side: a record that is missing or wrong is noticed.
#[test]
fn a_dissection_that_misses_or_invents_something_differs() {
    let story = read("talk");
    let mut texts = story.records.iter().filter(|record| record["kind"] == "chat");
    let message = texts.next_back().expect("somebody speaks")["message_number"].clone();
    let mut missing = story.records.clone();
    missing.retain(|record| record["kind"] != "chat" || record["message_number"] != message);
    assert!(!differences(&story.truth, &missing).is_empty());

    for (kind, field, wrong) in [
        ("chat", "text", Value::from("?")),
        ("chat", "peer_number", 7.into()),
        ("chat", "message_number", 70_000.into()),
        ("chat", "author", "0".repeat(64).into()),
        ("chat", "from", "0".repeat(64).into()),
        ("chat", "group_number", 9.into()),
        ("title_response", "title", "?".into()),
        ("invite", "conference_type", "audio".into()),
        ("peer_query", "kind", "malformed".into()),
        ("new_peer", "dht_key", "0".repeat(64).into()),
        ("kill_peer", "killed_peer_number", 7.into()),
    ] {
        let mut records = story.records.clone();
        let record = records.iter_mut().find(|record| record["kind"] == kind);
        record.expect("such a packet")[field] = wrong.clone();
        let differences = differences(&story.truth, &records);
        assert!(!differences.is_empty(), "nobody notices {field} = {wrong} in {kind}");
    }
}
