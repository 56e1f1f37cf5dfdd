//! The input itself, plain or unpacked on the way.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use super::gzip::Gzip;
use super::zstd::Zstd;

/// What was read before the format was known, then the rest.
pub(super) type Replayed<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// Where bytes come from.
pub(super) enum Input<R> {
    /// As they are.
    Plain(R),
    /// Unpacked, with a limit on what comes out.
    Packed(Packed<R>),
}

pub(super) struct Packed<R> {
    format: Format<R>,
    /// Bytes that may come out in all, and that may still come.
    limit: u64,
    left: u64,
}

enum Format<R> {
    Gzip(Box<Gzip<Replayed<R>>>),
    Zstd(Box<Zstd<Replayed<R>>>),
}

/// Why no more bytes come.
pub(super) enum Fault {
    Io(io::Error),
    CutShort(&'static str),
    Damaged(String),
    TooLarge(u64),
}

/// How an input is packed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

impl<R: Read> Input<R> {
    /// Unpacks `head` and the rest of `input` after it, up to `limit` bytes.
    pub(super) fn packed(packing: Packing, head: Vec<u8>, input: R, limit: u64) -> Self {
        let input = BufReader::with_capacity(64 << 10, Cursor::new(head).chain(input));
        let format = match packing {
            Packing::Gzip => Format::Gzip(Box::new(Gzip::new(input))),
            Packing::Zstd => Format::Zstd(Box::new(Zstd::new(input))),
        };
        Self::Packed(Packed { format, limit, left: limit })
    }

