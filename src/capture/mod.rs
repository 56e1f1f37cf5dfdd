//! Capture files to datagrams: pcap and pcapng from any [`Read`], never seeking, plain or
//! packed with gzip or zstd.
//!
//! Two layers. *Containers* turn bytes into frames (`pcap`, [`pcapng`]); `net` turns frames into
//! UDP datagrams (Ethernet, VLAN, Linux cooked, loopback and raw links; IPv4 and IPv6 with
//! fragments). Memory is bounded by [`Limits`] and does not grow with the input; every frame
//! gives exactly one event, and an error comes only after all that was read before it.

mod buffer;
mod bytes;
mod container;
mod error;
mod input;
mod link;
mod net;
mod pcap;
pub mod pcapng;
mod zstd;

use std::io::Read;
use std::net::SocketAddr;

use crate::time::Timestamp;

use container::{Container, Frame, Item};
pub use error::{Error, Place};
pub use link::LinkType;
use net::{Fragments, Udp};

/// Bounds on what one input may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a packed input may unpack to; more ends with [`Error::TooLarge`].
    pub max_decompressed: u64,
    /// IP datagrams that may wait for missing fragments at one time; the oldest goes first.
    pub fragmented_datagrams: usize,
    /// Nanoseconds of capture time after which a datagram with missing fragments is given up.
    pub fragment_age: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_decompressed: 8 << 30, fragmented_datagrams: 1024, fragment_age: 30_000_000_000 }
    }
}

/// Where in the input something was found; every later complaint points home to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Number of the frame, from 1, over the whole input.
    pub frame: u64,
    /// Byte at which the frame's data begin, in the input after unpacking.
    pub offset: u64,
}

/// One UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When the frame was captured; for fragments, when the last missing one was.
    pub at: Timestamp,
    /// Source address and port.
    pub from: SocketAddr,
    /// Destination address and port.
    pub to: SocketAddr,
    /// What UDP carries, as far as it was captured.
    pub payload: &'a [u8],
    /// The frame; for fragments, the frame that completed the datagram.
    pub origin: Origin,
    /// The headers announce more payload than there is, as after a snap length.
    pub truncated: bool,
    /// Fragments overlapped with differing bytes; the bytes that came first were kept.
    pub overlap: bool,
}

/// What a capture holds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A UDP datagram.
    Datagram(Datagram<'a>),
    /// A frame that gave no UDP datagram.
    Other {
        /// The frame.
        origin: Origin,
        /// When it was captured.
        at: Timestamp,
        /// Why it gave none.
        why: NotUdp,
    },
    /// A comment on a pcapng section, bytes as they stand (UTF-8 by the format's rules).
    Comment(&'a [u8]),
    /// A pcapng Decryption Secrets Block.
    Secrets {
        /// What kind of secrets, as the block numbers them.
        secrets_type: u32,
        /// The secrets without padding.
        data: &'a [u8],
    },
}

/// Why a frame gave no UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotUdp {
    /// A link type that is not read.
    Link(LinkType),
    /// Neither IPv4 nor IPv6; the EtherType, or the length of an 802.3 frame.
    EtherType(u16),
    /// IP with another protocol: 1 ICMP, 6 TCP, 58 ICMPv6 and so on.
    Protocol(u8),
    /// A fragment that waits for others.
    Fragment,
    /// A fragment that waits for others, with bytes that differ from those already there.
    FragmentOverlap,
    /// The frame ends inside this header, as after a snap length.
    Cut(&'static str),
    /// A header that contradicts itself; what and how.
    Malformed(&'static str),
    /// More headers inside each other than are followed.
    TooDeep,
}

impl NotUdp {
    /// A word for tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Link(_) => "other_link",
            Self::EtherType(0x0806) => "arp",
            Self::EtherType(_) => "not_ip",
            Self::Protocol(1) => "icmp",
            Self::Protocol(6) => "tcp",
            Self::Protocol(58) => "icmpv6",
            Self::Protocol(_) => "other_ip",
            Self::Fragment | Self::FragmentOverlap => "fragment",
            Self::Cut(_) => "cut",
            Self::Malformed(_) => "malformed",
            Self::TooDeep => "too_deep",
        }
    }
}

