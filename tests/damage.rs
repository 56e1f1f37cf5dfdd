//! Damage to a capture: nothing panics, and what comes before the damage is as it was.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use toxscope::capture::{Datagrams, Error, Limits};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Delivery, Dissector, Item, Record, stream};

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

/// Where each record is and what it is, and what ended the capture early.
fn records(capture: &[u8], keys: &[u8]) -> (Vec<(u64, u64, &'static str)>, Option<Error>) {
    let mut seen = Vec::new();
    let mut datagrams = match Datagrams::new(capture, Limits::default()) {
        Ok(datagrams) => datagrams,
        Err(error) => return (seen, Some(error)),
    };
    let mut ring = KeyRing::new();
    ring.read(keys).unwrap();
    let mut dissector = Dissector::new(ring, None);
    let mut delivery = Delivery::default();
    let mut delivered = 0;
    let mut count = |_: &Record<'_>| {
        delivered += 1;
        ControlFlow::<()>::Continue(())
    };
    let end = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            seen.push((record.frame, record.offset, record.kind()));
            return delivery.record(record, &mut count);
        }
        ControlFlow::Continue(())
    });
    assert!(delivery.finish(&mut count).is_continue());
    assert_eq!(delivered, seen.len(), "every record is delivered once");
    match end {
        ControlFlow::Continue(error) => (seen, error),
        ControlFlow::Break(()) => unreachable!("nothing breaks"),
    }
}

#[test]
fn a_capture_cut_at_any_byte_gives_what_came_before_and_says_where_it_ends() {
    let (capture, keys) = (sample("middle.pcapng"), keys());
    let (whole, _) = records(&capture[..SWEPT], &keys);
    assert!(whole.len() > 5);
    let opened = |(_, _, kind): &(u64, u64, &str)| ["alive", "packet_request"].contains(kind);
    assert!(whole.iter().any(opened), "{whole:?}");
    let mut clean = 0;
    for cut in 0..SWEPT {
        let (seen, error) = records(&capture[..cut], &keys);
        assert_eq!(whole.get(..seen.len()), Some(&*seen), "cut at {cut}");
        match error {
            None => clean += 1,
            Some(Error::NotACapture(_)) => assert!(cut < 12, "cut at {cut}"),
            Some(Error::CutShort { place, .. }) => assert!(place.offset <= cut as u64),
            Some(other) => panic!("cut at {cut}: {other}"),
        }
    }
    assert!(clean > 5, "between blocks the capture just ends");
}

#[test]
fn a_flipped_bit_changes_nothing_before_it() {
    let (capture, keys) = (sample("middle.pcapng"), keys());
    let mut capture = capture[..SWEPT].to_vec();
    let (whole, _) = records(&capture, &keys);
    for at in 0..SWEPT {
        // Every bit of every sixteenth byte, one bit of the others.
        for bit in (0..8).filter(|bit| at % 16 == 0 || at % 8 == *bit) {
            capture[at] ^= 1 << bit;
            let (seen, end) = records(&capture, &keys);
            // Those that are followed by another one before the damage.
            let before = whole.iter().skip(1).filter(|(_, offset, _)| *offset <= at as u64).count();
            assert_eq!(seen.get(..before), whole.get(..before), "byte {at}, bit {bit}: {end:?}");
            capture[at] ^= 1 << bit;
        }
    }
}
