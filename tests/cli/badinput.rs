//! Bad captures of other projects, from a folder that `TOXSCOPE_BADINPUT` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use super::{outcome, text};

/// What is printed of each file.
const RUNS: [&[&str]; 5] = [
    &["stats"],
    &["stats", "--format", "json"],
    &["dissect", "-a"],
    &["dissect", "-a", "--format", "detail"],
    &["dissect", "-a", "--format", "jsonl"],
];

/// What a run may take by the clock, and of address space, which is more than what is resident: reserved by
/// each of its threads, it hardly grows with the input.
const TIME: Duration = Duration::from_secs(10);
const KIBIBYTES: &str = "393216";

/// Controls, marks that turn the direction of text, and separators of lines: nothing that a terminal obeys.
fn is_obeyed(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Without the variable, says that nothing was checked.
#[test]
fn bad_captures_are_shown_or_refused() {
    let Some(folder) = env::var_os("TOXSCOPE_BADINPUT") else {
        eprintln!("NOTHING CHECKED: TOXSCOPE_BADINPUT names no directory with bad captures");
        return;
    };
    let mut paths = Vec::new();
    files(Path::new(&folder), &mut paths);
    paths.sort();
    assert!(paths.len() > 1000, "{} files", paths.len());
    for args in RUNS {
        let (mut codes, mut slowest) = (BTreeMap::new(), (Duration::ZERO, Path::new("")));
        for path in &paths {
            let mut limited = std::process::Command::new("sh");
            let script = "ulimit -v \"$0\" && exec \"$@\"";
            limited.args(["-c", script, KIBIBYTES, env!("CARGO_BIN_EXE_toxscope")]).args(args);
            let start = Instant::now();
            let (code, stdout, stderr) = outcome(&limited.arg(path).output().unwrap());
            let took = start.elapsed();
            let what = || format!("{args:?} {}: {code}, {stderr}", path.display());
            assert!((0..=2).contains(&code) && took < TIME, "{}", what());
            assert!(code != 2 || stderr.contains(text(path)), "{}", what());
            let mut printed = stdout.chars().chain(stderr.chars());
            assert!(!printed.any(is_obeyed), "{}", what());
            if args.iter().any(|arg| arg.starts_with("json")) {
                let is_json = |line| serde_json::from_str::<serde_json::Value>(line).is_ok();
                assert!(stdout.lines().all(is_json), "{}", what());
            }
            *codes.entry(code).or_insert(0) += 1;
            slowest = slowest.max((took, path));
        }
        let (took, path) = slowest;
        eprintln!("{args:?}: exit codes {codes:?}, the slowest {took:.2?} {}", path.display());
    }
}
