//! Frames that were captured more than once: on several interfaces, or at both ends of a link.
//!
//! The first one counts. A copy that comes late would be taken for another packet: a second request for a
//! cookie means that there is no session.

use std::hash::BuildHasher;
use std::net::SocketAddr;

use foldhash::quality::FixedState;

use crate::dissect::{Content, Record, Transport};
use crate::recent::Recent;
use crate::time::Timestamp;

/// How many datagrams are remembered.
const DATAGRAMS: usize = 1 << 14;
/// The same bytes that come within this time, in nanoseconds, were not sent again: clients repeat what opens
/// a session once a second, and data never: its nonce has another count then (packets §5.2).
const AGAIN: i64 = 900_000_000;

/// Tells copies.
pub(super) struct Copies {
    seen: Recent<(SocketAddr, SocketAddr, u64), Timestamp>,
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
        let digest = FixedState::default().hash_one(record.datagram);
        let datagram = (record.src, record.dst, digest);
        let before = self.seen.peek(&datagram).copied();
        if before.is_some_and(|before| record.at.nanos_since(before) < AGAIN) {
            return true;
        }
        self.seen.put(datagram, record.at);
        false
    }
}
