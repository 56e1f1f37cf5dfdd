//! Byte tables of all packets as data, and the walk over bytes that they make possible.
//!
//! Each packet's file holds its [`Layout`]: the fields in their order, with name, shape and
//! meaning. [`parts`] lays the table of a packet over its bytes, whether or not they are well
//! formed, and so yields what a detail tree shows, and whatever can be read of a packet that
//! [`Packet::parse`](super::Packet::parse) refuses. The parts never overlap, leave no gap and
//! never leave a byte out.

use std::fmt;
use std::ops::Range;
use std::slice::Iter;

use super::{ConferenceId, ConferenceType, DataId, Nonce, PublicKey, RelayKind, ToxKind};
use super::{dht, direct, invite, lossy, message, net_crypto, online, rejoin, relay, unknown};

/// One field of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name in JSON, filters and faults; `peers.name` is the `name` of each of `peers`.
    pub name: &'static str,
    /// Size and kind of value.
    pub shape: Shape,
    /// What it means, in one line.
    pub meaning: &'static str,
}

impl Field {
    pub(crate) const fn new(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, shape, meaning }
    }
}

/// Size and kind of value of a field. Sizes are bytes, integers big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One byte.
    U8,
    /// Two bytes.
    U16,
    /// Four bytes.
    U32,
    /// A public key, 32 bytes.
    Key,
    /// A nonce, 24 bytes.
    Nonce,
    /// One byte.
    ConferenceType,
    /// 32 bytes.
    ConferenceId,
    /// Bytes of a fixed number.
    Raw(usize),
    /// Zero bytes, as many as there are.
    Zeros,
    /// All bytes that are left.
    Bytes,
    /// All bytes that are left, which are text most of the time.
    Text,
    /// Surplus that receivers ignore; not shown when there is none.
    Trailing,
    /// Entries of a peer list, as many as there are.
    Peers,
    /// Text of the size that the byte before states; in entries of a peer list only.
    Counted,
}

impl Shape {
    /// Size in bytes, where it does not depend on the packet.
    #[must_use]
    pub const fn size(self) -> Option<usize> {
        match self {
            Self::U8 | Self::ConferenceType => Some(1),
            Self::U16 => Some(2),
            Self::U32 => Some(4),
            Self::Nonce => Some(24),
            Self::Key | Self::ConferenceId => Some(32),
            Self::Raw(size) => Some(size),
            Self::Zeros
            | Self::Bytes
            | Self::Text
            | Self::Trailing
            | Self::Peers
            | Self::Counted => None,
        }
    }
}

/// The fields of a packet, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The packet, as faults name it.
    pub name: &'static str,
    /// The header that it shares with others.
    pub head: &'static [Field],
    /// What follows.
    pub fields: &'static [Field],
}

impl Layout {
    /// Header and body in one row.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.head.iter().chain(self.fields)
    }

    /// Lays the table over `bytes`.
    #[must_use]
    pub fn parts<'a>(&self, bytes: &'a [u8]) -> Parts<'a> {
        Parts {
            bytes,
            offset: 0,
            head: self.head.iter(),
            fields: self.fields.iter(),
            entry: None,
            count: 0,
        }
    }
}

/// The value of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// A number.
    Number(u32),
    /// A public key.
    Key(PublicKey),
    /// A nonce.
    Nonce(Nonce),
    /// The type of a conference.
    ConferenceType(ConferenceType),
    /// The id of a conference.
    ConferenceId(ConferenceId),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
    /// Bytes that are text most of the time.
    Text(&'a [u8]),
    /// The packet ends inside this field: the bytes that are there.
    Cut(&'a [u8]),
}

/// A field found in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its row of the table.
    pub field: &'static Field,
    /// Which entry of a list it is in, counted from 0.
    pub index: Option<usize>,
    /// Where it begins, in bytes from the first byte of the packet.
    pub offset: usize,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What they say.
    pub value: Value<'a>,
}

