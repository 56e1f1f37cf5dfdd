//! The logger inside programs that do what programs do (threats 18 and 19, Q-14).

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where its expectations do; helpers are part of it"
)]

mod common;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Bench, Log, Said, Sodium, built, cc, is_root, logger, mode, said, skipped};

/// The program linked with the stand-in, which every machine has.
fn host() -> std::path::PathBuf {
    Sodium::StandIn.host().unwrap()
}

/// Runs a test with the stand-in, and with libsodium where there is one.
fn with_each_sodium(test: &str, run: impl Fn(&Path)) {
    run(&host());
    match Sodium::Real.host() {
        Some(host) => run(&host),
        None => {
            skipped(test, "no shared libsodium here (Debian: libsodium23); done with a stand-in")
        }
    }
}

fn complaint(log: &Path, reason: &str) -> String {
    format!("toxscope-keylog: no keys are logged: {} {reason}\n", log.display())
}

#[test]
fn every_spelling_is_logged_and_the_program_sees_what_it_sees_without() {
    with_each_sodium("every spelling with libsodium", |host| {
        let bench = Bench::new();
        let said = bench.run(host, &["talk"]);
        assert_eq!(said.stderr, "");
        let log = bench.log();
        log.assert_no_line_twice();
        let shared = log.shared();
        for line in said.shared_lines() {
            assert!(shared.contains(&line.as_str()), "{line}");
        }
        // Five derived at first, one in both spellings, one in place (twice).
        assert_eq!(shared.len(), 7, "{shared:#?}");
        // Three runs, each sealed and opened by one key: the third one is a run too many.
        let nonces = |base: &str| log.nonces().iter().filter(|line| line.contains(base)).count();
        assert_eq!(nonces(&"20".repeat(23)), 1);
        assert_eq!(nonces(&"77".repeat(32)), 0, "not a key of beforenm");
    });
}

#[test]
fn both_ends_of_a_pair_write_the_same_key_with_their_public_keys_swapped() {
    with_each_sodium("both ends with libsodium", |host| {
        let bench = Bench::new();
        bench.run(host, &["talk"]);
        let log = bench.log();
        let pairs: Vec<Vec<&str>> =
            log.shared().iter().map(|line| line.split(' ').collect()).collect();
        let swapped = pairs
            .iter()
            .filter(|a| pairs.iter().any(|b| a[1] == b[2] && a[2] == b[1] && a[3] == b[3]));
        assert_eq!(swapped.count(), 2);
    });
}

#[test]
fn without_the_variable_nothing_happens() {
    for value in [None, Some("")] {
        let bench = Bench::new();
        let mut command = Command::new(host());
        command.arg("talk").env("LD_PRELOAD", logger()).env_remove("TOX_LOG_KEYS");
        command.current_dir(bench.dir.path());
        if let Some(value) = value {
            command.env("TOX_LOG_KEYS", value);
        }
        let logged = said(&mut command);
        assert_eq!(logged, said(Command::new(host()).arg("talk")));
        assert_eq!(bench.dir.path().read_dir().unwrap().count(), 0);
    }
}

#[test]
fn a_program_without_libsodium_leaves_no_file() {
    let bench = Bench::new();
    let logged = said(&mut bench.command(Path::new("/bin/echo"), &["hello"]));
    assert_eq!(logged, Said { stdout: "hello\n".into(), stderr: String::new() });
    assert!(!bench.log.exists());
}

#[test]
fn the_file_has_mode_0600_under_any_umask() {
    for umask in ["000", "022", "077", "777"] {
        let bench = Bench::new();
        let script = format!("umask {umask}; exec \"$0\" talk");
        let mut command = bench.command(Path::new("/bin/sh"), &["-c", &script]);
        said(command.arg(host()));
        assert_eq!(mode(&bench.log), 0o600, "umask {umask}");
        assert_eq!(bench.log().shared().len(), 7);
    }
}

#[test]
fn a_second_program_appends_without_a_second_header() {
    let bench = Bench::new();
    bench.run(&host(), &["talk"]);
    let first = bench.log().lines;
    bench.run(&host(), &["nonces"]);
    let lines = bench.log().lines;
    assert_eq!(lines[..first.len()], first);
    assert_eq!(lines.iter().filter(|line| line.starts_with('#')).count(), 1);
}

