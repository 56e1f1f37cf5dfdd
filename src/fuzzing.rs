//! One function per fuzz target, each with the property it states.

mod streams;
mod traffic;

use std::ops::ControlFlow;

use unicode_width::UnicodeWidthChar;

use crate::capture::{Changes, Datagrams, Event, Limits, Origin, rewrite};
use crate::conference::savedata::Savedata;
use crate::conference::{Endpoint, Input, Output, Profile, Request, SeededDice};
use crate::dissect::filter::Filter;
use crate::dissect::{self, FieldId, Fields};
use crate::report::{self, Columns, JsonLines};
use crate::time::Timestamp;
use crate::wire::layout::{self, Parts, Value};
use crate::wire::net_crypto::{
    CookieRequest, CookieRequestPlain, CookieResponse, CookieResponsePlain, CryptoData,
    CryptoPlain, Handshake, HandshakePlain, PacketRequest,
};
use crate::wire::{
    Chat, Conference, ConferenceId, ConferenceType, FreezePeer, GroupMessage, GroupNumber, Invite,
    InviteAccepted, InviteMember, KillPeer, Kind, Lossy, LossyBody, LossyNumber, MessageBody,
    MessageNumber, Name, NewPeer, Online, Packet, PeerEntry, PeerIntroduced, PeerNumber, PeerQuery,
    PeerResponse, Ping, PublicKey, Rejoin, Title, TitleResponse, ToxKind, UnknownMessage, dht,
};

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

/// A capture is read to its end or to an error; frames follow each other, and pieces of streams the frames
/// that they are in; what is handed out lies inside the input, and a cut in the middle changes nothing that
/// came before it.
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
        assert_ne!(error.to_string(), "");
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
    assert!(!cell.starts_with(['=', '+', '-', '@', '"', '\'']) && !cell.contains(','), "{cell}");
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

/// Bytes as decisions; zeros once they are used up.
struct Decisions<'a>(&'a [u8]);

impl<'a> Decisions<'a> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let size = usize::from(self.byte()).min(most).min(self.0.len());
        let (bytes, rest) = self.0.split_at(size);
        self.0 = rest;
        bytes
    }

    /// One of nine keys; the ninth is our own.
    fn key(&mut self) -> PublicKey {
        let which = self.byte() % 9;
        PublicKey([if which == 8 { OWN } else { which * 28 + 1 }; 32])
    }

    fn peer(&mut self) -> PeerNumber {
        PeerNumber(u16::from(self.byte() % 12))
    }

    fn group(&mut self) -> GroupNumber {
        GroupNumber(u16::from(self.byte() % 4))
    }

    /// One of the first conferences that the endpoint created, or another.
    fn conference(&mut self, endpoint: &Endpoint) -> Conference {
        let which = self.byte();
        let known = endpoint.groups().nth(usize::from(which % 4)).map(|group| group.conference());
        let kind = ConferenceType(which >> 6);
        known.unwrap_or(Conference { kind, id: ConferenceId([which & 3; 32]) })
    }

    /// A packet that is well formed most of the time.
    fn packet(&mut self, endpoint: &Endpoint) -> Vec<u8> {
        let mut out = Vec::new();
        let which = self.byte() % 20;
        if which == 0 {
            return self.bytes(255).to_vec();
        }
        let (group_number, entries);
        let packet = match which {
            1 => Packet::Invite(Invite {
                group_number: self.group(),
                conference: self.conference(endpoint),
            }),
            2 => Packet::InviteAccepted(InviteAccepted {
                group_number: self.group(),
                receiver_group_number: self.group(),
                conference: self.conference(endpoint),
            }),
            3 => Packet::InviteMember(InviteMember {
                group_number: self.group(),
                receiver_group_number: self.group(),
                conference: self.conference(endpoint),
                peer_number: self.peer(),
            }),
            4 | 5 => Packet::Online(Online {
                group_number: self.group(),
                conference: self.conference(endpoint),
            }),
            6 => {
                group_number = self.group();
                Packet::PeerIntroduced(PeerIntroduced { group_number, trailing: &[] })
            }
            7 => {
                group_number = self.group();
                Packet::PeerQuery(PeerQuery { group_number, trailing: &[] })
            }
            8 | 9 => {
                group_number = self.group();
                let mut list = Vec::new();
                for _ in 0..self.byte() % 8 {
                    let (peer_number, real_key, dht_key) = (self.peer(), self.key(), self.key());
                    let name = self.bytes(128);
                    PeerEntry { peer_number, real_key, dht_key, name }.emit(&mut list);
                }
                entries = list;
                Packet::PeerResponse(PeerResponse { group_number, entries: &entries })
            }
            10 => {
                group_number = self.group();
                Packet::TitleResponse(TitleResponse { group_number, title: self.bytes(128) })
            }
            11 | 12 => {
                Packet::Rejoin(Rejoin { conference: self.conference(endpoint), trailing: &[] })
            }
            13 => Packet::Lossy(Lossy {
                group_number: self.group(),
                peer_number: self.peer(),
                message_number: LossyNumber(u16::from(self.byte()) << 5),
                body: LossyBody::Audio { sequence_number: 0, opus: self.bytes(9) },
            }),
            _ => Packet::Message(self.message()),
        };
        packet.emit(&mut out);
        out
    }

    fn message(&mut self) -> GroupMessage<'a> {
        let group_number = self.group();
        let peer_number = self.peer();
        let coarse = u32::from(self.byte()) << 24;
        let message_number = MessageNumber(coarse.wrapping_add(u32::from(self.byte())));
        let body = match self.byte() % 9 {
            0 => MessageBody::Ping(Ping { trailing: &[] }),
            1 | 2 => MessageBody::NewPeer(NewPeer {
                new_peer_number: self.peer(),
                real_key: self.key(),
                dht_key: self.key(),
            }),
            3 => MessageBody::KillPeer(KillPeer { killed_peer_number: peer_number }),
            4 => MessageBody::FreezePeer(FreezePeer { frozen_peer_number: peer_number }),
            5 => MessageBody::Name(Name { name: self.bytes(128) }),
            6 => MessageBody::Title(Title { title: self.bytes(128) }),
            7 => MessageBody::Unknown(UnknownMessage { id: 0x42, body: self.bytes(9) }),
            _ => MessageBody::Chat(Chat { text: self.bytes(9) }),
        };
        GroupMessage { group_number, peer_number, message_number, body }
    }
}

