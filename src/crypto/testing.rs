//! Two clients made for tests: their keys, and the datagrams that they would send each other.

use std::net::SocketAddr;

use super::cipher::{BoxKey, SecretKey, sha512};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain,
};
use crate::wire::{Hex, Nonce, PublicKey};

/// A key pair that its seed gives.
pub(super) struct Pair {
    secret: [u8; 32],
    pub(super) public: PublicKey,
}

impl Pair {
    pub(super) fn of(seed: u8) -> Self {
        let secret = std::array::from_fn(|i| seed.wrapping_mul(31).wrapping_add(i as u8));
        Self { secret, public: SecretKey::new(secret).public_key() }
    }

    fn shared(&self, theirs: &Self) -> BoxKey {
        BoxKey::derive(&theirs.public, &SecretKey::new(self.secret)).unwrap()
    }

    /// A key log line with the secret key.
    pub(super) fn line(&self, label: &str) -> String {
        format!("{label} {} {}\n", self.public, Hex(&self.secret))
    }
}

/// One client in one session.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) real: Pair,
    pub(super) dht: Pair,
    pub(super) session: Pair,
    pub(super) base_nonce: Nonce,
    sent: u64,
    number: u32,
}

impl Client {
    /// The client of that name, at 127.0.0.`seed`; `session` makes its session key pair.
    pub(super) fn new(seed: u8, session: u8) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, seed], 33445)),
            real: Pair::of(seed),
            dht: Pair::of(seed + 100),
            session: Pair::of(session),
            base_nonce: Nonce([session.wrapping_mul(77); 24]),
            sent: 0,
            number: 0,
        }
    }

    pub(super) fn cookie_request(&self, to: &Self) -> Vec<u8> {
        let (nonce, mut plain, mut sealed) = (Nonce([1; 24]), Vec::new(), Vec::new());
        CookieRequestPlain { real_key: self.real.public, padding: [0; 32], echo_id: [7; 8] }
            .emit(&mut plain);
        self.dht.shared(&to.dht).seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().unwrap();
        written(|out| CookieRequest { dht_key: self.dht.public, nonce, sealed }.emit(out))
    }

    pub(super) fn cookie_response(&self, to: &Self) -> Vec<u8> {
        let (nonce, mut plain, mut sealed) = (Nonce([2; 24]), Vec::new(), Vec::new());
        CookieResponsePlain { cookie: &[0xc0; 112], echo_id: [7; 8] }.emit(&mut plain);
        self.dht.shared(&to.dht).seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().unwrap();
        written(|out| CookieResponse { nonce, sealed }.emit(out))
    }

    pub(super) fn handshake(&self, to: &Self) -> Vec<u8> {
        let (nonce, mut plain, mut sealed) = (Nonce([3; 24]), Vec::new(), Vec::new());
        let cookie = &[0xc0; 112];
        HandshakePlain {
            base_nonce: self.base_nonce,
            session_key: self.session.public,
            cookie_hash: &sha512(cookie),
            other_cookie: &[0xc1; 112],
        }
        .emit(&mut plain);
        self.real.shared(&to.real).seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().unwrap();
        written(|out| Handshake { cookie, nonce, sealed }.emit(out))
    }

    /// The next data packet. Lossless data gets the next number.
    pub(super) fn data(&mut self, to: &Self, data: &[u8]) -> Vec<u8> {
        let packet = self.numbered(to, self.number, data);
        self.number += u32::from((16..192).contains(&data[0]));
        packet
    }

    /// A data packet with a number of its own, under the next nonce.
    pub(super) fn numbered(&mut self, to: &Self, number: u32, data: &[u8]) -> Vec<u8> {
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        let padding = CryptoPlain::usual_padding(data.len());
        CryptoPlain { ack: 0, number, padding, id: None, data }.emit(&mut plain);
        let nonce = self.base_nonce.wrapping_add(self.sent);
        self.sent += 1;
        self.session.shared(&to.session).seal(&nonce, &plain, &mut sealed);
        written(|out| CryptoData { nonce_low: nonce.low16(), sealed: &sealed }.emit(out))
    }

    /// Uses up nonces, as for packets that nobody captured.
    pub(super) fn skip(&mut self, packets: u64) {
        self.sent += packets;
    }

    /// The lines that a logger in this client writes about its keys with `to`.
    pub(super) fn shared_lines(&self, to: &Self) -> String {
        self.lines(to, |ours, theirs| format!("SHARED {} {}", ours.public, theirs.public))
    }

    /// The same without its own public keys.
    pub(super) fn box_lines(&self, to: &Self) -> String {
        self.lines(to, |_, theirs| format!("BOX {}", theirs.public))
    }

    /// Lines for its session key with `to` alone: `NONCE` of its own nonces.
    pub(super) fn nonce_line(&self, to: &Self) -> String {
        let key = self.session.shared(&to.session);
        format!("NONCE {} {}\n", Hex(key.expose()), self.base_nonce)
    }

    fn lines(&self, to: &Self, label: impl Fn(&Pair, &Pair) -> String) -> String {
        [(&self.dht, &to.dht), (&self.real, &to.real), (&self.session, &to.session)]
            .map(|(ours, theirs)| {
                format!("{} {}\n", label(ours, theirs), Hex(ours.shared(theirs).expose()))
            })
            .concat()
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}
