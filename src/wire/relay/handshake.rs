//! The handshake with a relay: what each side sends first (packets §6.1).
//!
//! The client's, 128 bytes:
//!
//! | Bytes | Field                                                       |
//! |------:|-------------------------------------------------------------|
//! |    32 | DHT public key of the client                                |
//! |    24 | nonce                                                       |
//! |    72 | sealed with the client's and the relay's DHT keys: 56 bytes |
//!
//! The relay's, 96 bytes:
//!
//! | Bytes | Field                                                       |
//! |------:|-------------------------------------------------------------|
//! |    24 | nonce                                                       |
//! |    72 | sealed with the same key: 56 bytes                          |
//!
//! What is sealed in both:
//!
//! | Bytes | Field                                                       |
//! |------:|-------------------------------------------------------------|
//! |    32 | temporary public key of the sender                          |
//! |    24 | base nonce that the sender will encrypt with                |

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, borrowed, end, field, whole};
use crate::wire::{Fault, Nonce, PublicKey};

/// What a client sends first. Exactly 128 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayHandshake<'a> {
    /// DHT public key of the client.
    pub dht_key: PublicKey,
    /// Nonce of the box; not the base nonce.
    pub nonce: Nonce,
    /// The box over a [`RelayHandshakePlain`].
    pub sealed: &'a [u8; 72],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "relay_handshake",
    head: &[],
    fields: &[
        Field::new("dht_key", Shape::Key, "DHT public key of the client"),
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Raw(72), "box between the DHT keys of client and relay"),
    ],
};

impl<'a> RelayHandshake<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 128;

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// The fault, if the size is another.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        whole(bytes, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, dht_key) = field("relay_handshake.dht_key", PublicKey::parse).parse(i)?;
        let (i, nonce) = field("relay_handshake.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("relay_handshake.sealed", borrowed).parse(i)?;
        let (i, ()) = field("relay_handshake.trailing", end).parse(i)?;
        Ok((i, Self { dht_key, nonce, sealed }))
    }

    /// Writes it; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.dht_key.emit(out);
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

/// What a relay answers. Exactly 96 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayAnswer<'a> {
    /// Nonce of the box; not the base nonce.
    pub nonce: Nonce,
    /// The box over a [`RelayHandshakePlain`].
    pub sealed: &'a [u8; 72],
}

pub(crate) static ANSWER_LAYOUT: Layout = Layout {
    name: "relay_answer",
    head: &[],
    fields: &[
        Field::new("nonce", Shape::Nonce, "nonce of the box"),
        Field::new("sealed", Shape::Raw(72), "box between the DHT keys of client and relay"),
    ],
};

impl<'a> RelayAnswer<'a> {
    /// Size in bytes.
    pub const SIZE: usize = 96;

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// The fault, if the size is another.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        whole(bytes, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, nonce) = field("relay_answer.nonce", Nonce::parse).parse(i)?;
        let (i, sealed) = field("relay_answer.sealed", borrowed).parse(i)?;
        let (i, ()) = field("relay_answer.trailing", end).parse(i)?;
        Ok((i, Self { nonce, sealed }))
    }

    /// Writes it; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.nonce.emit(out);
        out.extend_from_slice(self.sealed);
    }
}

/// What both seal. Exactly 56 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayHandshakePlain {
    /// Temporary public key of the sender.
    pub temporary_key: PublicKey,
    /// The sender's frame number i uses this nonce + i.
    pub base_nonce: Nonce,
}

impl RelayHandshakePlain {
    /// Size in bytes.
    pub const SIZE: usize = 56;

    /// Reads the opened box.
    ///
    /// # Errors
    ///
    /// The fault, if the size is another.
    pub fn parse(plain: &[u8]) -> Result<Self, Fault> {
        whole(plain, Self::parser)
    }

    fn parser(i: &[u8]) -> Parsed<'_, Self> {
        let (i, temporary_key) =
            field("relay_handshake.temporary_key", PublicKey::parse).parse(i)?;
        let (i, base_nonce) = field("relay_handshake.base_nonce", Nonce::parse).parse(i)?;
        let (i, ()) = field("relay_handshake.trailing", end).parse(i)?;
        Ok((i, Self { temporary_key, base_nonce }))
    }

    /// Writes what is to be sealed; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.temporary_key.emit(out);
        self.base_nonce.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_handshakes_and_what_they_seal_are_read_and_written() {
        let mut bytes = vec![0x11; 32];
        bytes.extend([0x22; 24]);
        bytes.extend([0x33; 72]);
        let (dht_key, nonce, sealed) = (PublicKey([0x11; 32]), Nonce([0x22; 24]), &[0x33; 72]);
        let handshake = RelayHandshake { dht_key, nonce, sealed };
        assert_eq!(RelayHandshake::parse(&bytes), Ok(handshake));
        let mut out = Vec::new();
        handshake.emit(&mut out);
        assert_eq!(out, bytes);

        let answer = RelayAnswer { nonce, sealed };
        assert_eq!(RelayAnswer::parse(&bytes[32..]), Ok(answer));
        out.clear();
        answer.emit(&mut out);
        assert_eq!(out, bytes[32..]);

        let plain = RelayHandshakePlain { temporary_key: dht_key, base_nonce: nonce };
        assert_eq!(RelayHandshakePlain::parse(&bytes[..56]), Ok(plain));
        out.clear();
        plain.emit(&mut out);
        assert_eq!(out, bytes[..56]);
    }

    #[test]
    fn handshakes_have_exactly_their_sizes() {
        let bytes = [0; 200];
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            assert_eq!(RelayHandshake::parse(cut).is_ok(), length == RelayHandshake::SIZE);
            assert_eq!(RelayAnswer::parse(cut).is_ok(), length == RelayAnswer::SIZE);
            assert_eq!(
                RelayHandshakePlain::parse(cut).is_ok(),
                length == RelayHandshakePlain::SIZE
            );
        }
        assert_eq!(
            RelayHandshake::parse(&bytes[..127]).unwrap_err().to_string(),
            "relay_handshake.sealed at byte 56: needs 72 bytes, 71 left"
        );
    }
}