impl Part<'_> {
    /// First byte and the byte after the last, counted from the first byte of the packet.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.bytes.len()
    }

    /// The name with the index in it, such as `peers[0].name`.
    #[must_use]
    pub fn path(&self) -> Path {
        Path { name: self.field.name, index: self.index }
    }
}

/// A field's name with the index in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    name: &'static str,
    index: Option<usize>,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.index, self.name.split_once('.')) {
            (Some(index), Some((list, name))) => write!(f, "{list}[{index}].{name}"),
            _ => f.write_str(self.name),
        }
    }
}

/// Surplus: of packets that tolerate it, and of those that do not.
pub(crate) const TRAILING: Field =
    Field::new("trailing", Shape::Trailing, "bytes after the end of the packet's layout");

/// What follows the fields of a table that has an end.
static SURPLUS: Field = TRAILING;

/// The parts of a packet, in order of their bytes.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    bytes: &'a [u8],
    offset: usize,
    head: Iter<'static, Field>,
    fields: Iter<'static, Field>,
    /// The fields of a list's entry that are still to come, with the entry's index.
    entry: Option<(usize, Iter<'static, Field>)>,
    /// The last one-byte number, which states the size of what follows in an entry.
    count: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        loop {
            let (field, index) = self.next_field()?;
            let size = match field.shape {
                Shape::Peers => {
                    self.entry = Some((0, direct::response::ENTRY.iter()));
                    continue;
                }
                // A longer name ends the list (D-032); it is surplus.
                Shape::Counted if self.count > super::MAX_NAME_SIZE => {
                    self.entry = None;
                    continue;
                }
                Shape::Trailing if self.bytes.is_empty() => continue,
                Shape::Counted => self.count,
                Shape::Zeros => self.bytes.iter().take_while(|&&byte| byte == 0).count(),
                Shape::Bytes | Shape::Text | Shape::Trailing => self.bytes.len(),
                shape => shape.size().unwrap_or(0),
            };
            return self.take(field, index, size);
        }
    }
}

impl<'a> Parts<'a> {
    /// The field that comes next, wherever the walk is: header, entry of a list, body, surplus.
    fn next_field(&mut self) -> Option<(&'static Field, Option<usize>)> {
        if let Some(field) = self.head.next() {
            return Some((field, None));
        }
        if let Some((index, fields)) = &mut self.entry {
            if let Some(field) = fields.next() {
                return Some((field, Some(*index)));
            }
            if !self.bytes.is_empty() {
                *index += 1;
                *fields = direct::response::ENTRY.iter();
                return fields.next().map(|field| (field, Some(*index)));
            }
            self.entry = None;
        }
        if let Some(field) = self.fields.next() {
            return Some((field, None));
        }
        if self.bytes.is_empty() { None } else { Some((&SURPLUS, None)) }
    }

    /// Takes `size` bytes as `field`, or what is left of them, after which nothing follows.
    fn take(
        &mut self,
        field: &'static Field,
        index: Option<usize>,
        size: usize,
    ) -> Option<Part<'a>> {
        let offset = self.offset;
        let (bytes, value) = match self.bytes.split_at_checked(size) {
            Some((bytes, rest)) => {
                self.bytes = rest;
                (bytes, value(field.shape, bytes))
            }
            None => {
                let bytes = std::mem::take(&mut self.bytes);
                self.head = [].iter();
                self.fields = [].iter();
                self.entry = None;
                if bytes.is_empty() {
                    return None;
                }
                (bytes, Value::Cut(bytes))
            }
        };
        if let (Shape::U8, Value::Number(number)) = (field.shape, value) {
            self.count = number as usize;
        }
        self.offset += bytes.len();
        Some(Part { field, index, offset, bytes, value })
    }
}

