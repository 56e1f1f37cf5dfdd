//! A filter's text cut into tokens.

use super::error::{Error, Fault};

/// The smallest part that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A field, keyword, number, key, address or bare word.
    Word(&'a str),
    /// The bytes between quotation marks, escapes resolved.
    String(Vec<u8>),
    /// The same after an `r`, as it stands.
    Raw(&'a str),
    /// An operator or punctuation, in its first spelling.
    Mark(&'static str),
    /// Nothing more comes.
    End,
}

/// Where a token stands: first byte and length.
pub(super) type Place = (usize, usize);

/// Operators and punctuation, the longer before those that they begin with.
const MARKS: &[&str] =
    &["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "~", "(", ")", "{", "}", ","];

/// Hands out tokens one by one.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token and where it stands.
    pub(super) fn next(&mut self) -> Result<(Token<'a>, Place), Error> {
        let rest = self.rest();
        let begun = rest.trim_ascii_start();
        self.at += rest.len() - begun.len();
        let start = self.at;
        let Some(first) = begun.chars().next() else {
            return Ok((Token::End, (start, 0)));
        };
        if first == '"' {
            let string = self.string()?;
            return Ok((Token::String(string), (start, self.at - start)));
        }
        if let Some(raw) = begun.strip_prefix("r\"") {
            let open = Error { at: start + 1, len: 1, fault: Fault::OpenString };
            let (string, _) = raw.split_once('"').ok_or(open)?;
            self.at += string.len() + 3;
            return Ok((Token::Raw(string), (start, self.at - start)));
        }
        if let Some(mark) = MARKS.iter().find(|mark| begun.starts_with(**mark)) {
            self.at += mark.len();
            return Ok((Token::Mark(mark), (start, mark.len())));
        }
        let len = begun.bytes().position(|b| !in_word(b)).unwrap_or(begun.len());
        if len > 0 {
            self.at += len;
            return Ok((Token::Word(begun.get(..len).unwrap_or_default()), (start, len)));
        }
        let fault = match first {
            '=' => Fault::Operator("=="),
            '&' => Fault::Operator("&&"),
            '|' => Fault::Operator("||"),
            _ => Fault::Character,
        };
        Err(Error { at: start, len: first.len_utf8(), fault })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// A string, from its opening quotation mark on.
    fn string(&mut self) -> Result<Vec<u8>, Error> {
        let open = Error { at: self.at, len: 1, fault: Fault::OpenString };
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let mut chars = self.rest().chars();
            match chars.next().ok_or_else(|| open.clone())? {
                '"' => {
                    self.at += 1;
                    return Ok(bytes);
                }
                '\\' => {
                    let (len, resolved) = escape(chars.as_str()).ok_or(Error {
                        at: self.at,
                        len: 1 + chars.next().map_or(0, char::len_utf8),
                        fault: Fault::Escape,
                    })?;
                    self.at += 1 + len;
                    match resolved {
                        Resolved::Byte(byte) => bytes.push(byte),
                        Resolved::Char(c) => {
                            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        }
                    }
                }
                c => {
                    self.at += c.len_utf8();
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
    }
}

const fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-' | b'/' | b'[' | b']')
}

enum Resolved {
    Byte(u8),
    Char(char),
}

/// What the text after a backslash stands for, and how many bytes of it were used.
fn escape(rest: &str) -> Option<(usize, Resolved)> {
    Some(match rest.chars().next()? {
        '\\' => (1, Resolved::Byte(b'\\')),
        '"' => (1, Resolved::Byte(b'"')),
        'n' => (1, Resolved::Byte(b'\n')),
        'r' => (1, Resolved::Byte(b'\r')),
        't' => (1, Resolved::Byte(b'\t')),
        'x' => (3, Resolved::Byte(u8::try_from(hex(rest.get(1..3)?)?).ok()?)),
        'u' => {
            let (digits, _) = rest.get(1..)?.strip_prefix('{')?.split_once('}')?;
            let c = if digits.len() <= 6 { char::from_u32(hex(digits)?)? } else { return None };
            (digits.len() + 3, Resolved::Char(c))
        }
        _ => return None,
    })
}

/// A number of hexadecimal digits and nothing else (no sign).
fn hex(digits: &str) -> Option<u32> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// The bytes that a string stands for, without quotation marks around it.
#[cfg(test)]
pub(crate) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let quoted = format!("\"{text}\"");
    match Lexer::new(&quoted).next() {
        Ok((Token::String(bytes), (0, len))) if len == quoted.len() => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            match lexer.next().unwrap() {
                (Token::End, _) => return tokens,
                (token, _) => tokens.push(token),
            }
        }
    }

    #[test]
    fn words_marks_and_strings_are_told_apart_without_spaces() {
        use Token::{Mark, String, Word};
        assert_eq!(
            tokens(r#"a.b==0x1f&&!(src!=[::1]:5)||c in{1..3,"x y"}"#),
            [
                Word("a.b"),
                Mark("=="),
                Word("0x1f"),
                Mark("&&"),
                Mark("!"),
                Mark("("),
                Word("src"),
                Mark("!="),
                Word("[::1]:5"),
                Mark(")"),
                Mark("||"),
                Word("c"),
                Word("in"),
                Mark("{"),
                Word("1..3"),
                Mark(","),
                String(b"x y".to_vec()),
                Mark("}"),
            ]
        );
    }

    #[test]
    fn strings_know_the_escapes_of_printed_text() {
        assert_eq!(unescaped(r#"a\\b\"c\n\r\t"#).unwrap(), b"a\\b\"c\n\r\t");
        assert_eq!(unescaped(r"\x1b\xff\u{202e}").unwrap(), b"\x1b\xff\xe2\x80\xae");
        for bad in [r"\q", r"\x1", r"\x+1", r"\u{}", r"\u{110000}", r"\u{d800}", r"\u202e"] {
            assert_eq!(unescaped(bad), None, "{bad}");
        }
    }
}
