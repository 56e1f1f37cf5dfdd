//! What hostile members can make an endpoint keep and do (G-022, G-023).

use super::room::{dht_key_of, key_of};
use crate::conference::{Endpoint, Input, Output, Profile, Request, SeededDice};
use crate::time::Timestamp;
use crate::wire::{
    ConferenceType, GroupMessage, GroupNumber, InviteAccepted, MessageBody, MessageNumber, NewPeer,
    Packet, PeerNumber, PublicKey,
};

const ZERO: GroupNumber = GroupNumber(0);

/// Ann, and her friend mallory, who is in her conference.
struct Target {
    ann: Endpoint,
    dice: SeededDice,
    at: Timestamp,
    outputs: usize,
}

impl Target {
    fn new(profile: Profile) -> Self {
        let mut ann = Endpoint::new(profile, key_of("ann"), dht_key_of("ann"), b"ann");
        let (at, mut dice) = (Timestamp::from_parts(1, 0), SeededDice::new(1));
        let friend = key_of("mallory");
        ann.step(Input::Request { at, request: Request::AddFriend(friend) }, &mut dice);
        ann.step(Input::ConnectionUp { at, friend, dht_key: friend }, &mut dice);
        let create = Request::Create(ConferenceType::TEXT);
        ann.step(Input::Request { at, request: create }, &mut dice);
        let conference = ann.groups().next().unwrap().conference();
        let mut target = Self { ann, dice, at, outputs: 0 };
        let (group_number, receiver_group_number) = (ZERO, ZERO);
        let accepted = InviteAccepted { group_number, receiver_group_number, conference };
        target.take(&Packet::InviteAccepted(accepted));
        target
    }

    fn take(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.emit(&mut bytes);
        self.take_bytes(&bytes);
    }

    fn take_bytes(&mut self, bytes: &[u8]) {
        let (at, friend) = (self.at, key_of("mallory"));
        self.ann.handle(&Input::Packet { at, friend, bytes }, &mut self.dice);
        self.outputs += std::iter::from_fn(|| self.ann.poll_output()).count();
    }

    fn mallory(&self) -> PeerNumber {
        self.ann.groups().next().unwrap().peer(&key_of("mallory")).unwrap().number
    }

    /// Mallory says that there is somebody new under every number.
    fn crowd(&mut self) {
        let mallory = self.mallory();
        for number in 0..=u16::MAX {
            let mut key = [7; 32];
            key[..2].copy_from_slice(&number.wrapping_mul(40_503).to_be_bytes());
            let real_key = PublicKey(key);
            let new_peer_number = PeerNumber(number);
            let body =
                MessageBody::NewPeer(NewPeer { new_peer_number, real_key, dht_key: real_key });
            let message_number = MessageNumber(1 + u32::from(number));
            let peer_number = mallory;
            self.take(&Packet::Message(GroupMessage {
                group_number: ZERO,
                peer_number,
                message_number,
                body,
            }));
        }
    }
}

/// G-023: 65 536 New Peer messages fill the list up to what numbers there are, or to what `hardened`
/// allows (D-024); a minute later 128 of them are left.
#[test]
fn whoever_announces_everybody_fills_the_list_and_no_more() {
    for (profile, most) in [(Profile::seed(), 65_536), (Profile::hardened(), 4096)] {
        let mut target = Target::new(profile);
        target.crowd();
        let active = target.ann.groups().next().unwrap().active().len();
        assert!(active <= most && active > most - 10, "{active} of {most}");
        assert_eq!(target.ann.violations(), []);
        // Each is told to the client and passed on, and nothing more comes of it.
        assert!(target.outputs < 5 * 65_536, "{} outputs", target.outputs);
        // Asking for connections to the closest, again and again, is bounded by four cells.
        assert!(target.ann.connections().count() <= 16, "{}", target.ann.connections().count());

        target.at = Timestamp::from_parts(70, 0);
        target.ann.step(Input::Tick { at: target.at }, &mut target.dice);
        let group = target.ann.groups().next().unwrap();
        assert!(group.active().len() <= 2 && group.frozen().len() <= 128);
        assert_eq!(target.ann.violations_after_pass(), []);
        assert!(target.ann.save().len() < 128 * 300 + 500);
    }
}

/// G-022, G-023: half a million packets of all kinds. What is kept does not grow with them.
#[test]
fn a_flood_of_packets_leaves_nothing_behind() {
    let mut target = Target::new(Profile::seed());
    let (mallory, id) = (target.mallory(), target.ann.groups().next().unwrap().conference().id);
    let mut chance = SeededDice::new(4);
    for count in 0..500_000_u32 {
        let bits = chance.next_u64().to_be_bytes();
        let number = count.to_be_bytes();
        let mut bytes = match bits[0] % 8 {
            0 => vec![0x60, 0, 0, bits[1], 0],
            1 => vec![0x61, bits[1], bits[2], 0],
            2 => vec![0x62, 0, 0, 0x08],
            3 => vec![0x62, 0, 0, 0x0a, bits[1]],
            4 => vec![0x64, 0],
            5 => vec![0xc7, 0, 0, bits[1], bits[2], bits[3], bits[4], 0xc0, 1, 2, 3],
            // Of herself, and of somebody whom nobody knows.
            6 => [&[0x63, 0, 0][..], &mallory.0.to_be_bytes(), &number, &[0x40, b'x']].concat(),
            _ => [&[0x63, 0, 0][..], &[bits[1] | 1, bits[2]], &number, &[0x40, b'x']].concat(),
        };
        if matches!(bytes[0], 0x60 | 0x61 | 0x64) {
            bytes.extend(if bits[5] & 1 == 0 { id.0 } else { [bits[6]; 32] });
        }
        target.take_bytes(&bytes);
    }
    assert_eq!(target.ann.violations(), []);
    let group = target.ann.groups().next().unwrap();
    assert_eq!((group.active().len(), group.frozen().len()), (2, 0));
    assert_eq!((target.ann.groups().count(), group.slots().count()), (1, 1));
    assert_eq!(target.ann.connections().count(), 1);
    // What waits to be sent at the next pass is no pile.
    let at = Timestamp::from_parts(2, 0);
    let outputs = target.ann.step(Input::Tick { at }, &mut target.dice).outputs;
    let sent = outputs.iter().filter(|it| matches!(it, Output::Send { .. })).count();
    assert!(sent < 5, "{sent}");
}