/// What `bytes`, which have the size of the shape, say.
fn value(shape: Shape, bytes: &[u8]) -> Value<'_> {
    let value = match shape {
        Shape::U8 | Shape::U16 | Shape::U32 => {
            Some(Value::Number(bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))))
        }
        Shape::Key => PublicKey::from_slice(bytes).map(Value::Key),
        Shape::Nonce => Nonce::from_slice(bytes).map(Value::Nonce),
        Shape::ConferenceType => {
            bytes.first().map(|&byte| Value::ConferenceType(ConferenceType(byte)))
        }
        Shape::ConferenceId => ConferenceId::from_slice(bytes).map(Value::ConferenceId),
        Shape::Text | Shape::Counted => Some(Value::Text(bytes)),
        Shape::Raw(_) | Shape::Zeros | Shape::Bytes | Shape::Trailing | Shape::Peers => None,
    };
    value.unwrap_or(Value::Bytes(bytes))
}

/// The layout that the ids in `bytes`, a packet from its data id on, ask for.
///
/// Of a packet that ends before its ids, the header that its first byte asks for.
#[must_use]
pub fn of(bytes: &[u8]) -> &'static Layout {
    let byte = |at: usize| bytes.get(at).copied();
    match byte(0).map(DataId) {
        Some(DataId::CONFERENCE_INVITE) => invite::layout(byte(1)),
        Some(DataId::CONFERENCE_ONLINE) => &online::LAYOUT,
        Some(DataId::CONFERENCE_DIRECT) => direct::layout(byte(3)),
        Some(DataId::CONFERENCE_MESSAGE) => message::layout(byte(9)),
        Some(DataId::CONFERENCE_REJOIN) => &rejoin::LAYOUT,
        Some(DataId::CONFERENCE_LOSSY) => lossy::layout(byte(7)),
        Some(DataId::PACKET_REQUEST) => &net_crypto::PACKET_REQUEST_LAYOUT,
        _ => &unknown::LAYOUT,
    }
}

/// The parts of a packet, from its data id on.
#[must_use]
pub fn parts(bytes: &[u8]) -> Parts<'_> {
    of(bytes).parts(bytes)
}

/// The layout of a UDP datagram of this kind, as far as it is in clear.
#[must_use]
pub fn of_datagram(kind: ToxKind) -> &'static Layout {
    match kind {
        ToxKind(0x00 | 0x01 | 0x02 | 0x04) => &dht::PACKET_LAYOUT,
        ToxKind::DHT_REQUEST => &dht::REQUEST_LAYOUT,
        ToxKind::LAN_DISCOVERY => &dht::LAN_DISCOVERY_LAYOUT,
        ToxKind::COOKIE_REQUEST => &net_crypto::COOKIE_REQUEST_LAYOUT,
        ToxKind::COOKIE_RESPONSE => &net_crypto::COOKIE_RESPONSE_LAYOUT,
        ToxKind::CRYPTO_HANDSHAKE => &net_crypto::HANDSHAKE_LAYOUT,
        ToxKind::CRYPTO_DATA => &net_crypto::DATA_LAYOUT,
        _ => &OTHER_DATAGRAM,
    }
}

/// A datagram that is named and not analysed further.
static OTHER_DATAGRAM: Layout = Layout {
    name: "datagram",
    head: &[],
    fields: &[
        Field::new("kind", Shape::U8, "what the datagram is"),
        Field::new("body", Shape::Bytes, "the rest, not analysed"),
    ],
};

/// The parts of a UDP datagram, as far as they are in clear.
#[must_use]
pub fn datagram_parts(datagram: &[u8]) -> Parts<'_> {
    of_datagram(ToxKind::of(datagram).unwrap_or(ToxKind(0xff))).parts(datagram)
}

/// The layout of a packet that a relay's frame holds.
#[must_use]
pub fn of_relay_packet(kind: RelayKind) -> &'static Layout {
    relay::packet_layout(kind)
}

/// The parts of a packet that a relay's frame holds.
#[must_use]
pub fn relay_packet_parts(packet: &[u8]) -> Parts<'_> {
    of_relay_packet(RelayKind(packet.first().copied().unwrap_or_default())).parts(packet)
}

