//! Peer response (0x62, kind 9): "these are in this conference" (packets §8.3).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x62                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     1 | 0x09                                                     |
//! |  rest | entries                                                  |
//!
//! Each entry:
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     2 | peer number                                              |
//! |    32 | real public key                                          |
//! |    32 | DHT public key                                           |
//! |     1 | length of the name, 0 to 128 (D-032)                     |
//! |     n | name                                                     |
//!
//! A long list is spread over several packets; an entry is never split. The first entry that
//! cannot be read ends the list; the ones before it are good (packets §9).

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape, TRAILING};
use crate::wire::parse::{Parsed, fail, fault, field, take, u8};
use crate::wire::{Fault, GroupNumber, MAX_NAME_SIZE, PeerNumber, PublicKey, Reason};

/// "These are in this conference".
///
/// Entries are read while they are iterated over, straight from the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct PeerResponse<'a> {
    /// Index of the conference at the receiver.
    pub group_number: GroupNumber,
    /// The entries, as they are on the wire.
    pub entries: &'a [u8],
}

/// One member in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct PeerEntry<'a> {
    /// Its number in the conference.
    pub peer_number: PeerNumber,
    /// Its real (long-term) public key.
    pub real_key: PublicKey,
    /// Its DHT public key, as far as the sender knows.
    pub dht_key: PublicKey,
    /// Its name, 0 to 128 bytes, which are UTF-8 most of the time.
    pub name: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "peer_response",
    head: super::HEAD,
    fields: &[Field::new("peers", Shape::Peers, "the members that the sender knows"), TRAILING],
};

pub(crate) static ENTRY: [Field; 5] = [
    Field::new("peers.peer_number", Shape::U16, "the member's number in the conference"),
    Field::new("peers.real_key", Shape::Key, "the member's long-term public key"),
    Field::new("peers.dht_key", Shape::Key, "the member's DHT public key"),
    Field::new("peers.name_length", Shape::U8, "size of the name in bytes, 0 to 128"),
    Field::new("peers.name", Shape::Counted, "the member's name"),
];

/// Bytes before the first entry.
const HEAD_SIZE: usize = 4;

impl<'a> PeerResponse<'a> {
    /// Reads what follows the header.
    #[inline]
    pub(super) fn parse(group_number: GroupNumber, i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, entries) = nom::combinator::rest(i)?;
        Ok((i, Self { group_number, entries }))
    }

    /// The good entries, in the sender's order.
    #[must_use]
    pub const fn peers(&self) -> PeerEntries<'a> {
        PeerEntries { bytes: self.entries }
    }

    /// What ended the list before the end of the packet, if something did.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        let rest = self.rest();
        match PeerEntry::parse(rest) {
            _ if rest.is_empty() => None,
            Ok(_) => None,
            Err(error) => Some(fault(HEAD_SIZE + self.entries.len(), error)),
        }
    }

    /// The bytes after the last good entry: none in a well-formed packet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        let mut peers = self.peers();
        while peers.next().is_some() {}
        peers.rest()
    }

    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        super::emit_head(self.group_number, super::RESPONSE, out);
        out.extend_from_slice(self.entries);
    }
}

impl<'a> PeerEntry<'a> {
    /// Size in bytes of an entry whose name is empty.
    pub const MIN_SIZE: usize = 67;

    #[inline]
    fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, peer_number) =
            field("peer_response.peers.peer_number", PeerNumber::parse).parse(i)?;
        let (i, real_key) = field("peer_response.peers.real_key", PublicKey::parse).parse(i)?;
        let (i, dht_key) = field("peer_response.peers.dht_key", PublicKey::parse).parse(i)?;
        let (i, size) = field("peer_response.peers.name_length", name_length).parse(i)?;
        let (i, name) = field("peer_response.peers.name", take(size)).parse(i)?;
        Ok((i, Self { peer_number, real_key, dht_key, name }))
    }

    /// Size in bytes on the wire.
    #[must_use]
    pub const fn size(&self) -> usize {
        Self::MIN_SIZE + self.name.len()
    }

    /// Writes the entry. A name longer than 128 bytes has no place in it and is cut.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let name = self.name.get(..MAX_NAME_SIZE).unwrap_or(self.name);
        self.peer_number.emit(out);
        self.real_key.emit(out);
        self.dht_key.emit(out);
        out.push(u8::try_from(name.len()).expect("at most 128"));
        out.extend_from_slice(name);
    }
}

