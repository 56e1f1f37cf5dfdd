//! One thread and two give the same, whatever happens to the capture and to the threads.

use std::fs;
use std::io::{self, Cursor};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{Limits, LinkType};
use crate::crypto::KeyRing;
use crate::crypto::testing::Client;
use crate::dissect::TICK;
use crate::time::Timestamp;

/// Whoever waits longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(60);

/// All that a dissection tells: every item, and what is known in the end.
fn told(
    capture: &[u8],
    keys: &[u8],
    dissect: impl FnOnce(
        Datagrams<Cursor<Vec<u8>>>,
        Dissector,
        &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<(), Ended<Cursor<Vec<u8>>>>,
) -> Vec<String> {
    let datagrams = match Datagrams::new(Cursor::new(capture.to_vec()), Limits::default()) {
        Ok(datagrams) => datagrams,
        Err(error) => return vec![error.to_string()],
    };
    let mut told = Vec::new();
    let flow = dissect(datagrams, dissector(keys), &mut |item| {
        // Which depends on how much is read at once.
        if !matches!(item, Item::Pause) {
            told.push(format!("{item:?}"));
        }
        ControlFlow::Continue(())
    });
    let ControlFlow::Continue(Ended { datagrams, dissector, error }) = flow else {
        unreachable!("nothing breaks")
    };
    let known = (datagrams.frames(), dissector.forgotten(), dissector.embedded());
    told.push(format!("{known:?} {}", error.map_or(String::new(), |error| error.to_string())));
    told
}

fn dissector(keys: &[u8]) -> Dissector {
    let mut ring = KeyRing::new();
    ring.read(keys).unwrap();
    Dissector::new(ring, None)
}

/// Checks that two threads tell the same as one; gives how many items there are.
fn same_on_two_threads(capture: &[u8], keys: &[u8], what: &str) -> usize {
    let one = told(capture, keys, |mut datagrams, mut dissector, visit| {
        let error = stream(&mut datagrams, &mut dissector, visit)?;
        ControlFlow::Continue(Ended { datagrams, dissector, error })
    });
    let two = told(capture, keys, |datagrams, dissector, visit| {
        on_two_threads(datagrams, dissector, visit, thread::Builder::new())
    });
    let as_there_are = told(capture, keys, |datagrams, dissector, visit| {
        stream_parallel(datagrams, dissector, visit)
    });
    // Then the thread that visits reads, too.
    let without_waiting = told(capture, keys, |datagrams, dissector, visit| {
        on_two_threads(datagrams.without_waiting(), dissector, visit, thread::Builder::new())
    });
    for others in [two, as_there_are, without_waiting] {
        let differ = one.iter().zip(&others).find(|(one, other)| one != other);
        assert_eq!(differ, None, "{what}");
        assert_eq!(one.len(), others.len(), "{what}");
    }
    one.len() - 1
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).unwrap()
}

const SAMPLES: [&str; 9] =
    ["audio", "middle", "rejoin", "relay", "restart", "roam", "split", "talk", "two"];

fn samples() -> impl Iterator<Item = (&'static str, Vec<u8>, Vec<u8>)> {
    SAMPLES
        .iter()
        .map(|name| (*name, sample(&format!("{name}.pcapng")), sample(&format!("{name}.keys"))))
}

#[test]
fn two_threads_give_the_same_records_of_every_sample_as_one() {
    for (name, capture, keys) in samples() {
        assert!(same_on_two_threads(&capture, &keys, name) > 200, "{name}");
    }
    let (_, capture, _) = samples().next().unwrap();
    assert!(same_on_two_threads(&capture, b"", "no keys") > 400);
}

#[test]
fn two_threads_give_the_same_records_of_damaged_samples_as_one() {
    let mut state = 1_u32;
    let mut dice = |sides: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % sides
    };
    for (name, mut capture, keys) in samples() {
        capture.truncate(1 << 16);
        let cut = dice(capture.len());
        same_on_two_threads(&capture[..cut], &keys, &format!("{name} cut at {cut}"));
        // Somewhere in most frames, so that much fails to open; blocks stay whole by chance.
        let mut places = Vec::new();
        for _ in 0..300 {
            places.push(dice(capture.len()));
        }
        for at in &places {
            capture[*at] ^= 1 << dice(8);
        }
        same_on_two_threads(&capture, &keys, &format!("{name} flipped at {places:?}"));
    }
}

