//! The title: T-018, T-019.

use super::room::{Room, drops, key_of, sends};
use crate::conference::{DropReason, Output, Profile};
use crate::wire::{GroupNumber, MessageBody, Packet, Title, TitleResponse};

fn ctoxcore() -> Profile {
    "ctoxcore".parse().unwrap()
}

fn title(room: &Room) -> (&str, bool) {
    let group = room.group("ann");
    (std::str::from_utf8(group.title()).unwrap(), group.title_is_fresh())
}

fn told(room: &mut Room, title: &str) -> Vec<DropReason> {
    let response = TitleResponse { group_number: GroupNumber(0), title: title.as_bytes() };
    drops(&room.forge_packet("bob", "ann", &Packet::TitleResponse(response)))
}

fn pair(profile: &Profile) -> Room {
    let mut room = Room::with(profile, ["ann", "bob"]);
    room.held = true;
    room
}

/// D-051; the original does not mark it fresh.
#[test]
fn a_title_that_the_client_sets_is_sent_and_fresh() {
    for (profile, fresh) in [(Profile::seed(), true), (ctoxcore(), false)] {
        let mut room = pair(&profile);
        assert_eq!(title(&room), ("", false));
        let number = room.next_number("ann");
        assert_eq!(sends(&room.set_title("ann", "x")), [format!("b 63/31 #{number}")]);
        assert_eq!(title(&room), ("x", fresh), "{profile}");
        assert_eq!(drops(&room.set_title("ann", "x")), [DropReason::SameTitle]);
        assert_eq!(drops(&room.set_title("ann", "")), [DropReason::Empty]);
        assert_eq!(drops(&room.set_title("ann", &"x".repeat(129))), [DropReason::TooLong]);
        // T-019, R-093.
        assert_eq!(told(&mut room, "y") == [DropReason::TitleFresh], fresh, "{profile}");
    }
}

/// B-22. Who is alone sets it for itself; who cannot reach the others, not.
#[test]
fn a_title_that_cannot_be_sent_is_not_set() {
    for (profile, kept) in [(Profile::seed(), "old"), (ctoxcore(), "new")] {
        let mut room = Room::friends(&profile, ["ann", "bob"]);
        room.create("ann", crate::wire::ConferenceType::TEXT);
        assert_eq!(drops(&room.set_title("ann", "old")), []);
        assert_eq!(title(&room), ("old", false));
        room.invite("ann", "bob");
        let ann = room.members.get_mut("ann").unwrap();
        ann.endpoint.groups.get_mut(GroupNumber(0)).unwrap().slot_down(&key_of("bob"));
        assert_eq!(drops(&room.set_title("ann", "new")), [DropReason::NoOnlineSlot]);
        assert_eq!(title(&room).0, kept, "{profile}");
    }
}

/// even a fresh one is overwritten; the bounds are 1 and 128, for the original
/// modulo 256 (B-03).
#[test]
fn a_title_message_sets_the_title() {
    for (profile, modulo) in [(Profile::seed(), false), (ctoxcore(), true)] {
        let mut room = pair(&profile);
        let (bob, number) = (room.number("bob"), room.next_number("bob"));
        let set = |room: &mut Room, more: u32, title: &[u8]| {
            room.message("bob", "ann", (bob, number + more), MessageBody::Title(Title { title }))
        };
        assert_eq!(sends(&set(&mut room, 0, b"x")), [format!("b 63/31 #{number}")]);
        set(&mut room, 1, b"y");
        assert_eq!(title(&room), ("y", true));
        for (more, length) in [(2, 0), (3, 129), (4, 257)] {
            let outputs = set(&mut room, more, &vec![b'z'; length]);
            let dropped = matches!(drops(&outputs)[..], [DropReason::Malformed(_)]);
            assert_eq!(dropped, !(modulo && length == 257), "{profile}, {length}");
        }
        assert_eq!(title(&room).0, if modulo { "z" } else { "y" });
    }
}

