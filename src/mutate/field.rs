//! Mutations of one field.

use super::known::Sort;
use super::{Change, Content, Mutated, Subject};
use crate::simulate::Chance;
use crate::wire::layout::{Part, Shape, Value};
use crate::wire::net_crypto::MAX_DATA_SIZE;
use crate::wire::{DataId, MAX_NAME_SIZE};

/// Distances at which receivers decide: neighbours, and the windows of 8 messages (of older clients) and of
/// 256 lossy ones, with what lies beside them.
const DISTANCES: &[u32] = &[1, 2, 7, 8, 9, 127, 128, 129, 255, 256, 257];

/// Bytes that are no UTF-8, or that somebody might obey.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xc3",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\x1b]0;title\x07",
    b"\x1b[2J",
    "\u{202e}".as_bytes(),
    "\u{200d}".as_bytes(),
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}".as_bytes(),
    "\u{1f469}\u{200d}\u{1f680}".as_bytes(),
    b"%s%n",
    b"</script>",
    b"../../",
];

/// Ids of messages, direct packets and invitations that there are, and some that there are not.
const IDS: &[u8] = &[
    0x00, 0x01, 0x02, 0x03, 0x08, 0x09, 0x0a, 0x10, 0x11, 0x12, 0x13, 0x30, 0x31, 0x40, 0x41, 0xc0,
    0xff,
];

/// What bytes in the place of a part say, as it is told.
pub(super) fn told(part: &Part<'_>, bytes: &[u8]) -> Content {
    match part.field.shape {
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::ConferenceType if bytes.len() <= 4 => {
            Content::Number(number(bytes))
        }
        Shape::Text | Shape::Counted => Content::Text(bytes.to_vec()),
        _ => Content::Bytes(bytes.to_vec()),
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Another value in the place of a part, of any size.
fn replaced(subject: &Subject<'_>, part: &Part<'_>, name: &'static str, by: &[u8]) -> Mutated {
    let change = Change {
        name,
        field: part.path().to_string(),
        before: told(part, part.bytes),
        after: told(part, by),
    };
    Mutated { bytes: subject.with(part.range(), by), change }
}

/// A number or type that says nothing about the shape of the packet.
fn is_plain_number(part: &Part<'_>) -> bool {
    let shape = part.field.shape;
    matches!(shape, Shape::U16 | Shape::U32 | Shape::ConferenceType)
        && !matches!(part.value, Value::Cut(_))
}

/// The low bytes of a number, as many as a part has.
fn low_bytes(part: &Part<'_>, number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes.get(bytes.len().saturating_sub(part.bytes.len())..).unwrap_or(&bytes).to_vec()
}

pub(super) fn number_at_edge(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, is_plain_number)?;
    let most = u32::MAX >> (32 - 8 * part.bytes.len().clamp(1, 4));
    let edges = [0, 1, most / 2, most / 2 + 1, most - 1, most];
    let edge = edges.get(chance.index(edges.len()))?;
    Some(replaced(subject, &part, "number_at_edge", &low_bytes(&part, *edge)))
}

pub(super) fn number_near(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, is_plain_number)?;
    let distance = *DISTANCES.get(chance.index(DISTANCES.len()))?;
    let now = number(part.bytes);
    let near = if chance.happens(500_000) {
        now.wrapping_add(distance)
    } else {
        now.wrapping_sub(distance)
    };
    Some(replaced(subject, &part, "number_near", &low_bytes(&part, near)))
}

pub(super) fn number_of_other(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part =
        subject.one(chance, |part| is_plain_number(part) && Sort::of(part.field).is_some())?;
    let others = subject.known.others(Sort::of(part.field)?, part.bytes);
    let other = others.get(chance.index(others.len()))?;
    Some(replaced(subject, &part, "number_of_other", other))
}

