//! Packets wait until it is known whether they are the program's; only those are written.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::sockets::Sockets;
use crate::capture::pcapng::{Interface, Writer};
use crate::capture::{Ends, LinkType};
use crate::time::Timestamp;

/// How long a packet waits: the system was asked more than once about sockets meanwhile.
const WAIT: Duration = Duration::from_millis(300);

/// How many bytes may wait.
const WAITING_BYTES: usize = 64 << 20;

/// How many first fragments are remembered, for those that follow.
const FRAGMENTS: usize = 64;

/// Packets that wait, in their order, and what became of others.
pub(super) struct Sieve {
    link: LinkType,
    writer: Writer<Vec<u8>>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    fragments: VecDeque<(IpAddr, IpAddr, u32)>,
    pub(super) kept: u64,
    pub(super) left_out: u64,
}

/// A packet as a block of a file.
struct Waiting {
    since: Instant,
    ends: Option<Ends>,
    block: Vec<u8>,
}

impl Sieve {
    /// Nothing yet; and what a file begins with.
    pub(super) fn new(interface: Interface<'_>) -> anyhow::Result<(Self, Vec<u8>)> {
        let mut writer = Writer::new(Vec::new())?;
        writer.interface(interface)?;
        let head = std::mem::take(writer.out_mut());
        let (waiting, fragments) = (VecDeque::new(), VecDeque::new());
        let link = interface.link;
        Ok((Self { link, writer, waiting, bytes: 0, fragments, kept: 0, left_out: 0 }, head))
    }

    /// Takes a packet.
    pub(super) fn push(&mut self, at: Timestamp, data: &[u8], length: u32, now: Instant) {
        // Memory takes everything.
        let _ = self.writer.packet(0, at, data, length);
        let block = std::mem::take(self.writer.out_mut());
        self.bytes += block.len();
        self.waiting.push_back(Waiting { since: now, ends: Ends::of(self.link, data), block });
    }

    /// The blocks of packets that have waited long enough, or of all, and are the program's.
    pub(super) fn pass(&mut self, sockets: &Sockets, now: Instant, all: bool) -> Vec<u8> {
        let mut blocks = Vec::new();
        while self.waiting.front().is_some_and(|first| {
            all || self.bytes > WAITING_BYTES || now.duration_since(first.since) >= WAIT
        }) {
            let Some(Waiting { since, ends, block }) = self.waiting.pop_front() else { break };
            self.bytes -= block.len();
            if ends.is_some_and(|ends| self.is_theirs(&ends, sockets, since)) {
                self.kept += 1;
                blocks.extend_from_slice(&block);
            } else {
                self.left_out += 1;
            }
        }
        blocks
    }

    fn is_theirs(&mut self, ends: &Ends, sockets: &Sockets, since: Instant) -> bool {
        let fragment = ends.fragment.map(|id| (ends.from.ip(), ends.to.ip(), id));
        if fragment.is_some_and(|fragment| self.fragments.contains(&fragment)) {
            return true;
        }
        let own = sockets.own(ends, since);
        if let (true, Some(fragment)) = (own, fragment) {
            self.fragments.push_back(fragment);
            if self.fragments.len() > FRAGMENTS {
                self.fragments.pop_front();
            }
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::capture::pcapng::Resolution;

    fn frame(port: u16, flags: u16, id: u8) -> Vec<u8> {
        let [f0, f1] = flags.to_be_bytes();
        let [p0, p1] = port.to_be_bytes();
        let head = [0x45, 0, 0, 28, 0, id, f0, f1, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1];
        [&head[..], &[p0, p1, 0, 9, 0, 8, 0, 0]].concat()
    }

    #[test]
    fn packets_of_others_are_left_out_and_fragments_go_with_their_first() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let ours = socket.local_addr().unwrap().port();
        let mut sockets = Sockets::before(0);
        sockets.follow(std::process::id());
        let (name, snap_length) = (None, 0);
        let resolution = Resolution::NANOSECONDS;
        let interface = Interface { link: LinkType::RAW, snap_length, resolution, name };
        let (mut sieve, _) = Sieve::new(interface).unwrap();
        let now = Instant::now();
        for frame in [
            frame(ours, 0, 0),
            frame(7, 0, 0),
            frame(ours, 0x2000, 1),
            // Behind the first fragment are bytes that only look like ports.
            frame(9, 1, 1),
            frame(9, 1, 2),
            vec![1, 2, 3],
        ] {
            sieve.push(Timestamp::default(), &frame, 28, now);
        }
        // Nothing is decided before the system was asked.
        assert!(sieve.pass(&sockets, now, false).is_empty());
        sockets.look(now);
        let blocks = sieve.pass(&sockets, now + WAIT, false);
        assert_eq!((sieve.kept, sieve.left_out, blocks.len()), (3, 3, 3 * (32 + 28)));
    }
}
