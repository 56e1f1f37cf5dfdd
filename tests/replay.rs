//! Replay of real captures: everything that real clients sent is explained, whatever is changed is found,
//! and what the capture lacks is never held against anybody.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use toxscope::capture::{Datagrams, Limits};
use toxscope::conference::Request;
use toxscope::conference::savedata::{Savedata, SectionType};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Content, Data, Dissector, Item, Record, stream};
use toxscope::replay::{
    Class, Difference, DifferenceKind, Observation, Options, Replay, Saved, Tally, What, Why,
};
use toxscope::simulate::{Clock, Network, Newcomer, Recorder, SECOND, World};
use toxscope::wire::{Conference, ConferenceType, DataId, Kind, Packet, PublicKey};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

/// The samples in which the people are known.
const STORIES: [&str; 10] =
    ["audio", "detour", "rejoin", "relay", "restart", "roam", "split", "talk", "tcp", "two"];

/// Seconds after which a packet that did not come is missing: 5 s, and what speaks for that later.
const LONG_ENOUGH: i64 = 9;

/// A capture and its keys, to be changed.
struct Capture {
    frames: Vec<u8>,
    keys: String,
}

impl Capture {
    fn of(story: &str) -> Self {
        let path = |end: &str| PathBuf::from(SAMPLES).join(format!("{story}.{end}"));
        Self {
            frames: fs::read(path("pcapng")).unwrap(),
            keys: fs::read_to_string(path("keys")).unwrap(),
        }
    }

    /// Without the frames that are not wanted; they are counted from 0.
    fn keep(mut self, mut wanted: impl FnMut(usize) -> bool) -> Self {
        const ENHANCED_PACKET: u32 = 6;
        let (mut rest, mut kept, mut frame) = (self.frames.as_slice(), Vec::new(), 0);
        while let [a, b, c, d, e, f, g, h, ..] = *rest {
            let size = u32::from_le_bytes([e, f, g, h]) as usize;
            let (block, behind) = rest.split_at(size);
            if u32::from_le_bytes([a, b, c, d]) != ENHANCED_PACKET {
                kept.extend(block);
            } else {
                if wanted(frame) {
                    kept.extend(block);
                }
                frame += 1;
            }
            rest = behind;
        }
        assert!(frame > 100, "the blocks of the sample were found");
        self.frames = kept;
        self
    }

    /// With its frames at other times: `times` gets the number of a frame, from 0, and its time in
    /// nanoseconds, and gives those of its copies: where each stands in the capture, and what its time is.
    fn timed(mut self, times: impl Fn(usize, i64) -> Vec<(i64, i64)>) -> Self {
        const TIME: std::ops::Range<usize> = 12..20;
        let (mut head, mut blocks) = (self.frames.clone(), Vec::new());
        let mut places = Vec::new();
        let mut rest = self.frames.as_slice();
        while let [kind, _, _, _, e, f, g, h, ..] = *rest {
            let (block, behind) = rest.split_at(u32::from_le_bytes([e, f, g, h]) as usize);
            if kind == 6 {
                let words = [12, 16].map(|at| &block[at..at + 4]);
                let [high, low] = words.map(|it| u32::from_le_bytes(it.try_into().unwrap()));
                let time = i64::from(high) << 32 | i64::from(low);
                if blocks.is_empty() {
                    head.truncate(self.frames.len() - rest.len());
                }
                for (place, time) in times(blocks.len(), time) {
                    let mut copy = block.to_vec();
                    let high = u32::try_from(time >> 32).unwrap().to_le_bytes();
                    let low = u32::try_from(time & 0xffff_ffff).unwrap().to_le_bytes();
                    copy[TIME].copy_from_slice(&[high, low].concat());
                    places.push((place, copy));
                }
                blocks.push(());
            }
            rest = behind;
        }
        assert!(blocks.len() > 100, "the blocks of the sample were found");
        places.sort_by_key(|(place, _)| *place);
        head.extend(places.into_iter().flat_map(|(_, block)| block));
        self.frames = head;
        self
    }

