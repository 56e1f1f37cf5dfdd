//! Public keys and nonces: what is visible of the cryptography, never a secret.

use std::cmp::Ordering;
use std::fmt;

use arbitrary::Arbitrary;

use super::parse::{Parsed, array};

/// Bytes written as lower-case hex digits without separators.
#[derive(Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(*DIGITS.get(usize::from(nibble)).unwrap_or(&b'?'));
        // Pieces of a fixed size keep long payloads off the heap.
        for piece in self.0.chunks(32) {
            let mut text = [0_u8; 64];
            for (two, byte) in text.chunks_exact_mut(2).zip(piece) {
                two.copy_from_slice(&[digit(byte >> 4) as u8, digit(byte & 15) as u8]);
            }
            let text = text.get(..piece.len() * 2).expect("a piece has at most 32 bytes");
            f.write_str(std::str::from_utf8(text).expect("hex digits are ASCII"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `N` bytes from exactly `2 * N` hex digits of either case.
pub(crate) fn array_from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, two) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let &[high, low] = two else { return None };
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(bytes)
}

/// Gives a newtype over `[u8; N]` its hex text, its parser and its writer.
macro_rules! byte_array {
    ($name:ident, $size:literal) => {
        impl $name {
            /// Size in bytes.
            pub const SIZE: usize = $size;

            #[doc = concat!("From a slice of exactly ", stringify!($size), " bytes.")]
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            #[doc = concat!("From exactly 2 × ", stringify!($size), " hex digits of either case.")]
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                $crate::wire::keys::array_from_hex(text).map(Self)
            }

            /// The bytes as they are on the wire.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }

            #[inline]
            pub(crate) fn parse(i: &[u8]) -> $crate::wire::parse::Parsed<'_, Self> {
                let (i, bytes) = $crate::wire::parse::array(i)?;
                Ok((i, Self(bytes)))
            }

            #[inline]
            pub(crate) fn emit(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<[u8; $size]> for $name {
            fn from(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&$crate::wire::keys::Hex(&self.0), f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use byte_array;

/// Gives a newtype over `[u8; 32]` the order of its bytes, by words: ordered maps compare such keys all the
/// time.
macro_rules! ordered_bytewise {
    ($name:ident) => {
        impl Ord for $name {
            #[inline]
            fn cmp(&self, other: &Self) -> ::std::cmp::Ordering {
                $crate::wire::keys::compare(&self.0, &other.0)
            }
        }

        impl PartialOrd for $name {
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<::std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
    };
}

pub(crate) use ordered_bytewise;

/// Which comes first, bytewise.
#[inline]
pub(crate) fn compare(one: &[u8; 32], other: &[u8; 32]) -> Ordering {
    let (one, _) = one.as_chunks::<8>();
    let (other, _) = other.as_chunks::<8>();
    let word = |bytes: &[u8; 8]| u64::from_be_bytes(*bytes);
    one.iter().map(word).cmp(other.iter().map(word))
}

/// A public key of any sort: DHT, real (long-term) or session. Ordered bytewise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Arbitrary)]
pub struct PublicKey(pub [u8; 32]);

byte_array!(PublicKey, 32);
ordered_bytewise!(PublicKey);

/// A nonce: one big-endian number modulo 2^192 (packets §0).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub [u8; 24]);

byte_array!(Nonce, 24);

impl Nonce {
    /// `self + count` modulo 2^192.
    #[must_use]
    pub fn wrapping_add(self, count: u64) -> Self {
        let (high, low) = self.split();
        let (low, carry) = low.overflowing_add(u128::from(count));
        Self::join(high.wrapping_add(u64::from(carry)), low)
    }

    /// `self - count` modulo 2^192.
    #[must_use]
    pub fn wrapping_sub(self, count: u64) -> Self {
        let (high, low) = self.split();
        let (low, borrow) = low.overflowing_sub(u128::from(count));
        Self::join(high.wrapping_sub(u64::from(borrow)), low)
    }

    /// By how much `self` is ahead of `earlier`, modulo 2^192; `None` if by 2^64 or more.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<u64> {
        let ((high, low), (earlier_high, earlier_low)) = (self.split(), earlier.split());
        let (low, borrow) = low.overflowing_sub(earlier_low);
        let high = high.wrapping_sub(earlier_high).wrapping_sub(u64::from(borrow));
        if high == 0 { u64::try_from(low).ok() } else { None }
    }

    /// The low 16 bits, which are all that a data packet shows of its nonce (packets §5.1).
    #[must_use]
    pub const fn low16(self) -> u16 {
        let [.., high, low] = self.0;
        u16::from_be_bytes([high, low])
    }

    /// The low 32 bits.
    #[must_use]
    pub const fn low32(self) -> u32 {
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The upper 64 and the lower 128 bits.
    fn split(self) -> (u64, u128) {
        let both: Parsed<'_, _> = array::<8>(&self.0);
        let (rest, high) = both.expect("a nonce has 24 bytes");
        let (_, low) = array::<16>(rest).expect("16 of 24 bytes are left");
        (u64::from_be_bytes(high), u128::from_be_bytes(low))
    }

    fn join(high: u64, low: u128) -> Self {
        let mut bytes = [0; 24];
        let (upper, lower) = bytes.split_at_mut(8);
        upper.copy_from_slice(&high.to_be_bytes());
        lower.copy_from_slice(&low.to_be_bytes());
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn keys_are_written_as_hex_and_read_back() {
        let key = PublicKey(std::array::from_fn(|i| (i * 8) as u8));
        let text = "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8";
        assert_eq!(key.to_string(), text);
        assert_eq!(format!("{key:?}"), text);
        assert_eq!(PublicKey::from_hex(text), Some(key));
        assert_eq!(PublicKey::from_hex(&text.to_uppercase()), Some(key));
        assert_eq!(PublicKey::from_slice(&key.0), Some(key));
        assert_eq!(PublicKey::from_slice(&key.0[1..]), None);
        for bad in ["", "00", &text[1..], &text.replace('f', "g"), &text.replace("00", "é")] {
            assert_eq!(PublicKey::from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn hex_of_any_length_is_complete() {
        for length in 0..100 {
            let bytes: Vec<u8> = (0..length).collect();
            let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(Hex(&bytes).to_string(), expected);
        }
    }

    #[test]
    fn nonces_count_modulo_2_to_the_192() {
        let zero = Nonce([0; 24]);
        let last = Nonce([0xff; 24]);
        assert_eq!(last.wrapping_add(1), zero);
        assert_eq!(zero.wrapping_sub(1), last);
        assert_eq!(last.low16(), 0xffff);
        let carries = Nonce(hex!("0000000000000007 ffffffffffffffffffffffffffffffff"));
        let carried = Nonce(hex!("0000000000000008 0000000000000000000000000000ffff"));
        assert_eq!(carries.wrapping_add(0x1_0000), carried);
        assert_eq!(carried.wrapping_sub(0x1_0000), carries);
        let big = carried.wrapping_add(u64::MAX);
        assert_eq!(big, Nonce(hex!("0000000000000008 00000000000000010000000000 00fffe")));
        assert_eq!(big.wrapping_sub(u64::MAX), carried);
        assert_eq!(carried.wrapping_add(0x1234).low16(), 0x1233);
    }

    #[test]
    fn the_difference_of_nonces_is_the_inverse_of_addition() {
        for anchor in [Nonce([0; 24]), Nonce([0xff; 24]), Nonce([7; 24])] {
            for count in [0, 1, 0xffff, u64::MAX] {
                assert_eq!(anchor.wrapping_add(count).since(&anchor), Some(count));
                let back = anchor.since(&anchor.wrapping_add(count));
                assert_eq!(back, (count == 0).then_some(0));
            }
            assert_eq!(anchor.wrapping_add(u64::MAX).wrapping_add(1).since(&anchor), None);
        }
    }
}
