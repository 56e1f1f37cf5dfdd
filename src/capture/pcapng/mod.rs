//! pcapng: blocks of packets, interfaces, comments and secrets.
//!
//! Source: "PCAP Now Generic (pcapng) Capture File Format" (draft-ietf-opsawg-pcapng), whose words
//! are used here.

mod reader;
mod resolution;
mod writer;

pub(super) use reader::{Options, Pcapng};
pub use resolution::Resolution;
pub use writer::{Interface, Writer};

/// Types of blocks.
pub(super) mod block {
    /// Section Header Block; a palindrome, so that it is known before the byte order is.
    pub(in crate::capture) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    /// Interface Description Block.
    pub(in crate::capture) const INTERFACE: u32 = 1;
    /// Packet Block, obsolete.
    pub(in crate::capture) const PACKET: u32 = 2;
    /// Simple Packet Block.
    pub(in crate::capture) const SIMPLE_PACKET: u32 = 3;
    /// Enhanced Packet Block.
    pub(in crate::capture) const ENHANCED_PACKET: u32 = 6;
    /// Decryption Secrets Block.
    pub(in crate::capture) const SECRETS: u32 = 10;
}

/// Tells the byte order of a section.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Codes of options.
pub(super) mod option {
    /// Ends the options of a block.
    pub(in crate::capture) const END: u16 = 0;
    /// A comment, on whatever the block is; any number of them.
    pub(in crate::capture) const COMMENT: u16 = 1;
    /// Name of an interface.
    pub(in crate::capture) const IF_NAME: u16 = 2;
    /// Resolution of an interface's time stamps.
    pub(in crate::capture) const IF_TSRESOL: u16 = 9;
    /// Seconds to add to an interface's time stamps.
    pub(in crate::capture) const IF_TSOFFSET: u16 = 14;
}
