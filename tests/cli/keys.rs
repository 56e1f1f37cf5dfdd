//! `keys`: secrets go where they are asked to go, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::tempdir;

use super::{outcome, printed, run, talk, text, toxscope};

/// All samples that have keys.
fn samples() -> impl Iterator<Item = PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "pcapng"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_capture_with_its_keys_inside_needs_nothing_else() {
    let folder = tempdir().unwrap();
    let mut count = 0;
    for sample in samples() {
        let copy = folder.path().join(sample.file_name().unwrap());
        let (code, stdout, stderr) = run(&["keys", "embed", text(&sample), "-o", text(&copy)]);
        assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
        let log = sample.with_extension("keys");
        assert!(stderr.contains(&format!("keys from {}", text(&log))), "{stderr}");
        assert!(stderr.contains(" keys open something here"), "{stderr}");
        assert_eq!(mode(&copy), 0o600);
        let show = |path: &Path| run(&["dissect", "-q", "--format", "jsonl", text(path)]);
        assert!(show(&copy) == show(&sample), "{}", sample.display());
        // Fewer than in the key log, which has keys of other nodes too.
        let lines =
            |path: &Path| printed(&["keys", "show", "-q", "--secrets", text(path)]).lines().count();
        assert!(lines(&copy) < lines(&sample.with_extension("keys")), "{}", sample.display());

        let stripped = folder.path().join("stripped");
        run(&["keys", "strip", text(&copy), "-o", text(&stripped), "--force"]);
        assert!(fs::read(&stripped).unwrap() == fs::read(&sample).unwrap(), "{}", sample.display());
        count += 1;
    }
    assert!(count > 5);
}

#[test]
fn all_keys_are_embedded_and_extracted_as_they_are_but_no_identity_unasked() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let world = talk();
    let path = world.write(folder.path());
    let identity = format!("ID {} {}\n", "1a".repeat(32), "5e".repeat(32));
    let log = world.keys() + &identity + &format!("NAME {} Ann\n", world.ann.key());
    fs::write(at("all.keys"), &log).unwrap();
    let (out, keys) = (at("out.pcapng"), at("all.keys"));
    let embed = |more: &[&str]| {
        let args =
            ["keys", "embed", "--all", "--force", text(&path), "-k", text(&keys), "-o", text(&out)];
        run(&[&args, more].concat())
    };
    let (code, _, stderr) = embed(&[]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("1 ID line left out"), "{stderr}");
    let bytes = fs::read(&out).unwrap();
    assert!(!bytes.windows(64).any(|window| window == "5e".repeat(32).as_bytes()));
    run(&["keys", "extract", text(&out), "-o", text(&at("back.keys"))]);
    assert_eq!(fs::read_to_string(at("back.keys")).unwrap(), log.replace(&identity, ""));
    assert_eq!(mode(&at("back.keys")), 0o600);

    assert_eq!(embed(&["--identities"]).0, 0);
    assert_eq!(printed(&["keys", "extract", "-q", text(&out), "-o", "-"]), log);
    assert_eq!(run(&["keys", "embed", text(&path), "--identities", "-o", text(&out)]).0, 2);
}

#[test]
fn a_secret_key_is_embedded_as_what_was_derived_from_it() {
    let folder = tempdir().unwrap();
    let world = talk();
    let path = world.write(folder.path());
    let secret = "22".repeat(32);
    fs::write(
        folder.path().join("world.keys"),
        world.keys() + &format!("ID {} {secret}\n", world.bob.key()),
    )
    .unwrap();
    // The precomputed key of the two identities comes from Bob's secret key alone.
    let without_long_term: Vec<_> = {
        let keys = fs::read_to_string(folder.path().join("world.keys")).unwrap();
        let long_term = &world.secrets()[1];
        keys.lines().filter(|line| !line.contains(long_term.as_str())).map(str::to_owned).collect()
    };
    fs::write(folder.path().join("world.keys"), without_long_term.join("\n")).unwrap();
    let out = folder.path().join("out.pcapng");
    assert_eq!(run(&["keys", "embed", text(&path), "-o", text(&out)]).0, 0);
    let log = printed(&["keys", "extract", "-q", text(&out), "-o", "-"]);
    assert!(!log.contains(&secret) && log.contains(&world.secrets()[1]), "{log}");
    let show = |path: &Path| run(&["dissect", "-a", "-q", text(path)]).1;
    assert_eq!(show(&out), show(&path));
}

#[test]
fn nothing_is_replaced_unasked_and_nothing_is_left_behind() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let out = folder.path().join("there");
    fs::write(&out, "mine").unwrap();
    for command in ["embed", "strip", "extract"] {
        let (code, _, stderr) = run(&["keys", command, text(&path), "-o", text(&out)]);
        assert_eq!(code, 2);
        let why = if command == "extract" {
            "there is no key log in"
        } else {
            "exists; --force replaces it"
        };
        assert!(stderr.contains(why), "{stderr}");
        assert_eq!(fs::read(&out).unwrap(), b"mine");
    }
    // A device is not replaced with a file, asked or not.
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let refused = run(&["keys", "strip", text(&path), "-o", text(&fifo), "--force"]);
    assert!(refused.0 == 2 && refused.2.contains("fifo is not a regular file"), "{}", refused.2);
    fs::remove_file(&fifo).unwrap();
    // What is no capture leaves no file.
    let text_file = folder.path().join("text");
    fs::write(&text_file, "hello, world").unwrap();
    let (code, _, stderr) =
        run(&["keys", "strip", text(&text_file), "-o", text(&folder.path().join("new"))]);
    assert!(code == 2 && stderr.contains("not a capture"), "{stderr}");
    assert_eq!(run(&["keys", "strip", text(&path), "-o", text(&path), "--force"]).0, 2);
    let mut left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["text", "there", "world.keys", "world.pcapng"]);
}

#[test]
fn keys_that_open_nothing_are_not_embedded() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let (keys, out) = (folder.path().join("other.keys"), folder.path().join("out"));
    fs::write(&keys, format!("BOX {} {}\n", "aa".repeat(32), "bb".repeat(32))).unwrap();
    let (code, _, stderr) =
        run(&["keys", "embed", text(&path), "-k", text(&keys), "-o", text(&out)]);
    assert!(code == 2 && stderr.contains("no key opens anything in"), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn what_is_shown_of_keys_is_not_secret() {
    let folder = tempdir().unwrap();
    let world = talk();
    let path = world.write(folder.path());
    let keys = folder.path().join("world.keys");
    let embedded = folder.path().join("embedded.pcapng");
    run(&["keys", "embed", text(&path), "-o", text(&embedded)]);
    for file in [&keys, &embedded] {
        for format in ["table", "json"] {
            let shown = printed(&["keys", "show", "-q", "--format", format, text(file)]);
            assert!(shown.contains(&world.ann.key()), "{shown}");
            assert!(
                world.secrets().iter().all(|secret| !shown.contains(secret.as_str())),
                "{shown}"
            );
        }
        let lines = printed(&["keys", "show", "-q", "--secrets", text(file)]);
        assert!(world.secrets().iter().all(|secret| lines.contains(secret.as_str())), "{lines}");
    }
    let mut piped = toxscope(&["keys", "show", "-"]);
    let (code, shown, _) = outcome(&piped.stdin(fs::File::open(&keys).unwrap()).output().unwrap());
    assert!(code == 0 && shown.contains("SHARED lines"), "{shown}");
}
