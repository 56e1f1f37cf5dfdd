use proptest::prelude::*;

use super::*;
use crate::crypto::testing::{Client, Pair, RelayConnection};
use crate::crypto::{KeyRing, Seen};
use crate::wire::RelayKind;
use crate::wire::relay::{
    ConnectNotification, OutOfBandRecv, OutOfBandSend, RelayData, RelayPing, RelayUnknown,
    RoutingRequest, RoutingResponse,
};

const PING: RelayPacket<'_> = RelayPacket::Ping(RelayPing { ping_id: *b"whoisit?" });

/// TCP connections, and what is found in them.
struct Wire {
    relays: Relays,
    sessions: Sessions,
    found: Vec<String>,
}

/// A TCP connection of a client with a relay, which is at port 33445.
#[derive(Clone, Copy)]
struct Stream {
    number: u32,
    is_known: bool,
    is_begun: [bool; 2],
}

impl Stream {
    fn new(number: u32) -> Self {
        Self { number, is_known: true, is_begun: [false; 2] }
    }

    /// One that began before the capture.
    fn running(number: u32) -> Self {
        Self { is_known: false, ..Self::new(number) }
    }
}

impl Wire {
    fn new(key_log: &str) -> Self {
        let mut ring = KeyRing::new();
        ring.read(key_log.as_bytes()).unwrap();
        Self { relays: Relays::default(), sessions: Sessions::new(ring), found: Vec::new() }
    }

    fn sends(&mut self, stream: &mut Stream, to_relay: bool, bytes: &[u8]) {
        self.sends_after(stream, to_relay, bytes, Some(0));
    }

    /// After so many bytes that are missing.
    fn sends_after(
        &mut self,
        stream: &mut Stream,
        to_relay: bool,
        bytes: &[u8],
        missing: Option<u64>,
    ) {
        let client = SocketAddr::from(([10, 0, 0, stream.number as u8], 50_000));
        let relay = SocketAddr::from(([10, 0, 0, 200], 33_445));
        let (from, to) = if to_relay { (client, relay) } else { (relay, client) };
        let is_first = !std::mem::replace(&mut stream.is_begun[usize::from(to_relay)], true);
        let from_opener = stream.is_known.then_some(to_relay);
        let missing = if is_first && !stream.is_known { None } else { missing };
        let is_first = is_first && missing == Some(0);
        let stream = stream.number;
        self.relays.take(
            &StreamBytes { stream, from, to, from_opener, bytes, is_first, missing },
            &mut self.sessions,
        );
        while let Some(relayed) = self.relays.pop() {
            let told = told(&relayed, &mut self.sessions);
            self.found.push(told);
        }
    }

    /// What was found since this was asked last.
    fn found(&mut self) -> Vec<String> {
        std::mem::take(&mut self.found)
    }

    fn greets(&mut self, stream: &mut Stream, connection: &RelayConnection) {
        self.sends(stream, true, &connection.handshake());
        self.sends(stream, false, &connection.answer());
    }
}

fn told(relayed: &Relayed<'_>, sessions: &mut Sessions) -> String {
    let way = match relayed.to_relay {
        Some(true) => "to relay",
        Some(false) => "from relay",
        None => "either way",
    };
    let what = match &relayed.seen {
        RelaySeen::Handshake(Ok(_)) => "handshake".to_owned(),
        RelaySeen::Answer(Ok(_)) => "answer".to_owned(),
        RelaySeen::Packet(Ok(packet)) => packet.kind().name().to_owned(),
        RelaySeen::Handshake(Err(why)) | RelaySeen::Answer(Err(why)) => why.name().to_owned(),
        RelaySeen::Packet(Err(why)) => format!("frame: {}", why.name()),
    };
    let passed_on = match &relayed.seen {
        RelaySeen::Packet(Ok(packet)) => packet.passed_on(),
        _ => None,
    };
    let inside = relayed.route.zip(passed_on).map(|(route, inside)| {
        let opened = sessions.relayed(&route, inside);
        match &opened.seen {
            Seen::CookieRequest(seen) => format!(", cookie request, {}", seen.is_ok()),
            Seen::CookieResponse(seen) => format!(", cookie response, {}", seen.is_ok()),
            Seen::Handshake(Ok(seen)) => format!(", handshake, {}", seen.is_new),
            Seen::Data(Ok(data)) => {
                let again = match (data.resend, data.copy) {
                    (false, false) => "",
                    (true, false) => ", again",
                    (_, true) => ", copy",
                };
                format!(", session {} #{}{again}", data.session, data.plain.number)
            }
            Seen::Handshake(Err(why)) | Seen::Data(Err(why)) => format!(", {}", why.name()),
            Seen::Other => ", other".to_owned(),
        }
    });
    format!("{way}: {what}{}", inside.unwrap_or_default())
}

