//! Clients made of seeds, for tests, fuzzing and benchmarks: their keys, and the datagrams that they
//! send each other.

use std::net::SocketAddr;

use super::cipher::{BoxKey, SecretKey, sha512};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain,
};
use crate::wire::relay::{
    RelayAnswer, RelayFrame, RelayHandshake, RelayHandshakePlain, RelayPacket,
};
use crate::wire::{Hex, Nonce, PublicKey};

/// A key pair that its seed gives.
#[derive(Clone)]
pub struct Pair {
    secret: [u8; 32],
    pub public: PublicKey,
}

impl Pair {
    pub fn of(seed: u8) -> Self {
        let secret = std::array::from_fn(|i| seed.wrapping_mul(31).wrapping_add(i as u8));
        Self { secret, public: SecretKey::new(secret).public_key() }
    }

    fn shared(&self, theirs: &Self) -> BoxKey {
        let secret = SecretKey::new(self.secret);
        BoxKey::derive(&theirs.public, &secret).expect("public keys of secret ones have full order")
    }

    /// A key log line with the secret key.
    pub fn line(&self, label: &str) -> String {
        format!("{label} {} {}\n", self.public, Hex(&self.secret))
    }
}

/// One client in one session.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub real: Pair,
    pub dht: Pair,
    pub session: Pair,
    pub base_nonce: Nonce,
    sent: u64,
    number: u32,
    /// The key of the session that it last sealed for, with the other's session key.
    sealing: Option<(PublicKey, BoxKey)>,
}

