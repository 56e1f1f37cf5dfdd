//! Captures with their keys inside, through all that reads one.

use std::ops::ControlFlow;

use zeroize::Zeroizing;

use super::traffic::fields_fit;
use crate::capture::{Changes, Clock, Datagrams, Event, Limits, rewrite};
use crate::crypto::{Inventory, KeyRing, MAGIC, SEARCHES, comments, is_key_log, sift};
use crate::dissect::{Content, Dissector, Item, Totals, stream};
use crate::lint::{Lint, RULES};
use crate::replay::{Options, Replay, What};
use crate::report::{Detail, JsonLines, List, ReplayText, TimeStyle, stats_table};
use crate::reseal::{Edit, Packet, Recording, Secrets};

/// The type of secrets blocks that are read as key logs.
const SECRETS: u32 = 0x544f_584b;

/// A capture with keys inside gives the same records each time, whose fields fit the field table. What opens
/// there, opens when it is written again with all of its secrets or only those that opened something, and when
/// its keys are taken out and put in front. It agrees with itself about the time; replay ends with all
/// invariants, and lint says what can be printed.
pub fn recording(data: &[u8]) {
    let Some(records) = dissected(data) else { return };
    assert_eq!(Some(&records), dissected(data).as_ref());
    let log = embedded(data);
    let from_the_start = dissected(&with_keys(data, &log));
    let opens = from_the_start.map_or(records.opened == 0, |it| it.opens(records.opened));
    assert!(opens, "keys in front open less");
    agrees_with_itself(data);
    sealed_again(data, &records);
    judged(data);
    printed(data);
}

fn limits() -> Limits {
    Limits { max_decompressed: 1 << 20, ..Limits::default() }
}

fn datagrams(data: &[u8]) -> Option<Datagrams<&[u8]>> {
    Datagrams::new(data, limits()).ok()
}

/// What the records of a capture are.
#[derive(Debug, PartialEq, Eq)]
struct Records {
    /// The kind of each, how many fields it has, and why it is closed.
    kinds: Vec<(&'static str, usize, Option<&'static str>)>,
    opened: usize,
}

impl Records {
    /// With all keys from the start, as much opens as with keys on the way. But where packets fail, keys are looked
    /// for ever more seldom, and anew with each key that comes: that of a packet further back may not be tried.
    fn opens(&self, so_many: usize) -> bool {
        let failed = self.kinds.iter().filter(|(_, _, why)| why.is_some()).count();
        self.opened >= so_many || failed >= SEARCHES as usize
    }
}

fn dissected(data: &[u8]) -> Option<Records> {
    let mut datagrams = datagrams(data)?;
    let mut dissector = Dissector::new(KeyRing::new(), Some(SECRETS));
    let mut records = Records { kinds: Vec::new(), opened: 0 };
    let ended = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            let why = record.sealed();
            assert!(why.is_none_or(|why| !why.title().is_empty()));
            records.opened += usize::from(matches!(record.content, Content::Data(Ok(_))));
            records.kinds.push((record.kind(), fields_fit(record), why.map(|why| why.name())));
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(ended, ControlFlow::Continue(_)));
    let sessions = dissector.sessions();
    assert!(sessions.ring().left_out() == 0 && sessions.forgotten() <= dissector.forgotten());
    assert!(sessions.searches_cut_short() <= records.kinds.len() as u64);
    Some(records)
}

/// The key logs inside a capture, one behind the other.
fn embedded(data: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    let Some(mut datagrams) = datagrams(data) else { return log };
    while let Ok(Some(event)) = datagrams.next() {
        let text = match event {
            Event::Comment(text) if is_key_log(text) => text,
            Event::Secrets { secrets_type: SECRETS, data } => data,
            _ => continue,
        };
        log.extend_from_slice(text.strip_prefix(MAGIC.as_bytes()).unwrap_or(text));
        log.push(b'\n');
    }
    log
}

