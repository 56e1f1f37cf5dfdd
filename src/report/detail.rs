//! Records as trees: every field with its place in the packet, and the bytes if wanted.

use std::fmt;
use std::io::{self, Write};

use super::hexdump::hexdump;
use super::moment::{TimeStyle, Times};

use super::style::{Tone, styled};
use crate::dissect::{Content, Party, Record, Relay};
use crate::printable::printable;
use crate::wire::layout::{self, Part, Parts, Shape, Value};
use crate::wire::{Hex, Malformed, Packet};

/// Writes records, or packets alone, as trees.
pub struct Detail {
    times: Times,
    color: bool,
    /// Whether bytes follow.
    hex: bool,
    first: bool,
}

impl Detail {
    /// Ready for the first record; with `hex`, the bytes of each packet follow its tree.
    #[must_use]
    pub const fn new(time: TimeStyle, color: bool, hex: bool) -> Self {
        Self { times: Times::new(time), color, hex, first: true }
    }

    /// For packets that belong to no capture.
    #[must_use]
    pub const fn alone(color: bool, hex: bool) -> Self {
        Self::new(TimeStyle::Relative, color, hex)
    }

    /// Writes one record; an empty line keeps it apart from the one before.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&mut self, record: &Record<'_>, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::take(&mut self.first) {
            writeln!(out)?;
        }
        writeln!(
            out,
            "frame {} at byte {}, {}",
            record.frame,
            record.offset,
            self.times.of(record.at, record.rel)
        )?;
        writeln!(out, "  from {}{}", record.src, Known(&record.from))?;
        writeln!(out, "  to   {}{}", record.dst, Known(&record.to))?;
        if let Some(relay) = &record.relay {
            writeln!(out, "  {}", Way(relay))?;
        }
        if record.truncated {
            writeln!(out, "  {}", styled(self.color, Tone::Wrong, "cut by the snap length"))?;
        }
        match &record.content {
            Content::Data(Ok(data)) => {
                let resend = match (data.copy, data.resend) {
                    (true, _) => ", the very same seen before",
                    (false, true) => ", seen before",
                    (false, false) => "",
                };
                writeln!(
                    out,
                    "  session {}, number {}, ack {}{resend}",
                    data.session, data.number, data.ack
                )?;
                match &data.packet {
                    Some(packet) => {
                        self.title(packet, out)?;
                        if let Some(conference) = &data.context.conference {
                            writeln!(out, "  of conference {}", conference.id)?;
                        }
                        if data.context.author.real_key.is_some() {
                            writeln!(out, "  of author{}", Known(&data.context.author))?;
                        }
                    }
                    None => self.heading(data.kind(), data.bytes.len(), out)?,
                }
                self.body(layout::parts(data.bytes), data.bytes, out)
            }
            content => {
                self.heading(record.kind(), record.datagram.len(), out)?;
                if let Some(why) = record.sealed() {
                    let why = format_args!("sealed: {}", why.title());
                    writeln!(out, "  {}", styled(self.color, Tone::Wrong, why))?;
                }
                let parts = match content {
                    Content::RelayHandshake(_) => layout::relay_handshake_parts,
                    Content::RelayAnswer(_) => layout::relay_answer_parts,
                    Content::Relay(Ok(_)) => layout::relay_packet_parts,
                    Content::Relay(Err(_)) => layout::relay_frame_parts,
                    _ => layout::datagram_parts,
                };
                self.body(parts(record.datagram), record.datagram, out)
            }
        }
    }

    /// Writes a conference packet that belongs to no capture.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn packet(&self, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        self.title(&Packet::parse(bytes), out)?;
        self.body(layout::parts(bytes), bytes, out)
    }

    fn heading(&self, kind: &str, bytes: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "  {}, {bytes} bytes", styled(self.color, Tone::Strong, kind))
    }

    /// What a conference packet is, and what is wrong with it.
    fn title(
        &self,
        packet: &Result<Packet<'_>, Malformed<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let fault = match packet {
            Ok(packet) => {
                let mut bytes = Vec::new();
                packet.emit(&mut bytes);
                self.heading(packet.kind().name(), bytes.len(), out)?;
                match packet {
                    Packet::PeerResponse(response) => response.fault(),
                    _ => None,
                }
            }
            Err(malformed) => {
                let intended = malformed.intended();
                let kind = if intended == crate::wire::Kind::Malformed {
                    intended.name().to_owned()
                } else {
                    format!("malformed {}", intended.name())
                };
                self.heading(&kind, malformed.bytes.len(), out)?;
                Some(malformed.error)
            }
        };
        match fault {
            Some(fault) => writeln!(out, "  {}", styled(self.color, Tone::Wrong, fault)),
            None => Ok(()),
        }
    }

    fn body(&self, parts: Parts<'_>, bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
        for part in parts {
            let value = Shown(&part);
            let tone = match part.value {
                Value::Cut(_) => Some(Tone::Wrong),
                Value::Text(_) => Some(Tone::Said),
                _ => None,
            };
            let name = part.path().to_string();
            write!(out, "    {:>5} {:>5}  {name:22} ", part.offset, part.bytes.len())?;
            match tone {
                Some(tone) => writeln!(out, "{}", styled(self.color, tone, value))?,
                None => writeln!(out, "{value}")?,
            }
        }
        if self.hex { hexdump(bytes, "    ", out) } else { Ok(()) }
    }
}

/// Where a packet is in a connection to a relay.
struct Way<'a>(&'a Relay);

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Relay { stream, to_relay, kind, connection_id, dht_key } = self.0;
        let way = match to_relay {
            Some(true) => "to the relay",
            Some(false) => "from the relay",
            None => "to or from a relay",
        };
        write!(f, "{way}, TCP connection {stream}")?;
        if let Some(kind) = kind {
            write!(f, ", {kind}")?;
        }
        if let Some(connection_id) = connection_id {
            write!(f, " on connection {connection_id}")?;
        }
        match dht_key {
            Some(dht_key) => write!(f, ", other client's DHT key {dht_key}"),
            None => Ok(()),
        }
    }
}

/// What is known of somebody, after a space.
struct Known<'a>(&'a Party<'a>);

impl fmt::Display for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = self.0.real_key {
            write!(f, " {key}")?;
        }
        if let Some(name) = self.0.name {
            write!(f, " {}", printable(name).quoted())?;
        }
        Ok(())
    }
}

/// Bytes that are no text and longer than this are counted; the hex dump shows them.
const INLINE_BYTES: usize = 32;

/// The value of a part.
struct Shown<'a, 'b>(&'a Part<'b>);

impl fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.value {
            Value::Number(number) if self.0.field.shape == Shape::U8 => {
                write!(f, "{number} (0x{number:02x})")
            }
            Value::Number(number) => number.fmt(f),
            Value::Key(key) => key.fmt(f),
            Value::Nonce(nonce) => nonce.fmt(f),
            Value::ConferenceType(kind) => write!(f, "{} ({})", kind.0, kind.name()),
            Value::ConferenceId(id) => id.fmt(f),
            Value::Text(text) => printable(text).quoted().fmt(f),
            Value::Bytes(bytes) if bytes.len() > INLINE_BYTES => {
                let start = bytes.get(..INLINE_BYTES).unwrap_or(bytes);
                write!(f, "{}… ({} bytes)", Hex(start), bytes.len())
            }
            Value::Bytes(bytes) => Hex(bytes).fmt(f),
            Value::Cut(bytes) => write!(f, "{} and no more", Hex(bytes)),
        }
    }
}