    fn frames(&self) -> usize {
        let mut datagrams = Datagrams::new(self.frames.as_slice(), Limits::default()).unwrap();
        let mut dissector = Dissector::new(KeyRing::new(), None);
        let _ = stream(&mut datagrams, &mut dissector, |_| ControlFlow::<()>::Continue(()));
        usize::try_from(datagrams.frames()).unwrap()
    }

    /// What replay finds when `edit` hands on the records that there are.
    fn replay(
        &self,
        options: Options,
        mut edit: impl FnMut(&Record<'_>, &mut dyn FnMut(&Record<'_>)),
    ) -> Found {
        let mut ring = KeyRing::new();
        ring.read(self.keys.as_bytes()).unwrap();
        let mut datagrams = Datagrams::new(self.frames.as_slice(), Limits::default()).unwrap();
        let mut dissector = Dissector::new(ring, None);
        let mut replay = Replay::new(options);
        let mut judged = Vec::new();
        let mut teller = |seen: &Observation<'_>| {
            if let What::Sent(sent) = seen.what {
                let kind =
                    Packet::parse(sent.bytes).map_or(Kind::Malformed, |packet| packet.kind());
                judged.push((seen.frame.unwrap(), sent.class, kind));
            }
        };
        let went = stream(&mut datagrams, &mut dissector, |item| {
            if let Item::Record(record) = item {
                edit(record, &mut |record| replay.record(record, &mut teller));
            }
            ControlFlow::<()>::Continue(())
        });
        assert!(matches!(went, ControlFlow::Continue(None)));
        replay.finish(&mut teller);
        let endpoints = replay.endpoints().map(|outcome| Endpoint {
            key: outcome.key,
            name: String::from_utf8_lossy(outcome.name.unwrap_or_default()).into_owned(),
            tally: *outcome.tally,
            differences: outcome.differences.to_vec(),
            doubts: outcome.doubts.iter().map(|doubt| (doubt.conference, doubt.why)).collect(),
        });
        let endpoints = endpoints.collect();
        Found { endpoints, judged, nobody: replay.left_out().nobody }
    }

    fn as_it_is(&self) -> Found {
        self.replay(Options::default(), |record, hand_on| hand_on(record))
    }
}

struct Found {
    endpoints: Vec<Endpoint>,
    judged: Vec<(u64, Class, Kind)>,
    nobody: u64,
}

struct Endpoint {
    key: PublicKey,
    name: String,
    tally: Tally,
    differences: Vec<Difference>,
    doubts: Vec<(Option<Conference>, Why)>,
}

impl Found {
    fn differences(&self) -> Vec<&Difference> {
        self.endpoints.iter().flat_map(|endpoint| &endpoint.differences).collect()
    }

    fn doubts(&self) -> BTreeSet<Why> {
        let doubts = self.endpoints.iter().flat_map(|endpoint| &endpoint.doubts);
        doubts.map(|(_, why)| *why).collect()
    }

    fn predicted(&self) -> u64 {
        self.endpoints.iter().map(|endpoint| endpoint.tally.predicted).sum()
    }
}

/// The conference packets of a capture that a sender with a known key sent, each once, and how many
/// seconds before the end.
fn sent(story: &str) -> Vec<(u64, Kind, i64)> {
    let (mut sent, mut end) = (Vec::new(), 0);
    Capture::of(story).replay(Options::default(), |record, _| {
        end = record.rel;
        if let Content::Data(Ok(data)) = &record.content
            && !data.resend
            && let Some(packet) = &data.packet
        {
            let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
            sent.push((record.frame, kind, record.rel));
        }
    });
    for (_, _, at) in &mut sent {
        *at = (end - *at) / 1_000_000_000;
    }
    sent
}

#[test]
fn whatever_real_clients_sent_is_explained() {
    for story in STORIES {
        let found = Capture::of(story).as_it_is();
        assert_eq!(found.judged.len(), sent(story).len(), "{story}: each packet is judged once");
        assert!(found.endpoints.len() >= 2, "{story}");
        for Endpoint { name, tally, differences, .. } in &found.endpoints {
            let good = tally.predicted + tally.client_action + tally.timing;
            assert!(good * 100 >= tally.sent() * 99, "{story}, {name}: {tally:?}");
            // What is allowed by timing, or wanted by a client, does not stand for what is predicted.
            assert!(tally.predicted * 2 >= tally.sent(), "{story}, {name}: {tally:?}");
            assert!(tally.timing <= 2 + tally.sent() / 50, "{story}, {name}: {tally:?}");
            assert_eq!(differences, &[], "{story}, {name}");
        }
    }
}

