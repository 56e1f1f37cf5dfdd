//! Cookie response (0x19): a cookie, to be presented in a handshake (packets §4.2).
//!
//! | Bytes | Field                                                  |
//! |------:|--------------------------------------------------------|
//! |     1 | 0x19                                                   |
//! |    24 | nonce                                                  |
//! |   136 | sealed with the same key as the request: 120 bytes     |
//!
//! What is sealed:
//!
//! | Bytes | Field                                                  |
//! |------:|--------------------------------------------------------|
//! |   112 | cookie                                                 |
//! |     8 | echo id of the request                                 |
//!
//! No key is visible; its request is the one in the other direction with the same echo id.

use nom::Parser;

use super::{COOKIE_SIZE, EchoId};
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, array, borrowed, end, field, id, whole};
use crate::wire::{Fault, Nonce, ToxKind};

/// A cookie, to be presented in a handshake. Exactly 161 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CookieResponse<'a> {
    /// Nonce of the box.
    pub nonce: Nonce,
    /// The box over a [`CookieResponsePlain`].
    pub sealed: &'a [u8; 136],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "cookie_response",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x19, cookie response"),
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Raw(136), "box with the same key as the request"),
    ],
};

impl<'a> CookieResponse<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 161;

    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or size.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ()) = field("cookie_response.kind", id(ToxKind::COOKIE_RESPONSE.0)).parse(i)?;
        let (i, nonce) = field("cookie_response.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("cookie_response.sealed", borrowed).parse(i)?;
        let (i, ()) = field("cookie_response.trailing", end).parse(i)?;
        Ok((i, Self { nonce, sealed }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(ToxKind::COOKIE_RESPONSE.0);
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

/// What a cookie response seals. Exactly 120 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CookieResponsePlain<'a> {
    /// The cookie, which only its issuer can open.
    pub cookie: &'a [u8; COOKIE_SIZE],
    /// The echo id of the request.
    pub echo_id: EchoId,
}

pub(crate) static PLAIN_LAYOUT: Layout = Layout {
    name: "cookie_response",
    head: &[],
    fields: &[
        Field::new("cookie", Shape::Raw(112), "cookie, which only its issuer can open"),
        Field::new("echo_id", Shape::Raw(8), "echo id of the request"),
    ],
};

impl<'a> CookieResponsePlain<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 120;

    /// Reads the opened box.
    ///
    /// # Errors
    ///
    /// The fault, if the size is another.
    pub fn parse(plain: &'a [u8]) -> Result<Self, Fault> {
        whole(plain, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, cookie) = field("cookie_response.cookie", borrowed).parse(i)?;
        let (i, echo_id) = field("cookie_response.echo_id", array).parse(i)?;
        let (i, ()) = field("cookie_response.trailing", end).parse(i)?;
        Ok((i, Self { cookie, echo_id }))
    }

    /// Writes what is to be sealed; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.cookie);
        out.extend_from_slice(&self.echo_id);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn a_cookie_response_is_read_and_written() {
        let mut bytes = hex!("19 222222222222222222222222222222222222222222222222").to_vec();
        bytes.extend([0x33; 136]);
        let packet = CookieResponse { nonce: Nonce([0x22; 24]), sealed: &[0x33; 136] };
        assert_eq!(CookieResponse::parse(&bytes), Ok(packet));
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..CookieResponse::SIZE {
            assert!(CookieResponse::parse(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        assert!(CookieResponse::parse(&bytes).is_err());
    }

    #[test]
    fn what_a_cookie_response_seals_is_read_and_written() {
        let mut bytes = vec![0x55; 112];
        bytes.extend(hex!("0102030405060708"));
        let plain = CookieResponsePlain { cookie: &[0x55; 112], echo_id: [1, 2, 3, 4, 5, 6, 7, 8] };
        assert_eq!(CookieResponsePlain::parse(&bytes), Ok(plain));
        let mut out = Vec::new();
        plain.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..CookieResponsePlain::SIZE {
            assert!(CookieResponsePlain::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(CookieResponsePlain::parse(&[0; 121]).is_err());
    }
}
