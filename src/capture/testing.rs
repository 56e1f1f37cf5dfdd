//! Builds capture files and frames for tests, and reads them to the end.

use std::io::Read;

use super::bytes::Order;
use super::{Datagrams, Event, Follows, Limits, LinkType, NotUdp};

/// Ports of [`udp`].
pub(super) const FROM: u16 = 33445;
pub(super) const TO: u16 = 33446;

/// A UDP segment with checksum 0.
pub(super) fn udp(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let ports = [FROM.to_be_bytes(), TO.to_be_bytes(), length.to_be_bytes(), [0, 0]];
    [ports.as_flattened(), payload].concat()
}

/// Flags of a TCP segment.
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

/// A TCP segment between the same ports.
pub(super) fn tcp(flags: u8, sequence: u32, acknowledgment: u32, payload: &[u8]) -> Vec<u8> {
    let ports = [FROM.to_be_bytes(), TO.to_be_bytes()];
    let numbers = [sequence.to_be_bytes(), acknowledgment.to_be_bytes()];
    let rest = [0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
    [ports.as_flattened(), numbers.as_flattened(), &rest, payload].concat()
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2; `flags` are the three flags and the fragment offset.
pub(super) fn ipv4(protocol: u8, id: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap();
    let head = [[0x45, 0], length.to_be_bytes(), id.to_be_bytes(), flags.to_be_bytes()];
    let rest = [64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [head.as_flattened(), &rest, payload].concat()
}

/// An IPv6 packet from fd00::1 to fd00::2.
pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, l0, l1, next, 64];
    for last in [1, 2] {
        packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend(payload);
    packet
}

/// An IPv6 fragment header and what follows; `offset` in bytes.
pub(super) fn ipv6_fragment(next: u8, id: u32, offset: u16, more: bool, part: &[u8]) -> Vec<u8> {
    let flags = (offset | u16::from(more)).to_be_bytes();
    [&[next, 0], &flags[..], &id.to_be_bytes(), part].concat()
}

/// An Ethernet frame with these EtherTypes; all but the last are VLAN tags.
pub(super) fn ethernet(ethertypes: &[u16], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    for (index, ethertype) in ethertypes.iter().enumerate() {
        if index > 0 {
            frame.extend([0, 7]);
        }
        frame.extend(ethertype.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

/// Writes integers in the byte order of the file.
pub(super) struct Bytes {
    pub(super) order: Order,
    pub(super) bytes: Vec<u8>,
}

impl Bytes {
    pub(super) fn new(order: Order) -> Self {
        Self { order, bytes: Vec::new() }
    }

    pub(super) fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    pub(super) fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
        self
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// A pcap file header of version 2.4.
    pub(super) fn pcap(self, magic: u32, link: u32) -> Self {
        self.u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(link)
    }

    /// A pcap record.
    pub(super) fn record(self, seconds: u32, fraction: u32, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        self.u32(seconds).u32(fraction).u32(length).u32(length).raw(data)
    }

    /// A pcapng block around `body`, which is padded.
    pub(super) fn block(self, block_type: u32, body: &[u8]) -> Self {
        let padded = body.len().next_multiple_of(4);
        let total = u32::try_from(12 + padded).unwrap();
        let padding = vec![0; padded - body.len()];
        self.u32(block_type).u32(total).raw(body).raw(&padding).u32(total)
    }

    /// A Section Header Block with these options.
    pub(super) fn section(self, options: &[u8]) -> Self {
        let body = Self::new(self.order).u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]);
        self.block(0x0a0d_0d0a, &body.raw(options).bytes)
    }

    /// An Interface Description Block with these options.
    pub(super) fn interface(self, link: LinkType, snap_length: u32, options: &[u8]) -> Self {
        let body = Self::new(self.order).u16(link.0).u16(0).u32(snap_length);
        self.block(1, &body.raw(options).bytes)
    }

    /// One option.
    pub(super) fn option(self, code: u16, value: &[u8]) -> Self {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        self.u16(code).u16(u16::try_from(value.len()).unwrap()).raw(value).raw(&padding)
    }

    /// An Enhanced Packet Block.
    pub(super) fn enhanced(self, interface: u32, ticks: u64, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        let body = Self::new(self.order).u32(interface).u32((ticks >> 32) as u32);
        self.block(6, &body.u32(ticks as u32).u32(length).u32(length).raw(data).bytes)
    }
}

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Frame, offset, nanoseconds, source, destination, payload; "truncated", "overlap".
    Datagram(u64, u64, i64, String, String, Vec<u8>, &'static str),
    Other(u64, i64, NotUdp),
    /// Frame, nanoseconds, source, destination, connection, whether from its opener, bytes, what they
    /// follow.
    Piece(u64, i64, String, String, u32, Option<bool>, Vec<u8>, Follows),
    Comment(Vec<u8>),
    Secrets(u32, Vec<u8>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Datagram(datagram) => Self::Datagram(
                datagram.origin.frame,
                datagram.origin.offset,
                datagram.at.as_nanos(),
                datagram.from.to_string(),
                datagram.to.to_string(),
                datagram.payload.to_vec(),
                match (datagram.truncated, datagram.overlap) {
                    (false, false) => "",
                    (true, false) => "truncated",
                    (false, true) => "overlap",
                    (true, true) => "truncated, overlap",
                },
            ),
            Event::Other { origin, at, why } => Self::Other(origin.frame, at.as_nanos(), why),
            Event::Piece(piece) => Self::Piece(
                piece.origin.frame,
                piece.at.as_nanos(),
                piece.from.to_string(),
                piece.to.to_string(),
                piece.connection,
                piece.from_opener,
                piece.bytes.to_vec(),
                piece.follows,
            ),
            Event::Comment(comment) => Self::Comment(comment.to_vec()),
            Event::Secrets { secrets_type, data } => Self::Secrets(secrets_type, data.to_vec()),
        }
    }
}

/// All events of an input, and the error after them.
pub(super) fn read(input: impl Read) -> (Vec<Seen>, Option<String>) {
    read_with(input, Limits::default())
}

pub(super) fn read_with(input: impl Read, limits: Limits) -> (Vec<Seen>, Option<String>) {
    let mut seen = Vec::new();
    let mut datagrams = match Datagrams::new(input, limits) {
        Ok(datagrams) => datagrams,
        Err(error) => return (seen, Some(error.to_string())),
    };
    loop {
        match datagrams.next() {
            Ok(Some(event)) => seen.push(event.into()),
            Ok(None) => return (seen, None),
            Err(error) => {
                assert_eq!(datagrams.next().unwrap(), None, "an error is the end");
                return (seen, Some(error.to_string()));
            }
        }
    }
}

/// What frames of one link type give, one event each; pieces of streams are left out.
pub(super) fn frames(link: LinkType, frames: &[Vec<u8>]) -> Vec<Seen> {
    let mut file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, link.0.into());
    for frame in frames {
        file = file.record(0, 0, frame);
    }
    let (mut seen, error) = read(&*file.bytes);
    assert_eq!(error, None);
    seen.retain(|seen| !matches!(seen, Seen::Piece(..)));
    assert_eq!(seen.len(), frames.len(), "one event a frame");
    seen
}

/// The payload that one frame gives, "truncated" and "overlap", or why it gives none.
pub(super) fn payload(link: LinkType, frame: &[u8]) -> Result<(Vec<u8>, &'static str), NotUdp> {
    outcome(frames(link, &[frame.to_vec()]).remove(0))
}

/// The payload of an event, or why it has none.
pub(super) fn outcome(seen: Seen) -> Result<(Vec<u8>, &'static str), NotUdp> {
    match seen {
        Seen::Datagram(_, _, _, from, to, payload, marks) => {
            let pair = [from.as_str(), to.as_str()];
            let known =
                [["10.0.0.1:33445", "10.0.0.2:33446"], ["[fd00::1]:33445", "[fd00::2]:33446"]];
            assert!(known.contains(&pair), "{pair:?}");
            Ok((payload, marks))
        }
        Seen::Other(_, _, why) => Err(why),
        seen => panic!("no frame: {seen:?}"),
    }
}
