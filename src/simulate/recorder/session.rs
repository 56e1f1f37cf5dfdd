//! One net_crypto session: its keys, its counters, and the datagrams that carry something in it.

use crate::crypto::{BoxKey, SecretKey, seal_data, sha512};
use crate::simulate::{Chance, KeyPair, MemberId};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoPlain, Handshake,
    HandshakePlain,
};
use crate::wire::{DataId, Nonce, PublicKey};

const COOKIE_SIZE: usize = 112;

/// How many lossless packets a session begins with, before those of the world: "I am online", and a nickname.
pub(super) const OPENING: u32 = 2;

/// What a datagram says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A cookie request.
    Request,
    /// A cookie response.
    Response,
    /// The handshake of whoever sends it.
    Handshake,
    /// A data packet. `number` is its own if it is not lossy.
    Data { number: u32, bytes: Vec<u8>, is_lossy: bool },
    /// The last data packet.
    Kill,
}

/// What one of the two members of a session uses and counts.
struct Side {
    who: MemberId,
    session_key: PublicKey,
    base_nonce: Nonce,
    /// The cookie that it issues for the other.
    cookie: [u8; COOKIE_SIZE],
    /// Data packets that it sealed.
    sealed: u64,
    /// The number of its next lossless packet.
    next: u32,
    /// How many lossless packets it has received.
    received: u32,
    closed: bool,
}

/// A session between two members.
pub(super) struct Session {
    pub(super) generation: u32,
    /// Who asked comes first.
    sides: [Side; 2],
    /// Of who asked.
    real_key: PublicKey,
    dht_key: PublicKey,
    echo_id: [u8; 8],
    keys: [BoxKey; 3],
    chance: Chance,
}

/// Two public keys and what opens the boxes between them.
pub(super) type Shared = (PublicKey, PublicKey, BoxKey);

impl Session {
    /// The session of two members with these long-term and DHT keys, of whom the first asks, and its
    /// keys; nothing if one of them cannot seal.
    pub(super) fn make(
        (from, ours): (MemberId, &[KeyPair; 2]),
        (to, theirs): (MemberId, &[KeyPair; 2]),
        generation: u32,
        chance: &mut Chance,
    ) -> Option<(Self, [Shared; 3])> {
        let [our_real, our_dht] = ours;
        let [their_real, their_dht] = theirs;
        let [our_session, their_session] = [(); 2].map(|()| {
            let secret = SecretKey::new(chance.bytes());
            KeyPair { public: secret.public_key(), secret: Some(secret) }
        });
        let shared = |ours: &KeyPair, theirs: &KeyPair| {
            let key = BoxKey::derive(&theirs.public, ours.secret.as_ref()?)?;
            Some((ours.public, theirs.public, key))
        };
        let shared = [
            shared(our_dht, their_dht)?,
            shared(our_real, their_real)?,
            shared(&our_session, &their_session)?,
        ];
        let mut side = |who, session_key| Side {
            who,
            session_key,
            base_nonce: nonce(chance),
            cookie: cookie(chance),
            sealed: 0,
            next: 0,
            received: 0,
            closed: false,
        };
        let sides = [side(from, our_session.public), side(to, their_session.public)];
        let [(_, _, dht), (_, _, real), (_, _, session)] = &shared;
        let session = Self {
            generation,
            sides,
            real_key: our_real.public,
            dht_key: our_dht.public,
            echo_id: chance.bits().to_be_bytes(),
            keys: [dht.clone(), real.clone(), session.clone()],
            chance: Chance::new(chance.bits()),
        };
        Some((session, shared))
    }

    fn side(&mut self, who: MemberId) -> Option<&mut Side> {
        self.sides.iter_mut().find(|side| side.who == who)
    }

    /// A lossless packet arrives at a member; the first one, with the nickname behind it, brings the session up.
    pub(super) fn receives(&mut self, who: MemberId, first: bool) {
        if let Some(side) = self.side(who) {
            side.received = if first { OPENING } else { side.received.wrapping_add(1) };
        }
    }

    /// A member sends nothing more in the session of that generation, but that it is over.
    pub(super) fn close(&mut self, who: MemberId, generation: u32) {
        if self.generation == generation
            && let Some(side) = self.side(who)
        {
            side.closed = true;
        }
    }

    /// Appends the datagram with which a member says something; says no if it cannot any more.
    pub(super) fn emit(&mut self, from: MemberId, content: &Content, out: &mut Vec<u8>) -> bool {
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        let nonce = nonce(&mut self.chance);
        let [dht, real, session] = &self.keys;
        let [one, other] = &mut self.sides;
        let asks = one.who == from;
        let (side, other) = if asks { (one, other) } else { (other, one) };
        match content {
            _ if side.closed && *content != Content::Kill => return false,
            Content::Request => {
                let (real_key, echo_id) = (self.real_key, self.echo_id);
                CookieRequestPlain { real_key, padding: [0; 32], echo_id }.emit(&mut plain);
                dht.seal(&nonce, &plain, &mut sealed);
                let sealed = sealed.as_slice().try_into().expect("the plaintext has its size");
                CookieRequest { dht_key: self.dht_key, nonce, sealed }.emit(out);
            }
            Content::Response => {
                let (cookie, echo_id) = (&side.cookie, self.echo_id);
                CookieResponsePlain { cookie, echo_id }.emit(&mut plain);
                dht.seal(&nonce, &plain, &mut sealed);
                let sealed = sealed.as_slice().try_into().expect("the plaintext has its size");
                CookieResponse { nonce, sealed }.emit(out);
            }
            Content::Handshake => {
                // Who is asked has answered with one cookie; behind it comes another.
                let theirs = other.cookie;
                if !asks {
                    side.cookie = cookie(&mut self.chance);
                }
                HandshakePlain {
                    base_nonce: side.base_nonce,
                    session_key: side.session_key,
                    cookie_hash: &sha512(&theirs),
                    other_cookie: &side.cookie,
                }
                .emit(&mut plain);
                real.seal(&nonce, &plain, &mut sealed);
                let sealed = sealed.as_slice().try_into().expect("the plaintext has its size");
                Handshake { cookie: &theirs, nonce, sealed }.emit(out);
            }
            Content::Data { number, bytes, is_lossy } => {
                if !is_lossy {
                    side.next = side.next.max(number.wrapping_add(1));
                }
                side.seal(session, *number, bytes, out);
            }
            Content::Kill => side.seal(session, side.next, &[DataId::KILL_SESSION.0], out),
        }
        true
    }
}

impl Side {
    /// Appends a data packet under the next nonce.
    fn seal(&mut self, key: &BoxKey, number: u32, data: &[u8], out: &mut Vec<u8>) {
        let padding = CryptoPlain::usual_padding(data.len());
        let plain = CryptoPlain { ack: self.received, number, padding, id: None, data };
        let nonce = self.base_nonce.wrapping_add(self.sealed);
        self.sealed += 1;
        seal_data(key, &nonce, &plain, out);
    }
}

fn nonce(chance: &mut Chance) -> Nonce {
    let bytes = chance.bytes();
    Nonce(*bytes.first_chunk().expect("24 is less than 32"))
}

/// What only its issuer can read, and nobody here does.
fn cookie(chance: &mut Chance) -> [u8; COOKIE_SIZE] {
    let (one, two) = (sha512(&chance.bytes()), sha512(&chance.bytes()));
    let mut bytes = one.into_iter().chain(two);
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}
