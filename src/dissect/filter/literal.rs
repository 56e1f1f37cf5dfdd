//! Values as a filter writes them, read for the type of the field that they are compared with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::error::Fault;
use crate::dissect::field::{FieldId, FieldType, nearest};

/// A value to compare with, of a field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Bool(bool),
    Unsigned(u64),
    /// Of a time, since 1970; of seconds, as they are.
    Nanos(i64),
    Name(&'static str),
    Bytes(Vec<u8>),
    Address(AddressPattern),
}

/// How a value was written.
#[derive(Clone, Copy)]
pub(super) enum Written<'a> {
    Word(&'a str),
    String(&'a [u8]),
}

impl<'a> Written<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Word(word) => word.as_bytes(),
            Self::String(bytes) => bytes,
        }
    }

    fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()).ok()
    }
}

/// A whole value of type `ty`; of `field`, if it is a name.
pub(super) fn whole(field: FieldId, ty: FieldType, written: Written<'_>) -> Result<Literal, Fault> {
    let text = || written.text().ok_or(Fault::Value(ty));
    let literal = match ty {
        FieldType::Bool => match text()? {
            "true" | "1" => Some(Literal::Bool(true)),
            "false" | "0" => Some(Literal::Bool(false)),
            _ => None,
        },
        FieldType::Unsigned => unsigned(text()?).map(Literal::Unsigned),
        FieldType::Seconds => nanos(text()?).map(Literal::Nanos),
        FieldType::Time => {
            let text = text()?;
            moment(text).or_else(|| nanos(text)).map(Literal::Nanos)
        }
        FieldType::Name => {
            let choices = field.choices();
            let name = choices.iter().find(|name| name.as_bytes() == written.bytes());
            let Some(name) = name else {
                let near = nearest(text()?, choices.iter().map(|name| (*name, *name)));
                return Err(Fault::Choice(field, near));
            };
            Some(Literal::Name(name))
        }
        FieldType::Text => Some(Literal::Bytes(written.bytes().to_vec())),
        FieldType::Bytes | FieldType::Key => {
            let Digits { bytes, half } = match written {
                Written::String(bytes) if ty == FieldType::Bytes => {
                    Digits { bytes: bytes.to_vec(), half: None }
                }
                _ => digits(text()?).ok_or(Fault::Value(ty))?,
            };
            if ty == FieldType::Key && (bytes.len() != 32 || half.is_some()) {
                return Err(Fault::KeyLength(2 * bytes.len() + usize::from(half.is_some())));
            }
            if half.is_some() {
                return Err(Fault::OddDigits);
            }
            Some(Literal::Bytes(bytes))
        }
        FieldType::Address => AddressPattern::of(text()?).map(Literal::Address),
    };
    literal.ok_or(Fault::Value(ty))
}

/// Part of a value of type `ty`, for `contains` and `starts_with`.
pub(super) fn part(ty: FieldType, written: Written<'_>) -> Result<Digits, Fault> {
    match (ty, written) {
        (FieldType::Name | FieldType::Text | FieldType::Address, written)
        | (FieldType::Bytes, written @ Written::String(_)) => {
            Ok(Digits { bytes: written.bytes().to_vec(), half: None })
        }
        (FieldType::Bytes | FieldType::Key, written) => {
            written.text().and_then(digits).ok_or(Fault::Value(ty))
        }
        (FieldType::Bool | FieldType::Unsigned | FieldType::Time | FieldType::Seconds, _) => {
            Err(Fault::Comparison(ty))
        }
    }
}

/// Bytes, and perhaps the upper half of one more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    bytes: Vec<u8>,
    half: Option<u8>,
}

impl Digits {
    /// Whether `value` begins with them.
    pub(super) fn begin(&self, value: &[u8]) -> bool {
        value.strip_prefix(self.bytes.as_slice()).is_some_and(|rest| match self.half {
            None => true,
            Some(half) => rest.first().is_some_and(|byte| byte >> 4 == half),
        })
    }

    /// Whether they stand somewhere in `value`.
    pub(super) fn are_in(&self, value: &[u8]) -> bool {
        let len = self.bytes.len() + usize::from(self.half.is_some());
        len == 0 || value.windows(len).any(|window| self.begin(window))
    }
}

/// Hexadecimal digits, with `0x` before or `:` or `-` between them if anybody likes.
fn digits(text: &str) -> Option<Digits> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut half = None;
    for byte in text.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b':' | b'-' if half.is_none() => continue,
            _ => return None,
        };
        match half.take() {
            None => half = Some(digit),
            Some(upper) => bytes.push(upper << 4 | digit),
        }
    }
    (!bytes.is_empty() || half.is_some()).then_some(Digits { bytes, half })
}

fn unsigned(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None; // `from_str_radix` knows a sign
    }
    u64::from_str_radix(digits, radix).ok()
}

/// Decimal seconds in nanoseconds.
fn nanos(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction_nanos(fraction)?),
        None => (text, 0),
    };
    let nanos = i64::from(decimal(whole)?).checked_mul(1_000_000_000)?.checked_add(fraction)?;
    Some(if negative { -nanos } else { nanos })
}

