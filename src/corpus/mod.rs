//! Fuzz seeds from captures: conference packets by kind, and what endpoints lived through as sequences.
//!
//! | File       | Concern                                                             |
//! |------------|---------------------------------------------------------------------|
//! | `packets`  | what a packet holds, as a name                                      |
//! | `steps`    | an endpoint's inputs, as the fuzz target `machine_steps` reads them |
//! | `events`   | a capture's packets, as the fuzz target `replay_capture` reads them |
//! | `sealed`   | datagrams as they were on the wire                                  |
//! | `ctoxcore` | what c-toxcore's own fuzzers read                                   |
//!
//! Names are made of words of ours, counts and hashes; nothing that came over the network is in them. Keys
//! from key logs are in no seed.

mod ctoxcore;
pub(crate) mod events;
mod packets;
mod sealed;
pub(crate) mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::conference::savedata::{Savedata, SectionType};
use crate::dissect::{Content, Record};
use crate::replay::{Observation, Options, Replay, What};
use crate::wire::PublicKey;

use ctoxcore::Told;
use events::Events;
use sealed::Received;
use steps::Steps;

/// How many seeds are kept, and how many bytes. More are counted and left out.
const SEEDS: usize = 1 << 16;
const BYTES: usize = 64 << 20;
/// How many endpoints of a capture make a sequence.
const ENDPOINTS: usize = 256;

/// The fuzzers of c-toxcore that seeds are for.
const EVENTS: &str = "tox_events_fuzz_test";
const SAVES: &str = "toxsave_fuzz_test";

/// What a folder of seeds is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A folder for each fuzz target of toxscope that takes seeds from captures.
    Targets,
    /// Conference packets, from their data ids on, one a file: for any parser.
    Plain,
    /// Datagrams of sessions, and of their beginnings, as they were on the wire: for a whole receiving stack
    /// that has the keys.
    Sealed,
    /// A folder for each fuzzer of c-toxcore that reads something a capture or a save file has.
    CToxcore,
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
    shapes: BTreeSet<(Option<&'static str>, String)>,
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
    received: Received,
    told: Told,
}

impl Capture {
    fn new() -> Self {
        Self {
            replay: Replay::new(Options::default()),
            steps: BTreeMap::new(),
            ended: Vec::new(),
            events: Events::default(),
            received: Received::default(),
            told: Told::default(),
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
        match self.layout {
            Layout::Targets => {
                self.packet_of(record, wanted, Some("wire_round_trip"));
                let Capture { replay, steps, ended, events, .. } = &mut self.capture;
                events.record(record);
                replay.record(record, &mut |seen| observe(seen, steps, ended));
            }
            Layout::Plain => self.packet_of(record, wanted, None),
            Layout::Sealed => {
                self.capture.received.record(record);
                if let Some(shape) = sealed::shape(record).filter(|_| wanted) {
                    self.first_of(Some("datagrams"), &shape, record.datagram);
                }
            }
            Layout::CToxcore => self.ctoxcore(record, wanted),
        }
    }

    fn packet_of(&mut self, record: &Record<'_>, wanted: bool, folder: Option<&'static str>) {
        if let Content::Data(Ok(data)) = &record.content
            && wanted
            && data.packet.is_some()
            && !data.resend
        {
            self.first_of(folder, &packets::shape(data.bytes), data.bytes);
        }
    }

    fn ctoxcore(&mut self, record: &Record<'_>, wanted: bool) {
        if let Content::Data(Ok(data)) = &record.content
            && !data.resend
            && let Some(input) = self.capture.told.packet(record.to.real_key, data)
            && wanted
        {
            self.first_of(Some(EVENTS), &packets::shape(data.bytes), &input);
        }
        let (mut saves, shapes) = (BTreeMap::new(), &self.shapes);
        self.capture.replay.record(record, &mut |seen| {
            if let Some(shape) = ctoxcore::shape(seen.machine)
                && !shapes.contains(&(Some(SAVES), shape.clone()))
            {
                saves.entry(shape).or_insert_with(|| ctoxcore::save(&seen.machine.save()));
            }
        });
        for (shape, file) in saves {
            self.first_of(Some(SAVES), &shape, &file);
        }
    }

    /// Takes what a save file has of conferences; nothing else of it gets into a seed.
    pub fn save(&mut self, savedata: &Savedata<'_>) {
        if let Some(section) = savedata.section(SectionType::CONFERENCES) {
            let shape = ctoxcore::section_shape(&savedata.conferences());
            let file = ctoxcore::save(section.payload);
            match self.layout {
                Layout::CToxcore => self.add(Some(SAVES), &shape, &file),
                Layout::Targets => self.add(Some("save_section"), &shape, &file),
                Layout::Plain | Layout::Sealed => {}
            }
        }
    }

    /// The capture has ended; another one may follow.
    pub fn end_capture(&mut self) {
        let mut capture = std::mem::replace(&mut self.capture, Capture::new());
        for (name, bytes) in std::mem::take(&mut capture.received).finish() {
            self.add(Some("received"), &name, &bytes);
        }
        for (name, bytes) in std::mem::take(&mut capture.told).finish() {
            self.add(Some(EVENTS), &name, &bytes);
        }
        if self.layout != Layout::Targets {
            return;
        }
        let Capture { replay, steps, ended, events, .. } = &mut capture;
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

    /// Adds the first seed of a shape.
    fn first_of(&mut self, folder: Option<&'static str>, shape: &str, bytes: &[u8]) {
        if self.shapes.insert((folder, shape.to_owned())) {
            self.add(folder, shape, bytes);
        } else {
            self.duplicates += 1;
        }
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
