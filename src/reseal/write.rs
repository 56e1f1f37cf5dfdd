//! Packets to a capture.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::SocketAddr;

use zeroize::Zeroizing;

use super::Recording;
use super::edit::Fate;
use super::numbering::{Incoming, Numbering};
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{Block, Frames, LinkType, emit_udp};
use crate::crypto::{Seal, comments, is_key_log};
use crate::time::Timestamp;
use crate::wire::net_crypto::CryptoPlain;
use crate::wire::{Nonce, PublicKey};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Frames that were copied as they stand.
    pub copied: u64,
    /// Frames with packets that were sealed again.
    pub sealed: u64,
    /// Packets that were sealed again, by their places: the first frame that has them now.
    pub frames: BTreeMap<usize, u64>,
    /// Packets that were added, in their order: the frame that has them.
    pub added: BTreeMap<usize, u64>,
}

/// Which secrets a written capture has inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// Those that the capture had.
    #[default]
    Same,
    /// None: neither key logs nor secrets blocks.
    None,
    /// The keys that opened something, in place of the key logs that it had.
    Used,
}

/// A packet that is going to be sealed.
struct Due<'a> {
    what: What,
    at: Timestamp,
    /// The frame in whose place it is; none if it goes where its time is.
    frame: Option<u64>,
    from: SocketAddr,
    to: SocketAddr,
    way: usize,
    /// The nonce that it had; one of its own if there is none.
    nonce: Option<Nonce>,
    number: u32,
    ack: u32,
    padding: usize,
    bytes: &'a [u8],
}

/// Which packet is sealed.
#[derive(Clone, Copy)]
enum What {
    /// By its place among the packets.
    Packet(usize),
    /// By its place among those that were added.
    Added(usize),
}

/// Bytes of comments that a Section Header Block has room for, beside all else in it.
const COMMENTS: usize = (16 << 20) - 1024;