/// A file of frames with datagrams, a millisecond apart.
fn recorded(comments: &[&str], datagrams: &[(SocketAddr, SocketAddr, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::with_comments(Vec::new(), comments.iter().copied()).unwrap();
    let interface = Interface {
        link: LinkType::RAW,
        snap_length: 0,
        resolution: Resolution::NANOSECONDS,
        name: None,
    };
    let interface = writer.interface(interface).unwrap();
    for (at, (from, to, payload)) in (0..).zip(datagrams) {
        let (SocketAddr::V4(from), SocketAddr::V4(to)) = (from, to) else { unreachable!() };
        let length = u16::try_from(payload.len()).unwrap();
        let frame = [
            &[0x45, 0][..],
            &(28 + length).to_be_bytes(),
            &[0, 0, 0, 0, 64, 17, 0, 0],
            &from.ip().octets(),
            &to.ip().octets(),
            &from.port().to_be_bytes(),
            &to.port().to_be_bytes(),
            &(8 + length).to_be_bytes(),
            &[0, 0],
            payload,
        ];
        let (frame, at) = (frame.concat(), Timestamp::from_nanos(at * 1_000_000));
        writer.packet(interface, at, &frame, u32::from(28 + length)).unwrap();
    }
    writer.finish().unwrap()
}

/// What ann and bob send each other: a cookie, handshakes, then so many messages of ann.
fn talk(messages: usize) -> (String, Vec<(SocketAddr, SocketAddr, Vec<u8>)>) {
    let (mut ann, bob) = (Client::new(1, 11), Client::new(2, 12));
    let keys = ann.shared_lines(&bob);
    let mut sent = vec![
        (ann.address, bob.address, ann.cookie_request(&bob)),
        (bob.address, ann.address, bob.cookie_response(&ann)),
        (ann.address, bob.address, ann.handshake(&bob)),
        (bob.address, ann.address, bob.handshake(&ann)),
    ];
    for _ in 0..messages {
        let chat = ann.data(&bob, b"\x63\0\0\0\0\0\0\0\x01\x40hi");
        sent.push((ann.address, bob.address, chat));
    }
    (keys, sent)
}

#[test]
fn keys_and_names_inside_a_capture_hold_from_the_same_record_on() {
    let (keys, sent) = talk(20);
    let ann = Client::new(1, 11).real.public;
    let sections = [
        recorded(&[], &sent),
        recorded(&[&format!("tox-keylog 1\n{keys}")], &sent),
        recorded(&[&format!("tox-keylog 1\nNAME {ann} Ann")], &sent),
        recorded(&["no keys", &format!("tox-keylog 1\nNAME {ann} Anna")], &sent),
    ];
    let capture = sections.concat();
    same_on_two_threads(&capture, b"", "keys inside");
    let names = told(&capture, b"", |datagrams, dissector, visit| {
        on_two_threads(datagrams, dissector, visit, thread::Builder::new())
    });
    let of = |name: &str| {
        let bytes = format!("name: Some({:?})", name.as_bytes());
        names.iter().filter(|told| told.contains(&bytes)).count()
    };
    assert_eq!((of("Ann"), of("Anna")), (24, 24));
    same_on_two_threads(&capture, format!("{keys}NAME {ann} A").as_bytes(), "keys beside it");
}

/// A source that gives some bytes, then goes on when it is told to.
struct Source {
    now: Cursor<Vec<u8>>,
    /// Told to go on; what it does then.
    go_on: Receiver<()>,
    then: fn(Result<(), std::sync::mpsc::RecvTimeoutError>) -> io::Result<usize>,
}

impl Read for Source {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self.now.read(space)? {
            0 => (self.then)(self.go_on.recv_timeout(PATIENCE)),
            read => Ok(read),
        }
    }
}

impl Source {
    fn of(
        now: Vec<u8>,
        then: fn(Result<(), std::sync::mpsc::RecvTimeoutError>) -> io::Result<usize>,
    ) -> (Datagrams<Self>, Sender<()>) {
        let (send, go_on) = channel();
        let source = Self { now: Cursor::new(now), go_on, then };
        (Datagrams::new(source, Limits::default()).unwrap(), send)
    }
}

#[test]
fn all_that_came_is_visited_while_the_source_waits() {
    for messages in [0, 1, 5, 1000] {
        let (keys, sent) = talk(messages);
        // A source that is told nothing in time fails, and so does the test.
        let (datagrams, go_on) = Source::of(recorded(&[], &sent), |told| {
            told.map_or(Err(io::ErrorKind::TimedOut.into()), |()| Ok(0))
        });
        let mut visited = 0;
        let visit = |item: Item<'_>| {
            visited += usize::from(!matches!(item, Item::Pause));
            if visited == sent.len() {
                go_on.send(()).unwrap();
            }
            ControlFlow::<()>::Continue(())
        };
        let ended =
            on_two_threads(datagrams, dissector(keys.as_bytes()), visit, thread::Builder::new());
        let ControlFlow::Continue(ended) = ended else { unreachable!() };
        assert_eq!((visited, ended.error.map(|error| error.to_string())), (sent.len(), None));
    }
}

