//! A client that lets anybody into its conferences: what `toxscope fuzz-peer` is tried on.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::tox::{Event, Origin, Setup, Tox};

/// Between two passes of the main loop, as clients have it.
const PASS: Duration = Duration::from_millis(20);

/// Between two things that it does by itself.
const BEAT: Duration = Duration::from_secs(3);

/// So many conferences it is in at most, its own two included.
const CONFERENCES: usize = 8;

/// Founds a conference with text and one with audio, invites whoever comes or says so, and accepts every
/// invitation, until the process is ended. Says on standard output where it is, as a JSON object.
///
/// # Errors
///
/// When libtoxcore does not start.
#[expect(clippy::print_stdout, reason = "a program talks")]
pub fn run(port: u16, seed: u64) -> Result<()> {
    let mut secret = [0x5a; 32];
    if let Some(start) = secret.first_chunk_mut() {
        *start = seed.to_be_bytes();
    }
    let from = Origin::SecretKey(secret);
    let setup = Setup { port: Some(port), relay_port: None, ipv6: false, from };
    let mut tox = Tox::start(&setup)?;
    tox.set_name(b"target")?;
    let own = [tox.found(false)?, tox.found(true)?];
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    println!(
        "{}",
        json!({
            "pid": std::process::id(),
            "address": hex(&tox.address()),
            "key": hex(&tox.key()),
            "bootstrap": format!("127.0.0.1:{}:{}", tox.port(), hex(&tox.dht_key())),
        })
    );
    let (mut next, mut beats) = (Instant::now(), 0_u32);
    loop {
        for event in tox.iterate() {
            hear(&mut tox, &own, event);
        }
        if Instant::now() >= next {
            next = Instant::now() + BEAT;
            beats += 1;
            act(&mut tox, &own, beats);
        }
        thread::sleep(PASS);
    }
}

/// What a peer that sends odd packets makes impossible is no failure here.
fn hear(tox: &mut Tox, own: &[u32], event: Event) {
    match event {
        Event::FriendRequest(key) => {
            let _ = tox.befriend(&key);
        }
        Event::FriendMessage(friend, _) | Event::FriendConnection(friend, 1..) => {
            for conference in own {
                let _ = tox.invite(friend, *conference);
            }
        }
        // Leaving where nobody is left would be seen by nobody, and replay cannot know.
        Event::Invited { friend, audio, cookie } if tox.conferences().len() < CONFERENCES => {
            let _ = tox.join(friend, &cookie, audio);
        }
        _ => {}
    }
}

fn act(tox: &mut Tox, own: &[u32], beat: u32) {
    for conference in own {
        let _ = tox.say(*conference, beat.is_multiple_of(4), format!("beat {beat}").as_bytes());
    }
    if beat.is_multiple_of(7) {
        let _ = tox.set_name(format!("target {beat}").as_bytes());
    }
}