/// The capture with nothing but the lines of the key log that say something; they are all that says something.
fn with_keys(data: &[u8], log: &[u8]) -> Vec<u8> {
    let mut kept = Zeroizing::default();
    let sifted = sift(log, true, &mut kept).expect("memory does not fail");
    let [mut before, mut after] = [Inventory::default(), Inventory::default()];
    for (inventory, log) in [(&mut before, log), (&mut after, kept.as_slice())] {
        inventory.read(log).expect("memory does not fail");
    }
    assert_eq!(before.keys(), after.keys());
    let mut ring = KeyRing::new();
    ring.read(log).expect("memory does not fail");
    assert!(ring.names().values().all(|name| !name.is_empty()), "a name without bytes is none");
    let mut others = Zeroizing::default();
    let fewer = sift(log, false, &mut others).expect("memory does not fail");
    assert_eq!(fewer.kept + fewer.identities, sifted.kept);
    let pieces = comments(&kept);
    let pieces: Vec<&str> = pieces.iter().map(|piece| piece.as_str()).collect();
    let without = |comment: &[u8]| !is_key_log(comment);
    let changes = Changes { add: &pieces, keep_comment: &without, keep_secrets: false };
    let mut changed = Vec::new();
    rewrite(data, &limits(), &mut changed, &changes).expect("memory takes everything");
    changed
}

/// Two copies of a capture have the same clock; read as one, they have each frame twice.
fn agrees_with_itself(data: &[u8]) {
    let clock = || datagrams(data).map(|mut it| Clock::read(&mut it)).unwrap_or_default();
    if let Some(behind) = clock().compare(&clock()) {
        assert_eq!(behind.nanos, 0);
    }
    let frames = |mut datagrams: Datagrams<&[u8]>| {
        while let Ok(Some(_)) = datagrams.next() {}
        assert!(datagrams.times_out_of_range() <= datagrams.frames());
        (datagrams.frames(), datagrams.errors().len())
    };
    let Some(one) = datagrams(data).map(frames) else { return };
    let two = datagrams(data).and_then(|it| it.and(data, 0).ok()).map(frames);
    assert_eq!(two.map(|(frames, _)| frames), Some(2 * one.0));
}

/// Written again without a change, with its secrets in front, a capture opens as it did.
fn sealed_again(data: &[u8], records: &Records) {
    for secrets in [Secrets::Same, Secrets::Used] {
        let read = Recording::read(data, limits(), KeyRing::new(), Some(SECRETS));
        let Ok(mut recording) = read else { return };
        recording.secrets(secrets);
        let (again, written) = recording.write(Vec::new()).expect("memory takes everything");
        assert_eq!(written.sealed, 0);
        let again = dissected(&again).expect("what was written is a capture");
        assert!(again.opens(records.opened), "{secrets:?}");
        let same = |packet: &Packet| vec![Edit::Change(packet.bytes.clone())];
        recording.edit_each(same).expect("what was sent can be sent");
        let (again, written) = recording.write(Vec::new()).expect("memory takes everything");
        let again = dissected(&again).expect("what was written is a capture");
        let sealed = usize::try_from(written.sealed).expect("each takes bytes");
        assert!(again.opens(sealed), "{written:?}");
    }
}

fn judged(data: &[u8]) {
    let Some(mut datagrams) = datagrams(data) else { return };
    let mut dissector = Dissector::new(KeyRing::new(), Some(SECRETS));
    let (mut replay, mut lint) = (Replay::new(Options::default()), Lint::new(RULES.to_vec()));
    let (mut text, mut out) = (ReplayText::new(TimeStyle::Relative, false, true), Vec::new());
    let mut look = |seen: &crate::replay::Observation<'_>| {
        text.render(seen, &mut out).expect("memory takes all");
        if matches!(seen.what, What::Step(_) | What::Learned) {
            let found = seen.machine.violations();
            assert!(found.is_empty(), "frame {:?}: {found:?}", seen.frame);
        }
    };
    let ended = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            replay.record(record, &mut look);
            lint.record(record, &|_| true);
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(ended, ControlFlow::Continue(_)));
    replay.finish(&mut look);
    str::from_utf8(&out).expect("what is printed is UTF-8").lines().for_each(super::only_seen);
    for finding in lint.finish(&|_| true).findings {
        assert!(!finding.message.is_empty() && !finding.message.contains(char::is_control));
    }
}