/// T-018; not relayed, solicited or not.
#[test]
fn a_title_response_counts_while_the_title_is_not_fresh() {
    let mut room = pair(&Profile::seed());
    assert_eq!(told(&mut room, "x"), []);
    assert_eq!(title(&room), ("x", true));
    assert_eq!(told(&mut room, "y"), [DropReason::TitleFresh]);
    assert_eq!(room.log_of(&["62/0a"]), [""; 0]);
    let outputs = room.forge("bob", "ann", &[0x62, 0, 0, 0x0a]);
    assert!(matches!(outputs[..], [Output::Dropped(DropReason::Malformed(_))]));
}

/// D-052, at the moment the last other peer is gone.
#[test]
fn the_title_loses_freshness_with_the_last_other_peer() {
    for (profile, at_once) in [(Profile::seed(), true), (ctoxcore(), false)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.set_title("bob", "x");
        assert_eq!(title(&room), ("x", true));
        room.held = true;
        room.disconnect("ann", "bob");
        assert_eq!(title(&room), ("x", !at_once), "{profile}");
        room.tick("ann");
        assert_eq!(title(&room), ("x", false), "{profile}");
    }
}

/// the only other peer gets another number, so it neither froze nor left.
#[test]
fn the_title_stays_fresh_as_the_only_other_peer_changes_its_number() {
    for profile in [Profile::seed(), ctoxcore()] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.set_title("bob", "x");
        room.held = true;
        let (bob, number) = (room.number("bob"), room.next_number("bob"));
        let dht_key = room.endpoint("bob").dht_key();
        let new = bob.0.wrapping_add(1);
        let new = if new == room.number("ann").0 { new.wrapping_add(1) } else { new };
        room.new_peer("bob", "ann", (bob, number), (new, key_of("bob"), dht_key));
        assert_eq!(room.group("ann").peer(&key_of("bob")).unwrap().number.0, new);
        assert_eq!(title(&room), ("x", true), "{profile}");
        room.tick("ann");
        assert_eq!(title(&room), ("x", true), "{profile}");
    }
}

/// D-053.
#[test]
fn the_present_title_received_again_is_fresh() {
    for (profile, fresh) in [(Profile::seed(), true), (ctoxcore(), false)] {
        let mut room = Room::with(&profile, ["ann", "bob"]);
        room.set_title("bob", "x");
        room.held = true;
        room.disconnect("ann", "bob");
        room.tick("ann");
        room.held = false;
        room.settle();
        room.held = true;
        assert_eq!(room.active("ann"), "ab");
        told(&mut room, "x");
        assert_eq!(title(&room), ("x", fresh), "{profile}");
    }
}

/// Both sides keep theirs until somebody sets it again.
#[test]
fn after_a_split_the_titles_disagree_until_one_is_set() {
    let mut room = Room::of(["ann", "bob", "cat", "dan"]);
    room.set_title("ann", "one");
    for (a, b) in [("ann", "cat"), ("ann", "dan"), ("bob", "cat"), ("bob", "dan")] {
        room.cut(a, b);
    }
    room.wait(65);
    room.set_title("cat", "two");
    room.restore("ann", "cat");
    room.restore("bob", "dan");
    room.wait(40);
    let titles = |room: &Room| {
        ["ann", "bob", "cat", "dan"]
            .map(|name| String::from_utf8_lossy(room.group(name).title()).into_owned())
    };
    assert_eq!(titles(&room), ["one", "one", "two", "two"]);
    room.set_title("bob", "three");
    room.wait(1);
    assert_eq!(titles(&room), ["three"; 4]);
}

/// B-22. Alone is, to the original, who is listed alone; while joining nobody is.
#[test]
fn a_title_set_while_joining_is_refused_by_the_original_and_kept() {
    for (profile, reasons) in
        [(Profile::seed(), vec![]), (ctoxcore(), vec![DropReason::StillJoining])]
    {
        let mut room = Room::friends(&profile, ["bob", "ann"]);
        room.create("bob", crate::wire::ConferenceType::TEXT);
        room.held = true;
        let (group, friend) = (GroupNumber(0), key_of("ann"));
        room.request("bob", crate::conference::Request::Invite { group, friend });
        room.deliver_next();
        assert_eq!(drops(&room.set_title("ann", "x")), reasons, "{profile}");
        assert_eq!(title(&room), ("x", false));
    }
}
