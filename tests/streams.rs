//! A real capture of TCP relays, its segments cut, disordered, repeated, lost, cut off: what is in it stays the
//! same, or it is said what is missing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests"
)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use toxscope::capture::pcapng::{Interface, Resolution, Writer};
use toxscope::capture::{Datagrams, Limits, LinkType, StreamCounts};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Dissector, Item, Totals, stream};
use toxscope::time::Timestamp;

/// A frame and when it was captured.
#[derive(Clone)]
struct Frame {
    at: Timestamp,
    bytes: Vec<u8>,
    /// How long it was on the wire.
    length: usize,
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).unwrap()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The frames of a sample, which is pcapng as our own writer writes it: nanoseconds, Ethernet.
fn frames() -> Vec<Frame> {
    let file = sample("tcp.pcapng");
    let (mut at, mut frames) = (0, Vec::new());
    while at < file.len() {
        let block = &file[at..at + u32_at(&file, at + 4) as usize];
        if u32_at(block, 0) == 6 {
            let nanos = u64::from(u32_at(block, 12)) << 32 | u64::from(u32_at(block, 16));
            let length = u32_at(block, 20) as usize;
            let at = Timestamp::from_nanos(nanos.cast_signed());
            frames.push(Frame { at, bytes: block[28..28 + length].to_vec(), length });
        }
        at += block.len();
    }
    assert!(frames.len() > 900);
    frames
}

impl Frame {
    /// Where the payload of its TCP segment begins, if it is one with payload.
    fn payload(&self) -> Option<usize> {
        let header = 14 + 20 + usize::from(*self.bytes.get(46)? >> 4) * 4;
        (self.bytes[23] == 6 && header < self.bytes.len()).then_some(header)
    }

    /// The same segment with these bytes of its payload only.
    fn part(&self, from: usize, to: usize) -> Self {
        let payload = self.payload().unwrap();
        let mut part = self.clone();
        part.bytes = [&self.bytes[..payload], &self.bytes[payload + from..payload + to]].concat();
        let length = u16::try_from(part.bytes.len() - 14).unwrap();
        part.bytes[16..18].copy_from_slice(&length.to_be_bytes());
        let sequence = u32::from_be_bytes(self.bytes[38..42].try_into().unwrap());
        let sequence = sequence.wrapping_add(u32::try_from(from).unwrap());
        part.bytes[38..42].copy_from_slice(&sequence.to_be_bytes());
        part.length = part.bytes.len();
        part
    }
}

struct Told {
    totals: Totals,
    streams: StreamCounts,
}

/// A capture of these frames.
fn recorded(frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let (link, resolution) = (LinkType::ETHERNET, Resolution::NANOSECONDS);
    writer.interface(Interface { link, snap_length: 0, resolution, name: None }).unwrap();
    for frame in frames {
        writer.packet(0, frame.at, &frame.bytes, frame.length as u32).unwrap();
    }
    writer.finish().unwrap()
}

