//! TCP headers.

use crate::capture::NotUdp;

/// One TCP segment.
pub(in crate::capture) struct Segment<'a> {
    /// Source and destination.
    pub(in crate::capture) ports: (u16, u16),
    /// Number of the payload's first byte; of the SYN, if there is one.
    pub(in crate::capture) sequence: u32,
    /// Number of the byte that the sender expects next.
    pub(in crate::capture) acknowledgment: Option<u32>,
    pub(in crate::capture) syn: bool,
    pub(in crate::capture) fin: bool,
    pub(in crate::capture) rst: bool,
    pub(in crate::capture) payload: &'a [u8],
    /// Bytes of payload that the IP header announces beyond those that were captured.
    pub(in crate::capture) missing: usize,
}

impl<'a> Segment<'a> {
    /// Reads the segment that an IP packet carries, which lacks so many bytes at its end.
    #[cold]
    pub(super) fn of(bytes: &'a [u8], missing: usize) -> Result<Self, NotUdp> {
        let Some(
            &[s0, s1, d0, d1, n0, n1, n2, n3, a0, a1, a2, a3, offset, flags, _, _, _, _, _, _],
        ) = bytes.first_chunk::<20>()
        else {
            return Err(NotUdp::Cut("TCP header"));
        };
        let header = usize::from(offset >> 4) * 4;
        if header < 20 {
            return Err(NotUdp::Malformed("TCP header length less than 20"));
        }
        let Some((_, payload)) = bytes.split_at_checked(header) else {
            return Err(match missing {
                0 => NotUdp::Malformed("TCP header longer than its packet"),
                _ => NotUdp::Cut("TCP options"),
            });
        };
        let acknowledgment = u32::from_be_bytes([a0, a1, a2, a3]);
        Ok(Self {
            ports: (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])),
            sequence: u32::from_be_bytes([n0, n1, n2, n3]),
            acknowledgment: (flags & 0x10 != 0).then_some(acknowledgment),
            syn: flags & 0x02 != 0,
            fin: flags & 0x01 != 0,
            rst: flags & 0x04 != 0,
            payload,
            missing,
        })
    }
}

#[cfg(test)]
impl<'a> Segment<'a> {
    /// A segment with these flags, as the header has them.
    pub(in crate::capture) fn made(
        flags: u8,
        sequence: u32,
        acknowledgment: u32,
        payload: &'a [u8],
    ) -> Self {
        let acknowledgment = (flags & 0x10 != 0).then_some(acknowledgment);
        let (syn, fin, rst) = (flags & 2 != 0, flags & 1 != 0, flags & 4 != 0);
        Self { ports: (0, 0), sequence, acknowledgment, syn, fin, rst, payload, missing: 0 }
    }
}
