//! The conference code of libtoxcore 0.2.18 as a judge of toxscope's machine.
//!
//! Debian's static `libtoxcore.a` is linked so that whatever its conference module calls downwards
//! arrives here; nothing of it is built or copied. Both sides get the same inputs, and after each the
//! same must have followed: packets and their order, friend connections opened and released, what
//! clients are told, lists of peers, and the bytes of a save. `docs/oracle.md` says more.
//!
//! * [`ffi`] is the part of libtoxcore that is used; `world` is what it sees of the rest;
//! * [`original`] is the original behind the inputs of our machine, [`told`] what either side does;
//! * [`judge`] compares them; [`dice`] are the same for both;
//! * [`script`] is a case as a list; [`play`] makes one up from bytes, [`scenarios`] takes those of
//!   simulated endpoints; [`mod@minimise`] makes one short, [`tally`] counts what happened;
//! * [`speed`] measures both sides.

pub mod dice;
pub mod ffi;
pub mod judge;
pub mod minimise;
pub mod original;
pub mod play;
pub mod scenarios;
pub mod script;
pub mod speed;
pub mod tally;
pub mod told;
mod world;

use std::cell::RefCell;
use std::mem::ManuallyDrop;

use toxscope::conference::{Dice, Profile, SeededDice};

use judge::{Disagreement, Judge};
use original::Original;
use play::Play;
use script::{BEGIN, Case};
use tally::Tally;

/// The profile that the original is compared with.
///
/// # Panics
///
/// Never: it is one of the profiles.
#[must_use]
pub fn profile() -> Profile {
    "ctoxcore:0.2.18".parse().expect("it is one of the profiles")
}

/// The bytes of a seed: mostly some hundred, at most 16 KiB.
#[must_use]
pub fn bytes_of(seed: u64) -> Vec<u8> {
    let mut dice = SeededDice::new(seed);
    let length = 64 << (dice.next_u64() % 9);
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        bytes.extend_from_slice(&dice.conference_id());
    }
    bytes
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    /// All its steps, up to the last that was run.
    pub case: Case,
    /// Where the sides part ways; nothing if they agree.
    pub disagreement: Option<Disagreement>,
}

/// Plays a case from bytes on both sides, to its end or to the first disagreement, and counts.
pub fn run(original: &mut Original, profile: &Profile, bytes: &[u8], tally: &mut Tally) -> Outcome {
    let (mut play, identity) = Play::new(bytes);
    let mut judge = Judge::new(original, profile.clone(), BEGIN, identity.clone());
    let mut case = Case { identity, steps: Vec::new() };
    let mut disagreement = None;
    tally.cases += 1;
    while disagreement.is_none()
        && let Some(step) = play.next(judge.ours())
    {
        tally.step(&step, judge.ours());
        disagreement = step.run(&mut judge).err();
        tally.told(judge.told());
        case.steps.push(step);
    }
    Outcome { case, disagreement }
}

/// The fuzz target: whatever the bytes make happen, the original does the same.
///
/// # Panics
///
/// If it does not: with the case, made short.
#[expect(clippy::panic, reason = "that is how a fuzz target fails")]
pub fn against_original(bytes: &[u8]) {
    thread_local! {
        /// Never dropped: at the end of a thread its world may be gone already.
        static ORIGINAL: ManuallyDrop<RefCell<Original>> = ManuallyDrop::new(RefCell::default());
    }
    ORIGINAL.with(|original| {
        let original = &mut original.borrow_mut();
        let profile = profile();
        let Outcome { case, disagreement } = run(original, &profile, bytes, &mut Tally::default());
        if disagreement.is_some() {
            let case = minimise::minimise(original, &profile, &case);
            let end = case.run(original, &profile).err();
            let (_, disagreement) = end.expect("it was kept because it fails");
            panic!("the sides part ways:\n{case}{disagreement}");
        }
    });
}
