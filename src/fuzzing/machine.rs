//! One endpoint of conferences, and its save file.

use crate::conference::DamageKind;
use crate::conference::savedata::{Savedata, emit_savedata};
use crate::conference::{Endpoint, Input, Output, Profile, Release, Request, SeededDice, Tap};
use crate::corpus::steps::{self, OWN, STEPS};
use crate::time::Timestamp;
use crate::wire::{
    Chat, Conference, ConferenceId, ConferenceType, FreezePeer, GroupMessage, GroupNumber, Invite,
    InviteAccepted, InviteMember, KillPeer, Lossy, LossyBody, LossyNumber, MessageBody,
    MessageNumber, Name, NewPeer, Online, Packet, PeerEntry, PeerIntroduced, PeerNumber, PeerQuery,
    PeerResponse, Ping, PublicKey, Rejoin, Title, TitleResponse, UnknownMessage,
};

/// Bytes as decisions; zeros once they are used up.
pub(super) struct Decisions<'a>(&'a [u8]);

impl<'a> Decisions<'a> {
    pub(super) const fn of(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let size = usize::from(self.byte()).min(most).min(self.0.len());
        let (bytes, rest) = self.0.split_at(size);
        self.0 = rest;
        bytes
    }

    /// One of nine keys; the ninth is our own.
    fn key(&mut self) -> PublicKey {
        steps::key(self.byte())
    }

    fn peer(&mut self) -> PeerNumber {
        PeerNumber(u16::from(self.byte() % 12))
    }

    fn group(&mut self) -> GroupNumber {
        GroupNumber(u16::from(self.byte() % 4))
    }

    /// One of the first conferences that the endpoint created, or another.
    fn conference(&mut self, endpoint: &Endpoint) -> Conference {
        let which = self.byte();
        let known = endpoint.groups().nth(usize::from(which % 4)).map(|group| group.conference());
        let kind = ConferenceType(which >> 6);
        known.unwrap_or(Conference { kind, id: ConferenceId([which & 3; 32]) })
    }

    /// A packet that is well formed most of the time.
    fn packet(&mut self, endpoint: &Endpoint, out: &mut Vec<u8>) {
        out.clear();
        let which = self.byte() % 20;
        if which == 0 {
            return out.extend_from_slice(self.bytes(255));
        }
        let (group_number, entries);
        let packet = match which {
            1 => Packet::Invite(Invite {
                group_number: self.group(),
                conference: self.conference(endpoint),
            }),
            2 => Packet::InviteAccepted(InviteAccepted {
                group_number: self.group(),
                receiver_group_number: self.group(),
                conference: self.conference(endpoint),
            }),
            3 => Packet::InviteMember(InviteMember {
                group_number: self.group(),
                receiver_group_number: self.group(),
                conference: self.conference(endpoint),
                peer_number: self.peer(),
            }),
            4 | 5 => Packet::Online(Online {
                group_number: self.group(),
                conference: self.conference(endpoint),
            }),
            6 => {
                group_number = self.group();
                Packet::PeerIntroduced(PeerIntroduced { group_number, trailing: &[] })
            }
            7 => {
                group_number = self.group();
                Packet::PeerQuery(PeerQuery { group_number, trailing: &[] })
            }
            8 | 9 => {
                group_number = self.group();
                let mut list = Vec::new();
                for _ in 0..self.byte() % 8 {
                    let (peer_number, real_key, dht_key) = (self.peer(), self.key(), self.key());
                    let name = self.bytes(128);
                    PeerEntry { peer_number, real_key, dht_key, name }.emit(&mut list);
                }
                entries = list;
                Packet::PeerResponse(PeerResponse { group_number, entries: &entries })
            }
            10 => {
                group_number = self.group();
                Packet::TitleResponse(TitleResponse { group_number, title: self.bytes(128) })
            }
            11 | 12 => {
                Packet::Rejoin(Rejoin { conference: self.conference(endpoint), trailing: &[] })
            }
            13 => Packet::Lossy(Lossy {
                group_number: self.group(),
                peer_number: self.peer(),
                message_number: LossyNumber(u16::from(self.byte()) << 5),
                body: LossyBody::Audio { sequence_number: 0, opus: self.bytes(9) },
            }),
            _ => Packet::Message(self.message()),
        };
        packet.emit(out);
    }

    fn message(&mut self) -> GroupMessage<'a> {
        let group_number = self.group();
        let peer_number = self.peer();
        let coarse = u32::from(self.byte()) << 24;
        let message_number = MessageNumber(coarse.wrapping_add(u32::from(self.byte())));
        let body = match self.byte() % 9 {
            0 => MessageBody::Ping(Ping { trailing: &[] }),
            1 | 2 => MessageBody::NewPeer(NewPeer {
                new_peer_number: self.peer(),
                real_key: self.key(),
                dht_key: self.key(),
            }),
            3 => MessageBody::KillPeer(KillPeer { killed_peer_number: peer_number }),
            4 => MessageBody::FreezePeer(FreezePeer { frozen_peer_number: peer_number }),
            5 => MessageBody::Name(Name { name: self.bytes(128) }),
            6 => MessageBody::Title(Title { title: self.bytes(128) }),
            7 => MessageBody::Unknown(UnknownMessage { id: 0x42, body: self.bytes(9) }),
            _ => MessageBody::Chat(Chat { text: self.bytes(9) }),
        };
        GroupMessage { group_number, peer_number, message_number, body }
    }
}

