//! Many endpoints of the reference machine in a virtual network, on one virtual clock.
//!
//! A [`World`] has members, each with an endpoint, a clock and a program that can be suspended, ended
//! and started again from any of its saves. Between any two lies a link of two ways, each with its
//! delays and losses, and each of which can be cut. Friend connections need both sides to want them, and
//! take their time to come up.
//!
//! All chance comes from a seed: the same seed and the same deeds give the same world. [`Observer`]s see
//! all that happens; the [`Watch`] is one, and checks the invariants after every step.
//!
//! | File        | Concern                                                            |
//! |-------------|--------------------------------------------------------------------|
//! | `world`     | members, links, and what happens next                              |
//! | `transport` | sessions: how they come up, carry packets, stall and end           |
//! | `people`    | friendships, ending and starting programs                          |
//! | `link`      | the state of what lies between two members                         |
//! | `member`    | an endpoint with the person and the program around it              |
//! | `clock`     | the virtual clock, and the clocks of members                       |
//! | `chance`    | dice                                                               |
//! | `observer`  | who looks on                                                       |
//! | `watch`     | what must hold after every step                                    |
//! | `agreement` | coming together in a conference, and agreeing about it             |
//! | `gathering` | a world with one conference                                        |
//! | `recorder`  | what members send each other, as a capture with its keys           |
//! | [`random`]  | random worlds that are split and heal                              |
//! | [`ordeal`]  | random worlds that go through one trouble after another            |
//! | [`scenario`] | what happens, and what is expected of it, line by line            |

mod agreement;
mod chance;
mod clock;
mod gathering;
mod link;
mod member;
mod observer;
pub mod ordeal;
mod people;
pub mod random;
mod recorder;
pub mod scenario;
#[cfg(test)]
mod tests;
mod transport;
mod watch;
mod world;

pub use chance::Chance;
pub use clock::{Clock, MILLISECOND, Nanos, SECOND, timestamp};
pub use gathering::{Ears, Gathering};
pub use link::{Network, Quality};
pub use member::{KeyPair, Member, MemberId, Program, Save};
pub use observer::{Made, Observer, Sent};
pub use recorder::{Recorded, Recorder};
pub use watch::{Finding, Watch};
pub use world::{Newcomer, World};
