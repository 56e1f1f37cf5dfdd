//! What was mutated in a capture, as lines for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::style::{Tone, styled};
use super::who::{self, Who};
use crate::dissect::Party;
use crate::mutate::{Content, Mutation};
use crate::printable::printable;
use crate::reseal::Packet;
use crate::wire::{Hex, Kind, PublicKey};

/// Columns of text that are shown, and bytes of anything else.
const TEXT: usize = 60;
const BYTES: usize = 24;

/// Writes what was mutated, a line each.
pub struct Mutations<'a> {
    /// What people are called. Hostile bytes.
    pub names: &'a BTreeMap<PublicKey, Vec<u8>>,
    /// Whether to colour.
    pub color: bool,
}

impl Mutations<'_> {
    /// Writes one mutation of a packet and a line feed; `frame` is the one that has it now, if any has.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(
        &self,
        packet: &Packet,
        frame: Option<u64>,
        mutation: &Mutation,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let party = |key: Option<PublicKey>| {
            let name = key.and_then(|key| self.names.get(&key)).map(Vec::as_slice);
            Party { real_key: key, name }
        };
        let (from, to) = (party(packet.from), party(packet.to));
        let change = &mutation.change;
        let kind = packet.kind().unwrap_or(Kind::Unknown).name();
        let mut told = change.name.to_owned();
        if !change.field.is_empty() {
            let _ = write!(told, "  {}", change.field);
        }
        match (&change.before, &change.after) {
            (Content::Nothing, Content::Nothing) => {}
            (Content::Nothing, after) => {
                let _ = write!(told, "  {}", Told(after));
            }
            (before, after) => {
                let _ = write!(told, "  {} → {}", Told(before), Told(after));
            }
        }
        writeln!(
            out,
            "{:>7} → {:<7}  {:width$} → {:width$}  {}  {told}",
            packet.frame,
            frame.map_or_else(|| "-".to_owned(), |frame| frame.to_string()),
            Who { party: &from, address: None },
            Who { party: &to, address: None },
            styled(self.color, Tone::Strong, format_args!("{kind:15}")),
            width = who::WIDTH,
        )
    }
}

/// What a field holds, so that it can be seen.
struct Told<'a>(&'a Content);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Content::Nothing => f.write_str("nothing"),
            Content::Number(number) => write!(f, "{number}"),
            Content::Count(count) => write!(f, "{count}"),
            Content::Size(size) => write!(f, "{size} bytes"),
            Content::Text(text) => {
                write!(f, "{}", printable(text).quoted().cut(TEXT))?;
                if text.len() > TEXT { write!(f, " ({} bytes)", text.len()) } else { Ok(()) }
            }
            Content::Bytes(bytes) => match bytes.get(..BYTES).filter(|it| it.len() < bytes.len()) {
                None => write!(f, "{}", Hex(bytes)),
                Some(start) => write!(f, "{}… ({} bytes)", Hex(start), bytes.len()),
            },
            Content::Later(nanos) => {
                let (millis, way) = (
                    nanos.unsigned_abs() / 1_000_000,
                    if *nanos < 0 { "earlier" } else { "later" },
                );
                write!(f, "{}.{:03} s {way}", millis / 1000, millis % 1000)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_field_held_is_only_seen() {
        let told = |content| Told(&content).to_string();
        assert_eq!(told(Content::Text(b"a\x1b[2J\xff".to_vec())), "\"a\\x1b[2J\\xff\"");
        let long = told(Content::Text(vec![b'x'; 129]));
        assert!(long.ends_with("x\"… (129 bytes)"), "{long}");
        assert_eq!(told(Content::Bytes(vec![0xab; 24])), "ab".repeat(24));
        assert_eq!(told(Content::Bytes(vec![0; 25])), format!("{}… (25 bytes)", "00".repeat(24)));
        assert_eq!(told(Content::Later(-1_250_000_000)), "1.250 s earlier");
        assert_eq!(told(Content::Number(65_535)), "65535");
    }
}
