//! Every function that the pcap crate declares has its forwarder, and no other has one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail like tests"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the sources of the pcap crate are that this workspace is built with.
fn pcap_crate() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let pcap = packages.iter().find(|package| package["name"] == "pcap").unwrap();
    Path::new(pcap["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// The functions that a source declares, those for Windows and macOS left out.
fn declared(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut elsewhere = false;
    for line in source.lines() {
        if line.starts_with("pub mod ffi") {
            elsewhere = line.contains("windows") || line.contains("macos");
        }
        if let Some(rest) = line.trim_start().strip_prefix("pub fn pcap_")
            && !elsewhere
        {
            names.insert(format!("pcap_{}", rest.split('(').next().unwrap()));
        }
    }
    names
}

#[test]
fn the_forwarders_are_the_functions_that_the_crate_declares() {
    let source = fs::read_to_string(pcap_crate().join("src/raw.rs")).unwrap();
    let declared = declared(&source);
    assert!(declared.len() > 40, "{declared:?}");
    let forwarders: BTreeSet<_> = include_str!("../src/forward.c")
        .lines()
        .filter_map(|line| line.strip_prefix("FORWARD("))
        .map(|rest| rest.split(", ").nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(forwarders, declared);
}
