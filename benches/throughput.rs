//! How fast `toxscope` is, beside a peer that does the part that cannot be spared
//! (`docs/performance.md`).
//!
//! `cargo bench --bench throughput` makes a capture by repeating a sample with fresh addresses, and
//! then takes turns: `stats` with `cat`, `dissect` with opening the same boxes alone, and with tshark. In
//! copies of a sample all but the first are resends, so `lint` and `replay` get a simulated conference, in
//! which every packet is new, and take turns with `dissect`.
//! Figures are ratios between neighbours in time, and of several rounds the median counts: by the
//! clock, and by the time on the processor, of all threads together, which a busy machine disturbs less.
//!
//! * `TOXSCOPE_BENCH_BYTES`: size of the capture; 1 GB unless it says otherwise.
//! * `TOXSCOPE_BENCH_ROUNDS`: how many rounds; 5 unless it says otherwise.
//! * `TOXSCOPE_BENCH_SAMPLE`: another sample than `audio`.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing to say")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use toxscope::capture::pcapng::{Interface, Resolution, Writer};
use toxscope::capture::{Datagrams, Event, Limits, LinkType};
use toxscope::crypto::BoxKey;
use toxscope::time::Timestamp;
use toxscope::wire::net_crypto::{
    CookieRequest, CookieResponse, CryptoData, Handshake, HandshakePlain,
};
use toxscope::wire::{Nonce, PublicKey, ToxKind};

/// The binary under test.
const TOXSCOPE: &str = env!("CARGO_BIN_EXE_toxscope");

/// The largest slice that tshark gets: it takes some ten seconds for it.
const SLICE_BYTES: u64 = 20_000_000;

/// How often a running program is looked at: once more after each 200th of its time, within these bounds. It costs the
/// processor something, and so much time may be missed of a thread that ends before the program.
const PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

