//! The container around the conferences section: a Tox save file (packets §12.1).
//!
//! All integers are little-endian:
//!
//! | Bytes | Field                                          |
//! |------:|------------------------------------------------|
//! |     4 | zero                                           |
//! |     4 | 0x15ed1b1f                                     |
//! |     … | sections                                       |
//!
//! A section:
//!
//! | Bytes | Field                                          |
//! |------:|------------------------------------------------|
//! |     4 | size of the payload in bytes                   |
//! |     2 | type                                           |
//! |     2 | 0x01ce                                         |
//! |     … | payload                                        |

use std::fmt;

/// What an encrypted save file begins with.
const ENCRYPTED: &[u8] = b"toxEsave";
/// What a save file begins with: zero and 0x15ed1b1f.
const START: [u8; 8] = [0, 0, 0, 0, 0x1f, 0x1b, 0xed, 0x15];
/// What every section has in its header.
const MARK: [u8; 2] = [0xce, 0x01];
/// Size of a section's header in bytes.
const HEADER_SIZE: usize = 8;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionType(pub u16);

impl SectionType {
    /// Nospam, and the key pair of the owner.
    pub const KEYS: Self = Self(0x01);
    /// The owner's name.
    pub const NAME: Self = Self(0x04);
    /// Conferences.
    pub const CONFERENCES: Self = Self(0x14);
    /// The end.
    pub const END: Self = Self(0xff);

    /// Name in snake case; `unknown` for types that nobody knows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x01 => "keys",
            0x02 => "dht",
            0x03 => "friends",
            0x04 => "name",
            0x05 => "status_message",
            0x06 => "status",
            0x07 => "groups",
            0x0a => "tcp_relays",
            0x0b => "path_nodes",
            0x14 => "conferences",
            0xff => "end",
            _ => "unknown",
        }
    }
}

impl fmt::Display for SectionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One section of a save file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SavedSection<'a> {
    /// Where its payload begins, in bytes from the start of the file.
    pub offset: usize,
    /// What it holds.
    pub kind: SectionType,
    /// The payload. That of [`SectionType::KEYS`] has the owner's secret key in it.
    pub payload: &'a [u8],
}

// Payloads can be secret.
impl fmt::Debug for SavedSection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, kind, payload } = self;
        write!(f, "{kind} at byte {offset}, {} bytes", payload.len())
    }
}

/// Why bytes are no save file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASave {
    /// It is encrypted.
    #[error("the save file is encrypted: decrypt it first, and pass the decrypted file")]
    Encrypted,
    /// It does not begin like one.
    #[error("not a Tox save file: it does not begin with 00 00 00 00 1f 1b ed 15")]
    OtherFile,
}

/// What is wrong with the sections, behind those that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The header of a section is cut off.
    #[error("byte {offset}: the file ends inside of a section's header")]
    HeaderCut {
        /// Where the header begins.
        offset: usize,
    },
    /// The header does not end as headers do.
    #[error("byte {offset}: not a section's header")]
    NoHeader {
        /// Where it should begin.
        offset: usize,
    },
    /// The payload is cut off.
    #[error("byte {offset}: the section {kind} needs {needs} bytes, {left} left")]
    PayloadCut {
        /// Where the payload begins.
        offset: usize,
        /// What it holds.
        kind: SectionType,
        /// Its size in bytes.
        needs: usize,
        /// Bytes to the end of the file.
        left: usize,
    },
}

/// A save file, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Savedata<'a> {
    /// The sections, without the end. One that is cut off is among them, with what is there of
    /// it.
    pub sections: Vec<SavedSection<'a>>,
    /// What ended the list before its end.
    pub broken: Option<Broken>,
}

