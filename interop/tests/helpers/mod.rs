//! What tests of programs in namespaces need.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The peers.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_toxscope-interop")
}

/// The programs under test, which belong to other members of the workspace.
pub(crate) fn built(package: &str, name: &str) -> PathBuf {
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "--package", package]).status();
    assert!(built.expect("cargo runs").success(), "cargo does not build {package}");
    Path::new(program()).with_file_name(name)
}

/// A network namespace with a loopback interface, for as long as the value lives.
pub(crate) struct Namespace(&'static str);

impl Namespace {
    pub(crate) fn new(name: &'static str) -> Self {
        let _ = Command::new("ip").args(["netns", "delete", name]).stderr(Stdio::null()).status();
        let run =
            |args: &[&str]| Command::new("ip").args(args).status().expect("ip runs").success();
        assert!(run(&["netns", "add", name]), "namespaces take root and iproute2");
        assert!(run(&["-n", name, "link", "set", "lo", "up"]));
        Self(name)
    }

    /// A command inside.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.0]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", self.0]).status();
    }
}

/// Standard output as text, of a run that went well.
pub(crate) fn printed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}
