//! Compiles the forwarders into `libpcap.a`, where the linker looks first.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=src/forward.c");
    println!("cargo:rerun-if-env-changed=TOXSCOPE_LINK_LIBPCAP");
    let wants_real = env::var("TOXSCOPE_LINK_LIBPCAP").is_ok_and(|value| value == "1");
    // Elsewhere libpcap is part of the system, or there is no `dlopen`.
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if wants_real || !is_linux {
        return;
    }
    // The pcap crate names the library; this only says where it is.
    cc::Build::new()
        .file("src/forward.c")
        .warnings_into_errors(true)
        .cargo_metadata(false)
        .compile("pcap");
    if let Ok(folder) = env::var("OUT_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=dylib=dl");
}
