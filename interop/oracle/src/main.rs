//! Runs the oracle, if there is an original to link.

#[cfg(original)]
mod run;

#[cfg(original)]
fn main() -> anyhow::Result<std::process::ExitCode> {
    run::main()
}

#[cfg(not(original))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("built without the original: install libtoxcore-dev (Debian) and build again")
}
