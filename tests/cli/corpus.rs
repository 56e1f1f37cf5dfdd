//! `corpus`: seeds from the samples, and what is in their way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::tempdir;
use toxscope::fuzzing;
use toxscope::wire::Packet;

use super::{run, text};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

/// Runs `corpus` on samples; gives the exit code and what was printed.
fn corpus(stories: &[&str], out: &Path, more: &[&str]) -> (i32, String, String) {
    let files: Vec<_> = stories.iter().map(|story| format!("{SAMPLES}/{story}.pcapng")).collect();
    let mut args = vec!["corpus", "-q", "-o", text(out)];
    args.extend(files.iter().map(String::as_str));
    args.extend(more);
    run(&args)
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let below = files(&path).into_iter();
            found.extend(below.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn seeds_of_samples_are_inputs_of_the_fuzz_targets() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("seeds");
    let (code, stdout, stderr) = corpus(&["talk", "rejoin", "audio"], &out, &[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("machine_steps") && stdout.contains(" 0 there already"), "{stdout}");
    let seeds = files(&out);
    let (mut sequences, mut captures, mut packets) = (0, 0, 0);
    for (name, bytes) in &seeds {
        match name.split_once('/').unwrap().0 {
            "machine_steps" => {
                fuzzing::machine_steps(bytes);
                sequences += 1;
            }
            "replay_capture" => {
                fuzzing::replay_capture(bytes);
                captures += 1;
            }
            "wire_round_trip" => {
                fuzzing::wire_round_trip(bytes);
                packets += 1;
            }
            other => panic!("no target is called {other}"),
        }
        let is_ours = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
        assert!(name.chars().all(is_ours), "{name}");
    }
    // Three people in two of them, four in `audio`.
    assert_eq!((sequences, captures), (10, 3), "{:?}", seeds.keys());
    assert!(packets > 30, "{packets}");
    for said in ["rejoin-text-", "new_peer-", "peer_response-3peers", "lossy-audio-below-"] {
        assert!(seeds.keys().any(|name| name.contains(said)), "{said}: {:?}", seeds.keys());
    }
    // Once more: all of it is there.
    let (code, stdout, _) = corpus(&["talk", "rejoin", "audio"], &out, &[]);
    assert!(code == 0 && stdout.lines().take(3).all(|line| line.contains(" 0 new ")), "{stdout}");
    assert_eq!(files(&out), seeds);
}

#[test]
fn a_plain_corpus_has_one_packet_a_file_and_no_packet_of_one_shape_twice() {
    let folder = tempdir().unwrap();
    let (code, _, stderr) = corpus(&["talk", "two"], folder.path(), &["--layout", "plain"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let mut shapes = BTreeMap::new();
    for (name, bytes) in files(folder.path()) {
        let packet = Packet::parse(&bytes).unwrap();
        assert!(name.starts_with(packet.kind().name()), "{name}");
        let shape = name.rsplit_once('-').unwrap().0.to_owned();
        assert!(shapes.insert(shape, name).is_none());
    }
    assert!(shapes.len() > 20);
}

#[test]
fn no_key_of_the_log_is_in_a_seed() {
    let folder = tempdir().unwrap();
    corpus(&["talk"], folder.path(), &[]);
    let log = fs::read_to_string(format!("{SAMPLES}/talk.keys")).unwrap();
    let secrets = log.lines().filter(|line| line.starts_with("SHARED"));
    let secrets = secrets.map(|line| line.split_whitespace().nth(3).unwrap());
    let secrets: Vec<_> = secrets
        .map(|hex| {
            let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
            (0..32).map(byte).collect::<Vec<_>>()
        })
        .collect();
    assert!(secrets.len() > 10);
    for (name, bytes) in files(folder.path()) {
        let holds = |secret: &Vec<u8>| bytes.windows(32).any(|window| window == secret);
        assert!(!secrets.iter().any(holds), "{name}");
    }
}

#[test]
fn what_is_in_the_way_is_neither_followed_nor_replaced() {
    let folder = tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    assert_eq!(corpus(&["talk"], &first, &["--layout", "plain"]).0, 0);
    let seeds = files(&first);
    let (name, bytes) = seeds.first_key_value().unwrap();
    fs::create_dir(&second).unwrap();
    fs::write(second.join(name), b"mine").unwrap();
    let (code, _, stderr) = corpus(&["talk"], &second, &["--layout", "plain"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("holds something else"), "{stderr}");
    assert_eq!(fs::read(second.join(name)).unwrap(), b"mine");
    #[cfg(unix)]
    {
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, bytes).unwrap();
        fs::remove_file(second.join(name)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, second.join(name)).unwrap();
        let (code, _, stderr) = corpus(&["talk"], &second, &["--layout", "plain"]);
        assert!(code == 2 && stderr.contains("holds something else"), "{stderr}");
        let linked = folder.path().join("linked");
        std::os::unix::fs::symlink(&first, &linked).unwrap();
        let (code, _, stderr) = corpus(&["talk"], &linked, &[]);
        assert!(code == 2 && stderr.contains("no folder"), "{stderr}");
    }
    let (code, _, stderr) = run(&["corpus", "-o", text(&first), "/dev/null"]);
    assert!(code == 2 && !stderr.is_empty(), "{stderr}");
}
