//! IP packets in frames of every link type.

use std::net::SocketAddr;

use crate::capture::{Datagrams, Ends, Event, Limits, LinkType, NotUdp, emit_udp};

/// What a frame gave.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Datagram { from: SocketAddr, to: SocketAddr, payload: Vec<u8>, truncated: bool, overlap: bool },
    Other(NotUdp),
}

/// The same IP packets give the same datagrams, or the same reasons why not, whatever link they went over;
/// what is handed out lies in the packets, goes where the headers say, and is read again when it is written.
pub fn frame(data: &[u8]) {
    let packets = packets(data);
    let expected = seen(LinkType::RAW, &packets, |packet| packet.to_vec());
    assert_eq!(expected.len(), packets.len(), "each packet gives something");
    let all: usize = packets.iter().map(|packet| packet.len()).sum();
    for seen in &expected {
        match seen {
            Seen::Datagram { payload, .. } => {
                assert!(payload.len() + 28 <= all, "{} bytes out of {all}", payload.len());
                is_written_again(seen);
            }
            Seen::Other(why) => assert!(!why.name().is_empty()),
        }
    }
    if let ([packet], [seen]) = (&*packets, &*expected) {
        goes_where_its_headers_say(packet, seen);
    }
    for (link, head) in HEADS {
        let given = seen(*link, &packets, |packet| [&head(packet), *packet].concat());
        assert_eq!(given, expected, "link type {link}");
    }
}

/// A datagram that is written is the datagram that is read.
fn is_written_again(seen: &Seen) {
    let Seen::Datagram { from, to, payload, .. } = seen else { return };
    let mut packet = Vec::new();
    emit_udp(*from, *to, payload, &mut packet);
    let (from, to, payload) = (*from, *to, payload.clone());
    let whole = Seen::Datagram { from, to, payload, truncated: false, overlap: false };
    assert_eq!(self::seen(LinkType::RAW, &[&packet], |packet| packet.to_vec()), [whole]);
}

/// What headers tell of a packet is so for the datagram in it.
fn goes_where_its_headers_say(packet: &[u8], seen: &Seen) {
    let ends = Ends::of(LinkType::RAW, packet);
    if let Seen::Datagram { from, to, .. } = seen {
        let ends = ends.map(|it| (it.is_tcp, it.from, it.to, it.fragment));
        assert_eq!(ends, Some((false, *from, *to, None)));
    }
}

/// Up to 16 packets of IPv4 or IPv6, each behind its length; others, which only a raw link can tell from
/// something else, end the input.
fn packets(mut data: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while let Some((length, rest)) = data.split_first()
        && packets.len() < 16
    {
        let (packet, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        if !matches!(packet.first().map(|byte| byte >> 4), Some(4 | 6)) {
            break;
        }
        packets.push(packet);
        data = rest;
    }
    packets
}

/// The header of a link for an IP packet.
type Head = fn(&[u8]) -> Vec<u8>;

/// Link types with their headers.
const HEADS: &[(LinkType, Head)] = &[
    (LinkType::ETHERNET, |packet| [&[0x02; 12][..], &ether_type(packet)[..]].concat()),
    (LinkType::ETHERNET, |packet| {
        [&[0x02; 12], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9][..], &ether_type(packet)].concat()
    }),
    (LinkType::LINUX_SLL, |packet| {
        [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..], &ether_type(packet)[..]].concat()
    }),
    (LinkType::LINUX_SLL2, |packet| {
        let rest = [0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0];
        [&ether_type(packet)[..], &rest].concat()
    }),
    (LinkType::NULL, |packet| family(packet).to_le_bytes().to_vec()),
    (LinkType::NULL, |packet| family(packet).to_be_bytes().to_vec()),
    (LinkType::LOOP, |packet| family(packet).to_be_bytes().to_vec()),
];

fn is_v6(packet: &[u8]) -> bool {
    packet.first().is_some_and(|byte| byte >> 4 == 6)
}

fn ether_type(packet: &[u8]) -> [u8; 2] {
    if is_v6(packet) { [0x86, 0xdd] } else { [0x08, 0x00] }
}

fn family(packet: &[u8]) -> u32 {
    if is_v6(packet) { 30 } else { 2 }
}

/// What a capture with the packets in frames gives.
fn seen(link: LinkType, packets: &[&[u8]], framed: impl Fn(&&[u8]) -> Vec<u8>) -> Vec<Seen> {
    let mut file = Vec::new();
    // pcap: magic, version 2.4, time zone, accuracy, snap length, link type.
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, u32::from(link.0)] {
        file.extend(u32::to_le_bytes(word));
    }
    for packet in packets {
        let frame = framed(packet);
        let length = u32::try_from(frame.len()).expect("a frame is short");
        for word in [1, 0, length, length] {
            file.extend(u32::to_le_bytes(word));
        }
        file.extend(frame);
    }
    let mut datagrams = Datagrams::new(&*file, Limits::default()).expect("the capture is sound");
    let mut seen = Vec::new();
    while let Some(event) = datagrams.next().expect("the capture is sound") {
        match event {
            Event::Datagram(datagram) => seen.push(Seen::Datagram {
                from: datagram.from,
                to: datagram.to,
                payload: datagram.payload.to_vec(),
                truncated: datagram.truncated,
                overlap: datagram.overlap,
            }),
            Event::Other { why, .. } => seen.push(Seen::Other(why)),
            Event::Piece(_) | Event::Comment(_) | Event::Secrets { .. } => {}
        }
    }
    seen
}
