//! What holds for all packets together: C-001, C-002, C-003, C-004, worked sizes.

use hex_literal::hex;
use proptest::prelude::*;

use super::*;

/// Lengths that c-toxcore's newest version accepts: first bytes, then least and most
/// (packets §9, column CT; B-03 refused; 63/11 and 63/12 whatever their author).
///
/// A length below 4 is refused for every conference id. A row without a second id is for all
/// ids that no other row has.
const ACCEPTED: [(u8, Option<u8>, usize, usize); 23] = [
    (0x60, Some(0x00), 37, 37),
    (0x60, Some(0x01), 39, 39),
    (0x60, Some(0x02), 41, 41),
    (0x60, None, 4, MOST),
    (0x61, None, 36, 36),
    (0x62, Some(0x01), 4, MOST),
    (0x62, Some(0x08), 4, MOST),
    (0x62, Some(0x09), 4, MOST),
    (0x62, Some(0x0a), 5, 132),
    (0x62, None, 4, MOST),
    (0x63, Some(0x00), 10, MOST),
    (0x63, Some(0x10), 76, 76),
    (0x63, Some(0x11), 12, 12),
    (0x63, Some(0x12), 12, 12),
    (0x63, Some(0x30), 10, 138),
    (0x63, Some(0x31), 11, 138),
    (0x63, Some(0x40), 11, MOST),
    (0x63, Some(0x41), 11, MOST),
    (0x63, None, 10, MOST),
    (0x64, None, 34, MOST),
    (0xc7, Some(0xc0), 8, MOST),
    (0xc7, None, 8, MOST),
    // Ids of others are none of §9's business; a single byte is enough to keep one.
    (0x00, None, 1, MOST),
];

const MOST: usize = 1400;

/// Where the second id of a packet is.
const fn second_id_at(id: u8) -> Option<usize> {
    match id {
        0x60 => Some(1),
        0x62 => Some(3),
        0x63 => Some(9),
        0xc7 => Some(7),
        _ => None,
    }
}

fn accepted(id: u8, second: u8) -> (usize, usize) {
    let id = if DataId(id).is_conference() { id } else { 0 };
    let rows = || ACCEPTED.iter().filter(|row| row.0 == id);
    let row =
        rows().find(|row| row.1 == Some(second)).or_else(|| rows().find(|row| row.1.is_none()));
    let &(_, _, least, most) = row.unwrap();
    (least, most)
}

/// C-004.
#[test]
fn lengths_are_accepted_as_the_table_says_for_all_first_bytes() {
    for id in 0..=u8::MAX {
        let seconds = if second_id_at(id).is_some() { 0..=u8::MAX } else { 0..=0 };
        for second in seconds {
            for filling in [0x00, 0xff] {
                let mut bytes = [filling; MOST];
                bytes[0] = id;
                if let Some(at) = second_id_at(id) {
                    bytes[at] = second;
                }
                let (least, most) = accepted(id, second);
                for length in 0..=MOST {
                    let read = Packet::parse(&bytes[..length]);
                    let fits = length > 0 && (least..=most).contains(&length);
                    assert_eq!(read.is_ok(), fits, "{id:02x}/{second:02x}, {length} bytes");
                }
            }
        }
    }
}

#[test]
fn sizes_are_those_of_the_worked_examples() {
    let conference = Conference { kind: ConferenceType::TEXT, id: testing::ID };
    let group_number = GroupNumber(1);
    let receiver_group_number = GroupNumber(2);
    let peer_number = PeerNumber(3);
    let mut entries = Vec::new();
    for name in [&b"hi"[..], b""] {
        let (real_key, dht_key) = (testing::REAL_KEY, testing::DHT_KEY);
        PeerEntry { peer_number, real_key, dht_key, name }.emit(&mut entries);
    }
    let new_peer = NewPeer {
        new_peer_number: peer_number,
        real_key: testing::REAL_KEY,
        dht_key: testing::DHT_KEY,
    };
    let packets = [
        (37, Packet::Invite(Invite { group_number, conference })),
        (
            39,
            Packet::InviteAccepted(InviteAccepted {
                group_number,
                receiver_group_number,
                conference,
            }),
        ),
        (
            41,
            Packet::InviteMember(InviteMember {
                group_number,
                receiver_group_number,
                conference,
                peer_number,
            }),
        ),
        (36, Packet::Online(Online { group_number, conference })),
        (34, Packet::Rejoin(Rejoin { conference, trailing: &[] })),
        (4, Packet::PeerQuery(PeerQuery { group_number, trailing: &[] })),
        (4, Packet::PeerIntroduced(PeerIntroduced { group_number, trailing: &[] })),
        (140, Packet::PeerResponse(PeerResponse { group_number, entries: &entries })),
        (9, Packet::TitleResponse(TitleResponse { group_number, title: b"hello" })),
        (10, testing::message(MessageBody::Ping(Ping { trailing: &[] }))),
        (76, testing::message(MessageBody::NewPeer(new_peer))),
        (12, testing::message(MessageBody::KillPeer(KillPeer { killed_peer_number: peer_number }))),
        (
            12,
            testing::message(MessageBody::FreezePeer(FreezePeer {
                frozen_peer_number: peer_number,
            })),
        ),
    ];
    for (size, packet) in packets {
        let mut out = Vec::new();
        packet.emit(&mut out);
        assert_eq!(out.len(), size, "{packet:?}");
        assert_eq!(Packet::parse(&out), Ok(packet));
    }
}

