//! Fresh recordings of every story, compared with what libtoxcore reported while they were made.
//!
//! Takes a good two minutes: a member freezes after 60 s of silence, and all stories run at once.

#[path = "../../tests/witness/mod.rs"]
mod witness;

use std::path::Path;
use std::process::Command;

use toxscope_interop::scenarios;
use witness::{Story, differences};

#[test]
fn fresh_recordings_tell_what_libtoxcore_reported() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fresh");
    let recorded = Command::new(env!("CARGO_BIN_EXE_toxscope-interop"))
        .args(["record", "--everything", "--out"])
        .arg(&folder)
        .status()
        .expect("our own program runs");
    let mut wrong = Vec::new();
    if !recorded.success() {
        wrong.push("not all stories came to their end".to_owned());
    }
    for scenario in scenarios::ALL {
        let name = scenario.name;
        let story = Story::read(&folder, name);
        let stopped = story.truth.last().and_then(|line| line["frames"].as_u64());
        if stopped != Some(story.frames) {
            wrong.push(format!("{name}: {} frames read, {stopped:?} written", story.frames));
        }
        let differences = differences(&story.truth, &story.records);
        println!(
            "{name}: {} frames, {} datagrams, {} lines of truth, {} differences",
            story.frames,
            story.records.len(),
            story.truth.len(),
            differences.len()
        );
        wrong.extend(differences.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}
