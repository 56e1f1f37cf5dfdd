//! Link types, by the numbers that pcap and pcapng share.

use std::fmt;

/// What a frame begins with; the registry is that of tcpdump.org ("LINKTYPE_").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: an address family in the byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP, as some systems number it in memory and, by mistake, in files.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP, the same mistake on OpenBSD.
    pub const RAW_OPENBSD: Self = Self(14);
    /// Raw IP, version by its first four bits.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: an address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// False for numbers that stand for nothing; room is left above those assigned so far.
    pub(super) fn is_assigned(self) -> bool {
        !matches!(self.0, 17 | 20..=31 | 33..=49 | 52..=98 | 512..)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
