//! Any opened packets, and any save file, through the linter.

use std::net::{Ipv4Addr, SocketAddr};

use crate::conference::savedata::Savedata;
use crate::crypto::Sealed;
use crate::dissect::{Content, Context, Data, Party, Record, Transport};
use crate::lint::{Lint, RULES, Report};
use crate::time::Timestamp;
use crate::wire::{DataClass, DataId, Packet, PublicKey};

/// How many people there are.
const PEOPLE: u8 = 4;
/// The most packets that are read from one input.
const STEPS: usize = 4096;

/// Any packets between four people give the same findings each time; those name frames that there are, and
/// say something without control characters. So do any bytes that are read as a save file.
///
/// The input is a list of packets. Each is a byte that says what packet it is ([`flags`]), the
/// milliseconds since the one before (two bytes, big-endian), a signed byte that is added to the next
/// number, one that is added to the number that acknowledges everything, a length (two bytes, big-endian),
/// and that many bytes: the data, its id first.
pub fn lint_packets(data: &[u8]) {
    let (one, frames) = linted(data);
    let (other, _) = linted(data);
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    for finding in &one.findings {
        assert!(!finding.message.is_empty() && !finding.message.contains(char::is_control));
        let spots = finding.spot.iter().map(|spot| spot.frame).chain(finding.evidence.clone());
        for frame in spots.filter(|_| finding.spot.is_some()) {
            assert!((1..=frames).contains(&frame.number), "{finding:?}");
        }
    }
    assert!(one.findings.len() <= 10_000);
}

/// What the first byte of a packet says.
pub mod flags {
    /// In the lowest two bits: who sends it.
    pub const FROM: u8 = 0x03;
    /// In the next two bits, so many times this: who receives it.
    pub const TO: u8 = 0x04;
    /// It is the first packet of another session of the two.
    pub const AGAIN: u8 = 0x10;
    /// It stays closed.
    pub const CLOSED: u8 = 0x20;
    /// It was seen before.
    pub const RESEND: u8 = 0x40;
    /// The time before it is a hundred times as long.
    pub const LONG: u8 = 0x80;
}

/// What is counted of two people: their session, and the next number of each direction.
#[derive(Clone, Copy, Default)]
struct Pair {
    session: u32,
    next: [u32; 2],
}

fn linted(data: &[u8]) -> (Report, u64) {
    let mut lint = Lint::new(RULES.to_vec());
    if let Ok(savedata) = Savedata::parse(data) {
        lint.save(0, &savedata);
    }
    let mut pairs = [[Pair::default(); PEOPLE as usize]; PEOPLE as usize];
    let (mut rest, mut now, mut frame, mut sessions) = (data, 0_i64, 0_u64, 0_u32);
    while let Some((&[flags, t0, t1, number, ack, l0, l1], after)) = rest.split_first_chunk()
        && frame < STEPS as u64
    {
        let length = usize::from(u16::from_be_bytes([l0, l1])).min(after.len());
        let (bytes, after) = after.split_at(length);
        rest = after;
        frame += 1;
        let wait = i64::from(u16::from_be_bytes([t0, t1])) * 1_000_000;
        now += if flags & flags::LONG == 0 { wait } else { wait * 100 };
        let (from, to) = (flags & flags::FROM, flags / flags::TO % PEOPLE);
        let [low, high] = [from.min(to), from.max(to)].map(usize::from);
        let Some(pair) = pairs.get_mut(low).and_then(|of| of.get_mut(high)) else { continue };
        if pair.session == 0 || flags & flags::AGAIN != 0 {
            sessions += 1;
            *pair = Pair { session: sessions, next: [0; 2] };
        }
        let direction = u8::from(from > to);
        let [ours, theirs] = [usize::from(direction), usize::from(direction ^ 1)];
        let add = |number: Option<&u32>, signed: u8| {
            number.copied().unwrap_or_default().wrapping_add_signed(signed.cast_signed().into())
        };
        let id = DataId(bytes.first().copied().unwrap_or(1));
        let (number, ack) = (add(pair.next.get(ours), number), add(pair.next.get(theirs), ack));
        if id.class() == DataClass::Lossless
            && let Some(next) = pair.next.get_mut(ours)
        {
            *next = number.wrapping_add(1);
        }
        let opened = Data {
            session: pair.session,
            number,
            ack,
            resend: flags & flags::RESEND != 0,
            copy: false,
            direction,
            from_the_start: true,
            id,
            bytes,
            packet: id.is_conference().then(|| Packet::parse(bytes)),
            context: Context::default(),
        };
        let closed = flags & flags::CLOSED != 0;
        let content = if closed { Err(Sealed::NoNonce) } else { Ok(opened) };
        lint.record(&record(frame, now, [from, to], bytes, Content::Data(content)), &|_| true);
    }
    (lint.finish(&|_| true), frame)
}

fn record<'a>(
    frame: u64,
    at: i64,
    people: [u8; 2],
    datagram: &'a [u8],
    content: Content<'a>,
) -> Record<'a> {
    let is_closed = matches!(content, Content::Data(Err(_)));
    let [src, dst] =
        people.map(|who| SocketAddr::from((Ipv4Addr::new(10, 0, 0, who.wrapping_add(1)), 33445)));
    let [from, to] = people.map(|who| Party {
        real_key: (!is_closed).then_some(PublicKey([who.wrapping_add(1); 32])),
        name: None,
    });
    Record {
        file: 0,
        frame,
        offset: frame,
        at: Timestamp::from_nanos(at),
        rel: at,
        src,
        dst,
        transport: Transport::Udp,
        relay: None,
        from,
        to,
        truncated: false,
        datagram,
        content,
    }
}
