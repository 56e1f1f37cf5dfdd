//! IPv4 and IPv6 headers, and the extension headers of IPv6.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::MAX_LAYERS;
use crate::capture::NotUdp;

/// An IP packet down to its transport, or one fragment of one.
pub(super) struct Packet<'a> {
    pub(super) pair: Pair,
    /// The payload's protocol; in a fragment of IPv6, of the first fragment's payload.
    pub(super) protocol: u8,
    pub(super) payload: &'a [u8],
    /// Bytes that the header announces beyond those that there are.
    pub(super) missing: usize,
    pub(super) fragment: Option<Fragment>,
}

/// Source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pair {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl Pair {
    #[inline]
    pub(super) fn with_ports(self, (from, to): (u16, u16)) -> (SocketAddr, SocketAddr) {
        match self {
            Self::V4(a, b) => (SocketAddrV4::new(a, from).into(), SocketAddrV4::new(b, to).into()),
            Self::V6(a, b) => {
                (SocketAddrV6::new(a, from, 0, 0).into(), SocketAddrV6::new(b, to, 0, 0).into())
            }
        }
    }
}

/// Where a fragment belongs.
#[derive(Clone, Copy)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// Its place in the datagram in bytes, a multiple of 8.
    pub(super) offset: usize,
    /// Others come behind it.
    pub(super) more: bool,
    /// The frame has less of it than its header says.
    pub(super) truncated: bool,
}

/// Cuts link-layer padding off; gives how many bytes less than `length` are there.
///
/// A length of 0 stands for whatever is there: jumbograms, and packets captured before the
/// network card splits them.
#[inline]
fn cut(bytes: &[u8], length: usize) -> (&[u8], usize) {
    if length == 0 {
        return (bytes, 0);
    }
    bytes.get(..length).map_or_else(|| (bytes, length - bytes.len()), |exact| (exact, 0))
}

#[inline]
pub(super) fn v4(bytes: &[u8]) -> Result<Packet<'_>, NotUdp> {
    let Some(
        &[first, _, l0, l1, i0, i1, f0, f1, _, protocol, _, _, a0, a1, a2, a3, b0, b1, b2, b3],
    ) = bytes.first_chunk::<20>()
    else {
        return Err(NotUdp::Cut("IPv4 header"));
    };
    let header = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 {
        return Err(NotUdp::Malformed("version in IPv4 header"));
    }
    if header < 20 {
        return Err(NotUdp::Malformed("IPv4 header length less than 20"));
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if (1..header).contains(&length) {
        return Err(NotUdp::Malformed("IPv4 length less than its header"));
    }
    let (datagram, missing) = cut(bytes, length);
    let Some((_, payload)) = datagram.split_at_checked(header) else {
        return Err(NotUdp::Cut("IPv4 options"));
    };
    let flags = u16::from_be_bytes([f0, f1]);
    let fragment = (flags & 0x3fff != 0).then(|| Fragment {
        id: u32::from(u16::from_be_bytes([i0, i1])),
        offset: usize::from(flags & 0x1fff) * 8,
        more: flags & 0x2000 != 0,
        truncated: missing > 0,
    });
    Ok(Packet {
        pair: Pair::V4(Ipv4Addr::new(a0, a1, a2, a3), Ipv4Addr::new(b0, b1, b2, b3)),
        protocol,
        payload,
        missing,
        fragment,
    })
}

#[inline]
pub(super) fn v6(bytes: &[u8]) -> Result<Packet<'_>, NotUdp> {
    let Some((header, rest)) = bytes.split_first_chunk::<40>() else {
        return Err(NotUdp::Cut("IPv6 header"));
    };
    let [first, _, _, _, l0, l1, next, _, addresses @ ..] = *header;
    if first >> 4 != 6 {
        return Err(NotUdp::Malformed("version in IPv6 header"));
    }
    let (payload, missing) = cut(rest, usize::from(u16::from_be_bytes([l0, l1])));
    let Extended { protocol, payload, fragment } = extensions(next, payload)?;
    let (from, to) = addresses.split_first_chunk::<16>().expect("32 bytes are left of 40");
    let to = to.first_chunk::<16>().expect("16 bytes are left of 32");
    let fragment = fragment.map(|fragment| Fragment { truncated: missing > 0, ..fragment });
    let pair = Pair::V6(Ipv6Addr::from(*from), Ipv6Addr::from(*to));
    Ok(Packet { pair, protocol, payload, missing, fragment })
}

