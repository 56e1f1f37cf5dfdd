//! Writes what passes the loopback interface to a pcapng file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};

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
    /// # Errors
    ///
    /// When the file or the socket cannot be made.
    pub fn start(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let socket = open().context("open a packet socket on the loopback interface")?;
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::spawn(move || record(&socket, BufWriter::new(file), &seen));
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

/// One frame: time in nanoseconds since 1970, bytes.
struct Frame<'a> {
    at: i64,
    data: &'a [u8],
}

fn record(socket: &OwnedFd, out: impl Write, stop: &AtomicBool) -> io::Result<u64> {
    let mut writer = Writer::new(out)?;
    let mut buffer = vec![0; FRAME];
    let mut frames = 0;
    loop {
        // The flag first: whatever was sent before it was raised is in the queue by now.
        let ending = stop.load(Ordering::Relaxed);
        match next(socket, &mut buffer)? {
            Some(frame) => {
                writer.packet(&frame)?;
                frames += 1;
            }
            None if ending => break,
            None => {}
        }
    }
    writer.finish()?;
    Ok(frames)
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
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<(i64, usize)>> {
    // SAFETY: every pointer in `message` is to a live value of the stated length; the control
    // messages are walked with libc's own macros and read unaligned.
    unsafe {
        let mut from: libc::sockaddr_ll = zeroed();
        let mut control = [0_u64; 16];
        let mut piece =
            libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
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
        let mut at = 0;
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET
                && (*header).cmsg_type == libc::SCM_TIMESTAMPNS
            {
                let stamp =
                    libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned();
                at = stamp.tv_sec * 1_000_000_000 + stamp.tv_nsec;
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
        Ok(Some((at, length)))
    }
}

/// A minimal pcapng writer: one section, one Ethernet interface, nanoseconds.
struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    fn new(out: W) -> io::Result<Self> {
        let mut writer = Self { out };
        let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
        section.extend([1, 0, 0, 0]);
        section.extend([0xff; 8]);
        writer.block(0x0a0d_0d0a, &section)?;
        // Link type 1, no snap length; option 9: time in 10^-9 seconds.
        let interface = [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        writer.block(1, &interface)?;
        Ok(writer)
    }

    fn packet(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let at = frame.at.cast_unsigned();
        let length = (frame.data.len() as u32).to_le_bytes();
        let mut body = vec![0; 4];
        body.extend(((at >> 32) as u32).to_le_bytes());
        body.extend((at as u32).to_le_bytes());
        body.extend(length);
        body.extend(length);
        body.extend(frame.data);
        self.block(6, &body)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let padding = body.len().next_multiple_of(4) - body.len();
        let total = ((12 + body.len() + padding) as u32).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total)?;
        self.out.write_all(body)?;
        self.out.write_all(&[0; 3][..padding])?;
        self.out.write_all(&total)
    }

    fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
