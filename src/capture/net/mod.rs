//! Frames to UDP datagrams and TCP segments: link header, IP header, fragments, UDP or TCP header.
//!
//! Headers are read in a loop with a bound on their number, never by recursion (threats row 3).
//! Checksums are not looked at: network cards fill them in after the capture.

mod emit;
mod ends;
mod fragments;
mod ip;
mod link;
mod tcp;

use super::streams::Streams;
use super::{Datagram, LinkType, NotUdp, Origin};
use crate::time::Timestamp;

pub use emit::emit_udp;
pub use ends::Ends;
use fragments::Added;
pub(super) use fragments::Fragments;
use ip::Pair;
use link::Network;
pub(super) use tcp::Segment;

/// Headers of one kind that may stand inside each other.
const MAX_LAYERS: usize = 16;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Finds the UDP datagram of a frame. TCP segments go to `streams`.
#[inline(always)]
pub(super) fn datagram<'a>(
    link: LinkType,
    frame: &'a [u8],
    origin: Origin,
    at: Timestamp,
    fragments: &'a mut Fragments,
    streams: &mut Streams,
) -> Result<Datagram<'a>, NotUdp> {
    let packet = match link::network(link, frame)? {
        (Network::V4, rest) => ip::v4(rest)?,
        (Network::V6, rest) => ip::v6(rest)?,
    };
    let mut missing = packet.missing;
    let (protocol, payload, overlap) = match packet.fragment {
        None => (packet.protocol, packet.payload, false),
        Some(fragment) => match fragments.add(&packet, fragment, at)? {
            Added::Waits => return Err(NotUdp::Fragment),
            Added::WaitsWithOverlap => return Err(NotUdp::FragmentOverlap),
            Added::Complete { protocol, payload, overlap } => {
                missing = 0;
                match packet.pair {
                    Pair::V4(..) => (protocol, payload, overlap),
                    Pair::V6(..) => {
                        let (protocol, payload) = ip::after_fragments(protocol, payload)?;
                        (protocol, payload, overlap)
                    }
                }
            }
        },
    };
    if protocol == TCP {
        let segment = Segment::of(payload, missing)?;
        let (from, to) = packet.pair.with_ports(segment.ports);
        let differs = streams.segment(from, to, &segment, at, origin);
        return Err(if differs { NotUdp::SegmentOverlap } else { NotUdp::Protocol(TCP) });
    }
    if protocol != UDP {
        return Err(NotUdp::Protocol(protocol));
    }
    let udp = udp(payload)?;
    let (from, to) = packet.pair.with_ports(udp.ports);
    let Udp { payload, truncated, .. } = udp;
    Ok(Datagram { at, from, to, payload, origin, truncated, overlap })
}

struct Udp<'a> {
    ports: (u16, u16),
    payload: &'a [u8],
    truncated: bool,
}

/// Reads the UDP header: two ports, a length with the header, a checksum.
#[inline]
fn udp(segment: &[u8]) -> Result<Udp<'_>, NotUdp> {
    let Some((&[s0, s1, d0, d1, l0, l1, _, _], rest)) = segment.split_first_chunk::<8>() else {
        return Err(NotUdp::Cut("UDP header"));
    };
    let length = match u16::from_be_bytes([l0, l1]) {
        // As in a jumbogram, or where a network card was to fill it in.
        0 => rest.len(),
        length => usize::from(length)
            .checked_sub(8)
            .ok_or(NotUdp::Malformed("UDP length less than its header"))?,
    };
    let (payload, truncated) = rest.get(..length).map_or((rest, true), |whole| (whole, false));
    let ports = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    Ok(Udp { ports, payload, truncated })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};

    use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Limits;
    use crate::capture::testing::{ethernet, ipv4, ipv6, udp};

    /// Addresses and payload as another crate finds them, unless the datagram is a fragment.
    fn witness(frame: &[u8]) -> Option<(SocketAddr, SocketAddr, &[u8])> {
        let packet = LaxSlicedPacket::from_ethernet(frame).ok()?;
        let Some(TransportSlice::Udp(udp)) = packet.transport else { return None };
        let (from, to): (IpAddr, IpAddr) = match packet.net? {
            LaxNetSlice::Ipv4(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            LaxNetSlice::Ipv6(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            LaxNetSlice::Arp(_) => return None,
        };
        let (from, to) = ((from, udp.source_port()).into(), (to, udp.destination_port()).into());
        Some((from, to, udp.payload()))
    }

    proptest! {
        #[test]
        fn damaged_frames_are_read_as_another_crate_reads_them(
            base in 0..4_usize,
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            length in any::<prop::sample::Index>(),
        ) {
            let segment = udp(b"what UDP carries");
            let options = [&[17, 0, 1, 4, 0, 0, 0, 0], &*segment].concat();
            let (link, mut frame) = [
                (14, ethernet(&[0x0800], &ipv4(17, 0, 0, &segment))),
                (14, ethernet(&[0x86dd], &ipv6(17, &segment))),
                (18, ethernet(&[0x8100, 0x0800], &ipv4(17, 0, 0, &segment))),
                (22, ethernet(&[0x88a8, 0x8100, 0x86dd], &ipv6(60, &options))),
            ][base].clone();
            for (place, byte) in damage {
                let place = link + place.index(frame.len() - link);
                frame[place] = byte;
            }
            frame.truncate(frame.len() - length.index(frame.len()) / 2);
            // It does not follow mobility, HIP and Shim6.
            let next = [frame.get(link + 6), frame.get(link + 40)];
            prop_assume!(!next.iter().any(|next| matches!(next, Some(135 | 139 | 140))));
            let limits = Limits::default();
            let (mut fragments, mut streams) = (Fragments::new(&limits), Streams::new(&limits));
            let (at, origin) = (Timestamp::default(), Origin::default());
            match datagram(LinkType::ETHERNET, &frame, origin, at, &mut fragments, &mut streams) {
                Ok(udp) => {
                    let ours = (udp.from, udp.to, udp.payload);
                    prop_assert_eq!(Some(ours), witness(&frame), "{:02x?}", frame);
                }
                // The other crate makes the best of headers that contradict themselves.
                Err(NotUdp::Malformed(_) | NotUdp::Fragment) => {}
                // It follows an authentication header in IPv4.
                Err(NotUdp::Protocol(51)) => {}
                Err(why) => prop_assert_eq!(None, witness(&frame), "{:?}, {:02x?}", why, frame),
            }
        }
    }
}
