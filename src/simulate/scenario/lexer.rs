//! A line of a scenario cut into words.

/// The smallest part that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Anything between blanks.
    Word(&'a str),
    /// The bytes between quotation marks, escapes resolved.
    Text(Vec<u8>),
}

/// A token, and where it stands in its line: first byte and length.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) token: Token<'a>,
    pub(super) at: usize,
    pub(super) len: usize,
}

/// What is wrong with a line, and where.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) fault: &'static str,
}

/// The tokens of a line up to its comment.
pub(super) fn tokens(line: &str) -> Result<Vec<Placed<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = line.get(at..).unwrap_or_default();
        let begun = rest.trim_start_matches([' ', '\t']);
        at += rest.len() - begun.len();
        let len = match begun.chars().next() {
            None | Some('#') => return Ok(tokens),
            Some('"') => {
                let (text, len) = text(begun, at)?;
                tokens.push(Placed { token: Token::Text(text), at, len });
                len
            }
            Some(_) => {
                let len = begun.find([' ', '\t', '#', '"']).unwrap_or(begun.len());
                let word = begun.get(..len).unwrap_or_default();
                if let Some((bad, c)) = word.char_indices().find(|(_, c)| c.is_control()) {
                    let fault = "this character cannot stand outside of quotation marks";
                    return Err(Fault { at: at + bad, len: c.len_utf8(), fault });
                }
                tokens.push(Placed { token: Token::Word(word), at, len });
                len
            }
        };
        at += len;
    }
}

/// The bytes between quotation marks, and how many bytes of the line they take with the marks.
fn text(begun: &str, at: usize) -> Result<(Vec<u8>, usize), Fault> {
    let mut bytes = Vec::new();
    let mut chars = begun.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Ok((bytes, place + 1)),
            '\\' => {
                let rest = begun.get(place + 1..).unwrap_or_default();
                let Some((byte, len)) = escape(rest) else {
                    let fault =
                        r#"no such escape: behind a backslash stands another, ", n, r, t or xHH"#;
                    let len = 1 + rest.chars().next().map_or(0, char::len_utf8);
                    return Err(Fault { at: at + place, len, fault });
                };
                bytes.push(byte);
                for _ in 0..len {
                    chars.next();
                }
            }
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(Fault { at, len: 1, fault: "this text has no closing quotation mark" })
}

/// The byte that the text after a backslash stands for, and how many characters say so.
fn escape(rest: &str) -> Option<(u8, usize)> {
    Some(match rest.chars().next()? {
        '\\' => (b'\\', 1),
        '"' => (b'"', 1),
        'n' => (b'\n', 1),
        'r' => (b'\r', 1),
        't' => (b'\t', 1),
        'x' => {
            let digits = rest.get(1..3).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))?;
            (u8::from_str_radix(digits, 16).ok()?, 3)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words_and_texts_up_to_a_comment() {
        let line = "  a->b\t\"x # \\\"y\\x41\\n\" c# d";
        let found = tokens(line).ok().unwrap();
        let places: Vec<_> = found.iter().map(|it| &line[it.at..it.at + it.len]).collect();
        assert_eq!(places, ["a->b", "\"x # \\\"y\\x41\\n\"", "c"]);
        assert_eq!(found[1].token, Token::Text(b"x # \"yA\n".to_vec()));
        assert_eq!(tokens("# all of it").ok().unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_word_and_no_text_is_pointed_at() {
        for (line, at, len) in [
            ("a \"b", 2, 1),
            (r#"a "b\q""#, 4, 2),
            (r#""\x4""#, 1, 2),
            ("a b\u{1b}", 3, 1),
            ("a b\u{80}", 3, 2),
        ] {
            let fault = tokens(line).err().unwrap();
            assert_eq!((fault.at, fault.len), (at, len), "{line}");
        }
    }
}
