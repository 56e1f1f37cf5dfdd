//! Findings: as text, JSON lines, SARIF and JUnit XML.

mod junit;
mod lines;
mod sarif;
mod text;

use crate::lint::{Finding, Frame, Report};
use crate::printable::printable;
use crate::wire::{Hex, PublicKey};

pub use junit::lint_junit;
pub use lines::lint_jsonl;
pub use sarif::lint_sarif;
pub use text::{explain, lint_text, not_judged};

/// Columns of a name.
const NAME: usize = 24;

/// Somebody by name and the beginning of the key.
fn who(report: &Report, key: &PublicKey) -> String {
    let short = Hex(key.0.get(..4).unwrap_or_default());
    match report.names.get(key).filter(|name| !name.is_empty()) {
        Some(name) => format!("{} {short}", printable(name).cut(NAME)),
        None => short.to_string(),
    }
}

/// Where it is, for people: "frame 12", with the file if there are several.
fn place(finding: &Finding, files: &[String]) -> String {
    let file = files.get(usize::from(finding.file)).map_or("", String::as_str);
    match finding.spot {
        None => file.to_owned(),
        Some(spot) if files.len() > 1 => format!("{file} frame {}", spot.frame.number),
        Some(spot) => format!("frame {}", spot.frame.number),
    }
}

fn frames(of: &[Frame]) -> Vec<u64> {
    of.iter().map(|frame| frame.number).collect()
}
