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
#[inline]
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
