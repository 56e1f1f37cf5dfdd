//! Saving and reloading: T-016, T-017, C-008.

use hex_literal::hex;
use proptest::prelude::*;

use super::room::{Room, chat, drops, key_of, low_key};
use crate::conference::savedata::{Savedata, SectionType};
use crate::conference::{
    Damage, DamageKind, DropReason, Endpoint, Event, Profile, Request, SavedConference, Section,
};
use crate::time::Timestamp;
use crate::wire::{Conference, ConferenceId, ConferenceType, GroupNumber, PeerNumber};

const NOW: Timestamp = Timestamp::from_parts(2_000_000, 0);

fn ann(profile: Profile) -> Endpoint {
    Endpoint::new(profile, key_of("ann"), key_of("A"), b"ann")
}

fn ctoxcore() -> Profile {
    "ctoxcore".parse().unwrap()
}

/// byte for byte (packets §12.2).
#[test]
fn a_section_is_written_byte_for_byte() {
    let section = hex!(
        "01 0101010101010101010101010101010101010101010101010101010101010101"
        "05000100 0720 2a00 01000000 02 6869"
        "6262626262626262626262626262626262626262626262626262626262626262"
        "4242424242424242424242424242424242424242424242424242424242424242"
        "6700 40420f0000000000 03 626f62"
    );
    let mut loaded = ann(Profile::seed());
    let report = loaded.load(NOW, &section, &[]);
    assert_eq!((report.groups, report.damage), (vec![GroupNumber(0)], vec![]));
    let group = loaded.groups().next().unwrap();
    assert_eq!((group.message_number().0, group.lossy_number().0), (65_541, 8_199));
    assert_eq!(group.own_number(), Some(PeerNumber(42)));
    assert_eq!(group.frozen()[0].last_active, 1_000_000);
    let mut expected = section;
    expected[35] += 1;
    expected[38] += 0x20;
    assert_eq!(loaded.save(), expected);
    // D-061.
    let exact = Profile { saves_counters_ahead: false, ..Profile::seed() };
    let mut loaded = ann(exact);
    loaded.load(NOW, &section, &[]);
    assert_eq!(loaded.save(), section);
}

/// T-016. All peers are frozen, the title is not fresh, no slots.
#[test]
fn a_reloaded_conference_has_everybody_frozen() {
    let mut room = Room::of(["ann", "bob", "cat"]);
    room.set_title("ann", "T");
    let before = room.group("ann").clone();
    let section = room.save("ann");
    room.held = true;
    room.restart("ann", &section);
    let after = room.group("ann");
    assert_eq!(after.conference(), before.conference());
    assert_eq!(after.own_number(), before.own_number());
    assert_eq!((after.title(), after.title_is_fresh()), (&b"T"[..], false));
    assert_eq!(
        (room.active("ann"), after.frozen().len(), after.slots().count()),
        ("a".into(), 2, 0)
    );
    assert_eq!(after.message_number().0, before.message_number().0 + 65_536);
    assert_eq!(after.lossy_number().0, before.lossy_number().0 + 8_192);
    // no event.
    let connected = |event: &Event| matches!(event, Event::Connected { .. });
    assert_eq!(room.member("ann").events.iter().filter(|it| connected(it)).count(), 0);
}

/// joining ones are not saved.
#[test]
fn a_conference_that_we_are_joining_is_not_saved() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    room.create("ann", ConferenceType::TEXT);
    room.held = true;
    room.request("ann", Request::Invite { group: GroupNumber(0), friend: key_of("bob") });
    room.deliver_next();
    assert_eq!(room.save("bob"), b"");
}

/// D-060. In the order of the file, or as the host says where the profile keeps them.
#[test]
fn group_numbers_are_assigned_anew_unless_they_are_kept() {
    let mut room = Room::friends(&Profile::seed(), ["ann", "bob"]);
    (0..3).for_each(|_| room.create("ann", ConferenceType::TEXT));
    room.request("ann", Request::Delete { group: GroupNumber(0) });
    let section = room.save("ann");
    let wishes = [GroupNumber(1), GroupNumber(2)];
    for (profile, numbers) in
        [(Profile::seed(), wishes), (Profile::spec(), [0, 1].map(GroupNumber))]
    {
        let mut loaded = ann(profile);
        assert_eq!(loaded.load(NOW, &section, &wishes).groups, numbers);
        assert!(loaded.violations().is_empty());
    }
}

