//! Captures and key logs: found, opened, read to their end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::Done;
use super::args::{InputArgs, SourceArgs};
use super::clocks::Part;
use super::names;
use super::output::{Output, Stop, Talk, say};
use super::progress::Progress;
use crate::capture::{self, Datagrams, Limits, NotUdp, StreamCounts};
use crate::crypto::{KeyRing, Sealed, Tally};
#[cfg(target_os = "linux")]
use crate::dissect::MoreKeys;
use crate::dissect::filter::Filter;
use crate::dissect::{
    self, Content, Dissector, Item, Record, Totals, count_unopened, stream_parallel,
};
use crate::report::{caret, printable};

/// A capture on its way through the dissector, or several that are read as one.
pub(super) struct Input {
    /// The files' names, printable.
    names: Vec<String>,
    datagrams: Datagrams<Box<dyn Read + Send>>,
    progress: Progress,
    dissector: Dissector,
    notes: Notes,
    pub(super) filter: Option<Filter>,
    /// What ended the capture, and what it was found to have, before [`Self::each`] began.
    error: Option<capture::Error>,
    closed: Closed,
}

impl Input {
    /// Opens the capture and its keys.
    pub(super) fn open(args: &InputArgs, out: &mut Output) -> anyhow::Result<Self> {
        Self::open_file(&args.file, &args.source, out)
    }

    /// Opens a capture and its keys.
    pub(super) fn open_file(
        path: &Path,
        args: &SourceArgs,
        out: &mut Output,
    ) -> anyhow::Result<Self> {
        Self::open_files(&[Part { path, shift: 0, place: 0 }], args, out)
    }

