//! Files of names for people.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::Context as _;

use super::input::{open_keys, shown};
use crate::crypto::KeyRing;

/// The longest file of names that is read, in bytes.
const MOST: u64 = 16 << 20;

/// How many hexadecimal digits a public key has, and a Tox ID, which begins with one.
const KEY: usize = 64;
const TOX_ID: usize = 76;

/// How the lines of a file were taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) understood: u64,
    pub(super) damaged: u64,
    /// Number of the first damaged line, from 1.
    pub(super) first_damaged: u64,
}

/// Reads names: `NAME` lines as in a key log, or lines with a public key or a Tox ID and a name. Other
/// lines of a key log are passed over, so that a file of names gives no keys.
pub(super) fn read(path: &Path, ring: &mut KeyRing) -> anyhow::Result<Lines> {
    let cannot = || format!("cannot read names from {}", shown(path));
    let reader = open_keys(path).with_context(cannot)?;
    let mut lines = Lines::default();
    for (number, line) in (1..).zip(BufReader::new(reader.take(MOST)).split(b'\n')) {
        let line = line.with_context(cannot)?;
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Some(name) = name_line(line) {
            let tally = ring.read(name.as_slice()).expect("reading from memory does not fail");
            if tally.understood == 1 {
                lines.understood += 1;
                continue;
            }
        }
        lines.damaged += 1;
        lines.first_damaged = if lines.first_damaged == 0 { number } else { lines.first_damaged };
    }
    Ok(lines)
}

/// The line as a key log has it.
fn name_line(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(b"NAME").map_or(line, <[u8]>::trim_ascii_start);
    let end = rest.iter().position(u8::is_ascii_whitespace)?;
    let (key, name) = rest.split_at(end);
    let is_key = matches!(key.len(), KEY | TOX_ID) && key.iter().all(u8::is_ascii_hexdigit);
    is_key.then(|| [b"NAME ", key.get(..KEY).unwrap_or_default(), name].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::PublicKey;

    #[test]
    fn keys_and_tox_ids_get_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        let (a, b, c) = ("aa".repeat(32), "bb".repeat(32), "cc".repeat(38));
        let text = format!(
            "# people\n\nNAME {a} Ann of Elsewhere\n{b}\tBob\r\n{c} Cas\nSHARED {a} {b} {a}\n{a}\n"
        );
        std::fs::write(&path, text).unwrap();
        let mut ring = KeyRing::new();
        let lines = read(&path, &mut ring).unwrap();
        assert_eq!(lines, Lines { understood: 3, damaged: 2, first_damaged: 6 });
        let name = |byte| String::from_utf8(ring.names()[&PublicKey([byte; 32])].to_vec()).unwrap();
        assert_eq!([name(0xaa), name(0xbb), name(0xcc)], ["Ann of Elsewhere", "Bob", "Cas"]);
        assert!(ring.is_empty());
    }
}