/// What became of fragmented IP datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentCounts {
    /// Datagrams put together.
    pub completed: u64,
    /// Datagrams given up with fragments missing: too old, too many, or too large together.
    pub given_up: u64,
}

/// Reads the events of one capture, in the order of the file.
pub struct Datagrams<R> {
    container: Container<R>,
    fragments: Fragments,
}

impl<R: Read> Datagrams<R> {
    /// Recognises the format of `input` by its first bytes.
    ///
    /// # Errors
    ///
    /// [`Error::NotACapture`] for anything but pcap and pcapng, an empty input included.
    pub fn new(input: R, limits: Limits) -> Result<Self, Error> {
        let fragments = Fragments::new(&limits);
        Ok(Self { container: Container::new(input, &limits)?, fragments })
    }

    /// The next event; `None` at the end and after an error.
    ///
    /// # Errors
    ///
    /// See [`Error`]; all frames before the place of the error were returned.
    #[expect(clippy::should_implement_trait, reason = "events borrow from the reader")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, Error> {
        Ok(match self.container.next()? {
            None => None,
            Some(Item::Frame(Frame { origin, at, link, data })) => {
                let frame = self.container.data(data);
                Some(match net::datagram(link, frame, at, &mut self.fragments) {
                    Ok(Udp { from, to, payload, truncated, overlap }) => {
                        Event::Datagram(Datagram {
                            at,
                            from,
                            to,
                            payload,
                            origin,
                            truncated,
                            overlap,
                        })
                    }
                    Err(why) => Event::Other { origin, at, why },
                })
            }
            Some(Item::Comment(data)) => Some(Event::Comment(self.container.data(data))),
            Some(Item::Secrets { secrets_type, data }) => {
                Some(Event::Secrets { secrets_type, data: self.container.data(data) })
            }
        })
    }

    /// Frames read so far, with and without datagrams.
    pub fn frames(&self) -> u64 {
        self.container.frames()
    }

    /// What became of fragmented datagrams so far; those that still wait are in neither count.
    pub fn fragments(&self) -> FragmentCounts {
        self.fragments.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_is_no_capture_is_refused_in_one_sentence() {
        let refused = |input: &[u8]| Datagrams::new(input, Limits::default()).err().unwrap();
        assert_eq!(refused(b"").to_string(), "not a capture: the input is empty");
        assert_eq!(refused(b"hello, world\n").to_string(), "not a capture: it looks like text");
        assert_eq!(
            refused(&[0x7f, b'E', b'L', b'F']).to_string(),
            "not a capture: it begins with 7f 45 4c 46, not like pcap or pcapng"
        );
    }

    #[test]
    fn a_recording_is_read_back() {
        let mut writer = pcapng::Writer::with_comments(Vec::new(), ["one", "two"]).unwrap();
        let interface = pcapng::Interface {
            link: LinkType::RAW,
            snap_length: 0,
            resolution: pcapng::Resolution::NANOSECONDS,
            name: None,
        };
        writer.interface(interface).unwrap();
        writer.secrets(7, b"secret").unwrap();
        let frame = hex_literal::hex!(
            "45 00 001f 0000 0000 40 11 0000 7f000001 7f000002 8235 8236 000b 0000 616263"
        );
        writer.packet(0, Timestamp::from_nanos(5), &frame, 31).unwrap();
        let file = writer.finish().unwrap();
        let mut datagrams = Datagrams::new(&*file, Limits::default()).unwrap();
        assert_eq!(datagrams.next().unwrap(), Some(Event::Comment(b"one")));
        assert_eq!(datagrams.next().unwrap(), Some(Event::Comment(b"two")));
        let secrets = Event::Secrets { secrets_type: 7, data: b"secret" };
        assert_eq!(datagrams.next().unwrap(), Some(secrets));
        let datagram = Event::Datagram(Datagram {
            at: Timestamp::from_nanos(5),
            from: "127.0.0.1:33333".parse().unwrap(),
            to: "127.0.0.2:33334".parse().unwrap(),
            payload: b"abc",
            origin: Origin { frame: 1, offset: file.len() as u64 - 36 },
            truncated: false,
            overlap: false,
        });
        assert_eq!(datagrams.next().unwrap(), Some(datagram));
        assert_eq!(datagrams.next().unwrap(), None);
        assert_eq!(datagrams.frames(), 1);
    }
}
