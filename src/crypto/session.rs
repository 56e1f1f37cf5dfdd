//! One net_crypto session, whatever addresses its packets use.

use super::address::{Both, Direction};
use super::budget::Budget;
use super::cipher::BoxKey;
use super::keyring::KeyId;
use super::nonce;
use super::numbers::SeenNumbers;
use crate::recent::Recent;
use crate::wire::net_crypto::CryptoData;
use crate::wire::{Nonce, PublicKey};

/// How many sessions are remembered.
const SESSIONS: usize = 1 << 13;

/// All sessions of which a packet was opened, by their keys.
pub(super) struct SessionTable {
    sessions: Recent<KeyId, Session>,
    begun: u32,
}

impl SessionTable {
    pub(super) fn new() -> Self {
        Self { sessions: Recent::new(SESSIONS), begun: 0 }
    }

    /// The session of that key, begun if it is new.
    pub(super) fn get_or_begin(&mut self, key: KeyId) -> &mut Session {
        let begun = &mut self.begun;
        self.sessions.get_or_insert(key, || {
            *begun = begun.saturating_add(1);
            Session::new(*begun)
        })
    }

    /// The session of that key.
    pub(super) fn peek(&self, key: KeyId) -> Option<&Session> {
        self.sessions.peek(&key)
    }

    /// All sessions, the one that had a packet last first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyId, &Session)> {
        self.sessions.iter().map(|(key, session)| (*key, session))
    }

    /// How many sessions were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.sessions.forgotten()
    }
}

/// One net_crypto session.
pub(super) struct Session {
    /// Its number, from 1, in the order in which sessions first had a packet opened.
    pub(super) id: u32,
    /// The sender of each direction.
    pub(super) parties: Both<Party>,
}

/// One of the two ends of a session, as a sender.
#[derive(Default)]
pub(super) struct Party {
    /// Its long-term public key.
    pub(super) real_key: Option<PublicKey>,
    /// The furthest nonce that it was seen to use, or the first that it is going to use.
    pub(super) nonce: Option<Nonce>,
    /// Whether its handshake was seen, so that its first lossless packet is number 0.
    pub(super) from_the_start: bool,
    /// The lossless packet numbers that it was seen to use.
    pub(super) seen: SeenNumbers,
}

impl Session {
    fn new(id: u32) -> Self {
        Self { id, parties: Both::default() }
    }

    /// Which direction a packet sealed with `nonce` goes, going by the nonces known so far.
    pub(super) fn direction_of(&self, nonce: &Nonce) -> Option<Direction> {
        let fits = |direction: &Direction| {
            self.parties.of(*direction).nonce.is_some_and(|known| nonce::are_close(&known, nonce))
        };
        [Direction::Forth, Direction::Back].into_iter().find(fits)
    }
}

impl Party {
    /// Notes that a packet sealed with `nonce` was opened.
    pub(super) fn advance(&mut self, nonce: Nonce) {
        let is_further = self.nonce.is_none_or(|known| {
            nonce::is_ahead(&nonce, &known) || !nonce::are_close(&nonce, &known)
        });
        if is_further {
            self.nonce = Some(nonce);
        }
    }
}

/// Opens a data packet with `key` and one of the nonces near `anchor`; gives the nonce that fitted.
pub(super) fn open_near(
    key: &BoxKey,
    anchor: &Nonce,
    packet: &CryptoData<'_>,
    budget: &mut Budget,
    plain: &mut Vec<u8>,
) -> Option<Nonce> {
    nonce::near(anchor, packet.nonce_low)
        .take_while(|_| budget.spend(1))
        .find(|nonce| key.open(nonce, packet.sealed, plain))
}