fn relay() -> Pair {
    Pair::of(99)
}

fn connection(client: &Client, seed: u8) -> RelayConnection {
    RelayConnection::new(&client.dht, &relay(), seed)
}

fn response(connection_id: u8, client: &Client) -> RelayPacket<'static> {
    RelayPacket::RoutingResponse(RoutingResponse { connection_id, dht_key: client.dht.public })
}

fn data(connection_id: u8, data: &[u8]) -> RelayPacket<'_> {
    RelayPacket::Data(RelayData { connection_id, data })
}

fn send<'a>(client: &Client, data: &'a [u8]) -> RelayPacket<'a> {
    RelayPacket::OutOfBandSend(OutOfBandSend { dht_key: client.dht.public, data })
}

fn recv<'a>(client: &Client, data: &'a [u8]) -> RelayPacket<'a> {
    RelayPacket::OutOfBandRecv(OutOfBandRecv { dht_key: client.dht.public, data })
}

#[test]
fn a_session_through_a_relay_is_followed_on_both_halves_of_its_way() {
    let (mut ann, mut bob) = (Client::new(1, 11), Client::new(2, 12));
    let (mut of_ann, mut of_bob) = (connection(&ann, 20), connection(&bob, 30));
    let keys = [ann.shared_lines(&bob), of_ann.shared_lines(), of_bob.shared_lines()].concat();
    let mut wire = Wire::new(&keys);
    let (mut a, mut b) = (Stream::new(1), Stream::new(2));
    wire.greets(&mut a, &of_ann);
    wire.greets(&mut b, &of_bob);
    let greeted = ["to relay: handshake", "from relay: answer"];
    assert_eq!(wire.found(), [greeted, greeted].concat());

    let request = RelayPacket::RoutingRequest(RoutingRequest { dht_key: bob.dht.public });
    wire.sends(&mut a, true, &of_ann.to_relay(&request));
    wire.sends(&mut a, false, &of_ann.from_relay(&response(16, &bob)));
    wire.sends(&mut b, false, &of_bob.from_relay(&response(17, &ann)));
    let connected = RelayPacket::ConnectNotification(ConnectNotification { connection_id: 16 });
    wire.sends(&mut a, false, &of_ann.from_relay(&connected));
    assert_eq!(
        wire.found(),
        [
            "to relay: relay_routing_request",
            "from relay: relay_routing_response",
            "from relay: relay_routing_response",
            "from relay: relay_connect_notification",
        ]
    );

    // Out of band, and on the connection.
    let cookie = ann.cookie_request(&bob);
    wire.sends(&mut a, true, &of_ann.to_relay(&send(&bob, &cookie)));
    wire.sends(&mut b, false, &of_bob.from_relay(&recv(&ann, &cookie)));
    let cookie = bob.cookie_response(&ann);
    wire.sends(&mut b, true, &of_bob.to_relay(&data(17, &cookie)));
    wire.sends(&mut a, false, &of_ann.from_relay(&data(16, &cookie)));
    for handshake in [ann.handshake(&bob), bob.handshake(&ann)] {
        wire.sends(&mut a, true, &of_ann.to_relay(&data(16, &handshake)));
        wire.sends(&mut b, false, &of_bob.from_relay(&data(17, &handshake)));
    }
    assert_eq!(
        wire.found(),
        [
            "to relay: relay_oob_send, cookie request, true",
            "from relay: relay_oob_recv, cookie request, true",
            "to relay: relay_data, cookie response, true",
            "from relay: relay_data, cookie response, true",
            "to relay: relay_data, handshake, true",
            "from relay: relay_data, handshake, false",
            "to relay: relay_data, handshake, true",
            "from relay: relay_data, handshake, false",
        ]
    );

    // Lossless, lossy, lossless sent again under another nonce.
    for packet in [
        ann.data(&bob, b"\x40hello"),
        ann.data(&bob, b"\xc7sound"),
        ann.numbered(&bob, 0, b"\x40hello"),
    ] {
        wire.sends(&mut a, true, &of_ann.to_relay(&data(16, &packet)));
        wire.sends(&mut b, false, &of_bob.from_relay(&data(17, &packet)));
    }
    assert_eq!(
        wire.found(),
        [
            "to relay: relay_data, session 1 #0",
            "from relay: relay_data, session 1 #0, copy",
            "to relay: relay_data, session 1 #1",
            "from relay: relay_data, session 1 #1, copy",
            "to relay: relay_data, session 1 #0, again",
            "from relay: relay_data, session 1 #0, copy",
        ]
    );

    // The session moves to UDP and back, and to bob's other relay connection.
    let packet = bob.data(&ann, b"\x40hi");
    let opened = wire.sessions.datagram(bob.address, ann.address, &packet, false);
    assert!(matches!(opened.seen, Seen::Data(Ok(data)) if data.session == 1));
    assert_eq!(opened.from, Some(bob.real.public));
    let packet = bob.data(&ann, b"\x40again");
    wire.sends(&mut b, true, &of_bob.to_relay(&data(17, &packet)));
    let mut other = connection(&bob, 40);
    wire.sessions.ring_mut().read(other.shared_lines().as_bytes()).unwrap();
    let mut c = Stream::new(3);
    wire.greets(&mut c, &other);
    let packet = bob.data(&ann, b"\x40once more");
    wire.sends(&mut c, true, &other.to_relay(&send(&ann, &packet)));
    assert_eq!(
        wire.found(),
        [
            "to relay: relay_data, session 1 #1",
            "to relay: handshake",
            "from relay: answer",
            "to relay: relay_oob_send, session 1 #2",
        ]
    );
}

