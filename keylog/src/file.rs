//! The file that `TOX_LOG_KEYS` names: opened with care, appended to a line at a time (threats 18).

use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use crate::line::{HEADER, Line};
use crate::quiet::{Quiet, errno};

/// The descriptor's states when it is none.
const CLOSED: i32 = -1;
const REFUSED: i32 = -2;
const OPENING: i32 = -3;

/// Descriptors from here on are seldom anybody's: ours neither shifts the numbers that the program
/// gets nor stands in the way of those that it closes or assigns one by one.
const OUT_OF_THE_WAY: libc::c_int = 1000;

/// The longest path, its zero byte included.
const PATH_MAX: usize = libc::PATH_MAX as usize;

/// The log of a process.
pub(crate) struct LogFile {
    /// Written once in [`Self::set_path`], before anybody reads.
    path: UnsafeCell<[u8; PATH_MAX]>,
    descriptor: AtomicI32,
    /// Which file the descriptor must lead to; a number that the program closed and used again
    /// leads somewhere else.
    device: AtomicU64,
    inode: AtomicU64,
    /// The last line in the file may lack its end.
    torn: AtomicBool,
    /// What stderr was when the process began.
    stderr: [AtomicU64; 2],
}

// SAFETY: all fields are atomics but the path, and that is written once, by the thread that brings
// the logger up, before the flag is set (release) that others read (acquire) before they come here.
unsafe impl Sync for LogFile {}

/// Why a file is not written to.
#[derive(Clone, Copy)]
enum Refusal {
    Symlink,
    NotRegular,
    OtherOwner,
    OthersMayRead,
    OtherName,
    Replaced,
    Error(libc::c_int),
}

impl LogFile {
    pub(crate) const fn new() -> Self {
        Self {
            path: UnsafeCell::new([0; PATH_MAX]),
            descriptor: AtomicI32::new(CLOSED),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            torn: AtomicBool::new(false),
            stderr: [const { AtomicU64::new(0) }; 2],
        }
    }

    /// Sets the path of the log and makes it absolute, for the program may change its directory.
    /// False if it does not fit.
    ///
    /// # Safety
    ///
    /// To be called once, before any other thread can reach this value.
    pub(crate) unsafe fn set_path(&self, path: &CStr) -> bool {
        // SAFETY: nobody else has the path yet, says the caller.
        let buffer = unsafe { &mut *self.path.get() };
        let mut used = 0;
        if !path.to_bytes().starts_with(b"/") {
            // SAFETY: getcwd writes no further than the length it is told.
            let cwd = unsafe { libc::getcwd(buffer.as_mut_ptr().cast(), PATH_MAX) };
            if cwd.is_null() {
                return false;
            }
            used = buffer.iter().position(|byte| *byte == 0).unwrap_or(PATH_MAX);
            if let Some(end) = buffer.get_mut(used) {
                *end = b'/';
                used += 1;
            }
        }
        let path = path.to_bytes_with_nul();
        match buffer.get_mut(used..).and_then(|rest| rest.get_mut(..path.len())) {
            Some(rest) => {
                rest.copy_from_slice(path);
                true
            }
            None => {
                buffer.fill(0);
                false
            }
        }
    }

    /// Remembers which file stderr is, so that a complaint never goes anywhere else.
    pub(crate) fn note_stderr(&self) {
        if let Some(stat) = stat(libc::STDERR_FILENO) {
            let [device, inode] = &self.stderr;
            device.store(stat.st_dev, Ordering::Relaxed);
            inode.store(stat.st_ino, Ordering::Relaxed);
        }
    }

    /// Opens the log if it is not open; says on stderr, once, why it cannot be.
    pub(crate) fn open(&self) {
        let quiet = Quiet::begin();
        self.ready(&quiet);
    }