/// Whatever an endpoint is given, its invariants hold after every step, what it sends keeps its
/// own (`docs/invariants.md`), its save loads, and the same inputs give the same outputs.
pub fn machine_steps(data: &[u8]) {
    let _ = played(data);
}

/// The endpoint after all steps.
fn played(data: &[u8]) -> Endpoint {
    let mut decisions = Decisions::of(data);
    let which = decisions.byte();
    let mut watched = Watched::new(profile(which));
    // A friend, a session with it and a conference, so that most inputs have something to do.
    let (at, friend) = (Timestamp::from_nanos(0), PublicKey([1; 32]));
    watched.step(Input::Request { at, request: Request::AddFriend(friend) });
    watched.step(Input::ConnectionUp { at, friend, dht_key: friend });
    let kind = ConferenceType(u8::from(which & 0x80 != 0));
    watched.step(Input::Request { at, request: Request::Create(kind) });
    let mut nanos = 0_i64;
    let mut bytes = Vec::new();
    for _ in 0..STEPS {
        if decisions.is_empty() {
            break;
        }
        let at = Timestamp::from_nanos(nanos);
        let input = match decisions.byte() % 16 {
            0 => {
                nanos += i64::from(decisions.byte()) * 500_000_000;
                Input::Tick { at: Timestamp::from_nanos(nanos) }
            }
            1 => Input::ConnectionUp { at, friend: decisions.key(), dht_key: decisions.key() },
            2 => Input::ConnectionDown { at, friend: decisions.key() },
            3..=5 => Input::Request { at, request: decisions.request(&watched.endpoint) },
            _ => {
                let friend = decisions.key();
                decisions.packet(&watched.endpoint, &mut bytes);
                Input::Packet { at, friend, bytes: &bytes }
            }
        };
        watched.step(input);
    }
    assert!(watched.endpoint == watched.twin, "O-014");
    for group in watched.endpoint.groups() {
        assert!(group.closest().all(|key| group.peer(key).is_some()), "I-010");
    }
    let profile = watched.endpoint.profile();
    assert_eq!(profile.to_string().parse().as_ref(), Ok(profile));
    watched.endpoint
}

/// One of five profiles, by a byte; releases of c-toxcore also by how often five is in it.
fn profile(which: u8) -> Profile {
    match which % 5 {
        0 => Profile::seed(),
        1 => Profile::spec(),
        2 => Profile::hardened(),
        3 => Profile::legacy(),
        _ => match (which & 0x7f) / 5 {
            0 => Profile::ctoxcore(Release::HEAD),
            release => Profile::ctoxcore(Release(3 + release)),
        },
    }
}

/// An endpoint that is looked at after every step, and another one that does the same.
struct Watched {
    endpoint: Endpoint,
    twin: Endpoint,
    dice: SeededDice,
    twins_dice: SeededDice,
    tap: Tap,
}

impl Watched {
    fn new(profile: Profile) -> Self {
        let own = PublicKey([OWN; 32]);
        let endpoint = Endpoint::new(profile, own, own, b"own");
        let dice = SeededDice::new(1);
        Self {
            twin: endpoint.clone(),
            endpoint,
            twins_dice: dice.clone(),
            dice,
            tap: Tap::default(),
        }
    }

    /// One step, with everything that must hold after it.
    fn step(&mut self, input: Input<'_>) {
        let outputs = self.endpoint.step(input, &mut self.dice).outputs;
        assert_eq!(outputs, self.twin.step(input, &mut self.twins_dice).outputs, "O-014");
        let mut found = self.endpoint.violations();
        if let Input::Tick { .. } = input {
            found.extend(self.endpoint.violations_after_pass());
        }
        found.extend(self.tap.step(&self.endpoint, &input, &outputs));
        assert!(found.is_empty(), "after {input:?}: {found:?}");
        for output in &outputs {
            match output {
                Output::Saved(section) => saved_loads(self.endpoint.profile(), section),
                Output::Dropped(why) => {
                    assert!(!why.name().is_empty() && !why.to_string().is_empty());
                }
                _ => {}
            }
        }
    }
}