#[test]
fn what_came_before_a_packet_that_waits_for_its_handshake_is_visited() {
    let (keys, mut sent) = talk(5);
    // Nobody's session: a handshake is looked for ahead.
    let elsewhere = SocketAddr::from(([127, 0, 0, 9], 1));
    sent.push((elsewhere, elsewhere, [&[0x1b; 3][..], &[0; 40]].concat()));
    let (datagrams, go_on) = Source::of(recorded(&[], &sent), |told| {
        told.map_or(Err(io::ErrorKind::TimedOut.into()), |()| Ok(0))
    });
    let mut visited = 0;
    let visit = |item: Item<'_>| {
        visited += usize::from(!matches!(item, Item::Pause));
        if visited == sent.len() - 1 {
            go_on.send(()).unwrap();
        }
        ControlFlow::<()>::Continue(())
    };
    let ended =
        on_two_threads(datagrams, dissector(keys.as_bytes()), visit, thread::Builder::new());
    let ControlFlow::Continue(ended) = ended else { unreachable!() };
    assert_eq!((visited, ended.error.map(|error| error.to_string())), (sent.len(), None));
}

#[test]
fn a_break_is_given_at_once_although_the_source_waits() {
    let (keys, sent) = talk(5);
    // It goes on when `go_on` is dropped, after the break.
    let (datagrams, go_on) = Source::of(recorded(&[], &sent), |_| Ok(0));
    let mut visited = 0;
    let visit = |item: Item<'_>| {
        visited += usize::from(!matches!(item, Item::Pause));
        if visited == 3 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
    };
    let flow = on_two_threads(datagrams, dissector(keys.as_bytes()), visit, thread::Builder::new());
    assert_eq!((flow.break_value(), visited), (Some("enough"), 3));
    drop(go_on);
}

#[test]
fn a_break_ends_what_is_read_without_waiting() {
    let (keys, sent) = talk(5000);
    let datagrams = Datagrams::new(Cursor::new(recorded(&[], &sent)), Limits::default());
    let mut visited = 0;
    let visit = |_: Item<'_>| {
        visited += 1;
        if visited == 3 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
    };
    let flow = on_two_threads(
        datagrams.unwrap().without_waiting(),
        dissector(keys.as_bytes()),
        visit,
        thread::Builder::new(),
    );
    assert_eq!((flow.break_value(), visited), (Some("enough"), 3));
}

#[test]
fn a_packet_waits_for_a_handshake_many_batches_later() {
    let (keys, mut sent) = talk(1000);
    // All that comes within the two seconds is read ahead.
    let other = SocketAddr::from(([127, 0, 0, 9], 1));
    let first = sent.pop().unwrap();
    sent.insert(0, first);
    let noise = (0..1900).map(|_| (other, other, vec![0x20; 1200]));
    sent.splice(1..1, noise);
    let capture = recorded(&[], &sent);
    let mut opened = 0;
    let datagrams = Datagrams::new(Cursor::new(capture.clone()), Limits::default()).unwrap();
    let visit = |item: Item<'_>| {
        if let Item::Record(record) = item {
            opened += usize::from(record.conference_packet().is_some());
        }
        ControlFlow::<()>::Continue(())
    };
    let (datagrams, keys) = (datagrams.without_waiting(), keys.as_bytes());
    let ended = on_two_threads(datagrams, dissector(keys), visit, thread::Builder::new());
    assert!(ended.is_continue());
    assert_eq!(opened, 1000);
    same_on_two_threads(&capture, keys, "handshakes come late");
}

#[test]
fn a_panic_of_the_other_thread_arrives_here_after_what_came_before() {
    let (keys, sent) = talk(5);
    let (datagrams, go_on) =
        Source::of(recorded(&[], &sent), |_| panic::panic_any("the source is broken"));
    let mut visited = 0;
    let visit = |item: Item<'_>| {
        visited += usize::from(!matches!(item, Item::Pause));
        if visited == sent.len() {
            go_on.send(()).unwrap();
        }
        ControlFlow::<()>::Continue(())
    };
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        on_two_threads(datagrams, dissector(keys.as_bytes()), visit, thread::Builder::new())
    }));
    let panicked = panicked.err().and_then(|panicked| panicked.downcast::<&str>().ok());
    assert_eq!((panicked.as_deref(), visited), (Some(&"the source is broken"), sent.len()));
}

