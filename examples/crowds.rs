//! What crowds in a capture cost: time and memory of opening it with keys, for so many and for ten times as many
//! and with as many keys.
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
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Dissector, Item, Totals, stream};

/// A frame of a crowd, by its number.
struct Crowd {
    name: &'static str,
    about: &'static str,
    most: u32,
    /// Lines of the key log.
    keys: u32,
    frame: fn(u32) -> Vec<u8>,
}

const CROWDS: [Crowd; 6] = [
    Crowd {
        name: "frames",
        about: "sealed packets of one flow",
        most: 10_000_000,
        keys: 10,
        frame: |_| sealed(0),
    },
    Crowd {
        name: "flows",
        about: "flows of one sealed packet",
        most: 1_000_000,
        keys: 10,
        frame: sealed,
    },
    Crowd {
        name: "cookies",
        about: "cookie requests, one an address",
        most: 1_000_000,
        keys: 10,
        frame: |number| udp(number, 0x18, 145),
    },
    Crowd {
        name: "handshakes",
        about: "handshakes, one an address",
        most: 1_000_000,
        keys: 10,
        frame: |number| udp(number, 0x1a, 385),
    },
    Crowd {
        name: "fragments",
        about: "datagrams that never become whole",
        most: 131_072,
        keys: 10,
        frame: fragment,
    },
    Crowd {
        name: "keys",
        about: "sealed packets and handshakes, and 100 000 keys",
        most: 1_000_000,
        keys: 100_000,
        frame: |number| {
            if number.is_multiple_of(10) {
                udp(number / 10, 0x1a, 385)
            } else {
                sealed(number / 10)
            }
        },
    },
];

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
    let mut ring = KeyRing::new();
    ring.read(key_log(crowd.keys).as_bytes()).expect("memory can be read");
    let capture = Capture { frame: crowd.frame, count, next: 0, bytes: Vec::new(), at: 0 };
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
    let frames = datagrams.frames();
    assert_eq!(frames, u64::from(count));
    let (seconds, memory) = (start.elapsed().as_secs_f64(), most_resident());
    println!(
        "{:10} {frames:>9} {:48} {seconds:6.2} s, {memory:>3} MiB; {} forgotten, {} searches cut short, {} fragments given up",
        crowd.name,
        crowd.about,
        dissector.forgotten(),
        dissector.sessions().searches_cut_short(),
        datagrams.fragments().given_up,
    );
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
