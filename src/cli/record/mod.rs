//! `toxscope record`: a client together with its keys.

mod client;
mod logger;
mod sieve;
mod sockets;

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};

use super::Done;
use super::args::{ChangeArgs, DeviceArgs, EmbedArgs, RecordArgs, SourceArgs};
use super::input::{Input, counted, shown};
use super::keys;
use super::live::device::Open;
use super::live::files::{Files, Ring};
use super::live::privileges::{self, User};
use super::new_file::private;
use super::output::{Output, Stop, Talk, say};
use super::preload::{KEY_LOGGER, preload};
use crate::dissect::{Item, Totals};
use client::Signals;
use logger::Loaded;
use sieve::Sieve;
use sockets::Sockets;

/// How many packets are taken at once, how long to sleep when there are none, and how often the system is asked
/// for sockets.
const BATCH: usize = 512;
const NAP: Duration = Duration::from_millis(5);
const LOOKS: Duration = Duration::from_millis(100);

/// The same for a program that has just begun, and for how long it is one.
const FIRST_LOOKS: Duration = Duration::from_millis(20);
const BEGINNING: Duration = Duration::from_secs(3);

pub(super) fn run(args: &RecordArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let capture = client::absolute(&args.out)?;
    let keys = capture.with_extension("keys");
    if keys == capture {
        return Err(anyhow!("a file that ends in .keys is a key log; name another with -o").into());
    }
    let logger = KEY_LOGGER.find_library(args.key_logger.as_deref())?;
    let user = User::choose(args.user.as_deref(), false)?;
    let device = DeviceArgs { buffer: args.buffer, ..DeviceArgs::default() };
    let open = Open::new(&args.interface, &device)?;

    // Whatever the program's user could not do is not done for it.
    let preload = preload(&[&logger]);
    let mut command = client::command(&args.command, &preload, &keys, user.as_ref());
    let (files, aside) = privileges::with_rights_of(user.as_ref(), || {
        fs::File::open(&logger).with_context(|| format!("key logger {}", shown(&logger)))?;
        let mut aside = Aside::default();
        if args.force {
            aside.put(&capture)?;
            aside.put(&keys)?;
        }
        let files = Files::create(&capture, Ring::default(), false, true, None)?;
        aside.made.push(capture.clone());
        create_key_log(&keys, false)?;
        aside.made.push(keys.clone());
        Ok((files, aside))
    })?;
    let signals = Signals::catch()?;
    let mut sockets = Sockets::before(user.as_ref().map_or_else(privileges::user, |user| user.uid));
    let started = privileges::with_rights_of(user.as_ref(), || Ok(command.spawn()))?;
    privileges::drop_to(user.as_ref())?;
    let child = match started {
        Ok(child) => {
            aside.forget();
            child
        }
        Err(error) => {
            drop(aside);
            let name = args.command.first().map(|name| shown(Path::new(name)));
            say(&format!("cannot run {}: {error}", name.unwrap_or_default()));
            return Ok(Done::Exit(client::not_started(&error)));
        }
    };
    sockets.follow(child.id());
    let mut recording = Recording { open, files, sockets, loaded: Loaded::default() };
    let (status, recorded) = recording.run(child, &signals);
    let status = status?;
    let kept = recorded?;
    summarize(&mut recording, kept, &capture, &keys, out, talk)?;
    Ok(Done::Exit(client::exit_code(status)))
}

/// Files of an earlier recording, under other names until the program runs: without it, they are put back, and
/// what was made in their place goes.
#[derive(Default)]
struct Aside {
    made: Vec<PathBuf>,
    /// What is aside, and where it belongs.
    old: Vec<(PathBuf, PathBuf)>,
}

