//! What crowds cost: time and memory, for so many and for ten times as many, of opening a capture with keys,
//! and with as many keys; and of the packets that a hostile member sends to one endpoint of the reference
//! machine.
//!
//! `cargo run --release --example crowds` runs each crowd in a process of its own; `crowds NAME COUNT` one of
//! them. Linux only: the most that was resident is read from `/proc/self/status`.
#![expect(clippy::print_stdout, reason = "its figures are for people")]

use std::fmt::Write as _;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::process::Command;
use std::time::Instant;

use toxscope::capture::{Datagrams, Limits};
use toxscope::conference::{Endpoint, Event, Input, Output, Profile, Request, SeededDice};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Dissector, Item, Totals, stream};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Chat, ConferenceType, FreezePeer, GroupMessage, GroupNumber, InviteMember, KillPeer,
    MessageBody, MessageNumber, Name, NewPeer, Packet, PeerNumber, PublicKey, Title,
    UnknownMessage,
};

/// A crowd in a capture, or at an endpoint of the machine.
struct Crowd {
    name: &'static str,
    about: &'static str,
    most: u32,
    what: What,
}

enum What {
    Capture {
        /// Lines of the key log.
        keys: u32,
        /// By its number.
        frame: fn(u32) -> Vec<u8>,
    },
    /// A message of a hostile member, by its number.
    Messages(fn(u32) -> GroupMessage<'static>),
}

use What::{Capture as In, Messages};

const CROWDS: [Crowd; 8] = [
    Crowd {
        name: "frames",
        about: "sealed packets of one flow",
        most: 10_000_000,
        what: In { keys: 10, frame: |_| sealed(0) },
    },
    Crowd {
        name: "flows",
        about: "flows of one sealed packet",
        most: 1_000_000,
        what: In { keys: 10, frame: sealed },
    },
    Crowd {
        name: "cookies",
        about: "cookie requests, one an address",
        most: 1_000_000,
        what: In { keys: 10, frame: |number| udp(number, 0x18, 145) },
    },
    Crowd {
        name: "handshakes",
        about: "handshakes, one an address",
        most: 1_000_000,
        what: In { keys: 10, frame: |number| udp(number, 0x1a, 385) },
    },
    Crowd {
        name: "fragments",
        about: "datagrams that never become whole",
        most: 131_072,
        what: In { keys: 10, frame: fragment },
    },
    Crowd {
        name: "keys",
        about: "sealed packets and handshakes, and 100 000 keys",
        most: 1_000_000,
        what: In {
            keys: 100_000,
            frame: |number| {
                if number.is_multiple_of(10) {
                    udp(number / 10, 0x1a, 385)
                } else {
                    sealed(number / 10)
                }
            },
        },
    },
    Crowd {
        name: "forged",
        about: "messages of forged authors, a thousand a second",
        most: 1_000_000,
        what: Messages(forged),
    },
    Crowd {
        name: "peers",
        about: "peers announced under all numbers, at once",
        most: 100_000,
        what: Messages(|number| {
            let peer_number = AUTHOR;
            GroupMessage { peer_number, ..announcement(number, number) }
        }),
    },
];

/// The friend that sends it all, and its number in the conference.
const FRIEND: PublicKey = PublicKey([7; 32]);
const AUTHOR: PeerNumber = PeerNumber(1);

/// A message of any kind by anybody of 5000.
fn forged(number: u32) -> GroupMessage<'static> {
    let jumble = number.wrapping_mul(2_654_435_761) >> 8;
    let peer_number = PeerNumber((jumble % 5000) as u16);
    let body = match number % 8 {
        0..3 => return GroupMessage { peer_number, ..announcement(number, jumble % 4999) },
        3 => MessageBody::Chat(Chat { text: b"hello, world" }),
        4 => MessageBody::Name(Name { name: b"somebody else" }),
        5 => MessageBody::Title(Title { title: b"another title" }),
        6 if number % 16 < 8 => MessageBody::KillPeer(KillPeer { killed_peer_number: peer_number }),
        6 => MessageBody::FreezePeer(FreezePeer { frozen_peer_number: peer_number }),
        _ => MessageBody::Unknown(UnknownMessage { id: 0x42, body: b"nothing" }),
    };
    GroupMessage { peer_number, body, ..announcement(number, 0) }
}

