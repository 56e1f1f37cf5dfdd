//! What is edited is what is opened afterwards.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::capture::Datagrams;
use crate::crypto::KeyRing;
use crate::dissect::{Content, Delivery, Item, stream};
use crate::wire::{DataClass, DataId, Kind, PublicKey};

const MS: i64 = 1_000_000;

/// A packet as a reader of the capture sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    frame: u64,
    at: i64,
    from: Option<PublicKey>,
    to: Option<PublicKey>,
    way: (u32, u8),
    number: u32,
    ack: u32,
    again: bool,
    bytes: Vec<u8>,
}

fn sample(name: &str) -> (Vec<u8>, KeyRing) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
    let mut ring = KeyRing::new();
    ring.read(fs::read(path.with_extension("keys")).unwrap().as_slice()).unwrap();
    (fs::read(path.with_extension("pcapng")).unwrap(), ring)
}

fn ring(name: &str) -> KeyRing {
    sample(name).1
}

/// All opened packets, and how many data packets stay closed.
fn read(capture: &[u8], ring: KeyRing, in_order: bool) -> (Vec<Read>, usize) {
    let mut datagrams = Datagrams::new(capture, Limits::default()).unwrap();
    let mut dissector = Dissector::new(ring, None);
    let (mut all, mut closed) = (Vec::new(), 0);
    let mut delivery = Delivery::default();
    let mut note = |record: &crate::dissect::Record<'_>| {
        match &record.content {
            Content::Data(Ok(data)) => all.push(Read {
                frame: record.frame,
                at: record.at.as_nanos(),
                from: record.from.real_key,
                to: record.to.real_key,
                way: (data.session, data.direction),
                number: data.number,
                ack: data.ack,
                again: data.resend || data.copy,
                bytes: data.bytes.to_vec(),
            }),
            Content::Data(Err(_)) => closed += 1,
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    };
    let ended = stream(&mut datagrams, &mut dissector, |item| match item {
        Item::Record(record) if in_order => delivery.record(record, &mut note),
        Item::Record(record) => note(record),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(ended, ControlFlow::Continue(None)));
    assert!(delivery.finish(&mut note).is_continue());
    (all, closed)
}

fn recording<'a>(capture: &'a [u8], name: &str) -> Recording<'a> {
    Recording::read(capture, Limits::default(), ring(name), None).unwrap()
}

fn written(recording: &Recording<'_>) -> Vec<u8> {
    recording.write(Vec::new()).unwrap().0
}

/// In each direction numbers follow each other as before, and what was never sent is not acknowledged.
fn holds_together(capture: &[u8], ring: KeyRing) -> Vec<Read> {
    let (packets, closed) = read(capture, ring, true);
    assert_eq!(closed, 0);
    packets
}

fn place(recording: &Recording<'_>, end: &[u8]) -> usize {
    let is = |it: &Packet| it.kind() == Some(Kind::Chat) && it.bytes.ends_with(end);
    recording.packets().iter().position(is).unwrap()
}

#[test]
fn without_edits_every_frame_is_copied() {
    for name in ["talk", "tcp", "relay", "detour", "audio"] {
        let (capture, ring) = sample(name);
        let mut recording = recording(&capture, name);
        recording.edit_each(|_| Vec::new()).unwrap();
        let (out, done) = recording.write(Vec::new()).unwrap();
        assert_eq!(done.sealed, 0);
        assert_eq!(read(&out, ring, false), read(&capture, sample(name).1, false));
    }
}

#[test]
fn packets_that_are_sealed_again_as_they_were_are_opened_as_they_were() {
    for name in ["talk", "two", "audio", "rejoin", "restart", "split", "middle", "roam"] {
        let (capture, ring) = sample(name);
        let mut recording = recording(&capture, name);
        recording
            .edit_each(|packet| vec![Edit::Change(packet.bytes.clone()), Edit::Pad(packet.padding)])
            .unwrap();
        let (out, done) = recording.write(Vec::new()).unwrap();
        assert_eq!(recording.relayed(), 0);
        let (before, closed) = read(&capture, sample(name).1, false);
        assert_eq!(done.sealed, before.len() as u64, "{name}");
        assert_eq!(read(&out, ring, false), (before, closed), "{name}");
    }
}

#[test]
fn what_went_over_a_relay_is_copied_and_said() {
    let (capture, _) = sample("tcp");
    let recording = recording(&capture, "tcp");
    assert!(recording.relayed() > 100);
    assert!(recording.packets().is_empty());
}

