//! `toxscope keys`: key logs, and key logs inside captures.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufReader, Cursor, Read, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use zeroize::Zeroizing;

use super::Done;
use super::args::{
    ChangeArgs, EmbedArgs, ExtractArgs, InputArgs, KeysCommand, ShowKeysArgs, SourceArgs,
    StripArgs, SummaryFormat,
};
use super::input::{Input, counted, of_capture, open, open_keys, shown};
use super::new_file::{NewFile, Readers};
use super::output::{Output, Stop, Talk, say};
use crate::capture::{Changes, Datagrams, Error, Event, Limits, Rewritten, rewrite};
use crate::crypto::{self, Inventory, comments, is_key_log, sift};
use crate::dissect::{Fields as _, Item, Value};
use crate::report;
use crate::wire::PublicKey;

/// How many people whose names may be wanted are remembered.
const PEOPLE: usize = 1 << 16;

pub(super) fn run(command: &KeysCommand, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    match command {
        KeysCommand::Show(args) => show(args, out, talk),
        KeysCommand::Embed(args) => embed(args, out, talk),
        KeysCommand::Extract(args) => extract(args, out, talk),
        KeysCommand::Strip(args) => strip(args, out, talk),
    }
}

/// What a capture holds of key logs.
struct Embedded {
    log: Zeroizing<Vec<u8>>,
    /// How many comments and blocks there were.
    pieces: u64,
    /// Secrets blocks of other types, which are not read.
    other_secrets: u64,
    error: Option<Error>,
}

impl Embedded {
    fn note(&self, name: &str) {
        let blocks = counted(self.other_secrets, "secrets block");
        if self.other_secrets > 0 {
            say(&format!(
                "{name}: {blocks} of another type; --secrets-type reads them as key logs"
            ));
        }
    }
}

/// Reads the key logs inside a capture to its end.
fn embedded(
    reader: Box<dyn Read + Send>,
    wanted_type: Option<u32>,
    max_decompressed: u64,
) -> Result<Embedded, Error> {
    let mut found =
        Embedded { log: Zeroizing::default(), pieces: 0, other_secrets: 0, error: None };
    let mut datagrams = Datagrams::new(reader, limits(max_decompressed))?;
    loop {
        let text = match datagrams.next() {
            Ok(Some(Event::Comment(text))) if is_key_log(text) => text,
            Ok(Some(Event::Secrets { secrets_type, data })) => {
                if wanted_type != Some(secrets_type) {
                    found.other_secrets += 1;
                    continue;
                }
                data
            }
            Ok(Some(_)) => continue,
            Ok(None) => return Ok(found),
            Err(error) => return Ok(Embedded { error: Some(error), ..found }),
        };
        found.pieces += 1;
        // The first line of a piece tells what it is; a comment has it without `#`.
        let lines = text.strip_prefix(crypto::MAGIC.as_bytes()).unwrap_or(text);
        found.log.extend_from_slice(lines.trim_ascii_start());
        if !found.log.ends_with(b"\n") {
            found.log.push(b'\n');
        }
    }
}

fn limits(max_decompressed: u64) -> Limits {
    Limits { max_decompressed, ..Limits::default() }
}

fn show(args: &ShowKeysArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let mut inventory = Inventory::default();
    let (mut secrets, mut ended) = (Zeroizing::default(), Ok(Done::Clean));
    for path in &args.files {
        let name = shown(path);
        let (head, reader) = peeked(path)?;
        let log = if looks_packed_or_capture(&head) {
            let found = embedded(reader, args.secrets_type, args.max_decompressed)
                .map_err(|error| of_capture(&name, &error))?;
            if !talk.quiet {
                let pieces = counted(found.pieces, "piece");
                say(&format!("{name}: a capture with {pieces} of key log inside"));
                found.note(&name);
            }
            if let Some(error) = &found.error {
                ended = Err(Stop::Failed(of_capture(&name, error)));
            }
            found.log
        } else {
            let mut log = Zeroizing::default();
            let cannot = || format!("cannot read keys from {name}");
            reader.take(MOST).read_to_end(&mut log).with_context(cannot)?;
            log
        };
        inventory.read(log.as_slice()).expect("reading from memory does not fail");
        if args.secrets {
            let sifted = sift(log.as_slice(), true, &mut secrets);
            sifted.expect("reading from memory does not fail");
        }
    }
    out.write(|out| {
        if args.secrets {
            writeln!(out, "# {}", crypto::MAGIC)?;
            return out.write_all(&secrets);
        }
        match args.format {
            SummaryFormat::Table => report::keys_table(&inventory, out),
            SummaryFormat::Json => report::keys_json(&inventory, out),
        }
    })?;
    ended
}