impl<'a> Decisions<'a> {
    fn request(&mut self, endpoint: &Endpoint) -> Request<'a> {
        match self.byte() % 16 {
            0 | 1 => Request::AddFriend(self.key()),
            2 => Request::RemoveFriend(self.key()),
            3 => Request::SetDhtKey(self.key()),
            4 => Request::Create(ConferenceType(self.byte() % 3)),
            5 | 6 => Request::Invite { group: self.group(), friend: self.key() },
            7 => {
                let friend = self.key();
                let group_number = self.group();
                let conference = self.conference(endpoint);
                Request::Accept { friend, invitation: Invite { group_number, conference } }
            }
            8 => Request::Say { group: self.group(), text: self.bytes(9) },
            9 => Request::Act { group: self.group(), text: self.bytes(9) },
            10 => {
                let (group, sequence_number) = (self.group(), 0);
                Request::SendAudio { group, sequence_number, opus: self.bytes(9) }
            }
            11 => Request::SetTitle { group: self.group(), title: self.bytes(255) },
            12 => Request::SetName(self.bytes(255)),
            13 => {
                let (group, limit) = (self.group(), u32::from(self.byte() % 4));
                Request::SetFrozenLimit { group, limit }
            }
            14 => Request::Delete { group: self.group() },
            _ if self.byte() > 250 => Request::ShutDown,
            _ => Request::Save,
        }
    }
}

fn load(profile: &Profile, section: &[u8]) -> Endpoint {
    let own = PublicKey([OWN; 32]);
    let mut endpoint = Endpoint::new(profile.clone(), own, own, b"own");
    let loaded = endpoint.load(Timestamp::from_parts(1, 0), section, &[]);
    assert_eq!(loaded.groups.len(), endpoint.groups().count());
    for damage in &loaded.damage {
        assert!(damage.offset <= section.len() && damage.to_string().contains(damage.field));
    }
    let found = endpoint.violations();
    assert!(found.is_empty(), "after loading: {found:?}");
    endpoint
}

fn saved_loads(profile: &Profile, section: &[u8]) {
    if !profile.own_entry_unprotected {
        let mut endpoint = load(profile, &[]);
        let loaded = endpoint.load(Timestamp::from_parts(1, 0), section, &[]);
        assert_eq!(loaded.damage, [], "our own save is sound");
    }
}

/// Any save file is read without complaint about ourselves; what a section gives is saved, and
/// that loads without any damage to the same state but for the counters, which go on. Whatever is damaged is
/// said, with a place in the file; a file made of the sections that were read has them and nothing damaged.
pub fn save_section(data: &[u8]) {
    match Savedata::parse(data) {
        Ok(savedata) => {
            save_file_is_made_again(data, &savedata);
            savedata.sections.iter().for_each(|section| save_section_of(section.payload));
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    save_section_of(data);
}

fn save_file_is_made_again(data: &[u8], savedata: &Savedata<'_>) {
    let whole = savedata.conferences();
    for damage in savedata.damage.iter().chain(&whole.damage) {
        assert!(damage.offset <= data.len() && damage.to_string().contains(damage.field));
    }
    assert!(Savedata::looks_like_one(data) || !savedata.damage.is_empty());
    if whole.damage.iter().any(|it| it.kind == DamageKind::TooManySections) {
        return;
    }
    let known = savedata.sections.iter().filter(|section| section.kind.is_known());
    let sections: Vec<_> = known.map(|section| (section.kind, section.payload)).collect();
    let file = emit_savedata(&sections);
    let again = Savedata::parse(&file).expect("it begins as it should");
    assert_eq!(again.damage, [], "{:?}", savedata.sections);
    let payloads = again.sections.iter().map(|section| (section.kind, section.payload));
    assert!(payloads.eq(sections), "{:?}", again.sections);
    assert_eq!((again.name(), again.owner()), (savedata.name(), savedata.owner()));
}

fn exact_counters() -> Profile {
    let mut profile = Profile::seed();
    profile.saves_counters_ahead = false;
    profile
}

fn save_section_of(section: &[u8]) {
    for profile in [Profile::seed(), exact_counters()] {
        let ahead = profile.saves_counters_ahead;
        let first = load(&profile, section);
        let saved = first.save();
        let mut second = load(&profile, &[]);
        let loaded = second.load(Timestamp::from_parts(1, 0), &saved, &[]);
        assert_eq!(loaded.damage, [], "our own save is sound");
        assert_eq!(loaded.groups.len(), first.groups().count());
        if !ahead {
            assert_eq!(second.save(), saved, "saving is stable");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    /// Seeds from the samples `two`, `split` and `audio`, as `toxscope corpus` writes them.
    #[test]
    fn seeds_from_captures_lead_where_the_captures_led() {
        let folder = format!("{}/corpus/machine_steps", env!("CARGO_MANIFEST_DIR"));
        let mut seen = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some((peers, rest)) = name.split_once("peers-") else { continue };
            let endpoint = played(&fs::read(&path).unwrap());
            let members =
                endpoint.groups().map(|group| group.active().len() + group.frozen().len());
            let peers: usize = peers.parse().unwrap();
            // Who leaves has nothing in the end.
            let least = if rest.contains("leaves") { 0 } else { peers.min(2) };
            assert!(members.max().unwrap_or(0) >= least, "{name}");
            for word in ["founds", "joins", "freezes", "rejoin", "audio"] {
                if rest.contains(word) {
                    seen.insert(word);
                }
            }
        }
        assert_eq!(seen.len(), 5, "{seen:?}");
    }
}
