//! Every state of a slot and of a member with every event, per profile, as golden files.

use super::golden::golden;
use super::room::{PING, Room, dht_key_of, drops, entry, key_of, low_key, sends};
use crate::conference::peers::Place;
use crate::conference::{Endpoint, Output, Peer, Profile, Reasons, Request};
use crate::wire::{
    FreezePeer, GroupNumber, InviteAccepted, InviteMember, KillPeer, LossyNumber, MessageBody,
    Name, Online, Packet, PeerIntroduced, PeerNumber, PeerQuery, PublicKey, Rejoin,
};

const ZERO: GroupNumber = GroupNumber(0);

fn profiles() -> [Profile; 5] {
    let original = "ctoxcore".parse().unwrap();
    [Profile::seed(), Profile::spec(), Profile::hardened(), original, Profile::legacy()]
}

fn file(what: &str, profile: &Profile) -> String {
    format!("{what}-{}", profile.to_string().replace(':', "-"))
}

/// Ann, bob and cat; nothing is under way and no ping is due.
fn base(profile: &Profile) -> Room {
    let mut room = Room::with(profile, ["ann", "bob", "cat"]);
    room.wait(25);
    room.clear();
    room.held = true;
    room
}

fn group(room: &mut Room) -> &mut crate::conference::Group {
    let ann = &mut room.members.get_mut("ann").unwrap().endpoint;
    ann.groups.get_mut(ZERO).unwrap()
}

fn slot_state(ann: &Endpoint) -> String {
    let group = ann.groups().next();
    let slot = group.and_then(|it| it.slots().find(|slot| slot.friend == key_of("bob")));
    match slot {
        None => "none".into(),
        Some(slot) => {
            let state = if slot.online { "online" } else { "connecting" };
            format!("{state} {:?}", slot.reasons)
        }
    }
}

fn member_state(ann: &Endpoint, key: &PublicKey) -> String {
    let Some(group) = ann.groups().next() else { return "no conference".into() };
    match group.peer(key) {
        None => "unknown".into(),
        Some(peer) => {
            let list = if group.is_active(key) { "active" } else { "frozen" };
            let mark = if peer.dht_key_updated { ", key updated" } else { "" };
            format!("{list} as {}{mark}", peer.number)
        }
    }
}

fn told(outputs: &[Output]) -> String {
    let mut parts = Vec::new();
    for line in sends(outputs) {
        parts.push(line.split(" #").next().unwrap().to_owned());
    }
    for output in outputs {
        match output {
            Output::Open { .. } => parts.push("open".into()),
            Output::Release { .. } => parts.push("release".into()),
            _ => {}
        }
    }
    for reason in drops(outputs) {
        parts.push(format!("dropped: {}", reason.name()));
    }
    if parts.is_empty() { "-".into() } else { parts.join(", ") }
}

