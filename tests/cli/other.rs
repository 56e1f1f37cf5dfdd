//! `stats`, `decode`, `fields`, help.

use std::fs;
use std::path::Path;

use hex_literal::hex;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{printed, run, talk, text, toxscope};

#[test]
fn stats_count_every_packet_once() {
    let folder = tempdir().unwrap();
    let world = talk();
    let path = world.write(folder.path());
    let line = printed(&["stats", "-q", "--format", "json", text(&path)]);
    let stats: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line.lines().count(), 1);
    assert_eq!(stats["schema"], 1);
    assert_eq!((&stats["frames"], &stats["datagrams"]), (&15.into(), &15.into()));
    assert_eq!(
        stats["tox"],
        json!({
            "cookie_request": 1, "cookie_response": 1, "crypto_handshake": 2, "crypto_data": 10,
            "lan_discovery": 1,
        })
    );
    let net_crypto = &stats["net_crypto"];
    assert_eq!(net_crypto["handshakes"], 2);
    assert_eq!(net_crypto["handshakes_opened"], 2);
    assert_eq!(net_crypto["data"], 10);
    assert_eq!(net_crypto["data_opened"], 10);
    assert_eq!(net_crypto["resends"], 1);
    assert_eq!(net_crypto["sealed"], json!({}));
    assert_eq!(
        stats["conference"],
        json!({
            "invite": 1, "invite_accepted": 1, "peer_query": 1, "peer_response": 1,
            "title_response": 1, "chat": 1, "malformed": 1, "rejoin": 1,
        })
    );
    assert_eq!(stats["conferences"][0]["title"], "Room");
    assert_eq!(stats["conferences"][0]["conference_id"], "ab".repeat(32));
    let peers = stats["peers"].as_array().unwrap();
    assert_eq!(peers.len(), 2);
    assert!(peers.iter().any(|peer| peer["real_key"] == world.bob.key() && peer["name"] == "bob"));
}

#[test]
fn stats_of_a_filter_count_the_sessions_that_it_lets_through() {
    let rejoin = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rejoin.pcapng");
    let sessions = |filter: &str| -> Value {
        let line = printed(&["stats", "-q", "--format", "json", text(&rejoin), "-Y", filter]);
        serde_json::from_str::<Value>(&line).unwrap()["net_crypto"]["sessions"].take()
    };
    assert_eq!(sessions("session == 3 && !resend"), 1);
    assert_eq!(sessions("session in {2, 3}"), 2);
    assert_eq!(sessions("session == 3000"), 0);
}

#[test]
fn frames_of_a_link_type_that_is_not_read_are_told() {
    let folder = tempdir().unwrap();
    // The headers of a pcap file and of one frame, which has no bytes.
    let path = folder.path().join("radio.pcap");
    let file = hex!("d4c3b2a1 0200 0400 00000000 00000000 00000400 7f000000" "00000000 00000000 00000000 00000000");
    fs::write(&path, file).unwrap();
    let (code, stdout, stderr) = run(&["dissect", "-a", text(&path)]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.contains("1 frame with a link type that is not read"), "{stderr}");
}

#[test]
fn stats_without_keys_say_why_packets_stay_closed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("closed.pcapng");
    fs::write(&path, talk().bytes()).unwrap();
    let (_, line, stderr) = run(&["stats", "--format", "json", text(&path)]);
    assert_eq!(stderr, "toxscope: 10 data packets not opened: 10 no key log\n");
    let stats: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(stats["net_crypto"]["sealed"], json!({"no_key_log": 10}));
    let table = printed(&["stats", "-q", text(&path)]);
    assert!(table.contains("sealed: no key log"), "{table}");
}

#[test]
fn what_stats_count_without_keys_equals_what_they_count_by_records() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("unopened.pcapng");
    let world = talk();
    let keys = world.keys();
    let without = world.bytes();
    let keys_halfway =
        [&*without, &world.bytes_with(&[keys.strip_prefix("# ").unwrap()], &[])].concat();
    let cut_short = without.get(..without.len() - 5).unwrap().to_vec();
    for bytes in [without, keys_halfway, cut_short] {
        fs::write(&path, bytes).unwrap();
        // A filter, even one that lets everything pass, needs records.
        let by_records = run(&["stats", "--format", "json", "-Y", "frame >= 0", text(&path)]);
        assert_eq!(run(&["stats", "--format", "json", text(&path)]), by_records);
    }
}

#[test]
fn stats_are_tables_for_people() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let tables = printed(&["stats", "-q", text(&path)]);
    for row in ["frames", "UDP datagrams", "Crypto data", "Rejoin", "\"Room\"", "\"bob\""] {
        assert!(tables.contains(row), "{row}: {tables}");
    }
    assert!(tables.lines().all(|line| line == line.trim_end()), "{tables}");
}