impl Aside {
    /// Renames a file, if it is there.
    fn put(&mut self, path: &Path) -> anyhow::Result<()> {
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        if !found.is_file() && !found.is_symlink() {
            bail!("{} is not a regular file; name a new one", shown(path));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.old", std::process::id()));
        let aside = path.with_file_name(name);
        let cannot = || format!("cannot replace {}", shown(path));
        if fs::symlink_metadata(&aside).is_ok() {
            bail!("{}: {} is in the way", cannot(), shown(&aside));
        }
        fs::rename(path, &aside).with_context(cannot)?;
        self.old.push((aside, path.to_owned()));
        Ok(())
    }

    /// The program runs: the old files go for good.
    fn forget(mut self) {
        self.made.clear();
        for (aside, _) in self.old.drain(..) {
            let _ = fs::remove_file(aside);
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        for made in &self.made {
            let _ = fs::remove_file(made);
        }
        for (aside, path) in &self.old {
            let _ = fs::rename(aside, path);
        }
    }
}

/// An empty key log for its owner alone.
pub(super) fn create_key_log(path: &Path, force: bool) -> anyhow::Result<()> {
    let cannot = || format!("cannot create {}", shown(path));
    if fs::symlink_metadata(path).is_ok() {
        if !force {
            bail!("{} exists; --force replaces it", shown(path));
        }
        fs::remove_file(path).with_context(cannot)?;
    }
    let mut options = OpenOptions::new();
    private(options.write(true).create_new(true));
    options.open(path).with_context(cannot)?;
    Ok(())
}

/// A recording under way.
struct Recording {
    open: Open,
    files: Files,
    sockets: Sockets,
    loaded: Loaded,
}

impl Recording {
    /// Captures until the program ends; how it ended, and how many packets are in the file. A program whose
    /// capture fails is let run on.
    fn run(
        &mut self,
        mut child: Child,
        signals: &Signals,
    ) -> (anyhow::Result<ExitStatus>, anyhow::Result<u64>) {
        let recorded = self.capture(&mut child, signals);
        loop {
            signals.pass_on(&child);
            match child.try_wait() {
                Ok(None) => thread::sleep(NAP),
                Ok(Some(status)) => return (Ok(status), recorded),
                Err(error) => return (Err(error).context("cannot wait for the program"), recorded),
            }
        }
    }

    fn capture(&mut self, child: &mut Child, signals: &Signals) -> anyhow::Result<u64> {
        let (mut sieve, head) = Sieve::new(self.open.interface())?;
        self.files.begin(&head)?;
        let (begun, mut looked) = (Instant::now(), None::<Instant>);
        loop {
            // Asked before packets are taken: what it sent before it ended is taken below.
            let has_ended = child.try_wait().context("cannot wait for the program")?.is_some();
            if has_ended {
                thread::sleep(self.open.delay());
            }
            let now = Instant::now();
            let looks = if now.duration_since(begun) < BEGINNING { FIRST_LOOKS } else { LOOKS };
            if looked.is_none_or(|looked| now.duration_since(looked) >= looks) {
                self.sockets.look(now);
                self.sockets.processes().for_each(|process| self.loaded.look(process));
                looked = Some(now);
            }
            let mut taken = 0;
            let link = &mut sieve;
            while let count @ 1.. =
                self.open.take(BATCH, |at, data, length| link.push(at, data, length, now))?
            {
                taken += count;
                if !has_ended || taken > 1 << 20 {
                    break;
                }
            }
            let blocks = sieve.pass(&self.sockets, now, has_ended);
            if !blocks.is_empty() {
                self.files.write(&blocks)?;
            }
            if has_ended {
                return Ok(sieve.kept);
            }
            signals.pass_on(child);
            if taken == 0 {
                thread::sleep(NAP);
            }
        }
    }
}

/// Moves the keys into the capture, and says what can be opened.
fn summarize(
    recording: &mut Recording,
    kept: u64,
    capture: &Path,
    keys: &Path,
    out: &mut Output,
    talk: Talk,
) -> Result<(), Stop> {
    let name = shown(capture);
    let dropped = match recording.open.stat() {
        Some(stat) if stat.dropped == 0 => String::new(),
        Some(stat) => format!("; {} dropped for want of room", stat.dropped),
        None => "; how many were dropped is not known".to_owned(),
    };
    let sockets = counted(recording.sockets.count() as u64, "socket");
    if !talk.quiet {
        say(&format!("{name}: {} of {sockets}{dropped}", counted(kept, "packet")));
        if recording.sockets.is_by_user {
            say(
                "whose sockets were whose could not be seen: recorded are all that the same user opened meanwhile",
            );
        }
    }
    let has_keys = fs::read(keys).is_ok_and(|log| log.split(|byte| *byte == b'\n').any(is_line));
    if !has_keys {
        let _ = fs::remove_file(keys);
        say(&format!("no keys, so that nothing can be opened: {}", recording.loaded.told()));
        return Ok(());
    }
    let args = EmbedArgs {
        file: capture.to_owned(),
        keys: vec![keys.to_owned()],
        out: capture.to_owned(),
        all: false,
        identities: false,
        secrets_type: None,
        change: ChangeArgs { force: true, max_decompressed: u64::MAX },
    };
    match keys::embed(&args, out, Talk { quiet: true, ..talk }) {
        Ok(_) => {}
        Err(Stop::Failed(error)) => {
            say(&format!("{error:#}; the keys stay in {}", shown(keys)));
            return Ok(());
        }
        Err(stop) => return Err(stop),
    }
    let cannot = || format!("cannot remove {}", shown(keys));
    fs::remove_file(keys).with_context(cannot)?;
    let input = Input::open_file(capture, &SourceArgs::default(), out)?;
    let mut totals = Totals::default();
    let ended = input.each(|item| {
        if let Item::Record(record) = item {
            totals.record(record);
        }
        Ok(())
    })?;
    if !talk.quiet {
        let sealed: u64 = totals.sealed.values().sum();
        say(&format!(
            "{name} can be opened with nothing else: {} in {}, {} of {}",
            counted(totals.conference.values().sum(), "conference packet"),
            counted(totals.conferences.len() as u64, "conference"),
            totals.data_opened,
            counted(totals.data_opened + sealed, "data packet"),
        ));
    }
    ended.tell_notes(talk);
    Ok(())
}

/// Whether a line of a key log says something.
fn is_line(line: &[u8]) -> bool {
    !line.is_empty() && !line.starts_with(b"#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_recording_is_replaced_once_the_program_runs_and_else_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcapng");
        for runs in [false, true] {
            fs::write(&path, "old").unwrap();
            let mut aside = Aside::default();
            aside.put(&path).unwrap();
            aside.put(&folder.path().join("none")).unwrap();
            fs::write(&path, "new").unwrap();
            aside.made.push(path.clone());
            if runs {
                aside.forget()
            } else {
                drop(aside)
            }
            let expected = if runs { b"new" } else { b"old" };
            assert_eq!(fs::read(&path).unwrap(), expected);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        assert!(Aside::default().put(folder.path()).is_err());
    }
}