/// Four reloads without audio, and the lossy number looks old.
#[test]
fn after_four_reloads_the_lossy_number_looks_old() {
    let mut room = Room::of_audio(&Profile::seed(), ["ann", "bob"]);
    let send = |room: &mut Room| {
        let group = GroupNumber(0);
        room.request("ann", Request::SendAudio { group, sequence_number: 0, opus: b"x" });
    };
    send(&mut room);
    for reload in 1..=5_u16 {
        let section = room.save("ann");
        room.restart("ann", &section);
        room.wait(2);
        assert_eq!(room.group("ann").lossy_number().0, 1 + reload * 8_192);
    }
    room.clear();
    send(&mut room);
    assert_eq!(room.member("bob").dropped, [DropReason::TooOld]);
}

/// B-06. What contradicts is left out; the original loads nothing at all.
#[test]
fn saved_peers_that_contradict_are_left_out() {
    let mut record = vec![0];
    record.extend([1; 32]);
    record.extend(hex!("05000000 0700 2a00 06000000 00"));
    let mut offsets = Vec::new();
    for (number, key) in [(7, 7), (42, 8), (9, b'a'), (7, 9), (10, 7), (11, 11)] {
        offsets.push(record.len());
        let key = if key == b'a' { key_of("ann") } else { low_key(key) };
        record.extend(key.0);
        record.extend(low_key(0).0);
        record.extend([number, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    let mut loaded = ann(Profile::seed());
    let report = loaded.load(NOW, &record, &[]);
    let kinds = [
        DamageKind::OwnNumber(PeerNumber(42)),
        DamageKind::OwnKey,
        DamageKind::DuplicateNumber(PeerNumber(7)),
        DamageKind::DuplicateKey,
    ];
    let places = [("peer.peer_number", 64), ("peer.real_key", 0)].repeat(2);
    let expected: Vec<_> = (1..)
        .zip(kinds.into_iter().zip(places))
        .map(|(i, (kind, (field, inside)))| Damage { offset: offsets[i] + inside, field, kind })
        .collect();
    assert_eq!(report.damage, expected);
    assert_eq!(loaded.groups().next().unwrap().frozen().len(), 2);
    assert!(loaded.violations().is_empty());
    let twice = [record.clone(), record].concat();
    let report = ann(Profile::seed()).load(NOW, &twice, &[]);
    assert_eq!(report.groups.len(), 1);
    assert!(report.damage.iter().any(|it| it.kind == DamageKind::DuplicateConference));
    let mut original = ann("ctoxcore".parse().unwrap());
    assert_eq!(original.load(NOW, &twice, &[]).groups, []);
    assert_eq!(original.groups().count(), 0);
}

/// Three conferences with peers, and the offsets at which they begin.
fn three() -> (Vec<u8>, Vec<usize>) {
    let mut section = Vec::new();
    let mut starts = Vec::new();
    for id in 1..=3_u8 {
        starts.push(section.len());
        section.push(id % 2);
        section.extend([0xa0 + id; 32]);
        section.extend(hex!("05000000 0700 2a00 03000000 05 7469746c65"));
        for peer in 1..=3_u8 {
            section.extend([0x10 * peer + id; 32]);
            section.extend([0x40 + peer; 32]);
            section.extend([peer, 1, 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 4]);
            section.extend(b"name");
        }
    }
    (section, starts)
}

fn ids(section: &Section<'_>) -> Vec<u8> {
    section.conferences.iter().map(|it| it.conference.id.0[31]).collect()
}

/// T-017, Q-10. Every byte damaged in several ways: the others are still there.
#[test]
fn damage_of_one_conference_leaves_the_others() {
    let (section, starts) = three();
    assert_eq!(ids(&Section::parse(&section)), [0xa1, 0xa2, 0xa3]);
    for at in 0..section.len() {
        let hit = starts.iter().rposition(|start| *start <= at).unwrap();
        for flip in [0x01, 0x02, 0x80, 0xff] {
            let mut damaged = section.clone();
            damaged[at] ^= flip;
            let parsed = Section::parse(&damaged);
            let found = ids(&parsed);
            for other in (0..3).filter(|other| *other != hit) {
                assert!(
                    found.contains(&(0xa1 + other as u8)),
                    "byte {at} ^ {flip:02x}: {parsed:x?}"
                );
            }
            let mut loaded = ann(Profile::seed());
            loaded.load(NOW, &damaged, &[]);
            assert!(loaded.violations().is_empty());
            let again = loaded.save();
            let mut second = ann(Profile::seed());
            assert_eq!(second.load(NOW, &again, &[]).damage, [], "byte {at} ^ {flip:02x}");
        }
    }
}

/// The same with a whole file that libtoxcore wrote, and with the file cut anywhere.
#[test]
fn damage_of_a_real_file_leaves_what_it_does_not_hit() {
    let file = include_bytes!("../../../samples/savedata/two.cas.tox");
    let sound = Savedata::parse(file).unwrap();
    let section = sound.section(SectionType::CONFERENCES).unwrap();
    let all = sound.conferences();
    let starts: Vec<_> = all.conferences.iter().map(|it| it.offset).collect();
    assert_eq!((starts.len(), starts[0], &*all.damage), (2, section.offset, &[][..]));
    let end = section.offset + section.payload.len();
    for at in section.offset - 8..end {
        let is_type = [section.offset - 4, section.offset - 3].contains(&at);
        let hit = starts.iter().rposition(|start| *start <= at);
        for flip in (0..8).map(|bit| 1 << bit).chain([0xff]) {
            let mut damaged = file.to_vec();
            damaged[at] ^= flip;
            let savedata = Savedata::parse(&damaged).unwrap();
            let found = savedata.conferences();
            for (index, record) in all.conferences.iter().enumerate() {
                let there = found.conferences.contains(record);
                assert!(there || hit == Some(index) || is_type, "{at} ^ {flip:02x}: {found:x?}");
            }
        }
    }
    for length in 8..file.len() {
        let savedata = Savedata::parse(&file[..length]).unwrap();
        let ends = starts[1..].iter().copied().chain([end]);
        let whole = ends.filter(|end| *end <= length).count();
        let found = savedata.conferences();
        assert_eq!(found.conferences[..], all.conferences[..whole], "{length}");
    }
}

/// T-011. A section that ends early has all that was whole, and says where it ends.
#[test]
fn a_cut_section_has_what_was_whole() {
    let (section, starts) = three();
    for length in 0..section.len() {
        let parsed = Section::parse(&section[..length]);
        let whole = starts[1..].iter().filter(|start| **start <= length).count();
        assert_eq!(ids(&parsed), [0xa1, 0xa2, 0xa3][..whole], "{length}");
        let ended = starts.contains(&length);
        assert_eq!(parsed.damage.is_empty(), ended, "{length}");
    }
}

/// R-205, B-06. The original does not search: a title that swallows most of the next record is a
/// title, and what is behind it is a conference of a strange type.
#[test]
fn the_original_reads_record_after_record() {
    let record = |id: u8, title_length: u8| {
        let mut record = vec![0];
        record.extend([id; 32]);
        record.extend(hex!("05000000 0700 2a00 00000000"));
        record.push(title_length);
        record
    };
    let mut third = record(3, 0);
    third[32..37].fill(0);
    let section = [record(1, 37), record(2, 0), third].concat();
    for (profile, expected) in [(Profile::seed(), vec![2, 3]), (ctoxcore(), vec![1])] {
        let mut loaded = ann(profile);
        loaded.load(NOW, &section, &[]);
        let ids: Vec<_> = loaded.groups().map(|group| group.conference().id.0[0]).collect();
        assert_eq!(ids, expected);
    }
}

/// a count that is larger than the file reserves nothing.
#[test]
fn a_count_beyond_the_end_is_told_and_nothing_is_reserved() {
    let (mut section, _) = three();
    section[41..45].copy_from_slice(&[0xff; 4]);
    let parsed = Section::parse(&section);
    assert_eq!(
        parsed.damage[0].to_string(),
        "peer_count at byte 41: needs 322122547125 bytes, 813 left"
    );
    assert_eq!(ids(&parsed), [0xa2, 0xa3]);
}

/// any first number is right after reloading.
#[test]
fn remembered_numbers_are_not_saved() {
    let mut room = Room::of(["ann", "bob"]);
    let bob = room.number("bob");
    let section = room.save("ann");
    room.restart("ann", &section);
    room.wait(1);
    room.held = true;
    let kept: Vec<_> = room.group("ann").peer(&key_of("bob")).unwrap().remembered().collect();
    assert!(kept.len() < 8, "{kept:?}");
    let fresh = ann(Profile::seed());
    assert_eq!(fresh.groups().count(), 0);
    assert_eq!(drops(&room.message("bob", "ann", (bob, 5_000_000), chat("x"))), []);
}

proptest! {
    /// C-008. What is loaded is written the same, but for the counters.
    #[test]
    fn whatever_loads_is_saved_the_same(
        kind in 0_u8..2,
        numbers in proptest::collection::btree_set(any::<u16>(), 0..20),
        title in proptest::collection::vec(any::<u8>(), 0..129),
        name in proptest::collection::vec(any::<u8>(), 0..129),
        counters: (u32, u16),
        last_active in 0_u64..1 << 40,
    ) {
        let own = (0..).map(PeerNumber).find(|own| !numbers.contains(&own.0)).unwrap();
        let mut section = vec![kind];
        section.extend([7; 32]);
        section.extend(counters.0.to_le_bytes());
        section.extend(counters.1.to_le_bytes());
        section.extend(own.0.to_le_bytes());
        section.extend((numbers.len() as u32).to_le_bytes());
        section.push(title.len() as u8);
        section.extend(&title);
        for number in &numbers {
            let mut key = [1; 32];
            key[..2].copy_from_slice(&number.to_le_bytes());
            section.extend(key);
            section.extend([2; 32]);
            section.extend(number.to_le_bytes());
            section.extend(last_active.to_le_bytes());
            section.push(name.len() as u8);
            section.extend(&name);
        }
        let parsed = Section::parse(&section);
        prop_assert_eq!(&parsed.damage, &[]);
        let SavedConference { conference, message_number, .. } = parsed.conferences[0].clone();
        let expected = Conference { kind: ConferenceType(kind), id: ConferenceId([7; 32]) };
        prop_assert_eq!((conference, message_number), (expected, counters.0));
        let mut loaded = ann(Profile::seed());
        loaded.load(NOW, &section, &[]);
        section[33..37].copy_from_slice(&counters.0.wrapping_add(65_536).to_le_bytes());
        section[37..39].copy_from_slice(&counters.1.wrapping_add(8_192).to_le_bytes());
        prop_assert_eq!(loaded.save(), section);
    }

    /// T-017. No section panics, and what was loaded loads again.
    #[test]
    fn no_section_is_too_strange(section in proptest::collection::vec(0_u8..4, 0..600)) {
        let mut loaded = ann(Profile::seed());
        loaded.load(NOW, &section, &[]);
        prop_assert!(loaded.violations().is_empty());
        let mut again = ann(Profile::seed());
        prop_assert_eq!(again.load(NOW, &loaded.save(), &[]).damage, []);
    }
}

#[test]
fn damage_is_told_in_words() {
    let told = |field, kind| Damage { offset: 7, field, kind }.to_string();
    assert_eq!(
        told("title", DamageKind::TooLong(200)),
        "title at byte 7: has 200 bytes, at most 128 allowed"
    );
    assert_eq!(
        told("conference", DamageKind::Skipped(3)),
        "conference at byte 7: 3 bytes skipped to find the next one"
    );
}

/// B-06. Ourselves among the saved peers is nothing that the original minds, and whoever was
/// last takes the place. Under our own number the entry thaws, which schedules a Name.
#[test]
fn we_are_left_out_of_the_saved_peers() {
    for (number, profile) in [(9, Profile::seed()), (9, ctoxcore()), (42, ctoxcore())] {
        let mut record = vec![0];
        record.extend([1; 32]);
        record.extend(hex!("05000000 0700 2a00 04000000 00"));
        for (number, key) in [(7, 7), (number, b'a'), (8, 8), (10, 10)] {
            let key = if key == b'a' { key_of("ann") } else { low_key(key) };
            record.extend(key.0);
            record.extend(low_key(0).0);
            record.extend([number, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        let scheduled = number == 42;
        let mut loaded = ann(profile);
        let kinds: Vec<_> = loaded.load(NOW, &record, &[]).damage;
        assert!(matches!(kinds[..], [Damage { kind: DamageKind::OwnKey, .. }]));
        let group = loaded.groups().next().unwrap();
        let frozen: Vec<_> = group.frozen().iter().map(|peer| peer.number.0).collect();
        assert_eq!((frozen, group.name_scheduled), (vec![7, 10, 8], scheduled));
    }
}
