//! Datagrams as they were on the wire, for whoever fuzzes a whole receiving stack that has the keys.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{ENDPOINTS, packets};
use crate::dissect::{Content, Record, Transport};
use crate::wire::ToxKind;

/// Bytes of what one address received, at most.
const BYTES: usize = 1 << 18;

/// What a datagram of a session, or of its beginning, holds, as a name; nothing of one that stays closed, and of
/// one that was captured twice.
pub(super) fn shape(record: &Record<'_>) -> Option<String> {
    if record.truncated {
        return None;
    }
    match &record.content {
        Content::CookieRequest(opened) => Some(beginning("cookie_request", opened.is_ok())),
        Content::CookieResponse(opened) => Some(beginning("cookie_response", opened.is_ok())),
        Content::Handshake(opened) => Some(beginning("crypto_handshake", opened.is_ok())),
        Content::Data(Ok(data)) if !data.copy => Some(match data.packet {
            Some(_) => format!("crypto_data-{}", packets::shape(data.bytes)),
            None => {
                let most = (data.bytes.len() + 1).next_power_of_two();
                format!("crypto_data-{}-below-{most}bytes", data.id.name())
            }
        }),
        _ => None,
    }
}

fn beginning(kind: &str, opened: bool) -> String {
    if opened { kind.to_owned() } else { format!("{kind}-closed") }
}

/// What each address received, in order.
#[derive(Default)]
pub(super) struct Received {
    all: BTreeMap<SocketAddr, (usize, Vec<u8>)>,
}

impl Received {
    pub(super) fn record(&mut self, record: &Record<'_>) {
        let is_ours = ToxKind::of(record.datagram).is_some_and(ToxKind::is_net_crypto);
        if record.truncated || record.transport != Transport::Udp || !is_ours {
            return;
        }
        if self.all.len() >= ENDPOINTS && !self.all.contains_key(&record.dst) {
            return;
        }
        let (count, bytes) = self.all.entry(record.dst).or_default();
        let Ok(size) = u16::try_from(record.datagram.len()) else { return };
        if bytes.len() + 2 + record.datagram.len() <= BYTES {
            bytes.extend(size.to_be_bytes());
            bytes.extend_from_slice(record.datagram);
            *count += 1;
        }
    }

    pub(super) fn finish(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.all.into_values().map(|(count, bytes)| (format!("received-{count}datagrams"), bytes))
    }
}
