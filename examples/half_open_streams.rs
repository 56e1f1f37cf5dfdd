//! How much memory TCP reassembly takes for a capture with many half-open streams.
//!
//! `cargo run --release --example half_open_streams 100000`
//!
//! Each connection has a SYN and then segments that wait for a first byte which never comes. Linux only:
//! what is resident is read from `/proc/self/status`.
#![expect(clippy::print_stdout, reason = "its figures are for people")]

use std::io::{self, Read};
use std::time::Instant;

use toxscope::capture::{Datagrams, Event, Limits};

/// Segments of each connection, and bytes of each segment.
const SEGMENTS: u32 = 8;
const LENGTH: u32 = 256;

fn main() {
    let connections = std::env::args().nth(1).and_then(|count| count.parse().ok());
    let connections = connections.unwrap_or(100_000);
    for (what, segments) in [("a SYN each", 0), ("a SYN and bytes behind a hole each", SEGMENTS)] {
        let input = Capture { connections, segments, next: 0, bytes: Vec::new(), at: 0 };
        let before = resident();
        let start = Instant::now();
        let mut datagrams = Datagrams::new(input, Limits::default()).expect("it is a capture");
        let (mut most, mut events, mut holes) = (0, 0_u64, 0_u64);
        while let Some(event) = datagrams.next().expect("it is whole") {
            events += 1;
            holes += u64::from(matches!(event, Event::Piece(_)));
            if events.is_multiple_of(10_000) {
                most = most.max(resident());
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let counts = datagrams.streams();
        println!(
            "{connections} connections with {what}: {} frames in {seconds:.2} s, {} KiB resident ({} KiB \
             before); {} forgotten, {holes} pieces, {} holes, {} bytes lost",
            datagrams.frames(),
            most,
            before,
            counts.forgotten,
            counts.holes,
            counts.lost,
        );
    }
}

/// Kibibytes that are resident.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// A capture that is made as it is read.
struct Capture {
    connections: u32,
    segments: u32,
    /// Number of the next frame.
    next: u32,
    bytes: Vec<u8>,
    at: usize,
}

impl Capture {
    fn frame(&mut self) -> Vec<u8> {
        let (connection, round) = (self.next % self.connections, self.next / self.connections);
        let [_, a, b, c] = connection.to_be_bytes();
        let length = if round == 0 { 0 } else { LENGTH as usize };
        let sequence = if round == 0 { 7 } else { 100 + (round - 1) * LENGTH };
        let total = u16::try_from(40 + length).expect("it is small");
        let mut frame = vec![0x45, 0];
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, a, b, c, 192, 0, 2, 1]);
        frame.extend([0x10, 0, 0x82, 0xa5]);
        frame.extend(sequence.to_be_bytes());
        frame.extend([0, 0, 0, 0, 0x50, if round == 0 { 2 } else { 16 }, 0, 0, 0, 0, 0, 0]);
        frame.resize(frame.len() + length, b'x');
        frame
    }
}

impl Read for Capture {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            let is_over = self.next == self.connections * (self.segments + 1);
            (self.bytes, self.at) = (Vec::new(), 0);
            if self.next == 0 {
                let header = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 101_u32];
                self.bytes.extend(header.iter().flat_map(|word| word.to_be_bytes()));
            }
            if !is_over {
                let frame = self.frame();
                let length = u32::try_from(frame.len()).expect("it is small");
                let record = [self.next / 100_000, self.next % 100_000, length, length];
                self.bytes.extend(record.iter().flat_map(|word| word.to_be_bytes()));
                self.bytes.extend(frame);
                self.next += 1;
            }
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(space.len());
        let (now, _) = rest.split_at(count);
        space.get_mut(..count).unwrap_or_default().copy_from_slice(now);
        self.at += count;
        Ok(count)
    }
}
