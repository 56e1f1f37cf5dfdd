//! Sessions from their first cookie to their end, as a capture sees them.

use super::keyring::KeyRing;
use super::sealed::Sealed;
use super::sessions::{Seen, Sessions};
use super::testing::Client;
use crate::wire::net_crypto::{CryptoData, CryptoPlain};
use crate::wire::{Nonce, PublicKey};

const HELLO: &[u8] = b"\x63hello";
const ALIVE: &[u8] = b"\x10";
const LOSSY: &[u8] = b"\xc7lossy";

fn sessions(log: &str) -> Sessions {
    let mut ring = KeyRing::new();
    let tally = ring.read(log.as_bytes()).unwrap();
    assert_eq!((tally.unknown, tally.damaged), (0, 0));
    Sessions::new(ring)
}

/// The first meeting of ann and bob, with bob's log in several spellings.
fn ann_and_bob() -> (Client, Client) {
    (Client::new(1, 201), Client::new(2, 202))
}

/// Everything up to the first data packet, from `ann`'s side: she asks.
fn meet(sessions: &mut Sessions, ann: &Client, bob: &Client) {
    _ = send(sessions, ann, bob, &ann.cookie_request(bob));
    _ = send(sessions, bob, ann, &bob.cookie_response(ann));
    _ = send(sessions, ann, bob, &ann.handshake(bob));
    _ = send(sessions, bob, ann, &bob.handshake(ann));
}

type Who = (Option<PublicKey>, Option<PublicKey>);
type What = Result<(u32, u32, bool, Vec<u8>), Sealed>;

/// What became of a datagram: whose it is, and session, number, resend and data, or why not.
fn send(sessions: &mut Sessions, from: &Client, to: &Client, datagram: &[u8]) -> (Who, What) {
    let opened = sessions.datagram(from.address, to.address, datagram, false);
    let who = (opened.from, opened.to);
    let what = match opened.seen {
        Seen::CookieRequest(seen) => seen.map(|plain| (0, 0, false, plain.real_key.0.to_vec())),
        Seen::CookieResponse(seen) => seen.map(|plain| (0, 0, false, plain.cookie.to_vec())),
        Seen::Handshake(seen) => seen.map(|handshake| {
            assert!(handshake.cookie_hash_fits);
            (0, 0, handshake.is_new, handshake.plain.session_key.0.to_vec())
        }),
        Seen::Data(seen) => seen
            .map(|data| (data.session, data.plain.number, data.resend, data.plain.data.to_vec())),
        Seen::Other => panic!("net_crypto packets only"),
    };
    (who, what)
}

fn data(
    sessions: &mut Sessions,
    from: &mut Client,
    to: &Client,
    data: &[u8],
) -> Result<u32, Sealed> {
    let datagram = from.data(to, data);
    let (_, what) = send(sessions, from, to, &datagram);
    what.map(|(session, _, _, opened)| {
        assert_eq!(opened, data);
        session
    })
}

