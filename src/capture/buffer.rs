//! A window over the input: what was read and not yet consumed.

use std::io::Read;

use super::error::Place;
use super::input::{Fault, Input};
use super::{Error, Origin};

/// Bytes asked for with one read; more only where one frame or block is larger.
const READ_SIZE: usize = 256 << 10;

/// A place in the window, which holds until the next [`Buffer::ensure`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) length: usize,
}

/// Reads the input in large pieces and hands out slices of them.
pub(super) struct Buffer<R> {
    input: Input<R>,
    bytes: Vec<u8>,
    /// Where the bytes not yet consumed begin and end in `bytes`.
    start: usize,
    end: usize,
    /// Byte of the input that stands at the front of `bytes`.
    base: u64,
    /// Frames handed out so far, for the places of errors.
    pub(super) frames: u64,
    /// Which of several inputs this is, from 0.
    pub(super) file: u16,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(input: Input<R>) -> Self {
        Self { input, bytes: vec![0; READ_SIZE], start: 0, end: 0, base: 0, frames: 0, file: 0 }
    }

    /// The input and what was read of it without being consumed.
    pub(super) fn into_parts(self) -> (Input<R>, Vec<u8>) {
        let Self { input, mut bytes, start, end, .. } = self;
        bytes.truncate(end);
        bytes.drain(..start.min(end));
        (input, bytes)
    }

    /// Bytes read and not yet consumed.
    #[inline]
    pub(super) fn ready(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Where in the window the first byte not yet consumed is.
    #[inline]
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The bytes of a place.
    #[inline]
    pub(super) fn slice(&self, span: Span) -> &[u8] {
        let rest = self.bytes.get(span.start..).unwrap_or_default();
        rest.get(..span.length).unwrap_or_default()
    }

    /// Consumes `count` bytes, which are ready.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Counts a frame whose data begin at `start` in the window.
    #[inline]
    pub(super) fn count_frame(&mut self, start: usize) -> Origin {
        self.frames += 1;
        Origin { frame: self.frames, offset: self.base + start as u64, file: self.file }
    }

    /// Reads until `count` bytes are ready, and no further; false if the input ends before.
    #[cold]
    pub(super) fn ensure(&mut self, count: usize) -> Result<bool, Error> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < count {
            if self.end == self.bytes.len() {
                // Doubling keeps a length that lies from costing more than the input is long.
                self.bytes.resize(self.bytes.len().saturating_mul(2), 0);
            }
            let limit = self.end.saturating_add(READ_SIZE).min(self.bytes.len());
            let space = self.bytes.get_mut(self.end..limit).unwrap_or_default();
            match self.input.read(space) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read.min(limit - self.end),
                Err(fault) => return Err(self.fault(fault)),
            }
        }
        Ok(true)
    }

    /// The place of the first byte not yet consumed.
    pub(super) fn place(&self) -> Place {
        Place {
            offset: self.base + self.start as u64,
            frames: self.frames,
            file: self.file,
            unpacked: !matches!(self.input, Input::Plain(_)),
        }
    }

    /// The input ended inside `what`, which needs `needed` bytes from here.
    #[cold]
    pub(super) fn cut_short(&self, what: &str, needed: usize) -> Error {
        let left = self.end - self.start;
        let reason = format!("{what} needs {needed} bytes, {left} left");
        Error::CutShort { place: self.place(), reason }
    }

    /// The input is wrong from here.
    #[cold]
    pub(super) fn damaged(&self, reason: String) -> Error {
        self.damaged_at(0, reason)
    }

    /// The input is wrong so many bytes from here.
    #[cold]
    pub(super) fn damaged_at(&self, bytes: usize, reason: String) -> Error {
        let here = self.place();
        Error::Damaged { place: Place { offset: here.offset + bytes as u64, ..here }, reason }
    }

    fn fault(&self, fault: Fault) -> Error {
        let place = Place { offset: self.base + self.end as u64, ..self.place() };
        match fault {
            Fault::Io(source) => Error::Io { place, source },
            Fault::CutShort(what) => Error::CutShort { place, reason: what.into() },
            Fault::Damaged(reason) => Error::Damaged { place, reason },
            Fault::TooLarge(limit) => Error::TooLarge { place, limit },
        }
    }
}
