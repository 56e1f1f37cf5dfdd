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
use super::parse::{Parsed, field, u8};
use super::{DataId, GroupNumber, Packet};

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
pub(super) fn parse(i: &[u8]) -> Parsed<'_, Packet<'_>> {
    let (i, group) = field("direct.group_number", GroupNumber::parse).parse(i)?;
    let (i, kind) = field("direct.direct_kind", u8).parse(i)?;
    match kind {
        INTRODUCED => {
            PeerIntroduced::parse(group, i).map(|(i, it)| (i, Packet::PeerIntroduced(it)))
        }
        QUERY => PeerQuery::parse(group, i).map(|(i, it)| (i, Packet::PeerQuery(it))),
        RESPONSE => PeerResponse::parse(group, i).map(|(i, it)| (i, Packet::PeerResponse(it))),
        TITLE => TitleResponse::parse(group, i).map(|(i, it)| (i, Packet::TitleResponse(it))),
        kind => DirectUnknown::parse(group, kind, i).map(|(i, it)| (i, Packet::DirectUnknown(it))),
    }
}

/// Writes what all direct packets begin with.
fn emit_head(group: GroupNumber, kind: u8, out: &mut Vec<u8>) {
    out.push(DataId::CONFERENCE_DIRECT.0);
    group.emit(out);
    out.push(kind);
}
