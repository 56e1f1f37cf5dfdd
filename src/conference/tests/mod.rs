//! Tests of the whole room, by concern; every one says which rules it holds.

mod golden;
#[allow(dead_code)]
mod room;
#[allow(dead_code)]
mod tap;
mod traces;