type Event = (&'static str, fn(&mut Room) -> Vec<Output>);

fn from_bob(room: &mut Room, body: MessageBody<'_>) -> Vec<Output> {
    let author = room.number("bob");
    room.message("bob", "ann", (author, 900), body)
}

fn slot_events() -> Vec<Event> {
    vec![
        ("connection down", |room| room.down_at("ann", "bob")),
        ("connection down and up", |room| {
            room.down_at("ann", "bob");
            room.up_at("ann", "bob")
        }),
        ("online", |room| {
            let conference = room.group("ann").conference();
            let online = Online { group_number: GroupNumber(5), conference };
            room.forge_packet("bob", "ann", &Packet::Online(online))
        }),
        ("rejoin", |room| {
            let rejoin = Rejoin { conference: room.group("ann").conference(), trailing: &[] };
            room.forge_packet("bob", "ann", &Packet::Rejoin(rejoin))
        }),
        ("introduced", |room| {
            let introduced = PeerIntroduced { group_number: ZERO, trailing: &[] };
            room.forge_packet("bob", "ann", &Packet::PeerIntroduced(introduced))
        }),
        ("query", |room| {
            let query = PeerQuery { group_number: ZERO, trailing: &[] };
            room.forge_packet("bob", "ann", &Packet::PeerQuery(query))
        }),
        ("response with a stranger", |room| {
            room.response("bob", "ann", &[entry(9, low_key(9), low_key(9))])
        }),
        ("acceptance", |room| {
            let conference = room.group("ann").conference();
            let accepted = InviteAccepted {
                group_number: GroupNumber(5),
                receiver_group_number: ZERO,
                conference,
            };
            room.forge_packet("bob", "ann", &Packet::InviteAccepted(accepted))
        }),
        ("member packet", |room| {
            let member = InviteMember {
                group_number: GroupNumber(5),
                receiver_group_number: ZERO,
                conference: room.group("ann").conference(),
                peer_number: room.number("bob"),
            };
            room.forge_packet("bob", "ann", &Packet::InviteMember(member))
        }),
        ("its ping", |room| from_bob(room, PING)),
        ("its ping through another", |room| {
            let author = room.number("bob");
            room.message("cat", "ann", (author, 900), PING)
        }),
        ("its freeze", |room| {
            let named = room.number("bob");
            from_bob(room, MessageBody::FreezePeer(FreezePeer { frozen_peer_number: named }))
        }),
        ("its kill", |room| {
            let named = room.number("bob");
            from_bob(room, MessageBody::KillPeer(KillPeer { killed_peer_number: named }))
        }),
        ("a stranger's ping", |room| room.message("bob", "ann", (PeerNumber(4711), 1), PING)),
        ("a pass", |room| room.tick("ann")),
        ("61 s and a pass", |room| {
            room.pause(61);
            room.tick("ann")
        }),
        ("deleting", |room| room.request("ann", Request::Delete { group: ZERO })),
    ]
}

/// states of a slot.
#[test]
fn every_event_meets_every_state_of_a_slot() {
    let reasons = [
        Reasons::CLOSEST,
        Reasons::INTRODUCING,
        Reasons::INTRODUCER,
        Reasons::INTRODUCING.with(Reasons::INTRODUCER),
        Reasons::CLOSEST.with(Reasons::INTRODUCING).with(Reasons::INTRODUCER),
    ];
    for profile in profiles() {
        let mut lines = Vec::new();
        let mut states: Vec<Option<(bool, Reasons)>> = vec![None];
        states.extend([false, true].iter().flat_map(|it| reasons.map(|why| Some((*it, why)))));
        for state in states {
            for (name, event) in slot_events() {
                let mut room = base(&profile);
                room.quiet = true;
                match state {
                    None => {
                        let ann = &mut room.members.get_mut("ann").unwrap().endpoint;
                        let (groups, mut cx) = ann.split();
                        groups.get_mut(ZERO).unwrap().drop_slot_of(&mut cx, &key_of("bob"));
                    }
                    Some((online, why)) => {
                        let index = group(&mut room).slots.find(&key_of("bob")).unwrap();
                        let slot = group(&mut room).slots.get_mut(index).unwrap();
                        slot.reasons = why;
                        slot.online = online;
                        slot.group_number = online.then_some(ZERO);
                    }
                }
                let before = slot_state(room.endpoint("ann"));
                let outputs = event(&mut room);
                let ann = room.endpoint("ann");
                let bob = member_state(ann, &key_of("bob"))
                    .replace(&format!("as {}", room.number("bob").0), "as before");
                lines.push(format!(
                    "{before} | {name} | {} | {} | {}",
                    slot_state(ann),
                    bob.split(" as ").next().unwrap(),
                    told(&outputs)
                ));
            }
        }
        golden(&file("slots", &profile), &lines);
    }
}

fn member_events() -> Vec<Event> {
    fn heard(room: &mut Room, number: u32, body: MessageBody<'_>) -> Vec<Output> {
        room.message("bob", "ann", (PeerNumber(9), number), body)
    }
    fn announced(room: &mut Room, number: u16, key: PublicKey) -> Vec<Output> {
        let author = room.number("bob");
        room.new_peer("bob", "ann", (author, 900), (number, key, low_key(0x70)))
    }
    vec![
        ("its ping", |room| heard(room, 900, PING)),
        ("its ping again", |room| heard(room, 5, PING)),
        ("its name", |room| heard(room, 900, MessageBody::Name(Name { name: b"nine" }))),
        ("its empty text", |room| heard(room, 900, super::room::chat(""))),
        ("its freeze", |room| {
            let named = PeerNumber(9);
            heard(room, 900, MessageBody::FreezePeer(FreezePeer { frozen_peer_number: named }))
        }),
        ("its kill", |room| {
            let named = PeerNumber(9);
            heard(room, 900, MessageBody::KillPeer(KillPeer { killed_peer_number: named }))
        }),
        ("its lossy message", |room| {
            let body = crate::wire::LossyBody::Audio { sequence_number: 0, opus: b"x" };
            let lossy = crate::wire::Lossy {
                group_number: ZERO,
                peer_number: PeerNumber(9),
                message_number: LossyNumber(1),
                body,
            };
            room.forge_packet("bob", "ann", &Packet::Lossy(lossy))
        }),
        ("announced", |room| announced(room, 9, low_key(9))),
        ("announced under another number", |room| announced(room, 10, low_key(9))),
        ("its number announced for another key", |room| announced(room, 9, low_key(10))),
        ("listed", |room| room.response("bob", "ann", &[entry(9, low_key(9), low_key(0x71))])),
        ("listed under another number", |room| {
            room.response("bob", "ann", &[entry(10, low_key(9), low_key(0x71))])
        }),
        ("its number listed for another key, then a stranger", |room| {
            let entries =
                [entry(9, low_key(10), low_key(0x71)), entry(11, low_key(11), low_key(1))];
            room.response("bob", "ann", &entries)
        }),
        ("61 s and a pass", |room| {
            room.pause(61);
            room.tick("ann")
        }),
        ("the last connection goes down", |room| {
            room.down_at("ann", "cat");
            room.down_at("ann", "bob")
        }),
    ]
}

/// states of a member.
#[test]
fn every_event_meets_every_state_of_a_member() {
    let key = low_key(9);
    for profile in profiles() {
        let mut lines = Vec::new();
        for state in ["unknown", "active", "active, key not updated", "frozen", "killed"] {
            for (name, event) in member_events() {
                let mut room = base(&profile);
                room.quiet = true;
                let now = room.seconds();
                let group = group(&mut room);
                let mut peer = Peer::new(PeerNumber(9), key, dht_key_of("i"), now);
                let _ = peer.remembered.accept(5, 0, profile.duplicates);
                match state {
                    "active" => group.peers.push_active(peer),
                    "active, key not updated" => {
                        peer.dht_key_updated = false;
                        group.peers.push_active(peer);
                    }
                    "frozen" => group.peers.push_frozen(peer),
                    "killed" if profile.remembers_killed => {
                        group.killed.insert(PeerNumber(9), now);
                    }
                    _ => {}
                }
                group.next_time_out = 0;
                if let Some(place @ Place::Active(_)) = group.peers.find(PeerNumber(9)) {
                    let peer = group.peers.get(place).unwrap().clone();
                    group.closest.offer(profile.prefix, &key_of("ann"), &peer);
                }
                let outputs = event(&mut room);
                let ann = room.endpoint("ann");
                let dht_key = ann.groups().next().and_then(|it| it.peer(&key)).map(|it| it.dht_key);
                let from = match dht_key {
                    Some(key) if key == low_key(0x70) => ", key announced",
                    Some(key) if key == low_key(0x71) => ", key listed",
                    _ => "",
                };
                lines.push(format!(
                    "{state} | {name} | {}{from} | {}",
                    member_state(ann, &key),
                    told(&outputs)
                ));
            }
        }
        golden(&file("members", &profile), &lines);
    }
}
