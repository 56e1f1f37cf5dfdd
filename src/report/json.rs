//! JSON lines: one object per record, as `docs/output-format.md` promises.
//!
//! Written directly, field after field, since a capture holds millions. Every character of foreign
//! text that [`hides`] is written as `\uXXXX`, so that a line is safe on a terminal too.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::number::{push_first, push_hex, push_key, push_nanos, push_unsigned, put};
use super::visible::push_escape;
use crate::dissect::{FieldId, Fields, Value, payload};
use crate::printable::hides;
use crate::time::Timestamp;
use crate::wire::{Kind, Malformed, Packet};

/// The version of the contract: the `schema` of every object.
pub const SCHEMA: u64 = 1;

/// Fields that every object has, `null` where nothing is known: up to this one.
const LAST_OF_ALL: FieldId = FieldId::Bytes;

/// Writes records as JSON lines.
pub struct JsonLines {
    keys: Vec<Key>,
    line: Line,
}

/// A field's name as it stands in a line, with a comma before it.
struct Key {
    name: Name,
    /// For bytes of text that are not UTF-8.
    name_hex: Name,
    place: Place,
}

/// `,"name":` and what fills it up.
#[derive(Clone, Copy)]
struct Name {
    bytes: [u8; NAME_SIZE],
    len: usize,
}

const NAME_SIZE: usize = 32;

impl Name {
    fn new(name: &str) -> Self {
        let name = format!(",\"{name}\":");
        let mut bytes = [0; NAME_SIZE];
        for (byte, from) in bytes.iter_mut().zip(name.bytes()) {
            *byte = from;
        }
        assert!(name.len() <= NAME_SIZE, "names of fields are short");
        Self { bytes, len: name.len() }
    }
}

/// The object that a field is written into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Record,
    Relay,
    Peers,
    Error,
}

impl JsonLines {
    /// Ready for the first record.
    #[must_use]
    pub fn new() -> Self {
        let key = |id: &FieldId| {
            let (place, name) = match id.field().name.split_once('.') {
                None => (Place::Record, id.field().name),
                Some(("relay", name)) => (Place::Relay, name),
                Some(("peers", name)) => (Place::Peers, name),
                Some((_, name)) => (Place::Error, name),
            };
            Key { name: Name::new(name), name_hex: Name::new(&format!("{name}_hex")), place }
        };
        Self { keys: FieldId::ALL.iter().map(key).collect(), line: Line::new() }
    }

    /// Writes one record and a line feed.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&mut self, record: &dyn Fields, out: &mut dyn Write) -> io::Result<()> {
        let Self { keys, line } = self;
        line.begin();
        let _ = record.each(&mut |id, value| {
            if line.next < id as usize {
                line.fill(keys, id as usize);
            }
            if let Some(key) = keys.get(id as usize) {
                line.member(key, id, value);
            }
            ControlFlow::Continue(())
        });
        line.fill(keys, LAST_OF_ALL as usize + 1);
        line.end();
        out.write_all(&line.bytes)
    }
}

impl JsonLines {
    /// Writes a conference packet that belongs to no capture, and a line feed: `null` for all that
    /// only a capture tells.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn packet(&mut self, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.render(&Alone { bytes, packet: Packet::parse(bytes) }, out)
    }
}

/// A packet that belongs to no capture.
struct Alone<'a> {
    bytes: &'a [u8],
    packet: Result<Packet<'a>, Malformed<'a>>,
}

impl Fields for Alone<'_> {
    fn each(&self, each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let kind = self.packet.as_ref().map_or(Kind::Malformed, Packet::kind);
        each(FieldId::Kind, Value::Name(kind.name()))?;
        each(FieldId::Bytes, Value::Unsigned(self.bytes.len() as u64))?;
        payload(&self.packet, each)
    }
}

impl Default for JsonLines {
    fn default() -> Self {
        Self::new()
    }
}

