//! Ping (0x63, message 0x00): "I am still here" (packets §8.4).
//!
//! | Bytes | Field                                                    |
//! |------:|----------------------------------------------------------|
//! |    10 | header of a group message                                |
//! |    ≥0 | surplus, ignored by receivers since c-toxcore 0.2.8      |

use arbitrary::Arbitrary;
use nom::Parser;

use crate::wire::layout::{Layout, TRAILING};
use crate::wire::parse::{Parsed, field, rest};

/// "I am still here".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Arbitrary)]
pub struct Ping<'a> {
    /// Surplus bytes, which receivers ignore and pass on (D-033).
    pub trailing: &'a [u8],
}

pub(super) static LAYOUT: Layout = Layout { name: "ping", head: super::HEAD, fields: &[TRAILING] };

impl<'a> Ping<'a> {
    /// The message id.
    pub const ID: u8 = 0x00;

    #[inline]
    pub(super) fn parse(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, trailing) = field("ping.trailing", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { trailing }))
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.trailing);
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;
    use crate::wire::MessageBody;
    use crate::wire::testing::{message, reads_and_writes};

    #[test]
    fn a_ping_is_read_and_written() {
        let bytes = hex!("63 0001 0002 00000003 00");
        reads_and_writes(&bytes, message(MessageBody::Ping(Ping { trailing: &[] })), 10);
    }

    #[test]
    fn surplus_after_a_ping_is_kept() {
        let bytes = hex!("63 0001 0002 00000003 00 6869");
        reads_and_writes(&bytes, message(MessageBody::Ping(Ping { trailing: b"hi" })), 10);
    }
}
