//! Writes what passes the loopback interface to a pcapng file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem::{size_of, zeroed};
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use toxscope::capture::LinkType;
use toxscope::capture::pcapng::{Interface, Resolution, Writer};
use toxscope::time::Timestamp;

/// Room for packets that wait for us, in bytes.
const QUEUE: libc::c_int = 32 << 20;
/// The largest frame the loopback interface carries: its MTU and an Ethernet header.
const FRAME: usize = 65_536 + 14;
/// How often a quiet recorder looks whether it shall end.
const PATIENCE_MS: libc::c_int = 50;

/// A recording under way.
pub struct Recorder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<u64>>,
}

impl Recorder {
    /// Starts recording the loopback interface of the current namespace.
    ///
    /// `about` becomes a comment in the file.
    ///
    /// # Errors
    ///
    /// When the file or the socket cannot be made.
    pub fn start(path: &Path, about: &str, left_out: LeftOut) -> Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let mut writer = Writer::with_comments(BufWriter::new(file), [about])?;
        writer.interface(Interface {
            link: LinkType::ETHERNET,
            snap_length: 0,
            resolution: Resolution::NANOSECONDS,
            name: Some("lo"),
        })?;
        let socket = open().context("open a packet socket on the loopback interface")?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || record(&socket, writer, left_out, &seen));
        Ok(Self { stop, thread })
    }

    /// Ends the recording once the interface is quiet; the number of frames.
    ///
    /// # Errors
    ///
    /// What went wrong while recording.
    pub fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        let frames = self.thread.join().map_err(|_| anyhow!("the recorder died"))?;
        frames.context("record the loopback interface")
    }
}

/// What is left out: datagrams by their first byte (packets §2).
///
/// A handful of peers send megabytes of onion packets while they look for their friends; a
/// recording for people does without, as it would with `udp[8] < 0x80 or udp[8] > 0x8f`.
pub type LeftOut = &'static [RangeInclusive<u8>];

/// One frame.
struct Frame<'a> {
    at: Timestamp,
    data: &'a [u8],
}

fn record(
    socket: &OwnedFd,
    mut writer: Writer<impl Write>,
    left_out: LeftOut,
    stop: &AtomicBool,
) -> io::Result<u64> {
    let mut buffer = vec![0; FRAME];
    let mut frames = 0;
    loop {
        // The flag first: whatever was sent before it was raised is in the queue by now.
        let ending = stop.load(Ordering::Relaxed);
        match next(socket, &mut buffer)? {
            Some(frame) if is_left_out(frame.data, left_out) => {}
            Some(frame) => {
                let length = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
                writer.packet(0, frame.at, frame.data, length)?;
                frames += 1;
            }
            None if ending => break,
            None => {}
        }
    }
    writer.finish()?;
    Ok(frames)
}

/// Whether a frame carries such a datagram, or an ICMP message quoting one; in IPv4 without
/// options or IPv6.
fn is_left_out(frame: &[u8], left_out: LeftOut) -> bool {
    const ETHERNET: usize = 14;
    const ICMP: usize = 8;
    let mut at = ETHERNET;
    // At most one quotation: a message of ICMP is never answered by another one.
    for _ in 0..2 {
        let (protocol, header) = match frame.get(at) {
            Some(0x45) => (frame.get(at + 9), 20),
            Some(0x60..=0x6f) => (frame.get(at + 6), 40),
            _ => return false,
        };
        at += header;
        match protocol {
            Some(17) => {
                let first = frame.get(at + 8);
                return first.is_some_and(|byte| left_out.iter().any(|kinds| kinds.contains(byte)));
            }
            Some(1 | 58) => at += ICMP,
            _ => return false,
        }
    }
    false
}

