//! Packet request (data id 1): which lossless packets were lost (packets §5.6).
//!
//! | Bytes | Field                                                              |
//! |------:|--------------------------------------------------------------------|
//! |     1 | 0x01                                                               |
//! |  rest | steps: 1 to 255 to the next packet that is requested, 0 for 255    |
//! |       | further without a request                                          |
//!
//! Counting begins at ack − 1. Packets that were passed over have arrived.

use nom::Parser;

use crate::wire::layout::{Field, Layout, Shape};
use crate::wire::parse::{Parsed, field, id, rest, whole};
use crate::wire::{DataId, Fault};

/// Which lossless packets were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketRequest<'a> {
    /// One byte per step.
    pub steps: &'a [u8],
}

pub(crate) static LAYOUT: Layout = Layout {
    name: "packet_request",
    head: &[],
    fields: &[
        Field::new("id", Shape::U8, "0x01, packet request"),
        Field::new(
            "steps",
            Shape::Bytes,
            "from one lost packet to the next: 1 to 255, or 0 for 255 without a request",
        ),
    ],
};

impl<'a> PacketRequest<'a> {
    /// Reads the data, its id included.
    ///
    /// # Errors
    ///
    /// The fault, if there is no data or its id is another.
    pub fn parse(data: &'a [u8]) -> Result<Self, Fault> {
        whole(data, Self::parser)
    }

    fn parser(i: &'a [u8]) -> Parsed<'a, Self> {
        let (i, ()) = field("packet_request.id", id(DataId::PACKET_REQUEST.0)).parse(i)?;
        let (i, steps) = field("packet_request.steps", rest(0, usize::MAX)).parse(i)?;
        Ok((i, Self { steps }))
    }

    /// Writes the data, its id included; the exact inverse of [`Self::parse`].
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(DataId::PACKET_REQUEST.0);
        out.extend_from_slice(self.steps);
    }

    /// The numbers requested, in ascending order from `ack`, the ack of the same packet.
    #[must_use]
    pub const fn requested(&self, ack: u32) -> Requested<'a> {
        Requested { steps: self.steps, at: ack.wrapping_sub(1) }
    }

    /// Writes the steps that request `missing` into `steps`.
    ///
    /// `missing` must ascend from `ack` on, modulo 2^32, without repetition.
    pub fn steps_for(ack: u32, missing: impl IntoIterator<Item = u32>, steps: &mut Vec<u8>) {
        let mut at = ack.wrapping_sub(1);
        for number in missing {
            let mut distance = number.wrapping_sub(at);
            while distance > 255 {
                steps.push(0);
                distance -= 255;
            }
            steps.push(u8::try_from(distance).expect("at most 255 are left"));
            at = number;
        }
    }
}

/// The numbers that a [`PacketRequest`] asks for.
#[derive(Clone, Debug)]
pub struct Requested<'a> {
    steps: &'a [u8],
    at: u32,
}

impl Iterator for Requested<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while let Some((&step, steps)) = self.steps.split_first() {
            self.steps = steps;
            let distance = if step == 0 { 255 } else { u32::from(step) };
            self.at = self.at.wrapping_add(distance);
            if step != 0 {
                return Some(self.at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_request_is_read_and_written() {
        let bytes = hex!("01 01 02 00 01 ff");
        let request = PacketRequest::parse(&bytes).unwrap();
        assert_eq!(request, PacketRequest { steps: &bytes[1..] });
        let requested: Vec<u32> = request.requested(10).collect();
        assert_eq!(requested, [10, 12, 12 + 255 + 1, 12 + 255 + 1 + 255]);
        let mut out = Vec::new();
        request.emit(&mut out);
        assert_eq!(out, bytes);
    }

    #[test]
    fn a_packet_request_alone_requests_nothing() {
        assert_eq!(PacketRequest::parse(&[1]).unwrap().requested(7).count(), 0);
        assert_eq!(
            PacketRequest::parse(&[2]).unwrap_err().to_string(),
            "packet_request.id at byte 0: 0x02 belongs to another packet"
        );
    }

    proptest! {
        /// C-007.
        #[test]
        fn every_set_of_missing_numbers_in_a_window_survives(
            ack: u32,
            missing in proptest::collection::btree_set(0..32_768_u32, 0..200),
        ) {
            let missing: Vec<u32> = missing.into_iter().map(|n| ack.wrapping_add(n)).collect();
            let mut steps = Vec::new();
            PacketRequest::steps_for(ack, missing.iter().copied(), &mut steps);
            let read: Vec<u32> = PacketRequest { steps: &steps }.requested(ack).collect();
            prop_assert_eq!(read, missing);
        }
    }

    #[test]
    fn a_distance_of_exactly_255_is_one_step() {
        let mut steps = Vec::new();
        PacketRequest::steps_for(1, [255, 256, 512], &mut steps);
        assert_eq!(steps, [255, 1, 0, 1]);
    }
}
