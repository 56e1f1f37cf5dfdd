//! What the parsers of this room share: nom's types with an error that knows field and reason.

use nom::error::{ErrorKind, ParseError};
use nom::{IResult, Parser};

use super::fault::{Fault, Reason};

/// What every parser here returns: the bytes after the value, and the value.
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, Error<'a>>;

/// A fault whose place is still a slice: the bytes from the start of the field on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Error<'a> {
    at: &'a [u8],
    field: &'static str,
    reason: Reason,
}

impl<'a> Error<'a> {
    pub(crate) const fn new(at: &'a [u8], reason: Reason) -> Self {
        Self { at, field: "", reason }
    }
}

impl<'a> ParseError<&'a [u8]> for Error<'a> {
    /// nom's own parsers fail for one reason in this room: the bytes end.
    fn from_error_kind(at: &'a [u8], _: ErrorKind) -> Self {
        Self::new(at, Reason::TooShort { needs: at.len() + 1, left: at.len() })
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// A recoverable nom error; there are no others in this room.
pub(crate) const fn fail<T>(at: &[u8], reason: Reason) -> Parsed<'_, T> {
    Err(nom::Err::Error(Error::new(at, reason)))
}

/// Gives errors of `parser` the name of the field they happened in.
#[inline]
pub(crate) fn field<'a, T>(
    name: &'static str,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Error<'a>>,
) -> impl Parser<&'a [u8], Output = T, Error = Error<'a>> {
    move |i: &'a [u8]| {
        parser.parse(i).map_err(|error| error.map(|error| Error { field: name, ..error }))
    }
}

/// The next `N` bytes, borrowed.
#[inline]
pub(crate) fn borrowed<const N: usize>(i: &[u8]) -> Parsed<'_, &[u8; N]> {
    match i.split_first_chunk::<N>() {
        Some((bytes, rest)) => Ok((rest, bytes)),
        None => fail(i, Reason::TooShort { needs: N, left: i.len() }),
    }
}

/// The next `size` bytes, borrowed.
#[inline]
pub(crate) fn take<'a>(size: usize) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Error<'a>> {
    move |i: &'a [u8]| match i.split_at_checked(size) {
        Some((bytes, rest)) => Ok((rest, bytes)),
        None => fail(i, Reason::TooShort { needs: size, left: i.len() }),
    }
}

/// The next `N` bytes.
#[inline]
pub(crate) fn array<const N: usize>(i: &[u8]) -> Parsed<'_, [u8; N]> {
    let (i, bytes) = borrowed::<N>(i)?;
    Ok((i, *bytes))
}

#[inline]
pub(crate) fn u8(i: &[u8]) -> Parsed<'_, u8> {
    array.map(u8::from_be_bytes).parse(i)
}

#[inline]
pub(crate) fn u16(i: &[u8]) -> Parsed<'_, u16> {
    array.map(u16::from_be_bytes).parse(i)
}

#[inline]
pub(crate) fn u32(i: &[u8]) -> Parsed<'_, u32> {
    array.map(u32::from_be_bytes).parse(i)
}

/// All bytes that are left, at least `least` and at most `most`.
#[inline]
pub(crate) fn rest<'a>(
    least: usize,
    most: usize,
) -> impl Parser<&'a [u8], Output = &'a [u8], Error = Error<'a>> {
    move |i: &'a [u8]| {
        if i.len() < least {
            return fail(i, Reason::TooShort { needs: least, left: i.len() });
        }
        if i.len() > most {
            return fail(i, Reason::TooLong { length: i.len(), most });
        }
        nom::combinator::rest(i)
    }
}

/// The end of a packet that has a fixed size.
#[inline]
pub(crate) fn end(i: &[u8]) -> Parsed<'_, ()> {
    if i.is_empty() { Ok((i, ())) } else { fail(i, Reason::Surplus { bytes: i.len() }) }
}

/// The first byte of a packet, which says what the packet is.
#[inline]
pub(crate) fn id<'a>(id: u8) -> impl Parser<&'a [u8], Output = (), Error = Error<'a>> {
    move |i: &'a [u8]| match u8(i)? {
        (rest, found) if found == id => Ok((rest, ())),
        (_, found) => fail(i, Reason::OtherKind { found }),
    }
}

/// Runs `parser` over the whole of `bytes` and turns its error's slice into an offset.
#[inline]
pub(crate) fn whole<'a, T>(
    bytes: &'a [u8],
    mut parser: impl Parser<&'a [u8], Output = T, Error = Error<'a>>,
) -> Result<T, Fault> {
    match parser.parse(bytes) {
        Ok((_, value)) => Ok(value),
        Err(error) => Err(fault(bytes.len(), error)),
    }
}

/// Turns an error's slice, which goes to the end of a packet of `size` bytes, into an offset.
#[cold]
pub(crate) fn fault(size: usize, error: nom::Err<Error<'_>>) -> Fault {
    match error {
        nom::Err::Error(Error { at, field, reason })
        | nom::Err::Failure(Error { at, field, reason }) => {
            Fault { field, offset: size.saturating_sub(at.len()), reason }
        }
        nom::Err::Incomplete(_) => unreachable!("packets are whole, and these parsers know"),
    }
}
