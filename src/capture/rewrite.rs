//! Copies a capture with other comments and secrets in it. Every block that is not changed is copied
//! byte for byte; a pcap file, which has no place for either, becomes pcapng.

use std::io::{self, Read, Write};

use super::bytes::Order;
use super::container::{Container, Format};
use super::pcap::Pcap;
use super::pcapng::{Interface, Options, Pcapng, Writer, block, option};
use super::{Error, Limits};
use crate::capture::buffer::Buffer;

/// What to change. A comment is one on a section.
pub struct Changes<'a> {
    /// Comments to add to the first section, before those that it has.
    pub add: &'a [&'a str],
    /// Which comments stay.
    pub keep_comment: &'a dyn Fn(&[u8]) -> bool,
    /// Whether Decryption Secrets Blocks stay, of whatever type.
    pub keep_secrets: bool,
}

/// What was changed.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// Comments that were left out.
    pub comments_left_out: u64,
    /// Decryption Secrets Blocks that were left out.
    pub secrets_left_out: u64,
    /// Whether the input was a pcap file.
    pub was_pcap: bool,
    /// What ended the input early; everything before it was copied.
    pub error: Option<Error>,
}

/// Copies `input` to `out`, unpacked.
///
/// # Errors
///
/// Those of `out`, and `InvalidInput` for comments that do not fit into a section header. What is
/// wrong with the input is in [`Rewritten::error`].
pub fn rewrite<R: Read, W: Write>(
    input: R,
    limits: &Limits,
    mut out: W,
    changes: &Changes<'_>,
) -> io::Result<Rewritten> {
    let mut done = Rewritten::default();
    let Container { mut buffer, format } = match Container::new(input, limits) {
        Ok(container) => container,
        Err(error) => return Ok(Rewritten { error: Some(error), ..done }),
    };
    match format {
        Format::Pcapng(pcapng) => {
            let mut copy = Copy { pcapng, changes, done: &mut done, sections: 0 };
            while let Some(total) = copy.next(&mut buffer, &mut out)? {
                buffer.consume(total);
            }
        }
        Format::Pcap(pcap) => {
            done.was_pcap = true;
            done.error = convert(pcap, &mut buffer, &mut out, changes)?;
        }
        Format::Finished => {}
    }
    out.flush()?;
    Ok(done)
}

/// A pcapng file on its way.
struct Copy<'a> {
    pcapng: Pcapng,
    changes: &'a Changes<'a>,
    done: &'a mut Rewritten,
    sections: u64,
}

impl Copy<'_> {
    /// Copies the next block and gives its length; `None` at the end, or where the input is at fault.
    fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        out: &mut impl Write,
    ) -> io::Result<Option<usize>> {
        let (block_type, total) = match self.pcapng.block(buffer) {
            Ok(Some(block)) => block,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.done.error = Some(error);
                return Ok(None);
            }
        };
        let bytes = buffer.ready().get(..total).unwrap_or_default();
        match block_type {
            block::SECTION_HEADER => match self.section(bytes)? {
                Some(changed) => out.write_all(&changed)?,
                None => out.write_all(bytes)?,
            },
            block::SECRETS if !self.changes.keep_secrets => self.done.secrets_left_out += 1,
            _ => out.write_all(bytes)?,
        }
        Ok(Some(total))
    }

    /// A section header with other comments; `None` if it stays as it is.
    fn section(&mut self, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let order = self.pcapng.order;
        self.sections += 1;
        let add = if self.sections == 1 { self.changes.add } else { &[] };
        let front = bytes.get(..FRONT).unwrap_or_default();
        let options = bytes.get(FRONT..bytes.len().saturating_sub(4)).unwrap_or_default();
        let mut header = Block { bytes: front.to_vec(), order };
        // A length that is stated would be wrong once a block of the section is gone.
        let states_length = front.get(16..) != Some(&[0xff; 8]);
        let unstates = states_length && !self.changes.keep_secrets;
        if let Some(length) = header.bytes.get_mut(16..)
            && unstates
        {
            length.fill(0xff);
        }
        for comment in add {
            header.option(option::COMMENT, comment.as_bytes())?;
        }
        let (mut left_out, mut any) = (0, !add.is_empty());
        // Damaged options end the list here; whoever reads the file says so.
        for (code, value) in Options::new(options, order).flatten() {
            if code == option::COMMENT && !(self.changes.keep_comment)(value) {
                left_out += 1;
            } else {
                header.option(code, value)?;
                any = true;
            }
        }
        if left_out == 0 && add.is_empty() && !unstates {
            return Ok(None);
        }
        self.done.comments_left_out += left_out;
        if any {
            header.option(option::END, &[])?;
        }
        header.end().map(Some)
    }
}

