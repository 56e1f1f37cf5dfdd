//! Disks, pipes and signals that fail `toxscope live -w`, and keys that must not show. Takes root.

mod helpers;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use helpers::{Namespace, built};
use tempfile::TempDir;

/// A namespace in which a sample is sent over loopback, and the program.
struct Bench {
    folder: TempDir,
    toxscope: PathBuf,
    inside: Namespace,
    flood: Child,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.flood.kill();
        let _ = self.flood.wait();
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)
}

impl Bench {
    fn new(name: &'static str) -> Self {
        let toxscope = built("toxscope", "toxscope");
        let example = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "toxscope", "--example", "flood"])
            .status();
        assert!(example.expect("cargo runs").success());
        let folder = TempDir::new().expect("a folder");
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.path(), open).expect("ours");
        let inside = Namespace::new(name);
        let flood = toxscope.with_file_name("examples").join("flood");
        let flood = inside
            .command(&flood)
            .arg(sample("talk.pcapng"))
            .args(["--rate", "4000", "--seconds", "300"])
            .stdout(Stdio::null())
            .spawn()
            .expect("it runs");
        Self { folder, toxscope, inside, flood }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn live(&self, to: &Path) -> Command {
        let mut command = self.inside.command(&self.toxscope);
        command.args(["live", "-i", "lo", "--duration", "20", "-w"]).arg(to);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Frames of a file that can be read to its end.
    fn frames(&self, file: &Path) -> u64 {
        let output = Command::new(&self.toxscope)
            .args(["stats", "--format", "json"])
            .arg(file)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", file.display());
        let stats: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        stats.get("frames").and_then(serde_json::Value::as_u64).expect("a number")
    }
}

fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_was_written_before_the_disk_is_full_can_be_read() {
    let bench = Bench::new("toxscope-full");
    let disk = bench.at("disk");
    fs::create_dir(&disk).expect("ours");
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(&disk).status();
    let done = mount(&["-t", "tmpfs", "-o", "size=200k,mode=777", "tmpfs"]);
    assert!(done.expect("mount runs").success(), "mounting takes root");
    let file = disk.join("full.pcapng");
    let output = bench.live(&file).output();
    let (code, said) = ended(&output.expect("it runs"));
    let frames = bench.frames(&file);
    let size = fs::metadata(&file).expect("it is there").len();
    assert!(Command::new("umount").arg(&disk).status().expect("it runs").success());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("after {size} bytes: ")), "{said} {size}");
    assert!(frames > 100 && size > 100_000, "{frames} {size}");
}

#[test]
fn what_was_written_before_a_size_limit_can_be_read() {
    let bench = Bench::new("toxscope-limit");
    let file = bench.at("limited.pcapng");
    let script = "ulimit -f 100; exec \"$0\" live -i lo --duration 20 -w \"$1\"";
    let mut command = bench.inside.command(Path::new("bash"));
    command.args(["-c", script]).arg(&bench.toxscope).arg(&file).stdout(Stdio::null());
    let (code, said) = ended(&command.stderr(Stdio::piped()).output().expect("it runs"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot write") && said.contains("too large"), "{said}");
    assert!(bench.frames(&file) > 50);
}

#[test]
fn a_device_is_not_replaced_and_a_full_one_for_lines_is_said() {
    let bench = Bench::new("toxscope-dev");
    let (code, said) =
        ended(&bench.live(Path::new("/dev/full")).arg("--force").output().expect("it runs"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("not a regular file") && Path::new("/dev/full").exists(), "{said}");
    let file = bench.at("kept.pcapng");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let mut live = bench.live(&file);
    live.args(["-a", "-k"]).arg(sample("talk.keys")).stdout(full);
    let (code, said) = ended(&live.output().expect("it runs"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot write to standard output"), "{said}");
    bench.frames(&file);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_with_its_file_whole() {
    let bench = Bench::new("toxscope-head");
    let file = bench.at("head.pcapng");
    let mut live = bench.live(&file).arg("-a").stdout(Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    BufReader::new(live.stdout.take().expect("piped")).read_line(&mut line).expect("UTF-8");
    let (code, said) = ended(&live.wait_with_output().expect("it ends"));
    assert_eq!(code, Some(0), "{said}");
    assert!(line.ends_with('\n') && bench.frames(&file) > 0, "{said}");
}

#[test]
fn signals_at_any_moment_leave_files_that_can_be_read() {
    let bench = Bench::new("toxscope-signals");
    let mut most = 0;
    for round in 0..24_u64 {
        let file = bench.at(&format!("{round}.pcapng"));
        let mut live = bench.live(&file).spawn().expect("it runs");
        let mut stderr = BufReader::new(live.stderr.take().expect("piped"));
        let mut said = String::new();
        while !said.contains("capturing on") {
            assert!(stderr.read_line(&mut said).expect("UTF-8") > 0, "it ended: {said}");
        }
        // Moments that have nothing to do with each other.
        thread::sleep(Duration::from_millis(round * round * 7919 % 400));
        let signal = ["INT", "TERM", "HUP", "KILL"][(round % 4) as usize];
        let (signal_flag, process) = (format!("-{signal}"), live.id().to_string());
        let killed = Command::new("kill").args([signal_flag, process]).status();
        assert!(killed.expect("it runs").success());
        stderr.read_to_string(&mut said).expect("UTF-8");
        let status = live.wait().expect("it ends");
        if signal == "KILL" {
            if fs::metadata(&file).is_ok_and(|found| found.len() == 0) {
                continue;
            }
        } else {
            assert_eq!(status.code(), Some(0), "{signal}: {said}");
            assert!(said.contains("0 dropped for want of room"), "{said}");
        }
        most = most.max(bench.frames(&file));
    }
    assert!(most > 500, "{most}");
}
