//! The one function that prints foreign text: names, messages, file names, arguments.
//!
//! Whatever bytes come in, what goes out is UTF-8 in which every character is seen where it
//! stands: nothing moves the cursor, breaks the row, reverses the direction, hides, or piles up
//! marks on its neighbours (threat 9). What is not shown as itself becomes an escape, and since a
//! backslash is escaped too, the bytes can be told from what is printed:
//!
//! | Printed                | Stands for                                            |
//! |------------------------|-------------------------------------------------------|
//! | `\\` `\n` `\r` `\t`    | backslash, line feed, carriage return, tab            |
//! | `\"`                   | a quotation mark, in quoted text                      |
//! | `\x00` to `\x7f`       | another control character of ASCII                    |
//! | `\x80` to `\xff`       | a byte that is no part of UTF-8                       |
//! | `\u{80}` to `\u{10ffff}` | a character that would not be seen as it is         |
//!
//! String literals of the filter language know the same escapes.

use std::fmt::{self, Write as _};
use std::ops::ControlFlow;

use unicode_width::UnicodeWidthChar;

/// Marks on one character that are shown; further ones are escaped.
const MAX_MARKS: usize = 4;

/// Foreign text, made visible: `printable(bytes).to_string()`, or in a `write!`.
#[must_use]
pub fn printable<T: AsRef<[u8]> + ?Sized>(text: &T) -> Printable<'_> {
    Printable { bytes: text.as_ref(), quoted: false, columns: usize::MAX }
}

/// Foreign text on its way out; see [`printable`].
#[derive(Clone, Copy)]
pub struct Printable<'a> {
    bytes: &'a [u8],
    quoted: bool,
    columns: usize,
}

