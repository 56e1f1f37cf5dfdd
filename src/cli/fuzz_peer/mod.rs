//! `toxscope fuzz-peer`: a member of a running client's conference that sends changed packets.
//!
//! | File      | Concern                                                             |
//! |-----------|---------------------------------------------------------------------|
//! | `peer`    | the program that is the peer: started, ended                        |
//! | `line`    | what the library says that is preloaded into it                     |
//! | `mutator` | which packets are changed, and into what                            |
//! | `station` | what was sent and received: written down, counted                   |
//! | `watch`   | whether the other side is still there                               |
//! | `verdict` | whether the other side did what the reference machine would have done |

mod line;
mod mutator;
mod peer;
mod station;
mod verdict;
mod watch;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::Done;
use super::args::FuzzPeerArgs;
use super::input::{counted, shown};
use super::new_file::private;
use super::output::{Output, Stop, Talk, say};
use super::record::create_key_log;
use crate::report::printable;
use mutator::Mutator;
use peer::Peer;
use station::Station;
use verdict::Verdict;
use watch::Process;

/// How often everything is looked at.
const LOOKS: Duration = Duration::from_millis(50);

/// How long what was said before the peer ended may take to be written down.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Something that should not be.
#[derive(Debug, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
enum Finding {
    /// The client's process has ended.
    Ended { process: u32 },
    /// Who was in a session is silent.
    Silent { address: String, seconds: u64 },
    /// The client did something else than the reference machine.
    Disagreement(verdict::Disagreement),
}

/// A line of the file of findings.
#[derive(Serialize)]
struct FindingLine<'a> {
    schema: u32,
    #[serde(flatten)]
    finding: &'a Finding,
    seed: u64,
    /// How many conference packets had been sent, changed ones among them.
    packets: u64,
    changed: u64,
    /// What makes the same peer send the same packets in the same way.
    command: &'a [String],
}

pub(super) fn run(args: &FuzzPeerArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let target = args.target.map(|id| Process::new(id).ok_or(id)).transpose();
    let target = target.map_err(|id| anyhow!("there is no process {id}"))?;
    let files = Folder::create(args)?;
    let signals = caught()?;
    let only = args.only.clone().unwrap_or(0..=u64::MAX);
    let mutator = Mutator::new(args.seed, args.rate, only);
    let (capture, journal) = (files.new_file(CAPTURE)?, files.new_file(PACKETS)?);
    let station = Station::new(mutator, capture, journal).context("cannot write the capture")?;
    let station = Arc::new(Mutex::new(station));
    let socket = Socket::bind(&files.0)?;
    create_key_log(&files.0.join(KEYS), true)?;
    let mut peer = Peer::start(args, &socket.0, &files.0.join(KEYS))?;
    let mut lines = Vec::new();
    let deadline = args.duration.map(|duration| Instant::now() + duration);
    let watched = Watched { args, target: target.as_ref(), deadline, signals: &signals };
    let ended = loop {
        take_lines(&socket, &station, &mut lines)?;
        if let Some(ended) = watched.look(&mut peer, &station)? {
            break ended;
        }
        thread::sleep(LOOKS);
    };
    let status = peer.end()?;
    let patience = Instant::now() + LAST_WORDS;
    while lines.iter().any(|line| !line.is_finished()) && Instant::now() < patience {
        thread::sleep(LOOKS);
    }
    let mut station = station.lock().unwrap_or_else(PoisonError::into_inner);
    station.flush();
    if let Some(error) = station.failed.take() {
        return Err(anyhow!(error).context("cannot write the capture").into());
    }
    tell_end(&ended, status, &station, talk);
    let Verdict { disagreements, table } =
        verdict::judge(args, &files.0, &station.counts, out, talk)?;
    let disagreements = disagreements.into_iter().map(Finding::Disagreement);
    let findings: Vec<Finding> = ended.into_finding().into_iter().chain(disagreements).collect();
    files.write_findings(args, &findings, &station)?;
    show(&station, &findings, &table, out)?;
    if !findings.is_empty() {
        return Ok(Done::Findings);
    }
    if station.counts.packets.is_empty() {
        return Err(anyhow!("no conference packet was sent, so that nothing was tried").into());
    }
    Ok(Done::Clean)
}

