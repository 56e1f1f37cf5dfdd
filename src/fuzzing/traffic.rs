//! Key logs, and datagrams dissected with one.

use std::io::BufReader;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use crate::capture::{Datagram, Event, Origin};
use crate::crypto::testing::Client;
use crate::crypto::{KeyRing, Tally};
use crate::dissect::{Content, Dissector, FieldId, Fields, Value};
use crate::time::Timestamp;
use crate::wire::net_crypto::MAX_DATA_SIZE;

/// Any bytes are read as a key log to their end, the same in one piece and in many, and no line changes
/// what those after it say.
pub fn key_log(data: &[u8]) {
    let mut ring = KeyRing::new();
    let whole = tally(&mut ring, data);
    let mut pieces = KeyRing::new();
    let reader = BufReader::with_capacity(7, data);
    assert_eq!(pieces.read(reader).expect("memory does not fail"), whole);
    assert_eq!(pieces.len(), ring.len());

    let good = &BEGINNING.key_log;
    let good_lines = good.lines().filter(|line| !line.starts_with('#')).count() as u64;
    let followed = tally(&mut KeyRing::new(), &[data, b"\n", good.as_bytes()].concat());
    assert_eq!(followed.understood, whole.understood + good_lines);
    assert_eq!((followed.unknown, followed.damaged), (whole.unknown, whole.damaged));
}

fn tally(ring: &mut KeyRing, log: &[u8]) -> Tally {
    ring.read(log).expect("memory does not fail")
}

/// Any datagrams, with a fixed key log, give records whose fields fit the field table; the same
/// datagrams give the same records; and whatever a client seals is opened, whatever came before.
///
/// The input is a list of datagrams. Each is a byte that says who sends to whom and whether what follows
/// is to be sealed first ([`SEALED`]), a length (two bytes, big-endian), and that many bytes.
pub fn datagram(data: &[u8]) {
    assert_eq!(dissected(data), dissected(data));
}

/// In the first byte of a datagram of [`datagram`]: it is data, its id first, for a session between
/// the two clients.
pub const SEALED: u8 = 0x80;
/// In the same byte: the second client sends, not the first.
pub const BACK: u8 = 0x01;
/// In the same byte: the sender has another address.
pub const MOVED: u8 = 0x02;

/// Two clients, their key log, and what they sent to begin their session: costly to make.
static BEGINNING: LazyLock<Beginning> = LazyLock::new(|| {
    let (mut ann, mut bob) = (Client::new(1, 11), Client::new(2, 12));
    let key_log = ann.shared_lines(&bob) + include_str!("datagram.keys");
    let handshakes = [ann.handshake(&bob), bob.handshake(&ann)];
    // Nobody sees these; they make the clients remember the key.
    ann.data(&bob, b"\x10");
    bob.data(&ann, b"\x10");
    Beginning { ann, bob, key_log, handshakes }
});

struct Beginning {
    ann: Client,
    bob: Client,
    key_log: String,
    handshakes: [Vec<u8>; 2],
}

/// The kinds of the records, and how many fields each has.
fn dissected(mut data: &[u8]) -> Vec<(&'static str, usize)> {
    let (mut ann, mut bob) = (BEGINNING.ann.clone(), BEGINNING.bob.clone());
    let mut ring = KeyRing::new();
    tally(&mut ring, BEGINNING.key_log.as_bytes());
    let mut dissector = Dissector::new(ring, None);
    let [to_bob, to_ann] = &BEGINNING.handshakes;
    dissector.event(event(0, ann.address, bob.address, to_bob));
    dissector.event(event(0, bob.address, ann.address, to_ann));
    let mut records = Vec::new();
    while let Some((&[how, high, low], rest)) = data.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        data = rest;
        let (sender, receiver) = if how & BACK == 0 { (&mut ann, &bob) } else { (&mut bob, &ann) };
        let fits = !bytes.is_empty() && bytes.len() <= MAX_DATA_SIZE;
        let sealed = (how & SEALED != 0 && fits).then(|| sender.data(receiver, bytes));
        let payload = sealed.as_deref().unwrap_or(bytes);
        let mut from = sender.address;
        if how & MOVED != 0 {
            from.set_port(4000);
        }
        let record = dissector
            .event(event(records.len() as i64, from, receiver.address, payload))
            .expect("a datagram gives a record");
        if sealed.is_some() && how & MOVED == 0 {
            opened_is(&record.content, bytes);
        }
        records.push((record.kind(), fields_fit(&record)));
    }
    records
}

fn event(at: i64, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Event<'_> {
    let at = Timestamp::from_nanos(at);
    let origin = Origin { frame: 1, offset: 0, file: 0 };
    Event::Datagram(Datagram { at, from, to, payload, origin, truncated: false, overlap: false })
}

/// What was opened is what was sealed, without the zero bytes in front that count as padding.
fn opened_is(content: &Content<'_>, sealed: &[u8]) {
    let zeros = sealed.iter().take_while(|byte| **byte == 0).count();
    match content {
        Content::Data(Ok(data)) => assert_eq!(Some(data.bytes), sealed.get(zeros..)),
        Content::Data(Err(why)) => assert_eq!(zeros, sealed.len(), "{}", why.name()),
        _ => unreachable!("a sealed packet is a data packet"),
    }
}

/// Every value has the type of its field, and every name is among the field's choices.
pub(super) fn fields_fit(record: &impl Fields) -> usize {
    let mut count = 0;
    let went = record.each(&mut |field, value| {
        count += 1;
        assert_eq!(value.ty(), field.field().ty, "{}", field.field().name);
        if let Value::Name(name) = value {
            assert!(field.choices().contains(&name), "{name} of {}", field.field().name);
        }
        ControlFlow::Continue(())
    });
    assert!(went.is_continue() && count >= FieldId::Transport as usize);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_from_samples_are_opened() {
        for name in ["talk-from-its-cookie-request-on.bin", "talk-late-packets-first.bin"] {
            let path = format!("{}/corpus/datagram/{name}", env!("CARGO_MANIFEST_DIR"));
            let records = dissected(&std::fs::read(path).unwrap());
            let kinds = records.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
            for kind in ["cookie_request", "crypto_handshake", "nickname", "new_peer"] {
                assert!(kinds.contains(&kind), "{name}: no {kind} in {kinds:?}");
            }
        }
    }
}
