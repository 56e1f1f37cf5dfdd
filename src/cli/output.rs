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
    /// Whether anything was written before.
    begun: bool,
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
            begun: false,
        }
    }

    /// Whether a person is looking.
    pub(super) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Runs `write` on standard output. The first time, and always for a terminal, what was written
    /// goes out at once: somebody may wait for it, and a reader who wants no more leaves early.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let result = write(self);
        let at_once = self.is_terminal || (!self.begun && self.written > 0);
        self.begun |= at_once;
        let result = if at_once { result.and_then(|()| self.flush()) } else { result };
        result.map_err(|error| self.stop(&error))
    }

    /// Writes what waits in the buffer.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.flush().map_err(|error| self.stop(&error))
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
    /// What is good to know, unless silence was asked for. Comes after the data, so that it is not
    /// said at all when whoever reads the data has seen enough.
    pub(super) fn note(self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }

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
