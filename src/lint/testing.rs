//! Edited recordings: what real clients said, with something changed that should not be.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use super::{Checker, Finding, Frame, Looking, Packet, RULES, Report, Rule, Spot, rules};
use crate::capture::{Datagrams, Limits};
use crate::conference::savedata::Savedata;
use crate::crypto::KeyRing;
use crate::dissect::{Content, Delivery, Dissector, Item, Record, stream};
use crate::time::Timestamp;
use crate::wire::net_crypto::CookieRequest;
use crate::wire::{
    DataId, Kind, PublicKey, {self as wire},
};

/// Milliseconds, in nanoseconds.
pub(super) const MS: i64 = 1_000_000;

/// A recording, and what is done to it.
pub(super) enum Case {
    /// The edited traffic of a sample; whether the rule says so.
    Traffic(&'static str, fn(&mut Traffic), bool),
    /// The edited save file of a sample; whether the rule says so.
    Save(&'static str, fn(&mut Vec<u8>), bool),
}

/// Breaks the rule.
pub(super) fn fires(sample: &'static str, edit: fn(&mut Traffic)) -> Case {
    Case::Traffic(sample, edit, true)
}

/// Comes near to breaking it.
pub(super) fn silent(sample: &'static str, edit: fn(&mut Traffic)) -> Case {
    Case::Traffic(sample, edit, false)
}

/// Breaks the rule, in a save file.
pub(super) fn save_fires(sample: &'static str, edit: fn(&mut Vec<u8>)) -> Case {
    Case::Save(sample, edit, true)
}

/// Comes near to breaking it, in a save file.
pub(super) fn save_silent(sample: &'static str, edit: fn(&mut Vec<u8>)) -> Case {
    Case::Save(sample, edit, false)
}

/// A packet that owns its bytes.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) frame: u64,
    pub(super) at: Timestamp,
    pub(super) from: Option<PublicKey>,
    pub(super) to: Option<PublicKey>,
    pub(super) session: u32,
    pub(super) direction: u8,
    /// Its number in the recording; none if it was added.
    pub(super) number: Option<u32>,
    pub(super) ack: u32,
    pub(super) from_the_start: bool,
    pub(super) sealed_size: usize,
    pub(super) bytes: Vec<u8>,
}

/// Opened packets, in the order in which they are handled.
#[derive(Clone, Default)]
pub(super) struct Traffic {
    pub(super) packets: Vec<Opened>,
    dht_keys: Vec<(Timestamp, PublicKey, PublicKey)>,
    names: BTreeMap<PublicKey, Vec<u8>>,
}

impl Opened {
    pub(super) fn kind(&self) -> Option<Kind> {
        self.id().is_conference().then(|| Kind::of(&self.bytes))
    }

    pub(super) fn id(&self) -> DataId {
        DataId(self.bytes[0])
    }

    fn is_lossless(&self) -> bool {
        self.id().class() == wire::DataClass::Lossless
    }
}

impl Traffic {
    /// A recording from `samples/`.
    pub(super) fn of(sample: &str) -> Self {
        static READ: LazyLock<Mutex<BTreeMap<String, Traffic>>> = LazyLock::new(Mutex::default);
        let mut read = READ.lock().unwrap();
        read.entry(sample.to_owned()).or_insert_with(|| Self::read(sample)).clone()
    }

    fn read(sample: &str) -> Self {
        let path = samples().join(sample);
        let mut ring = KeyRing::new();
        let keys = File::open(path.with_extension("keys")).unwrap();
        ring.read(BufReader::new(keys)).unwrap();
        let file = File::open(path.with_extension("pcapng")).unwrap();
        let mut datagrams = Datagrams::new(BufReader::new(file), Limits::default()).unwrap();
        let mut dissector = Dissector::new(ring, None);
        let mut traffic = Self::default();
        let mut delivery = Delivery::default();
        let end = stream(&mut datagrams, &mut dissector, |item| {
            let Item::Record(record) = item else { return ControlFlow::Continue(()) };
            if let Content::CookieRequest(Ok(plain)) = &record.content {
                let request = CookieRequest::parse(record.datagram).unwrap();
                traffic.dht_keys.push((record.at, plain.real_key, request.dht_key));
            }
            delivery.record(record, &mut |record| {
                traffic.add(record);
                ControlFlow::<()>::Continue(())
            })
        });
        assert!(matches!(end, ControlFlow::Continue(None)), "{sample} is read to its end");
        let _ = delivery.finish(&mut |record| {
            traffic.add(record);
            ControlFlow::<()>::Continue(())
        });
        traffic
    }

