//! Chosen fields of each record, separated by tabs.
//!
//! A cell holds no tab, line feed or quotation mark of its own: text is printed as
//! [`printable`](super::printable()) does, with `\"` for quotation marks and `\x2c` for commas, since commas
//! separate the values of a field that has several. An empty value is `""`, which no text is printed as, and
//! an absent one is nothing. A cell that a spreadsheet would take for a formula begins with the escape of its
//! first character (threat 11).

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::ControlFlow;

use super::number::{push_hex, push_nanos, push_unsigned};
use crate::dissect::{FieldId, Fields, Value};
use crate::printable::printable;

/// Writes records as rows of cells.
pub struct Columns {
    fields: Vec<FieldId>,
    cells: Vec<Cell>,
    line: Vec<u8>,
}

/// The values of a field in a row, so far.
#[derive(Clone, Default)]
struct Cell {
    values: usize,
    text: Vec<u8>,
}

impl Cell {
    fn push(&mut self, value: Value<'_>) {
        if self.values > 0 {
            self.text.push(b',');
        }
        self.values += 1;
        let before = self.text.len();
        push(&mut self.text, value);
        if self.text.len() == before {
            self.text.extend_from_slice(b"\"\"");
        }
    }
}

impl Columns {
    /// Rows of these fields, in this order.
    #[must_use]
    pub fn new(fields: Vec<FieldId>) -> Self {
        Self { cells: vec![Cell::default(); fields.len()], fields, line: Vec::new() }
    }

    /// Writes the names of the fields and a line feed.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<_> = self.fields.iter().map(|id| id.field().name).collect();
        writeln!(out, "{}", names.join("\t"))
    }

    /// Writes one record and a line feed.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&mut self, record: &dyn Fields, out: &mut dyn Write) -> io::Result<()> {
        for cell in &mut self.cells {
            cell.values = 0;
            cell.text.clear();
        }
        let _ = record.each(&mut |id, value| {
            let columns = self.fields.iter().zip(&mut self.cells);
            columns.filter(|(field, _)| **field == id).for_each(|(_, cell)| cell.push(value));
            ControlFlow::Continue(())
        });
        for (field, cell) in self.fields.iter().zip(&mut self.cells) {
            if field.is_on_demand() {
                let _ = record.values(*field, &mut |value| {
                    cell.push(value);
                    ControlFlow::Continue(())
                });
            }
        }
        self.line.clear();
        for (i, cell) in self.cells.iter().enumerate() {
            if i > 0 {
                self.line.push(b'\t');
            }
            self.line.extend_from_slice(&cell.text);
        }
        self.line.push(b'\n');
        out.write_all(&self.line)
    }
}

fn push(cell: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Bool(value) => cell.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::Unsigned(number) => push_unsigned(cell, number),
        Value::Nanos(nanos) => push_nanos(cell, nanos),
        Value::Time(at) => cell.extend_from_slice(at.to_string().as_bytes()),
        Value::Name(name) => cell.extend_from_slice(name.as_bytes()),
        Value::Bytes(bytes) => push_hex(cell, bytes),
        Value::Key(key) => push_hex(cell, key),
        Value::Address(address) => cell.extend_from_slice(address.to_string().as_bytes()),
        Value::Text(text) => {
            let mut quoted = String::new();
            // A string takes whatever is written.
            let _ = write!(quoted, "{}", printable(text).quoted());
            let text = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let mut chars = text.unwrap_or_default().chars();
            let is_first = cell.is_empty();
            let mut push = |c: char, is_first: bool| match c {
                ',' => cell.extend_from_slice(b"\\x2c"),
                '=' | '+' | '-' | '@' | '\'' if is_first => {
                    cell.extend_from_slice(format!("\\x{:02x}", u32::from(c)).as_bytes());
                }
                _ => cell.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            };
            if let Some(first) = chars.next() {
                push(first, is_first);
            }
            chars.for_each(|c| push(c, false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::Sample;

    fn row(fields: &[FieldId], record: &dyn Fields) -> String {
        let mut out = Vec::new();
        Columns::new(fields.to_vec()).render(record, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_stand_in_the_order_asked_for_and_absent_fields_are_empty() {
        let fields = [FieldId::Kind, FieldId::Title, FieldId::Src, FieldId::Rel, FieldId::Kind];
        assert_eq!(row(&fields, &Sample::invite()), "invite\t\t127.0.0.1:44100\t9.091\tinvite\n");
        let mut out = Vec::new();
        Columns::new(fields.to_vec()).header(&mut out).unwrap();
        assert_eq!(out, b"kind\ttitle\tsrc\trel\tkind\n");
    }

    #[test]
    fn text_stays_in_its_cell_and_is_no_formula() {
        let text = |text| Sample(vec![(FieldId::Text, Value::Text(text))]);
        let row = |bytes| row(&[FieldId::Text], &text(bytes));
        assert_eq!(row(b"a\tb\nc\"d,e\\f"), "a\\tb\\nc\\\"d\\x2ce\\\\f\n");
        assert_eq!(row(b"=1+1"), "\\x3d1+1\n");
        assert_eq!(row(b"\t=1"), "\\t=1\n");
        assert_eq!(row(b"a\xff"), "a\\xff\n");
    }

    #[test]
    fn several_values_are_separated_by_commas() {
        let sample = Sample(vec![
            (FieldId::PeersName, Value::Text(b"ann, bob")),
            (FieldId::PeersName, Value::Text(b"=carol")),
        ]);
        assert_eq!(row(&[FieldId::PeersName], &sample), "ann\\x2c bob,=carol\n");
        let nameless = (FieldId::PeersName, Value::Text(b""));
        assert_eq!(row(&[FieldId::PeersName], &Sample(vec![nameless, nameless])), "\"\",\"\"\n");
    }

    #[test]
    fn an_empty_value_is_told_from_an_absent_one() {
        let fields = [FieldId::Title, FieldId::Text, FieldId::Body];
        let sample = |values| Sample(values);
        let empty = [(FieldId::Text, Value::Text(b"")), (FieldId::Body, Value::Bytes(b""))];
        assert_eq!(row(&fields, &sample(empty.to_vec())), "\t\"\"\t\"\"\n");
        assert_eq!(
            row(&fields, &sample(vec![(FieldId::Text, Value::Text(b"\"\""))])),
            "\t\\\"\\\"\t\n"
        );
    }
}
