//! Damage to a capture, through dissection and replay: nothing panics, what comes before the damage is as it
//! was, and no machine gets into a state that the rules do not allow. Of TCP that is less: where a
//! stream is seen from its middle on, its bytes wait for earlier ones, which damage may make of later ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::time::Instant;

use toxscope::capture::{Datagrams, Error, Limits};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Delivery, Dissector, Item, Record, Transport, stream};
use toxscope::replay::{Observation, Options, Replay, What};
use zeroize::Zeroizing;

/// All samples.
const STORIES: [&str; 11] = [
    "audio", "detour", "middle", "rejoin", "relay", "restart", "roam", "split", "talk", "tcp",
    "two",
];

/// How much of the capture is damaged, in bytes: eight frames.
const SWEPT: usize = 2 << 10;

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).unwrap()
}

/// The last nonces of its key log: enough to open what is swept, little enough to be read again and again.
fn keys() -> Vec<u8> {
    let keys = sample("middle.keys");
    let lines = keys.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| line.starts_with(b"NONCE")).skip(160).flatten().copied().collect()
}

fn dissector(keys: &[u8]) -> Dissector {
    let mut ring = KeyRing::new();
    ring.read(keys).unwrap();
    Dissector::new(ring, None)
}

/// The machine that stands for an endpoint keeps its invariants.
fn is_sound(seen: &Observation<'_>) {
    if let What::Step(_) | What::Learned = seen.what {
        let found = seen.machine.violations();
        assert!(found.is_empty(), "{:?}, frame {:?}: {found:?}", seen.what, seen.frame);
    }
}

/// A record: its frame, where that begins, and what it is.
type Place = (u64, u64, &'static str);

/// What was seen in a capture.
#[derive(Default)]
struct Seen {
    udp: Vec<Place>,
    /// Where bytes of a stream wait for earlier ones, what comes later decides when they are handed out.
    tcp: BTreeSet<Place>,
}

/// What is seen in a capture, and what ended it early.
fn records(capture: &[u8], keys: &[u8]) -> (Seen, Option<Error>) {
    let mut seen = Seen::default();
    let mut datagrams = match Datagrams::new(capture, Limits::default()) {
        Ok(datagrams) => datagrams,
        Err(error) => return (seen, Some(error)),
    };
    let mut dissector = dissector(keys);
    let mut delivery = Delivery::default();
    let mut replay = Replay::new(Options::default());
    let (mut delivered, mut all) = (0, 0);
    let mut count = |_: &Record<'_>| {
        delivered += 1;
        ControlFlow::<()>::Continue(())
    };
    let end = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            let place = (record.frame, record.offset, record.kind());
            match record.transport {
                Transport::Udp => seen.udp.push(place),
                Transport::Tcp => drop(seen.tcp.insert(place)),
            }
            all += 1;
            replay.record(record, &mut is_sound);
            return delivery.record(record, &mut count);
        }
        ControlFlow::Continue(())
    });
    replay.finish(&mut is_sound);
    assert!(delivery.finish(&mut count).is_continue());
    assert_eq!(delivered, all, "every record is delivered once");
    match end {
        ControlFlow::Continue(error) => (seen, error),
        ControlFlow::Break(()) => unreachable!("nothing breaks"),
    }
}

/// Cuts the capture at every byte of `swept`; what ended each one early goes to `ended`.
fn cut(
    capture: &[u8],
    swept: Range<usize>,
    keys: &[u8],
    mut ended: impl FnMut(usize, Option<Error>),
) {
    let (whole, _) = records(capture, keys);
    for cut in swept {
        let (seen, error) = records(&capture[..cut], keys);
        assert_eq!(whole.udp.get(..seen.udp.len()), Some(&*seen.udp), "cut at {cut}");
        let invented: Vec<_> = seen.tcp.difference(&whole.tcp).collect();
        assert!(invented.is_empty(), "cut at {cut}: {invented:?}");
        ended(cut, error);
    }
}