#[test]
fn decode_reads_digits_files_and_standard_input() {
    let tree = printed(&["decode", "63 0001 0002 00000007 40 6869"]);
    assert!(tree.contains("chat, 12 bytes") && tree.contains("\"hi\""), "{tree}");
    assert_eq!(printed(&["decode", "63", "0001", "0002:00000007", "40", "6869"]), tree);

    let folder = tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let digits = at("digits", b"63 0001 0002 00000007\n40 6869\n");
    let commented =
        at("commented", "# caf\u{e9}: ab cd\n63 0001 0002 00000007 # of\r\n40 6869".as_bytes());
    assert_eq!(printed(&["decode", &format!("@{}", text(&commented))]), tree);
    for (name, bytes, says) in [
        ("prose", &b"63 00\nhello\n"[..], "line 2: this is no hexadecimal digit at character 1"),
        ("half", b"63 0", "half a byte is left over at character 5"),
        ("none", b"# nothing\n", "there are no bytes to decode"),
    ] {
        let path = at(name, bytes);
        let (code, stdout, stderr) = run(&["decode", &format!("@{}", text(&path))]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{name}");
        assert!(stderr.contains(says), "{stderr}");
    }
    let raw = at("raw", b"c\0\x01\0\x02\0\0\0\x07@hi");
    assert_eq!(printed(&["decode", &format!("@{}", text(&digits))]), tree);
    assert_eq!(printed(&["decode", &format!("@{}", text(&raw))]), tree);
    let mut command = toxscope(&["decode", "-"]);
    let output = command.stdin(fs::File::open(&raw).unwrap()).output().unwrap();
    assert_eq!(super::outcome(&output), (0, tree, String::new()));
}

#[test]
fn decode_shows_what_can_be_read_of_a_malformed_packet() {
    let (code, stdout, stderr) = run(&["decode", "63 0001 0002 000000"]);
    assert_eq!((code, stderr.as_str()), (1, ""));
    for part in
        ["message.message_number at byte 5: needs 4 bytes, 3 left", "peer_number", "no more"]
    {
        assert!(stdout.contains(part), "{stdout}");
    }
    let (code, stdout, _) = run(&["decode", "--format", "jsonl", "63 0001 0002 000000"]);
    assert_eq!(code, 1);
    let object: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&object["kind"], &object["peer_number"]), (&"malformed".into(), &2.into()));
    assert_eq!(object["frame"], Value::Null);
}

#[test]
fn decode_refuses_what_is_no_packet() {
    for (arg, says) in [
        ("6x", "no hexadecimal digit at character 2"),
        ("640", "half a byte"),
        ("", "no bytes"),
        ("@/nonexistent", "No such file"),
        ("@/", "is a directory"),
        ("@/dev/zero", "no packet does"),
        ("6\u{1b}[31m", r"\x1b"),
    ] {
        let (code, stdout, stderr) = run(&["decode", arg]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arg}");
        assert!(stderr.contains(says), "{stderr}");
    }
    // A packet of 64 KiB is shown, whatever it is.
    assert_eq!(run(&["decode", &"40".repeat(65_000)]).0, 0);
}

#[test]
fn fields_are_listed_with_type_and_meaning() {
    let table = printed(&["fields"]);
    for name in ["frame", "group_number", "peers.name", "error.offset"] {
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}");
    }
    let rows: Vec<Value> = serde_json::from_str(&printed(&["fields", "--format", "json"])).unwrap();
    let kind = rows.iter().find(|row| row["name"] == "kind").unwrap();
    assert!(kind["choices"].as_array().unwrap().contains(&"rejoin".into()));
    assert!(rows.iter().all(|row| row["type"].is_string() && row["meaning"].is_string()));
}

#[test]
fn help_of_a_command_is_had_in_either_order() {
    for command in ["dissect", "stats", "decode", "fields"] {
        assert_eq!(printed(&["help", command]), printed(&[command, "--help"]));
    }
    assert_eq!(printed(&["help"]), printed(&["--help"]));
}

#[test]
fn times_out_of_range_are_told() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    // Enhanced packet blocks: the first one's time, in nanoseconds.
    let block = bytes.windows(4).position(|part| part == [6, 0, 0, 0]).unwrap();
    bytes[block + 12..block + 20].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let (code, _, stderr) = run(&["dissect", text(&path)]);
    assert_eq!(code, 0);
    assert!(stderr.contains("1 frame with a time before 1677 or after 2262"), "{stderr}");
}