#[test]
fn a_session_is_followed_from_its_cookies_on_with_any_kind_of_log() {
    let (ann, bob) = ann_and_bob();
    let pairs = |client: &Client| {
        [(&client.dht, "DHT"), (&client.real, "ID"), (&client.session, "SESSION")]
            .map(|(pair, label)| pair.line(label))
            .concat()
    };
    let logs = [
        ann.shared_lines(&bob),
        bob.shared_lines(&ann),
        ann.box_lines(&bob) + &bob.box_lines(&ann),
        bob.box_lines(&ann),
        // Key pairs of who was asked: the request tells whose keys to join them with.
        pairs(&bob),
    ];
    for log in logs {
        let (mut ann, mut bob) = ann_and_bob();
        let forth = (Some(ann.real.public), Some(bob.real.public));
        let back = (Some(bob.real.public), Some(ann.real.public));
        let mut sessions = sessions(&log);
        let asked = send(&mut sessions, &ann, &bob, &ann.cookie_request(&bob));
        assert_eq!(asked, ((forth.0, None), Ok((0, 0, false, ann.real.public.0.to_vec()))));
        let answered = send(&mut sessions, &bob, &ann, &bob.cookie_response(&ann));
        assert_eq!(answered, ((None, forth.0), Ok((0, 0, false, bob.cookie_for(&ann).to_vec()))));
        let shaken = send(&mut sessions, &ann, &bob, &ann.handshake(&bob));
        assert_eq!(shaken.1, Ok((0, 0, true, ann.session.public.0.to_vec())));
        let again = send(&mut sessions, &ann, &bob, &ann.handshake(&bob));
        assert_eq!(again.1, Ok((0, 0, false, ann.session.public.0.to_vec())));
        let shaken = send(&mut sessions, &bob, &ann, &bob.handshake(&ann));
        assert_eq!(shaken.1, Ok((0, 0, true, bob.session.public.0.to_vec())));
        for number in 0..3 {
            let datagram = ann.data(&bob, HELLO);
            let (who, what) = send(&mut sessions, &ann, &bob, &datagram);
            assert_eq!(what, Ok((1, number, false, HELLO.to_vec())));
            assert!(who == forth || log.starts_with("BOX"), "{log}");
            let datagram = bob.data(&ann, HELLO);
            let (who, what) = send(&mut sessions, &bob, &ann, &datagram);
            assert_eq!(what, Ok((1, number, false, HELLO.to_vec())));
            assert!(who == back || log.starts_with("BOX"), "{log}");
        }
    }
}

#[test]
fn box_lines_of_either_side_name_both_ends_once_a_cookie_request_named_one() {
    let (ann, bob) = ann_and_bob();
    let both = ann.box_lines(&bob) + &bob.box_lines(&ann);
    for (log, names_both) in
        [(both, true), (ann.box_lines(&bob), true), (bob.box_lines(&ann), false)]
    {
        let (mut ann, bob) = ann_and_bob();
        let mut sessions = sessions(&log);
        meet(&mut sessions, &ann, &bob);
        let datagram = ann.data(&bob, HELLO);
        let (who, _) = send(&mut sessions, &ann, &bob, &datagram);
        // Bob's own log never says who bob is.
        assert_eq!(who, (Some(ann.real.public), names_both.then_some(bob.real.public)));
    }
}

#[test]
fn a_resend_is_told_apart_and_lossy_packets_never_are_one() {
    let (mut ann, bob) = ann_and_bob();
    let mut sessions = sessions(&ann.shared_lines(&bob));
    meet(&mut sessions, &ann, &bob);
    let sent = [(0, HELLO), (2, HELLO), (1, HELLO), (2, HELLO), (3, LOSSY), (3, LOSSY), (3, HELLO)];
    let resends = sent.map(|(number, data)| {
        let datagram = ann.numbered(&bob, number, data);
        send(&mut sessions, &ann, &bob, &datagram).1.unwrap().2
    });
    assert_eq!(resends, [false, false, false, true, false, false, false]);
}

/// packets §11.1: a `SESSION` line with both halves is enough, and says who is who.
#[test]
fn a_line_with_both_halves_of_a_session_opens_and_names_it_from_the_middle() {
    let (mut ann, mut bob) = ann_and_bob();
    let mut sessions = sessions(&ann.session_line(&bob));
    ann.skip(50_000);
    let forth = (Some(ann.real.public), Some(bob.real.public));
    let hello = ann.data(&bob, HELLO);
    // The first packet comes with its addresses swapped.
    assert_eq!(send(&mut sessions, &bob, &ann, &hello).0, forth);
    let hello = bob.data(&ann, HELLO);
    assert_eq!(send(&mut sessions, &ann, &bob, &hello).0, (forth.1, forth.0));
    assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(1));
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
}