/// The longest key log that is shown, in bytes.
const MOST: u64 = 1 << 30;

/// The first bytes of a file, and a reader that begins with them.
fn peeked(path: &Path) -> anyhow::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut reader = open_keys(path)?;
    let mut head = Vec::new();
    let cannot = || format!("cannot read {}", shown(path));
    reader.by_ref().take(4).read_to_end(&mut head).with_context(cannot)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(reader))))
}

/// Whether a file is to be read as a capture: a key log begins with text.
fn looks_packed_or_capture(head: &[u8]) -> bool {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    // A byte order mark is text too. A section header of pcapng begins with an empty line.
    head == [0x0a, 0x0d, 0x0d, 0x0a]
        || !(head.iter().all(is_text) || head.starts_with(&[0xef, 0xbb, 0xbf]))
}

pub(super) fn embed(args: &EmbedArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    if args.file.as_os_str() == "-" {
        return Err(anyhow!("embedding reads the capture twice, so it has to be a file").into());
    }
    let mut log = Zeroizing::default();
    let mut left_out = 0;
    if args.all {
        for path in &args.keys {
            let reader = BufReader::new(open_keys(path)?);
            let cannot = || format!("cannot read keys from {}", shown(path));
            let sifted = sift(reader, args.identities, &mut log).with_context(cannot)?;
            left_out += sifted.identities;
        }
        if args.keys.is_empty() {
            return Err(anyhow!("--all needs to be told which key log: -k FILE").into());
        }
        if log.is_empty() {
            return Err(anyhow!("there is no key to embed").into());
        }
    } else {
        let keys = used_keys(args, &mut log, out, talk)?;
        if !talk.quiet {
            say(&format!("{} open something here", counted(keys as u64, "key")));
        }
    }
    if left_out > 0 && !talk.quiet {
        let lines = counted(left_out, "ID line");
        say(&format!(
            "{lines} left out: whoever has one can become its owner; --identities embeds them"
        ));
    }
    let comments = comments(&log);
    let add: Vec<&str> = comments.iter().map(|comment| comment.as_str()).collect();
    // What the capture uses of the keys that are inside already is among the new ones.
    let keep_comment = |comment: &[u8]| args.all || !is_key_log(comment);
    let changes = Changes { add: &add, keep_comment: &keep_comment, keep_secrets: true };
    let (reader, _) = open(&args.file)?;
    let done = written(reader, &args.out, &args.change, Readers::Owner, &changes, out)?;
    ended(&shown(&args.file), done, talk)
}

/// Appends a key log of what opens the capture, and the names of the people in it.
fn used_keys(
    args: &EmbedArgs,
    log: &mut Zeroizing<Vec<u8>>,
    out: &mut Output,
    talk: Talk,
) -> Result<usize, Stop> {
    let input = InputArgs {
        file: args.file.clone(),
        source: SourceArgs {
            keys: args.keys.clone(),
            secrets_type: args.secrets_type,
            max_decompressed: args.change.max_decompressed,
            ..SourceArgs::default()
        },
    };
    let input = Input::open(&input, out)?;
    let mut people = BTreeSet::new();
    let ended = input.each(|item| {
        if let Item::Record(record) = item {
            let _ = record.each(&mut |_, value| {
                if let Value::Key(key) = value
                    && people.len() < PEOPLE
                {
                    people.insert(PublicKey(*key));
                }
                ControlFlow::Continue(())
            });
        }
        Ok(())
    })?;
    // Where the keys are from is among them.
    ended.tell_notes(talk);
    let ring = ended.dissector.sessions().ring();
    let keys = ring.write_used(|public| people.contains(public), log);
    if keys == 0 {
        return Err(anyhow!("no key opens anything in {}", shown(&args.file)).into());
    }
    Ok(keys)
}

