//! `toxscope mutate`: a capture whose conference packets are mutated, sealed again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};

use super::Done;
use super::args::MutateArgs;
use super::input::{Input, counted, of_capture, open, ring, shown};
use super::new_file::{NewFile, Readers};
use super::output::{Output, Stop, Talk, say};
use crate::capture::Limits;
use crate::dissect::{Content, Item, Record};
use crate::mutate::{HowMany, traffic};
use crate::report::Mutations;
use crate::reseal::{Recording, Secrets};
use crate::wire::PublicKey;

/// The largest capture that is taken, packed and unpacked, in bytes: all of it is held in memory.
const MOST: u64 = 1 << 30;

/// How many people's names are remembered.
const PEOPLE: usize = 1 << 16;

/// What is known of a capture once it was read.
#[derive(Default)]
struct Survey {
    /// Frames with conference packets that the filter wants.
    wanted: BTreeSet<u64>,
    conference: u64,
    names: BTreeMap<PublicKey, Vec<u8>>,
}

pub(super) fn run(args: &MutateArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let (file, source) = (&args.file, &args.source);
    let is_stream = |path: &Path| path.as_os_str() == "-";
    if is_stream(file) || source.keys.iter().any(|path| is_stream(path)) {
        return Err(
            anyhow!("the capture and its keys are read twice, so they have to be files").into()
        );
    }
    if is_stream(&args.out) {
        return Err(
            anyhow!("standard output has the list of mutations; name a file with -o").into()
        );
    }
    let name = shown(file);
    let mut survey = Survey::default();
    let input = Input::open_file(file, source, out)?;
    let filter = input.filter.clone();
    let ended = input.each(|item| {
        if let Item::Record(record) = item {
            let is_wanted = || filter.as_ref().is_none_or(|filter| filter.matches(record));
            survey.note(record, is_wanted);
        }
        Ok(())
    })?;
    ended.tell_notes(talk);
    let (capture, limits) = read(file, source.max_decompressed)?;
    let mut recording = Recording::read(&capture, limits, ring(file, source)?, source.secrets_type)
        .map_err(|error| of_capture(&name, &error))?;
    let wanted = |frame: u64| survey.wanted.contains(&frame);
    let offered = recording.packets().iter().filter(|packet| packet.kind().is_some()).count();
    if offered == 0 {
        return Err(nothing(&name, &survey, recording.relayed()).into());
    }
    let how_many = args.count.map_or(HowMany::PerMillion(args.rate), HowMany::Count);
    let made = traffic(&mut recording, args.seed, how_many, |packet| wanted(packet.frame));
    if made.is_empty() {
        let things = counted(offered as u64, "conference packet");
        return Err(anyhow!("the filter wants none of the {things} that can be mutated").into());
    }
    recording.secrets(if args.embed_keys { Secrets::Used } else { Secrets::None });
    let readers = if args.embed_keys { Readers::Owner } else { Readers::Usual };
    let new = NewFile::create(&args.out, args.force, readers)?;
    let cannot = || format!("cannot write {}", shown(&args.out));
    let (new, written) = recording.write(new).with_context(cannot)?;
    new.finish()?;
    let lines = Mutations { names: &survey.names, color: talk.color };
    for mutation in &made {
        let Some(packet) = recording.packets().get(mutation.place) else { continue };
        let frame = match mutation.added {
            Some(added) => written.added.get(&added),
            None => written.frames.get(&mutation.place),
        };
        out.write(|out| lines.render(packet, frame.copied(), mutation, out))?;
    }
    out.finish_before_talk()?;
    if !talk.quiet {
        if recording.relayed() > 0 {
            let frames = counted(recording.relayed(), "frame");
            say(&format!("{frames} of sessions that used a relay: copied, not mutated"));
        }
        if !args.embed_keys {
            say(&format!(
                "{} has no keys inside: those of {name} open it (-k), or --embed-keys puts them inside",
                shown(&args.out)
            ));
        }
    }
    talk.detail(&format!(
        "{} mutated of {offered}; {} sealed again, {} copied; seed {}",
        made.len(),
        counted(written.sealed, "frame"),
        counted(written.copied, "frame"),
        args.seed
    ));
    match recording.error() {
        None => Ok(Done::Clean),
        Some(error) => Err(of_capture(&name, error).into()),
    }
}

impl Survey {
    fn note(&mut self, record: &Record<'_>, is_wanted: impl FnOnce() -> bool) {
        if let Content::Data(Ok(data)) = &record.content
            && data.packet.is_some()
        {
            self.conference += 1;
            if is_wanted() {
                self.wanted.insert(record.frame);
            }
            for party in [&record.from, &record.to] {
                if let (Some(key), Some(name)) = (party.real_key, party.name)
                    && self.names.len() < PEOPLE
                    && self.names.get(&key).is_none_or(|known| known != name)
                {
                    self.names.insert(key, name.to_vec());
                }
            }
        }
    }
}

/// Why there is nothing to mutate.
fn nothing(name: &str, survey: &Survey, relayed: u64) -> anyhow::Error {
    if survey.conference > 0 && relayed > 0 {
        return anyhow!(
            "all conference packets in {name} belong to sessions that used a relay, which are not edited"
        );
    }
    anyhow!("no conference packet in {name} was opened, so there is nothing to mutate")
}

/// The whole file.
fn read(file: &Path, max_decompressed: u64) -> anyhow::Result<(Vec<u8>, Limits)> {
    let name = shown(file);
    let mut capture = Vec::new();
    let (reader, _) = open(file)?;
    let read = reader.take(MOST + 1).read_to_end(&mut capture);
    let read = read.and_then(|size| {
        let is_small = size as u64 <= MOST;
        if is_small { Ok(()) } else { Err(io::Error::other("it has more than 1 GiB")) }
    });
    read.with_context(|| format!("cannot read {name}"))?;
    let max_decompressed = max_decompressed.min(MOST);
    Ok((capture, Limits { max_decompressed, ..Limits::default() }))
}
