//! Arguments, wiring and exit codes.
//!
//! Alone in touching arguments, environment, standard streams and the process; the work is done
//! downstairs. Data goes to standard output, talk to standard error.

mod args;
mod clocks;
mod corpus;
mod decode;
mod dissect;
mod fields;
#[cfg(target_os = "linux")]
mod fuzz_peer;
mod input;
mod keys;
mod lint;
#[cfg(target_os = "linux")]
mod live;
mod mutate;
mod names;
mod new_file;
mod output;
#[cfg(target_os = "linux")]
mod preload;
mod progress;
#[cfg(target_os = "linux")]
mod record;
mod replay;
mod save;
mod secrets;
mod shell;
mod simulate;
mod stats;
mod stdio;

use std::ffi::OsString;
use std::panic;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use output::{Output, Stop, Talk, say};

use crate::report::printable;

/// How a run ended, other than by an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    /// Nothing to add.
    Clean,
    /// Something was found that should not be there.
    Findings,
    /// Somebody else's exit code.
    Exit(u8),
}

const FINDINGS: u8 = 1;
const FAILED: u8 = 2;
const INTERNAL: u8 = 3;

/// To be called before [`main`], and before Rust's runtime is ready for more: looks at the standard
/// streams as they are.
pub fn before_main() {
    stdio::look_before_main();
}

/// Runs the program with the arguments, environment and streams of this process.
pub fn main() -> ExitCode {
    hide_what_panics_tell();
    panic::catch_unwind(|| run(std::env::args_os().collect())).unwrap_or(ExitCode::from(INTERNAL))
}

/// From here on, the message of a panic, which may quote what it stumbled on, secrets included, tells its place
/// only.
pub fn hide_what_panics_tell() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
        say(&format!(
            "internal error{}; please report it with the version ({})",
            place.unwrap_or_default(),
            env!("CARGO_PKG_VERSION")
        ));
    }));
}

fn run(argv: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(&argv) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &argv),
    };
    secrets::keep_in_memory();
    stdio::take_size_limits_for_errors();
    let mut out = Output::new();
    let color = cli.talk.wants_color(out.is_terminal());
    let talk = Talk { quiet: cli.talk.quiet, verbose: cli.talk.verbose, color };
    let done = match &cli.command {
        Command::Dissect(args) => dissect::run(args, &mut out, talk),
        Command::Stats(args) => stats::run(args, &mut out, talk),
        Command::Decode(args) => decode::run(args, &mut out, color),
        #[cfg(target_os = "linux")]
        Command::Live(args) => live::run(args, &mut out, talk),
        #[cfg(target_os = "linux")]
        Command::Record(args) => record::run(args, &mut out, talk),
        Command::Keys(command) => keys::run(command, &mut out, talk),
        Command::Replay(args) => replay::run(args, &mut out, talk),
        Command::Save(args) => save::run(args, &mut out),
        Command::Lint(args) => lint::run(args, &mut out, talk),
        Command::Corpus(args) => corpus::run(args, &mut out, talk),
        Command::Mutate(args) => mutate::run(args, &mut out, talk),
        #[cfg(target_os = "linux")]
        Command::FuzzPeer(args) => fuzz_peer::run(args, &mut out, talk),
        Command::Simulate(args) => simulate::run(args, &mut out, talk),
        Command::Fields(args) => fields::run(args, &mut out),
        Command::Completions { shell } => shell::completions(*shell, &mut out),
        Command::Man(args) => shell::man(args, &mut out),
    };
    // What was found before an error is shown, and before the error.
    let finished = out.finish();
    match done.and_then(|done| finished.map(|()| done)) {
        Ok(Done::Clean) | Err(Stop::ClosedPipe) => ExitCode::SUCCESS,
        Ok(Done::Findings) => ExitCode::from(FINDINGS),
        Ok(Done::Exit(code)) => ExitCode::from(code),
        Err(Stop::Failed(error)) => {
            say(&format!("{error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Help and version go to standard output; everything else that stops clap is a usage error.
fn usage(error: &clap::Error, argv: &[OsString]) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let mut out = Output::new();
        let text = error.render().to_string();
        let shown = out.write(|out| out.write_all(text.as_bytes())).and_then(|()| out.finish());
        return match shown {
            Ok(()) | Err(Stop::ClosedPipe) => ExitCode::SUCCESS,
            Err(Stop::Failed(error)) => {
                say(&format!("{error:#}"));
                ExitCode::from(FAILED)
            }
        };
    }
    // The message quotes arguments: have it made anew from arguments that can be printed.
    let printable = argv.iter().map(|arg| printable(arg.as_encoded_bytes()).to_string());
    let text = match Cli::try_parse_from(printable) {
        Err(error) => error.render().to_string(),
        Ok(_) => "error: an argument is not UTF-8".to_owned(),
    };
    say(text.strip_prefix("error: ").unwrap_or(&text));
    ExitCode::from(FAILED)
}
