//! Links libtoxcore and lets its calls of `sendto`, `recvfrom` and `connect` find ours (see
//! `src/net/filter.rs` and `src/net/dial.rs`).

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // What the C compiler does not find, it gives back as it was.
    let found = Command::new("cc").arg("-print-file-name=libtoxcore.so").output();
    if found.is_ok_and(|found| !found.stdout.contains(&b'/')) {
        println!(
            "cargo::error=libtoxcore is missing: install libtoxcore-dev (Debian), or build without this package: cargo build"
        );
    }
    println!("cargo::rustc-link-lib=dylib=toxcore");
    for symbol in ["sendto", "recvfrom", "connect"] {
        println!("cargo::rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
