//! Small captures made to order: two peers, a session between them, what they say.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use toxscope::capture::LinkType;
use toxscope::capture::pcapng::{Interface, Resolution, Writer};
use toxscope::crypto::{BoxKey, SecretKey, sha512};
use toxscope::time::Timestamp;
use toxscope::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain,
};
use toxscope::wire::{DataClass, DataId, Hex, Nonce};

/// 2026-11-22T17:06:41Z.
const START: i64 = 1_795_367_201;

/// A thousandth of a second passes between two frames.
const STEP: i64 = 1_000_000;

/// One of the two.
pub(crate) struct Peer {
    real: SecretKey,
    dht: SecretKey,
    session: SecretKey,
    base: Nonce,
    address: SocketAddrV4,
    sent: u64,
    number: u32,
}

impl Peer {
    fn new(seed: u8, port: u16) -> Self {
        Self {
            real: SecretKey::new([seed; 32]),
            session: SecretKey::new([seed + 1; 32]),
            dht: SecretKey::new([seed + 2; 32]),
            base: Nonce([seed; 24]),
            address: SocketAddrV4::new([127, 0, 0, 1].into(), port),
            sent: 0,
            number: 0,
        }
    }

    /// Its long-term public key in hexadecimal digits.
    pub(crate) fn key(&self) -> String {
        self.real.public_key().to_string()
    }
}

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Ann,
    Bob,
}

/// A capture in the making.
pub(crate) struct World {
    pub(crate) ann: Peer,
    pub(crate) bob: Peer,
    frames: Vec<Vec<u8>>,
    session_key: BoxKey,
    long_term_key: BoxKey,
    dht_key: BoxKey,
}

impl World {
    /// Ann has asked for a cookie and got it, and the two have shaken hands: four frames.
    pub(crate) fn new() -> Self {
        let (ann, bob) = (Peer::new(0x11, 44_100), Peer::new(0x22, 44_101));
        let key = |ours: &SecretKey, theirs: &SecretKey| {
            BoxKey::derive(&theirs.public_key(), ours).unwrap()
        };
        let mut world = Self {
            session_key: key(&ann.session, &bob.session),
            long_term_key: key(&ann.real, &bob.real),
            dht_key: key(&ann.dht, &bob.dht),
            ann,
            bob,
            frames: Vec::new(),
        };
        world.cookie_request(From::Ann);
        world.cookie_response(From::Bob);
        world.handshake(From::Ann);
        world.handshake(From::Bob);
        world
    }

    fn cookie_request(&mut self, from: From) {
        let sender = if from == From::Ann { &self.ann } else { &self.bob };
        let mut plain = Vec::new();
        CookieRequestPlain {
            real_key: sender.real.public_key(),
            padding: [0; 32],
            echo_id: [1; 8],
        }
        .emit(&mut plain);
        let nonce = Nonce([5; 24]);
        let mut sealed = Vec::new();
        self.dht_key.seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().unwrap();
        let mut datagram = Vec::new();
        CookieRequest { dht_key: sender.dht.public_key(), nonce, sealed }.emit(&mut datagram);
        self.datagram(from, &datagram);
    }

    fn cookie_response(&mut self, from: From) {
        let mut plain = Vec::new();
        CookieResponsePlain { cookie: &[from as u8; 112], echo_id: [1; 8] }.emit(&mut plain);
        let nonce = Nonce([6; 24]);
        let mut sealed = Vec::new();
        self.dht_key.seal(&nonce, &plain, &mut sealed);
        let sealed = sealed.as_slice().try_into().unwrap();
        let mut datagram = Vec::new();
        CookieResponse { nonce, sealed }.emit(&mut datagram);
        self.datagram(from, &datagram);
    }

    /// The cookie that it presents came from the other.
    fn handshake(&mut self, from: From) {
        let (sender, other) = match from {
            From::Ann => (&self.ann, From::Bob),
            From::Bob => (&self.bob, From::Ann),
        };
        let cookie = [other as u8; 112];
        let mut plain = Vec::new();
        HandshakePlain {
            base_nonce: sender.base,
            session_key: sender.session.public_key(),
            cookie_hash: &sha512(&cookie),
            other_cookie: &[from as u8; 112],
        }
        .emit(&mut plain);
        let nonce = Nonce([9; 24]);
        let mut sealed = Vec::new();
        self.long_term_key.seal(&nonce, &plain, &mut sealed);
        let mut datagram = Vec::new();
        Handshake { cookie: &cookie, nonce, sealed: sealed.as_slice().try_into().unwrap() }
            .emit(&mut datagram);
        self.datagram(from, &datagram);
    }

