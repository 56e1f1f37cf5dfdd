//! Colours, where they are wanted.

use std::fmt;

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Good to have, seldom looked for.
    Faint,
    /// What one looks for.
    Strong,
    /// What somebody said.
    Said,
    /// What is not as it should be.
    Wrong,
}

/// `text` in its colour, or as it is.
pub(super) struct Styled<T> {
    tone: Option<Tone>,
    text: T,
}

/// `text` in its colour if `color`.
pub(super) const fn styled<T>(color: bool, tone: Tone, text: T) -> Styled<T> {
    Styled { tone: if color { Some(tone) } else { None }, text }
}

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = match self.tone {
            None => return self.text.fmt(f),
            Some(Tone::Faint) => "2",
            Some(Tone::Strong) => "36",
            Some(Tone::Said) => "32",
            Some(Tone::Wrong) => "31",
        };
        write!(f, "\x1b[{code}m")?;
        self.text.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}
