//! `simulate`: scenarios that come with the program, others, and what is wrong with them.

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use tempfile::tempdir;

use super::{printed, run, text, toxscope};

#[test]
fn bundled_scenarios_are_listed_and_played_by_name() {
    let list = printed(&["simulate", "--list"]);
    assert!(list.lines().count() >= 7);
    assert!(list.contains("alone         One member loses all connectivity"), "{list}");
    let story = printed(&["simulate", "talk"]);
    for part in [
        "line 7: conference alice bob carol",
        "bob    is invited by alice",
        "carol  hears alice say \"hello\"",
        "expect all heard \"hello\" once: yes",
        "bob    sees alice leave for good",
    ] {
        assert!(story.contains(part), "{part} is not in {story}");
    }
    assert!(!story.contains("→"), "packets are shown only with -a");
    let all = printed(&["simulate", "talk", "-a"]);
    assert!(all.contains("alice  → bob  chat             group 0  peer 0  #"), "{all}");
    assert!(all.contains("drops what"));
}

#[test]
fn a_newcomer_who_misspells_a_name_is_told_the_names() {
    let (code, stdout, stderr) = run(&["simulate", "slpit"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("bundled scenarios are talk, alone, split"), "{stderr}");
    assert_eq!(run(&["simulate"]).0, 2);
}

/// Q-18, O-014.
#[test]
fn the_same_scenario_and_seed_give_the_same_bytes() {
    for format in ["text", "jsonl"] {
        let play = |seed| printed(&["simulate", "audio", "-a", "--format", format, "--seed", seed]);
        let first = play("7");
        assert_eq!(first, play("7"));
        assert_ne!(first, play("8"));
    }
}

#[test]
fn json_lines_say_what_happened_to_whom() {
    let lines = printed(&["simulate", "talk", "-a", "--format", "jsonl"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert_eq!(line["schema"], 1);
        assert!(line["time"].as_str().unwrap().starts_with("2027-01-15T08:00:"), "{line}");
        assert!(line["rel"].is_f64() && line["what"].is_string(), "{line}");
    }
    let find = |what: &str| lines.iter().find(|line| line["what"] == what).unwrap();
    assert_eq!(find("line")["text"], "members alice bob carol");
    assert_eq!(find("starts")["who"], "alice");
    assert_eq!(find("starts")["real_key"].as_str().unwrap().len(), 64);
    assert_eq!(find("invited")["by"], "alice");
    assert_eq!(find("said")["text"], "hello");
    assert_eq!(find("titled")["title"], "Tea");
    assert_eq!(find("peer_left")["why"], "killed");
    assert_eq!(find("expectation")["met"], true);
    assert_eq!(find("dropped")["reason"], "unknown_author");
    let sent = lines.iter().find(|line| line["what"] == "sent" && line["kind"] == "chat").unwrap();
    assert!(sent["bytes"].as_str().unwrap().starts_with("630000"));
    let document = include_str!("../../docs/scenarios.md");
    for line in &lines {
        for (name, _) in line.as_object().unwrap() {
            let named = [format!("`{name}`"), format!("\"{name}\"")];
            assert!(named.iter().any(|it| document.contains(it)), "{name} is not in scenarios.md");
        }
        let what = line["what"].as_str().unwrap();
        assert!(document.contains(&format!("`{what}`")), "{what} is not in scenarios.md");
    }
}

#[test]
fn what_members_send_is_written_as_a_capture_that_opens_itself() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("talk.pcapng");
    let path = text(&path);
    let story = printed(&["simulate", "talk", "-a", "--format", "jsonl", "-w", path]);
    let sent = story.lines().filter(|line| line.contains("\"what\":\"sent\"")).count();
    let stats: Value =
        serde_json::from_str(&printed(&["stats", "-q", path, "--format", "json"])).unwrap();
    assert_eq!(stats["net_crypto"]["data"], stats["net_crypto"]["data_opened"], "{stats}");
    let dissected = printed(&["dissect", "-q", path]);
    assert_eq!(dissected.lines().filter(|line| !line.is_empty()).count(), sent, "{dissected}");
    assert!(dissected.contains("hello"), "{dissected}");

    let before = fs::read(path).unwrap();
    let (code, _, stderr) = run(&["simulate", "talk", "-w", path]);
    assert_eq!(code, 2);
    assert!(stderr.contains("talk.pcapng exists; --force replaces it"), "{stderr}");
    assert_eq!(run(&["simulate", "talk", "-w", path, "--force"]).0, 0);
    assert_eq!(fs::read(path).unwrap(), before, "the same seed gives the same bytes");
    assert_eq!(run(&["simulate", "talk", "-w", path, "--force", "--seed", "2"]).0, 0);
    assert_ne!(fs::read(path).unwrap(), before);
}

#[test]
fn what_does_not_come_about_is_told_with_exit_code_1() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hope.txt");
    fs::write(&path, "members a b\nexpect connected a b\ntry a says \"x\"\n").unwrap();
    let (code, stdout, stderr) = run(&["simulate", text(&path)]);
    assert_eq!(code, 1);
    assert!(stdout.contains("line 2: expect connected a b: NO, a and b are not"), "{stdout}");
    assert!(stdout.contains("line 3: in vain: a: there is no such conference here"), "{stdout}");
    assert_eq!(stderr, "toxscope: 1 thing did not come about as expected; seed 1\n");
}

#[test]
fn who_starts_again_says_from_which_save() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("starts.txt");
    let lines = "members a\na crashes\na starts\na saves\na crashes\na starts\n";
    fs::write(&path, lines).unwrap();
    let (code, stdout, _) = run(&["simulate", text(&path)]);
    let starts: Vec<_> = stdout.lines().filter(|line| line.contains("  starts ")).collect();
    assert_eq!((code, starts.len()), (0, 3), "{stdout}");
    for (line, save) in starts.iter().zip(["without a save", "without a save", "from save 1"]) {
        assert!(line.contains(&format!("starts {save}, profile seed")), "{line}");
    }
    let (_, stdout, _) = run(&["simulate", text(&path), "--format", "jsonl"]);
    let saves = ["null", "null", "1"].map(|save| format!("\"save\":{save}}}"));
    let starts: Vec<_> = stdout.lines().filter(|line| line.contains("\"starts\"")).collect();
    assert!(starts.iter().zip(saves).all(|(line, save)| line.ends_with(&save)), "{stdout}");
}

#[test]
fn what_is_wrong_with_a_scenario_is_pointed_at() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("wrong.txt");
    fs::write(&path, "members ann bob\nann sees bob\n").unwrap();
    let (code, stdout, stderr) = run(&["simulate", text(&path)]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    let place = "line 2, column 5: what they do is expected, and this is sees; did you mean ";
    assert!(stderr.contains(place), "{stderr}");
    assert!(stderr.ends_with("\n  ann sees bob\n      ^^^^\n"), "{stderr}");
}

#[test]
fn a_scenario_comes_from_standard_input_too() {
    let mut command = toxscope(&["simulate", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"members ann\nwait 1s\nexpect ann sees nobody").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    // Nobody is in a conference.
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn another_profile_than_the_scenario_is_for_is_played_and_told() {
    let (code, stdout, stderr) = run(&["simulate", "late", "--profile", "ctoxcore:0.2.9"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("late does not say what to expect in profile ctoxcore:0.2.9"));
    assert!(stdout.contains("profile ctoxcore:0.2.9"));
    assert_eq!(run(&["simulate", "late", "--profile", "modern"]).0, 2);
}
