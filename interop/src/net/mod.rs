//! The network of a story: a namespace with a loopback interface, a filter, a recorder.

pub mod dial;
pub mod filter;
pub mod namespace;
pub mod rebind;
pub mod recorder;
