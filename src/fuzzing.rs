//! One function per fuzz target, each with the property it states.

mod capture_replay;
mod dictionary;
mod frames;
mod healthy;
mod lint;
mod machine;
mod network;
mod packets;
mod recordings;
mod relays;
mod scenarios;
mod streams;
mod traffic;
mod trouble;

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;

use unicode_width::UnicodeWidthChar;

use crate::capture::{Changes, Datagrams, Event, Limits, Origin, rewrite};
use crate::dissect::filter::Filter;
use crate::dissect::{self, FieldId, Fields};
use crate::report::{self, Columns, JsonLines};
use crate::wire::layout::{self, Parts, Value};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain, PacketRequest,
};
use crate::wire::{Kind, Packet, PeerResponse, ToxKind, dht, relay};

pub use capture_replay::replay_capture;
pub use dictionary::dictionaries;
pub use frames::frame;
pub use healthy::lint_never_lies;
pub use lint::{flags as lint_flags, lint_packets};
pub use machine::{machine_steps, save_section};
pub use network::network;
pub use packets::wire_emit;
pub use recordings::recording;
pub use relays::relay_frames;
pub use scenarios::scenario;
pub use streams::tcp_streams;
pub use traffic::{BACK, MOVED, SEALED, datagram, key_log};

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
    parts_tile(layout::relay_packet_parts(data), data);
    parts_tile(layout::relay_frame_parts(data), data);
    parts_tile(layout::relay_handshake_parts(data), data);
    parts_tile(layout::relay_answer_parts(data), data);
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
        relay::RelayHandshake relay::RelayAnswer relay::RelayHandshakePlain relay::RelayFrame
        relay::RelayPacket
    }
    if let Ok(request) = PacketRequest::parse(data) {
        let requested: Vec<u32> = request.requested(0).collect();
        assert!(requested.len() < data.len());
        let mut steps = Vec::new();
        PacketRequest::steps_for(0, requested.iter().copied(), &mut steps);
        assert!(PacketRequest { steps: &steps }.requested(0).eq(requested), "{steps:?}");
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

/// A capture is read to its end or to an error; frames follow each other, and pieces of streams the frames
/// that they are in; what is handed out lies inside the input, and a cut in the middle changes nothing that
/// came before it. Nobody waits for what is said to be ready.
pub fn capture_file(data: &[u8]) {
    let whole = capture_events(data);
    let mut last = Origin::default();
    for (origin, _, is_piece) in whole.iter().filter(|(origin, ..)| origin.frame > 0) {
        if *is_piece {
            assert!(*origin <= last, "a piece before its frame");
            continue;
        }
        assert_eq!(origin.frame, last.frame + 1);
        assert!(origin.offset > last.offset, "{origin:?} after {last:?}");
        last = *origin;
    }
    let mut half = capture_events(data.get(..data.len() / 2).unwrap_or_default());
    // What still waits at the end is handed out.
    while half.pop_if(|(_, _, is_piece)| *is_piece).is_some() {}
    assert_eq!(whole.get(..half.len()), Some(&*half));
    rewritten(data);
    waits_when_it_says_so(data);
}

/// Bytes that come a few at a time, and how often somebody waited for them.
struct Slow<'a>(&'a [u8], &'a Cell<u32>);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1.set(self.1.get() + 1);
        let most = out.len().min(61);
        self.0.read(out.get_mut(..most).unwrap_or_default())
    }
}

/// Where the next event is said to be ready, nobody waits for it; what is in a file never makes anybody wait.
fn waits_when_it_says_so(data: &[u8]) {
    let limits = Limits { max_decompressed: 1 << 20, ..Limits::default() };
    let waited = Cell::new(0);
    let Ok(mut datagrams) = Datagrams::new(Slow(data, &waited), limits.clone()) else { return };
    loop {
        let (before, is_ready) = (waited.get(), datagrams.is_ready());
        let goes_on = matches!(datagrams.next(), Ok(Some(_)));
        assert!(!is_ready || waited.get() == before, "it was ready");
        if !goes_on {
            break;
        }
    }
    let file = Datagrams::new(data, limits).map(Datagrams::without_waiting);
    assert!(file.is_ok_and(|it| it.is_ready()));
}

/// A copy without changes is the beginning of a pcapng file, all of it if nothing is wrong with it.
fn rewritten(data: &[u8]) {
    let limits = Limits { max_decompressed: 1 << 20, ..Limits::default() };
    let same = Changes { add: &[], keep_comment: &|_| true, keep_secrets: true };
    let mut copy = Vec::new();
    let done = rewrite(data, &limits, &mut copy, &same).expect("memory takes everything");
    if data.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        assert!(data.starts_with(&copy) && (done.error.is_some() || data.len() == copy.len()));
    }
}

