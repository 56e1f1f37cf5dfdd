//! Every rule on captures whose packets were edited and sealed again: what the recordings of the rules
//! show of packets (`testing`), seen through keys, sessions and the order of delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::thread;

use super::testing::{Case, Traffic, samples};
use super::{Finding, Lint, Report, Rule, Severity, rules};
use crate::capture::{Datagrams, Limits};
use crate::crypto::KeyRing;
use crate::dissect::{Dissector, Item, stream};
use crate::reseal::{By, Edit, Recording};
use crate::time::Timestamp;
use crate::wire::PublicKey;

/// Rules whose breach no edited sample shows, and why.
const NOT_SEALED: &[(&str, &str)] = &[
    ("L-CONN-LIMIT", "no sample has the 17 neighbours that it takes"),
    ("L-REJOIN-UNKNOWN", "no sample has a session with somebody who is in no list"),
    ("L-SAVE-TRUNC", SAVE),
    ("L-SAVE-COUNT", SAVE),
    ("L-SAVE-OWN-NUMBER", SAVE),
    ("L-SAVE-OWN-KEY", SAVE),
    ("L-SAVE-DUP", SAVE),
    ("L-SAVE-LEN", SAVE),
    ("L-SAVE-TAIL", SAVE),
    ("L-SAVE-ORDER", SAVE),
];

const SAVE: &str = "a save file is not sealed; the file itself is edited";

/// Everything that a receiver may have handled: what the recordings say instead of counting.
const ALL: u32 = 1 << 30;

/// A sample with its keys.
struct Sample {
    capture: Vec<u8>,
    keys: Vec<u8>,
}

impl Sample {
    fn of(name: &str) -> Self {
        let path = samples().join(name);
        let capture = fs::read(path.with_extension("pcapng")).unwrap();
        Self { capture, keys: fs::read(path.with_extension("keys")).unwrap() }
    }

    fn ring(&self) -> KeyRing {
        let mut ring = KeyRing::new();
        ring.read(self.keys.as_slice()).unwrap();
        ring
    }

    fn lint(&self, capture: &[u8], rule: &'static Rule) -> Report {
        let mut lint = Lint::new(vec![rule]);
        let mut datagrams = Datagrams::new(capture, Limits::default()).unwrap();
        let mut dissector = Dissector::new(self.ring(), None);
        let ended = stream(&mut datagrams, &mut dissector, |item| {
            if let Item::Record(record) = item {
                lint.record(record, &|_| true);
            }
            ControlFlow::<()>::Continue(())
        });
        assert!(matches!(ended, ControlFlow::Continue(None)));
        lint.finish(&|_| true)
    }
}

/// What is done to a capture so that it has this traffic, or why that cannot be.
fn edits(
    recording: &Recording<'_>,
    before: &Traffic,
    after: &Traffic,
) -> Result<Vec<(usize, Edit)>, String> {
    let packets = recording.packets().iter().enumerate();
    let places: BTreeMap<u64, usize> = packets.map(|(place, it)| (it.frame, place)).collect();
    let place =
        |frame: u64| places.get(&frame).copied().ok_or(format!("no packet in frame {frame}"));
    let known: BTreeMap<u64, _> = before.packets.iter().map(|it| (it.frame, it)).collect();
    let mut edits = Vec::new();
    let mut kept = BTreeSet::new();
    for packet in &after.packets {
        let like = known.get(&packet.frame).ok_or("a frame of its own")?;
        let by = if packet.direction == like.direction { By::Sender } else { By::Receiver };
        let ends = match by {
            By::Sender => (like.from, like.to),
            By::Receiver => (like.to, like.from),
        };
        if packet.session != like.session || (packet.from, packet.to) != ends {
            return Err("another session".to_owned());
        }
        let place = place(packet.frame)?;
        let later = packet.at.nanos_since(like.at);
        if packet.number.is_none() {
            let ack = Some(packet.ack).filter(|ack| *ack != ALL);
            edits.push((place, Edit::Insert { by, later, bytes: packet.bytes.clone(), ack }));
            continue;
        }
        if !kept.insert(packet.frame) {
            return Err("a packet twice".to_owned());
        }
        if later != 0 {
            edits.push((place, Edit::Shift(later)));
        }
        if packet.bytes != like.bytes {
            edits.push((place, Edit::Change(packet.bytes.clone())));
        }
        if packet.sealed_size != like.sealed_size {
            edits.push((place, Edit::Pad(packet.sealed_size - 27 - packet.bytes.len())));
        }
    }
    for gone in known.keys().filter(|frame| !kept.contains(frame)) {
        edits.push((place(*gone)?, Edit::Remove));
    }
    Ok(edits)
}

