//! The program that is the peer.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use super::super::args::FuzzPeerArgs;
use super::super::input::shown;
use super::super::preload::{Companion, KEY_LOGGER, preload};

/// What is preloaded beside the key logger.
const LIBRARY: Companion = Companion {
    what: "library of fuzz-peer",
    file: "libtoxscope_fuzz_peer.so",
    package: "toxscope-fuzz-peer",
    option: "--library",
    variable: "TOXSCOPE_FUZZ_PEER_LIBRARY",
};

/// The peer that talks by itself.
const PEER: Companion = Companion {
    what: "peer",
    file: "toxscope-peer",
    package: "toxscope-fuzz-peer",
    option: "--",
    variable: "TOXSCOPE_PEER",
};

/// How long it may take to end when it is told to.
const PATIENCE: Duration = Duration::from_secs(5);

/// The running peer. Ends with its value.
pub(super) struct Peer {
    child: Child,
    is_ours: bool,
}

impl Peer {
    /// Starts it under the key logger and the library that changes packets.
    pub(super) fn start(args: &FuzzPeerArgs, socket: &Path, keys: &Path) -> anyhow::Result<Self> {
        let logger = KEY_LOGGER.find_library(args.key_logger.as_deref())?;
        let library = LIBRARY.find_library(args.library.as_deref())?;
        let is_ours = args.command.is_empty();
        let mut command = if is_ours { own(args)? } else { told(args) };
        let owned: Vec<_> = args.i_own_this_peer.iter().map(ToString::to_string).collect();
        command
            // The logger first: it calls the library in place of libsodium.
            .env("LD_PRELOAD", preload(&[&logger, &library]))
            .env("TOX_LOG_KEYS", keys)
            .env("TOXSCOPE_FUZZ_PEER", socket)
            .env("TOXSCOPE_FUZZ_PEER_OWNED", owned.join(","));
        let name = format!("cannot run {}", shown(Path::new(command.get_program())));
        let child = command.spawn().context(name)?;
        Ok(Self { child, is_ours })
    }

    pub(super) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait().context("cannot wait for the peer")?.is_some())
    }

    /// Has it end, if it has not.
    pub(super) fn end(&mut self) -> anyhow::Result<ExitStatus> {
        let cannot = "cannot wait for the peer";
        if self.is_ours {
            drop(self.child.stdin.take());
        } else if self.child.try_wait().context(cannot)?.is_none()
            && let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(process, Signal::TERM);
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().context(cannot)? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        self.child.wait().context(cannot)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// The peer that comes with toxscope. What it says is talk; it ends when its standard input does.
fn own(args: &FuzzPeerArgs) -> anyhow::Result<Command> {
    let mut command = Command::new(PEER.find(None)?);
    command.arg("--seed").arg(args.seed.to_string()).arg("--pace").arg(args.pace.to_string());
    for (option, values) in [("--bootstrap", &args.bootstrap), ("--friend", &args.friend)] {
        for value in values {
            command.arg(option).arg(value);
        }
    }
    command.stdin(Stdio::piped()).stdout(io::stderr());
    Ok(command)
}

/// The peer that the command line names.
fn told(args: &FuzzPeerArgs) -> Command {
    let mut words = args.command.iter();
    let mut command = Command::new(words.next().map_or(OsStr::new(""), |word| word.as_os_str()));
    command.args(words);
    command
}
