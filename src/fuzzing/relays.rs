//! Connections of clients to relays.

use std::net::SocketAddr;
use std::sync::LazyLock;

use super::traffic::fields_fit;
use crate::capture::{Follows, Origin, Piece};
use crate::crypto::KeyRing;
use crate::crypto::testing::{Client, Pair, RelayConnection};
use crate::dissect::{Content, Dissector, Record};
use crate::time::Timestamp;
use crate::wire::ToxKind;
use crate::wire::relay::RelayPacket;

/// In the first byte of a part of [`relay_frames`]: what follows is a packet, to be sealed in the next frame.
const SEALED: u8 = 0x80;
/// In the same byte: it was not captured.
const MISSING: u8 = 0x40;
/// In the same byte: it is of the second client.
const SECOND: u8 = 0x02;
/// In the same byte: it comes from the relay.
const BACK: u8 = 0x01;

/// The most that a frame can seal, in bytes.
const MOST: usize = 2048 - 16;

/// Two connections, the key log of both, and their handshakes with answers: costly to make.
static BEGINNING: LazyLock<Beginning> = LazyLock::new(|| {
    let (ann, bob, relay) = (Client::new(1, 11), Client::new(2, 12), Pair::of(99));
    let connections =
        [RelayConnection::new(&ann.dht, &relay, 20), RelayConnection::new(&bob.dht, &relay, 30)];
    let lines = connections.each_ref().map(RelayConnection::shared_lines).concat();
    let handshakes = connections.each_ref().map(|it| [it.handshake(), it.answer()]);
    Beginning { connections, key_log: ann.shared_lines(&bob) + &lines, handshakes }
});

struct Beginning {
    connections: [RelayConnection; 2],
    key_log: String,
    handshakes: [[Vec<u8>; 2]; 2],
}

/// Any bytes, in connections to relays whose keys are known, give records whose fields fit the field table; the
/// same bytes give the same records; and a packet that is sealed is opened, also behind bytes that are missing,
/// as long as nothing else was in its stream.
///
/// The input is a list of parts. Each is a byte that says who sends to whom, whether what follows is to be sealed
/// first, and whether it is to be missing; a length (two bytes, big-endian); and that many bytes.
pub fn relay_frames(data: &[u8]) {
    assert_eq!(dissected(data), dissected(data));
}

/// One direction of a connection.
#[derive(Clone, Copy, Default)]
struct Way {
    missing: u64,
    is_spoilt: bool,
}

/// The kinds of the records, and how many fields each has.
fn dissected(mut data: &[u8]) -> Vec<(&'static str, usize)> {
    let mut connections = BEGINNING.connections.clone();
    let mut ring = KeyRing::new();
    ring.read(BEGINNING.key_log.as_bytes()).expect("memory does not fail");
    let mut dissector = Dissector::new(ring, None);
    for (number, [handshake, answer]) in (1..).zip(&BEGINNING.handshakes) {
        for (to_relay, bytes) in [(true, handshake), (false, answer)] {
            dissector.piece(&piece(number, to_relay, bytes, Follows::Start), |record| {
                assert!(record.sealed().is_none(), "{}", record.kind());
            });
        }
    }
    let mut ways = [[Way::default(); 2]; 2];
    let mut records = Vec::new();
    while let Some((&[how, high, low], rest)) = data.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        data = rest;
        let (second, back) = (usize::from(how & SECOND != 0), usize::from(how & BACK != 0));
        let Some(connection) = connections.get_mut(second) else { continue };
        let Some(way) = ways.get_mut(second).and_then(|ways| ways.get_mut(back)) else { continue };
        let fits = how & SEALED != 0 && !bytes.is_empty() && bytes.len() <= MOST;
        let frame = fits.then(|| connection.frame(back == 0, bytes));
        let sent = frame.as_deref().unwrap_or(bytes);
        if how & MISSING != 0 {
            way.is_spoilt |= frame.is_none();
            way.missing += sent.len() as u64;
            continue;
        }
        if sent.is_empty() {
            continue;
        }
        let follows = match std::mem::take(&mut way.missing) {
            0 => Follows::Bytes,
            missing => Follows::Hole(missing),
        };
        way.is_spoilt |= frame.is_none();
        let before = records.len();
        let piece = piece(second as u32 + 1, back == 0, sent, follows);
        dissector.piece(&piece, |record| {
            if !way.is_spoilt {
                opened_is(record, bytes);
            }
            records.push((record.kind(), fields_fit(record)));
        });
        assert!(way.is_spoilt || records.len() == before + 1, "{} frames", records.len() - before);
    }
    records
}

/// What was opened is what was sealed, or what the relay passes on of it.
fn opened_is(record: &Record<'_>, packet: &[u8]) {
    match (RelayPacket::parse(packet), &record.content) {
        (Ok(parsed), Content::Relay(Ok(opened))) => assert_eq!(parsed, *opened),
        (Err(_), Content::Relay(Err(why))) => assert_eq!(why.name(), "bad_length"),
        (Ok(parsed), _) => {
            let passed_on = parsed.passed_on().expect("only data are passed on");
            assert_eq!(record.datagram, passed_on);
            assert!(ToxKind::of(passed_on).is_some_and(ToxKind::is_net_crypto));
        }
        (Err(fault), _) => unreachable!("{fault}, but it is a {}", record.kind()),
    }
}

fn piece(connection: u32, to_relay: bool, bytes: &[u8], follows: Follows) -> Piece<'_> {
    let client = SocketAddr::from(([10, 0, 0, 1], 50_000 + connection as u16));
    let relay = SocketAddr::from(([10, 0, 0, 2], 33_445));
    let (from, to) = if to_relay { (client, relay) } else { (relay, client) };
    let (at, origin) = (Timestamp::default(), Origin { frame: 1, offset: 0, file: 0 });
    Piece { at, from, to, bytes, origin, connection, from_opener: Some(to_relay), follows }
}