/// The packet says that it is another one; what follows stays.
pub(super) fn id(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let names = ["id", "invite_kind", "direct_kind", "message_id"];
    let part = subject.one(chance, |part| names.contains(&part.field.name))?;
    let other = if part.field.name != "id" {
        let any = u8::try_from(chance.below(256)).unwrap_or(0);
        let known = *IDS.get(chance.index(IDS.len()))?;
        if chance.happens(200_000) { any } else { known }
    } else {
        let now = *part.bytes.first()?;
        let all: &[u8] = if now == DataId::CONFERENCE_LOSSY.0 {
            &[0xc0, 0xc6, 0xc8, 0xfe]
        } else {
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x5f, 0x65, 0x40, 0xbf]
        };
        *all.get(chance.index(all.len()))?
    };
    Some(replaced(subject, &part, "other_id", &[other]))
}

/// A key or id is that of somebody else, nobody's, or nearly the same.
pub(super) fn key(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let is_key =
        |part: &Part<'_>| matches!(Sort::of(part.field), Some(Sort::Key | Sort::Conference));
    let part = subject.one(chance, |part| is_key(part) && !matches!(part.value, Value::Cut(_)))?;
    let others = subject.known.others(Sort::of(part.field)?, part.bytes);
    let (name, value) = match chance.below(5) {
        0 => ("key_zero", vec![0; part.bytes.len()]),
        1 => ("key_ones", vec![0xff; part.bytes.len()]),
        2 => {
            let mut value = part.bytes.to_vec();
            let place = chance.index(value.len());
            *value.get_mut(place)? ^= 1 << chance.below(8);
            ("key_nearly_same", value)
        }
        _ => ("key_of_other", others.get(chance.index(others.len()))?.to_vec()),
    };
    Some(replaced(subject, &part, name, &value))
}

fn is_text(part: &Part<'_>) -> bool {
    matches!(part.field.shape, Shape::Text | Shape::Counted) && !matches!(part.value, Value::Cut(_))
}

/// Another text; if a byte before it states its size, that follows.
fn other_text(
    subject: &Subject<'_>,
    part: &Part<'_>,
    name: &'static str,
    text: &[u8],
) -> Option<Mutated> {
    let mut made = replaced(subject, part, name, text);
    if part.field.shape == Shape::Counted {
        let length = made.bytes.get_mut(part.offset.checked_sub(1)?)?;
        *length = u8::try_from(text.len()).ok()?;
    }
    Some(made)
}

/// A text has a size at which receivers decide.
pub(super) fn text_size(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, is_text)?;
    let room = MAX_DATA_SIZE - (subject.bytes.len() - part.bytes.len()).min(MAX_DATA_SIZE);
    let room = if part.field.shape == Shape::Counted { room.min(255) } else { room };
    let limit = MAX_NAME_SIZE;
    let sizes = [0, 1, limit - 1, limit, limit + 1, 255, 256, room];
    let size = (*sizes.get(chance.index(sizes.len()))?).min(room);
    let letters = part.bytes.iter().copied().chain(std::iter::repeat(b'x'));
    other_text(subject, &part, "text_size", &letters.take(size).collect::<Vec<_>>())
}

/// A text has something in it that is no UTF-8, or that somebody might obey.
pub(super) fn text_content(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, is_text)?;
    let piece = *PIECES.get(chance.index(PIECES.len()))?;
    let place = chance.index(part.bytes.len() + 1);
    let (before, after) = part.bytes.split_at_checked(place)?;
    other_text(subject, &part, "text_content", &[before, piece, after].concat())
}

/// A size says something else than what follows.
pub(super) fn length_lies(subject: &Subject<'_>, chance: &mut Chance) -> Option<Mutated> {
    let part = subject.one(chance, |part| part.field.name == "peers.name_length")?;
    let now = *part.bytes.first()?;
    let limit = u8::try_from(MAX_NAME_SIZE).ok()?;
    let lies = [0, now.wrapping_sub(1), now.wrapping_add(1), limit, limit + 1, u8::MAX];
    let lie = *lies.get(chance.index(lies.len()))?;
    Some(replaced(subject, &part, "length_lies", &[lie]))
}