    fn add(&mut self, record: &Record<'_>) {
        let Content::Data(Ok(data)) = &record.content else { return };
        if data.resend || data.copy {
            return;
        }
        for party in [record.from, record.to] {
            if let (Some(key), Some(name)) = (party.real_key, party.name) {
                self.names.insert(key, name.to_vec());
            }
        }
        self.packets.push(Opened {
            frame: record.frame,
            at: record.at,
            from: record.from.real_key,
            to: record.to.real_key,
            session: data.session,
            direction: data.direction,
            number: Some(data.number),
            ack: data.ack,
            from_the_start: data.from_the_start,
            sealed_size: record.datagram.len(),
            bytes: data.bytes.to_vec(),
        });
    }

    /// The first packet from a place on that is so.
    pub(super) fn find_from(&self, from: usize, is: impl Fn(&Opened) -> bool) -> usize {
        let found = self.packets[from..].iter().position(is);
        from + found.expect("the recording has such a packet")
    }

    /// The first packet that is so.
    pub(super) fn find(&self, is: impl Fn(&Opened) -> bool) -> usize {
        self.find_from(0, is)
    }

    /// The first packet of a kind.
    pub(super) fn first(&self, kind: Kind) -> usize {
        self.find(|it| it.kind() == Some(kind))
    }

    /// The last packet of a kind.
    pub(super) fn last(&self, kind: Kind) -> usize {
        let found = self.packets.iter().rposition(|it| it.kind() == Some(kind));
        found.expect("the recording has such a packet")
    }

    /// The first packet that ends in these bytes.
    pub(super) fn saying(&self, end: &[u8]) -> usize {
        self.find(|it| it.bytes.ends_with(end))
    }

    /// All copies of a message, whoever sends them.
    pub(super) fn copies(&self, at: usize) -> Vec<usize> {
        let content = &self.packets[at].bytes[3..];
        let same = |it: &Opened| {
            it.bytes[0] == self.packets[at].bytes[0] && it.bytes.get(3..) == Some(content)
        };
        (0..self.packets.len()).filter(|place| same(&self.packets[*place])).collect()
    }

    /// Changes all copies of a message.
    pub(super) fn change(&mut self, at: usize, edit: impl Fn(&mut Vec<u8>)) {
        for copy in self.copies(at) {
            edit(&mut self.packets[copy].bytes);
        }
    }

    /// The first copy of this message that somebody else passes on.
    pub(super) fn relayed(&self, original: usize) -> usize {
        let from = self.packets[original].from;
        let copies = self.copies(original);
        let passes =
            |copy: &usize| self.packets[*copy].from != from && self.packets[*copy].to != from;
        let copy = copies.into_iter().find(passes);
        copy.expect("somebody passes it on")
    }

    /// Copies of this message from one to another are never sent.
    pub(super) fn drop_copies(
        &mut self,
        of: &[u8],
        from: Option<PublicKey>,
        to: Option<PublicKey>,
    ) {
        let gone = |it: &Opened| it.from == from && it.to == to && it.bytes.get(3..) == of.get(3..);
        self.remove_all(|it| it.bytes[0] == of[0] && gone(it));
    }

    /// The last packet from one to another with a group message, before a moment.
    pub(super) fn last_message(
        &self,
        from: Option<PublicKey>,
        to: Option<PublicKey>,
        before: i64,
    ) -> usize {
        let found = self.packets.iter().rposition(|it| {
            it.from == from
                && it.to == to
                && it.id() == DataId::CONFERENCE_MESSAGE
                && self.since_start(it.at) < before
        });
        found.expect("the recording has such a packet")
    }

    /// Nanoseconds since the first packet.
    pub(super) fn since_start(&self, at: Timestamp) -> i64 {
        at.nanos_since(self.packets[0].at)
    }

