//! Records of a capture, in any order and with any content, through replay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::corpus::events::{COPY, EVENTS, GAP, LAG, NEW, OLD, OTHER, RESEND, UNNAMED};
use crate::corpus::steps::{PEOPLE, key};
use crate::crypto::Sealed;
use crate::dissect::{Content, Context, Data, Party, Record, Relay, Transport};
use crate::replay::{Class, Observation, Options, Replay, Tally, What};
use crate::time::Timestamp;
use crate::wire::net_crypto::CookieRequestPlain;
use crate::wire::{Conference, DataClass, DataId, Packet, PublicKey, ToxKind};

/// Whatever passes by, replay ends; its machines keep their invariants, each packet is judged at most once, the
/// table counts what was told, and the same records are judged in the same way.
pub fn replay_capture(data: &[u8]) {
    assert_eq!(judged(data), judged(data));
}

/// One session, as its packets are counted.
#[derive(Clone, Copy, Default)]
struct Session {
    id: u32,
    /// Of the one with the lower number among people, then of the other.
    next: [u32; 2],
    handled: [u32; 2],
}

fn judged(mut data: &[u8]) -> Vec<(PublicKey, Tally)> {
    let mut replay = Replay::new(Options::default());
    let (mut frame, mut nanos, mut begun) = (0, 0_i64, 0);
    let mut sessions: BTreeMap<(u8, u8), Session> = BTreeMap::new();
    let mut named: BTreeMap<u32, Conference> = BTreeMap::new();
    let mut said: BTreeMap<PublicKey, u64> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut counted: BTreeMap<PublicKey, u64> = BTreeMap::new();
    while let Some((&[ways, after, flags, size], rest)) = data.split_first_chunk::<4>() {
        let (bytes, rest) = rest.split_at(usize::from(size).min(rest.len()));
        data = rest;
        frame += 1;
        if frame > EVENTS as u64 {
            break;
        }
        let after = i64::from(after);
        nanos += if after < 128 { after * 10_000_000 } else { (after - 127) * 500_000_000 };
        let (from, to) = (ways / PEOPLE % PEOPLE, ways % PEOPLE);
        let mut datagram = Vec::new();
        let content = if flags & OTHER != 0 {
            match bytes.first().map_or(0, |what| what % 4) {
                0 => Content::Data(Err(Sealed::NoKeyLog)),
                1 => {
                    let real_key = key(from);
                    let echo_id = [0; 8];
                    let plain = CookieRequestPlain { real_key, padding: [0; 32], echo_id };
                    Content::CookieRequest(Ok(plain))
                }
                _ => {
                    // A ping request shows a DHT key.
                    datagram.push(0);
                    datagram.extend(key(bytes.get(1).copied().unwrap_or(from)).0);
                    datagram.extend([0; 48]);
                    Content::Other(Some(ToxKind(0)))
                }
            }
        } else {
            let id = DataId(bytes.first().copied().unwrap_or(0x10));
            let session = sessions.entry((from.min(to), from.max(to))).or_default();
            if session.id == 0 || flags & NEW != 0 {
                begun += 1;
                *session = Session { id: begun, ..Session::default() };
            }
            let (way, back) = if from <= to { (0, 1) } else { (1, 0) };
            let lossless = id.class() == DataClass::Lossless;
            let mut number = session.next.get(way).copied().unwrap_or(0);
            let resend = flags & RESEND != 0;
            if lossless && resend {
                number = number.wrapping_sub(1);
            } else if lossless {
                number = number.wrapping_add(u32::from(flags & GAP != 0));
                if let Some(next) = session.next.get_mut(way) {
                    *next = number.wrapping_add(1);
                }
            }
            if flags & LAG == 0
                && let (Some(handled), Some(next)) =
                    (session.handled.get_mut(way), session.next.get(back))
            {
                *handled = *next;
            }
            let packet = id.is_conference().then(|| Packet::parse(bytes));
            if let Some(Ok(packet)) = &packet
                && let Some(conference) = packet.conference()
            {
                named.insert(session.id, conference);
            }
            if packet.is_some() && !resend && from != to {
                *said.entry(key(from)).or_default() += 1;
            }
            let conference = named.get(&session.id).copied().filter(|_| flags & UNNAMED == 0);
            Content::Data(Ok(Data {
                session: session.id,
                number,
                ack: session.handled.get(way).copied().unwrap_or(0),
                resend,
                copy: flags & COPY != 0,
                direction: u8::from(way == 1),
                from_the_start: flags & OLD == 0,
                id,
                bytes,
                packet,
                context: Context { conference, author: Party::default() },
            }))
        };
        let party = |which| Party { real_key: Some(key(which)), name: None };
        let record = Record {
            file: 0,
            frame,
            offset: frame,
            at: Timestamp::from_nanos(nanos),
            rel: nanos,
            src: address(from),
            dst: address(to),
            transport: Transport::Udp,
            relay: None::<Relay>,
            from: party(from),
            to: party(to),
            truncated: false,
            datagram: &datagram,
            content,
        };
        replay.record(&record, &mut |seen| look(seen, &mut told, &mut counted));
    }
    replay.finish(&mut |seen| look(seen, &mut told, &mut counted));
    let outcomes = replay.endpoints().map(|outcome| (outcome.key, *outcome.tally));
    let outcomes: Vec<_> = outcomes.collect();
    for (key, tally) in &outcomes {
        let counted = counted.get(key).copied().unwrap_or(0);
        let said = said.get(key).copied().unwrap_or(0);
        assert!(tally.sent() == counted && counted <= said, "{counted} of {said}: {tally:?}");
    }
    outcomes
}

fn look(
    seen: &Observation<'_>,
    told: &mut BTreeSet<(PublicKey, Option<u64>)>,
    counted: &mut BTreeMap<PublicKey, u64>,
) {
    match seen.what {
        What::Step(_) | What::Learned => {
            let found = seen.machine.violations();
            assert!(found.is_empty(), "frame {:?}: {found:?}", seen.frame);
        }
        What::Sent(sent) => {
            assert!(told.insert((seen.endpoint, seen.frame)), "judged twice: {:?}", seen.frame);
            assert!(sent.class != Class::Unexplained || !sent.rule.is_empty());
            *counted.entry(seen.endpoint).or_default() += 1;
        }
        _ => {}
    }
}

fn address(which: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, which], 33445))
}