/// Somebody of whom nobody has heard is announced under a number.
fn announcement(number: u32, new_peer_number: u32) -> GroupMessage<'static> {
    let mut key = [3; 32];
    key[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    let real_key = PublicKey(key);
    let new_peer_number = PeerNumber(new_peer_number as u16);
    let body = MessageBody::NewPeer(NewPeer { new_peer_number, real_key, dht_key: real_key });
    let message_number = MessageNumber(number + 1);
    GroupMessage { group_number: GroupNumber(0), peer_number: AUTHOR, message_number, body }
}

/// An IPv4 packet that begins so.
fn ip(number: u32, more: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, d] = number.to_be_bytes();
    let total = u16::try_from(20 + payload.len()).expect("it is small").to_be_bytes();
    let mut frame = vec![
        0x45,
        0,
        total[0],
        total[1],
        c,
        d,
        more,
        0,
        64,
        17,
        0,
        0,
        10,
        b ^ a,
        c,
        d,
        192,
        0,
        2,
        1,
    ];
    frame.extend(payload);
    frame
}

/// A datagram of so many bytes to one address, from one that the number gives, its bytes a jumble.
fn udp(number: u32, first: u8, length: u16) -> Vec<u8> {
    let mut payload = vec![0x82, 0xa5, 0x82, 0xa6];
    payload.extend((length + 8).to_be_bytes());
    payload.extend([0, 0, first]);
    let mut state = u64::from(number) + 1;
    while payload.len() < usize::from(length) + 8 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        payload.push(state.to_be_bytes()[0]);
    }
    ip(number, 0, &payload)
}

fn sealed(number: u32) -> Vec<u8> {
    udp(number, 0x1b, 60)
}

fn fragment(number: u32) -> Vec<u8> {
    ip(number, 0x20, &[0x82, 0xa5, 0x82, 0xa6, 0, 100, 0, 0])
}

/// A capture that is made as it is read.
struct Capture {
    frame: fn(u32) -> Vec<u8>,
    count: u32,
    next: u32,
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Capture {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
            if self.next == 0 {
                let header = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101_u32];
                self.bytes.extend(header.iter().flat_map(|word| word.to_be_bytes()));
            }
            if self.next < self.count {
                let frame = (self.frame)(self.next);
                let length = u32::try_from(frame.len()).expect("it is small");
                let record = [self.next / 100_000, self.next % 100_000 * 10, length, length];
                self.bytes.extend(record.iter().flat_map(|word| word.to_be_bytes()));
                self.bytes.extend(frame);
                self.next += 1;
            }
        }
        let count = self.bytes.get(self.at..).unwrap_or_default().read(space)?;
        self.at += count;
        Ok(count)
    }
}

/// Keys of other people: shared keys, each with a nonce.
fn key_log(lines: u32) -> String {
    let mut log = String::new();
    for number in 0..lines / 2 {
        writeln!(log, "SHARED {number:064x} {:064x} {number:064x}", !number)
            .expect("a string takes it");
        writeln!(log, "NONCE {number:064x} {number:048x}").expect("a string takes it");
    }
    log
}

/// The most that was resident so far, in MiB.
fn most_resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let digits = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    digits.map_or(0, |kib| kib / 1024)
}

fn measure(crowd: &Crowd, count: u32) {
    let start = Instant::now();
    let found = match crowd.what {
        In { keys, frame } => open(keys, frame, count),
        Messages(message) => hear(message, count),
    };
    let (seconds, memory) = (start.elapsed().as_secs_f64(), most_resident());
    let Crowd { name, about, .. } = crowd;
    println!("{name:10} {count:>9} {about:48} {seconds:6.2} s, {memory:>3} MiB; {found}");
}