/// Where the events of a capture are, how many bytes they hand out, and whether they are pieces of streams;
/// frame 0 for what is in no frame.
fn capture_events(data: &[u8]) -> Vec<(Origin, usize, bool)> {
    let limits = Limits { max_decompressed: 1 << 20, ..Limits::default() };
    let mut events = Vec::new();
    let Ok(mut datagrams) = Datagrams::new(data, limits) else { return events };
    let error = loop {
        match datagrams.next() {
            Ok(Some(Event::Datagram(datagram))) => {
                events.push((datagram.origin, datagram.payload.len(), false));
            }
            Ok(Some(Event::Other { origin, .. })) => events.push((origin, 0, false)),
            Ok(Some(Event::Piece(piece))) => events.push((piece.origin, piece.bytes.len(), true)),
            Ok(Some(Event::Comment(data) | Event::Secrets { data, .. })) => {
                events.push((Origin::default(), data.len(), false));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let last = events.iter().map(|(origin, ..)| origin.frame).max();
    assert_eq!(datagrams.frames(), last.unwrap_or(0));
    if let Some(error) = error {
        assert!(error.file() == 0 && !error.to_string().is_empty());
        assert!(matches!(datagrams.next(), Ok(None)), "an error is the end");
    }
    events
}

/// Whatever bytes are printed, no character of the output does anything but be seen, the columns
/// are as counted, and the bytes can be told from what is printed; JSON and cells give them back.
pub fn printable(data: &[u8]) {
    let (columns, text) = data.split_first().map_or((0, data), |(first, text)| (*first, text));
    let columns = usize::from(columns).max(3);
    for shown in [
        report::printable(text),
        report::printable(text).quoted(),
        report::printable(text).cut(columns),
        report::printable(text).quoted().cut(columns),
    ] {
        let printed = shown.to_string();
        only_seen(&printed);
        let width: usize = printed.chars().map(|c| c.width().unwrap_or(0)).sum();
        assert_eq!(width, shown.width(), "{printed}");
    }
    assert!(report::printable(text).quoted().cut(columns).width() <= columns);

    let record = Text(text);
    let quoted = report::printable(text).quoted();
    let filter = format!("text == {quoted} && text starts_with {quoted}");
    match Filter::parse(&filter) {
        Ok(filter) => assert!(filter.matches(&record), "{quoted}"),
        Err(error) => assert!(error.to_string().contains("longer than"), "{quoted}: {error}"),
    }

    let mut line = Vec::new();
    let written = JsonLines::new().render(&record, &mut line);
    assert!(written.is_ok() && line.pop() == Some(b'\n'));
    let line = String::from_utf8(line).expect("JSON is UTF-8");
    only_seen(&line);
    let object: serde_json::Value = serde_json::from_str(&line).expect("the line is JSON");
    let member = |name| object.get(name).and_then(serde_json::Value::as_str);
    match std::str::from_utf8(text) {
        Ok(text) => assert_eq!(member("text"), Some(text)),
        Err(_) => assert_eq!(member("text_hex").map(str::len), Some(2 * text.len())),
    }

    let mut cell = Vec::new();
    let written = Columns::new(vec![FieldId::Text]).render(&record, &mut cell);
    assert!(written.is_ok() && cell.pop() == Some(b'\n'));
    let cell = String::from_utf8(cell).expect("cells are UTF-8");
    only_seen(&cell);
    assert_eq!(cell == "\"\"", text.is_empty(), "{cell}");
    let formula = ['=', '+', '-', '@', '"', '\''];
    assert!(text.is_empty() || !cell.starts_with(formula) && !cell.contains(','), "{cell}");
}

/// No control, no direction mark, no separator, nothing of zero width but marks on something.
fn only_seen(printed: &str) {
    for c in printed.chars() {
        assert!(!c.is_control() && !report::hides(c) || matches!(c, '\u{200d}' | '\u{fe0f}'));
        let is_bidi = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        assert!(!is_bidi && !matches!(c, '\u{2028}'..='\u{2029}' | '\u{2066}'..='\u{2069}'));
    }
    assert!(printed.chars().next().is_none_or(|c| c.width() != Some(0)), "{printed:?}");
}

/// A record that only says `text`.
struct Text<'a>(&'a [u8]);

impl Fields for Text<'_> {
    fn each(
        &self,
        each: &mut dyn FnMut(FieldId, dissect::Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        each(FieldId::Text, dissect::Value::Text(self.0))
    }
}

/// A filter is read, or the place of its fault lies in it and can be pointed at.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Filter::parse(text) {
        Ok(filter) => {
            let negated = Filter::parse(&format!("!({text})"));
            if let Ok(negated) = negated {
                let record = Text(data);
                assert_ne!(filter.matches(&record), negated.matches(&record), "{text}");
            }
        }
        Err(error) => {
            assert!(text.get(error.at..error.at + error.len).is_some(), "{error:?}");
            let place = report::caret(text, error.at, error.len);
            place.lines().for_each(only_seen);
            assert_eq!(place.lines().count(), 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Bytes that often are characters of interest.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let character = prop_oneof![
            any::<char>(),
            proptest::char::range('\0', '\u{ff}'),
            proptest::char::range('\u{300}', '\u{310}'),
            proptest::char::range('\u{2000}', '\u{2070}'),
            proptest::sample::select(vec!['❤', '\u{fe0f}', '\u{200d}', '👩', '"', '\\', ',', '=']),
        ];
        let piece = prop_oneof![
            4 => character.prop_map(|c| c.to_string().into_bytes()),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// Words of the filter language, and others.
    fn filter() -> impl Strategy<Value = String> {
        let words = vec![
            "kind",
            "text",
            "frame",
            "rel",
            "src",
            "from",
            "opus",
            "resend",
            "==",
            "!=",
            "<",
            ">=",
            "contains",
            "starts_with",
            "in",
            "{",
            "}",
            ",",
            "(",
            ")",
            "!",
            "&&",
            "||",
            "rejoin",
            "1",
            "0x1f",
            "9..1",
            "1..2",
            "c0ffee",
            "c0f",
            "\"a\\x1b\"",
            "\"",
            "10.0.0.0/8",
            ":5",
            "é",
            "true",
            "2026-11-22",
            "1.5",
        ];
        let word = proptest::sample::select(words);
        proptest::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn text_is_printed_so_that_it_is_only_seen(text in text()) {
            super::printable(&text);
        }

        #[test]
        fn filters_are_read_or_pointed_at(text in filter()) {
            super::filter(text.as_bytes());
        }
    }
}
