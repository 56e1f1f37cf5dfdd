//! The standard streams as the system has them: whether they were open, and whether a pipe's reader is
//! still there.

use std::sync::atomic::{AtomicBool, Ordering};

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Notes whether standard output is open. To be called before `main`: Rust's runtime puts `/dev/null` in
/// the place of closed streams before `main` begins, and what is written there is lost without an error.
/// It cannot be told afterwards: other programs put `/dev/null` there on purpose, opened in the same way.
#[cfg(unix)]
pub(super) fn look_before_main() {
    let closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()) == Err(rustix::io::Errno::BADF);
    STDOUT_WAS_CLOSED.store(closed, Ordering::Relaxed);
}

#[cfg(not(unix))]
pub(super) fn look_before_main() {}

/// Has a write beyond the limit of a file's size fail, as one beyond the end of a disk, and not end the program.
pub(super) fn take_size_limits_for_errors() {
    #[cfg(target_os = "linux")]
    {
        use std::sync::Arc;

        use signal_hook::consts::SIGXFSZ;

        // Where it cannot be had, the signal does what it does.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    }
}

/// Whether the program was started without a standard output, as by `>&-`.
pub(super) fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

/// What the reader of the pipe that standard output is has done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// It has read everything that was written.
    TookAll,
    /// It has closed its end.
    Left,
    /// Neither: it is there, and busy with other things.
    Busy,
}

#[cfg(unix)]
pub(super) use unix::{is_pipe, leaves_soon, wait_for_reader, write_to_stdout};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, ioctl_fionread};
    use rustix::stdio::stdout;

    use super::Reader;

    /// A reader that has neither gone nor read everything by then is busy with other things: perhaps it
    /// waits for this program to end first.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Nanoseconds between two looks at a pipe.
    const PAUSE: i64 = 1_000_000;

    /// How long, in nanoseconds, a reader that wanted just what there was may take to leave.
    const LEAVE: i64 = 100_000_000;

    /// Writes some bytes, without a buffer in between. Rust's own standard output takes a closed one for
    /// a good place to write to.
    pub(in crate::cli) fn write_to_stdout(bytes: &[u8]) -> io::Result<usize> {
        if super::stdout_was_closed() {
            return Err(Errno::BADF.into());
        }
        loop {
            match rustix::io::write(stdout(), bytes) {
                Err(Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
    }

    /// Whether standard output is a pipe.
    pub(in crate::cli) fn is_pipe() -> bool {
        let copy = stdout().as_fd().try_clone_to_owned().map(File::from);
        copy.and_then(|file| file.metadata()).is_ok_and(|found| found.file_type().is_fifo())
    }

    /// Waits until the reader of standard output has read everything or has gone.
    pub(in crate::cli) fn wait_for_reader() -> Reader {
        let start = Instant::now();
        loop {
            match ioctl_fionread(stdout()) {
                Ok(0) | Err(_) => return Reader::TookAll,
                Ok(_) if is_closed_within(PAUSE) => return Reader::Left,
                Ok(_) if start.elapsed() > PATIENCE => return Reader::Busy,
                Ok(_) => {}
            }
        }
    }

    /// Whether a reader that has read everything closes its end, as one does that wanted no more.
    pub(in crate::cli) fn leaves_soon() -> bool {
        is_closed_within(LEAVE)
    }

    /// Waits until the other end is closed, at most for so many nanoseconds.
    fn is_closed_within(nanos: i64) -> bool {
        let stdout = stdout();
        let mut end = [PollFd::new(&stdout, PollFlags::empty())];
        let timeout = Timespec { tv_sec: 0, tv_nsec: nanos };
        match poll(&mut end, Some(&timeout)) {
            Ok(_) => end.iter().any(|end| end.revents().contains(PollFlags::ERR)),
            Err(_) => false,
        }
    }
}

#[cfg(not(unix))]
pub(super) use other::{is_pipe, leaves_soon, wait_for_reader, write_to_stdout};

#[cfg(not(unix))]
mod other {
    use std::io::{self, Write};

    pub(in crate::cli) fn write_to_stdout(bytes: &[u8]) -> io::Result<usize> {
        let mut stdout = io::stdout();
        let written = stdout.write(bytes)?;
        stdout.flush().map(|()| written)
    }

    pub(in crate::cli) fn is_pipe() -> bool {
        false
    }

    pub(in crate::cli) fn wait_for_reader() -> super::Reader {
        super::Reader::TookAll
    }

    pub(in crate::cli) fn leaves_soon() -> bool {
        false
    }
}
