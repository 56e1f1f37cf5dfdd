//! The program as its users meet it: arguments in, data, talk and exit codes out.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod badinput;
mod canaries;
mod corpus;
mod dissect;
mod faults;
mod keys;
mod lint;
#[cfg(target_os = "linux")]
mod live;
mod mutate;
mod other;
mod replay;
mod save;
mod simulate;
mod world;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use hex_literal::hex;
use world::{From, World};

/// The program with these arguments, in a plain environment.
fn toxscope<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toxscope"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Exit code, standard output and standard error of a run.
fn run<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> (i32, String, String) {
    outcome(&toxscope(args).output().unwrap())
}

fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
}

/// What a run prints that must end well and have nothing to say.
fn printed<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> String {
    let (code, stdout, stderr) = run(args);
    assert_eq!((code, stderr.as_str()), (0, ""));
    stdout
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Ann invites Bob to a conference; they talk; one packet comes twice, one is malformed.
fn talk() -> World {
    let conference = [0xab; 32];
    let mut world = World::new();
    world.say(From::Ann, &hex!("10"));
    world.say(From::Ann, &[&hex!("60 00 0000 00")[..], &conference].concat());
    world.say(From::Bob, &[&hex!("60 01 0003 0000 00")[..], &conference].concat());
    world.say(From::Bob, &hex!("62 0000 08"));
    let bob = hex_bytes(&world.bob.key());
    let entry = [&hex!("0007")[..], &bob, &[0xdd; 32], &hex!("03 626f62")].concat();
    world.say(From::Ann, &[&hex!("62 0003 09")[..], &entry].concat());
    world.say(From::Ann, &hex!("62 0003 0a 526f6f6d"));
    world.say(From::Bob, &hex!("63 0000 0007 00000001 40 6869"));
    world.say_again(From::Bob, 2, &hex!("63 0000 0007 00000001 40 6869"));
    world.say(From::Ann, &hex!("63 0003 0001 000000"));
    world.say(From::Bob, &[&hex!("64 00")[..], &conference].concat());
    world.datagram(From::Ann, &[0x21; 33]);
    world
}

fn hex_bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
