//! Small faults planted into the source, each of which the tests have to find.
//!
//! `cargo test --test planted` checks that each still fits its place. With `-- --ignored --nocapture` each is planted
//! into a copy of the project, and the library's tests of the rooms named have to fail within two minutes, corpora of the
//! fuzz targets among them; building not counted. `TOXSCOPE_PLANTED` chooses faults by a part of what they are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// Something that a person might do wrong.
struct Fault {
    what: &'static str,
    file: &'static str,
    old: &'static str,
    new: &'static str,
    /// Which tests are run: a part of their names.
    tests: &'static str,
}

/// Within which each has to be found.
const PATIENCE: Duration = Duration::from_secs(120);

const FAULTS: &[Fault] = &[
    Fault {
        what: "an Online packet may have surplus bytes",
        file: "src/wire/online.rs",
        old: "        let (i, ()) = field(\"online.trailing\", end).parse(i)?;\n",
        new: "        let _ = field(\"online.trailing\", end);\n",
        tests: "wire::",
    },
    Fault {
        what: "a New Peer is written with its two keys swapped",
        file: "src/wire/message/new_peer.rs",
        old: "self.real_key.emit(out);\n        self.dht_key.emit(out);",
        new: "self.dht_key.emit(out);\n        self.real_key.emit(out);",
        tests: "wire::",
    },
    Fault {
        what: "a name of 128 bytes is too long in a list",
        file: "src/wire/direct/response.rs",
        old: "if length > MAX_NAME_SIZE {",
        new: "if length >= MAX_NAME_SIZE {",
        tests: "wire::",
    },
    Fault {
        what: "only seven message numbers are remembered",
        file: "src/conference/duplicates.rs",
        old: "const MOST: usize = 8;",
        new: "const MOST: usize = 7;",
        tests: "conference::",
    },
    Fault {
        what: "the farthest number that is newer counts as older",
        file: "src/conference/duplicates.rs",
        old: "wrapping_sub(1) <= 1 << 31",
        new: "wrapping_sub(1) < 1 << 31",
        tests: "conference::",
    },
    Fault {
        what: "an older name overrides a newer one",
        file: "src/conference/duplicates.rs",
        old: "if ordered && kept_id == id {",
        new: "if ordered && kept_id != id {",
        tests: "conference::",
    },
    Fault {
        what: "the lossy window is one longer at its old end",
        file: "src/conference/lossy.rs",
        old: "let bottom = top.wrapping_sub(WINDOW - 1);",
        new: "let bottom = top.wrapping_sub(WINDOW);",
        tests: "conference::",
    },
    Fault {
        what: "lossy numbers are new up to one less",
        file: "src/conference/lossy.rs",
        old: "if from_bottom > NEW_UP_TO {",
        new: "if from_bottom >= NEW_UP_TO {",
        tests: "conference::",
    },
    Fault {
        what: "nobody says its name after a thaw",
        file: "src/conference/activity.rs",
        old: "        self.name_scheduled = true;\n        self.next_time_out",
        new: "        self.next_time_out",
        tests: "conference::",
    },
    Fault {
        what: "a frozen peer that talks is not thawed",
        file: "src/conference/activity.rs",
        old: "Place::Frozen(_) => self.thaw(cx, place),",
        new: "Place::Frozen(_) => place,",
        tests: "conference::",
    },
    Fault {
        what: "a peer freezes a second late",
        file: "src/conference/activity.rs",
        old: "peer.last_active.saturating_add(FREEZE_TIMEOUT) <= cx.now",
        new: "peer.last_active.saturating_add(FREEZE_TIMEOUT) < cx.now",
        tests: "conference::",
    },
    Fault {
        what: "the frozen peer that was active last is evicted",
        file: "src/conference/frozen.rs",
        old: "(Reverse(friend), Reverse(peer.last_active))",
        new: "(Reverse(friend), Reverse(u64::MAX - peer.last_active))",
        tests: "conference::",
    },
    Fault {
        what: "one neighbour gets no relayed messages",
        file: "src/conference/relay.rs",
        old: "for slot in self.slots.online() {",
        new: "for slot in self.slots.online().skip(1) {",
        tests: "conference::",
    },
    Fault {
        what: "a relayed message goes back to whom it came from",
        file: "src/conference/relay.rs",
        old: "RelayBack::ToAuthor => from == author,",
        new: "RelayBack::ToAuthor => from != author,",
        tests: "conference::",
    },
    Fault {
        what: "three of the closest are looked for on one side",
        file: "src/conference/closest.rs",
        old: "0 | 1 => prefix.distance(own, key),",
        new: "0..=2 => prefix.distance(own, key),",
        tests: "conference::",
    },
    Fault {
        what: "a Rejoin is not answered with Online",
        file: "src/conference/rejoin.rs",
        old: "        self.send_online(cx, slot);\n        Ok(())",
        new: "        let _ = slot;\n        Ok(())",
        tests: "conference::",
    },
    Fault {
        what: "a Rejoin goes to those who are not frozen",
        file: "src/conference/rejoin.rs",
        old: "frozen && self.send_rejoin(cx, friend)",
        new: "!frozen && self.send_rejoin(cx, friend)",
        tests: "conference::",
    },
    Fault {
        what: "a Title Response overrides a fresh title",
        file: "src/conference/titles.rs",
        old: "if self.title_fresh && !cx.profile.title_response_always {",
        new: "if self.title_fresh && cx.profile.title_response_always {",
        tests: "conference::",
    },
    Fault {
        what: "a Peer Response is one byte longer than a packet holds",
        file: "src/conference/queries.rs",
        old: "if entries.len() + entry.size() > MAX_ENTRIES {",
        new: "if entries.len() + entry.size() > MAX_ENTRIES + 1 {",
        tests: "conference::",
    },
    Fault {
        what: "the first neighbour that is online is not asked for the list",
        file: "src/conference/online.rs",
        old: "if introducer || !self.slots.any_online() {",
        new: "if introducer {",
        tests: "conference::",
    },
    Fault {
        what: "message number 0 is used after the wrap",
        file: "src/conference/messages.rs",
        old: "            0 => 1,\n",
        new: "            0 => 0,\n",
        tests: "conference::",
    },
    Fault {
        what: "anybody can remove anybody",
        file: "src/conference/messages.rs",
        old: "        if author != named {\n            return Err(DropReason::NotAboutAuthor);\n        }\n",
        new: "        let _ = author;\n",
        tests: "conference::",
    },
    Fault {
        what: "a saved message number is read in the wrong byte order",
        file: "src/conference/section.rs",
        old: "u32::from_le_bytes(self.array(\"message_number\")?)",
        new: "u32::from_be_bytes(self.array(\"message_number\")?)",
        tests: "conference::",
    },
    Fault {
        what: "half the gaps of nonces are looked for on the wrong side",
        file: "src/crypto/nonce.rs",
        old: "if ahead <= 1 << 15 {",
        new: "if ahead <= 1 << 14 {",
        tests: "crypto::",
    },
    Fault {
        what: "acknowledgements count as old after the wrap",
        file: "src/crypto/order.rs",
        old: "&& ack.wrapping_sub(next) <= u32::MAX / 2\n",
        new: "&& ack >= next\n",
        tests: "crypto::",
    },
    Fault {
        what: "fragments beyond 32 KiB land at the front",
        file: "src/capture/net/ip.rs",
        old: "usize::from(flags & 0x1fff) * 8",
        new: "usize::from(flags & 0x0fff) * 8",
        tests: "capture::",
    },
    Fault {
        what: "an authentication header counts four bytes less",
        file: "src/capture/net/ip.rs",
        old: "(51, length) => (length + 2) * 4,",
        new: "(51, length) => (length + 1) * 4,",
        tests: "capture::",
    },
    Fault {
        what: "lint takes a member for frozen that was heard ten seconds ago",
        file: "src/lint/rules/accept_number.rs",
        old: "ago > 65 * SECOND",
        new: "ago > 10 * SECOND",
        tests: "lint::",
    },
];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn each_fault_fits_its_place_once() {
    for fault in FAULTS {
        let source = fs::read_to_string(project().join(fault.file)).expect(fault.file);
        assert_eq!(source.matches(fault.old).count(), 1, "{}: {}", fault.file, fault.what);
        assert_ne!(fault.old, fault.new, "{}", fault.what);
    }
}

