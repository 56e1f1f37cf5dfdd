//! Lossy group message (0xc7): audio, passed on without repetition (packets §8.6).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0xc7                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     2 | peer number of the author                                |
//! |     2 | lossy message number, the author's own count             |
//! |     1 | lossy message id: 0xc0 is audio, there is no other       |
//! |     2 | audio: sequence number                                   |
//! |  rest | audio: one Opus packet                                   |
//!
//! At least 8 bytes. Shorter audio than 3 bytes plays nothing, but the packet is passed on.

use arbitrary::Arbitrary;
use nom::Parser;

use super::layout::{Field, Layout, Shape};
use super::parse::{Parsed, field, rest, u8};
use super::{DataId, GroupNumber, LossyNumber, PeerNumber};

/// A message that is passed on without repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Lossy<'a> {
    /// Index of the conference at the receiver; rewritten at each hop.
    pub group_number: GroupNumber,
    /// The author.
    pub peer_number: PeerNumber,
    /// The author's count of its lossy messages.
    pub message_number: LossyNumber,
    /// What it holds.
    pub body: LossyBody<'a>,
}

/// What a lossy message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub enum LossyBody<'a> {
    /// 0xc0.
    Audio {
        /// The author's count of audio packets.
        sequence_number: u16,
        /// One Opus packet; an empty one plays nothing.
        opus: &'a [u8],
    },
    /// 0xc0, but too short for its sequence number: 0 or 1 bytes.
    AudioCut(&'a [u8]),
    /// Any other id.
    Unknown {
        /// The lossy message id.
        id: u8,
        /// What follows.
        body: &'a [u8],
    },
}

/// The lossy message id of audio.
const AUDIO: u8 = 0xc0;

const HEAD: &[Field] = &[
    Field::new("id", Shape::U8, "0xc7, lossy group message"),
    Field::new("group_number", Shape::U16, "index of the conference at the receiver"),
    Field::new("peer_number", Shape::U16, "the author's number in the conference"),
    Field::new("message_number", Shape::U16, "the author's count of its lossy messages"),
    Field::new("message_id", Shape::U8, "0xc0, audio"),
];

static AUDIO_LAYOUT: Layout = Layout {
    name: "lossy",
    head: HEAD,
    fields: &[
        Field::new("sequence_number", Shape::U16, "the author's count of audio packets"),
        Field::new("opus", Shape::Bytes, "one packet of Opus audio"),
    ],
};

static UNKNOWN_LAYOUT: Layout = Layout {
    name: "lossy",
    head: HEAD,
    fields: &[Field::new("body", Shape::Bytes, "what follows an id that nobody knows")],
};

/// The layout for a lossy message id; without one, of the header.
pub(crate) const fn layout(id: Option<u8>) -> &'static Layout {
    match id {
        Some(AUDIO) => &AUDIO_LAYOUT,
        Some(_) | None => &UNKNOWN_LAYOUT,
    }
}

impl<'a> Lossy<'a> {
    /// Reads what follows the packet id.
    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, group_number) = field("lossy.group_number", GroupNumber::parse).parse(i)?;
        let (i, peer_number) = field("lossy.peer_number", PeerNumber::parse).parse(i)?;
        let (i, message_number) = field("lossy.message_number", LossyNumber::parse).parse(i)?;
        let (i, id) = field("lossy.message_id", u8).parse(i)?;
        let (i, body) = field("lossy.body", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { group_number, peer_number, message_number, body: LossyBody::of(id, body) }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(DataId::CONFERENCE_LOSSY.0);
        self.group_number.emit(out);
        self.peer_number.emit(out);
        self.message_number.emit(out);
        out.push(self.body.id());
        match self.body {
            LossyBody::Audio { sequence_number, opus } => {
                out.extend_from_slice(&sequence_number.to_be_bytes());
                out.extend_from_slice(opus);
            }
            LossyBody::AudioCut(body) | LossyBody::Unknown { body, .. } => {
                out.extend_from_slice(body);
            }
        }
    }
}

impl<'a> LossyBody<'a> {
    #[inline]
    fn of(id: u8, body: &'a [u8]) -> Self {
        match (id, body.split_first_chunk()) {
            (AUDIO, Some((number, opus))) => {
                Self::Audio { sequence_number: u16::from_be_bytes(*number), opus }
            }
            (AUDIO, None) => Self::AudioCut(body),
            (id, _) => Self::Unknown { id, body },
        }
    }

    /// The lossy message id.
    #[must_use]
    pub const fn id(&self) -> u8 {
        match self {
            Self::Audio { .. } | Self::AudioCut(_) => AUDIO,
            Self::Unknown { id, .. } => *id,
        }
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::{reads_and_writes, refuses};

    fn lossy(body: LossyBody<'_>) -> Packet<'_> {
        Packet::Lossy(Lossy {
            group_number: GroupNumber(1),
            peer_number: PeerNumber(2),
            message_number: LossyNumber(3),
            body,
        })
    }

    const BYTES: [u8; 13] = hex!("c7 0001 0002 0003 c0 0004 f8fffe");

    #[test]
    fn audio_is_read_and_written() {
        let audio = LossyBody::Audio { sequence_number: 4, opus: &[0xf8, 0xff, 0xfe] };
        reads_and_writes(&BYTES, lossy(audio), 8);
    }

    #[test]
    fn audio_too_short_to_play_is_kept() {
        let silent = LossyBody::Audio { sequence_number: 4, opus: &[] };
        reads_and_writes(&BYTES[..10], lossy(silent), 8);
        reads_and_writes(&BYTES[..9], lossy(LossyBody::AudioCut(&[0])), 8);
        reads_and_writes(&BYTES[..8], lossy(LossyBody::AudioCut(&[])), 8);
    }

    #[test]
    fn a_lossy_message_of_another_id_is_kept() {
        let bytes = hex!("c7 0001 0002 0003 c1 6869");
        reads_and_writes(&bytes, lossy(LossyBody::Unknown { id: 0xc1, body: b"hi" }), 8);
    }

    #[test]
    fn a_lossy_message_needs_its_header() {
        refuses(&BYTES[..2], "lossy.group_number at byte 1: needs 2 bytes, 1 left");
        refuses(&BYTES[..3], "lossy.peer_number at byte 3: needs 2 bytes, 0 left");
        refuses(&BYTES[..6], "lossy.message_number at byte 5: needs 2 bytes, 1 left");
        refuses(&BYTES[..7], "lossy.message_id at byte 7: needs 1 byte, 0 left");
    }
}
