//! What reassembly gives, until it is fetched.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::{Follows, Piece, StreamCounts};
use crate::capture::Origin;
use crate::time::Timestamp;

/// When and where something was captured.
#[derive(Clone, Copy)]
pub(super) struct When {
    pub(super) at: Timestamp,
    pub(super) origin: Origin,
}

/// Which direction of which connection.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) connection: u32,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) from_opener: Option<bool>,
}

/// Pieces that are ready, and counts.
#[derive(Default)]
pub(super) struct Sink {
    bytes: Vec<u8>,
    pieces: VecDeque<(Range<usize>, Follows, When, Way)>,
    pub(super) counts: StreamCounts,
}

/// Room for bytes that is kept from one frame to the next.
const KEPT: usize = 1 << 20;

impl Sink {
    /// Adds a piece.
    pub(super) fn piece(&mut self, bytes: &[u8], follows: Follows, when: When, way: &Way) {
        if self.pieces.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(KEPT);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.pieces.push_back((start..self.bytes.len(), follows, when, *way));
        self.counts.bytes += bytes.len() as u64;
    }

    /// Whether there is a piece.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The next piece.
    pub(super) fn pop(&mut self) -> Option<Piece<'_>> {
        let (range, follows, when, way) = self.pieces.pop_front()?;
        let bytes = self.bytes.get(range).unwrap_or_default();
        let When { at, origin } = when;
        let Way { connection, from, to, from_opener } = way;
        Some(Piece { at, from, to, bytes, origin, connection, from_opener, follows })
    }
}
