//! The input itself, plain or unpacked on the way.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

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
    Gzip(Box<MultiGzDecoder<Replayed<R>>>),
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
            Packing::Gzip => Format::Gzip(Box::new(MultiGzDecoder::new(input))),
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
            Format::Gzip(input) => input.read(space).map_err(gzip_fault)?,
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

/// Tells faults of the packed bytes from those of reading them.
fn gzip_fault(error: io::Error) -> Fault {
    match error.kind() {
        ErrorKind::UnexpectedEof => Fault::CutShort("the gzip data end too early"),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            Fault::Damaged(format!("gzip: {error}"))
        }
        _ => Fault::Io(error),
    }
}
