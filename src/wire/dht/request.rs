//! DHT request (0x20): a box for one node, routed by others (packets §3.2).
//!
//! | Bytes | Field                                                       |
//! |------:|-------------------------------------------------------------|
//! |     1 | 0x20                                                        |
//! |    32 | DHT public key of the receiver                              |
//! |    32 | DHT public key of the sender                                |
//! |    24 | nonce                                                       |
//! |   ≥17 | sealed with the key of sender and receiver: at least 1 byte |
//!
//! 106 to 1024 bytes in all.

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, id, rest, whole};
use crate::wire::{Fault, Nonce, PublicKey, ToxKind};

/// A box for one node, routed by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DhtRequest<'a> {
    /// DHT public key of the receiver.
    pub receiver: PublicKey,
    /// DHT public key of the sender.
    pub sender: PublicKey,
    /// Nonce of the box.
    pub nonce: Nonce,
    /// The box: 17 to 935 bytes, its tag of 16 included.
    pub sealed: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "dht_request",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x20, DHT request"),
        Field::new("receiver", Shape::Key, "DHT public key of the receiver"),
        Field::new("sender", Shape::Key, "DHT public key of the sender"),
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Bytes, "box between sender and receiver"),
    ],
};

impl<'a> DhtRequest<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or has not 106 to 1024 bytes.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ()) = field("dht_request.kind", id(ToxKind::DHT_REQUEST.0)).parse(i)?;
        let (i, receiver) = field("dht_request.receiver", PublicKey::parse).parse(i)?;
        let (i, sender) = field("dht_request.sender", PublicKey::parse).parse(i)?;
        let (i, nonce) = field("dht_request.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("dht_request.sealed", rest(17, 935)).parse(i)?;
        Ok((i, Self { receiver, sender, nonce, sealed }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(ToxKind::DHT_REQUEST.0);
        self.receiver.emit(out);
        self.sender.emit(out);
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn a_dht_request_is_read_and_written() {
        let bytes = hex!(
            "20"
            "1111111111111111111111111111111111111111111111111111111111111111"
            "2222222222222222222222222222222222222222222222222222222222222222"
            "333333333333333333333333333333333333333333333333"
            "44444444444444444444444444444444 55"
        );
        let packet = DhtRequest {
            receiver: PublicKey([0x11; 32]),
            sender: PublicKey([0x22; 32]),
            nonce: Nonce([0x33; 24]),
            sealed: &bytes[89..],
        };
        assert_eq!(DhtRequest::parse(&bytes), Ok(packet));
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, bytes);
    }

    #[test]
    fn a_dht_request_has_106_to_1024_bytes() {
        for length in 0..1100 {
            let mut bytes = vec![0; length];
            if let Some(kind) = bytes.first_mut() {
                *kind = 0x20;
            }
            let fits = (106..=1024).contains(&length);
            assert_eq!(DhtRequest::parse(&bytes).is_ok(), fits, "{length}");
        }
        assert_eq!(
            DhtRequest::parse(&[0x21; 106]).unwrap_err().to_string(),
            "dht_request.kind at byte 0: 0x21 belongs to another packet"
        );
    }
}