/// First byte of our own key in [`machine_steps`].
const OWN: u8 = 0x80;

/// Whatever an endpoint is given, its invariants hold after every step, what it sends are packets
/// on sessions that are up, and the same inputs give the same outputs.
pub fn machine_steps(data: &[u8]) {
    let first = run_machine(data);
    assert_eq!(first, run_machine(data), "two runs differ");
}

fn run_machine(data: &[u8]) -> Vec<Output> {
    let mut decisions = Decisions(data);
    let profiles = [Profile::seed(), Profile::spec(), Profile::hardened(), Profile::legacy()];
    let which = usize::from(decisions.byte());
    let original = "ctoxcore".parse().expect("it is one of the profiles");
    let profile = profiles.get(which % 5).cloned().unwrap_or(original);
    let own = PublicKey([OWN; 32]);
    let mut endpoint = Endpoint::new(profile, own, own, b"own");
    let mut dice = SeededDice::new(1);
    let mut nanos = 0_i64;
    let mut all = Vec::new();
    // A friend, a session with it and a conference, so that most inputs have something to do.
    let friend = PublicKey([1; 32]);
    for input in [
        Input::Request { at: Timestamp::from_nanos(0), request: Request::AddFriend(friend) },
        Input::ConnectionUp { at: Timestamp::from_nanos(0), friend, dht_key: friend },
        Input::Request {
            at: Timestamp::from_nanos(0),
            request: Request::Create(ConferenceType(u8::from(which & 0x80 != 0))),
        },
    ] {
        all.extend(step(&mut endpoint, input, &mut dice));
    }
    for _ in 0..400 {
        if decisions.0.is_empty() {
            break;
        }
        let at = Timestamp::from_nanos(nanos);
        let bytes;
        let input = match decisions.byte() % 16 {
            0 => {
                nanos += i64::from(decisions.byte()) * 500_000_000;
                Input::Tick { at: Timestamp::from_nanos(nanos) }
            }
            1 => Input::ConnectionUp { at, friend: decisions.key(), dht_key: decisions.key() },
            2 => Input::ConnectionDown { at, friend: decisions.key() },
            3..=5 => Input::Request { at, request: decisions.request(&endpoint) },
            _ => {
                let friend = decisions.key();
                bytes = decisions.packet(&endpoint);
                Input::Packet { at, friend, bytes: &bytes }
            }
        };
        all.extend(step(&mut endpoint, input, &mut dice));
    }
    all
}

