//! The look of every summary table.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table};

/// An empty table with these headings: columns apart by spaces, a rule below the headings, the
/// same on every terminal. Columns that hold numbers only are not told apart; see [`numbers`].
pub(super) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.to_vec());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// A table as text, without blanks at the ends of its lines.
pub(super) fn trimmed(table: &Table) -> String {
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Things and how many there are of each.
pub(super) struct Numbers {
    table: Table,
    is_empty: bool,
}

/// An empty table of numbers under this heading.
pub(super) fn numbers(heading: &str) -> Numbers {
    let mut table = table(&[heading, "count"]);
    if let Some(counts) = table.column_mut(1) {
        counts.set_cell_alignment(CellAlignment::Right);
    }
    Numbers { table, is_empty: true }
}

impl Numbers {
    pub(super) fn add(&mut self, what: &str, count: u64) {
        self.is_empty = false;
        self.table.add_row([what.to_owned(), count.to_string()]);
    }

    /// Adds a row unless there are none of these.
    pub(super) fn add_some(&mut self, what: &str, count: u64) {
        if count > 0 {
            self.add(what, count);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&trimmed(&self.table))
    }
}
