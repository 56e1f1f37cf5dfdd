//! zstd: any number of frames one after the other, skippable ones between them.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::input::Fault;

/// Bytes that one frame may look back; level 19 of the usual program needs as much.
const MAX_WINDOW: u64 = 8 << 20;

/// A block that is raw, empty and the last; then room for a checksum.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// Unpacks a stream of zstd frames.
pub(super) struct Zstd<R> {
    source: Watched<R>,
    decoder: FrameDecoder,
    state: State,
}

enum State {
    BetweenFrames,
    InFrame,
    /// What was unpacked before the fault goes first.
    Failed(Option<Fault>),
}

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        let source = Watched { inner: source, ended: false, error: None, begun: Vec::new() };
        Self { source, decoder, state: State::BetweenFrames }
    }

    /// Reads some bytes, none at the end.
    pub(super) fn read(&mut self, space: &mut [u8]) -> Result<usize, Fault> {
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(space).map_err(Fault::Io);
            }
            match &mut self.state {
                State::BetweenFrames => {
                    if self.source.inner.fill_buf().map_err(Fault::Io)?.is_empty() {
                        return Ok(0);
                    }
                    match self.begin_frame() {
                        Ok(state) => self.state = state,
                        Err(fault) => self.state = State::Failed(Some(fault)),
                    }
                }
                State::InFrame if self.decoder.is_finished() => {
                    let stated = self.decoder.get_checksum_from_data();
                    self.state =
                        if stated.is_none() || stated == self.decoder.get_calculated_checksum() {
                            State::BetweenFrames
                        } else {
                            State::Failed(Some(Fault::Damaged("zstd: wrong checksum".into())))
                        };
                }
                State::InFrame => {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
                        let fault = self.source.fault(&error);
                        // Ends the frame, so that the decoder gives out the window it held back.
                        let _ = self.decoder.decode_blocks(LAST_BLOCK, BlockDecodingStrategy::All);
                        self.state = State::Failed(Some(fault));
                    }
                }
                State::Failed(fault) => return fault.take().map_or(Ok(0), Err),
            }
        }
    }

    fn begin_frame(&mut self) -> Result<State, Fault> {
        self.source.begun.clear();
        match self.decoder.init(&mut self.source) {
            Ok(()) => Ok(State::InFrame),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let mut frame = (&mut self.source.inner).take(length);
                let skipped = io::copy(&mut frame, &mut io::sink()).map_err(Fault::Io)?;
                if skipped < length {
                    return Err(Fault::CutShort("the zstd data end in the middle of a frame"));
                }
                Ok(State::BetweenFrames)
            }
            Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => Err(Fault::Damaged(
                format!("zstd: needs a window of {requested} bytes, more than {MAX_WINDOW}"),
            )),
            Err(error) => Err(match self.source.fault(&error) {
                Fault::CutShort(_) | Fault::Damaged(_) if !is_magic(&self.source.begun) => {
                    Fault::Damaged(GARBAGE.into())
                }
                fault => fault,
            }),
        }
    }
}

const GARBAGE: &str = "zstd: something that is not zstd follows the packed data and was not read";

/// Whether a frame may begin with these bytes, four at the most.
fn is_magic(begun: &[u8]) -> bool {
    let skippable = [0x50..=0x5f, 0x2a..=0x2a, 0x4d..=0x4d, 0x18..=0x18];
    [0x28, 0xb5, 0x2f, 0xfd].starts_with(begun)
        || begun.iter().zip(skippable).all(|(byte, range)| range.contains(byte))
}

/// Remembers how reading ended and how a frame begins, which the decoder's errors do not tell.
struct Watched<R> {
    inner: R,
    ended: bool,
    error: Option<io::Error>,
    /// The first four bytes of a frame, as far as they were read.
    begun: Vec<u8>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(space) {
            Ok(read) => {
                self.ended |= read == 0 && !space.is_empty();
                let room = 4_usize.saturating_sub(self.begun.len());
                self.begun.extend(space.iter().take(read.min(room)));
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.error = Some(error);
                Err(kind.into())
            }
        }
    }
}

impl<R> Watched<R> {
    fn fault(&mut self, error: &FrameDecoderError) -> Fault {
        match self.error.take() {
            Some(error) => Fault::Io(error),
            None if self.ended => Fault::CutShort("the zstd data end in the middle of a frame"),
            None => Fault::Damaged(format!("zstd: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_that_follows_is_told_from_a_frame_that_is_cut() {
        let frame = ruzstd::encoding::compress_to_vec(
            &b"some bytes"[..],
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        let unpack = |rest: &[u8]| {
            let packed = [&*frame, rest].concat();
            let (mut zstd, mut unpacked, mut space) =
                (Zstd::new(&*packed), Vec::<u8>::new(), [0; 7]);
            loop {
                match zstd.read(&mut space) {
                    Ok(0) => return (unpacked, "nothing".to_owned()),
                    Ok(read) => unpacked.extend(&space[..read]),
                    Err(Fault::Damaged(reason)) => return (unpacked, reason),
                    Err(Fault::CutShort(_)) => return (unpacked, "cut".to_owned()),
                    Err(Fault::Io(_) | Fault::TooLarge(_)) => unreachable!("a slice can be read"),
                }
            }
        };
        let after = |rest: &[u8]| {
            let (unpacked, reason) = unpack(rest);
            assert_eq!(unpacked, b"some bytes");
            reason
        };
        assert_eq!(after(b""), "nothing");
        for cut in [&frame[..1], &frame[..3], &frame[..4], &[0x5e], &[0x50, 0x2a, 0x4d]] {
            assert_eq!(after(cut), "cut", "{cut:?}");
        }
        let garbage = [&b"x"[..], b"\0\0", b"\0\0\0\0\0\0\0\0", b"\x28\xb5\x2e", b"\x50\x2a\0\x18"];
        for garbage in garbage {
            assert_eq!(after(garbage), GARBAGE, "{garbage:?}");
        }
    }
}