fn fraction_nanos(digits: &str) -> Option<i64> {
    let places = u32::try_from(digits.len()).ok().filter(|places| (1..=9).contains(places))?;
    Some(i64::from(decimal(digits)?) * 10_i64.pow(9 - places))
}

fn decimal(digits: &str) -> Option<u32> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Nanoseconds since 1970 of `2026-11-22`, `2026-11-22T17:06`, `2026-11-22T17:06:41.3Z`; UTC.
fn moment(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00"),
    };
    let mut parts = date.split('-').map(decimal);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let known = (1970..=2262).contains(&year) && (1..=12).contains(&month);
    if parts.next().is_some() || !known || day == 0 || day > days_in(year, month) {
        return None;
    }
    let days: u32 = (1970..year).map(|year| 337 + days_in(year, 2)).sum::<u32>()
        + (1..month).map(|month| days_in(year, month)).sum::<u32>()
        + day
        - 1;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, fraction_nanos(fraction)?),
        None => (time, 0),
    };
    let mut parts = time.split(':').map(decimal);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds =
        i64::from(days) * 86_400 + i64::from(hour * 3600) + i64::from(minute * 60 + second);
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

const fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// An address, a network, a port, or an address with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AddressPattern {
    /// Address and how many of its first bits count.
    network: Option<(IpAddr, u32)>,
    port: Option<u16>,
}

impl AddressPattern {
    fn of(text: &str) -> Option<Self> {
        if let Some(port) = text.strip_prefix(':')
            && let Ok(port) = port.parse()
        {
            return Some(Self { network: None, port: Some(port) });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            let ip = address.ip();
            return Some(Self { network: Some((ip, bits(ip))), port: Some(address.port()) });
        }
        let (ip, length) = match text.split_once('/') {
            Some((ip, length)) => (ip, Some(decimal(length)?)),
            None => (text, None),
        };
        let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
        let ip: IpAddr = ip.parse().ok()?;
        let length = length.unwrap_or(bits(ip));
        (length <= bits(ip)).then_some(Self { network: Some((ip, length)), port: None })
    }

    /// Whether `address` is one of those meant.
    pub(super) fn meets(self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port())
            && self.network.is_none_or(|(ip, length)| {
                bits(ip) == bits(address.ip()) && {
                    let differ = number(ip) ^ number(address.ip());
                    length == 0 || differ >> (bits(ip) - length) == 0
                }
            })
    }
}

const fn bits(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(_) => Ipv4Addr::BITS,
        IpAddr::V6(_) => 128,
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for (seconds, nanos) in
            [(0, 0), (1_795_367_201, 318_220_000), (951_782_399, 1), (951_782_400, 0)]
        {
            let at = Timestamp::from_parts(seconds, nanos);
            assert_eq!(moment(&at.to_string()), Some(at.as_nanos()));
        }
        assert_eq!(moment("1970-01-02"), Some(86_400_000_000_000));
        assert_eq!(moment("1970-01-01 00:01"), Some(60_000_000_000));
        for bad in ["1970-02-29", "1970-13-01", "1970-01-00", "1970-01-01T24:00", "1970-01", "x"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
        assert_eq!(moment("2262-12-31"), None, "past the range");
    }

    #[test]
    fn seconds_have_up_to_nine_places() {
        assert_eq!(nanos("9.091"), Some(9_091_000_000));
        assert_eq!(nanos("-0.000000001"), Some(-1));
        for bad in ["", ".", "1.", "1.0000000001", "1e3", "+1", "99999999999"] {
            assert_eq!(nanos(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_meet_hosts_networks_and_ports() {
        let meets = |pattern: &str, address: &str| {
            AddressPattern::of(pattern).unwrap().meets(address.parse().unwrap())
        };
        assert!(meets("10.0.0.1", "10.0.0.1:5"));
        assert!(!meets("10.0.0.1:6", "10.0.0.1:5"));
        assert!(meets("10.0.0.0/8", "10.9.9.9:5"));
        assert!(!meets("10.0.0.0/8", "11.0.0.0:5"));
        assert!(meets("0.0.0.0/0", "11.0.0.0:5"));
        assert!(!meets("0.0.0.0/0", "[::1]:5"));
        assert!(meets("[::1]:5", "[::1]:5"));
        assert!(meets("fe80::/10", "[fe80::1]:5"));
        assert!(meets(":5", "[fe80::1]:5"));
        for bad in ["10.0.0", "10.0.0.1/33", "10.0.0.1:", ":", ":99999", "::/129"] {
            assert_eq!(AddressPattern::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn digits_may_end_in_half_a_byte() {
        let starts = |text: &str, value: &[u8]| digits(text).unwrap().begin(value);
        assert!(starts("c0f", &[0xc0, 0xff]));
        assert!(!starts("c0e", &[0xc0, 0xff]));
        assert!(starts("0xC0:FF", &[0xc0, 0xff]));
        assert!(!starts("c0ff0", &[0xc0, 0xff]));
        assert!(digits("ff").unwrap().are_in(&[0xc0, 0xff]));
        assert!(!digits("0f").unwrap().are_in(&[0xc0, 0xff]));
        for bad in ["", "0x", "g", "c:0"] {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }
}
