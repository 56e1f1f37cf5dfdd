//! Splits and packet loss: a `sendto` and a `recvfrom` that stand in front of the C library's.
//!
//! libtoxcore uses these two for every datagram. Ours are found first, and either pass a datagram
//! on or forget it. What `sendto` forgets never reaches the wire and no recording shows it; what
//! `recvfrom` forgets was recorded, as by somebody in the middle of the way, and is sent again.
//! Peers are told apart by their UDP ports.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::{size_of, zeroed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::{c_int, c_void, size_t, sockaddr, socklen_t, ssize_t};

/// What the filter does.
#[derive(Debug, Default)]
struct Rules {
    /// Which part of a split network a port is in; ports that are not listed reach everybody.
    parts: BTreeMap<u16, u8>,
    /// Ports of which nothing passes.
    silent: BTreeSet<u16>,
    /// Lost datagrams of ten thousand.
    loss: u64,
    dice: u64,
    passed: u64,
    dropped: u64,
}

static RULES: Mutex<Rules> = Mutex::new(Rules {
    parts: BTreeMap::new(),
    silent: BTreeSet::new(),
    loss: 0,
    dice: 0,
    passed: 0,
    dropped: 0,
});

fn rules() -> MutexGuard<'static, Rules> {
    RULES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cuts the network: a datagram passes only inside one part. An empty list heals it.
pub fn split(parts: &[&[u16]]) {
    let mut rules = rules();
    rules.parts.clear();
    for (part, ports) in (0..).zip(parts) {
        rules.parts.extend(ports.iter().map(|port| (*port, part)));
    }
}

/// Lets nothing out that a port sends, or lets it out again.
pub fn silence(port: u16, on: bool) {
    let mut rules = rules();
    if on {
        rules.silent.insert(port);
    } else {
        rules.silent.remove(&port);
    }
}

/// Loses this many datagrams of ten thousand from now on, half of them before and half of them
/// behind the recorder; the same `seed`, the same dice.
pub fn lose(of_ten_thousand: u64, seed: u64) {
    let mut rules = rules();
    rules.loss = of_ten_thousand;
    rules.dice = seed;
}

/// Datagrams passed on and forgotten so far.
#[must_use]
pub fn counts() -> (u64, u64) {
    let rules = rules();
    (rules.passed, rules.dropped)
}

impl Rules {
    /// Whether a datagram does not get onto the wire.
    fn drops(&mut self, from: u16, to: u16) -> bool {
        let apart = match (self.parts.get(&from), self.parts.get(&to)) {
            (Some(a), Some(b)) => a != b,
            _ => false,
        };
        let dropped = apart || self.loses() || self.silent.contains(&from);
        if dropped {
            self.dropped += 1
        } else {
            self.passed += 1
        }
        dropped
    }

    /// Whether a datagram gets lost on one half of its way.
    fn loses(&mut self) -> bool {
        self.loss > 0 && self.roll() % 20_000 < self.loss
    }

    /// SplitMix64.
    fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The `sendto` that libtoxcore finds.
///
/// # Safety
///
/// As `sendto(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendto(
    socket: c_int,
    data: *const c_void,
    length: size_t,
    flags: c_int,
    to: *const sockaddr,
    to_length: socklen_t,
) -> ssize_t {
    // SAFETY: the caller promises `to_length` readable bytes at `to`.
    let to_port = unsafe { port(to, to_length) };
    if let (Some(from_port), Some(to_port)) = (own_port(socket), to_port)
        && rules().drops(from_port, to_port)
    {
        return length.cast_signed();
    }
    // SAFETY: the arguments are passed on as they came.
    let sent =
        unsafe { libc::syscall(libc::SYS_sendto, socket, data, length, flags, to, to_length) };
    sent as ssize_t
}

/// The `recvfrom` that libtoxcore finds.
///
/// # Safety
///
/// As `recvfrom(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvfrom(
    socket: c_int,
    data: *mut c_void,
    length: size_t,
    flags: c_int,
    from: *mut sockaddr,
    from_length: *mut socklen_t,
) -> ssize_t {
    loop {
        // SAFETY: the arguments are passed on as they came.
        let received = unsafe {
            libc::syscall(libc::SYS_recvfrom, socket, data, length, flags, from, from_length)
        };
        if received <= 0 || !rules().loses() {
            return received as ssize_t;
        }
    }
}

/// The port that a socket is bound to.
pub(super) fn own_port(socket: c_int) -> Option<u16> {
    // SAFETY: an all-zero `sockaddr_storage` is valid and large enough for every address;
    // `getsockname` writes at most `length` bytes of it.
    unsafe {
        let mut address: libc::sockaddr_storage = zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as socklen_t;
        let address = (&raw mut address).cast::<sockaddr>();
        if libc::getsockname(socket, address, &raw mut length) != 0 {
            return None;
        }
        port(address, length)
    }
}

/// The port of an IPv4 or IPv6 address.
///
/// # Safety
///
/// `address` is null or has `length` readable bytes.
pub(super) unsafe fn port(address: *const sockaddr, length: socklen_t) -> Option<u16> {
    // Both families keep the port, big-endian, right behind the family.
    if address.is_null() || (length as usize) < 4 {
        return None;
    }
    // SAFETY: at least 4 bytes are readable, by the condition above.
    let (family, port) = unsafe {
        let family = address.cast::<libc::sa_family_t>().read_unaligned();
        (c_int::from(family), address.cast::<[u8; 4]>().read_unaligned())
    };
    let [_, _, high, low] = port;
    matches!(family, libc::AF_INET | libc::AF_INET6).then(|| u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_network_passes_datagrams_inside_a_part_only() {
        let mut rules = Rules { parts: [(1, 0), (2, 0), (3, 1)].into(), ..Rules::default() };
        assert!(!rules.drops(1, 2));
        assert!(rules.drops(1, 3));
        assert!(!rules.drops(3, 9), "a port that is in no part reaches everybody");
        assert_eq!((rules.passed, rules.dropped), (2, 1));
    }

    #[test]
    fn about_as_many_datagrams_are_lost_as_asked_for() {
        let mut rules = Rules { loss: 1000, ..Rules::default() };
        let lost = (0..10_000).filter(|_| rules.drops(1, 2) || rules.loses()).count();
        assert!((880..1080).contains(&lost), "{lost} of 10000");
    }
}
