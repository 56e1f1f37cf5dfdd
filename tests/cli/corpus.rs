//! `corpus`: seeds from the samples, and what is in their way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::tempdir;
use toxscope::capture::{Datagrams, Event, Limits};
use toxscope::conference::savedata::{Savedata, SectionType};
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

/// What UDP carried to each address, in the order of the capture.
fn payloads(story: &str) -> BTreeMap<SocketAddr, Vec<Vec<u8>>> {
    let capture = fs::read(format!("{SAMPLES}/{story}.pcapng")).unwrap();
    let mut datagrams = Datagrams::new(capture.as_slice(), Limits::default()).unwrap();
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while let Some(event) = datagrams.next().unwrap() {
        if let Event::Datagram(datagram) = event
            && matches!(datagram.payload.first(), Some(0x18..=0x1b))
        {
            all.entry(datagram.to).or_default().push(datagram.payload.to_vec());
        }
    }
    all
}

/// Datagrams of an input, each behind its size.
fn received(mut input: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some((size, rest)) = input.split_first_chunk::<2>() {
        let (datagram, rest) = rest.split_at(usize::from(u16::from_be_bytes(*size)));
        all.push(datagram.to_vec());
        input = rest;
    }
    assert_eq!(input, b"");
    all
}

#[test]
fn a_sealed_corpus_has_datagrams_as_they_were_on_the_wire() {
    let folder = tempdir().unwrap();
    let (code, _, stderr) = corpus(&["talk"], folder.path(), &["--layout", "sealed"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let mut sent = payloads("talk");
    let (mut singles, mut addresses) = (BTreeSet::new(), 0);
    for (name, bytes) in files(folder.path()) {
        match name.split_once('/').unwrap() {
            ("datagrams", name) => {
                assert!(sent.values().flatten().any(|it| *it == bytes), "{name}");
                singles.insert(name.rsplit_once('-').unwrap().0.to_owned());
            }
            ("received", name) => {
                let all = received(&bytes);
                assert!(name.starts_with(&format!("received-{}datagrams-", all.len())), "{name}");
                let to = sent.iter().find(|(_, them)| **them == all).map(|(to, _)| *to);
                assert!(sent.remove(&to.unwrap()).is_some());
                sent.entry((to.unwrap().ip(), 0).into()).or_default().extend(all);
                addresses += 1;
            }
            (other, _) => panic!("{other}"),
        }
    }
    assert_eq!(addresses, 3);
    for shape in [
        "cookie_request",
        "cookie_response",
        "crypto_handshake",
        "crypto_data-new_peer",
        "crypto_data-peer_response-3peers-unnamed",
        "crypto_data-alive-below-2bytes",
    ] {
        assert!(singles.contains(shape), "{shape}: {singles:?}");
    }
}

#[test]
fn a_corpus_for_c_toxcore_has_what_its_fuzzers_read() {
    let folder = tempdir().unwrap();
    let save = format!("{SAMPLES}/savedata/two.cas.tox");
    let (code, _, stderr) =
        corpus(&["talk", "split"], folder.path(), &["--layout", "c-toxcore", &save]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let saved = fs::read(&save).unwrap();
    let saved = Savedata::parse(&saved).unwrap();
    let owner = saved.section(SectionType::KEYS).unwrap().payload;
    let conferences = saved.section(SectionType::CONFERENCES).unwrap().payload;
    let (mut saves, mut events, mut of_save) = (0, BTreeSet::new(), 0);
    for (name, bytes) in files(folder.path()) {
        assert!(!bytes.windows(32).any(|window| window == &owner[36..68]), "{name}");
        match name.split_once('/').unwrap() {
            ("toxsave_fuzz_test", _) => {
                let savedata = Savedata::parse(&bytes).unwrap();
                let kinds: Vec<_> = savedata.sections.iter().map(|it| it.kind).collect();
                assert_eq!(kinds, [SectionType::CONFERENCES]);
                assert_eq!(savedata.conferences().damage, [], "{name}");
                saves += 1;
                of_save += usize::from(savedata.sections[0].payload == conferences);
            }
            ("tox_events_fuzz_test", name) => {
                let (size, rest) = bytes.split_first_chunk::<2>().unwrap();
                let (list, decisions) = rest.split_at(usize::from(u16::from_le_bytes(*size)));
                assert_eq!(decisions, [1]);
                assert!(matches!(list[0], 0x91..=0x9f | 0xdc), "{name}");
                events.insert(name.split(['-', '.']).next().unwrap().to_owned());
            }
            (other, _) => panic!("{other}"),
        }
    }
    assert!(saves > 10, "{saves}");
    assert_eq!(of_save, 1);
    for kind in ["invite", "peer_response", "title", "title_response", "name", "chat", "told"] {
        assert!(events.contains(kind), "{kind}: {events:?}");
    }
    let (code, _, stderr) = corpus(&[], folder.path(), &["--layout", "plain", &save]);
    assert!(code == 2 && stderr.contains("is a save file"), "{stderr}");
}

#[test]
fn no_key_of_the_log_is_in_a_seed() {
    let folder = tempdir().unwrap();
    for layout in ["targets", "sealed", "c-toxcore"] {
        let out = folder.path().join(layout);
        assert_eq!(corpus(&["talk"], &out, &["--layout", layout]).0, 0);
    }
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
