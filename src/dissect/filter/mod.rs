//! The filter language of `-Y`: which records are wanted.
//!
//! ```text
//! kind == rejoin && group_number == 0
//! kind in {chat, action} and (text contains "hello" or name starts_with bo)
//! from starts_with 5a17c0 && !resend && rel > 9.5
//! src == 10.0.0.0/8 && number in {0..99, 1000}
//! from != author && len(text) > 200 && text matches r"\bhttps?://"
//! body[0:2] == c0ff || count(peers.name) > 16 || lower(from.name) == "ann"
//! ```
//!
//! | Written                        | Means                                                     |
//! |--------------------------------|-----------------------------------------------------------|
//! | `field`                        | the field is present; of a boolean: it is true            |
//! | `== != < <= > >=`              | by value, or with a field of the same type; also `eq ne lt le gt ge` |
//! | `contains`, `starts_with`      | for text, names, addresses (as text), bytes and keys      |
//! | `matches`, `~`                 | a regular expression is in it, in either case; keys as digits |
//! | `in {a, b, c..d}`, `not in`    | one of the values, or in a range with both its ends       |
//! | `field[0:2]`, `[4]`, `[2-5]`, `[-2:]` | some of its bytes; absent where it is too short    |
//! | `len()`, `count()`, `lower()`, `upper()` | bytes of a value; number of values; letters     |
//! | `! not`, `&& and`, `\|\| or`, `()` | negation binds closest, then "and", then "or"         |
//!
//! A field with several values (`peers.name`) meets a test when any of its values does; `!=`
//! when it has a value and none of them is equal. An absent field meets no test.
//! Values: `17`, `0x11`; `"text\n\u{202e}"` with the escapes of printed text, or a bare word;
//! `r"text"` as it stands; hexadecimal digits for bytes and keys; `2026-11-22T17:06:41.5Z`; `9.091` seconds; addresses as
//! `10.0.0.1`, `[::1]:33445`, `:33445`, `10.0.0.0/8`.

mod error;
mod lexer;
mod literal;
mod operand;
mod parser;
mod pattern;

use std::cmp::Ordering;
use std::ops::ControlFlow;

pub use error::{Error, Fault};
use literal::Literal;
use operand::Operand;
use parser::{Comparison, Node, Span, Test};

use super::field::{Fields, Value};

/// Bytes that a filter may have (threat 16).
pub const MAX_LENGTH: usize = 64 * 1024;

/// How deep parentheses and negations may be nested (threat 16).
pub const MAX_DEPTH: usize = 64;

/// How many regular expressions a filter may have: each takes memory of its own.
pub const MAX_PATTERNS: usize = 16;

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
            Self::Test(operand, Test::Compare(Comparison::NotEqual, literal)) => {
                none_of(*operand, record, |value| literal.is(value))
            }
            Self::Test(operand, Test::With(Comparison::NotEqual, other)) => {
                let mut other_is_present = false;
                none_of(*operand, record, |value| {
                    any_of(Operand::whole(*other), record, |other| {
                        other_is_present = true;
                        value == other
                    })
                }) && other_is_present
            }
            Self::Test(operand, Test::With(comparison, other)) => {
                any_of(*operand, record, |value| {
                    any_of(Operand::whole(*other), record, |other| {
                        comparison.holds(value == other, order(value, other))
                    })
                })
            }
            Self::Test(operand, test) => any_of(*operand, record, |value| test.meets(value)),
        }
    }
}

/// Whether any value meets a test.
fn any_of(operand: Operand, record: &dyn Fields, mut test: impl FnMut(Value<'_>) -> bool) -> bool {
    let each = &mut |value: Value<'_>| {
        if test(value) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    operand.values(record, each).is_break()
}

/// Whether there is a value, and none meets the test.
fn none_of(operand: Operand, record: &dyn Fields, mut test: impl FnMut(Value<'_>) -> bool) -> bool {
    let mut present = false;
    let any = any_of(operand, record, |value| {
        present = true;
        test(value)
    });
    present && !any
}

impl Comparison {
    /// Whether it holds for a value that equals the other one or not, and is ordered so.
    fn holds(self, equal: bool, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => equal,
            Self::NotEqual => !equal,
            Self::Less => order.is_some_and(Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::More => order.is_some_and(Ordering::is_gt),
            Self::MoreOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// Where one value lies, seen from another of the same type, if their type has an order.
fn order(value: Value<'_>, other: Value<'_>) -> Option<Ordering> {
    match (value, other) {
        (Value::Unsigned(value), Value::Unsigned(other)) => Some(value.cmp(&other)),
        (Value::Time(value), Value::Time(other)) => Some(value.cmp(&other)),
        (Value::Nanos(value), Value::Nanos(other)) => Some(value.cmp(&other)),
        (Value::Bytes(value), Value::Bytes(other)) => Some(value.cmp(other)),
        _ => None,
    }
}

impl Test {
    fn meets(&self, value: Value<'_>) -> bool {
        match self {
            Self::Present => value != Value::Bool(false),
            Self::Compare(comparison, literal) => {
                comparison.holds(literal.is(value), literal.order(value))
            }
            Self::In(spans) => spans.iter().any(|span| match span {
                Span::One(literal) => literal.is(value),
                Span::Between(from, to) => {
                    from.order(value).is_some_and(Ordering::is_ge)
                        && to.order(value).is_some_and(Ordering::is_le)
                }
            }),
            Self::Contains(digits) => with_bytes(value, |bytes| digits.are_in(bytes)),
            Self::StartsWith(digits) => with_bytes(value, |bytes| digits.begin(bytes)),
            Self::Matches(pattern) => pattern.is_in(&operand::text(value)),
            // Looks at two fields; see above.
            Self::With(..) => false,
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
    fn order(&self, value: Value<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Unsigned(this), Value::Unsigned(value)) => Some(value.cmp(this)),
            (Self::Nanos(this), Value::Time(value)) => Some(value.as_nanos().cmp(this)),
            (Self::Nanos(this), Value::Nanos(value)) => Some(value.cmp(this)),
            (Self::Bytes(this), Value::Bytes(value)) => Some(value.cmp(this)),
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
