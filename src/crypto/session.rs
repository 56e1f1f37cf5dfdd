//! One net_crypto session, whatever addresses its packets use.

use super::address::{Both, Direction};
use super::budget::Budget;
use super::cipher::BoxKey;
use super::halves::Half;
use super::keyring::KeyId;
use super::nonce;
use super::numbers::SeenNumbers;
use crate::recent::Recent;
use crate::wire::net_crypto::CryptoData;
use crate::wire::{Nonce, PublicKey};

/// How many sessions are remembered.
const SESSIONS: usize = 1 << 13;

/// How many attempts of one sender under one session key are remembered.
const ATTEMPTS: usize = 4;

/// All sessions of which a packet was opened, by their keys.
pub(super) struct SessionTable {
    sessions: Recent<KeyId, Session>,
    begun: u32,
    attempts_forgotten: u64,
}

impl SessionTable {
    pub(super) fn new() -> Self {
        Self { sessions: Recent::new(SESSIONS), begun: 0, attempts_forgotten: 0 }
    }

    /// Notes that a packet of a session was opened, perhaps its first one.
    pub(super) fn note(&mut self, found: &Found) -> &mut Session {
        let session = self.sessions.get_or_insert(found.key, Session::default);
        if let Some(half) = &found.half {
            session.learn(found.direction, half);
        }
        let begun = &mut self.begun;
        let forgot = session.count(found, || {
            *begun = begun.saturating_add(1);
            *begun
        });
        self.attempts_forgotten += u64::from(forgot);
        session
    }

    /// The session of that key.
    pub(super) fn peek(&self, key: KeyId) -> Option<&Session> {
        self.sessions.peek(&key)
    }

    /// All sessions, the one that had a packet last first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyId, &Session)> {
        self.sessions.iter().map(|(key, session)| (*key, session))
    }

    /// How many sessions and attempts were forgotten for want of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.sessions.forgotten() + self.attempts_forgotten
    }
}

/// Which session, and which way, a data packet was found to belong to.
pub(super) struct Found {
    /// The session's key, which names the session.
    pub(super) key: KeyId,
    pub(super) direction: Direction,
    /// What the packet was sealed with.
    pub(super) nonce: Nonce,
    /// The sender's handshake, if it is what led to the session.
    pub(super) half: Option<Half>,
}

/// What goes on under one session key.
#[derive(Default)]
pub(super) struct Session {
    /// The sender of each direction.
    pub(super) parties: Both<Party>,
}

/// One of the two ends of a session, as a sender.
#[derive(Default)]
pub(super) struct Party {
    /// Its long-term public key.
    pub(super) real_key: Option<PublicKey>,
    /// Its public session key, if its handshake led here.
    session_key: Option<PublicKey>,
    /// Its attempts, the latest first.
    ///
    /// A client makes a session key pair and a base nonce for each attempt to connect (packets §4.4),
    /// and c-toxcore never uses one of them without the other. A client that does begins anew: its
    /// packets count from 0 again, and a receiver that has had none of them yet takes the base nonce of
    /// the handshake that came last.
    attempts: Vec<Attempt>,
}

/// What a sender counts from one base nonce on.
pub(super) struct Attempt {
    /// Number of the session, from 1, in the order in which sessions first had a packet opened.
    pub(super) id: u32,
    /// The furthest nonce that was seen.
    pub(super) nonce: Nonce,
    /// Whether its handshake was seen, so that its first lossless packet is number 0.
    pub(super) from_the_start: bool,
    /// The lossless packet numbers that were seen.
    pub(super) seen: SeenNumbers,
}

impl Session {
    /// Which direction a packet sealed with `nonce` goes: the one that counts near it, or else the one
    /// whose sender the handshake `half` names.
    pub(super) fn direction_of(&self, nonce: &Nonce, half: Option<&Half>) -> Option<Direction> {
        let both = [Direction::Forth, Direction::Back];
        let session_key = |way: Direction| self.parties.of(way).session_key;
        let counts = |way: &Direction| {
            let mut nonces = self.parties.of(*way).nonces();
            nonces.any(|known| nonce::same_count(known, nonce))
        };
        let is_named = |way: &Direction| {
            let other = session_key(way.reversed());
            half.is_some_and(|half| match session_key(*way) {
                Some(known) => known == half.session_key,
                None => other.is_some_and(|other| other != half.session_key),
            })
        };
        both.into_iter().find(counts).or_else(|| both.into_iter().find(is_named))
    }

    /// Notes whose session it is.
    fn learn(&mut self, direction: Direction, half: &Half) {
        let sender = self.parties.of_mut(direction);
        sender.session_key = sender.session_key.or(Some(half.session_key));
        sender.real_key = sender.real_key.or(half.from);
        let receiver = self.parties.of_mut(direction.reversed());
        receiver.real_key = receiver.real_key.or(half.to);
    }

    /// Notes the nonce of a packet in its attempt, which may be a new one. The two parties' latest
    /// attempts are one session. Gives whether the oldest attempt had to be forgotten.
    fn count(&mut self, found: &Found, begin: impl FnOnce() -> u32) -> bool {
        let other = self.parties.of(found.direction.reversed()).attempts.first();
        let other = other.map(|attempt| attempt.id);
        let attempts = &mut self.parties.of_mut(found.direction).attempts;
        let latest = attempts.first().map(|attempt| attempt.id);
        let known = attempts.iter().position(|known| nonce::same_count(&known.nonce, &found.nonce));
        if let Some(known) = known.and_then(|at| attempts.get_mut(at)) {
            if nonce::is_ahead(&found.nonce, &known.nonce) {
                known.nonce = found.nonce;
            }
            if let Some(other) = other
                && other > known.id
                && latest == Some(known.id)
            {
                known.id = other;
                known.from_the_start &= known.seen.is_empty();
            }
            return false;
        }
        let id = other.filter(|other| latest.is_none_or(|latest| *other > latest));
        let attempt = Attempt {
            id: id.unwrap_or_else(begin),
            nonce: found.nonce,
            from_the_start: found.half.is_some(),
            seen: SeenNumbers::default(),
        };
        let is_full = attempts.len() >= ATTEMPTS;
        attempts.truncate(ATTEMPTS - 1);
        attempts.insert(0, attempt);
        is_full
    }
}

impl Party {
    /// The furthest nonces of its attempts, the latest first.
    pub(super) fn nonces(&self) -> impl Iterator<Item = &Nonce> {
        self.attempts.iter().map(|attempt| &attempt.nonce)
    }

    /// The attempt that a packet sealed with `nonce`, which was noted, belongs to.
    pub(super) fn attempt_mut(&mut self, nonce: &Nonce) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| nonce::same_count(&attempt.nonce, nonce))
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
