//! Findings as lines for people, and what a rule means.

use std::io::{self, Write};

use super::{LintedFile, place, whose};
use crate::lint::{Report, Rule, Severity};
use crate::report::style::{Tone, styled};

/// Writes findings, a line each, and how many there are.
///
/// # Errors
///
/// Those of `out`.
pub fn lint_text(
    report: &Report,
    files: &[LintedFile],
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for finding in &report.findings {
        let tone = match finding.severity {
            Severity::Error => Tone::Wrong,
            Severity::Warning => Tone::Strong,
            Severity::Note => Tone::Faint,
        };
        let label = format!("{} {}", finding.severity, finding.rule.id);
        write!(out, "{}: {}: ", place(finding, files), styled(color, tone, label))?;
        write!(out, "{}{} [{}", whose(report, finding), finding.message, finding.rule.cites)?;
        if !finding.rule.known.is_empty() {
            write!(out, "; known: {}", finding.rule.known)?;
        }
        writeln!(out, "]")?;
    }
    let count = |severity| report.findings.iter().filter(|it| it.severity == severity).count();
    let counted =
        |count: usize, thing: &str| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
    write!(
        out,
        "{}, {}, {}",
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
        counted(count(Severity::Note), "note")
    )?;
    if report.more > 0 {
        write!(out, "; {} more like these left out", report.more)?;
    }
    writeln!(out)?;
    if let Some(text) = not_judged(report) {
        writeln!(out, "{text}")?;
    }
    Ok(())
}

/// What was not judged, and why.
#[must_use]
pub fn not_judged(report: &Report) -> Option<String> {
    let reasons: Vec<_> =
        report.not_judged.iter().map(|(why, count)| format!("{count} × {why}")).collect();
    (!reasons.is_empty()).then(|| format!("not judged: {}", reasons.join("; ")))
}

/// Writes what a rule means.
///
/// # Errors
///
/// Those of `out`.
pub fn explain(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}", rule.id, rule.severity)?;
    writeln!(out)?;
    writeln!(out, "{}", rule.says)?;
    writeln!(out)?;
    writeln!(out, "Rule:          {}", rule.cites)?;
    writeln!(out, "Likely cause:  {}", rule.cause)?;
    if !rule.known.is_empty() {
        writeln!(out, "Known for:     {}", rule.known)?;
    }
    let mut needs = vec![rule.class.needs()];
    needs.extend(rule.needs.iter().map(|need| need.title()));
    writeln!(out, "Decided from:  {} (class {})", needs.join("; "), rule.class.letter())
}
