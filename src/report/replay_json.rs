//! What replay found, as one JSON object.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::json::SCHEMA;
use super::visible::to_line;
use crate::replay::{Difference, Doubt, LeftOut, Outcome, Tally, Why};
use crate::time::Timestamp;
use crate::wire::{Hex, Kind, Packet};

/// `replay --format json`.
#[derive(Serialize)]
struct Document<'a> {
    schema: u64,
    endpoints: Vec<EndpointRow<'a>>,
    left_out: LeftOutRow,
}

#[derive(Serialize)]
struct LeftOutRow {
    sender_unknown: u64,
    no_room: u64,
}

#[derive(Serialize)]
struct EndpointRow<'a> {
    real_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    profile: String,
    sent: SentRow,
    not_judged: BTreeMap<&'static str, u64>,
    doubts: Vec<DoubtRow>,
    differences: Differences<'a>,
}

#[derive(Serialize)]
struct SentRow {
    predicted: u64,
    client_action: u64,
    timing: u64,
    unexplained: u64,
    missing: u64,
    not_judged: u64,
}

#[derive(Serialize)]
struct DoubtRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    conference_id: Option<String>,
    why: &'static str,
}

/// Rows are made one after another, so that they take no room.
struct Differences<'a> {
    all: &'a [Difference],
    wants: &'a dyn Fn(&Difference) -> bool,
    start: Timestamp,
}

impl Serialize for Differences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.all
                .iter()
                .filter(|it| (self.wants)(it))
                .map(|it| DifferenceRow::of(it, self.start)),
        )
    }
}

#[derive(Serialize)]
struct DifferenceRow {
    kind: &'static str,
    frame: Option<u64>,
    time: String,
    rel: f64,
    to: String,
    conference_id: Option<String>,
    rule: &'static str,
    cause: Option<u64>,
    sent: Option<PacketRow>,
    expected: Option<PacketRow>,
    knowledge: &'static str,
}

#[derive(Serialize)]
struct PacketRow {
    kind: &'static str,
    packet: String,
}

impl PacketRow {
    fn of(bytes: &[u8]) -> Self {
        let kind = Packet::parse(bytes).map_or(Kind::Malformed, |packet| packet.kind());
        Self { kind: kind.name(), packet: Hex(bytes).to_string() }
    }
}

impl DifferenceRow {
    fn of(difference: &Difference, start: Timestamp) -> Self {
        Self {
            kind: difference.kind.name(),
            frame: difference.frame,
            time: difference.at.to_string(),
            rel: difference.at.nanos_since(start) as f64 / 1e9,
            to: difference.to.to_string(),
            conference_id: difference.conference.map(|it| it.id.to_string()),
            rule: difference.rule,
            cause: difference.cause,
            sent: difference.sent.as_deref().map(PacketRow::of),
            expected: difference.expected.as_deref().map(PacketRow::of),
            knowledge: difference.knowledge.name(),
        }
    }
}

impl SentRow {
    fn of(tally: &Tally) -> Self {
        Self {
            predicted: tally.predicted,
            client_action: tally.client_action,
            timing: tally.timing,
            unexplained: tally.unexplained,
            missing: tally.missing,
            not_judged: tally.not_judged.iter().sum(),
        }
    }
}

impl DoubtRow {
    fn of(doubt: &Doubt) -> Self {
        let conference_id = doubt.conference.map(|it| it.id.to_string());
        Self { conference_id, why: doubt.why.name() }
    }
}

/// Writes one JSON object and a line feed, with the differences that `wants` lets through. `start` is when
/// the first frame was captured.
///
/// # Errors
///
/// Those of `out`.
pub fn replay_json(
    outcomes: &[Outcome<'_>],
    left_out: LeftOut,
    start: Timestamp,
    wants: &dyn Fn(&Difference) -> bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let endpoints = outcomes.iter().map(|outcome| {
        let name = outcome.name.map(std::str::from_utf8);
        let not_judged = Why::ALL.iter().zip(outcome.tally.not_judged);
        EndpointRow {
            real_key: outcome.key.to_string(),
            name: name.and_then(Result::ok),
            name_hex: outcome
                .name
                .filter(|_| name.is_some_and(|name| name.is_err()))
                .map(|name| Hex(name).to_string()),
            profile: outcome.profile.to_string(),
            sent: SentRow::of(outcome.tally),
            not_judged: not_judged
                .filter(|(_, count)| *count > 0)
                .map(|(why, count)| (why.name(), count))
                .collect(),
            doubts: outcome.doubts.iter().map(DoubtRow::of).collect(),
            differences: Differences { all: outcome.differences, wants, start },
        }
    });
    let left_out = LeftOutRow { sender_unknown: left_out.nobody, no_room: left_out.no_room };
    to_line(&Document { schema: SCHEMA, endpoints: endpoints.collect(), left_out }, out)
}