fn main() {
    let bytes = number("TOXSCOPE_BENCH_BYTES", 1_000_000_000);
    let rounds = usize::try_from(number("TOXSCOPE_BENCH_ROUNDS", 5)).unwrap().max(1);
    let name = env::var("TOXSCOPE_BENCH_SAMPLE").unwrap_or_else(|_| "audio".to_owned());
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let keys = samples.join(&name).with_extension("keys");
    let sample = Sample::read(&samples.join(&name).with_extension("pcapng"));
    let boxes = boxes(&sample, &fs::read_to_string(&keys).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let whole = Capture::write(&sample, bytes, folder.path().join("whole.pcapng"));
    let slice = Capture::write(&sample, bytes.min(SLICE_BYTES), folder.path().join("slice.pcapng"));
    println!(
        "{} copies of samples/{name}.pcapng: {} bytes, {} frames, {} boxes of {} bytes on average\n",
        whole.copies,
        whole.bytes,
        whole.frames,
        boxes.len() as u64 * whole.copies,
        boxes.iter().map(|one| one.sealed.len()).sum::<usize>() / boxes.len().max(1),
    );

    let keys = keys.as_os_str();
    let [mut stats, mut cat, mut dissect, mut open] = [const { Vec::new() }; 4];
    let [mut stats_memory, mut dissect_memory] = [None; 2];
    for _ in 0..rounds {
        cat.push(run("cat", &[whole.path()]).time);
        let ran = run(TOXSCOPE, &["stats".as_ref(), whole.path()]);
        stats.push(ran.time);
        stats_memory = stats_memory.max(ran.peak);
        open.push(open_all(&boxes, whole.copies));
        let ran = dissect_jsonl(&[keys, whole.path()]);
        dissect.push(ran.time);
        dissect_memory = dissect_memory.max(ran.peak);
    }
    let slice_memory = dissect_jsonl(&[keys, slice.path()]).peak;

    let conference = conference(bytes, folder.path());
    let size = fs::metadata(&conference).unwrap().len();
    println!("a simulated conference of {} members: {size} bytes\n", MEMBERS.len());
    let [mut of_dissect, mut of_lint, mut of_replay] = [const { Vec::new() }; 3];
    let [mut lint_memory, mut replay_memory] = [None; 2];
    for _ in 0..rounds {
        let [dissect, format, jsonl] = ["dissect", "--format", "jsonl"].map(OsStr::new);
        of_dissect.push(run(TOXSCOPE, &[dissect, format, jsonl, conference.as_os_str()]).time);
        let ran = run(TOXSCOPE, &["lint".as_ref(), conference.as_os_str()]);
        of_lint.push(ran.time);
        lint_memory = lint_memory.max(ran.peak);
        let ran = run(TOXSCOPE, &["replay".as_ref(), conference.as_os_str()]);
        of_replay.push(ran.time);
        replay_memory = replay_memory.max(ran.peak);
    }

    let mut table = Table::default();
    table.ratio("stats without keys, time of cat", "at most 3", &stats, &cat);
    table.ratio("dissect with keys, time of its boxes", "at most 2", &dissect, &open);
    table.ratio("lint, time of dissect", "at most 2", &of_lint, &of_dissect);
    table.ratio("replay, time of dissect", "at most 2", &of_replay, &of_dissect);
    if is_there("tshark") {
        let [mut ours, mut theirs] = [const { Vec::new() }; 2];
        for _ in 0..rounds.min(3) {
            ours.push(dissect_jsonl(&["-a".as_ref(), keys, slice.path()]).time);
            let [t, json, r] = ["-T", "json", "-r"].map(OsStr::new);
            theirs.push(run("tshark", &[t, json, r, slice.path()]).time);
        }
        table.ratio("tshark -T json, time of dissect -a", "at least 50", &theirs, &ours);
    } else {
        table.row("tshark -T json, time of dissect -a", "at least 50", "no tshark here", "");
    }
    table.memory("memory of stats", stats_memory);
    table.memory("memory of dissect with keys", dissect_memory);
    table.memory("the same for the slice", slice_memory);
    table.memory("memory of lint", lint_memory);
    table.memory("memory of replay", replay_memory);
    table.print();

    let per_frame = |times: &[Time]| {
        median(times.iter().map(|time| time.spent().as_secs_f64())) * 1e9 / whole.frames as f64
    };
    println!(
        "\nnanoseconds a frame on the processor: cat {:.0}, stats {:.0}, boxes {:.0}, dissect {:.0}",
        per_frame(&cat),
        per_frame(&stats),
        per_frame(&open),
        per_frame(&dissect)
    );
}

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// What a sample holds, as far as it is repeated.
struct Sample {
    datagrams: Vec<Datagram>,
    /// The addresses in it, numbered.
    addresses: BTreeMap<IpAddr, u32>,
    /// Nanoseconds from its first frame to the first frame of the next copy.
    length: i64,
}

struct Datagram {
    at: Timestamp,
    from: SocketAddr,
    to: SocketAddr,
    payload: Vec<u8>,
}

impl Sample {
    fn read(path: &Path) -> Self {
        let mut datagrams = Vec::new();
        let mut reader = Datagrams::new(File::open(path).unwrap(), Limits::default()).unwrap();
        while let Some(event) = reader.next().unwrap() {
            if let Event::Datagram(datagram) = event {
                let (at, from, to) = (datagram.at, datagram.from, datagram.to);
                datagrams.push(Datagram { at, from, to, payload: datagram.payload.to_vec() });
            }
        }
        let mut addresses = BTreeMap::new();
        for address in datagrams.iter().flat_map(|one| [one.from.ip(), one.to.ip()]) {
            let next = u32::try_from(addresses.len()).unwrap();
            addresses.entry(address).or_insert(next);
        }
        let times = || datagrams.iter().map(|one| one.at);
        let length = times().max().unwrap().nanos_since(times().min().unwrap()) + 1_000_000;
        Self { datagrams, addresses, length }
    }
}

/// A sample over and over, each time between other addresses and later.
struct Capture {
    path: PathBuf,
    bytes: u64,
    copies: u64,
    frames: u64,
}

impl Capture {
    fn write(sample: &Sample, bytes: u64, path: PathBuf) -> Self {
        let bytes_written = Cell::new(0);
        let file = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
        let mut writer = Writer::new(Counted { inner: file, bytes: &bytes_written }).unwrap();
        let interface = Interface {
            link: LinkType::ETHERNET,
            snap_length: 0,
            resolution: Resolution::NANOSECONDS,
            name: None,
        };
        let interface = writer.interface(interface).unwrap();
        let (mut copies, mut frame) = (0, Vec::new());
        while copies == 0 || bytes_written.get() < bytes {
            for datagram in &sample.datagrams {
                let ip = |address: SocketAddr| {
                    let count = u32::try_from(sample.addresses.len()).unwrap();
                    let number = copies * count + sample.addresses.get(&address.ip()).unwrap();
                    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number)
                };
                let (from, to) = (datagram.from, datagram.to);
                ethernet(
                    &mut frame,
                    (ip(from), from.port()),
                    (ip(to), to.port()),
                    &datagram.payload,
                );
                let later = i64::from(copies) * sample.length;
                let at = Timestamp::from_nanos(datagram.at.as_nanos() + later);
                writer.packet(interface, at, &frame, u32::try_from(frame.len()).unwrap()).unwrap();
            }
            copies += 1;
        }
        // What waits to be written to the disk would disturb the measurement.
        writer.finish().unwrap().inner.into_inner().unwrap().sync_all().unwrap();
        let frames = u64::from(copies) * sample.datagrams.len() as u64;
        Self { path, bytes: bytes_written.get(), copies: copies.into(), frames }
    }

    fn path(&self) -> &OsStr {
        self.path.as_os_str()
    }
}