    /// Opens captures, at least one, that are read as one, and their keys.
    pub(super) fn open_files(
        parts: &[Part<'_>],
        args: &SourceArgs,
        out: &mut Output,
    ) -> anyhow::Result<Self> {
        let files = || parts.iter().map(|part| part.path);
        // What is wrong with the command line is said before any file is touched.
        let filter = args.filter.as_deref().map(filter).transpose()?;
        let has_stdin = files().any(|file| file.as_os_str() == "-");
        if has_stdin && args.keys.iter().any(|path| path.as_os_str() == "-") {
            bail!("standard input cannot be both the capture and a key log");
        }
        let mut notes = Notes::default();
        let mut ring = KeyRing::new();
        for path in &args.keys {
            let tally = read_keys(path, &mut ring)?;
            notes.tally(&shown(path), &tally);
        }
        let beside = files().filter(|_| args.keys.is_empty()).filter_map(key_log_beside);
        for path in beside {
            let shown = shown(&path);
            if fs::metadata(&path).is_ok_and(|found| found.is_file()) {
                let tally = read_keys(&path, &mut ring)?;
                let lines = counted(tally.understood, "line");
                notes.always.push(format!("keys from {shown} ({lines})"));
                notes.tally(&shown, &tally);
            } else {
                notes.always.push(format!("{shown} is not a regular file and was not used"));
            }
        }
        for path in &args.names {
            notes.names(&shown(path), names::read(path, &mut ring)?);
        }
        let names: Vec<_> = files().map(shown).collect();
        let opened = files().map(open).collect::<anyhow::Result<Vec<_>>>()?;
        let size = opened.iter().map(|(_, size)| *size).sum::<Option<u64>>();
        let progress = Progress::new(size, out.is_terminal());
        let limits = limits(args);
        let mut datagrams: Option<Datagrams<_>> = None;
        for ((name, (reader, _)), part) in names.iter().zip(opened).zip(parts) {
            let reader = progress.count(reader);
            let read = match datagrams {
                None => Datagrams::new(reader, limits.clone()),
                Some(others) => others.and(reader, part.shift),
            };
            datagrams = Some(read.map_err(|error| of_capture(name, &error))?);
        }
        let mut datagrams = datagrams.context("no capture")?;
        if size.is_some() {
            datagrams = datagrams.without_waiting();
        } else {
            out.input_may_pause();
        }
        let dissector = Dissector::new(ring, args.secrets_type);
        let (error, closed) = (None, Closed::default());
        Ok(Self { names, datagrams, progress, dissector, notes, filter, error, closed })
    }

    /// A capture that is being made on an interface, with keys that come meanwhile, and names for people.
    #[cfg(target_os = "linux")]
    pub(super) fn live(
        interface: &str,
        reader: Box<dyn Read + Send>,
        keys: Option<MoreKeys>,
        people: &[PathBuf],
        out: &mut Output,
    ) -> anyhow::Result<Self> {
        let (mut notes, mut ring) = (Notes::default(), KeyRing::new());
        for path in people {
            notes.names(&shown(path), names::read(path, &mut ring)?);
        }
        let name = printable(interface).to_string();
        let datagrams =
            Datagrams::new(reader, Limits::default()).map_err(|error| of_capture(&name, &error))?;
        out.input_may_pause();
        let mut dissector = Dissector::new(ring, None);
        if let Some(keys) = keys {
            dissector = dissector.with_more_keys(keys);
        }
        let (progress, closed) = (Progress::new(None, true), Closed::default());
        let (filter, error) = (None, None);
        Ok(Self { names: vec![name], datagrams, progress, dissector, notes, filter, error, closed })
    }

    /// Counts what comes before the first key, which is quicker than by its records; the rest is left
    /// to [`Self::each`].
    pub(super) fn count_unopened(&mut self) -> Totals {
        let mut totals = Totals::default();
        let mut progress = self.progress.start();
        let (datagrams, dissector) = (&mut self.datagrams, &mut self.dissector);
        self.error = count_unopened(datagrams, dissector, &mut totals, || progress.tick()).err();
        progress.finish();
        self.closed = Closed::of(&totals);
        totals
    }

    /// Hands everything that the capture holds to `visit`; then how many frames there were.
    ///
    /// What ended the capture early is told after everything before it was handed over.
    pub(super) fn each(
        mut self,
        mut visit: impl FnMut(Item<'_>) -> Result<(), Stop>,
    ) -> Result<Ended, Stop> {
        let mut progress = self.progress.start();
        let closed = &mut self.closed;
        let went = stream_parallel(self.datagrams, self.dissector, |item| {
            progress.tick();
            closed.note(&item);
            match visit(item) {
                Ok(()) => ControlFlow::Continue(()),
                Err(stop) => ControlFlow::Break(stop),
            }
        });
        progress.finish();
        match went {
            ControlFlow::Break(stop) => Err(stop),
            ControlFlow::Continue(dissect::Ended { mut datagrams, dissector, error }) => {
                let names = self.names;
                let tell = |error: &capture::Error| {
                    let name = names.get(usize::from(error.file())).map_or("", String::as_str);
                    of_capture(name, error)
                };
                let mut errors = self.error.or(error).into_iter().chain(datagrams.errors());
                let error = errors.next().map(|error| tell(&error));
                let others: Vec<_> = errors.map(|error| tell(&error).to_string()).collect();
                let (frames, streams) = (datagrams.frames(), datagrams.streams());
                let mut notes = self.notes;
                notes.always.extend(others);
                if let Some(tally) = dissector.embedded() {
                    let lines = counted(tally.understood, "line");
                    notes.always.push(format!("keys in {} itself ({lines})", names.join(", ")));
                    notes.tally(&format!("the key log in {}", names.join(", ")), tally);
                }
                let out_of_range = datagrams.times_out_of_range();
                if out_of_range > 0 {
                    let frames = counted(out_of_range, "frame");
                    let range = "before 1677 or after 2262, shown as the earliest or latest one";
                    notes.always.push(format!("{frames} with a time {range}"));
                }
                notes.limits(&dissector, datagrams.fragments().given_up, &streams);
                notes.always.extend(self.closed.told(&streams));
                Ok(Ended { frames, streams, dissector, notes, error })
            }
        }
    }
}

/// What a capture has that was not shown, for want of keys or because bytes are missing.
#[derive(Default)]
struct Closed {
    data: BTreeMap<Sealed, u64>,
    /// Frames between clients and relays.
    relay: BTreeMap<Sealed, u64>,
    /// Why the next record was counted before as one that stays closed.
    late: Option<Sealed>,
    data_opened: bool,
    has_relays: bool,
    tcp: u64,
    other_link: u64,
}

impl Closed {
    /// What was counted without keys.
    fn of(totals: &Totals) -> Self {
        let not_udp = |name| totals.not_udp.get(name).copied().unwrap_or(0);
        let (tcp, other_link) = (not_udp("tcp"), not_udp("other_link"));
        let (data, relay) = (totals.sealed.clone(), totals.relay.sealed.clone());
        let has_relays = totals.relay.connections() > 0;
        Self { data, relay, has_relays, tcp, other_link, ..Self::default() }
    }

    fn note(&mut self, item: &Item<'_>) {
        if let Item::Record(Record { relay: Some(_), .. }) = item {
            self.has_relays = true;
        }
        if let Item::Record(record) = item
            && let Some(why) = self.late.take()
            && let (Content::Data(_), Some(count)) = (&record.content, self.data.get_mut(&why))
        {
            *count -= 1;
        }
        match item {
            Item::Record(Record { content: Content::Relay(Err(why)), .. }) => {
                *self.relay.entry(*why).or_default() += 1;
            }
            Item::Record(Record { content: Content::Data(Err(why)), .. }) => {
                *self.data.entry(*why).or_default() += 1;
            }
            Item::Record(Record { content: Content::Data(Ok(_)), .. }) => self.data_opened = true,
            Item::NotUdp(NotUdp::Link(_)) => self.other_link += 1,
            Item::NotUdp(why) if why.name() == "tcp" => self.tcp += 1,
            Item::Late(why) => self.late = Some(*why),
            Item::Record(_) | Item::NotUdp(_) | Item::Pause => {}
        }
    }

    /// What to say about it, and about the streams that it is in.
    fn told(&self, streams: &StreamCounts) -> Vec<String> {
        let mut told = Vec::new();
        for (sealed, thing) in [(&self.data, "data packet"), (&self.relay, "frame")] {
            let count = sealed.values().sum();
            if count > 0 {
                let things = counted(count, thing);
                let of = if thing == "frame" { " between clients and relays" } else { "" };
                let reasons: Vec<_> = sealed
                    .iter()
                    .filter(|(_, count)| **count > 0)
                    .map(|(why, count)| format!("{count} {}", why.title()))
                    .collect();
                told.push(format!("{things}{of} not opened: {}", reasons.join("; ")));
            }
        }
        if self.other_link > 0 {
            let frames = counted(self.other_link, "frame");
            told.push(format!("{frames} with a link type that is not read"));
        }
        if self.tcp > 0 && !self.has_relays && !self.data_opened {
            let frames = counted(self.tcp, "TCP frame");
            told.push(format!("{frames}, but no beginning of a connection to a relay among them"));
        }
        if self.has_relays && streams.lost > 0 {
            let (bytes, holes) = (counted(streams.lost, "byte"), counted(streams.holes, "place"));
            told.push(format!("{bytes} of TCP connections are missing in the capture, in {holes}"));
        }
        if self.has_relays && streams.overlaps > 0 {
            let segments = counted(streams.overlaps, "TCP segment");
            told.push(format!(
                "{segments} with bytes that differ from earlier ones in their place, which were kept"
            ));
        }
        told
    }
}

/// The message of an error tells its cause already.
pub(super) fn of_capture(name: &str, error: &capture::Error) -> anyhow::Error {
    anyhow::anyhow!("{name}: {error}")
}

/// How a capture ended.
pub(super) struct Ended {
    /// Frames read.
    pub(super) frames: u64,
    /// What became of TCP segments.
    pub(super) streams: StreamCounts,
    /// What was learned on the way.
    pub(super) dissector: Dissector,
    notes: Notes,
    /// What ended it early.
    error: Option<anyhow::Error>,
}

/// What the user should know, once the data are out.
#[derive(Default)]
struct Notes {
    always: Vec<String>,
    /// Only for those who ask for more.
    verbose: Vec<String>,
}

impl Notes {
    /// Lines of a key log that said nothing. Never their text, which may be secret.
    fn tally(&mut self, name: &str, tally: &Tally) {
        if tally.understood == 0 {
            self.always.push(format!("{name} holds nothing that this program understands"));
        }
        if tally.damaged > 0 {
            let numbers: Vec<_> = tally.first_damaged.iter().map(u64::to_string).collect();
            let more = if tally.damaged > numbers.len() as u64 { ", …" } else { "" };
            let damaged = counted(tally.damaged, "damaged line");
            self.always.push(format!("{name}: {damaged} (number {}{more})", numbers.join(", ")));
        }
        if tally.unknown > 0 {
            let unknown = counted(tally.unknown, "line");
            self.verbose.push(format!("{name}: {unknown} with an unknown label"));
        }
    }

    /// Lines of a file of names that said nothing.
    fn names(&mut self, name: &str, lines: names::Lines) {
        if lines.damaged > 0 {
            let damaged = counted(lines.damaged, "line");
            let first = lines.first_damaged;
            self.always
                .push(format!("{name}: {damaged} without a key and a name (first: {first})"));
        }
    }

    /// What was given up so that memory and time stay bounded.
    fn limits(&mut self, dissector: &Dissector, fragments_given_up: u64, streams: &StreamCounts) {
        let sessions = dissector.sessions();
        if fragments_given_up > 0 {
            let datagrams = counted(fragments_given_up, "fragmented datagram");
            self.always.push(format!("{datagrams} given up: not all fragments came in time"));
        }
        if streams.forgotten > 0 {
            let connections = counted(streams.forgotten, "TCP connection");
            self.always.push(format!("{connections} forgotten for want of room"));
        }
        if dissector.forgotten() > 0 {
            let times = counted(dissector.forgotten(), "time");
            self.always.push(format!(
                "an address, session or member was forgotten {times} for want of room"
            ));
        }
        if sessions.searches_cut_short() > 0 {
            let searches = counted(sessions.searches_cut_short(), "search");
            self.always
                .push(format!("{searches} for a key cut short: too many keys for so few packets"));
        }
        if sessions.ring().left_out() > 0 {
            let keys = counted(sessions.ring().left_out(), "line");
            self.always.push(format!("{keys} of key logs found no room"));
        }
    }
}

/// So many things.
pub(super) fn counted(count: u64, thing: &str) -> String {
    match (count, thing.strip_suffix("ch")) {
        (1, _) => format!("1 {thing}"),
        (_, Some(_)) => format!("{count} {thing}es"),
        (_, None) => format!("{count} {thing}s"),
    }
}

impl Ended {
    /// Adds how the lines of a key log were taken that was read meanwhile, or that there was none.
    #[cfg(target_os = "linux")]
    pub(super) fn key_log(&mut self, name: &str, tally: Option<&Tally>) {
        match tally {
            Some(tally) => self.notes.tally(name, tally),
            None => self
                .notes
                .always
                .push(format!("no keys were read from {name}: it never was there to be read")),
        }
    }

    /// Adds what else the user should know, before the rest.
    pub(super) fn add_notes(&mut self, notes: Vec<String>) {
        self.notes.always.splice(0..0, notes);
    }

    /// Says only what the user should know, not how the capture ended.
    pub(super) fn tell_notes(&self, talk: Talk) {
        if !talk.quiet {
            self.notes.always.iter().for_each(|note| say(note));
        }
    }

    /// Says what there is to say, once all data are out: to somebody who has read them all.
    pub(super) fn tell(self, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
        let has_notes = !self.notes.always.is_empty() && !talk.quiet;
        if has_notes || talk.verbose || self.error.is_some() {
            out.finish_before_talk()?;
        } else {
            out.finish()?;
        }
        self.tell_notes(talk);
        self.notes.verbose.iter().for_each(|note| talk.detail(note));
        talk.detail(&counted(self.frames, "frame"));
        self.error.map_or(Ok(Done::Clean), |error| Err(Stop::Failed(error)))
    }
}

/// A file's name for messages.
pub(super) fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "standard input".to_owned();
    }
    printable(path.as_os_str().as_encoded_bytes()).to_string()
}

