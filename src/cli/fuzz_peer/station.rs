//! Where everything comes together that the peer's library says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, LineWriter, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Instant, SystemTime};

use serde::Serialize;

use super::mutator::{Decision, Mutator};
use super::watch::Sessions;
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{LinkType, emit_udp};
use crate::time::Timestamp;
use crate::wire::{Hex, Kind, Packet};

/// Id of a packet that carries data of a session (packets §2).
const CRYPTO_DATA: u8 = 0x1b;

/// Writes the capture and the journal, and counts.
pub(super) struct Station {
    mutator: Mutator,
    capture: Writer<BufWriter<File>>,
    journal: LineWriter<File>,
    frames: u64,
    frame: Vec<u8>,
    /// Which of the peer's addresses the system uses towards others.
    routes: BTreeMap<IpAddr, Option<IpAddr>>,
    pub(super) sessions: Sessions,
    pub(super) counts: Counts,
    /// What ended the recording.
    pub(super) failed: Option<io::Error>,
}

/// What happened.
#[derive(Default)]
pub(super) struct Counts {
    /// Datagrams that were sent and received.
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Conference packets that were sent, by kind; those changed among them, by the mutation's name. Each once,
    /// however often it was sent.
    pub(super) packets: BTreeMap<&'static str, u64>,
    pub(super) changed: BTreeMap<&'static str, u64>,
    /// To whom something was to be sent beyond the fence, and how many times.
    pub(super) held_back: BTreeMap<SocketAddr, u64>,
    /// The peer's own addresses.
    pub(super) own: BTreeSet<SocketAddr>,
}

/// A line of the journal: a packet that was changed.
#[derive(Serialize)]
struct Entry<'a> {
    schema: u32,
    packet: u64,
    frame: u64,
    time: String,
    to: String,
    kind: &'static str,
    mutation: &'static str,
    field: &'a str,
    is_resent: bool,
    before_hex: String,
    after_hex: String,
}

impl Station {
    /// Begins a capture and a journal.
    ///
    /// # Errors
    ///
    /// Those of the capture.
    pub(super) fn new(mutator: Mutator, capture: File, journal: File) -> io::Result<Self> {
        let mut capture = Writer::new(BufWriter::new(capture))?;
        capture.interface(Interface {
            link: LinkType::RAW,
            snap_length: 0,
            resolution: Resolution::NANOSECONDS,
            name: Some("fuzz-peer"),
        })?;
        Ok(Self {
            mutator,
            capture,
            journal: LineWriter::new(journal),
            frames: 0,
            frame: Vec::new(),
            routes: BTreeMap::new(),
            sessions: Sessions::default(),
            counts: Counts::default(),
            failed: None,
        })
    }

    /// What becomes of something that is about to be sealed.
    pub(super) fn decide(&mut self, key: u64, plain: &[u8]) -> Option<Decision> {
        self.mutator.decide(key, plain)
    }

    /// A datagram was sent, `decision` in it if it is a conference packet.
    pub(super) fn sent(
        &mut self,
        decision: Option<Decision>,
        [own, to]: [SocketAddr; 2],
        datagram: &[u8],
    ) {
        self.counts.sent += 1;
        let own = self.towards(own, to.ip());
        let at = self.write(own, to, datagram);
        if datagram.first() == Some(&CRYPTO_DATA) {
            self.sessions.sent(to, Instant::now());
        }
        let Some(decision) = decision else { return };
        let kind = Packet::parse(&decision.before).map_or(Kind::Malformed, |it| it.kind()).name();
        if !decision.is_resent {
            *self.counts.packets.entry(kind).or_default() += 1;
        }
        let Some((after, change)) = &decision.after else { return };
        if !decision.is_resent {
            *self.counts.changed.entry(change.name).or_default() += 1;
        }
        let entry = Entry {
            schema: 1,
            packet: decision.number,
            frame: self.frames,
            time: at.to_string(),
            to: to.to_string(),
            kind,
            mutation: change.name,
            field: &change.field,
            is_resent: decision.is_resent,
            before_hex: Hex(&decision.before).to_string(),
            after_hex: Hex(after).to_string(),
        };
        let line = serde_json::to_vec(&entry).map_err(io::Error::other);
        let written = line.and_then(|line| self.journal.write_all(&[&line[..], b"\n"].concat()));
        self.keep(written);
    }

    /// A datagram has come.
    pub(super) fn received(&mut self, [own, from]: [SocketAddr; 2], datagram: &[u8]) {
        self.counts.received += 1;
        let own = self.towards(own, from.ip());
        self.write(from, own, datagram);
        if datagram.first() == Some(&CRYPTO_DATA) {
            self.sessions.heard(from);
        }
    }

    /// Something was not sent.
    pub(super) fn held_back(&mut self, to: SocketAddr) {
        /// So many addresses are told apart.
        const MOST: usize = 1024;
        if self.counts.held_back.len() < MOST || self.counts.held_back.contains_key(&to) {
            *self.counts.held_back.entry(to).or_default() += 1;
        }
    }

    /// How many conference packets were changed.
    pub(super) fn changed(&self) -> u64 {
        self.counts.changed.values().sum()
    }

    /// Sees to it that everything is in the files.
    pub(super) fn flush(&mut self) {
        let flushed = self.capture.out_mut().flush();
        self.keep(flushed);
    }

    fn write(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) -> Timestamp {
        let at = now();
        self.frame.clear();
        emit_udp(from, to, datagram, &mut self.frame);
        self.frames += 1;
        let size = u32::try_from(self.frame.len()).unwrap_or(u32::MAX);
        let written = self.capture.packet(0, at, &self.frame, size);
        self.keep(written);
        at
    }

    fn keep(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error);
        }
    }

    /// The peer's address in packets to and from somebody, where its socket is bound to all addresses.
    fn towards(&mut self, own: SocketAddr, other: IpAddr) -> SocketAddr {
        let own = if own.ip().is_unspecified() {
            let route = self.routes.entry(other).or_insert_with(|| route(other));
            SocketAddr::new(route.unwrap_or(own.ip()), own.port())
        } else {
            own
        };
        self.counts.own.insert(own);
        own
    }
}

/// The address from which the system would send to another. Nothing is sent.
fn route(to: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().ok()?;
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