    /// Appends one line with one write; false if it did not get there in full.
    pub(crate) fn append(&self, line: &Line) -> bool {
        let quiet = Quiet::begin();
        let Some(fd) = self.ready(&quiet) else { return false };
        let torn = self.torn.swap(false, Ordering::AcqRel);
        let bytes = if torn { line.after_a_break() } else { line.as_bytes() };
        let done = write_all(&quiet, fd, bytes);
        match done {
            Ok(()) => true,
            Err(written) => {
                if torn || written > 0 {
                    self.torn.store(true, Ordering::Release);
                }
                false
            }
        }
    }

    /// The descriptor of the open log. Opens it when this is the first use, and once more when
    /// the program has closed it.
    fn ready(&self, quiet: &Quiet) -> Option<libc::c_int> {
        for turn in 0..2000 {
            let fd = self.descriptor.load(Ordering::Acquire);
            let first = match fd {
                REFUSED => return None,
                OPENING => {
                    // Whoever opens it takes no signal and needs microseconds. After two seconds
                    // it is gone: this is the child of a fork that caught another thread there.
                    if turn < 1999 {
                        pause();
                        continue;
                    }
                    false
                }
                CLOSED => true,
                fd if self.leads_to_the_log(fd) => return Some(fd),
                // Closed by the program, and perhaps the program's own by now: leave it alone.
                _ => false,
            };
            if self
                .descriptor
                .compare_exchange(fd, OPENING, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                continue;
            }
            return match self.open_checked(first) {
                Ok(new) => {
                    self.begin(quiet, new);
                    self.descriptor.store(new, Ordering::Release);
                    Some(new)
                }
                Err(refusal) => {
                    self.descriptor.store(REFUSED, Ordering::Release);
                    self.complain(quiet, refusal);
                    None
                }
            };
        }
        None
    }

    fn leads_to_the_log(&self, fd: libc::c_int) -> bool {
        stat(fd).is_some_and(|stat| {
            stat.st_dev == self.device.load(Ordering::Acquire)
                && stat.st_ino == self.inode.load(Ordering::Acquire)
        })
    }

    /// Opens the log for the first time, or the same file again.
    fn open_checked(&self, first: bool) -> Result<libc::c_int, Refusal> {
        let fd = out_of_the_way(self.open_or_create(first)?)?;
        let checked = stat(fd).ok_or(Refusal::Error(libc::EBADF)).and_then(|stat| {
            check(&stat)?;
            if first {
                self.device.store(stat.st_dev, Ordering::Release);
                self.inode.store(stat.st_ino, Ordering::Release);
            } else if !self.leads_to_the_log(fd) {
                return Err(Refusal::Replaced);
            }
            Ok(fd)
        });
        if checked.is_err() {
            close(fd);
        }
        checked
    }

    fn path(&self) -> &[u8; PATH_MAX] {
        // SAFETY: written once before anybody could come here, see `set_path`.
        unsafe { &*self.path.get() }
    }

    fn open_or_create(&self, create: bool) -> Result<libc::c_int, Refusal> {
        let path: *const libc::c_char = self.path().as_ptr().cast();
        // Read access serves to look whether the last line has its end.
        let flags = libc::O_RDWR
            | libc::O_APPEND
            | libc::O_CLOEXEC
            | libc::O_NOFOLLOW
            | libc::O_NONBLOCK
            | libc::O_NOCTTY
            | libc::O_LARGEFILE;
        // A file may come or go between two steps.
        for _ in 0..3 {
            // Opening alone has effects on FIFOs and devices, so what is there is looked at before
            // as well as (that is what counts) after.
            match stat_path(path) {
                Ok(stat) if stat.st_mode & libc::S_IFMT == libc::S_IFLNK => {
                    return Err(Refusal::Symlink);
                }
                Ok(stat) => check(&stat)?,
                Err(libc::ENOENT) if create => {}
                Err(error) => return Err(Refusal::Error(error)),
            }
            // SAFETY: the path ends with a zero byte.
            let fd = unsafe { libc::open(path, flags) };
            if fd >= 0 {
                return Ok(fd);
            }
            match errno() {
                libc::ENOENT if create => {}
                libc::ELOOP => return Err(Refusal::Symlink),
                libc::ENXIO | libc::EISDIR => return Err(Refusal::NotRegular),
                error => return Err(Refusal::Error(error)),
            }
            // SAFETY: as above.
            let fd = unsafe { libc::open(path, flags | libc::O_CREAT | libc::O_EXCL, 0o600) };
            if fd >= 0 {
                // A umask can only have taken bits away.
                // SAFETY: no memory is involved.
                unsafe { libc::fchmod(fd, 0o600) };
                return Ok(fd);
            }
            match errno() {
                libc::EEXIST => {}
                error => return Err(Refusal::Error(error)),
            }
        }
        Err(Refusal::Error(libc::EAGAIN))
    }

