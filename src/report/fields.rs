//! The field table, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::table::{table, trimmed};
use super::visible::to_line;
use crate::dissect::FieldId;

/// A row of `fields --format json`.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    #[serde(rename = "type")]
    ty: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    unit: &'static str,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<&'static str>,
}

/// Writes every field's name, type, unit and meaning as a table.
///
/// # Errors
///
/// Those of `out`.
pub fn field_table(out: &mut dyn Write) -> io::Result<()> {
    let mut table = table(&["field", "type", "unit", "meaning"]);
    for id in FieldId::ALL {
        let field = id.field();
        table.add_row([field.name, field.ty.name(), field.unit, field.meaning]);
    }
    writeln!(out, "{}", trimmed(&table))
}

/// Writes the devices that packets can be captured on: names, states, addresses.
///
/// # Errors
///
/// Those of `out`.
pub fn device_table(rows: &[[String; 3]], out: &mut dyn Write) -> io::Result<()> {
    let mut table = table(&["interface", "state", "addresses"]);
    for row in rows {
        table.add_row(row);
    }
    writeln!(out, "{}", trimmed(&table))
}

/// Writes the same as a JSON array of objects, with the values of fields that are names.
///
/// # Errors
///
/// Those of `out`.
pub fn field_json(out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Row> = FieldId::ALL
        .iter()
        .map(|id| {
            let field = id.field();
            Row {
                name: field.name,
                ty: field.ty.name(),
                unit: field.unit,
                meaning: field.meaning,
                choices: id.choices(),
            }
        })
        .collect();
    to_line(&rows, out)
}