/// What one input may cost.
pub(super) fn limits(args: &SourceArgs) -> Limits {
    Limits { max_decompressed: args.max_decompressed, ..Limits::default() }
}

/// Opens a file for reading, and says how long it is if it is a regular one.
pub(super) fn open(path: &Path) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let cannot = || format!("cannot open {}", shown(path));
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    if metadata.is_dir() {
        bail!("{} is a directory, not a file", shown(path));
    }
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Reads a filter; where it is at fault, the message shows where.
pub(super) fn filter(text: &str) -> anyhow::Result<Filter> {
    Filter::parse(text).map_err(|error| {
        let place = caret(text, error.at, error.len);
        anyhow::anyhow!("filter, column {}: {error}\n{place}", column(text, error.at))
    })
}

/// The column of a byte, counted from 1 in characters.
fn column(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).chars().count() + 1
}

/// The keys that [`Input::open_files`] begins with for one capture, once more.
pub(super) fn ring(file: &Path, args: &SourceArgs) -> anyhow::Result<KeyRing> {
    let mut ring = KeyRing::new();
    let beside = || key_log_beside(file).filter(|path| path.is_file());
    let beside = if args.keys.is_empty() { beside() } else { None };
    for path in args.keys.iter().chain(&beside) {
        read_keys(path, &mut ring)?;
    }
    for path in &args.names {
        names::read(path, &mut ring)?;
    }
    Ok(ring)
}