#[test]
fn an_empty_file_gets_the_header_and_a_torn_last_line_its_end() {
    let bench = Bench::new();
    let own = |text: &str| {
        std::fs::write(&bench.log, text).unwrap();
        std::fs::set_permissions(&bench.log, PermissionsExt::from_mode(0o600)).unwrap();
    };
    own("");
    bench.run(&host(), &["talk"]);
    assert_eq!(bench.log().lines[0], "# tox-keylog 1");
    own("# tox-keylog 1\n# SHARED 0123");
    bench.run(&host(), &["talk"]);
    let log = bench.log();
    assert_eq!(log.lines[1], "# SHARED 0123");
    assert!(log.lines[2].starts_with("SHARED "));
    assert_eq!(log.shared().len(), 7);
}

/// The client runs, says what it says, and one line on stderr tells why nothing is logged.
fn refused(bench: &Bench, reason: &str) {
    with_each_sodium("refusals with libsodium", |host| {
        let said = bench.run(host, &["talk"]);
        assert_eq!(said.stderr, complaint(&bench.log, reason));
    });
}

#[test]
fn a_symbolic_link_is_refused() {
    let bench = Bench::new();
    let target = bench.dir.path().join("target");
    symlink(&target, &bench.log).unwrap();
    refused(&bench, "is a symbolic link");
    assert!(!target.exists());
    std::fs::write(&target, "mine\n").unwrap();
    std::fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
    refused(&bench, "is a symbolic link");
    assert_eq!(std::fs::read(&target).unwrap(), b"mine\n");
}

