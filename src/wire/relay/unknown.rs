//! Packets that are named and not read further: onion and forward packets, reserved kinds (packets §6.3).

use super::RelayKind;
use crate::wire::layout::{Field, Layout, Shape};

/// A packet that is named and not read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayUnknown<'a> {
    /// 0x08 to 0x0f.
    pub kind: RelayKind,
    /// What follows.
    pub body: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "relay_packet",
    head: &[],
    fields: &[super::KIND, Field::new("body", Shape::Bytes, "the rest, not read")],
};

impl RelayUnknown<'_> {
    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.kind.0);
        out.extend_from_slice(self.body);
    }
}