/// The line that is being written.
struct Line {
    bytes: Vec<u8>,
    /// The field that the next value of the record is expected to be of.
    next: usize,
    place: Place,
    /// Whether a list of peers belongs to the record, and whether it was written.
    peers_due: bool,
    clock: Clock,
    addresses: Addresses,
}

impl Line {
    fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(1024),
            next: 0,
            place: Place::Record,
            peers_due: false,
            clock: Clock::new(),
            addresses: Addresses::new(),
        }
    }

    fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.extend_from_slice(b"{\"schema\":");
        push_unsigned(&mut self.bytes, SCHEMA);
        self.next = 0;
        self.place = Place::Record;
        self.peers_due = false;
    }

    /// Writes `null` for the fields of every object before number `until` that did not come.
    fn fill(&mut self, keys: &[Key], until: usize) {
        while self.next < until && self.next <= LAST_OF_ALL as usize {
            if let Some(key) = keys.get(self.next) {
                push_first(&mut self.bytes, &key.name.bytes, key.name.len);
                self.bytes.extend_from_slice(b"null");
            }
            self.next += 1;
        }
    }

    fn member(&mut self, key: &Key, id: FieldId, value: Value<'_>) {
        self.next = self.next.max(id as usize + 1);
        if key.place != self.place || id == FieldId::PeersPeerNumber {
            self.enter(key.place);
        }
        let (name, text) = match value {
            Value::Text(bytes) if is_plain(bytes) => (&key.name, None),
            Value::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => (&key.name, Some(text)),
                Err(_) => (&key.name_hex, None),
            },
            _ => (&key.name, None),
        };
        let is_first = self.bytes.last() == Some(&b'{');
        push_first(&mut self.bytes, &name.bytes, name.len);
        if is_first {
            // The comma.
            self.bytes.remove(self.bytes.len() - name.len);
        }
        match value {
            Value::Bool(true) => self.bytes.extend_from_slice(b"true"),
            Value::Bool(false) => self.bytes.extend_from_slice(b"false"),
            Value::Unsigned(number) => push_unsigned(&mut self.bytes, number),
            Value::Nanos(nanos) => push_nanos(&mut self.bytes, nanos),
            Value::Time(at) => self.quoted(|line| line.clock.push(&mut line.bytes, at)),
            Value::Name(name) => {
                self.peers_due |= id == FieldId::Kind && name == "peer_response";
                self.quoted(|line| line.bytes.extend_from_slice(name.as_bytes()));
            }
            Value::Text(bytes) => self.quoted(|line| match text {
                Some(text) => push_text(&mut line.bytes, text),
                None if is_plain(bytes) => line.bytes.extend_from_slice(bytes),
                None => push_hex(&mut line.bytes, bytes),
            }),
            Value::Bytes(bytes) => self.quoted(|line| push_hex(&mut line.bytes, bytes)),
            Value::Key(key) => self.quoted(|line| push_key(&mut line.bytes, key)),
            Value::Address(address) => {
                self.quoted(|line| line.addresses.push(&mut line.bytes, address))
            }
        }
    }

    fn quoted(&mut self, write: impl FnOnce(&mut Self)) {
        self.bytes.push(b'"');
        write(self);
        self.bytes.push(b'"');
    }

    /// Moves on to a member of the object in `place`.
    fn enter(&mut self, place: Place) {
        if self.place == Place::Peers && place == Place::Peers {
            self.bytes.extend_from_slice(b"},{");
            return;
        }
        self.leave();
        self.bytes.extend_from_slice(match place {
            Place::Record => b"",
            Place::Relay => b",\"relay\":{",
            Place::Peers => b",\"peers\":[{",
            Place::Error => b",\"error\":{",
        });
        self.peers_due &= place != Place::Peers;
        self.place = place;
    }

    fn leave(&mut self) {
        self.bytes.extend_from_slice(match self.place {
            Place::Record => b"",
            Place::Peers => b"}]",
            Place::Relay | Place::Error => b"}",
        });
        self.place = Place::Record;
    }

    fn end(&mut self) {
        self.leave();
        if self.peers_due {
            self.bytes.extend_from_slice(b",\"peers\":[]");
        }
        self.bytes.extend_from_slice(b"}\n");
    }
}

