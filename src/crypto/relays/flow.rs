//! One direction of a connection to a relay: bytes to frames, and which nonce each has.

use crate::wire::Nonce;
use crate::wire::relay::RelayFrame;

/// The smallest frame, in bytes: so many may be missing where so many bytes are.
const LEAST_FRAME: u64 = 19;

/// How many frames may be missing where an unknown number of bytes is, and at the most: 64 KiB of the
/// smallest ones.
const MOST_MISSING: u64 = 3450;

/// How many beginnings of segments are remembered: many more than are in what is held of a frame, unless
/// somebody takes pains.
const STARTS: usize = 64;

/// One direction.
#[derive(Default)]
pub(super) struct Flow {
    /// What was not used yet.
    pub(super) bytes: Vec<u8>,
    /// Where segments began among these bytes, since some were missing: perhaps frames, too.
    starts: Vec<usize>,
    /// Whether the handshake is behind.
    pub(super) has_frames: bool,
    /// Number of the next frame, as its sender counts.
    pub(super) next: u64,
    /// How many more frames may be missing before it.
    pub(super) doubt: u64,
    /// The nonce of frame number 0.
    pub(super) base: Option<Nonce>,
}

/// The bytes at some place.
pub(super) enum Head {
    /// A whole frame, as long as this.
    Frame(usize),
    /// The beginning of a frame, or nothing.
    More,
    /// No frame.
    Wrong,
}

impl Head {
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes.first_chunk().map(|head| RelayFrame::size(*head)) {
            Some(Ok(size)) if size <= bytes.len() => Self::Frame(size),
            Some(Err(_)) => Self::Wrong,
            _ => Self::More,
        }
    }
}

impl Flow {
    /// Takes the next bytes; before them, `missing` are missing, or an unknown number.
    pub(super) fn push(&mut self, bytes: &[u8], missing: Option<u64>) {
        if missing != Some(0) {
            self.has_frames = true;
            let unused = std::mem::take(&mut self.bytes).len() as u64;
            self.starts.clear();
            self.miss(missing.map(|missing| missing + unused));
        }
        if self.doubt > 0 && self.starts.len() < STARTS {
            self.starts.push(self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// So many bytes were used, or are given up.
    pub(super) fn consume(&mut self, used: usize) {
        self.bytes.drain(..used.min(self.bytes.len()));
        self.starts.retain_mut(|start| {
            let stays = *start >= used;
            *start = start.saturating_sub(used);
            stays
        });
    }

    /// Frames in so many bytes, or in an unknown number, were not counted.
    pub(super) fn miss(&mut self, bytes: Option<u64>) {
        let frames = bytes.map_or(MOST_MISSING, |bytes| bytes / LEAST_FRAME + 1);
        self.doubt = (self.doubt + frames).min(MOST_MISSING);
    }

    /// Goes on at the next beginning of a segment behind `at`, or with what comes next.
    pub(super) fn look_elsewhere(&mut self, at: usize) {
        let next = self.starts.iter().copied().find(|start| *start > at);
        let given_up = next.unwrap_or(self.bytes.len());
        self.miss(Some((given_up - at) as u64));
        self.consume(given_up);
    }

    /// The frame with this number was opened.
    pub(super) fn is_sure_of(&mut self, number: u64) {
        self.next = number + 1;
        self.doubt = 0;
        self.starts.clear();
    }
}
