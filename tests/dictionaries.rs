//! `fuzz/dictionaries/` is what the byte tables and the languages of toxscope say.
//!
//! `UPDATE_GOLDEN=1 cargo test --test dictionaries` writes them.

use std::path::Path;
use std::{env, fs};

use toxscope::fuzzing::dictionaries;

/// A dictionary as libFuzzer and AFL++ read it.
fn text(words: &[(String, Vec<u8>)]) -> String {
    let mut text = String::new();
    for (name, bytes) in words {
        let name: String = name
            .trim_end()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        text.push_str(&format!("{name}=\""));
        for byte in bytes {
            match byte {
                b'"' | b'\\' => text.extend(["\\", &char::from(*byte).to_string()]),
                b' '..=b'~' => text.push(char::from(*byte)),
                _ => text.push_str(&format!("\\x{byte:02x}")),
            }
        }
        text.push_str("\"\n");
    }
    text
}

#[test]
fn dictionaries_are_what_the_tables_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/dictionaries");
    let dictionaries = dictionaries();
    for (name, words) in &dictionaries {
        let path = directory.join(format!("{name}.dict"));
        let text = text(words);
        if env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&directory).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{name}.dict is not what the tables say: UPDATE_GOLDEN=1 writes it");
    }
    assert_eq!(fs::read_dir(directory).unwrap().count(), dictionaries.len());
}
