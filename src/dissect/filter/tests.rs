use super::*;
use crate::dissect::field::{FieldId, FieldType};
use crate::time::Timestamp;

/// A record made of named values.
struct Sample(Vec<(FieldId, Value<'static>)>);

impl Fields for Sample {
    fn each(&self, each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.0.iter().try_for_each(|(id, value)| each(*id, *value))
    }
}

const KEY: [u8; 32] = {
    let mut key = [0x11; 32];
    key[0] = 0x5a;
    key[1] = 0x17;
    key
};

fn sample() -> Sample {
    Sample(vec![
        (FieldId::Frame, Value::Unsigned(812)),
        (FieldId::Time, Value::Time(Timestamp::from_parts(1_795_367_201, 318_220_000))),
        (FieldId::Rel, Value::Nanos(9_091_000_000)),
        (FieldId::Src, Value::Address("127.0.0.1:44100".parse().unwrap())),
        (FieldId::From, Value::Key(&KEY)),
        (FieldId::Resend, Value::Bool(false)),
        (FieldId::Kind, Value::Name("peer_response")),
        (FieldId::GroupNumber, Value::Unsigned(0)),
        (FieldId::PeersPeerNumber, Value::Unsigned(1)),
        (FieldId::PeersPeerNumber, Value::Unsigned(7)),
        (FieldId::PeersName, Value::Text(b"ann")),
        (FieldId::PeersName, Value::Text(b"bo\x1bb")),
        (FieldId::Opus, Value::Bytes(&[0xc0, 0xff, 0xee])),
    ])
}

#[track_caller]
fn meets(text: &str) -> bool {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).matches(&sample())
}

#[track_caller]
fn refused(text: &str) -> (usize, usize, String) {
    let error = Filter::parse(text).expect_err(text);
    (error.at, error.len, error.to_string())
}

#[test]
fn numbers_compare_by_value() {
    for yes in [
        "frame == 812",
        "frame == 0x32c",
        "frame != 811",
        "frame < 813",
        "frame <= 812",
        "frame > 811",
        "frame >= 812",
        "frame in {1, 812}",
        "frame in {800..900}",
        "frame in {812..812}",
        "rel == 9.091",
        "rel > 9",
        "rel in {9..9.1}",
        "time > 2026-11-22",
        "time == 2026-11-22T17:06:41.318220Z",
        "time in {2026-11-22T17:06..2026-11-22T17:07}",
        "time == 1795367201.31822",
    ] {
        assert!(meets(yes), "{yes}");
    }
    for no in ["frame == 813", "frame < 812", "frame > 812", "frame in {1..811, 813}", "rel < 0"] {
        assert!(!meets(no), "{no}");
    }
}

#[test]
fn text_keys_bytes_and_addresses_compare_whole_or_in_part() {
    let whole = "5a17".to_owned() + &"11".repeat(30);
    for yes in [
        r#"peers.name == "ann""#,
        "peers.name == ann",
        r#"peers.name == "bo\x1bb""#,
        r#"peers.name contains "\u{1b}""#,
        "peers.name starts_with an",
        "peers.name in {x, ann}",
        &format!("from == {whole}"),
        &format!("from == {}", whole.to_uppercase()),
        "from starts_with 5a1",
        "from contains 1711",
        "opus == c0ffee",
        "opus == 0xc0ffee",
        r#"opus != "c0ffee""#,
        "opus contains c0:ff",
        "kind == peer_response",
        r#"kind == "peer_response""#,
        "kind contains resp",
        "kind in {rejoin, peer_response}",
        "src == 127.0.0.1",
        "src == 127.0.0.1:44100",
        "src == :44100",
        "src in {10.0.0.0/8, 127.0.0.0/8}",
        "src contains 44100",
        "src starts_with 127",
    ] {
        assert!(meets(yes), "{yes}");
    }
    for no in ["peers.name == an", "from starts_with a17", "src == 127.0.0.2", "kind == rejoin"] {
        assert!(!meets(no), "{no}");
    }
}

#[test]
fn several_values_meet_a_test_when_any_does_but_differ_when_all_do() {
    assert!(meets("peers.peer_number == 7"));
    assert!(meets("peers.peer_number < 2 && peers.peer_number > 6"));
    assert!(!meets("peers.peer_number != 7"));
    assert!(meets("peers.peer_number != 8"));
    assert!(meets("!(peers.peer_number == 8)"));
}

#[test]
fn patterns_are_found_in_either_case_anywhere() {
    for yes in [
        "peers.name matches ann",
        "peers.name matches AN",
        r#"peers.name matches r"^a.{2}$""#,
        r#"peers.name ~ "\\x1b""#,
        r#"kind matches r"^(peer|title)_response$""#,
        r#"from matches r"^5a17(11)+$""#,
        r#"src matches r"\.1:\d+$""#,
        r#"opus matches r"(?-u)^\xc0\xff""#,
        r#"!(peers.name matches r"(?-i)ANN")"#,
    ] {
        assert!(meets(yes), "{yes}");
    }
    assert!(!meets("title matches x"), "an absent field meets nothing");
    assert_eq!(
        refused(r#"kind matches r"(a""#),
        (13, 5, "this is no regular expression: unclosed group".to_owned())
    );
    assert_eq!(refused("frame matches 1").0, 6);
    assert_eq!(
        refused(r#"name matches r"abc"#),
        (14, 1, "this string has no closing quotation mark".into())
    );
    let huge = refused(r#"text matches r"(\w{1000}){1000}""#);
    assert_eq!(huge.2, "this is no regular expression: it takes too much memory");
    let many = |count| vec!["text matches x"; count].join(" || ");
    assert!(Filter::parse(&many(MAX_PATTERNS)).is_ok());
    assert_eq!(Filter::parse(&many(MAX_PATTERNS + 1)).unwrap_err().fault, Fault::TooManyPatterns);
}

#[test]
fn patterns_take_time_linear_in_the_text() {
    let filter = Filter::parse(r#"text matches r"^(a+)+$""#).unwrap();
    let text = [vec![b'a'; 65_536], vec![b'!']].concat();
    let sample = Sample(vec![(FieldId::Text, Value::Text(Box::leak(text.into_boxed_slice())))]);
    let start = std::time::Instant::now();
    assert!(!filter.matches(&sample));
    assert!(start.elapsed().as_secs() < 5, "backtracking would take for ever");
}

#[test]
fn slices_look_at_some_bytes() {
    for yes in [
        "opus[0] == c0",
        "opus[0:2] == c0:ff",
        "opus[1-2] == ffee",
        "opus[-1] == ee",
        "opus[1:] == ffee",
        "opus[:2] != ffff",
        "opus[0] > bf",
        "opus[0] in {80..cf}",
        r#"opus[1] == "\xff""#,
        "from[0:2] == 5a17",
        "from[0:2] contains 17",
        "peers.name[0] == a",
        r#"peers.name[1:] == "nn""#,
        "len(opus) == 3 && opus[2]",
    ] {
        assert!(meets(yes), "{yes}");
    }
    for no in ["opus[3]", "opus[0:4] != 00", "opus[0] < c0", "from[0:2] == 175a", "title[0] == a"] {
        assert!(!meets(no), "{no}");
    }
    let says = "a slice such as [4], [0:2] (two bytes from 0), [2-5], [:4], [8:] or [-2:] is expected here";
    assert_eq!(refused("opus[x] == 1"), (4, 3, says.to_owned()));
    assert_eq!(refused("frame[0] == 1").2, "only a field of text, bytes or a key can stand here");
    assert_eq!(refused("opsu[0] == 1").0, 0);
}

#[test]
fn functions_tell_lengths_numbers_and_cases() {
    for yes in [
        "len(peers.name) == 3",
        "len(peers.name) > 3",
        "len(opus) in {1..3}",
        "count(peers.name) == 2",
        "count(title) == 0",
        "count(frame) == 1",
        "upper(peers.name) == ANN",
        "lower(peers.name) contains nn",
        "lower(kind) starts_with peer",
    ] {
        assert!(meets(yes), "{yes}");
    }
    assert!(!meets("len(title) >= 0"), "an absent field has no length");
    assert_eq!(refused("len(frame) > 1").0, 4);
    assert_eq!(refused("lower(from) == a").0, 6);
    assert_eq!(refused("len frame").2, "an opening parenthesis is expected here");
    assert_eq!(refused("len(opus > 1").2, "a closing parenthesis is expected here");
}

#[test]
fn fields_compare_with_fields_of_their_type() {
    for yes in [
        "frame > group_number",
        "peers.peer_number eq peers.peer_number",
        "group_number lt peers.peer_number",
        "frame != group_number",
        "src == src",
        "from eq from",
        "frame ge frame and not frame gt frame",
        "frame not in {1, 2}",
    ] {
        assert!(meets(yes), "{yes}");
    }
    for no in
        ["peers.peer_number != peers.peer_number", "from == to", "from != to", "frame not in {812}"]
    {
        assert!(!meets(no), "{no}");
    }
    assert_eq!(refused("frame == rel").2, "a number field cannot be compared with a seconds field");
    assert_eq!(refused("frame not 1").2, "in is expected here");
    // For text a bare word is a value, whatever it is.
    assert!(Filter::parse("text == name").is_ok());
}

#[test]
fn an_absent_field_meets_nothing() {
    for no in ["title", "title == x", "title != x", r#"title contains """#, "message_number >= 0"] {
        assert!(!meets(no), "{no}");
    }
    assert!(meets("!title"));
}

#[test]
fn a_bare_field_is_present_and_a_bare_boolean_true() {
    assert!(meets("group_number"));
    assert!(!meets("resend"));
    assert!(meets("!resend"));
    assert!(meets("resend == false"));
    assert!(meets("resend != true"));
}

#[test]
fn negation_binds_closest_then_and_then_or() {
    assert!(meets("frame == 812 || frame == 1 && frame == 2"));
    assert!(!meets("(frame == 812 || frame == 1) && frame == 2"));
    assert!(meets("!frame == 1 && not frame == 2"));
    assert!(meets("!!frame == 812"));
    assert!(meets("kind == peer_response and group_number == 0 or frame == 1"));
    assert!(meets("  ( ( frame==812 ) )  "));
}

#[test]
fn a_fault_is_pointed_at_and_the_nearest_name_suggested() {
    assert_eq!(
        refused("kind == rejoin && grup_number == 0"),
        (18, 11, "no field has this name; did you mean group_number?".to_owned())
    );
    assert_eq!(
        refused("kind == rejion"),
        (8, 6, "kind never has this value; did you mean rejoin?".to_owned())
    );
    assert_eq!(refused("kind = rejoin"), (5, 1, "the operator is written ==".to_owned()));
    assert_eq!(refused(""), (0, 0, "a field is expected here".to_owned()));
    assert_eq!(refused("frame =="), (8, 0, "a value is expected here".to_owned()));
    assert_eq!(
        refused("frame == 1 frame"),
        (11, 5, "&&, || or the end is expected here".to_owned())
    );
    assert_eq!(
        refused("(frame == 1"),
        (11, 0, "&&, || or a closing parenthesis is expected here".to_owned())
    );
    assert_eq!(
        refused("from == 5a17"),
        (
            8,
            4,
            "a whole key has 64 hexadecimal digits, this has 4; compare with starts_with".into()
        )
    );
    assert_eq!(refused("text < abc").0, 5);
    assert_eq!(
        refused("frame contains 1"),
        (6, 8, Error { at: 0, len: 0, fault: Fault::Comparison(FieldType::Unsigned) }.to_string())
    );
    assert_eq!(
        refused("name == \"abc"),
        (8, 1, "this string has no closing quotation mark".into())
    );
    assert_eq!(refused(r#"name == "a\q""#).0, 10);
    assert_eq!(refused("frame in {9..1}"), (10, 4, "this range ends before it begins".into()));
    let unordered =
        "a text field has no order, so that it has no ranges; text goes between quotation marks";
    assert_eq!(refused("text in {a..c}"), (9, 4, unordered.into()));
    assert!(Filter::parse("text in {\"a..c\"}").is_ok());
    assert_eq!(refused("frame in {}"), (10, 1, "a value is expected here".into()));
    assert_eq!(refused("frame in 1").0, 9);
    assert_eq!(refused("frame == 18446744073709551616").0, 9);
    assert_eq!(refused("frame == -1").0, 9);
    assert_eq!(refused("opus == c0f").2, "bytes have two hexadecimal digits each");
    assert_eq!(refused("frame == 1 && é").0, 14);
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth| format!("{}frame{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(Filter::parse(&nested(MAX_DEPTH + 1)).unwrap_err().fault, Fault::TooDeep);
    assert_eq!(Filter::parse(&"!".repeat(60_000)).unwrap_err().fault, Fault::TooDeep);
    assert_eq!(Filter::parse(&"(".repeat(1_000_000)).unwrap_err().fault, Fault::TooLong);
    let long = vec!["frame"; 6_000].join(" && ");
    assert!(Filter::parse(&long).is_ok(), "width is no depth");
}

#[test]
fn no_text_makes_the_parser_panic() {
    let pieces =
        ["kind", "==", "\"", "\\", "{", "..", "é", "(", "!", "5a", " ", "in", "src", ":", "/"];
    for a in pieces {
        for b in pieces {
            for c in pieces {
                for d in pieces {
                    let text = [a, b, c, d].concat();
                    if let Err(error) = Filter::parse(&text) {
                        assert!(text.is_char_boundary(error.at), "{text}");
                        assert!(text.is_char_boundary(error.at + error.len), "{text}");
                    }
                }
            }
        }
    }
}