/// Why a run is over.
enum Ended {
    Found(Finding),
    /// The peer's program has ended.
    Alone,
    Enough,
}

impl Ended {
    fn into_finding(self) -> Option<Finding> {
        match self {
            Self::Found(finding) => Some(finding),
            Self::Alone | Self::Enough => None,
        }
    }
}

/// What may end a run.
struct Watched<'a> {
    args: &'a FuzzPeerArgs,
    target: Option<&'a Process>,
    deadline: Option<Instant>,
    signals: &'a AtomicBool,
}

impl Watched<'_> {
    fn look(&self, peer: &mut Peer, station: &Mutex<Station>) -> anyhow::Result<Option<Ended>> {
        if let Some(target) = self.target
            && !target.is_alive()
        {
            return Ok(Some(Ended::Found(Finding::Ended { process: target.id })));
        }
        // A terminal's Ctrl-C reaches the peer as well.
        if self.signals.load(Ordering::Relaxed) {
            return Ok(Some(Ended::Enough));
        }
        if peer.has_ended()? {
            return Ok(Some(Ended::Alone));
        }
        let now = Instant::now();
        let mut station = station.lock().unwrap_or_else(PoisonError::into_inner);
        station.flush();
        if let Some((address, silence)) = station.sessions.silent(self.args.silence, now) {
            let (address, seconds) = (address.to_string(), silence.as_secs());
            return Ok(Some(Ended::Found(Finding::Silent { address, seconds })));
        }
        let is_enough = self.deadline.is_some_and(|deadline| now >= deadline)
            || self.args.packets.is_some_and(|most| station.changed() >= most)
            || station.failed.is_some();
        Ok(is_enough.then_some(Ended::Enough))
    }
}

/// Takes the connections that processes of the peer have made.
fn take_lines(
    socket: &Socket,
    station: &Arc<Mutex<Station>>,
    lines: &mut Vec<JoinHandle<()>>,
) -> anyhow::Result<()> {
    loop {
        let stream = match socket.1.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("cannot hear the peer"),
        };
        stream.set_nonblocking(false).context("cannot hear the peer")?;
        let station = Arc::clone(station);
        lines.retain(|line| !line.is_finished());
        lines.push(thread::spawn(move || {
            // A peer that ends in the middle of a word is no fault of anybody.
            let _ = line::listen(stream, &station);
        }));
    }
}

/// Set when somebody wants the run to end.
fn caught() -> anyhow::Result<Arc<AtomicBool>> {
    let came = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&came)).context("cannot catch signals")?;
    }
    Ok(came)
}

/// Where the peer's library finds us; gone with the value.
struct Socket(PathBuf, UnixListener);