/// The headers before the transport in the payload of reassembled fragments.
pub(super) fn after_fragments(next: u8, payload: &[u8]) -> Result<(u8, &[u8]), NotUdp> {
    let Extended { protocol, payload, fragment } = extensions(next, payload)?;
    match fragment {
        None => Ok((protocol, payload)),
        Some(_) => Err(NotUdp::Malformed("fragment inside a fragment")),
    }
}

struct Extended<'a> {
    protocol: u8,
    payload: &'a [u8],
    fragment: Option<Fragment>,
}

/// Follows extension headers to the transport or to a fragment.
#[inline]
fn extensions(mut next: u8, mut rest: &[u8]) -> Result<Extended<'_>, NotUdp> {
    for _ in 0..=MAX_LAYERS {
        match next {
            44 => {
                // Next header, reserved, offset with flag, identification.
                let Some((&[after, _, o0, o1, i0, i1, i2, i3], payload)) =
                    rest.split_first_chunk::<8>()
                else {
                    return Err(NotUdp::Cut("IPv6 fragment header"));
                };
                let flags = u16::from_be_bytes([o0, o1]);
                if flags & 0xfff9 != 0 {
                    let fragment = Fragment {
                        id: u32::from_be_bytes([i0, i1, i2, i3]),
                        offset: usize::from(flags & 0xfff8),
                        more: flags & 1 != 0,
                        truncated: false,
                    };
                    return Ok(Extended { protocol: after, payload, fragment: Some(fragment) });
                }
                // The whole datagram in one "fragment".
                (next, rest) = (after, payload);
            }
            // Hop-by-hop, routing, destination options, mobility, HIP, Shim6: length in units of
            // 8 bytes beyond the first. Authentication: in units of 4 beyond the second.
            0 | 43 | 51 | 60 | 135 | 139 | 140 => {
                let Some(&[after, length]) = rest.first_chunk::<2>() else {
                    return Err(NotUdp::Cut("IPv6 extension header"));
                };
                let length = match (next, usize::from(length)) {
                    (51, 0) => return Err(NotUdp::Malformed("authentication header length")),
                    (51, length) => (length + 2) * 4,
                    (_, length) => (length + 1) * 8,
                };
                let Some((_, payload)) = rest.split_at_checked(length) else {
                    return Err(NotUdp::Cut("IPv6 extension header"));
                };
                (next, rest) = (after, payload);
            }
            protocol => return Ok(Extended { protocol, payload: rest, fragment: None }),
        }
    }
    Err(NotUdp::TooDeep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::capture::testing::{self, ipv4, ipv6, ipv6_fragment, payload, udp};

    fn raw(packet: &[u8]) -> Result<(Vec<u8>, &'static str), NotUdp> {
        payload(LinkType::RAW, packet)
    }

    #[test]
    fn options_of_ipv4_are_skipped() {
        let mut packet = ipv4(17, 0, 0, &[&[1; 8], &*udp(b"hi")].concat());
        packet[0] = 0x47;
        assert_eq!(raw(&packet), Ok((b"hi".to_vec(), "")));
        packet[0] = 0x4f;
        assert_eq!(raw(&packet), Err(NotUdp::Malformed("IPv4 length less than its header")));
        packet[0] = 0x44;
        assert_eq!(raw(&packet), Err(NotUdp::Malformed("IPv4 header length less than 20")));
        packet[0] = 0x4f;
        packet[3] = 60;
        assert_eq!(raw(&packet), Err(NotUdp::Cut("IPv4 options")));
    }

    #[test]
    fn a_frame_cut_anywhere_says_where_or_gives_what_is_there() {
        for (packet, headers, name) in [
            (ipv4(17, 0, 0, &udp(b"hello")), 20, "IPv4 header"),
            (ipv6(17, &udp(b"hello")), 40, "IPv6 header"),
        ] {
            for length in 1..packet.len() {
                let expected = match length.checked_sub(headers) {
                    None => Err(NotUdp::Cut(name)),
                    Some(..8) => Err(NotUdp::Cut("UDP header")),
                    Some(there) => Ok((b"hello"[..there - 8].to_vec(), "truncated")),
                };
                assert_eq!(raw(&packet[..length]), expected, "{length} bytes");
            }
            assert_eq!(raw(&packet), Ok((b"hello".to_vec(), "")));
        }
    }

    #[test]
    fn a_length_of_zero_means_all_there_is() {
        let mut v4 = ipv4(17, 0, 0, &udp(b"hello"));
        v4[2..4].fill(0);
        assert_eq!(raw(&v4), Ok((b"hello".to_vec(), "")));
        let mut v6 = ipv6(17, &udp(b"hello"));
        v6[4..6].fill(0);
        v6[44..46].fill(0);
        assert_eq!(raw(&v6), Ok((b"hello".to_vec(), "")));
    }

    #[test]
    fn udp_lengths_cut_padding_mark_what_is_missing_and_must_hold_the_header() {
        let with = |length: u8| {
            let mut segment = udp(b"hello");
            segment[5] = length;
            raw(&ipv4(17, 0, 0, &segment))
        };
        assert_eq!(with(12), Ok((b"hell".to_vec(), "")));
        assert_eq!(with(14), Ok((b"hello".to_vec(), "truncated")));
        assert_eq!(with(8), Ok((b"".to_vec(), "")));
        assert_eq!(with(7), Err(NotUdp::Malformed("UDP length less than its header")));
    }

    #[test]
    fn other_protocols_are_named() {
        assert_eq!(raw(&ipv6(58, &[0; 8])), Err(NotUdp::Protocol(58)));
        assert_eq!(raw(&ipv6(59, &[])), Err(NotUdp::Protocol(59)));
        let names = [1, 6, 58, 50].map(|protocol| NotUdp::Protocol(protocol).name());
        assert_eq!(names, ["icmp", "tcp", "icmpv6", "other_ip"]);
    }

    #[test]
    fn tcp_headers_are_read_with_their_options() {
        let tcp = NotUdp::Protocol(6);
        assert_eq!(raw(&ipv4(6, 0, 0, &testing::tcp(0x10, 1, 1, b"hi"))), Err(tcp));
        assert_eq!(raw(&ipv6(6, &testing::tcp(0x10, 1, 1, b"hi"))), Err(tcp));
        let with = |offset: u8, length: usize| {
            let mut segment = testing::tcp(0x02, 1, 0, &[1; 40]);
            segment[12] = offset << 4;
            raw(&ipv4(6, 0, 0, &segment)[..20 + length])
        };
        assert_eq!(with(15, 60), Err(tcp));
        assert_eq!(with(15, 59), Err(NotUdp::Cut("TCP options")));
        assert_eq!(with(5, 19), Err(NotUdp::Cut("TCP header")));
        assert_eq!(with(4, 60), Err(NotUdp::Malformed("TCP header length less than 20")));
        let mut short = testing::tcp(0x02, 1, 0, &[]);
        short[12] = 0x60;
        let longer = NotUdp::Malformed("TCP header longer than its packet");
        assert_eq!(raw(&ipv4(6, 0, 0, &short)), Err(longer));
    }

    #[test]
    fn extension_headers_are_followed_up_to_sixteen() {
        let options = |next: u8| vec![next, 0, 1, 4, 0, 0, 0, 0];
        let longer = |next: u8| [vec![next, 1], vec![0; 14]].concat();
        let authentication = |next: u8| [vec![next, 4], vec![0; 22]].concat();
        let chain = [
            options(43),        // hop-by-hop
            longer(60),         // routing
            options(51),        // destination options
            authentication(44), // authentication
            ipv6_fragment(135, 7, 0, false, &[]),
            options(139), // mobility
            options(140), // HIP
            options(17),  // Shim6
            udp(b"hi"),
        ];
        assert_eq!(raw(&ipv6(0, &chain.concat())), Ok((b"hi".to_vec(), "")));

        let deep = |headers: usize| {
            let mut chain = vec![options(60); headers - 1];
            chain.extend([options(17), udp(b"hi")]);
            raw(&ipv6(60, &chain.concat()))
        };
        assert_eq!(deep(16), Ok((b"hi".to_vec(), "")));
        assert_eq!(deep(17), Err(NotUdp::TooDeep));

        let cut = NotUdp::Cut("IPv6 extension header");
        assert_eq!(raw(&ipv6(0, &[17])), Err(cut));
        assert_eq!(raw(&ipv6(0, &[17, 1, 0, 0, 0, 0, 0, 0])), Err(cut));
        assert_eq!(raw(&ipv6(44, &[17, 0, 0])), Err(NotUdp::Cut("IPv6 fragment header")));
        let length = NotUdp::Malformed("authentication header length");
        assert_eq!(raw(&ipv6(51, &[17, 0, 0, 0, 0, 0, 0, 0])), Err(length));
    }
}
