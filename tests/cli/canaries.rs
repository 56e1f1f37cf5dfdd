//! No secret of a key log shows anywhere (Q-12, threat 13): raw, as digits, or as base64.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::tempdir;

use super::{outcome, text, toxscope};

/// A secret in every form that is looked for.
struct Canary(Vec<Vec<u8>>);

impl Canary {
    /// The last word of a line of a key log.
    fn of(line: &str) -> Self {
        let digits = line.split(' ').next_back().unwrap();
        let raw: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect();
        let mut forms = vec![raw.clone(), digits.as_bytes().to_vec()];
        // A good part of it is as bad.
        forms
            .extend([&digits[..24], &digits[digits.len() - 24..]].map(|it| it.as_bytes().to_vec()));
        forms.push(digits.to_ascii_uppercase().into_bytes());
        forms.push(raw.iter().rev().copied().collect());
        // However many bytes stand before it.
        forms.extend((0..3).map(|skip| base64(&raw[skip..]).into_bytes()));
        Self(forms)
    }

    fn assert_not_in(&self, what: &str, bytes: &[u8]) {
        for form in &self.0 {
            let first = form[0];
            let found = bytes
                .windows(form.len())
                .any(|window| window[0] == first && window == form.as_slice());
            assert!(!found, "a secret is in {what}");
        }
    }
}

/// Whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks_exact(3) {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        text.extend([18, 12, 6, 0].map(|shift| char::from(LETTERS[(bits >> shift & 63) as usize])));
    }
    text
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// The keys that open the session, which are the last of the log, and some others.
fn canaries(log: &str) -> Vec<Canary> {
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("SHARED ")).collect();
    let picked = lines.iter().step_by(lines.len().div_ceil(5)).chain(lines.iter().rev().take(3));
    picked.map(|line| Canary::of(line)).collect()
}

#[test]
fn no_secret_of_a_key_log_is_in_any_output() {
    let folder = tempdir().unwrap();
    for story in ["talk", "relay"] {
        let (capture, keys) =
            (sample(&format!("{story}.pcapng")), sample(&format!("{story}.keys")));
        let log = fs::read_to_string(&keys).unwrap();
        let canaries = canaries(&log);
        assert!(canaries.len() >= 6);
        // Lines that are damaged hold secrets, too.
        let damaged = folder.path().join("damaged.keys");
        let half: String = log.lines().map(|line| format!("{line}zz\n{line}\n")).collect();
        fs::write(&damaged, half).unwrap();
        // Whose first line holds one, bare or behind a word that nobody expects.
        let bare = folder.path().join("bare.keys");
        fs::write(
            &bare,
            log.lines()
                .filter_map(|line| line.split(' ').next_back())
                .collect::<Vec<_>>()
                .join(" \n"),
        )
        .unwrap();
        let worded = folder.path().join("worded.keys");
        let words = log.lines().filter_map(|line| line.split(' ').next_back());
        fs::write(&worded, words.map(|it| format!("NONCE {it}\n")).collect::<String>()).unwrap();
        let (bare, worded) = (text(&bare), text(&worded));
        let at_worded = format!("@{worded}");
        let (embedded, stripped) = (folder.path().join("in"), folder.path().join("out"));
        let mutated = folder.path().join("mutated");
        let (capture, keys, damaged) = (text(&capture), text(&keys), text(&damaged));
        let (embedded, stripped, mutated) = (text(&embedded), text(&stripped), text(&mutated));
        let embed = ["keys", "embed", "--force", "-k", keys, "-o", embedded, capture];
        assert_eq!(outcome(&toxscope(&embed).output().unwrap()).0, 0);
        // They would be found.
        let inside = fs::read(embedded).unwrap();
        let shown: Vec<_> =
            canaries.iter().filter(|canary| contains(&inside, &canary.0[1])).collect();
        assert!(!shown.is_empty());
        for args in [
            &["-v", "dissect", "-a", "-k", keys, capture][..],
            &["-v", "dissect", "-a", "-k", damaged, capture],
            &["-v", "dissect", "-a", "--format", "jsonl", "-k", keys, capture],
            &["-v", "dissect", "-a", "--format", "hex", embedded],
            &["-v", "stats", "--format", "json", embedded],
            &["-v", "stats", "-k", damaged, capture],
            &["-v", "lint", "--format", "sarif", "-k", keys, capture],
            &["-v", "replay", "--format", "json", "-k", keys, capture],
            &["-v", "keys", "show", damaged],
            &["-v", "keys", "show", "--format", "json", embedded],
            &["-v", "keys", "strip", "--force", "-o", stripped, embedded],
            &["-v", "mutate", "--force", "-o", mutated, embedded],
            // Mistaken for something else.
            &["dissect", keys],
            &["save", keys],
            &["save", bare],
            &["simulate", keys],
            &["simulate", bare],
            &["simulate", worded],
            &["decode", &at_worded],
            &["dissect", bare],
            &["keys", "show", bare],
            &["keys", "show", worded],
            &["-v", "dissect", "--names", keys, capture],
            &["dissect", "-k", keys, "-Y", "kind ==", capture],
        ] {
            let output = toxscope(args).output().unwrap();
            for canary in &canaries {
                canary.assert_not_in(&format!("what {args:?} prints"), &output.stdout);
                canary.assert_not_in(&format!("what {args:?} says"), &output.stderr);
            }
        }
        for file in [stripped, mutated] {
            let left = fs::read(file).unwrap();
            canaries.iter().for_each(|canary| canary.assert_not_in("a file without keys", &left));
        }
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
