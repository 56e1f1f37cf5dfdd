//! A capture's packets as the fuzz target `replay_capture` reads them.
//!
//! | Bytes | An event                                                               |
//! |------:|------------------------------------------------------------------------|
//! |     1 | from whom to whom: 9 × sender + receiver, of the nine people of [`key`] |
//! |     1 | how long after the one before: below 128 in 10 ms, then in half seconds |
//! |     1 | flags: see the constants                                               |
//! |     1 | length                                                                 |
//! |  rest | what a data packet carried, its id first                               |

use super::steps::{PEOPLE, key};
use crate::dissect::{Content, Record};
use crate::time::Timestamp;
use crate::wire::{DataId, Packet, PublicKey};

/// It was sent before.
pub(crate) const RESEND: u8 = 1;
/// And it is the very same packet.
pub(crate) const COPY: u8 = 2;
/// The session began before the capture.
pub(crate) const OLD: u8 = 4;
/// The lossless packet before it was not captured.
pub(crate) const GAP: u8 = 8;
/// Its sender has not handled the last packet of the other side yet.
pub(crate) const LAG: u8 = 16;
/// Nobody knows to which conference its group number belongs.
pub(crate) const UNNAMED: u8 = 32;
/// With it a new session begins.
pub(crate) const NEW: u8 = 64;
/// It is no data packet. What it is, the first byte says.
pub(crate) const OTHER: u8 = 128;

/// Bytes and events of one seed at most.
const BYTES: usize = 1 << 16;
pub(crate) const EVENTS: usize = 4000;

/// What passed by.
#[derive(Default)]
pub(super) struct Events {
    people: Vec<PublicKey>,
    bytes: Vec<u8>,
    events: usize,
    last: Option<Timestamp>,
    sessions: Vec<(usize, usize, u32)>,
}

impl Events {
    pub(super) fn record(&mut self, record: &Record<'_>) {
        let Content::Data(Ok(data)) = &record.content else { return };
        let wanted = data.id.is_conference()
            || [DataId::ALIVE, DataId::KILL_SESSION, DataId::MESSENGER_ONLINE].contains(&data.id);
        let size = data.bytes.len().min(255);
        if !wanted || self.events >= EVENTS || self.bytes.len() + 4 + size > BYTES {
            return;
        }
        let (Some(from), Some(to)) = (record.from.real_key, record.to.real_key) else { return };
        let (Some(from), Some(to)) = (self.person(&from), self.person(&to)) else { return };
        let mut flags = 0;
        let pair = (from.min(to), from.max(to));
        let before = self.sessions.iter_mut().find(|(one, other, _)| (*one, *other) == pair);
        match before {
            Some((_, _, session)) if *session != data.session => {
                *session = data.session;
                flags |= NEW;
            }
            Some(_) => {}
            None => self.sessions.push((pair.0, pair.1, data.session)),
        }
        for (is_so, flag) in [(data.resend, RESEND), (data.copy, COPY), (!data.from_the_start, OLD)]
        {
            if is_so {
                flags |= flag;
            }
        }
        let ways = from * usize::from(PEOPLE) + to;
        let after = record.at.nanos_since(self.last.unwrap_or(record.at)).max(0) / 10_000_000;
        let after = if after < 128 { after } else { (128 + after / 50).min(255) };
        self.last = Some(record.at);
        self.bytes.push(u8::try_from(ways).unwrap_or(0));
        self.bytes.push(u8::try_from(after).unwrap_or(u8::MAX));
        self.bytes.push(flags);
        self.bytes.push(u8::try_from(size).unwrap_or(u8::MAX));
        // People come with the packets that name them.
        if let Some(Ok(Packet::PeerResponse(list))) = &data.packet {
            for peer in list.peers() {
                let _ = self.person(&peer.real_key);
            }
        }
        let mut bytes = data.bytes.to_vec();
        for at in 0..bytes.len().saturating_sub(31) {
            let Some(window) = bytes.get_mut(at..at + 32) else { continue };
            let which = self.people.iter().position(|person| person.0 == *window);
            if let Some(which) = which.and_then(|which| u8::try_from(which).ok()) {
                window.copy_from_slice(&key(which).0);
            }
        }
        self.bytes.extend(bytes.get(..size).unwrap_or(&bytes));
        self.events += 1;
    }

    pub(super) fn finish(self) -> Option<(String, Vec<u8>)> {
        let name = format!("{}people-{}packets", self.people.len(), self.events);
        (self.events > 0).then_some((name, self.bytes))
    }

    fn person(&mut self, real: &PublicKey) -> Option<usize> {
        self.people.iter().position(|person| person == real).or_else(|| {
            (self.people.len() < usize::from(PEOPLE)).then(|| {
                self.people.push(*real);
                self.people.len() - 1
            })
        })
    }
}
