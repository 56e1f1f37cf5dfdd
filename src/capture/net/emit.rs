//! A datagram as a frame of the link type [`RAW`](crate::capture::LinkType::RAW): IP and UDP around it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const UDP: u8 = 17;
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
const HOPS: u8 = 64;

/// Appends an IP packet with one UDP datagram. The checksum of UDP is left out where it may be, in IPv4.
///
/// Addresses of two families become those of IPv6. A payload that does not fit into an IP packet makes one
/// whose lengths are wrong.
pub fn emit_udp(from: SocketAddr, to: SocketAddr, payload: &[u8], out: &mut Vec<u8>) {
    let size = |headers| u16::try_from(headers + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    let begin = out.len();
    let mut sum = None;
    if let (IpAddr::V4(source), IpAddr::V4(destination)) = (from.ip(), to.ip()) {
        out.extend([0x45, 0]);
        out.extend(size(IPV4_HEADER + UDP_HEADER));
        // No identification, and not to be cut.
        out.extend([0, 0, 0x40, 0, HOPS, UDP, 0, 0]);
        out.extend(source.octets());
        out.extend(destination.octets());
        let sum = checksum([out.get(begin..).unwrap_or_default()]);
        if let Some(place) = out.get_mut(begin + 10..begin + 12) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    } else {
        let [source, destination] = [from, to].map(|end| match end.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        });
        out.extend([0x60, 0, 0, 0]);
        out.extend(size(UDP_HEADER));
        out.extend([UDP, HOPS]);
        out.extend(source.octets());
        out.extend(destination.octets());
        sum = Some((source, destination));
    }
    let header = out.len();
    for port in [from.port(), to.port()] {
        out.extend(port.to_be_bytes());
    }
    out.extend(size(UDP_HEADER));
    out.extend([0, 0]);
    out.extend_from_slice(payload);
    if let Some((source, destination)) = sum {
        let sum = udp_checksum(source, destination, out.get(header..).unwrap_or_default());
        if let Some(place) = out.get_mut(header + 6..header + 8) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }
}

/// RFC 8200, section 8.1.
fn udp_checksum(source: Ipv6Addr, destination: Ipv6Addr, segment: &[u8]) -> u16 {
    let length = u32::try_from(segment.len()).unwrap_or(u32::MAX).to_be_bytes();
    let kind = [0, 0, 0, UDP];
    let sum = checksum([&source.octets()[..], &destination.octets(), &length, &kind, segment]);
    if sum == 0 { u16::MAX } else { sum }
}

/// RFC 1071. Only the last part may have an odd length.
fn checksum<const PARTS: usize>(parts: [&[u8]; PARTS]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (words, odd) = part.as_chunks::<2>();
        sum += words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum::<u64>();
        sum += odd.first().map_or(0, |byte| u64::from(*byte) << 8);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn another_library_reads_what_is_written() {
        for payload in [&b"payload"[..], b"even", b""] {
            let mut frame = Vec::new();
            emit_udp(address("10.0.0.1:33445"), address("10.0.1.1:1"), payload, &mut frame);
            let read = etherparse::PacketHeaders::from_ip_slice(&frame).unwrap();
            let Some(etherparse::NetHeaders::Ipv4(ip, _)) = read.net else { panic!("no IPv4") };
            assert_eq!((ip.source, ip.destination), ([10, 0, 0, 1], [10, 0, 1, 1]));
            assert_eq!(ip.header_checksum, ip.calc_header_checksum());
            let udp = read.transport.unwrap().udp().unwrap();
            assert_eq!((udp.source_port, udp.destination_port), (33445, 1));
            assert_eq!(usize::from(udp.length), 8 + payload.len());
            assert_eq!(read.payload.slice(), payload);
        }
    }

    #[test]
    fn another_library_finds_the_checksum_of_ipv6_right() {
        for (to, payload) in [("[fe80::2]:5", &b"payload"[..]), ("127.0.0.1:5", b"even")] {
            let mut frame = Vec::new();
            emit_udp(address("[2001:db8::1]:33445"), address(to), payload, &mut frame);
            let read = etherparse::PacketHeaders::from_ip_slice(&frame).unwrap();
            let Some(etherparse::NetHeaders::Ipv6(ip, _)) = read.net else { panic!("no IPv6") };
            let udp = read.transport.unwrap().udp().unwrap();
            assert_eq!(udp.checksum, udp.calc_checksum_ipv6(&ip, payload).unwrap());
            assert_eq!(read.payload.slice(), payload);
        }
    }
}
