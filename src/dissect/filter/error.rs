//! What is wrong with a filter, and where.

use std::fmt;

use crate::dissect::field::{FieldId, FieldType};

/// A filter that cannot be used. Its `Display` holds nothing of the filter's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The byte of the filter where the fault begins.
    pub at: usize,
    /// How many bytes of the filter are at fault; 0 at its end.
    pub len: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Longer than [`super::MAX_LENGTH`] bytes.
    TooLong,
    /// Parentheses and negations deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// Something else should stand here.
    Wanted(&'static str),
    /// A character that begins nothing.
    Character,
    /// Half of an operator.
    Operator(&'static str),
    /// A string without its closing quotation mark.
    OpenString,
    /// A backslash in a string that begins no known escape.
    Escape,
    /// No field has this name.
    Field(Option<FieldId>),
    /// The field cannot be compared this way.
    Comparison(FieldType),
    /// The value does not suit the field's type.
    Value(FieldType),
    /// A key of the wrong length; so many digits were written.
    KeyLength(usize),
    /// Half a byte where bytes are compared whole.
    OddDigits,
    /// The field never has this value.
    Choice(FieldId, Option<&'static str>),
    /// A range of values that have no order.
    Unordered(FieldType),
    /// A range whose end lies before its beginning.
    Backwards,
    /// Square brackets with something else than a slice between them.
    Slice,
    /// A field or function whose values cannot be sliced or handed to the function.
    Operand(&'static str),
    /// Another field whose values are of another type.
    OtherField(FieldType, FieldType),
    /// No regular expression; what is wrong with it.
    Pattern(String),
    /// More than [`super::MAX_PATTERNS`] regular expressions.
    TooManyPatterns,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::TooLong => write!(f, "the filter is longer than {} bytes", super::MAX_LENGTH),
            Fault::TooDeep => {
                write!(f, "parentheses and negations are nested deeper than {}", super::MAX_DEPTH)
            }
            Fault::Wanted(what) => write!(f, "{what} is expected here"),
            Fault::Character => write!(f, "this character means nothing here"),
            Fault::Operator(whole) => write!(f, "the operator is written {whole}"),
            Fault::OpenString => write!(f, "this string has no closing quotation mark"),
            Fault::Escape => f.write_str(
                r#"no such escape; known are \\ \" \n \r \t \xHH \u{H…}, and r"…" stands as it is"#,
            ),
            Fault::Field(None) => write!(f, "no field has this name; see `toxscope fields`"),
            Fault::Field(Some(near)) => {
                write!(f, "no field has this name; did you mean {}?", near.field().name)
            }
            Fault::Comparison(ty) => write!(
                f,
                "a {} field knows {}",
                ty.name(),
                match ty {
                    FieldType::Bool => "== and != only, or its name alone",
                    FieldType::Unsigned | FieldType::Time | FieldType::Seconds =>
                        "== != < <= > >= and in {…} only",
                    FieldType::Bytes =>
                        "== != < <= > >= contains starts_with matches and in {…} only",
                    FieldType::Name | FieldType::Text | FieldType::Key | FieldType::Address =>
                        "== != contains starts_with matches and in {…} only",
                }
            ),
            Fault::Value(ty) => write!(
                f,
                "{} is expected here",
                match ty {
                    FieldType::Bool => "true or false",
                    FieldType::Unsigned => "a whole number such as 17 or 0x11",
                    FieldType::Time =>
                        "a time such as 2026-11-22T17:06:41.5Z (or seconds since 1970)",
                    FieldType::Seconds => "a number of seconds such as 9.091",
                    FieldType::Name => "a name",
                    FieldType::Text => "text such as \"hello\"",
                    FieldType::Bytes => "bytes such as c0ffee or \"text\"",
                    FieldType::Key => "hexadecimal digits",
                    FieldType::Address =>
                        "an address such as 10.0.0.1, 10.0.0.1:33445, [::1]:33445, :33445 or 10.0.0.0/8",
                }
            ),
            Fault::KeyLength(digits) => write!(
                f,
                "a whole key has 64 hexadecimal digits, this has {digits}; compare with starts_with"
            ),
            Fault::OddDigits => write!(f, "bytes have two hexadecimal digits each"),
            Fault::Choice(id, None) => {
                write!(f, "{} never has this value; ", id.field().name)?;
                let choices = id.choices();
                if choices.len() > 16 {
                    return f.write_str("`toxscope fields --format json` lists what it may be");
                }
                write!(f, "it is one of {}", choices.join(", "))
            }
            Fault::Choice(id, Some(near)) => {
                write!(f, "{} never has this value; did you mean {near}?", id.field().name)
            }
            Fault::Unordered(ty) => write!(
                f,
                "a {} field has no order, so that it has no ranges; text goes between quotation marks",
                ty.name()
            ),
            Fault::Backwards => write!(f, "this range ends before it begins"),
            Fault::Slice => write!(
                f,
                "a slice such as [4], [0:2] (two bytes from 0), [2-5], [:4], [8:] or [-2:] is expected \
                 here"
            ),
            Fault::Operand(wanted) => write!(f, "only {wanted} can stand here"),
            Fault::OtherField(this, other) => write!(
                f,
                "a {} field cannot be compared with a {} field",
                this.name(),
                other.name()
            ),
            Fault::Pattern(what) => write!(f, "this is no regular expression: {what}"),
            Fault::TooManyPatterns => {
                write!(f, "there are more than {} regular expressions", super::MAX_PATTERNS)
            }
        }
    }
}

impl std::error::Error for Error {}
