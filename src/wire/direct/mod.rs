//! Direct packets (0x62), between neighbours in a conference (packets §8.3).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |     1 | 0x62                                                     |
//! |     2 | group number, as the receiver counts                     |
//! |     1 | kind: 1 introduced, 8 query, 9 response, 10 title        |
//! |  rest | per kind                                                 |

mod introduced;
mod query;
pub(crate) mod response;
mod title;
mod unknown;

use nom::Parser;

pub use introduced::PeerIntroduced;
pub use query::PeerQuery;
pub use response::{PeerEntries, PeerEntry, PeerResponse};
pub use title::TitleResponse;
pub use unknown::DirectUnknown;

use super::layout::{Field, Layout, Shape};
use super::packet::End;
use super::parse::{Parsed, field, u8};
use super::{DataId, GroupNumber, Malformed, Packet};

const INTRODUCED: u8 = 0x01;
const QUERY: u8 = 0x08;
const RESPONSE: u8 = 0x09;
const TITLE: u8 = 0x0a;

/// What all direct packets begin with.
const HEAD: &[Field] = &[
    Field::new("id", Shape::U8, "0x62, direct packet"),
    Field::new("group_number", Shape::U16, "index of the conference at the receiver"),
    Field::new("direct_kind", Shape::U8, "1 introduced, 8 query, 9 response, 10 title"),
];

/// The layout for a kind; without one, of the header.
pub(crate) fn layout(kind: Option<u8>) -> &'static Layout {
    match kind {
        Some(INTRODUCED) => &introduced::LAYOUT,
        Some(QUERY) => &query::LAYOUT,
        Some(RESPONSE) => &response::LAYOUT,
        Some(TITLE) => &title::LAYOUT,
        Some(_) | None => &unknown::LAYOUT,
    }
}

/// Reads what follows the packet id.
#[inline]
pub(super) fn parse<'a>(end: End<'a>, i: &'a [u8]) -> Result<Packet<'a>, Malformed<'a>> {
    let (i, (group, kind)) = match head(i) {
        Ok(read) => read,
        Err(error) => return Err(end.malformed(error)),
    };
    match kind {
        INTRODUCED => end.packet(PeerIntroduced::parse(group, i), Packet::PeerIntroduced),
        QUERY => end.packet(PeerQuery::parse(group, i), Packet::PeerQuery),
        RESPONSE => end.packet(PeerResponse::parse(group, i), Packet::PeerResponse),
        TITLE => end.packet(TitleResponse::parse(group, i), Packet::TitleResponse),
        kind => end.packet(DirectUnknown::parse(group, kind, i), Packet::DirectUnknown),
    }
}

/// Group number and kind.
#[inline]
fn head(i: &[u8]) -> Parsed<'_, (GroupNumber, u8)> {
    let (i, group) = field("direct.group_number", GroupNumber::parse).parse(i)?;
    let (i, kind) = field("direct.direct_kind", u8).parse(i)?;
    Ok((i, (group, kind)))
}

/// Writes what all direct packets begin with.
fn emit_head(group: GroupNumber, kind: u8, out: &mut Vec<u8>) {
    out.push(DataId::CONFERENCE_DIRECT.0);
    group.emit(out);
    out.push(kind);
}
