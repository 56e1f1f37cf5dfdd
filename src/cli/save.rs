//! `toxscope save`: the conferences of a save file.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::Done;
use super::args::{SaveArgs, SummaryFormat};
use super::input::{open, shown};
use super::output::{Output, Stop};
use crate::conference::savedata::Savedata;
use crate::report::{save_json, save_text};

/// What a save file may hold, in bytes: more than seven thousand friends.
const MOST: u64 = 16 << 20;

pub(super) fn run(args: &SaveArgs, out: &mut Output) -> Result<Done, Stop> {
    let file = read(&args.file)?;
    let name = shown(&args.file);
    let savedata = Savedata::parse(&file).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let found = savedata.conferences();
    out.write(|out| match args.format {
        SummaryFormat::Table => save_text(&savedata, &found, file.len(), out),
        SummaryFormat::Json => save_json(&savedata, &found, file.len(), out),
    })?;
    Ok(if found.damage.is_empty() { Done::Clean } else { Done::Findings })
}

/// Whether a file is a save file, by what it begins with.
pub(super) fn is_save(path: &Path) -> bool {
    let mut start = [0; 8];
    fs::metadata(path).is_ok_and(|found| found.is_file())
        && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && Savedata::looks_like_one(&start)
}

/// The file, which has the owner's secret key in it.
pub(super) fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (reader, size) = open(path)?;
    // As large as it needs to be, so that no copies are left behind.
    let size = size.unwrap_or(0).min(MOST) + 1;
    let mut file = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0)));
    let cannot = || format!("cannot read {}", shown(path));
    reader.take(MOST + 1).read_to_end(&mut file).with_context(cannot)?;
    if file.len() as u64 > MOST {
        bail!("{} holds more than {MOST} bytes; no save file does", shown(path));
    }
    Ok(file)
}
