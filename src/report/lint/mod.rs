//! Findings: as text, JSON lines, SARIF and JUnit XML.

mod junit;
mod lines;
mod sarif;
mod text;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::lint::{Finding, Frame, Report};
use crate::printable::printable;
use crate::wire::{Hex, PublicKey};

pub use junit::lint_junit;
pub use lines::lint_jsonl;
pub use sarif::lint_sarif;
pub use text::{explain, lint_text, not_judged};

/// A file that was checked.
#[derive(Clone, Debug)]
pub struct LintedFile {
    /// What it is called among lines for people: printable.
    pub shown: String,
    /// Its path.
    pub path: PathBuf,
}

impl LintedFile {
    /// For JSON; what is no Unicode is replaced.
    fn name(&self) -> Cow<'_, str> {
        self.path.to_string_lossy()
    }
}

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

/// Whose doing it is, and in which conference: what stands before the message.
fn whose(report: &Report, finding: &Finding) -> String {
    let Some(key) = &finding.endpoint else { return String::new() };
    let mut text = who(report, key);
    if let Some(conference) = &finding.conference {
        let id = Hex(conference.id.0.get(..4).unwrap_or_default());
        let _ = write!(text, " in conference {id}");
    }
    text + ": "
}

/// Where it is, for people: "frame 12", with the file if there are several.
fn place(finding: &Finding, files: &[LintedFile]) -> String {
    match finding.spot {
        None => shown(files, finding.file).to_owned(),
        Some(spot) => frame(spot.frame, files),
    }
}

/// A frame, for people, with the file if there are several.
fn frame(frame: Frame, files: &[LintedFile]) -> String {
    if files.len() > 1 {
        format!("{} frame {}", shown(files, frame.file), frame.number)
    } else {
        format!("frame {}", frame.number)
    }
}

fn shown(files: &[LintedFile], file: u16) -> &str {
    files.get(usize::from(file)).map_or("", |file| file.shown.as_str())
}

/// The names of files in JSON.
fn names(files: &[LintedFile]) -> Vec<Cow<'_, str>> {
    files.iter().map(LintedFile::name).collect()
}

fn frames(of: &[Frame]) -> Vec<u64> {
    of.iter().map(|frame| frame.number).collect()
}
