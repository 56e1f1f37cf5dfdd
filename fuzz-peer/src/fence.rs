//! Where the program may send to: loopback, and the addresses that its user says to own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, mem, ptr};

/// The socket of toxscope. If it is there, the fence is up.
const SOCKET: &str = "TOXSCOPE_FUZZ_PEER";

/// Addresses that may be sent to beside loopback, with commas between them.
const OWNED: &str = "TOXSCOPE_FUZZ_PEER_OWNED";

/// What the environment said when the library was loaded.
pub(crate) struct Settings {
    pub(crate) socket: PathBuf,
    owned: Vec<IpAddr>,
}

static SETTINGS: OnceLock<Option<Settings>> = OnceLock::new();

/// Before the program runs, which may change its environment.
extern "C" fn loaded() {
    settings();
}

#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = loaded;

/// `None` if the library is to do nothing.
pub(crate) fn settings() -> Option<&'static Settings> {
    let read = || {
        let socket = env::var_os(SOCKET)?;
        let owned = env::var_os(OWNED).unwrap_or_default();
        let parse = |one: &[u8]| str::from_utf8(one).ok()?.parse::<IpAddr>().ok();
        let owned = owned.as_bytes().split(|byte| *byte == b',').filter_map(parse);
        Some(Settings { socket: socket.into(), owned: owned.map(|ip| ip.to_canonical()).collect() })
    };
    SETTINGS.get_or_init(read).as_ref()
}

/// Whom an address of the C library means.
pub(crate) enum Whom {
    /// Somebody on a network.
    Network(SocketAddr),
    /// The system itself, or nobody.
    System,
    /// Something that this library does not know.
    Unknown,
}

/// # Safety
///
/// `address` is null or has `length` readable bytes.
pub(crate) unsafe fn whom(address: *const libc::sockaddr, length: libc::socklen_t) -> Whom {
    let length = length as usize;
    if address.is_null() || length < size_of::<libc::sa_family_t>() {
        return Whom::System;
    }
    // SAFETY: there are enough bytes for a family; addresses of the C library need no alignment here.
    let family = unsafe { ptr::read_unaligned(address.cast::<libc::sa_family_t>()) };
    match libc::c_int::from(family) {
        libc::AF_UNIX | libc::AF_NETLINK | libc::AF_UNSPEC => Whom::System,
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: there are enough bytes, and any are a value.
            let inet = unsafe { ptr::read_unaligned(address.cast::<libc::sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(inet.sin_addr.s_addr));
            Whom::Network((ip, u16::from_be(inet.sin_port)).into())
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: there are enough bytes, and any are a value.
            let inet = unsafe { ptr::read_unaligned(address.cast::<libc::sockaddr_in6>()) };
            let ip = Ipv6Addr::from(inet.sin6_addr.s6_addr);
            Whom::Network((IpAddr::from(ip).to_canonical(), u16::from_be(inet.sin6_port)).into())
        }
        _ => Whom::Unknown,
    }
}

impl Settings {
    /// Whether something may be sent there.
    pub(crate) fn allows(&self, whom: &Whom) -> bool {
        match whom {
            Whom::Network(to) => to.ip().is_loopback() || self.owned.contains(&to.ip()),
            Whom::System => true,
            Whom::Unknown => false,
        }
    }
}

/// The address that a socket is bound to, if it is one for datagrams on a network.
pub(crate) fn bound(socket: libc::c_int) -> Option<SocketAddr> {
    // SAFETY: the system writes no further than the lengths that it is told, into live locals; a
    // sockaddr_storage is plain integers, for which zero is a value.
    unsafe {
        let (mut kind, mut size): (libc::c_int, _) = (0, size_of::<libc::c_int>() as u32);
        let (level, name) = (libc::SOL_SOCKET, libc::SO_TYPE);
        if libc::getsockopt(socket, level, name, (&raw mut kind).cast(), &raw mut size) != 0
            || kind != libc::SOCK_DGRAM
        {
            return None;
        }
        let mut address: libc::sockaddr_storage = mem::zeroed();
        let mut size = size_of::<libc::sockaddr_storage>() as u32;
        if libc::getsockname(socket, (&raw mut address).cast(), &raw mut size) != 0 {
            return None;
        }
        match whom((&raw const address).cast(), size) {
            Whom::Network(address) => Some(address),
            Whom::System | Whom::Unknown => None,
        }
    }
}
