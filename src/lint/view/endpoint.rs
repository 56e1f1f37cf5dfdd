//! An endpoint: its connections and conferences.

use std::collections::{BTreeMap, BTreeSet};

use super::{Group, Loss, SECOND};
use crate::lint::finding::Spot;
use crate::lint::guard::Why;
use crate::lint::promise::Pending;
use crate::time::Timestamp;
use crate::wire::{Conference, PublicKey};

/// Conferences of one endpoint, and its connections, that are followed.
pub(super) const GROUPS: usize = 64;
pub(super) const FRIENDS: usize = 1024;
/// DHT keys that are kept in mind of one endpoint.
const DHT_KEYS: usize = 16;

/// Times at which packets of one endpoint were not captured that are told apart.
const LOSSES: usize = 256;

/// An endpoint that sends nothing for so long was asleep: a session alone makes it send every 8 s.
const SLEEP: i64 = 15 * SECOND;
/// For so long after it woke, and after packets that stayed closed, little is sure: longer than it takes
/// to freeze.
const AFTERMATH: i64 = 70 * SECOND;

/// One endpoint.
pub struct Endpoint {
    /// Its real key.
    pub key: PublicKey,
    /// What it is called. Hostile bytes.
    pub name: Option<Vec<u8>>,
    /// Its DHT key, from its last cookie request.
    pub dht_key: Option<PublicKey>,
    /// DHT keys that it had before.
    pub before: Vec<PublicKey>,
    /// The present session with each friend.
    pub sessions: BTreeMap<PublicKey, u32>,
    /// Its conferences.
    pub groups: BTreeMap<Conference, Group>,
    /// What it has to send.
    pub(in crate::lint) promises: Pending,
    /// When it sent something last.
    pub sent: Option<Timestamp>,
    woke: Option<Timestamp>,
    /// When a packet of it stayed closed last.
    pub closed: Option<Timestamp>,
    /// When a packet of it was not captured.
    pub lost: Option<Timestamp>,
    /// Packets that it sent or received and that were not captured, in the order in which that showed.
    pub(in crate::lint) losses: Vec<Loss>,
    /// With whom it had a session.
    pub met: BTreeSet<PublicKey>,
    /// What shows that it has connections that the capture does not show.
    pub elsewhere: Option<Spot>,
    /// When it started again last.
    pub restarted: Option<Timestamp>,
}

impl Endpoint {
    pub(super) fn new(key: PublicKey) -> Self {
        Self {
            key,
            name: None,
            dht_key: None,
            before: Vec::new(),
            sessions: BTreeMap::new(),
            groups: BTreeMap::new(),
            promises: Pending::default(),
            sent: None,
            woke: None,
            closed: None,
            lost: None,
            losses: Vec::new(),
            met: BTreeSet::new(),
            elsewhere: None,
            restarted: None,
        }
    }

    /// It sends something.
    pub(in crate::lint) fn sends(&mut self, at: Timestamp) {
        if self.sent.is_some_and(|sent| at.nanos_since(sent) > SLEEP) {
            self.woke = Some(at);
        }
        self.sent = Some(self.sent.map_or(at, |sent| sent.max(at)));
    }

    /// Whether it was silent, or not there, within the last minute.
    pub(in crate::lint) fn was_asleep(&self, now: Timestamp) -> bool {
        let silent = self.sent.is_none_or(|sent| now.nanos_since(sent) > SLEEP);
        silent || self.woke.is_some_and(|woke| now.nanos_since(woke) < AFTERMATH)
    }

    /// Why not all is known that it sent and received.
    pub(in crate::lint) fn partial(&self) -> Option<Why> {
        let lost = self.lost.map(|_| Why::Lost);
        lost.or(self.closed.map(|_| Why::Closed))
    }

    /// Whether packets of it stayed closed lately.
    pub(in crate::lint) fn was_closed(&self, now: Timestamp) -> bool {
        self.closed.is_some_and(|closed| now.nanos_since(closed) < AFTERMATH)
    }

    /// Packets that it sent or received were not captured.
    pub(in crate::lint) fn misses(&mut self, loss: Loss) {
        self.lost = Some(loss.until);
        if self.losses.len() < LOSSES {
            self.losses.push(loss);
        } else if let Some(last) = self.losses.last_mut() {
            last.since = last.since.min(loss.since);
            last.until = last.until.max(loss.until);
        }
    }

    /// Whether something that it sent or received may not have been captured in that time.
    pub(in crate::lint) fn missed(&self, from: Timestamp, to: Timestamp) -> bool {
        self.losses.iter().any(|loss| loss.since <= to && from <= loss.until)
    }

    /// It talks to a friend in this session; gives whether the session is new to it.
    pub(in crate::lint) fn talks(&mut self, friend: PublicKey, session: u32) -> bool {
        if self.met.len() < FRIENDS {
            self.met.insert(friend);
        }
        match self.sessions.get(&friend) {
            Some(known) if *known >= session => false,
            Some(_) => {
                self.sessions.insert(friend, session);
                true
            }
            None if self.sessions.len() < FRIENDS => {
                self.sessions.insert(friend, session);
                true
            }
            None => false,
        }
    }

    /// It showed a DHT key. Another one than before means that it started again.
    pub(in crate::lint) fn shows(&mut self, dht_key: PublicKey, at: Timestamp) {
        if let Some(before) = self.dht_key.replace(dht_key)
            && before != dht_key
        {
            if self.before.len() < DHT_KEYS {
                self.before.push(before);
            }
            self.restarts(at);
        }
    }

    /// It starts again, from what it saved.
    pub(in crate::lint) fn restarts(&mut self, at: Timestamp) {
        self.restarted = Some(at);
        self.woke = Some(at);
        self.promises.clear();
        self.sessions.clear();
        self.groups.values_mut().for_each(Group::restart);
    }
}