#[test]
fn one_thread_does_all_where_no_other_can_be_had() {
    let capture = sample("talk.pcapng");
    let keys = sample("talk.keys");
    let alone = told(&capture, &keys, |datagrams, dissector, visit| {
        // No machine has room for such a stack.
        on_two_threads(datagrams, dissector, visit, thread::Builder::new().stack_size(1 << 60))
    });
    let two = told(&capture, &keys, |datagrams, dissector, visit| {
        on_two_threads(datagrams, dissector, visit, thread::Builder::new())
    });
    assert!(alone.len() > 400 && alone == two);
}

/// What a live source sends ever so often.
fn tick() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.secrets(TICK, &[]).unwrap();
    writer.finish().unwrap()
}

/// Frames, and what they turn out to be, when the key log is complete at the `late`-th question.
fn with_late_keys(capture: &[u8], keys: &str, late: usize) -> Vec<String> {
    let one = told_late(capture, keys, late, |datagrams, dissector, visit| {
        stream_parallel(datagrams, dissector, visit)
    });
    let two = told_late(capture, keys, late, |datagrams, dissector, visit| {
        on_two_threads(datagrams, dissector, visit, thread::Builder::new())
    });
    assert_eq!(one, two);
    one
}

fn told_late(
    capture: &[u8],
    keys: &str,
    late: usize,
    dissect: impl FnOnce(
        Datagrams<Cursor<Vec<u8>>>,
        Dissector,
        &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<(), Ended<Cursor<Vec<u8>>>>,
) -> Vec<String> {
    let datagrams = Datagrams::new(Cursor::new(capture.to_vec()), Limits::default()).unwrap();
    let (keys, mut asked) = (keys.to_owned(), 0);
    let dissector = Dissector::new(KeyRing::new(), None).with_more_keys(Box::new(move |ring| {
        asked += 1;
        if asked == late {
            ring.read(keys.as_bytes()).unwrap();
        }
        asked == late
    }));
    let mut told = Vec::new();
    let flow = dissect(datagrams, dissector, &mut |item| {
        match item {
            Item::Record(record) => {
                let closed = if record.sealed().is_some() { " closed" } else { "" };
                told.push(format!("{} {}{closed}", record.frame, record.kind()));
            }
            Item::Late(why) => told.push(format!("late: {}", why.name())),
            Item::NotUdp(_) | Item::Pause => {}
        }
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    told
}

const OPEN: [&str; 6] = [
    "1 cookie_request",
    "2 cookie_response",
    "3 crypto_handshake",
    "4 crypto_handshake",
    "5 chat",
    "6 chat",
];

#[test]
fn a_key_that_is_there_when_its_packet_comes_delays_nothing() {
    let (keys, sent) = talk(2);
    assert_eq!(with_late_keys(&[recorded(&[], &sent), tick()].concat(), &keys, 1), OPEN);
}

#[test]
fn packets_open_from_the_moment_their_key_appears_the_earlier_ones_too() {
    let (keys, sent) = talk(2);
    let capture = [recorded(&[], &sent[..5]), tick(), tick(), recorded(&[], &sent[5..]), tick()];
    // Each of the five asks, then each tick.
    let told = with_late_keys(&capture.concat(), &keys, 7);
    assert!(told[..5].iter().all(|told| told.ends_with(" closed")), "{told:?}");
    let (late, open): (Vec<_>, Vec<_>) =
        told[5..].iter().partition(|told| told.starts_with("late: "));
    assert_eq!((late.len(), open.len()), (5, 6), "{told:?}");
    assert!(open.iter().zip(OPEN).all(|(told, open)| *told == open), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("6 chat"));
}

#[test]
fn a_packet_that_overtook_its_handshake_is_opened_after_it() {
    let (keys, mut sent) = talk(2);
    sent.swap(2, 4);
    let capture = [recorded(&[], &sent), tick()].concat();
    let expected = [
        "1 cookie_request",
        "2 cookie_response",
        "3 crypto_data closed",
        "4 crypto_handshake",
        "5 crypto_handshake",
        "6 chat",
        "late: no_handshake",
        "3 chat",
    ];
    assert_eq!(with_late_keys(&capture, &keys, 1), expected);
}

#[test]
fn what_waits_for_its_key_is_bounded() {
    let (keys, sent) = talk(20_000);
    let told = with_late_keys(&[recorded(&[], &sent), tick()].concat(), &keys, sent.len() + 1);
    let opened = told.iter().filter(|told| told.starts_with("late: ")).count();
    // The handshakes waited longest.
    assert_eq!((opened, told.len()), (0, sent.len()));
    let told = with_late_keys(&[recorded(&[], &sent[..16_000]), tick()].concat(), &keys, 16_001);
    assert_eq!(told.iter().filter(|told| told.starts_with("late: ")).count(), 16_000);
}
