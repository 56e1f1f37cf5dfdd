//! Cookie request (0x18): "this is me; give me a cookie for a handshake" (packets §4.1).
//!
//! | Bytes | Field                                      |
//! |------:|--------------------------------------------|
//! |     1 | 0x18                                       |
//! |    32 | DHT public key of the sender               |
//! |    24 | nonce                                      |
//! |    88 | sealed with the DHT keys of both: 72 bytes |
//!
//! What is sealed:
//!
//! | Bytes | Field                                            |
//! |------:|--------------------------------------------------|
//! |    32 | real public key of the sender                    |
//! |    32 | zero; kept here whatever they are                |
//! |     8 | echo id, returned bit for bit by the response    |

use nom::Parser;

use super::EchoId;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, array, borrowed, end, field, id, whole};
use crate::wire::{Fault, Nonce, PublicKey, ToxKind};

/// "This is me; give me a cookie for a handshake". Exactly 145 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CookieRequest<'a> {
    /// DHT public key of the sender.
    pub dht_key: PublicKey,
    /// Nonce of the box.
    pub nonce: Nonce,
    /// The box over a [`CookieRequestPlain`].
    pub sealed: &'a [u8; 88],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "cookie_request",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x18, cookie request"),
        Field::new("dht_key", Shape::Key, "DHT public key of the sender"),
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Raw(88), "box between the DHT keys of both"),
    ],
};

impl<'a> CookieRequest<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 145;

    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or size.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ()) = field("cookie_request.kind", id(ToxKind::COOKIE_REQUEST.0)).parse(i)?;
        let (i, dht_key) = field("cookie_request.dht_key", PublicKey::parse).parse(i)?;
        let (i, nonce) = field("cookie_request.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("cookie_request.sealed", borrowed).parse(i)?;
        let (i, ()) = field("cookie_request.trailing", end).parse(i)?;
        Ok((i, Self { dht_key, nonce, sealed }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(ToxKind::COOKIE_REQUEST.0);
        self.dht_key.emit(out);
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

/// What a cookie request seals. Exactly 72 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CookieRequestPlain {
    /// Real (long-term) public key of the sender.
    pub real_key: PublicKey,
    /// Zero in every client known.
    pub padding: [u8; 32],
    /// Returned bit for bit by the response.
    pub echo_id: EchoId,
}

pub(crate) static PLAIN_LAYOUT: Layout = Layout {
    name: "cookie_request",
    head: &[],
    fields: &[
        Field::new("real_key", Shape::Key, "long-term public key of the sender"),
        Field::new("padding", Shape::Raw(32), "zero in every client known"),
        Field::new("echo_id", Shape::Raw(8), "returned bit for bit by the response"),
    ],
};

impl CookieRequestPlain {
    /// Size in bytes.
    pub const SIZE: usize = 72;

    /// Reads the opened box.
    ///
    /// # Errors
    ///
    /// The fault, if the size is another.
    pub fn parse(plain: &[u8]) -> Result<Self, Fault> {
        whole(plain, Self::parser)
    }

    fn parser(i: &[u8]) -> Parsed<'_, Self> {
        let (i, real_key) = field("cookie_request.real_key", PublicKey::parse).parse(i)?;
        let (i, padding) = field("cookie_request.padding", array).parse(i)?;
        let (i, echo_id) = field("cookie_request.echo_id", array).parse(i)?;
        let (i, ()) = field("cookie_request.trailing", end).parse(i)?;
        Ok((i, Self { real_key, padding, echo_id }))
    }

    /// Writes what is to be sealed; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.real_key.emit(out);
        out.extend_from_slice(&self.padding);
        out.extend_from_slice(&self.echo_id);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn a_cookie_request_is_read_and_written() {
        let mut bytes = hex!(
            "18"
            "1111111111111111111111111111111111111111111111111111111111111111"
            "222222222222222222222222222222222222222222222222"
        )
        .to_vec();
        bytes.extend([0x33; 88]);
        let packet = CookieRequest {
            dht_key: PublicKey([0x11; 32]),
            nonce: Nonce([0x22; 24]),
            sealed: &[0x33; 88],
        };
        assert_eq!(CookieRequest::parse(&bytes), Ok(packet));
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..CookieRequest::SIZE {
            assert!(CookieRequest::parse(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        assert_eq!(
            CookieRequest::parse(&bytes).unwrap_err().to_string(),
            "cookie_request.trailing at byte 145: 1 byte too many"
        );
    }

    #[test]
    fn what_a_cookie_request_seals_is_read_and_written() {
        let bytes = hex!(
            "4444444444444444444444444444444444444444444444444444444444444444"
            "0000000000000000000000000000000000000000000000000000000000000000"
            "0102030405060708"
        );
        let plain = CookieRequestPlain {
            real_key: PublicKey([0x44; 32]),
            padding: [0; 32],
            echo_id: [1, 2, 3, 4, 5, 6, 7, 8],
        };
        assert_eq!(CookieRequestPlain::parse(&bytes), Ok(plain));
        let mut out = Vec::new();
        plain.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..CookieRequestPlain::SIZE {
            assert!(CookieRequestPlain::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(CookieRequestPlain::parse(&[0; 73]).is_err());
    }
}
