//! A place in a line of foreign text, pointed at.

use crate::printable::printable;

/// Columns of the text shown on each side of the place.
const SIDE: usize = 60;

/// The text around byte `at`, and below it carets under `len` bytes (one caret for none). Long
/// text is cut on both sides.
#[must_use]
pub fn caret(text: &str, at: usize, len: usize) -> String {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let (fault, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
    // What is escaped only grows, so that this many characters are always enough.
    let mut start = before.len();
    let mut width = 0;
    for (i, c) in before.char_indices().rev() {
        width += printable(c.encode_utf8(&mut [0; 4])).width();
        if width > SIDE {
            break;
        }
        start = i;
    }
    let dots = if start > 0 { "… " } else { "" };
    let before = printable(before.get(start..).unwrap_or_default());
    let fault = printable(fault).cut(SIDE);
    let column = dots.chars().count() + before.width();
    format!(
        "  {dots}{before}{fault}{}\n  {:column$}{}",
        printable(after).cut(SIDE),
        "",
        "^".repeat(fault.width().max(1))
    )
}

/// Hexadecimal digits in a row that may be a secret, and how many of them may be seen.
const SECRET: usize = 32;
const SEEN: usize = 8;

/// Text of a file with dots in place of long rows of hexadecimal digits, but for the first few: a key log may be
/// taken for another file (threats 7, 13). Bytes keep their places.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let digits = piece.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        if digits.len() < SECRET {
            shown.push_str(piece);
            continue;
        }
        let (seen, _) = digits.split_at(SEEN);
        let (_, rest) = piece.split_at(digits.len());
        shown.push_str(seen);
        shown.extend(std::iter::repeat_n('.', digits.len() - SEEN));
        shown.push_str(rest);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rows_of_digits_are_hidden_in_their_places() {
        let key = "9f".repeat(32);
        let line = format!("NONCE {key} zz é{key}");
        let hidden = format!("NONCE 9f9f9f9f{0} zz é9f9f9f9f{0}", ".".repeat(56));
        assert_eq!(without_secrets(&line), hidden);
        assert_eq!(without_secrets("from 4426bead x"), "from 4426bead x");
        assert_eq!(without_secrets(""), "");
    }

    #[test]
    fn carets_stand_under_the_fault() {
        assert_eq!(caret("kind == rejion && x", 8, 6), "  kind == rejion && x\n          ^^^^^^");
        assert_eq!(caret("frame ==", 8, 0), "  frame ==\n          ^");
        assert_eq!(caret("é = x", 3, 1), "  é = x\n    ^");
    }

    #[test]
    fn hostile_and_long_text_keeps_its_columns() {
        assert_eq!(caret("\u{1b} = x", 2, 1), "  \\x1b = x\n       ^");
        let long = caret(&"a".repeat(10_000), 5_000, 1);
        let lines: Vec<_> = long.lines().collect();
        assert!(lines[0].chars().count() < 200);
        assert_eq!(lines[0].chars().nth(lines[1].chars().count() - 1), Some('a'));
    }
}