/// Bytes of a section header before its options.
const FRONT: usize = 24;

/// Most bytes that one block may have, as readers have it.
const MAX_BLOCK: usize = 16 << 20;

/// A block in the making, in either byte order.
struct Block {
    bytes: Vec<u8>,
    order: Order,
}

impl Block {
    fn option(&mut self, code: u16, value: &[u8]) -> io::Result<()> {
        let length = u16::try_from(value.len()).map_err(|_| too_long())?;
        for number in [code, length] {
            self.bytes.extend_from_slice(&match self.order {
                Order::Little => number.to_le_bytes(),
                Order::Big => number.to_be_bytes(),
            });
        }
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        Ok(())
    }

    fn end(mut self) -> io::Result<Vec<u8>> {
        let total = self.bytes.len() + 4;
        let total =
            u32::try_from(total).ok().filter(|_| total <= MAX_BLOCK).ok_or_else(too_long)?;
        let total = match self.order {
            Order::Little => total.to_le_bytes(),
            Order::Big => total.to_be_bytes(),
        };
        self.bytes.extend_from_slice(&total);
        if let Some(length) = self.bytes.get_mut(4..8) {
            length.copy_from_slice(&total);
        }
        Ok(self.bytes)
    }
}

fn too_long() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "comments of more than 16 MiB do not fit into a section header",
    )
}

