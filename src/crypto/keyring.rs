//! Everything the key logs gave, indexed for the look-ups that opening traffic needs.
//!
//! Keys are found by a public key that is visible in a packet wherever there is one (packets §4–§6);
//! key pairs turn into precomputed keys on demand, each pair of keys at most once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufRead, Write as _};

use foldhash::quality::RandomState;
use zeroize::Zeroizing;

use super::budget::{Budget, DERIVE_COST};
use super::cipher::{BoxKey, SecretKey};
use super::keylog::{self, Line, Purpose, Tally};
use crate::wire::{Hex, Nonce, PublicKey};

/// How many precomputed keys, and nonces, are kept; the rest is counted in
/// [`KeyRing::left_out`].
pub const CAPACITY: usize = 1 << 19;

/// How many names are kept.
const NAMES_CAPACITY: usize = 1 << 14;

/// How many key pairs are kept.
const PAIRS_CAPACITY: usize = 1 << 16;

/// Which precomputed key: a position in the ring, stable while the ring lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyId(u32);

/// Precomputed keys, nonces, key pairs and names from any number of key logs.
#[derive(Default)]
pub struct KeyRing {
    entries: Vec<Entry>,
    by_key: HashMap<BoxKey, KeyId, RandomState>,
    by_party: HashMap<PublicKey, Vec<KeyId>, RandomState>,
    nonces: HashMap<KeyId, Vec<Nonce>, RandomState>,
    nonce_count: usize,
    with_nonces: Vec<KeyId>,
    pairs: BTreeMap<(Purpose, PublicKey), SecretKey>,
    /// The public halves of the pairs, in the order they came.
    ours: BTreeMap<Purpose, Vec<PublicKey>>,
    derived: HashSet<(PublicKey, PublicKey), RandomState>,
    names: BTreeMap<PublicKey, Vec<u8>>,
    left_out: u64,
    generation: u32,
}

struct Entry {
    key: BoxKey,
    parties: [Option<PublicKey>; 2],
    /// Whether it opened anything.
    used: bool,
}

impl KeyRing {
    /// An empty ring.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds all that a key log holds.
    ///
    /// # Errors
    ///
    /// Only what `input` itself reports; what was read before stays.
    pub fn read(&mut self, input: impl BufRead) -> io::Result<Tally> {
        self.generation += 1;
        keylog::read(input, |line| match line {
            Line::Key { key, parties, nonces } => {
                if let Some(id) = self.insert(key, parties) {
                    nonces.into_iter().flatten().for_each(|nonce| self.insert_nonce(id, nonce));
                }
            }
            Line::Pair { purpose, public, secret } => self.insert_pair(purpose, public, secret),
            Line::Name { public, name } => {
                if self.names.len() < NAMES_CAPACITY {
                    self.names.insert(public, name);
                } else {
                    self.left_out += 1;
                }
            }
        })
    }

