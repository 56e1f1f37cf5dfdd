//! Replays every input in `corpus/<target>/` through the fuzz target of that name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use arbitrary::{Arbitrary, Unstructured};
use toxscope::fuzzing;
use toxscope::wire::{Kind, Packet};

type Target = fn(&[u8]);

/// One line per fuzz target.
const TARGETS: &[(&str, Target)] = &[
    ("capture_file", fuzzing::capture_file),
    ("datagram", fuzzing::datagram),
    ("filter", fuzzing::filter),
    ("frame", fuzzing::frame),
    ("key_log", fuzzing::key_log),
    ("lint_never_lies", fuzzing::lint_never_lies),
    ("lint_packets", fuzzing::lint_packets),
    ("machine_steps", fuzzing::machine_steps),
    ("network", fuzzing::network),
    ("printable", fuzzing::printable),
    ("recording", fuzzing::recording),
    ("relay_frames", fuzzing::relay_frames),
    ("replay_capture", fuzzing::replay_capture),
    ("save_section", fuzzing::save_section),
    ("scenario", fuzzing::scenario),
    ("tcp_streams", fuzzing::tcp_streams),
    ("wire_emit", fuzzing::wire_emit),
    ("wire_round_trip", fuzzing::wire_round_trip),
];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// What is in a directory, by name; nothing if there is no such directory.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a directory that can be listed").path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_input_of_the_corpus_has_the_property_of_its_target() {
    for (name, target) in TARGETS {
        let inputs = entries(&corpus().join(name));
        assert!(!inputs.is_empty(), "corpus/{name} is empty");
        for input in inputs {
            // Shown if the target panics.
            println!("{}", input.display());
            target(&fs::read(&input).unwrap());
        }
    }
}

#[test]
fn every_directory_of_the_corpus_has_a_target() {
    for directory in entries(&corpus()) {
        let name = directory.file_name().unwrap().to_str().unwrap();
        assert!(directory.is_dir(), "corpus/{name} belongs into the directory of its target");
        assert!(
            TARGETS.iter().any(|(target, _)| *target == name),
            "corpus/{name} has no line in TARGETS"
        );
    }
}

#[test]
fn every_target_can_be_fuzzed() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let source = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(source.contains(&format!("fuzzing::{name}(data)")), "{name}");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    assert_eq!(entries(&fuzz.join("fuzz_targets")).len(), TARGETS.len());
}

#[test]
fn the_corpus_of_wire_round_trip_holds_each_kind_accepted_and_refused() {
    let (mut accepted, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for input in entries(&corpus().join("wire_round_trip")) {
        match Packet::parse(&fs::read(&input).unwrap()) {
            Ok(packet) => accepted.insert(packet.kind()),
            Err(malformed) => refused.insert(malformed.intended()),
        };
    }
    let all = || Kind::ALL.iter().copied();
    let readable = all().filter(|kind| *kind != Kind::Malformed);
    assert_eq!(accepted, readable.collect());
    // These have no length that would be refused once their ids are there.
    let tolerant =
        [Kind::PeerIntroduced, Kind::PeerQuery, Kind::PeerResponse, Kind::Ping, Kind::Lossy];
    assert_eq!(refused, all().filter(|kind| !tolerant.contains(kind)).collect());
}

#[test]
fn the_corpus_of_wire_emit_holds_each_kind_and_what_the_wire_cannot_carry() {
    let (mut carried, mut others) = (BTreeSet::new(), BTreeSet::new());
    for input in entries(&corpus().join("wire_emit")) {
        let decisions = fs::read(&input).unwrap();
        let packet = Packet::arbitrary(&mut Unstructured::new(&decisions)).unwrap();
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        match Packet::parse(&bytes) {
            Ok(read) if read == packet => carried.insert(read.kind()),
            Ok(read) => others.insert(Some(read.kind())),
            Err(_) => others.insert(None),
        };
    }
    let all = || Kind::ALL.iter().copied();
    assert_eq!(carried, all().filter(|kind| *kind != Kind::Malformed).collect());
    assert!(others.contains(&None) && others.len() > 10, "{others:?}");
}