fn name_length(i: &[u8]) -> Parsed<'_, usize> {
    let (rest, length) = u8(i)?;
    let length = usize::from(length);
    if length > MAX_NAME_SIZE {
        return fail(i, Reason::TooLong { length, most: MAX_NAME_SIZE });
    }
    Ok((rest, length))
}

/// The good entries of a [`PeerResponse`].
#[derive(Clone, Debug)]
pub struct PeerEntries<'a> {
    bytes: &'a [u8],
}

impl<'a> PeerEntries<'a> {
    /// The bytes that were not read yet; after the last entry, those of the tail.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Iterator for PeerEntries<'a> {
    type Item = PeerEntry<'a>;

    #[inline]
    fn next(&mut self) -> Option<PeerEntry<'a>> {
        let (rest, entry) = PeerEntry::parse(self.bytes).ok()?;
        self.bytes = rest;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::Packet;
    use crate::wire::testing::{DHT_KEY, REAL_KEY, reads_and_writes};

    const BYTES: [u8; 140] = hex!(
        "62 0001 09"
        "0000 c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "     e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 02 6869"
        "0007 e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
        "     c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf 00"
    );

    const PEERS: [PeerEntry<'static>; 2] = [
        PeerEntry { peer_number: PeerNumber(0), real_key: REAL_KEY, dht_key: DHT_KEY, name: b"hi" },
        PeerEntry { peer_number: PeerNumber(7), real_key: DHT_KEY, dht_key: REAL_KEY, name: b"" },
    ];

    fn response(bytes: &[u8]) -> PeerResponse<'_> {
        match Packet::parse(bytes).unwrap() {
            Packet::PeerResponse(response) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_response_is_read_and_written() {
        let packet = PeerResponse { group_number: GroupNumber(1), entries: &BYTES[4..] };
        reads_and_writes(&BYTES, Packet::PeerResponse(packet), 4);
        assert_eq!(packet.peers().collect::<Vec<_>>(), PEERS);
        assert_eq!(packet.fault(), None);
        assert_eq!(packet.rest(), b"");
        let mut entries = Vec::new();
        for (peer, size) in PEERS.iter().zip([69, 67]) {
            peer.emit(&mut entries);
            assert_eq!(peer.size(), size);
        }
        assert_eq!(entries, &BYTES[4..]);
    }

    #[test]
    fn an_empty_response_is_well_formed() {
        let bytes = hex!("62 0001 09");
        let packet = PeerResponse { group_number: GroupNumber(1), entries: &[] };
        reads_and_writes(&bytes, Packet::PeerResponse(packet), 4);
        assert_eq!((packet.peers().count(), packet.fault(), packet.rest()), (0, None, &[][..]));
    }

    #[test]
    fn a_cut_response_keeps_its_good_entries_the_fault_and_the_rest() {
        for length in 4..BYTES.len() {
            let packet = response(&BYTES[..length]);
            let whole = if length < 4 + 69 { 0 } else { 1 };
            assert_eq!(packet.peers().collect::<Vec<_>>(), &PEERS[..whole], "{length}");
            assert_eq!(packet.rest(), &BYTES[4 + 69 * whole..length], "{length}");
            assert_eq!(packet.fault().is_none(), packet.rest().is_empty(), "{length}");
        }
        let fault = |length: usize| response(&BYTES[..length]).fault().unwrap().to_string();
        let field = |name: &str| format!("peer_response.peers.{name}");
        assert_eq!(fault(72), field("name at byte 71: needs 2 bytes, 1 left"));
        assert_eq!(fault(74), field("peer_number at byte 73: needs 2 bytes, 1 left"));
        assert_eq!(fault(100), field("real_key at byte 75: needs 32 bytes, 25 left"));
        assert_eq!(fault(138), field("dht_key at byte 107: needs 32 bytes, 31 left"));
        assert_eq!(fault(139), field("name_length at byte 139: needs 1 byte, 0 left"));
    }

    #[test]
    fn a_name_longer_than_128_bytes_ends_the_list_even_if_it_fits() {
        let mut bytes = BYTES.to_vec();
        *bytes.last_mut().unwrap() = 128;
        bytes.extend([b'x'; 128]);
        assert_eq!(response(&bytes).peers().count(), 2);
        assert_eq!(response(&bytes).fault(), None);
        bytes[139] = 129;
        bytes.push(b'x');
        let packet = response(&bytes);
        assert_eq!(packet.peers().collect::<Vec<_>>(), &PEERS[..1]);
        assert_eq!(packet.rest(), &bytes[73..]);
        assert_eq!(
            packet.fault().unwrap().to_string(),
            "peer_response.peers.name_length at byte 139: has 129 bytes, at most 128 allowed"
        );
    }
}
