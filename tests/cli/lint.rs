//! `lint`: real captures, formats, exit codes; `docs/lint.md` lists every diagnostic.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use toxscope::capture::pcapng::{Interface, Resolution, Writer};
use toxscope::capture::{Datagrams, Event, Limits, LinkType, emit_udp};
use toxscope::lint::{Class, RULES, Severity};

use super::{run, text};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

/// Errors in the samples that are defects of libtoxcore 0.2.18: sample, diagnostic, entry of
/// `docs/divergences.md`.
const DEFECTS: &[(&str, &str, &str)] = &[
    ("audio", "L-LOSSY-ECHO", "B-04"),
    ("tcp", "L-LOSSY-ECHO", "B-04"),
    // Its save was set back, to what 0.2.9 would have saved.
    ("stale", "L-NUM-REUSE", "#961"),
];

fn sample(name: &str) -> String {
    format!("{SAMPLES}/{name}.pcapng")
}

/// All samples.
fn stories() -> Vec<String> {
    let names = fs::read_dir(SAMPLES).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> =
        names.filter_map(|it| it.to_str()?.strip_suffix(".pcapng").map(str::to_owned)).collect();
    names.sort();
    names
}

fn findings(args: &[&str]) -> (i32, Vec<Value>) {
    let (code, stdout, _) = run(&[&["lint", "--format", "jsonl"], args].concat());
    let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    (code, lines.filter(|line| line["not_judged"].is_null()).collect())
}