impl Printable<'_> {
    /// In quotation marks, with those inside escaped.
    #[must_use]
    pub const fn quoted(mut self) -> Self {
        self.quoted = true;
        self
    }

    /// In at most `columns` columns of a terminal, an ellipsis in the last if something is left
    /// out. Escapes are never cut in two. Of quoted text the quotation marks count, and the
    /// ellipsis stands after them.
    #[must_use]
    pub const fn cut(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// How many columns of a terminal it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.layout().1
    }

    /// The columns that pieces may take when something is to be left out (`None`: nothing is),
    /// and the columns of the whole.
    fn layout(&self) -> (Option<usize>, usize) {
        let marks = if self.quoted { 2 } else { 0 };
        let mut width = marks;
        let whole = each_piece(self.bytes, self.quoted, &mut |piece| {
            width += piece.width();
            if width > self.columns { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if whole.is_continue() {
            return (None, width);
        }
        let room = self.columns.saturating_sub(marks + 1);
        let mut used = 0;
        let _ = each_piece(self.bytes, self.quoted, &mut |piece| {
            let piece = piece.cut(room - used);
            used += piece.map_or(0, Piece::width);
            if piece.is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        (Some(room), used + marks + 1)
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (room, _) = if self.columns == usize::MAX { (None, 0) } else { self.layout() };
        if self.quoted {
            f.write_char('"')?;
        }
        let mut written = Ok(());
        let mut used = 0;
        let _ = each_piece(self.bytes, self.quoted, &mut |piece| {
            let whole = piece.width();
            let piece = match room {
                None => piece,
                Some(room) => match piece.cut(room - used) {
                    None => return ControlFlow::Break(()),
                    Some(piece) => piece,
                },
            };
            let cut = piece.width() < whole;
            used += piece.width();
            written = piece.write(f);
            // Marks that follow belong to what was cut off.
            if cut || written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        written?;
        if self.quoted {
            f.write_char('"')?;
        }
        if room.is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// The smallest part that is printed or left out.
#[derive(Clone, Copy)]
enum Piece<'a> {
    /// Plain ASCII, shown as it is; may be cut anywhere.
    Plain(&'a str),
    /// A character, shown as it is.
    Shown(char),
    /// A character or byte that has an escape of its own.
    Short(&'static str),
    /// A control character of ASCII, or a byte that is no part of UTF-8.
    Byte(u8),
    /// A character that would not be seen as it is.
    Escaped(char),
}

impl Piece<'_> {
    /// What of it fits into `room` columns, if anything.
    fn cut(self, room: usize) -> Option<Self> {
        match self {
            Self::Plain(text) if room > 0 => Some(Self::Plain(text.get(..room).unwrap_or(text))),
            _ => Some(self).filter(|piece| piece.width() <= room),
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Shown(c) => c.width().unwrap_or(0),
            Self::Short(escape) => escape.len(),
            Self::Byte(_) => 4,
            Self::Escaped(c) => {
                let digits = (u32::BITS - u32::from(c).leading_zeros()).div_ceil(4).max(1);
                4 + digits as usize
            }
        }
    }

    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Shown(c) => f.write_char(c),
            Self::Short(escape) => f.write_str(escape),
            Self::Byte(byte) => write!(f, "\\x{byte:02x}"),
            Self::Escaped(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
        }
    }
}

type Each<'e> = &'e mut dyn FnMut(Piece<'_>) -> ControlFlow<()>;

fn each_piece(bytes: &[u8], quoted: bool, each: Each<'_>) -> ControlFlow<()> {
    let mut row = Row { quoted, base: None, marks: 0 };
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid();
        while !rest.is_empty() {
            let plain = rest.bytes().position(|b| !is_plain(b)).unwrap_or(rest.len());
            if let Some((text, after)) = rest.split_at_checked(plain)
                && plain > 0
            {
                each(Piece::Plain(text))?;
                row.base = text.chars().next_back();
                row.marks = 0;
                rest = after;
                continue;
            }
            let mut chars = rest.chars();
            if let Some(c) = chars.next() {
                rest = chars.as_str();
                each(row.piece(c, chars.next()))?;
            }
        }
        for byte in chunk.invalid() {
            row.base = None;
            each(Piece::Byte(*byte))?;
        }
    }
    ControlFlow::Continue(())
}

/// ASCII that is always shown as it is.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'\\' && byte != b'"'
}

/// What stands before the next character.
struct Row {
    quoted: bool,
    /// The character that a mark would join, `None` after an escape and at the start.
    base: Option<char>,
    marks: usize,
}

impl Row {
    fn piece(&mut self, c: char, next: Option<char>) -> Piece<'static> {
        let piece = match c {
            '\\' => Piece::Short("\\\\"),
            '\n' => Piece::Short("\\n"),
            '\r' => Piece::Short("\\r"),
            '\t' => Piece::Short("\\t"),
            '"' if self.quoted => Piece::Short("\\\""),
            _ if c.is_ascii_control() => Piece::Byte(u8::try_from(c).unwrap_or(0)),
            _ if self.joins_pictures(c, next) => return self.mark(c),
            _ if hides(c) => Piece::Escaped(c),
            _ if c.width().unwrap_or(0) == 0 => return self.mark(c),
            _ => Piece::Shown(c),
        };
        self.base = if let Piece::Shown(c) = piece { Some(c) } else { None };
        self.marks = 0;
        piece
    }

    /// Whether `c` makes one picture of its neighbours: the presentation selector after a
    /// pictograph, the joiner between two.
    fn joins_pictures(&self, c: char, next: Option<char>) -> bool {
        match c {
            '\u{fe0f}' => self.base.is_some_and(is_pictograph),
            '\u{200d}' => self.base.is_some_and(is_pictograph) && next.is_some_and(is_pictograph),
            _ => false,
        }
    }

    fn mark(&mut self, c: char) -> Piece<'static> {
        self.marks += 1;
        if self.base.is_some() && self.marks <= MAX_MARKS {
            Piece::Shown(c)
        } else {
            Piece::Escaped(c)
        }
    }
}

const fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{203c}'..='\u{205f}' | '\u{2100}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Whether a character is not seen, or changes how others are seen: controls, direction, line and
/// paragraph separators, zero width, format and variation characters, fillers, tags, and those
/// whose look nobody defined (private use, non-characters).
#[must_use]
pub const fn hides(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1345f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{f0000}'..='\u{10ffff}'
    ) || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        printable(bytes).to_string()
    }

    #[test]
    fn plain_text_of_any_language_is_shown_as_it_is() {
        for text in ["hello, world", "Grüße", "日本語", "नमस्ते", "שלום", "👍🏽", "say \"hi\""]
        {
            assert_eq!(shown(text.as_bytes()), text);
        }
        for text in ["❤️", "👨‍👩‍👧"] {
            assert_eq!(shown(text.as_bytes()), text);
        }
    }

    #[test]
    fn escape_sequences_and_line_breaks_are_seen_not_obeyed() {
        assert_eq!(shown(b"\x1b]52;c;AAAA\x07"), r"\x1b]52;c;AAAA\x07");
        assert_eq!(shown("\u{9b}31m".as_bytes()), r"\u{9b}31m");
        assert_eq!(shown(b"a\r\nb\tc\0"), r"a\r\nb\tc\x00");
        assert_eq!(shown(b"\x7f"), r"\x7f");
        assert_eq!(shown("a\u{85}b\u{2028}c\u{2029}".as_bytes()), r"a\u{85}b\u{2028}c\u{2029}");
    }

    #[test]
    fn direction_marks_and_hidden_characters_are_seen() {
        assert_eq!(shown("exe.\u{202e}gpj".as_bytes()), r"exe.\u{202e}gpj");
        assert_eq!(shown("\u{2066}\u{2069}\u{61c}".as_bytes()), r"\u{2066}\u{2069}\u{61c}");
        assert_eq!(shown("bo\u{200b}b\u{feff}".as_bytes()), r"bo\u{200b}b\u{feff}");
        assert_eq!(shown("a\u{200d}b❤\u{200d}b".as_bytes()), r"a\u{200d}b❤\u{200d}b");
        assert_eq!(shown("x\u{fe0f}\u{e0041}".as_bytes()), r"x\u{fe0f}\u{e0041}");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_seen_each() {
        assert_eq!(shown(b"\xff\xc3"), r"\xff\xc3");
        assert_eq!(shown(b"\xed\xa0\x80"), r"\xed\xa0\x80");
        assert_eq!(shown(b"\xf4\x90\x80\x80"), r"\xf4\x90\x80\x80");
    }

    #[test]
    fn a_backslash_is_escaped_so_that_nothing_imitates_an_escape() {
        assert_eq!(shown(br"\x1b"), r"\\x1b");
        assert_eq!(printable(r#"say "hi\""#).quoted().to_string(), r#""say \"hi\\\"""#);
    }

    #[test]
    fn marks_are_capped_and_need_something_to_stand_on() {
        let piled = format!("e{}", "\u{301}".repeat(6));
        assert_eq!(
            shown(piled.as_bytes()),
            format!("e{}{}", "\u{301}".repeat(4), r"\u{301}".repeat(2))
        );
        assert_eq!(shown("\u{301}".as_bytes()), r"\u{301}");
        assert_eq!(shown("\n\u{301}".as_bytes()), r"\n\u{301}");
    }

    #[test]
    fn long_text_is_cut_at_a_column_between_pieces() {
        let cut = |text: &str, columns| {
            let cut = printable(text).cut(columns);
            let text = cut.to_string();
            assert_eq!(unicode_width::UnicodeWidthStr::width(text.as_str()), cut.width());
            text
        };
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello", 4), "hel…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("ab\x1bcd", 5), "ab…");
        assert_eq!(cut("abcde\u{301}x", 4), "abc…");
        assert_eq!(cut("abcde\u{301}xy", 6), "abcde\u{301}…");
        assert_eq!(printable("hello").quoted().cut(7).to_string(), "\"hello\"");
        assert_eq!(printable("hello").quoted().cut(6).to_string(), "\"hel\"…");
        assert_eq!(printable("hello").quoted().cut(6).width(), 6);
    }

    #[test]
    fn every_character_is_shown_or_escaped_and_counted() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}");
            let out = shown(text.as_bytes());
            let bare = out.contains(c) && !c.is_ascii();
            assert!(!(bare && hides(c)), "{c:?}");
            assert!(!out.chars().any(char::is_control));
            // A character by itself is measured as its escape or its own width.
            let width = printable(&text).width();
            let expected: usize = out.chars().map(|c| c.width().unwrap_or(0)).sum();
            assert_eq!(width, expected, "{c:?}");
        }
    }
}
