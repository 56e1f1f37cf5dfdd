//! The reference state machine: one endpoint of Tox conferences as a value, without I/O.
//!
//! Packets, connection events, requests of the client and the time go in through
//! [`Endpoint::handle`]; what follows from them comes out of [`Endpoint::poll_output`], in order.
//! An input without effect gives a [`DropReason`]. There is no clock and no generator in here:
//! each input says when it happens, and [`Dice`] are handed in.
//!
//! The law are the rules `R-001` to `R-246`; `docs/rules.md` says where each is kept and which
//! tests hold it. Where the sources disagree, a [`Profile`] says what the rules read
//! (`docs/divergences.md`).
//!
//! | File            | Concern                                                           |
//! |-----------------|-------------------------------------------------------------------|
//! | `endpoint`      | inputs to the concern they belong to; the table of conferences    |
//! | `connections`   | friend connections: who needs them, when they are released        |
//! | `group`         | one conference and what its concerns share                        |
//! | `peers`         | active and frozen peers, found by number and by key               |
//! | `membership`    | how peers become known: fresh information and peer responses      |
//! | `closest`       | the four closest peers                                            |
//! | `slots`         | connections of a conference, their reasons, cleaning              |
//! | `invitations`   | inviting, accepting, answering as a member                        |
//! | `online`        | the handshake that brings a slot online                           |
//! | `queries`       | peer queries and responses                                        |
//! | `titles`        | the title and its freshness                                       |
//! | `names`         | own name and others' names                                        |
//! | `messages`      | group messages: sending, order of effects on receiving            |
//! | `duplicates`    | the numbers remembered of each author                             |
//! | `relay`         | passing group messages on                                         |
//! | `lossy`         | lossy messages: window and forwarding                             |
//! | `activity`      | pings, time-outs, freezing, thawing                               |
//! | `frozen`        | the limit of the frozen list                                      |
//! | `rejoin`        | Rejoin in both directions                                         |
//! | `leaving`       | deleting, shutting down, Kill and Freeze, losing all connections  |
//! | `pass`          | the order of one run of the main loop                             |
//! | `assume`        | facts that an observer takes over                                 |
//! | `save`          | saving and loading                                                |
//! | `section`       | reading the conferences section of a save file                    |
//! | [`savedata`]    | the container around it                                           |
//! | `damage`        | what can be wrong in either                                       |
//! | `invariants`    | what holds after every step, for tests and simulations            |
//! | `tap`           | what holds for all that is sent, for the same                     |

mod activity;
mod assume;
mod closest;
mod connections;
mod damage;
mod dice;
mod duplicates;
mod endpoint;
mod frozen;
mod group;
mod input;
mod invariants;
mod invitations;
mod leaving;
mod lossy;
mod membership;
mod messages;
mod names;
mod online;
mod output;
mod pass;
mod peers;
mod profile;
mod queries;
mod rejoin;
mod relay;
mod save;
pub mod savedata;
mod section;
mod slots;
mod tap;
#[cfg(test)]
mod tests;
mod titles;

pub use assume::Fact;
pub use closest::Prefix;
pub use connections::Connection;
pub use damage::{Damage, DamageKind};
pub use dice::{Dice, SeededDice};
pub use endpoint::Endpoint;
pub use group::Group;
pub use input::{Input, Request};
pub use invariants::Violation;
pub use output::{Departure, DropReason, Event, Output, Step};
pub use peers::Peer;
pub use profile::{Duplicates, Pings, Profile, RelayBack, Release, UnknownProfile};
pub use save::Loaded;
pub use section::{SavedConference, SavedPeer, SavedPeers, Section};
pub use slots::{Reasons, Slot};
pub use tap::Tap;

/// Seconds since 1970-01-01T00:00:00 UTC, rounded down; the machine's resolution.
pub type Seconds = u64;

/// The longest text of one message, in bytes (packets §10, D-066).
pub const MAX_TEXT_SIZE: usize = 1363;
/// Connections that a conference can have at one endpoint.
pub const MAX_SLOTS: usize = 16;
/// Seconds between two pings.
pub const PING_INTERVAL: Seconds = 20;
/// Seconds without activity after which a peer is frozen.
pub const FREEZE_TIMEOUT: Seconds = 60;
