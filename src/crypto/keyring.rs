//! Everything the key logs gave, indexed for the look-ups that opening traffic needs.
//!
//! Keys are found by a public key that is visible in a packet wherever there is one (packets §4–§6);
//! key pairs turn into precomputed keys on demand, each pair of keys at most once. Every key,
//! public key and nonce is kept once, and the indices hold their numbers: about 150 bytes for a line.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::BuildHasher;
use std::io::{self, BufRead, Write as _};
use std::num::NonZeroU32;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use zeroize::Zeroizing;

use super::budget::{Budget, DERIVE_COST};
use super::cipher::{BoxKey, SecretKey};
use super::keylog::{self, Line, Purpose, Tally};
use super::pieces::Pieces;
use crate::wire::{Hex, Nonce, PublicKey};

/// How many precomputed keys, and nonces, are kept; the rest is counted in
/// [`KeyRing::left_out`].
pub const CAPACITY: usize = 1 << 19;

/// How many public keys are kept: two for each precomputed key.
const PARTIES_CAPACITY: usize = 2 * CAPACITY;

/// How many names are kept.
const NAMES_CAPACITY: usize = 1 << 14;

/// How many key pairs are kept.
const PAIRS_CAPACITY: usize = 1 << 16;

/// Which precomputed key: a position in the ring, stable while the ring lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyId(NonZeroU32);

/// Which public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct PartyId(NonZeroU32);

/// Precomputed keys, nonces, key pairs and names from any number of key logs.
#[derive(Default)]
pub struct KeyRing {
    hasher: RandomState,
    entries: Pieces<Entry>,
    by_key: HashTable<KeyId>,
    parties: Pieces<Party>,
    by_public: HashTable<PartyId>,
    nonces: Pieces<NonceEntry>,
    with_nonces: Vec<KeyId>,
    pairs: BTreeMap<(Purpose, PublicKey), SecretKey>,
    /// The public halves of the pairs, in the order they came.
    ours: BTreeMap<Purpose, Vec<PublicKey>>,
    derived: HashSet<(PartyId, PartyId), RandomState>,
    names: BTreeMap<PublicKey, Arc<[u8]>>,
    /// Whose names were not yet taken.
    renamed: BTreeSet<PublicKey>,
    left_out: u64,
    generation: u32,
}

/// What `NAME` lines call people; hostile bytes.
pub type Names = Vec<(PublicKey, Arc<[u8]>)>;

/// A precomputed key.
struct Entry {
    key: BoxKey,
    /// Who is known to share it.
    shared_by: [Option<Share>; 2],
    /// The list of its nonces, in the order they came.
    first_nonce: Option<NonZeroU32>,
    last_nonce: Option<NonZeroU32>,
    nonce_count: u16,
    /// Whether it opened anything.
    used: bool,
}

/// That somebody shares a key, in the list of all keys that this party shares.
struct Share {
    party: PartyId,
    next: Option<KeyId>,
}

/// A public key, and the list of the precomputed keys that it is known to share, in the order they came.
struct Party {
    public: PublicKey,
    first: Option<KeyId>,
    last: Option<KeyId>,
    count: u32,
}

struct NonceEntry {
    nonce: Nonce,
    /// Whose it is, by long-term keys: who seals with the nonces that follow it, and for whom.
    people: [Option<PartyId>; 2],
    next: Option<NonZeroU32>,
}

