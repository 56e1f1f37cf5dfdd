//! The program that is recorded: started, told of signals, waited for.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

use crate::cli::live::privileges::User;

/// What the shell says of a command that is not there, and of one that cannot be run.
const NOT_FOUND: u8 = 127;
const CANNOT_RUN: u8 = 126;

/// The command line of the program, with the key logger before it.
pub(super) fn command(
    words: &[OsString],
    preload: &OsStr,
    keys: &Path,
    user: Option<&User>,
) -> Command {
    let mut words = words.iter();
    let mut command = Command::new(words.next().map_or(OsStr::new(""), OsString::as_os_str));
    command.args(words).env("LD_PRELOAD", preload).env("TOX_LOG_KEYS", keys);
    if let Some(user) = user {
        // As `sudo -u` has them.
        command.env("USER", &user.name).env("LOGNAME", &user.name).env("HOME", &user.home);
        let runtime = format!("/run/user/{}", user.uid);
        if Path::new(&runtime).is_dir() {
            command.env("XDG_RUNTIME_DIR", runtime);
        }
    }
    command
}

/// The exit code when it could not even be started.
pub(super) fn not_started(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN }
}

/// The exit code for how it ended, as shells have it.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Signals that came for this program and are the other one's.
pub(super) struct Signals(Vec<(Signal, Arc<AtomicBool>)>);

impl Signals {
    /// Catches them from now on, but for those that whoever started this program had it ignore.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let ignored = ignored();
        let mut signals = Vec::new();
        for (number, signal) in [
            (SIGINT, Signal::INT),
            (SIGQUIT, Signal::QUIT),
            (SIGTERM, Signal::TERM),
            (SIGHUP, Signal::HUP),
        ] {
            if ignored & 1 << (number - 1) == 0 {
                let came = Arc::new(AtomicBool::new(false));
                flag::register(number, Arc::clone(&came)).context("cannot catch signals")?;
                signals.push((signal, came));
            }
        }
        Ok(Self(signals))
    }

    /// Passes on what came. What the terminal sends, the program gets from the terminal.
    pub(super) fn pass_on(&self, child: &Child) {
        for (signal, came) in &self.0 {
            let from_terminal = [Signal::INT, Signal::QUIT].contains(signal) && is_in_foreground();
            if came.swap(false, Ordering::Relaxed)
                && !from_terminal
                && let Some(process) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
            {
                let _ = kill_process(process, *signal);
            }
        }
    }
}

/// The signals that this process ignores, a bit each.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0)
}

/// Whether Ctrl-C on a terminal reaches this process, and those that it starts.
fn is_in_foreground() -> bool {
    fs::File::open("/dev/tty")
        .ok()
        .and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok())
        .is_some_and(|group| group == getpgrp())
}

/// The folder that relative paths of the command line mean, made absolute: the program may change its own.
pub(super) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(env::current_dir().context("cannot tell which folder this is")?.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_as_shells_tell_them() {
        let ended =
            |script: &str| exit_code(Command::new("sh").args(["-c", script]).status().unwrap());
        assert_eq!(ended("exit 0"), 0);
        assert_eq!(ended("exit 7"), 7);
        assert_eq!(ended("kill -TERM $$"), 128 + 15);
        let error = Command::new("/nowhere/nothing").spawn().unwrap_err();
        assert_eq!(not_started(&error), 127);
        assert_eq!(not_started(&Command::new("/etc/passwd").spawn().unwrap_err()), 126);
    }
}
