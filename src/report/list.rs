//! One line per record, in columns of fixed width, written as records come.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::ControlFlow;

use super::moment::{TimeStyle, Times};
use super::style::{Tone, styled};
use super::who::{self, Who, short};
use crate::dissect::{Content, Data, FieldId, Fields, Record, Value};
use crate::printable::printable;
use crate::wire::{Kind, Packet};

/// Columns of names, titles and messages that a line shows.
const TEXT_WIDTH: usize = 200;

/// Entries of a peer list that a line shows.
const PEERS: usize = 4;

/// Writes records as lines for people.
pub struct List {
    times: Times,
    time_width: usize,
    kind_width: usize,
    color: bool,
    details: String,
}

impl List {
    /// Ready for the first record; with `all`, kinds have room for the names of every Tox packet.
    #[must_use]
    pub fn new(time: TimeStyle, color: bool, all: bool) -> Self {
        let time_width = match time {
            TimeStyle::Absolute => 27,
            TimeStyle::Relative | TimeStyle::Delta => 11,
            TimeStyle::Epoch => 17,
        };
        let kind_width = if all { 23 } else { 15 };
        Self { times: Times::new(time), time_width, kind_width, color, details: String::new() }
    }

    /// Writes one record and a line feed.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&mut self, record: &Record<'_>, out: &mut dyn Write) -> io::Result<()> {
        let kind = record.kind();
        let is_wrong = kind == Kind::Malformed.name() || record.sealed().is_some();
        let tone = if is_wrong { Tone::Wrong } else { Tone::Strong };
        self.details.clear();
        describe(record, self.color, &mut self.details);
        writeln!(
            out,
            "{:>7}  {:>time_width$}  {:width$} → {:width$}  {:kind_width$}{}",
            record.frame,
            styled(self.color, Tone::Faint, self.times.of(record.at, record.rel)),
            Who { party: &record.from, address: Some(record.src) },
            Who { party: &record.to, address: Some(record.dst) },
            styled(self.color, tone, kind),
            self.details,
            time_width = self.time_width,
            kind_width = self.kind_width,
            width = who::WIDTH,
        )
    }
}

/// What the record says in short; each part begins with two spaces.
fn describe(record: &Record<'_>, color: bool, out: &mut String) {
    // A string takes whatever is written.
    let _ = match &record.content {
        Content::Data(Ok(data)) => describe_data(record, data, color, out),
        Content::Relay(Ok(_)) => describe_relay(record, out),
        _ => match record.sealed() {
            Some(why) => write!(out, "  {}", styled(color, Tone::Wrong, why.title())),
            None => write!(out, "  {} bytes", record.bytes()),
        },
    };
    if record.truncated {
        let _ = write!(out, "  {}", styled(color, Tone::Wrong, "cut by the snap length"));
    }
}

fn describe_data(
    record: &Record<'_>,
    data: &Data<'_>,
    color: bool,
    out: &mut String,
) -> std::fmt::Result {
    match &data.packet {
        None => write!(out, "  {} bytes", data.bytes.len())?,
        Some(packet) => {
            let names_conference =
                packet.as_ref().is_ok_and(|packet| packet.conference().is_some());
            if let Some(conference) = &data.context.conference
                && !names_conference
            {
                write!(out, "  in {}", short(&conference.id.0))?;
            }
            describe_payload(record, data, color, out)?;
            match packet {
                Err(malformed) => {
                    write!(out, "  {}", styled(color, Tone::Wrong, malformed.error))?;
                }
                Ok(Packet::PeerResponse(response)) => {
                    if let Some(fault) = response.fault() {
                        write!(out, "  {}", styled(color, Tone::Wrong, fault))?;
                    }
                }
                Ok(_) => {}
            }
        }
    }
    let again = match (data.copy, data.resend) {
        (true, _) => "  (copy)",
        (false, true) => "  (resend)",
        (false, false) => "",
    };
    write!(out, "{}", styled(color, Tone::Faint, again))?;
    Ok(())
}

