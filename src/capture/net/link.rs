//! Link headers: what comes before IP.

use super::MAX_LAYERS;
use crate::capture::{LinkType, NotUdp};

/// Which IP follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    V4,
    V6,
}

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// The IP version inside a frame, and the frame from the IP header on.
#[inline(always)]
pub(super) fn network(link: LinkType, frame: &[u8]) -> Result<(Network, &[u8]), NotUdp> {
    match link {
        LinkType::ETHERNET => {
            let Some(([_, _, _, _, _, _, _, _, _, _, _, _, t0, t1], rest)) =
                frame.split_first_chunk::<14>()
            else {
                return Err(NotUdp::Cut("Ethernet header"));
            };
            by_ethertype(u16::from_be_bytes([*t0, *t1]), rest)
        }
        LinkType::NULL | LinkType::LOOP => loopback(link, frame),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => by_version(frame),
        LinkType::IPV4 => Ok((Network::V4, frame)),
        LinkType::IPV6 => Ok((Network::V6, frame)),
        LinkType::LINUX_SLL => {
            // Packet type, ARPHRD type, address length, address in 8 bytes, protocol.
            let Some((header, rest)) = frame.split_first_chunk::<16>() else {
                return Err(NotUdp::Cut("Linux cooked header"));
            };
            let [.., t0, t1] = *header;
            by_ethertype(u16::from_be_bytes([t0, t1]), rest)
        }
        LinkType::LINUX_SLL2 => {
            // Protocol, then 18 bytes of interface, types and address.
            let Some((header, rest)) = frame.split_first_chunk::<20>() else {
                return Err(NotUdp::Cut("Linux cooked header"));
            };
            let [t0, t1, ..] = *header;
            by_ethertype(u16::from_be_bytes([t0, t1]), rest)
        }
        other => Err(NotUdp::Link(other)),
    }
}

/// Follows VLAN tags (802.1Q, 802.1ad, older stacked ones) to IP.
#[inline]
fn by_ethertype(mut ethertype: u16, mut rest: &[u8]) -> Result<(Network, &[u8]), NotUdp> {
    for _ in 0..=MAX_LAYERS {
        match ethertype {
            ETHERTYPE_IPV4 => return Ok((Network::V4, rest)),
            ETHERTYPE_IPV6 => return Ok((Network::V6, rest)),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                let Some(([_, _, t0, t1], inner)) = rest.split_first_chunk::<4>() else {
                    return Err(NotUdp::Cut("VLAN tag"));
                };
                ethertype = u16::from_be_bytes([*t0, *t1]);
                rest = inner;
            }
            other => return Err(NotUdp::EtherType(other)),
        }
    }
    Err(NotUdp::TooDeep)
}

/// BSD loopback: an address family, which for IPv6 has a number of its own on every system.
fn loopback(link: LinkType, frame: &[u8]) -> Result<(Network, &[u8]), NotUdp> {
    let Some((family, rest)) = frame.split_first_chunk::<4>() else {
        return Err(NotUdp::Cut("loopback header"));
    };
    let mut family = u32::from_be_bytes(*family);
    // The capturing machine's byte order is not recorded; families are small numbers.
    if link == LinkType::NULL && family > 0xffff {
        family = family.swap_bytes();
    }
    match family {
        2 => Ok((Network::V4, rest)),
        // Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        10 | 23 | 24 | 28 | 30 => Ok((Network::V6, rest)),
        _ => Err(NotUdp::Malformed("address family in loopback header")),
    }
}

