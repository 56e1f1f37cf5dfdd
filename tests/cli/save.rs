//! `save`: real save files, damaged ones, and what is none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::tempdir;
use toxscope::conference::savedata::{Savedata, SectionType, emit_savedata};

use super::{printed, run, text, toxscope};

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/savedata");

fn samples() -> Vec<PathBuf> {
    let files = fs::read_dir(SAMPLES).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "tox")).collect();
    files.sort();
    files
}

fn json(path: &Path) -> (i32, Value) {
    let (code, stdout, stderr) = run(&["save", "--format", "json", text(path)]);
    assert_eq!(stderr, "");
    assert_eq!(stdout.lines().count(), 1);
    (code, serde_json::from_str(&stdout).unwrap())
}

/// `TOXSCOPE_BLESS=1 cargo test` writes what is printed now in place of what was expected.
#[test]
fn real_save_files_are_shown_as_expected() {
    assert_eq!(samples().len(), 2);
    for path in samples() {
        let shown = printed(&["save", text(&path)]);
        let golden = path.with_extension("expected.txt");
        if std::env::var_os("TOXSCOPE_BLESS").is_some() {
            fs::write(&golden, &shown).unwrap();
        }
        assert_eq!(shown, fs::read_to_string(&golden).unwrap(), "{}", path.display());
    }
}

/// C-008: what another program read in the file while libtoxcore ran.
#[test]
fn real_save_files_hold_what_libtoxcore_saved() {
    for path in samples() {
        let (code, file) = json(&path);
        assert_eq!((code, &file["schema"], &file["damage"]), (0, &1.into(), &Value::Array(vec![])));
        let truth = fs::read_to_string(path.with_extension("truth.jsonl")).unwrap();
        let truth: Vec<Value> =
            truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let conferences = file["conferences"].as_array().unwrap();
        assert_eq!(conferences.len(), truth.len());
        for (read, saved) in conferences.iter().zip(&truth) {
            assert_eq!(file["owner"]["real_key"], saved["key"]);
            for field in
                ["conference_id", "conference_type", "title", "title_hex", "message_number"]
            {
                assert_eq!(read[field], saved[field], "{field}");
            }
            assert_eq!(read["own_peer_number"], saved["peer_number"]);
            let peers = read["peers"].as_array().unwrap();
            let others = saved["peers"].as_array().unwrap();
            assert_eq!(peers.len(), others.len());
            for (peer, other) in peers.iter().zip(others) {
                assert_eq!(peer["real_key"], other["key"]);
                for field in ["dht_key", "peer_number", "name", "name_hex"] {
                    assert_eq!(peer[field], other[field], "{field}");
                }
            }
        }
    }
}

/// Threat 13: the owner's secret key is in the file, and in nothing that is said about it.
#[test]
fn the_secret_key_is_not_shown() {
    for path in samples() {
        let file = fs::read(&path).unwrap();
        let savedata = Savedata::parse(&file).unwrap();
        let keys = savedata.section(SectionType::KEYS).unwrap();
        let secret = &keys.payload[36..68];
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        for format in ["table", "json"] {
            let shown = printed(&["save", "-v", "--format", format, text(&path)]);
            assert!(!shown.contains(&hex) && !shown.contains(&hex[..16]), "{format}");
            assert!(!shown.as_bytes().windows(8).any(|part| part == &secret[..8]));
        }
    }
}

#[test]
fn what_is_damaged_is_said_and_the_rest_is_shown() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("damaged.tox");
    let mut file = fs::read(Path::new(SAMPLES).join("two.cas.tox")).unwrap();
    let section = Savedata::parse(&file).unwrap().section(SectionType::CONFERENCES).unwrap().offset;
    // The length of the first title.
    file[section + 45] = 200;
    fs::write(&path, &file).unwrap();
    let (code, stdout, stderr) = run(&["save", text(&path)]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert!(stdout.contains("\"kitchen\"") && !stdout.contains("\"garden\""), "{stdout}");
    let told = format!("title at byte {}: has 200 bytes, at most 128 allowed", section + 45);
    assert!(stdout.contains(&told), "{stdout}");
    let (code, file) = json(&path);
    assert_eq!((code, file["conferences"].as_array().unwrap().len()), (1, 1));
    let damage = |offset: usize, field: &str, reason: &str| serde_json::json!({ "offset": offset, "field": field, "reason": reason });
    let expected = [
        damage(section, "conference", "130 bytes skipped to find the next one"),
        damage(section + 45, "title", "has 200 bytes, at most 128 allowed"),
    ];
    assert_eq!(file["damage"], Value::from(expected.to_vec()));
}

