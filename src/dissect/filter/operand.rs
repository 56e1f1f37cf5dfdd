//! What a test looks at: a field, part of it, or what a function makes of it.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::error::Fault;
use crate::dissect::field::{FieldId, FieldType, Fields, Value};

/// What a test looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) field: FieldId,
    pub(super) view: View,
}

/// How the values of a field are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// As they are.
    Whole,
    /// Some of their bytes.
    Slice(Slice),
    /// Their length in bytes.
    Length,
    /// How many there are.
    Count,
    /// In lower case, or in upper case.
    Lower,
    Upper,
}

impl View {
    /// What a function makes of a field.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "len" => Self::Length,
            "count" => Self::Count,
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            _ => return None,
        })
    }
}

impl Operand {
    pub(super) const fn whole(field: FieldId) -> Self {
        Self { field, view: View::Whole }
    }

    /// The type of the values that are tested.
    pub(super) const fn ty(self) -> FieldType {
        let ty = self.field.field().ty;
        match (self.view, ty) {
            (View::Whole, _) => ty,
            (View::Slice(_), FieldType::Text) => FieldType::Text,
            (View::Slice(_), _) => FieldType::Bytes,
            (View::Length | View::Count, _) => FieldType::Unsigned,
            (View::Lower | View::Upper, _) => FieldType::Text,
        }
    }

    /// Whether the field has what the view needs.
    pub(super) fn check(self) -> Result<(), Fault> {
        use FieldType::{Address, Bytes, Key, Name, Text};
        let ty = self.field.field().ty;
        match self.view {
            View::Slice(_) if !matches!(ty, Text | Bytes | Key) => {
                Err(Fault::Operand("a field of text, bytes or a key"))
            }
            View::Length if !matches!(ty, Text | Bytes | Key) => {
                Err(Fault::Operand("a field of text, bytes or a key"))
            }
            View::Lower | View::Upper if !matches!(ty, Text | Name | Address) => {
                Err(Fault::Operand("a field of text"))
            }
            _ => Ok(()),
        }
    }

    /// Hands the values to `each` until it breaks.
    pub(super) fn values(
        self,
        record: &dyn Fields,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.view == View::Count {
            let mut count = 0;
            let _ = record.values(self.field, &mut |_| {
                count += 1;
                ControlFlow::Continue(())
            });
            return each(Value::Unsigned(count));
        }
        record.values(self.field, &mut |value| self.value(value, each))
    }

    fn value(
        self,
        value: Value<'_>,
        each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self.view {
            View::Whole | View::Count => each(value),
            View::Slice(slice) => {
                let Some(part) = bytes(&value).and_then(|bytes| slice.of(bytes)) else {
                    return ControlFlow::Continue(());
                };
                each(if self.ty() == FieldType::Text {
                    Value::Text(part)
                } else {
                    Value::Bytes(part)
                })
            }
            View::Length => match bytes(&value) {
                Some(bytes) => each(Value::Unsigned(bytes.len() as u64)),
                None => ControlFlow::Continue(()),
            },
            View::Lower => each(Value::Text(&with_case(&text(value), str::to_lowercase))),
            View::Upper => each(Value::Text(&with_case(&text(value), str::to_uppercase))),
        }
    }
}

/// The bytes of a value that is made of bytes.
fn bytes<'a>(value: &Value<'a>) -> Option<&'a [u8]> {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => Some(bytes),
        Value::Key(key) => Some(*key),
        _ => None,
    }
}

/// A value as patterns look at it: keys as digits, addresses as they are written, bytes as they are.
pub(super) fn text(value: Value<'_>) -> Cow<'_, [u8]> {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::Name(name) => Cow::Borrowed(name.as_bytes()),
        Value::Key(key) => Cow::Owned(crate::wire::Hex(key).to_string().into_bytes()),
        Value::Address(address) => Cow::Owned(address.to_string().into_bytes()),
        Value::Bool(_) | Value::Unsigned(_) | Value::Time(_) | Value::Nanos(_) => {
            Cow::Borrowed(&[])
        }
    }
}

/// Letters changed where the bytes are UTF-8, and elsewhere as they are.
fn with_case(bytes: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut changed = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        changed.extend_from_slice(change(chunk.valid()).as_bytes());
        changed.extend_from_slice(chunk.invalid());
    }
    changed
}

/// Some of the bytes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// The first; counted from the end if negative.
    from: i32,
    /// How many; without, all that follow.
    length: Option<u32>,
}

impl Slice {
    /// What stands between square brackets: `4`, `0:2` (two from 0), `2-5`, `:4`, `8:`, `-2:`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some((from, length)) = text.split_once(':') {
            if from.is_empty() && length.is_empty() {
                return None;
            }
            let from = if from.is_empty() { 0 } else { number(from)? };
            let length = if length.is_empty() { None } else { Some(positive(length)?) };
            return Some(Self { from, length });
        }
        // A minus in front counts from the end; one between two numbers makes a range.
        let first_digit = text.bytes().position(|byte| byte != b'-')?;
        match text.get(first_digit..)?.split_once('-') {
            None => Some(Self { from: number(text)?, length: Some(1) }),
            Some((from, to)) if first_digit == 0 => {
                let (from, to) = (number(from)?, number(to)?);
                let length = u32::try_from(to.checked_sub(from)?).ok()?.checked_add(1)?;
                Some(Self { from, length: Some(length) })
            }
            Some(_) => None,
        }
    }

    /// The part of `bytes`, if they are long enough to have it.
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let from = match usize::try_from(self.from) {
            Ok(from) => from,
            Err(_) => bytes.len().checked_sub(self.from.unsigned_abs() as usize)?,
        };
        let rest = bytes.get(from..)?;
        match self.length {
            None => Some(rest),
            Some(length) => rest.get(..length as usize),
        }
    }
}

fn number(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits { text.parse().ok() } else { None }
}

fn positive(text: &str) -> Option<u32> {
    number(text).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_taken_from_either_end() {
        let of = |slice: &str| Slice::parse(slice).unwrap().of(b"abcdef");
        for (slice, part) in [
            ("0", Some(&b"a"[..])),
            ("5", Some(b"f")),
            ("6", None),
            ("-1", Some(b"f")),
            ("-6", Some(b"a")),
            ("-7", None),
            ("0:2", Some(b"ab")),
            ("4:2", Some(b"ef")),
            ("4:3", None),
            ("1-3", Some(b"bcd")),
            ("3-3", Some(b"d")),
            (":4", Some(b"abcd")),
            ("4:", Some(b"ef")),
            ("6:", Some(b"")),
            ("7:", None),
            ("-2:", Some(b"ef")),
            ("-3:2", Some(b"de")),
        ] {
            assert_eq!(of(slice), part, "{slice}");
        }
        for bad in
            ["", ":", "-", "a", "1:0", "1:-1", "3-1", "--1", "1-2-3", "-3-2", "+1", "99999999999"]
        {
            assert_eq!(Slice::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn letters_change_and_other_bytes_stay() {
        assert_eq!(with_case("ÄB\u{1b}".as_bytes(), str::to_lowercase), "äb\u{1b}".as_bytes());
        assert_eq!(with_case(b"a\xffb", str::to_uppercase), b"A\xffB");
    }
}
