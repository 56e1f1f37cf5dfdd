//! LAN discovery (0x21): "here I am", to everybody in the local network (packets §2).
//!
//! | Bytes | Field                        |
//! |------:|------------------------------|
//! |     1 | 0x21                         |
//! |    32 | DHT public key of the sender |

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, end, field, id, whole};
use crate::wire::{Fault, PublicKey, ToxKind};

/// "Here I am", to everybody in the local network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LanDiscovery {
    /// DHT public key of the sender.
    pub sender: PublicKey,
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "lan_discovery",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x21, LAN discovery"),
        Field::new("sender", Shape::Key, "DHT public key of the sender"),
    ],
};

impl LanDiscovery {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or has not 33 bytes.
    pub fn parse(datagram: &[u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &[u8]) -> Parsed<'_, Self> {
        let (i, ()) = field("lan_discovery.kind", id(ToxKind::LAN_DISCOVERY.0)).parse(i)?;
        let (i, sender) = field("lan_discovery.sender", PublicKey::parse).parse(i)?;
        let (i, ()) = field("lan_discovery.trailing", end).parse(i)?;
        Ok((i, Self { sender }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(ToxKind::LAN_DISCOVERY.0);
        self.sender.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lan_discovery_has_33_bytes() {
        let bytes = [0x21; 40];
        for length in 0..=40 {
            let expected = (length == 33).then_some(LanDiscovery { sender: PublicKey([0x21; 32]) });
            assert_eq!(LanDiscovery::parse(&bytes[..length]).ok(), expected);
        }
        let mut out = Vec::new();
        LanDiscovery { sender: PublicKey([0x21; 32]) }.emit(&mut out);
        assert_eq!(out, &bytes[..33]);
    }
}