/// Whether bytes are ASCII that JSON writes as it is. Looks at all of them, which is faster than to
/// stop at the first that is not.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| {
        plain & matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\')
    })
}

/// Text between quotation marks of JSON.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            _ if hides(c) => push_escape(out, c),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Writes addresses; remembers how the last few were written.
struct Addresses {
    known: [Option<(SocketAddr, [u8; ADDRESS_SIZE], usize)>; 4],
    oldest: usize,
}

/// What an IPv4 address and most IPv6 addresses take.
const ADDRESS_SIZE: usize = 48;

impl Addresses {
    const fn new() -> Self {
        Self { known: [None; 4], oldest: 0 }
    }

    fn push(&mut self, out: &mut Vec<u8>, address: SocketAddr) {
        for (known, bytes, len) in self.known.iter().flatten() {
            if *known == address {
                push_first(out, bytes, *len);
                return;
            }
        }
        let text = address.to_string();
        out.extend_from_slice(text.as_bytes());
        if text.len() <= ADDRESS_SIZE {
            let mut bytes = [0; ADDRESS_SIZE];
            bytes.iter_mut().zip(text.bytes()).for_each(|(byte, from)| *byte = from);
            if let Some(entry) = self.known.get_mut(self.oldest) {
                *entry = Some((address, bytes, text.len()));
            }
            self.oldest = (self.oldest + 1) % self.known.len();
        }
    }
}

/// Writes moments; remembers how the last one was written.
struct Clock {
    second: Option<i64>,
    /// `2026-11-22T17:06:41.` and room for nine digits and the `Z`.
    written: [u8; 32],
    /// Where the digits begin.
    point: usize,
}

impl Clock {
    const fn new() -> Self {
        Self { second: None, written: [0; 32], point: 0 }
    }

