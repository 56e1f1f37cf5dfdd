//! Numbers that must not be mixed up, each a type of its own (packets §8).

use std::fmt;

use arbitrary::Arbitrary;

use super::parse::Parsed;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ident)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Arbitrary)]
        pub struct $name(pub $inner);

        impl $name {
            #[inline]
            pub(crate) fn parse(i: &[u8]) -> Parsed<'_, Self> {
                let (i, number) = super::parse::$inner(i)?;
                Ok((i, Self(number)))
            }

            #[inline]
            pub(crate) fn emit(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// Index of a conference at one endpoint; means something on one friend connection only.
    GroupNumber(u16)
}
number! {
    /// A member of a conference, unique in it.
    PeerNumber(u16)
}
number! {
    /// An author's own count of its group messages.
    MessageNumber(u32)
}
number! {
    /// An author's own count of its lossy group messages.
    LossyNumber(u16)
}