/// Opens a capture of that many frames, and says what was given up.
fn open(keys: u32, frame: fn(u32) -> Vec<u8>, count: u32) -> String {
    let mut ring = KeyRing::new();
    ring.read(key_log(keys).as_bytes()).expect("memory can be read");
    let capture = Capture { frame, count, next: 0, bytes: Vec::new(), at: 0 };
    let mut datagrams = Datagrams::new(capture, Limits::default()).expect("it is a capture");
    let mut dissector = Dissector::new(ring, None);
    let mut totals = Totals::default();
    let end = stream(&mut datagrams, &mut dissector, |item| {
        if let Item::Record(record) = item {
            totals.record(record);
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(end, ControlFlow::Continue(None)), "the capture is whole");
    assert_eq!(datagrams.frames(), u64::from(count));
    format!(
        "{} forgotten, {} searches cut short, {} fragments given up",
        dissector.forgotten(),
        dissector.sessions().searches_cut_short(),
        datagrams.fragments().given_up,
    )
}

/// An endpoint and what became of what it was given.
struct Victim {
    endpoint: Endpoint,
    dice: SeededDice,
    /// The most peers that it listed.
    most: usize,
    dropped: u64,
    evicted: u64,
    sent: u64,
}

impl Victim {
    fn take(&mut self, input: &Input<'_>) {
        self.endpoint.handle(input, &mut self.dice);
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Dropped(_) => self.dropped += 1,
                Output::Event(Event::Evicted { .. }) => self.evicted += 1,
                Output::Send { .. } => self.sent += 1,
                Output::Open { .. }
                | Output::Release { .. }
                | Output::Event(_)
                | Output::Saved(_) => {}
            }
        }
        let groups = self.endpoint.groups();
        let listed = groups.map(|group| group.active().len() + group.frozen().len()).sum();
        self.most = self.most.max(listed);
    }

    fn packet(&mut self, at: Timestamp, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        self.take(&Input::Packet { at, friend: FRIEND, bytes: &bytes });
    }
}

/// Hands an endpoint that many messages, and a minute later looks at what is left.
fn hear(message: fn(u32) -> GroupMessage<'static>, count: u32) -> String {
    let own = PublicKey([9; 32]);
    let endpoint = Endpoint::new(Profile::seed(), own, own, b"own");
    let dice = SeededDice::new(1);
    let mut victim = Victim { endpoint, dice, most: 0, dropped: 0, evicted: 0, sent: 0 };
    let (at, friend) = (Timestamp::from_parts(0, 0), FRIEND);
    victim.take(&Input::Request { at, request: Request::AddFriend(friend) });
    victim.take(&Input::ConnectionUp { at, friend, dht_key: friend });
    victim.take(&Input::Request { at, request: Request::Create(ConferenceType::TEXT) });
    let conference = victim.endpoint.groups().next().expect("it was created").conference();
    let group_number = GroupNumber(0);
    victim.packet(
        at,
        &Packet::InviteMember(InviteMember {
            group_number,
            receiver_group_number: group_number,
            conference,
            peer_number: AUTHOR,
        }),
    );
    for number in 0..count {
        let at = Timestamp::from_parts(i64::from(number / 1000), 0);
        if number.is_multiple_of(1000) {
            victim.take(&Input::Tick { at });
        }
        victim.packet(at, &Packet::Message(message(number)));
    }
    victim.take(&Input::Tick { at: Timestamp::from_parts(i64::from(count / 1000) + 70, 0) });
    let Victim { endpoint, most, dropped, evicted, sent, .. } = victim;
    let left = endpoint.groups().map(|group| group.active().len() + group.frozen().len());
    let left: usize = left.sum();
    format!(
        "{most} peers listed, {left} in the end, {evicted} evicted; {dropped} refused, {sent} sent"
    )
}

fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [name, count] = &arguments[..] {
        let crowd = CROWDS.iter().find(|crowd| crowd.name == name).expect("a crowd has this name");
        measure(crowd, count.parse().expect("a count"));
        return Ok(());
    }
    for crowd in &CROWDS {
        for count in [crowd.most / 10, crowd.most] {
            let program = std::env::current_exe()?;
            assert!(
                Command::new(program).args([crowd.name, &count.to_string()]).status()?.success()
            );
        }
    }
    Ok(())
}
