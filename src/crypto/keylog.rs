//! Key logs: text files of secrets, one a line (`docs/key-log.md`).
//!
//! | Line | Meaning |
//! |---|---|
//! | `SHARED <public key> <public key> <key>` | the precomputed key of two parties |
//! | `BOX <public key> <key>` | the same, with only one of the two known |
//! | `NONCE <key> <nonce>` | a nonce that this precomputed key was used with |
//! | `DHT\|ID\|SESSION <public key> <secret key>` | a key pair, from which keys are derived |
//! | `NAME <public key> <text>` | not secret: what to call a person |
//!
//! The longer spellings of packets §11.1 (`DHT_SHARED`, `LONGTERM_SHARED`, `TCP_SHARED`, and `SESSION` with
//! six public parts) are read too. What a line says is handed to a visitor, so that nothing is kept twice.

use std::io::{self, BufRead};

use zeroize::{Zeroize, Zeroizing};

use super::cipher::{BoxKey, SecretKey};
use crate::wire::{Nonce, PublicKey, array_from_hex};

/// What the first line of a key log says, so that a section comment can be told to be one.
pub const MAGIC: &str = "tox-keylog 1";

/// The longest line that is read, in bytes without its end; longer ones are skipped and counted.
pub const LONGEST_LINE: usize = 4096;

/// The longest name of a person that is read, in bytes: twice what a Tox client may be called.
pub(super) const LONGEST_NAME: usize = 256;

/// What a key pair is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// The DHT key pair, new at every start of a client.
    Dht,
    /// The long-term ("real") key pair: the identity.
    Identity,
    /// The key pair of one net_crypto session.
    Session,
}

/// What one line says.
pub(super) enum Line {
    /// A precomputed key and the one or two parties known to share it, with nonces it was used with, and
    /// the people who used them, by their long-term keys.
    Key {
        key: BoxKey,
        parties: [Option<PublicKey>; 2],
        nonces: [Option<Nonce>; 2],
        people: [Option<PublicKey>; 2],
    },
    /// A key pair.
    Pair { purpose: Purpose, public: PublicKey, secret: SecretKey },
    /// What to call the owner of a public key. Any bytes: hostile until escaped.
    Name { public: PublicKey, name: Vec<u8> },
}

/// How the lines of one key log were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that said something.
    pub understood: u64,
    /// Lines with a label that is not known here; another program's, perhaps.
    pub unknown: u64,
    /// Lines with a known label but a wrong number of fields, wrong lengths, or digits that are not
    /// hexadecimal; names without or with too many bytes; and lines over [`LONGEST_LINE`].
    pub damaged: u64,
    /// The numbers, from 1, of the first damaged lines. Never their text, which may be secret.
    pub first_damaged: Vec<u64>,
}

impl Tally {
    /// Counts another key log's lines as well.
    pub fn add(&mut self, other: &Self) {
        self.understood += other.understood;
        self.unknown += other.unknown;
        self.damaged += other.damaged;
        let room = DAMAGED_LINES_NAMED.saturating_sub(self.first_damaged.len());
        self.first_damaged.extend(other.first_damaged.iter().take(room));
    }
}

/// How many damaged lines are remembered by number.
const DAMAGED_LINES_NAMED: usize = 8;

/// Reads a whole key log and hands every line's meaning to `visit`.
///
/// Never fails because of what a line holds: see [`Tally`].
///
/// # Errors
///
/// Only what `input` itself reports.
pub(super) fn read(mut input: impl BufRead, mut visit: impl FnMut(Line)) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.zeroize();
        let fits = match read_line(&mut input, &mut line)? {
            Ended::AtInputEnd if line.is_empty() => break,
            Ended::AtInputEnd | Ended::AtLineEnd => true,
            Ended::TooLong => false,
        };
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        let text = without_mark(text, number);
        match if fits { parse_line(text) } else { Parsed::Damaged } {
            Parsed::Nothing => {}
            Parsed::UnknownLabel => tally.unknown += 1,
            Parsed::Damaged => {
                tally.damaged += 1;
                if tally.first_damaged.len() < DAMAGED_LINES_NAMED {
                    tally.first_damaged.push(number);
                }
            }
            Parsed::Line(said) => {
                tally.understood += 1;
                visit(said);
            }
        }
    }
    line.zeroize();
    Ok(tally)
}

