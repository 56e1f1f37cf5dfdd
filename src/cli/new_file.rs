//! Files that the program makes: whole or not at all, and never over another one unasked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::input::shown;

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner alone: it holds secrets.
    Owner,
    /// Whoever the system lets by default.
    Usual,
}

/// A file in the making, under another name in the same folder.
pub(super) struct NewFile {
    out: BufWriter<File>,
    temporary: Temporary,
    path: PathBuf,
    force: bool,
}

/// Goes away with its value.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl NewFile {
    /// Begins a file that is going to be called `path`.
    pub(super) fn create(path: &Path, force: bool, readers: Readers) -> anyhow::Result<Self> {
        let cannot = || format!("cannot create {}", shown(path));
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            bail!("{} is not a regular file; name a new one", shown(path));
        }
        if !force && fs::symlink_metadata(path).is_ok() {
            bail!("{} exists; --force replaces it", shown(path));
        }
        let Some(name) = path.file_name() else {
            return Err(anyhow!("it names no file")).with_context(cannot);
        };
        let mut temporary = name.to_owned();
        temporary.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(temporary);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        if readers == Readers::Owner {
            private(&mut options);
        }
        let file = options.open(&temporary).with_context(cannot)?;
        let (out, temporary) = (BufWriter::new(file), Temporary(temporary));
        Ok(Self { out, temporary, path: path.to_owned(), force })
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", shown(&self.path));
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error);
        file.with_context(cannot)?;
        let from = &self.temporary.0;
        // A link does not replace what came into being meanwhile; some file systems have none.
        let placed = if self.force {
            fs::rename(from, &self.path)
        } else {
            match fs::hard_link(from, &self.path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
                Err(_) => fs::rename(from, &self.path),
                Ok(()) => Ok(()),
            }
        };
        placed.with_context(cannot)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Has files created for their owner alone, whatever the umask.
#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
pub(super) fn private(_options: &mut OpenOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_and_for_its_owner_and_replaces_nothing_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = NewFile::create(&path, false, Readers::Owner).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!path.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(NewFile::create(&path, false, Readers::Usual).is_err());
        drop(NewFile::create(&path, true, Readers::Usual).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let mut file = NewFile::create(&path, true, Readers::Usual).unwrap();
        file.write_all(b"two").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_came_into_being_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = NewFile::create(&path, false, Readers::Usual).unwrap();
        fs::write(&path, "other").unwrap();
        assert!(file.finish().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }
}