/// Copies a pcap file; gives what ended it early.
fn convert<R: Read>(
    mut pcap: Pcap,
    buffer: &mut Buffer<R>,
    out: &mut impl Write,
    changes: &Changes<'_>,
) -> io::Result<Option<Error>> {
    let mut writer = Writer::with_comments(out, changes.add.iter().copied())?;
    let interface = writer.interface(Interface {
        link: pcap.link,
        snap_length: pcap.snap_length,
        resolution: pcap.resolution(),
        name: None,
    })?;
    loop {
        match pcap.next(buffer) {
            Ok(Some(item)) => {
                writer.packet(interface, item.at, buffer.slice(item.data), pcap.original)?;
            }
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::capture::testing::{Bytes, ipv4, read, udp};

    const NOTHING: Changes<'_> = Changes { add: &[], keep_comment: &|_| true, keep_secrets: true };

    fn rewritten(input: &[u8], changes: &Changes<'_>) -> (Vec<u8>, Rewritten) {
        let mut out = Vec::new();
        let done = rewrite(input, &Limits::default(), &mut out, changes).unwrap();
        (out, done)
    }

    /// A file with everything that could get lost: options, blocks of unknown types, two sections.
    fn file(order: Order, comments: &[&[u8]], secrets: bool) -> Vec<u8> {
        let mut options = Bytes::new(order).option(4, b"dumpcap");
        for comment in comments {
            options = options.option(1, comment);
        }
        let options = options.option(0, &[]).bytes;
        let mut file = Bytes::new(order).section(&options).block(0x0bad, b"unknown.");
        if secrets {
            file = file.block(10, &Bytes::new(order).u32(7).u32(3).raw(b"key").bytes);
        }
        file.interface(LinkType::RAW, 0, &Bytes::new(order).option(2, b"lo").bytes)
            .enhanced(0, 5, &ipv4(17, 0, 0, &udp(b"hi")))
            .block(5, &[0; 12])
            .section(&[])
            .bytes
    }

    #[test]
    fn a_file_without_changes_is_copied_byte_for_byte() {
        for order in [Order::Little, Order::Big] {
            let whole = file(order, &[b"one", b""], true);
            let (out, done) = rewritten(&whole, &NOTHING);
            assert_eq!((out, done.error.is_none()), (whole, true));
        }
    }

    #[test]
    fn what_was_added_is_taken_away_again_and_nothing_else() {
        for order in [Order::Little, Order::Big] {
            let whole = file(order, &[b"mine", b"theirs"], false);
            let (with, done) = rewritten(&whole, &Changes { add: &["new", "newer"], ..NOTHING });
            assert_eq!((done.comments_left_out, done.error.is_none()), (0, true));
            assert_eq!(with, file(order, &[b"mine", b"theirs"], false).splice_front(order));
            let keep_comment = |comment: &[u8]| !comment.starts_with(b"new");
            let (without, done) =
                rewritten(&with, &Changes { keep_comment: &keep_comment, ..NOTHING });
            assert_eq!((without, done.comments_left_out), (whole, 2));
        }
    }

    trait SpliceFront {
        fn splice_front(self, order: Order) -> Self;
    }

    impl SpliceFront for Vec<u8> {
        /// The first section header with the comments "new" and "newer" before its options.
        fn splice_front(mut self, order: Order) -> Self {
            let new = Bytes::new(order).option(1, b"new").option(1, b"newer").bytes;
            let number = |at: usize, bytes: &[u8]| {
                let four: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
                if order == Order::Little {
                    u32::from_le_bytes(four)
                } else {
                    u32::from_be_bytes(four)
                }
            };
            let total = number(4, &self) as usize;
            let longer = u32::try_from(total + new.len()).unwrap();
            let longer =
                if order == Order::Little { longer.to_le_bytes() } else { longer.to_be_bytes() };
            self[4..8].copy_from_slice(&longer);
            self[total - 4..total].copy_from_slice(&longer);
            self.splice(24..24, new);
            self
        }
    }

    #[test]
    fn secrets_blocks_are_left_out_and_a_length_of_the_section_that_is_no_longer_true() {
        for order in [Order::Little, Order::Big] {
            let whole = file(order, &[], true);
            let (out, done) = rewritten(&whole, &Changes { keep_secrets: false, ..NOTHING });
            assert_eq!((out, done.secrets_left_out), (file(order, &[], false), 1));
            let mut stated = whole;
            stated[16..24].copy_from_slice(&[0, 0, 0, 1, 1, 0, 0, 0]);
            let (out, _) = rewritten(&stated, &Changes { keep_secrets: false, ..NOTHING });
            assert_eq!(out, file(order, &[], false));
        }
    }

    #[test]
    fn a_pcap_file_becomes_pcapng_with_the_same_frames() {
        for (order, magic) in [(Order::Little, 0xa1b2_c3d4), (Order::Big, 0xa1b2_3c4d)] {
            let frame = ipv4(17, 0, 0, &udp(b"hi"));
            let pcap = Bytes::new(order).pcap(magic, 101).record(3, 7, &frame).bytes;
            let (out, done) = rewritten(&pcap, &Changes { add: &["new"], ..NOTHING });
            assert!(done.was_pcap && done.error.is_none());
            let (mut seen, error) = read(&*out);
            assert_eq!((seen.len(), error), (2, None));
            assert_eq!(seen.remove(0), crate::capture::testing::Seen::Comment(b"new".to_vec()));
        }
    }

    #[test]
    fn a_file_cut_short_is_copied_as_far_as_it_is_whole() {
        let whole = file(Order::Little, &[b"one"], true);
        for length in 0..whole.len() {
            let (out, done) = rewritten(&whole[..length], &NOTHING);
            assert!(whole.starts_with(&out), "{length}");
            assert!(out.len() == length || done.error.is_some(), "{length}");
        }
    }

    #[test]
    fn too_many_comments_are_refused() {
        let long = "x".repeat(65_535);
        let add = vec![long.as_str(); 260];
        let whole = file(Order::Little, &[], false);
        let result =
            rewrite(&*whole, &Limits::default(), Vec::new(), &Changes { add: &add, ..NOTHING });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
