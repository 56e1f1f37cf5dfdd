//! What a capture holds in numbers: one JSON object, or tables.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::json::SCHEMA;
use super::table::{Numbers, numbers, table, trimmed};
use super::visible::to_line;
use super::who::short;
use crate::capture::StreamCounts;
use crate::dissect::Totals;
use crate::printable::printable;
use crate::wire::ToxKind;

/// Columns of names and titles in tables.
const TEXT_WIDTH: usize = 40;

/// Rows of a table of conferences or people; JSON has them all.
const ROWS: usize = 100;

/// `stats --format json`.
#[derive(Serialize)]
struct Stats<'a> {
    schema: u64,
    frames: u64,
    datagrams: u64,
    truncated: u64,
    not_udp: &'a BTreeMap<&'static str, u64>,
    tox: BTreeMap<&'static str, u64>,
    tcp: Tcp,
    relay: RelayStats<'a>,
    net_crypto: NetCrypto,
    carried: BTreeMap<&'static str, u64>,
    conference: BTreeMap<&'static str, u64>,
    conferences: Vec<ConferenceStats<'a>>,
    peers: Vec<PeerStats<'a>>,
    left_out: u64,
}

#[derive(Serialize)]
struct Tcp {
    connections: u64,
    bytes: u64,
    repeated: u64,
    overlaps: u64,
    holes: u64,
    lost: u64,
    cut: u64,
    strays: u64,
    forgotten: u64,
}

#[derive(Serialize)]
struct RelayStats<'a> {
    connections: usize,
    handshakes: u64,
    handshakes_opened: u64,
    handshakes_sealed: BTreeMap<&'static str, u64>,
    frames: u64,
    frames_opened: u64,
    sealed: BTreeMap<&'static str, u64>,
    packets: &'a BTreeMap<&'static str, u64>,
    passed_on: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct NetCrypto {
    cookie_requests: u64,
    cookie_requests_opened: u64,
    cookie_responses: u64,
    cookie_responses_opened: u64,
    handshakes: u64,
    handshakes_opened: u64,
    handshakes_sealed: BTreeMap<&'static str, u64>,
    data: u64,
    data_opened: u64,
    resends: u64,
    copies: u64,
    sessions: u32,
    sealed: BTreeMap<&'static str, u64>,
    cut: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct ConferenceStats<'a> {
    conference_type: &'static str,
    conference_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_hex: Option<String>,
    packets: u64,
    texts: u64,
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    peer_number: Option<u16>,
    real_key: String,
}

#[derive(Serialize)]
struct PeerStats<'a> {
    real_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    sent: u64,
    received: u64,
}

/// Text as it is if it is UTF-8, else as digits.
fn text_or_hex(text: Option<&Vec<u8>>) -> (Option<&str>, Option<String>) {
    match text.map(|text| (std::str::from_utf8(text), text)) {
        None => (None, None),
        Some((Ok(text), _)) => (Some(text), None),
        Some((Err(_), bytes)) => (None, Some(crate::wire::Hex(bytes).to_string())),
    }
}