/// A finding, without the frames that edits move.
type Said = (&'static str, Severity, Option<Timestamp>, Option<PublicKey>);

fn said(report: &Report) -> BTreeSet<Said> {
    let said = |it: &Finding| (it.rule.id, it.severity, it.spot.map(|spot| spot.at), it.endpoint);
    report.findings.iter().map(said).collect()
}

/// What became of a case.
enum Outcome {
    /// The sealed capture says what the packets say.
    Same,
    /// There is no such capture.
    NotSealed(String),
    Differs(String),
}

fn outcome(name: &str, rule: &'static Rule, edit: fn(&mut Traffic), fires: bool) -> Outcome {
    let sample = Sample::of(name);
    let before = Traffic::of(name);
    let mut after = before.clone();
    edit(&mut after);
    let mut recording =
        Recording::read(&sample.capture, Limits::default(), sample.ring(), None).unwrap();
    let edits = match edits(&recording, &before, &after) {
        Ok(edits) => edits,
        Err(why) => return Outcome::NotSealed(why),
    };
    for (place, edit) in edits {
        if let Err(why) = recording.edit(place, edit) {
            return Outcome::NotSealed(why.to_string());
        }
    }
    let (capture, _) = recording.write(Vec::new()).unwrap();
    let untouched = said(&before.lint(vec![rule]));
    let packets = said(&after.lint(vec![rule]));
    let sealed = sample.lint(&capture, rule);
    let is_new = |it: &Said| it.1 == rule.severity && !untouched.contains(it);
    if said(&sealed) == packets && packets.iter().any(is_new) == fires {
        return Outcome::Same;
    }
    let findings = sealed.findings.iter().map(|it| (it.spot, &it.message)).collect::<Vec<_>>();
    Outcome::Differs(format!(
        "{} in {name}: {packets:?}, sealed {:?}, {findings:?}, not judged {:?}",
        rule.id,
        said(&sealed),
        sealed.not_judged
    ))
}

/// The cases of a rule; what went wrong, and why a breach was not sealed.
fn run(rule: &'static Rule, cases: Vec<Case>) -> (Vec<String>, Option<String>) {
    let (mut wrong, mut shown, mut why) = (Vec::new(), false, None);
    for case in cases {
        let (name, edit, fires) = match case {
            Case::Traffic(name, edit, fires) => (name, edit, fires),
            Case::Save(..) => {
                why = Some(SAVE.to_owned());
                continue;
            }
        };
        match outcome(name, rule, edit, fires) {
            Outcome::Same => shown |= fires,
            Outcome::NotSealed(because) if fires => why = Some(because),
            Outcome::NotSealed(_) => {}
            Outcome::Differs(how) => wrong.push(how),
        }
    }
    (wrong, why.filter(|_| !shown))
}

/// Every rule is shown on a sealed capture, or is listed with the reason why not, and not both.
#[test]
fn every_rule_says_of_a_capture_that_was_edited_and_sealed_again_what_it_says_of_its_packets() {
    let only = std::env::var("LINT").ok();
    let wanted = |id: &str| only.as_ref().is_none_or(|only| only.split(',').any(|it| it == id));
    let cases: Vec<_> = rules::cases().into_iter().filter(|(rule, _)| wanted(rule.id)).collect();
    let mut halves = [Vec::new(), Vec::new()];
    for (place, case) in cases.into_iter().enumerate() {
        halves[place % 2].push(case);
    }
    let results: Vec<_> = thread::scope(|scope| {
        let run_all = |half: Vec<(&'static Rule, Vec<Case>)>| {
            half.into_iter().map(|(rule, cases)| (rule.id, run(rule, cases))).collect::<Vec<_>>()
        };
        let threads = halves.map(|half| scope.spawn(move || run_all(half)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut wrong = Vec::new();
    for (id, (differs, not_sealed)) in results {
        wrong.extend(differs);
        let listed = NOT_SEALED.iter().any(|(known, _)| *known == id);
        match not_sealed {
            Some(why) if !listed => wrong.push(format!("{id} is not shown: {why}")),
            None if listed => wrong.push(format!("{id} is shown, and listed as not shown")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_sealed_is_a_rule() {
    for (id, why) in NOT_SEALED {
        assert!(super::rule(id).is_some() && !why.is_empty(), "{id}");
    }
}
