//! Captures that show less: frames that are missing, keys that are missing, a beginning that is missing.
//! They give fewer findings, and no error or warning that the whole capture does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::testing::samples;
use super::{Lint, RULES, Report, Severity};
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{Block, Datagrams, Frames, Limits};
use crate::crypto::KeyRing;
use crate::dissect::{Content, Dissector, Item, stream};
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

/// An error or a warning without the frames, whose numbers change.
type Accusation = (&'static str, Option<Timestamp>, Option<PublicKey>);

fn lint(capture: &[u8], keys: &[u8]) -> Report {
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
    lint.finish(&|_| true)
}

fn accusations(capture: &[u8], keys: &[u8]) -> BTreeSet<Accusation> {
    let report = lint(capture, keys);
    let accuses = report.findings.iter().filter(|it| it.severity >= Severity::Warning);
    accuses.map(|it| (it.rule.id, it.spot.map(|spot| spot.at), it.endpoint)).collect()
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
    let whole = accusations(&capture, &keys);
    let mut wrong = Vec::new();
    let mut check = |how: String, capture: &[u8], keys: &[u8]| {
        for it in accusations(capture, keys).difference(&whole) {
            wrong.push(format!("{name}, {how}: {it:?}"));
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
fn what_a_capture_does_not_show_is_held_against_nobody() {
    let seeds = std::env::var("SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(2);
    let names = ["talk", "two", "rejoin", "restart", "middle", "roam", "split"];
    let mut all = Vec::new();
    for name in names {
        for seed in 0..seeds {
            all.extend(wrong(name, seed));
        }
    }
    assert!(all.is_empty(), "{} accusations out of nothing:\n{}", all.len(), all.join("\n"));
}

/// Addresses of a capture, and between which of them each frame went.
fn ways(capture: &[u8], keys: &[u8]) -> (BTreeSet<SocketAddr>, BTreeMap<u64, [SocketAddr; 2]>) {
    let mut ring = KeyRing::new();
    ring.read(keys).unwrap();
    let mut datagrams = Datagrams::new(capture, Limits::default()).unwrap();
    let mut dissector = Dissector::new(ring, None);
    let (mut ends, mut ways) = (BTreeSet::new(), BTreeMap::new());
    let _ = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            ways.insert(record.frame, [record.src, record.dst]);
            if matches!(record.content, Content::Data(Ok(_))) {
                ends.extend([record.src, record.dst]);
            }
        }
        ControlFlow::<()>::Continue(())
    });
    (ends, ways)
}

const SAMPLES: &[&str] = &[
    "audio", "detour", "middle", "rejoin", "relay", "restart", "roam", "split", "stale", "talk",
    "tcp", "two",
];

/// Whoever captures on one machine sees the connections of one member, and of its neighbours one each.
#[test]
fn what_one_or_two_members_see_is_held_against_nobody() {
    let mut all = Vec::new();
    for name in SAMPLES {
        let path = samples().join(name);
        let capture = fs::read(path.with_extension("pcapng")).unwrap();
        let keys = fs::read(path.with_extension("keys")).unwrap();
        let whole = accusations(&capture, &keys);
        let (ends, ways) = ways(&capture, &keys);
        for one in &ends {
            for other in ends.range(one..) {
                let sees = |frame| {
                    ways.get(&frame).is_none_or(|way| way.contains(one) || way.contains(other))
                };
                let part = only(&capture, sees);
                // The same may be seen on another connection, and so at another time.
                let known = |it: &Accusation| whole.iter().any(|of| (of.0, of.2) == (it.0, it.2));
                for it in accusations(&part, &keys).iter().filter(|it| !known(it)) {
                    all.push(format!("{name}, {one} and {other}: {it:?}"));
                }
            }
        }
    }
    assert!(all.is_empty(), "{} accusations out of nothing:\n{}", all.len(), all.join("\n"));
}

/// One frame that the tap lost, of those that carry packets of conferences.
#[test]
fn one_lost_frame_is_held_against_nobody() {
    let every = std::env::var("EVERY").ok().and_then(|it| it.parse().ok()).unwrap_or(97);
    let mut all = Vec::new();
    for (turn, name) in SAMPLES.iter().enumerate() {
        let path = samples().join(name);
        let capture = fs::read(path.with_extension("pcapng")).unwrap();
        let keys = fs::read(path.with_extension("keys")).unwrap();
        let whole = accusations(&capture, &keys);
        for lost in (1..=frames(&capture)).skip(turn).step_by(every) {
            let part = only(&capture, |frame| frame != lost);
            for it in accusations(&part, &keys).difference(&whole) {
                all.push(format!("{name} without frame {lost}: {it:?}"));
            }
        }
    }
    assert!(all.is_empty(), "{} accusations out of nothing:\n{}", all.len(), all.join("\n"));
}
