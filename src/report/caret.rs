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

#[cfg(test)]
mod tests {
    use super::*;

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
