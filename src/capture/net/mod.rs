//! Frames to UDP datagrams: link header, IP header, fragments, UDP header.
//!
//! Headers are read in a loop with a bound on their number, never by recursion (threats row 3).
//! Checksums are not looked at: network cards fill them in after the capture.

mod fragments;
mod ip;
mod link;

use std::net::{IpAddr, SocketAddr};

use super::{LinkType, NotUdp};
use crate::time::Timestamp;

use fragments::Added;
pub(super) use fragments::Fragments;
use link::Network;

/// Headers of one kind that may stand inside each other.
const MAX_LAYERS: usize = 16;

const UDP: u8 = 17;

/// A UDP datagram of one frame or of the fragments that it completed.
pub(super) struct Udp<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) payload: &'a [u8],
    pub(super) truncated: bool,
    pub(super) overlap: bool,
}

/// Finds the UDP datagram of a frame.
#[inline]
pub(super) fn datagram<'a>(
    link: LinkType,
    frame: &'a [u8],
    at: Timestamp,
    fragments: &'a mut Fragments,
) -> Result<Udp<'a>, NotUdp> {
    let packet = match link::network(link, frame)? {
        (Network::V4, rest) => ip::v4(rest)?,
        (Network::V6, rest) => ip::v6(rest)?,
    };
    let (from, to) = (packet.from, packet.to);
    if packet.fragment.is_none() {
        return udp(packet.protocol, from, to, packet.payload, false);
    }
    match fragments.add(&packet, at)? {
        Added::Waits => Err(NotUdp::Fragment),
        Added::WaitsWithOverlap => Err(NotUdp::FragmentOverlap),
        Added::Complete { protocol, payload, overlap } => {
            let (protocol, payload) = match from {
                IpAddr::V4(_) => (protocol, payload),
                IpAddr::V6(_) => ip::after_fragments(protocol, payload)?,
            };
            udp(protocol, from, to, payload, overlap)
        }
    }
}

/// Reads the UDP header: two ports, a length with the header, a checksum.
#[inline]
fn udp(
    protocol: u8,
    from: IpAddr,
    to: IpAddr,
    segment: &[u8],
    overlap: bool,
) -> Result<Udp<'_>, NotUdp> {
    if protocol != UDP {
        return Err(NotUdp::Protocol(protocol));
    }
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
    Ok(Udp {
        from: SocketAddr::new(from, u16::from_be_bytes([s0, s1])),
        to: SocketAddr::new(to, u16::from_be_bytes([d0, d1])),
        payload,
        truncated,
        overlap,
    })
}
