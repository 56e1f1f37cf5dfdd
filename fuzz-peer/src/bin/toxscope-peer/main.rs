//! `toxscope-peer`: a peer over whatever libtoxcore is installed, which accepts friends and invitations and
//! talks in conferences all the time, so that `toxscope fuzz-peer` has packets to change.
//!
//! ```sh
//! toxscope-peer [--bootstrap HOST:PORT:KEY]… [--friend TOX-ID]… [--seed N] [--pace N]
//! ```
//!
//! Its long-term key follows from the seed, so that everybody can know it: nobody should tell this peer
//! anything. It ends when its standard input does.

#[cfg(target_os = "linux")]
mod api;
#[cfg(target_os = "linux")]
mod chance;
#[cfg(target_os = "linux")]
mod life;
#[cfg(target_os = "linux")]
mod tox;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a program talks")]
fn main() -> ExitCode {
    match life::Plan::read(std::env::args().skip(1)).and_then(|plan| life::live(&plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("toxscope-peer: {error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::from(2)
}