/// Writes the totals of a capture of so many frames, and what became of its TCP segments, as one JSON
/// object and a line feed.
///
/// # Errors
///
/// Those of `out`.
pub fn stats_json(
    totals: &Totals,
    frames: u64,
    streams: &StreamCounts,
    out: &mut dyn Write,
) -> io::Result<()> {
    let conferences = totals.conferences.iter().map(|(conference, seen)| {
        let (title, title_hex) = text_or_hex(seen.title.as_ref());
        ConferenceStats {
            conference_type: conference.kind.name(),
            conference_id: conference.id.to_string(),
            title,
            title_hex,
            packets: seen.packets,
            texts: seen.texts,
            members: seen
                .members
                .iter()
                .map(|(key, number)| Member { peer_number: *number, real_key: key.to_string() })
                .collect(),
        }
    });
    let peers = totals.people.iter().map(|(key, seen)| {
        let (name, name_hex) = text_or_hex(seen.name.as_ref());
        PeerStats {
            real_key: key.to_string(),
            name,
            name_hex,
            sent: seen.sent,
            received: seen.received,
        }
    });
    let stats = Stats {
        schema: SCHEMA,
        frames,
        datagrams: totals.datagrams,
        truncated: totals.truncated,
        not_udp: &totals.not_udp,
        tox: totals.tox(),
        tcp: Tcp {
            connections: streams.connections,
            bytes: streams.bytes,
            repeated: streams.repeated,
            overlaps: streams.overlaps,
            holes: streams.holes,
            lost: streams.lost,
            cut: streams.cut,
            strays: streams.strays,
            forgotten: streams.forgotten,
        },
        relay: RelayStats {
            connections: totals.relay.connections(),
            handshakes: totals.relay.handshakes,
            handshakes_opened: totals.relay.handshakes_opened,
            handshakes_sealed: named(&totals.relay.handshakes_sealed, |why| why.name()),
            frames: totals.relay.frames,
            frames_opened: totals.relay.frames_opened,
            sealed: named(&totals.relay.sealed, |why| why.name()),
            packets: &totals.relay.packets,
            passed_on: totals.relay.passed_on(),
        },
        net_crypto: NetCrypto {
            cookie_requests: totals.whole(ToxKind::COOKIE_REQUEST),
            cookie_requests_opened: totals.cookie_requests_opened,
            cookie_responses: totals.whole(ToxKind::COOKIE_RESPONSE),
            cookie_responses_opened: totals.cookie_responses_opened,
            handshakes: totals.whole(ToxKind::CRYPTO_HANDSHAKE),
            handshakes_opened: totals.handshakes_opened,
            handshakes_sealed: named(&totals.handshakes_sealed, |why| why.name()),
            data: totals.whole(ToxKind::CRYPTO_DATA),
            data_opened: totals.data_opened,
            resends: totals.resends,
            copies: totals.copies,
            sessions: totals.sessions(),
            sealed: named(&totals.sealed, |why| why.name()),
            cut: totals.cut().map(|(kind, count)| (kind.name(), count)).collect(),
        },
        carried: named(&totals.carried, |id| id.name()),
        conference: named(&totals.conference, |kind| kind.name()),
        conferences: conferences.collect(),
        peers: peers.collect(),
        left_out: totals.left_out,
    };
    to_line(&stats, out)
}

/// Counts by name. Ids that share a name are counted together.
fn named<K>(
    counts: &BTreeMap<K, u64>,
    name: impl Fn(&K) -> &'static str,
) -> BTreeMap<&'static str, u64> {
    let mut named = BTreeMap::new();
    for (key, count) in counts {
        *named.entry(name(key)).or_default() += count;
    }
    named
}

/// Writes the totals of a capture of so many frames, and what became of its TCP segments, as tables.
///
/// # Errors
///
/// Those of `out`.
pub fn stats_table(
    totals: &Totals,
    frames: u64,
    streams: &StreamCounts,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut capture = numbers("capture");
    capture.add("frames", frames);
    capture.add("UDP datagrams", totals.datagrams);
    capture.add_some("  of them cut by the snap length", totals.truncated);
    for (why, count) in &totals.not_udp {
        capture.add(&format!("no datagram: {why}"), *count);
    }
    writeln!(out, "{capture}")?;

    let mut tox = numbers("Tox packets");
    for kind in ToxKind::all().filter(|kind| kind.is_known()) {
        tox.add_some(kind.title(), totals.of_kind(kind));
    }
    let unknown: u64 =
        ToxKind::all().filter(|kind| !kind.is_known()).map(|kind| totals.of_kind(kind)).sum();
    tox.add_some("no Tox packet", unknown);
    write_some(&tox, out)?;

    relays(totals, streams, out)?;

    let mut sessions = numbers("sessions");
    sessions.add_some("handshakes", totals.whole(ToxKind::CRYPTO_HANDSHAKE));
    sessions.add_some("  opened", totals.handshakes_opened);
    for (why, count) in &totals.handshakes_sealed {
        sessions.add(&format!("  sealed: {}", why.title()), *count);
    }
    sessions.add_some("data packets", totals.whole(ToxKind::CRYPTO_DATA));
    sessions.add_some("  opened", totals.data_opened);
    for (why, count) in &totals.sealed {
        sessions.add(&format!("  sealed: {}", why.title()), *count);
    }
    sessions.add_some("  opened and seen before", totals.resends);
    sessions.add_some("  opened, the very same again", totals.copies);
    for (kind, count) in totals.cut() {
        sessions.add(&format!("cut: {}", kind.title()), count);
    }
    sessions.add_some("sessions opened", totals.sessions().into());
    write_some(&sessions, out)?;

    let mut conference = numbers("conference packets");
    for (kind, count) in &totals.conference {
        conference.add(kind.title(), *count);
    }
    write_some(&conference, out)?;
    conferences(totals, out)?;
    people(totals, out)
}

