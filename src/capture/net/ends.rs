//! Between whom a frame goes, as far as its own headers tell.

use std::net::SocketAddr;

use super::{TCP, UDP, ip, link};
use crate::capture::LinkType;
use link::Network;

/// Source and destination of a UDP datagram or a TCP segment, or of a fragment of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Whether it is TCP; else it is UDP.
    pub is_tcp: bool,
    /// Source address and port; port 0 in any fragment but the first.
    pub from: SocketAddr,
    /// Destination address and port; port 0 in any fragment but the first.
    pub to: SocketAddr,
    /// What fragments of one datagram have in common, if it is a fragment.
    pub fragment: Option<u32>,
}

impl Ends {
    /// Of one frame; `None` for what is neither UDP nor TCP, and for what is too short to tell.
    #[must_use]
    pub fn of(link: LinkType, frame: &[u8]) -> Option<Self> {
        let packet = match link::network(link, frame).ok()? {
            (Network::V4, rest) => ip::v4(rest).ok()?,
            (Network::V6, rest) => ip::v6(rest).ok()?,
        };
        let (fragment, is_first) = match packet.fragment {
            None => (None, true),
            Some(fragment) => (Some(fragment.id), fragment.offset == 0),
        };
        let is_tcp = match packet.protocol {
            TCP => true,
            UDP => false,
            _ => return None,
        };
        let ports = match packet.payload {
            &[s0, s1, d0, d1, ..] if is_first => {
                (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))
            }
            _ if is_first => return None,
            _ => (0, 0),
        };
        let (from, to) = packet.pair.with_ports(ports);
        Some(Self { is_tcp, from, to, fragment })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::capture::net::{Fragments, datagram};
    use crate::capture::streams::Streams;
    use crate::capture::testing::{ACK, FROM, TO, ethernet, ipv4, ipv6, ipv6_fragment, tcp, udp};
    use crate::capture::{Limits, Origin};
    use crate::time::Timestamp;

    #[test]
    fn datagrams_segments_and_fragments_tell_between_whom_they_go() {
        let ends = |frame: &[u8]| Ends::of(LinkType::ETHERNET, frame);
        let v4 = |protocol, id, flags, payload: &[u8]| {
            ethernet(&[0x0800], &ipv4(protocol, id, flags, payload))
        };
        let whole = ends(&v4(UDP, 0, 0, &udp(b"tox"))).unwrap();
        assert_eq!((whole.from.port(), whole.to.port()), (FROM, TO));
        assert!(!whole.is_tcp && whole.fragment.is_none());
        let segment = ends(&v4(TCP, 0, 0, &tcp(ACK, 1, 2, b"tox"))).unwrap();
        assert_eq!((segment.is_tcp, segment.from, segment.to), (true, whole.from, whole.to));
        let first = ends(&v4(UDP, 7, 0x2000, &udp(b"tox"))).unwrap();
        assert_eq!((first.from.port(), first.fragment), (FROM, Some(7)));
        let second = ends(&v4(UDP, 7, 1, b"the rest")).unwrap();
        assert_eq!((second.from.port(), second.to.ip()), (0, first.to.ip()));
        assert_eq!(second.fragment, first.fragment);
        let v6 = ends(&ethernet(&[0x86dd], &ipv6(UDP, &udp(b"tox")))).unwrap();
        assert!(v6.from.is_ipv6() && v6.to.port() == TO);
        let v6 = ipv6(44, &ipv6_fragment(UDP, 9, 8, false, b"the rest"));
        assert_eq!(ends(&ethernet(&[0x86dd], &v6)).unwrap().fragment, Some(9));
        for neither in [v4(1, 0, 0, b"ping"), v4(UDP, 0, 0, b"sho"), vec![0; 20], Vec::new()] {
            assert_eq!(ends(&neither), None);
        }
    }

    proptest! {
        #[test]
        fn damaged_frames_have_the_ends_that_their_datagrams_have(
            link in select(vec![LinkType::ETHERNET, LinkType::RAW]),
            is_v6 in any::<bool>(),
            damage in vec((0_usize..60, any::<u8>()), 0..4),
            length in 0_usize..80,
        ) {
            let packet = match is_v6 {
                false => ipv4(UDP, 0, 0, &udp(b"\x1b tox")),
                true => ipv6(UDP, &udp(b"\x1b tox")),
            };
            let ethertype = if is_v6 { 0x86dd } else { 0x0800 };
            let mut frame =
                if link == LinkType::RAW { packet } else { ethernet(&[ethertype], &packet) };
            for (at, byte) in damage {
                if let Some(place) = frame.get_mut(at) {
                    *place = byte;
                }
            }
            frame.truncate(length);
            let limits = Limits::default();
            let (mut fragments, mut streams) = (Fragments::new(&limits), Streams::new(&limits));
            let (origin, at) = (Origin::default(), Timestamp::default());
            let found = datagram(link, &frame, origin, at, &mut fragments, &mut streams);
            let ends = Ends::of(link, &frame);
            if let Ok(datagram) = found {
                let Ends { is_tcp, from, to, .. } = ends.expect("it is a datagram");
                prop_assert_eq!((is_tcp, from, to), (false, datagram.from, datagram.to));
            }
        }
    }
}
