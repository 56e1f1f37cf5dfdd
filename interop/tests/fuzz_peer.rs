//! `toxscope fuzz-peer` against libtoxcore, on loopback.

#![expect(clippy::indexing_slicing, reason = "a field that is not there is null")]

mod helpers;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use helpers::{built, printed, program};
use serde_json::Value;
use tempfile::TempDir;

/// A client that lets anybody into its conferences, and ends with its value.
struct Target {
    child: Child,
    told: Value,
}

impl Target {
    fn start() -> Self {
        let port =
            UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("ours").port();
        let mut child = Command::new(program())
            .args(["target", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("it talks");
        Self { child, told: serde_json::from_str(&line).expect("JSON") }
    }

    fn told(&self, what: &str) -> &str {
        self.told[what].as_str().expect("it is told")
    }

    fn signal(&self, signal: &str) {
        let process = self.child.id().to_string();
        let done = Command::new("kill").args([signal, &process]).status();
        assert!(done.expect("it runs").success());
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `toxscope fuzz-peer` with what it is going to leave behind.
struct Bench {
    toxscope: PathBuf,
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        built("toxscope-keylog", "libtoxscope_keylog.so");
        built("toxscope-fuzz-peer", "toxscope-peer");
        Self { toxscope: built("toxscope", "toxscope"), folder: TempDir::new().expect("a folder") }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn command(&self, target: &Target, more: &[&str]) -> Command {
        let mut command = Command::new(&self.toxscope);
        command.args(["fuzz-peer", "--pace", "100", "-o"]).arg(self.out());
        command.args(["--bootstrap", target.told("bootstrap")]);
        command.args(["--friend", target.told("address")]).args(more);
        command
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.out().join(file)).expect("it is written");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Waits until so many packets were changed.
    fn wait_for_packets(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(120);
        let changed = || {
            let text = fs::read_to_string(self.out().join("packets.jsonl")).unwrap_or_default();
            text.lines().count()
        };
        while changed() < count {
            assert!(Instant::now() < deadline, "{} packets in two minutes", changed());
            thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn changed_packets_arrive_are_opened_and_are_in_the_journal() {
    let (target, bench) = (Target::start(), Bench::new());
    let process = target.child.id().to_string();
    let arguments =
        ["--packets", "200", "--rate", "50", "--duration", "150", "--target", &process, "--quiet"];
    let output = bench.command(&target, &arguments).output().expect("it runs");
    let (said, shown) =
        (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    // Whether libtoxcore keeps to the rules is not what is tried here: findings are no failure, but a dead
    // client is.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
    assert!(!shown.contains("has ended") && !shown.contains("is silent"), "{shown}");
    let journal = bench.lines("packets.jsonl");
    assert!(journal.len() >= 200, "{} packets: {shown}{said}", journal.len());
    let names: BTreeMap<&str, ()> =
        journal.iter().filter_map(|line| Some((line["mutation"].as_str()?, ()))).collect();
    assert!(names.len() > 5, "{names:?}");

    // What the journal says was sent is what the capture's keys open.
    let capture = bench.out().join("capture.pcapng");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&capture), 0o600);
    assert_eq!(mode(&bench.out()), 0o700);
    assert!(!bench.out().join("capture.keys").exists(), "the keys are inside");
    let columns = ["dissect", "-a", "-e", "frame", "-e", "packet"];
    let rows = printed(Command::new(&bench.toxscope).args(columns).arg(&capture));
    let opened: BTreeMap<&str, &str> =
        rows.lines().filter_map(|row| row.split_once('\t')).collect();
    let mut longer = 0;
    for line in &journal {
        let frame = line["frame"].to_string();
        let (before, after) = (&line["before_hex"], line["after_hex"].as_str().expect("text"));
        let Some(packet) = opened.get(frame.as_str()) else { panic!("frame {frame} is not there") };
        // Packets whose id was changed are none of conferences, and have no such column.
        if after.starts_with("6") && !after.starts_with("65") || after.starts_with("c7") {
            assert_eq!(*packet, after, "frame {frame}");
        }
        longer += usize::from(after.len() > before.as_str().expect("text").len());
    }
    assert!(longer > 0, "packets became longer than the client's buffer, too");
}

/// A client, and what is found of it when it gets this signal after the first conference packet.
fn found_of_a_client_that_gets(signal: &str, seed: &str) -> (Target, Value) {
    // Each run has a client of its own: one that had no other node than a peer that has gone may not find the
    // next peer for many minutes.
    let (target, bench) = (Target::start(), Bench::new());
    let process = target.child.id().to_string();
    let arguments = ["--duration", "150", "--target", &process, "--silence", "8", "--seed", seed];
    let running =
        bench.command(&target, &arguments).stdout(Stdio::piped()).spawn().expect("it runs");
    bench.wait_for_packets(1);
    target.signal(signal);
    let output = running.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let first = bench.lines("findings.jsonl").first().expect("something was found").clone();
    assert_eq!(first["seed"].to_string(), seed);
    assert!(first["command"].as_array().is_some_and(|words| words.len() > 10));
    (target, first)
}

#[test]
fn a_client_that_hangs_is_found() {
    let (_target, hung) = found_of_a_client_that_gets("-STOP", "2");
    assert_eq!(hung["finding"], "silent");
    assert_eq!(hung["address"].as_str().map(|it| it.starts_with("127.0.0.1:")), Some(true));
}

#[test]
fn a_client_that_dies_is_found() {
    let (target, dead) = found_of_a_client_that_gets("-KILL", "3");
    assert_eq!(dead["finding"], "ended");
    assert_eq!(dead["process"], target.child.id());
}
