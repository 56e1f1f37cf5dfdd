//! What the program does: many cases, scenarios, one case, a comparison of speeds.

#![expect(clippy::print_stdout, reason = "a program talks")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use toxscope::simulate::scenario::BUNDLED;
use toxscope_oracle::judge::Judge;
use toxscope_oracle::minimise::minimise;
use toxscope_oracle::original::{Original, version};
use toxscope_oracle::scenarios::{parts, play};
use toxscope_oracle::script::{BEGIN, Case};
use toxscope_oracle::tally::Tally;
use toxscope_oracle::{bytes_of, profile, run, speed};

/// The conference code of libtoxcore beside toxscope's reference machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run cases from seeds until so many inputs were compared.
    Run {
        /// How many inputs.
        #[arg(long, default_value_t = 10_000_000)]
        inputs: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many threads.
        #[arg(long, default_value_t = 1)]
        jobs: u64,
    },
    /// Hand both sides what every endpoint of the bundled scenarios goes through.
    Scenarios {
        /// How often each is played, with other chance.
        #[arg(long, default_value_t = 20)]
        seeds: u64,
    },
    /// Show one case step by step with what followed; if the sides part ways, make it short.
    Show {
        /// Its seed.
        #[arg(required_unless_present = "file")]
        seed: Option<u64>,
        /// The bytes that make it, instead of a seed: what the fuzz target was given.
        #[arg(long, conflicts_with = "seed")]
        file: Option<PathBuf>,
        /// Only what is left when it is made short.
        #[arg(long)]
        short: bool,
    },
    /// Write the bytes of seeds to files, for a fuzzer to begin with.
    Seeds {
        /// A folder, which is made if it is not there.
        folder: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 200)]
        count: u64,
    },
    /// Measure both sides.
    Speed {
        /// How many random cases.
        #[arg(long, default_value_t = 500)]
        cases: u64,
    },
}

/// Does what the arguments say.
pub(crate) fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Run { inputs, from, jobs } => Ok(run_many(inputs, from, jobs)),
        Command::Scenarios { seeds } => run_scenarios(seeds),
        Command::Show { seed, file, short } => {
            let bytes = match (seed, file) {
                (Some(seed), _) => bytes_of(seed),
                (None, Some(file)) => {
                    std::fs::read(&file).with_context(|| file.display().to_string())?
                }
                (None, None) => Vec::new(),
            };
            Ok(show(&bytes, short))
        }
        Command::Seeds { folder, count } => {
            std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
            for seed in 0..count {
                std::fs::write(folder.join(format!("seed-{seed}.bin")), bytes_of(seed))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Speed { cases } => {
            compare_speed(cases);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Runs until `inputs` were compared or the sides part ways.
fn run_many(inputs: u64, from: u64, jobs: u64) -> ExitCode {
    let started = Instant::now();
    let (next, done) = (AtomicU64::new(from), AtomicU64::new(0));
    let job = || {
        let mut original = Original::new();
        let (profile, mut tally) = (profile(), Tally::default());
        while done.load(Ordering::Relaxed) < inputs {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let outcome = run(&mut original, &profile, &bytes_of(seed), &mut tally);
            done.fetch_add(outcome.case.steps.len() as u64, Ordering::Relaxed);
            if outcome.disagreement.is_some() {
                return (tally, Some((seed, outcome.case)));
            }
        }
        (tally, None)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let jobs: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(job)).collect();
        jobs.into_iter().map(|job| job.join().expect("a job does not panic")).collect()
    });
    let mut tally = Tally::default();
    for (part, _) in &results {
        tally.add(part);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{} against libtoxcore {}", profile(), version());
    println!("{tally}");
    let busy = speed::spent_by_all() as f64 / 1e9;
    let pace = tally.total() as f64 / busy;
    println!("{seconds:.0} s, of which {busy:.0} s of processor time: {pace:.0} inputs a second");
    let failed: Vec<_> = results.into_iter().filter_map(|(_, failed)| failed).collect();
    for (seed, case) in &failed {
        println!("\nseed {seed}: the sides part ways; made short:");
        show_short(&mut Original::new(), case);
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays all scenarios, up to the first endpoint on which the sides part ways.
fn run_scenarios(seeds: u64) -> Result<ExitCode> {
    let (mut original, mut tally, mut left_out) = (Original::new(), Tally::default(), 0);
    println!("{} against libtoxcore {}", profile(), version());
    for seed in 1..=seeds {
        for scenario in BUNDLED {
            for (index, part) in parts(scenario, seed)?.iter().enumerate() {
                left_out += part.left_out;
                if let Err(how) = play(&mut original, part, &mut tally) {
                    println!("{}, seed {seed}, endpoint {index}: {how}", scenario.name);
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
    }
    println!("{tally}\nleft out: {left_out} inputs behind a new DHT key of a running program");
    Ok(ExitCode::SUCCESS)
}

/// Runs a case again, each step with what followed.
fn show(bytes: &[u8], short: bool) -> ExitCode {
    let mut original = Original::new();
    let outcome = run(&mut original, &profile(), bytes, &mut Tally::default());
    if !short {
        show_steps(&mut original, &outcome.case);
    }
    if outcome.disagreement.is_none() {
        println!("the sides agree");
        return ExitCode::SUCCESS;
    }
    println!("made short:");
    show_short(&mut original, &outcome.case);
    ExitCode::FAILURE
}

fn show_short(original: &mut Original, case: &Case) {
    let short = minimise(original, &profile(), case);
    show_steps(original, &short);
}

fn show_steps(original: &mut Original, case: &Case) {
    let mut judge = Judge::new(original, profile(), BEGIN, case.identity.clone());
    println!("we are {} at {}", case.identity.real_key, case.identity.dht_key);
    for (index, step) in case.steps.iter().enumerate() {
        println!("{index:>5} {step:?}");
        let result = step.run(&mut judge);
        for told in judge.told() {
            println!("          {told:?}");
        }
        if let Err(disagreement) = result {
            println!("{disagreement}");
            return;
        }
    }
}

fn compare_speed(cases: u64) {
    let mut original = Original::new();
    let profile = profile();
    let mut random = Vec::new();
    for seed in 0..cases {
        let outcome = run(&mut original, &profile, &bytes_of(seed), &mut Tally::default());
        random.push(outcome.case);
    }
    println!("nanoseconds of processor time for each input    ours   original   ratio");
    let mut line = |what: &str, cases: &[Case], prepare| {
        let pace = speed::measure(&mut original, &profile, cases, prepare);
        let ratio = pace.original / pace.ours;
        println!("{what:<43} {:>8.0} {:>10.0} {ratio:>7.2}", pace.ours, pace.original);
        pace
    };
    let pace = line(&format!("{cases} random cases"), &random, 0);
    for peers in [4, 64, 1000, 10_000] {
        let (case, prepare) = speed::talk(peers);
        line(&format!("talk of {peers} peers, a message"), &[case], prepare);
    }
    let [ours, original] = [pace.ours, pace.original].map(|nanos| 1e9 / nanos);
    println!("random inputs a second: ours {ours:.0}, original {original:.0}");
}