#[test]
fn nonces_are_followed_over_loss_disorder_and_wraps() {
    let (mut ann, bob) = ann_and_bob();
    let mut sessions = sessions(&ann.shared_lines(&bob));
    meet(&mut sessions, &ann, &bob);
    for gap in [0, 1, 40_000, 65_535, 65_536, 98_000] {
        ann.skip(gap);
        assert_eq!(data(&mut sessions, &mut ann, &bob, ALIVE), Ok(1), "after a gap of {gap}");
    }
    let late = ann.data(&bob, ALIVE);
    ann.skip(30_000);
    assert_eq!(data(&mut sessions, &mut ann, &bob, ALIVE), Ok(1));
    assert!(send(&mut sessions, &ann, &bob, &late).1.is_ok());
}

/// C-005, C-010. For every length of data: the size, and what opens it: the session's key with the
/// nonce of the sender, not another key, the next nonce, or the base nonce of the receiver.
#[test]
fn sealed_data_open_with_the_right_key_nonce_and_direction_only() {
    let (mut ann, bob) = ann_and_bob();
    let key = ann.box_key(&bob);
    let (other, mut opened) = (ann.box_key(&ann.clone()), Vec::new());
    for length in 1..=1373 {
        let nonce = ann.base_nonce.wrapping_add(length - 1);
        let data = vec![0x40; length as usize];
        let datagram = ann.data(&bob, &data);
        assert_eq!(datagram.len() % 8, 0, "{length}");
        assert!((32..=1400).contains(&datagram.len()), "{length}");
        let packet = CryptoData::parse(&datagram).unwrap();
        assert_eq!(packet.nonce_low, nonce.low16());
        assert!(!other.open(&nonce, packet.sealed, &mut opened), "{length}: another key");
        let next = nonce.wrapping_add(1);
        assert!(!key.open(&next, packet.sealed, &mut opened), "{length}: another nonce");
        let reverse = bob.base_nonce.wrapping_add(length - 1);
        assert!(!key.open(&reverse, packet.sealed, &mut opened), "{length}: another direction");
        assert!(key.open(&nonce, packet.sealed, &mut opened), "{length}");
        assert_eq!(CryptoPlain::parse(&opened).unwrap().data, data);
    }
}

#[test]
fn a_new_handshake_begins_a_new_session_and_late_packets_of_the_old_still_open() {
    let (mut ann, mut bob) = ann_and_bob();
    let (mut ann_again, mut bob_again) = (Client::new(1, 203), Client::new(2, 204));
    let log = ann.shared_lines(&bob) + &ann_again.shared_lines(&bob_again);
    let mut sessions = sessions(&log);
    meet(&mut sessions, &ann, &bob);
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
    assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(1));
    let late = bob.data(&ann, HELLO);
    meet(&mut sessions, &ann_again, &bob_again);
    assert_eq!(data(&mut sessions, &mut ann_again, &bob_again, HELLO), Ok(2));
    assert_eq!(send(&mut sessions, &bob, &ann, &late).1.map(|what| what.0), Ok(1));
    assert_eq!(data(&mut sessions, &mut bob_again, &ann_again, HELLO), Ok(2));
}

