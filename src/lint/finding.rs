//! Findings, and how many are kept.

use std::collections::BTreeMap;

use super::guard::{Level, Why};
use super::rule::{Rule, Severity};
use crate::time::Timestamp;
use crate::wire::{Conference, PublicKey};

/// How many findings are kept in all, and of one rule at one endpoint in one conference.
const FINDINGS: usize = 10_000;
const ALIKE: u64 = 20;
/// How many endpoints, conferences and rules are told apart when findings are counted.
const KINDS: usize = 1 << 16;

/// A frame of one of the captures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    /// Which file, counted from 0.
    pub file: u16,
    /// Its number in that file, from 1.
    pub number: u64,
}

/// Where and when a packet was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// The frame.
    pub frame: Frame,
    /// When it was captured.
    pub at: Timestamp,
    /// Whether the user wants to hear about it.
    pub wanted: bool,
}

/// Something that should not be.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it breaks.
    pub rule: &'static Rule,
    /// How bad it is, here.
    pub severity: Severity,
    /// The packet that it is about; none for what is found in a save file.
    pub spot: Option<Spot>,
    /// Which file it was found in, counted from 0.
    pub file: u16,
    /// Whose doing it is.
    pub endpoint: Option<PublicKey>,
    /// In which conference.
    pub conference: Option<Conference>,
    /// One line for people. Foreign text in it is printable.
    pub message: String,
    /// Other frames that show it.
    pub evidence: Vec<Frame>,
}

/// What a rule says of the packet that it looks at.
#[derive(Default)]
pub struct Found {
    pub(super) drafts: Vec<Draft>,
}

/// A finding that the guards have not seen.
pub(super) struct Draft {
    pub(super) message: String,
    pub(super) evidence: Vec<Frame>,
    pub(super) level: Level,
}

impl Found {
    /// Says something, with the frames that show it.
    pub(super) fn say(&mut self, message: String, evidence: &[Spot]) {
        self.say_if(Level::Known, message, evidence);
    }

    /// Says something that is only so if `level` holds.
    pub(super) fn say_if(&mut self, level: Level, message: String, evidence: &[Spot]) {
        let evidence = evidence.iter().map(|spot| spot.frame).collect();
        self.drafts.push(Draft { message, evidence, level });
    }
}

/// A finding that is held back until the capture has ended: what was not captured shows only later.
pub(super) struct Held {
    pub(super) finding: Finding,
    /// The session that it is about.
    pub(super) session: u32,
    /// If something did not come: when that was sure.
    pub(super) missing_at: Option<Timestamp>,
}

/// All that was found.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) kept: Vec<Held>,
    alike: BTreeMap<(&'static str, Option<PublicKey>, Option<Conference>), u64>,
    /// How many were found but not kept.
    pub(super) more: u64,
    /// What could not be judged.
    pub(super) not_judged: BTreeMap<Why, u64>,
}

impl Findings {
    pub(super) fn not_judged(&mut self, why: Why, count: u64) {
        *self.not_judged.entry(why).or_default() += count;
    }

    pub(super) fn push(&mut self, held: Held) {
        let finding = &held.finding;
        let key = (finding.rule.id, finding.endpoint, finding.conference);
        if self.alike.len() >= KINDS && !self.alike.contains_key(&key) {
            self.more += 1;
            return;
        }
        let alike = self.alike.entry(key).or_default();
        *alike += 1;
        if *alike > ALIKE || self.kept.len() >= FINDINGS {
            self.more += 1;
            return;
        }
        self.kept.push(held);
    }
}
