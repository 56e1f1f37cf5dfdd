//! Rooms import only from lower floors; neighbours on one floor do not know each other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// Room and floor. A room that is missing here fails the test.
const FLOORS: &[(&str, u32)] = &[
    ("time", 0),
    ("recent", 0),
    ("printable", 0),
    ("wire", 0),
    ("capture", 1),
    ("crypto", 1),
    ("conference", 2),
    ("dissect", 2),
    ("simulate", 3),
    ("lint", 4),
    ("corpus", 4),
    ("mutate", 4),
    ("replay", 3),
    ("reseal", 3),
    ("report", 5),
    ("cli", 6),
];

/// The highest floor that `fuzzing`, which is on none, may call.
const HIGHEST_FOR_FUZZING: u32 = 5;

fn floor_of(room: &str) -> u32 {
    let found = FLOORS.iter().find(|(name, _)| *name == room);
    found.unwrap_or_else(|| panic!("{room} has no floor")).1
}

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The rooms that a file names with `crate::`, whether in `use` or in passing, with line numbers.
fn rooms_named(source: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (number, line) in source.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for part in line.split("crate::").skip(1) {
            let list = match part.strip_prefix('{') {
                Some(list) => list.split(',').collect(),
                None => vec![part],
            };
            for room in list {
                let is_of_name = |letter: &char| letter.is_alphanumeric() || *letter == '_';
                let name = room.trim().chars().take_while(is_of_name).collect();
                named.push((number + 1, name));
            }
        }
    }
    named
}

#[test]
fn no_room_imports_from_its_own_floor_or_from_above() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&source, &mut files);
    let mut checked = 0;
    for file in files {
        let path = file.strip_prefix(&source).unwrap();
        let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.strip_suffix(".rs").unwrap_or(first);
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (line, named) in rooms_named(&text) {
            checked += 1;
            let allowed = if room == "fuzzing" {
                floor_of(&named) <= HIGHEST_FOR_FUZZING
            } else {
                named == room || floor_of(&named) < floor_of(room)
            };
            assert!(allowed, "{}:{line}: {room} may not import from {named}", path.display());
        }
    }
    assert!(checked > 20, "the test found next to nothing to check");
}

#[test]
fn rooms_are_found_in_imports_of_every_spelling() {
    let source = "use crate::wire::{A, B};\n    let x = crate::time::Timestamp::default();\n\
                  // crate::cli\nuse crate::{capture, crypto::Sealed};";
    let named: Vec<_> = rooms_named(source).into_iter().map(|(_, room)| room).collect();
    assert_eq!(named, ["wire", "time", "capture", "crypto"]);
}
