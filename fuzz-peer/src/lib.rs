//! Preloaded by `toxscope fuzz-peer` into a program that uses Tox over libsodium: shows toxscope every
//! conference packet before it is sealed, seals what toxscope has made of it, and sends that instead.
//!
//! * `fence` lets nothing out to addresses that are neither loopback nor owned;
//! * `line` is the connection to toxscope, over which packets are shown and reported;
//! * `real` finds the functions behind ours;
//! * `seal` and `socket` are the functions that the program calls in place of libsodium's and the C
//!   library's.
//!
//! The program's own memory is left alone: its packet is sealed as it asked, another one is sealed beside
//! it, and the two are exchanged on their way out. So a packet may become longer than the program's buffer.
//!
//! Without `TOXSCOPE_FUZZ_PEER` in the environment, the library does nothing. With it, the fence is up for
//! as long as the program runs, whether or not toxscope is still there.
#![cfg(target_os = "linux")]

mod fence;
mod line;
mod real;
pub mod seal;
pub mod socket;