#[test]
fn a_text_that_is_changed_is_opened_as_changed_and_nothing_else_is() {
    let (capture, ring) = sample("talk");
    let mut recording = recording(&capture, "talk");
    let place = place(&recording, b"I'm late");
    let mut bytes = recording.packets()[place].bytes.clone();
    bytes.truncate(bytes.len() - 8);
    bytes.extend(b"I am very late indeed");
    recording.edit(place, Edit::Change(bytes.clone())).unwrap();
    let (before, _) = read(&capture, sample("talk").1, false);
    let (mut after, closed) = read(&written(&recording), ring, false);
    let frame = recording.packets()[place].frame;
    let changed = after.iter_mut().find(|it| it.frame == frame).unwrap();
    assert_eq!(changed.bytes, bytes);
    changed.bytes = recording.packets()[place].bytes.clone();
    assert_eq!((after, closed), (before, 0));
}

#[test]
fn a_packet_that_was_never_sent_leaves_no_gap_and_one_that_got_lost_does() {
    for (edit, gaps) in [(Edit::Remove, 0), (Edit::Lose, 1)] {
        let (capture, ring) = sample("talk");
        let mut recording = recording(&capture, "talk");
        let place = place(&recording, b"I'm late");
        let gone = recording.packets()[place].clone();
        recording.edit(place, edit).unwrap();
        let (before, _) = read(&capture, sample("talk").1, true);
        let after = holds_together(&written(&recording), ring);
        let said = |all: &[Read]| {
            let way = |it: &&Read| it.way == (gone.session, gone.direction) && !it.again;
            let lossless = |it: &&Read| DataId(it.bytes[0]).class() == DataClass::Lossless;
            all.iter()
                .filter(way)
                .filter(lossless)
                .map(|it| (it.number, it.bytes.clone()))
                .collect::<Vec<_>>()
        };
        let (before, after) = (said(&before), said(&after));
        assert_eq!(before.len(), after.len() + 1);
        let steps = after.windows(2).filter(|pair| pair[1].0 != pair[0].0.wrapping_add(1)).count();
        assert_eq!(steps, gaps);
        let left =
            before.iter().filter(|(number, _)| *number != gone.number).map(|(_, bytes)| bytes);
        assert!(left.eq(after.iter().map(|(_, bytes)| bytes)));
    }
}

#[test]
fn acknowledgements_follow_what_is_removed_and_added() {
    let (capture, ring) = sample("talk");
    let mut recording = recording(&capture, "talk");
    let place = place(&recording, b"I'm late");
    let packet = recording.packets()[place].clone();
    recording.edit(place, Edit::Remove).unwrap();
    for (later, text) in [(MS, b"one"), (2 * MS, b"two")] {
        let bytes = [&packet.bytes[..10], text].concat();
        let (by, ack) = (By::Sender, None);
        recording.edit(place, Edit::Insert { by, later, bytes, ack }).unwrap();
    }
    let bytes = vec![DataId::ALIVE.0];
    let insert = Edit::Insert { by: By::Receiver, later: 3 * MS, bytes, ack: None };
    recording.edit(place, insert).unwrap();
    let after = holds_together(&written(&recording), ring);
    let two =
        after.iter().position(|it| it.bytes.ends_with(b"two") && it.from == packet.from).unwrap();
    assert_eq!(after[two].number, packet.number + 1);
    // The packet that answers acknowledges both; the ones behind count one more than they did.
    let answer =
        after[two..].iter().find(|it| it.from == packet.to && it.to == packet.from).unwrap();
    assert_eq!((answer.ack, answer.bytes.as_slice()), (packet.number + 2, &[0x10][..]));
    let (before, _) = read(&capture, sample("talk").1, true);
    let last = |all: &[Read]| {
        let back = |it: &&Read| it.from == packet.to && it.to == packet.from;
        all.iter().rfind(back).map(|it| it.ack).unwrap()
    };
    assert_eq!(last(&after), last(&before) + 1);
}

#[test]
fn a_packet_that_is_moved_has_the_number_of_its_new_place() {
    for nanos in [20_000 * MS, -1_000 * MS] {
        let (capture, ring) = sample("talk");
        let mut recording = recording(&capture, "talk");
        let place = place(&recording, b"'/c calc'!A0");
        let packet = recording.packets()[place].clone();
        recording.edit(place, Edit::Shift(nanos)).unwrap();
        let after = holds_together(&written(&recording), ring);
        let way = |it: &&Read| it.from == packet.from && it.to == packet.to && !it.again;
        let all: Vec<_> = after.iter().filter(way).collect();
        let moved = all.iter().position(|it| it.bytes == packet.bytes).unwrap();
        assert_eq!(all[moved].at, packet.at.as_nanos() + nanos);
        assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
        assert!(all.windows(2).all(|pair| pair[1].number.wrapping_sub(pair[0].number) <= 1));
        assert_ne!(all[moved].number, packet.number);
    }
}

