//! What is in a save file: its sections, its conferences, and what is damaged.

use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::json::SCHEMA;
use super::table::{table, trimmed};
use super::visible::to_line;
use super::who::short;
use crate::conference::savedata::{SavedSection, Savedata};
use crate::conference::{Damage, SavedConference, SavedPeer, Section};
use crate::printable::printable;
use crate::time::Timestamp;
use crate::wire::Hex;

/// Rows of a table; JSON has them all.
const ROWS: usize = 100;

/// Columns of a name.
const NAME_WIDTH: usize = 40;

/// `save --format json`.
#[derive(Serialize)]
struct File<'a> {
    schema: u64,
    bytes: usize,
    owner: Owner<'a>,
    sections: Vec<SectionRow>,
    conferences: Each<'a, SavedConference<'a>, Record<'a>>,
    damage: Each<'a, Damage, DamageRow>,
}

#[derive(Serialize)]
struct Owner<'a> {
    real_key: Option<Text<crate::wire::PublicKey>>,
    #[serde(flatten)]
    name: Name<'a>,
}

#[derive(Serialize)]
struct SectionRow {
    offset: usize,
    #[serde(rename = "type")]
    kind: u16,
    name: &'static str,
    bytes: usize,
}

#[derive(Serialize)]
struct Record<'a> {
    offset: usize,
    conference_type: &'static str,
    conference_id: Text<crate::wire::ConferenceId>,
    #[serde(flatten)]
    title: Title<'a>,
    message_number: u32,
    lossy_number: u16,
    own_peer_number: u16,
    peers: Peers<'a>,
}

#[derive(Serialize)]
struct PeerRow<'a> {
    offset: usize,
    peer_number: u16,
    real_key: Text<crate::wire::PublicKey>,
    dht_key: Text<crate::wire::PublicKey>,
    last_active: Option<Text<Timestamp>>,
    last_active_seconds: Text<u64>,
    #[serde(flatten)]
    name: Name<'a>,
}

#[derive(Serialize)]
struct DamageRow {
    offset: usize,
    field: &'static str,
    reason: Text<crate::conference::DamageKind>,
}

/// Something that is written as a string.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A list whose rows are made one after another, so that it takes no room.
struct Each<'a, T, R>(&'a [T], fn(&'a T) -> R);

impl<T, R: Serialize> Serialize for Each<'_, T, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

struct Peers<'a>(&'a SavedConference<'a>);

impl Serialize for Peers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.peers.iter().map(|peer| PeerRow::of(&peer)))
    }
}

/// `name`, or `name_hex` if it is not UTF-8.
#[derive(Serialize)]
#[serde(untagged)]
enum Name<'a> {
    Text { name: &'a str },
    Bytes { name_hex: String },
}

impl<'a> Name<'a> {
    fn of(name: &'a [u8]) -> Self {
        match std::str::from_utf8(name) {
            Ok(name) => Self::Text { name },
            Err(_) => Self::Bytes { name_hex: Hex(name).to_string() },
        }
    }
}

/// `title`, or `title_hex` if it is not UTF-8.
#[derive(Serialize)]
#[serde(untagged)]
enum Title<'a> {
    Text { title: &'a str },
    Bytes { title_hex: String },
}

impl<'a> Title<'a> {
    fn of(title: &'a [u8]) -> Self {
        match std::str::from_utf8(title) {
            Ok(title) => Self::Text { title },
            Err(_) => Self::Bytes { title_hex: Hex(title).to_string() },
        }
    }
}

impl SectionRow {
    fn of(section: &SavedSection<'_>) -> Self {
        Self {
            offset: section.offset,
            kind: section.kind.0,
            name: section.kind.name(),
            bytes: section.payload.len(),
        }
    }
}

impl<'a> Record<'a> {
    fn of(record: &'a SavedConference<'a>) -> Self {
        Self {
            offset: record.offset,
            conference_type: record.conference.kind.name(),
            conference_id: Text(record.conference.id),
            title: Title::of(record.title),
            message_number: record.message_number,
            lossy_number: record.lossy_number,
            own_peer_number: record.own_number.0,
            peers: Peers(record),
        }
    }
}

