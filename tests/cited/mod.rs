//! Which tests cite which rules and properties, such as `R-001`: in the comment before a test, or
//! anywhere in it.

use std::fs;
use std::path::{Path, PathBuf};

/// A test and one id that it cites.
pub(crate) struct Citation {
    /// As it stands in the source: a letter or two, a dash, three digits.
    pub(crate) id: String,
    /// Path of the file from the root of the crate, without its ending.
    pub(crate) file: String,
    pub(crate) test: String,
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a source file is text")
}

/// The ids in a text.
pub(crate) fn ids(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (dash, _) in text.match_indices('-') {
        let letters = text[..dash].bytes().rev().take_while(u8::is_ascii_uppercase).count();
        let start = dash - letters;
        let alone =
            text[..start].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '-');
        let digits = text[dash + 1..].bytes().take_while(u8::is_ascii_digit).count();
        if (1..=2).contains(&letters) && digits == 3 && alone {
            found.push(&text[start..dash + 4]);
        }
    }
    found
}

/// All `.rs` files below a folder or the one file, in order; none if it is not there.
pub(crate) fn sources(at: &Path) -> Vec<PathBuf> {
    if at.is_file() {
        return vec![at.to_owned()];
    }
    let entries = fs::read_dir(at).into_iter().flatten().map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|it| it == "rs"))
        .collect();
    files.sort();
    files
}

/// What the tests below a folder cite.
pub(crate) fn citations(folder: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    for path in sources(&root().join(folder)) {
        let inside = path.strip_prefix(root()).expect("a file of this crate").with_extension("");
        let file = inside.to_str().expect("a path of ASCII").to_owned();
        for (test, id) in of_source(&read(&path)) {
            found.push(Citation { id, file: file.clone(), test });
        }
    }
    found
}

/// Tests and what they cite.
fn of_source(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut before = Vec::new();
    let mut is_test = false;
    // The test that the lines belong to, and how far it is indented.
    let mut current: Option<(String, usize)> = None;
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let inside = |at: usize| indent > at || trimmed.is_empty() || trimmed.starts_with(')');
        current = current.filter(|(_, at)| inside(*at));
        if let Some((name, _)) = &current {
            found.extend(ids(trimmed).into_iter().map(|id| (name.clone(), id.to_owned())));
            continue;
        }
        if trimmed.starts_with("///") {
            before.extend(ids(trimmed).into_iter().map(str::to_owned));
        } else if trimmed.starts_with("#[") {
            is_test |= trimmed == "#[test]";
        } else if let Some(rest) = trimmed.strip_prefix("fn ").filter(|_| is_test) {
            let name = rest.split('(').next().unwrap_or_default().to_owned();
            found.extend(before.drain(..).map(|id| (name.clone(), id)));
            current = Some((name, indent));
            is_test = false;
        } else {
            before.clear();
            is_test = false;
        }
    }
    found
}

#[test]
fn citations_belong_to_the_test_that_they_stand_in_or_before() {
    let source = "
        /// R-001, of no test.
        fn helper() {}
        /// R-002: T-003.
        #[test]
        fn one(
            x: u8, // O-004
        ) {
            fn nested() {} // I-005

            assert!(true, \"LP-006\");
        }
        // G-007
        more! {
            /// C-008
            #[test]
            fn three() {}
        }
        #[test]
        fn two() {}
        ";
    let found = of_source(source);
    let found: Vec<_> = found.iter().map(|(test, id)| (test.as_str(), id.as_str())).collect();
    let mut expected =
        ["R-002", "T-003", "O-004", "I-005", "LP-006"].map(|id| ("one", id)).to_vec();
    expected.push(("three", "C-008"));
    assert_eq!(found, expected);
    assert_eq!(ids("UTC-123 XR-001 ABC-123 R-12 R-1234 1-R-123 é-123 R-123"), ["XR-001", "R-123"]);
}