    /// Writes the first line into a file that is empty, and ends the last line of one that was
    /// left without its end.
    fn begin(&self, quiet: &Quiet, fd: libc::c_int) {
        // Two processes that begin together would both find it empty. If somebody else has the
        // lock, let him write the line; it is a comment.
        // SAFETY: no memory is involved.
        if unsafe { libc::flock(fd, libc::LOCK_EX | libc::LOCK_NB) } != 0 {
            return;
        }
        match stat(fd).map_or(0, |stat| stat.st_size) {
            0 => {
                let done = write_all(quiet, fd, HEADER);
                self.torn.store(matches!(done, Err(written) if written > 0), Ordering::Release);
            }
            size => {
                let mut last = b'\n';
                // SAFETY: one byte is read into a live local of one byte.
                unsafe { libc::pread64(fd, (&raw mut last).cast(), 1, size - 1) };
                self.torn.store(last != b'\n', Ordering::Release);
            }
        }
        // SAFETY: no memory is involved.
        unsafe { libc::flock(fd, libc::LOCK_UN) };
    }

    /// One line on stderr, if that is still the stderr that the process began with.
    fn complain(&self, quiet: &Quiet, refusal: Refusal) {
        let [device, inode] = &self.stderr;
        let here = stat(libc::STDERR_FILENO).is_some_and(|stat| {
            stat.st_dev == device.load(Ordering::Relaxed)
                && stat.st_ino == inode.load(Ordering::Relaxed)
        });
        if !here {
            return;
        }
        let mut message = Message { bytes: [0; 768], len: 0 };
        message.push(b"toxscope-keylog: no keys are logged: ");
        message.push_name(self.path().split(|byte| *byte == 0).next().unwrap_or_default());
        match refusal {
            Refusal::Symlink => message.push(b" is a symbolic link"),
            Refusal::NotRegular => message.push(b" is not a regular file"),
            Refusal::OtherOwner => message.push(b" belongs to another user"),
            Refusal::OthersMayRead => {
                message.push(b" may be read or written by others (its mode must be 0600)");
            }
            Refusal::OtherName => message.push(b" has a second name (hard link)"),
            Refusal::Replaced => message.push(b" has been replaced by another file"),
            Refusal::Error(error) => {
                message.push(b" cannot be opened: ");
                match reason(error) {
                    Some(reason) => message.push(reason),
                    None => {
                        message.push(b"error ");
                        message.push_number(error.unsigned_abs());
                    }
                }
            }
        }
        message.push(b"\n");
        let _ = quiet.write(libc::STDERR_FILENO, message.as_bytes());
    }

    /// Says that the name of the file is unusable.
    pub(crate) fn refuse_name(&self) {
        let quiet = Quiet::begin();
        self.descriptor.store(REFUSED, Ordering::Release);
        self.complain(&quiet, Refusal::Error(libc::ENAMETOOLONG));
    }
}