    /// Reads some bytes, none at the end.
    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<usize, Fault> {
        loop {
            let result = match self {
                Self::Plain(input) => input.read(space).map_err(Fault::Io),
                Self::Packed(packed) => packed.read(space),
            };
            match result {
                Err(Fault::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl<R: Read> Packed<R> {
    fn read(&mut self, space: &mut [u8]) -> Result<usize, Fault> {
        let read = match &mut self.format {
            Format::Gzip(input) => input.read(space)?,
            Format::Zstd(input) => input.read(space)?,
        };
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            // What fits is still delivered; the next read finds nothing left.
            None if self.left > 0 => {
                let read = usize::try_from(self.left).unwrap_or(read);
                self.left = 0;
                Ok(read)
            }
            None => Err(Fault::TooLarge(self.limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;
    use crate::capture::Limits;
    use crate::capture::bytes::Order;
    use crate::capture::testing::{Bytes, ipv4, read, read_with, udp};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    /// A capture of many frames with payloads that do not pack well.
    fn capture() -> Vec<u8> {
        let mut file = Bytes::new(Order::Little).pcap(0xa1b2_c3d4, 101);
        let mut state = 1_u32;
        for second in 0..3000 {
            let mut payload = [0; 200];
            for byte in &mut payload {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            file = file.record(second, 0, &ipv4(17, 0, 0, &udp(&payload)));
        }
        file.bytes
    }

    #[test]
    fn packed_captures_give_what_is_inside() {
        let plain = capture();
        let expected = read(&*plain);
        assert_eq!((expected.0.len(), &expected.1), (3000, &None));
        assert_eq!(read(&*gzip(&plain)), expected);
        assert_eq!(read(&*zstd(&plain)), expected);
    }

    #[test]
    fn packed_pieces_one_after_the_other_are_one_capture() {
        let plain = capture();
        let expected = read(&*plain);
        let (one, two) = plain.split_at(100_001);
        assert_eq!(read(&*[gzip(one), gzip(two)].concat()), expected);
        let skipped = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let pieces = [&skipped, &zstd(one), &skipped, &zstd(two), &skipped];
        assert_eq!(read(&*pieces.map(Vec::as_slice).concat()), expected);
    }

    #[test]
    fn a_cut_packed_capture_gives_all_that_was_packed_before_the_cut() {
        let plain = capture();
        let whole = read(&*plain).0;
        for (packed, name) in [(gzip(&plain), "gzip"), (zstd(&plain), "zstd")] {
            for kept in [10, 1000, packed.len() / 2, packed.len() - 1] {
                let (seen, error) = read(&packed[..kept]);
                assert_eq!(seen, whole[..seen.len()]);
                let error = error.expect("a cut is an error");
                assert!(error.contains("cut short at byte") && error.contains(name), "{error}");
                // What was packed before the cut is not held back, but for one block.
                let (given, kept) = (seen.len() * 100 / whole.len(), kept * 100 / packed.len());
                assert!(given + 25 >= kept, "{name}: {given} % of the frames of {kept} %");
            }
        }
    }

    #[test]
    fn damaged_packed_captures_give_what_came_before() {
        let plain = capture();
        let whole = read(&*plain).0;
        let mut packed = gzip(&plain);
        let last = packed.len() - 6;
        packed[last] ^= 1;
        let (seen, error) = read(&*packed);
        assert_eq!(seen, whole);
        assert!(error.unwrap().contains("after frame 3000: gzip: "));

        let mut packed = zstd(&plain);
        let last = packed.len() - 1;
        packed[last] ^= 1;
        let (seen, error) = read(&*packed);
        assert_eq!(seen, whole);
        assert!(error.unwrap().ends_with("after frame 3000: zstd: wrong checksum"));
    }

    #[test]
    fn only_one_layer_is_unpacked() {
        let reason = |bytes: &[u8]| read(bytes).1.unwrap();
        assert_eq!(
            reason(&gzip(&gzip(b""))),
            "not a capture: gzip inside gzip: only one layer of packing is undone"
        );
        assert_eq!(
            reason(&gzip(&zstd(b"text"))),
            "not a capture: zstd inside gzip: only one layer of packing is undone"
        );
        assert_eq!(reason(&zstd(b"")), "not a capture: nothing inside the zstd data");
        assert_eq!(reason(&gzip(b"some text")), "not a capture: it looks like text");
    }

    #[test]
    fn unpacking_stops_at_the_limit_after_all_that_fits() {
        let plain = capture();
        let whole = read(&*plain).0;
        for packed in [gzip(&plain), zstd(&plain)] {
            let limit = |max_decompressed| {
                read_with(&*packed, Limits { max_decompressed, ..Limits::default() })
            };
            let record = (16 + 20 + 8 + 200) as u64;
            assert_eq!(limit(plain.len() as u64), (whole.clone(), None));
            let (seen, error) = limit(24 + 10 * record + 5);
            assert_eq!(seen, whole[..10]);
            assert_eq!(
                error.unwrap(),
                "too large at byte 2469 of the unpacked input, after frame 10: \
                 unpacks to more than 2469 bytes, the limit"
            );
        }
    }

    #[test]
    fn zstd_windows_beyond_8_mib_are_refused() {
        // Window descriptors: exponent in the upper five bits, eighths in the lower three.
        let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
        assert_eq!(
            read(&frame(13 << 3)[..]).1.unwrap(),
            "not a capture: nothing inside the zstd data"
        );
        assert_eq!(
            read(&frame(13 << 3 | 1)[..]).1.unwrap(),
            "damaged at byte 0 of the unpacked input, before the first frame: \
             zstd: needs a window of 9437184 bytes, more than 8388608"
        );
    }

    /// Fails once with each kind of error, a byte at a time before.
    struct Failing(Vec<u8>, ErrorKind);

    impl Read for Failing {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            match (self.0.is_empty(), space.first_mut()) {
                (false, Some(first)) => {
                    *first = self.0.remove(0);
                    Ok(1)
                }
                (false, None) => Ok(0),
                (true, _) => Err(self.1.into()),
            }
        }
    }

    #[test]
    fn an_input_that_fails_gives_what_it_gave_before() {
        let plain = capture()[..24 + 2 * 244].to_vec();
        let whole = read(&*plain).0;
        for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
            let (seen, error) = read(Failing(bytes, ErrorKind::PermissionDenied));
            let error = error.unwrap();
            assert!(error.starts_with("cannot read on at byte 512"), "{error}");
            assert!(error.ends_with("after frame 2: permission denied"), "{error}");
            assert_eq!(seen, whole);
        }
    }
}
