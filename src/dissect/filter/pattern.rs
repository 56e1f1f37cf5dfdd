//! Regular expressions of filters: matched in time linear in the text, compiled within bounds.

use regex::bytes::{Regex, RegexBuilder};

use super::error::Fault;

/// How much memory a compiled pattern, and the cache of its matching, may take, in bytes.
const MOST_MEMORY: usize = 1 << 20;

/// A regular expression. Letters match in either case, unless it says `(?-i)`.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(MOST_MEMORY)
            .dfa_size_limit(MOST_MEMORY)
            .nest_limit(64)
            .build()
            .map(Self)
            .map_err(|error| Fault::Pattern(reason(&error)))
    }

    pub(super) fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

/// The last line of a syntax error says what is wrong; those before it show the pattern.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "it takes too much memory".to_owned(),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or("it cannot be read").to_owned()
        }
    }
}
