//! Replay: what an endpoint of a capture received goes into the reference machine, and what the machine
//! says is compared with what the endpoint sent.
//!
//! A capture shows when packets passed, not when they were handled, and neither what a client did nor
//! what its dice showed. All of this is taken from what the endpoint sent:
//!
//! * Each packet of a session says which packets of the other side were handled before it was sent.
//!   So every received packet has a moment before which it was not handled, and one at which it was
//!   ([`Knowledge`] of causes); in between, the machine gets it when something that was sent asks for it.
//! * Passes of the main loop leave no trace but what they send. The machine's pass comes with the ping,
//!   Name or Online that it explains; or else when nothing more is to come before it.
//! * What no input explains and a client may want is an action of the client, is handed to the machine,
//!   and its copies on other connections are predicted.
//! * The number of a new member is read from the message that announces it.
//!
//! | File          | Concern                                                             |
//! |---------------|---------------------------------------------------------------------|
//! | `observation` | what is told: inputs, steps, judgements, differences                |
//! | `clock`       | when frames were captured, whether the clock was set, silences      |
//! | `copies`      | frames that were captured twice                                     |
//! | `people`      | records to the endpoints that they are about                        |
//! | `follower`    | one endpoint: what it heard and said, in order                      |
//! | `wire`        | one session of an endpoint: acknowledgements, gaps                  |
//! | `schedule`    | when the machine gets what                                          |
//! | `explain`     | the judgement of a packet that was sent                             |
//! | `actions`     | what a client may have wanted                                       |
//! | `expected`    | what the machine sent and the endpoint not yet                      |
//! | `foresee`     | what is read ahead of its turn                                      |
//! | `restart`     | an endpoint that starts again                                       |
//! | `doubt`       | what cannot be judged, and why                                      |
//! | `age`         | how old the release of an endpoint is                               |
//! | `adopt`       | facts that an endpoint tells of itself                              |
//! | `rules`       | which rule explains a packet                                        |

mod actions;
mod adopt;
mod age;
mod clock;
mod copies;
mod doubt;
mod expected;
mod explain;
mod follower;
mod foresee;
mod observation;
mod people;
mod restart;
mod rules;
mod schedule;
mod wire;

pub use observation::{
    Class, Difference, DifferenceKind, Doubt, Knowledge, Observation, Sent, Tally, What, Why,
};
pub use people::{LeftOut, Options, Outcome, Replay, Saved, Whom};
