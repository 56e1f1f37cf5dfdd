//! What the tests of the logger share: the library under test, a program to load it into, and logs
//! taken apart.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;

/// The logger that cargo has built for these tests.
pub(crate) fn logger() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let dir = exe.ancestors().nth(2).unwrap();
    let built = [dir.join("deps"), dir.to_path_buf()]
        .map(|dir| dir.join("libtoxscope_keylog.so"))
        .into_iter()
        .filter(|path| path.exists())
        .max_by_key(|path| path.metadata().unwrap().modified().unwrap());
    built.expect("cargo builds the library before its integration tests")
}

/// Tells on stderr, past the capture of test output, that something was not tested; once.
pub(crate) fn skipped(test: &str, why: &str) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if !TOLD.lock().unwrap().insert(test.to_owned()) {
        return;
    }
    let rule = "=".repeat(80);
    let text = format!("\n{rule}\nNOT TESTED: {test}\n  {why}\n{rule}\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}

pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The shared libsodium of this machine.
pub(crate) fn libsodium() -> Option<PathBuf> {
    shared_library(&["libsodium.so.23", "libsodium.so.26", "libsodium.so.18"])
}

/// A shared library by its soname, where Linux systems keep them.
pub(crate) fn shared_library(names: &[&str]) -> Option<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        ["/usr/local/lib", "/usr/lib64", "/lib64", "/usr/lib", "/lib"].map(PathBuf::from).into();
    for dir in ["/usr/lib", "/lib"] {
        let inner = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|dir| dir.path());
        dirs.extend(inner.filter(|dir| dir.to_string_lossy().contains("-linux-gnu")));
    }
    names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        .find(|path| path.exists())
}

/// Compiles a C file of `tests/host`.
pub(crate) fn cc(source: &str, output: &Path, arguments: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host").join(source);
    let out = Command::new("cc")
        .args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(output)
        .arg(source)
        .args(arguments)
        .args(["-pthread", "-ldl"])
        .output()
        .expect("a C compiler, cc, is needed to build the programs under test");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// What the program under test is linked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sodium {
    /// `tests/host/sodium.c`: works everywhere, and is quick.
    StandIn,
    /// The shared library of this machine.
    Real,
}

impl Sodium {
    pub(crate) fn path(self) -> Option<PathBuf> {
        static STAND_IN: OnceLock<PathBuf> = OnceLock::new();
        match self {
            Self::StandIn => Some(
                STAND_IN
                    .get_or_init(|| {
                        let path = built().join("libsodium.so.23");
                        cc("sodium.c", &path, &["-shared", "-fPIC", "-Wl,-soname,libsodium.so.23"]);
                        path
                    })
                    .clone(),
            ),
            Self::Real => libsodium(),
        }
    }

    /// `cc` arguments that link with it.
    pub(crate) fn link(self) -> Option<[String; 2]> {
        let path = self.path()?;
        Some([format!("-Wl,-rpath,{}", path.parent()?.display()), path.display().to_string()])
    }

    /// The program under test.
    pub(crate) fn host(self) -> Option<PathBuf> {
        static HOSTS: [OnceLock<Option<PathBuf>>; 2] = [OnceLock::new(), OnceLock::new()];
        HOSTS[self as usize]
            .get_or_init(|| {
                let host = built().join(format!("host-{self:?}"));
                let link = self.link()?;
                cc("host.c", &host, &link.each_ref().map(String::as_str));
                Some(host)
            })
            .clone()
    }
}

/// Where this test process keeps what it compiles. (Deleted by cargo clean.)
pub(crate) fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let name = std::env::current_exe().unwrap().file_name().unwrap().to_owned();
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    })
}

/// A directory with a place for a log.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) log: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("tox.keys");
        Self { dir, log }
    }

    /// The program under the logger.
    pub(crate) fn command(&self, host: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(host);
        command.args(arguments).env("LD_PRELOAD", logger()).env("TOX_LOG_KEYS", &self.log);
        command
    }

    /// Runs a story with and without the logger; the program must see the same. Gives what it
    /// wrote to stdout and stderr under the logger.
    pub(crate) fn run(&self, host: &Path, arguments: &[&str]) -> Said {
        let plain = said(Command::new(host).args(arguments));
        let logged = said(&mut self.command(host, arguments));
        assert_eq!(plain.stdout, logged.stdout, "{arguments:?}");
        logged
    }

    pub(crate) fn log(&self) -> Log {
        Log::read(&self.log)
    }
}

/// What a program wrote, after it had ended well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The values printed after a name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.stdout.lines().map(str::trim);
        lines.filter_map(|line| line.strip_prefix(name)).map(str::trim).collect()
    }

    /// The `SHARED` lines that stand for what the program says it derived.
    pub(crate) fn shared_lines(&self) -> Vec<String> {
        let (ours, theirs) = (self.values("ours "), self.values("theirs "));
        let keys = self.values("key ");
        assert!(ours.len() == theirs.len() && theirs.len() == keys.len() && !keys.is_empty());
        let pairs = ours.iter().zip(theirs).zip(keys);
        pairs.map(|((ours, theirs), key)| format!("SHARED {ours} {theirs} {key}")).collect()
    }
}

pub(crate) fn said(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = Said {
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    };
    assert!(status.success(), "{command:?}: {status} {said:?}");
    said
}

/// A log, read strictly: whatever is not a whole line of a known kind is an error.
pub(crate) struct Log {
    pub(crate) lines: Vec<String>,
}

impl Log {
    pub(crate) fn read(path: &Path) -> Self {
        let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
        assert!(text.starts_with("# tox-keylog 1\n"), "{:?}", text.get(..40));
        assert!(text.ends_with('\n'), "the last line is torn");
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        for line in lines.iter().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let mut fields = line.split(' ');
            let digits: &[usize] = match fields.next().unwrap() {
                "SHARED" => &[64, 64, 64],
                "NONCE" => &[64, 48],
                other => panic!("label {other:?} in {line:?}"),
            };
            let fields: Vec<_> = fields.collect();
            assert_eq!(
                fields.iter().map(|field| field.len()).collect::<Vec<_>>(),
                digits,
                "{line}"
            );
            let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            assert!(fields.iter().all(|field| field.bytes().all(hex)), "{line}");
        }
        Self { lines }
    }

    /// The log so far, once it has a whole line.
    pub(crate) fn read_if_whole(path: &Path) -> Option<Self> {
        let text = std::fs::read(path).ok()?;
        (text.len() > 15 && text.ends_with(b"\n")).then(|| Self::read(path))
    }

    pub(crate) fn labelled(&self, label: &str) -> Vec<&str> {
        self.lines.iter().filter(|line| line.starts_with(label)).map(String::as_str).collect()
    }

    pub(crate) fn shared(&self) -> Vec<&str> {
        self.labelled("SHARED ")
    }

    pub(crate) fn nonces(&self) -> Vec<&str> {
        self.labelled("NONCE ")
    }

    pub(crate) fn assert_no_line_twice(&self) {
        let mut counts = HashMap::new();
        self.lines.iter().for_each(|line| *counts.entry(line).or_insert(0) += 1);
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}
