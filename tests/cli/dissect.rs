//! `dissect`: formats, filters, keys, times.

use std::fs;

use tempfile::tempdir;

use super::world::World;
use super::{printed, run, talk, text};

/// Runs on the talk with its keys, quietly.
fn dissect(args: &[&str]) -> String {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    printed(&[&["dissect", "-q", text(&path)], args].concat())
}

fn short(key: &str) -> &str {
    &key[..8]
}

fn objects(lines: &str) -> Vec<serde_json::Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_list_has_one_line_for_each_conference_packet() {
    let world = talk();
    let (ann, bob) = (world.ann.key(), world.bob.key());
    let (ann, bob) = (short(&ann), short(&bob));
    let lines = dissect(&[]);
    let lines: Vec<_> = lines.lines().map(str::trim_end).collect();
    let from = |who: &str| format!("{who:21}");
    let named = format!("bob {bob}");
    let line = |frame: u32, from: String, to: String, kind: &str, rest: &str| {
        format!(
            "{frame:>7}     {:.6}  {from} → {to}  {kind:15}  {rest}",
            f64::from(frame - 1) / 1000.0
        )
        .trim_end()
        .to_owned()
    };
    let to = from;
    assert_eq!(
        lines,
        [
            line(6, from(ann), to(bob), "invite", "group 0  text  abababab"),
            line(
                7,
                from(bob),
                to(ann),
                "invite_accepted",
                "group 3  receiver's group 0  text  abababab"
            ),
            line(8, from(bob), to(ann), "peer_query", "in abababab  group 0"),
            line(
                9,
                from(ann),
                to(&named),
                "peer_response",
                &format!("in abababab  group 3  peer 7 {bob} \"bob\"")
            ),
            line(10, from(ann), to(&named), "title_response", "in abababab  group 3  \"Room\""),
            line(11, from(&named), to(ann), "chat", "in abababab  group 0  peer 7  #1  \"hi\""),
            line(
                12,
                from(&named),
                to(ann),
                "chat",
                "in abababab  group 0  peer 7  #1  \"hi\"  (resend)"
            ),
            line(
                13,
                from(ann),
                to(&named),
                "malformed",
                "id 0x63  group 3  peer 1  message.message_number at byte 5: needs 4 bytes, 3 left"
            ),
            line(14, from(&named), to(ann), "rejoin", "text  abababab"),
        ]
    );
}

#[test]
fn all_shows_every_tox_packet() {
    let lines = dissect(&["--all"]);
    assert_eq!(lines.lines().count(), 15);
    for kind in ["crypto_handshake", "alive", "lan_discovery"] {
        assert!(lines.contains(kind), "{kind}");
    }
}

#[test]
fn json_lines_keep_the_contract() {
    let world = talk();
    let objects = objects(&dissect(&["--format", "jsonl"]));
    assert_eq!(objects.len(), 9);
    let invite = serde_json::json!({
        "schema": 1, "frame": 6, "time": "2026-11-22T17:06:41.005000Z", "rel": 0.005,
        "src": "127.0.0.1:44100", "dst": "127.0.0.1:44101", "transport": "udp",
        "from": world.ann.key(), "to": world.bob.key(), "session": 1, "number": 1, "ack": 0,
        "resend": false, "kind": "invite", "bytes": 37, "conference": "ab".repeat(32),
        "group_number": 0, "conference_type": "text", "conference_id": "ab".repeat(32),
    });
    assert_eq!(objects[0], invite);
    let peer = serde_json::json!({
        "peer_number": 7, "real_key": world.bob.key(), "dht_key": "dd".repeat(32), "name": "bob",
    });
    assert_eq!(objects[3]["peers"], serde_json::json!([peer]));
    assert_eq!(objects[4]["title"], "Room");
    assert_eq!(objects[5]["text"], "hi");
    assert_eq!(objects[5]["author"], world.bob.key());
    assert_eq!(objects[6]["resend"], true);
    assert_eq!(
        objects[7]["error"],
        serde_json::json!({
            "field": "message.message_number", "offset": 5, "reason": "needs 4 bytes, 3 left",
        })
    );
}

