//! The functions of the C library that send, receive and connect.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::{mem, slice};

use libc::{mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t};

use crate::fence::{Whom, bound, settings, whom};
use crate::line;
use crate::real::{Real, errno, set_errno};

/// The function behind ours, as one of this type.
///
/// # Safety
///
/// `F` is the type of the C library's function of this name.
unsafe fn behind<F>(real: &Real) -> Option<F> {
    let address = real.address();
    if address.is_null() {
        set_errno(libc::ENOSYS);
        return None;
    }
    // SAFETY: a pointer to a function has the size of a pointer, and the type is right, says the caller.
    Some(unsafe { mem::transmute_copy::<*mut c_void, F>(&address) })
}

const fn real(name: &'static CStr) -> Real {
    Real::new(name)
}

static SENDTO: Real = real(c"sendto");
static RECVFROM: Real = real(c"recvfrom");
static SENDMSG: Real = real(c"sendmsg");
static SENDMMSG: Real = real(c"sendmmsg");
static CONNECT: Real = real(c"connect");

type SendTo = unsafe extern "C" fn(
    c_int,
    *const c_void,
    size_t,
    c_int,
    *const sockaddr,
    socklen_t,
) -> ssize_t;
type RecvFrom = unsafe extern "C" fn(
    c_int,
    *mut c_void,
    size_t,
    c_int,
    *mut sockaddr,
    *mut socklen_t,
) -> ssize_t;
type SendMsg = unsafe extern "C" fn(c_int, *const msghdr, c_int) -> ssize_t;
type SendMmsg = unsafe extern "C" fn(c_int, *mut mmsghdr, c_uint, c_int) -> c_int;
type Connect = unsafe extern "C" fn(c_int, *const sockaddr, socklen_t) -> c_int;

/// Whether something may be sent there; if not, `errno` says so and toxscope is told.
fn may_pass(to: &Whom) -> bool {
    let Some(settings) = settings() else { return true };
    if settings.allows(to) {
        return true;
    }
    if let Whom::Network(to) = to {
        line::held_back(*to);
    }
    set_errno(libc::EACCES);
    false
}

/// # Safety
///
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendto(
    socket: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
    address: *const sockaddr,
    size: socklen_t,
) -> ssize_t {
    // SAFETY: the type is that of `sendto`.
    let Some(real) = (unsafe { behind::<SendTo>(&SENDTO) }) else { return -1 };
    // SAFETY: the program has to give a readable address.
    let to = unsafe { whom(address, size) };
    if !may_pass(&to) {
        return -1;
    }
    let Whom::Network(to) = to else {
        // SAFETY: these are the program's own arguments.
        return unsafe { real(socket, buffer, length, flags, address, size) };
    };
    let before = errno();
    let own = settings().and_then(|_| bound(socket));
    let Some(own) = own.filter(|_| !buffer.is_null()) else {
        set_errno(before);
        // SAFETY: these are the program's own arguments.
        return unsafe { real(socket, buffer, length, flags, address, size) };
    };
    // SAFETY: the program has to give so many readable bytes.
    let datagram = unsafe { slice::from_raw_parts(buffer.cast::<u8>(), length) };
    let (number, other) = line::instead(datagram);
    let datagram = other.as_deref().unwrap_or(datagram);
    set_errno(before);
    // SAFETY: the datagram is a live slice; the rest are the program's own arguments.
    let sent =
        unsafe { real(socket, datagram.as_ptr().cast(), datagram.len(), flags, address, size) };
    if sent < 0 {
        return sent;
    }
    line::sent(number, [own, to], datagram);
    set_errno(before);
    // What the program wanted to send was taken, whatever was sent instead.
    ssize_t::try_from(length).unwrap_or(sent)
}

/// # Safety
///
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvfrom(
    socket: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
    address: *mut sockaddr,
    size: *mut socklen_t,
) -> ssize_t {
    // SAFETY: the type is that of `recvfrom`.
    let Some(real) = (unsafe { behind::<RecvFrom>(&RECVFROM) }) else { return -1 };
    // SAFETY: these are the program's own arguments.
    let came = unsafe { real(socket, buffer, length, flags, address, size) };
    let bytes = usize::try_from(came).unwrap_or(0).min(length);
    if settings().is_none() || bytes == 0 || flags & libc::MSG_PEEK != 0 || size.is_null() {
        return came;
    }
    let before = errno();
    // SAFETY: the function behind us has written the address and its size.
    if let (Whom::Network(from), Some(own)) = (unsafe { whom(address, *size) }, bound(socket)) {
        // SAFETY: the function behind us has written so many bytes.
        line::received([own, from], unsafe { slice::from_raw_parts(buffer.cast(), bytes) });
    }
    set_errno(before);
    came
}

/// # Safety
///
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(socket: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the type is that of `sendmsg`; the program has to give a readable message.
    unsafe {
        let Some(real) = behind::<SendMsg>(&SENDMSG) else { return -1 };
        if may_pass_message(message) { real(socket, message, flags) } else { -1 }
    }
}

/// # Safety
///
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmmsg(
    socket: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    // SAFETY: the type is that of `sendmmsg`; the program has to give so many readable messages.
    unsafe {
        let Some(real) = behind::<SendMmsg>(&SENDMMSG) else { return -1 };
        let pass = (0..count as usize)
            .all(|place| may_pass_message(&raw const (*messages.add(place)).msg_hdr));
        if pass { real(socket, messages, count, flags) } else { -1 }
    }
}

/// # Safety
///
/// `message` is null or readable.
unsafe fn may_pass_message(message: *const msghdr) -> bool {
    if message.is_null() {
        return true;
    }
    // SAFETY: says the caller.
    may_pass(&unsafe { whom((*message).msg_name.cast(), (*message).msg_namelen) })
}

/// # Safety
///
/// As the C library's function of this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn connect(
    socket: c_int,
    address: *const sockaddr,
    size: socklen_t,
) -> c_int {
    // SAFETY: the type is that of `connect`; the program has to give a readable address.
    unsafe {
        let Some(real) = behind::<Connect>(&CONNECT) else { return -1 };
        if may_pass(&whom(address, size)) { real(socket, address, size) } else { -1 }
    }
}