impl Client {
    /// The client of that name, at 127.0.0.`seed`; `session` makes its session key pair.
    pub fn new(seed: u8, session: u8) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, seed], 33445)),
            real: Pair::of(seed),
            dht: Pair::of(seed + 100),
            session: Pair::of(session),
            base_nonce: Nonce([session.wrapping_mul(77); 24]),
            sent: 0,
            number: 0,
            sealing: None,
        }
    }

    pub fn cookie_request(&self, to: &Self) -> Vec<u8> {
        let (nonce, mut plain, mut sealed) = (Nonce([1; 24]), Vec::new(), Vec::new());
        CookieRequestPlain { real_key: self.real.public, padding: [0; 32], echo_id: [7; 8] }
            .emit(&mut plain);
        self.dht.shared(&to.dht).seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().expect("the plaintext has its size");
        written(|out| CookieRequest { dht_key: self.dht.public, nonce, sealed }.emit(out))
    }

    pub fn cookie_response(&self, to: &Self) -> Vec<u8> {
        self.cookie_response_with(to, &self.cookie_for(to))
    }

    /// A response with any cookie.
    pub fn cookie_response_with(&self, to: &Self, cookie: &[u8; 112]) -> Vec<u8> {
        let (nonce, mut plain, mut sealed) = (Nonce([2; 24]), Vec::new(), Vec::new());
        CookieResponsePlain { cookie, echo_id: [7; 8] }.emit(&mut plain);
        self.dht.shared(&to.dht).seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().expect("the plaintext has its size");
        written(|out| CookieResponse { nonce, sealed }.emit(out))
    }

    pub fn handshake(&self, to: &Self) -> Vec<u8> {
        let (nonce, mut plain, mut sealed) = (Nonce([3; 24]), Vec::new(), Vec::new());
        let cookie = &to.cookie_for(self);
        HandshakePlain {
            base_nonce: self.base_nonce,
            session_key: self.session.public,
            cookie_hash: &sha512(cookie),
            other_cookie: &self.cookie_for(to),
        }
        .emit(&mut plain);
        self.real.shared(&to.real).seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().expect("the plaintext has its size");
        written(|out| Handshake { cookie, nonce, sealed }.emit(out))
    }

    /// The cookie that it issues for an attempt of another client.
    pub fn cookie_for(&self, presenter: &Self) -> [u8; 112] {
        let both = [self.session.public.0, presenter.session.public.0].concat();
        let (one, two) = (sha512(&both), sha512(&sha512(&both)));
        std::array::from_fn(|at| one.iter().chain(&two).nth(at).copied().unwrap_or(0))
    }

    /// The next data packet. Lossless data gets the next number.
    pub fn data(&mut self, to: &Self, data: &[u8]) -> Vec<u8> {
        let packet = self.numbered(to, self.number, data);
        self.number += u32::from(data.first().is_some_and(|id| (16..192).contains(id)));
        packet
    }

    /// A data packet with a number of its own, under the next nonce.
    pub fn numbered(&mut self, to: &Self, number: u32, data: &[u8]) -> Vec<u8> {
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        let padding = CryptoPlain::usual_padding(data.len());
        CryptoPlain { ack: 0, number, padding, id: None, data }.emit(&mut plain);
        let nonce = self.base_nonce.wrapping_add(self.sent);
        self.sent += 1;
        self.sealing_key(to).seal(&nonce, &plain, &mut sealed);
        written(|out| CryptoData { nonce_low: nonce.low16(), sealed: &sealed }.emit(out))
    }

    /// The key of its session with `to`.
    #[cfg(test)]
    pub fn box_key(&self, to: &Self) -> BoxKey {
        self.session.shared(&to.session)
    }

    fn sealing_key(&mut self, to: &Self) -> &BoxKey {
        let theirs = to.session.public;
        if self.sealing.as_ref().is_none_or(|(known, _)| *known != theirs) {
            self.sealing = Some((theirs, self.session.shared(&to.session)));
        }
        &self.sealing.as_ref().expect("it was set if it was not").1
    }

    /// Begins another attempt with the same session key pair: another base nonce, from packet 0 on.
    pub fn begin_again(&mut self, base_nonce: Nonce) {
        (self.base_nonce, self.sent, self.number) = (base_nonce, 0, 0);
    }

    /// Uses up nonces, as for packets that nobody captured.
    pub fn skip(&mut self, packets: u64) {
        self.sent += packets;
    }

    /// The lines that a logger in this client writes about its keys with `to`.
    pub fn shared_lines(&self, to: &Self) -> String {
        self.lines(to, |ours, theirs| format!("SHARED {} {}", ours.public, theirs.public))
    }

    /// The same without its own public keys.
    pub fn box_lines(&self, to: &Self) -> String {
        self.lines(to, |_, theirs| format!("BOX {}", theirs.public))
    }

    /// Lines for its session key with `to` alone: `NONCE` of its own nonces.
    pub fn nonce_line(&self, to: &Self) -> String {
        let key = self.session.shared(&to.session);
        format!("NONCE {} {}\n", Hex(key.expose()), self.base_nonce)
    }

    /// One line with all that there is to know of the session.
    pub fn session_line(&self, to: &Self) -> String {
        let half =
            |it: &Self| format!("{} {} {}", it.real.public, it.session.public, it.base_nonce);
        let key = self.session.shared(&to.session);
        format!("SESSION {} {} {}\n", half(self), half(to), Hex(key.expose()))
    }

    fn lines(&self, to: &Self, label: impl Fn(&Pair, &Pair) -> String) -> String {
        [(&self.dht, &to.dht), (&self.real, &to.real), (&self.session, &to.session)]
            .map(|(ours, theirs)| {
                format!("{} {}\n", label(ours, theirs), Hex(ours.shared(theirs).expose()))
            })
            .concat()
    }
}

/// A client's connection to a relay.
#[derive(Clone)]
pub struct RelayConnection {
    pub client: Pair,
    pub relay: Pair,
    of_client: Side,
    of_relay: Side,
    /// Of the frames.
    key: BoxKey,
}

/// One side of a connection to a relay.
#[derive(Clone)]
struct Side {
    temporary: Pair,
    /// How many frames it has sent.
    sent: u64,
}