#[test]
fn fields_are_rows_of_cells_below_their_names() {
    let cells = dissect(&["-e", "frame", "-e", "kind", "-e", "peers.name", "-e", "resend"]);
    let expected = "frame\tkind\tpeers.name\tresend\n6\tinvite\t\tfalse\n";
    assert!(cells.starts_with(expected), "{cells}");
    assert!(cells.contains("\n9\tpeer_response\tbob\tfalse\n"), "{cells}");
    assert!(cells.contains("\n12\tchat\t\ttrue\n"), "{cells}");
}

#[test]
fn a_detail_tree_shows_places_and_hex_shows_bytes() {
    let world = talk();
    let tree = dissect(&["--format", "hex", "-Y", "frame == 11"]);
    let (ann, bob) = (world.ann.key(), world.bob.key());
    let offset = tree.split_once("at byte ").unwrap().1.split_once(',').unwrap().0;
    assert_eq!(
        tree,
        format!(
            "frame 11 at byte {offset}, 0.010000\n\
            \x20 from 127.0.0.1:44101 {bob} \"bob\"\n\
            \x20 to   127.0.0.1:44100 {ann}\n\
            \x20 session 1, number 2, ack 0\n\
            \x20 chat, 12 bytes\n\
            \x20 of conference {}\n\
            \x20 of author {bob} \"bob\"\n\
            \x20       0     1  id                     99 (0x63)\n\
            \x20       1     2  group_number           0\n\
            \x20       3     2  peer_number            7\n\
            \x20       5     4  message_number         1\n\
            \x20       9     1  message_id             64 (0x40)\n\
            \x20      10     2  text                   \"hi\"\n\
            \x20   0000  63 00 00 00 07 00 00 00  01 40 68 69              c........@hi\n",
            "ab".repeat(32)
        )
    );
    assert!(world.bytes()[offset.parse::<usize>().unwrap()..].starts_with(&[0x45, 0]));
    let without = dissect(&["--format", "detail", "-Y", "frame == 11"]);
    assert_eq!(tree.rsplit_once("    0000").unwrap().0, without);
}

