//! Bytes in rows of sixteen, with their offsets and what they are in ASCII.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes `bytes`, each row after `indent`.
///
/// # Errors
///
/// Those of `out`.
pub(super) fn hexdump(bytes: &[u8], indent: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut digits = String::new();
    for (row, bytes) in bytes.chunks(16).enumerate() {
        digits.clear();
        let mut letters = String::new();
        for (i, byte) in bytes.iter().enumerate() {
            let gap = if i == 8 { " " } else { "" };
            // A string takes whatever is written.
            let _ = write!(digits, "{gap}{byte:02x} ");
            letters.push(if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' });
        }
        writeln!(out, "{indent}{:04x}  {digits:49} {letters}", row * 16)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_sixteen_bytes_and_stand_under_each_other() {
        let mut out = Vec::new();
        hexdump(b"0123456789abcdef\x1b\xff", "> ", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "> 0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef\n\
             > 0010  1b ff                                             ..\n"
        );
    }
}
