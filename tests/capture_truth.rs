//! Frame counts of public bad captures against libpcap and Wireshark.
//!
//! Needs a directory with the captures and a `manifest.tsv`, named by `TOXSCOPE_BADINPUT`; without
//! it the test says that it checked nothing.

use std::path::Path;
use std::{env, fs, io};

use toxscope::capture::{Datagrams, Limits};

/// Frames, and the error that ended them.
fn count(path: &Path) -> io::Result<(u64, Option<String>)> {
    let mut datagrams = match Datagrams::new(fs::File::open(path)?, Limits::default()) {
        Ok(datagrams) => datagrams,
        Err(error) => return Ok((0, Some(error.to_string()))),
    };
    loop {
        match datagrams.next() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok((datagrams.frames(), None)),
            Err(error) => return Ok((datagrams.frames(), Some(error.to_string()))),
        }
    }
}

#[test]
fn frames_are_counted_as_libpcap_and_wireshark_count_them() -> io::Result<()> {
    let Some(directory) = env::var_os("TOXSCOPE_BADINPUT") else {
        eprintln!("NOTHING CHECKED: TOXSCOPE_BADINPUT names no directory with bad captures");
        return Ok(());
    };
    let directory = Path::new(&directory);
    let verbose = env::var_os("TOXSCOPE_VERBOSE").is_some();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for line in fs::read_to_string(directory.join("manifest.tsv"))?.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let [path, .., libpcap, tcpdump, wireshark, capinfos, tshark] = columns[..] else {
            panic!("columns of the manifest: {line}");
        };
        let (frames, error) = count(&directory.join(path))?;
        let both_accept = libpcap == wireshark && [tcpdump, capinfos, tshark] == ["0"; 3];
        let both_refuse = [tcpdump, capinfos, tshark].iter().all(|code| !["0", "-"].contains(code));
        accepted += u32::from(both_accept);
        refused += u32::from(both_refuse);
        let truth = format!("{libpcap} {wireshark}");
        let ours = format!("{frames} {}", error.as_deref().unwrap_or("to the end"));
        if (both_accept && (error.is_some() || frames.to_string() != libpcap))
            || (both_refuse && error.is_none())
        {
            wrong.push(format!("{path}: {truth}, here {ours}"));
        } else if verbose && !both_accept && tcpdump != "-" {
            println!("{path}: {truth} ({tcpdump} {capinfos} {tshark}), here {ours}");
        }
    }
    println!("{accepted} accepted by both, {refused} refused by both, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