/// packets §4.4: an attempt has a base nonce of its own. c-toxcore makes a session key pair for each, too.
#[test]
fn a_session_key_with_another_base_nonce_is_another_session_that_counts_anew() {
    let (mut ann, mut bob) = ann_and_bob();
    let mut sessions = sessions(&ann.shared_lines(&bob));
    meet(&mut sessions, &ann, &bob);
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
    assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(1));
    let (late, repeated) = (ann.data(&bob, HELLO), ann.numbered(&bob, 0, HELLO));
    let who = (Some(ann.real.public), Some(bob.real.public));
    let sent = |sessions: &mut Sessions, from: &Client, to: &Client, datagram: &[u8]| {
        let (whose, what) = send(sessions, from, to, datagram);
        assert!(whose == who || whose == (who.1, who.0));
        what.map(|(session, number, resend, _)| (session, number, resend))
    };
    let old = ann.clone();
    ann.begin_again(Nonce([9; 24]));
    for is_new in [true, false] {
        let shaken = send(&mut sessions, &ann, &bob, &ann.handshake(&bob));
        assert_eq!(shaken.1.map(|(_, _, is_new, _)| is_new), Ok(is_new));
    }
    let hello = ann.data(&bob, HELLO);
    assert_eq!(sent(&mut sessions, &ann, &bob, &hello), Ok((2, 0, false)));
    assert_eq!(sent(&mut sessions, &ann, &bob, &hello), Ok((2, 0, true)));
    assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(2));
    // What is late is of the old session, and so is what is sent again.
    assert_eq!(sent(&mut sessions, &old, &bob, &late), Ok((1, 1, false)));
    assert_eq!(sent(&mut sessions, &old, &bob, &repeated), Ok((1, 0, true)));
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(2));
    // Both at once.
    ann.begin_again(Nonce([10; 24]));
    bob.begin_again(Nonce([11; 24]));
    _ = send(&mut sessions, &ann, &bob, &ann.handshake(&bob));
    _ = send(&mut sessions, &bob, &ann, &bob.handshake(&ann));
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(3));
    assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(3));
    assert_eq!(sessions.forgotten(), 0);
    // Many: the oldest is forgotten.
    for base in 20..40 {
        ann.begin_again(Nonce([base; 24]));
        _ = send(&mut sessions, &ann, &bob, &ann.handshake(&bob));
        assert!(data(&mut sessions, &mut ann, &bob, HELLO).is_ok());
    }
    assert!(sessions.forgotten() > 10);
}

/// Whoever listens can send old handshakes again, as many as there were, from any address.
#[test]
fn old_handshakes_sent_again_in_any_number_keep_no_session_closed() {
    // Of former sessions of the two: half of them without, half of them with their keys in the log.
    let old: Vec<_> =
        (20..60).map(|seed| (Client::new(1, seed), Client::new(2, seed + 100))).collect();
    let logged = |lines: &dyn Fn(&Client, &Client) -> String| -> String {
        old.iter().step_by(2).map(|(ann, bob)| lines(ann, bob)).collect()
    };
    let pairs = |client: &Client| {
        client.dht.line("DHT") + &client.real.line("ID") + &client.session.line("SESSION")
    };
    let (ann, bob) = ann_and_bob();
    let logs = [
        ann.shared_lines(&bob) + &logged(&|ann, bob| ann.shared_lines(bob)),
        // Of bob's session keys it says nothing.
        bob.box_lines(&ann) + &logged(&|ann, bob| bob.box_lines(ann)),
        pairs(&bob) + &logged(&|_, bob| bob.session.line("SESSION")),
    ];
    let logs = ["shared", "box", "pairs"].into_iter().zip(&logs);
    for (name, log, first_is_bob) in
        logs.flat_map(|(name, log)| [(name, log, false), (name, log, true)])
    {
        let (mut ann, mut bob) = ann_and_bob();
        let mut sessions = sessions(log);
        meet(&mut sessions, &ann, &bob);
        for (old_ann, old_bob) in &old {
            assert!(send(&mut sessions, &ann, &bob, &old_ann.handshake(old_bob)).1.is_ok());
            assert!(send(&mut sessions, &bob, &ann, &old_bob.handshake(old_ann)).1.is_ok());
        }
        if first_is_bob {
            assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(1), "{name}");
        }
        assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1), "{name}");
        assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(1), "{name}");
        assert_eq!(sessions.forgotten(), 0);
    }
}

/// Whoever listens can send a packet again much later.
#[test]
fn an_old_packet_sent_again_takes_the_session_nowhere() {
    let (mut ann, bob) = ann_and_bob();
    let mut sessions = sessions(&ann.shared_lines(&bob));
    meet(&mut sessions, &ann, &bob);
    let first = ann.data(&bob, HELLO);
    assert!(send(&mut sessions, &ann, &bob, &first).1.is_ok());
    for _ in 0..4 {
        ann.skip(98_000);
        assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
    }
    let again = send(&mut sessions, &ann, &bob, &first);
    assert_eq!(again.1, Ok((1, 0, true, HELLO.to_vec())));
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
}

