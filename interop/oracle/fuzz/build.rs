//! Links the target as the package of the oracle says.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Ok(arguments) = std::env::var("DEP_TOXCORE_CONFERENCES_LINK_ARGUMENTS") else {
        println!("cargo::error=libtoxcore.a is missing: install libtoxcore-dev (Debian)");
        return;
    };
    for argument in arguments.split('\t') {
        println!("cargo::rustc-link-arg={argument}");
    }
}