/// A nonce that a key was used with.
#[derive(Clone, Copy)]
pub(super) struct Logged<'a> {
    pub(super) nonce: &'a Nonce,
    /// Sender and receiver by their long-term keys, as far as the log says.
    pub(super) people: [Option<PublicKey>; 2],
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
            Line::Key { key, parties, nonces, people } => {
                if let Some(id) = self.insert(key, parties) {
                    let [one, other] = people;
                    for (nonce, people) in nonces.into_iter().zip([[one, other], [other, one]]) {
                        nonce.into_iter().for_each(|nonce| self.insert_nonce(id, nonce, people));
                    }
                }
            }
            Line::Pair { purpose, public, secret } => self.insert_pair(purpose, public, secret),
            Line::Name { public, name } => {
                if self.names.len() < NAMES_CAPACITY || self.names.contains_key(&public) {
                    self.names.insert(public, name.into());
                    self.renamed.insert(public);
                } else {
                    self.left_out += 1;
                }
            }
        })
    }

    /// Whether there is nothing to open anything with.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0 && self.pairs.is_empty()
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
    pub const fn names(&self) -> &BTreeMap<PublicKey, Arc<[u8]>> {
        &self.names
    }

    /// The names that `NAME` lines gave since they were taken last.
    pub fn take_names(&mut self) -> Option<Names> {
        if self.renamed.is_empty() {
            return None;
        }
        let renamed = std::mem::take(&mut self.renamed).into_iter();
        Some(renamed.filter_map(|key| Some((key, Arc::clone(self.names.get(&key)?)))).collect())
    }

    /// The key behind `id`.
    pub(super) fn key(&self, id: KeyId) -> &BoxKey {
        &self.entries.get(id.0).key
    }

    /// Notes that the key opened something.
    #[inline]
    pub(super) fn mark_used(&mut self, id: KeyId) {
        self.entries.get_mut(id.0).used = true;
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
        for id in self.all().filter(|id| self.entries.get(id.0).used) {
            used += 1;
            let key = Zeroizing::new(Hex(self.key(id).expose()).to_string());
            let key = key.as_str();
            // Writing to memory does not fail.
            let _ = match self.parties(id) {
                [Some(ours), Some(theirs)] => writeln!(out, "SHARED {ours} {theirs} {key}"),
                [Some(only), None] | [None, Some(only)] => writeln!(out, "BOX {only} {key}"),
                [None, None] => Ok(()),
            };
            for logged in self.nonces(id) {
                let _ = writeln!(out, "NONCE {key} {}", logged.nonce);
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
        let shared_by = &self.entries.get(id.0).shared_by;
        shared_by.each_ref().map(|share| share.as_ref().map(|share| self.public(share.party)))
    }

    /// All keys, in the order they came.
    pub(super) fn all(&self) -> impl Iterator<Item = KeyId> + use<> {
        let count = u32::try_from(self.entries.len()).expect("at most CAPACITY entries");
        (1..=count).filter_map(NonZeroU32::new).map(KeyId)
    }

    /// The keys that `NONCE` lines name, in the order they came.
    pub(super) fn with_nonces(&self) -> &[KeyId] {
        &self.with_nonces
    }

    /// The nonces that are logged for a key.
    pub(super) fn nonces(&self, id: KeyId) -> impl Iterator<Item = Logged<'_>> {
        let entry = |index| self.nonces.get(index);
        let first = self.entries.get(id.0).first_nonce.map(entry);
        std::iter::successors(first, move |known| known.next.map(entry)).map(|known| Logged {
            nonce: &known.nonce,
            people: known.people.map(|party| party.map(|party| self.public(party))),
        })
    }

    /// Whether a session key may be here to which this public session key belongs.
    pub(super) fn knows_session(&self, session_key: &PublicKey) -> bool {
        self.keys_of(self.party(session_key)).next().is_some()
            || self.pairs.contains_key(&(Purpose::Session, *session_key))
    }

    /// Whether a session key was logged by somebody who said only that the other side has this public
    /// session key: `BOX` lines leave out their own side.
    pub(super) fn is_theirs(&self, session_key: &PublicKey) -> bool {
        let mut keys = self.keys_of(self.party(session_key)).take(MOST_CANDIDATES);
        keys.any(|id| self.entries.get(id.0).shared_by.iter().any(Option::is_none))
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
        let parties = [one, other].map(|public| public.and_then(|public| self.party(&public)));
        let is_of_both = |id: &KeyId| {
            let shared_by = &self.entries.get(id.0).shared_by;
            let known = |party: Option<PartyId>| {
                party.is_some()
                    && shared_by.iter().flatten().any(|share| Some(share.party) == party)
            };
            parties.into_iter().all(known)
        };
        let count = |party: &Option<PartyId>| party.map_or(0, |it| self.parties.get(it.0).count);
        let fewer = parties.into_iter().min_by_key(count).flatten();
        found.extend(self.keys_of(fewer).take(MOST_CANDIDATES).filter(is_of_both));
        for party in parties {
            let first = self.keys_of(party).take(MOST_CANDIDATES);
            found.extend(first.filter(|id| !is_of_both(id)));
        }
    }

    /// The keys that a party is known to share, in the order they came.
    fn keys_of(&self, party: Option<PartyId>) -> impl Iterator<Item = KeyId> {
        let first = party.and_then(|party| self.parties.get(party.0).first);
        std::iter::successors(first, move |id| {
            let mut shares = self.entries.get(id.0).shared_by.iter().flatten();
            shares.find(|share| Some(share.party) == party)?.next
        })
    }

    /// The party with this public key.
    fn party(&self, public: &PublicKey) -> Option<PartyId> {
        let hash = self.hasher.hash_one(public);
        self.by_public.find(hash, |id| self.public(*id) == *public).copied()
    }

    fn public(&self, party: PartyId) -> PublicKey {
        self.parties.get(party.0).public
    }

    /// The party with this public key, a new one if need be and there is room.
    fn party_or_new(&mut self, public: PublicKey) -> Option<PartyId> {
        if let Some(known) = self.party(&public) {
            return Some(known);
        }
        let party = Party { public, first: None, last: None, count: 0 };
        let Some(id) = self.parties.push(party, PARTIES_CAPACITY).map(PartyId) else {
            self.left_out += 1;
            return None;
        };
        let (hasher, parties) = (&self.hasher, &self.parties);
        let hash = |id: &PartyId| hasher.hash_one(parties.get(id.0).public);
        self.by_public.insert_unique(hash(&id), id, hash);
        Some(id)
    }

    fn insert(&mut self, key: BoxKey, parties: [Option<PublicKey>; 2]) -> Option<KeyId> {
        let hash = self.hasher.hash_one(&key);
        let known = self.by_key.find(hash, |id| self.entries.get(id.0).key == key).copied();
        let id = match known {
            Some(id) => id,
            None => {
                let (shared_by, first_nonce, last_nonce) = ([None, None], None, None);
                let (nonce_count, used) = (0, false);
                let entry = Entry { key, shared_by, first_nonce, last_nonce, nonce_count, used };
                let Some(id) = self.entries.push(entry, CAPACITY).map(KeyId) else {
                    self.left_out += 1;
                    return None;
                };
                let (hasher, entries) = (&self.hasher, &self.entries);
                let hash_of = |id: &KeyId| hasher.hash_one(&entries.get(id.0).key);
                self.by_key.insert_unique(hash, id, hash_of);
                id
            }
        };
        for public in parties.into_iter().flatten() {
            if let Some(party) = self.party_or_new(public) {
                self.share(id, party);
            }
        }
        Some(id)
    }

    /// Notes that a party shares a key. A third one is no party to it.
    fn share(&mut self, id: KeyId, party: PartyId) {
        let [one, other] = &mut self.entries.get_mut(id.0).shared_by;
        let free = match (&one, &other) {
            (Some(known), _) | (_, Some(known)) if known.party == party => return,
            (None, _) => one,
            (_, None) => other,
            _ => return,
        };
        *free = Some(Share { party, next: None });
        let known = self.parties.get_mut(party.0);
        known.count += 1;
        known.first.get_or_insert(id);
        if let Some(last) = known.last.replace(id) {
            let mut shares = self.entries.get_mut(last.0).shared_by.iter_mut().flatten();
            if let Some(share) = shares.find(|share| share.party == party) {
                share.next = Some(id);
            }
        }
    }

    fn insert_nonce(&mut self, id: KeyId, nonce: Nonce, people: [Option<PublicKey>; 2]) {
        if self.nonces(id).any(|known| *known.nonce == nonce) {
            return;
        }
        let people = people.map(|public| public.and_then(|public| self.party_or_new(public)));
        let entry = self.entries.get_mut(id.0);
        let known = NonceEntry { nonce, people, next: None };
        let is_one_too_many = entry.nonce_count >= NONCES_OF_ONE_KEY;
        let most = if is_one_too_many { 0 } else { CAPACITY };
        let Some(index) = self.nonces.push(known, most) else {
            self.left_out += 1;
            return;
        };
        entry.nonce_count += 1;
        entry.first_nonce.get_or_insert(index);
        match entry.last_nonce.replace(index) {
            Some(last) => self.nonces.get_mut(last).next = Some(index),
            None => self.with_nonces.push(id),
        }
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
        let known = (self.party(&ours), self.party(&theirs));
        let is_known =
            matches!(known, (Some(one), Some(other)) if self.derived.contains(&(one, other)));
        if ours == theirs || is_known || self.derived.len() >= CAPACITY {
            return;
        }
        if budget.spend(DERIVE_COST) {
            let key = BoxKey::derive(&theirs, secret);
            let pair = (self.party_or_new(ours), self.party_or_new(theirs));
            let (Some(one), Some(other)) = pair else { return };
            self.derived.insert((one, other));
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
const NONCES_OF_ONE_KEY: u16 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keylog::LONGEST_NAME;

    fn public(number: u32) -> PublicKey {
        let mut public = PublicKey([0x50; 32]);
        public.0[..4].copy_from_slice(&number.to_be_bytes());
        public
    }

    fn ring(lines: &[String]) -> KeyRing {
        let mut ring = KeyRing::new();
        let tally = ring.read(lines.concat().as_bytes()).unwrap();
        assert_eq!(tally.understood, lines.len() as u64);
        ring
    }

    fn shared(one: u32, other: u32, key: u8) -> String {
        format!("SHARED {} {} {}\n", public(one), public(other), format!("{key:02x}").repeat(32))
    }

    /// What may open a box between the two, by the first bytes of the keys.
    fn candidates(ring: &mut KeyRing, one: Option<u32>, other: Option<u32>) -> Vec<u8> {
        let (mut budget, mut found) = (Budget::default(), Vec::new());
        let [one, other] = [one, other].map(|number| number.map(public));
        ring.candidates(Purpose::Dht, one, other, &mut budget, &mut found);
        found.into_iter().map(|id| ring.key(id).expose()[0]).collect()
    }

    #[test]
    fn the_likeliest_keys_come_first_and_each_once() {
        let bytes = |byte: &str| byte.repeat(32);
        let mut ring = ring(&[
            shared(1, 2, 0x12),
            shared(3, 1, 0x31),
            shared(2, 3, 0x23),
            // The same again, and with a third party that it cannot have.
            shared(2, 1, 0x12),
            shared(1, 9, 0x12),
            format!("BOX {} {}\n", public(1), bytes("1f")),
            format!("BOX {} {}\n", public(3), bytes("1f")),
        ]);
        assert_eq!(ring.len(), 4);
        assert_eq!(candidates(&mut ring, Some(1), Some(3)), [0x31, 0x1f, 0x12, 0x23]);
        assert_eq!(candidates(&mut ring, Some(3), Some(1)), [0x31, 0x1f, 0x23, 0x12]);
        assert_eq!(candidates(&mut ring, Some(1), None), [0x12, 0x31, 0x1f]);
        assert_eq!(candidates(&mut ring, Some(1), Some(7)), [0x12, 0x31, 0x1f]);
        assert!(candidates(&mut ring, Some(9), None).is_empty());
        assert!(candidates(&mut ring, None, None).is_empty());
        assert!(ring.is_theirs(&public(4)) || !ring.knows_session(&public(4)));
        assert!(!ring.is_theirs(&public(2)) && ring.knows_session(&public(2)));
    }

    /// what the fullest ring takes, in bytes.
    #[test]
    fn a_full_ring_has_bounded_size() {
        let names = NAMES_CAPACITY * (LONGEST_NAME + 2 * size_of::<(PublicKey, Vec<u8>)>());
        let items = CAPACITY * (size_of::<Entry>() + size_of::<NonceEntry>() + size_of::<KeyId>())
            + PARTIES_CAPACITY * size_of::<Party>();
        // Tables are between 7/16 and 7/8 full, with a byte beside each place.
        let places = |items: usize, size: usize| (items * 8 / 7).next_power_of_two() * (size + 1);
        let tables = places(CAPACITY, size_of::<KeyId>())
            + places(PARTIES_CAPACITY, size_of::<PartyId>())
            + places(CAPACITY, size_of::<(PartyId, PartyId)>());
        let all = names + items + tables;
        assert!(all < 128 << 20, "{} MiB", all >> 20);
    }
}
