//! Findings as JUnit XML, for CI: a test case for each rule.

use std::io::{self, Write};

use super::{LintedFile, frame, place, whose};
use crate::lint::{Class, Finding, Report, Rule, Severity, Why};

/// Writes a test suite in which a rule fails that has findings of at least `fail_on`.
///
/// # Errors
///
/// Those of `out`.
pub fn lint_junit(
    report: &Report,
    rules: &[&'static Rule],
    files: &[LintedFile],
    fail_on: Severity,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shown: Vec<_> = files.iter().map(|file| file.shown.as_str()).collect();
    let fails = |finding: &&Finding| finding.severity >= fail_on;
    let failures = rules.iter().filter(|rule| of(report, rule).any(|it| fails(&it))).count();
    // Without keys nothing is known of packets, so nobody may read that they are as they should be.
    let skips = |rule: &Rule| {
        let closed = !report.opened && report.not_judged.contains_key(&Why::Closed);
        closed && rule.class != Class::Save && of(report, rule).next().is_none()
    };
    let skipped = rules.iter().filter(|rule| skips(rule)).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" skipped=\"{skipped}\"", rules.len());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites {counts}>")?;
    writeln!(
        out,
        "<testsuite name=\"{}\" {counts}>",
        escaped(&format!("toxscope lint {}", shown.join(" ")))
    )?;
    if !report.not_judged.is_empty() {
        writeln!(out, "<properties>")?;
        for (why, count) in &report.not_judged {
            let name = why.name();
            writeln!(out, "<property name=\"not_judged.{name}\" value=\"{count}\"/>")?;
        }
        writeln!(out, "</properties>")?;
    }
    for rule in rules {
        if skips(rule) {
            writeln!(out, "<testcase classname=\"toxscope.lint\" name=\"{}\">", rule.id)?;
            writeln!(out, "<skipped message=\"no packet could be opened\"/>")?;
            writeln!(out, "</testcase>")?;
            continue;
        }
        if of(report, rule).next().is_none() {
            writeln!(out, "<testcase classname=\"toxscope.lint\" name=\"{}\"/>", rule.id)?;
            continue;
        }
        writeln!(out, "<testcase classname=\"toxscope.lint\" name=\"{}\">", rule.id)?;
        let line = |finding: &Finding| {
            let time = finding.spot.map_or(String::new(), |spot| format!("{}: ", spot.at));
            let place = place(finding, files);
            let whose = whose(report, finding);
            let evidence: Vec<_> = finding.evidence.iter().map(|it| frame(*it, files)).collect();
            let see = if evidence.is_empty() { "" } else { "; see " };
            let evidence = evidence.join(", ");
            let (severity, message) = (finding.severity, &finding.message);
            format!("{time}{place}: {severity}: {whose}{message}{see}{evidence}")
        };
        for finding in of(report, rule).filter(fails) {
            writeln!(
                out,
                "<failure type=\"{}\" message=\"{}\"/>",
                finding.severity,
                escaped(&line(finding))
            )?;
        }
        let others: Vec<_> = of(report, rule).filter(|it| !fails(it)).map(line).collect();
        if !others.is_empty() {
            writeln!(out, "<system-out>{}</system-out>", escaped(&others.join("\n")))?;
        }
        writeln!(out, "</testcase>")?;
    }
    writeln!(out, "</testsuite>")?;
    writeln!(out, "</testsuites>")
}

fn of<'a>(report: &'a Report, rule: &'a Rule) -> impl Iterator<Item = &'a Finding> {
    report.findings.iter().filter(|it| it.rule.id == rule.id)
}

/// Text for XML 1.0, which has no place for some characters.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' => xml.push(c),
            '\u{10000}'..='\u{10ffff}' => xml.push(c),
            _ => xml.push('\u{fffd}'),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_has_no_place_for_is_replaced() {
        assert_eq!(
            escaped("<a b=\"1\">&'\u{1}\u{ffff}ü"),
            "&lt;a b=&quot;1&quot;&gt;&amp;&apos;\u{fffd}\u{fffd}ü"
        );
    }
}
