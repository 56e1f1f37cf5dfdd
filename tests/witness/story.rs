//! A recorded story: capture, keys and truth, read and dissected.

use std::fs::{self, File};
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::Value;
use toxscope::capture::{Datagrams, Limits};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Dissector, Item, Pace, stream};
use toxscope::report::JsonLines;

/// What happened, twice.
pub(crate) struct Story {
    /// As libtoxcore's interface reported it.
    pub(crate) truth: Vec<Value>,
    /// As toxscope reads it from the capture: the JSON line of every datagram.
    pub(crate) records: Vec<Value>,
    /// Frames in the capture.
    pub(crate) frames: u64,
}

impl Story {
    /// Reads `<name>.pcapng`, `<name>.keys` and `<name>.truth.jsonl`.
    pub(crate) fn read(folder: &Path, name: &str) -> Self {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let mut ring = KeyRing::new();
        ring.read(BufReader::new(open(&file("keys")))).expect("a readable key log");
        let datagrams = Datagrams::new(open(&file("pcapng")), Limits::default());
        let mut dissector = Dissector::new(ring, None);
        let (mut json, mut text) = (JsonLines::new(), Vec::new());
        let end = stream(datagrams.expect("a capture"), &mut dissector, Pace::Bulk, |item| {
            if let Item::Record(record) = item {
                json.render(record, &mut text).expect("room for a line");
            }
            ControlFlow::<()>::Continue(())
        });
        let ControlFlow::Continue(end) = end else { unreachable!("nothing breaks") };
        assert!(end.error.is_none(), "{name}: {:?}", end.error);
        let truth = fs::read(file("truth.jsonl")).expect("a truth");
        Self { truth: lines(&truth), records: lines(&text), frames: end.frames }
    }
}

fn open(path: &Path) -> File {
    File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn lines(text: &[u8]) -> Vec<Value> {
    let text = str::from_utf8(text).expect("JSON lines are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}