/// The parts of a relay's frame, whose box is closed.
#[must_use]
pub fn relay_frame_parts(frame: &[u8]) -> Parts<'_> {
    relay::FRAME_LAYOUT.parts(frame)
}

/// The parts of what a client sends its relay first.
#[must_use]
pub fn relay_handshake_parts(handshake: &[u8]) -> Parts<'_> {
    relay::HANDSHAKE_LAYOUT.parts(handshake)
}

/// The parts of what a relay answers to it.
#[must_use]
pub fn relay_answer_parts(answer: &[u8]) -> Parts<'_> {
    relay::ANSWER_LAYOUT.parts(answer)
}

/// The layout of what is sealed in a UDP datagram of this kind, if its shape is known.
#[must_use]
pub fn of_plain(kind: ToxKind) -> Option<&'static Layout> {
    net_crypto::plain_layout(kind)
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::testing::{DHT_KEY, REAL_KEY};

    /// The parts as text: range, path, value.
    fn shown(parts: Parts<'_>) -> Vec<String> {
        parts.map(|part| format!("{:?} {} {:?}", part.range(), part.path(), part.value)).collect()
    }

    const NEW_PEER: [u8; 76] = hex!(
        "63 0001 0002 00000003 10"
        "0004"
        "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    );

    #[test]
    fn the_parts_of_a_packet_are_its_fields_in_order() {
        assert_eq!(
            shown(parts(&NEW_PEER)),
            [
                "0..1 id Number(99)".to_owned(),
                "1..3 group_number Number(1)".to_owned(),
                "3..5 peer_number Number(2)".to_owned(),
                "5..9 message_number Number(3)".to_owned(),
                "9..10 message_id Number(16)".to_owned(),
                "10..12 new_peer_number Number(4)".to_owned(),
                format!("12..44 real_key Key({REAL_KEY})"),
                format!("44..76 dht_key Key({DHT_KEY})"),
            ]
        );
    }

    #[test]
    fn a_packet_that_is_cut_shows_its_last_field_cut() {
        let cut = shown(parts(&NEW_PEER[..46]));
        assert_eq!(cut.len(), 8);
        assert_eq!(cut[7], "44..46 dht_key Cut([224, 225])");
        assert_eq!(shown(parts(&NEW_PEER[..44])).len(), 7);
        assert_eq!(shown(parts(&[])), Vec::<String>::new());
    }

    #[test]
    fn a_packet_that_is_too_long_shows_its_surplus() {
        let long = [&NEW_PEER[..], &[1, 2]].concat();
        let parts = shown(parts(&long));
        assert_eq!(parts.len(), 9);
        assert_eq!(parts[8], "76..78 trailing Bytes([1, 2])");
    }

    #[test]
    fn text_may_be_empty_but_surplus_is_shown_only_when_there_is_some() {
        let name = hex!("63 0001 0002 00000003 30");
        assert_eq!(shown(parts(&name)).last().unwrap(), "10..10 name Text([])");
        let ping = hex!("63 0001 0002 00000003 00");
        assert_eq!(shown(parts(&ping)).last().unwrap(), "9..10 message_id Number(0)");
    }

    #[test]
    fn entries_of_a_peer_list_have_their_index_in_the_path() {
        let mut bytes = hex!("62 0001 09").to_vec();
        for name in [&b"hi"[..], b""] {
            bytes.extend([0, 7]);
            bytes.extend(REAL_KEY.0);
            bytes.extend(DHT_KEY.0);
            bytes.push(name.len() as u8);
            bytes.extend(name);
        }
        bytes.extend([0, 8, 0xff]);
        assert_eq!(
            shown(parts(&bytes)),
            [
                "0..1 id Number(98)".to_owned(),
                "1..3 group_number Number(1)".to_owned(),
                "3..4 direct_kind Number(9)".to_owned(),
                "4..6 peers[0].peer_number Number(7)".to_owned(),
                format!("6..38 peers[0].real_key Key({REAL_KEY})"),
                format!("38..70 peers[0].dht_key Key({DHT_KEY})"),
                "70..71 peers[0].name_length Number(2)".to_owned(),
                "71..73 peers[0].name Text([104, 105])".to_owned(),
                "73..75 peers[1].peer_number Number(7)".to_owned(),
                format!("75..107 peers[1].real_key Key({REAL_KEY})"),
                format!("107..139 peers[1].dht_key Key({DHT_KEY})"),
                "139..140 peers[1].name_length Number(0)".to_owned(),
                "140..140 peers[1].name Text([])".to_owned(),
                "140..142 peers[2].peer_number Number(8)".to_owned(),
                "142..143 peers[2].real_key Cut([255])".to_owned(),
            ]
        );
    }

    #[test]
    fn a_name_that_is_too_long_ends_the_list_and_the_rest_is_surplus() {
        let mut bytes = hex!("62 0001 09 0007").to_vec();
        bytes.extend(REAL_KEY.0);
        bytes.extend(DHT_KEY.0);
        bytes.push(129);
        bytes.extend([b'x'; 200]);
        let parts: Vec<_> = parts(&bytes).collect();
        let [.., length, surplus] = &parts[..] else { panic!("two parts at least") };
        assert_eq!(length.path().to_string(), "peers[0].name_length");
        assert_eq!(length.value, Value::Number(129));
        assert_eq!((surplus.path().to_string().as_str(), surplus.range()), ("trailing", 71..271));
    }

    #[test]
    fn datagrams_and_what_they_seal_have_layouts_too() {
        let data = hex!("1b abcd 00112233");
        assert_eq!(
            shown(datagram_parts(&data)),
            [
                "0..1 kind Number(27)",
                "1..3 nonce_low Number(43981)",
                "3..7 sealed Bytes([0, 17, 34, 51])"
            ]
        );
        let plain = hex!("00000005 00000007 0000 1018");
        assert_eq!(
            shown(of_plain(ToxKind::CRYPTO_DATA).unwrap().parts(&plain)),
            [
                "0..4 ack Number(5)",
                "4..8 number Number(7)",
                "8..10 padding Bytes([0, 0])",
                "10..12 data Bytes([16, 24])",
            ]
        );
        assert_eq!(
            shown(datagram_parts(&hex!("f0 01"))),
            ["0..1 kind Number(240)", "1..2 body Bytes([1])"]
        );
    }

    #[test]
    fn layouts_of_fixed_size_are_as_long_as_their_datagrams() {
        let size = |layout: &Layout| -> Option<usize> {
            layout.all_fields().map(|field| field.shape.size()).sum()
        };
        assert_eq!(size(of_datagram(ToxKind::COOKIE_REQUEST)), Some(145));
        assert_eq!(size(of_datagram(ToxKind::COOKIE_RESPONSE)), Some(161));
        assert_eq!(size(of_datagram(ToxKind::CRYPTO_HANDSHAKE)), Some(385));
        assert_eq!(size(of_datagram(ToxKind::LAN_DISCOVERY)), Some(33));
        assert_eq!(size(of_plain(ToxKind::COOKIE_REQUEST).unwrap()), Some(72));
        assert_eq!(size(of_plain(ToxKind::COOKIE_RESPONSE).unwrap()), Some(120));
        assert_eq!(size(of_plain(ToxKind::CRYPTO_HANDSHAKE).unwrap()), Some(232));
        assert_eq!(size(of(&hex!("60 00"))), Some(37));
        assert_eq!(size(of(&hex!("60 01"))), Some(39));
        assert_eq!(size(of(&hex!("60 02"))), Some(41));
        assert_eq!(size(of(&hex!("61"))), Some(36));
        assert_eq!(size(of(&NEW_PEER)), Some(76));
    }
}
