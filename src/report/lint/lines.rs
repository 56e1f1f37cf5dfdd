//! Findings as JSON lines.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{LintedFile, frames, names};
use crate::lint::Report;
use crate::report::json::SCHEMA;
use crate::report::visible::to_line;

#[derive(Serialize)]
struct Line<'a> {
    schema: u64,
    id: &'static str,
    severity: &'static str,
    file: Option<&'a str>,
    frame: Option<u64>,
    time: Option<String>,
    endpoint: Option<String>,
    conference: Option<String>,
    rule: &'static str,
    message: &'a str,
    evidence: Vec<u64>,
    evidence_files: Vec<Option<&'a str>>,
}

/// The last line, if something could not be judged: how often, by reason.
#[derive(Serialize)]
struct NotJudged {
    schema: u64,
    not_judged: BTreeMap<&'static str, u64>,
}

/// Writes findings as JSON objects, one a line, and behind them one that says what could not be judged.
///
/// # Errors
///
/// Those of `out`.
pub fn lint_jsonl(report: &Report, files: &[LintedFile], out: &mut dyn Write) -> io::Result<()> {
    let names = names(files);
    let name = |file: u16| names.get(usize::from(file)).map(|name| &**name);
    for finding in &report.findings {
        to_line(
            &Line {
                schema: SCHEMA,
                id: finding.rule.id,
                severity: finding.severity.name(),
                file: name(finding.file),
                frame: finding.spot.map(|spot| spot.frame.number),
                time: finding.spot.map(|spot| spot.at.to_string()),
                endpoint: finding.endpoint.map(|key| key.to_string()),
                conference: finding.conference.map(|it| it.id.to_string()),
                rule: finding.rule.cites,
                message: &finding.message,
                evidence: frames(&finding.evidence),
                evidence_files: finding.evidence.iter().map(|it| name(it.file)).collect(),
            },
            out,
        )?;
    }
    if report.not_judged.is_empty() {
        return Ok(());
    }
    let not_judged = report.not_judged.iter().map(|(why, count)| (why.name(), *count)).collect();
    to_line(&NotJudged { schema: SCHEMA, not_judged }, out)
}
