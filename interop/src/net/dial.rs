//! Which TCP connections are made: a `connect` that stands in front of the C library's.
//!
//! libtoxcore connects to relays from ports that the system chooses; nothing in its interface tells them. Ours is
//! found first, connects, and remembers from where and where to.

use std::sync::{Mutex, PoisonError};

use libc::{c_int, sockaddr, socklen_t};

use super::filter::{own_port, port};

/// A TCP connection that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// Our port.
    pub from: u16,
    /// Theirs.
    pub to: u16,
}

static DIALLED: Mutex<Vec<Dialled>> = Mutex::new(Vec::new());

/// The connections that were begun since this was asked last.
#[must_use]
pub fn dialled() -> Vec<Dialled> {
    std::mem::take(&mut *DIALLED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The `connect` that libtoxcore finds.
///
/// # Safety
///
/// As `connect(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn connect(socket: c_int, to: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: the arguments are passed on as they came.
    let result = unsafe { libc::syscall(libc::SYS_connect, socket, to, length) };
    let error = std::io::Error::last_os_error().raw_os_error();
    // SAFETY: the caller promises `length` readable bytes at `to`.
    if let (Some(from), Some(to)) = (own_port(socket), unsafe { port(to, length) }) {
        DIALLED.lock().unwrap_or_else(PoisonError::into_inner).push(Dialled { from, to });
    }
    if let (-1, Some(error)) = (result, error) {
        // SAFETY: the caller looks for the error of `connect`, and finds it.
        unsafe { *libc::__errno_location() = error };
    }
    result as c_int
}
