//! Any packet that a relay's frame holds, told by its first byte.

use nom::Parser;

use super::{
    ConnectNotification, DisconnectNotification, OutOfBandRecv, OutOfBandSend, RelayData,
    RelayKind, RelayPing, RelayPong, RelayUnknown, RoutingRequest, RoutingResponse,
};
use crate::wire::parse::{Parsed, field, u8, whole};
use crate::wire::{Fault, PublicKey};

/// A packet between a client and its relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayPacket<'a> {
    /// 0x00.
    RoutingRequest(RoutingRequest),
    /// 0x01.
    RoutingResponse(RoutingResponse),
    /// 0x02.
    ConnectNotification(ConnectNotification),
    /// 0x03.
    DisconnectNotification(DisconnectNotification),
    /// 0x04.
    Ping(RelayPing),
    /// 0x05.
    Pong(RelayPong),
    /// 0x06.
    OutOfBandSend(OutOfBandSend<'a>),
    /// 0x07.
    OutOfBandRecv(OutOfBandRecv<'a>),
    /// 0x08 to 0x0f.
    Unknown(RelayUnknown<'a>),
    /// 0x10 and above.
    Data(RelayData<'a>),
}

impl<'a> RelayPacket<'a> {
    /// Reads a whole packet.
    ///
    /// # Errors
    ///
    /// The fault, if it is empty or not as long as its kind is.
    pub fn parse(packet: &'a [u8]) -> Result<Self, Fault> {
        whole(packet, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, kind) = field("relay_packet.kind", u8.map(RelayKind)).parse(i)?;
        match kind {
            RelayKind::ROUTING_REQUEST => RoutingRequest::parse.map(Self::RoutingRequest).parse(i),
            RelayKind::ROUTING_RESPONSE => {
                RoutingResponse::parse.map(Self::RoutingResponse).parse(i)
            }
            RelayKind::CONNECT_NOTIFICATION => {
                ConnectNotification::parse.map(Self::ConnectNotification).parse(i)
            }
            RelayKind::DISCONNECT_NOTIFICATION => {
                DisconnectNotification::parse.map(Self::DisconnectNotification).parse(i)
            }
            RelayKind::PING => RelayPing::parse.map(Self::Ping).parse(i),
            RelayKind::PONG => RelayPong::parse.map(Self::Pong).parse(i),
            RelayKind::OUT_OF_BAND_SEND => OutOfBandSend::parse.map(Self::OutOfBandSend).parse(i),
            RelayKind::OUT_OF_BAND_RECV => OutOfBandRecv::parse.map(Self::OutOfBandRecv).parse(i),
            kind => Ok((
                &[],
                match kind.connection_id() {
                    Some(connection_id) => Self::Data(RelayData { connection_id, data: i }),
                    None => Self::Unknown(RelayUnknown { kind, body: i }),
                },
            )),
        }
    }

    /// Writes the whole packet; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::RoutingRequest(packet) => packet.emit(out),
            Self::RoutingResponse(packet) => packet.emit(out),
            Self::ConnectNotification(packet) => packet.emit(out),
            Self::DisconnectNotification(packet) => packet.emit(out),
            Self::Ping(packet) => packet.emit(out),
            Self::Pong(packet) => packet.emit(out),
            Self::OutOfBandSend(packet) => packet.emit(out),
            Self::OutOfBandRecv(packet) => packet.emit(out),
            Self::Unknown(packet) => packet.emit(out),
            Self::Data(packet) => packet.emit(out),
        }
    }

    /// The first byte.
    #[must_use]
    pub const fn kind(&self) -> RelayKind {
        match self {
            Self::RoutingRequest(_) => RelayKind::ROUTING_REQUEST,
            Self::RoutingResponse(_) => RelayKind::ROUTING_RESPONSE,
            Self::ConnectNotification(_) => RelayKind::CONNECT_NOTIFICATION,
            Self::DisconnectNotification(_) => RelayKind::DISCONNECT_NOTIFICATION,
            Self::Ping(_) => RelayKind::PING,
            Self::Pong(_) => RelayKind::PONG,
            Self::OutOfBandSend(_) => RelayKind::OUT_OF_BAND_SEND,
            Self::OutOfBandRecv(_) => RelayKind::OUT_OF_BAND_RECV,
            Self::Unknown(packet) => packet.kind,
            Self::Data(packet) => RelayKind(packet.connection_id),
        }
    }

    /// The number of the connection that it names.
    #[must_use]
    pub const fn connection_id(&self) -> Option<u8> {
        match self {
            Self::RoutingResponse(packet) => Some(packet.connection_id),
            Self::ConnectNotification(packet) => Some(packet.connection_id),
            Self::DisconnectNotification(packet) => Some(packet.connection_id),
            Self::Data(packet) => Some(packet.connection_id),
            _ => None,
        }
    }

    /// The DHT public key of the other client, if it names one.
    #[must_use]
    pub const fn dht_key(&self) -> Option<PublicKey> {
        match self {
            Self::RoutingRequest(packet) => Some(packet.dht_key),
            Self::RoutingResponse(packet) => Some(packet.dht_key),
            Self::OutOfBandSend(packet) => Some(packet.dht_key),
            Self::OutOfBandRecv(packet) => Some(packet.dht_key),
            _ => None,
        }
    }

    /// What another client gets, or sent, as if it were in a UDP datagram.
    #[must_use]
    pub const fn passed_on(&self) -> Option<&'a [u8]> {
        match self {
            Self::OutOfBandSend(packet) => Some(packet.data),
            Self::OutOfBandRecv(packet) => Some(packet.data),
            Self::Data(packet) => Some(packet.data),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::layout;

    const KEY: [u8; 32] = hex!("e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");

    /// A packet of every kind, and how long it may be.
    fn packets() -> Vec<(Vec<u8>, RelayPacket<'static>, std::ops::RangeInclusive<usize>)> {
        let dht_key = PublicKey(KEY);
        let any = 1..=usize::MAX;
        let data = &hex!("1b0000");
        let with_key = |head: &[u8], tail: &[u8]| [head, &KEY, tail].concat();
        vec![
            (with_key(&[0], &[]), RelayPacket::RoutingRequest(RoutingRequest { dht_key }), 33..=33),
            (
                with_key(&[1, 16], &[]),
                RelayPacket::RoutingResponse(RoutingResponse { connection_id: 16, dht_key }),
                34..=34,
            ),
            (
                hex!("02 10").to_vec(),
                RelayPacket::ConnectNotification(ConnectNotification { connection_id: 16 }),
                2..=2,
            ),
            (
                hex!("03 11").to_vec(),
                RelayPacket::DisconnectNotification(DisconnectNotification { connection_id: 17 }),
                2..=2,
            ),
            (
                hex!("04 0102030405060708").to_vec(),
                RelayPacket::Ping(RelayPing { ping_id: hex!("0102030405060708") }),
                9..=9,
            ),
            (
                hex!("05 0102030405060708").to_vec(),
                RelayPacket::Pong(RelayPong { ping_id: hex!("0102030405060708") }),
                9..=9,
            ),
            (
                with_key(&[6], data),
                RelayPacket::OutOfBandSend(OutOfBandSend { dht_key, data }),
                34..=1057,
            ),
            (
                with_key(&[7], data),
                RelayPacket::OutOfBandRecv(OutOfBandRecv { dht_key, data }),
                34..=1057,
            ),
            (
                hex!("08 2a").to_vec(),
                RelayPacket::Unknown(RelayUnknown { kind: RelayKind(8), body: &[0x2a] }),
                any.clone(),
            ),
            (
                hex!("10 1b0000").to_vec(),
                RelayPacket::Data(RelayData { connection_id: 16, data }),
                any.clone(),
            ),
            (
                hex!("ff").to_vec(),
                RelayPacket::Data(RelayData { connection_id: 255, data: &[] }),
                any,
            ),
        ]
    }

    #[test]
    fn packets_are_read_and_written_and_have_their_sizes() {
        for (bytes, packet, sizes) in packets() {
            assert_eq!(RelayPacket::parse(&bytes), Ok(packet));
            assert_eq!(packet.kind(), RelayKind(bytes[0]));
            let mut out = Vec::new();
            packet.emit(&mut out);
            assert_eq!(out, bytes);
            for length in 1..1100 {
                let mut other = bytes.clone();
                other.resize(length, 0);
                assert_eq!(
                    RelayPacket::parse(&other).is_ok(),
                    sizes.contains(&length),
                    "{packet:?}"
                );
            }
        }
        let fault = RelayPacket::parse(&[]).unwrap_err().to_string();
        assert_eq!(fault, "relay_packet.kind at byte 0: needs 1 byte, 0 left");
    }

    #[test]
    fn faults_are_in_the_fields_of_the_layouts() {
        for (bytes, packet, _) in packets() {
            for length in 1..bytes.len() {
                let Err(fault) = RelayPacket::parse(&bytes[..length]) else { continue };
                let layout = layout::of_relay_packet(packet.kind());
                let mut fields = layout.all_fields();
                assert!(
                    fields.any(|field| fault.field == format!("{}.{}", layout.name, field.name)),
                    "{fault}"
                );
            }
            let parts: Vec<u8> =
                layout::relay_packet_parts(&bytes).flat_map(|part| part.bytes.to_vec()).collect();
            assert_eq!(parts, bytes);
        }
    }
}
