//! Records and totals as text and JSON, for any writer.

mod printable;

pub use printable::{Printable, hides, printable};
