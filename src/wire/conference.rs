//! What names a conference: one byte of type, 32 random bytes (packets §8, "group identifier").
//!
//! | Bytes | Field                                      |
//! |------:|--------------------------------------------|
//! |     1 | conference type: 0 text, 1 audio and video |
//! |    32 | conference id                              |

use std::fmt;

use arbitrary::Arbitrary;

use nom::Parser;

use super::keys::{byte_array, ordered_bytewise};
use super::layout::{Field, Shape};
use super::parse::{Error, Parsed, field, u8};

/// What a conference carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Arbitrary)]
pub struct ConferenceType(pub u8);

impl ConferenceType {
    /// Text only.
    pub const TEXT: Self = Self(0);
    /// Text and audio.
    pub const AUDIO: Self = Self(1);

    /// Name in JSON and filters; `unknown` for values that the specification does not have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "text",
            1 => "audio",
            _ => "unknown",
        }
    }

    #[inline]
    pub(crate) fn parse(i: &[u8]) -> Parsed<'_, Self> {
        let (i, byte) = u8(i)?;
        Ok((i, Self(byte)))
    }
}

impl fmt::Display for ConferenceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for ConferenceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

/// The random bytes that name a conference. Ordered bytewise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Arbitrary)]
pub struct ConferenceId(pub [u8; 32]);

byte_array!(ConferenceId, 32);
ordered_bytewise!(ConferenceId);

/// A conference as all its members know it: type and id together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Arbitrary)]
pub struct Conference {
    /// What it carries.
    pub kind: ConferenceType,
    /// Which one it is.
    pub id: ConferenceId,
}

/// The two fields, for the layouts of the packets that hold them.
pub(crate) const TYPE: Field =
    Field::new("conference_type", Shape::ConferenceType, "0 text, 1 audio and video");
/// See [`TYPE`].
pub(crate) const ID: Field =
    Field::new("conference_id", Shape::ConferenceId, "the 32 random bytes that name a conference");

/// Reads a conference; the names are those of the two fields in the packet at hand.
#[inline]
pub(crate) fn conference<'a>(
    kind_field: &'static str,
    id_field: &'static str,
) -> impl Parser<&'a [u8], Output = Conference, Error = Error<'a>> {
    move |i| {
        let (i, kind) = field(kind_field, ConferenceType::parse).parse(i)?;
        let (i, id) = field(id_field, ConferenceId::parse).parse(i)?;
        Ok((i, Conference { kind, id }))
    }
}

impl Conference {
    #[inline]
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.kind.0);
        self.id.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conference_types_are_text_audio_or_kept_as_they_are() {
        assert_eq!(ConferenceType::TEXT.name(), "text");
        assert_eq!(ConferenceType::AUDIO.to_string(), "audio");
        assert_eq!(format!("{:?}", ConferenceType(7)), "unknown(7)");
    }
}
