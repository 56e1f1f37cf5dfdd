//! Scenario files.

use crate::report;
use crate::simulate::scenario::Scenario;

/// A scenario is read, or the place of its first fault lies in it, can be pointed at, and all lines before
/// it are sound.
pub fn scenario(data: &[u8]) {
    let Err(error) = Scenario::parse(data) else { return };
    assert!(error.text.get(error.at..error.at + error.len).is_some(), "{error:?}");
    assert!(error.column() <= error.text.chars().count() + 1);
    assert_eq!(report::caret(&error.text, error.at, error.len).lines().count(), 2);
    super::only_seen(&report::printable(&error.to_string()).to_string());
    let before: usize =
        data.split_inclusive(|byte| *byte == b'\n').take(error.line - 1).map(<[u8]>::len).sum();
    let before = data.get(..before).unwrap_or_default();
    assert_eq!(Scenario::parse(before).err(), None, "line {} is the first", error.line);
}
