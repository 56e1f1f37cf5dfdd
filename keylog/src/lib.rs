//! The key logger: preloaded into a program that uses Tox over libsodium, it writes down every
//! precomputed key that the program derives, so that a capture of its traffic can be opened.
//!
//! ```sh
//! LD_PRELOAD=/usr/lib/libtoxscope_keylog.so TOX_LOG_KEYS=~/tox.keys qtox
//! ```
//!
//! The format of the file and how to use it are in `docs/key-log.md`. Here, in floor order:
//!
//! * `quiet` leaves no trace in the program: `errno`, signals and cancellation stay as they were;
//! * `line` spells the lines of a key log;
//! * `tables` remembers, in fixed memory and without locks, what has been written;
//! * `real` finds the functions of libsodium behind ours;
//! * `file` opens the log and appends to it;
//! * `logger` decides which line a call is worth;
//! * `wrappers` are the functions that the program calls in place of libsodium's.
//!
//! Rules of the house, beside those of the other rooms: no allocation and no lock once the program
//! runs, nothing that can panic, nothing on stdout, and one line on stderr at most (threats 18, 19).
#![cfg(target_os = "linux")]

mod file;
mod line;
mod logger;
mod quiet;
mod real;
mod tables;
pub mod wrappers;

/// X25519 public, secret and precomputed keys are all of 32 bytes (packets §0).
type Key = [u8; 32];

/// A nonce: one big-endian number of 192 bits (packets §0).
type Nonce = [u8; 24];
