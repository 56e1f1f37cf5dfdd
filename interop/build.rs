//! Links libtoxcore and lets its calls of `sendto` and `recvfrom` find ours (see `src/net/filter.rs`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=dylib=toxcore");
    for symbol in ["sendto", "recvfrom"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
}
