//! Records, totals and save files as text and JSON, for any writer.

mod caret;
mod columns;
mod detail;
mod event;
mod fields;
mod hexdump;
mod json;
mod keys;
mod lint;
mod list;
mod moment;
mod mutations;
mod number;
mod replay;
mod replay_json;
mod save;
mod stats;
mod story;
mod story_json;
mod style;
mod table;
mod visible;
mod who;

pub use crate::printable::{Printable, hides, printable};
pub use caret::{caret, without_secrets};
pub use columns::Columns;
pub use detail::Detail;
pub use fields::{device_table, field_json, field_table};
pub use json::{JsonLines, SCHEMA};
pub use keys::{keys_json, keys_table};
pub use lint::{LintedFile, explain, lint_jsonl, lint_junit, lint_sarif, lint_text, not_judged};
pub use list::List;
pub use moment::TimeStyle;
pub use mutations::Mutations;
pub use replay::{ReplayText, replay_table};
pub use replay_json::replay_json;
pub use save::{save_json, save_text};
pub use stats::{stats_json, stats_table};
pub use story::Story;
pub use story_json::StoryLines;

#[cfg(test)]
mod tests;