/// The common reasons why a file cannot be opened. (strerror allocates.)
fn reason(error: libc::c_int) -> Option<&'static [u8]> {
    Some(match error {
        libc::ENOENT => b"no such file or directory",
        libc::ENOTDIR => b"part of the path is no directory",
        libc::EACCES | libc::EPERM => b"permission denied",
        libc::EROFS => b"read-only file system",
        libc::EMFILE | libc::ENFILE => b"too many open files",
        libc::ENAMETOOLONG => b"its name is too long",
        libc::ENOSPC | libc::EDQUOT => b"no space left",
        _ => return None,
    })
}

fn check(stat: &libc::stat64) -> Result<(), Refusal> {
    // SAFETY: geteuid has no arguments and cannot fail.
    let us = unsafe { libc::geteuid() };
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        Err(Refusal::NotRegular)
    } else if stat.st_uid != us {
        Err(Refusal::OtherOwner)
    } else if stat.st_mode & 0o077 != 0 {
        Err(Refusal::OthersMayRead)
    } else if stat.st_nlink > 1 {
        Err(Refusal::OtherName)
    } else {
        Ok(())
    }
}

/// Moves a descriptor to a high number, in any case past the three standard ones: a program that
/// was started without them must not find the log in their place.
fn out_of_the_way(fd: libc::c_int) -> Result<libc::c_int, Refusal> {
    for lowest in [OUT_OF_THE_WAY, 200, 3] {
        // SAFETY: no memory is involved.
        let moved = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, lowest) };
        if moved >= 0 {
            close(fd);
            return Ok(moved);
        }
    }
    if fd > libc::STDERR_FILENO {
        return Ok(fd);
    }
    close(fd);
    Err(Refusal::Error(libc::EMFILE))
}

fn close(fd: libc::c_int) {
    // SAFETY: called only with descriptors that this module has just opened.
    unsafe { libc::close(fd) };
}

fn stat(fd: libc::c_int) -> Option<libc::stat64> {
    // SAFETY: a stat64 is plain integers, for which zero is a value; fstat64 fills in a live local.
    unsafe {
        let mut stat: libc::stat64 = std::mem::zeroed();
        (libc::fstat64(fd, &raw mut stat) == 0).then_some(stat)
    }
}

/// What is at a path, which ends with a zero byte; a symbolic link is not followed.
fn stat_path(path: *const libc::c_char) -> Result<libc::stat64, libc::c_int> {
    // SAFETY: as in `stat`; the only caller hands over the path of the log.
    unsafe {
        let mut stat: libc::stat64 = std::mem::zeroed();
        if libc::lstat64(path, &raw mut stat) == 0 { Ok(stat) } else { Err(errno()) }
    }
}

/// Writes everything, in one call unless the disk is full; otherwise says how much was written.
fn write_all(quiet: &Quiet, fd: libc::c_int, mut bytes: &[u8]) -> Result<(), usize> {
    let all = bytes.len();
    while !bytes.is_empty() {
        match quiet.write(fd, bytes) {
            Ok(n) if n > 0 => bytes = bytes.get(n..).unwrap_or_default(),
            _ => return Err(all - bytes.len()),
        }
    }
    Ok(())
}

fn pause() {
    let millisecond = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    // SAFETY: the request is a live local; the remaining time is not asked for.
    unsafe { libc::nanosleep(&raw const millisecond, std::ptr::null_mut()) };
}

/// A complaint: at most 768 bytes.
struct Message {
    bytes: [u8; 768],
    len: usize,
}

impl Message {
    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text) {
            *to = *from;
            self.len += 1;
        }
    }

    /// A file name, which reaches the terminal only escaped; what is past 512 bytes is left out.
    fn push_name(&mut self, name: &[u8]) {
        for byte in name {
            if self.len > 512 {
                return self.push(b"...");
            }
            if (b' '..=b'~').contains(byte) && *byte != b'\\' {
                self.push(&[*byte]);
            } else {
                let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
                self.push(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }

    fn push_number(&mut self, number: u32) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        self.push(&[b'0' + (number % 10) as u8]);
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
