//! What key logs hold, without what is secret about it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use super::cipher::sha512;
use super::keylog::{self, Line, Purpose, Tally};
use crate::wire::PublicKey;

/// How many public keys, and precomputed keys, are told apart; what comes after them is counted only.
const CAPACITY: usize = 1 << 17;

/// What key logs hold, counted.
#[derive(Default)]
pub struct Inventory {
    /// How the lines were taken.
    pub tally: Tally,
    /// Lines by what they say: `SHARED` and `BOX` together are the precomputed keys.
    pub lines: BTreeMap<&'static str, u64>,
    /// Public keys, and what belongs to them.
    pub owners: BTreeMap<PublicKey, Owner>,
    /// Lines whose public key found no room in [`Self::owners`].
    pub left_out: u64,
    /// Precomputed keys by their hash, so that the same one is counted once.
    keys: BTreeSet<[u8; 8]>,
}

/// What belongs to one public key.
#[derive(Default)]
pub struct Owner {
    /// Lines with a precomputed key that it shares with another public key.
    pub shared: u64,
    /// Whether there is its secret key, and what the pair is for: `DHT`, `ID` or `SESSION`.
    pub pair: Option<&'static str>,
    /// What a `NAME` line calls it; hostile bytes.
    pub name: Option<Vec<u8>>,
}

impl Inventory {
    /// Adds what another key log holds.
    ///
    /// # Errors
    ///
    /// Only what `input` itself reports.
    pub fn read(&mut self, input: impl BufRead) -> io::Result<()> {
        let tally = keylog::read(input, |line| self.line(line))?;
        self.tally.add(&tally);
        Ok(())
    }

    /// How many different precomputed keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    fn line(&mut self, line: Line) {
        let label = match &line {
            Line::Key { parties: [Some(_), Some(_)], .. } => "SHARED",
            Line::Key { parties: [None, None], .. } => "NONCE",
            Line::Key { .. } => "BOX",
            Line::Pair { purpose, .. } => name(*purpose),
            Line::Name { .. } => "NAME",
        };
        *self.lines.entry(label).or_default() += 1;
        match line {
            Line::Key { key, parties, .. } => {
                let hash = sha512(key.expose());
                if let Some(hash) = hash.first_chunk()
                    && self.keys.len() < CAPACITY
                {
                    self.keys.insert(*hash);
                }
                for party in parties.into_iter().flatten() {
                    self.owner(party, |owner| owner.shared += 1);
                }
            }
            Line::Pair { purpose, public, .. } => {
                self.owner(public, |owner| owner.pair = Some(name(purpose)));
            }
            Line::Name { public, name } => self.owner(public, |owner| owner.name = Some(name)),
        }
    }

    fn owner(&mut self, public: PublicKey, note: impl FnOnce(&mut Owner)) {
        if self.owners.len() < CAPACITY || self.owners.contains_key(&public) {
            note(self.owners.entry(public).or_default());
        } else {
            self.left_out += 1;
        }
    }
}

const fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Dht => "DHT",
        Purpose::Identity => "ID",
        Purpose::Session => "SESSION",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keys_and_owners_are_counted() {
        let (a, b, k) = ("aa".repeat(32), "bb".repeat(32), "cc".repeat(32));
        let log = format!(
            "SHARED {a} {b} {k}\nSHARED {b} {a} {k}\nBOX {a} {b}\nNONCE {k} {}\nID {b} {k}\n\
             NAME {a} Ann\nX\nID {a}\n",
            "11".repeat(24)
        );
        let mut inventory = Inventory::default();
        inventory.read(log.as_bytes()).unwrap();
        let lines: Vec<_> = inventory.lines.iter().map(|(label, count)| (*label, *count)).collect();
        assert_eq!(lines, [("BOX", 1), ("ID", 1), ("NAME", 1), ("NONCE", 1), ("SHARED", 2)]);
        assert_eq!(inventory.keys(), 2);
        assert_eq!((inventory.tally.unknown, inventory.tally.damaged), (1, 1));
        let ann = &inventory.owners[&PublicKey([0xaa; 32])];
        assert_eq!((ann.shared, ann.pair, ann.name.as_deref()), (3, None, Some(&b"Ann"[..])));
        let bob = &inventory.owners[&PublicKey([0xbb; 32])];
        assert_eq!((bob.shared, bob.pair), (2, Some("ID")));
    }
}
