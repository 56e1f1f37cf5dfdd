//! Small worlds of endpoints, explored in every order of events.
//!
//! Each instance is explored until nothing new is found, or until so many unique states were:
//! `TOXSCOPE_MODEL_STATES`, a few thousand without it. All of them, which takes minutes:
//!
//! ```sh
//! TOXSCOPE_MODEL_STATES=1000000 cargo test --release --test model -- --nocapture --test-threads 2
//! ```
//!
//! In each a change of a rule is planted, which has to be found: a model that finds nothing wrong
//! proves nothing otherwise.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests are tests, and how much was explored is worth a line"
)]

mod explore;
mod forger;
mod groups;
mod numbers;
mod world;
