//! What is made of packets can be sent, and is what is told of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hex_literal::hex;
use proptest::prelude::*;

use super::*;
use crate::capture::Limits;
use crate::crypto::KeyRing;
use crate::reseal::Recording;
use crate::wire::layout::parts;

const LIST: [u8; 140] = hex!(
    "62 0001 09"
    "0000 c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
    "     e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 02 6869"
    "0007 e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    "     c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf 00"
);
const CHAT: [u8; 12] = hex!("63 0001 0002 00000003 40 6869");

/// What is made of a packet, by many seeds.
fn many(bytes: &[u8]) -> Vec<Mutated> {
    let mut known = Known::default();
    known.note(&LIST);
    known.note(&CHAT);
    (0..2000).filter_map(|seed| packet(bytes, &known, &mut Chance::new(seed))).collect()
}

fn names(all: &[Mutated]) -> BTreeSet<&'static str> {
    all.iter().map(|it| it.change.name).collect()
}

#[test]
fn every_mutation_of_a_packet_comes_about() {
    let (list, chat) = (many(&LIST), many(&CHAT));
    let both: BTreeSet<_> = names(&list).union(&names(&chat)).copied().collect();
    let expected = [
        "bit_flipped",
        "bytes_overwritten",
        "cut",
        "entries_swapped",
        "entry_removed",
        "entry_repeated",
        "key_nearly_same",
        "key_of_other",
        "key_ones",
        "key_zero",
        "length_lies",
        "number_at_edge",
        "number_near",
        "number_of_other",
        "number_taken_twice",
        "other_id",
        "text_content",
        "text_size",
        "trailing",
    ];
    assert_eq!(both, expected.into());
    let docs = include_str!("../../docs/mutate.md");
    for name in expected {
        assert!(docs.contains(&format!("`{name}`")), "docs/mutate.md does not say what {name} is");
    }
}

#[test]
fn a_mutation_of_a_field_is_what_is_told_of_it() {
    let read = |bytes: &[u8], path: &str| {
        parts(bytes)
            .find(|part| part.path().to_string() == path)
            .map(|part| field::told(&part, part.bytes))
    };
    let of_one_field = ["number_at_edge", "number_near", "number_of_other", "number_taken_twice"];
    let mut checked = 0;
    for (before, all) in [(&LIST[..], many(&LIST)), (&CHAT[..], many(&CHAT))] {
        for Mutated { bytes, change } in
            all.iter().filter(|it| of_one_field.contains(&it.change.name))
        {
            assert_eq!(read(before, &change.field).as_ref(), Some(&change.before), "{change:?}");
            assert_eq!(read(bytes, &change.field).as_ref(), Some(&change.after), "{change:?}");
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn texts_get_the_sizes_at_which_receivers_decide() {
    let sizes: BTreeSet<_> = many(&CHAT)
        .iter()
        .filter(|it| it.change.name == "text_size")
        .map(|it| it.bytes.len() - 10)
        .collect();
    assert_eq!(sizes, [0, 1, 127, 128, 129, 255, 256, 1363].into());
    // In a list, the size that is stated follows.
    for made in many(&LIST).iter().filter(|it| it.change.name == "text_size") {
        let Content::Text(name) = &made.change.after else { panic!("{made:?}") };
        let place = usize::from(made.change.field.starts_with("peers[1]")) * 69 + 70;
        assert_eq!(usize::from(made.bytes[place]), name.len(), "{made:?}");
    }
}

#[test]
fn numbers_go_to_the_edges_of_windows() {
    let numbers: BTreeSet<_> = many(&CHAT)
        .into_iter()
        .filter(|it| it.change.field == "message_number")
        .filter(|it| ["number_at_edge", "number_near"].contains(&it.change.name))
        .map(|it| it.change.after)
        .collect::<Vec<_>>()
        .into_iter()
        .filter_map(|it| if let Content::Number(number) = it { Some(number) } else { None })
        .collect();
    for expected in [0, u32::MAX, 0x8000_0000, 3 + 8, 3_u32.wrapping_sub(8), 3 + 256, 3 + 257] {
        assert!(numbers.contains(&expected), "{expected}: {numbers:?}");
    }
}

#[test]
fn the_same_seed_mutates_the_same() {
    let sample = |file: &str| {
        fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(file)).unwrap()
    };
    let capture = sample("talk.pcapng");
    let mutated = |seed| {
        let mut ring = KeyRing::new();
        ring.read(sample("talk.keys").as_slice()).unwrap();
        let mut recording = Recording::read(&capture, Limits::default(), ring, None).unwrap();
        let made = traffic(&mut recording, seed, HowMany::Count(100), |_| true);
        (made, recording.write(Vec::new()).unwrap())
    };
    let (one, other) = (mutated(1), mutated(2));
    assert_eq!(one, mutated(1));
    assert_eq!((one.0.len(), other.0.len()), (100, 100));
    assert_ne!(one.0, other.0);
    let deeds =
        ["lost", "never_sent", "sent_again", "repeated", "moved", "joined_by", "echoed", "padded"];
    let docs = include_str!("../../docs/mutate.md");
    for deed in deeds {
        assert!(
            [&one.0, &other.0].iter().any(|all| all.iter().any(|it| it.change.name == deed)),
            "{deed}"
        );
        assert!(docs.contains(&format!("`{deed}`")), "docs/mutate.md does not say what {deed} is");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_made_of_any_bytes_can_be_sent(
        id in prop::sample::select(vec![0, 0x10, 0x60, 0x61, 0x62, 0x63, 0x64, 0xc7, 0xff]),
        kind in 0..12_u8,
        rest in prop::collection::vec(any::<u8>(), 0..200),
        size in 0..1400_usize,
        seed in any::<u64>(),
    ) {
        let mut bytes = [&[id, 0, 1, kind][..], &rest].concat();
        bytes.resize(size.max(1), 0x61);
        let mut known = Known::default();
        known.note(&bytes);
        known.note(&LIST);
        if let Some(made) = packet(&bytes, &known, &mut Chance::new(seed)) {
            prop_assert_ne!(&made.bytes, &bytes);
            prop_assert!((1..=MAX_DATA_SIZE).contains(&made.bytes.len()));
            let class = |bytes: &[u8]| DataId(bytes[0]).class();
            prop_assert_eq!(class(&made.bytes), class(&bytes));
        }
        prop_assert_eq!(packet(&[], &known, &mut Chance::new(seed)), None);
    }
}