/// Reads a key log.
fn read_keys(path: &Path, ring: &mut KeyRing) -> anyhow::Result<Tally> {
    let cannot = || format!("cannot read keys from {}", shown(path));
    let reader = open_keys(path).with_context(cannot)?;
    ring.read(BufReader::new(reader)).with_context(cannot)
}

/// Opens a key log or a file of names: a regular file (threat 7), or standard input.
pub(super) fn open_keys(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    // Looked at before it is opened, since a FIFO may keep waiting whoever opens it.
    if path.as_os_str() != "-"
        && let Ok(found) = fs::metadata(path)
        && !found.is_file()
        && !found.is_dir()
    {
        bail!("{} is not a regular file; `-` reads from a pipe", shown(path));
    }
    Ok(open(path)?.0)
}

/// The key log that has the capture's name with another ending: `a.keys` beside `a.pcapng` or
/// `a.pcapng.gz`.
fn key_log_beside(capture: &Path) -> Option<PathBuf> {
    if capture.as_os_str() == "-" {
        return None;
    }
    let packed =
        capture.extension().is_some_and(|end| end == "gz" || end == "zst" || end == "zstd");
    let inner = if packed { capture.with_extension("") } else { capture.to_owned() };
    let keys = inner.with_extension("keys");
    (keys != capture && fs::symlink_metadata(&keys).is_ok()).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_log_has_the_name_of_its_capture() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(key_log_beside(&at("a.pcapng")), None);
        fs::write(at("a.keys"), "").unwrap();
        for capture in ["a.pcapng", "a.pcap.gz", "a.pcapng.zst", "a"] {
            assert_eq!(key_log_beside(&at(capture)), Some(at("a.keys")), "{capture}");
        }
        assert_eq!(key_log_beside(&at("a.keys")), None);
        assert_eq!(key_log_beside(&at("b.pcapng")), None);
        assert_eq!(key_log_beside(Path::new("-")), None);
    }
}