#[test]
fn a_packet_that_is_sent_again_is_known_as_such() {
    let (capture, ring) = sample("talk");
    let mut recording = recording(&capture, "talk");
    let place = place(&recording, b"I'm late");
    let packet = recording.packets()[place].clone();
    recording.edit(place, Edit::Resend(500 * MS)).unwrap();
    let (after, _) = read(&written(&recording), ring, false);
    let same =
        |it: &&Read| it.bytes == packet.bytes && it.from == packet.from && it.to == packet.to;
    let again: Vec<_> = after.iter().filter(same).map(|it| (it.number, it.again)).collect();
    assert_eq!(again, [(packet.number, false), (packet.number, true)]);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let (capture, _) = sample("talk");
    let mut recording = recording(&capture, "talk");
    let lossless = place(&recording, b"I'm late");
    let refused = |recording: &mut Recording<'_>, edit| recording.edit(lossless, edit).unwrap_err();
    let (by, ack, later) = (By::Sender, None, 0);
    assert_eq!(refused(&mut recording, Edit::Change(vec![])), Refused::Empty);
    assert_eq!(refused(&mut recording, Edit::Change(vec![0, 1])), Refused::Empty);
    assert_eq!(refused(&mut recording, Edit::Change(vec![1; 1374])), Refused::TooLong);
    assert_eq!(refused(&mut recording, Edit::Pad(1374)), Refused::TooLong);
    assert_eq!(refused(&mut recording, Edit::Change(vec![0xc7])), Refused::OtherClass);
    let insert = Edit::Insert { by, later, bytes: vec![1; 1374], ack };
    assert_eq!(refused(&mut recording, insert), Refused::TooLong);
    assert_eq!(recording.edit(usize::MAX, Edit::Lose), Err(Refused::NoPacket));
    assert_eq!(written(&recording), written(&self::recording(&capture, "talk")));
}

#[test]
fn a_capture_cut_anywhere_is_read_as_far_as_it_goes() {
    let (capture, _) = sample("talk");
    for length in [0, 3, 100, 5_000, capture.len() / 2 + 1] {
        let cut = &capture[..length];
        let Ok(mut recording) = Recording::read(cut, Limits::default(), ring("talk"), None) else {
            assert!(length < 28);
            continue;
        };
        assert!(recording.error().is_some());
        recording.edit_each(|packet| vec![Edit::Change(packet.bytes.clone())]).unwrap();
        let _ = written(&recording);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is edited, all is opened, in an order that has no gaps but for what was lost.
    #[test]
    fn any_edits_give_a_capture_that_opens(
        name in prop::sample::select(vec!["talk", "two", "middle", "roam"]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8, 0..9_000_i64), 1..40),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2),
    ) {
        let (mut capture, ring) = sample(name);
        for (place, byte) in &damage {
            let place = place.index(capture.len());
            capture[place] ^= byte;
        }
        let Ok(mut recording) = Recording::read(&capture, Limits::default(), self::ring(name), None) else {
            return Ok(());
        };
        prop_assume!(!recording.packets().is_empty());
        let (mut removed, mut added) = (0_i64, 0_i64);
        let mut taken = std::collections::BTreeSet::new();
        for (place, what, nanos) in edits {
            let place = place.index(recording.packets().len());
            let packet = recording.packets()[place].clone();
            if !taken.insert(place) {
                continue;
            }
            let later = nanos * MS;
            let (by, bytes, ack) = (By::Sender, vec![0x42, what], None);
            let edit = match what {
                0 => Edit::Lose,
                1 => Edit::Remove,
                2 => Edit::Shift(later),
                3 => Edit::Resend(later),
                4 => Edit::Insert { by, later, bytes, ack },
                _ => Edit::Change(packet.bytes.clone()),
            };
            recording.edit(place, edit).unwrap();
            removed += i64::from(what == 1 || what == 0);
            // A lossy packet that is sent again is another one.
            added += i64::from(what == 4 || (what == 3 && !packet.is_lossless()));
        }
        let out = written(&recording);
        if damage.is_empty() {
            let before = recording.packets().len() as i64;
            let (after, closed) = read(&out, ring, false);
            prop_assert_eq!(closed, 0);
            let fresh = after.iter().filter(|it| !it.again).count() as i64;
            prop_assert_eq!(fresh, before - removed + added);
        }
    }
}
