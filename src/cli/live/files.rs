//! Files that a live capture is written to: one, or a ring of them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::cli::args::RingArg;
use crate::cli::input::{counted, shown};
use crate::cli::new_file::private;
use crate::cli::output::say;

use super::privileges::User;

/// When a file is full, and how many are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Ring {
    size: Option<u64>,
    duration: Option<Duration>,
    files: Option<usize>,
}

impl Ring {
    pub(super) fn of(args: &[RingArg]) -> anyhow::Result<Self> {
        let mut ring = Self::default();
        for arg in args {
            match *arg {
                RingArg::FileSize(size) => ring.size = Some(size),
                RingArg::Duration(duration) => ring.duration = Some(duration),
                RingArg::Files(files) => ring.files = Some(files),
            }
        }
        if ring.files.is_some() && !ring.is_many() {
            bail!("-b files:… needs to know when a file is full: -b filesize:… or -b duration:…");
        }
        Ok(ring)
    }

    const fn is_many(self) -> bool {
        self.size.is_some() || self.duration.is_some()
    }
}

/// The file that is written to, and those before it.
pub(in crate::cli) struct Files {
    path: PathBuf,
    ring: Ring,
    force: bool,
    private: bool,
    /// What every file begins with.
    head: Vec<u8>,
    file: File,
    /// Bytes in this file, all of them whole blocks; and when it was begun.
    bytes: u64,
    begun: Instant,
    number: u32,
    /// And how many bytes each holds, but for the last.
    kept: VecDeque<(PathBuf, u64)>,
    /// Bytes of files that are kept no more.
    removed: u64,
    pub(super) written: u64,
}

impl Files {
    /// Begins the first file, for its owner alone if it is `private`, and makes `owner` its owner: it may be begun with more rights than the
    /// following ones.
    pub(in crate::cli) fn create(
        path: &Path,
        ring: Ring,
        force: bool,
        private: bool,
        owner: Option<&User>,
    ) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            bail!("captures are not written to standard output; name a file with -w");
        }
        if let Some(old) = leftover(path).filter(|_| ring.is_many() && !force) {
            bail!("{} is there, of an earlier ring; --force replaces such files", shown(&old));
        }
        let first = if ring.is_many() { numbered(path, 1) } else { path.to_owned() };
        let file = create(&first, force, private)?;
        if let Some(owner) = owner {
            let ids = (rustix::fs::Uid::from_raw(owner.uid), rustix::fs::Gid::from_raw(owner.gid));
            rustix::fs::fchown(&file, Some(ids.0), Some(ids.1))
                .with_context(|| format!("cannot give {} to {}", shown(&first), owner.name))?;
        }
        Ok(Self {
            path: path.to_owned(),
            ring,
            force,
            private,
            head: Vec::new(),
            file,
            bytes: 0,
            begun: Instant::now(),
            number: 1,
            kept: VecDeque::from([(first, 0)]),
            removed: 0,
            written: 0,
        })
    }

    /// What every file begins with.
    pub(in crate::cli) fn begin(&mut self, head: &[u8]) -> anyhow::Result<()> {
        self.head = head.to_vec();
        self.append(head)
    }

    /// Adds whole blocks, in a new file if this one is full.
    pub(in crate::cli) fn write(&mut self, blocks: &[u8]) -> anyhow::Result<()> {
        let is_full = self.ring.size.is_some_and(|size| self.bytes >= size)
            || self.ring.duration.is_some_and(|duration| self.begun.elapsed() >= duration);
        if is_full && self.bytes > self.head.len() as u64 {
            self.next()?;
        }
        self.append(blocks)
    }

    fn append(&mut self, blocks: &[u8]) -> anyhow::Result<()> {
        let result = self.file.write_all(blocks);
        if let Err(error) = result {
            // The file ends with its last whole block.
            let _ = self.file.set_len(self.bytes);
            let path = self.kept.back().map(|(path, _)| shown(path)).unwrap_or_default();
            let done = format!("cannot write {path} after {} bytes", self.bytes);
            return Err(error).context(done);
        }
        self.bytes += blocks.len() as u64;
        self.written += blocks.len() as u64;
        Ok(())
    }

    fn next(&mut self) -> anyhow::Result<()> {
        // A file that came into being meanwhile stays, and its number is left out.
        let path = loop {
            self.number = self.number.checked_add(1).context("no number is left for a file")?;
            let path = numbered(&self.path, self.number);
            if self.force || fs::symlink_metadata(&path).is_err() {
                break path;
            }
        };
        self.file = create(&path, self.force, self.private)?;
        if let Some((_, bytes)) = self.kept.back_mut() {
            *bytes = self.bytes;
        }
        (self.bytes, self.begun) = (0, Instant::now());
        self.kept.push_back((path, 0));
        while self.ring.files.is_some_and(|files| self.kept.len() > files) {
            let Some((first, bytes)) = self.kept.pop_front() else { break };
            match fs::remove_file(&first) {
                Ok(()) => self.removed += bytes,
                // Somebody has taken it away, to keep it perhaps.
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.removed += bytes,
                Err(error) => say(&format!("cannot remove {}: {error}", shown(&first))),
            }
        }
        let head = std::mem::take(&mut self.head);
        let begun = self.append(&head);
        self.head = head;
        begun
    }

    /// How much is left in which files, in words.
    pub(super) fn told(&self) -> String {
        let bytes = counted(self.written - self.removed, "byte");
        match (self.kept.front(), self.kept.back()) {
            (Some((first, _)), Some((last, _))) if self.kept.len() > 1 => {
                format!("{bytes} in {} to {}", shown(first), shown(last))
            }
            (Some((only, _)), _) => format!("{bytes} in {}", shown(only)),
            (None, _) => bytes,
        }
    }
}