/// First bytes that lead to every parser, or near it.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(hex!("60 00").to_vec()),
        Just(hex!("60 01").to_vec()),
        Just(hex!("60 02").to_vec()),
        Just(hex!("61").to_vec()),
        any::<[u8; 2]>().prop_map(|[a, b]| vec![0x62, a, b, 1]),
        any::<[u8; 2]>().prop_map(|[a, b]| vec![0x62, a, b, 8]),
        any::<[u8; 2]>().prop_map(|[a, b]| vec![0x62, a, b, 9]),
        any::<[u8; 2]>().prop_map(|[a, b]| vec![0x62, a, b, 10]),
        (any::<[u8; 8]>(), proptest::sample::select(&hex!("00 10 11 12 30 31 40 41 42")[..]))
            .prop_map(|(head, id)| [&[0x63][..], &head, &[id]].concat()),
        Just(hex!("64").to_vec()),
        any::<[u8; 6]>().prop_map(|head| [&[0xc7][..], &head, &[0xc0]].concat()),
        any::<u8>().prop_map(|id| vec![id]),
        Just(vec![]),
    ]
}

/// Lengths that packets have, or nearly have, and any others.
fn tails() -> impl Strategy<Value = Vec<u8>> {
    let sizes = prop_oneof![0..4_usize, 34..40_usize, 64..70_usize, 126..132_usize, 0..1400_usize,];
    sizes.prop_flat_map(|size| proptest::collection::vec(any::<u8>(), size))
}

/// Peer lists, good up to where they are cut.
fn peer_lists() -> impl Strategy<Value = Vec<u8>> {
    let entry = (any::<u16>(), any::<[u8; 32]>(), any::<[u8; 32]>(), 0..140_usize);
    (proptest::collection::vec(entry, 0..8), 0..80_usize).prop_map(|(peers, cut)| {
        let mut bytes = hex!("62 0001 09").to_vec();
        for (number, real_key, dht_key, size) in peers {
            bytes.extend(number.to_be_bytes());
            bytes.extend(real_key);
            bytes.extend(dht_key);
            bytes.push(size as u8);
            bytes.resize(bytes.len() + size, b'x');
        }
        bytes.truncate((bytes.len().saturating_sub(cut)).max(4));
        bytes
    })
}

/// What a packet borrows, and a choice of packet.
#[derive(Clone, Debug)]
struct Ingredients {
    which: usize,
    numbers: [u16; 3],
    count: u32,
    keys: [[u8; 32]; 2],
    kind: u8,
    long: Vec<u8>,
    short: Vec<u8>,
}

prop_compose! {
    fn ingredients()(
        which in 0..24_usize,
        numbers: [u16; 3],
        count: u32,
        keys: [[u8; 32]; 2],
        kind: u8,
        long in proptest::collection::vec(any::<u8>(), 2..1300),
        short in proptest::collection::vec(any::<u8>(), 1..=128),
    ) -> Ingredients {
        Ingredients { which, numbers, count, keys, kind, long, short }
    }
}

