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

use std::cell::OnceCell;
use std::fmt;

use super::{Damage, DamageKind, Section};
use crate::wire::PublicKey;

/// What an encrypted save file begins with.
const ENCRYPTED: &[u8] = b"toxEsave";
/// What a save file begins with: zero and 0x15ed1b1f.
const START: [u8; 8] = [0, 0, 0, 0, 0x1f, 0x1b, 0xed, 0x15];
/// The same of old versions on machines that count the other way around.
const BIG_ENDIAN_START: [u8; 8] = [0, 0, 0, 0, 0x15, 0xed, 0x1b, 0x1f];
/// What every section has in its header.
const MARK: [u8; 2] = [0xce, 0x01];
/// Size of a section's header in bytes.
const HEADER_SIZE: usize = 8;
/// Sections that are read at most; a real file has a dozen.
const MAX_SECTIONS: usize = 1024;

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

    /// Whether it has a name.
    pub(crate) fn is_known(self) -> bool {
        self.name() != Self(0).name()
    }

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
    /// Its integers are big-endian.
    #[error("the save file is of a machine with big-endian integers, which are not read")]
    BigEndian,
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It does not begin like one.
    #[error("not a Tox save file: it does not begin with 00 00 00 00 1f 1b ed 15")]
    OtherFile,
}

/// A save file, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Savedata<'a> {
    /// The sections, without the end. One that is cut off is among them, with what is there of
    /// it.
    pub sections: Vec<SavedSection<'a>>,
    /// What is wrong with their headers, in order.
    pub damage: Vec<Damage>,
}

/// The header of a section.
#[derive(Clone, Copy)]
struct Header {
    size: u32,
    kind: SectionType,
    mark: [u8; 2],
}

/// A file on which the sections are found.
struct Walk<'a> {
    file: &'a [u8],
    /// Where headers are from which on there are only sound ones, last first; once it is needed.
    sound: OnceCell<Vec<usize>>,
}

impl<'a> Walk<'a> {
    fn header(&self, offset: usize) -> Option<Header> {
        let header = self.file.get(offset..)?.first_chunk::<HEADER_SIZE>()?;
        let [s0, s1, s2, s3, t0, t1, mark @ ..] = *header;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        Some(Header { size, kind: SectionType(u16::from_le_bytes([t0, t1])), mark })
    }

    /// The payload of a section whose header is at `offset`, if it fits.
    fn payload(&self, offset: usize, header: Header) -> Option<&'a [u8]> {
        let start = offset + HEADER_SIZE;
        let end = start.checked_add(usize::try_from(header.size).ok()?)?;
        self.file.get(start..end)
    }

    fn sound(&self) -> &[usize] {
        self.sound.get_or_init(|| {
            let mut sound = Vec::new();
            for offset in (START.len()..self.file.len().saturating_sub(HEADER_SIZE - 1)).rev() {
                let Some(header) = self.header(offset).filter(|it| it.mark == MARK) else {
                    continue;
                };
                let known = header.kind.is_known();
                let Some(payload) = self.payload(offset, header).filter(|_| known) else {
                    continue;
                };
                let end = offset + HEADER_SIZE + payload.len();
                let last = header.kind == SectionType::END && payload.is_empty();
                if last || end == self.file.len() || contains(&sound, end) {
                    sound.push(offset);
                }
            }
            sound
        })
    }

    /// Sections follow from here on, or the end of the file.
    fn is_sound(&self, offset: usize) -> bool {
        offset == self.file.len() || contains(self.sound(), offset)
    }

    /// The first place from which on sections follow.
    fn next_sound(&self, from: usize) -> Option<usize> {
        let behind = self.sound().partition_point(|offset| *offset >= from);
        self.sound().get(behind.checked_sub(1)?).copied()
    }
}

/// Whether a list of falling numbers has one.
fn contains(falling: &[usize], wanted: usize) -> bool {
    falling.binary_search_by(|offset| wanted.cmp(offset)).is_ok()
}

impl<'a> Savedata<'a> {
    /// Whether a file that begins so is a save file, encrypted or not.
    #[must_use]
    pub fn looks_like_one(start: &[u8]) -> bool {
        [ENCRYPTED, &START, &BIG_ENDIAN_START].iter().any(|it| start.starts_with(it))
    }

