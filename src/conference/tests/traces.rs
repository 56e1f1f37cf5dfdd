//! The reference sequences of the rules' appendix A, packet by packet.
//!
//! Each is a golden file of the seed profile; what the appendix says about it is asserted here.

use super::golden::golden;
use super::room::Room;
use crate::conference::{Profile, Request};
use crate::wire::ConferenceType;

/// Ann creates, invites bob; bob invites cat; 25 seconds later all is quiet.
fn triangle() -> Room {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob", "cat"]);
    room.create("ann", ConferenceType::TEXT);
    room.invite("ann", "bob");
    room.wait(1);
    room.invite("bob", "cat");
    room.wait(25);
    room.clear();
    room
}

/// A.1.
#[test]
fn joining_goes_as_in_sequence_a1() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.invite("ann", "bob");
    golden("a1-join", &room.log);
    assert_eq!(
        room.log,
        [
            "A>B 60/0",
            "B>A 60/1",
            "B>A 62/08",
            "A>B 63/10 #1",
            "A>B 62/09",
            "B>A 62/08",
            "A>B 62/09",
            "A>B 63/00 #2",
            "B>A 63/00 #2",
            "B>A 63/00 #1",
            "B>A 63/30 #2",
            "A>B 63/00 #1",
            "A>B 63/30 #2",
        ]
    );
}

/// A.2.
#[test]
fn a_third_member_joins_as_in_sequence_a2() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob", "cat"]);
    room.create("ann", ConferenceType::TEXT);
    room.invite("ann", "bob");
    room.clear();
    room.invite("bob", "cat");
    room.wait(1);
    golden("a2-third-member", &room.log);
    assert_eq!(room.log_of(&["A>C 61", "C>A 61"]), ["A>C 61", "C>A 61", "A>C 61", "C>A 61"]);
    assert!(room.log_of(&["A>B 63/10"]).contains(&"A>B 63/10 #3"));
}

/// A.3.
#[test]
fn a_message_crosses_a_triangle_as_in_sequence_a3() {
    let mut room = triangle();
    room.say("ann", "hi");
    golden("a3-message", &room.log);
    let routes: Vec<_> = room.log.iter().map(|line| &line[..3]).collect();
    assert_eq!(routes, ["A>B", "A>C", "B>A", "B>C", "C>A", "C>B", "A>C"]);
    for name in ["ann", "bob", "cat"] {
        assert_eq!(room.texts(name), ["hi"], "{name}");
    }
}

/// A.4.
#[test]
fn a_silent_member_times_out_as_in_sequence_a4() {
    let mut room = triangle();
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    assert!(room.is_active("ann", "cat") && room.slot("ann", "cat").is_some());
    room.wait(62);
    golden("a4-time-out", &room.log);
    for name in ["ann", "bob"] {
        assert!(room.is_frozen(name, "cat"), "{name}");
        assert_eq!(room.slot(name, "cat"), None);
    }
    assert_eq!(room.active("cat"), "c");
}

/// A.5.
#[test]
fn a_friend_returns_as_in_sequence_a5() {
    let mut room = triangle();
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.wait(65);
    room.clear();
    room.restore("bob", "cat");
    room.wait(1);
    room.restore("ann", "cat");
    room.wait(1);
    golden("a5-return", &room.log);
    assert_eq!(room.log[..4], ["B>C 64", "B>C 61", "C>B 64", "C>B 61"]);
    for name in ["ann", "bob", "cat"] {
        assert_eq!(room.active(name), "abc", "{name}");
    }
}

/// A.6.
#[test]
fn a_suspended_member_returns_as_in_sequence_a6() {
    let mut room = triangle();
    room.held = true;
    room.pause(70);
    room.tick("cat");
    room.held = false;
    room.settle();
    golden("a6-suspended", &room.log);
    assert_eq!(room.log[..3], ["C>A 63/00 #5", "C>B 63/00 #5", "C>A 64"]);
    assert!(room.log_of(&["63/10"]).is_empty(), "{:?}", room.log);
    room.wait(2);
    assert_eq!(room.active("cat"), "abc");
}

/// A.7.
#[test]
fn a_member_restarts_as_in_sequence_a7() {
    let mut room = triangle();
    let before = room.group("cat").message_number().0;
    let section = room.save("cat");
    room.clear();
    room.cut("ann", "cat");
    room.cut("bob", "cat");
    room.restart("cat", &section);
    room.wait(65);
    room.clear();
    room.restore("ann", "cat");
    room.wait(1);
    golden("a7-restart", &room.log);
    assert_eq!(room.group("cat").message_number().0 / 65_536, 1);
    assert!(room.group("cat").message_number().0 > before + 65_536);
    assert_eq!(room.active("ann"), "abc");
}

/// A.8.
#[test]
fn a_member_shuts_down_as_in_sequence_a8() {
    let mut room = triangle();
    room.request("cat", Request::ShutDown);
    golden("a8-shut-down", &room.log);
    assert_eq!(room.log[..2], ["C>A 63/12 #5", "C>B 63/12 #5"]);
    assert!(room.is_frozen("ann", "cat") && room.is_frozen("bob", "cat"));
    assert_eq!(room.log_of(&["C>"]).len(), 2);
}

/// A.9.
#[test]
fn a_member_leaves_as_in_sequence_a9() {
    let mut room = triangle();
    let group = room.group("bob").number();
    room.request("bob", Request::Delete { group });
    golden("a9-leave", &room.log);
    assert_eq!(room.log[..2], ["B>A 63/11 #5", "B>C 63/11 #5"]);
    assert_eq!(room.log_of(&["62/08"]), ["C>A 62/08", "A>C 62/08"]);
    assert_eq!((room.active("ann"), room.active("cat")), ("ac".into(), "ac".into()));
}

/// A.10.
#[test]
fn a_member_is_invited_as_in_sequence_a10() {
    let profile: Profile = "ctoxcore".parse().unwrap();
    let mut room = Room::with(&profile, ["ann", "cat"]);
    room.wait(25);
    room.clear();
    room.invite("ann", "cat");
    golden("a10-invited-member", &room.log);
    assert_eq!(room.log[..5], ["A>C 60/0", "C>A 60/2", "C>A 62/08", "A>C 62/08", "A>C 63/10 #4"]);
}
