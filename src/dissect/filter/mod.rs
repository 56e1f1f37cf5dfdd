//! The filter language of `-Y`: which records are wanted.
//!
//! ```text
//! kind == rejoin && group_number == 0
//! kind in {chat, action} and (text contains "hello" or name starts_with bo)
//! from starts_with 5a17c0 && !resend && rel > 9.5
//! src == 10.0.0.0/8 && number in {0..99, 1000}
//! ```
//!
//! | Written                        | Means                                                     |
//! |--------------------------------|-----------------------------------------------------------|
//! | `field`                        | the field is present; of a boolean: it is true            |
//! | `== != < <= > >=`              | compared by value; order for numbers and times only       |
//! | `contains`, `starts_with`      | for text, names, addresses (as text), bytes and keys      |
//! | `in {a, b, c..d}`              | one of the values, or in a range with both its ends       |
//! | `! not`, `&& and`, `\|\| or`, `()` | negation binds closest, then "and", then "or"         |
//!
//! A field with several values (`peers.name`) meets a test when any of its values does; `!=`
//! when it has a value and none of them is equal. An absent field meets no test.
//! Values: `17`, `0x11`; `"text\n\u{202e}"` with the escapes of printed text, or a bare word;
//! hexadecimal digits for bytes and keys; `2026-11-22T17:06:41.5Z`; `9.091` seconds; addresses as
//! `10.0.0.1`, `[::1]:33445`, `:33445`, `10.0.0.0/8`.

mod error;
mod lexer;
mod literal;
mod parser;

use std::ops::ControlFlow;

pub use error::{Error, Fault};
use literal::Literal;
use parser::{Comparison, Node, Span, Test};

use super::field::{Fields, Value};

/// Bytes that a filter may have (threat 16).
pub const MAX_LENGTH: usize = 64 * 1024;

/// How deep parentheses and negations may be nested (threat 16).
pub const MAX_DEPTH: usize = 64;

/// A filter, read and checked against the field table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Node);

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// [`Error`] names the place and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parser::parse(text).map(Self)
    }

    /// Whether the record is wanted.
    pub fn matches(&self, record: &dyn Fields) -> bool {
        self.0.matches(record)
    }
}

impl Node {
    fn matches(&self, record: &dyn Fields) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(record)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(record)),
            Self::Not(node) => !node.matches(record),
            Self::Test(field, Test::Compare(Comparison::NotEqual, literal)) => {
                let mut present = false;
                let differ = record.values(*field, &mut |value| {
                    present = true;
                    if literal.is(value) {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                });
                present && differ.is_continue()
            }
            Self::Test(field, test) => record
                .values(*field, &mut |value| {
                    if test.meets(value) {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                })
                .is_break(),
        }
    }
}

impl Test {
    fn meets(&self, value: Value<'_>) -> bool {
        match self {
            Self::Present => value != Value::Bool(false),
            Self::Compare(comparison, literal) => match comparison {
                Comparison::Equal => literal.is(value),
                Comparison::NotEqual => !literal.is(value),
                Comparison::Less => literal.order(value).is_some_and(|value| value.is_lt()),
                Comparison::LessOrEqual => literal.order(value).is_some_and(|value| value.is_le()),
                Comparison::More => literal.order(value).is_some_and(|value| value.is_gt()),
                Comparison::MoreOrEqual => literal.order(value).is_some_and(|value| value.is_ge()),
            },
            Self::In(spans) => spans.iter().any(|span| match span {
                Span::One(literal) => literal.is(value),
                Span::Between(from, to) => {
                    from.order(value).is_some_and(|value| value.is_ge())
                        && to.order(value).is_some_and(|value| value.is_le())
                }
            }),
            Self::Contains(digits) => with_bytes(value, |bytes| digits.are_in(bytes)),
            Self::StartsWith(digits) => with_bytes(value, |bytes| digits.begin(bytes)),
        }
    }
}

impl Literal {
    /// Whether the value is this one.
    fn is(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (Self::Bool(this), Value::Bool(value)) => *this == value,
            (Self::Name(this), Value::Name(value)) => *this == value,
            (Self::Bytes(this), Value::Text(value) | Value::Bytes(value)) => this == value,
            (Self::Bytes(this), Value::Key(value)) => this == value,
            (Self::Address(this), Value::Address(value)) => this.meets(value),
            _ => self.order(value).is_some_and(|value| value.is_eq()),
        }
    }

    /// Where the value lies, seen from this one, if their kind has an order.
    fn order(&self, value: Value<'_>) -> Option<std::cmp::Ordering> {
        match (self, value) {
            (Self::Unsigned(this), Value::Unsigned(value)) => Some(value.cmp(this)),
            (Self::Nanos(this), Value::Time(value)) => Some(value.as_nanos().cmp(this)),
            (Self::Nanos(this), Value::Nanos(value)) => Some(value.cmp(this)),
            _ => None,
        }
    }
}

/// The bytes that `contains` and `starts_with` look at.
fn with_bytes(value: Value<'_>, test: impl Fn(&[u8]) -> bool) -> bool {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => test(bytes),
        Value::Key(key) => test(key),
        Value::Name(name) => test(name.as_bytes()),
        Value::Address(address) => test(address.to_string().as_bytes()),
        Value::Bool(_) | Value::Unsigned(_) | Value::Time(_) | Value::Nanos(_) => false,
    }
}

#[cfg(test)]
mod tests;
