//! Captures that show less: frames that are missing, keys that are missing, a beginning that is missing.
//! They give fewer findings, and no error that the whole capture does not have.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;

use super::testing::samples;
use super::{Lint, RULES, Severity};
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{Block, Datagrams, Frames, Limits};
use crate::crypto::KeyRing;
use crate::dissect::{Dissector, Item, stream};
use crate::time::Timestamp;
use crate::wire::PublicKey;

/// Numbers that look random: SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Whether something happens that does so often of a thousand times.
    fn happens(&mut self, of_thousand: u64) -> bool {
        self.next() % 1000 < of_thousand
    }
}

/// An error without the frames, whose numbers change.
type Error = (&'static str, Option<Timestamp>, Option<PublicKey>);

fn errors(capture: &[u8], keys: &[u8]) -> BTreeSet<Error> {
    let mut ring = KeyRing::new();
    ring.read(keys).unwrap();
    let mut lint = Lint::new(RULES.to_vec());
    let mut datagrams = Datagrams::new(capture, Limits::default()).unwrap();
    let mut dissector = Dissector::new(ring, None);
    let ended = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            lint.record(record, &|_| true);
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(ended, ControlFlow::Continue(None)));
    let report = lint.finish(&|_| true);
    let errors = report.findings.iter().filter(|it| it.severity == Severity::Error);
    errors.map(|it| (it.rule.id, it.spot.map(|spot| spot.at), it.endpoint)).collect()
}

/// The capture with the frames that are wanted, by number.
fn only(capture: &[u8], mut wanted: impl FnMut(u64) -> bool) -> Vec<u8> {
    let mut frames = Frames::new(capture, &Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut link = None;
    while let Some(block) = frames.next().unwrap() {
        let Block::Frame(frame) = block else { continue };
        if link.replace(frame.link).is_none() {
            let resolution = Resolution::NANOSECONDS;
            let interface = Interface { link: frame.link, snap_length: 0, resolution, name: None };
            writer.interface(interface).unwrap();
        }
        if wanted(frame.origin.frame) {
            writer.packet(0, frame.at, frame.bytes, frame.original_len).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn frames(capture: &[u8]) -> u64 {
    let mut count = 0;
    only(capture, |frame| {
        count = frame;
        false
    });
    count
}

/// What a part of a sample says that the whole does not.
fn wrong(name: &str, seed: u64) -> Vec<String> {
    let path = samples().join(name);
    let capture = fs::read(path.with_extension("pcapng")).unwrap();
    let keys = fs::read(path.with_extension("keys")).unwrap();
    let whole = errors(&capture, &keys);
    let mut wrong = Vec::new();
    let mut check = |how: String, capture: &[u8], keys: &[u8]| {
        for error in errors(capture, keys).difference(&whole) {
            wrong.push(format!("{name}, {how}: {error:?}"));
        }
    };
    let mut dice = Dice(seed);
    for of_thousand in [2, 20, 100, 400] {
        let part = only(&capture, |_| !dice.happens(of_thousand));
        check(format!("seed {seed}, {of_thousand} of 1000 frames lost"), &part, &keys);
    }
    let text = str::from_utf8(&keys).unwrap();
    for of_thousand in [20, 200, 600] {
        let left = text.lines().filter(|_| !dice.happens(of_thousand));
        let left = left.flat_map(|line| [line, "\n"]).collect::<String>();
        check(format!("seed {seed}, {of_thousand} of 1000 keys"), &capture, left.as_bytes());
    }
    let count = frames(&capture);
    let start = dice.next() % count;
    let part = only(&capture, |frame| frame > start);
    check(format!("from frame {start} on"), &part, &keys);
    let end = dice.next() % count;
    let part = only(&capture, |frame| frame <= end);
    check(format!("up to frame {end}"), &part, &keys);
    let hole = (dice.next() % count, dice.next() % count / 4);
    let part = only(&capture, |frame| frame < hole.0 || frame > hole.0 + hole.1);
    check(format!("without {} frames from {} on", hole.1, hole.0), &part, &keys);
    wrong
}

#[test]
fn what_a_capture_does_not_show_is_never_made_an_error() {
    let seeds = std::env::var("SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(2);
    let names = ["talk", "two", "rejoin", "restart", "middle", "roam", "split"];
    let mut all = Vec::new();
    for name in names {
        for seed in 0..seeds {
            all.extend(wrong(name, seed));
        }
    }
    assert!(all.is_empty(), "{} errors out of nothing:\n{}", all.len(), all.join("\n"));
}
