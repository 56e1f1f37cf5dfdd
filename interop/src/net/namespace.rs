//! A network namespace of our own: nothing comes in, nothing gets out, every port is free.

use std::fs;
use std::io;

use anyhow::{Context, Result};

/// Moves this process into a fresh network namespace and brings its loopback interface up.
///
/// Call it before any thread exists. Needs root, or a system on which users may make
/// namespaces.
///
/// # Errors
///
/// What the system says.
pub fn enter() -> Result<()> {
    // SAFETY: `getuid` and `getgid` cannot fail; `unshare` only concerns this process.
    let (uid, gid, moved) =
        unsafe { (libc::getuid(), libc::getgid(), libc::unshare(libc::CLONE_NEWNET)) };
    if moved != 0 {
        // SAFETY: as above.
        let moved = unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) };
        if moved != 0 {
            return Err(io::Error::last_os_error())
                .context("no network namespace of our own (neither as root nor as a user)");
        }
        fs::write("/proc/self/setgroups", "deny").context("deny setgroups")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context("map the user")?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context("map the group")?;
    }
    loopback_up().context("bring the loopback interface up")
}

fn loopback_up() -> io::Result<()> {
    // SAFETY: `request` is a zeroed C structure whose name is shorter than its field; both
    // calls of `ioctl` read and write that structure only; the socket is closed once.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = from.cast_signed();
        }
        let mut done = libc::ioctl(socket, libc::SIOCGIFFLAGS, &raw mut request);
        if done == 0 {
            request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
            done = libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request);
        }
        let error = io::Error::last_os_error();
        libc::close(socket);
        if done == 0 { Ok(()) } else { Err(error) }
    }
}