    /// Reads the container. Bytes behind the end section are ignored, as c-toxcore does; where a
    /// header is damaged, the next sound one is searched, from which on all are.
    ///
    /// # Errors
    ///
    /// If the bytes are something else, or encrypted.
    pub fn parse(file: &'a [u8]) -> Result<Self, NotASave> {
        if file.is_empty() {
            return Err(NotASave::Empty);
        }
        if file.starts_with(ENCRYPTED) {
            return Err(NotASave::Encrypted);
        }
        if file.starts_with(&BIG_ENDIAN_START) {
            return Err(NotASave::BigEndian);
        }
        let walk = Walk { file, sound: OnceCell::new() };
        let mut found = Self { sections: Vec::new(), damage: Vec::new() };
        if !file.starts_with(&START) {
            if file.len() <= START.len() || !walk.is_sound(START.len()) {
                return Err(NotASave::OtherFile);
            }
            found.damage(0, "start", DamageKind::WrongStart);
        }
        let mut offset = START.len();
        while let Some(next) = found.section_at(&walk, offset) {
            offset = next;
            if found.sections.len() == MAX_SECTIONS {
                found.damage(offset, "section", DamageKind::TooManySections);
                break;
            }
        }
        Ok(found)
    }

    fn damage(&mut self, offset: usize, field: &'static str, kind: DamageKind) {
        self.damage.push(Damage { offset, field, kind });
    }

    /// Takes the section whose header is at `offset`; gives where the next one is, if there is
    /// one.
    fn section_at(&mut self, walk: &Walk<'a>, offset: usize) -> Option<usize> {
        let left = walk.file.len() - offset;
        if left == 0 {
            // Without an end, unless the last section swallowed it.
            return self.size_before(walk);
        }
        let Some(header) = walk.header(offset) else {
            return self.size_before(walk).or_else(|| {
                let kind = DamageKind::PastTheEnd { needs: HEADER_SIZE as u64, left };
                self.damage(offset, "section.header", kind);
                None
            });
        };
        let start = offset + HEADER_SIZE;
        let payload = walk.payload(offset, header);
        let end = payload.map(|payload| start + payload.len());
        if header.mark != MARK {
            // Either only the mark is wrong, or there is no header here.
            if !end.is_some_and(|end| walk.is_sound(end)) {
                let next = self.size_before(walk);
                if next.is_none() {
                    self.damage(offset + 6, "section.mark", DamageKind::NoHeader(header.mark));
                }
                return next;
            }
            self.damage(offset + 6, "section.mark", DamageKind::NoHeader(header.mark));
        }
        if header.kind == SectionType::END {
            return None;
        }
        if !header.kind.is_known() {
            self.damage(offset + 4, "section.type", DamageKind::UnknownSection(header.kind));
        }
        let rest = walk.file.get(start..).unwrap_or_default();
        self.sections.push(SavedSection {
            offset: start,
            kind: header.kind,
            payload: payload.unwrap_or(rest),
        });
        end.or_else(|| self.size_before(walk)).or_else(|| {
            let kind = DamageKind::PastTheEnd { needs: u64::from(header.size), left: rest.len() };
            self.damage(offset, "section.size", kind);
            None
        })
    }

    /// The last section does not lead to a header: it ends where one is found.
    fn size_before(&mut self, walk: &Walk<'a>) -> Option<usize> {
        let last = self.sections.last_mut()?;
        let next = walk.next_sound(last.offset)?;
        let header = last.offset - HEADER_SIZE;
        let says = walk.header(header)?.size;
        let section = last.kind;
        last.payload = walk.file.get(last.offset..next)?;
        let kind = DamageKind::WrongSize { section, says, found: next - last.offset };
        self.damage(header, "section.size", kind);
        Some(next)
    }

