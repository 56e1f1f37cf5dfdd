//! One net_crypto session, whatever addresses its packets use.

use super::address::{Both, Direction};
use super::budget::Budget;
use super::cipher::{BoxKey, CountKey};
use super::halves::Half;
use super::keyring::{KeyId, Logged};
use super::nonce;
use super::numbers::SeenNumbers;
use crate::recent::Recent;
use crate::wire::net_crypto::CryptoData;
use crate::wire::{Nonce, PublicKey};

/// How many sessions are remembered.
const SESSIONS: usize = 1 << 13;

/// How many attempts of one sender under one session key are remembered.
const ATTEMPTS: usize = 4;

/// Words for packet numbers and nonces that all sessions have together, 64 numbers each; and what each attempt
/// keeps of either when they get more. All together those are far fewer, so that it is long until the next time.
const WORDS: usize = 1 << 21;
const WORDS_KEPT: u32 = 8;
const _: () = assert!(SESSIONS * 2 * ATTEMPTS * 2 * WORDS_KEPT as usize <= WORDS / 2);

/// All sessions of which a packet was opened, by their keys.
pub(super) struct SessionTable {
    sessions: Recent<KeyId, Session>,
    begun: u32,
    /// At least as many words as there is room for in all.
    words: usize,
    /// Attempts, and packet numbers of attempts, that were forgotten.
    forgotten: u64,
}

impl SessionTable {
    pub(super) fn new() -> Self {
        Self { sessions: Recent::new(SESSIONS), begun: 0, words: 0, forgotten: 0 }
    }

    /// Notes that a packet of a session was opened with its key, perhaps its first one.
    pub(super) fn note(&mut self, found: &Found, key: &BoxKey) -> &mut Session {
        let session = self.sessions.get_or_insert(found.key, Session::default);
        session.learn(found.direction, &found.whose);
        let begun = &mut self.begun;
        let forgot = session.count(found, key, || {
            *begun = begun.saturating_add(1);
            *begun
        });
        self.forgotten += u64::from(forgot);
        session
    }

    /// Notes that the packet numbers and nonces of an attempt take so many words more.
    pub(super) fn took(&mut self, words: usize) {
        self.words += words;
        if self.words <= WORDS {
            return;
        }
        let seen = self.sessions.iter_mut().flat_map(|(_, session)| session.all_seen_mut());
        self.words = seen.map(|seen| seen.room()).sum();
        if self.words > WORDS {
            self.words = 0;
            for seen in self.sessions.iter_mut().flat_map(|(_, session)| session.all_seen_mut()) {
                self.forgotten += u64::from(seen.shrink(WORDS_KEPT));
                self.words += seen.room();
            }
        }
    }

    /// The session of that key.
    pub(super) fn peek(&self, key: KeyId) -> Option<&Session> {
        self.sessions.peek(&key)
    }

    /// All sessions, the one that had a packet last first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyId, &Session)> {
        self.sessions.iter().map(|(key, session)| (*key, session))
    }

    /// How many sessions and attempts, and packet numbers of how many attempts, were forgotten for want
    /// of room.
    pub(super) const fn forgotten(&self) -> u64 {
        self.sessions.forgotten() + self.forgotten
    }
}

/// Which session, and which way, a data packet was found to belong to.
pub(super) struct Found {
    /// The session's key, which names the session.
    pub(super) key: KeyId,
    pub(super) direction: Direction,
    /// What the packet was sealed with.
    pub(super) nonce: Nonce,
    pub(super) whose: Whose,
}

/// What led to a session tells of the sender of a packet.
#[derive(Clone, Copy, Default)]
pub(super) struct Whose {
    /// Its public session key, if its handshake was seen.
    session_key: Option<PublicKey>,
    /// Sender and receiver by their long-term keys.
    people: [Option<PublicKey>; 2],
}

impl From<&Half> for Whose {
    fn from(half: &Half) -> Self {
        Self { session_key: Some(half.session_key), people: [half.from, half.to] }
    }
}

impl From<&Logged<'_>> for Whose {
    fn from(logged: &Logged<'_>) -> Self {
        Self { session_key: None, people: logged.people }
    }
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
    /// The session's key, for nonces like that one.
    key: CountKey,
    /// Whether its handshake was seen, so that its first lossless packet is number 0.
    pub(super) from_the_start: bool,
    /// The lossless packet numbers that were seen.
    pub(super) seen: SeenNumbers,
    /// The nonces that were seen, by their last 32 bits.
    pub(super) seen_nonces: SeenNumbers,
}