/// What became of the lines of a key log in [`sift`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sifted {
    /// Lines that were copied.
    pub kept: u64,
    /// `ID` lines that were left out: whoever has one can become its owner.
    pub identities: u64,
    /// Other lines that were left out: damaged, not UTF-8, or with an unknown label.
    pub others: u64,
}

/// Appends to `out` the lines of a key log that say something, as they stand; the secret keys of
/// identities only if asked for.
///
/// # Errors
///
/// Only what `input` itself reports.
pub fn sift(
    mut input: impl BufRead,
    identities: bool,
    out: &mut Zeroizing<Vec<u8>>,
) -> io::Result<Sifted> {
    let mut sifted = Sifted::default();
    let mut line = Zeroizing::new(Vec::new());
    for number in 1.. {
        line.zeroize();
        let fits = match read_line(&mut input, &mut line)? {
            Ended::AtInputEnd if line.is_empty() => break,
            Ended::AtInputEnd | Ended::AtLineEnd => true,
            Ended::TooLong => false,
        };
        let text = without_mark(&line, number).trim_ascii();
        match if fits { parse_line(text) } else { Parsed::Damaged } {
            Parsed::Nothing => {}
            Parsed::Line(Line::Pair { purpose: Purpose::Identity, .. }) if !identities => {
                sifted.identities += 1;
            }
            Parsed::Line(_) if str::from_utf8(text).is_ok() => {
                sifted.kept += 1;
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            Parsed::Line(_) | Parsed::UnknownLabel | Parsed::Damaged => sifted.others += 1,
        }
    }
    Ok(sifted)
}

/// Cuts a key log into comments of pcapng sections, which have a greatest length; each of them is a key
/// log of its own. Lines that are not UTF-8, as comments have to be, are left out.
#[must_use]
pub fn comments(log: &[u8]) -> Vec<Zeroizing<String>> {
    let mut comments: Vec<Zeroizing<String>> = Vec::new();
    for line in log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(line) = str::from_utf8(line) else { continue };
        let room = |comment: &&mut Zeroizing<String>| comment.len() + line.len() < LONGEST_COMMENT;
        let comment = match comments.last_mut().filter(room) {
            Some(comment) => comment,
            None => {
                let mut comment = Zeroizing::new(String::with_capacity(LONGEST_COMMENT));
                comment.push_str(MAGIC);
                comment.push('\n');
                comments.push(comment);
                match comments.last_mut() {
                    Some(comment) => comment,
                    None => return comments,
                }
            }
        };
        comment.push_str(line);
        comment.push('\n');
    }
    comments
}

/// Whether a comment is a key log: its first line says so (`docs/key-log.md`).
#[must_use]
pub fn is_key_log(comment: &[u8]) -> bool {
    let text = comment.strip_prefix(b"#").unwrap_or(comment).trim_ascii_start();
    text.starts_with(MAGIC.as_bytes())
}

/// The longest comment that pcapng has, in bytes.
const LONGEST_COMMENT: usize = 65_535;

/// A line without the byte order mark that may begin a file.
fn without_mark(line: &[u8], number: u64) -> &[u8] {
    if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
}

enum Ended {
    AtLineEnd,
    AtInputEnd,
    TooLong,
}

/// Appends one line without its LF to `line`, and at most [`LONGEST_LINE`] bytes of it.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Ended> {
    let mut too_long = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok(if too_long { Ended::TooLong } else { Ended::AtInputEnd });
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let (part, _) = chunk.split_at(end.unwrap_or(chunk.len()));
        if line.len() + part.len() > LONGEST_LINE {
            too_long = true;
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(if too_long { Ended::TooLong } else { Ended::AtLineEnd });
        }
    }
}

#[expect(clippy::large_enum_variant, reason = "none is kept")]
enum Parsed {
    Nothing,
    UnknownLabel,
    Damaged,
    Line(Line),
}