    /// The bytes of a packet, to change them.
    pub(super) fn bytes(&mut self, at: usize) -> &mut Vec<u8> {
        &mut self.packets[at].bytes
    }

    /// A packet is never sent.
    pub(super) fn remove(&mut self, at: usize) -> Opened {
        self.packets.remove(at)
    }

    /// No such packet is ever sent.
    pub(super) fn remove_all(&mut self, is: impl Fn(&Opened) -> bool) {
        self.packets.retain(|it| !is(it));
    }

    /// The sender sends something else, so many nanoseconds later.
    pub(super) fn say(&mut self, at: usize, later: i64, bytes: Vec<u8>) -> usize {
        let like = self.packets[at].clone();
        self.insert(like, later, bytes)
    }

    /// The receiver answers, so many nanoseconds later, having handled the packet.
    pub(super) fn reply(&mut self, at: usize, later: i64, bytes: Vec<u8>) -> usize {
        let mut like = self.packets[at].clone();
        std::mem::swap(&mut like.from, &mut like.to);
        like.direction ^= 1;
        like.ack = like.number.map_or(like.ack, |number| number + u32::from(like.is_lossless()));
        self.insert(like, later, bytes)
    }

    /// A packet is sent once more.
    pub(super) fn repeat(&mut self, at: usize, later: i64) -> usize {
        let bytes = self.packets[at].bytes.clone();
        self.say(at, later, bytes)
    }

    fn insert(&mut self, like: Opened, later: i64, bytes: Vec<u8>) -> usize {
        let at = Timestamp::from_nanos(like.at.as_nanos() + later);
        let after = self.packets.iter().rposition(|it| it.at <= at).map_or(0, |place| place + 1);
        let sealed_size = 27 + bytes.len() + (1373 - bytes.len()) % 8;
        self.packets.insert(after, Opened { at, number: None, sealed_size, bytes, ..like });
        after
    }

    /// Gives lossless packets their numbers, and acknowledgements of them theirs, as if the edited
    /// traffic were what was sent.
    fn renumber(&self) -> Vec<(Opened, u32)> {
        let mut next = BTreeMap::<(u32, u8), u32>::new();
        let mut moved = BTreeMap::<(u32, u8), BTreeMap<u32, u32>>::new();
        let mut numbered = Vec::new();
        for packet in &self.packets {
            let way = (packet.session, packet.direction);
            let first = if packet.from_the_start { 0 } else { packet.number.unwrap_or(0) };
            let next = next.entry(way).or_insert(first);
            let number = *next;
            if packet.is_lossless() {
                if let Some(old) = packet.number {
                    moved.entry(way).or_default().insert(old, number);
                }
                *next += 1;
            }
            numbered.push((packet.clone(), number));
        }
        for (packet, _) in &mut numbered {
            let Some(moved) = moved.get(&(packet.session, packet.direction ^ 1)) else { continue };
            // What was sent before the first that is not acknowledged, added packets included.
            let before = moved.range(..packet.ack).next_back().map(|(_, new)| new + 1);
            packet.ack = before.unwrap_or(packet.ack);
        }
        numbered
    }

    /// What rules say about it.
    pub(super) fn lint(&self, rules: Vec<&'static Rule>) -> Report {
        self.check(Checker::new(rules))
    }

    /// What a rule says if it looks at every packet.
    fn lint_everywhere(&self, rule: &'static Rule) -> Report {
        let mut checker = Checker::new(vec![rule]);
        checker.looking.fill_with(|| Looking::of(&[rule], |_| true));
        self.check(checker)
    }