#[test]
fn a_session_goes_on_when_an_address_changes() {
    let (mut ann, mut bob) = ann_and_bob();
    let mut sessions = sessions(&ann.shared_lines(&bob));
    meet(&mut sessions, &ann, &bob);
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
    assert_eq!(data(&mut sessions, &mut bob, &ann, HELLO), Ok(1));
    ann.address.set_port(40_000);
    let datagram = bob.data(&ann, HELLO);
    let back = (Some(bob.real.public), Some(ann.real.public));
    assert_eq!(
        send(&mut sessions, &bob, &ann, &datagram),
        (back, Ok((1, 1, false, HELLO.to_vec())))
    );
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
}

#[test]
fn a_session_may_begin_on_other_addresses_than_its_handshakes() {
    let (mut ann, bob) = ann_and_bob();
    let mut sessions = sessions(&ann.shared_lines(&bob));
    meet(&mut sessions, &ann, &bob);
    ann.address.set_port(40_000);
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
}

#[test]
fn a_capture_that_begins_in_the_middle_needs_nonce_lines() {
    let (mut ann, mut bob) = ann_and_bob();
    let keys = ann.shared_lines(&bob);
    ann.skip(50_000);
    let mut without = sessions(&keys);
    assert_eq!(data(&mut without, &mut ann, &bob, HELLO), Err(Sealed::NoHandshake));
    let mut with = sessions(&(keys.clone() + &ann.nonce_line(&bob) + &bob.nonce_line(&ann)));
    assert_eq!(data(&mut with, &mut ann, &bob, HELLO), Ok(1));
    assert_eq!(data(&mut with, &mut bob, &ann, HELLO), Ok(1));
    assert_eq!(data(&mut with, &mut ann, &bob, HELLO), Ok(1));
    let mut one_way = sessions(&(keys + &ann.nonce_line(&bob)));
    assert_eq!(data(&mut one_way, &mut ann, &bob, HELLO), Ok(1));
    assert_eq!(data(&mut one_way, &mut bob, &ann, HELLO), Err(Sealed::NoNonce));
}

#[test]
fn keys_that_come_late_open_what_follows() {
    let (mut ann, bob) = ann_and_bob();
    let mut sessions = sessions(&Client::new(8, 9).shared_lines(&Client::new(10, 11)));
    for _ in 0..100 {
        assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Err(Sealed::NoHandshake));
    }
    let log = ann.shared_lines(&bob) + &ann.nonce_line(&bob);
    sessions.ring_mut().read(log.as_bytes()).unwrap();
    assert_eq!(data(&mut sessions, &mut ann, &bob, HELLO), Ok(1));
}

#[test]
fn what_stays_closed_says_why() {
    let (mut ann, mut bob) = ann_and_bob();
    let mut all = sessions(&ann.shared_lines(&bob));
    let hello = ann.data(&bob, HELLO);
    let why = |sessions: &mut Sessions, packet: &[u8]| {
        let (ann, bob) = ann_and_bob();
        send(sessions, &ann, &bob, packet).1.err()
    };
    let mut none = Sessions::new(KeyRing::new());
    assert_eq!(why(&mut none, &hello), Some(Sealed::NoKeyLog));
    assert_eq!(why(&mut all, &hello), Some(Sealed::NoHandshake));
    assert_eq!(why(&mut all, &hello[..27]), Some(Sealed::BadLength));
    assert_eq!(why(&mut all, &[0x1b; 1401]), Some(Sealed::BadLength));
    assert_eq!(why(&mut all, &[0x1a; 384]), Some(Sealed::BadLength));
    assert_eq!(why(&mut all, &[0x19; 161]), Some(Sealed::NoRequest));
    assert_eq!(why(&mut all, &[0x18; 145]), Some(Sealed::NoKey));
    assert_eq!(why(&mut all, &[0x1a; 385]), Some(Sealed::NoKey));
    assert_eq!(why(&mut all, &hello), Some(Sealed::NoKey), "its handshake stayed closed");
    meet(&mut all, &ann, &bob);
    let damaged: Vec<u8> = hello.iter().map(|byte| byte ^ 1).collect();
    let damaged = [&hello[..3], &damaged[3..]].concat();
    assert_eq!(why(&mut all, &damaged), Some(Sealed::NoSessionKey), "no packet has opened yet");
    assert_eq!(why(&mut all, &hello), None);
    assert_eq!(why(&mut all, &damaged), Some(Sealed::BadTag));
    let cut = all.datagram(ann.address, bob.address, &hello[..30], true);
    assert!(matches!(cut.seen, Seen::Data(Err(Sealed::Truncated))));
    let empty = bob.numbered(&ann, 0, &[0; 5]);
    assert_eq!(send(&mut all, &bob, &ann, &empty).1, Err(Sealed::Empty));
    let long_term_only: String =
        ann.shared_lines(&bob).lines().take(2).fold(String::new(), |log, line| log + line + "\n");
    let mut handshakes = sessions(&long_term_only);
    meet(&mut handshakes, &ann, &bob);
    assert_eq!(why(&mut handshakes, &hello), Some(Sealed::NoSessionKey));
}

