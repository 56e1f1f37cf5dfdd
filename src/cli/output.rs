//! Standard output and standard error: data on the one, talk on the other.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use crate::report::{hides, printable};

/// Why the work ends before its end.
pub(super) enum Stop {
    /// Whoever reads standard output has seen enough.
    ClosedPipe,
    /// What to say about it; exit code 2.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Standard output, buffered, with its bytes counted.
pub(super) struct Output {
    inner: BufWriter<StdoutLock<'static>>,
    is_terminal: bool,
    written: u64,
    /// Whether the next write goes out at once.
    prompt: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        // The lock has a line buffer of its own, which takes whole buffers without a copy.
        Self {
            inner: BufWriter::with_capacity(1 << 16, stdout.lock()),
            is_terminal,
            written: 0,
            prompt: true,
        }
    }

    /// Whether a person is looking.
    pub(super) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Runs `write` on standard output. The first time, and always for a terminal, what was written
    /// goes out at once: somebody may wait for it.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let result = write(self);
        let at_once = self.is_terminal || std::mem::take(&mut self.prompt);
        let result = if at_once { result.and_then(|()| self.flush()) } else { result };
        result.map_err(|error| self.stop(&error))
    }

    /// Writes what waits in the buffer.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.flush().map_err(|error| self.stop(&error))
    }

    /// Whether everything that was written has found a reader who is still there, as far as can be
    /// told; true if standard output is no pipe.
    pub(super) fn reader_stays(&self) -> bool {
        pipe::reader_stays(&io::stdout())
    }

    fn stop(&self, error: &io::Error) -> Stop {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Stop::ClosedPipe;
        }
        let done = self.written - self.inner.buffer().len() as u64;
        Stop::Failed(anyhow::anyhow!("cannot write to standard output after {done} bytes: {error}"))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Standard error.
#[derive(Clone, Copy)]
pub(super) struct Talk {
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    /// Whether text on standard output is coloured.
    pub(super) color: bool,
}

impl Talk {
    /// Something that only the curious want to know.
    pub(super) fn detail(self, message: &str) {
        if self.verbose {
            say(message);
        }
    }
}

/// Writes a line, or several, to standard error. When that fails there is nobody to tell.
pub(super) fn say(message: &str) {
    let mut line = String::from("toxscope: ");
    // Foreign text was made printable where it was put in; this is the second lock.
    for c in message.trim_end().chars() {
        if c != '\n' && hides(c) {
            line.push_str(&printable(c.encode_utf8(&mut [0; 4])).to_string());
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    let _ = io::stderr().write_all(line.as_bytes());
}

/// `toxscope dissect FILE | head -1` is to end quietly even when all output fits into the pipe, so
/// that no write fails. Whoever has taken everything and stays is ready to be told more.
#[cfg(unix)]
mod pipe {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::ioctl_fionread;

    /// A reader that has not taken everything by then is busy with other things.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// Nanoseconds between two looks at the pipe, and after the last.
    const PAUSE: i64 = 1_000_000;
    const LAST_PAUSE: i64 = 20_000_000;

    pub(super) fn reader_stays(output: &impl AsFd) -> bool {
        if !is_pipe(output) {
            return true;
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match ioctl_fionread(output) {
                Ok(0) => return !is_closed_within(output, LAST_PAUSE),
                Ok(_) if is_closed_within(output, PAUSE) => return false,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
        false
    }

    fn is_pipe(output: &impl AsFd) -> bool {
        let copy = output.as_fd().try_clone_to_owned().map(File::from);
        copy.and_then(|file| file.metadata()).is_ok_and(|found| found.file_type().is_fifo())
    }

    /// Waits until the other end is closed, at most for so many nanoseconds.
    fn is_closed_within(output: &impl AsFd, nanos: i64) -> bool {
        let mut end = [PollFd::new(output, PollFlags::empty())];
        let timeout = Timespec { tv_sec: 0, tv_nsec: nanos };
        match poll(&mut end, Some(&timeout)) {
            Ok(_) => end.iter().any(|end| end.revents().contains(PollFlags::ERR)),
            Err(_) => false,
        }
    }
}

#[cfg(not(unix))]
mod pipe {
    pub(super) const fn reader_stays<T>(_output: &T) -> bool {
        true
    }
}
