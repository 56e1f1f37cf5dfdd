//! Fuzz seeds from captures: conference packets by kind, and what endpoints lived through as sequences.
//!
//! | File      | Concern                                                              |
//! |-----------|----------------------------------------------------------------------|
//! | `packets` | what a packet holds, as a name                                       |
//! | `steps`   | an endpoint's inputs, as the fuzz target `machine_steps` reads them  |
//! | `events`  | a capture's packets, as the fuzz target `replay_capture` reads them  |
//!
//! Names are made of words of ours, counts and hashes; nothing that came over the network is in them. Keys
//! from key logs are in no seed.

pub(crate) mod events;
mod packets;
pub(crate) mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::dissect::{Content, Record};
use crate::replay::{Observation, Options, Replay, What};
use crate::wire::PublicKey;

use events::Events;
use steps::Steps;

/// How many seeds are kept, and how many bytes. More are counted and left out.
const SEEDS: usize = 1 << 16;
const BYTES: usize = 64 << 20;
/// How many endpoints of a capture make a sequence.
const ENDPOINTS: usize = 256;

/// What a folder of seeds is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A folder for each fuzz target of toxscope that takes seeds from captures.
    Targets,
    /// Conference packets, from their data ids on, one a file: for any parser.
    Plain,
}

/// Where a seed belongs: a folder, if the layout has such, and a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The folder: the name of a fuzz target.
    pub folder: Option<&'static str>,
    /// The name of the file. It holds lower-case letters, digits, `_`, `-` and one dot.
    pub name: String,
}

/// Seeds, as captures give them.
pub struct Corpus {
    layout: Layout,
    seeds: BTreeMap<Place, Vec<u8>>,
    bytes: usize,
    /// What packets hold of which there is one already.
    shapes: BTreeSet<String>,
    duplicates: u64,
    left_out: u64,
    capture: Capture,
}

/// The capture that is being read.
struct Capture {
    replay: Replay,
    steps: BTreeMap<PublicKey, Steps>,
    /// Of endpoints that started again.
    ended: Vec<Steps>,
    events: Events,
}

impl Capture {
    fn new() -> Self {
        Self {
            replay: Replay::new(Options::default()),
            steps: BTreeMap::new(),
            ended: Vec::new(),
            events: Events::default(),
        }
    }
}

impl Corpus {
    /// No seeds yet.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            seeds: BTreeMap::new(),
            bytes: 0,
            shapes: BTreeSet::new(),
            duplicates: 0,
            left_out: 0,
            capture: Capture::new(),
        }
    }

    /// Takes the next record of a capture. If it is `wanted`, the packet in it may become a seed; sequences
    /// are made of all records.
    pub fn record(&mut self, record: &Record<'_>, wanted: bool) {
        if let Content::Data(Ok(data)) = &record.content
            && wanted
            && data.packet.is_some()
            && !data.resend
        {
            self.packet(data.bytes);
        }
        if self.layout == Layout::Targets {
            let Capture { replay, steps, ended, events } = &mut self.capture;
            events.record(record);
            replay.record(record, &mut |seen| observe(seen, steps, ended));
        }
    }

    /// The capture has ended; another one may follow.
    pub fn end_capture(&mut self) {
        let mut capture = std::mem::replace(&mut self.capture, Capture::new());
        if self.layout != Layout::Targets {
            return;
        }
        let Capture { replay, steps, ended, events } = &mut capture;
        replay.finish(&mut |seen| observe(seen, steps, ended));
        let ended = std::mem::take(ended).into_iter();
        for steps in ended.chain(std::mem::take(steps).into_values()) {
            if let Some((name, bytes)) = steps.finish() {
                self.add(Some("machine_steps"), &name, &bytes);
            }
        }
        if let Some((name, bytes)) = std::mem::take(events).finish() {
            self.add(Some("replay_capture"), &name, &bytes);
        }
    }

    fn packet(&mut self, bytes: &[u8]) {
        let shape = packets::shape(bytes);
        if !self.shapes.insert(shape.clone()) {
            self.duplicates += 1;
            return;
        }
        let folder = (self.layout == Layout::Targets).then_some("wire_round_trip");
        self.add(folder, &shape, bytes);
    }

    fn add(&mut self, folder: Option<&'static str>, what: &str, bytes: &[u8]) {
        let name = format!("{what}-{:016x}.bin", hash(bytes));
        if self.seeds.len() >= SEEDS || self.bytes + bytes.len() > BYTES {
            self.left_out += 1;
            return;
        }
        match self.seeds.entry(Place { folder, name }) {
            std::collections::btree_map::Entry::Occupied(_) => self.duplicates += 1,
            std::collections::btree_map::Entry::Vacant(place) => {
                self.bytes += bytes.len();
                place.insert(bytes.to_vec());
            }
        }
    }

    /// All seeds, by place.
    pub fn seeds(&self) -> impl Iterator<Item = (&Place, &[u8])> {
        self.seeds.iter().map(|(place, bytes)| (place, bytes.as_slice()))
    }

    /// How many packets and sequences hold nothing that a seed does not hold already.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How many seeds there was no room for.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

fn observe(seen: &Observation<'_>, steps: &mut BTreeMap<PublicKey, Steps>, ended: &mut Vec<Steps>) {
    if let What::Restart = seen.what
        && let Some(before) = steps.remove(&seen.endpoint)
    {
        if ended.len() < ENDPOINTS {
            ended.push(before);
        }
        return;
    }
    if steps.len() >= ENDPOINTS && !steps.contains_key(&seen.endpoint) {
        return;
    }
    let steps = steps.entry(seen.endpoint).or_insert_with(|| Steps::new(seen.endpoint, seen.at));
    steps.observe(seen);
}

/// FNV-1a: the same everywhere and always. Nothing depends on its being hard to forge: two seeds of one name
/// are told apart by their bytes.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