/// TCP, as far as connections to relays are in it, and these.
fn relays(totals: &Totals, streams: &StreamCounts, out: &mut dyn Write) -> io::Result<()> {
    let relay = &totals.relay;
    let mut tcp = numbers("TCP");
    tcp.add_some("connections", streams.connections);
    tcp.add_some("  of them to relays", relay.connections() as u64);
    tcp.add_some("bytes", streams.bytes);
    tcp.add_some("  missing in the capture", streams.lost);
    tcp.add_some("  cut by the snap length", streams.cut);
    tcp.add_some("  sent again", streams.repeated);
    tcp.add_some("segments whose bytes differ from earlier ones", streams.overlaps);
    tcp.add_some("segments far away from their streams", streams.strays);
    write_some(&tcp, out)?;
    let mut packets = numbers("relays");
    packets.add_some("handshakes", relay.handshakes);
    packets.add_some("  opened", relay.handshakes_opened);
    for (why, count) in &relay.handshakes_sealed {
        packets.add(&format!("  sealed: {}", why.title()), *count);
    }
    packets.add_some("frames", relay.frames);
    packets.add_some("  opened", relay.frames_opened);
    for (why, count) in &relay.sealed {
        packets.add(&format!("  sealed: {}", why.title()), *count);
    }
    for (kind, count) in &relay.packets {
        packets.add(&format!("packets: {kind}"), *count);
    }
    write_some(&packets, out)
}

fn write_some(numbers: &Numbers, out: &mut dyn Write) -> io::Result<()> {
    if numbers.is_empty() { Ok(()) } else { writeln!(out, "\n{numbers}") }
}

fn conferences(totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    if totals.conferences.is_empty() {
        return Ok(());
    }
    let mut table = table(&["conference", "type", "packets", "texts", "members", "title"]);
    for (conference, seen) in totals.conferences.iter().take(ROWS) {
        table.add_row([
            short(&conference.id.0).to_string(),
            conference.kind.name().to_owned(),
            seen.packets.to_string(),
            seen.texts.to_string(),
            seen.members.len().to_string(),
            quoted(seen.title.as_ref()),
        ]);
    }
    writeln!(out, "\n{}", trimmed(&table))?;
    more(totals.conferences.len(), out)
}

fn people(totals: &Totals, out: &mut dyn Write) -> io::Result<()> {
    if totals.people.is_empty() {
        return Ok(());
    }
    let mut table = table(&["peer", "sent", "received", "name"]);
    for (key, seen) in totals.people.iter().take(ROWS) {
        table.add_row([
            short(&key.0).to_string(),
            seen.sent.to_string(),
            seen.received.to_string(),
            quoted(seen.name.as_ref()),
        ]);
    }
    writeln!(out, "\n{}", trimmed(&table))?;
    more(totals.people.len(), out)
}

fn more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    if all > ROWS { writeln!(out, "… and {} more", all - ROWS) } else { Ok(()) }
}

fn quoted(text: Option<&Vec<u8>>) -> String {
    text.map(|text| printable(text).quoted().cut(TEXT_WIDTH).to_string()).unwrap_or_default()
}
