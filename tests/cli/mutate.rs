//! `mutate`: samples whose packets are mutated, and what there is nothing to be done about.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;

use super::{printed, run, text};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

fn sample(name: &str) -> String {
    format!("{SAMPLES}/{name}")
}

/// Runs `mutate` on a sample; gives the list of mutations.
fn mutate(name: &str, seed: u32, out: &Path, more: &[&str]) -> String {
    let (file, seed) = (sample(&format!("{name}.pcapng")), seed.to_string());
    let mut args = vec!["mutate", "-q", &file, "--seed", &seed, "-o", text(out)];
    args.extend(more);
    printed(&args)
}

/// All opened packets of a capture: frame, kind and everything else that JSON lines say of each.
fn packets(file: &str, more: &[&str]) -> Vec<Value> {
    let mut args = vec!["dissect", "-q", file, "--format", "jsonl"];
    args.extend(more);
    printed(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stats(file: &str) -> Value {
    serde_json::from_str(&printed(&["stats", "-q", file, "--format", "json"])).unwrap()
}

#[test]
fn every_packet_of_a_mutated_sample_is_opened() {
    let folder = tempdir().unwrap();
    let samples =
        ["talk", "two", "audio", "rejoin", "restart", "split", "middle", "roam", "stale", "relay"];
    for (name, seed) in samples.into_iter().zip(1..) {
        let out = folder.path().join(format!("{name}.pcapng"));
        let list = mutate(name, seed, &out, &["--rate", "60", "--embed-keys"]);
        let stats = stats(text(&out));
        assert_eq!(stats["net_crypto"]["data"], stats["net_crypto"]["data_opened"], "{name}");
        let there: BTreeMap<u64, Value> = packets(text(&out), &["-a"])
            .into_iter()
            .map(|packet| (packet["frame"].as_u64().unwrap(), packet))
            .collect();
        assert!(list.lines().count() > 30, "{name}: {list}");
        for line in list.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words[1], "→", "{line}");
            let is_gone = line.ends_with("  lost") || line.ends_with("  never_sent");
            assert_eq!(words[2] == "-", is_gone, "{line}");
            if !is_gone {
                let packet = &there[&words[2].parse().unwrap()];
                assert!(packet["session"].is_u64(), "{line}: {packet}");
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (one, same, other) = (at("one"), at("same"), at("other"));
    let lists =
        [(7, &one), (7, &same), (8, &other)].map(|(seed, out)| mutate("talk", seed, out, &[]));
    let bytes = [&one, &same, &other].map(|out| fs::read(out).unwrap());
    assert_eq!((&lists[0], &bytes[0]), (&lists[1], &bytes[1]));
    assert!(lists[0] != lists[2] && bytes[0] != bytes[2]);
    // Ten of a hundred, if nothing is said.
    assert_eq!(lists[0].lines().count(), 20);
}

#[test]
fn only_what_the_filter_wants_is_mutated() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("titles.pcapng");
    let filter = ["-Y", "kind == title && message_number > 5", "--rate", "100", "--embed-keys"];
    let list = mutate("talk", 3, &out, &filter);
    let wanted = packets(&sample("talk.pcapng"), &filter[..2]);
    assert!(list.lines().count() > 10 && list.lines().count() <= wanted.len(), "{list}");
    assert!(list.lines().all(|line| line.contains("  title  ")), "{list}");
    // All others are there as they were.
    let others = |file: &str| {
        let mut found = BTreeMap::new();
        for mut packet in packets(file, &["-Y", "!(kind == title) && resend == false"]) {
            let object = packet.as_object_mut().unwrap();
            for place in ["frame", "number", "ack", "rel", "time", "offset"] {
                object.remove(place);
            }
            let said: Vec<_> = ["src", "from", "kind", "text", "text_hex", "name", "peers"]
                .map(|field| packet[field].to_string())
                .into();
            *found.entry(said).or_insert(0) += 1;
        }
        found
    };
    let (before, after) = (others(&sample("talk.pcapng")), others(text(&out)));
    for (packet, times) in before {
        assert!(after.get(&packet).is_some_and(|now| *now >= times), "{packet:?}");
    }
    let few = mutate("talk", 3, &folder.path().join("few"), &["-c", "2", "-Y", "kind == chat"]);
    assert_eq!(few.lines().count(), 2, "{few}");
}

#[test]
fn keys_are_inside_only_if_that_is_asked_for() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = at("whole.pcapng");
    printed(&["keys", "embed", "-q", &sample("talk.pcapng"), "-o", text(&whole)]);
    let holds_keys = |file: &Path| {
        fs::read(file)
            .unwrap()
            .windows(6)
            .any(|window| [&b"SHARED"[..], b"tox-ke"].contains(&window))
    };
    assert!(holds_keys(&whole));
    printed(&["mutate", "-q", text(&whole), "-o", text(&at("without.pcapng"))]);
    printed(&["mutate", "-q", text(&whole), "-o", text(&at("with.pcapng")), "--embed-keys"]);
    assert!(!holds_keys(&at("without.pcapng")) && holds_keys(&at("with.pcapng")));
    let log = sample("talk.keys");
    let beside = printed(&["dissect", "-q", text(&at("without.pcapng")), "-k", &log]);
    assert_eq!(beside, printed(&["dissect", "-q", text(&at("with.pcapng"))]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(at("with.pcapng")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (code, _, stderr) = run(&["mutate", text(&whole), "-o", text(&at("more.pcapng"))]);
    assert!(code == 0 && stderr.contains("has no keys inside"), "{stderr}");
}

#[test]
fn what_cannot_be_mutated_says_why_and_nothing_is_written() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out.pcapng");
    let talk = sample("talk.pcapng");
    let bare = folder.path().join("bare.pcapng");
    fs::copy(&talk, &bare).unwrap();
    let garbage = folder.path().join("garbage.pcapng");
    fs::write(&garbage, "no capture at all").unwrap();
    let (bare, garbage, tcp) = (text(&bare), text(&garbage), sample("tcp.pcapng"));
    for (args, said) in [
        (&[bare][..], "no conference packet in "),
        (&[garbage], "not a capture"),
        (&[&tcp], "belong to sessions that used a relay"),
        (&[&talk, "-Y", "kind == action && text == \"nobody says this\""], "the filter wants none"),
        (&["-"], "have to be files"),
        (&[&talk, "-k", "-"], "have to be files"),
        (&[&talk, "--rate", "0"], "a part of a hundred"),
        (&[&talk, "--rate", "101"], "a part of a hundred"),
        (&[&talk, "--count", "0"], "a number of packets"),
        (&[&talk, "--count", "3", "--rate", "3"], "cannot be used with"),
        (&[&talk, "-Y", "kind =="], "filter, column"),
        (&["/dev/null"], ""),
    ] {
        let mut all = vec!["mutate", "-o", text(&out)];
        all.extend(args);
        let (code, stdout, stderr) = run(&all);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
        assert!(!out.exists());
    }
    fs::write(&out, "mine").unwrap();
    let (code, _, stderr) = run(&["mutate", &talk, "-o", text(&out)]);
    assert!(code == 2 && stderr.contains("--force replaces it"), "{stderr}");
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    assert_eq!(run(&["mutate", &talk, "-o", "-"]).0, 2);
}

#[test]
fn a_capture_that_is_cut_short_is_mutated_as_far_as_it_goes() {
    let folder = tempdir().unwrap();
    let (cut, out) = (folder.path().join("talk.pcapng"), folder.path().join("out.pcapng"));
    let whole = fs::read(sample("talk.pcapng")).unwrap();
    fs::write(&cut, &whole[..whole.len() * 2 / 3]).unwrap();
    fs::copy(sample("talk.keys"), folder.path().join("talk.keys")).unwrap();
    let (code, stdout, stderr) = run(&["mutate", text(&cut), "-o", text(&out), "--embed-keys"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stdout.lines().count() > 5 && stderr.contains("talk.pcapng"), "{stderr}");
    let stats = stats(text(&out));
    assert_eq!(stats["net_crypto"]["data"], stats["net_crypto"]["data_opened"]);
}
