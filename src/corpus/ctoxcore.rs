//! Inputs of c-toxcore's own fuzzers, as far as they take what a capture has.
//!
//! `tox_events_fuzz_test` reads what a client is told of:
//!
//! | Bytes | Field                                                                          |
//! |------:|--------------------------------------------------------------------------------|
//! |     2 | size of what follows, little-endian                                            |
//! |     n | events, in MessagePack: an array of pairs, each an event's number and its data |
//! |  rest | of each memory allocation, whether it succeeds; if there is none, all do       |
//!
//! `toxsave_fuzz_test` reads a save file. What is made here has a conferences section and nothing else.

use std::collections::BTreeMap;

use super::ENDPOINTS;
use crate::conference::savedata::{SectionType, emit_savedata};
use crate::conference::{Endpoint, Section};
use crate::dissect::Data;
use crate::wire::{ConferenceType, GroupNumber, MessageBody, Packet, PeerNumber, PublicKey};

/// Events as libtoxcore numbers them.
const INVITE: u32 = 15;
const CONNECTED: u32 = 16;
const PEER_LIST_CHANGED: u32 = 17;
const PEER_NAME: u32 = 18;
const TITLE: u32 = 19;
const MESSAGE: u32 = 20;

/// Who set a title that came with an invitation: nobody in particular.
const NOBODY: u32 = u32::MAX;

/// Bytes of events that one input holds; a size of two bytes is before them.
const BYTES: usize = 60_000;

/// What a client is told of a conference packet, as if each packet had been accepted; numbers of conferences
/// are those of the receiver, and members are named by their peer numbers.
fn events(bytes: &[u8], packet: &Packet<'_>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let list_changed = |group: GroupNumber| event(PEER_LIST_CHANGED, |out| number(group, out));
    let said = |group, peer: PeerNumber, kind: u32, text: &[u8]| {
        event(MESSAGE, |out| {
            array(4, out);
            number(group, out);
            uint(u32::from(peer.0), out);
            uint(kind, out);
            bin(text, out);
        })
    };
    let named = |id, group, peer, text: &[u8]| {
        event(id, |out| {
            array(3, out);
            number(group, out);
            uint(peer, out);
            bin(text, out);
        })
    };
    match packet {
        Packet::Invite(invite) => all.push(event(INVITE, |out| {
            let ConferenceType(kind) = invite.conference.kind;
            array(3, out);
            uint(0, out);
            uint(u32::from(kind), out);
            // What a client hands back to join: all behind the kind.
            bin(bytes.get(2..).unwrap_or_default(), out);
        })),
        Packet::PeerResponse(list) => {
            all.push(event(CONNECTED, |out| number(list.group_number, out)));
            all.push(list_changed(list.group_number));
            for peer in list.peers() {
                let number = u32::from(peer.peer_number.0);
                all.push(named(PEER_NAME, list.group_number, number, peer.name));
            }
        }
        Packet::TitleResponse(it) => all.push(named(TITLE, it.group_number, NOBODY, it.title)),
        Packet::Message(message) => {
            let (group, peer) = (message.group_number, message.peer_number);
            let by = u32::from(peer.0);
            match &message.body {
                MessageBody::NewPeer(_) | MessageBody::KillPeer(_) | MessageBody::FreezePeer(_) => {
                    all.push(list_changed(group));
                }
                MessageBody::Name(it) => all.push(named(PEER_NAME, group, by, it.name)),
                MessageBody::Title(it) => all.push(named(TITLE, group, by, it.title)),
                MessageBody::Chat(it) => all.push(said(group, peer, 0, it.text)),
                MessageBody::Action(it) => all.push(said(group, peer, 1, it.text)),
                MessageBody::Ping(_) | MessageBody::Unknown(_) => {}
            }
        }
        _ => {}
    }
    all
}

fn number(group: GroupNumber, out: &mut Vec<u8>) {
    uint(u32::from(group.0), out);
}

