//! Numbers as digits, faster than by way of `fmt`.

/// Appends a number in decimal digits.
pub(super) fn push_unsigned(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Appends a span of time in seconds: `9.091`, `0.0`, `-1.5`.
pub(super) fn push_nanos(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    push_unsigned(out, nanos / 1_000_000_000);
    out.push(b'.');
    let start = out.len();
    // A digit before the fraction keeps its leading zeros.
    push_unsigned(out, nanos % 1_000_000_000 + 1_000_000_000);
    out.remove(start);
    while out.len() > start + 1 && out.last() == Some(&b'0') {
        out.pop();
    }
}

/// Appends bytes as hexadecimal digits.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    for (pair, byte) in
        out.get_mut(start..).unwrap_or_default().as_chunks_mut::<2>().0.iter_mut().zip(bytes)
    {
        *pair = [digit(byte >> 4), digit(byte & 0xf)];
    }
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
        for number in [0, 9, 10, 99, 12_345, u64::MAX] {
            assert_eq!(written(|out| push_unsigned(out, number)), format!("x{number}"));
        }
    }

    #[test]
    fn seconds_have_the_places_they_need() {
        for (nanos, text) in [
            (0, "x0.0"),
            (9_091_000_000, "x9.091"),
            (1, "x0.000000001"),
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
    }
}