/// Who is in the simulated conference.
const MEMBERS: [&str; 8] = ["ann", "bob", "cyd", "dan", "eve", "fay", "gus", "hal"];

/// The most rounds of talk in it: some 24 MB.
const MOST_TALKS: u64 = 50;

/// A conference in which everybody talks and every other member plays audio, as a pcapng file with its keys
/// inside; of about so many bytes, up to a size that `replay` needs seconds for.
fn conference(bytes: u64, folder: &Path) -> PathBuf {
    let (scenario, capture) = (folder.join("scenario.txt"), folder.join("conference.pcapng"));
    let names = MEMBERS.join(" ");
    let mut text = format!("about Talk.\nmembers {names}\nfriends all\nconference audio all\n");
    for talk in 0..(bytes / 480_000).clamp(1, MOST_TALKS) {
        for (at, name) in MEMBERS.iter().enumerate() {
            text += &format!("{name} says \"message {talk} of {name}\"\nwait 1s\n");
            if at % 2 == 0 {
                text += &format!("{name} plays 60\nwait 2s\n");
            }
        }
    }
    fs::write(&scenario, text).unwrap();
    let arguments = ["simulate".as_ref(), "-w".as_ref(), capture.as_os_str(), scenario.as_os_str()];
    run(TOXSCOPE, &arguments);
    capture
}

/// A UDP datagram over IPv4 in an Ethernet frame, checksums left to the network card.
fn ethernet(frame: &mut Vec<u8>, from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) {
    let udp_length = u16::try_from(8 + payload.len()).unwrap();
    frame.clear();
    frame.extend_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00]);
    frame.extend_from_slice(&[0x45, 0]);
    frame.extend_from_slice(&(20 + udp_length).to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend_from_slice(&from.0.octets());
    frame.extend_from_slice(&to.0.octets());
    for half in [from.1, to.1, udp_length, 0] {
        frame.extend_from_slice(&half.to_be_bytes());
    }
    frame.extend_from_slice(payload);
}