/// `tcp` was captured on both sides of the relay.
#[test]
fn what_goes_through_a_relay_is_judged_like_everything_else() {
    assert_eq!(Capture::of("tcp").as_it_is().doubts(), BTreeSet::new());
    // Of `tcp`, only what the endpoints sent to the relay: when anything arrived is not known.
    let one_way = Capture::of("tcp").replay(Options::default(), |record, hand_on| {
        if record.relay.is_none_or(|relay| relay.to_relay == Some(true)) {
            hand_on(record);
        }
    });
    assert_eq!(one_way.differences(), Vec::<&Difference>::new());
    assert!(one_way.doubts().contains(&Why::Relay), "{:?}", one_way.doubts());
}

/// Somebody names a save of another day.
#[test]
fn a_save_that_an_endpoint_did_not_begin_with_makes_no_findings_and_is_told() {
    let file = fs::read(PathBuf::from(SAMPLES).join("savedata/two.cas.tox")).unwrap();
    let save = Savedata::parse(&file).unwrap();
    let state = Saved {
        owner: save.owner().unwrap(),
        name: save.name().to_vec(),
        conferences: save.section(SectionType::CONFERENCES).unwrap().payload.to_vec(),
    };
    let options = Options { state: Some(state), ..Options::default() };
    let found = Capture::of("two").replay(options, |record, hand_on| hand_on(record));
    assert_eq!(found.differences(), Vec::<&Difference>::new());
    assert!(found.doubts().contains(&Why::OtherState), "{:?}", found.doubts());
}

/// Nothing but these kinds of packets comes from what clients do.
#[test]
fn only_what_a_client_can_want_counts_as_its_action() {
    for story in STORIES {
        for (frame, class, kind) in Capture::of(story).as_it_is().judged {
            if class == Class::ClientAction {
                assert!(
                    matches!(
                        kind,
                        Kind::Invite
                            | Kind::InviteAccepted
                            | Kind::Chat
                            | Kind::Action
                            | Kind::Title
                            | Kind::Name
                            | Kind::KillPeer
                            | Kind::FreezePeer
                            | Kind::Lossy
                    ),
                    "{story}, frame {frame}: {kind:?}"
                );
            }
        }
    }
}

#[test]
fn the_same_capture_is_told_in_the_same_way() {
    let tell = || {
        let mut told = String::new();
        let capture = Capture::of("split");
        let mut ring = KeyRing::new();
        ring.read(capture.keys.as_bytes()).unwrap();
        let mut datagrams = Datagrams::new(capture.frames.as_slice(), Limits::default()).unwrap();
        let mut dissector = Dissector::new(ring, None);
        let mut replay = Replay::new(Options::default());
        let _ = stream(&mut datagrams, &mut dissector, |item| {
            if let Item::Record(record) = item {
                replay.record(record, &mut |seen| {
                    told += &format!("{:?} {:?} {:?}\n", seen.frame, seen.at, seen.what);
                });
            }
            ControlFlow::<()>::Continue(())
        });
        told
    };
    assert_eq!(tell(), tell());
}

/// Hands on `record` with other bytes, under the same number.
fn instead(record: &Record<'_>, bytes: &[u8], hand_on: &mut dyn FnMut(&Record<'_>)) {
    let mut record = record.clone();
    let Content::Data(Ok(data)) = &record.content else { panic!("no data") };
    let changed = Data {
        id: DataId(bytes[0]),
        bytes,
        packet: DataId(bytes[0]).is_conference().then(|| Packet::parse(bytes)),
        ..data.clone()
    };
    record.content = Content::Data(Ok(changed));
    hand_on(&record);
}

