//! Findings as SARIF 2.1.0, for code scanning.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{LintedFile, frames, names, whose};
use crate::lint::{Finding, Report, Rule, Severity};
use crate::report::visible::to_line;

/// Writes a SARIF log of one run, with all rules that ran.
///
/// # Errors
///
/// Those of `out`.
pub fn lint_sarif(
    report: &Report,
    rules: &[&'static Rule],
    files: &[LintedFile],
    out: &mut dyn Write,
) -> io::Result<()> {
    let results: Vec<_> =
        report.findings.iter().map(|it| result(report, it, rules, files)).collect();
    let not_judged: BTreeMap<&str, u64> =
        report.not_judged.iter().map(|(why, count)| (why.title(), *count)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            } },
            "artifacts": files.iter().map(|file| json!({ "location": { "uri": uri(&file.path) } }))
                .collect::<Vec<_>>(),
            "results": results,
            "properties": { "notJudged": not_judged },
        }],
    });
    to_line(&log, out)
}

const fn level(severity: Severity) -> &'static str {
    severity.name()
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.says },
        "fullDescription": { "text": format!("{} Likely cause: {}.", rule.says, rule.cause) },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "rule": rule.cites, "known": rule.known },
    })
}

fn result(report: &Report, finding: &Finding, rules: &[&Rule], files: &[LintedFile]) -> Value {
    let uri = files.get(usize::from(finding.file)).map_or(String::new(), |file| uri(&file.path));
    let names = names(files);
    let name = |file: u16| names.get(usize::from(file));
    let text = format!("{}{}", whose(report, finding), finding.message);
    let mut location = json!({
        "physicalLocation": { "artifactLocation": { "uri": uri, "index": finding.file } },
    });
    if let (Some(spot), Some(place)) = (finding.spot, location.as_object_mut()) {
        let name = format!("frame {}", spot.frame.number);
        place.insert("logicalLocations".to_owned(), json!([{ "name": name, "kind": "frame" }]));
    }
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rules.iter().position(|rule| rule.id == finding.rule.id),
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location],
        "properties": {
            "rule": finding.rule.cites,
            "file": name(finding.file),
            "frame": finding.spot.map(|spot| spot.frame.number),
            "time": finding.spot.map(|spot| spot.at.to_string()),
            "endpoint": finding.endpoint.map(|key| key.to_string()),
            "conference": finding.conference.map(|it| it.id.to_string()),
            "evidence": frames(&finding.evidence),
            "evidence_files": finding.evidence.iter().map(|it| name(it.file)).collect::<Vec<_>>(),
        },
    })
}

/// A path as a relative or absolute reference.
fn uri(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes().iter().copied() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri(Path::new("a b/ü.pcapng")), "a%20b/%C3%BC.pcapng");
        assert_eq!(uri(Path::new("back\\slash")), "back%5Cslash");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_unicode_is_encoded_byte_by_byte() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        assert_eq!(uri(Path::new(OsStr::from_bytes(b"bad\xff"))), "bad%FF");
    }
}
