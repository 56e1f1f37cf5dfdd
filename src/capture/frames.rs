//! A capture as it stands: its frames with all their bytes, for those who copy them.

use std::io::Read;

use super::container::{Container, Format, Item, Kind};
use super::{Error, Limits, LinkType, Origin};
use crate::time::Timestamp;

/// What a capture holds next, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// See [`Event::Comment`](super::Event::Comment).
    Comment(&'a [u8]),
    /// See [`Event::Secrets`](super::Event::Secrets).
    Secrets {
        /// What kind of secrets, as the block numbers them.
        secrets_type: u32,
        /// The secrets without padding.
        data: &'a [u8],
    },
}

/// A frame, as it stands in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where it is.
    pub origin: Origin,
    /// When it was captured.
    pub at: Timestamp,
    /// What it begins with.
    pub link: LinkType,
    /// As many of its bytes as were captured.
    pub bytes: &'a [u8],
    /// How many bytes it had on the wire.
    pub original_len: u32,
}

/// Reads a capture frame by frame.
pub struct Frames<R> {
    container: Container<R>,
}

impl<R: Read> Frames<R> {
    /// Recognises the format of `input` by its first bytes.
    ///
    /// # Errors
    ///
    /// As [`Datagrams::new`](super::Datagrams::new).
    pub fn new(input: R, limits: &Limits) -> Result<Self, Error> {
        Ok(Self { container: Container::new(input, limits)? })
    }

    /// What comes next; `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    #[expect(clippy::should_implement_trait, reason = "blocks borrow from the reader")]
    pub fn next(&mut self) -> Result<Option<Block<'_>>, Error> {
        let Some(Item { kind, data, at, link }) = self.container.next()? else { return Ok(None) };
        let original_len = match &self.container.format {
            Format::Pcap(pcap) => pcap.original,
            Format::Pcapng(pcapng) => pcapng.original,
            Format::Finished => 0,
        };
        Ok(Some(match kind {
            Kind::Frame => {
                let origin = self.container.count_frame(data);
                let bytes = self.container.data(data);
                Block::Frame(Frame { origin, at, link, bytes, original_len })
            }
            Kind::Comment => Block::Comment(self.container.data(data)),
            Kind::Secrets { secrets_type } => {
                Block::Secrets { secrets_type, data: self.container.data(data) }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::Order;
    use super::super::testing::{Bytes, ipv4, udp};
    use super::*;

    #[test]
    fn frames_are_given_as_they_stand_with_the_lengths_that_they_had() {
        let frame = ipv4(17, 0, 0, &udp(b"hi"));
        for order in [Order::Little, Order::Big] {
            let pcap = Bytes::new(order).pcap(0xa1b2_c3d4, 101).record(3, 7, &frame).bytes;
            let pcapng = Bytes::new(order)
                .section(&Bytes::new(order).option(1, b"one").bytes)
                .block(10, &Bytes::new(order).u32(7).u32(3).raw(b"key").bytes)
                .interface(LinkType::RAW, 0, &[])
                .enhanced(0, 5, &frame)
                .bytes;
            for (file, before) in [(pcap, 0), (pcapng, 2)] {
                let mut frames = Frames::new(&*file, &Limits::default()).unwrap();
                for _ in 0..before {
                    assert!(!matches!(frames.next(), Ok(Some(Block::Frame(_)))));
                }
                let Some(Block::Frame(found)) = frames.next().unwrap() else { panic!("a frame") };
                assert_eq!(
                    (found.link, found.bytes, found.origin.frame),
                    (LinkType::RAW, &*frame, 1)
                );
                assert_eq!(usize::try_from(found.original_len).unwrap(), frame.len());
                assert_eq!(frames.next().unwrap(), None);
            }
        }
    }
}
