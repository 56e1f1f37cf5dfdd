//! Datagrams and keys in, one ordered stream of records out; the field table; filters.

mod field;
pub mod filter;

pub use field::{Field, FieldId, FieldType, Fields, Value};
