//! Writes pcapng, as recordings and tests need it: one section, in little-endian byte order.

use std::io::{self, Write};

use super::{BYTE_ORDER_MAGIC, Resolution, block, option};
use crate::capture::LinkType;
use crate::time::Timestamp;

/// What an Interface Description Block states.
#[derive(Clone, Copy, Debug)]
pub struct Interface<'a> {
    /// What its frames begin with.
    pub link: LinkType,
    /// Most bytes that are kept of a frame; 0 for all.
    pub snap_length: u32,
    /// Resolution of its time stamps: microseconds or nanoseconds.
    pub resolution: Resolution,
    /// Its name on the capturing machine.
    pub name: Option<&'a str>,
}

/// Writes one pcapng section.
///
/// Each call writes whole blocks with one `write_all` a block; wrap files in a `BufWriter`.
pub struct Writer<W> {
    out: W,
    /// Nanoseconds in one tick, by interface.
    ticks: Vec<u64>,
    block: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a section without comments.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn new(out: W) -> io::Result<Self> {
        Self::with_comments(out, [])
    }

    /// Begins a section with comments of at most 65 535 bytes each.
    ///
    /// # Errors
    ///
    /// Those of `out`; `InvalidInput` for a longer comment.
    pub fn with_comments<'a>(
        out: W,
        comments: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<Self> {
        let mut writer = Self { out, ticks: Vec::new(), block: Vec::new() };
        writer.begin(block::SECTION_HEADER);
        writer.u32(BYTE_ORDER_MAGIC);
        writer.u16(1); // major version
        writer.u16(0); // minor version
        writer.block.extend_from_slice(&u64::MAX.to_le_bytes()); // section length: not stated
        let mut any = false;
        for comment in comments {
            writer.option(option::COMMENT, comment.as_bytes())?;
            any = true;
        }
        if any {
            writer.option(option::END, &[])?;
        }
        writer.end()?;
        Ok(writer)
    }

    /// Adds an interface and returns its number, from 0.
    ///
    /// # Errors
    ///
    /// Those of `out`; `InvalidInput` for a resolution that is neither microseconds nor
    /// nanoseconds, or a name longer than 65 535 bytes.
    pub fn interface(&mut self, interface: Interface<'_>) -> io::Result<u32> {
        let tick = match interface.resolution {
            Resolution::MICROSECONDS => 1000,
            Resolution::NANOSECONDS => 1,
            Resolution(_) => return Err(invalid("only microseconds and nanoseconds are written")),
        };
        let number = u32::try_from(self.ticks.len()).map_err(|_| invalid("too many interfaces"))?;
        self.begin(block::INTERFACE);
        self.u16(interface.link.0);
        self.u16(0); // reserved
        self.u32(interface.snap_length);
        if let Some(name) = interface.name {
            self.option(option::IF_NAME, name.as_bytes())?;
        }
        self.option(option::IF_TSRESOL, &[interface.resolution.0])?;
        self.option(option::END, &[])?;
        self.end()?;
        self.ticks.push(tick);
        Ok(number)
    }

    /// Adds secrets of a numbered type.
    ///
    /// # Errors
    ///
    /// Those of `out`; `InvalidInput` for 4 GiB and more.
    pub fn secrets(&mut self, secrets_type: u32, data: &[u8]) -> io::Result<()> {
        self.begin(block::SECRETS);
        self.u32(secrets_type);
        self.u32(u32::try_from(data.len()).map_err(|_| invalid("secrets too long"))?);
        self.padded(data);
        self.end()
    }

    /// Adds a frame of `original_len` bytes of which `data` was kept.
    ///
    /// Moments before 1970 are written as 1970.
    ///
    /// # Errors
    ///
    /// Those of `out`; `InvalidInput` for an interface that was not added.
    pub fn packet(
        &mut self,
        interface: u32,
        at: Timestamp,
        data: &[u8],
        original_len: u32,
    ) -> io::Result<()> {
        let tick = usize::try_from(interface).ok().and_then(|i| self.ticks.get(i).copied());
        let tick = tick.ok_or_else(|| invalid("no such interface"))?;
        let ticks = u64::try_from(at.as_nanos()).unwrap_or(0) / tick;
        self.begin(block::ENHANCED_PACKET);
        self.u32(interface);
        self.u32((ticks >> 32) as u32);
        self.u32(ticks as u32);
        self.u32(u32::try_from(data.len()).map_err(|_| invalid("frame too long"))?);
        self.u32(original_len);
        self.padded(data);
        self.end()
    }

    /// The output, to take away what was written.
    pub const fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Passes on to the output whatever it holds back.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The output, after [`Self::flush`].
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn begin(&mut self, block_type: u32) {
        self.block.clear();
        self.u32(block_type);
        self.u32(0); // total length, known in `end`
    }

    fn end(&mut self) -> io::Result<()> {
        let total = u32::try_from(self.block.len() + 4).map_err(|_| invalid("block too long"))?;
        self.u32(total);
        if let Some(length) = self.block.get_mut(4..8) {
            length.copy_from_slice(&total.to_le_bytes());
        }
        self.out.write_all(&self.block)
    }

    fn option(&mut self, code: u16, value: &[u8]) -> io::Result<()> {
        let length = u16::try_from(value.len()).map_err(|_| invalid("option over 65535 bytes"))?;
        self.u16(code);
        self.u16(length);
        self.padded(value);
        Ok(())
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.block.extend_from_slice(bytes);
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn u16(&mut self, value: u16) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.block.extend_from_slice(&value.to_le_bytes());
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn a_recording_is_written_block_by_block() {
        let mut writer = Writer::with_comments(Vec::new(), ["hello"]).unwrap();
        let lo = Interface {
            link: LinkType::ETHERNET,
            snap_length: 0,
            resolution: Resolution::NANOSECONDS,
            name: Some("lo"),
        };
        assert_eq!(writer.interface(lo).unwrap(), 0);
        writer.secrets(0x5444_5353, b"abc").unwrap();
        writer.packet(0, Timestamp::from_nanos(0x1_0000_0002), b"frame", 9).unwrap();
        let expected = hex!(
            "0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff 0100 0500 68656c6c6f 000000 0000 0000 2c000000"
            "01000000 28000000 0100 0000 00000000 0200 0200 6c6f 0000 0900 0100 09 000000 0000 0000 28000000"
            "0a000000 18000000 53534454 03000000 616263 00 18000000"
            "06000000 28000000 00000000 01000000 02000000 05000000 09000000 6672616d65 000000 28000000"
        );
        assert_eq!(writer.finish().unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let long = "x".repeat(65_536);
        assert!(Writer::with_comments(Vec::new(), [long.as_str()]).is_err());
        let mut writer = Writer::new(Vec::new()).unwrap();
        assert!(writer.packet(0, Timestamp::default(), b"", 0).is_err());
    }
}
