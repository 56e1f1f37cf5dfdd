//! `toxscope-interop`: records stories of real libtoxcore peers.

use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use toxscope_interop::net::namespace;
use toxscope_interop::scenarios::{self, Scenario};
use toxscope_interop::target;
use toxscope_interop::world::{Plan, World};

/// The key logger's file, beside our own program or one folder up.
const KEY_LOGGER: &str = "libtoxscope_keylog.so";
/// Names the file of the key log to the key logger.
const KEY_LOG: &str = "TOX_LOG_KEYS";

/// Records scripted stories of real libtoxcore peers, each in a network namespace of its own.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Plays stories, all at once, and writes STORY.pcapng, STORY.keys and STORY.truth.jsonl.
    Record {
        /// Which ones (see `list`); all of them if none is named.
        stories: Vec<String>,
        #[command(flatten)]
        how: How,
    },
    /// Plays one story in this process, without a key log unless the key logger is preloaded.
    #[command(hide = true)]
    Play {
        story: String,
        /// In the network namespace that the process is in, which has to be a quiet one.
        #[arg(long)]
        here: bool,
        /// Without a recording, which takes root.
        #[arg(long)]
        unrecorded: bool,
        #[command(flatten)]
        how: How,
    },
    /// Runs a client that lets anybody into its conferences, for `toxscope fuzz-peer`, and says where it is.
    Target {
        /// Its UDP port.
        #[arg(long, default_value_t = 33450)]
        port: u16,
        /// Decides who it is.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Names the stories.
    List,
}

#[derive(Args)]
struct How {
    /// The folder to write to.
    #[arg(long, default_value = ".")]
    out: PathBuf,
    /// Records every frame, megabytes of onion packets included.
    #[arg(long)]
    everything: bool,
    /// Writes the savedata of every peer that runs at the end, as STORY.NAME.tox.
    #[arg(long)]
    savedata: bool,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]
fn main() -> ExitCode {
    let done = match Cli::parse().what {
        What::List => {
            for scenario in scenarios::ALL {
                println!("{:<8} {}", scenario.name, scenario.about);
            }
            Ok(())
        }
        What::Target { port, seed } => target::run(port, seed),
        What::Play { story, here, unrecorded, how } => play(&story, here, !unrecorded, &how),
        What::Record { stories, how } => record(&stories, &how),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn find(story: &str) -> Result<&'static Scenario> {
    let known = || scenarios::ALL.iter().map(|s| s.name).collect::<Vec<_>>().join(", ");
    let found = scenarios::ALL.iter().find(|scenario| scenario.name == story);
    found.with_context(|| format!("there is no story {story:?}; there are {}", known()))
}

/// Starts one process a story, with the key logger preloaded, and waits for all.
fn record(stories: &[String], how: &How) -> Result<()> {
    let stories: Vec<&Scenario> = if stories.is_empty() {
        scenarios::ALL.iter().collect()
    } else {
        stories.iter().map(|story| find(story)).collect::<Result<_>>()?
    };
    let logger = key_logger()?;
    let program = env::current_exe().context("our own program")?;
    fs::create_dir_all(&how.out).with_context(|| how.out.display().to_string())?;
    let mut running = Vec::new();
    for scenario in stories {
        let keys = how.out.join(format!("{}.keys", scenario.name));
        match fs::remove_file(&keys) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).context(keys.display().to_string());
            }
            _ => {}
        }
        let mut command = Command::new(&program);
        command.arg("play").arg(scenario.name).arg("--out").arg(&how.out);
        if how.everything {
            command.arg("--everything");
        }
        if how.savedata {
            command.arg("--savedata");
        }
        command.env("LD_PRELOAD", &logger).env(KEY_LOG, &keys);
        // SAFETY: `prctl` is safe to call between fork and exec; it makes the child end with us.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
        running.push((scenario.name, keys, command.spawn()?));
    }
    let mut failed = Vec::new();
    for (story, keys, mut child) in running {
        if !child.wait()?.success() {
            failed.push(story);
        } else {
            let logged = fs::metadata(&keys).is_ok_and(|file| file.len() > 0);
            ensure!(logged, "{story}: the key logger wrote nothing to {}", keys.display());
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The key logger, built with cargo if it is not there yet.
fn key_logger() -> Result<PathBuf> {
    let program = env::current_exe().context("our own program")?;
    let folder = program.parent().context("a program in no folder")?;
    let found = || {
        [folder, folder.parent().unwrap_or(folder)]
            .iter()
            .map(|folder: &&Path| folder.join(KEY_LOGGER))
            .find(|path| path.is_file())
    };
    if let Some(cargo) = env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--package", "toxscope-keylog"]);
        if folder.ends_with("release") {
            command.arg("--release");
        }
        ensure!(command.status()?.success(), "cargo does not build the key logger");
    }
    found().with_context(|| {
        format!("no {KEY_LOGGER} beside {}: cargo build -p toxscope-keylog", program.display())
    })
}

#[expect(clippy::print_stderr, reason = "a program talks")]
fn play(story: &str, here: bool, is_recorded: bool, how: &How) -> Result<()> {
    let scenario = find(story)?;
    let plan = Plan {
        story: scenario.name,
        about: scenario.about,
        capture: is_recorded.then(|| how.out.join(format!("{story}.pcapng"))),
        truth: how.out.join(format!("{story}.truth.jsonl")),
        keys: env::var_os(KEY_LOG).map(PathBuf::from),
        savedata: how.savedata.then(|| how.out.clone()),
        ipv6: scenario.ipv6,
        left_out: if how.everything { &[] } else { scenario.left_out },
    };
    let began = Instant::now();
    if !here {
        namespace::enter()?;
    }
    let mut world = World::new(plan)?;
    (scenario.play)(&mut world).with_context(|| story.to_owned())?;
    let frames = world.finish()?;
    eprintln!("{story}: {frames} frames in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
