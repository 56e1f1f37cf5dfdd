//! What gets out of a program that the library is preloaded into. The program is this test itself.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test ends where its expectations do; helpers are part of it"
)]

use std::env;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// An address that is nobody's (RFC 5737), and one on a network that many have at home.
const FAR: [&str; 3] = ["203.0.113.1:9", "192.168.1.1:9", "[2001:db8::1]:9"];

fn library() -> PathBuf {
    let arguments = ["build", "--quiet", "--package", "toxscope-fuzz-peer"];
    assert!(Command::new(env!("CARGO")).args(arguments).status().unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_toxscope-peer")).with_file_name("libtoxscope_fuzz_peer.so")
}

/// Runs the test of this name as a program under the library; what it printed, line by line.
fn under_library(name: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", "--test-threads=1", name]);
    command.env("LD_PRELOAD", library()).envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| Some(line.strip_prefix("> ")?.to_owned())).collect()
}

/// What becomes of things that are sent near and far.
#[test]
#[ignore = "the program that others run under the library"]
fn send_everywhere() {
    println!();
    let near = UdpSocket::bind("127.0.0.1:0").unwrap();
    near.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let here = near.local_addr().unwrap();
    for to in [here].into_iter().chain(FAR.map(|far| far.parse().unwrap())) {
        let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).unwrap();
        let sent = socket.send_to(b"hello", to).map_err(|error| error.kind());
        let connected = socket.connect(to).map_err(|error| error.kind());
        let stream = TcpStream::connect_timeout(&to, Duration::from_millis(1));
        let is_refused = |kind| kind == ErrorKind::PermissionDenied;
        let stream = stream.is_err_and(|error| is_refused(error.kind()));
        println!(
            "> {} {} {} {}",
            if to == here { "near".to_owned() } else { to.to_string() },
            sent.is_err_and(is_refused),
            connected.is_err_and(is_refused),
            stream
        );
    }
    let mut bytes = [0; 9];
    println!("> {:?}", near.recv(&mut bytes).map_err(|error| error.kind()));
    // Names of services and files are no network.
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("s")).unwrap();
    assert!(std::os::unix::net::UnixStream::connect(folder.path().join("s")).is_ok());
    drop(listener);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    stream.write_all(b"!").unwrap();
    listener.accept().unwrap().0.read_exact(&mut bytes[..1]).unwrap();
}

#[test]
fn nothing_is_sent_beyond_loopback() {
    // The fence is up although nobody listens at the socket.
    let lines = under_library("send_everywhere", &[("TOXSCOPE_FUZZ_PEER", "/nowhere/socket")]);
    let mut expected = vec!["near false false false".to_owned()];
    expected.extend(FAR.map(|far| format!("{far} true true true")));
    expected.push("Ok(5)".to_owned());
    assert_eq!(lines, expected);
}

#[test]
fn what_is_owned_may_be_sent_to_and_nothing_beside_it() {
    let lines = under_library(
        "send_everywhere",
        &[
            ("TOXSCOPE_FUZZ_PEER", "/nowhere/socket"),
            ("TOXSCOPE_FUZZ_PEER_OWNED", "not-an-address,2001:db8::1"),
        ],
    );
    let refused = |line: &str| line.ends_with("true true true");
    assert_eq!(lines.iter().filter(|line| refused(line)).count(), 2, "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("[2001:db8::1]") && refused(line)));
}

#[test]
fn without_its_variable_the_library_does_nothing() {
    let lines = under_library("send_everywhere", &[]);
    assert_eq!(
        lines.iter().filter(|line| line.ends_with("true true true")).count(),
        0,
        "{lines:?}"
    );
}

/// Told of everything that is sent, and of what is held back.
#[test]
fn what_is_sent_and_what_is_held_back_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let told = thread::spawn(move || {
        let mut said = Vec::new();
        listener.accept().unwrap().0.read_to_end(&mut said).unwrap();
        let mut letters = Vec::new();
        let mut rest = said.as_slice();
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let (body, behind) = body.split_at(u32::from_le_bytes(*length) as usize);
            letters.push(body.first().copied().map(char::from).unwrap());
            if body.first() == Some(&b'S') {
                assert!(body.ends_with(b"hello") && body.len() == 1 + 8 + 36 + 5);
            }
            rest = behind;
        }
        letters
    });
    under_library("send_everywhere", &[("TOXSCOPE_FUZZ_PEER", path.to_str().unwrap())]);
    let letters = told.join().unwrap();
    assert_eq!(letters.iter().filter(|letter| **letter == 'S').count(), 1);
    assert_eq!(letters.iter().filter(|letter| **letter == 'X').count(), 9, "{letters:?}");
}
