//! A capture with keys to packets.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::edit::Plan;
use super::packet::{Packet, Sent};
use super::{Recording, Secrets, Way};
use crate::capture::{self, Datagrams, Limits};
use crate::crypto::{KeyRing, Seal};
use crate::dissect::{Content, Dissector, Item, Record, Transport, stream};
use crate::wire::{Nonce, PublicKey};

/// Bytes of a data packet around what it carries and its padding: kind, nonce, tag, ack and number.
const AROUND: usize = 1 + 2 + 16 + 4 + 4;

/// An opened packet, with nothing known of what it was sealed with.
struct Seen {
    sent: Sent,
    from: Option<PublicKey>,
    to: Option<PublicKey>,
    session: u32,
    number: u32,
    relayed: bool,
    bytes: Vec<u8>,
}

impl Seen {
    fn of(record: &Record<'_>) -> Option<Self> {
        let Content::Data(Ok(data)) = &record.content else { return None };
        let sent = Sent {
            frame: record.frame,
            at: record.at,
            from: record.src,
            to: record.dst,
            ack: data.ack,
            padding: record.datagram.len().saturating_sub(AROUND + data.bytes.len()),
            nonce: Nonce([0; 24]),
        };
        Some(Self {
            sent,
            from: record.from.real_key,
            to: record.to.real_key,
            session: data.session,
            number: data.number,
            relayed: record.transport != Transport::Udp,
            bytes: data.bytes.to_vec(),
        })
    }
}

impl<'a> Recording<'a> {
    /// Reads a capture, packed or not, with the keys to begin with. Keys inside it are used as
    /// [`Dissector::new`] says.
    ///
    /// # Errors
    ///
    /// [`capture::Error::NotACapture`]. What is wrong further on is in [`Self::error`].
    pub fn read(
        capture: &'a [u8],
        limits: Limits,
        ring: KeyRing,
        secrets_type: Option<u32>,
    ) -> Result<Self, capture::Error> {
        let mut datagrams = Datagrams::new(capture, limits.clone())?;
        let mut dissector = Dissector::new(ring, secrets_type);
        dissector.sessions_mut().keep_seals();
        let mut seen = Vec::new();
        let ended = stream(&mut datagrams, &mut dissector, |item| {
            if let Item::Record(record) = item {
                seen.extend(Seen::of(record));
            }
            ControlFlow::<()>::Continue(())
        });
        let error = match ended {
            ControlFlow::Continue(error) => error,
            ControlFlow::Break(()) => None,
        };
        let seals = dissector.sessions_mut().take_seals();
        debug_assert_eq!(seals.len(), seen.len());
        let mut recording = Self {
            capture,
            limits,
            dissector,
            ways: Vec::new(),
            packets: Vec::new(),
            sent: Vec::new(),
            plans: Vec::new(),
            added: Vec::new(),
            secrets: Secrets::default(),
            relayed: 0,
            error,
        };
        recording.sort(seen, &seals);
        Ok(recording)
    }

    /// Finds which packets are the same.
    fn sort(&mut self, seen: Vec<Seen>, seals: &[Seal]) {
        let mut latest = BTreeMap::new();
        let ways: Vec<usize> =
            seen.iter().zip(seals).map(|(it, seal)| self.way(it, seal, &mut latest)).collect();
        let relayed: Vec<bool> = (0..self.ways.len())
            .map(|way| {
                let sides = [Some(way), self.back(way)];
                sides
                    .into_iter()
                    .flatten()
                    .any(|side| self.ways.get(side).is_some_and(|it| it.relayed))
            })
            .collect();
        let mut lossless = BTreeMap::<(usize, u32), usize>::new();
        let mut lossy = BTreeMap::<(usize, Nonce), usize>::new();
        for ((seen, seal), way) in seen.into_iter().zip(seals).zip(ways) {
            if relayed.get(way).copied().unwrap_or_default() {
                self.relayed += 1;
                continue;
            }
            let Seen { mut sent, from, to, session, number, bytes, .. } = seen;
            sent.nonce = seal.nonce;
            let packet = Packet {
                frame: sent.frame,
                at: sent.at,
                from,
                to,
                session,
                direction: seal.direction,
                number,
                ack: sent.ack,
                padding: sent.padding,
                bytes,
                frames: 1,
                way,
            };
            let place = self.packets.len();
            let known = if packet.is_lossless() {
                lossless.insert((way, number), place)
            } else {
                lossy.insert((way, sent.nonce), place)
            };
            let same = known.filter(|known| {
                self.packets.get(*known).is_some_and(|known| known.bytes == packet.bytes)
            });
            if let Some(known) = same {
                if packet.is_lossless() {
                    lossless.insert((way, number), known);
                } else {
                    lossy.insert((way, sent.nonce), known);
                }
                if let (Some(packet), Some(all)) =
                    (self.packets.get_mut(known), self.sent.get_mut(known))
                {
                    packet.frames += 1;
                    all.push(sent);
                }
                continue;
            }
            if let Some(way) = self.ways.get_mut(way).filter(|_| packet.is_lossless()) {
                way.first.get_or_insert(number);
            }
            self.packets.push(packet);
            self.sent.push(vec![sent]);
            self.plans.push(Plan::default());
        }
    }

    /// The way of a packet, perhaps a new one. `latest` has those of sessions and directions.
    fn way(&mut self, seen: &Seen, seal: &Seal, latest: &mut BTreeMap<(u32, u8), usize>) -> usize {
        let known = latest.get(&(seen.session, seal.direction)).copied();
        let fits = |way: &usize| self.ways.get(*way).is_some_and(|it| it.seal.same_count(seal));
        let all = || self.ways.iter().position(|it| it.seal.same_count(seal));
        let way = known.filter(fits).or_else(all).unwrap_or_else(|| {
            self.ways.push(Way { seal: *seal, first: None, relayed: false });
            self.ways.len() - 1
        });
        latest.insert((seen.session, seal.direction), way);
        if let Some(way) = self.ways.get_mut(way) {
            way.relayed |= seen.relayed;
            if way.seal.nonce.since(&seal.nonce).is_some_and(|ahead| ahead <= MOST_BEHIND) {
                way.seal.nonce = seal.nonce;
            }
        }
        way
    }
}

/// How far behind another a nonce of the same count can be, in packets.
const MOST_BEHIND: u64 = 1 << 48;
