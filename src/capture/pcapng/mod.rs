//! pcapng: blocks of packets, interfaces, comments and secrets.
//!
//! Source: "PCAP Now Generic (pcapng) Capture File Format" (draft-ietf-opsawg-pcapng), whose words
//! are used here.

mod reader;
mod resolution;
mod writer;

pub(super) use reader::Pcapng;
pub use resolution::Resolution;
pub use writer::{Interface, Writer};

/// Types of blocks.
mod block {
    /// Section Header Block; a palindrome, so that it is known before the byte order is.
    pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
    /// Interface Description Block.
    pub(super) const INTERFACE: u32 = 1;
    /// Packet Block, obsolete.
    pub(super) const PACKET: u32 = 2;
    /// Simple Packet Block.
    pub(super) const SIMPLE_PACKET: u32 = 3;
    /// Enhanced Packet Block.
    pub(super) const ENHANCED_PACKET: u32 = 6;
    /// Decryption Secrets Block.
    pub(super) const SECRETS: u32 = 10;
}

/// Tells the byte order of a section.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Codes of options.
mod option {
    /// Ends the options of a block.
    pub(super) const END: u16 = 0;
    /// A comment, on whatever the block is; any number of them.
    pub(super) const COMMENT: u16 = 1;
    /// Name of an interface.
    pub(super) const IF_NAME: u16 = 2;
    /// Resolution of an interface's time stamps.
    pub(super) const IF_TSRESOL: u16 = 9;
    /// Seconds to add to an interface's time stamps.
    pub(super) const IF_TSOFFSET: u16 = 14;
}