    /// The first section of a type.
    #[must_use]
    pub fn section(&self, kind: SectionType) -> Option<SavedSection<'a>> {
        self.sections.iter().find(|section| section.kind == kind).copied()
    }

    /// All conferences, with everything that is wrong in the file; offsets are from its start.
    #[must_use]
    pub fn conferences(&self) -> Section<'a> {
        let owner = self.owner();
        let mut all = Section { conferences: Vec::new(), damage: self.damage.clone() };
        let sections = self.sections.iter().filter(|it| it.kind == SectionType::CONFERENCES);
        for section in sections {
            let read = Section::parse(section.payload).behind(section.offset);
            all.conferences.extend(read.conferences);
            all.damage.extend(read.damage);
        }
        all.damage.extend(all.contradictions(owner.as_ref()));
        all.damage.sort_by_key(|damage| damage.offset);
        all
    }

    /// The owner's name; empty if there is none.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.section(SectionType::NAME).map_or(&[], |section| section.payload)
    }

    /// The owner's real key, if there is a section of keys.
    #[must_use]
    pub fn owner(&self) -> Option<PublicKey> {
        // Four bytes against unwanted requests precede it; the secret key is behind it.
        let keys = self.section(SectionType::KEYS)?;
        PublicKey::from_slice(keys.payload.get(4..36)?)
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
        assert_eq!(savedata.damage, []);
        let kinds: Vec<_> =
            savedata.sections.iter().map(|it| (it.offset, it.kind.name())).collect();
        assert_eq!(kinds, [(16, "name"), (27, "conferences")]);
        assert_eq!(savedata.section(SectionType::CONFERENCES).unwrap().payload, [1, 2, 3, 4]);
        assert_eq!(savedata.section(SectionType::KEYS), None);
        let sections: Vec<_> = savedata.sections.iter().map(|it| (it.kind, it.payload)).collect();
        assert_eq!(emit_savedata(&sections), FILE);
        assert_eq!(format!("{:?}", savedata.sections[0]), "name at byte 16, 3 bytes");
    }

    fn told(file: &[u8]) -> Vec<String> {
        Savedata::parse(file).unwrap().damage.iter().map(Damage::to_string).collect()
    }

    #[test]
    fn a_cut_file_has_the_sections_before_the_cut() {
        for length in 8..FILE.len() {
            let savedata = Savedata::parse(&FILE[..length]).unwrap();
            let whole = [19, 31].iter().filter(|end| length >= **end).count();
            assert!(savedata.sections.len() >= whole, "{length}");
            assert_eq!(savedata.damage.is_empty(), [8, 19, 31].contains(&length), "{length}");
        }
        assert_eq!(told(&FILE[..20]), ["section.header at byte 19: needs 8 bytes, 1 left"]);
        assert_eq!(told(&FILE[..29]), ["section.size at byte 19: needs 4 bytes, 2 left"]);
    }

    /// whatever byte of a header is damaged, the section is found, unless its type is hit.
    #[test]
    fn a_damaged_header_costs_no_section() {
        for at in (0..16).chain(19..27).chain(31..39) {
            for bit in 0..8 {
                let mut damaged = FILE;
                damaged[at] ^= 1 << bit;
                let savedata = Savedata::parse(&damaged).unwrap();
                let payloads: Vec<_> = savedata.sections.iter().map(|it| it.payload).collect();
                let is_type = [12, 13, 23, 24, 35, 36].contains(&at);
                if !is_type {
                    assert_eq!(payloads[..2], [&b"ann"[..], &[1, 2, 3, 4]], "byte {at}, bit {bit}");
                    // What is behind the end does not matter, nor does the size of the end.
                    assert_eq!(savedata.damage.is_empty(), (31..35).contains(&at), "byte {at}");
                }
            }
        }
        let damaged = |at: usize, byte: u8| {
            let mut file = FILE;
            file[at] = byte;
            told(&file)
        };
        assert_eq!(damaged(14, 0), ["section.mark at byte 14: is 0001, not ce01"]);
        assert_eq!(
            damaged(8, 2),
            ["section.size at byte 8: the section name says 2 bytes, the next begins after 3"]
        );
        assert_eq!(
            damaged(11, 1),
            [
                "section.size at byte 8: the section name says 16777219 bytes, the next begins after 3"
            ]
        );
        assert_eq!(damaged(7, 0), ["start at byte 0: is not 00 00 00 00 1f 1b ed 15"]);
        assert_eq!(damaged(23, 0x15), ["section.type at byte 23: is 0x15, which nobody knows"]);
        assert_eq!(damaged(37, 9), ["section.mark at byte 37: is 0901, not ce01"]);
    }

    #[test]
    fn an_encrypted_file_is_named() {
        assert_eq!(Savedata::parse(b"toxEsave1234"), Err(NotASave::Encrypted));
        assert_eq!(Savedata::parse(b"GIF89a"), Err(NotASave::OtherFile));
        assert_eq!(Savedata::parse(b"\0\0\0\0\x15\xed\x1b\x1fmore"), Err(NotASave::BigEndian));
        assert_eq!(Savedata::parse(&FILE[..8]).unwrap().sections, []);
        assert_eq!(Savedata::parse(b""), Err(NotASave::Empty));
        assert!(NotASave::Encrypted.to_string().contains("decrypt it first"));
    }
}
