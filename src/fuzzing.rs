//! One function per fuzz target, each with the property it states.

use crate::wire::layout::{self, Parts, Value};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain, PacketRequest,
};
use crate::wire::{Kind, Packet, PeerResponse, ToxKind, dht};

/// Whatever parses is written back byte for byte, and the layouts leave no byte out.
pub fn wire_round_trip(data: &[u8]) {
    let mut out = Vec::new();
    match Packet::parse(data) {
        Ok(packet) => {
            packet.emit(&mut out);
            assert_eq!(out, data, "{packet:?}");
            assert_eq!(packet.kind(), Kind::of(data), "{packet:?}");
            if let Packet::PeerResponse(response) = packet {
                peer_list_is_whole(&response, data);
            }
        }
        Err(malformed) => {
            assert!(malformed.error.offset <= data.len(), "{malformed}");
            assert_ne!(malformed.to_string(), "");
        }
    }
    parts_tile(layout::parts(data), data);
    parts_tile(layout::datagram_parts(data), data);
    for kind in ToxKind::all() {
        if let Some(layout) = layout::of_plain(kind) {
            parts_tile(layout.parts(data), data);
        }
    }

    macro_rules! round_trip {
        ($($type:ty)*) => {
            $(if let Ok(value) = <$type>::parse(data) {
                out.clear();
                value.emit(&mut out);
                assert_eq!(out, data, "{value:?}");
            })*
        };
    }
    round_trip! {
        CookieRequest CookieRequestPlain CookieResponse CookieResponsePlain
        Handshake HandshakePlain CryptoData CryptoPlain PacketRequest
        dht::DhtPacket dht::DhtRequest dht::LanDiscovery
    }
    if let Ok(request) = PacketRequest::parse(data) {
        assert!(request.requested(0).count() < data.len());
    }
}

/// The parts of `data` are all of it, in order.
fn parts_tile(parts: Parts<'_>, data: &[u8]) {
    let mut end = 0;
    for part in parts {
        assert_eq!(part.offset, end, "{part:?}");
        assert_eq!(data.get(part.range()), Some(part.bytes), "{part:?}");
        end = part.range().end;
    }
    assert_eq!(end, data.len());
}

/// Good entries and rest are the whole list, and its layout sees the same entries.
fn peer_list_is_whole(response: &PeerResponse<'_>, data: &[u8]) {
    let mut entries = Vec::new();
    response.peers().for_each(|peer| peer.emit(&mut entries));
    entries.extend_from_slice(response.rest());
    assert_eq!(entries, response.entries);
    assert_eq!(response.fault().is_none(), response.rest().is_empty());
    let names = layout::parts(data).filter_map(|part| match part.value {
        Value::Text(name) => Some(name),
        _ => None,
    });
    assert!(names.eq(response.peers().map(|peer| peer.name)));
}