/// trial decryptions are earned, so that time stays linear however many keys and packets meet.
#[test]
fn work_for_packets_that_no_key_opens_is_bounded() {
    let mut log = String::new();
    for number in 0..20_000u32 {
        log += &format!(
            "SHARED {0:064x} {1:064x} {1:064x}\nNONCE {1:064x} {0:048x}\n",
            number, !number
        );
    }
    let mut sessions = sessions(&log);
    let mut packet = vec![0x1b; 100];
    let mut cut_short = 0;
    for source in 0..3000u16 {
        packet[1..3].copy_from_slice(&source.to_be_bytes());
        let from = ([10, 0, 0, 1], source).into();
        let opened = sessions.datagram(from, ([10, 0, 0, 2], 1).into(), &packet, false);
        cut_short += u32::from(matches!(opened.seen, Seen::Data(Err(Sealed::Budget))));
    }
    assert!(cut_short > 1000, "the budget was spent");
    assert!(sessions.searches_cut_short() > 0);
}

/// The long-term key in a cookie request is a claim, and a source address is none at all.
#[test]
fn forged_cookie_requests_change_nobody_elses_packets() {
    let (ann, bob) = ann_and_bob();
    let (mallory, carol) = (Client::new(3, 203), Client::new(4, 204));
    let logs = [
        ann.shared_lines(&bob) + &ann.shared_lines(&mallory) + &bob.shared_lines(&mallory),
        bob.box_lines(&ann) + &ann.box_lines(&bob) + &mallory.box_lines(&ann),
        ann.box_lines(&bob) + &ann.box_lines(&mallory),
        bob.box_lines(&ann) + &bob.box_lines(&mallory),
    ];
    let claims = [&carol, &ann, &bob];
    for (log, claimed) in logs.iter().flat_map(|log| claims.map(|claimed| (log, claimed))) {
        // Mallory asks with her own DHT key, in another's name and from any address, and answers
        // with cookies that she saw.
        let forge = |sessions: &mut Sessions, seen: &[&[u8; 112]]| {
            for (from, to) in [(&ann, &bob), (&bob, &ann), (&mallory, &ann), (&mallory, &bob)] {
                let mut liar = mallory.clone();
                (liar.address, liar.real) = (from.address, claimed.real.clone());
                let (who, what) = send(sessions, &liar, to, &liar.cookie_request(to));
                assert_eq!(who, (what.ok().map(|_| claimed.real.public), None));
                for cookie in seen {
                    let answer = to.cookie_response_with(&liar, cookie);
                    _ = send(sessions, to, &liar, &answer);
                }
            }
        };
        let run = |is_attacked: bool| {
            let (mut ann, mut bob) = ann_and_bob();
            let mut sessions = sessions(log);
            let (to_bob, to_ann) = (bob.cookie_for(&ann), ann.cookie_for(&bob));
            let packets = [
                (true, ann.cookie_request(&bob)),
                (false, bob.cookie_response(&ann)),
                (true, ann.handshake(&bob)),
                (false, bob.handshake(&ann)),
                (false, bob.data(&ann, HELLO)),
                (true, ann.data(&bob, HELLO)),
                (true, vec![0x1b; 40]),
                (true, ann.handshake(&bob)),
                (false, bob.handshake(&ann)),
                (false, bob.data(&ann, HELLO)),
            ];
            let mut whose = Vec::new();
            for (at, (is_forth, packet)) in packets.iter().enumerate() {
                if is_attacked {
                    let seen = [&to_bob, &to_ann];
                    let seen = if at > 2 { &seen[..] } else { &[] };
                    forge(&mut sessions, seen);
                }
                let (from, to) = if *is_forth { (&ann, &bob) } else { (&bob, &ann) };
                whose.push(send(&mut sessions, from, to, packet));
                if is_attacked {
                    // Reflected, and from elsewhere.
                    _ = send(&mut sessions, to, from, packet);
                    _ = send(&mut sessions, &mallory, to, packet);
                }
            }
            whose
        };
        let (plain, attacked) = (run(false), run(true));
        assert_eq!(
            attacked.iter().map(|(who, _)| who).collect::<Vec<_>>(),
            plain.iter().map(|(who, _)| who).collect::<Vec<_>>()
        );
        assert!(attacked.iter().map(|(_, what)| what).eq(plain.iter().map(|(_, what)| what)));
        assert!(plain[4].0.0.is_some() || plain[4].0.1.is_some());
    }
}

