//! Crypto data (0x1b): everything a session carries (packets §5.1, §5.3).
//!
//! | Bytes | Field                                                          |
//! |------:|----------------------------------------------------------------|
//! |     1 | 0x1b                                                           |
//! |     2 | last two bytes of the nonce                                    |
//! |   ≥25 | sealed with the session key: at least 9 bytes                  |
//!
//! 28 to 1400 bytes in all. What is sealed:
//!
//! | Bytes | Field                                                          |
//! |------:|----------------------------------------------------------------|
//! |     4 | ack: the next lossless number that the sender still waits for  |
//! |     4 | number of this lossless packet, else of the next one           |
//! |    ≥0 | padding: zero bytes                                            |
//! |     1 | data id: the first byte that is not zero                       |
//! |  rest | data                                                           |

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, id, rest, u16, u32, whole};
use crate::wire::{DataId, Fault, ToxKind};

/// The most that a data packet carries, data id included, in bytes (packets §5.5).
pub const MAX_DATA_SIZE: usize = 1373;

/// Everything a session carries. 28 to 1400 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CryptoData<'a> {
    /// Last two bytes of the nonce.
    pub nonce_low: u16,
    /// The box over a [`CryptoPlain`]: 25 to 1397 bytes, its tag of 16 included.
    pub sealed: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "crypto_data",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "0x1b, crypto data"),
        Field::new("nonce_low", Shape::U16, "last two bytes of the nonce"),
        Field::new("sealed", Shape::Bytes, "box with the session key"),
    ],
};

impl<'a> CryptoData<'a> {
    /// Reads a whole datagram.
    ///
    /// # Errors
    ///
    /// The fault, if the datagram is of another kind or has not 28 to 1400 bytes.
    #[inline]
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Fault> {
        whole(datagram, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ()) = field("crypto_data.kind", id(ToxKind::CRYPTO_DATA.0)).parse(i)?;
        let (i, nonce_low) = field("crypto_data.nonce_low", u16).parse(i)?;
        let (i, sealed) = field("crypto_data.sealed", rest(25, 1397)).parse(i)?;
        Ok((i, Self { nonce_low, sealed }))
    }

    /// Writes the datagram; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(ToxKind::CRYPTO_DATA.0);
        out.extend_from_slice(&self.nonce_low.to_be_bytes());
        out.extend_from_slice(self.sealed);
    }
}

/// What a data packet seals. 9 to 1381 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CryptoPlain<'a> {
    /// The next lossless number that the sender still waits for.
    pub ack: u32,
    /// Number of this packet if it is lossless, else of the sender's next lossless one.
    pub number: u32,
    /// How many zero bytes came before the data id.
    pub padding: usize,
    /// The data id; nothing if all is padding, which makes a receiver discard the packet.
    pub id: Option<DataId>,
    /// The data, its id included and the padding left out.
    pub data: &'a [u8],
}

pub(crate) static PLAIN_LAYOUT: Layout = Layout {
    name: "crypto_data",
    head: &[],
    fields: &[
        Field::new("ack", Shape::U32, "next lossless packet that the sender still waits for"),
        Field::new(
            "number",
            Shape::U32,
            "packet number: a lossless packet's own, else the sender's next",
        ),
        Field::new("padding", Shape::Zeros, "zero bytes"),
        Field::new("data", Shape::Bytes, "the packet carried, from its data id on"),
    ],
};

impl<'a> CryptoPlain<'a> {
    /// Reads the opened box.
    ///
    /// # Errors
    ///
    /// The fault, if it has not 9 to 1381 bytes.
    #[inline]
    pub fn parse(plain: &'a [u8]) -> Result<Self, Fault> {
        whole(plain, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ack) = field("crypto_data.ack", u32).parse(i)?;
        let (i, number) = field("crypto_data.number", u32).parse(i)?;
        let (i, padded) = field("crypto_data.data", rest(1, MAX_DATA_SIZE)).parse(i)?;
        let padding = padded.iter().take_while(|&&byte| byte == 0).count();
        let data = padded.get(padding..).unwrap_or_default();
        let id = data.first().copied().map(DataId);
        Ok((i, Self { ack, number, padding, id, data }))
    }

    /// Padding that clients put before `size` bytes of data, id included: it makes datagrams a
    /// multiple of 8 (packets §5.3).
    #[must_use]
    pub const fn usual_padding(size: usize) -> usize {
        MAX_DATA_SIZE.saturating_sub(size) % 8
    }

    /// Writes what is to be sealed; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.ack.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.resize(out.len() + self.padding, 0);
        out.extend_from_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn a_data_packet_is_read_and_written() {
        let bytes = hex!("1b abcd 33333333333333333333333333333333 444444444444444444");
        let packet = CryptoData { nonce_low: 0xabcd, sealed: &bytes[3..] };
        assert_eq!(CryptoData::parse(&bytes), Ok(packet));
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out, bytes);
    }

    #[test]
    fn a_data_packet_has_28_to_1400_bytes_and_seals_9_to_1381() {
        let bytes = [0x1b; 1500];
        for length in 0..bytes.len() {
            let fits = (28..=1400).contains(&length);
            assert_eq!(CryptoData::parse(&bytes[..length]).is_ok(), fits, "{length}");
            let fits = (9..=1381).contains(&length);
            assert_eq!(CryptoPlain::parse(&bytes[..length]).is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn what_a_data_packet_seals_is_read_and_written() {
        let bytes = hex!("00000005 00000007 00000000 10");
        let plain =
            CryptoPlain { ack: 5, number: 7, padding: 4, id: Some(DataId::ALIVE), data: &[0x10] };
        assert_eq!(CryptoPlain::parse(&bytes), Ok(plain));
        let mut out = Vec::new();
        plain.emit(&mut out);
        assert_eq!(out, bytes);
    }

    #[test]
    fn nothing_but_padding_has_no_id() {
        let bytes = hex!("00000005 00000007 000000");
        let plain = CryptoPlain { ack: 5, number: 7, padding: 3, id: None, data: &[] };
        assert_eq!(CryptoPlain::parse(&bytes), Ok(plain));
        let mut out = Vec::new();
        plain.emit(&mut out);
        assert_eq!(out, bytes);
    }

    #[test]
    fn usual_padding_makes_datagrams_a_multiple_of_8() {
        for size in 1..=MAX_DATA_SIZE {
            let datagram = 3 + 16 + 8 + CryptoPlain::usual_padding(size) + size;
            assert_eq!(datagram % 8, 0, "{size}");
            assert!((32..=1400).contains(&datagram), "{size}");
        }
        assert_eq!(CryptoPlain::usual_padding(1), 4);
        assert_eq!(CryptoPlain::usual_padding(MAX_DATA_SIZE), 0);
    }
}
