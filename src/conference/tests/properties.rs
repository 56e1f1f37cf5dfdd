//! Properties over random inputs: T-009 to T-014, G-022, O-014.

use proptest::prelude::*;

use super::room::Room;
use crate::conference::duplicates::Remembered;
use crate::conference::{Duplicates, Profile};
use crate::wire::{Chat, ConferenceType};

/// the counterexample to I-014 in `docs/divergences.md`. It takes an author that spreads
/// its numbers over more than half the ring.
#[test]
fn a_number_is_accepted_twice_if_others_half_the_ring_apart_come_between() {
    let mut remembered = Remembered::default();
    let mut accept = |number| remembered.accept(number, Chat::ID, Duplicates::Wrapping);
    assert_eq!(accept(5), Ok(()));
    assert_eq!(accept(5 + (1 << 31)), Ok(()), "2^31 ahead is newer");
    assert_eq!(accept(5), Ok(()), "and so is this, the other way around");
    assert_eq!(remembered.numbers().collect::<Vec<_>>(), [5, 5 + (1 << 31), 5]);
}

proptest! {
    /// T-012, also over the wrap.
    #[test]
    fn with_little_disorder_each_number_is_accepted_once(
        first: u32,
        shuffle in proptest::collection::vec(0_usize..8, 1..100),
    ) {
        let mut keyed: Vec<_> = shuffle.iter().enumerate()
            .map(|(i, more)| (i + more, first.wrapping_add(i as u32))).collect();
        keyed.sort_by_key(|(place, _)| *place);
        let mut remembered = Remembered::default();
        for (_, number) in &keyed {
            let accepted = remembered.accept(*number, Chat::ID, Duplicates::Wrapping);
            prop_assert_eq!(accepted, Ok(()), "{}", number);
            prop_assert!(remembered.accept(*number, Chat::ID, Duplicates::Wrapping).is_err());
        }
        for (_, number) in &keyed {
            prop_assert!(remembered.accept(*number, Chat::ID, Duplicates::Wrapping).is_err());
        }
    }
}

/// Members of one conference in two parts; who is friends with whom crosses the parts once.
fn split_and_heal(
    profile: &Profile,
    size: usize,
    cut_at: usize,
    bridge: (usize, usize),
    outage: u64,
) {
    let names: Vec<String> = (0..size).map(|i| char::from(b'a' + i as u8).to_string()).collect();
    let mut room = Room::strangers(profile, []);
    names.iter().for_each(|name| room.enter(name, profile));
    for pair in names.windows(2) {
        room.befriend(&pair[0], &pair[1]);
    }
    room.create(&names[0], ConferenceType::TEXT);
    for pair in names.windows(2) {
        room.invite(&pair[0], &pair[1]);
        room.wait(1);
    }
    room.wait(45);
    let all: String = names.concat();
    names.iter().for_each(|name| assert_eq!(room.active(name), all, "{name} before"));
    let (left, right) = names.split_at(cut_at);
    for a in left {
        right.iter().for_each(|b| room.cut(a, b));
    }
    room.wait(outage);
    let (a, b) = (&left[bridge.0 % left.len()], &right[bridge.1 % right.len()]);
    room.befriend(a, b);
    // Only these two can reach each other at first; the others once they look for each other.
    for a in left {
        right.iter().for_each(|b| room.restore(a, b));
    }
    room.wait(120);
    names.iter().for_each(|name| assert_eq!(room.active(name), all, "{name} after"));
    room.clear();
    room.say(&names[size - 1], "hi");
    names.iter().for_each(|name| assert_eq!(room.texts(name), ["hi"], "{name} hears it once"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// G-001, G-002, G-004. After a split that lasted longer than the time-out, one new
    /// friend connection brings all together.
    #[test]
    fn a_split_heals_over_one_connection(
        size in 2_usize..9,
        cut_at in 1_usize..8,
        bridge: (usize, usize),
        outage in 65_u64..100,
        which in 0_usize..4,
    ) {
        let original = "ctoxcore".parse().unwrap();
        let profiles = [Profile::seed(), Profile::spec(), Profile::hardened(), original];
        split_and_heal(&profiles[which], size, cut_at.min(size - 1), bridge, outage);
    }
}
