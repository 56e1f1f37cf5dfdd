//! Another port for a socket that libtoxcore has open: what a router does to its clients when it
//! forgets which outer port belonged to whom.

use std::fs;
use std::io::{self, ErrorKind};
use std::mem::{size_of, zeroed};

use libc::{c_int, sockaddr, socklen_t};

use super::filter::own_port;

/// Puts a socket that is bound to `new` in the place of the one that is bound to `old`.
///
/// # Errors
///
/// When no socket is bound to `old`, or none can be bound to `new`.
pub fn rebind(old: u16, new: u16) -> io::Result<()> {
    let socket = socket_of(old)?.ok_or_else(|| {
        io::Error::new(ErrorKind::NotFound, format!("no socket is bound to port {old}"))
    })?;
    // SAFETY: an all-zero `sockaddr_storage` is valid; `getsockname` writes, and `bind` reads, at
    // most `length` bytes of it; both kinds of address keep the port in bytes 2 and 3. The new
    // socket is closed once, after `dup2` has made `socket` another name of it.
    unsafe {
        let mut address: libc::sockaddr_storage = zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as socklen_t;
        let pointer = (&raw mut address).cast::<sockaddr>();
        done(libc::getsockname(socket, pointer, &raw mut length))?;
        pointer.cast::<u8>().add(2).cast::<[u8; 2]>().write_unaligned(new.to_be_bytes());
        let family = c_int::from(address.ss_family);
        let fresh = libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        done(fresh)?;
        if family == libc::AF_INET6 {
            let off: c_int = 0;
            let size = size_of::<c_int>() as socklen_t;
            let value = (&raw const off).cast();
            libc::setsockopt(fresh, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, value, size);
        }
        let result = done(libc::fcntl(fresh, libc::F_SETFL, libc::O_NONBLOCK))
            .and_then(|()| done(libc::bind(fresh, pointer, length)))
            .and_then(|()| done(libc::dup2(fresh, socket)));
        libc::close(fresh);
        result
    }
}

/// The descriptor of the UDP socket that is bound to a port.
fn socket_of(port: u16) -> io::Result<Option<c_int>> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(number) = number
            && own_port(number) == Some(port)
        {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn done(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