/// What replay finds in `story` when the packet in each of `frames`, one by one, becomes another.
fn changed(story: &str, frames: &[u64], change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(u64, Found)> {
    let capture = Capture::of(story);
    let one_by_one = frames.iter().map(|frame| {
        let found = capture.replay(Options::default(), |record, hand_on| match &record.content {
            Content::Data(Ok(data)) if record.frame == *frame => {
                instead(record, &change(data.bytes), hand_on);
            }
            _ => hand_on(record),
        });
        (*frame, found)
    });
    one_by_one.collect()
}

/// Frames with packets of this kind, not too many, and long enough before the end to be missed.
fn frames(story: &str, kind: Kind, most: usize) -> Vec<u64> {
    let wanted = |it: &&(u64, Kind, i64)| it.1 == kind && it.2 > LONG_ENOUGH;
    let found: Vec<_> = sent(story).iter().filter(wanted).map(|it| it.0).collect();
    assert!(!found.is_empty(), "{story}: {kind:?}");
    let apart = found.len().div_ceil(most);
    found.into_iter().step_by(apart).collect()
}

/// What a capture shows of DHT keys are claims, and late ones at times; L-NEWPEER-DHT looks at them.
#[test]
fn a_new_member_with_another_dht_key_is_not_judged() {
    for (frame, found) in changed("split", &frames("split", Kind::NewPeer, 3), |bytes| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    }) {
        let here = found.judged.iter().find(|it| it.0 == frame).map(|it| it.1);
        assert!(found.differences().is_empty(), "frame {frame}: {:?}", found.differences());
        assert_eq!(here, Some(Class::NotJudged(Why::DhtKey)), "frame {frame}");
    }
}

/// Captures as they are made at one member's machine: of others, part of what they send and receive.
#[test]
fn where_only_one_members_traffic_was_captured_nobody_is_accused() {
    for story in ["audio", "talk", "rejoin", "relay", "restart", "roam", "split", "two", "stale"] {
        let capture = Capture::of(story);
        for port in 44100..44108 {
            let found = capture.replay(Options::default(), |record, hand_on| {
                if [record.src, record.dst].iter().any(|address| address.port() == port) {
                    hand_on(record);
                }
            });
            assert!(found.differences().is_empty(), "{story} {port}: {:?}", found.differences());
        }
    }
}

/// The first packets of sessions, nicknames, DHT packets: whose loss says nothing of the packets behind them.
#[test]
fn where_one_frame_was_lost_nobody_is_accused() {
    for (story, lost) in [
        ("talk", &[168, 220, 317][..]),
        ("rejoin", &[166, 216, 288, 1128, 1196]),
        ("restart", &[205, 206, 268, 270, 405, 408, 478, 705]),
        ("split", &[188, 411]),
        ("stale", &[44, 51, 105, 214, 217, 271]),
    ] {
        let capture = Capture::of(story);
        for lost in lost {
            let found = capture.replay(Options::default(), |record, hand_on| {
                if record.frame != *lost {
                    hand_on(record);
                }
            });
            let differences = found.differences();
            assert!(differences.is_empty(), "{story} without {lost}: {differences:?}");
        }
    }
}

/// A sign of life, which every client sends now and then, in the place of a packet.
const ALIVE: [u8; 1] = [0x10];

#[test]
fn a_packet_that_was_removed_is_missing() {
    for (story, kind) in [
        ("talk", Kind::PeerResponse),
        ("split", Kind::PeerResponse),
        ("talk", Kind::PeerQuery),
        ("split", Kind::Ping),
        ("restart", Kind::TitleResponse),
        ("rejoin", Kind::NewPeer),
    ] {
        for (frame, found) in changed(story, &frames(story, kind, 3), |_| ALIVE.to_vec()) {
            // Without the announcement nobody knows the new member's number: what follows is unexplained.
            let missing =
                |it: &&Difference| it.kind == DifferenceKind::Missing || kind == Kind::NewPeer;
            let differences = found.differences();
            assert!(differences.iter().any(missing), "{story}, {kind:?} in frame {frame}");
        }
    }
}