    /// Whether there is nothing to open anything with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.pairs.is_empty()
    }

    /// How many precomputed keys there are, derived ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many lines found no room ([`CAPACITY`]).
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Changes whenever [`Self::read`] may have added something, so that failed searches are repeated.
    pub(super) const fn generation(&self) -> u32 {
        self.generation
    }

    /// The names that `NAME` lines gave, by public key; hostile bytes.
    #[must_use]
    pub const fn names(&self) -> &BTreeMap<PublicKey, Vec<u8>> {
        &self.names
    }

    /// The key behind `id`.
    pub(super) fn key(&self, id: KeyId) -> &BoxKey {
        &self.entry(id).key
    }

    /// Notes that the key opened something.
    #[inline]
    pub(super) fn mark_used(&mut self, id: KeyId) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize) {
            entry.used = true;
        }
    }

    /// Appends a key log to `out` with the precomputed keys that opened something so far, those that
    /// were derived from a key pair among them, and their nonces: it opens what was opened, and nothing
    /// else. A key whose parties are unknown has its nonces only. `wants_name` chooses the names.
    ///
    /// Gives how many keys there are.
    pub fn write_used(
        &self,
        wants_name: impl Fn(&PublicKey) -> bool,
        out: &mut Zeroizing<Vec<u8>>,
    ) -> usize {
        let mut used = 0;
        for id in self.all() {
            let Entry { key, parties, used: true } = self.entry(id) else { continue };
            used += 1;
            let key = Zeroizing::new(Hex(key.expose()).to_string());
            let key = key.as_str();
            // Writing to memory does not fail.
            let _ = match parties {
                [Some(ours), Some(theirs)] => writeln!(out, "SHARED {ours} {theirs} {key}"),
                [Some(only), None] | [None, Some(only)] => writeln!(out, "BOX {only} {key}"),
                [None, None] => Ok(()),
            };
            for nonce in self.nonces(id) {
                let _ = writeln!(out, "NONCE {key} {}", Hex(&nonce.0));
            }
        }
        for (public, name) in self.names.iter().filter(|(public, _)| wants_name(public)) {
            let _ = write!(out, "NAME {public} ");
            out.extend_from_slice(name);
            out.push(b'\n');
        }
        used
    }

    /// The public keys that are known to share the key, in no particular order.
    pub(super) fn parties(&self, id: KeyId) -> [Option<PublicKey>; 2] {
        self.entry(id).parties
    }

    /// All keys, in the order they came.
    pub(super) fn all(&self) -> impl Iterator<Item = KeyId> + use<> {
        (0..u32::try_from(self.entries.len()).expect("at most CAPACITY entries")).map(KeyId)
    }

    /// The keys that `NONCE` lines name, in the order they came.
    pub(super) fn with_nonces(&self) -> &[KeyId] {
        &self.with_nonces
    }

    /// The nonces that `NONCE` lines give for a key.
    pub(super) fn nonces(&self, id: KeyId) -> &[Nonce] {
        self.nonces.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Whether a session key may be here to which this public session key belongs.
    pub(super) fn knows_session(&self, session_key: &PublicKey) -> bool {
        self.by_party.contains_key(session_key)
            || self.pairs.contains_key(&(Purpose::Session, *session_key))
    }

    /// Whether a session key was logged by somebody who said only that the other side has this public
    /// session key: `BOX` lines leave out their own side.
    pub(super) fn is_theirs(&self, session_key: &PublicKey) -> bool {
        let keys = self.by_party.get(session_key).map_or(&[][..], Vec::as_slice);
        keys.iter().take(MOST_CANDIDATES).any(|id| self.entry(*id).parties.contains(&None))
    }

    /// Appends to `found` the keys that `one` and `other` may share, likeliest first, without
    /// repetition: those logged for both, those derived from a key pair of either, then those logged
    /// for one of them. What is not known is `None`.
    pub(super) fn candidates(
        &mut self,
        purpose: Purpose,
        one: Option<PublicKey>,
        other: Option<PublicKey>,
        budget: &mut Budget,
        found: &mut Vec<KeyId>,
    ) {
        self.derive_between(purpose, one, other, budget);
        let of = |party: Option<PublicKey>| {
            party.and_then(|party| self.by_party.get(&party)).map_or(&[][..], Vec::as_slice)
        };
        let of_either = [of(one), of(other)];
        let is_of_both = |id: &KeyId| {
            let known = self.entry(*id).parties;
            one.is_some() && other.is_some() && known.contains(&one) && known.contains(&other)
        };
        let fewer = of_either.into_iter().min_by_key(|keys| keys.len()).unwrap_or_default();
        found.extend(fewer.iter().copied().take(MOST_CANDIDATES).filter(is_of_both));
        for keys in of_either {
            let first = keys.iter().copied().take(MOST_CANDIDATES);
            found.extend(first.filter(|id| !is_of_both(id)));
        }
    }

    fn entry(&self, id: KeyId) -> &Entry {
        self.entries
            .get(id.0 as usize)
            .expect("a KeyId is only made for an entry, and none is removed")
    }

    fn insert(&mut self, key: BoxKey, parties: [Option<PublicKey>; 2]) -> Option<KeyId> {
        let id = match self.by_key.get(&key) {
            Some(&id) => id,
            None if self.entries.len() >= CAPACITY => {
                self.left_out += 1;
                return None;
            }
            None => {
                let id = KeyId(u32::try_from(self.entries.len()).expect("below CAPACITY"));
                self.by_key.insert(key.clone(), id);
                self.entries.push(Entry { key, parties: [None; 2], used: false });
                id
            }
        };
        let entry = self.entries.get_mut(id.0 as usize).expect("it was found or pushed above");
        for party in parties.into_iter().flatten() {
            let free =
                entry.parties.iter_mut().find(|known| known.is_none_or(|known| known == party));
            if let Some(free) = free
                && free.is_none()
            {
                *free = Some(party);
                self.by_party.entry(party).or_default().push(id);
            }
        }
        Some(id)
    }

    fn insert_nonce(&mut self, id: KeyId, nonce: Nonce) {
        let known = self.nonces.entry(id).or_default();
        if known.contains(&nonce) {
            return;
        }
        if self.nonce_count >= CAPACITY || known.len() >= NONCES_OF_ONE_KEY {
            self.left_out += 1;
            return;
        }
        if known.is_empty() {
            self.with_nonces.push(id);
        }
        known.push(nonce);
        self.nonce_count += 1;
    }

    fn insert_pair(&mut self, purpose: Purpose, public: PublicKey, secret: SecretKey) {
        if self.pairs.len() < PAIRS_CAPACITY {
            if self.pairs.insert((purpose, public), secret).is_none() {
                self.ours.entry(purpose).or_default().push(public);
            }
        } else {
            self.left_out += 1;
        }
    }

    /// Derives what `one` and `other` may share, where either is ours or unknown. Who is behind an
    /// address may have changed, so a DHT or long-term key is joined with each of ours; session keys,
    /// of which there can be many, only with each other if both are known.
    fn derive_between(
        &mut self,
        purpose: Purpose,
        one: Option<PublicKey>,
        other: Option<PublicKey>,
        budget: &mut Budget,
    ) {
        if self.pairs.is_empty() {
            return;
        }
        if let (Purpose::Session, Some(one), Some(other)) = (purpose, one, other) {
            self.derive(purpose, one, other, budget);
            self.derive(purpose, other, one, budget);
            return;
        }
        let all = self.ours.get(&purpose).map_or(&[][..], Vec::as_slice);
        let newest: Vec<PublicKey> = all.iter().rev().take(MOST_PAIRS).copied().collect();
        for theirs in [one, other].into_iter().flatten() {
            for ours in &newest {
                if budget.has_refused() {
                    return;
                }
                self.derive(purpose, *ours, theirs, budget);
            }
        }
    }

    /// Derives what `ours`, if it is ours, shares with `theirs`; at most once.
    fn derive(
        &mut self,
        purpose: Purpose,
        ours: PublicKey,
        theirs: PublicKey,
        budget: &mut Budget,
    ) {
        let Some(secret) = self.pairs.get(&(purpose, ours)) else { return };
        let pair = (ours, theirs);
        if ours == theirs || self.derived.contains(&pair) || self.derived.len() >= CAPACITY {
            return;
        }
        if budget.spend(DERIVE_COST) {
            let key = BoxKey::derive(&theirs, secret);
            self.derived.insert(pair);
            if let Some(key) = key {
                self.insert(key, [Some(ours), Some(theirs)]);
            }
        }
    }
}

/// How many keys are offered for one packet: a public key of the logging client itself is a party to
/// every key it ever derived.
const MOST_CANDIDATES: usize = 1024;

/// How many of our key pairs, the newest ones, are joined with a key whose partner is not known.
const MOST_PAIRS: usize = 256;

/// How many `NONCE` lines are kept for one key: at one for every 32768 packets, eight million packets.
const NONCES_OF_ONE_KEY: usize = 1024;
