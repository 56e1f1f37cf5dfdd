//! DHT packet (0x00, 0x01, 0x02, 0x04): ping and nodes, request and response (packets §3.1).
//!
//! | Bytes | Field                                                       |
//! |------:|-------------------------------------------------------------|
//! |     1 | kind                                                        |
//! |    32 | DHT public key of the sender                                |
//! |    24 | nonce                                                       |
//! |   ≥17 | sealed with the key of sender and receiver: at least 1 byte |

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, fail, field, rest, u8, whole};
use crate::wire::{Fault, Nonce, PublicKey, Reason, ToxKind};

/// A ping or nodes packet, request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DhtPacket<'a> {
    /// 0x00, 0x01, 0x02 or 0x04.
    pub kind: ToxKind,
    /// DHT public key of the sender.
    pub sender: PublicKey,
    /// Nonce of the box.
    pub nonce: Nonce,
    /// The box: 16 bytes of tag and at least one more.
    pub sealed: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "dht_packet",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x00, 0x01 ping, 0x02, 0x04 nodes"),
        Field::new("sender", Shape::Key, "DHT public key of the sender"),
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Bytes, "box between sender and receiver"),
    ],
};

impl<'a> DhtPacket<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or shorter than 74 bytes.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, kind) = field("dht_packet.kind", kind).parse(i)?;
        let (i, sender) = field("dht_packet.sender", PublicKey::parse).parse(i)?;
        let (i, nonce) = field("dht_packet.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("dht_packet.sealed", rest(17, usize::MAX)).parse(i)?;
        Ok((i, Self { kind, sender, nonce, sealed }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.kind.0);
        self.sender.emit(out);
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

fn kind(i: &[u8]) -> Parsed<'_, ToxKind> {
    match u8(i)? {
        (rest, kind @ (0x00 | 0x01 | 0x02 | 0x04)) => Ok((rest, ToxKind(kind))),
        (_, found) => fail(i, Reason::OtherKind { found }),
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn a_ping_request_is_read_and_written() {
        let bytes = hex!(
            "00"
            "1111111111111111111111111111111111111111111111111111111111111111"
            "222222222222222222222222222222222222222222222222"
            "33333333333333333333333333333333 444444444444444444"
        );
        let packet = DhtPacket {
            kind: ToxKind(0),
            sender: PublicKey([0x11; 32]),
            nonce: Nonce([0x22; 24]),
            sealed: &bytes[57..],
        };
        assert_eq!(bytes.len(), 82);
        assert_eq!(DhtPacket::parse(&bytes), Ok(packet));
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..74 {
            assert!(DhtPacket::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(DhtPacket::parse(&bytes[..74]).is_ok());
    }

    #[test]
    fn only_its_four_kinds_are_dht_packets() {
        for kind in 0..=u8::MAX {
            let mut bytes = [0; 82];
            bytes[0] = kind;
            assert_eq!(DhtPacket::parse(&bytes).is_ok(), [0, 1, 2, 4].contains(&kind));
        }
    }
}