/// What a packet of a relay is about.
fn describe_relay(record: &Record<'_>, out: &mut String) -> std::fmt::Result {
    let Some(relay) = &record.relay else { return Ok(()) };
    if let Some(connection_id) = relay.connection_id {
        write!(out, "  connection {connection_id}")?;
    }
    if let Some(dht_key) = &relay.dht_key {
        write!(out, "  DHT key {}", short(&dht_key.0))?;
    }
    write!(out, "  {} bytes", record.bytes())
}

fn describe_payload(
    record: &Record<'_>,
    data: &Data<'_>,
    color: bool,
    out: &mut String,
) -> std::fmt::Result {
    let author = &data.context.author;
    let is_relayed = author.real_key.is_some() && author.real_key != record.from.real_key;
    let mut peers = 0;
    let mut written = Ok(());
    let _ = record.each(&mut |id, value| {
        peers += usize::from(id == FieldId::PeersPeerNumber);
        let hides = peers > PEERS && is_of_peers(id);
        written = if hides { Ok(()) } else { describe_field(id, value, color, out) };
        if written.is_ok() && id == FieldId::PeerNumber && is_relayed {
            written = write!(out, " {}", Who { party: author, address: None });
        }
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    if peers > PEERS {
        write!(out, "  … {} more", peers - PEERS)?;
    }
    Ok(())
}

const fn is_of_peers(id: FieldId) -> bool {
    matches!(
        id,
        FieldId::PeersPeerNumber
            | FieldId::PeersRealKey
            | FieldId::PeersDhtKey
            | FieldId::PeersName
    )
}

/// A field of a payload; of all others, nothing.
pub(super) fn describe_field(
    id: FieldId,
    value: Value<'_>,
    color: bool,
    out: &mut String,
) -> std::fmt::Result {
    match (id, value) {
        (FieldId::GroupNumber, Value::Unsigned(number)) => write!(out, "  group {number}"),
        (FieldId::ReceiverGroupNumber, Value::Unsigned(number)) => {
            write!(out, "  receiver's group {number}")
        }
        (FieldId::ConferenceType, Value::Name(name)) => write!(out, "  {name}"),
        (FieldId::ConferenceId, Value::Key(id)) => write!(out, "  {}", short(id)),
        (FieldId::PeerNumber, Value::Unsigned(number)) => write!(out, "  peer {number}"),
        (FieldId::MessageNumber, Value::Unsigned(number)) => write!(out, "  #{number}"),
        (FieldId::NewPeerNumber, Value::Unsigned(number)) => write!(out, "  new {number}"),
        (FieldId::KilledPeerNumber, Value::Unsigned(number)) => write!(out, "  killed {number}"),
        (FieldId::FrozenPeerNumber, Value::Unsigned(number)) => write!(out, "  frozen {number}"),
        (FieldId::PeersPeerNumber, Value::Unsigned(number)) => write!(out, "  peer {number}"),
        (FieldId::RealKey | FieldId::PeersRealKey, Value::Key(key)) => {
            write!(out, " {}", short(key))
        }
        (FieldId::PeersName, Value::Text(text)) => {
            write!(out, " {}", styled(color, Tone::Said, printable(text).quoted().cut(TEXT_WIDTH)))
        }
        (FieldId::Name | FieldId::Title | FieldId::Text, Value::Text(text)) => {
            write!(out, "  {}", styled(color, Tone::Said, printable(text).quoted().cut(TEXT_WIDTH)))
        }
        (FieldId::SequenceNumber, Value::Unsigned(number)) => write!(out, "  audio {number}"),
        (FieldId::Opus, Value::Bytes(bytes)) => write!(out, "  {} bytes", bytes.len()),
        (FieldId::Id, Value::Unsigned(id)) => write!(out, "  id 0x{id:02x}"),
        (FieldId::InviteKind | FieldId::DirectKind, Value::Unsigned(kind)) => {
            write!(out, "  kind 0x{kind:02x}")
        }
        (FieldId::Body, Value::Bytes(bytes)) => write!(out, "  {} bytes", bytes.len()),
        (FieldId::Trailing, Value::Bytes(bytes)) => write!(out, "  {} trailing", bytes.len()),
        _ => Ok(()),
    }
}