#[test]
fn times_are_written_as_asked() {
    let time = |style| {
        let line = dissect(&["--time", style, "-Y", "frame in {6, 8}"]);
        line.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(time("rel"), "0.007000");
    assert_eq!(time("delta"), "0.002000");
    assert_eq!(time("abs"), "2026-11-22T17:06:41.007000Z");
    assert_eq!(time("epoch"), "1795367201.007000");
}

#[test]
fn a_filter_picks_records() {
    let frames = |filter: &str| {
        let cells = dissect(&["-a", "-e", "frame", "-Y", filter]);
        cells.lines().skip(1).map(|line| line.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(frames("kind == rejoin"), [14]);
    assert_eq!(frames("kind == chat && !resend"), [11]);
    assert_eq!(frames("peers.name contains \"o\" || title == Room"), [9, 10]);
    assert_eq!(frames("from starts_with 0 && from contains ff && sealed"), [0_u32; 0]);
    assert_eq!(frames("src == :44100 && kind in {alive, lan_discovery}"), [5, 15]);
    assert_eq!(frames("error.field"), [13]);
}

#[test]
fn a_bad_filter_is_pointed_at() {
    let (code, stdout, stderr) =
        run(&["dissect", "none", "-Y", "kind == chat && grup_number == 0"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert_eq!(
        stderr,
        "toxscope: filter, column 17: no field has this name; did you mean group_number?\n\
         \x20 kind == chat && grup_number == 0\n\
         \x20                 ^^^^^^^^^^^\n"
    );
    let (code, _, stderr) = run(&["dissect", "none", "-Y", &"(".repeat(60_000)]);
    assert_eq!(code, 2);
    assert!(stderr.contains("nested deeper than 64"), "{stderr}");
}

#[test]
fn an_unknown_field_is_told_with_its_nearest_neighbour() {
    let (code, _, stderr) = run(&["dissect", "none", "-e", "tittle"]);
    assert_eq!(code, 2);
    assert_eq!(stderr, "toxscope: no field is called \"tittle\"; did you mean title?\n");
    for args in [&["--format", "fields"][..], &["--format", "jsonl", "-e", "title"]] {
        let (code, _, stderr) = run(&[&["dissect", "none"], args].concat());
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains("-e"), "{stderr}");
    }
}

#[test]
fn keys_are_found_beside_the_capture_and_named() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let (code, stdout, stderr) = run(&["dissect", text(&path)]);
    assert_eq!((code, stdout.lines().count()), (0, 9));
    assert_eq!(
        stderr,
        format!("toxscope: keys from {} (3 lines)\n", text(&folder.path().join("world.keys")))
    );
    assert_eq!(run(&["dissect", "-q", text(&path)]).2, "");
}

#[test]
fn keys_inside_the_capture_are_used_and_named() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("alone.pcapng");
    let world = talk();
    let keys = world.keys();
    fs::write(&path, world.bytes_with(&[keys.strip_prefix("# ").unwrap()], &[])).unwrap();
    let (code, stdout, stderr) = run(&["dissect", text(&path)]);
    assert_eq!((code, stdout.lines().count()), (0, 9));
    assert!(stderr.starts_with("toxscope: keys in ") && stderr.ends_with("itself (3 lines)\n"));

    fs::write(&path, world.bytes_with(&[], &[(0x1234, &keys)])).unwrap();
    let closed = "toxscope: 10 data packets not opened: 10 no key log\n".to_owned();
    assert_eq!(run(&["dissect", text(&path)]), (0, String::new(), closed));
    let (_, stdout, _) = run(&["dissect", text(&path), "--secrets-type", "0x1234"]);
    assert_eq!(stdout.lines().count(), 9);
}

#[test]
fn keys_that_are_named_replace_those_beside_the_capture() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let other = folder.path().join("other.log");
    fs::write(&other, "# nothing\n").unwrap();
    let (code, stdout, stderr) = run(&["dissect", text(&path), "-k", text(&other)]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.contains("other.log holds nothing that this program understands\n"));
    assert!(stderr.ends_with("10 data packets not opened: 10 no key log\n"));
    let beside = folder.path().join("world.keys");
    let (_, stdout, _) = run(&["dissect", text(&path), "-k", text(&other), "-k", text(&beside)]);
    assert_eq!(stdout.lines().count(), 9);
}

#[test]
fn wrong_lines_of_a_key_log_are_counted_and_never_quoted() {
    let folder = tempdir().unwrap();
    let world = talk();
    let path = world.write(folder.path());
    let secret = &world.secrets()[0];
    let junk = format!("SHARED {secret}\nNONSENSE {secret}\n{}", world.keys());
    fs::write(folder.path().join("world.keys"), junk).unwrap();
    let (code, stdout, stderr) = run(&["dissect", "-v", text(&path)]);
    assert_eq!((code, stdout.lines().count()), (0, 9));
    assert!(stderr.contains("1 damaged line (number 1)"), "{stderr}");
    assert!(stderr.contains("1 line with an unknown label"), "{stderr}");
    for secret in world.secrets() {
        assert!(!stderr.contains(&secret) && !stdout.contains(&secret));
    }
}

#[test]
fn a_capture_is_read_from_standard_input() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let mut command = super::toxscope(&["dissect", "-", "-k"]);
    command.arg(folder.path().join("world.keys")).stdin(fs::File::open(&path).unwrap());
    let (code, stdout, stderr) = super::outcome(&command.output().unwrap());
    assert_eq!((code, stderr.as_str(), stdout.lines().count()), (0, "", 9));
}

