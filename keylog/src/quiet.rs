//! A stretch of code that the program around us must not notice.

use std::ptr;

unsafe extern "C" {
    // POSIX; the libc crate does not declare it for Linux.
    fn pthread_setcancelstate(state: libc::c_int, old: *mut libc::c_int) -> libc::c_int;
}

/// `PTHREAD_CANCEL_DISABLE` of both glibc and musl.
const CANCEL_DISABLE: libc::c_int = 1;

/// While one of these lives, this thread takes no signal and is not cancelled; when it goes,
/// `errno`, the signal mask and the cancel state are as they were.
///
/// Our system calls are cancellation points and may raise `SIGXFSZ` or `SIGPIPE`; the call that
/// the program made is no cancellation point and raises nothing.
pub(crate) struct Quiet {
    errno: libc::c_int,
    mask: libc::sigset_t,
    cancel: libc::c_int,
}

impl Quiet {
    pub(crate) fn begin() -> Self {
        let errno = errno();
        // SAFETY: a sigset_t is plain integers, for which zero is a value; sigfillset and
        // pthread_sigmask get pointers to live locals and write no further than those.
        let mask = unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut mask: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut mask);
            mask
        };
        let mut cancel = 0;
        // SAFETY: the pointer is to a live local.
        unsafe { pthread_setcancelstate(CANCEL_DISABLE, &raw mut cancel) };
        Self { errno, mask, cancel }
    }

    /// `write(2)`, again after `EINTR`; the signals that a failed write raises are taken away.
    ///
    /// # Errors
    ///
    /// The `errno` of the write.
    pub(crate) fn write(&self, fd: libc::c_int, bytes: &[u8]) -> Result<usize, libc::c_int> {
        let before = self.pending();
        loop {
            // SAFETY: pointer and length are those of one live slice.
            let n = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
            if let Ok(n) = usize::try_from(n) {
                return Ok(n);
            }
            match errno() {
                libc::EINTR => {}
                error @ libc::EFBIG => {
                    swallow(libc::SIGXFSZ, before.as_ref());
                    return Err(error);
                }
                error @ libc::EPIPE => {
                    swallow(libc::SIGPIPE, before.as_ref());
                    return Err(error);
                }
                error => return Err(error),
            }
        }
    }

    /// The signals that wait for this thread already, if the program itself had blocked one of
    /// the two that a write can raise; otherwise neither can be waiting.
    fn pending(&self) -> Option<libc::sigset_t> {
        let blocked = [libc::SIGXFSZ, libc::SIGPIPE].into_iter().any(|signal| {
            // SAFETY: the mask was filled in by pthread_sigmask.
            unsafe { libc::sigismember(&raw const self.mask, signal) == 1 }
        });
        if !blocked {
            return None;
        }
        // SAFETY: as in `begin`: plain integers, written through a pointer to a live local.
        unsafe {
            let mut pending: libc::sigset_t = std::mem::zeroed();
            libc::sigpending(&raw mut pending);
            Some(pending)
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: both values come from the calls that saved them; a null pointer says that the
        // present state is not asked for (glibc and musl accept it in both).
        unsafe {
            pthread_setcancelstate(self.cancel, ptr::null_mut());
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.mask, ptr::null_mut());
        }
        set_errno(self.errno);
    }
}

/// Takes a signal that our own write raised, unless the program had one waiting already.
fn swallow(signal: libc::c_int, before: Option<&libc::sigset_t>) {
    // SAFETY: sets and time-out are live locals; no signal information is asked for.
    unsafe {
        if before.is_some_and(|set| libc::sigismember(set, signal) == 1) {
            return;
        }
        let mut only: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut only);
        libc::sigaddset(&raw mut only, signal);
        let now: libc::timespec = std::mem::zeroed();
        libc::sigtimedwait(&raw const only, ptr::null_mut(), &raw const now);
    }
}

pub(crate) fn errno() -> libc::c_int {
    // SAFETY: __errno_location never returns null and its int belongs to this thread.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set_errno(errno: libc::c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = errno };
}

/// Overwrites bytes that were secret, even if nobody reads them afterwards.
pub(crate) fn wipe(bytes: &mut [u8]) {
    for byte in bytes {
        // SAFETY: the reference is valid for a write of its one byte.
        unsafe { ptr::write_volatile(byte, 0) };
    }
}
