//! `toxscope-interop`: records a story.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use toxscope_interop::net::namespace;
use toxscope_interop::scenarios;
use toxscope_interop::world::{Plan, World};

/// Records scripted stories of real libtoxcore peers.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays a story and writes STORY.pcapng, STORY.keys and STORY.truth.jsonl.
    Record {
        /// Which one (see `list`).
        story: String,
        /// Where to.
        #[arg(long, default_value = ".")]
        out: PathBuf,
    },
    /// Names the stories.
    List,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]
fn main() -> Result<()> {
    match Cli::parse().command {
        Command::List => {
            for scenario in scenarios::ALL {
                println!("{:<8} {}", scenario.name, scenario.about);
            }
        }
        Command::Record { story, out } => {
            let scenario = scenarios::ALL
                .iter()
                .find(|scenario| scenario.name == story)
                .with_context(|| format!("there is no story {story:?}"))?;
            let plan = Plan {
                story: scenario.name,
                capture: out.join(format!("{story}.pcapng")),
                truth: out.join(format!("{story}.truth.jsonl")),
                ipv6: scenario.ipv6,
            };
            let began = Instant::now();
            namespace::enter()?;
            let mut world = World::new(plan)?;
            (scenario.play)(&mut world)?;
            let frames = world.finish()?;
            eprintln!("{story}: {frames} frames in {:.1} s", began.elapsed().as_secs_f64());
        }
    }
    Ok(())
}
