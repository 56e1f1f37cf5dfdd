//! One function per fuzz target, each with the property it states.

use crate::capture::{Datagrams, Event, Limits, Origin};
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

/// A capture is read to its end or to an error; frames follow each other, what is handed out lies
/// inside the input, and a cut in the middle changes nothing that came before it.
pub fn capture_file(data: &[u8]) {
    let whole = capture_events(data);
    let mut last = Origin::default();
    for (origin, _) in whole.iter().filter(|(origin, _)| origin.frame > 0) {
        assert_eq!(origin.frame, last.frame + 1);
        assert!(origin.offset > last.offset, "{origin:?} after {last:?}");
        last = *origin;
    }
    let half = capture_events(data.get(..data.len() / 2).unwrap_or_default());
    assert_eq!(whole.get(..half.len()), Some(&*half));
}

/// Where the events of a capture are and how many bytes they hand out; frame 0 for what is none.
fn capture_events(data: &[u8]) -> Vec<(Origin, usize)> {
    let limits = Limits { max_decompressed: 1 << 20, ..Limits::default() };
    let mut events = Vec::new();
    let Ok(mut datagrams) = Datagrams::new(data, limits) else { return events };
    let error = loop {
        match datagrams.next() {
            Ok(Some(Event::Datagram(datagram))) => {
                events.push((datagram.origin, datagram.payload.len()));
            }
            Ok(Some(Event::Other { origin, .. })) => events.push((origin, 0)),
            Ok(Some(Event::Comment(data) | Event::Secrets { data, .. })) => {
                events.push((Origin::default(), data.len()));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let last = events.iter().map(|(origin, _)| origin.frame).max();
    assert_eq!(datagrams.frames(), last.unwrap_or(0));
    if let Some(error) = error {
        assert_ne!(error.to_string(), "");
        assert!(matches!(datagrams.next(), Ok(None)), "an error is the end");
    }
    events
}
