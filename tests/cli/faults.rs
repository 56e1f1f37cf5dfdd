//! What goes wrong outside: files, arguments, pipes, disks.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::tempdir;

use super::world::From;
use super::{outcome, run, talk, text, toxscope};

/// Commands that read a capture.
const READERS: [&[&str]; 5] = [
    &["dissect"],
    &["dissect", "-a", "--format", "jsonl"],
    &["dissect", "--format", "detail"],
    &["stats"],
    &["stats", "--format", "json"],
];

/// Asserts that reading `path` fails with exit code 2 and one line on standard error that says so.
#[track_caller]
fn refused(path: &OsStr, says: &str) {
    for reader in READERS {
        let mut args: Vec<&OsStr> = reader.iter().map(OsStr::new).collect();
        args.push(path);
        let (code, stdout, stderr) = run(&args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.starts_with("toxscope: ") && stderr.contains(says), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn what_is_no_capture_is_refused_with_a_reason() {
    let folder = tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    refused(at("empty", b"").as_os_str(), "not a capture");
    refused(at("text", b"hello, world\n").as_os_str(), "not a capture");
    refused(folder.path().as_os_str(), "is a directory");
    refused(folder.path().join("none").as_os_str(), "No such file");
}

#[test]
fn a_file_name_cannot_forge_a_message() {
    let name = OsStr::from_bytes(b"no\x1b[31m\n\xff\xe2\x80\xaefile");
    refused(name, r"cannot open no\x1b[31m\n\xff\u{202e}file");
}

#[test]
fn arguments_cannot_forge_a_message() {
    for arg in [&b"--\x1b]0;x\x07\n"[..], b"--color=\xe2\x80\xae", b"--time=\xff"] {
        let args = [OsStr::new("dissect"), OsStr::new("x"), OsStr::from_bytes(arg)];
        let (code, stdout, stderr) = run(&args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(!stderr.chars().any(|c| c != '\n' && toxscope::report::hides(c)), "{stderr:?}");
    }
    assert_eq!(run::<&str>(&[]).0, 2);
    assert_eq!(run(&["disect"]).0, 2);
}

#[test]
fn a_capture_cut_short_is_shown_as_far_as_it_goes() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    let (code, stdout, stderr) = run(&["dissect", "-q", text(&path)]);
    assert_eq!((code, stdout.lines().count()), (2, 9));
    assert!(stderr.contains("world.pcapng: cut short at byte "), "{stderr}");
    assert!(stderr.contains("after frame 14"), "{stderr}");
    let (code, stdout, _) = run(&["stats", "-q", "--format", "json", text(&path)]);
    assert_eq!(code, 2);
    let stats: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(stats["frames"], 14);
}

#[test]
fn garbage_after_a_packed_capture_is_called_so_and_all_before_it_is_shown() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let whole = run(&["dissect", "-q", text(&path)]).1;
    let packed = folder.path().join("world.pcapng.gz");
    for (rest, code, says) in
        [(&b"\0\0\0"[..], 0, ""), (b"x", 2, "something that is not gzip follows the packed data")]
    {
        let mut file = GzEncoder::new(Vec::new(), Compression::fast());
        file.write_all(&fs::read(&path).unwrap()).unwrap();
        fs::write(&packed, [&*file.finish().unwrap(), rest].concat()).unwrap();
        let (got, stdout, stderr) = run(&["dissect", "-q", text(&packed)]);
        assert_eq!((got, &stdout), (code, &whole), "{stderr}");
        assert!(stderr.contains(says) && !stderr.contains("cut short"), "{stderr}");
        assert_eq!(stderr.is_empty(), says.is_empty(), "{stderr}");
    }
}

#[test]
fn every_truncation_says_so_and_loses_nothing_before_it() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let bytes = fs::read(&path).unwrap();
    let whole = run(&["dissect", "-q", "-a", text(&path)]).1;
    // Every byte of the last frames; the reader's own tests try the rest.
    for length in (0..bytes.len()).rev().step_by(7) {
        fs::write(&path, &bytes[..length]).unwrap();
        let (code, stdout, stderr) = run(&["dissect", "-q", "-a", text(&path)]);
        assert!(whole.starts_with(&stdout), "{length}");
        assert_eq!(code == 0, stderr.is_empty(), "{length}: {stderr}");
        assert!(code == 0 || code == 2);
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut world = talk();
    for _ in 0..20_000 {
        world.datagram(From::Ann, &[0x21; 33]);
    }
    let folder = tempdir().unwrap();
    let path = world.write(folder.path());
    for format in ["list", "detail", "hex", "jsonl"] {
        let mut child = toxscope(&["dissect", "-a", text(&path), "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{format}");
        assert_eq!(stderr, "", "{format}");
        assert!(line.ends_with('\n'));
    }
}

/// What a shell makes of a script in which `$0` is the program and `$1` a capture; its exit code is that
/// of the first program of a pipe.
fn shell(script: &str, path: &std::path::Path) -> (i32, String, String) {
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &format!("{script}; exit ${{PIPESTATUS[0]}}")]);
    command.args([env!("CARGO_BIN_EXE_toxscope"), text(path)]);
    outcome(&command.output().unwrap())
}

/// A capture that is cut short, with its keys beside it.
fn cut_capture(folder: &std::path::Path) -> std::path::PathBuf {
    let path = talk().write(folder);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    path
}

/// The whole output fits into the pipe, so that no write ever fails.
#[test]
fn head_gets_its_line_and_nothing_is_said_beside_it() {
    let folders = [tempdir().unwrap(), tempdir().unwrap()];
    // A reader that has seen enough never learns that the capture is cut, as if it were longer.
    for path in [talk().write(folders[0].path()), cut_capture(folders[1].path())] {
        for _ in 0..20 {
            let (code, stdout, stderr) = shell("\"$0\" dissect \"$1\" | head -1", &path);
            assert_eq!((code, stderr.as_str(), stdout.lines().count()), (0, "", 1));
        }
        // All of it is one line: what is to be said would come after the reader has gone.
        let one = "\"$0\" dissect \"$1\" -Y 'kind == rejoin' | head -1";
        for _ in 0..20 {
            let (code, stdout, stderr) = shell(one, &path);
            assert_eq!((code, stderr.as_str(), stdout.lines().count()), (0, "", 1));
        }
        for slow in ["(sleep 0.2; head -1)", "(read line; sleep 0.2)", "true"] {
            let (code, _, stderr) = shell(&format!("\"$0\" dissect \"$1\" | {slow}"), &path);
            assert_eq!((code, stderr.as_str()), (0, ""), "{slow}");
        }
    }
}

#[test]
fn a_reader_who_takes_everything_is_told_however_slow_it_is() {
    let folders = [tempdir().unwrap(), tempdir().unwrap()];
    let whole = talk().write(folders[0].path());
    let cut = cut_capture(folders[1].path());
    let lines = run(&["dissect", "-q", text(&whole)]).1;
    for reader in ["cat", "(sleep 0.8; cat)", "(read line; echo \"$line\"; sleep 0.8; cat)"] {
        for (path, expected, says) in [(&whole, 0, "keys from"), (&cut, 2, "cut short")] {
            let script = format!("\"$0\" dissect \"$1\" | {reader}");
            let (code, stdout, stderr) = shell(&script, path);
            assert_eq!((code, stdout.trim()), (expected, lines.trim()), "{reader}");
            assert!(stderr.contains("keys from") && stderr.contains(says), "{reader}: {stderr}");
        }
    }
    // Somebody who waits for the end before reading is told in the end.
    let mut command = toxscope(&["dissect", text(&cut)]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let (_, stdout, stderr) = outcome(&child.wait_with_output().unwrap());
    assert_eq!(stdout, lines);
    assert!(stderr.contains("cut short"), "{stderr}");
}

/// Rust's runtime puts `/dev/null` in the place of closed streams.
#[test]
fn a_closed_standard_output_is_an_error_and_dev_null_is_none() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    for command in
        ["dissect \"$1\"", "dissect -a --format jsonl \"$1\"", "stats \"$1\"", "fields", "--help"]
    {
        let (code, _, stderr) = shell(&format!("\"$0\" {command} >&-"), &path);
        assert_eq!(code, 2, "{command}");
        let message = "toxscope: cannot write to standard output after 0 bytes: it is closed\n";
        assert_eq!(stderr, message, "{command}");
        let (code, _, stderr) = shell(&format!("\"$0\" {command} 1<\"$1\""), &path);
        assert_eq!(code, 2, "{command}");
        assert!(stderr.contains("Bad file descriptor"), "{stderr}");
        for null in [">/dev/null", "1<>/dev/null"] {
            assert_eq!(shell(&format!("\"$0\" {command} {null}"), &path).0, 0, "{command} {null}");
        }
    }
    // Without anything to write, there is nothing to lose.
    let script = "\"$0\" dissect -q -Y 'kind == ping' \"$1\" >&-";
    assert_eq!(shell(script, &path), (0, String::new(), String::new()));
}

/// Threat 13: keys are in the memory of the process.
#[cfg(target_os = "linux")]
#[test]
fn no_core_dump_is_written() {
    use std::os::unix::process::ExitStatusExt;

    let folder = tempdir().unwrap();
    let mut command = std::process::Command::new("sh");
    let script = "ulimit -c unlimited; exec \"$0\" dissect -a --format jsonl \"$1\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_toxscope")]).current_dir(folder.path());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/audio.pcapng"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It has read its keys when it writes its first line, and then waits with more than the pipe can take.
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");
    let kill = std::process::Command::new("kill").args(["-ABRT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

#[test]
fn a_full_disk_is_an_error_with_the_byte_count() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    for args in [
        &["dissect", text(&path)][..],
        &["dissect", text(&path), "--format", "jsonl"],
        &["stats", text(&path)],
        &["fields"],
        &["decode", "6400"],
        &["--help"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let (code, _, stderr) = outcome(&toxscope(args).stdout(full).output().unwrap());
        assert_eq!(code, 2, "{args:?}");
        assert!(stderr.contains("cannot write to standard output after 0 bytes"), "{stderr}");
    }
}

#[test]
fn two_runs_print_the_same_whatever_the_environment() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    for reader in READERS {
        let plain = run(&[reader, &[text(&path)]].concat());
        for (name, value) in [
            ("TZ", "Asia/Tokyo"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("COLUMNS", "20"),
            ("TERM", "xterm-256color"),
            ("CLICOLOR_FORCE", "1"),
            ("RUST_BACKTRACE", "1"),
        ] {
            let mut command = toxscope(&[reader, &[text(&path)]].concat());
            assert_eq!(outcome(&command.env(name, value).output().unwrap()), plain, "{name}");
        }
    }
}

#[test]
fn key_logs_must_be_regular_files() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    for (keys, says) in [
        (text(folder.path()), "is a directory"),
        ("/dev/zero", "is not a regular file"),
        ("/nonexistent", "No such file"),
    ] {
        let (code, _, stderr) = run(&["dissect", text(&path), "-k", keys]);
        assert_eq!(code, 2);
        assert!(stderr.contains(says), "{stderr}");
    }
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (code, _, stderr) = run(&["dissect", text(&path), "-k", text(&fifo)]);
    assert_eq!(code, 2);
    assert!(stderr.contains("is not a regular file"), "{stderr}");

    let (code, _, stderr) = run(&["dissect", text(&path), "-k", text(&path)]);
    assert_eq!(code, 0);
    assert!(stderr.contains("holds nothing that this program understands"), "{stderr}");

    let (code, _, stderr) = run(&["dissect", "-", "-k", "-"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot be both"), "{stderr}");
}
