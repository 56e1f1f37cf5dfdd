//! Frames that were captured more than once: on several interfaces, or at both ends of a link.
//!
//! The first one counts. A copy that comes late would be taken for another packet: a second request for a
//! cookie means that there is no session.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use crate::dissect::{Content, Record, Transport};
use crate::recent::Recent;
use crate::time::Timestamp;

/// How many datagrams are remembered.
const DATAGRAMS: usize = 1 << 14;
/// The same bytes that come within this time, in nanoseconds, were not sent again: clients repeat what opens
/// a session once a second, and data never: its nonce has another count then (packets §5.2).
const AGAIN: i64 = 900_000_000;

/// Bytes of a data packet that opens which no other one has: packet id, the end of its nonce, and its tag (packets §5.2).
const FRONT: usize = 1 + 2 + 16;

/// Tells copies.
pub(super) struct Copies {
    /// When a datagram was first captured, by a digest of its addresses and bytes.
    seen: Recent<u64, Timestamp>,
}

impl Default for Copies {
    fn default() -> Self {
        Self { seen: Recent::new(DATAGRAMS) }
    }
}

impl Copies {
    /// The datagram was captured before.
    pub(super) fn is_one(&mut self, record: &Record<'_>) -> bool {
        let is_of_session = matches!(
            record.content,
            Content::CookieRequest(_)
                | Content::CookieResponse(_)
                | Content::Handshake(_)
                | Content::Data(_)
        );
        if !is_of_session || record.transport != Transport::Udp {
            return false;
        }
        let bytes = match record.content {
            Content::Data(Ok(_)) => record.datagram.get(..FRONT).unwrap_or(record.datagram),
            _ => record.datagram,
        };
        let digest = FixedState::default().hash_one((record.src, record.dst, bytes));
        let first = self.seen.get_or_insert(digest, || Timestamp::MIN);
        let is_copy = record.at.nanos_since(*first) < AGAIN;
        if !is_copy {
            *first = record.at;
        }
        is_copy
    }
}
