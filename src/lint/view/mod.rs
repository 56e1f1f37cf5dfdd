//! What is known of sessions, endpoints and conferences, as packets pass in the order in which they are
//! handled.
//!
//! | File       | What                                                                  |
//! |------------|-----------------------------------------------------------------------|
//! | `packet`   | an opened packet, as rules see it                                     |
//! | `link`     | a session: what each end announced and said                           |
//! | `endpoint` | an endpoint: its connections and conferences                          |
//! | `group`    | a conference, as one endpoint knows it                                |
//! | `learn`    | how all this is learned                                               |
//! | `copies`   | the copies of a message that an endpoint received and sent            |
//! | `release`  | what is left of a finding when the capture has ended                  |

mod copies;
mod endpoint;
mod group;
mod learn;
mod link;
mod packet;
mod release;

use std::collections::BTreeMap;

pub use copies::{Copies, Handed};
pub use endpoint::Endpoint;
pub use group::{Group, Peer};
pub(super) use group::{REMEMBERED, newer};
pub(super) use link::Loss;
pub use link::{End, Link, Part};
pub use packet::Packet;

use super::guard::Why;
use crate::recent::Recent;
use crate::time::Timestamp;
use crate::wire::{Conference, GroupNumber, MessageNumber, PeerNumber, PublicKey};

/// Bounds: sessions, endpoints, peers in all lists, messages, lossy ones, invitations.
const LINKS: usize = 1024;
const ENDPOINTS: usize = 1024;
const PEERS: usize = 1 << 16;
const MESSAGES: usize = 1 << 16;
const LOSSY: usize = 1 << 14;
const INVITATIONS: usize = 4096;

/// A second, in nanoseconds.
pub(super) const SECOND: i64 = 1_000_000_000;

/// A message, as an endpoint knows it.
pub(super) type MessageKey = (u32, PeerNumber, MessageNumber);

/// Everything that is known.
pub(super) struct View {
    pub(super) links: Recent<u32, Link>,
    pub(super) people: BTreeMap<PublicKey, Endpoint>,
    pub(super) messages: Recent<MessageKey, Copies>,
    pub(super) lossy: Recent<MessageKey, Copies>,
    /// Who invited whom, under which number.
    pub(super) invitations: Recent<(PublicKey, PublicKey), Vec<(Conference, GroupNumber)>>,
    /// Room that is left for peers.
    pub(super) room: usize,
    /// How many instances of conferences there were at endpoints.
    pub(super) instances: u32,
    pub(super) now: Timestamp,
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            links: Recent::new(LINKS),
            people: BTreeMap::new(),
            messages: Recent::new(MESSAGES),
            lossy: Recent::new(LOSSY),
            invitations: Recent::new(INVITATIONS),
            room: PEERS,
            instances: 0,
            now: Timestamp::from_nanos(i64::MIN),
        }
    }

    /// The endpoint of that key, if there is room for it.
    pub(super) fn endpoint(&mut self, key: PublicKey) -> Result<&mut Endpoint, Why> {
        limited(&mut self.people, key, ENDPOINTS, || Endpoint::new(key)).ok_or(Why::NoRoom)
    }
}

/// The entry of `key`, unless it is one too many.
pub(super) fn limited<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    most: usize,
    value: impl FnOnce() -> V,
) -> Option<&mut V> {
    if map.len() >= most && !map.contains_key(&key) {
        return None;
    }
    Some(map.entry(key).or_insert_with(value))
}
