//! `toxscope decode`: one packet, without a capture.

use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::Done;
use super::args::{DecodeArgs, DecodeFormat};
use super::input::{open, shown};
use super::output::{Output, Stop};
use crate::report::{self, Detail, JsonLines};
use crate::wire::Packet;

/// What a file or standard input may hold, in bytes; a datagram has at most 64 KiB, and digits
/// take two bytes and a space each.
const MOST: u64 = 1 << 20;

pub(super) fn run(args: &DecodeArgs, out: &mut Output, color: bool) -> Result<Done, Stop> {
    let bytes = match args.packet.as_slice() {
        [only] if only == "-" => read(Path::new("-"))?,
        [only] if only.starts_with('@') => read(Path::new(only.trim_start_matches('@')))?,
        words => {
            let text = words.join(" ");
            digits(text.as_bytes()).map_err(|at| not_hex(&text, at))?
        }
    };
    if bytes.is_empty() {
        return Err(anyhow::anyhow!("there are no bytes to decode").into());
    }
    out.write(|out| match args.format {
        DecodeFormat::Detail => Detail::alone(color, false).packet(&bytes, out),
        DecodeFormat::Hex => Detail::alone(color, true).packet(&bytes, out),
        DecodeFormat::Jsonl => JsonLines::new().packet(&bytes, out),
    })?;
    let is_good = match Packet::parse(&bytes) {
        Ok(Packet::PeerResponse(response)) => response.fault().is_none(),
        Ok(_) => true,
        Err(_) => false,
    };
    Ok(if is_good { Done::Clean } else { Done::Findings })
}

/// The packet in a file: as digits, with comments from `#` to the end of a line, if the file is text; else
/// as it is.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let (reader, _) = open(path)?;
    let mut bytes = Vec::new();
    let cannot = || format!("cannot read {}", shown(path));
    reader.take(MOST + 1).read_to_end(&mut bytes).with_context(cannot)?;
    if bytes.len() as u64 > MOST {
        bail!("{} holds more than {MOST} bytes; no packet does", shown(path));
    }
    let is_text = |text: &&str| !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    match std::str::from_utf8(&bytes).ok().filter(is_text) {
        None => Ok(bytes),
        Some(text) => {
            let without_comment = |line: &str| line.split('#').next().map(str::to_owned);
            let lines: Vec<_> = text.lines().filter_map(without_comment).collect();
            digits_of_lines(&lines).with_context(|| shown(path))
        }
    }
}

/// The bytes that digits in several lines stand for.
fn digits_of_lines(lines: &[String]) -> anyhow::Result<Vec<u8>> {
    let text = lines.join("\n");
    digits(text.as_bytes()).map_err(|at| {
        // What is wrong at the end is wrong in the last line that says something.
        let before = text.get(..at).unwrap_or(&text);
        let before = if at < text.len() { before } else { before.trim_end_matches('\n') };
        let (line, start) =
            (before.matches('\n').count(), before.rfind('\n').map_or(0, |at| at + 1));
        let text = lines.get(line).map_or("", String::as_str);
        let error = not_hex(text, (at - start).min(text.len()));
        if lines.len() > 1 { anyhow::anyhow!("line {}: {error}", line + 1) } else { error }
    })
}

/// The bytes that digits stand for, or the place of the first character that is none.
fn digits(text: &[u8]) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut half = None;
    let start = text.len() - text.trim_ascii_start().len();
    let prefix = text.get(start..).filter(|text| text.starts_with(b"0x")).map_or(0, |_| start + 2);
    for (at, byte) in text.iter().enumerate().skip(prefix) {
        if byte.is_ascii_whitespace() || *byte == b':' {
            continue;
        }
        let digit = char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or(at)?;
        match half.take() {
            None => half = Some(digit),
            Some(upper) => bytes.push(upper << 4 | digit),
        }
    }
    if half.is_some() { Err(text.len()) } else { Ok(bytes) }
}

fn not_hex(text: &str, at: usize) -> anyhow::Error {
    let what =
        if at == text.len() { "half a byte is left over" } else { "this is no hexadecimal digit" };
    let len = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    anyhow::anyhow!(
        "{what} at character {}\n{}",
        at + 1,
        report::caret(&report::without_secrets(text), at, len)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        let message = |text: &str| {
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            digits_of_lines(&lines).unwrap_err().to_string()
        };
        let first = |text| message(text).lines().next().unwrap().to_owned();
        assert_eq!(first("63 00\n01 0g\n"), "line 2: this is no hexadecimal digit at character 5");
        assert_eq!(first("63 00\n01 0\n\n"), "line 2: half a byte is left over at character 5");
        assert_eq!(first("63 00\nhello"), "line 2: this is no hexadecimal digit at character 1");
        assert_eq!(first("hello"), "this is no hexadecimal digit at character 1");
    }

    #[test]
    fn digits_may_be_spaced_as_one_likes() {
        assert_eq!(digits(b"63 0001 0002:ff\n"), Ok(vec![0x63, 0, 1, 0, 2, 0xff]));
        assert_eq!(digits(b"0xAb"), Ok(vec![0xab]));
        assert_eq!(digits(b"\n 0xAb"), Ok(vec![0xab]));
        assert_eq!(digits(b""), Ok(vec![]));
        assert_eq!(digits(b"6"), Err(1));
        assert_eq!(digits(b"6x"), Err(1));
        assert_eq!(digits("6é".as_bytes()), Err(1));
    }
}
