//! What lies around a payload on its way from one member to another: IPv4 and UDP.

use crate::simulate::MemberId;

/// The port of all members.
const PORT: u16 = 33445;
/// Bytes of both headers.
const HEADERS: usize = 28;
const UDP: u8 = 17;
const HOPS: u8 = 64;

/// The address of a member: 10.0.0.1 for the first.
fn address(who: MemberId) -> [u8; 4] {
    let place = u32::try_from(who.index()).unwrap_or(u32::MAX);
    (0x0a00_0001_u32.saturating_add(place)).to_be_bytes()
}

/// Appends an IPv4 packet with a UDP datagram, whose checksum is left out.
pub(super) fn emit(from: MemberId, to: MemberId, payload: &[u8], out: &mut Vec<u8>) {
    let size = |headers| u16::try_from(headers + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    let begin = out.len();
    out.extend([0x45, 0]);
    out.extend(size(HEADERS));
    // No identification, and not to be cut.
    out.extend([0, 0, 0x40, 0, HOPS, UDP, 0, 0]);
    out.extend(address(from));
    out.extend(address(to));
    let sum = checksum(out.get(begin..).unwrap_or_default());
    if let Some(place) = out.get_mut(begin + 10..begin + 12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    for port in [PORT, PORT] {
        out.extend(port.to_be_bytes());
    }
    out.extend(size(HEADERS - 20));
    out.extend([0, 0]);
    out.extend_from_slice(payload);
}

/// RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let words = header.as_chunks::<2>().0.iter();
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_library_reads_what_is_written() {
        let mut frame = Vec::new();
        emit(MemberId(0), MemberId(256), b"payload", &mut frame);
        let read = etherparse::PacketHeaders::from_ip_slice(&frame).unwrap();
        let Some(etherparse::NetHeaders::Ipv4(ip, _)) = read.net else { panic!("no IPv4") };
        assert_eq!((ip.source, ip.destination), ([10, 0, 0, 1], [10, 0, 1, 1]));
        assert_eq!(ip.header_checksum, ip.calc_header_checksum());
        let udp = read.transport.unwrap().udp().unwrap();
        assert_eq!((udp.source_port, udp.destination_port, udp.length), (33445, 33445, 15));
        assert_eq!(read.payload.slice(), b"payload");
    }
}
