//! `toxscope corpus`: fuzz seeds from captures.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use super::Done;
use super::args::{CorpusArgs, CorpusLayout};
use super::input::{Input, counted, shown};
use super::new_file::{NewFile, Readers};
use super::output::{Output, Stop, Talk};
use super::save;
use crate::conference::savedata::Savedata;
use crate::corpus::{Corpus, Layout};
use crate::dissect::Item;

/// What became of the seeds of a folder.
#[derive(Clone, Copy, Default)]
struct Written {
    new: u64,
    there: u64,
    bytes: u64,
}

pub(super) fn run(args: &CorpusArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let mut corpus = Corpus::new(match args.layout {
        CorpusLayout::Targets => Layout::Targets,
        CorpusLayout::Plain => Layout::Plain,
        CorpusLayout::Sealed => Layout::Sealed,
        CorpusLayout::CToxcore => Layout::CToxcore,
    });
    let mut done = Done::Clean;
    for file in &args.files {
        if save::is_save(file) {
            let name = shown(file);
            if matches!(args.layout, CorpusLayout::Plain | CorpusLayout::Sealed) {
                return Err(anyhow!("{name} is a save file, which has no packets").into());
            }
            let bytes = save::read(file)?;
            let savedata = Savedata::parse(&bytes).map_err(|error| anyhow!("{name}: {error}"))?;
            corpus.save(&savedata);
            continue;
        }
        let input = Input::open_file(file, &args.source, out)?;
        let filter = input.filter.clone();
        let ended = input.each(|item| {
            if let Item::Record(record) = item {
                let wanted = filter.as_ref().is_none_or(|filter| filter.matches(record));
                corpus.record(record, wanted);
            }
            Ok(())
        })?;
        corpus.end_capture();
        if ended.tell(out, talk)? == Done::Findings {
            done = Done::Findings;
        }
    }
    folder(&args.out)?;
    let mut written: BTreeMap<&str, Written> = BTreeMap::new();
    for (place, bytes) in corpus.seeds() {
        let mut path = args.out.clone();
        if let Some(name) = place.folder {
            path.push(name);
            if !written.contains_key(name) {
                folder(&path)?;
            }
        }
        path.push(&place.name);
        let of_folder = written.entry(place.folder.unwrap_or(".")).or_default();
        if seed(&path, bytes)? {
            of_folder.new += 1;
            of_folder.bytes += bytes.len() as u64;
        } else {
            of_folder.there += 1;
        }
    }
    out.write(|out| {
        for (name, Written { new, there, bytes }) in &written {
            writeln!(out, "{name:20} {new:6} new ({bytes} bytes), {there} there already")?;
        }
        let (duplicates, left_out) = (corpus.duplicates(), corpus.left_out());
        writeln!(out, "{} hold nothing else than one of these", counted(duplicates, "packet"))?;
        if left_out > 0 {
            writeln!(out, "{} left out: no room", counted(left_out, "seed"))?;
        }
        Ok(())
    })?;
    Ok(done)
}

/// Makes a folder, or finds one. A link is not followed.
fn folder(path: &Path) -> anyhow::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.with_context(|| format!("cannot create {}", shown(path))),
    }
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        bail!("{} is there, and no folder", shown(path));
    }
    Ok(())
}

/// Writes a seed, unless the very same is there; says if it did.
fn seed(path: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && found.len() == bytes.len() as u64 => {
            let mut there = Vec::new();
            let file = File::open(path).with_context(|| format!("cannot read {}", shown(path)))?;
            file.take(bytes.len() as u64 + 1).read_to_end(&mut there)?;
            if there == bytes {
                return Ok(false);
            }
        }
        Ok(_) => {}
        Err(_) => {
            let mut file = NewFile::create(path, false, Readers::Usual)?;
            file.write_all(bytes).with_context(|| format!("cannot write {}", shown(path)))?;
            file.finish()?;
            return Ok(true);
        }
    }
    bail!("{} is there and holds something else; it stays as it is", shown(path))
}