#[test]
fn one_sides_log_opens_its_own_half() {
    let (mut ann, bob) = (Client::new(1, 11), Client::new(2, 12));
    let (mut of_ann, mut of_bob) = (connection(&ann, 20), connection(&bob, 30));
    let mut wire = Wire::new(&(ann.shared_lines(&bob) + &of_ann.shared_lines()));
    let (mut a, mut b) = (Stream::new(1), Stream::new(2));
    wire.greets(&mut a, &of_ann);
    wire.greets(&mut b, &of_bob);
    wire.sends(&mut a, false, &of_ann.from_relay(&response(16, &bob)));
    for handshake in [ann.handshake(&bob), bob.handshake(&ann)] {
        wire.sends(&mut a, true, &of_ann.to_relay(&data(16, &handshake)));
    }
    let packet = ann.data(&bob, b"\x40hello");
    wire.sends(&mut a, true, &of_ann.to_relay(&data(16, &packet)));
    wire.sends(&mut b, false, &of_bob.from_relay(&data(17, &packet)));
    assert_eq!(
        wire.found(),
        [
            "to relay: handshake",
            "from relay: answer",
            "from relay: no_key",
            "from relay: relay_routing_response",
            "to relay: relay_data, handshake, true",
            "to relay: relay_data, handshake, true",
            "to relay: relay_data, session 1 #0",
            "from relay: frame: no_key",
        ]
    );
}