/// What `--help` prints is kept in `tests/cli/help/`; write it anew with `UPDATE_GOLDEN=1`.
#[test]
fn help_is_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/help");
    for command in [
        "",
        "dissect",
        "stats",
        "decode",
        "replay",
        "save",
        "lint",
        "corpus",
        "mutate",
        "fuzz-peer",
        "simulate",
        "fields",
        "keys",
        "keys show",
        "keys embed",
        "keys extract",
        "keys strip",
        "live",
        "record",
        "completions",
        "man",
    ] {
        let args: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let help = printed(&args);
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        let name =
            if command.is_empty() { "toxscope".to_owned() } else { command.replace(' ', "-") };
        let golden = folder.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&golden, &help).unwrap();
        }
        assert_eq!(fs::read_to_string(&golden).unwrap(), help, "{name}");
    }
    assert!(printed(&["--version"]).starts_with("toxscope "));
}

#[test]
fn shells_complete_and_every_command_has_a_manual_page() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("toxscope") && script.contains("dissect"), "{shell}");
    }
    assert!(printed(&["man"]).contains(".TH toxscope 1"));
    let folder = tempdir().unwrap();
    assert_eq!(printed(&["man", "--dir", text(folder.path())]), "");
    for page in ["toxscope", "toxscope-dissect", "toxscope-stats", "toxscope-keys-embed"] {
        let page = fs::read_to_string(folder.path().join(format!("{page}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn every_field_is_documented() {
    let document = include_str!("../../docs/output-format.md");
    for id in toxscope::dissect::FieldId::ALL {
        let name = id.field().name;
        assert!(document.contains(&format!("`{name}`")), "{name} is not in output-format.md");
        if id.field().ty == toxscope::dissect::FieldType::Name && name != "kind" {
            for choice in id.choices() {
                assert!(document.contains(&format!("`{choice}`")), "{choice} of {name}");
            }
        }
    }
    for kind in toxscope::wire::Kind::ALL {
        assert!(document.contains(&format!("`{}`", kind.name())), "{}", kind.name());
    }
}

/// The capture without the last eight bytes of what was captured of one frame.
fn with_a_frame_cut(capture: &[u8], number: usize) -> Vec<u8> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut frames) = (0, 0);
    loop {
        let (kind, length) = (word(at), word(at + 4));
        frames += usize::from(kind == 6);
        if frames == number {
            let captured = word(at + 20) - 8;
            let length_now = u32::try_from(32 + captured.next_multiple_of(4)).unwrap();
            let mut cut = capture[..at + 28 + captured.next_multiple_of(4)].to_vec();
            cut[at + 4..at + 8].copy_from_slice(&length_now.to_le_bytes());
            cut[at + 20..at + 24].copy_from_slice(&u32::try_from(captured).unwrap().to_le_bytes());
            cut.extend(length_now.to_le_bytes());
            return [&cut, &capture[at + length..]].concat();
        }
        at += length;
    }
}

#[test]
fn packets_that_the_snap_length_cut_are_counted_apart_with_keys_and_without() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let stats = |keys: bool| -> Value {
        let none = folder.path().join("none.keys");
        fs::write(&none, "").unwrap();
        let mut args = vec!["stats", "--format", "json", text(&path)];
        args.extend(if keys { vec![] } else { vec!["-k", text(&none)] });
        serde_json::from_str(&run(&args).1).unwrap()
    };
    let number = |value: &Value| value.as_u64().unwrap();
    let whole = [stats(true), stats(false)];
    let (_, lines, _) = run(&["dissect", "--format", "jsonl", text(&path)]);
    let chat = lines.lines().find(|line| line.contains(r#""kind":"chat""#)).unwrap();
    let chat: Value = serde_json::from_str(chat).unwrap();
    let capture = fs::read(&path).unwrap();
    fs::write(&path, with_a_frame_cut(&capture, number(&chat["frame"]).try_into().unwrap()))
        .unwrap();
    for (before, after) in whole.iter().zip([stats(true), stats(false)]) {
        assert_eq!((&before["tox"], &before["truncated"]), (&after["tox"], &0.into()));
        assert_eq!(after["truncated"], 1);
        let (before, after) = (&before["net_crypto"], &after["net_crypto"]);
        assert_eq!(number(&after["data"]), number(&before["data"]) - 1);
        assert_eq!((&before["cut"], &after["cut"]), (&json!({}), &json!({"crypto_data": 1})));
        let sealed = after["sealed"].as_object().unwrap().values().map(number).sum::<u64>();
        assert_eq!(number(&after["data"]), number(&after["data_opened"]) + sealed);
        assert_eq!(after["sealed"].get("truncated"), None);
    }
    let table = run(&["stats", text(&path)]).1;
    assert!(table.contains("cut: Crypto data"), "{table}");
}
