//! Crypto handshake (0x1a): session key and base nonce of one side (packets §4.4).
//!
//! | Bytes | Field                                                     |
//! |------:|-----------------------------------------------------------|
//! |     1 | 0x1a                                                      |
//! |   112 | cookie, issued before by the receiver                     |
//! |    24 | nonce                                                     |
//! |   248 | sealed with the real keys of both: 232 bytes              |
//!
//! What is sealed:
//!
//! | Bytes | Field                                                     |
//! |------:|-----------------------------------------------------------|
//! |    24 | base nonce that the sender will encrypt with (D-070)      |
//! |    32 | session public key of the sender                          |
//! |    64 | SHA-512 of the 112 cookie bytes outside                   |
//! |   112 | other cookie, issued by the sender for the receiver       |

use nom::Parser;

use super::COOKIE_SIZE;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, borrowed, end, field, id, whole};
use crate::wire::{Fault, Nonce, PublicKey, ToxKind};

/// Session key and base nonce of one side. Exactly 385 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handshake<'a> {
    /// Cookie, issued before by the receiver.
    pub cookie: &'a [u8; COOKIE_SIZE],
    /// Nonce of the box; not the base nonce.
    pub nonce: Nonce,
    /// The box over a [`HandshakePlain`].
    pub sealed: &'a [u8; 248],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "crypto_handshake",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x1a, crypto handshake"),
        Field::new("cookie", Shape::Raw(112), "cookie, issued before by the receiver"),
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Raw(248), "box between the long-term keys of both"),
    ],
};

impl<'a> Handshake<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 385;

    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or size.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ()) = field("crypto_handshake.kind", id(ToxKind::CRYPTO_HANDSHAKE.0)).parse(i)?;
        let (i, cookie) = field("crypto_handshake.cookie", borrowed).parse(i)?;
        let (i, nonce) = field("crypto_handshake.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("crypto_handshake.sealed", borrowed).parse(i)?;
        let (i, ()) = field("crypto_handshake.trailing", end).parse(i)?;
        Ok((i, Self { cookie, nonce, sealed }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(ToxKind::CRYPTO_HANDSHAKE.0);
        out.extend_from_slice(self.cookie);
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

/// What a handshake seals. Exactly 232 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandshakePlain<'a> {
    /// The sender's data packet number i uses this nonce + i (D-070).
    pub base_nonce: Nonce,
    /// Session public key of the sender.
    pub session_key: PublicKey,
    /// SHA-512 of the cookie outside.
    pub cookie_hash: &'a [u8; 64],
    /// Cookie issued by the sender, for the receiver's handshake.
    pub other_cookie: &'a [u8; COOKIE_SIZE],
}

pub(crate) static PLAIN_LAYOUT: Layout = Layout {
    name: "crypto_handshake",
    head: &[],
    fields: &[
        Field::new("base_nonce", Shape::Nonce, "first nonce that the sender encrypts with"),
        Field::new("session_key", Shape::Key, "session public key of the sender"),
        Field::new("cookie_hash", Shape::Raw(64), "SHA-512 of the cookie outside"),
        Field::new("other_cookie", Shape::Raw(112), "cookie issued by the sender for the receiver"),
    ],
};

impl<'a> HandshakePlain<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 232;

    /// Reads the opened box.
    ///
    /// # Errors
    ///
    /// The fault, if the size is another.
    pub fn parse(plain: &'a [u8]) -> Result<Self, Fault> {
        whole(plain, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, base_nonce) = field("crypto_handshake.base_nonce", Nonce::parse).parse(i)?;
        let (i, session_key) = field("crypto_handshake.session_key", PublicKey::parse).parse(i)?;
        let (i, cookie_hash) = field("crypto_handshake.cookie_hash", borrowed).parse(i)?;
        let (i, other_cookie) = field("crypto_handshake.other_cookie", borrowed).parse(i)?;
        let (i, ()) = field("crypto_handshake.trailing", end).parse(i)?;
        Ok((i, Self { base_nonce, session_key, cookie_hash, other_cookie }))
    }

    /// Writes what is to be sealed; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.base_nonce.emit(out);
        self.session_key.emit(out);
        out.extend_from_slice(self.cookie_hash);
        out.extend_from_slice(self.other_cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_read_and_written() {
        let mut bytes = vec![0x1a];
        bytes.extend([0x11; 112]);
        bytes.extend([0x22; 24]);
        bytes.extend([0x33; 248]);
        let packet =
            Handshake { cookie: &[0x11; 112], nonce: Nonce([0x22; 24]), sealed: &[0x33; 248] };
        assert_eq!(Handshake::parse(&bytes), Ok(packet));
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..Handshake::SIZE {
            assert!(Handshake::parse(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        assert!(Handshake::parse(&bytes).is_err());
    }

    #[test]
    fn what_a_handshake_seals_is_read_and_written() {
        let mut bytes = vec![0x11; 24];
        bytes.extend([0x22; 32]);
        bytes.extend([0x33; 64]);
        bytes.extend([0x44; 112]);
        let plain = HandshakePlain {
            base_nonce: Nonce([0x11; 24]),
            session_key: PublicKey([0x22; 32]),
            cookie_hash: &[0x33; 64],
            other_cookie: &[0x44; 112],
        };
        assert_eq!(HandshakePlain::parse(&bytes), Ok(plain));
        let mut out = Vec::new();
        plain.emit(&mut out);
        assert_eq!(out, bytes);
        for length in 0..HandshakePlain::SIZE {
            assert!(HandshakePlain::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(HandshakePlain::parse(&[0; 233]).is_err());
    }
}