/// Copies a capture with changes into a new file.
fn written(
    reader: Box<dyn Read + Send>,
    to: &Path,
    args: &ChangeArgs,
    readers: Readers,
    changes: &Changes<'_>,
    out: &mut Output,
) -> Result<Rewritten, Stop> {
    let limits = limits(args.max_decompressed);
    let cannot = || format!("cannot write {}", shown(to));
    if to.as_os_str() == "-" {
        if out.is_terminal() {
            return Err(anyhow!("a capture is nothing for a terminal; name a file with -o").into());
        }
        let done = rewrite(reader, &limits, &mut *out, changes);
        return done.map_err(|error| out.stop(&error));
    }
    let mut file = NewFile::create(to, args.force, readers)?;
    let done = rewrite(reader, &limits, &mut file, changes).with_context(cannot)?;
    if !matches!(done.error, Some(Error::NotACapture(_))) {
        file.finish()?;
    }
    Ok(done)
}

/// What is wrong with the input is said once all before it is written.
fn ended(name: &str, done: Rewritten, talk: Talk) -> Result<Done, Stop> {
    if done.was_pcap && !talk.quiet {
        say(&format!("{name} is pcap, which has no place for keys: the copy is pcapng"));
    }
    match done.error {
        None => Ok(Done::Clean),
        Some(error) => Err(of_capture(name, &error).into()),
    }
}

fn extract(args: &ExtractArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let name = shown(&args.file);
    let (reader, _) = open(&args.file)?;
    let found = embedded(reader, args.secrets_type, args.change.max_decompressed)
        .map_err(|error| of_capture(&name, &error))?;
    if !talk.quiet {
        found.note(&name);
    }
    if found.pieces == 0 {
        let error = found.error.map(|error| of_capture(&name, &error));
        return Err(error.unwrap_or_else(|| anyhow!("there is no key log in {name}")).into());
    }
    let head = format!("# {}\n", crypto::MAGIC);
    if args.out.as_os_str() == "-" {
        out.write(|out| out.write_all(head.as_bytes()).and_then(|()| out.write_all(&found.log)))?;
    } else {
        let mut file = NewFile::create(&args.out, args.change.force, Readers::Owner)?;
        let cannot = || format!("cannot write {}", shown(&args.out));
        let whole = file.write_all(head.as_bytes()).and_then(|()| file.write_all(&found.log));
        whole.with_context(cannot)?;
        file.finish()?;
    }
    match found.error {
        None => Ok(Done::Clean),
        Some(error) => Err(of_capture(&name, &error).into()),
    }
}

fn strip(args: &StripArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    out.finish()?;
    if args.out.as_os_str() != "-" && is_same(&args.file, &args.out) {
        return Err(anyhow!("{} cannot be written while it is read", shown(&args.out)).into());
    }
    let name = shown(&args.file);
    let (reader, _) = open(&args.file)?;
    let keep_comment = |comment: &[u8]| !is_key_log(comment);
    let changes = Changes { add: &[], keep_comment: &keep_comment, keep_secrets: false };
    let done = written(reader, &args.out, &args.change, Readers::Usual, &changes, out)?;
    if !talk.quiet {
        let logs = counted(done.comments_left_out, "key log");
        let blocks = counted(done.secrets_left_out, "secrets block");
        say(&format!("{name}: {logs} and {blocks} left out"));
    }
    ended(&name, done, talk)
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_and_key_logs_are_told_apart_by_their_first_bytes() {
        for capture in [&b"\n\r\r\n"[..], &[0xd4, 0xc3, 0xb2, 0xa1], &[0x1f, 0x8b, 8, 0]] {
            assert!(looks_packed_or_capture(capture));
        }
        for log in [&b"# to"[..], b"SHAR", b"", b"\r\n", &[0xef, 0xbb, 0xbf, b'#']] {
            assert!(!looks_packed_or_capture(log));
        }
    }
}
