//! What can be wrong with a capture file as a whole.

use std::{fmt, io};

/// Where in the input an error was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte in the input, after unpacking.
    pub offset: u64,
    /// Frames that were read before.
    pub frames: u64,
    /// Which of several inputs, from 0.
    pub file: u16,
    /// Whether the input was packed, so that `offset` is not a byte of the file itself.
    pub unpacked: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.unpacked { " of the unpacked input" } else { "" };
        write!(f, "byte {}{of}, ", self.offset)?;
        match self.frames {
            0 => f.write_str("before the first frame"),
            frames => write!(f, "after frame {frames}"),
        }
    }
}

/// Why a capture could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is neither pcap nor pcapng.
    #[error("not a capture: {0}")]
    NotACapture(String),
    /// The input ends in the middle of something; what came before is whole.
    #[error("cut short at {place}: {reason}")]
    CutShort {
        /// Where the incomplete piece begins.
        place: Place,
        /// What is incomplete, and by how much.
        reason: String,
    },
    /// The input contradicts its format or passes a fixed bound; reading cannot go on.
    #[error("damaged at {place}: {reason}")]
    Damaged {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A packed input holds more than [`super::Limits::max_decompressed`].
    #[error("too large at {place}: unpacks to more than {limit} bytes, the limit")]
    TooLarge {
        /// Where.
        place: Place,
        /// The limit in bytes.
        limit: u64,
    },
    /// The input could not be read.
    #[error("cannot read on at {place}: {source}")]
    Io {
        /// Where.
        place: Place,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Which of several inputs it was found in, from 0.
    #[must_use]
    pub const fn file(&self) -> u16 {
        match self {
            Self::NotACapture(_) => 0,
            Self::CutShort { place, .. }
            | Self::Damaged { place, .. }
            | Self::TooLarge { place, .. }
            | Self::Io { place, .. } => place.file,
        }
    }
}
