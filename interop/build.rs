//! Links libtoxcore and lets its calls of `sendto` find ours (see `src/net/filter.rs`).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-lib=dylib=toxcore");
    println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=sendto");
}