    fn check(&self, mut checker: Checker) -> Report {
        for (key, name) in &self.names {
            checker.view.endpoint(*key).unwrap().name = Some(name.clone());
        }
        let mut dht_keys = self.dht_keys.iter().peekable();
        for (packet, number) in self.renumber() {
            while let Some((at, key, dht_key)) = dht_keys.next_if(|(at, ..)| *at <= packet.at) {
                checker.view.endpoint(*key).unwrap().shows(*dht_key, *at);
            }
            let id = packet.id();
            checker.packet(&Packet {
                spot: Spot {
                    frame: Frame { file: 0, number: packet.frame },
                    at: packet.at,
                    wanted: true,
                },
                files: &[],
                from: packet.from,
                to: packet.to,
                session: packet.session,
                direction: packet.direction,
                number,
                ack: packet.ack,
                from_the_start: packet.from_the_start,
                sealed_size: packet.sealed_size,
                content: OnceCell::new(),
                id,
                bytes: &packet.bytes,
                conference: id.is_conference().then(|| wire::Packet::parse(&packet.bytes)),
            });
        }
        checker.finish()
    }
}

/// Where the payload of a section begins in a save file.
pub(super) fn section(file: &[u8], name: &str) -> usize {
    let savedata = Savedata::parse(file).unwrap();
    savedata.sections.iter().find(|it| it.kind.name() == name).unwrap().offset
}

/// Where the first conference begins.
pub(super) fn saved(file: &[u8]) -> usize {
    section(file, "conferences")
}

/// Where the owner's real key is.
pub(super) fn owner(file: &[u8]) -> usize {
    section(file, "keys") + 4
}

/// Where the first peer of the first conference begins.
pub(super) fn first_peer(file: &[u8]) -> usize {
    saved(file) + 46 + usize::from(file[saved(file) + 45])
}

pub(super) fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples")
}

fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|it| format!("{} {}: {}", it.rule.id, it.severity, it.message)).collect()
}

fn of_save(rule: &'static Rule, file: &[u8]) -> Vec<String> {
    let mut checker = Checker::new(vec![rule]);
    if let Ok(savedata) = Savedata::parse(file) {
        super::save::check(&checker.rules, 0, &savedata, &mut checker.findings);
    }
    lines(&checker.finish().findings)
}

/// Each rule has a recording that breaks it and one that nearly does: without them it does not compile.
#[test]
fn every_rule_fires_on_an_edited_recording_and_stays_silent_on_another() {
    let only = std::env::var("LINT").ok();
    let mut wrong = Vec::new();
    for (rule, cases) in rules::cases() {
        if only.as_ref().is_some_and(|only| !only.split(',').any(|it| it == rule.id)) {
            continue;
        }
        let (mut fired, mut stayed) = (false, false);
        let kind = format!("{} {}:", rule.id, rule.severity);
        for case in cases {
            let (before, after, fires) = match case {
                Case::Traffic(sample, edit, fires) => {
                    let mut traffic = Traffic::of(sample);
                    let before = lines(&traffic.lint(vec![rule]).findings);
                    let edited = catch_unwind(AssertUnwindSafe(|| edit(&mut traffic)));
                    if edited.is_err() {
                        wrong.push(format!("{}: {sample} cannot be edited so", rule.id));
                        continue;
                    }
                    let after = lines(&traffic.lint(vec![rule]).findings);
                    if after != lines(&traffic.lint_everywhere(rule).findings) {
                        wrong.push(format!("{} does not look where it should", rule.id));
                    }
                    (before, after, fires)
                }
                Case::Save(sample, edit, fires) => {
                    let mut file = fs::read(samples().join("savedata").join(sample)).unwrap();
                    let before = of_save(rule, &file);
                    edit(&mut file);
                    (before, of_save(rule, &file), fires)
                }
            };
            let new = after.iter().filter(|line| !before.contains(line)).collect::<Vec<_>>();
            if only.is_some() {
                println!("{} {fires}: {new:#?}", rule.id);
            }
            let said = new.iter().any(|line| line.starts_with(&kind));
            if fires && !said {
                wrong.push(format!("{} is silent; it says {after:?}", rule.id));
            }
            if !fires && !new.is_empty() {
                wrong.push(format!("{} says {new:?}", rule.id));
            }
            fired |= fires;
            stayed |= !fires;
        }
        if !fired || !stayed {
            wrong.push(format!("{} lacks a case", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique_and_every_rule_cites_something() {
    for (place, rule) in RULES.iter().enumerate() {
        assert!(rule.id.starts_with("L-"), "{}", rule.id);
        assert!(RULES[..place].iter().all(|other| other.id != rule.id), "{} twice", rule.id);
        assert!(!rule.cites.is_empty() && !rule.cause.is_empty(), "{}", rule.id);
        assert!(rule.says.ends_with('.'), "{}", rule.id);
    }
}