impl<'a> Decisions<'a> {
    fn request(&mut self, endpoint: &Endpoint) -> Request<'a> {
        match self.byte() % 16 {
            0 | 1 => Request::AddFriend(self.key()),
            2 => Request::RemoveFriend(self.key()),
            3 => Request::SetDhtKey(self.key()),
            4 => Request::Create(ConferenceType(self.byte() % 3)),
            5 | 6 => Request::Invite { group: self.group(), friend: self.key() },
            7 => {
                let friend = self.key();
                let group_number = self.group();
                let conference = self.conference(endpoint);
                Request::Accept { friend, invitation: Invite { group_number, conference } }
            }
            8 => Request::Say { group: self.group(), text: self.bytes(9) },
            9 => Request::Act { group: self.group(), text: self.bytes(9) },
            10 => {
                let (group, sequence_number) = (self.group(), 0);
                Request::SendAudio { group, sequence_number, opus: self.bytes(9) }
            }
            11 => Request::SetTitle { group: self.group(), title: self.bytes(255) },
            12 => Request::SetName(self.bytes(255)),
            13 => {
                let (group, limit) = (self.group(), u32::from(self.byte() % 4));
                Request::SetFrozenLimit { group, limit }
            }
            14 => Request::Delete { group: self.group() },
            _ if self.byte() > 250 => Request::ShutDown,
            _ => Request::Save,
        }
    }
}

/// One step, with everything that must hold after it.
fn step(endpoint: &mut Endpoint, input: Input<'_>, dice: &mut SeededDice) -> Vec<Output> {
    let outputs = endpoint.step(input, dice).outputs;
    let mut found = endpoint.violations();
    if let Input::Tick { .. } = input {
        found.extend(endpoint.violations_after_pass());
    }
    assert!(found.is_empty(), "after {input:?}: {found:?}");
    for output in &outputs {
        match output {
            Output::Send { friend, bytes } => {
                assert!(endpoint.connection(friend).is_none_or(|it| it.is_up()), "{friend}");
                let packet = Packet::parse(bytes).expect("only packets are sent");
                let mut again = Vec::new();
                packet.emit(&mut again);
                assert_eq!((&again, bytes.len() <= 1373), (bytes, true));
            }
            Output::Saved(section) => saved_loads(endpoint.profile(), section),
            _ => {}
        }
    }
    outputs
}

fn load(profile: &Profile, section: &[u8]) -> Endpoint {
    let own = PublicKey([OWN; 32]);
    let mut endpoint = Endpoint::new(profile.clone(), own, own, b"own");
    let loaded = endpoint.load(Timestamp::from_parts(1, 0), section, &[]);
    assert_eq!(loaded.groups.len(), endpoint.groups().count());
    assert!(loaded.damage.iter().all(|damage| damage.offset <= section.len()));
    let found = endpoint.violations();
    assert!(found.is_empty(), "after loading: {found:?}");
    endpoint
}

fn saved_loads(profile: &Profile, section: &[u8]) {
    if !profile.own_entry_unprotected {
        let mut endpoint = load(profile, &[]);
        let loaded = endpoint.load(Timestamp::from_parts(1, 0), section, &[]);
        assert_eq!(loaded.damage, [], "our own save is sound");
    }
}

/// Any save file is read without complaint about ourselves; what a section gives is saved, and
/// that loads without any damage to the same state but for the counters, which go on.
pub fn save_section(data: &[u8]) {
    if let Ok(savedata) = Savedata::parse(data) {
        savedata.sections.iter().for_each(|section| save_section_of(section.payload));
    }
    save_section_of(data);
}

fn exact_counters() -> Profile {
    let mut profile = Profile::seed();
    profile.saves_counters_ahead = false;
    profile
}

fn save_section_of(section: &[u8]) {
    for profile in [Profile::seed(), exact_counters()] {
        let ahead = profile.saves_counters_ahead;
        let first = load(&profile, section);
        let saved = first.save();
        let mut second = load(&profile, &[]);
        let loaded = second.load(Timestamp::from_parts(1, 0), &saved, &[]);
        assert_eq!(loaded.damage, [], "our own save is sound");
        assert_eq!(loaded.groups.len(), first.groups().count());
        if !ahead {
            assert_eq!(second.save(), saved, "saving is stable");
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
