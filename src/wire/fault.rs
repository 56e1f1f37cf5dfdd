//! What is wrong with bytes: which field, at which byte, and why.

use std::fmt;

/// The reason why bytes were refused, and the place.
///
/// ```
/// use toxscope::wire::{Fault, Reason};
/// let reason = Reason::TooShort { needs: 32, left: 31 };
/// let fault = Fault { field: "new_peer.dht_key", offset: 44, reason };
/// assert_eq!(fault.to_string(), "new_peer.dht_key at byte 44: needs 32 bytes, 31 left");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{field} at byte {offset}: {reason}")]
pub struct Fault {
    /// Packet and field, such as `new_peer.dht_key`.
    pub field: &'static str,
    /// Where the field begins, in bytes from the first byte of the packet (its id included).
    pub offset: usize,
    /// What was wrong there.
    pub reason: Reason,
}

/// What can be wrong with a field. All sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The packet ends inside the field, or before it.
    TooShort {
        /// Size of the field, or the least size that is legal.
        needs: usize,
        /// Bytes from the start of the field to the end of the packet.
        left: usize,
    },
    /// The field is longer than the format allows.
    TooLong {
        /// Its size.
        length: usize,
        /// The largest legal size.
        most: usize,
    },
    /// Bytes follow a packet that has a fixed size.
    Surplus {
        /// How many.
        bytes: usize,
    },
    /// The first byte is not that of the packet that was asked for.
    OtherKind {
        /// The byte found.
        found: u8,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooShort { needs, left } => {
                write!(f, "needs {needs} {}, {left} left", noun(needs))
            }
            Self::TooLong { length, most } => {
                write!(f, "has {length} {}, at most {most} allowed", noun(length))
            }
            Self::Surplus { bytes } => write!(f, "{bytes} {} too many", noun(bytes)),
            Self::OtherKind { found } => write!(f, "0x{found:02x} belongs to another packet"),
        }
    }
}

const fn noun(count: usize) -> &'static str {
    if count == 1 { "byte" } else { "bytes" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_field_byte_and_reason() {
        let written = |reason| Fault { field: "new_peer.dht_key", offset: 44, reason }.to_string();
        assert_eq!(
            written(Reason::TooShort { needs: 32, left: 31 }),
            "new_peer.dht_key at byte 44: needs 32 bytes, 31 left"
        );
        assert_eq!(
            written(Reason::TooShort { needs: 1, left: 0 }),
            "new_peer.dht_key at byte 44: needs 1 byte, 0 left"
        );
        assert_eq!(
            written(Reason::TooLong { length: 129, most: 128 }),
            "new_peer.dht_key at byte 44: has 129 bytes, at most 128 allowed"
        );
        assert_eq!(
            written(Reason::Surplus { bytes: 1 }),
            "new_peer.dht_key at byte 44: 1 byte too many"
        );
        assert_eq!(
            written(Reason::OtherKind { found: 0xf0 }),
            "new_peer.dht_key at byte 44: 0xf0 belongs to another packet"
        );
    }
}
