//! `toxscope lint`: captures and save files against the rules.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::Done;
use super::args::{FailOn, LintArgs, LintFormat};
use super::clocks;
use super::input::{Input, filter, limits, shown};
use super::output::{Output, Stop, Talk, say};
use super::save;
use crate::conference::savedata::Savedata;
use crate::dissect::{Item, Record};
use crate::lint::{Lint, RULES, Rule, Severity, rule};
use crate::report::{
    LintedFile, explain, lint_jsonl, lint_junit, lint_sarif, lint_text, not_judged, printable,
};

pub(super) fn run(args: &LintArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    if let Some(id) = &args.explain {
        let rule = known(id)?;
        out.write(|out| explain(rule, out))?;
        return Ok(Done::Clean);
    }
    let rules = chosen(args)?;
    // What is wrong with the command line is said before any file is touched.
    let filter = args.source.filter.as_deref().map(filter).transpose()?;
    let (saves, captures): (Vec<_>, Vec<_>) =
        args.files.iter().cloned().partition(|path| save::is_save(path));
    let files: Vec<_> = captures.iter().chain(&saves).map(|path| linted(path)).collect();
    let names: Vec<_> = files.iter().map(|file| file.shown.clone()).collect();
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if captures.len() > 1 && captures.iter().chain(&args.source.keys).any(is_stdin) {
        return Err(anyhow::anyhow!(
            "with several captures nothing can be read from standard input: captures are read twice, and \
             keys for each that is read by itself"
        )
        .into());
    }
    let mut lint = Lint::new(rules.clone());
    for (number, path) in (captures.len()..).zip(&saves) {
        let file = save::read(path)?;
        let name = shown(path);
        let savedata =
            Savedata::parse(&file).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        lint.save(u16::try_from(number).unwrap_or(u16::MAX), &savedata);
    }
    let wanted = |record: &Record<'_>| filter.as_ref().is_none_or(|filter| filter.matches(record));
    let mut report = lint.finish(&wanted);
    let (mut notes, mut all_ended) = (Vec::new(), Vec::new());
    let captures: Vec<_> = captures.iter().map(PathBuf::as_path).collect();
    for group in clocks::groups(&captures, &limits(&args.source), &mut notes)? {
        let input = Input::open_files(&group, &args.source, out)?;
        let places = group.iter().map(|part| part.place).collect();
        let mut lint = Lint::new(rules.clone()).of_files(places, names.clone());
        all_ended.push(input.each(|item| {
            if let Item::Record(record) = item {
                lint.record(record, &wanted);
            }
            Ok(())
        })?);
        report.add(lint.finish(&wanted));
    }
    let fail_on = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
    };
    out.write(|out| match args.format {
        LintFormat::Text => lint_text(&report, &files, talk.color, out),
        LintFormat::Jsonl => lint_jsonl(&report, &files, out),
        LintFormat::Sarif => lint_sarif(&report, &rules, &files, out),
        LintFormat::Junit => lint_junit(&report, &rules, &files, fail_on, out),
    })?;
    for ended in &mut all_ended {
        ended.add_notes(std::mem::take(&mut notes));
    }
    let mut told = Ok(Done::Clean);
    for ended in all_ended {
        match (ended.tell(out, talk), &told) {
            (Err(Stop::Failed(error)), Err(_)) => say(&format!("{error:#}")),
            (Err(stop), _) => told = Err(stop),
            (Ok(_), _) => {}
        }
    }
    told?;
    if args.format != LintFormat::Text
        && !talk.quiet
        && let Some(text) = not_judged(&report)
    {
        out.finish()?;
        say(&text);
    }
    let failed = report.findings.iter().any(|finding| finding.severity >= fail_on);
    Ok(if failed { Done::Findings } else { Done::Clean })
}

/// A file that is checked, as it is named in reports.
fn linted(path: &Path) -> LintedFile {
    let shown = shown(path);
    let is_stdin = path.as_os_str() == "-";
    let path = if is_stdin { PathBuf::from(&shown) } else { path.to_owned() };
    LintedFile { shown, path }
}

/// The rules that are asked for.
fn chosen(args: &LintArgs) -> anyhow::Result<Vec<&'static Rule>> {
    let only = args.only.iter().map(|id| known(id)).collect::<anyhow::Result<Vec<_>>>()?;
    let ignored = args.ignore.iter().map(|id| known(id)).collect::<anyhow::Result<Vec<_>>>()?;
    let has = |list: &[&Rule], rule: &Rule| list.iter().any(|it| it.id == rule.id);
    let wanted =
        |rule: &&'static Rule| (only.is_empty() || has(&only, rule)) && !has(&ignored, rule);
    let chosen: Vec<_> = RULES.iter().copied().filter(wanted).collect();
    if chosen.is_empty() {
        bail!("nothing would be checked: --ignore takes away all that --only names");
    }
    Ok(chosen)
}

/// The rule of that id, or which one may have been meant.
fn known(id: &str) -> anyhow::Result<&'static Rule> {
    if let Some(rule) = rule(id) {
        return Ok(rule);
    }
    let upper = id.to_uppercase();
    let near = RULES.iter().min_by_key(|rule| strsim::levenshtein(rule.id, &upper));
    let near = near.map(|rule| format!("; did you mean {}?", rule.id)).unwrap_or_default();
    bail!("no diagnostic is called {}{near}", printable(id).quoted().cut(60))
}