fn dissected(frames: &[Frame]) -> Told {
    let file = recorded(frames);
    let mut ring = KeyRing::new();
    ring.read(&*sample("tcp.keys")).unwrap();
    let mut datagrams = Datagrams::new(&*file, Limits::default()).unwrap();
    let mut totals = Totals::default();
    let ended = stream(&mut datagrams, &mut Dissector::new(ring, None), |item| {
        match item {
            Item::Record(record) => totals.record(record),
            Item::NotUdp(why) => totals.not_udp(why),
            Item::Late(_) | Item::Pause => {}
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(ended, ControlFlow::Continue(None)));
    assert_eq!(datagrams.frames(), frames.len() as u64);
    Told { totals, streams: datagrams.streams() }
}

impl Told {
    /// What does not depend on how the bytes came.
    fn content(&self) -> (BTreeMap<&'static str, u64>, u64, u64, u64, u64, u64) {
        let Totals { relay, conference, .. } = &self.totals;
        let mut counts: BTreeMap<_, _> =
            conference.iter().map(|(kind, count)| (kind.name(), *count)).collect();
        counts.extend(relay.packets.iter().map(|(kind, count)| (*kind, *count)));
        let Totals { data_opened, copies, resends, handshakes_opened, .. } = self.totals;
        (counts, data_opened, copies, resends, handshakes_opened, relay.frames_opened)
    }
}

/// Frames, with each window of so many turned round.
fn turned(frames: &[Frame], window: usize) -> Vec<Frame> {
    // Times stay in order, as where frames overtake each other on the way to the disk.
    let times = frames.iter().map(|frame| frame.at);
    let turned = frames.chunks(window).flat_map(|window| window.iter().rev());
    turned.zip(times).map(|(frame, at)| Frame { at, ..frame.clone() }).collect()
}

/// Frames, with each segment cut into parts of so many bytes.
fn cut(frames: &[Frame], size: usize) -> Vec<Frame> {
    let mut parts = Vec::new();
    for frame in frames {
        match frame.payload() {
            Some(payload) => {
                let length = frame.bytes.len() - payload;
                let starts = (0..length).step_by(size);
                parts.extend(starts.map(|start| frame.part(start, (start + size).min(length))));
            }
            None => parts.push(frame.clone()),
        }
    }
    parts
}

/// Frames, each twice.
fn doubled(frames: &[Frame]) -> Vec<Frame> {
    frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect()
}

#[test]
fn cuts_disorder_and_repetition_change_nothing() {
    let frames: Vec<_> = frames().into_iter().filter(|frame| frame.bytes[23] == 6).collect();
    let plain = dissected(&frames);
    assert_eq!(plain.totals.relay.frames, plain.totals.relay.frames_opened);
    assert!(plain.totals.relay.frames > 500 && plain.totals.copies > 100);
    // Each segment and the one before it, but for some bytes.
    let overlapping: Vec<_> =
        cut(&frames, 50).windows(2).flat_map(|pair| [pair[1].clone(), pair[0].clone()]).collect();
    for (what, changed) in [
        ("cut", cut(&frames, 7)),
        ("turned round", turned(&frames, 5)),
        ("doubled", doubled(&frames)),
        ("cut and turned round", turned(&cut(&frames, 60), 30)),
        ("all of it", turned(&doubled(&cut(&turned(&frames, 3), 100)), 20)),
        ("overlapping", overlapping),
    ] {
        let told = dissected(&changed);
        assert_eq!(told.content(), plain.content(), "{what}");
        let StreamCounts { holes, lost, overlaps, bytes, .. } = told.streams;
        assert_eq!((holes, lost, overlaps, bytes), (0, 0, 0, plain.streams.bytes), "{what}");
    }
}

#[test]
fn lost_segments_cost_what_is_in_them_and_are_counted() {
    let frames = frames();
    let plain = dissected(&frames);
    let is_lost = |number: usize, frame: &Frame| number % 17 == 5 && frame.payload().is_some();
    let (mut kept, mut lost, mut count) = (Vec::new(), 0, 0);
    for (number, frame) in frames.iter().enumerate() {
        if number > 100 && is_lost(number, frame) {
            lost += (frame.bytes.len() - frame.payload().unwrap()) as u64;
            count += 1;
        } else {
            kept.push(frame.clone());
        }
    }
    let told = dissected(&kept);
    assert!(count > 10, "{count} segments");
    assert_eq!((told.streams.lost, told.streams.bytes), (lost, plain.streams.bytes - lost));
    // One frame a segment, most of the time.
    let (now, before) = (told.totals.relay.frames_opened, plain.totals.relay.frames_opened);
    assert!(now >= before - 2 * count && now < before, "{now} of {before}, {count} segments lost");
    assert_eq!(told.totals.relay.frames, now, "nothing is called a frame that is none");
}

/// What `toxscope` says beside its data.
fn said(frames: &[Frame], keys: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.pcapng"), recorded(frames)).unwrap();
    fs::write(folder.path().join("a.keys"), keys).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_toxscope"));
    let out = command.args(["stats", "a.pcapng"]).current_dir(folder.path()).output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stderr).unwrap()
}

#[test]
fn what_stays_closed_or_is_missing_is_said() {
    let frames = frames();
    let keys = String::from_utf8(sample("tcp.keys")).unwrap();
    let whole = said(&frames, &keys);
    assert!(!whole.contains("not opened") && !whole.contains("TCP"), "{whole}");
    // A key log that is somebody else's.
    let closed = said(&frames, &format!("BOX {} {}\n", "1".repeat(64), "2".repeat(64)));
    assert!(closed.contains("frames between clients and relays not opened: "), "{closed}");
    assert!(closed.contains("no key in the log opens the handshake"), "{closed}");
    // A segment that is not there, and one that says something else at its second coming.
    let tcp: Vec<usize> = (0..frames.len()).filter(|at| frames[*at].payload().is_some()).collect();
    let mut changed = frames.clone();
    let mut forged = frames[tcp[50]].clone();
    *forged.bytes.last_mut().unwrap() ^= 1;
    changed.insert(tcp[50] + 1, forged);
    let lost = changed.remove(tcp[40]);
    let bytes = lost.bytes.len() - lost.payload().unwrap();
    let told = said(&changed, &keys);
    let missing =
        format!("{bytes} bytes of TCP connections are missing in the capture, in 1 place");
    assert!(told.contains(&missing), "{told}");
    assert!(told.contains("1 TCP segment with bytes that differ from earlier ones"), "{told}");
    // Only what runs already, and nonces of none of it.
    let lines = keys.split_inclusive('\n');
    let shared: String = lines.filter(|line| line.starts_with("SHARED")).collect();
    let told = said(&frames[frames.len() - 8..], &shared);
    assert!(told.contains("no beginning of a connection to a relay among them"), "{told}");
}

#[test]
fn a_snap_length_leaves_what_is_short_enough() {
    let mut frames = frames();
    let plain = dissected(&frames);
    for frame in &mut frames {
        // Handshakes are whole.
        frame.bytes.truncate(66 + 160);
    }
    let told = dissected(&frames);
    let StreamCounts { lost, cut, bytes, .. } = told.streams;
    assert_eq!((lost, cut + bytes), (0, plain.streams.bytes));
    assert!(told.totals.relay.frames_opened > plain.totals.relay.frames_opened / 3);
    assert!(told.totals.data_opened > 100);
}

#[test]
fn a_capture_that_begins_in_the_middle_is_opened_with_the_nonces_of_the_log() {
    let frames = frames();
    let plain = dissected(&frames);
    let told = dissected(&frames[frames.len() / 2..]);
    let (now, before) = (&told.totals.relay, &plain.totals.relay);
    assert!(now.frames_opened > before.frames / 4, "{} of {}", now.frames_opened, before.frames);
    assert!(told.totals.data_opened > plain.totals.data_opened / 4);
}
