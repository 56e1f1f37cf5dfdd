//! Whether the key logger can do anything for a program.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::cli::input::shown;
use crate::cli::preload::KEY_LOGGER;

/// Most bytes of a program that are searched for libsodium.
const MOST: u64 = 256 << 20;

/// What the processes of a program have loaded.
#[derive(Default)]
pub(super) struct Loaded {
    logger: bool,
    sodium: bool,
    /// Programs that ran; whether the logger was loaded into them.
    programs: BTreeMap<PathBuf, bool>,
}

impl Loaded {
    /// Looks at what a process has loaded.
    pub(super) fn look(&mut self, process: u32) {
        if self.logger && self.sodium {
            return;
        }
        let Ok(maps) = fs::read_to_string(format!("/proc/{process}/maps")) else { return };
        let Ok(program) = fs::read_link(format!("/proc/{process}/exe")) else { return };
        let logger = maps.contains(KEY_LOGGER.file);
        self.logger |= logger;
        self.sodium |= maps.contains("/libsodium.so");
        if self.programs.len() < 64 {
            *self.programs.entry(program).or_default() |= logger;
        }
    }

    /// Why there may be no keys, and what to do instead.
    pub(super) fn told(&self) -> String {
        const INSTEAD: &str = "Use a build of it that links libsodium dynamically, as the packages of \
            distributions do, or have it write a key log itself (docs/key-log.md)";
        if self.programs.is_empty() {
            return "it had ended before anything was seen of it".to_owned();
        }
        if self.logger && self.sodium {
            return "it loaded libsodium and the key logger, but derived no key: it talked to nobody"
                .to_owned();
        }
        let built_in = self.programs.keys().find(|program| has_sodium(program));
        if let Some(program) = built_in {
            let program = shown(program);
            return format!(
                "{program} has libsodium linked into it statically, where the key logger cannot see it. {INSTEAD}"
            );
        }
        let names: Vec<_> = self.programs.keys().map(|program| shown(program)).collect();
        let names = names.join(", ");
        if self.logger {
            format!(
                "{names} did not load libsodium: no client of Tox, or one with other ciphers. {INSTEAD}"
            )
        } else {
            format!(
                "{names} did not load the key logger: linked statically, or with more rights than its user. \
                 {INSTEAD}"
            )
        }
    }
}

/// Whether a program has libsodium inside, by the names of its functions or by what its password hashes begin
/// with, which stay when names are stripped.
fn has_sodium(program: &Path) -> bool {
    const MARKS: [&[u8]; 3] = [b"crypto_box_beforenm", b"$argon2id$v=", b"sodium_init"];
    let Ok(file) = File::open(program) else { return false };
    let mut bytes = Vec::new();
    if file.take(MOST).read_to_end(&mut bytes).is_err() {
        return false;
    }
    // A program that links it dynamically has the names, too.
    let has = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    !has(b"libsodium.so") && MARKS.iter().any(|mark| has(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_with_libsodium_inside_are_told_from_those_that_load_it() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        assert!(has_sodium(&program("a", b"\0crypto_box_beforenm\0")));
        assert!(has_sodium(&program("b", b"stripped $argon2id$v= and so on")));
        assert!(!has_sodium(&program("c", b"libsodium.so.23\0crypto_box_beforenm\0")));
        assert!(!has_sodium(&program("d", b"hello")));
        let mut loaded = Loaded::default();
        loaded.look(std::process::id());
        assert!(loaded.told().contains("did not load the key logger"), "{}", loaded.told());
        let programs = BTreeMap::from([(program("e", b"sodium_init"), true)]);
        let told = Loaded { programs, logger: true, sodium: false }.told();
        assert!(
            told.contains("linked into it statically") && told.contains("key-log.md"),
            "{told}"
        );
    }
}
