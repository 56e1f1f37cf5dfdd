//! Sends the UDP datagrams of a capture over the loopback interface, again and again, so many a second: what
//! `toxscope live` has to keep up with.
//!
//! `cargo run --release --example flood -- samples/talk.pcapng --rate 100000 --seconds 30`. Each datagram goes from
//! its port to its port, both at 127.0.0.1, so that the capture's keys open them. Says how many were sent.
#![expect(clippy::print_stdout, reason = "its figures are for people")]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::error::Error;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use toxscope::capture::{Datagram, Datagrams, Event, Limits};

#[derive(Parser)]
struct Args {
    /// The capture
    file: PathBuf,
    /// Datagrams a second
    #[arg(long, default_value_t = 100_000)]
    rate: u64,
    /// For how long
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Only the first so many datagrams of the capture
    #[arg(long, default_value_t = 100_000)]
    first: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let mut capture = Datagrams::new(File::open(&args.file)?, Limits::default())?;
    let (mut sockets, mut sent) = (BTreeMap::new(), Vec::new());
    while let Some(event) = capture.next()? {
        let Event::Datagram(Datagram { from, to, payload, .. }) = event else { continue };
        for port in [from.port(), to.port()] {
            // Nobody reads from it; what comes is counted by the capture alone.
            if let Entry::Vacant(place) = sockets.entry(port) {
                place.insert(UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?);
            }
        }
        sent.push((from.port(), to.port(), payload.to_vec()));
        if sent.len() == args.first {
            break;
        }
    }
    if sent.is_empty() {
        return Err("no datagram in it".into());
    }
    let wanted = args.rate * args.seconds;
    let (start, mut count, mut failed, mut bytes) = (Instant::now(), 0_u64, 0_u64, 0_u64);
    let mut most_behind = 0;
    for (from, to, payload) in sent.iter().cycle() {
        if count == wanted {
            break;
        }
        let due = start.elapsed().as_micros() as u64 * args.rate / 1_000_000;
        if count >= due {
            thread::sleep(Duration::from_micros(500));
        } else {
            most_behind = most_behind.max(due - count);
        }
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, *to));
        match sockets.get(from).map(|socket| socket.send_to(payload, to)) {
            Some(Ok(length)) => bytes += length as u64,
            _ => failed += 1,
        }
        count += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} sent in {seconds:.2} s, {:.0} a second, {bytes} bytes; {failed} failed; at most {most_behind} behind",
        count - failed,
        (count - failed) as f64 / seconds
    );
    Ok(())
}
