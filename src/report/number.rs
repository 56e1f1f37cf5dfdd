//! Numbers and bytes as digits, faster than by way of `fmt`.
//!
//! Copies have a fixed size, more than is needed, and are then cut: that is one store, where a copy
//! of a varying size is a call.

/// Appends the first `len` of `bytes`.
pub(super) fn push_first<const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N], len: usize) {
    let end = out.len() + len.min(N);
    out.extend_from_slice(bytes);
    out.truncate(end);
}

/// Appends a number in decimal digits.
pub(super) fn push_unsigned(out: &mut Vec<u8>, number: u64) {
    match u32::try_from(number) {
        Ok(number @ 0..10) => out.push(digit(number)),
        Ok(number @ 0..100) => out.extend_from_slice(&[digit(number / 10), digit(number)]),
        // The usual ones are small, and dividing is quicker for half the width.
        Ok(number) => {
            let len = number.ilog10() as usize + 1;
            let mut digits = [0; 10];
            let mut rest = number;
            for digits in digits.iter_mut().take(len).rev() {
                *digits = digit(rest);
                rest /= 10;
            }
            push_first(out, &digits, len);
        }
        Err(_) => {
            let len = number.ilog10() as usize + 1;
            let mut digits = [0; 20];
            put(digits.get_mut(..len).unwrap_or_default(), number);
            push_first(out, &digits, len);
        }
    }
}

/// The last digit of a number.
const fn digit(number: u32) -> u8 {
    b'0' + (number % 10) as u8
}

/// Writes the last digits of a number, as many as there is room for, in place of zeros.
pub(super) fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

/// Appends a span of time in seconds: `9.091`, `0.0`, `-1.5`.
pub(super) fn push_nanos(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    push_unsigned(out, nanos / 1_000_000_000);
    let fraction = nanos % 1_000_000_000;
    let mut digits = *b".000000000";
    let (places, fraction) = match fraction {
        0 => (1, 0),
        _ if fraction.is_multiple_of(1000) => (6, fraction / 1000),
        _ => (9, fraction),
    };
    put(digits.get_mut(1..=places).unwrap_or_default(), fraction);
    push_first(out, &digits, places + 1);
    while out.ends_with(b"0") && !out.ends_with(b".0") {
        out.pop();
    }
}

/// Appends 32 bytes as 64 hexadecimal digits.
pub(super) fn push_key(out: &mut Vec<u8>, key: &[u8; 32]) {
    let mut digits = [0; 64];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(key) {
        *pair = hex(*byte);
    }
    out.extend_from_slice(&digits);
}

/// Appends bytes as hexadecimal digits.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    let digits = out.get_mut(start..).unwrap_or_default();
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = hex(*byte);
    }
}

const fn hex(byte: u8) -> [u8; 2] {
    const fn digit(nibble: u8) -> u8 {
        nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
    }
    [digit(byte >> 4), digit(byte & 0xf)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_by_fmt() {
        for number in [0, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            assert_eq!(written(|out| push_unsigned(out, number)), format!("x{number}"));
        }
    }

    #[test]
    fn seconds_have_the_places_they_need() {
        for (nanos, text) in [
            (0, "x0.0"),
            (9_091_000_000, "x9.091"),
            (9_091_220_000, "x9.09122"),
            (100_000_000_000, "x100.0"),
            (1, "x0.000000001"),
            (1_000, "x0.000001"),
            (-1_500_000_000, "x-1.5"),
            (i64::MIN, "x-9223372036.854775808"),
        ] {
            assert_eq!(written(|out| push_nanos(out, nanos)), text);
        }
    }

    #[test]
    fn bytes_are_written_as_two_digits_each() {
        let all: Vec<u8> = (0..=255).collect();
        let expected: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written(|out| push_hex(out, &all)), format!("x{expected}"));
        assert_eq!(written(|out| push_hex(out, &[])), "x");
        let key: [u8; 32] = std::array::from_fn(|i| i as u8 * 8);
        assert_eq!(written(|out| push_key(out, &key)), written(|out| push_hex(out, &key)));
    }
}
