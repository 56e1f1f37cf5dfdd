//! A panic tells where it happened, and nothing of what it stumbled on.

use std::env;
use std::process::{Command, Stdio};

const SECRET: &str = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

/// Whether this process is the one that panics.
const PANICS: &str = "TOXSCOPE_TEST_PANICS";

#[test]
fn a_panic_tells_its_place_and_no_secret() {
    if env::var_os(PANICS).is_some() {
        toxscope::cli::hide_what_panics_tell();
        let joined =
            std::thread::spawn(|| panic!("key {SECRET} of {:?}", SECRET.as_bytes())).join();
        assert!(joined.is_err());
        // Like one that nobody catches, but for the words of the test harness.
        std::process::exit(3);
    }
    let output = Command::new(env::current_exe().expect("it runs"))
        .args(["--exact", "a_panic_tells_its_place_and_no_secret", "--nocapture"])
        .env(PANICS, "1")
        .env("RUST_BACKTRACE", "full")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("internal error at tests/panic.rs:"), "{said}");
    for output in [&output.stderr, &output.stdout] {
        let text = String::from_utf8_lossy(output);
        assert!(!text.contains(&SECRET[..16]) && !text.contains("[52, 97"), "{text}");
    }
}