impl<'a> PeerRow<'a> {
    fn of(peer: &SavedPeer<'a>) -> Self {
        Self {
            offset: peer.offset,
            peer_number: peer.number.0,
            real_key: Text(peer.real_key),
            dht_key: Text(peer.dht_key),
            last_active: moment(peer.last_active).map(Text),
            last_active_seconds: Text(peer.last_active),
            name: Name::of(peer.name),
        }
    }
}

impl DamageRow {
    const fn of(damage: &Damage) -> Self {
        Self { offset: damage.offset, field: damage.field, reason: Text(damage.kind) }
    }
}

/// A number of seconds as date and time, if it is one of the years up to 2262.
fn moment(seconds: u64) -> Option<Timestamp> {
    let nanos = i64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?;
    Some(Timestamp::from_nanos(nanos))
}

fn whole_seconds(at: Timestamp) -> String {
    at.to_string().replace(".000000", "")
}

/// Writes a save file of so many bytes as one JSON object and a line feed. Secret keys are not in
/// it.
///
/// # Errors
///
/// Those of `out`.
pub fn save_json(
    savedata: &Savedata<'_>,
    found: &Section<'_>,
    bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let file = File {
        schema: SCHEMA,
        bytes,
        owner: Owner { real_key: savedata.owner().map(Text), name: Name::of(savedata.name()) },
        sections: savedata.sections.iter().map(SectionRow::of).collect(),
        conferences: Each(&found.conferences, Record::of),
        damage: Each(&found.damage, DamageRow::of),
    };
    to_line(&file, out)
}

/// Writes a save file of so many bytes for people.
///
/// # Errors
///
/// Those of `out`.
pub fn save_text(
    savedata: &Savedata<'_>,
    found: &Section<'_>,
    bytes: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = printable(savedata.name()).quoted();
    match savedata.owner() {
        Some(key) => writeln!(out, "savedata of {name} {key}, {bytes} bytes")?,
        None => writeln!(out, "savedata of {name}, without keys, {bytes} bytes")?,
    }
    let mut sections = table(&["section", "byte", "bytes"]);
    for section in savedata.sections.iter().take(ROWS) {
        let name = match section.kind.name() {
            "unknown" => format!("unknown 0x{:02x}", section.kind.0),
            name => name.to_owned(),
        };
        sections.add_row([name, section.offset.to_string(), section.payload.len().to_string()]);
    }
    writeln!(out, "\n{}", trimmed(&sections))?;
    more(savedata.sections.len(), out)?;
    for record in found.conferences.iter().take(ROWS) {
        conference(record, out)?;
    }
    match found.conferences.len() {
        0 => writeln!(out, "\nno conferences")?,
        all => more(all, out)?,
    }
    if !found.damage.is_empty() {
        writeln!(out, "\ndamage")?;
    }
    for damage in found.damage.iter().take(ROWS) {
        writeln!(out, "  {damage}")?;
    }
    more(found.damage.len(), out)
}

fn conference(record: &SavedConference<'_>, out: &mut dyn Write) -> io::Result<()> {
    let title = printable(record.title).quoted();
    writeln!(
        out,
        "\nconference {} at byte {}, {}, {title}",
        record.conference.id,
        record.offset,
        record.conference.kind.name(),
    )?;
    writeln!(
        out,
        "  own peer number {}; stored message number {}, lossy number {}",
        record.own_number, record.message_number, record.lossy_number
    )?;
    if record.peers.is_empty() {
        return writeln!(out, "  nobody else");
    }
    let mut peers = table(&["  peer", "real key", "last active", "name"]);
    for peer in record.peers.iter().take(ROWS) {
        peers.add_row([
            format!("  {}", peer.number),
            short(&peer.real_key.0).to_string(),
            moment(peer.last_active).map_or_else(|| "?".to_owned(), whole_seconds),
            printable(peer.name).quoted().cut(NAME_WIDTH).to_string(),
        ]);
    }
    writeln!(out, "{}", trimmed(&peers))?;
    more(record.peers.len(), out)
}

fn more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    if all > ROWS { writeln!(out, "… and {} more", all - ROWS) } else { Ok(()) }
}
