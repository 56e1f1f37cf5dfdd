//! Key logs that grow while packets come in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use rustix::fs::OFlags;
use zeroize::{Zeroize as _, Zeroizing};

use crate::cli::input::shown;
use crate::cli::output::say;
use crate::crypto::{KeyRing, Tally};
use crate::dissect::MoreKeys;

/// How much is read at once.
const PIECE: usize = 64 << 10;

/// The longest line of a key log that is waited for; a longer one is nobody's.
const LONGEST: usize = 2 * crate::crypto::LONGEST_LINE;

/// Key logs, each as far as it was read.
pub(in crate::cli) struct KeyLogs {
    logs: Vec<KeyLog>,
    taken: Arc<Mutex<Vec<Taken>>>,
    /// Whether nothing is said while packets come in.
    quiet: bool,
}

/// What became of a key log.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Taken {
    /// Its name, printable.
    pub(in crate::cli) name: String,
    /// How its lines were taken; none if it was never there, or could not be opened.
    pub(in crate::cli) tally: Option<Tally>,
}

struct KeyLog {
    path: PathBuf,
    /// None until there is one; with what tells it from another one of that name.
    file: Option<(File, (u64, u64))>,
    read: u64,
    /// Lines read, to their ends.
    lines: u64,
    /// A line whose end has not been written.
    begun: Zeroizing<Vec<u8>>,
    /// Why it could not be opened the last time.
    trouble: Option<io::ErrorKind>,
}

impl KeyLogs {
    /// Opens the key logs that are there. Nothing is read yet; a log that does not exist is waited for.
    pub(in crate::cli) fn open(paths: &[PathBuf], quiet: bool) -> anyhow::Result<Self> {
        let (mut logs, mut taken) = (Vec::new(), Vec::new());
        for path in paths {
            if path.as_os_str() == "-" {
                bail!("live reads no keys from standard input; name a file that grows");
            }
            let file = match fs::symlink_metadata(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                _ => Some(
                    open(path).with_context(|| format!("cannot read keys from {}", shown(path)))?,
                ),
            };
            taken.push(Taken { name: shown(path), tally: file.as_ref().map(|_| Tally::default()) });
            let begun = Zeroizing::default();
            logs.push(KeyLog { path: path.clone(), file, read: 0, lines: 0, begun, trouble: None });
        }
        Ok(Self { logs, taken: Arc::new(Mutex::new(taken)), quiet })
    }

    /// What became of each, up to the moment.
    pub(in crate::cli) fn taken(&self) -> Arc<Mutex<Vec<Taken>>> {
        Arc::clone(&self.taken)
    }

    /// What adds to a ring whatever they get.
    pub(in crate::cli) fn ask(mut self) -> MoreKeys {
        Box::new(move |ring| self.poll(ring))
    }

    /// Adds to the ring what was written since the last time; whether anything was.
    fn poll(&mut self, ring: &mut KeyRing) -> bool {
        let mut any = false;
        let Ok(mut taken) = self.taken.lock() else { return false };
        for (log, taken) in self.logs.iter_mut().zip(taken.iter_mut()) {
            if let Some(trouble) = log.look(taken)
                && !self.quiet
            {
                say(&format!("cannot read keys from {}: {trouble}", taken.name));
            }
            any |= log.poll(ring, taken);
        }
        any
    }
}

/// A regular file, and what tells it from others; never waits for one that is not.
fn open(path: &Path) -> io::Result<(File, (u64, u64))> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((file, (found.dev(), found.ino())))
}

impl KeyLog {
    /// Opens it if it is there for the first time, or another one is there under its name; what is wrong with
    /// that, once.
    fn look(&mut self, taken: &mut Taken) -> Option<io::Error> {
        let known = self.file.as_ref().map(|(_, id)| *id);
        let opened = match fs::metadata(&self.path) {
            Ok(found) if Some((found.dev(), found.ino())) == known => return None,
            Ok(_) => open(&self.path),
            Err(error) => Err(error),
        };
        match opened {
            Ok(file) => {
                self.file = Some(file);
                (self.read, self.lines, self.trouble) = (0, 0, None);
                self.begun.zeroize();
                taken.tally.get_or_insert_default();
                None
            }
            // Waited for, or taken away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if self.trouble == Some(error.kind()) => None,
            Err(error) => {
                self.trouble = Some(error.kind());
                Some(error)
            }
        }
    }

