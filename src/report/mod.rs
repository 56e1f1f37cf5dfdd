//! Records and totals as text and JSON, for any writer.

mod json;
mod number;
mod printable;

pub use json::{JsonLines, SCHEMA};
pub use printable::{Printable, hides, printable};

#[cfg(test)]
mod tests;