#[test]
fn a_packet_of_which_a_field_was_changed_is_unexplained() {
    let last = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    for (story, kind) in [
        ("talk", Kind::PeerResponse),
        ("split", Kind::Ping),
        ("split", Kind::Chat),
        ("split", Kind::Name),
        ("restart", Kind::TitleResponse),
    ] {
        for (frame, found) in changed(story, &frames(story, kind, 3), last) {
            let here = found.judged.iter().find(|it| it.0 == frame).map(|it| it.1);
            // Changed where it was first said, it is what the client said; then its copies differ.
            let wanted = here == Some(Class::ClientAction) || here == Some(Class::Predicted);
            let told = !found.differences().is_empty();
            assert!(
                here == Some(Class::Unexplained) || wanted && told,
                "{story}, {kind:?} in frame {frame}: {here:?}"
            );
        }
    }
}

#[test]
fn a_packet_that_was_added_is_unexplained() {
    for (story, kind, added) in [
        // A question that nobody had reason to ask.
        ("talk", Kind::Ping, &hex_literal::hex!("62 0000 08")[..]),
        // A member that nobody invited.
        ("talk", Kind::PeerQuery, &hex_literal::hex!("62 0000 01")),
        // A message of somebody who said nothing.
        ("split", Kind::Ping, &hex_literal::hex!("63 0000 0000 00000099 40 6869")),
        ("split", Kind::Name, &hex_literal::hex!("62 0000 0a 7878")),
    ] {
        let capture = Capture::of(story);
        for frame in frames(story, kind, 3) {
            // It takes the place of a sign of life of the same sender.
            let mut sender = None;
            let mut planted = None;
            let found = capture.replay(Options::default(), |record, hand_on| {
                let Content::Data(Ok(data)) = &record.content else { return hand_on(record) };
                if record.frame == frame {
                    sender = Some((data.session, data.direction));
                }
                let is_place = data.bytes == ALIVE
                    && !data.resend
                    && planted.is_none()
                    && sender == Some((data.session, data.direction));
                if is_place {
                    planted = Some(record.frame);
                    instead(record, added, hand_on);
                } else {
                    hand_on(record);
                }
            });
            let Some(planted) = planted else { continue };
            let here = found.judged.iter().find(|it| it.0 == planted).map(|it| it.1);
            assert_eq!(here, Some(Class::Unexplained), "{story}, frame {planted}: {added:02x?}");
        }
    }
}

/// Numbers that look like chance and are always the same.
fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn frames_that_were_not_captured_make_no_findings() {
    let mut predicted = 0;
    for (seed, story) in (1..).zip(STORIES) {
        for (seed, one_in) in [(seed, 200), (seed + 100, 30)] {
            let mut dice = chance(seed);
            let capture = Capture::of(story).keep(|_| !dice().is_multiple_of(one_in));
            let found = capture.as_it_is();
            let differences = found.differences();
            assert!(differences.is_empty(), "{story}, 1 in {one_in}: {differences:#?}");
            predicted += found.predicted();
        }
    }
    assert!(predicted > 1000, "some is predicted all the same: {predicted}");
}

/// All stories, and the one in which a client does wrong that only lint knows.
fn all_stories() -> impl Iterator<Item = &'static str> {
    STORIES.into_iter().chain(["stale"])
}

#[test]
fn many_frames_in_a_row_that_were_not_captured_make_no_findings_and_are_told() {
    let known =
        [("rejoin", 841, 941), ("roam", 450, 550), ("roam", 496, 546), ("restart", 378, 552)];
    let audio = [("audio", 780, 810)];
    let mut holes: Vec<_> = known.into_iter().chain(audio).collect();
    for story in all_stories() {
        let frames = Capture::of(story).frames();
        holes.extend((0..frames).step_by(150).map(|first| (story, first, first + 100)));
    }
    let (mut predicted, mut told) = (0, BTreeSet::new());
    for (story, first, end) in holes {
        let found = Capture::of(story).keep(|frame| !(first..end).contains(&frame)).as_it_is();
        let differences = found.differences();
        assert!(differences.is_empty(), "{story} without {first}..{end}: {differences:#?}");
        predicted += found.predicted();
        told.extend(found.doubts());
    }
    assert!(predicted > 10_000, "most is predicted all the same: {predicted}");
    assert!(told.contains(&Why::Silence) && told.contains(&Why::Lost), "{told:?}");
}

