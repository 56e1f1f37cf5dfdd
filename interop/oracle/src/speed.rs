//! How fast both sides are, next to each other.
//!
//! What is measured is the time that the processor spends in this thread, since others may use it too.
//! The rounds of both sides alternate, and the fastest of each counts.

use std::hint::black_box;

use toxscope::conference::{Endpoint, Profile};
use toxscope::time::Timestamp;
use toxscope::wire::{
    Chat, Conference, ConferenceType, GroupMessage, GroupNumber, InviteAccepted, MessageBody,
    MessageNumber, Packet, PeerEntry, PeerNumber, PeerResponse, PublicKey,
};

use crate::dice::StepDice;
use crate::original::{Identity, Original};
use crate::script::{BEGIN, Case, Step, What};

/// Rounds of each side.
const ROUNDS: usize = 7;
/// Messages in a talk.
const MESSAGES: u32 = 20_000;

/// Nanoseconds for each input, of ours and of the original.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Ours.
    pub ours: f64,
    /// The original's, with the world around it.
    pub original: f64,
}

/// The time that this thread has used the processor, in nanoseconds.
fn spent() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The time that the whole program has used the processor, in nanoseconds.
#[must_use]
pub fn spent_by_all() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: there is room for the time.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Runs cases on each side alone; the first `prepare` steps of each are not measured.
///
/// Restarts are left out.
#[must_use]
pub fn measure(original: &mut Original, profile: &Profile, cases: &[Case], prepare: usize) -> Pace {
    let measured = |case: &Case| case.steps.len().saturating_sub(prepare);
    let inputs = cases.iter().map(measured).sum::<usize>().max(1);
    let (mut ours, mut theirs) = (u64::MAX, u64::MAX);
    for _ in 0..ROUNDS {
        ours = ours.min(cases.iter().map(|case| round_of_ours(profile, case, prepare)).sum());
        theirs = theirs.min(cases.iter().map(|case| round_of(original, case, prepare)).sum());
    }
    Pace { ours: ours as f64 / inputs as f64, original: theirs as f64 / inputs as f64 }
}

fn round_of_ours(profile: &Profile, case: &Case, prepare: usize) -> u64 {
    let Identity { real_key, dht_key, name } = &case.identity;
    let mut endpoint = Endpoint::new(profile.clone(), *real_key, *dht_key, name);
    let mut start = spent();
    for (index, step) in case.steps.iter().enumerate() {
        if index == prepare {
            start = spent();
        }
        if let Some(input) = step.input() {
            endpoint.handle(&input, &mut step.dice.clone());
        }
        while let Some(output) = endpoint.poll_output() {
            black_box(output);
        }
    }
    spent() - start
}

fn round_of(original: &mut Original, case: &Case, prepare: usize) -> u64 {
    original.begin(BEGIN.as_nanos().unsigned_abs() / 1_000_000_000, &case.identity);
    let mut start = spent();
    for (index, step) in case.steps.iter().enumerate() {
        if index == prepare {
            start = spent();
        }
        if let Some(input) = step.input() {
            original.handle(&input, step.dice.clone());
        }
        black_box(original.told());
    }
    spent() - start
}

/// A conference of so many peers, who then talk; all arrives from one neighbour. Gives the case, and
/// how many steps come before the talk.
#[must_use]
pub fn talk(peers: u16) -> (Case, usize) {
    let key = |index: u16| {
        let mut key = [7; 32];
        let spread = u64::from(index).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        key[..8].copy_from_slice(&spread.to_be_bytes());
        PublicKey(key)
    };
    let friend = key(1);
    let identity = Identity { real_key: key(0), dht_key: key(0), name: b"own".to_vec() };
    let mut steps = Vec::new();
    let mut step = |what, packet: Option<Packet<'_>>| {
        let mut bytes = Vec::new();
        if let Some(packet) = packet {
            packet.emit(&mut bytes);
        }
        let at = Timestamp::from_nanos(BEGIN.as_nanos() + steps.len() as i64);
        steps.push(Step { at, dice: StepDice::new(1), what, bytes });
    };
    step(What::AddFriend(friend), None);
    step(What::Up(friend, friend), None);
    step(What::Create(ConferenceType::TEXT), None);
    let id = toxscope::wire::ConferenceId(toxscope::conference::Dice::conference_id(
        &mut StepDice::new(1),
    ));
    let number = GroupNumber(0);
    let accepted = InviteAccepted {
        group_number: number,
        receiver_group_number: number,
        conference: Conference { kind: ConferenceType::TEXT, id },
    };
    step(What::Packet(friend), Some(Packet::InviteAccepted(accepted)));
    let others: Vec<u16> = (2..peers).collect();
    for chunk in others.chunks(20) {
        let mut entries = Vec::new();
        for index in chunk {
            let peer_number = PeerNumber(index + 10_000);
            let (real_key, dht_key) = (key(*index), key(*index));
            PeerEntry { peer_number, real_key, dht_key, name: &[] }.emit(&mut entries);
        }
        let response = PeerResponse { group_number: number, entries: &entries };
        step(What::Packet(friend), Some(Packet::PeerResponse(response)));
    }
    step(What::Tick, None);
    let prepare = 5 + others.chunks(20).len();
    for (message, author) in (0..MESSAGES).zip(others.iter().cycle()) {
        let message = Packet::Message(GroupMessage {
            group_number: number,
            peer_number: PeerNumber(author + 10_000),
            message_number: MessageNumber(1 + message / others.len() as u32),
            body: MessageBody::Chat(Chat { text: b"hello" }),
        });
        step(What::Packet(friend), Some(message));
    }
    (Case { identity, steps }, prepare)
}
