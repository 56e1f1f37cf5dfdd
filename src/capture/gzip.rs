//! gzip: any number of members one after the other, each a header, deflated bytes and a trailer.
//!
//! Source: RFC 1952. Written over the bare inflater, because the ready-made readers drop what they
//! unpacked just before a fault.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::input::Fault;

/// What gzip(1) warns of and ignores, too. It may have been a member before it was damaged.
const GARBAGE: &str = "gzip: something that is not gzip follows the packed data and was not read";

const CUT_SHORT: Fault = Fault::CutShort("the gzip data end too early");

/// Most bytes of a file name or comment in a header.
const MAX_TEXT: u64 = 64 << 10;

/// Flags of a member's header.
const HEADER_CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Unpacks a stream of gzip members.
pub(super) struct Gzip<R> {
    source: R,
    inflater: Decompress,
    checksum: Crc,
    state: State,
}

enum State {
    BetweenMembers,
    InMember,
    /// What was unpacked before the fault went first.
    Failed(Option<Fault>),
}

impl<R: BufRead> Gzip<R> {
    pub(super) fn new(source: R) -> Self {
        let inflater = Decompress::new(false);
        Self { source, inflater, checksum: Crc::new(), state: State::BetweenMembers }
    }

    /// Reads some bytes, none at the end.
    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<usize, Fault> {
        loop {
            let next = match &mut self.state {
                State::BetweenMembers => {
                    if self.at_end()? {
                        return Ok(0);
                    }
                    self.begin_member()
                }
                State::InMember => match self.inflate(space) {
                    (0, next) => next,
                    (unpacked, next) => {
                        self.state = next.unwrap_or_else(|fault| State::Failed(Some(fault)));
                        return Ok(unpacked);
                    }
                },
                State::Failed(fault) => return fault.take().map_or(Ok(0), Err),
            };
            self.state = next.unwrap_or_else(|fault| State::Failed(Some(fault)));
        }
    }

    /// Whether no member follows; zeros that fill up a block of some device are none.
    fn at_end(&mut self) -> Result<bool, Fault> {
        loop {
            let ready = self.source.fill_buf().map_err(Fault::Io)?;
            match ready.iter().position(|byte| *byte != 0) {
                Some(zeros) => {
                    self.source.consume(zeros);
                    return Ok(false);
                }
                None if ready.is_empty() => return Ok(true),
                None => {
                    let zeros = ready.len();
                    self.source.consume(zeros);
                }
            }
        }
    }