/// What clocks that tell milliseconds or hundredths of a second make of the samples.
#[test]
fn coarse_times_change_nothing() {
    for story in all_stories() {
        let fine = Capture::of(story).as_it_is();
        for unit in [1_000_000, 10_000_000] {
            let coarse = Capture::of(story).timed(|_, time| vec![(time, time / unit * unit)]);
            let coarse = coarse.as_it_is();
            assert_eq!(coarse.differences(), Vec::<&Difference>::new(), "{story}, {unit} ns");
            assert_eq!(coarse.judged.len(), fine.judged.len(), "{story}, {unit} ns");
            assert_eq!(coarse.doubts(), fine.doubts(), "{story}, {unit} ns");
        }
    }
}

#[test]
fn a_clock_that_is_set_meanwhile_makes_no_findings_and_is_told() {
    const SECOND: i64 = 1_000_000_000;
    for (by, why) in [
        (-3600 * SECOND, Why::Clock),
        (-2 * SECOND, Why::Clock),
        (2 * SECOND, Why::Silence),
        (30 * SECOND, Why::Silence),
    ] {
        let (mut predicted, mut told) = (0, BTreeSet::new());
        for story in all_stories() {
            let middle = Capture::of(story).frames() / 2;
            let set = |frame, time| if frame < middle { time } else { time + by };
            let capture = Capture::of(story).timed(|frame, time| vec![(time, set(frame, time))]);
            let found = capture.as_it_is();
            let differences = found.differences();
            assert!(differences.is_empty(), "{story}, by {by} ns: {differences:#?}");
            predicted += found.predicted();
            told.extend(found.doubts());
        }
        assert!(predicted > 2000, "most is predicted all the same: {predicted}");
        assert!(told.contains(&why), "by {by} ns: {told:?}");
    }
}

#[test]
fn frames_that_were_captured_twice_count_once() {
    for story in all_stories() {
        let once = Capture::of(story).as_it_is();
        for apart in [1_000, 30_000_000, 300_000_000] {
            let twice = Capture::of(story)
                .timed(|_, time| vec![(time, time), (time + apart, time + apart)])
                .as_it_is();
            assert_eq!(twice.differences(), Vec::<&Difference>::new(), "{story}, {apart} ns");
            assert_eq!(twice.judged.len(), once.judged.len(), "{story}, {apart} ns");
            assert_eq!(twice.doubts(), once.doubts(), "{story}, {apart} ns");
        }
    }
}

#[test]
fn keys_that_are_missing_make_no_findings_and_are_told() {
    let mut told = BTreeSet::new();
    for (seed, story) in (1..).zip(STORIES) {
        for one_in in [2, 5] {
            let mut dice = chance(seed + 1000 * one_in);
            let mut capture = Capture::of(story);
            let lines = capture.keys.lines().filter(|_| !dice().is_multiple_of(one_in));
            capture.keys = lines.map(|line| format!("{line}\n")).collect();
            let found = capture.as_it_is();
            let differences = found.differences();
            assert!(differences.is_empty(), "{story}, 1 in {one_in}: {differences:#?}");
            told.extend(found.doubts());
        }
    }
    assert!(told.contains(&Why::Closed), "{told:?}");
}

#[test]
fn a_capture_that_starts_in_the_middle_makes_no_findings() {
    let (mut predicted, mut nobody, mut told) = (0, 0, BTreeSet::new());
    for story in STORIES {
        let frames = Capture::of(story).frames();
        for part in [4, 2] {
            let capture = Capture::of(story).keep(|frame| frame >= frames / part);
            let found = capture.as_it_is();
            let differences = found.differences();
            assert!(differences.is_empty(), "{story}, 1/{part}: {differences:#?}");
            predicted += found.predicted();
            nobody += found.nobody;
            told.extend(found.doubts());
        }
    }
    assert!(predicted > 100, "what is seen is made use of: {predicted}");
    assert!(told.contains(&Why::StateUnknown), "{told:?}");
    let middle = Capture::of("middle").as_it_is();
    assert_eq!((middle.endpoints.len(), middle.nobody > 0), (0, true), "{nobody}");
}