struct Counted<'a, W> {
    inner: W,
    bytes: &'a Cell<u64>,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A box that `toxscope` opens, with what opens it.
struct Sealed {
    key: BoxKey,
    nonce: Nonce,
    sealed: Vec<u8>,
}

/// All boxes of a sample that the key log opens. They are found by trying all keys, with the nonces
/// that handshakes and the key log state, so that nothing depends on how `toxscope` finds them.
fn boxes(sample: &Sample, key_log: &str) -> Vec<Sealed> {
    let (mut keys, mut anchors) = (Vec::new(), Vec::new());
    for line in key_log.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["SHARED", _, _, key] | ["BOX", _, key] => {
                keys.extend(PublicKey::from_hex(key).map(|key| BoxKey::new(key.0)));
            }
            ["NONCE", _, nonce] => anchors.extend(Nonce::from_hex(nonce)),
            _ => {}
        }
    }
    let (mut boxes, mut plain) = (Vec::new(), Vec::new());
    let mut open = |nonces: &[Nonce], sealed: &[u8], plain: &mut Vec<u8>| {
        let pairs = nonces.iter().flat_map(|nonce| keys.iter().map(move |key| (key, nonce)));
        let found = pairs.into_iter().find(|(key, nonce)| key.open(nonce, sealed, plain));
        let sealed = sealed.to_vec();
        boxes.extend(found.map(|(key, &nonce)| Sealed { key: key.clone(), nonce, sealed }));
        found.is_some()
    };
    for Datagram { payload, .. } in &sample.datagrams {
        match ToxKind::of(payload) {
            Some(ToxKind::COOKIE_REQUEST) => {
                let packet = CookieRequest::parse(payload).unwrap();
                open(&[packet.nonce], packet.sealed, &mut plain);
            }
            Some(ToxKind::COOKIE_RESPONSE) => {
                let packet = CookieResponse::parse(payload).unwrap();
                open(&[packet.nonce], packet.sealed, &mut plain);
            }
            Some(ToxKind::CRYPTO_HANDSHAKE) => {
                let packet = Handshake::parse(payload).unwrap();
                if open(&[packet.nonce], packet.sealed, &mut plain) {
                    anchors.push(HandshakePlain::parse(&plain).unwrap().base_nonce);
                }
            }
            _ => {}
        }
    }
    anchors.sort_unstable();
    anchors.dedup();
    for Datagram { payload, .. } in &sample.datagrams {
        if ToxKind::of(payload) == Some(ToxKind::CRYPTO_DATA) {
            let packet = CryptoData::parse(payload).unwrap();
            let ahead = |anchor: &Nonce| packet.nonce_low.wrapping_sub(anchor.low16());
            // Samples are short: a nonce is not far from where it began.
            let near = anchors.iter().filter(|anchor| ahead(anchor) < 1 << 12);
            let nonces: Vec<_> =
                near.map(|anchor| anchor.wrapping_add(ahead(anchor).into())).collect();
            open(&nonces, packet.sealed, &mut plain);
        }
    }
    boxes
}

/// How long it takes to open all boxes so many times, with nothing else to do.
fn open_all(boxes: &[Sealed], copies: u64) -> Time {
    let mut plain = Vec::new();
    let own = || on_processor(Path::new("/proc/thread-self"));
    let (start, before) = (Instant::now(), own());
    for _ in 0..copies {
        for Sealed { key, nonce, sealed } in boxes {
            assert!(key.open(nonce, black_box(sealed), &mut plain));
            black_box(&plain);
        }
    }
    let processor = own().zip(before).map(|(after, before)| after - before);
    Time { clock: start.elapsed(), processor }
}

/// How long something took.
#[derive(Clone, Copy)]
struct Time {
    clock: Duration,
    /// Time on the processor; only Linux tells.
    processor: Option<Duration>,
}

impl Time {
    /// On the processor, or else by the clock.
    fn spent(&self) -> Duration {
        self.processor.unwrap_or(self.clock)
    }
}