    fn push(&mut self, out: &mut Vec<u8>, at: Timestamp) {
        let second = at.as_nanos().div_euclid(1_000_000_000);
        let nanos = at.as_nanos().rem_euclid(1_000_000_000).unsigned_abs();
        if self.second != Some(second) {
            self.second = Some(second);
            let text = at.to_string();
            self.point = text.find('.').unwrap_or_default() + 1;
            for (byte, from) in self.written.iter_mut().zip(text.bytes()) {
                *byte = from;
            }
        }
        let (fraction, places) =
            if nanos.is_multiple_of(1000) { (nanos / 1000, 6) } else { (nanos, 9) };
        if let Some(digits) = self.written.get_mut(self.point..self.point + places) {
            put(digits, fraction);
        }
        push_first(out, &self.written, self.point + places);
        out.push(b'Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::Sample;

    fn line(record: &dyn Fields) -> String {
        let mut out = Vec::new();
        JsonLines::new().render(record, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with('\n') && text.matches('\n').count() == 1);
        text.trim_end().to_owned()
    }

    fn parsed(record: &dyn Fields) -> serde_json::Value {
        serde_json::from_str(&line(record)).unwrap()
    }

    #[test]
    fn an_invitation_is_written_as_the_contract_shows_it() {
        let key = "5a".repeat(32);
        assert_eq!(
            line(&Sample::invite()),
            format!(
                "{{\"schema\":1,\"frame\":812,\"time\":\"2026-11-22T17:06:41.318220Z\",\
                 \"rel\":9.091,\"src\":\"127.0.0.1:44100\",\"dst\":\"[::1]:44101\",\
                 \"transport\":\"udp\",\"from\":\"{key}\",\"to\":null,\"session\":3,\
                 \"number\":7,\"ack\":7,\"resend\":false,\"kind\":\"invite\",\"bytes\":37,\
                 \"group_number\":0,\"conference_type\":\"text\",\"conference_id\":\"{key}\"}}"
            )
        );
    }

    #[test]
    fn what_every_object_has_is_null_where_nothing_is_known() {
        assert_eq!(
            parsed(&Sample(vec![(FieldId::Frame, Value::Unsigned(1))])),
            serde_json::json!({
                "schema": 1, "frame": 1, "time": null, "rel": null, "src": null, "dst": null,
                "transport": null, "from": null, "to": null, "session": null, "number": null,
                "ack": null, "resend": null, "kind": null, "bytes": null,
            })
        );
    }

    #[test]
    fn peers_are_a_list_of_objects_and_an_empty_list_is_there_too() {
        let entry = |number, name| {
            [
                (FieldId::PeersPeerNumber, Value::Unsigned(number)),
                (FieldId::PeersName, Value::Text(name)),
            ]
        };
        let mut values = vec![
            (FieldId::Kind, Value::Name("peer_response")),
            (FieldId::GroupNumber, Value::Unsigned(4)),
        ];
        assert_eq!(parsed(&Sample(values.clone()))["peers"], serde_json::json!([]));
        values.extend(entry(1, b"ann"));
        values.extend(entry(7, b"\xff"));
        values.push((FieldId::Trailing, Value::Bytes(&[0, 1])));
        let object = parsed(&Sample(values));
        assert_eq!(
            object["peers"],
            serde_json::json!([
                {"peer_number": 1, "name": "ann"},
                {"peer_number": 7, "name_hex": "ff"},
            ])
        );
        assert_eq!(object["group_number"], 4);
        assert_eq!(object["trailing"], "0001");
    }

    #[test]
    fn a_malformed_packet_says_what_is_wrong_where() {
        let object = parsed(&Sample(vec![
            (FieldId::Kind, Value::Name("malformed")),
            (FieldId::GroupNumber, Value::Unsigned(4)),
            (FieldId::ErrorField, Value::Text(b"new_peer.dht_key")),
            (FieldId::ErrorOffset, Value::Unsigned(44)),
            (FieldId::ErrorReason, Value::Text(b"needs 32 bytes, 31 left")),
        ]));
        assert_eq!(
            object["error"],
            serde_json::json!({
                "field": "new_peer.dht_key", "offset": 44, "reason": "needs 32 bytes, 31 left",
            })
        );
    }

    #[test]
    fn text_comes_back_as_it_was_and_no_line_holds_a_hidden_character() {
        let text: String =
            ('\0'..=char::MAX).step_by(7).chain("\u{202e}\u{2028}\"\\".chars()).collect();
        for text in [text.as_str(), "plain", "", "a\"b\\c\n\r\t\u{7f}\u{85}\u{feff}"] {
            let bytes: &'static [u8] = text.to_owned().leak().as_bytes();
            let sample = Sample(vec![(FieldId::Text, Value::Text(bytes))]);
            assert_eq!(parsed(&sample)["text"], text);
            assert!(!line(&sample).chars().any(hides));
        }
    }

    #[test]
    fn text_that_is_not_utf_8_is_written_as_hex() {
        let object = parsed(&Sample(vec![(FieldId::Text, Value::Text(b"a\xff"))]));
        assert_eq!(object["text_hex"], "61ff");
        assert!(object.get("text").is_none());
    }

    #[test]
    fn moments_are_written_as_by_timestamp() {
        let mut clock = Clock::new();
        for nanos in [0, 1, 1000, 999_999_999, 1_000_000_000, -1, i64::MAX, i64::MIN, 1] {
            let at = Timestamp::from_nanos(nanos);
            let mut out = Vec::new();
            clock.push(&mut out, at);
            assert_eq!(String::from_utf8(out).unwrap(), at.to_string());
        }
    }
}
