//! pcapng: blocks of packets, interfaces, comments and secrets.
//!
//! Source: "PCAP Now Generic (pcapng) Capture File Format" (draft-ietf-opsawg-pcapng), whose words
//! are used here.

mod writer;

pub use writer::{Interface, Writer};

/// Section Header Block; a palindrome, so that it is known before the byte order is.
pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// Interface Description Block.
pub(crate) const INTERFACE: u32 = 1;
/// Enhanced Packet Block.
pub(crate) const ENHANCED_PACKET: u32 = 6;
/// Decryption Secrets Block.
pub(crate) const SECRETS: u32 = 10;
/// Tells the byte order of a section.
pub(crate) const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Options by code.
pub(crate) mod option {
    /// Ends the options of a block.
    pub(crate) const END: u16 = 0;
    /// A comment, on whatever the block is; any number of them.
    pub(crate) const COMMENT: u16 = 1;
    /// Name of an interface.
    pub(crate) const IF_NAME: u16 = 2;
    /// Resolution of an interface's time stamps.
    pub(crate) const IF_TSRESOL: u16 = 9;
}

/// Resolution of an interface's time stamps, as `if_tsresol` writes it: the exponent of a
/// negative power of 10, or of 2 where the highest bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution(pub u8);

impl Resolution {
    /// Microseconds, which also hold where a file says nothing.
    pub const MICROSECONDS: Self = Self(6);
    /// Nanoseconds.
    pub const NANOSECONDS: Self = Self(9);
}
