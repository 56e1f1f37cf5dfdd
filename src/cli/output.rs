//! Standard output and standard error: data on the one, talk on the other.

use std::io::{self, IsTerminal, Write};

use super::stdio::{self, Reader};
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

/// How many bytes are written at one time, more or less.
const BUFFER: usize = 1 << 16;

/// Standard output, buffered, with its bytes counted.
pub(super) struct Output {
    /// What was not written yet.
    buffer: Vec<u8>,
    sent: u64,
    is_terminal: bool,
    is_pipe: bool,
    /// Whether the next write goes out at once, and whether to its last byte.
    prompt: bool,
    whole: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        Self {
            buffer: Vec::with_capacity(BUFFER),
            sent: 0,
            is_terminal,
            is_pipe: stdio::is_pipe(),
            prompt: true,
            whole: is_terminal,
        }
    }

    /// Whether a person is looking.
    pub(super) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// The input may pause at any place, as a pipe does.
    pub(super) const fn input_may_pause(&mut self) {
        self.whole = true;
    }

    /// Runs `write` on standard output. The first time, and always for a terminal, what was written
    /// goes out at once: somebody may wait for it.
    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let result = write(self);
        let at_once = std::mem::take(&mut self.prompt) || self.is_terminal;
        let kept = usize::from(!self.whole);
        let result = if at_once { result.and_then(|()| self.send(kept)) } else { result };
        result.map_err(|error| self.stop(&error))
    }

    /// Writes what waits in the buffer.
    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.send(0).map_err(|error| self.stop(&error))
    }

    /// The same, when something is to be said afterwards; [`Stop::ClosedPipe`] if whoever reads the data
    /// has gone before their end, and so wants to hear no more.
    ///
    /// That a pipe took everything does not tell whether its reader will. So the last byte goes out when
    /// the others have been read: a reader that comes for it, too, wants all.
    pub(super) fn finish_before_talk(&mut self) -> Result<(), Stop> {
        if self.is_pipe {
            self.send(1).map_err(|error| self.stop(&error))?;
            if !self.buffer.is_empty() {
                let mut reader = stdio::wait_for_reader();
                if reader == Reader::TookAll {
                    self.finish()?;
                    reader = stdio::wait_for_reader();
                }
                if reader == Reader::TookAll && stdio::leaves_soon() {
                    reader = Reader::Left;
                }
                if reader == Reader::Left {
                    self.buffer.clear();
                    return Err(Stop::ClosedPipe);
                }
            }
        }
        self.finish()
    }

    /// What a failure to write means.
    pub(super) fn stop(&mut self, error: &io::Error) -> Stop {
        self.buffer.clear();
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Stop::ClosedPipe;
        }
        let error = match (stdio::stdout_was_closed(), error) {
            (true, _) => "it is closed".to_owned(),
            (false, error) => error.to_string(),
        };
        Stop::Failed(anyhow::anyhow!(
            "cannot write to standard output after {} bytes: {error}",
            self.sent
        ))
    }

    /// Writes what waits in the buffer but for so many bytes.
    fn send(&mut self, kept: usize) -> io::Result<()> {
        let mut rest =
            self.buffer.get(..self.buffer.len().saturating_sub(kept)).unwrap_or_default();
        let wanted = rest.len();
        let result = loop {
            if rest.is_empty() {
                break Ok(());
            }
            match stdio::write_to_stdout(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) => break Err(error),
            }
        };
        let sent = wanted - rest.len();
        self.sent += sent as u64;
        self.buffer.drain(..sent);
        result
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.send(1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send(0)
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
