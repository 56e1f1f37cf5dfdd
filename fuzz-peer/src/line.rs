//! The connection to toxscope.
//!
//! Everything on it is a length (32 bits, little-endian), then that many bytes. The program's side begins
//! with a letter:
//!
//! | Letter | Then                                                                 | Answer |
//! |--------|----------------------------------------------------------------------|--------|
//! | `A`    | a number for the key (8), what is about to be sealed                  | what to seal in its place; nothing to leave it |
//! | `S`    | which `A` it was, from 1 on, or 0 (8), own address, theirs, datagram | none   |
//! | `R`    | 0 (8), own address, theirs, datagram                                 | none   |
//! | `X`    | 0 (8), own address, theirs: held back by the fence                    | none   |
//!
//! An address is 16 bytes (IPv4 as mapped into IPv6) and a port, big-endian.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::{Mutex, PoisonError};

use crate::fence::settings;

/// Sealed packets that have not been sent yet; one that the program throws away stays until others come.
const WAITING: usize = 256;

/// Bytes of the tag that a box begins with.
pub(crate) const TAG: usize = 16;

/// Longest answer.
const MOST: usize = 4096;

/// The header of a crypto data packet: its id, and the end of its nonce (packets §5.1).
const CRYPTO_DATA: u8 = 0x1b;
const HEAD: usize = 3;

/// A sealed packet that was shown to toxscope.
struct Waiting {
    tag: [u8; TAG],
    number: u64,
    /// The box that toxscope wants instead.
    instead: Option<Vec<u8>>,
}

/// The connection of one process.
struct Line {
    stream: UnixStream,
    process: u32,
    shown: u64,
    waiting: VecDeque<Waiting>,
}

static LINE: Mutex<Option<Line>> = Mutex::new(None);

/// Does something with the connection, made if there is none; `None` if it is broken. A process that was
/// forked has its own.
fn with_line<T>(deed: impl FnOnce(&mut Line) -> io::Result<T>) -> Option<T> {
    let settings = settings()?;
    let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
    if line.as_ref().is_none_or(|line| line.process != process::id()) {
        let stream = UnixStream::connect(&settings.socket).ok()?;
        *line = Some(Line { stream, process: process::id(), shown: 0, waiting: VecDeque::new() });
    }
    deed(line.as_mut()?).ok()
}

impl Line {
    /// Sends without raising a signal if nobody listens.
    fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let body = parts.concat();
        let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
        let all = [length.as_slice(), &body].concat();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            // SAFETY: pointer and length are those of one live slice.
            let sent = unsafe {
                libc::send(
                    self.stream.as_raw_fd(),
                    rest.as_ptr().cast(),
                    rest.len(),
                    libc::MSG_NOSIGNAL,
                )
            };
            match usize::try_from(sent) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(_) => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn answer(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn report(
        &mut self,
        letter: u8,
        number: u64,
        ends: [SocketAddr; 2],
        datagram: &[u8],
    ) -> io::Result<()> {
        let [own, their] = ends.map(address);
        self.send(&[&[letter], &number.to_le_bytes(), &own, &their, datagram])
    }
}

fn address(address: SocketAddr) -> [u8; 18] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = [0; 18];
    let (ip_bytes, port) = bytes.split_at_mut(16);
    ip_bytes.copy_from_slice(&ip.octets());
    port.copy_from_slice(&address.port().to_be_bytes());
    bytes
}

/// Shows what was sealed. If toxscope wants something else, `seal` makes a box of that.
pub(crate) fn show(
    plain: &[u8],
    key: &[u8],
    tag: [u8; TAG],
    seal: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    let key = hasher.finish().to_le_bytes();
    with_line(|line| {
        line.send(&[b"A", &key, plain])?;
        line.shown += 1;
        let other = line.answer()?;
        let instead = if other.is_empty() { None } else { seal(&other) };
        if line.waiting.len() >= WAITING {
            line.waiting.pop_front();
        }
        line.waiting.push_back(Waiting { tag, number: line.shown, instead });
        Ok(())
    });
}

/// The datagram to send in place of one, and which of those shown it is.
pub(crate) fn instead(datagram: &[u8]) -> (u64, Option<Vec<u8>>) {
    let unknown = (0, None);
    let Some((head, tag)) = datagram.split_at_checked(HEAD) else { return unknown };
    let Some(tag) = tag.first_chunk::<TAG>() else { return unknown };
    if head.first() != Some(&CRYPTO_DATA) {
        return unknown;
    }
    let found = with_line(|line| {
        let place = line.waiting.iter().position(|waiting| waiting.tag == *tag);
        Ok(place.and_then(|place| line.waiting.remove(place)))
    });
    match found.flatten() {
        Some(Waiting { number, instead, .. }) => {
            (number, instead.map(|sealed| [head, &sealed].concat()))
        }
        None => unknown,
    }
}

/// Reports a datagram that was sent.
pub(crate) fn sent(number: u64, ends: [SocketAddr; 2], datagram: &[u8]) {
    with_line(|line| line.report(b'S', number, ends, datagram));
}

/// Reports a datagram that has come.
pub(crate) fn received(ends: [SocketAddr; 2], datagram: &[u8]) {
    with_line(|line| line.report(b'R', 0, ends, datagram));
}

/// Reports that something was to be sent beyond the fence.
pub(crate) fn held_back(to: SocketAddr) {
    with_line(|line| line.report(b'X', 0, [to; 2], &[]));
}
