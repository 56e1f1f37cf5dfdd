//! What is wrong in a save file, and where.

use std::fmt;

use super::savedata::SectionType;
use crate::wire::{Hex, MAX_NAME_SIZE, PeerNumber};

/// Something wrong in a save file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the field begins, in bytes from the start of what was read: file or section.
    pub offset: usize,
    /// Which field: `title`, `peer.name`.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: DamageKind,
}

/// What can be wrong in a save file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The file does not begin as it should.
    WrongStart,
    /// There should be the header of a section, with this at its end.
    NoHeader([u8; 2]),
    /// A section of a type that nobody knows; its payload is left out.
    UnknownSection(SectionType),
    /// The size of a section does not lead to the next one.
    WrongSize {
        /// The section.
        section: SectionType,
        /// Its size, as it says.
        says: u32,
        /// Bytes to where the next one is found.
        found: usize,
    },
    /// It runs past the end.
    PastTheEnd {
        /// Bytes that it needs.
        needs: u64,
        /// Bytes that are there.
        left: usize,
    },
    /// Longer than 128 bytes.
    TooLong(u8),
    /// Neither text nor audio.
    UnknownType(u8),
    /// The conference was there before.
    DuplicateConference,
    /// The owner's number, at another peer (B-06).
    OwnNumber(PeerNumber),
    /// The owner's key, as if another peer's.
    OwnKey,
    /// The number was there before.
    DuplicateNumber(PeerNumber),
    /// The key was there before.
    DuplicateKey,
    /// The next conference begins inside of what is read as this one.
    Overlaps,
    /// Bytes that were skipped to find the next conference.
    Skipped(usize),
    /// Bytes at the end that are too few for a conference; receivers ignore them.
    Trailing(usize),
    /// There are 65535 conferences already.
    TooManyConferences,
    /// More sections than any file has.
    TooManySections,
}

impl DamageKind {
    /// The original refuses the section for it, and with it all conferences (B-06). Of the rest it
    /// takes notice of bytes that are too few, and of ourselves among the peers; it keeps duplicates
    /// and types that it does not know.
    #[must_use]
    pub const fn stops_original(self) -> bool {
        match self {
            Self::WrongStart
            | Self::NoHeader(_)
            | Self::WrongSize { .. }
            | Self::TooManySections
            | Self::PastTheEnd { .. }
            | Self::TooLong(_)
            | Self::OwnNumber(_)
            | Self::Overlaps
            | Self::Skipped(_)
            | Self::TooManyConferences => true,
            Self::UnknownSection(_)
            | Self::UnknownType(_)
            | Self::DuplicateConference
            | Self::OwnKey
            | Self::DuplicateNumber(_)
            | Self::DuplicateKey
            | Self::Trailing(_) => false,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.field, self.offset, self.kind)
    }
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongStart => f.write_str("is not 00 00 00 00 1f 1b ed 15"),
            Self::UnknownSection(SectionType(kind)) => {
                write!(f, "is 0x{kind:02x}, which nobody knows")
            }
            Self::NoHeader(mark) => write!(f, "is {}, not ce01", Hex(mark)),
            Self::WrongSize { section, says, found } => {
                write!(f, "the section {section} says {says} bytes, the next begins after {found}")
            }
            Self::PastTheEnd { needs, left } => write!(f, "needs {needs} bytes, {left} left"),
            Self::TooLong(length) => {
                write!(f, "has {length} bytes, at most {MAX_NAME_SIZE} allowed")
            }
            Self::UnknownType(kind) => write!(f, "{kind} is neither text (0) nor audio (1)"),
            Self::DuplicateConference => f.write_str("was there before"),
            Self::OwnNumber(number) => write!(f, "{number} is the owner's"),
            Self::OwnKey => f.write_str("is the owner's"),
            Self::DuplicateNumber(number) => write!(f, "{number} was there before"),
            Self::DuplicateKey => f.write_str("was there before"),
            Self::Overlaps => f.write_str("its lengths lead into the next one"),
            Self::Skipped(bytes) => write!(f, "{bytes} bytes skipped to find the next one"),
            Self::Trailing(bytes) => {
                write!(f, "{bytes} bytes at the end are too few for a conference")
            }
            Self::TooManyConferences => f.write_str("there are 65535 already"),
            Self::TooManySections => f.write_str("there are 1024 already"),
        }
    }
}