/// Cas shuts down, having saved, and starts again. Who sees only the second half needs what she saved.
#[test]
fn an_endpoint_starts_from_what_it_had_saved() {
    let whole = Capture::of("restart");
    let mut ring = KeyRing::new();
    ring.read(whole.keys.as_bytes()).unwrap();
    let mut datagrams = Datagrams::new(whole.frames.as_slice(), Limits::default()).unwrap();
    let mut dissector = Dissector::new(ring, None);
    let mut replay = Replay::new(Options::default());
    let (mut saved, mut end) = (None, 0);
    let _ = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            replay.record(record, &mut |seen| {
                if seen.name == Some(b"cas")
                    && end == 0
                    && let What::Sent(sent) = seen.what
                {
                    if Packet::parse(sent.bytes).unwrap().kind() == Kind::FreezePeer {
                        end = usize::try_from(seen.frame.unwrap()).unwrap();
                    } else {
                        let conferences = seen.machine.save();
                        saved = Some((seen.endpoint, conferences));
                    }
                }
            });
        }
        ControlFlow::<()>::Continue(())
    });
    let (owner, conferences) = saved.unwrap();
    let state = Saved { owner, name: b"cas".to_vec(), conferences };
    let half = Capture::of("restart").keep(|frame| frame > end);
    let cas = |state| {
        let options = Options { state, ..Options::default() };
        let found = half.replay(options, |record, hand_on| hand_on(record));
        assert_eq!(found.differences(), Vec::<&Difference>::new());
        found.endpoints.into_iter().find(|it| it.key == owner).unwrap()
    };
    let (with, without) = (cas(Some(state)), cas(None));
    assert!(with.doubts.is_empty(), "{:?}", with.doubts);
    assert_eq!(without.doubts.len(), 1);
    let not_judged = |it: &Endpoint| it.tally.not_judged.iter().sum::<u64>();
    assert!(not_judged(&with) == 0 && not_judged(&without) > 5, "{:?}", without.tally);
}

/// Ann creates two conferences and has Bob in both at once; he leaves one of them and comes again.
#[test]
fn a_member_of_two_conferences_has_a_number_in_each() {
    let play = |log: &str| {
        let recorder = Recorder::new(5, log, Vec::new()).unwrap();
        let mut world = World::observed(5, Network::default(), recorder);
        let mut enter = |name: &[u8]| {
            let (profile, clock) = ("ctoxcore".parse().unwrap(), Clock::default());
            world.enter(Newcomer { profile, name, clock, seals: true })
        };
        let (ann, bob) = (enter(b"ann"), enter(b"bob"));
        world.befriend(ann, bob);
        world.run_for(20 * SECOND);
        let conferences: Vec<_> =
            (0..2).map(|_| world.create(ann, ConferenceType::TEXT).unwrap()).collect();
        // The number of the second conference is asked for while the first is to have another one.
        for conference in conferences.iter().rev() {
            world.invite(ann, bob, conference).unwrap();
        }
        world.run_for(SECOND / 2);
        let group = world.group(bob, &conferences[0]).unwrap().number();
        world.request(bob, Request::Delete { group }).unwrap();
        world.run_for(SECOND / 5);
        world.invite(ann, bob, &conferences[0]).unwrap();
        world.run_for(40 * SECOND);
        let now = world.now();
        world.into_observer().finish(now).unwrap()
    };
    let log = play("").log;
    let capture = Capture { frames: play(&log).out, keys: log.to_string() };
    let found = capture.as_it_is();
    let inviter = found.endpoints.iter().find(|endpoint| endpoint.name == "ann").unwrap();
    let wrong: Vec<_> = inviter.differences.iter().filter(|it| it.rule == "R-014").collect();
    assert_eq!(wrong, Vec::<&Difference>::new());
    let announced = |(_, class, kind): &&(u64, Class, Kind)| {
        *kind == Kind::NewPeer && *class == Class::Predicted
    };
    assert!(found.judged.iter().filter(announced).count() >= 3, "{:?}", found.judged);
}