fn by_version(frame: &[u8]) -> Result<(Network, &[u8]), NotUdp> {
    match frame.first().map(|first| first >> 4) {
        Some(4) => Ok((Network::V4, frame)),
        Some(6) => Ok((Network::V6, frame)),
        Some(_) => Err(NotUdp::Malformed("neither IPv4 nor IPv6 in a raw IP frame")),
        None => Err(NotUdp::Cut("IP header")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::testing::{ethernet, ipv4, ipv6, payload, udp};

    fn v4() -> Vec<u8> {
        ipv4(17, 0, 0, &udp(b"hi"))
    }

    fn v6() -> Vec<u8> {
        ipv6(17, &udp(b"hi"))
    }

    fn behind(link: LinkType, header: &[u8], packet: Vec<u8>) -> Result<Vec<u8>, NotUdp> {
        payload(link, &[header, &packet].concat()).map(|(payload, _)| payload)
    }

    #[test]
    fn ethernet_carries_ip_behind_any_vlan_tags_up_to_sixteen() {
        let eth = |ethertypes: &[u16], packet: &[u8]| {
            payload(LinkType::ETHERNET, &ethernet(ethertypes, packet)).map(|(payload, _)| payload)
        };
        assert_eq!(eth(&[0x0800], &v4()), Ok(b"hi".to_vec()));
        assert_eq!(eth(&[0x86dd], &v6()), Ok(b"hi".to_vec()));
        assert_eq!(eth(&[0x8100, 0x0800], &v4()), Ok(b"hi".to_vec()));
        assert_eq!(eth(&[0x88a8, 0x8100, 0x86dd], &v6()), Ok(b"hi".to_vec()));
        assert_eq!(eth(&[0x9100, 0x9200, 0x9300, 0x0800], &v4()), Ok(b"hi".to_vec()));
        let deep = |tags| [vec![0x8100; tags], vec![0x0800]].concat();
        assert_eq!(eth(&deep(16), &v4()), Ok(b"hi".to_vec()));
        assert_eq!(eth(&deep(17), &v4()), Err(NotUdp::TooDeep));
        assert_eq!(eth(&[0x0806], &v4()), Err(NotUdp::EtherType(0x0806)));
        assert_eq!(eth(&[0x8100], &[]), Err(NotUdp::Cut("VLAN tag")));
        assert_eq!(payload(LinkType::ETHERNET, &[0; 13]), Err(NotUdp::Cut("Ethernet header")));
    }

    #[test]
    fn ethernet_padding_is_no_payload() {
        let frame = [ethernet(&[0x0800], &v4()), vec![0; 16]].concat();
        assert_eq!(payload(LinkType::ETHERNET, &frame), Ok((b"hi".to_vec(), "")));
    }

    #[test]
    fn linux_cooked_captures_of_both_versions_carry_ip() {
        let sll = |protocol: u16| {
            [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0][..], &protocol.to_be_bytes()].concat()
        };
        let sll2 = |protocol: u16| [&protocol.to_be_bytes()[..], &[0; 18]].concat();
        for (link, header) in
            [(LinkType::LINUX_SLL, &sll as &dyn Fn(u16) -> Vec<u8>), (LinkType::LINUX_SLL2, &sll2)]
        {
            assert_eq!(behind(link, &header(0x0800), v4()), Ok(b"hi".to_vec()));
            assert_eq!(behind(link, &header(0x86dd), v6()), Ok(b"hi".to_vec()));
            let tagged = [header(0x8100), vec![0, 7, 8, 0]].concat();
            assert_eq!(behind(link, &tagged, v4()), Ok(b"hi".to_vec()));
            assert_eq!(behind(link, &header(0x0004), v4()), Err(NotUdp::EtherType(4)));
            assert_eq!(behind(link, &[0; 15], vec![]), Err(NotUdp::Cut("Linux cooked header")));
        }
    }

    #[test]
    fn loopback_families_are_read_in_either_byte_order() {
        for (family, packet) in
            [(2, v4()), (10, v6()), (23, v6()), (24, v6()), (28, v6()), (30, v6())]
        {
            let (little, big) = (u32::to_le_bytes(family), u32::to_be_bytes(family));
            assert_eq!(behind(LinkType::NULL, &little, packet.clone()), Ok(b"hi".to_vec()));
            assert_eq!(behind(LinkType::NULL, &big, packet.clone()), Ok(b"hi".to_vec()));
            assert_eq!(behind(LinkType::LOOP, &big, packet.clone()), Ok(b"hi".to_vec()));
            assert!(behind(LinkType::LOOP, &little, packet).is_err());
        }
        let unknown = NotUdp::Malformed("address family in loopback header");
        assert_eq!(behind(LinkType::NULL, &[7, 0, 0, 0], v4()), Err(unknown));
        assert_eq!(payload(LinkType::NULL, &[0; 3]), Err(NotUdp::Cut("loopback header")));
    }

    #[test]
    fn raw_ip_of_all_link_types_goes_by_its_version() {
        for link in [LinkType::RAW, LinkType::RAW_BSD, LinkType::RAW_OPENBSD] {
            assert_eq!(behind(link, &[], v4()), Ok(b"hi".to_vec()));
            assert_eq!(behind(link, &[], v6()), Ok(b"hi".to_vec()));
            let neither = NotUdp::Malformed("neither IPv4 nor IPv6 in a raw IP frame");
            assert_eq!(payload(link, &[0x50]), Err(neither));
            assert_eq!(payload(link, &[]), Err(NotUdp::Cut("IP header")));
        }
        assert_eq!(behind(LinkType::IPV4, &[], v4()), Ok(b"hi".to_vec()));
        assert_eq!(behind(LinkType::IPV6, &[], v6()), Ok(b"hi".to_vec()));
        let version = NotUdp::Malformed("version in IPv4 header");
        assert_eq!(behind(LinkType::IPV4, &[], v6()), Err(version));
    }

    #[test]
    fn other_links_are_named() {
        assert_eq!(payload(LinkType(147), &[0; 64]), Err(NotUdp::Link(LinkType(147))));
    }
}
