//! Libraries that are preloaded into somebody else's program, and where they are.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::input::shown;

/// Something that is built and installed along with this program.
pub(super) struct Companion {
    /// What it is, such as `key logger`.
    pub(super) what: &'static str,
    /// Its file.
    pub(super) file: &'static str,
    /// The package that it is built from.
    pub(super) package: &'static str,
    /// The option that names it.
    pub(super) option: &'static str,
    /// The environment variable that names it for whoever keeps it elsewhere.
    pub(super) variable: &'static str,
}

/// Writes down the keys of a client.
pub(super) const KEY_LOGGER: Companion = Companion {
    what: "key logger",
    file: "libtoxscope_keylog.so",
    package: "toxscope-keylog",
    option: "--key-logger",
    variable: "TOXSCOPE_KEY_LOGGER",
};

impl Companion {
    /// Where it is: as told, or beside this program, or where packages have it.
    pub(super) fn find(&self, told: Option<&Path>) -> anyhow::Result<PathBuf> {
        let told = told.map(Path::to_owned);
        let told = told.or_else(|| env::var_os(self.variable).map(PathBuf::from));
        let Self { what, file, package, option, .. } = self;
        let found = match told {
            Some(path) => path,
            None => {
                let program = env::current_exe().context("cannot tell where this program is")?;
                let folder = program.parent().unwrap_or(Path::new("/"));
                let places = [folder.join(file), folder.join("../lib/toxscope").join(file)];
                let Some(found) = places.iter().find(|place| place.is_file()) else {
                    let [beside, packaged] = places.each_ref().map(|place| shown(place));
                    bail!(
                        "the {what} is neither {beside} nor {packaged}; build it (cargo build --release -p \
                         {package}) and name it with {option} FILE"
                    );
                };
                found.clone()
            }
        };
        fs::canonicalize(&found).with_context(|| format!("{what} {}", shown(&found)))
    }

    /// The same, of a library that can be named in `LD_PRELOAD`.
    pub(super) fn find_library(&self, told: Option<&Path>) -> anyhow::Result<PathBuf> {
        let found = self.find(told)?;
        if found.as_os_str().as_encoded_bytes().iter().any(|byte| b" :".contains(byte)) {
            bail!(
                "the {} cannot be loaded from {}: a space or colon ends a name in LD_PRELOAD",
                self.what,
                shown(&found)
            );
        }
        Ok(found)
    }
}

/// The value of `LD_PRELOAD` that has libraries loaded, in order, before whatever is loaded already.
pub(super) fn preload(libraries: &[&Path]) -> OsString {
    let others = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty());
    let all = libraries.iter().map(|it| it.as_os_str().to_owned()).chain(others);
    all.collect::<Vec<_>>().join(":".as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_cannot_be_preloaded_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.so");
        fs::write(&path, "").unwrap();
        let refused = KEY_LOGGER.find_library(Some(&path)).unwrap_err().to_string();
        assert!(refused.contains("LD_PRELOAD"), "{refused}");
        assert!(KEY_LOGGER.find(Some(&folder.path().join("none.so"))).is_err());
    }
}