/// The two may share a session key with an impostor only if they answer her: she is never another.
#[test]
fn a_claim_that_its_own_handshake_belies_names_nobody() {
    let (ann, bob, mut mallory) = (Client::new(1, 201), Client::new(2, 202), Client::new(3, 203));
    let logs = [ann.shared_lines(&mallory), ann.box_lines(&mallory)];
    for log in logs {
        let mut sessions = sessions(&log);
        let mut liar = mallory.clone();
        liar.real = bob.real.clone();
        _ = send(&mut sessions, &liar, &ann, &liar.cookie_request(&ann));
        _ = send(&mut sessions, &ann, &liar, &ann.cookie_response(&liar));
        let nobody = (None, None);
        assert_eq!(send(&mut sessions, &mallory, &ann, &mallory.handshake(&ann)).0, nobody);
        let hello = mallory.data(&ann, HELLO);
        let (who, what) = send(&mut sessions, &mallory, &ann, &hello);
        assert_eq!((who, what.is_ok()), (nobody, true));
    }
}

/// Anybody on the way can send a packet again with its addresses swapped.
#[test]
fn a_reflected_packet_is_still_its_senders_and_a_resend() {
    let (mut ann, mut bob) = ann_and_bob();
    let nonces = ann.nonce_line(&bob) + &bob.nonce_line(&ann);
    for log in [ann.shared_lines(&bob), ann.shared_lines(&bob) + &nonces] {
        let mut sessions = sessions(&log);
        meet(&mut sessions, &ann, &bob);
        let forth = (Some(ann.real.public), Some(bob.real.public));
        for number in 0..3 {
            let hello = ann.numbered(&bob, number, HELLO);
            let opened = send(&mut sessions, &ann, &bob, &hello);
            assert_eq!(opened, (forth, Ok((1, number, false, HELLO.to_vec()))));
            let reflected = send(&mut sessions, &bob, &ann, &hello);
            assert_eq!(reflected, (forth, Ok((1, number, true, HELLO.to_vec()))));
        }
        let hello = bob.numbered(&ann, 0, HELLO);
        let opened = send(&mut sessions, &bob, &ann, &hello);
        assert_eq!(opened, ((forth.1, forth.0), Ok((1, 0, false, HELLO.to_vec()))));
    }
}
