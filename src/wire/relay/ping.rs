//! Ping (0x04) and pong (0x05) of a relay or its client (packets §6.3).
//!
//! | Bytes | Field                                               |
//! |------:|-----------------------------------------------------|
//! |     1 | 0x04 or 0x05                                        |
//! |     8 | ping id; a pong returns it as the ping stated it    |

use nom::Parser;

use super::RelayKind;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, array, end, field};

/// "Are you there?" Exactly 9 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayPing {
    /// Any but zeros.
    pub ping_id: [u8; 8],
}

/// "I am." Exactly 9 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayPong {
    /// That of the ping.
    pub ping_id: [u8; 8],
}

const PING_ID: Field = Field::new("ping_id", Shape::Raw(8), "which ping, or the answer to which");

pub(super) static PING_LAYOUT: Layout =
    Layout { name: "relay_ping", head: &[], fields: &[super::KIND, PING_ID] };

pub(super) static PONG_LAYOUT: Layout =
    Layout { name: "relay_pong", head: &[], fields: &[super::KIND, PING_ID] };

impl RelayPing {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, ping_id) = field("relay_ping.ping_id", array).parse(i)?;
        let (i, ()) = field("relay_ping.trailing", end).parse(i)?;
        Ok((i, Self { ping_id }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(RelayKind::PING.0);
        out.extend_from_slice(&self.ping_id);
    }
}

impl RelayPong {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, ping_id) = field("relay_pong.ping_id", array).parse(i)?;
        let (i, ()) = field("relay_pong.trailing", end).parse(i)?;
        Ok((i, Self { ping_id }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(RelayKind::PONG.0);
        out.extend_from_slice(&self.ping_id);
    }
}
