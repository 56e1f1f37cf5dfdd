//! Fresh recordings of every story, compared with what libtoxcore reported while they were made.
//!
//! Takes a good two minutes: a member freezes after 60 s of silence, and all stories run at once.

#[path = "../../tests/witness/mod.rs"]
mod witness;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use toxscope_interop::scenarios;
use witness::{Story, differences, run};

/// The program under test, which belongs to another member of the workspace.
fn toxscope() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "toxscope", "--bin", "toxscope"])
        .status()
        .expect("cargo runs");
    assert!(built.success(), "cargo does not build toxscope");
    Path::new(env!("CARGO_BIN_EXE_toxscope-interop")).with_file_name("toxscope")
}

#[test]
fn fresh_recordings_tell_what_libtoxcore_reported() {
    let toxscope = toxscope();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fresh");
    let recorded = Command::new(env!("CARGO_BIN_EXE_toxscope-interop"))
        .args(["record", "--everything", "--out"])
        .arg(&folder)
        .status()
        .expect("our own program runs");
    assert!(recorded.success(), "not all stories came to their end");
    let mut wrong = Vec::new();
    for scenario in scenarios::ALL {
        let name = scenario.name;
        let story = Story::read(&toxscope, &folder, name);
        let stats = run(&toxscope, &folder, name, &["stats", "--format", "json"]);
        let stats: Value = serde_json::from_str(&stats).expect("one JSON object");
        let written = story.truth.last().map(|line| &line["frames"]);
        if written != Some(&stats["frames"]) {
            wrong.push(format!("{name}: {} frames, {written:?} were written", stats["frames"]));
        }
        let differences = differences(&story.truth, &story.records);
        println!(
            "{name}: {} datagrams, {} lines of truth, {} differences",
            story.records.len(),
            story.truth.len(),
            differences.len()
        );
        wrong.extend(differences.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