/// Copies what is under version control of this folder, and nothing that was built.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder to write to");
    for entry in fs::read_dir(from).expect("a readable folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "target" || entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file to write");
        }
    }
}

/// The library's tests, built in the copy.
fn build(copy: &Path) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args([
            "test",
            "--offline",
            "--package",
            "toxscope",
            "--lib",
            "--no-run",
            "--message-format=json",
        ])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .stderr(Stdio::null())
        .output()
        .expect("cargo runs");
    let lines = String::from_utf8_lossy(&built.stdout).into_owned();
    let binary = lines.lines().find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        Some(PathBuf::from(rest.split('"').next()?))
    });
    binary.filter(|_| built.status.success()).expect("the copy builds")
}

/// The test that failed first, if one did in time.
fn failing(binary: &Path, copy: &Path, tests: &str) -> Option<String> {
    let log = copy.join("planted.log");
    let mut run = Command::new(binary)
        .args([tests, "fuzzing::"])
        .current_dir(copy)
        .stdout(fs::File::create(&log).expect("a log"))
        .stderr(Stdio::null())
        .spawn()
        .expect("tests run");
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && run.try_wait().expect("it runs").is_none() {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if said.contains("... FAILED") {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    let _ = run.kill();
    let _ = run.wait();
    let said = fs::read_to_string(&log).unwrap_or_default();
    let failed = said.lines().find(|line| line.ends_with("... FAILED"))?;
    Some(failed.trim_start_matches("test ").trim_end_matches(" ... FAILED").to_owned())
}

#[test]
#[ignore = "builds the library once for each fault: half an hour"]
fn each_fault_is_found_within_two_minutes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
    copy(project(), &folder);
    let mut missed = Vec::new();
    let wanted = env::var("TOXSCOPE_PLANTED").unwrap_or_default();
    let chosen: Vec<_> = FAULTS.iter().filter(|fault| fault.what.contains(&wanted)).collect();
    assert!(!chosen.is_empty(), "no fault is called {wanted:?}");
    for fault in chosen {
        let file = folder.join(fault.file);
        let source = fs::read_to_string(project().join(fault.file)).expect(fault.file);
        fs::write(&file, source.replace(fault.old, fault.new)).expect("a file to write");
        let binary = build(&folder);
        let begun = Instant::now();
        let found = failing(&binary, &folder, fault.tests);
        println!(
            "| {} | {} | {:.1} s |",
            fault.what,
            found.as_deref().unwrap_or("**missed**"),
            begun.elapsed().as_secs_f64()
        );
        if found.is_none() {
            missed.push(fault.what);
        }
        fs::write(&file, source).expect("a file to write");
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
