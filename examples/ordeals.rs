//! Conferences that go through splits, losses, restarts and other troubles for hours, one after another, and how
//! they came together again.
//!
//! `cargo run --release --example ordeals` goes through 100 000 hours, 10 000 of them with 16 members; `ordeals MEMBERS
//! HOURS [SEED]` through so many with so many, the first world having that seed (0). A world that failed says with
//! which arguments it is made again. Every fiftieth is gone through twice, and has to send the same bytes at the
//! same moments.
#![expect(clippy::print_stdout, reason = "its figures are for people")]

use std::process::ExitCode;
use std::time::Instant;

use toxscope::simulate::ordeal::{Endured, IN_TIME, Merge, Ordeal};
use toxscope::simulate::{Nanos, SECOND, Watch};

/// How long a world lasts, in hours.
const LASTS: u64 = 10;
/// Every world whose seed it divides is gone through twice.
const TWICE: u64 = 50;
/// Every world whose seed it divides is looked at with nothing left out.
const CLOSELY: u64 = 10;
/// Members, and hours.
const MIX: [(u64, u64); 7] =
    [(2, 30_000), (3, 33_000), (4, 15_000), (5, 6000), (6, 4000), (8, 2000), (16, 10_000)];

/// What came of conferences with so many members.
#[derive(Default)]
struct Row {
    worlds: u64,
    with_legacy: u64,
    simulated: Nanos,
    steps: u64,
    merges: Vec<Merge>,
    twice: u64,
    failed: u64,
}

impl Row {
    fn add(&mut self, endured: Endured) {
        self.with_legacy += u64::from(endured.has_legacy);
        self.simulated += endured.simulated;
        self.steps += endured.steps;
        self.merges.extend(endured.merges);
    }

    /// Merges, how many of them were late, and how long the slowest took in seconds.
    fn merges(&self, of: impl Fn(&Merge) -> bool) -> String {
        let merges = || self.merges.iter().filter(|merge| of(merge));
        let late = merges().filter(|merge| merge.took > IN_TIME).count();
        let slowest = merges().map(|merge| merge.took / SECOND).max().unwrap_or(0);
        format!("{:>7} {late:>6} {slowest:>5}", merges().count())
    }
}

fn watch(seed: u64) -> Watch {
    if seed.is_multiple_of(CLOSELY) { Watch::closely() } else { Watch::swiftly() }
}

fn go_through(members: usize, hours: u64, first: u64) -> Row {
    let mut row = Row::default();
    let start = Instant::now();
    for seed in first..first + hours.div_ceil(LASTS) {
        let lasts = i64::try_from(LASTS).unwrap_or_default() * 3600 * SECOND;
        let ordeal = Ordeal { seed, members, lasts };
        row.worlds += 1;
        let endured = ordeal.run(watch(seed));
        match endured {
            Ok(endured) => {
                if seed.is_multiple_of(TWICE) {
                    row.twice += 1;
                    let again = ordeal.run(watch(seed)).ok();
                    if again.as_ref() != Some(&endured) {
                        println!("not the same again: ordeals {members} {LASTS} {seed}");
                        row.failed += 1;
                    }
                }
                row.add(endured);
            }
            Err(why) => {
                println!("{why}: ordeals {members} {LASTS} {seed}");
                row.simulated += why.now;
                row.failed += 1;
            }
        }
    }
    let hours = row.simulated / (3600 * SECOND);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{members:>7} {hours:>7} {:>7} {:>7} {} {} {} {:>6} {:>6} {:>12} {seconds:>8.0}",
        row.worlds,
        row.with_legacy,
        row.merges(|merge| merge.apart && merge.calm),
        row.merges(|merge| merge.apart && !merge.calm),
        row.merges(|merge| !merge.apart),
        row.failed,
        row.twice,
        row.steps,
    );
    row
}

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).map(|it| it.parse().expect("numbers"));
    let arguments: Vec<u64> = arguments.collect();
    println!(
        "                                  apart, then calm     apart, then bad      not apart"
    );
    println!(
        "members   hours  worlds  legacy  merges   late  max s  merges   late  max s  merges   late  max s failed  twice       inputs  seconds"
    );
    let mix = match arguments[..] {
        [members, hours, ref rest @ ..] => {
            vec![(members, hours, rest.first().copied().unwrap_or(0))]
        }
        _ => MIX.iter().map(|(members, hours)| (*members, *hours, 0)).collect(),
    };
    let rows = mix.into_iter().map(|(members, hours, seed)| {
        go_through(usize::try_from(members).unwrap_or(usize::MAX), hours, seed)
    });
    let failed: u64 = rows.map(|row| row.failed).sum();
    ExitCode::from(u8::from(failed > 0))
}
