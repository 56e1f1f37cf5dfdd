//! What happens in a simulated world, as JSON lines (`docs/scenarios.md`).

use std::io::{self, Write};

use super::json::{SCHEMA, push_text};
use super::number::{push_hex, push_key, push_nanos, push_unsigned};
use crate::conference::{Departure, DropReason, Event};
use crate::simulate::scenario::Happening;
use crate::simulate::{MemberId, Nanos, timestamp};
use crate::wire::{Kind, Packet, PublicKey};

/// Writes what happens as JSON lines.
pub struct StoryLines<'n> {
    names: &'n [String],
    all: bool,
}

/// An object that is being written.
struct Object<'n> {
    bytes: Vec<u8>,
    names: &'n [String],
}

impl Object<'_> {
    fn key(&mut self, key: &str) {
        self.bytes.extend_from_slice(b",\"");
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    fn word(&mut self, key: &str, word: &str) {
        self.key(key);
        self.bytes.push(b'"');
        push_text(&mut self.bytes, word);
        self.bytes.push(b'"');
    }

    /// Text of foreign bytes; as digits under another name if it is not UTF-8.
    fn text(&mut self, key: &str, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(text) => self.word(key, text),
            Err(_) => self.digits(&format!("{key}_hex"), text),
        }
    }

    fn digits(&mut self, key: &str, bytes: &[u8]) {
        self.key(key);
        self.bytes.push(b'"');
        push_hex(&mut self.bytes, bytes);
        self.bytes.push(b'"');
    }

    fn public(&mut self, key: &str, value: &PublicKey) {
        self.key(key);
        self.bytes.push(b'"');
        push_key(&mut self.bytes, &value.0);
        self.bytes.push(b'"');
    }

    fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        push_unsigned(&mut self.bytes, number);
    }

    fn flag(&mut self, key: &str, flag: bool) {
        self.key(key);
        self.bytes.extend_from_slice(if flag { b"true" } else { b"false" });
    }

    fn null(&mut self, key: &str) {
        self.key(key);
        self.bytes.extend_from_slice(b"null");
    }

    fn member(&mut self, key: &str, who: Option<MemberId>) {
        match who.and_then(|who| self.names.get(who.index())) {
            Some(name) => self.word(key, name),
            None => self.null(key),
        }
    }

    fn event(&mut self, event: &Event, about: Option<MemberId>) {
        match event {
            Event::Invited { .. } => {
                self.word("what", "invited");
                self.member("by", about);
            }
            Event::Opened { group, conference } => {
                self.word("what", "opened");
                self.number("group_number", u64::from(group.0));
                self.word("conference_type", conference.kind.name());
                self.digits("conference_id", &conference.id.0);
            }
            Event::Connected { .. } => self.word("what", "connected"),
            Event::Closed { .. } => self.word("what", "closed"),
            Event::PeerJoined { peer, thawed, .. } => {
                self.word("what", "peer_joined");
                self.member("peer", about);
                self.number("peer_number", u64::from(peer.0));
                self.flag("thawed", *thawed);
            }
            Event::PeerLeft { peer, why, .. } => {
                self.word("what", "peer_left");
                self.member("peer", about);
                self.number("peer_number", u64::from(peer.0));
                let why = match why {
                    Departure::Killed => "killed",
                    Departure::Frozen => "frozen",
                    Departure::Deleted => "deleted",
                    Departure::Replaced => "replaced",
                };
                self.word("why", why);
            }
            Event::Evicted { peer, .. } => {
                self.word("what", "evicted");
                self.member("peer", about);
                self.number("peer_number", u64::from(peer.0));
            }
            Event::Named { name, .. } => {
                self.word("what", "named");
                self.member("peer", about);
                self.text("name", name);
            }
            Event::Titled { title, .. } => {
                self.word("what", "titled");
                self.member("by", about);
                self.text("title", title);
            }
            Event::Said { action, text, .. } => {
                self.word("what", if *action { "acted" } else { "said" });
                self.member("by", about);
                self.text("text", text);
            }
            Event::Heard { sequence_number, opus, .. } => {
                self.word("what", "heard");
                self.member("by", about);
                self.number("sequence_number", u64::from(*sequence_number));
                self.digits("opus", opus);
            }
            Event::Impersonated { message_number, .. } => {
                self.word("what", "impersonated");
                self.number("message_number", u64::from(message_number.0));
            }
        }
    }
}

impl<'n> StoryLines<'n> {
    /// Ready for a world whose members have these names; with `all`, every packet gets a line, and
    /// whatever has no effect.
    #[must_use]
    pub const fn new(names: &'n [String], all: bool) -> Self {
        Self { names, all }
    }

    /// Writes one thing that happened, if it is to be shown, and a line feed.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&self, now: Nanos, what: &Happening<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut object = Object { bytes: b"{\"schema\":".to_vec(), names: self.names };
        push_unsigned(&mut object.bytes, SCHEMA);
        object.word("time", &timestamp(now).to_string());
        object.key("rel");
        push_nanos(&mut object.bytes, now);
        match what {
            Happening::Starts { who, endpoint, save } => {
                object.member("who", Some(*who));
                object.word("what", "starts");
                object.public("real_key", &endpoint.real_key());
                object.public("dht_key", &endpoint.dht_key());
                object.word("profile", &endpoint.profile().to_string());
                match save {
                    Some(place) => object.number("save", *place as u64 + 1),
                    None => object.null("save"),
                }
            }
            Happening::Deed { line, text } => {
                object.word("what", "line");
                object.number("line", *line as u64);
                object.word("text", text);
            }
            Happening::Refused { line, who, why, expected } => {
                object.member("who", *who);
                object.word("what", "in_vain");
                object.number("line", *line as u64);
                object.word("why", why);
                object.flag("expected", *expected);
            }
            Happening::Expectation { line, text, failed } => {
                object.word("what", "expectation");
                object.number("line", *line as u64);
                object.word("text", text);
                object.flag("met", failed.is_none());
                if let Some(why) = failed {
                    object.word("why", why);
                }
            }
            Happening::Session { who, with, up } => {
                object.member("who", Some(*who));
                object.word("what", if *up { "session_up" } else { "session_down" });
                object.member("with", Some(*with));
            }
            Happening::Told { who, event, about } => {
                object.member("who", Some(*who));
                object.event(event, *about);
            }
            Happening::Sent { from, to, bytes } if self.all => {
                let kind = Packet::parse(bytes).map_or(Kind::Malformed, |packet| packet.kind());
                object.member("who", Some(*from));
                object.word("what", "sent");
                object.member("to", Some(*to));
                object.word("kind", kind.name());
                object.digits("bytes", bytes);
            }
            Happening::Dropped { who, from, reason } if self.all => {
                object.member("who", Some(*who));
                object.word("what", "dropped");
                object.member("from", *from);
                object.word("reason", DropReason::name(reason));
            }
            Happening::Sent { .. } | Happening::Dropped { .. } => return Ok(()),
            Happening::Broken { who, what } => {
                object.member("who", Some(*who));
                object.word("what", "invariant_broken");
                object.word("found", what);
            }
        }
        object.bytes.extend_from_slice(b"}\n");
        out.write_all(&object.bytes)
    }
}
