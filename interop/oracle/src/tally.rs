//! What went in and what came out, counted.

use std::collections::BTreeMap;
use std::fmt;

use toxscope::conference::Endpoint;
use toxscope::wire::{Kind, Packet};

use crate::script::{Step, What};
use crate::told::Told;

/// Counts of inputs by kind, and of what followed.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Cases.
    pub cases: u64,
    /// Packets that went in, by kind: sound ones, and such that do not parse.
    pub packets: BTreeMap<&'static str, [u64; 2]>,
    /// Other inputs.
    pub others: BTreeMap<&'static str, u64>,
    /// Packets that came out, by kind.
    pub sent: BTreeMap<&'static str, u64>,
    /// What else came out.
    pub told: BTreeMap<&'static str, u64>,
    /// Inputs by the number of peers, active and frozen, in the largest conference: up to 4, 16,
    /// 64, and more.
    pub sizes: [u64; 4],
}

impl Tally {
    /// How many inputs there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        let packets = self.packets.values().flatten().sum::<u64>();
        packets + self.others.values().sum::<u64>()
    }

    /// Counts a step that our machine is about to take in.
    pub fn step(&mut self, step: &Step, ours: &Endpoint) {
        let peers = ours.groups().map(|group| group.active().len() + group.frozen().len());
        let peers = peers.max().unwrap_or(0);
        let other = match step.what {
            What::Packet(_) => None,
            What::Up(..) => Some("session begins"),
            What::Down(_) => Some("session ends"),
            What::Tick => Some("pass"),
            What::Restart(..) => Some("restart"),
            _ => Some("request"),
        };
        match other {
            Some(name) => *self.others.entry(name).or_default() += 1,
            None => {
                let name = Kind::of(&step.bytes).name();
                let [sound, damaged] = self.packets.entry(name).or_default();
                *(if Packet::parse(&step.bytes).is_ok() { sound } else { damaged }) += 1;
            }
        }
        let size = match peers {
            0..=4 => 0,
            5..=16 => 1,
            17..=64 => 2,
            _ => 3,
        };
        if let Some(count) = self.sizes.get_mut(size) {
            *count += 1;
        }
    }

    /// Counts what followed.
    pub fn told(&mut self, told: &[Told]) {
        for told in told {
            let (list, name) = match told {
                Told::Sent { bytes, .. } => (&mut self.sent, Kind::of(bytes).name()),
                Told::Opened { .. } => (&mut self.told, "connection opened"),
                Told::Released { .. } => (&mut self.told, "connection released"),
                Told::Invited { .. } => (&mut self.told, "invited"),
                Told::Connected { .. } => (&mut self.told, "connected"),
                Told::Joined { .. } => (&mut self.told, "peer joined"),
                Told::Left { .. } => (&mut self.told, "peer left"),
                Told::Named { .. } => (&mut self.told, "name"),
                Told::Titled { .. } => (&mut self.told, "title"),
                Told::Said { .. } => (&mut self.told, "text"),
                Told::Heard { .. } => (&mut self.told, "audio"),
                Told::Refused => (&mut self.told, "request refused"),
            };
            *list.entry(name).or_default() += 1;
        }
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        for (name, [sound, damaged]) in &other.packets {
            let mine = self.packets.entry(name).or_default();
            *mine = [mine[0] + sound, mine[1] + damaged];
        }
        for (mine, theirs) in [
            (&mut self.others, &other.others),
            (&mut self.sent, &other.sent),
            (&mut self.told, &other.told),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
        for (mine, theirs) in self.sizes.iter_mut().zip(other.sizes) {
            *mine += theirs;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [four, sixteen, sixty_four, more] = self.sizes;
        writeln!(f, "{} inputs in {} cases", self.total(), self.cases)?;
        writeln!(
            f,
            "peers listed: up to 4 {four}, up to 16 {sixteen}, up to 64 {sixty_four}, more {more}"
        )?;
        write!(f, "packets in (sound + damaged):")?;
        for (name, [sound, damaged]) in &self.packets {
            write!(f, " {name} {sound}+{damaged}")?;
        }
        for (title, counts) in
            [("other inputs", &self.others), ("packets out", &self.sent), ("told", &self.told)]
        {
            write!(f, "\n{title}:")?;
            for (name, count) in counts {
                write!(f, " {name} {count}")?;
            }
        }
        Ok(())
    }
}
