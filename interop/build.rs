//! Links libtoxcore and lets its calls of `sendto`, `recvfrom` and `connect` find ours (see
//! `src/net/filter.rs` and `src/net/dial.rs`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=dylib=toxcore");
    for symbol in ["sendto", "recvfrom", "connect"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