/// Whatever is printed of it does nothing but be seen.
fn printed(data: &[u8]) {
    let Some(mut datagrams) = datagrams(data) else { return };
    let mut dissector = Dissector::new(KeyRing::new(), Some(SECRETS));
    let mut list = List::new(TimeStyle::Relative, false, true);
    let mut detail = Detail::new(TimeStyle::Relative, false, false);
    let (mut json, mut totals, mut out) = (JsonLines::new(), Totals::default(), Vec::new());
    let ended = stream(&mut datagrams, &mut dissector, |item| {
        match item {
            Item::Record(record) => {
                totals.record(record);
                let written = list.render(record, &mut out);
                let written = written.and_then(|()| detail.render(record, &mut out));
                written.and_then(|()| json.render(record, &mut out)).expect("memory takes all");
            }
            Item::NotUdp(why) => totals.not_udp(why),
            Item::Late(_) | Item::Pause => {}
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(ended, ControlFlow::Continue(_)));
    let written = stats_table(&totals, datagrams.frames(), &datagrams.streams(), &mut out);
    written.expect("memory takes all");
    str::from_utf8(&out).expect("what is printed is UTF-8").lines().for_each(super::only_seen);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::{env, fs};

    use super::*;
    use crate::capture::pcapng::{Interface, Resolution, Writer};
    use crate::capture::{Block, Frames, LinkType, emit_udp};
    use crate::crypto::testing::{Client, Pair, RelayConnection};
    use crate::time::Timestamp;
    use crate::wire::Nonce;
    use crate::wire::relay::{RelayData, RelayKind, RelayPacket, RelayUnknown, RoutingResponse};

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// The frames of a sample that `wanted` says by their numbers, with the keys that open something in them.
    fn part(sample: &str, wanted: impl Fn(u64) -> bool) -> Vec<u8> {
        let sample = root().join("samples").join(sample);
        let keys = fs::read(sample.with_extension("keys")).unwrap();
        let capture = fs::read(sample.with_extension("pcapng")).unwrap();
        let mut used = Zeroizing::default();
        let mut ring = KeyRing::new();
        ring.read(keys.as_slice()).unwrap();
        let bare = frames(&capture, &wanted, &[]);
        let mut datagrams = datagrams(&bare).unwrap();
        let mut dissector = Dissector::new(ring, None);
        let ended = stream(&mut datagrams, &mut dissector, |_| ControlFlow::<()>::Continue(()));
        assert!(matches!(ended, ControlFlow::Continue(None)));
        dissector.sessions().ring().write_used(|_| true, &mut used);
        let pieces = comments(&used);
        frames(&capture, &wanted, &pieces.iter().map(|piece| piece.as_str()).collect::<Vec<_>>())
    }

    fn frames(capture: &[u8], wanted: &impl Fn(u64) -> bool, comments: &[&str]) -> Vec<u8> {
        let mut frames = Frames::new(capture, &Limits::default()).unwrap();
        let mut writer = Writer::with_comments(Vec::new(), comments.iter().copied()).unwrap();
        let mut interfaces = BTreeMap::new();
        while let Some(block) = frames.next().unwrap() {
            let Block::Frame(frame) = block else { continue };
            if wanted(frame.origin.frame) {
                let number = *interfaces.entry(frame.link).or_insert_with(|| {
                    let resolution = Resolution::NANOSECONDS;
                    let snap_length = 0;
                    let link = frame.link;
                    writer
                        .interface(Interface { link, snap_length, resolution, name: None })
                        .unwrap()
                });
                writer.packet(number, frame.at, frame.bytes, frame.original_len).unwrap();
            }
        }
        writer.finish().unwrap()
    }

    /// What a capture is made of, frame by frame, and the keys that it begins with.
    #[derive(Default)]
    struct Story {
        log: String,
        parts: Vec<Part>,
        /// Of each TCP connection, by its number: the next byte of the client and of the relay.
        streams: BTreeMap<u8, [u32; 2]>,
    }

    enum Part {
        /// An IP packet, and how many of its bytes were captured.
        Frame(Vec<u8>, usize),
        /// Keys that come later.
        Keys(String),
    }

    impl Story {
        fn with_keys(log: impl Into<String>) -> Self {
            Self { log: log.into(), ..Self::default() }
        }

        fn frame(&mut self, bytes: Vec<u8>) {
            let captured = bytes.len();
            self.parts.push(Part::Frame(bytes, captured));
        }

        fn sends(&mut self, from: &Client, to: &Client, datagram: &[u8]) {
            let mut bytes = Vec::new();
            emit_udp(from.address, to.address, datagram, &mut bytes);
            self.frame(bytes);
        }

        fn cut(&mut self, by: usize) {
            if let Some(Part::Frame(bytes, captured)) = self.parts.last_mut() {
                *captured = bytes.len() - by;
            }
        }

        fn keys(&mut self, log: String) {
            self.parts.push(Part::Keys(log));
        }

        fn meet(&mut self, ann: &Client, bob: &Client) {
            self.sends(ann, bob, &ann.cookie_request(bob));
            self.sends(bob, ann, &bob.cookie_response(ann));
            self.shake(ann, bob);
        }

        fn shake(&mut self, ann: &Client, bob: &Client) {
            self.sends(ann, bob, &ann.handshake(bob));
            self.sends(bob, ann, &bob.handshake(ann));
        }

        fn say(&mut self, from: &mut Client, to: &Client, data: &[u8]) {
            let datagram = from.data(to, data);
            self.sends(from, to, &datagram);
        }

        fn talk(&mut self, ann: &mut Client, bob: &mut Client) {
            for _ in 0..2 {
                self.say(ann, bob, b"\x40hello");
                self.say(bob, ann, b"\x40hello");
            }
        }

        /// A segment of a TCP connection between a client and a relay.
        fn segment(&mut self, stream: u8, to_relay: bool, flags: u8, bytes: &[u8]) {
            self.segment_at(stream, to_relay, flags, bytes, 33_445);
        }

        fn segment_at(&mut self, stream: u8, to_relay: bool, flags: u8, bytes: &[u8], port: u16) {
            let next = &mut self.streams.entry(stream).or_default()[usize::from(to_relay)];
            let sequence = *next;
            *next += bytes.len() as u32 + u32::from(flags & 2 != 0);
            let (client, relay) = ([10, 0, 0, stream], [10, 0, 0, 200]);
            let (from, to) = if to_relay { (client, relay) } else { (relay, client) };
            let ports = if to_relay { [50_000, port] } else { [port, 50_000] };
            let mut packet = vec![0x45, 0];
            packet.extend((40 + bytes.len() as u16).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            packet.extend([from, to].concat());
            packet.extend(ports.map(u16::to_be_bytes).concat());
            packet.extend(sequence.to_be_bytes());
            packet.extend([0, 0, 0, 0, 0x50, 0x10 | flags, 0xff, 0xff, 0, 0, 0, 0]);
            packet.extend(bytes);
            self.frame(packet);
        }

        fn opens(&mut self, stream: u8) {
            self.segment(stream, true, 2, &[]);
            self.segment(stream, false, 2, &[]);
        }

        fn greets(&mut self, stream: u8, connection: &RelayConnection) {
            self.opens(stream);
            self.segment(stream, true, 0, &connection.handshake());
            self.segment(stream, false, 0, &connection.answer());
        }

        fn relays(
            &mut self,
            stream: u8,
            of: &mut RelayConnection,
            to_relay: bool,
            what: &RelayPacket<'_>,
        ) {
            let frame = if to_relay { of.to_relay(what) } else { of.from_relay(what) };
            self.segment(stream, to_relay, 0, &frame);
        }

        fn misses(&mut self, stream: u8, to_relay: bool, bytes: &[u8]) {
            self.streams.entry(stream).or_default()[usize::from(to_relay)] += bytes.len() as u32;
        }

        fn written(self) -> Vec<u8> {
            let mut kept = Zeroizing::default();
            sift(self.log.as_bytes(), true, &mut kept).unwrap();
            let pieces = comments(&kept);
            let pieces = pieces.iter().map(|piece| piece.as_str());
            let mut writer = Writer::with_comments(Vec::new(), pieces).unwrap();
            let interface = writer.interface(RAW).unwrap();
            for (second, part) in (1_000_000_000..).zip(self.parts) {
                match part {
                    Part::Frame(bytes, captured) => {
                        let at = Timestamp::from_nanos(second * 1_000_000_000);
                        let size = bytes.len() as u32;
                        writer.packet(interface, at, &bytes[..captured], size).unwrap();
                    }
                    Part::Keys(log) => writer.secrets(SECRETS, log.as_bytes()).unwrap(),
                }
            }
            writer.finish().unwrap()
        }
    }

    const RAW: Interface<'static> = Interface {
        link: LinkType::RAW,
        snap_length: 0,
        resolution: Resolution::NANOSECONDS,
        name: Some("story"),
    };
    const PING: RelayPacket<'_> =
        RelayPacket::Unknown(RelayUnknown { kind: RelayKind(4), body: &[0; 8] });

    fn ann_and_bob() -> (Client, Client) {
        (Client::new(1, 201), Client::new(2, 202))
    }

    fn pairs(client: &Client) -> String {
        client.dht.line("DHT") + &client.real.line("ID") + &client.session.line("SESSION")
    }

    /// The two meet and talk.
    fn meeting(log: String) -> Story {
        let (mut ann, mut bob) = ann_and_bob();
        let mut story = Story::with_keys(log);
        story.meet(&ann, &bob);
        story.sends(&ann, &bob, &ann.handshake(&bob));
        story.talk(&mut ann, &mut bob);
        story
    }

    fn stories() -> Vec<(&'static str, Story)> {
        let (ann, bob) = ann_and_bob();
        let shared = ann.shared_lines(&bob);
        let mut all = vec![
            ("keys-of-who-is-asked", meeting(bob.shared_lines(&ann))),
            ("keys-without-their-owners", meeting(ann.box_lines(&bob))),
            ("keys-of-the-other-without-their-owner", meeting(bob.box_lines(&ann))),
            ("keys-of-both-without-owners", meeting(ann.box_lines(&bob) + &bob.box_lines(&ann))),
            ("key-pairs", meeting(pairs(&bob))),
            ("key-pairs-of-who-asks", meeting(pairs(&ann))),
            (
                "no-session-keys",
                meeting(shared.lines().take(2).map(|it| format!("{it}\n")).collect()),
            ),
            ("no-keys", {
                let mut story = meeting(String::new());
                story.cut(20);
                story
            }),
        ];
        all.push(("session-line-from-the-middle", {
            let (mut ann, mut bob) = ann_and_bob();
            let mut story = Story::with_keys(ann.session_line(&bob));
            ann.skip(50_000);
            let hello = ann.data(&bob, b"\x40hello");
            story.sends(&bob, &ann, &hello);
            let hello = bob.data(&ann, b"\x40hello");
            story.sends(&ann, &bob, &hello);
            story.talk(&mut ann, &mut bob);
            story
        }));
        all.push(("nonces-from-the-middle", {
            let (mut ann, mut bob) = ann_and_bob();
            let keys = shared.clone() + &ann.nonce_line(&bob) + &bob.nonce_line(&ann);
            let mut story = Story::with_keys(keys);
            ann.skip(50_000);
            story.talk(&mut ann, &mut bob);
            story
        }));
        all.push(("nonces-of-one-way", {
            let (mut ann, mut bob) = ann_and_bob();
            let mut story = Story::with_keys(shared.clone() + &ann.nonce_line(&bob));
            ann.skip(50_000);
            story.talk(&mut ann, &mut bob);
            story
        }));
        all.push(("nonces-lost-late-and-wrapped", {
            let (mut ann, bob) = ann_and_bob();
            let mut story = meeting(shared.clone());
            for gap in [3, 40_000, 65_535, 65_536, 98_000] {
                ann.skip(gap);
                story.say(&mut ann, &bob, b"\x10");
            }
            let late = ann.data(&bob, b"\x10");
            ann.skip(30_000);
            story.say(&mut ann, &bob, b"\x10");
            story.sends(&ann, &bob, &late);
            story
        }));
        all.push(("numbers-far-apart", {
            let (mut ann, bob) = ann_and_bob();
            let mut story = Story::with_keys(shared.clone());
            story.meet(&ann, &bob);
            let far = [1_000_000, 999_000, 1, 400_000, 399_999, 0xffff_fff0, 5, 3_000_000, 900_000];
            for number in (0..70).chain(far).chain([0, 64, 999_936, 70_000, 60_000]) {
                let datagram = ann.numbered(&bob, number, b"\x10");
                story.sends(&ann, &bob, &datagram);
            }
            story
        }));
        all.push(("attempts-anew", {
            let (mut ann, mut bob) = ann_and_bob();
            let mut story = Story::with_keys(shared.clone());
            story.meet(&ann, &bob);
            story.talk(&mut ann, &mut bob);
            let (late, old) = (ann.data(&bob, b"\x40late"), ann.clone());
            ann.begin_again(Nonce([9; 24]));
            story.sends(&ann, &bob, &ann.handshake(&bob));
            story.talk(&mut ann, &mut bob);
            story.sends(&old, &bob, &late);
            for base in 20..30 {
                ann.begin_again(Nonce([base; 24]));
                bob.begin_again(Nonce([base + 100; 24]));
                story.shake(&ann, &bob);
                story.say(&mut ann, &bob, b"\x40hello");
            }
            story
        }));
        for (name, lines, who) in [
            ("old-handshakes-without-their-keys", ann.shared_lines(&bob), 0),
            ("old-handshakes-with-key-pairs", pairs(&bob), 1),
            ("old-handshakes-with-keys-without-owners", bob.box_lines(&ann), 0),
        ] {
            let (mut ann, mut bob) = ann_and_bob();
            let old = (20..32).map(|seed| (Client::new(1, seed), Client::new(2, seed + 100)));
            let old: Vec<_> = old.collect();
            let logged = old.iter().step_by(2).map(|(_, bob)| match who {
                0 => String::new(),
                _ => bob.session.line("SESSION"),
            });
            let mut story = Story::with_keys(lines + &logged.collect::<String>());
            story.meet(&ann, &bob);
            for (old_ann, old_bob) in &old {
                story.sends(&ann, &bob, &old_ann.handshake(old_bob));
                story.sends(&bob, &ann, &old_bob.handshake(old_ann));
            }
            story.talk(&mut bob, &mut ann);
            all.push((name, story));
        }
        all.push(("an-address-changes", {
            let (mut ann, mut bob) = ann_and_bob();
            ann.address.set_ip("2001:db8::1".parse().unwrap());
            let mut story = Story::with_keys(shared.clone());
            story.meet(&ann, &bob);
            story.talk(&mut ann, &mut bob);
            ann.address.set_port(40_000);
            story.talk(&mut bob, &mut ann);
            ann.address.set_ip("192.0.2.1".parse().unwrap());
            story.talk(&mut ann, &mut bob);
            story
        }));
        all.push(("keys-come-late", {
            let (mut ann, mut bob) = ann_and_bob();
            let mut story = Story::with_keys(Client::new(8, 9).shared_lines(&Client::new(10, 11)));
            for _ in 0..12 {
                story.say(&mut ann, &bob, b"\x40hello");
            }
            let nonces = ann.nonce_line(&bob) + &bob.nonce_line(&ann);
            story.keys(format!("# {MAGIC}\n{shared}{nonces}"));
            story.talk(&mut ann, &mut bob);
            story
        }));
        all.push(("nonces-of-nobody-from-the-middle", {
            let (mut ann, mut bob) = ann_and_bob();
            let mut story = Story::with_keys(ann.nonce_line(&bob) + &bob.nonce_line(&ann));
            ann.skip(50_000);
            story.talk(&mut ann, &mut bob);
            story
        }));
        all.push(("impossible-and-damaged", {
            let (mut ann, bob) = ann_and_bob();
            let mut story = meeting(shared.clone());
            let hello = ann.data(&bob, b"\x40hello");
            let mut damaged = hello.clone();
            *damaged.last_mut().unwrap() ^= 1;
            for datagram in [
                &hello[..27],
                &[0x1b; 1401],
                &[0x1a; 384],
                &[0x1a; 385],
                &[0x19; 161],
                &[0x18; 145],
                &damaged,
            ] {
                story.sends(&ann, &bob, datagram);
            }
            let empty = ann.numbered(&bob, 0, &[0; 5]);
            story.sends(&ann, &bob, &empty);
            story.sends(&ann, &bob, &hello);
            story.cut(12);
            story
        }));
        all.extend(relay_stories());
        all
    }

    fn relay_stories() -> Vec<(&'static str, Story)> {
        let (ann, bob) = (Client::new(1, 11), Client::new(2, 12));
        let connection =
            |client: &Client, seed| RelayConnection::new(&client.dht, &Pair::of(99), seed);
        let keys = connection(&ann, 20).shared_lines();
        let mut all = Vec::new();
        all.push(("relay-one-half-of-the-way", {
            let (mut ann, mut of_ann, mut of_bob) =
                (ann.clone(), connection(&ann, 20), connection(&bob, 30));
            let mut story = Story::with_keys(ann.shared_lines(&bob) + &keys);
            story.greets(1, &of_ann);
            story.greets(2, &of_bob);
            let dht_key = bob.dht.public;
            let response =
                RelayPacket::RoutingResponse(RoutingResponse { connection_id: 16, dht_key });
            story.relays(1, &mut of_ann, false, &response);
            let packets = [ann.handshake(&bob), bob.handshake(&ann), ann.data(&bob, b"\x40hello")];
            for packet in &packets {
                let inside = RelayPacket::Data(RelayData { connection_id: 16, data: packet });
                story.relays(1, &mut of_ann, true, &inside);
                story.relays(2, &mut of_bob, false, &inside);
            }
            story
        }));
        all.push(("relay-overtakes-the-handshake", {
            let (mut ann, mut of_ann) = (ann.clone(), connection(&ann, 20));
            let mut story = Story::with_keys(ann.shared_lines(&bob) + &keys);
            story.greets(1, &of_ann);
            let dht_key = bob.dht.public;
            let response =
                RelayPacket::RoutingResponse(RoutingResponse { connection_id: 16, dht_key });
            story.relays(1, &mut of_ann, false, &response);
            let early = ann.data(&bob, b"\x40hello");
            for packet in [&early, &ann.handshake(&bob), &bob.handshake(&ann)] {
                let inside = RelayPacket::Data(RelayData { connection_id: 16, data: packet });
                story.relays(1, &mut of_ann, true, &inside);
            }
            story
        }));
        all.push(("relay-without-keys-until-they-come", {
            let mut of_ann = connection(&ann, 20);
            let mut story = Story::default();
            story.greets(1, &of_ann);
            story.relays(1, &mut of_ann, true, &PING);
            story.keys(format!("# {MAGIC}\n{}", pairs(&bob)));
            story.relays(1, &mut of_ann, true, &PING);
            story.keys(format!("# {MAGIC}\n{keys}"));
            story.relays(1, &mut of_ann, true, &PING);
            story.relays(1, &mut of_ann, false, &PING);
            story
        }));
        all.push(("relay-without-temporary-keys", {
            let mut of_ann = connection(&ann, 20);
            let mut story = Story::with_keys(keys.lines().next().unwrap());
            story.greets(1, &of_ann);
            story.relays(1, &mut of_ann, true, &PING);
            story
        }));
        all.push(("relay-by-the-long-line", {
            let mut of_ann = connection(&ann, 20);
            let mut story = Story::with_keys(of_ann.relay_line());
            story.greets(1, &of_ann);
            story.relays(1, &mut of_ann, true, &PING);
            story.relays(1, &mut of_ann, false, &PING);
            story
        }));
        for (name, nonces) in
            [("relay-from-the-middle", true), ("relay-from-the-middle-closed", false)]
        {
            let mut of_ann = connection(&ann, 20);
            let nonces = if nonces { of_ann.nonce_lines() } else { String::new() };
            let mut story = Story::with_keys(keys.clone() + &nonces);
            for _ in 0..100 {
                of_ann.to_relay(&PING);
                of_ann.from_relay(&PING);
            }
            for to_relay in [true, false, true, true, true, false, true, true, true, true] {
                story.relays(1, &mut of_ann, to_relay, &PING);
            }
            all.push((name, story));
        }
        all.push(("relay-with-holes-and-damage", {
            let mut of_ann = connection(&ann, 20);
            let mut story = Story::with_keys(keys.clone());
            story.greets(1, &of_ann);
            for part in 0..12_usize {
                let inside = RelayData { connection_id: 16, data: &[b'x'; 60][..part * 5] };
                let mut frame = of_ann.to_relay(&RelayPacket::Data(inside));
                match part {
                    3 => story.misses(1, true, &frame),
                    5 => {
                        frame[9] ^= 1;
                        story.segment(1, true, 0, &frame);
                    }
                    7 => {
                        story.misses(1, true, &frame[..9]);
                        story.segment(1, true, 0, &frame[9..]);
                    }
                    9 => story.segment(1, true, 0, b"\xff\xff..."),
                    _ => story.segment(1, true, 0, &frame),
                }
                story.relays(1, &mut of_ann, false, &PING);
            }
            story
        }));
        all.push(("connections-to-anything-else", {
            let mut of_ann = connection(&ann, 20);
            let mut story = Story::with_keys(keys.clone());
            let frame = of_ann.to_relay(&PING);
            let talks: [&[(bool, &[u8])]; 6] = [
                &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, &[b'x'; 200]), (true, &frame)],
                &[(true, &[1; 128]), (false, &[2; 97]), (true, &frame)],
                &[(true, &[1; 128]), (true, &frame), (false, &[2; 96]), (true, &frame)],
                &[(true, &[1; 127]), (true, &[1; 2]), (false, &[2; 96]), (true, &frame)],
                &[
                    (false, b"220 ready\r\n"),
                    (true, b"EHLO\r\n"),
                    (false, &[2; 96]),
                    (true, &frame),
                ],
                &[(true, &[1; 128]), (false, &[2; 96]), (true, b"\xff\xff\xff")],
            ];
            for (stream, talk) in (1..).zip(talks) {
                story.opens(stream);
                for (to_relay, bytes) in talk {
                    story.segment(stream, *to_relay, 0, bytes);
                }
            }
            story.segment(20, true, 0, b"HTTP/1.1 200 OK\r\n");
            for _ in 0..6 {
                story.segment(20, true, 0, &frame);
                story.segment_at(21, true, 0, &frame, 53);
            }
            story
        }));
        all
    }

    fn seeds() -> BTreeMap<String, Vec<u8>> {
        let samples = ["detour", "relay", "restart", "roam"]
            .map(|name| (format!("sample-{name}"), part(name, |frame| frame <= 80)));
        let stories = stories().into_iter().map(|(name, story)| (name.to_owned(), story.written()));
        let mut cut = meeting(ann_and_bob().0.shared_lines(&ann_and_bob().1)).written();
        cut.truncate(cut.len() - 20);
        stories.chain(samples).chain([("cut-in-its-last-frame".to_owned(), cut)]).collect()
    }

    /// `UPDATE_GOLDEN=1` writes them.
    #[test]
    fn seeds_are_as_they_were_written() {
        let folder = root().join("corpus/recording");
        for (name, seed) in seeds() {
            let path = folder.join(format!("{name}.pcapng"));
            if env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &seed).unwrap();
            }
            assert_eq!(fs::read(&path).unwrap(), seed, "{name}");
        }
    }
}
