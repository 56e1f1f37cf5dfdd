//! What can be done to a packet.

use std::fmt;

use super::Recording;
use super::packet::Packet;
use crate::time::Timestamp;
use crate::wire::net_crypto::MAX_DATA_SIZE;
use crate::wire::{DataClass, DataId};

/// What is done to a packet, in every frame that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It is lost: no frame has it, and its number stays taken.
    Lose,
    /// It was never sent: packets behind it take its number and those after it.
    Remove,
    /// It carries these bytes, data id included, with the usual padding.
    Change(Vec<u8>),
    /// It has so many zero bytes before its data.
    Pad(usize),
    /// It is sent so many nanoseconds later, or earlier, takes the number of that place and acknowledges
    /// all that was sent before. Before the handshakes of its session nobody opens it.
    Shift(i64),
    /// It is sent again, so many nanoseconds later, as when it got lost: with the same number if it is
    /// lossless; a lossy one becomes another packet.
    Resend(i64),
    /// One end of its session sends another packet.
    Insert {
        /// Who sends it.
        by: By,
        /// So many nanoseconds after this one.
        later: i64,
        /// What it carries, data id included.
        bytes: Vec<u8>,
        /// The next lossless packet that is waited for, by its number before all edits; else all that was
        /// sent before counts as received.
        ack: Option<u32>,
    },
}

/// One end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The sender of the packet.
    Sender,
    /// Its receiver.
    Receiver,
}

/// Why a packet cannot be edited so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no such packet.
    NoPacket,
    /// A packet carries at least one byte, and the first one is not zero.
    Empty,
    /// A packet carries at most 1373 bytes, padding included.
    TooLong,
    /// A lossless packet cannot become a lossy one, nor the other way.
    OtherClass,
    /// The receiver sent nothing in the session, so that its nonces are not known.
    SilentReceiver,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPacket => "there is no such packet",
            Self::Empty => "a packet carries at least one byte, and the first one is not zero",
            Self::TooLong => "a packet carries at most 1373 bytes",
            Self::OtherClass => "a lossless packet cannot become a lossy one, nor the other way",
            Self::SilentReceiver => "the receiver sent nothing in the session",
        })
    }
}

impl std::error::Error for Refused {}

/// What becomes of a packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) fate: Fate,
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) padding: Option<usize>,
    pub(super) shift: i64,
    /// Nanoseconds after which it is sent again.
    pub(super) resent: Vec<i64>,
    pub(super) edited: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Sent,
    Lost,
    Removed,
}

/// A packet that was added.
#[derive(Clone, Debug)]
pub(super) struct Added {
    pub(super) way: usize,
    pub(super) at: Timestamp,
    pub(super) bytes: Vec<u8>,
    pub(super) ack: Option<u32>,
    /// The packet whose addresses it has, and whether they are swapped.
    pub(super) like: (usize, bool),
}

impl Added {
    pub(super) fn is_lossless(&self) -> bool {
        is_lossless(&self.bytes)
    }
}

fn is_lossless(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|id| DataId(*id).class() == DataClass::Lossless)
}

fn sendable(bytes: &[u8]) -> Result<(), Refused> {
    match bytes {
        [] | [0, ..] => Err(Refused::Empty),
        _ if bytes.len() > MAX_DATA_SIZE => Err(Refused::TooLong),
        _ => Ok(()),
    }
}

impl Recording<'_> {
    /// Edits the packet at a place among [`Self::packets`], which do not change: later edits of one add to
    /// earlier ones.
    ///
    /// # Errors
    ///
    /// See [`Refused`]; nothing is edited then.
    pub fn edit(&mut self, place: usize, edit: Edit) -> Result<(), Refused> {
        let packet = self.packets.get(place).ok_or(Refused::NoPacket)?;
        let back = self.back(packet.way);
        let plan = self.plans.get_mut(place).ok_or(Refused::NoPacket)?;
        match edit {
            Edit::Lose => plan.fate = Fate::Lost,
            Edit::Remove => plan.fate = Fate::Removed,
            Edit::Change(bytes) => {
                sendable(&bytes)?;
                if is_lossless(&bytes) != packet.is_lossless() {
                    return Err(Refused::OtherClass);
                }
                (plan.bytes, plan.padding) = (Some(bytes), None);
            }
            Edit::Pad(padding) => {
                let size = plan.bytes.as_ref().unwrap_or(&packet.bytes).len();
                if padding > MAX_DATA_SIZE.saturating_sub(size) {
                    return Err(Refused::TooLong);
                }
                plan.padding = Some(padding);
            }
            Edit::Shift(nanos) => plan.shift = plan.shift.saturating_add(nanos),
            Edit::Resend(nanos) => plan.resent.push(nanos),
            Edit::Insert { by, later: nanos, bytes, ack } => {
                sendable(&bytes)?;
                let way = match by {
                    By::Sender => packet.way,
                    By::Receiver => back.ok_or(Refused::SilentReceiver)?,
                };
                let like = (place, by == By::Receiver);
                self.added.push(Added { way, at: packet.at.later(nanos), bytes, ack, like });
                return Ok(());
            }
        }
        plan.edited = true;
        Ok(())
    }

    /// Edits packets one after another, as `edit` says of each.
    ///
    /// # Errors
    ///
    /// The first [`Refused`]; what came before it was edited.
    pub fn edit_each(&mut self, mut edit: impl FnMut(&Packet) -> Vec<Edit>) -> Result<(), Refused> {
        for place in 0..self.packets.len() {
            let Some(packet) = self.packets.get(place) else { break };
            for edit in edit(packet) {
                self.edit(place, edit)?;
            }
        }
        Ok(())
    }
}