impl Recording<'_> {
    /// Says which secrets a written capture has; those that it had, if nothing is said.
    pub fn secrets(&mut self, secrets: Secrets) {
        self.secrets = secrets;
    }

    /// Writes the edited capture as pcapng, with the comments that it had. Moments before 1970 become 1970.
    ///
    /// # Errors
    ///
    /// Those of `out`; `InvalidInput` if the comments of all sections have no room in one.
    pub fn write<W: Write>(&self, out: W) -> io::Result<(W, Written)> {
        let first = self.survey();
        if first.comments.iter().map(|it| it.len() + 8).sum::<usize>() > COMMENTS {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "too many comments for a file",
            ));
        }
        let edited = self.edited();
        let mut due = self.due(&edited);
        due.sort_by_key(|it| it.at);
        let seals = self.seals(&due);
        let replaced = self.replaced(&edited);
        let mut slots = BTreeMap::<usize, Vec<(&Due<'_>, Seal)>>::new();
        for (due, seal) in due.iter().zip(seals) {
            let slot = due.frame.map_or_else(
                || first.latest.partition_point(|latest| *latest <= due.at),
                |frame| usize::try_from(frame).unwrap_or(usize::MAX),
            );
            slots.entry(slot).or_default().push((due, seal));
        }

        let used = self.used_keys();
        let comments = first.comments.iter().map(String::as_str);
        let comments = comments.chain(used.iter().map(|it| it.as_str()));
        let mut output = Output {
            writer: Writer::with_comments(out, comments)?,
            interfaces: BTreeMap::new(),
            written: Written::default(),
            frame: Vec::new(),
            datagram: Vec::new(),
        };
        for (secrets_type, data) in &first.secrets {
            output.writer.secrets(*secrets_type, data)?;
        }
        let sessions = self.dissector.sessions();
        let mut seal_all = |output: &mut Output<W>, slot: usize| -> io::Result<()> {
            for (due, seal) in slots.remove(&slot).unwrap_or_default() {
                let Due { number, ack, padding, bytes, .. } = *due;
                let plain = CryptoPlain { ack, number, padding, id: None, data: bytes };
                output.datagram.clear();
                sessions.seal(&seal, &plain, &mut output.datagram);
                output.sealed(due)?;
            }
            Ok(())
        };
        seal_all(&mut output, 0)?;
        let mut slot = 0;
        if let Ok(mut frames) = Frames::new(self.capture, &self.limits) {
            while let Ok(Some(block)) = frames.next() {
                let Block::Frame(frame) = block else { continue };
                slot += 1;
                if !replaced.contains(&frame.origin.frame) {
                    let interface = output.interface(frame.link)?;
                    output.writer.packet(interface, frame.at, frame.bytes, frame.original_len)?;
                    output.written.copied += 1;
                }
                seal_all(&mut output, slot)?;
            }
        }
        Ok((output.writer.finish()?, output.written))
    }

    /// A key log of what opened something, as comments, if there is to be one.
    fn used_keys(&self) -> Vec<Zeroizing<String>> {
        if self.secrets != Secrets::Used {
            return Vec::new();
        }
        let packets = self.packets.iter();
        let people: BTreeSet<PublicKey> =
            packets.flat_map(|packet| [packet.from, packet.to]).flatten().collect();
        let mut log = Zeroizing::default();
        let ring = self.dissector.sessions().ring();
        ring.write_used(|public| people.contains(public), &mut log);
        comments(&log)
    }

    /// What has to be known before anything is written.
    fn survey(&self) -> Survey {
        let mut survey = Survey::default();
        let Ok(mut frames) = Frames::new(self.capture, &self.limits) else { return survey };
        while let Ok(Some(block)) = frames.next() {
            match block {
                Block::Frame(frame) => survey.latest.push(frame.at),
                Block::Comment(text) if self.secrets != Secrets::Same && is_key_log(text) => {}
                Block::Secrets { .. } if self.secrets == Secrets::None => {}
                Block::Comment(text) => {
                    survey.comments.push(String::from_utf8_lossy(text).into_owned());
                }
                Block::Secrets { secrets_type, data } => {
                    survey.secrets.push((secrets_type, data.to_vec()));
                }
            }
        }
        let mut least = Timestamp::MAX;
        for at in survey.latest.iter_mut().rev() {
            least = least.min(*at);
            *at = least;
        }
        survey
    }

    /// Ways of sessions in which something is edited.
    fn edited(&self) -> BTreeMap<usize, Numbering> {
        let plans = self.packets.iter().zip(&self.plans).filter(|(_, plan)| plan.edited);
        let ways = plans.map(|(packet, _)| packet.way).chain(self.added.iter().map(|it| it.way));
        let ways: BTreeSet<usize> = ways.collect();
        let ways: BTreeSet<usize> =
            ways.into_iter().flat_map(|way| [Some(way), self.back(way)]).flatten().collect();
        ways.into_iter().map(|way| (way, Numbering::of(self, way))).collect()
    }

    /// Frames of which nothing is copied.
    fn replaced(&self, edited: &BTreeMap<usize, Numbering>) -> BTreeSet<u64> {
        let packets = self.packets.iter().zip(&self.sent);
        let packets = packets.filter(|(packet, _)| edited.contains_key(&packet.way));
        packets.flat_map(|(_, sent)| sent.iter().map(|sent| sent.frame)).collect()
    }

    /// All packets of edited sessions, as they are going to be.
    fn due(&self, edited: &BTreeMap<usize, Numbering>) -> Vec<Due<'_>> {
        let mut due = Vec::new();
        let backs: BTreeMap<usize, Option<usize>> =
            edited.keys().map(|way| (*way, self.back(*way))).collect();
        let back = |way: usize| edited.get(&backs.get(&way).copied().flatten()?);
        for (place, (packet, plan)) in self.packets.iter().zip(&self.plans).enumerate() {
            let Some(numbering) = edited.get(&packet.way).filter(|_| plan.fate == Fate::Sent)
            else {
                continue;
            };
            let sent = self.sent.get(place).map(Vec::as_slice).unwrap_or_default();
            // Copies of one packet have to be sealed alike.
            let mut times = BTreeMap::<Nonce, Timestamp>::new();
            for sent in sent {
                times.entry(sent.nonce).or_insert(sent.at);
            }
            let bytes = plan.bytes.as_deref().unwrap_or(&packet.bytes);
            let again = sent.first().into_iter().flat_map(|first| {
                plan.resent.iter().map(|nanos| (*first, None, first.at.later(*nanos)))
            });
            let sent = sent.iter().map(|sent| {
                let at = times.get(&sent.nonce).copied().unwrap_or(sent.at);
                (*sent, Some(sent.nonce), at)
            });
            for (sent, nonce, sealed_at) in sent.chain(again) {
                let is_moved = plan.shift != 0 || nonce.is_none();
                let at = if nonce.is_some() { sent.at } else { sealed_at };
                let (at, sealed_at) = (at.later(plan.shift), sealed_at.later(plan.shift));
                let number = if !packet.is_lossless() {
                    numbering.next(packet.number, sealed_at)
                } else if plan.shift != 0 {
                    numbering.incoming(Incoming::Moved(place))
                } else {
                    numbering.kept(packet.number)
                };
                let padding = match (plan.padding, &plan.bytes) {
                    (Some(padding), _) => padding,
                    (None, Some(bytes)) => CryptoPlain::usual_padding(bytes.len()),
                    (None, None) => sent.padding,
                };
                due.push(Due {
                    what: What::Packet(place),
                    at,
                    frame: (!is_moved).then_some(sent.frame),
                    from: sent.from,
                    to: sent.to,
                    way: packet.way,
                    nonce,
                    number,
                    ack: match back(packet.way) {
                        Some(back) if is_moved => back.next_at(sealed_at),
                        Some(back) => back.next(sent.ack, sealed_at),
                        None => sent.ack,
                    },
                    padding,
                    bytes,
                });
            }
        }
        for (place, added) in self.added.iter().enumerate() {
            let (like, swapped) = added.like;
            let (Some(numbering), Some(sent)) =
                (edited.get(&added.way), self.sent.get(like).and_then(|sent| sent.first()))
            else {
                continue;
            };
            let (from, to) = if swapped { (sent.to, sent.from) } else { (sent.from, sent.to) };
            let ack = match (back(added.way), added.ack) {
                (Some(back), Some(ack)) => back.next(ack, added.at),
                (Some(back), None) => back.next_at(added.at),
                (None, ack) => ack.unwrap_or(sent.ack),
            };
            due.push(Due {
                what: What::Added(place),
                at: added.at,
                frame: None,
                from,
                to,
                way: added.way,
                nonce: None,
                number: if added.is_lossless() {
                    numbering.incoming(Incoming::Added(place))
                } else {
                    numbering.next_at(added.at)
                },
                ack,
                padding: CryptoPlain::usual_padding(added.bytes.len()),
                bytes: &added.bytes,
            });
        }
        due
    }

    /// What each is sealed with: nonces count on in the order of time, from the first that the way had.
    fn seals(&self, due: &[Due<'_>]) -> Vec<Seal> {
        let mut counts = BTreeMap::<usize, u64>::new();
        let mut known = BTreeMap::<(usize, Nonce), Nonce>::new();
        let mut seals = Vec::new();
        for due in due {
            let Some(way) = self.ways.get(due.way) else { continue };
            let count = counts.entry(due.way).or_default();
            let mut next = || {
                let nonce = way.seal.nonce.wrapping_add(*count);
                *count += 1;
                nonce
            };
            let nonce = match due.nonce {
                Some(old) => *known.entry((due.way, old)).or_insert_with(next),
                None => next(),
            };
            seals.push(way.seal.with(nonce));
        }
        seals
    }
}

