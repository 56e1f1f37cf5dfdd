//! Scenarios: what happens in a world, line by line, and what is expected of it.
//!
//! The format is described in `docs/scenarios.md`.

mod bundled;
mod error;
mod fact;
mod lexer;
mod parser;
mod play;
mod statement;
mod story;

pub use bundled::{BUNDLED, Bundled};
pub use error::Error;
pub use play::{Options, Player, Stopped, Verdict};
pub use story::{Audience, Happening};

use super::{Nanos, SECOND};
use crate::conference::Profile;
use statement::Statement;

/// The most bytes that a scenario may have.
pub const MOST_SIZE: usize = 256 * 1024;
/// The most bytes of one line.
const MOST_LINE_SIZE: usize = 4096;
/// The most members.
const MOST_MEMBERS: usize = 200;
/// The most bytes of a member's name.
const MOST_NAME_SIZE: usize = 24;
/// The longest that any one line may take, or a whole scenario.
const MOST_TIME: Nanos = 7 * 86_400 * SECOND;

/// The words that statements are made of, but for names.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    [parser::KEYWORDS, parser::FACTS, parser::VERBS].into_iter().flatten().copied()
}

/// A scenario that can be played.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    about: String,
    profiles: Vec<Profile>,
    names: Vec<String>,
    statements: Vec<Statement>,
}

impl Scenario {
    /// Reads a scenario of at most [`MOST_SIZE`] bytes.
    ///
    /// # Errors
    ///
    /// The first line that means nothing, and what was expected there.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let nothing = |fault: String| Error { line: 1, text: String::new(), at: 0, len: 0, fault };
        if text.len() > MOST_SIZE {
            return Err(nothing(format!("a scenario of at most {MOST_SIZE} bytes is expected")));
        }
        let mut parser = parser::Parser::default();
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = std::str::from_utf8(line).map_err(|error| {
                let text = line.get(..error.valid_up_to()).unwrap_or_default();
                let text = String::from_utf8_lossy(text).into_owned();
                let fault = "text in UTF-8 is expected".to_owned();
                Error { line: number, at: text.len(), len: 0, text, fault }
            })?;
            parser.line(number, line)?;
        }
        Ok(parser.finish())
    }

    /// What it shows, in a sentence; may be empty.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The profiles in which its expectations are to hold; the first is played unless another is asked
    /// for.
    #[must_use]
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The names of its members, in the order of the world.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests;