impl Side {
    fn new(seed: u8) -> Self {
        Self { temporary: Pair::of(seed), sent: 0 }
    }

    fn base_nonce(&self) -> Nonce {
        let PublicKey([first, ..]) = self.temporary.public;
        Nonce([first; 24])
    }

    fn greeting(&self, nonce: Nonce, key: &BoxKey) -> [u8; 72] {
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        let (temporary_key, base_nonce) = (self.temporary.public, self.base_nonce());
        RelayHandshakePlain { temporary_key, base_nonce }.emit(&mut plain);
        key.seal(&nonce, &plain, &mut sealed);
        sealed.as_slice().try_into().expect("the plaintext has its size")
    }

    fn frame(&mut self, key: &BoxKey, packet: &[u8]) -> Vec<u8> {
        let nonce = self.base_nonce().wrapping_add(self.sent);
        self.sent += 1;
        let mut sealed = Vec::new();
        key.seal(&nonce, packet, &mut sealed);
        written(|out| RelayFrame { sealed: &sealed }.emit(out))
    }
}

impl RelayConnection {
    /// Between two DHT key pairs; `seed` makes the temporary ones.
    pub fn new(client: &Pair, relay: &Pair, seed: u8) -> Self {
        let (of_client, of_relay) = (Side::new(seed), Side::new(seed + 1));
        let key = of_client.temporary.shared(&of_relay.temporary);
        Self { client: client.clone(), relay: relay.clone(), of_client, of_relay, key }
    }

    pub fn handshake(&self) -> Vec<u8> {
        let (dht_key, nonce) = (self.client.public, Nonce([4; 24]));
        let sealed = &self.of_client.greeting(nonce, &self.client.shared(&self.relay));
        written(|out| RelayHandshake { dht_key, nonce, sealed }.emit(out))
    }

    pub fn answer(&self) -> Vec<u8> {
        let nonce = Nonce([5; 24]);
        let sealed = &self.of_relay.greeting(nonce, &self.client.shared(&self.relay));
        written(|out| RelayAnswer { nonce, sealed }.emit(out))
    }

    /// The next frame to the relay.
    pub fn to_relay(&mut self, packet: &RelayPacket<'_>) -> Vec<u8> {
        self.frame(true, &written(|out| packet.emit(out)))
    }

    /// The next frame from the relay.
    pub fn from_relay(&mut self, packet: &RelayPacket<'_>) -> Vec<u8> {
        self.frame(false, &written(|out| packet.emit(out)))
    }

    /// The next frame one way, with any bytes in it.
    pub fn frame(&mut self, to_relay: bool, packet: &[u8]) -> Vec<u8> {
        let sender = if to_relay { &mut self.of_client } else { &mut self.of_relay };
        sender.frame(&self.key, packet)
    }

    /// The lines that a logger in the client writes.
    pub fn shared_lines(&self) -> String {
        let line = |ours: &Pair, theirs: &Pair| {
            let key = ours.shared(theirs);
            format!("SHARED {} {} {}\n", ours.public, theirs.public, Hex(key.expose()))
        };
        let (ours, theirs) = (&self.of_client.temporary, &self.of_relay.temporary);
        line(&self.client, &self.relay) + &line(ours, theirs)
    }

    /// `NONCE` lines of both directions.
    pub fn nonce_lines(&self) -> String {
        let line =
            |side: &Side| format!("NONCE {} {}\n", Hex(self.key.expose()), side.base_nonce());
        line(&self.of_client) + &line(&self.of_relay)
    }

    /// One line that says all about the frames.
    pub fn relay_line(&self) -> String {
        let (client, relay) = (self.client.public, self.relay.public);
        let (ours, theirs) = (self.of_client.base_nonce(), self.of_relay.base_nonce());
        format!("TCP_SHARED {client} {relay} {ours} {theirs} {}\n", Hex(self.key.expose()))
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
