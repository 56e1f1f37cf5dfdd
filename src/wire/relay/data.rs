//! Data on a connection through a relay (kinds 0x10 to 0xff; packets §6.3).
//!
//! | Bytes | Field                                                              |
//! |------:|--------------------------------------------------------------------|
//! |     1 | number of the connection, which is the kind (D-072)                |
//! |    ≥0 | what the other client gets: a net_crypto packet                    |

use crate::wire::layout::{Field, Layout, Shape};

/// Data on a connection. The relay writes the receiver's number of it in the place of the sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayData<'a> {
    /// The connection, 16 or more, as the client at hand counts.
    pub connection_id: u8,
    /// What the other client gets.
    pub data: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout {
    name: "relay_data",
    head: &[],
    fields: &[super::CONNECTION_ID, Field::new("data", Shape::Bytes, "for the other client")],
};

impl RelayData<'_> {
    /// Writes the whole packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.connection_id);
        out.extend_from_slice(self.data);
    }
}