    fn poll(&mut self, ring: &mut KeyRing, taken: &mut Taken) -> bool {
        let Some((file, _)) = &mut self.file else { return false };
        let length = file.metadata().map_or(0, |found| found.len());
        if length == self.read {
            return false;
        }
        if length < self.read {
            // Begun anew by whoever writes it.
            (self.read, self.lines) = (0, 0);
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
            any |= take(&mut self.begun, end, &mut self.lines, ring, taken);
            if self.begun.len() > LONGEST {
                self.begun.zeroize();
            }
        }
        let rest = self.begun.len();
        if is_whole(&self.begun) {
            any |= take(&mut self.begun, rest, &mut self.lines, ring, taken);
        }
        any
    }
}

/// Whether a line that has no end yet says all that it is going to say: keys have a length, names have none.
fn is_whole(line: &[u8]) -> bool {
    let understood = || KeyRing::new().read(line).is_ok_and(|tally| tally.understood == 1);
    !line.is_empty() && !line.starts_with(b"NAME") && understood()
}

/// Reads so many bytes of what has come.
fn take(
    begun: &mut Vec<u8>,
    end: usize,
    lines: &mut u64,
    ring: &mut KeyRing,
    taken: &mut Taken,
) -> bool {
    let text = begun.get(..end).unwrap_or_default();
    if text.is_empty() {
        return false;
    }
    if let (Ok(mut read), Some(tally)) = (ring.read(text), &mut taken.tally) {
        read.first_damaged.iter_mut().for_each(|number| *number += *lines);
        tally.add(&read);
    }
    *lines += text.iter().filter(|byte| **byte == b'\n').count() as u64;
    begun.drain(..end);
    true
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn key(second: &str) -> String {
        format!("BOX {} {}\n", "aa".repeat(32), second.repeat(32))
    }

    fn tally(logs: &KeyLogs) -> Tally {
        logs.taken.lock().unwrap()[0].tally.clone().unwrap()
    }

    #[test]
    fn lines_count_once_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mut logs = KeyLogs::open(std::slice::from_ref(&path), true).unwrap();
        let mut ring = KeyRing::new();
        assert!(!logs.poll(&mut ring));
        assert!(logs.taken.lock().unwrap()[0].tally.is_none());
        let line = key("bb");
        let (first, second) = line.split_at(30);
        let mut file = File::create(&path).unwrap();
        file.write_all(first.as_bytes()).unwrap();
        assert!(!logs.poll(&mut ring) && ring.is_empty());
        file.write_all(second.as_bytes()).unwrap();
        assert!(logs.poll(&mut ring) && ring.len() == 1);
        assert!(!logs.poll(&mut ring));
        file.write_all(key("cc").repeat(900).as_bytes()).unwrap();
        assert!(logs.poll(&mut ring) && ring.len() == 2);
        assert_eq!(tally(&logs).understood, 901);
    }

    #[test]
    fn a_last_line_without_an_end_counts_and_damaged_ones_have_the_numbers_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, key("bb").trim_end()).unwrap();
        let mut logs = KeyLogs::open(std::slice::from_ref(&path), true).unwrap();
        let mut ring = KeyRing::new();
        assert!(logs.poll(&mut ring) && ring.len() == 1);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(format!("\n{}BOX zz\n", key("cc")).as_bytes()).unwrap();
        assert!(logs.poll(&mut ring) && ring.len() == 2);
        file.write_all(b"BOX zz\nNAME aa b").unwrap();
        assert!(logs.poll(&mut ring));
        assert_eq!((tally(&logs).understood, tally(&logs).first_damaged), (2, vec![3, 4]));
    }

    #[test]
    fn another_log_under_the_name_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("keys"), folder.path().join("new"));
        fs::write(&path, key("bb")).unwrap();
        let mut logs = KeyLogs::open(std::slice::from_ref(&path), true).unwrap();
        let mut ring = KeyRing::new();
        assert!(logs.poll(&mut ring));
        fs::remove_file(&path).unwrap();
        assert!(!logs.poll(&mut ring));
        fs::write(&other, key("cc") + &key("dd")).unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(logs.poll(&mut ring) && ring.len() == 3);
        // What is no file is neither read nor waited for, and told once.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let mut taken = logs.taken.lock().unwrap()[0].clone();
        assert!(logs.logs[0].look(&mut taken).is_some() && logs.logs[0].look(&mut taken).is_none());
        assert!(KeyLogs::open(&[path], true).is_err());
        assert!(KeyLogs::open(&[PathBuf::from("-")], true).is_err());
    }
}