fn parse_line(line: &[u8]) -> Parsed {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let label = match fields.next() {
        None => return Parsed::Nothing,
        Some(label) if label.starts_with(b"#") => return Parsed::Nothing,
        Some(label) => label,
    };
    let said = match label {
        b"SHARED" | b"DHT_SHARED" | b"LONGTERM_SHARED" => shared(&mut fields),
        b"BOX" => lone(&mut fields),
        b"NONCE" => nonce(&mut fields),
        b"DHT" => pair(Purpose::Dht, &mut fields),
        b"ID" => pair(Purpose::Identity, &mut fields),
        b"SESSION" if fields.clone().count() > 2 => whole_session(&mut fields),
        b"SESSION" => pair(Purpose::Session, &mut fields),
        b"TCP_SHARED" => relay(&mut fields),
        b"NAME" => return named(line).map_or(Parsed::Damaged, Parsed::Line),
        _ => return Parsed::UnknownLabel,
    };
    match said {
        Some(said) if fields.next().is_none() => Parsed::Line(said),
        _ => Parsed::Damaged,
    }
}

fn shared<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Line> {
    let parties = [Some(public_key(fields)?), Some(public_key(fields)?)];
    Some(key(BoxKey::new(hex(fields.next()?)?), parties, None))
}

fn lone<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Line> {
    let parties = [Some(public_key(fields)?), None];
    Some(key(BoxKey::new(hex(fields.next()?)?), parties, None))
}

fn nonce<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Line> {
    let of = BoxKey::new(hex(fields.next()?)?);
    Some(key(of, [None; 2], Some(Nonce(hex(fields.next()?)?))))
}

fn key(key: BoxKey, parties: [Option<PublicKey>; 2], nonce: Option<Nonce>) -> Line {
    Line::Key { key, parties, nonces: [nonce, None], people: [None; 2] }
}

fn pair<'a>(purpose: Purpose, fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Line> {
    let public = public_key(fields)?;
    Some(Line::Pair { purpose, public, secret: SecretKey::new(hex(fields.next()?)?) })
}

/// `SESSION <real a> <session a> <base nonce a> <real b> <session b> <base nonce b> <key>`.
fn whole_session<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Line> {
    let mut half = || Some((public_key(fields)?, public_key(fields)?, Nonce(hex(fields.next()?)?)));
    let ((real_a, session_a, nonce_a), (real_b, session_b, nonce_b)) = (half()?, half()?);
    Some(Line::Key {
        key: BoxKey::new(hex(fields.next()?)?),
        parties: [Some(session_a), Some(session_b)],
        nonces: [Some(nonce_a), Some(nonce_b)],
        people: [Some(real_a), Some(real_b)],
    })
}

/// `TCP_SHARED <client's DHT> <relay's DHT> <client's base nonce> <relay's base nonce> <key>`.
fn relay<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Line> {
    let parties = [Some(public_key(fields)?), Some(public_key(fields)?)];
    let mut nonce = || hex(fields.next()?).map(Nonce);
    let nonces = [Some(nonce()?), Some(nonce()?)];
    Some(Line::Key { key: BoxKey::new(hex(fields.next()?)?), parties, nonces, people: [None; 2] })
}

/// The name is the rest of the line, inner spaces included.
fn named(line: &[u8]) -> Option<Line> {
    let rest = line.trim_ascii_start().strip_prefix(b"NAME")?.trim_ascii_start();
    let end = rest.iter().position(u8::is_ascii_whitespace)?;
    let (key, name) = rest.split_at(end);
    let name = name.trim_ascii();
    let fits = (1..=LONGEST_NAME).contains(&name.len());
    fits.then_some(Line::Name { public: PublicKey(hex(key)?), name: name.to_vec() })
}

fn public_key<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<PublicKey> {
    hex(fields.next()?).map(PublicKey)
}

fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    std::str::from_utf8(digits).ok().and_then(array_from_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
    const N: &str = "111111111111111111111111111111111111111111111111";

    /// What each line says, in a form that can be compared, and how the lines were taken.
    fn said(log: &[u8]) -> (Vec<String>, Tally) {
        let mut said = Vec::new();
        let tally = read(log, |line| {
            said.push(match line {
                Line::Key { parties, nonces, .. } => format!(
                    "key {} {}",
                    parties.iter().flatten().count(),
                    nonces.iter().flatten().count()
                ),
                Line::Pair { purpose, .. } => format!("pair {purpose:?}"),
                Line::Name { name, .. } => String::from_utf8_lossy(&name).into_owned(),
            });
        });
        (said, tally.unwrap())
    }

    #[test]
    fn every_label_is_read() {
        let log = format!(
            "# tox-keylog 1\n\nSHARED {A} {B} {A}\r\n  BOX {A} {B}\nNONCE {A} {N}\nDHT {A} {B}\n\
             ID {A} {B}\nSESSION {A} {B}\nNAME {A}  Ann  of Elsewhere \nDHT_SHARED {A} {B} {A}\n\
             LONGTERM_SHARED {A} {B} {A}\nSESSION {A} {A} {N} {B} {B} {N} {A}\nTCP_SHARED {A} {B} {N} {N} {A}\n\
             CLIENT_RANDOM 1 2"
        );
        let (said, tally) = said(log.as_bytes());
        let expected = [
            "key 2 0",
            "key 1 0",
            "key 0 1",
            "pair Dht",
            "pair Identity",
            "pair Session",
            "Ann  of Elsewhere",
            "key 2 0",
            "key 2 0",
            "key 2 2",
            "key 2 2",
        ];
        assert_eq!(said, expected);
        assert_eq!(tally, Tally { understood: 11, unknown: 1, ..Tally::default() });
    }

    #[test]
    fn damaged_lines_are_skipped_and_named_by_number() {
        let long = "x".repeat(LONGEST_LINE + 1);
        let log = format!(
            "BOX {A}\nBOX {A} {B} {B}\nBOX {A} {}\nNONCE {A} {A}\nBOX {A} {}\n{long}\nNAME {A}\n\
             NAME ann {A}\nBOX {A} {B}\n\0\0\nNAME {A} {}\n",
            &B[1..],
            B.replace("BB", "é"),
            "x".repeat(LONGEST_NAME + 1),
        );
        let (said, tally) = said(log.as_bytes());
        assert_eq!(said, ["key 1 0"]);
        let first_damaged = (1..=8).collect();
        assert_eq!(tally, Tally { understood: 1, unknown: 1, damaged: 9, first_damaged });
    }

    #[test]
    fn sifting_keeps_what_is_understood_and_no_identity_unasked() {
        let log = format!(
            "\u{feff}# tox-keylog 1\r\nID {A} {B}\r\n BOX {A} {B}\nX 1\nDHT {A}\nDHT {A} {B}"
        );
        let sifted = |identities| {
            let mut out = Zeroizing::default();
            let sifted = sift(log.as_bytes(), identities, &mut out).unwrap();
            (String::from_utf8(out.to_vec()).unwrap(), sifted)
        };
        let (kept, others) = (format!("BOX {A} {B}\nDHT {A} {B}\n"), 2);
        assert_eq!(sifted(false), (kept.clone(), Sifted { kept: 2, identities: 1, others }));
        let all = format!("ID {A} {B}\n{kept}");
        assert_eq!(sifted(true), (all, Sifted { kept: 3, identities: 0, others }));
    }

    #[test]
    fn a_long_log_becomes_several_comments_that_are_key_logs_themselves() {
        let line = format!("BOX {A} {B}\n");
        let log = line.repeat(2000) + "NAME \n";
        let comments = comments(&[log.as_bytes(), b"\xff\n"].concat());
        assert_eq!(comments.len(), (2000 * line.len()).div_ceil(LONGEST_COMMENT));
        assert!(comments.iter().all(|it| it.len() <= LONGEST_COMMENT && is_key_log(it.as_bytes())));
        let lines: usize = comments.iter().map(|comment| comment.lines().count() - 1).sum();
        assert_eq!(lines, 2001);
    }

    #[test]
    fn a_byte_order_mark_and_a_last_line_without_end_are_no_matter() {
        let (said, tally) = said(format!("\u{feff}BOX {A} {B}\nBOX {A} {B}").as_bytes());
        assert_eq!((said.len(), tally.damaged), (2, 0));
    }
}
