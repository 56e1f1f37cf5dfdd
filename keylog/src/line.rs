//! The lines of a key log (`docs/key-log.md`), spelled without allocating.

use crate::quiet::wipe;
use crate::{Key, Nonce};

/// The first line of a file that was empty.
pub(crate) const HEADER: &[u8] = b"# tox-keylog 1\n";

/// One line with its line feed; overwritten when it goes, because it holds a key.
pub(crate) struct Line {
    /// The longest line, `SHARED` and three keys, has 202 bytes; one more for a leading `\n`.
    bytes: [u8; 208],
    len: usize,
}

impl Line {
    /// `SHARED <our public key> <their public key> <precomputed key>`
    pub(crate) fn shared(ours: &Key, theirs: &Key, key: &Key) -> Self {
        Self::new(b"SHARED", &[ours, theirs, key])
    }

    /// `BOX <their public key> <precomputed key>`, when our own key cannot be computed.
    pub(crate) fn sealed_box(theirs: &Key, key: &Key) -> Self {
        Self::new(b"BOX", &[theirs, key])
    }

    /// `NONCE <precomputed key> <nonce>`
    pub(crate) fn nonce(key: &Key, nonce: &Nonce) -> Self {
        Self::new(b"NONCE", &[key, nonce])
    }

    fn new(label: &[u8], secrets: &[&[u8]]) -> Self {
        let mut line = Self { bytes: [0; 208], len: 0 };
        line.push(b'\n');
        label.iter().for_each(|byte| line.push(*byte));
        for secret in secrets {
            line.push(b' ');
            secret.iter().for_each(|byte| line.push_hex(*byte));
        }
        line.push(b'\n');
        line
    }

    fn push_hex(&mut self, byte: u8) {
        for digit in [byte >> 4, byte & 15] {
            self.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(at) = self.bytes.get_mut(self.len) {
            *at = byte;
            self.len += 1;
        }
    }

    /// The line.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(1..self.len).unwrap_or_default()
    }

    /// The line after a line feed, which ends whatever stood before it.
    pub(crate) fn after_a_break(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_label_first_and_lower_case_digits() {
        let line = Line::shared(&[0x01; 32], &[0xab; 32], &[0xff; 32]);
        let text = format!("SHARED {} {} {}\n", "01".repeat(32), "ab".repeat(32), "ff".repeat(32));
        assert_eq!(std::str::from_utf8(line.as_bytes()).unwrap(), text);
        assert_eq!(std::str::from_utf8(line.after_a_break()).unwrap(), format!("\n{text}"));

        let line = Line::nonce(&[0x9a; 32], &[0x00; 24]);
        let text = format!("NONCE {} {}\n", "9a".repeat(32), "00".repeat(24));
        assert_eq!(std::str::from_utf8(line.as_bytes()).unwrap(), text);

        let line = Line::sealed_box(&[0x12; 32], &[0x34; 32]);
        let text = format!("BOX {} {}\n", "12".repeat(32), "34".repeat(32));
        assert_eq!(std::str::from_utf8(line.as_bytes()).unwrap(), text);
    }
}