#[test]
fn healthy_traffic_gives_no_error_but_for_known_defects() {
    let mut wrong = Vec::new();
    for story in stories() {
        let (_, found) = findings(&[&sample(&story)]);
        for finding in found.iter().filter(|it| it["severity"] == "error") {
            let id = finding["id"].as_str().unwrap();
            let known = DEFECTS.iter().find(|(name, defect, _)| (*name, *defect) == (&story, id));
            let rule = RULES.iter().find(|rule| rule.id == id).unwrap();
            if known.is_none_or(|(.., entry)| !rule.known.contains(entry)) {
                wrong.push(format!("{story}: {finding}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A member whose messages vanish after it came back from an old save.
#[test]
fn an_old_save_is_told_in_one_line_that_says_what_to_do() {
    let (code, stdout, _) = run(&["lint", &sample("stale")]);
    let lines: Vec<&str> = stdout.lines().filter(|line| line.contains(" error L-")).collect();
    let [line] = lines[..] else { panic!("{stdout}") };
    assert_eq!(code, 1);
    assert!(line.contains("L-NUM-REUSE") && line.contains("bob 4426bead"), "{line}");
    assert!(line.contains("old save") && line.contains("start it from a newer save"), "{line}");
    assert!(line.contains("#961"), "{line}");
    // The other rule that it breaks says so if it is asked alone.
    let (_, stdout, _) = run(&["lint", "--only", "L-NUM-BACK", &sample("stale")]);
    assert!(stdout.contains("error L-NUM-BACK"), "{stdout}");
}

#[test]
fn a_finding_has_all_that_the_contract_promises() {
    let (code, found) = findings(&["--fail-on", "note", &sample("talk")]);
    assert_eq!(code, 1, "there are notes at least");
    for finding in &found {
        assert_eq!(finding["schema"], 1);
        for field in ["id", "severity", "rule", "message", "file"] {
            assert!(finding[field].is_string(), "{field} of {finding}");
        }
        assert!(finding["frame"].is_u64() && finding["evidence"].is_array(), "{finding}");
    }
}

#[test]
fn the_exit_code_follows_the_severity_that_matters() {
    let talk = sample("talk");
    let (errors, ..) = run(&["lint", "-q", &talk]);
    let (notes, ..) = run(&["lint", "-q", "--fail-on", "note", &talk]);
    assert_eq!((errors, notes), (0, 1));
    let (code, _, stderr) = run(&["lint", "--only", "L-NUM-REUS", &talk]);
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean L-NUM-REUSE?"), "{stderr}");
}

#[test]
fn diagnostics_are_chosen_and_left_out() {
    let ids = |args: &[&str]| {
        let (_, found) = findings(args);
        found.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let talk = sample("talk");
    let all = ids(&[&talk]);
    let one = all.first().expect("a finding").clone();
    assert!(ids(&["--only", &one, &talk]).iter().all(|id| *id == one));
    assert!(ids(&["--ignore", &one, &talk]).iter().all(|id| *id != one));
    assert!(ids(&["-Y", "frame == 0", &talk]).is_empty());
}

/// What a member's own machine would have captured of a sample: frames to and from these ports, by its clock,
/// those from others a moment later than they were sent.
fn seen_by(story: &str, ports: &[u16], clock: i64, out: &Path) {
    let file = fs::read(sample(story)).unwrap();
    let mut datagrams = Datagrams::new(&*file, Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new()).unwrap();
    let (link, resolution) = (LinkType::RAW, Resolution::NANOSECONDS);
    writer.interface(Interface { link, snap_length: 0, resolution, name: None }).unwrap();
    while let Some(event) = datagrams.next().unwrap() {
        let Event::Datagram(it) = event else { continue };
        let (sends, hears) = (ports.contains(&it.from.port()), ports.contains(&it.to.port()));
        if sends || hears {
            let at = it.at.later(clock + if sends { 0 } else { 300_000 });
            let mut frame = Vec::new();
            emit_udp(it.from, it.to, it.payload, &mut frame);
            writer.packet(0, at, &frame, u32::try_from(frame.len()).unwrap()).unwrap();
        }
    }
    fs::write(out, writer.finish().unwrap()).unwrap();
}

#[test]
fn captures_of_several_machines_are_read_as_one_by_one_clock() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (story, members) in [("stale", 3_u16), ("rejoin", 3), ("relay", 9)] {
        let mut captures = Vec::new();
        for member in 0..members {
            // Whoever starts again gets the next port.
            let mut ports = vec![44_100 + member];
            ports.extend((member == 1 && story == "stale").then_some(44_103));
            let capture = at(&format!("{story}{member}.pcapng"));
            let clock =
                i64::from(member * member) * 2_500_000_000 - i64::from(member) * 40_000_000_000;
            seen_by(story, &ports, clock, Path::new(&capture));
            captures.push(capture);
        }
        let keys = format!("{SAMPLES}/{story}.keys");
        let mut args = vec!["lint", "-k", &keys, "--format", "jsonl"];
        args.extend(captures.iter().map(String::as_str));
        let (code, stdout, stderr) = run(&args);
        let told = |stdout: &str| {
            let lines = stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let found = lines.filter(|line| line["not_judged"].is_null());
            let mut found: Vec<_> = found
                .map(|it| {
                    let second = it["time"].as_str().unwrap()[..19].to_owned();
                    let who = it["endpoint"].as_str().map(str::to_owned);
                    (it["id"].as_str().unwrap().to_owned(), second, who)
                })
                .collect();
            found.sort();
            found
        };
        let (whole_code, whole, _) = run(&["lint", "--format", "jsonl", &sample(story)]);
        assert_eq!((code, told(&stdout)), (whole_code, told(&whole)), "{story}: {stderr}");
        for member in 1..members {
            let say = format!("the clock of {} is", captures[usize::from(member)]);
            assert!(stderr.contains(&say), "{stderr}");
        }
    }
}

/// The same people were in all of them at the same time, as it seems: nothing tells that it was not.
#[test]
fn captures_that_share_no_datagram_are_read_apart() {
    let told = |found: &[Value]| {
        let mut told: Vec<_> = found
            .iter()
            .map(|it| (it["file"].to_string(), it["frame"].as_u64(), it["message"].to_string()))
            .collect();
        told.sort();
        told
    };
    let stories = ["talk", "relay", "rejoin", "restart", "stale"].map(sample);
    let apart: Vec<_> = stories.iter().flat_map(|story| findings(&[story]).1).collect();
    let all: Vec<_> = stories.iter().map(String::as_str).collect();
    let (code, together) = findings(&all);
    assert_eq!((code, told(&together)), (1, told(&apart)));
    let (_, _, stderr) = run(&[&["lint"], &all[..2]].concat());
    assert_eq!(stderr.matches("was read by itself").count(), 2, "{stderr}");
}

#[test]
fn a_capture_given_twice_counts_once() {
    let talk = sample("talk");
    let (code, found) = findings(&[&talk, &talk]);
    let (once, expected) = findings(&[&talk]);
    assert_eq!((code, found.len()), (once, expected.len()));
}

#[test]
fn of_several_captures_each_fault_is_told_with_the_name_of_its_file() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let whole = fs::read(sample("talk")).unwrap();
    for name in ["a.pcapng", "b.pcapng"] {
        fs::write(at(name), &whole[..whole.len() - 5]).unwrap();
    }
    let (code, _, stderr) = run(&["lint", &at("a.pcapng"), &sample("talk"), &at("b.pcapng")]);
    assert_eq!(code, 2);
    assert_eq!(stderr.matches("cut short at byte").count(), 2, "{stderr}");
    assert!(stderr.contains("a.pcapng: cut short"), "{stderr}");
    assert!(stderr.contains("b.pcapng: cut short"), "{stderr}");
    for args in [&["-"][..], &["-k", "-", &sample("rejoin")]] {
        let (code, _, stderr) = run(&[&["lint", &sample("talk")], args].concat());
        assert_eq!(code, 2);
        assert!(stderr.contains("standard input"), "{stderr}");
    }
    // A filter is looked at before any file is.
    let (code, _, stderr) = run(&["lint", "nosuch.pcapng", "nothing.pcapng", "-Y", "kind =="]);
    assert_eq!(code, 2);
    assert!(stderr.contains("filter, column 8") && !stderr.contains("nosuch"), "{stderr}");
}

#[test]
fn sarif_and_junit_say_the_same_as_json_lines() {
    let talk = sample("talk");
    let (_, found) = findings(&[&talk]);
    let (_, sarif, _) = run(&["lint", "-q", "--format", "sarif", &talk]);
    let log: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run_of = &log["runs"][0];
    assert_eq!(run_of["results"].as_array().unwrap().len(), found.len());
    assert_eq!(run_of["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    for (result, finding) in run_of["results"].as_array().unwrap().iter().zip(&found) {
        assert_eq!((&result["ruleId"], &result["level"]), (&finding["id"], &finding["severity"]));
        let same = ["rule", "file", "frame", "time", "endpoint", "conference", "evidence"];
        for field in same.iter().chain(&["evidence_files"]) {
            assert_eq!(result["properties"][field], finding[field], "{field} of {result}");
        }
        let conference = finding["conference"].as_str().map_or("", |id| &id[..8]);
        assert!(result["message"]["text"].as_str().unwrap().contains(conference), "{result}");
    }
    let (_, junit, _) = run(&["lint", "-q", "--format", "junit", "--fail-on", "note", &talk]);
    assert_eq!(junit.matches("<failure ").count(), found.len());
    for finding in &found {
        let time = finding["time"].as_str().unwrap();
        let mut lines = junit.lines().filter(|line| line.contains(time));
        let conference = finding["conference"].as_str().map_or("", |id| &id[..8]);
        let frames = finding["evidence"].as_array().unwrap();
        let shows = |line: &str| frames.iter().all(|it| line.contains(&format!("frame {it}")));
        assert!(lines.any(|line| line.contains(conference) && shows(line)), "{finding}");
    }
    let open = junit.matches("<testcase ").count();
    let closed = junit.matches("</testcase>").count() + junit.matches("\"/>\n<testcase").count();
    assert!(open == RULES.len() && closed >= open - 1, "{junit}");
}

/// Programs read the real name, people one that is printable.
#[cfg(unix)]
#[test]
fn a_file_has_its_own_name_in_json_and_in_references() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("back\\slash.pcapng");
    fs::copy(sample("talk"), &path).unwrap();
    let keys = format!("{SAMPLES}/talk.keys");
    let (_, found) = findings(&["-k", &keys, text(&path)]);
    assert!(!found.is_empty() && found.iter().all(|it| it["file"] == text(&path)), "{found:?}");
    let (_, sarif, _) = run(&["lint", "-q", "-k", &keys, "--format", "sarif", text(&path)]);
    let log: Value = serde_json::from_str(&sarif).unwrap();
    let uri = &log["runs"][0]["artifacts"][0]["location"]["uri"];
    assert!(uri.as_str().unwrap().ends_with("back%5Cslash.pcapng"), "{uri}");
}

#[test]
fn a_damaged_save_file_is_found_beside_a_capture() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cut.tox");
    let file = fs::read(format!("{SAMPLES}/savedata/two.cas.tox")).unwrap();
    fs::write(&path, &file[..5300]).unwrap();
    let (code, found) = findings(&[text(&path), &sample("two")]);
    assert_eq!(code, 1);
    let of_file: Vec<_> = found.iter().filter(|it| it["file"] == text(&path)).collect();
    assert!(of_file.iter().any(|it| it["id"] == "L-SAVE-TRUNC"), "{found:?}");
    assert!(of_file.iter().all(|it| it["frame"].is_null()));
}

/// Without keys nothing is judged; without the beginning little is, and why is said.
#[test]
fn what_is_not_judged_is_said() {
    let (code, stdout, _) = run(&["lint", &sample("middle")]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("not judged: "), "{stdout}");
    let (_, lines, _) = run(&["lint", "-q", "--format", "jsonl", &sample("middle")]);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert!(last["schema"] == 1 && last["not_judged"]["session"].as_u64() > Some(0), "{last}");
    let (_, sarif, _) = run(&["lint", "-q", "--format", "sarif", &sample("middle")]);
    let log: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(
        log["runs"][0]["properties"]["notJudged"].as_object().unwrap().len(),
        last["not_judged"].as_object().unwrap().len()
    );
    let folder = tempdir().unwrap();
    let bare = folder.path().join("bare.pcapng");
    fs::copy(sample("talk"), &bare).unwrap();
    let (code, stdout, stderr) = run(&["lint", text(&bare)]);
    assert_eq!(code, 0);
    let [summary, not_judged] = stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stdout}") };
    assert_eq!(summary, "0 errors, 0 warnings, 0 notes");
    assert!(not_judged.contains("stays closed"), "{stdout}");
    assert!(stderr.contains("not opened"), "{stderr}");
}

/// The wrong keys, or none: no format may be taken for a clean result.
#[test]
fn what_stays_closed_is_said_in_every_format() {
    let keys = format!("{SAMPLES}/rejoin.keys");
    let told = |format| {
        let args = ["lint", "-q", &sample("talk"), "-k", &keys, "--format", format];
        let (code, stdout, _) = run(&args);
        assert_eq!(code, 0, "{stdout}");
        stdout
    };
    assert!(told("text").contains("not judged: "));
    let line: Value = serde_json::from_str(told("jsonl").trim_end()).unwrap();
    let count = line["not_judged"]["closed"].as_u64().unwrap();
    assert!(count > 100, "{line}");
    let log: Value = serde_json::from_str(&told("sarif")).unwrap();
    let reasons = log["runs"][0]["properties"]["notJudged"].as_object().unwrap();
    assert!(reasons.values().any(|it| *it == count), "{reasons:?}");
    let junit = told("junit");
    assert!(junit.contains(&format!("name=\"not_judged.closed\" value=\"{count}\"")), "{junit}");
    let of_captures = RULES.iter().filter(|rule| rule.class != Class::Save).count();
    assert_eq!(junit.matches("<skipped ").count(), of_captures, "{junit}");
    let (_, opened, _) = run(&["lint", "-q", &sample("talk"), "--format", "junit"]);
    assert!(!opened.contains("<skipped "), "{opened}");
}

#[test]
fn rules_that_cancel_each_other_are_refused() {
    let args = ["lint", "--only", "L-LEN", "--ignore", "l-len", "nosuch.pcapng"];
    let (code, _, stderr) = run(&args);
    assert!(code == 2 && stderr.contains("nothing would be checked"), "{stderr}");
}

#[test]
fn every_diagnostic_can_be_explained() {
    for rule in RULES {
        let (code, stdout, _) = run(&["lint", "--explain", &rule.id.to_lowercase()]);
        assert!(code == 0 && stdout.contains(rule.says), "{}", rule.id);
    }
}

/// `UPDATE_GOLDEN=1 cargo test --test cli` writes the table anew.
#[test]
fn the_list_of_diagnostics_is_complete() {
    const MARK: &str =
        "<!-- the table is written by the test `the_list_of_diagnostics_is_complete` -->\n";
    let mut table =
        String::from("| Id | Severity | Class | Rule | What is guarded | Known for |\n");
    table.push_str("|---|---|---|---|---|---|\n");
    let mut counts = BTreeMap::<(char, Severity), usize>::new();
    for rule in RULES {
        *counts.entry((rule.class.letter(), rule.severity)).or_default() += 1;
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            rule.id,
            rule.severity,
            rule.class.letter(),
            rule.cites,
            rule.says,
            rule.known
        ));
    }
    table.push_str(&format!(
        "\n{} diagnostics:\n\n| Class | errors | warnings | notes |\n",
        RULES.len()
    ));
    table.push_str("|---|---:|---:|---:|\n");
    for class in [Class::Packet, Class::Connection, Class::Endpoint, Class::Save] {
        let of = |severity| counts.get(&(class.letter(), severity)).copied().unwrap_or(0);
        table.push_str(&format!(
            "| {}: {} | {} | {} | {} |\n",
            class.letter(),
            class.needs(),
            of(Severity::Error),
            of(Severity::Warning),
            of(Severity::Note)
        ));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lint.md");
    let written = fs::read_to_string(&path).unwrap();
    let (before, _) = written.split_once(MARK).expect("docs/lint.md has a mark");
    let whole = format!("{before}{MARK}{table}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &whole).unwrap();
    }
    assert!(whole == fs::read_to_string(&path).unwrap(), "docs/lint.md: run with UPDATE_GOLDEN=1");
}