impl Attempt {
    /// Opens a data packet with the session's key and one of the nonces near the furthest one; gives the nonce
    /// that fitted.
    #[inline]
    pub(super) fn open(
        &self,
        key: &BoxKey,
        packet: &CryptoData<'_>,
        budget: &mut Budget,
        plain: &mut Vec<u8>,
    ) -> Option<Nonce> {
        nonce::near(&self.nonce, packet.nonce_low)
            .take_while(|_| budget.spend(1))
            .find(|nonce| key.open_counted(&self.key, nonce, packet.sealed, plain))
    }

    /// How many words there is room for in what was seen.
    pub(super) fn room(&self) -> usize {
        self.seen.room() + self.seen_nonces.room()
    }
}

impl Session {
    fn all_seen_mut(&mut self) -> impl Iterator<Item = &mut SeenNumbers> {
        let attempts = self.parties.each_mut().into_iter().flat_map(|party| &mut party.attempts);
        attempts.flat_map(|attempt| [&mut attempt.seen, &mut attempt.seen_nonces])
    }

    /// Which direction a packet sealed with `nonce` goes: the one that counts near it, or else the one
    /// that is known to be its sender's.
    pub(super) fn direction_of(&self, nonce: &Nonce, whose: &Whose) -> Option<Direction> {
        let both = [Direction::Forth, Direction::Back];
        let counts = |way: &Direction| {
            let mut nonces = self.parties.of(*way).nonces();
            nonces.any(|known| nonce::same_count(known, nonce))
        };
        // Its own key fits, or only the other one's is known and does not.
        let fits = |sender: Option<PublicKey>, own: Option<PublicKey>, other: Option<PublicKey>| {
            sender.is_some() && own.or(sender) == sender && own != other && other != sender
        };
        let is_named = |way: &Direction| {
            let (own, other) = (self.parties.of(*way), self.parties.of(way.reversed()));
            let [from, _] = whose.people;
            fits(whose.session_key, own.session_key, other.session_key)
                || fits(from, own.real_key, other.real_key)
        };
        both.into_iter().find(counts).or_else(|| both.into_iter().find(is_named))
    }

    /// Notes whose session it is.
    fn learn(&mut self, direction: Direction, whose: &Whose) {
        let [from, to] = whose.people;
        let sender = self.parties.of_mut(direction);
        sender.session_key = sender.session_key.or(whose.session_key);
        sender.real_key = sender.real_key.or(from);
        let receiver = self.parties.of_mut(direction.reversed());
        receiver.real_key = receiver.real_key.or(to);
    }

    /// Notes the nonce of a packet in its attempt, which may be a new one. The two parties' latest
    /// attempts are one session. Gives whether the oldest attempt had to be forgotten.
    fn count(&mut self, found: &Found, key: &BoxKey, begin: impl FnOnce() -> u32) -> bool {
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
            key: key.counted(&found.nonce),
            from_the_start: found.whose.session_key.is_some(),
            seen: SeenNumbers::default(),
            seen_nonces: SeenNumbers::default(),
        };
        let is_full = attempts.len() >= ATTEMPTS;
        attempts.truncate(ATTEMPTS - 1);
        attempts.insert(0, attempt);
        is_full
    }
}

impl Party {
    /// Its attempts, the latest first.
    pub(super) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keyring::KeyRing;

    /// packets that leave great gaps, in as many sessions as there can be.
    #[test]
    fn packet_numbers_and_nonces_of_all_sessions_together_have_bounded_room() {
        let lines = (0..SESSIONS).map(|key| format!("NONCE {key:064x} {:048x}\n", 0));
        let mut ring = KeyRing::new();
        ring.read(lines.collect::<String>().as_bytes()).unwrap();
        let mut table = SessionTable::new();
        let mut most = 0;
        for (key, direction) in
            ring.all().flat_map(|key| [(key, Direction::Forth), (key, Direction::Back)])
        {
            let found = Found { key, direction, nonce: Nonce([7; 24]), whose: Whose::default() };
            for number in [0, 32_000, 64_000] {
                let session = table.note(&found, ring.key(key));
                let attempt = &mut session.parties.of_mut(direction).attempts[0];
                let room = attempt.room();
                assert!(!attempt.seen.note(number) && !attempt.seen_nonces.note(number));
                let took = attempt.room().saturating_sub(room);
                table.took(took);
                most = most.max(table.words);
            }
        }
        let rooms = table.sessions.iter_mut().flat_map(|(_, session)| session.all_seen_mut());
        let taken: usize = rooms.map(|seen| seen.room()).sum();
        assert!(taken <= table.words && most <= WORDS + 2000, "{taken} {most}");
        assert!(most >= WORDS - 2000, "the test tries what it is for");
        assert!(table.forgotten() > 1000);
        assert_eq!(table.sessions.iter().count(), SESSIONS);
    }
}
