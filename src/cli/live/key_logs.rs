//! Key logs that grow while packets come in.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::cli::input::{open_keys, shown};
use crate::crypto::{KeyRing, Tally};
use crate::dissect::MoreKeys;

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// The longest line of a key log that is waited for; a longer one is nobody's.
const LONGEST: usize = 2 * crate::crypto::LONGEST_LINE;

/// Key logs, each as far as it was read.
pub(in crate::cli) struct KeyLogs {
    logs: Vec<KeyLog>,
    tally: Arc<Mutex<Tally>>,
}

struct KeyLog {
    path: PathBuf,
    /// None until there is one.
    file: Option<File>,
    read: u64,
    /// A line whose end has not been written.
    begun: Zeroizing<Vec<u8>>,
}

impl KeyLogs {
    /// Opens the key logs that are there. Nothing is read yet; a log that does not exist is waited for.
    pub(in crate::cli) fn open(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut logs = Vec::new();
        for path in paths {
            let file = if fs::symlink_metadata(path).is_ok() { Some(open(path)?) } else { None };
            logs.push(KeyLog { path: path.clone(), file, read: 0, begun: Zeroizing::default() });
        }
        Ok(Self { logs, tally: Arc::default() })
    }

    /// How their lines were taken, up to the moment.
    pub(in crate::cli) fn tally(&self) -> Arc<Mutex<Tally>> {
        Arc::clone(&self.tally)
    }

    /// What adds to a ring whatever they get.
    pub(in crate::cli) fn ask(mut self) -> MoreKeys {
        Box::new(move |ring| self.poll(ring))
    }

    /// Adds to the ring what was written since the last time; whether anything was.
    fn poll(&mut self, ring: &mut KeyRing) -> bool {
        let mut any = false;
        for log in &mut self.logs {
            any |= log.poll(ring, &self.tally);
        }
        any
    }
}

fn open(path: &Path) -> anyhow::Result<File> {
    // Refuses what is no regular file.
    drop(open_keys(path)?);
    File::open(path).with_context(|| format!("cannot open {}", shown(path)))
}

impl KeyLog {
    fn poll(&mut self, ring: &mut KeyRing, tally: &Mutex<Tally>) -> bool {
        if self.file.is_none() {
            self.file = open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return false };
        let length = file.metadata().map_or(0, |found| found.len());
        if length == self.read {
            return false;
        }
        if length < self.read {
            // Begun anew by whoever writes it.
            self.read = 0;
            self.begun.zeroize();
        }
        if file.seek(SeekFrom::Start(self.read)).is_err() {
            return false;
        }
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        let mut any = false;
        while let Ok(count @ 1..) = file.read(&mut piece) {
            self.read += count as u64;
            self.begun.extend_from_slice(piece.get(..count).unwrap_or_default());
            let end = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let lines = self.begun.get(..end).unwrap_or_default();
            if !lines.is_empty() {
                if let (Ok(read), Ok(mut tally)) = (ring.read(lines), tally.lock()) {
                    tally.add(&read);
                }
                any = true;
                self.begun.drain(..end);
            }
            if self.begun.len() > LONGEST {
                self.begun.zeroize();
            }
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_count_once_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mut logs = KeyLogs::open(std::slice::from_ref(&path)).unwrap();
        let mut ring = KeyRing::new();
        assert!(!logs.poll(&mut ring));
        let line = format!("BOX {} {}\n", "aa".repeat(32), "bb".repeat(32));
        let (first, second) = line.split_at(30);
        let mut file = File::create(&path).unwrap();
        file.write_all(first.as_bytes()).unwrap();
        assert!(!logs.poll(&mut ring) && ring.is_empty());
        file.write_all(second.as_bytes()).unwrap();
        assert!(logs.poll(&mut ring) && ring.len() == 1);
        assert!(!logs.poll(&mut ring));
        file.write_all(line.replace("bb", "cc").repeat(900).as_bytes()).unwrap();
        assert!(logs.poll(&mut ring) && ring.len() == 2);
        assert_eq!(logs.tally.lock().unwrap().understood, 901);
    }
}