impl Socket {
    fn bind(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("socket");
        let _ = fs::remove_file(&path);
        let cannot = || format!("cannot listen at {}", shown(&path));
        let listener = UnixListener::bind(&path).with_context(cannot)?;
        listener.set_nonblocking(true).with_context(cannot)?;
        Ok(Self(path, listener))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const CAPTURE: &str = "capture.pcapng";
const KEYS: &str = "capture.keys";
const PACKETS: &str = "packets.jsonl";
const FINDINGS: &str = "findings.jsonl";

/// The folder that everything goes to.
struct Folder(PathBuf);

impl Folder {
    fn create(args: &FuzzPeerArgs) -> anyhow::Result<Self> {
        let cannot = || format!("cannot create {}", shown(&args.out));
        if !args.out.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(&args.out).with_context(cannot)?;
        }
        let path = fs::canonicalize(&args.out).with_context(cannot)?;
        let mode = fs::metadata(&path).with_context(cannot)?.permissions().mode();
        if mode & 0o022 != 0 {
            bail!("{}: others may write into it; name a folder of your own", shown(&path));
        }
        for name in [CAPTURE, KEYS, PACKETS, FINDINGS] {
            let file = path.join(name);
            if fs::symlink_metadata(&file).is_ok() {
                if !args.force {
                    bail!("{} exists; --force replaces it", shown(&file));
                }
                fs::remove_file(&file)
                    .with_context(|| format!("cannot replace {}", shown(&file)))?;
            }
        }
        Ok(Self(path))
    }

    fn new_file(&self, name: &str) -> anyhow::Result<File> {
        let path = self.0.join(name);
        let mut options = OpenOptions::new();
        private(options.write(true).create_new(true));
        options.open(&path).with_context(|| format!("cannot create {}", shown(&path)))
    }

    fn write_findings(
        &self,
        args: &FuzzPeerArgs,
        findings: &[Finding],
        station: &Station,
    ) -> anyhow::Result<()> {
        let command: Vec<String> = std::env::args_os()
            .map(|word| printable(word.as_encoded_bytes()).to_string())
            .collect();
        let mut file = self.new_file(FINDINGS)?;
        let cannot = || format!("cannot write {}", shown(&self.0.join(FINDINGS)));
        for finding in findings {
            let line = FindingLine {
                schema: 1,
                finding,
                seed: args.seed,
                packets: station.counts.packets.values().sum(),
                changed: station.changed(),
                command: &command,
            };
            let mut line = serde_json::to_vec(&line).with_context(cannot)?;
            line.push(b'\n');
            file.write_all(&line).with_context(cannot)?;
        }
        Ok(())
    }
}

fn tell_end(ended: &Ended, status: ExitStatus, station: &Station, talk: Talk) {
    if matches!(ended, Ended::Alone) && !status.success() {
        say(&format!("the peer has ended by itself: {status}"));
    }
    let held_back = &station.counts.held_back;
    if !held_back.is_empty() && !talk.quiet {
        let count = counted(held_back.values().sum(), "packet");
        let first: Vec<_> = held_back.keys().take(3).map(ToString::to_string).collect();
        let more = if held_back.len() > first.len() { ", …" } else { "" };
        say(&format!(
            "{count} not sent, for they were to go beyond loopback ({}{more}); --i-own-this-peer ADDRESS lets \
             them go",
            first.join(", ")
        ));
    }
    if station.sessions.count() == 0 {
        say("nobody was met: the client and the peer have to be friends, and find each other");
    } else if station.counts.packets.is_empty() {
        say("the client has to invite the peer to a conference");
    }
}

/// What was sent, what was found.
fn show(
    station: &Station,
    findings: &[Finding],
    table: &[u8],
    out: &mut Output,
) -> Result<(), Stop> {
    let counts = &station.counts;
    out.write(|out| {
        let all: u64 = counts.packets.values().sum();
        writeln!(
            out,
            "{} sent, {} of them changed; {} sent and {} received",
            counted(all, "conference packet"),
            station.changed(),
            counted(counts.sent, "datagram"),
            counts.received
        )?;
        for (what, counts) in [("sent", &counts.packets), ("changed", &counts.changed)] {
            let each: Vec<_> =
                counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
            writeln!(out, "{what:8}  {}", each.join(", "))?;
        }
        out.write_all(table)?;
        for finding in findings {
            match finding {
                Finding::Ended { process } => writeln!(out, "FOUND  process {process} has ended")?,
                Finding::Silent { address, seconds } => {
                    writeln!(out, "FOUND  {address} is silent for {seconds} s")?;
                }
                Finding::Disagreement(it) => writeln!(out, "FOUND  {it}")?,
            }
        }
        if findings.is_empty() { writeln!(out, "nothing was found") } else { Ok(()) }
    })
}