/// How a program ran.
struct Ran {
    time: Time,
    /// The most memory that was resident, in bytes; only Linux tells.
    peak: Option<u64>,
}

fn dissect_jsonl(arguments: &[&OsStr]) -> Ran {
    let front = ["dissect", "--format", "jsonl"].map(OsStr::new);
    let (file, options) = arguments.split_last().unwrap();
    let (keys, options) = options.split_last().unwrap();
    run(TOXSCOPE, &[&front, options, &["-k".as_ref(), keys, file]].concat())
}

/// Runs a program to its end; what it prints goes nowhere.
fn run(program: &str, arguments: &[&OsStr]) -> Ran {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let about = format!("/proc/{}", child.id());
    let (mut peak, mut threads) = (None, BTreeMap::new());
    // A program that has ended has no memory any more, but its times until it is waited for. Of its
    // other threads, each look may be the last one.
    while let Some(now) = peak_memory(&about) {
        peak = peak.max(Some(now));
        look_at_threads(&about, &mut threads);
        thread::sleep((start.elapsed() / 200).clamp(PAUSE, LONGEST_PAUSE));
    }
    look_at_threads(&about, &mut threads);
    let processor = (!threads.is_empty()).then(|| threads.values().sum());
    let ended = child.wait().unwrap();
    let clock = start.elapsed();
    // 1 is a verdict: `lint` and `replay` found something.
    assert!(ended.code().is_some_and(|code| code <= 1), "{program}: {ended}");
    Ran { time: Time { clock, processor }, peak }
}

/// The most memory that was resident so far, in bytes.
fn peak_memory(about: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("{about}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Notes how long each thread of a program was on the processor so far.
fn look_at_threads(about: &str, threads: &mut BTreeMap<OsString, Duration>) {
    for thread in fs::read_dir(format!("{about}/task")).into_iter().flatten().flatten() {
        if let Some(time) = on_processor(&thread.path()) {
            threads.insert(thread.file_name(), time);
        }
    }
}

/// The time of a thread on the processor so far.
fn on_processor(about: &Path) -> Option<Duration> {
    let times = fs::read_to_string(about.join("schedstat")).ok()?;
    times.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    *values.get(values.len() / 2).unwrap()
}

/// What was measured, beside what was promised.
#[derive(Default)]
struct Table(Vec<[String; 4]>);

impl Table {
    fn ratio(&mut self, what: &str, budget: &str, times: &[Time], units: &[Time]) {
        let ratio = |of: fn(&Time) -> Option<Duration>| {
            let ratios = times.iter().zip(units).map(|(time, unit)| {
                of(time).zip(of(unit)).map(|(time, unit)| time.as_secs_f64() / unit.as_secs_f64())
            });
            let ratios: Option<Vec<f64>> = ratios.collect();
            ratios.map_or("".to_owned(), |ratios| {
                let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
                let most = ratios.iter().copied().fold(0.0, f64::max);
                format!("{:.2} ({least:.2}-{most:.2})", median(ratios.into_iter()))
            })
        };
        self.row(what, budget, &ratio(|time| Some(time.clock)), &ratio(|time| time.processor));
    }

    fn memory(&mut self, what: &str, peak: Option<u64>) {
        let figure = peak.map_or("not told here".to_owned(), |peak| {
            format!("{:.1} MiB", peak as f64 / f64::from(1 << 20))
        });
        self.row(what, "less than 64 MiB", &figure, "");
    }

    fn row(&mut self, what: &str, budget: &str, figure: &str, detail: &str) {
        self.0.push([what, budget, figure, detail].map(str::to_owned));
    }

    fn print(&self) {
        let head = ["what", "budget", "by the clock", "on the processor"].map(str::to_owned);
        for [what, budget, clock, processor] in [&head].into_iter().chain(&self.0) {
            println!("{what:<38} {budget:<17} {clock:>20} {processor:>20}");
        }
    }
}