#[test]
fn a_fifo_is_refused_and_blocks_nobody() {
    let bench = Bench::new();
    let path = CString::new(bench.log.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path ends with a zero byte.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    refused(&bench, "is not a regular file");
}

#[test]
fn a_directory_a_socket_and_a_device_are_refused() {
    let bench = Bench::new();
    std::fs::create_dir(&bench.log).unwrap();
    refused(&bench, "is not a regular file");
    let bench = Bench::new();
    let _socket = std::os::unix::net::UnixListener::bind(&bench.log).unwrap();
    refused(&bench, "is not a regular file");
    let bench = Bench { log: "/dev/zero".into(), ..Bench::new() };
    refused(&bench, "is not a regular file");
}

#[test]
fn a_file_that_others_may_read_or_write_is_refused() {
    for wrong in [0o640, 0o604, 0o644, 0o620, 0o602, 0o666] {
        let bench = Bench::new();
        std::fs::write(&bench.log, "").unwrap();
        std::fs::set_permissions(&bench.log, PermissionsExt::from_mode(wrong)).unwrap();
        refused(&bench, "may be read or written by others (its mode must be 0600)");
        assert_eq!((mode(&bench.log), bench.log.metadata().unwrap().len()), (wrong, 0));
    }
}

#[test]
fn a_file_of_another_owner_is_refused() {
    if !is_root() {
        return skipped("a file of another owner", "only root can make one");
    }
    let bench = Bench::new();
    std::fs::write(&bench.log, "").unwrap();
    std::fs::set_permissions(&bench.log, PermissionsExt::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(&bench.log, Some(4711), None).unwrap();
    refused(&bench, "belongs to another user");
    assert_eq!(bench.log.metadata().unwrap().len(), 0);
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    let bench = Bench::new();
    let other = bench.dir.path().join("precious");
    std::fs::write(&other, "mine\n").unwrap();
    std::fs::set_permissions(&other, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::hard_link(&other, &bench.log).unwrap();
    refused(&bench, "has a second name (hard link)");
    assert_eq!(std::fs::read(&other).unwrap(), b"mine\n");
}

#[test]
fn a_path_that_leads_nowhere_is_refused_and_reaches_stderr_only_escaped() {
    let mut bench = Bench::new();
    bench.log = bench.dir.path().join("missing/tox.keys");
    refused(&bench, "cannot be opened: no such file or directory");

    bench.log = bench.dir.path().join("missing/\u{1b}]0;x\u{7}\u{202e}");
    let said = bench.run(&host(), &["talk"]);
    let name = r"missing/\x1b]0;x\x07\xe2\x80\xae cannot be opened: no such file or directory";
    assert!(said.stderr.contains(name) && said.stderr.lines().count() == 1, "{:?}", said.stderr);

    bench.log = "/x".repeat(3000).into();
    let said = bench.run(&host(), &["talk"]);
    assert!(said.stderr.ends_with("cannot be opened: its name is too long\n"), "{}", said.stderr);
    assert!(said.stderr.len() < 800);
}

#[test]
fn eight_threads_write_a_hundred_thousand_whole_lines_each() {
    let bench = Bench::new();
    let start = Instant::now();
    let said = said(&mut bench.command(&host(), &["steps", "8", "100000"]));
    assert_eq!(said, Said { stdout: "done\n".into(), stderr: String::new() });
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    let log = bench.log();
    log.assert_no_line_twice();
    assert_eq!((log.shared().len(), log.nonces().len(), log.lines.len()), (8, 800_000, 800_009));
}

#[test]
fn eight_threads_that_derive_the_same_keys_write_each_once() {
    with_each_sodium("eight threads with libsodium", |host| {
        let bench = Bench::new();
        bench.run(host, &["same", "8", "2000"]);
        let log = bench.log();
        log.assert_no_line_twice();
        assert_eq!(log.shared().len(), 2000);
    });
}

#[test]
fn four_processes_share_a_file_and_no_line_is_torn() {
    let bench = Bench::new();
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = bench.command(&host(), &["steps", "2", "20000"]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let log = bench.log();
    assert_eq!(log.lines.iter().filter(|line| line.starts_with('#')).count(), 1);
    assert_eq!((log.shared().len(), log.nonces().len()), (8, 160_000));
}

#[test]
fn parent_and_child_go_on_logging_after_a_fork() {
    with_each_sodium("forks with libsodium", |host| {
        let bench = Bench::new();
        let said = bench.run(host, &["fork"]);
        let mut expected = said.shared_lines();
        // The child inherits what was written already.
        assert_eq!(expected.len(), 4);
        expected.dedup();
        assert_eq!(bench.log().shared(), expected);
    });
}

#[test]
fn children_of_a_busy_process_neither_hang_nor_lose_lines() {
    let bench = Bench::new();
    let start = Instant::now();
    let said = said(&mut bench.command(&host(), &["fork-storm", "100"]));
    assert_eq!(said.stdout, "good 100\n");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    let log = bench.log();
    let mut ours: Vec<_> = log.shared().iter().map(|line| &line[7..71]).collect();
    ours.sort_unstable();
    let of_children = ours.chunk_by(|a, b| a == b).filter(|chunk| chunk.len() == 100).count();
    assert_eq!(of_children, 1, "one line of each child");
}

#[test]
fn closed_descriptors_are_opened_again() {
    with_each_sodium("closed descriptors with libsodium", |host| {
        let bench = Bench::new();
        let said = bench.run(host, &["closed"]);
        assert_eq!(bench.log().shared(), said.shared_lines());
        assert_eq!(said.stderr, "");
    });
}

#[test]
fn a_descriptor_that_the_program_uses_again_is_never_written_into() {
    let bench = Bench::new();
    let victim = bench.dir.path().join("victim");
    let said = bench.run(&host(), &["reused", victim.to_str().unwrap()]);
    assert_eq!(said.values("victim has"), ["0 bytes"]);
    assert_eq!(bench.log().shared(), said.shared_lines());
}

#[test]
fn only_the_same_file_is_opened_again() {
    // While all descriptors are closed, something else takes the place of the log.
    for (how, reason) in
        [(Some("link"), "is a symbolic link"), (None, "has been replaced by another file")]
    {
        let bench = Bench::new();
        let precious = bench.dir.path().join("precious");
        std::fs::write(&precious, "mine\n").unwrap();
        std::fs::set_permissions(&precious, PermissionsExt::from_mode(0o600)).unwrap();
        let log = bench.log.to_str().unwrap();
        let mut command = bench.command(&host(), &["swapped", log, precious.to_str().unwrap()]);
        let said = said(command.args(how));
        assert_eq!(said.stderr, complaint(&bench.log, reason));
        assert_eq!(std::fs::read(&bench.log).unwrap(), b"mine\n");
    }
}

#[test]
fn logging_goes_on_after_a_change_of_the_root_directory() {
    let bench = Bench::new();
    let jail = bench.dir.path().join("jail");
    std::fs::create_dir(&jail).unwrap();
    let said = bench.run(&host(), &["chroot", jail.to_str().unwrap()]);
    if said.stdout.contains("chroot is not permitted") {
        return skipped("change of the root directory", "neither root nor user namespaces");
    }
    assert_eq!(bench.log().shared(), said.shared_lines());
    assert_eq!(said.shared_lines().len(), 2);
    assert_eq!(jail.read_dir().unwrap().count(), 0);
}

#[test]
fn a_relative_path_means_the_directory_that_the_program_began_in() {
    let bench = Bench::new();
    let mut command = bench.command(&host(), &["chdir", "/"]);
    said(command.env("TOX_LOG_KEYS", "tox.keys").current_dir(bench.dir.path()));
    assert_eq!(bench.log().shared().len(), 1);
}

#[test]
fn a_size_limit_costs_lines_and_no_signal() {
    let bench = Bench::new();
    let said = bench.run(&host(), &["size-limit"]);
    assert_eq!(said.values("SIGXFSZ pending"), ["0"]);
    let lines = said.shared_lines();
    // The line that did not fit is written when the key is derived again.
    let expected = [&lines[0], &lines[2], &lines[3]];
    assert_eq!(bench.log().shared(), expected);
}

#[test]
fn a_cancelled_thread_is_not_cancelled_by_us() {
    let bench = Bench::new();
    let said = bench.run(&host(), &["cancel"]);
    assert_eq!(said.stdout, "derived despite a pending cancellation 1\n");
    assert_eq!(bench.log().shared().len(), 1);
}

#[test]
fn signal_handlers_that_derive_keys_neither_hang_nor_tear_lines() {
    let bench = Bench::new();
    let said = said(&mut bench.command(&host(), &["signals", "2000"]));
    assert_eq!(said.stdout, "blocked 0\n");
    let keys: usize = said.stderr.trim().strip_prefix("keys ").unwrap().parse().unwrap();
    let log = bench.log();
    log.assert_no_line_twice();
    assert_eq!(log.shared().len(), keys);
}

#[test]
fn counted_nonces_are_logged_as_they_move_and_random_ones_once() {
    let bench = Bench::new();
    bench.run(&host(), &["nonces"]);
    let log = bench.log();
    let shared: Vec<&str> = log.shared().iter().map(|line| &line[137..]).collect();
    let of = |key: &str| -> Vec<&str> {
        let lines = log.nonces();
        lines.iter().filter(|line| line.contains(key)).map(|line| &line[71 + 40..]).collect()
    };
    // 0x…3030 + 0, 32768, 65536, 98304: the last four bytes.
    assert_eq!(of(shared[0]), ["30303030", "3030b030", "30313030", "3031b030"]);
    assert_eq!(of(shared[1]).len(), 1);
}

#[test]
fn the_programs_own_descriptors_keep_their_numbers() {
    let bench = Bench::new();
    let said = bench.run(&host(), &["descriptors"]);
    assert_eq!(said.values("next descriptor"), ["3"]);
    let bench = Bench::new();
    let mut command =
        bench.command(Path::new("/bin/sh"), &["-c", "ulimit -n 64; exec \"$0\" talk"]);
    said_and_logged(&bench, command.arg(host()));
}

fn said_and_logged(bench: &Bench, command: &mut Command) {
    said(command);
    assert_eq!(bench.log().shared().len(), 7);
}

#[test]
fn a_program_without_standard_streams_does_not_print_into_the_log() {
    let bench = Bench::new();
    let script = "exec \"$0\" talk <&- >&- 2>&-";
    let mut command = bench.command(Path::new("/bin/sh"), &["-c", script]);
    said_and_logged(&bench, command.arg(host()));
    // A refusal has nowhere to go.
    std::fs::set_permissions(&bench.log, PermissionsExt::from_mode(0o644)).unwrap();
    let size = bench.log.metadata().unwrap().len();
    let mut command = bench.command(Path::new("/bin/sh"), &["-c", script]);
    said(command.arg(host()));
    assert_eq!(bench.log.metadata().unwrap().len(), size);
}

#[test]
fn a_closed_pipe_on_stderr_kills_nobody() {
    let bench = Bench::new();
    // A directory in place of the log, so that there is something to say.
    std::fs::create_dir(&bench.log).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let out = bench.command(&host(), &["talk"]).stderr(writer).output().unwrap();
    assert!(out.status.success(), "{}", out.status);
    let plain = said(Command::new(host()).arg("talk"));
    assert_eq!(String::from_utf8(out.stdout).unwrap(), plain.stdout);
}

#[test]
fn a_plugin_that_brings_libsodium_late_is_logged() {
    let plugin_host = built().join("plugin-host");
    cc("host.c", &plugin_host, &["-DPLUGIN_HOST"]);
    for sodium in [Sodium::StandIn, Sodium::Real] {
        let Some(link) = sodium.link() else {
            skipped("a plugin with libsodium", "no shared libsodium here");
            continue;
        };
        let plugin = built().join(format!("plugin-{sodium:?}.so"));
        let mut arguments = vec!["-shared", "-fPIC"];
        arguments.extend(link.iter().map(String::as_str));
        cc("plugin.c", &plugin, &arguments);

        let bench = Bench::new();
        let said = bench.run(&plugin_host, &[plugin.to_str().unwrap()]);
        assert_eq!(said.values("no error waits:"), ["1"]);
        assert_eq!(bench.log().shared().len(), 1);
        // With its own symbols first, the plugin never calls us; documented.
        let bench = Bench::new();
        bench.run(&plugin_host, &[plugin.to_str().unwrap(), "deepbind"]);
        assert!(!bench.log.exists());
    }
}

#[test]
fn a_program_that_replaces_itself_goes_on_in_the_same_file() {
    let bench = Bench::new();
    let host = host();
    let said = bench.run(&host, &["exec", host.to_str().unwrap(), "fork"]);
    let log = bench.log();
    // The new program knows nothing of the lines of the old one.
    let mut expected = said.shared_lines();
    expected.dedup();
    expected.insert(0, expected[0].clone());
    expected.truncate(log.shared().len());
    assert_eq!(log.shared(), expected);
    assert_eq!(log.lines.iter().filter(|line| line.starts_with('#')).count(), 1);
}

#[test]
fn a_process_with_more_rights_than_its_user_is_not_logged() {
    if !is_root() {
        return skipped("set-uid programs", "only root can make one for another user");
    }
    // The loader ignores LD_PRELOAD in such a program, so the logger is linked in.
    let dir =
        tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    let program = dir.path().join("program");
    let [sodium, keylog] =
        ["libsodium.so.23", "libtoxscope_keylog.so"].map(|name| dir.path().join(name));
    std::fs::copy(Sodium::StandIn.path().unwrap(), &sodium).unwrap();
    std::fs::copy(logger(), &keylog).unwrap();
    let rpath = format!("-Wl,-rpath,{}", dir.path().display());
    let link = [keylog.to_str().unwrap(), sodium.to_str().unwrap(), &rpath, "-Wl,--no-as-needed"];
    cc("host.c", &program, &link);

    let logs = tempfile::tempdir().unwrap();
    std::fs::set_permissions(logs.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let log = logs.path().join("tox.keys");
    let run = |mode| {
        std::os::unix::fs::chown(&program, Some(4711), Some(4711)).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(mode)).unwrap();
        said(Command::new(&program).arg("talk").env("TOX_LOG_KEYS", &log))
    };
    let plain = run(0o4755);
    assert!(!log.exists());
    assert_eq!(run(0o755), plain);
    assert_eq!(Log::read(&log).shared().len(), 7, "without set-uid it is logged");
}
