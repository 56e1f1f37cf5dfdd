//! The network of a scenario: a namespace with a loopback interface, a filter, a recorder.

pub mod filter;
pub mod namespace;
pub mod recorder;
