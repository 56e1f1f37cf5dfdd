//! What is wrong with a scenario, and where.

use std::fmt;

/// A scenario that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// The line itself, as far as it can be shown.
    pub text: String,
    /// The byte of the line where the fault begins.
    pub at: usize,
    /// How many bytes of the line are at fault; 0 at its end.
    pub len: usize,
    /// What was expected, and what stands there.
    pub fault: String,
}

impl Error {
    /// The character of the line where the fault begins, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.text.get(..self.at).unwrap_or(&self.text).chars().count() + 1
    }
}

/// Holds nothing of the scenario's own text but names and words, as they stand there: for a terminal they have to
/// be made visible.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column(), self.fault)
    }
}

impl std::error::Error for Error {}