    fn begin_member(&mut self) -> Result<State, Fault> {
        for expected in [0x1f, 0x8b] {
            if self.array::<1>()? != [expected] {
                return Err(Fault::Damaged(GARBAGE.into()));
            }
        }
        let [method, flags, ..] = self.array::<8>()?;
        if method != 8 || flags & RESERVED != 0 {
            return Err(Fault::Damaged("gzip: header of an unknown kind".into()));
        }
        if flags & EXTRA != 0 {
            let length = u64::from(u16::from_le_bytes(self.array()?));
            let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink());
            if skipped.map_err(Fault::Io)? < length {
                return Err(CUT_SHORT);
            }
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                self.skip_text()?;
            }
        }
        if flags & HEADER_CHECKSUM != 0 {
            self.array::<2>()?;
        }
        self.inflater.reset(false);
        self.checksum.reset();
        Ok(State::InMember)
    }

    /// Skips bytes up to the first zero.
    fn skip_text(&mut self) -> Result<(), Fault> {
        let mut text = Vec::new();
        let mut limited = self.source.by_ref().take(MAX_TEXT);
        limited.read_until(0, &mut text).map_err(Fault::Io)?;
        match (text.last(), limited.limit()) {
            (Some(0), _) => Ok(()),
            (_, 0) => Err(Fault::Damaged("gzip: name or comment without end".into())),
            _ => Err(CUT_SHORT),
        }
    }

    /// Unpacks until there are bytes, a fault, or the member's end: how many, and what comes next.
    fn inflate(&mut self, space: &mut [u8]) -> (usize, Result<State, Fault>) {
        loop {
            let packed = match self.source.fill_buf() {
                Ok(packed) => packed,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return (0, Err(Fault::Io(error))),
            };
            let ended = packed.is_empty();
            let (taken, given) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(packed, space, FlushDecompress::None);
            // Neither is more than the length of a slice.
            let taken = (self.inflater.total_in() - taken) as usize;
            let given = (self.inflater.total_out() - given) as usize;
            self.source.consume(taken);
            self.checksum.update(space.get(..given).unwrap_or_default());
            let next = match status {
                Ok(Status::StreamEnd) => self.end_member(),
                Ok(_) if taken > 0 && given == 0 => continue,
                Ok(_) if given > 0 => Ok(State::InMember),
                Ok(_) if ended => Err(CUT_SHORT),
                Ok(_) | Err(_) => Err(Fault::Damaged("gzip: not what deflate writes".into())),
            };
            return (given, next);
        }
    }

    /// Compares the member's checksum and length.
    fn end_member(&mut self) -> Result<State, Fault> {
        let checksum = u32::from_le_bytes(self.array()?);
        let length = u32::from_le_bytes(self.array()?);
        if (checksum, length) != (self.checksum.sum(), self.checksum.amount()) {
            return Err(Fault::Damaged("gzip: wrong checksum".into()));
        }
        Ok(State::BetweenMembers)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        match self.source.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(CUT_SHORT),
            Err(error) => Err(Fault::Io(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::DeflateEncoder;
    use flate2::{Compression, GzBuilder};

    use super::*;

    fn unpack(packed: &[u8]) -> (Vec<u8>, Option<String>) {
        let (mut gzip, mut unpacked) = (Gzip::new(packed), Vec::new());
        let mut space = [0; 7];
        loop {
            match gzip.read(&mut space) {
                Ok(0) => return (unpacked, None),
                Ok(read) => unpacked.extend(&space[..read]),
                Err(Fault::Damaged(reason)) => return (unpacked, Some(reason)),
                Err(Fault::CutShort(reason)) => return (unpacked, Some(reason.into())),
                Err(Fault::Io(_) | Fault::TooLarge(_)) => unreachable!("a slice can be read"),
            }
        }
    }

    fn member() -> Vec<u8> {
        let builder = GzBuilder::new().extra("extra").filename("name").comment("comment");
        let mut writer = builder.write(Vec::new(), Compression::default());
        writer.write_all(b"some bytes, some bytes").unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn all_fields_of_a_header_are_skipped() {
        let mut packed = member();
        assert_eq!(unpack(&packed), (b"some bytes, some bytes".to_vec(), None));
        // A checksum of the header stands behind its texts.
        packed[3] |= HEADER_CHECKSUM;
        let place = packed.windows(8).position(|part| part == b"comment\0").unwrap() + 8;
        packed.splice(place..place, [0xaa, 0xbb]);
        assert_eq!(unpack(&packed), (b"some bytes, some bytes".to_vec(), None));
    }

    #[test]
    fn members_and_zeros_may_follow() {
        let packed = [&*member(), &[0; 600], &*member(), &[0; 9]].concat();
        assert_eq!(unpack(&packed), (b"some bytes, some bytes".repeat(2), None));
        let cut = [&*member(), &[0; 3], &[0x1f]].concat();
        let reason = "the gzip data end too early".to_owned();
        assert_eq!(unpack(&cut), (b"some bytes, some bytes".to_vec(), Some(reason)));
    }

    #[test]
    fn garbage_that_follows_is_called_so_however_short_it_is() {
        let garbage = [&b"other bytes"[..], b"x", b"\0\0\0x", b"\x1f\x8a", b"\x1f\x8ano more gzip"];
        for garbage in garbage {
            let packed = [&*member(), garbage].concat();
            let reason = GARBAGE.to_owned();
            assert_eq!(unpack(&packed), (b"some bytes, some bytes".to_vec(), Some(reason)));
        }
    }

    #[test]
    fn a_cut_at_any_byte_gives_a_beginning_and_then_says_so() {
        let packed = member();
        for length in 1..packed.len() {
            let (unpacked, reason) = unpack(&packed[..length]);
            assert!(b"some bytes, some bytes".starts_with(&unpacked));
            assert_eq!(reason.as_deref(), Some("the gzip data end too early"), "{length}");
        }
    }

    #[test]
    fn what_was_unpacked_before_a_fault_comes_first() {
        let mut deflater = DeflateEncoder::new(Vec::new(), Compression::none());
        deflater.write_all(b"kept").unwrap();
        deflater.flush().unwrap();
        let kept = deflater.get_ref().clone();
        // The last two bits of a block's first three give its kind; 3 is none.
        let packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0], &*kept, &[7; 20]].concat();
        let reason = "gzip: not what deflate writes".to_owned();
        assert_eq!(unpack(&packed), (b"kept".to_vec(), Some(reason)));
    }

    #[test]
    fn unknown_headers_and_wrong_trailers_are_damage() {
        let with = |place: usize, byte: u8| {
            let mut packed = member();
            let place = if place > 10 { packed.len() - place + 10 } else { place };
            packed[place] ^= byte;
            unpack(&packed).1.unwrap()
        };
        assert_eq!(with(2, 1), "gzip: header of an unknown kind");
        assert_eq!(with(3, 0x20), "gzip: header of an unknown kind");
        for place in 11..=18 {
            assert_eq!(with(place, 1), "gzip: wrong checksum");
        }
        let name = [&[0x1f, 0x8b, 8, NAME, 0, 0, 0, 0, 0, 0][..], &[b'x'; 70_000]].concat();
        assert_eq!(unpack(&name).1.unwrap(), "gzip: name or comment without end");
    }
}