/// An event's number and its data.
fn event(id: u32, data: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    array(2, &mut out);
    uint(id, &mut out);
    data(&mut out);
    out
}

/// An array of MessagePack, in its shortest form; of as many entries as 16 bits count.
fn array(entries: u16, out: &mut Vec<u8>) {
    match u8::try_from(entries) {
        Ok(few @ 0..=15) => out.push(0x90 | few),
        _ => {
            out.push(0xdc);
            out.extend(entries.to_be_bytes());
        }
    }
}

fn uint(number: u32, out: &mut Vec<u8>) {
    if let Ok(byte) = u8::try_from(number) {
        if byte > 0x7f {
            out.push(0xcc);
        }
        out.push(byte);
    } else if let Ok(short) = u16::try_from(number) {
        out.push(0xcd);
        out.extend(short.to_be_bytes());
    } else {
        out.push(0xce);
        out.extend(number.to_be_bytes());
    }
}

/// Bytes; no packet has more than 16 bits count.
fn bin(bytes: &[u8], out: &mut Vec<u8>) {
    if let Ok(size) = u8::try_from(bytes.len()) {
        out.extend([0xc4, size]);
    } else {
        out.push(0xc5);
        out.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    out.extend(bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes));
}

/// An input of `tox_events_fuzz_test`, with one allocation that succeeds: without any, nothing is tried.
fn input(events: u16, packed: &[u8]) -> Vec<u8> {
    let mut list = Vec::new();
    array(events, &mut list);
    list.extend_from_slice(packed);
    let size = u16::try_from(list.len()).unwrap_or(u16::MAX);
    [&size.to_le_bytes()[..], &list, &[1]].concat()
}

/// What clients are told of.
#[derive(Default)]
pub(super) struct Told {
    all: BTreeMap<PublicKey, (u16, Vec<u8>)>,
}

impl Told {
    /// Takes a packet that was not there before; gives the input that it makes alone, if a client is told
    /// anything.
    pub(super) fn packet(&mut self, to: Option<PublicKey>, data: &Data<'_>) -> Option<Vec<u8>> {
        let Some(Ok(packet)) = &data.packet else { return None };
        let events = events(data.bytes, packet);
        let count = u16::try_from(events.len()).ok().filter(|count| *count > 0)?;
        let packed = events.concat();
        if let Some(to) = to
            && (self.all.len() < ENDPOINTS || self.all.contains_key(&to))
        {
            let (all, bytes) = self.all.entry(to).or_default();
            if bytes.len() + packed.len() <= BYTES {
                *all += count;
                bytes.extend_from_slice(&packed);
            }
        }
        (packed.len() <= BYTES).then(|| input(count, &packed))
    }

    /// What each client is told of, in order.
    pub(super) fn finish(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        let all = self.all.into_values();
        all.map(|(count, packed)| (format!("told-{count}events"), input(count, &packed)))
    }
}

/// What of an endpoint's conferences is saved, as a name.
pub(super) fn shape(endpoint: &Endpoint) -> Option<String> {
    let (mut groups, mut active, mut frozen, mut titles) = (0, 0, 0, 0);
    for group in endpoint.groups().filter(|group| group.own_number().is_some()) {
        groups += 1;
        active += group.active().len();
        frozen += group.frozen().len();
        titles += usize::from(!group.title().is_empty());
    }
    let name = format!("conferences-{groups}groups-{active}active-{frozen}frozen-{titles}titles");
    (groups > 0).then_some(name)
}

/// A save file that has a conferences section, and no keys.
pub(super) fn save(section: &[u8]) -> Vec<u8> {
    emit_savedata(&[(SectionType::CONFERENCES, section)])
}

/// What a saved section holds, as a name.
pub(super) fn section_shape(section: &Section<'_>) -> String {
    let groups = section.conferences.len();
    let damage = if section.damage.is_empty() { "" } else { "-damaged" };
    format!("conferences-{groups}groups{damage}")
}