#[test]
fn connections_to_anything_else_are_left_alone() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let mut wire = Wire::new(&of_ann.shared_lines());
    let frame = of_ann.to_relay(&PING);
    let talks: [&[(bool, &[u8])]; 6] = [
        &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, &[b'x'; 1000]), (true, &frame)],
        &[(true, &[1; 128]), (false, &[2; 97]), (true, &frame)],
        &[(true, &[1; 128]), (true, &frame), (false, &[2; 96]), (true, &frame)],
        &[(true, &[1; 127]), (true, &[1; 2]), (false, &[2; 96]), (true, &frame)],
        &[(false, b"220 ready\r\n"), (true, b"EHLO\r\n"), (false, &[2; 96]), (true, &frame)],
        &[(true, &[1; 128]), (false, &[2; 96]), (true, b"\xff\xff\xff")],
    ];
    for (number, talk) in (1..).zip(talks) {
        let mut stream = Stream::new(number);
        for (to_relay, bytes) in talk {
            wire.sends(&mut stream, *to_relay, bytes);
        }
    }
    // The last one had the shape of a handshake, and then of nothing.
    assert_eq!(wire.found(), ["from relay: no_key"]);
    // What runs already: text, and frames as DNS has them.
    let mut stream = Stream::running(8);
    wire.sends(&mut stream, true, b"HTTP/1.1 200 OK\r\n");
    (0..20).for_each(|_| wire.sends(&mut stream, true, &frame));
    assert_eq!(wire.found(), [""; 0]);
    // Kept are two whose other side has yet to show what it is.
    assert_eq!(wire.relays.legs.iter().count(), 2);
}

#[test]
fn without_any_key_a_relay_is_known_by_its_handshake() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let mut wire = Wire::new("");
    let mut a = Stream::new(1);
    wire.greets(&mut a, &of_ann);
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    assert_eq!(wire.found(), ["from relay: no_key_log", "to relay: frame: no_key_log"]);
    // Keys that come later open what comes after them.
    wire.sessions.ring_mut().read(of_ann.shared_lines().as_bytes()).unwrap();
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    wire.sends(&mut a, false, &of_ann.from_relay(&PING));
    assert_eq!(wire.found(), ["to relay: relay_ping", "from relay: relay_ping"]);
}

#[test]
fn a_log_without_the_temporary_keys_opens_the_handshakes_only() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let lines = of_ann.shared_lines();
    let mut wire = Wire::new(lines.lines().next().unwrap());
    let mut a = Stream::new(1);
    wire.greets(&mut a, &of_ann);
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    assert_eq!(
        wire.found(),
        ["to relay: handshake", "from relay: answer", "to relay: frame: no_session_key"]
    );
}

#[test]
fn the_long_line_opens_the_frames_without_the_handshakes() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let mut wire = Wire::new(&of_ann.relay_line());
    let mut a = Stream::new(1);
    wire.greets(&mut a, &of_ann);
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    wire.sends(&mut a, false, &of_ann.from_relay(&PING));
    assert_eq!(
        wire.found(),
        ["from relay: no_key", "to relay: relay_ping", "from relay: relay_ping"]
    );
}

#[test]
fn a_connection_that_began_before_the_capture_is_opened_with_nonces() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let lines = of_ann.shared_lines() + &of_ann.nonce_lines();
    let onion = RelayPacket::Unknown(RelayUnknown { kind: RelayKind(8), body: b"layers" });
    for _ in 0..1000 {
        of_ann.to_relay(&PING);
        of_ann.from_relay(&PING);
    }
    let mut wire = Wire::new(&lines);
    let mut a = Stream::running(1);
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    wire.sends(&mut a, false, &of_ann.from_relay(&PING));
    wire.sends(&mut a, true, &of_ann.to_relay(&onion));
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    assert_eq!(
        wire.found(),
        [
            "either way: relay_ping",
            "either way: relay_ping",
            "to relay: relay_onion_request",
            "to relay: relay_ping",
        ]
    );

    // Without: after some frames there is no doubt that it is one.
    let mut wire = Wire::new(&of_ann.shared_lines());
    let mut a = Stream::running(1);
    (0..10).for_each(|_| wire.sends(&mut a, true, &of_ann.to_relay(&PING)));
    assert_eq!(wire.found(), ["either way: frame: no_relay_handshake"; 2]);
}

