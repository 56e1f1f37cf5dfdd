//! IPv4 and IPv6 headers, and the extension headers of IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::MAX_LAYERS;
use crate::capture::NotUdp;

/// An IP packet down to its transport, or one fragment of one.
pub(super) struct Packet<'a> {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// The payload's protocol; in a fragment of IPv6, of the first fragment's payload.
    pub(super) protocol: u8,
    pub(super) payload: &'a [u8],
    pub(super) fragment: Option<Fragment>,
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

/// Cuts link-layer padding off; true where less is there than `length`.
///
/// A length of 0 stands for whatever is there: jumbograms, and packets captured before the
/// network card splits them.
#[inline]
fn cut(bytes: &[u8], length: usize) -> (&[u8], bool) {
    if length == 0 {
        return (bytes, false);
    }
    bytes.get(..length).map_or((bytes, true), |exact| (exact, false))
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
    let (datagram, truncated) = cut(bytes, usize::from(u16::from_be_bytes([l0, l1])));
    let Some((_, payload)) = datagram.split_at_checked(header) else {
        return Err(if truncated || datagram.len() == bytes.len() {
            NotUdp::Cut("IPv4 options")
        } else {
            NotUdp::Malformed("IPv4 length less than its header")
        });
    };
    let flags = u16::from_be_bytes([f0, f1]);
    let fragment = (flags & 0x3fff != 0).then(|| Fragment {
        id: u32::from(u16::from_be_bytes([i0, i1])),
        offset: usize::from(flags & 0x1fff) * 8,
        more: flags & 0x2000 != 0,
        truncated,
    });
    Ok(Packet {
        from: IpAddr::V4(Ipv4Addr::new(a0, a1, a2, a3)),
        to: IpAddr::V4(Ipv4Addr::new(b0, b1, b2, b3)),
        protocol,
        payload,
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
    let (payload, truncated) = cut(rest, usize::from(u16::from_be_bytes([l0, l1])));
    let Extended { protocol, payload, fragment } = extensions(next, payload)?;
    let (from, to) = addresses.split_first_chunk::<16>().expect("32 bytes are left of 40");
    let to = to.first_chunk::<16>().expect("16 bytes are left of 32");
    let fragment = fragment.map(|fragment| Fragment { truncated, ..fragment });
    let (from, to) = (Ipv6Addr::from(*from), Ipv6Addr::from(*to));
    Ok(Packet { from: from.into(), to: to.into(), protocol, payload, fragment })
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
                let length = usize::from(length);
                let length = if next == 51 { (length + 2) * 4 } else { (length + 1) * 8 };
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
