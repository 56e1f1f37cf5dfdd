//! `replay`: lines, tables and JSON.

use serde_json::Value;

use super::run;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

fn sample(name: &str) -> String {
    format!("{SAMPLES}/{name}.pcapng")
}

fn replay(args: &[&str]) -> (i32, String, String) {
    run(&[&["replay", "--quiet"], args].concat())
}

#[test]
fn a_member_that_sleeps_is_told_with_all_that_changes() {
    let (code, told, talk) = replay(&[&sample("rejoin"), "--as", "ann"]);
    assert_eq!((code, talk.as_str()), (0, ""));
    for line in [
        "has no session with cas 4fa91426 any more",
        "freezes cas 4fa91426 (11573): nothing of it for ",
        "sees cas 4fa91426",
        "; frozen cas 4fa91426; connected to bob 4426bead",
        "unexplained",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("\n  bob"), "only ann: {told}");
}

#[test]
fn json_has_each_endpoint_and_how_its_packets_were_judged() {
    let (code, told, _) = replay(&[&sample("talk"), "--format", "json"]);
    assert_eq!((code, told.lines().count()), (0, 1));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["schema"], 1);
    let endpoints = told["endpoints"].as_array().unwrap();
    let names: Vec<_> = endpoints.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3);
    for endpoint in endpoints {
        assert!(endpoint["sent"]["predicted"].as_u64() > Some(10), "{endpoint}");
        assert_eq!(endpoint["sent"]["missing"], 0);
        assert_eq!(endpoint["differences"], Value::Array(Vec::new()));
    }
}

#[test]
fn other_rules_than_the_clients_make_differences_and_findings() {
    let args = [&sample("talk"), "--profile", "ctoxcore:0.2.9"];
    let (code, told, _) = replay(&args);
    assert_eq!(code, 1);
    assert!(told.contains("MISSING") && told.contains("expected"), "{told}");
    let (code, told, _) =
        replay(&[&args[..], &["--format", "json", "-Y", "kind == title"]].concat());
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(code, 1);
    for endpoint in told["endpoints"].as_array().unwrap() {
        let counted = endpoint["sent"]["missing"].as_u64().unwrap() as usize;
        let shown = endpoint["differences"].as_array().unwrap();
        assert!(shown.len() < counted.max(1), "the filter hides some: {endpoint}");
        for difference in shown {
            let packet = difference["expected"]["packet"].as_str().unwrap();
            assert!(packet.starts_with("63") || packet.starts_with("62"), "{difference}");
        }
    }
}

#[test]
fn who_is_not_there_is_an_error() {
    let (code, _, talk) = replay(&[&sample("two"), "--as", "nobody at all"]);
    assert_eq!(code, 2);
    assert!(talk.contains("\"nobody at all\""), "{talk}");
    let (code, _, talk) = replay(&[&sample("two"), "--state", "Cargo.toml"]);
    assert_eq!(code, 2);
    assert!(talk.contains("Cargo.toml"), "{talk}");
}

#[test]
fn a_save_of_somebody_who_is_not_there_is_told() {
    let save = format!("{SAMPLES}/savedata/two.cas.tox");
    let (code, told, talk) = replay(&[&sample("detour"), "--state", &save]);
    assert_eq!(code, 0, "{told}");
    assert!(talk.contains("two.cas.tox was not used: it belongs to 4fa91426"), "{talk}");
    let (_, _, talk) = replay(&[&sample("two"), "--state", &save]);
    assert_eq!(talk, "");
}

#[test]
fn a_capture_without_known_senders_says_so() {
    let (code, told, _) = replay(&[&sample("middle")]);
    assert_eq!(code, 0);
    assert!(told.contains("sender is not known"), "{told}");
}
