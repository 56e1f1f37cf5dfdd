//! Out-of-band data: for a client of the same relay without a connection to it (0x06), and of one (0x07)
//! (packets §6.3).
//!
//! | Bytes  | Field                                                        |
//! |-------:|--------------------------------------------------------------|
//! |      1 | 0x06 or 0x07                                                 |
//! |     32 | DHT public key of the receiver; in 0x07, of the sender       |
//! | 1–1024 | data: a net_crypto packet                                    |

use nom::Parser;

use super::RelayKind;
use crate::wire::PublicKey;
use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, rest};

/// The most data that goes out of band, in bytes.
pub const MAX_OUT_OF_BAND_SIZE: usize = 1024;

/// Data for another client. 34 to 1057 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutOfBandSend<'a> {
    /// DHT public key of the receiver.
    pub dht_key: PublicKey,
    /// 1 to 1024 bytes.
    pub data: &'a [u8],
}

/// Data of another client. 34 to 1057 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutOfBandRecv<'a> {
    /// DHT public key of the sender.
    pub dht_key: PublicKey,
    /// 1 to 1024 bytes.
    pub data: &'a [u8],
}

const DATA: Field = Field::new("data", Shape::Bytes, "a net_crypto packet");

pub(super) static SEND_LAYOUT: Layout = Layout {
    name: "relay_oob_send",
    head: &[],
    fields: &[
        super::KIND,
        Field::new("dht_key", Shape::Key, "DHT public key of the receiver"),
        DATA,
    ],
};

pub(super) static RECV_LAYOUT: Layout = Layout {
    name: "relay_oob_recv",
    head: &[],
    fields: &[super::KIND, Field::new("dht_key", Shape::Key, "DHT public key of the sender"), DATA],
};

impl<'a> OutOfBandSend<'a> {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, dht_key) = field("relay_oob_send.dht_key", PublicKey::parse).parse(i)?;
        let (i, data) = field("relay_oob_send.data", rest(1, MAX_OUT_OF_BAND_SIZE)).parse(i)?;
        Ok((i, Self { dht_key, data }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(RelayKind::OUT_OF_BAND_SEND.0);
        self.dht_key.emit(out);
        out.extend_from_slice(self.data);
    }
}

impl<'a> OutOfBandRecv<'a> {
    /// Reads what follows the kind.
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, dht_key) = field("relay_oob_recv.dht_key", PublicKey::parse).parse(i)?;
        let (i, data) = field("relay_oob_recv.data", rest(1, MAX_OUT_OF_BAND_SIZE)).parse(i)?;
        Ok((i, Self { dht_key, data }))
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(RelayKind::OUT_OF_BAND_RECV.0);
        self.dht_key.emit(out);
        out.extend_from_slice(self.data);
    }
}