/// Threat 9: names and titles are somebody else's.
#[test]
fn names_and_titles_are_escaped() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("nasty.tox");
    let nasty = b"\x1b]0;x\x07\r\n\xe2\x80\xae\xff";
    let mut record = vec![0; 45];
    record[41] = 1;
    record[1] = 9;
    record.push(nasty.len() as u8);
    record.extend(nasty);
    record.extend([7; 64]);
    record.extend([5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    record.push(nasty.len() as u8);
    record.extend(nasty);
    let file = emit_savedata(&[(SectionType::NAME, nasty), (SectionType::CONFERENCES, &record)]);
    fs::write(&path, file).unwrap();
    let table = printed(&["save", text(&path)]);
    assert_eq!(table.matches(r#""\x1b]0;x\x07\r\n\u{202e}\xff""#).count(), 3, "{table}");
    assert!(table.contains("without keys"), "{table}");
    let (_, file) = json(&path);
    let hex = "1b5d303b78070d0ae280aeff";
    let conference = &file["conferences"][0];
    assert_eq!(conference["title_hex"], hex);
    let peer = &conference["peers"][0];
    assert_eq!((&peer["name_hex"], &peer["last_active"]), (&hex.into(), &Value::Null));
    assert_eq!(peer["last_active_seconds"], u64::MAX.to_string());
    assert_eq!(
        (&file["owner"]["name_hex"], &file["owner"]["real_key"]),
        (&hex.into(), &Value::Null)
    );
}

#[test]
fn standard_input_is_read() {
    let sample = Path::new(SAMPLES).join("two.cas.tox");
    let mut command = toxscope(&["save", "-"]);
    let output = command.stdin(fs::File::open(&sample).unwrap()).output().unwrap();
    let shown = printed(&["save", text(&sample)]);
    assert_eq!(super::outcome(&output), (0, shown, String::new()));
}

#[test]
fn what_is_no_save_file_is_refused_with_a_reason() {
    let folder = tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        text(&path).to_owned()
    };
    for (path, says) in [
        (
            at("encrypted.tox", b"toxEsave and so on"),
            "encrypted.tox: the save file is encrypted: decrypt it first",
        ),
        (at("empty.tox", b""), "empty.tox: the file is empty"),
        (at("text.tox", b"hello"), "text.tox: not a Tox save file"),
        (at("big.tox", b"\0\0\0\0\x15\xed\x1b\x1f"), "big-endian"),
        (text(folder.path()).to_owned(), "is a directory"),
        ("/nonexistent".to_owned(), "No such file"),
        ("/dev/zero".to_owned(), "no save file does"),
        (at("\x1b[31m", b"x"), r"\x1b[31m: not a Tox"),
    ] {
        for format in ["table", "json"] {
            let (code, stdout, stderr) = run(&["save", "--format", format, &path]);
            assert_eq!((code, stdout.as_str()), (2, ""), "{path}");
            assert!(stderr.contains(says) && stderr.lines().count() == 1, "{stderr}");
        }
    }
}

/// Within 64 MiB of memory in all, resident or not: what could be larger is refused to the program.
fn in_64_mib(path: &Path, format: &str) -> Option<i32> {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -v 65536; exec "$0" save -q --format "$1" "$2" > /dev/null"#]);
    command.args([env!("CARGO_BIN_EXE_toxscope"), format]).arg(path);
    command.output().unwrap().status.code()
}

/// Q-10: whatever the largest file consists of.
#[cfg(target_os = "linux")]
#[test]
fn hostile_save_files_take_little_memory_and_time() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hostile.tox");
    // Without optimisation the largest files would take a minute.
    const MOST: usize = (if cfg!(debug_assertions) { 2 << 20 } else { 16 << 20 }) - 100;
    let start = [0, 0, 0, 0, 0x1f, 0x1b, 0xed, 0x15];
    let conferences = |payload: &[u8]| emit_savedata(&[(SectionType::CONFERENCES, payload)]);
    let peer = |number: u32| {
        let mut peer = [7; 75];
        peer[..4].copy_from_slice(&number.to_le_bytes());
        peer[74] = 0;
        peer
    };
    let mut peers = vec![1; 41];
    let count = (MOST / 75) as u32;
    peers.extend(count.to_le_bytes());
    peers.push(0);
    (0..count).for_each(|number| peers.extend(peer(number)));
    let records: Vec<u8> = (0..(MOST / 46) as u32)
        .flat_map(|number| {
            let mut record = [0; 46];
            record[1..5].copy_from_slice(&number.to_le_bytes());
            record
        })
        .collect();
    // Every byte could be the type of a conference, and each is too long.
    let mut promising = vec![1; MOST];
    promising.iter_mut().skip(45).step_by(46).for_each(|byte| *byte = 129);
    let empty: Vec<u8> = [0, 0, 0, 0, 4, 0, 0xce, 1].repeat(MOST / 8);
    for (name, file) in [
        ("peers", conferences(&peers)),
        ("records", conferences(&records)),
        ("promising", conferences(&promising)),
        ("ones", conferences(&vec![1; MOST])),
        ("sections", [&start[..], &empty].concat()),
        ("sections that lead nowhere", [&start[..], &empty, &[1; 9]].concat()),
    ] {
        fs::write(&path, file).unwrap();
        for format in ["table", "json"] {
            let code = in_64_mib(&path, format);
            assert!(matches!(code, Some(0 | 1)), "{name}, {format}: {code:?}");
        }
    }
}

/// Q-10, on a folder of bad save files, named by `TOXSCOPE_BADINPUT`; without it the test says that
/// it checked nothing.
#[test]
fn bad_save_files_are_shown_or_refused() {
    let Some(folder) = std::env::var_os("TOXSCOPE_BADINPUT") else {
        eprintln!("NOTHING CHECKED: TOXSCOPE_BADINPUT names no directory with bad save files");
        return;
    };
    let mut folders = vec![PathBuf::from(folder).join("tox")];
    let mut checked = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let (code, stdout, stderr) = run(&["save", "--format", "json", text(&path)]);
            match code {
                0 | 1 => drop(serde_json::from_str::<Value>(&stdout).unwrap()),
                2 => assert_eq!((stdout.as_str(), stderr.lines().count()), ("", 1)),
                _ => panic!("{}: {code}", path.display()),
            }
            assert!(matches!(in_64_mib(&path, "table"), Some(0..=2)), "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 1000, "{checked} files");
    eprintln!("{checked} bad save files");
}