/// A packet socket that sees the loopback interface, with time stamps of nanoseconds.
fn open() -> io::Result<OwnedFd> {
    let protocol = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: each call gets a live socket and pointers to live values of the stated size; the
    // socket is owned as soon as it is known to be one.
    unsafe {
        let raw =
            libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol.into());
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = OwnedFd::from_raw_fd(raw);
        let mut address: libc::sockaddr_ll = zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = libc::if_nametoindex(c"lo".as_ptr()).cast_signed();
        let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        if libc::bind(raw, (&raw const address).cast(), size) != 0 {
            return Err(io::Error::last_os_error());
        }
        for (name, value) in
            [(libc::SO_TIMESTAMPNS, 1), (libc::SO_RCVBUFFORCE, QUEUE), (libc::SO_RCVBUF, QUEUE)]
        {
            // The forced size needs a privilege; the other one is what remains without it.
            let size = size_of::<libc::c_int>() as libc::socklen_t;
            let value: libc::c_int = value;
            let set =
                libc::setsockopt(raw, libc::SOL_SOCKET, name, (&raw const value).cast(), size);
            if set == 0 && name == libc::SO_RCVBUFFORCE {
                break;
            }
        }
        Ok(socket)
    }
}

/// The next frame, or `None` after a while without one.
fn next<'b>(socket: &OwnedFd, buffer: &'b mut [u8]) -> io::Result<Option<Frame<'b>>> {
    loop {
        let mut wait = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one live structure.
        let ready = unsafe { libc::poll(&raw mut wait, 1, PATIENCE_MS) };
        if ready == 0 {
            return Ok(None);
        }
        if let Some((at, length)) = receive(socket, buffer)? {
            let data = buffer.get(..length).unwrap_or_default();
            return Ok(Some(Frame { at, data }));
        }
    }
}

/// Reads one frame: its time and length, or `None` for the copy that is on its way out.
///
/// The loopback interface shows each frame twice, leaving and arriving; the latter is kept.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<(Timestamp, usize)>> {
    // SAFETY: every pointer in `message` is to a live value of the stated length; the control
    // messages are walked with libc's own macros and read unaligned.
    unsafe {
        let mut from: libc::sockaddr_ll = zeroed();
        let mut control = [0_u64; 16];
        let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let mut message: libc::msghdr = zeroed();
        message.msg_name = (&raw mut from).cast();
        message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        message.msg_iov = &raw mut piece;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        let length = libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0);
        let Ok(length) = usize::try_from(length) else {
            return Err(io::Error::last_os_error());
        };
        if from.sll_pkttype == libc::PACKET_OUTGOING {
            return Ok(None);
        }
        let mut at = Timestamp::default();
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET
                && (*header).cmsg_type == libc::SCM_TIMESTAMPNS
            {
                let stamp = libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned();
                at = Timestamp::from_parts(stamp.tv_sec, stamp.tv_nsec);
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
        Ok(Some((at, length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IP header of a version and protocol.
    fn ip(version: u8, protocol: u8) -> Vec<u8> {
        let (mut header, at) = if version == 4 { (vec![0; 20], 9) } else { (vec![0; 40], 6) };
        header[0] = if version == 4 { 0x45 } else { 0x60 };
        header[at] = protocol;
        header
    }

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        [&[0; 14], parts.concat().as_slice()].concat()
    }

    #[test]
    fn datagrams_are_left_out_by_their_first_byte_also_where_icmp_quotes_them() {
        let onion: LeftOut = &[0x80..=0x8f];
        let udp = |first| [[0; 8].as_slice(), &[first]].concat();
        assert!(is_left_out(&frame(&[&ip(4, 17), &udp(0x80)]), onion));
        assert!(is_left_out(&frame(&[&ip(6, 17), &udp(0x8e)]), onion));
        assert!(is_left_out(&frame(&[&ip(4, 1), &[0; 8], &ip(4, 17), &udp(0x83)]), onion));
        assert!(is_left_out(&frame(&[&ip(6, 58), &[0; 8], &ip(6, 17), &udp(0x83)]), onion));
        assert!(!is_left_out(&frame(&[&ip(4, 17), &udp(0x1b)]), onion));
        assert!(!is_left_out(&frame(&[&ip(6, 17), &udp(0x7f)]), onion));
        assert!(!is_left_out(&frame(&[&ip(4, 1), &[0; 8], &ip(4, 1), &[0; 8]]), onion));
        assert!(!is_left_out(&[0; 14], onion));
        assert!(!is_left_out(&frame(&[&ip(4, 17), &udp(0x80)]), &[]));
    }
}