#[derive(Default)]
struct Survey {
    comments: Vec<String>,
    secrets: Vec<(u32, Vec<u8>)>,
    /// Of each frame, the earliest time from it on.
    latest: Vec<Timestamp>,
}

struct Output<W: Write> {
    writer: Writer<W>,
    interfaces: BTreeMap<LinkType, u32>,
    written: Written,
    frame: Vec<u8>,
    datagram: Vec<u8>,
}

impl<W: Write> Output<W> {
    fn interface(&mut self, link: LinkType) -> io::Result<u32> {
        if let Some(known) = self.interfaces.get(&link) {
            return Ok(*known);
        }
        let (snap_length, resolution) = (0, Resolution::NANOSECONDS);
        let number =
            self.writer.interface(Interface { link, snap_length, resolution, name: None })?;
        self.interfaces.insert(link, number);
        Ok(number)
    }

    /// Writes the datagram.
    fn sealed(&mut self, due: &Due<'_>) -> io::Result<()> {
        let interface = self.interface(LinkType::RAW)?;
        self.frame.clear();
        emit_udp(due.from, due.to, &self.datagram, &mut self.frame);
        let size = u32::try_from(self.frame.len()).unwrap_or(u32::MAX);
        self.written.sealed += 1;
        let number = self.written.copied + self.written.sealed;
        match due.what {
            What::Packet(place) => self.written.frames.entry(place).or_insert(number),
            What::Added(place) => self.written.added.entry(place).or_insert(number),
        };
        self.writer.packet(interface, due.at, &self.frame, size)
    }
}
