//! A recorded story: capture, keys and truth, the capture as the `toxscope` program reads it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What happened, twice.
pub(crate) struct Story {
    /// As libtoxcore's interface reported it.
    pub(crate) truth: Vec<Value>,
    /// As toxscope reads it from the capture: the JSON line of every datagram.
    pub(crate) records: Vec<Value>,
}

impl Story {
    /// Reads `<name>.pcapng`, whose keys are in `<name>.keys`, and `<name>.truth.jsonl`.
    pub(crate) fn read(toxscope: &Path, folder: &Path, name: &str) -> Self {
        let truth = folder.join(format!("{name}.truth.jsonl"));
        let truth = fs::read_to_string(truth).expect("a truth beside the capture");
        let records = run(toxscope, folder, name, &["dissect", "-a", "--format", "jsonl"]);
        Self { truth: lines(&truth), records: lines(&records) }
    }
}

/// What a command of toxscope prints about a capture.
pub(crate) fn run(toxscope: &Path, folder: &Path, name: &str, arguments: &[&str]) -> String {
    let output = Command::new(toxscope)
        .args(arguments)
        .arg(folder.join(format!("{name}.pcapng")))
        .output()
        .expect("toxscope runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {arguments:?}: {complaint}");
    String::from_utf8(output.stdout).expect("toxscope prints UTF-8")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}