#[test]
fn wrong_keys_open_nothing_and_every_packet_says_so() {
    let folder = tempdir().unwrap();
    let path = talk().write(folder.path());
    let wrong = folder.path().join("wrong.keys");
    fs::write(&wrong, format!("BOX {0} {0}\n", "42".repeat(32))).unwrap();
    let (code, lines, stderr) =
        run(&["dissect", text(&path), "-a", "--format", "jsonl", "-k", text(&wrong)]);
    let told = "toxscope: 10 data packets not opened: 10 no key in the log opens the handshake\n";
    assert_eq!((code, stderr.as_str()), (0, told));
    let sealed: Vec<_> = objects(&lines)
        .iter()
        .filter(|object| object["kind"] == "crypto_data" || object["kind"] == "crypto_handshake")
        .map(|object| object["sealed"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sealed.len(), 12);
    assert!(sealed.iter().all(|why| why == "no_key" || why == "no_handshake"), "{sealed:?}");
}

#[test]
fn colours_come_when_asked_for() {
    assert!(!dissect(&[]).contains('\x1b'));
    assert!(dissect(&["--color", "always"]).contains("\x1b[36mchat"));
    assert!(!dissect(&["--color", "never"]).contains('\x1b'));
}

#[test]
fn hostile_text_is_printed_as_escapes_in_every_format() {
    let mut world = World::new();
    let hostile = "a\u{1b}]52;c;QQ==\u{7}\u{9b}m\n\u{202e}b\u{2028}\u{200b}\u{feff}";
    let message = [b"\x63\0\0\0\x01\0\0\0\x01\x40", hostile.as_bytes(), b"\xff"].concat();
    world.say(super::From::Ann, &message);
    let title = [b"\x62\0\0\x0a", hostile.as_bytes()].concat();
    world.say(super::From::Ann, &title);
    let folder = tempdir().unwrap();
    let path = world.write(folder.path());
    for format in ["list", "detail", "hex", "jsonl", "fields"] {
        let mut args = vec!["dissect", "-q", text(&path), "--format", format];
        if format == "fields" {
            args.extend(["-e", "text", "-e", "title"]);
        }
        let stdout = printed(&args);
        assert!(!stdout.chars().any(|c| c != '\n' && c != '\t' && toxscope::report::hides(c)));
        assert_eq!(stdout.contains("\\u{202e}"), format != "jsonl", "{stdout}");
    }
    let objects = objects(&printed(&["dissect", "-q", text(&path), "--format", "jsonl"]));
    assert!(objects[0]["text_hex"].as_str().unwrap().starts_with("611b5d35323b"));
    assert_eq!(objects[1]["title"], hostile);
    let (_, stdout, _) = run(&["stats", "-q", text(&path)]);
    assert!(!stdout.chars().any(|c| c != '\n' && toxscope::report::hides(c)));
}

#[test]
fn people_go_by_their_names_and_every_byte_can_be_asked_for() {
    let folder = tempdir().unwrap();
    let world = talk();
    let path = world.write(folder.path());
    let names = folder.path().join("people");
    fs::write(&names, format!("{} Ann\nNAME {} Robert\n", world.ann.key(), world.bob.key()))
        .unwrap();
    let shown = |filter: &str| {
        let args = [
            "dissect",
            "-q",
            "-a",
            "--names",
            text(&names),
            "-Y",
            filter,
            "-e",
            "kind",
            "-e",
            "from.name",
        ];
        printed(&[&args[..], &[text(&path)]].concat())
            .lines()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown("from.name == Ann && kind == invite"), ["invite\tAnn"]);
    assert_eq!(shown(r#"author.name matches "^rob" and !resend"#), ["chat\tRobert"]);
    assert_eq!(shown("packet[0:2] == 6400"), ["rejoin\tRobert"]);
    assert_eq!(shown("datagram[0] == 21 && addr == :44100"), ["lan_discovery\t"]);
    assert_eq!(shown("addr == 10.0.0.1"), [""; 0]);
    let stats = printed(&[
        "stats",
        "-q",
        "--format",
        "json",
        "-Y",
        "from.name == bob && kind == rejoin",
        text(&path),
    ]);
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["conference"], serde_json::json!({"rejoin": 1}));
}

#[test]
fn a_filter_at_fault_is_pointed_at() {
    let (code, stdout, stderr) =
        run(&["dissect", "none", "-Y", r#"kind == chat && text matches r"a(b""#]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    let says = "toxscope: filter, column 30: this is no regular expression: unclosed group\n";
    assert!(stderr.starts_with(says), "{stderr}");
    assert_eq!(stderr.lines().last().unwrap(), format!("{}^^^^^^", " ".repeat(31)));
}
