//! Reading integers in either byte order.

/// Byte order of a capture file or section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Takes fields off the front of `bytes`; `None` where too few are left.
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) order: Order,
}

impl<'a> Fields<'a> {
    #[inline]
    pub(super) fn u16(&mut self) -> Option<u16> {
        let value = *self.array()?;
        Some(match self.order {
            Order::Little => u16::from_le_bytes(value),
            Order::Big => u16::from_be_bytes(value),
        })
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.words().map(|[word]| word)
    }

    /// Takes several integers of 32 bits at once, looking at the byte order once.
    #[inline]
    pub(super) fn words<const N: usize>(&mut self) -> Option<[u32; N]> {
        let (words, _) = self.bytes.as_chunks::<4>();
        let words: &[_; N] = words.first_chunk()?;
        self.bytes = self.bytes.get(N * 4..)?;
        Some(match self.order {
            Order::Little => words.map(u32::from_le_bytes),
            Order::Big => words.map(u32::from_be_bytes),
        })
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (value, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(value)
    }
}