    /// A datagram as it is.
    pub(crate) fn datagram(&mut self, from: From, payload: &[u8]) {
        let (src, dst) = match from {
            From::Ann => (self.ann.address, self.bob.address),
            From::Bob => (self.bob.address, self.ann.address),
        };
        self.frames.push(frame(src, dst, payload));
    }

    /// A packet of the session between the two, from its data id on.
    pub(crate) fn say(&mut self, from: From, data: &[u8]) {
        let sender = if from == From::Ann { &mut self.ann } else { &mut self.bob };
        let number = sender.number;
        if DataId(data[0]).class() == DataClass::Lossless {
            sender.number += 1;
        }
        self.say_again(from, number, data);
    }

    /// The same for a packet that has its number already.
    pub(crate) fn say_again(&mut self, from: From, number: u32, data: &[u8]) {
        let sender = if from == From::Ann { &mut self.ann } else { &mut self.bob };
        let nonce = sender.base.wrapping_add(sender.sent);
        sender.sent += 1;
        let padding = CryptoPlain::usual_padding(data.len());
        let mut plain = Vec::new();
        CryptoPlain { ack: 0, number, padding, id: None, data }.emit(&mut plain);
        let mut sealed = Vec::new();
        self.session_key.seal(&nonce, &plain, &mut sealed);
        let mut datagram = Vec::new();
        CryptoData { nonce_low: nonce.low16(), sealed: &sealed }.emit(&mut datagram);
        self.datagram(from, &datagram);
    }

    /// The key log that opens everything.
    pub(crate) fn keys(&self) -> String {
        let pair = |a: &SecretKey, b: &SecretKey, key: &BoxKey| {
            format!("SHARED {} {} {}\n", a.public_key(), b.public_key(), Hex(key.expose()))
        };
        let mut keys = String::from("# tox-keylog 1\n");
        keys += &pair(&self.ann.dht, &self.bob.dht, &self.dht_key);
        keys += &pair(&self.ann.real, &self.bob.real, &self.long_term_key);
        keys += &pair(&self.ann.session, &self.bob.session, &self.session_key);
        keys
    }

    /// Digits that no output may hold.
    pub(crate) fn secrets(&self) -> [String; 3] {
        [&self.dht_key, &self.long_term_key, &self.session_key]
            .map(|key| Hex(key.expose()).to_string())
    }

    /// The capture as bytes, with comments and secrets blocks.
    pub(crate) fn bytes_with(&self, comments: &[&str], secrets: &[(u32, &str)]) -> Vec<u8> {
        let mut writer = Writer::with_comments(Vec::new(), comments.iter().copied()).unwrap();
        let interface = Interface {
            link: LinkType(101),
            snap_length: 0,
            resolution: Resolution::NANOSECONDS,
            name: None,
        };
        let interface = writer.interface(interface).unwrap();
        for (kind, text) in secrets {
            writer.secrets(*kind, text.as_bytes()).unwrap();
        }
        for (i, frame) in self.frames.iter().enumerate() {
            let passed = i64::try_from(i).unwrap() * STEP;
            let at = Timestamp::from_parts(START, passed);
            writer.packet(interface, at, frame, u32::try_from(frame.len()).unwrap()).unwrap();
        }
        writer.finish().unwrap()
    }

    /// The capture as bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes_with(&[], &[])
    }

    /// Writes `world.pcapng` and `world.keys` into a folder; gives the capture's path.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        std::fs::write(folder.join("world.keys"), self.keys()).unwrap();
        let path = folder.join("world.pcapng");
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }
}

/// An IPv4 packet with a UDP datagram; checksums are left out.
fn frame(src: SocketAddrV4, dst: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let length = |header: usize| u16::try_from(header + payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![0x45, 0];
    frame.extend(length(28));
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend(src.ip().octets());
    frame.extend(dst.ip().octets());
    frame.extend(src.port().to_be_bytes());
    frame.extend(dst.port().to_be_bytes());
    frame.extend(length(8));
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}