#[test]
fn frames_are_found_again_behind_missing_bytes() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let mut wire = Wire::new(&of_ann.shared_lines());
    let mut a = Stream::new(1);
    wire.greets(&mut a, &of_ann);
    let long = [b'x'; 300];
    let frames: Vec<Vec<u8>> = (0..20)
        .map(|number: u8| {
            let length = usize::from(number) * 13;
            of_ann.to_relay(&data(16 + number, &long[..length]))
        })
        .collect();
    let sizes = |range: Range<usize>| frames[range].iter().map(Vec::len).sum::<usize>() as u64;
    wire.found();
    wire.sends(&mut a, true, &frames[0]);
    // A frame and the beginning of another; then some are missing.
    wire.sends(&mut a, true, &[&frames[1][..], &frames[2][..7]].concat());
    wire.sends_after(&mut a, true, &frames[5], Some(sizes(2..5) - 7));
    assert_eq!(wire.found().len(), 3);
    // In two segments.
    wire.sends_after(&mut a, true, &frames[8][..40], Some(sizes(6..8)));
    wire.sends(&mut a, true, &frames[8][40..]);
    assert_eq!(wire.found().len(), 1);
    // Not at the beginning of a frame; the next segment is.
    wire.sends_after(&mut a, true, &frames[10][30..], Some(sizes(9..10) + 30));
    wire.sends(&mut a, true, &frames[11]);
    assert_eq!(wire.found().last().unwrap(), "to relay: relay_data, other");
    // Nobody knows how many.
    wire.sends_after(&mut a, true, &frames[15], None);
    wire.sends(&mut a, true, &frames[16]);
    assert_eq!(wire.found(), ["to relay: relay_data, other"; 2]);
}

#[test]
fn a_damaged_frame_spoils_itself_alone() {
    let mut of_ann = connection(&Client::new(1, 11), 20);
    let mut wire = Wire::new(&of_ann.shared_lines());
    let mut a = Stream::new(1);
    wire.greets(&mut a, &of_ann);
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    wire.found();
    let mut damaged = of_ann.to_relay(&PING);
    damaged[9] ^= 1;
    wire.sends(&mut a, true, &damaged);
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    let empty = RelayPacket::Unknown(RelayUnknown { kind: RelayKind(4), body: &[] });
    wire.sends(&mut a, true, &of_ann.to_relay(&empty));
    assert_eq!(
        wire.found(),
        ["to relay: frame: bad_tag", "to relay: relay_ping", "to relay: frame: bad_length"]
    );
    // A length that no frame has; the next segment begins with one again.
    wire.sends(&mut a, true, b"\xff\xff...");
    wire.sends(&mut a, true, &of_ann.to_relay(&PING));
    assert_eq!(wire.found(), ["to relay: frame: bad_length", "to relay: relay_ping"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..Default::default() })]

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut(
        lengths in proptest::collection::vec(0..1000_usize, 1..12),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut of_ann = connection(&Client::new(1, 11), 20);
        let mut wire = Wire::new(&of_ann.shared_lines());
        let mut a = Stream::new(1);
        wire.greets(&mut a, &of_ann);
        let bytes = [7; 1000];
        let stream: Vec<u8> =
            lengths.iter().flat_map(|length| of_ann.to_relay(&data(16, &bytes[..*length]))).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.push(stream.len());
        cuts.sort_unstable();
        wire.found();
        let mut at = 0;
        for cut in cuts {
            wire.sends(&mut a, true, &stream[at..cut]);
            at = cut;
        }
        prop_assert_eq!(wire.found(), vec!["to relay: relay_data, other"; lengths.len()]);
    }

    /// Whatever TCP carries: nothing panics, and little is kept.
    #[test]
    fn any_bytes_at_all_keep_the_bounds(
        pieces in proptest::collection::vec(
            (any::<bool>(), 0..3_u32, proptest::option::of(0..3000_u64),
             prop_oneof![Just(vec![0, 17]), proptest::collection::vec(any::<u8>(), 1..2100)]),
            0..60,
        ),
    ) {
        let of_ann = connection(&Client::new(1, 11), 20);
        let mut wire = Wire::new(&of_ann.shared_lines());
        let mut streams = [Stream::new(1), Stream::new(2), Stream::running(3)];
        wire.greets(&mut streams[0], &of_ann);
        for (to_relay, stream, missing, bytes) in pieces {
            let stream = &mut streams[stream as usize];
            wire.sends_after(stream, to_relay, &bytes, missing.or(Some(0)));
            for (_, leg) in wire.relays.legs.iter() {
                prop_assert!(leg.held() <= 2 * (2050 + 2100));
            }
        }
    }
}