impl<'a> Savedata<'a> {
    /// Reads the container. Bytes behind the end section are ignored, as c-toxcore does.
    ///
    /// # Errors
    ///
    /// If the bytes are something else, or encrypted.
    pub fn parse(file: &'a [u8]) -> Result<Self, NotASave> {
        if file.starts_with(ENCRYPTED) {
            return Err(NotASave::Encrypted);
        }
        let mut rest = file.strip_prefix(&START).ok_or(NotASave::OtherFile)?;
        let mut sections = Vec::new();
        let broken = loop {
            if rest.is_empty() {
                break None;
            }
            let offset = file.len() - rest.len();
            let Some((header, payload)) = rest.split_first_chunk::<HEADER_SIZE>() else {
                break Some(Broken::HeaderCut { offset });
            };
            let [s0, s1, s2, s3, t0, t1, mark @ ..] = *header;
            if mark != MARK {
                break Some(Broken::NoHeader { offset });
            }
            let kind = SectionType(u16::from_le_bytes([t0, t1]));
            if kind == SectionType::END {
                break None;
            }
            let needs = u32::from_le_bytes([s0, s1, s2, s3]);
            let needs = usize::try_from(needs).unwrap_or(usize::MAX);
            let offset = offset + HEADER_SIZE;
            let Some((payload, behind)) = payload.split_at_checked(needs) else {
                sections.push(SavedSection { offset, kind, payload });
                let left = payload.len();
                break Some(Broken::PayloadCut { offset, kind, needs, left });
            };
            sections.push(SavedSection { offset, kind, payload });
            rest = behind;
        };
        Ok(Self { sections, broken })
    }

    /// The first section of a type.
    #[must_use]
    pub fn section(&self, kind: SectionType) -> Option<SavedSection<'a>> {
        self.sections.iter().find(|section| section.kind == kind).copied()
    }
}

/// A save file of the sections given, in their order.
#[must_use]
pub fn emit_savedata(sections: &[(SectionType, &[u8])]) -> Vec<u8> {
    let mut file = START.to_vec();
    for (kind, payload) in sections.iter().chain(&[(SectionType::END, &[][..])]) {
        let size = u32::try_from(payload.len()).expect("a section is smaller than 4 GiB");
        file.extend_from_slice(&size.to_le_bytes());
        file.extend_from_slice(&kind.0.to_le_bytes());
        file.extend_from_slice(&MARK);
        file.extend_from_slice(payload);
    }
    file
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const FILE: [u8; 39] = hex!(
        "00000000 1f1bed15"
        "03000000 0400 ce01 616e6e"
        "04000000 1400 ce01 01020304"
        "00000000 ff00 ce01"
    );

    #[test]
    fn a_save_file_is_read_and_written() {
        let savedata = Savedata::parse(&FILE).unwrap();
        assert_eq!(savedata.broken, None);
        let kinds: Vec<_> =
            savedata.sections.iter().map(|it| (it.offset, it.kind.name())).collect();
        assert_eq!(kinds, [(16, "name"), (27, "conferences")]);
        assert_eq!(savedata.section(SectionType::CONFERENCES).unwrap().payload, [1, 2, 3, 4]);
        assert_eq!(savedata.section(SectionType::KEYS), None);
        let sections: Vec<_> = savedata.sections.iter().map(|it| (it.kind, it.payload)).collect();
        assert_eq!(emit_savedata(&sections), FILE);
        assert_eq!(format!("{:?}", savedata.sections[0]), "name at byte 16, 3 bytes");
    }

    #[test]
    fn a_cut_file_has_the_sections_before_the_cut() {
        for length in 8..FILE.len() {
            let savedata = Savedata::parse(&FILE[..length]).unwrap();
            let whole = [19, 31].iter().filter(|end| length >= **end).count();
            assert!(savedata.sections.len() >= whole, "{length}");
            assert_eq!(savedata.broken.is_none(), [8, 19, 31].contains(&length), "{length}");
        }
        let told =
            |length: usize| Savedata::parse(&FILE[..length]).unwrap().broken.unwrap().to_string();
        assert_eq!(told(20), "byte 19: the file ends inside of a section's header");
        assert_eq!(told(29), "byte 27: the section conferences needs 4 bytes, 2 left");
        let mut bad = FILE;
        bad[14] = 0;
        let broken = Savedata::parse(&bad).unwrap().broken.unwrap();
        assert_eq!(broken.to_string(), "byte 8: not a section's header");
    }

    #[test]
    fn an_encrypted_file_is_named() {
        assert_eq!(Savedata::parse(b"toxEsave1234"), Err(NotASave::Encrypted));
        assert_eq!(Savedata::parse(b"GIF89a"), Err(NotASave::OtherFile));
        assert_eq!(Savedata::parse(b""), Err(NotASave::OtherFile));
        assert!(NotASave::Encrypted.to_string().contains("decrypt it first"));
    }
}
