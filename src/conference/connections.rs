//! Friend connections: who needs them, and when they are released.
//!
//! A record lives as long as the other side is a friend or a slot uses it. The number of users
//! is the number of slots over all conferences (I-020).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Output, Profile};
use crate::wire::PublicKey;

/// A friend connection: up or not, to a friend or to a member of a conference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    pub(super) dht_key: PublicKey,
    pub(super) up: bool,
    pub(super) friend: bool,
    pub(super) users: u32,
    /// A slot was on it at some time (B-10).
    pub(super) had_slot: bool,
}

impl Connection {
    /// There is a session.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// The other side is a friend.
    #[must_use]
    pub const fn is_friend(&self) -> bool {
        self.friend
    }

    /// The DHT key at the other side, as last told.
    #[must_use]
    pub const fn dht_key(&self) -> PublicKey {
        self.dht_key
    }

    /// How many slots use it.
    #[must_use]
    pub const fn users(&self) -> u32 {
        self.users
    }
}

/// All friend connections, by real key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Connections {
    by_key: BTreeMap<PublicKey, Connection>,
    /// Without users and not to a friend: released at the end of the pass (B-15).
    idle: BTreeSet<PublicKey>,
}

impl Connections {
    pub(super) fn get(&self, key: &PublicKey) -> Option<&Connection> {
        self.by_key.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &PublicKey) -> Option<&mut Connection> {
        self.by_key.get_mut(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&PublicKey, &Connection)> {
        self.by_key.iter()
    }

    pub(super) fn is_up(&self, key: &PublicKey) -> bool {
        self.by_key.get(key).is_some_and(|connection| connection.up)
    }

    pub(super) fn is_friend(&self, key: &PublicKey) -> bool {
        self.by_key.get(key).is_some_and(|connection| connection.friend)
    }

    /// A new record, down, with no user.
    pub(super) fn create(&mut self, key: PublicKey, dht_key: PublicKey, friend: bool) {
        let connection = Connection { dht_key, up: false, friend, users: 0, had_slot: false };
        self.by_key.insert(key, connection);
    }

    /// One slot more uses the connection.
    pub(super) fn lock(&mut self, key: &PublicKey) {
        if let Some(connection) = self.by_key.get_mut(key) {
            connection.users += 1;
            connection.had_slot = true;
            self.idle.remove(key);
        }
    }

    /// one slot less uses the connection.
    pub(super) fn unlock(
        &mut self,
        key: &PublicKey,
        profile: &Profile,
        out: &mut VecDeque<Output>,
    ) {
        if let Some(connection) = self.by_key.get_mut(key) {
            connection.users = connection.users.saturating_sub(1);
            self.release_if_idle(key, profile, out);
        }
    }

    /// Marks the connection for release if nobody needs it; B-15: or releases it right away.
    pub(super) fn release_if_idle(
        &mut self,
        key: &PublicKey,
        profile: &Profile,
        out: &mut VecDeque<Output>,
    ) {
        if self.by_key.get(key).is_none_or(|connection| connection.friend || connection.users > 0) {
            return;
        }
        self.idle.insert(*key);
        if profile.releases_at_once {
            self.release_idle(out);
        }
    }

    /// Ends the connections that nobody needs.
    pub(super) fn release_idle(&mut self, out: &mut VecDeque<Output>) {
        while let Some(key) = self.idle.pop_first() {
            self.by_key.remove(&key);
            out.push_back(Output::Release { friend: key });
        }
    }

    pub(super) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// The other side became a friend.
    pub(super) fn befriend(&mut self, key: PublicKey) {
        match self.by_key.get_mut(&key) {
            Some(connection) => connection.friend = true,
            None => self.create(key, PublicKey([0; 32]), true),
        }
        self.idle.remove(&key);
    }
}