/// Flips bits of `swept`, one at a time.
fn flip(capture: &[u8], swept: Range<usize>, keys: &[u8], wanted: impl Fn(usize, usize) -> bool) {
    let (Seen { udp: whole, .. }, _) = records(capture, keys);
    let mut capture = capture.to_vec();
    for at in swept {
        for bit in (0..8).filter(|bit| wanted(at, *bit)) {
            capture[at] ^= 1 << bit;
            let (Seen { udp: seen, .. }, end) = records(&capture, keys);
            // Those that are followed by another one before the damage.
            let before = whole.iter().skip(1).filter(|(_, offset, _)| *offset <= at as u64).count();
            assert_eq!(seen.get(..before), whole.get(..before), "byte {at}, bit {bit}: {end:?}");
            capture[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_capture_cut_at_any_byte_gives_what_came_before_and_says_where_it_ends() {
    let (capture, keys) = (sample("middle.pcapng"), keys());
    let capture = &capture[..SWEPT];
    let (Seen { udp: whole, .. }, _) = records(capture, &keys);
    assert!(whole.len() > 5);
    let opened = |(_, _, kind): &Place| ["alive", "packet_request"].contains(kind);
    assert!(whole.iter().any(opened), "{whole:?}");
    let mut clean = 0;
    cut(capture, 0..SWEPT, &keys, |cut, error| match error {
        None => clean += 1,
        Some(Error::NotACapture(_)) => assert!(cut < 12, "cut at {cut}"),
        Some(Error::CutShort { place, .. }) => assert!(place.offset <= cut as u64),
        Some(other) => panic!("cut at {cut}: {other}"),
    });
    assert!(clean > 5, "between blocks the capture just ends");
}

#[test]
fn a_flipped_bit_changes_nothing_before_it() {
    let (capture, keys) = (sample("middle.pcapng"), keys());
    // Every bit of every sixteenth byte, one bit of the others.
    flip(&capture[..SWEPT], 0..SWEPT, &keys, |at, bit| at % 16 == 0 || at % 8 == bit);
}

/// How much of a capture the whole sweep damages at one time, in bytes.
const WINDOW: usize = 4 << 10;

/// A part of a sample: where it begins, the cookies and handshakes of its sessions come before it.
struct Part {
    capture: Vec<u8>,
    damaged: Range<usize>,
    keys: Vec<u8>,
}

/// A sample in parts of 4 KiB, each a capture of its own that opens as far as the sample does.
fn parts(story: &str) -> Vec<Part> {
    const ENHANCED_PACKET: u32 = 6;
    let (capture, keys) = (sample(&format!("{story}.pcapng")), sample(&format!("{story}.keys")));
    let (mut head, mut frames, mut rest) = (Vec::new(), Vec::new(), capture.as_slice());
    while let [a, b, c, d, e, f, g, h, ..] = *rest {
        let (block, behind) = rest.split_at(u32::from_le_bytes([e, f, g, h]) as usize);
        if u32::from_le_bytes([a, b, c, d]) == ENHANCED_PACKET {
            frames.push(block);
        } else if frames.is_empty() {
            head.extend(block);
        }
        rest = behind;
    }
    // Between which addresses a session begins in a frame, and with what.
    let mut beginnings = BTreeMap::new();
    let mut dissector = dissector(&keys);
    let mut datagrams = Datagrams::new(capture.as_slice(), Limits::default()).unwrap();
    let _ = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item
            && record.relay.is_none()
            && ["cookie_request", "cookie_response", "crypto_handshake"].contains(&record.kind())
        {
            let frame = usize::try_from(record.frame).unwrap() - 1;
            beginnings.insert(frame, (record.src, record.dst, record.kind()));
        }
        ControlFlow::<()>::Continue(())
    });
    let (mut parts, mut first) = (Vec::new(), 0);
    while first < frames.len() {
        let latest: BTreeMap<_, _> =
            beginnings.range(..first).map(|(frame, what)| (what, *frame)).collect();
        let before: BTreeSet<_> = latest.into_values().collect();
        let mut part = head.clone();
        part.extend(before.iter().flat_map(|frame| frames[*frame]));
        let start = part.len();
        // At least one: a frame may be longer than that.
        while let Some(frame) = frames.get(first)
            && (part.len() == start || part.len() + frame.len() <= start + WINDOW)
        {
            part.extend(*frame);
            first += 1;
        }
        let damaged = start..part.len();
        let keys = used_keys(&part, &keys);
        parts.push(Part { capture: part, damaged, keys });
    }
    parts
}

/// The key log of what opens in a capture.
fn used_keys(capture: &[u8], keys: &[u8]) -> Vec<u8> {
    let mut dissector = dissector(keys);
    let mut datagrams = Datagrams::new(capture, Limits::default()).unwrap();
    let _ = stream(&mut datagrams, &mut dissector, |_| ControlFlow::<()>::Continue(()));
    let mut used = Zeroizing::new(Vec::new());
    dissector.sessions().ring().write_used(|_| false, &mut used);
    used.to_vec()
}

/// All of the samples: the first 4 KiB of each with all that follows, and each 4 KiB as a capture of its
/// own, cut at every byte and with every bit flipped. Parts of all samples come by turns, so that a sweep
/// that is ended early saw something of each.
#[test]
#[ignore = "takes half an hour: cargo test --release --test damage -- --ignored --nocapture"]
fn the_whole_sweep() {
    let started = Instant::now();
    let (mut inputs, mut told) = (0, 0);
    let mut sweep = |capture: &[u8], damaged: Range<usize>, keys: &[u8], what: &str| {
        cut(capture, damaged.clone(), keys, |_, _| ());
        inputs += damaged.len();
        flip(capture, damaged.clone(), keys, |_, _| true);
        inputs += 8 * damaged.len();
        if inputs >= told + 500_000 {
            told = inputs;
            println!("{inputs} inputs, {} s: {what}", started.elapsed().as_secs());
        }
    };
    let parts = STORIES.map(parts);
    let most = parts.iter().map(Vec::len).max().unwrap();
    for at in 0..most {
        for (story, parts) in STORIES.iter().zip(&parts) {
            if let Some(part) = parts.get(at) {
                sweep(&part.capture, part.damaged.clone(), &part.keys, story);
            }
        }
    }
    for story in STORIES {
        let capture = sample(&format!("{story}.pcapng"));
        let keys = used_keys(&capture, &sample(&format!("{story}.keys")));
        sweep(&capture, 0..WINDOW, &keys, story);
    }
    println!("{inputs} inputs, {} s", started.elapsed().as_secs());
}