impl Ingredients {
    fn packet(&self) -> Packet<'_> {
        let [group, peer, number] = self.numbers;
        let (group_number, peer_number) = (GroupNumber(group), PeerNumber(peer));
        let receiver_group_number = GroupNumber(number);
        let [id, dht_key] = self.keys;
        let (real_key, dht_key) = (PublicKey(id), PublicKey(dht_key));
        let conference = Conference { kind: ConferenceType(self.kind), id: ConferenceId(id) };
        let (long, short, kind) = (&self.long[..], &self.short[..], self.kind);
        let message = |body| {
            let message_number = MessageNumber(self.count);
            Packet::Message(GroupMessage { group_number, peer_number, message_number, body })
        };
        let lossy = |body| {
            let message_number = LossyNumber(number);
            Packet::Lossy(Lossy { group_number, peer_number, message_number, body })
        };
        match self.which {
            0 => Packet::Invite(Invite { group_number, conference }),
            1 => Packet::InviteAccepted(InviteAccepted {
                group_number,
                receiver_group_number,
                conference,
            }),
            2 => Packet::InviteMember(InviteMember {
                group_number,
                receiver_group_number,
                conference,
                peer_number,
            }),
            3 => Packet::InviteUnknown(InviteUnknown { kind: kind.max(3), body: long }),
            4 => Packet::Online(Online { group_number, conference }),
            5 => Packet::PeerIntroduced(PeerIntroduced { group_number, trailing: long }),
            6 => Packet::PeerQuery(PeerQuery { group_number, trailing: &[] }),
            7 => Packet::PeerResponse(PeerResponse { group_number, entries: long }),
            8 => Packet::TitleResponse(TitleResponse { group_number, title: short }),
            9 => {
                let kind = if [1, 8, 9, 10].contains(&kind) { 4 } else { kind };
                Packet::DirectUnknown(DirectUnknown { group_number, kind, body: long })
            }
            10 => message(MessageBody::Ping(Ping { trailing: long })),
            11 => message(MessageBody::NewPeer(NewPeer {
                new_peer_number: PeerNumber(number),
                real_key,
                dht_key,
            })),
            12 => {
                message(MessageBody::KillPeer(KillPeer { killed_peer_number: PeerNumber(number) }))
            }
            13 => message(MessageBody::FreezePeer(FreezePeer {
                frozen_peer_number: PeerNumber(number),
            })),
            14 => message(MessageBody::Name(Name { name: short })),
            15 => message(MessageBody::Title(Title { title: short })),
            16 => message(MessageBody::Chat(Chat { text: long })),
            17 => message(MessageBody::Action(Action { text: long })),
            18 => message(MessageBody::Unknown(UnknownMessage { id: kind | 0x80, body: long })),
            19 => Packet::Rejoin(Rejoin { conference, trailing: long }),
            20 => lossy(LossyBody::Audio { sequence_number: peer, opus: long }),
            21 => lossy(LossyBody::AudioCut(&short[..1])),
            22 => lossy(LossyBody::Unknown { id: kind & 0x7f, body: long }),
            _ => Packet::Unknown(Unknown { id: DataId(kind & 0x5f), body: long }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// C-001.
    #[test]
    fn what_is_written_is_read_back_the_same(ingredients in ingredients()) {
        let packet = ingredients.packet();
        let mut out = Vec::new();
        packet.emit(&mut out);
        prop_assert_eq!(Packet::parse(&out), Ok(packet));
        prop_assert_eq!(Kind::of(&out), packet.kind());
    }

    /// C-002, C-003; and the layouts agree with the parsers.
    #[test]
    fn whatever_is_accepted_is_written_back(head in heads(), tail in tails()) {
        written_back_or_explained(&[head, tail].concat());
    }

    /// C-002, C-003 for lists of members.
    #[test]
    fn whatever_is_in_a_peer_list_is_written_back(bytes in peer_lists()) {
        written_back_or_explained(&bytes);
        let Ok(Packet::PeerResponse(response)) = Packet::parse(&bytes) else {
            panic!("any list is accepted")
        };
        let mut entries = Vec::new();
        response.peers().for_each(|peer| peer.emit(&mut entries));
        entries.extend_from_slice(response.rest());
        prop_assert_eq!(&entries, response.entries);
        prop_assert_eq!(response.fault().is_none(), response.rest().is_empty());
    }
}

/// What parses is written back the same, else the fault is where the layout ends; and the
/// layout's parts are all the bytes.
fn written_back_or_explained(bytes: &[u8]) {
    match Packet::parse(bytes) {
        Ok(packet) => {
            let mut out = Vec::new();
            packet.emit(&mut out);
            assert_eq!(out, bytes);
        }
        Err(_) => testing::agrees_with_its_layout(bytes),
    }
    let parts: Vec<u8> = layout::parts(bytes).flat_map(|part| part.bytes.to_vec()).collect();
    assert_eq!(parts, bytes);
}