/// A file of an earlier ring of that name, the first by name.
fn leftover(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_of_ring = |found: &PathBuf| {
        let stem = found.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
        let number = stem.rsplit('_').next().and_then(|digits| digits.parse().ok());
        number.is_some_and(|number| found.file_name() == numbered(path, number).file_name())
    };
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.filter(is_of_ring).min()
}

/// `chat_00001.pcapng` for `chat.pcapng`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().map(OsString::from).unwrap_or_default();
    name.push(format!("_{number:05}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// A new file, never one that a link leads to.
fn create(path: &Path, force: bool, is_private: bool) -> anyhow::Result<File> {
    let cannot = || format!("cannot create {}", shown(path));
    if let Ok(found) = fs::symlink_metadata(path) {
        if !found.is_file() && !found.is_symlink() {
            bail!("{} is not a regular file; name a new one", shown(path));
        }
        if !force {
            bail!("{} exists; --force replaces it", shown(path));
        }
        fs::remove_file(path).with_context(cannot)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if is_private {
        private(&mut options);
    }
    options.open(path).with_context(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_begins_new_files_and_keeps_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.pcapng");
        let ring = Ring::of(&[RingArg::FileSize(10), RingArg::Files(2)]).unwrap();
        let mut files = Files::create(&path, ring, false, false, None).unwrap();
        files.begin(b"head").unwrap();
        for block in ["aaaa", "bbbb", "cccccccc", "d", "e"] {
            files.write(block.as_bytes()).unwrap();
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(read("chat_00001.pcapng"), None);
        assert_eq!(read("chat_00002.pcapng").as_deref(), Some("headcccccccc"));
        assert_eq!(read("chat_00003.pcapng").as_deref(), Some("headde"));
        let told = files.told();
        assert!(told.starts_with("18 bytes in ") && told.ends_with("chat_00003.pcapng"), "{told}");
        assert!(Files::create(&path, Ring::default(), false, false, None).is_ok());
        assert!(Files::create(&path, Ring::default(), false, false, None).is_err());
        assert!(Files::create(&path, Ring::default(), true, false, None).is_ok());
        assert!(Ring::of(&[RingArg::Files(2)]).is_err());
    }

    #[test]
    fn a_ring_goes_on_whatever_becomes_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let path = at("chat.pcapng");
        let ring = Ring::of(&[RingArg::FileSize(10), RingArg::Files(2)]).unwrap();
        let mut files = Files::create(&path, ring, false, false, None).unwrap();
        files.begin(b"head").unwrap();
        files.write(b"aaaaaaaa").unwrap();
        // One is taken away, another one is there already.
        fs::rename(at("chat_00001.pcapng"), at("interesting.pcapng")).unwrap();
        fs::write(at("chat_00003.pcapng"), "mine").unwrap();
        for block in ["bbbbbbbb", "cccccccc", "dddddddd"] {
            files.write(block.as_bytes()).unwrap();
        }
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        names.sort();
        let expected =
            ["chat_00003.pcapng", "chat_00004.pcapng", "chat_00005.pcapng", "interesting.pcapng"];
        assert_eq!(names, expected);
        assert_eq!(fs::read(at("chat_00003.pcapng")).unwrap(), b"mine");
        // What is left of a ring is not mixed with a new one.
        let again = Files::create(&path, ring, false, false, None).err().unwrap().to_string();
        assert!(again.contains("chat_00003.pcapng is there, of an earlier ring"), "{again}");
        assert!(Files::create(&path, ring, true, false, None).is_ok());
        assert!(Files::create(Path::new("-"), ring, true, false, None).is_err());
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(Files::create(Path::new("/dev/full"), Ring::default(), true, false, None).is_err());
        assert!(Files::create(&link, Ring::default(), false, false, None).is_err());
        Files::create(&link, Ring::default(), true, false, None).unwrap().begin(b"x").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        assert_eq!(fs::read(&link).unwrap(), b"x");
    }
}
