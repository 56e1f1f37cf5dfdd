//! One member of a world: an endpoint, and the person and the program around it.

use std::collections::BTreeSet;

use super::{Clock, Nanos};
use crate::conference::{Endpoint, Profile, SeededDice};
use crate::crypto::SecretKey;
use crate::wire::{GroupNumber, PublicKey};

/// A member of a world, in the order in which they came, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub(super) u32);

impl MemberId {
    /// The place of the member in [`World::members`](super::World::members).
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A key pair, or a public key that stands for one.
///
/// Nothing is sealed without a capture, and making public keys takes longer than simulating with
/// them, so most worlds do with keys that have no secret half.
#[derive(Clone)]
pub struct KeyPair {
    /// The public key.
    pub public: PublicKey,
    /// The secret key, if there is one.
    pub secret: Option<SecretKey>,
}

/// What the program of a member is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// It runs.
    Running,
    /// It was stopped in the middle, and knows nothing of it.
    Suspended,
    /// It does not run.
    Ended,
}

/// What a program wrote to disk.
#[derive(Clone, Debug)]
pub struct Save {
    /// When.
    pub at: Nanos,
    /// The conferences section.
    pub section: Vec<u8>,
    /// The numbers of its conferences, for profiles that keep them (D-060).
    pub numbers: Vec<GroupNumber>,
    /// The own name.
    pub name: Vec<u8>,
}

/// One member of a world.
#[derive(Clone)]
pub struct Member {
    pub(super) profile: Profile,
    pub(super) real: KeyPair,
    pub(super) dht: KeyPair,
    pub(super) endpoint: Endpoint,
    pub(super) dice: SeededDice,
    pub(super) clock: Clock,
    pub(super) program: Program,
    /// When it was last suspended.
    pub(super) stopped: Nanos,
    /// How often the program was started.
    pub(super) starts: u32,
    pub(super) friends: BTreeSet<MemberId>,
    /// Invitations are accepted as they come.
    pub(super) accepts: bool,
    pub(super) saves: Vec<Save>,
    /// When the next pass is due.
    pub(super) tick_at: Option<Nanos>,
    /// Where passes lie between two multiples of their interval.
    pub(super) phase: Nanos,
    /// Sessions that were found dead while the program was suspended.
    pub(super) overdue: Vec<MemberId>,
}

impl Member {
    /// The reference machine.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The key pair that names the member.
    #[must_use]
    pub const fn real(&self) -> &KeyPair {
        &self.real
    }

    /// The key pair under which others find the member.
    #[must_use]
    pub const fn dht(&self) -> &KeyPair {
        &self.dht
    }

    /// What the program is doing.
    #[must_use]
    pub const fn program(&self) -> Program {
        self.program
    }

    /// The member's clock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the program wrote to disk, oldest first.
    #[must_use]
    pub fn saves(&self) -> &[Save] {
        &self.saves
    }

    /// The friends.
    pub fn friends(&self) -> impl Iterator<Item = MemberId> {
        self.friends.iter().copied()
    }

    pub(super) fn is_running(&self) -> bool {
        self.program == Program::Running
    }
}
