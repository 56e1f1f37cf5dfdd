//! `toxscope live` beside real libtoxcore peers, on the loopback interface of a namespace of its own.
//!
//! Takes root, since it captures and since it looks at what is left of root afterwards.

#![expect(clippy::indexing_slicing, reason = "helpers of tests fail like tests")]

mod helpers;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use helpers::{Namespace, built, printed, program};
use tempfile::TempDir;

/// Lines of standard error until one says that the capture has begun.
fn begun(child: &mut Child) -> (BufReader<std::process::ChildStderr>, String) {
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("capturing on") {
        assert!(stderr.read_line(&mut said).expect("it says UTF-8") > 0, "it ended: {said}");
    }
    (stderr, said)
}

fn interrupt(child: &Child) {
    let done = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(done.expect("kill runs").success());
}

/// Fields of the status of each thread.
fn statuses(pid: u32) -> Vec<BTreeMap<String, String>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let status = |folder: PathBuf| {
        let text = fs::read_to_string(folder.join("status")).expect("it runs");
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    };
    threads.map(|entry| status(entry.expect("an entry").path())).collect()
}

#[test]
fn what_live_prints_is_what_dissect_finds_in_its_file_and_nothing_is_left_of_root() {
    live_beside("talk", "toxscope-live");
}

#[test]
fn what_goes_through_a_relay_is_printed_live_as_dissect_finds_it() {
    live_beside("tcp", "toxscope-live-tcp");
}

/// Captures while a story is played.
fn live_beside(story: &str, namespace: &'static str) {
    let (toxscope, logger) =
        (built("toxscope", "toxscope"), built("toxscope-keylog", "libtoxscope_keylog.so"));
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("ours");
    // The log is the root's own, so that it has to be there when root's rights are given up.
    fs::write(at("keys"), "").expect("ours");
    fs::set_permissions(at("keys"), fs::Permissions::from_mode(0o600)).expect("ours");

    let inside = Namespace::new(namespace);
    let mut live = inside
        .command(&toxscope)
        .args(["live", "-i", "lo", "--format", "jsonl", "-k"])
        .arg(at("keys"))
        .arg("-w")
        .arg(at("live.pcapng"))
        .stdout(fs::File::create(at("live.jsonl")).expect("ours"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let (mut stderr, mut said) = begun(&mut live);

    for status in statuses(live.id()) {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status[set], "0000000000000000", "{set}");
        }
        assert_eq!((status["NoNewPrivs"].as_str(), status["Groups"].as_str()), ("1", ""));
        for ids in ["Uid", "Gid"] {
            assert!(status[ids].split_whitespace().all(|id| id != "0"), "{ids} {}", status[ids]);
        }
    }
    let cmdline = fs::read(format!("/proc/{}/cmdline", live.id())).expect("it runs");

    let played = inside
        .command(Path::new(program()))
        .args(["play", story, "--here", "--everything", "--out"])
        .arg(folder.path())
        .env("LD_PRELOAD", &logger)
        .env("TOX_LOG_KEYS", at("keys"))
        .status();
    assert!(played.expect("it runs").success(), "the story did not come to its end");
    thread::sleep(Duration::from_millis(500));
    interrupt(&live);
    stderr.read_to_string(&mut said).expect("it says UTF-8");
    assert!(live.wait().expect("it ends").success(), "{said}");
    assert!(said.contains("; 0 dropped for want of room, 0 by the interface"), "{said}");

    let dissected = dissect(&toxscope, &at("live.pcapng"), &at("keys"));
    let printed = fs::read_to_string(at("live.jsonl")).expect("UTF-8");
    assert!(printed.lines().count() > 50, "{said}");
    assert!(printed == dissected, "live and dissect differ: {}", difference(&printed, &dissected));
    // Another witness: the recorder of the story itself, which ends a little earlier.
    let recorded = told(&dissect(&toxscope, &at(&format!("{story}.pcapng")), &at("keys")));
    let printed_told = told(&printed);
    assert!(recorded.len() > 50 && printed_told.starts_with(&recorded), "the recorder saw others");

    canaries(
        &at("keys"),
        &[
            ("standard output", printed.into_bytes()),
            ("standard error", said.into_bytes()),
            ("the file", fs::read(at("live.pcapng")).expect("it is there")),
            ("the command line", cmdline),
        ],
    );
}

fn dissect(toxscope: &Path, capture: &Path, keys: &Path) -> String {
    let mut command = Command::new(toxscope);
    printed(command.args(["dissect", "--format", "jsonl", "-k"]).args([keys, capture]))
}

/// What each object tells that does not depend on where and when the capture began.
fn told(objects: &str) -> Vec<[String; 5]> {
    let objects = objects.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let told = |object: serde_json::Value| {
        ["kind", "src", "dst", "number", "bytes"].map(|field| object[field].to_string())
    };
    objects.map(told).collect()
}

/// The first line that differs.
fn difference(one: &str, other: &str) -> String {
    let pair = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    let (one_lines, other_lines) = (one.lines().count(), other.lines().count());
    format!("{one_lines} and {other_lines} lines, {pair:?}")
}

/// No secret of the key log is in any output: raw, as digits, or as base64.
fn canaries(keys: &Path, outputs: &[(&str, Vec<u8>)]) {
    let log = fs::read_to_string(keys).expect("UTF-8");
    let mut count = 0;
    for line in log.lines().filter(|line| line.starts_with("SHARED ")) {
        let digits = line.split(' ').next_back().expect("a key");
        let raw: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"))
            .collect();
        let base64 = base64(&raw);
        for (name, output) in outputs {
            let lower = output.to_ascii_lowercase();
            for (form, bytes, output) in [
                ("raw", raw.as_slice(), output),
                ("hex", digits.as_bytes(), &lower),
                ("base64", base64.as_bytes(), output),
            ] {
                let found = output.windows(bytes.len()).any(|window| window == bytes);
                assert!(!found, "a key is in {name}, {form}");
            }
        }
        count += 1;
        if count == 40 {
            break;
        }
    }
    assert!(count > 5, "the key logger wrote next to nothing");
}

/// The beginning of the base64 form, without its end, which depends on what follows.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(LETTERS[(bits >> shift & 63) as usize]));
        }
    }
    text
}
