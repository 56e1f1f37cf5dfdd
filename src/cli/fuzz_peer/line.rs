//! What the preloaded library says, and what it is answered (`fuzz-peer/src/line.rs` has the format).

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write as _};
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use super::mutator::Decision;
use super::station::Station;

/// Longest thing that is said: a datagram, and what comes before it.
const MOST: usize = 1 << 17;

/// So many packets that were shown and not yet sent are remembered.
const WAITING: usize = 512;

/// What is said.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    /// This is about to be sealed under a key of this number.
    Show { key: u64, plain: &'a [u8] },
    /// A datagram was sent: which of those shown it is, or 0; own address, then theirs.
    Sent { number: u64, ends: [SocketAddr; 2], datagram: &'a [u8] },
    /// A datagram has come.
    Received { ends: [SocketAddr; 2], datagram: &'a [u8] },
    /// Something was not sent there.
    HeldBack(SocketAddr),
}

impl<'a> Said<'a> {
    fn parse(said: &'a [u8]) -> Option<Self> {
        let (letter, rest) = said.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let number = u64::from_le_bytes(*number);
        if *letter == b'A' {
            return Some(Self::Show { key: number, plain: rest });
        }
        let (own, rest) = address(rest)?;
        let (their, datagram) = address(rest)?;
        match letter {
            b'S' => Some(Self::Sent { number, ends: [own, their], datagram }),
            b'R' => Some(Self::Received { ends: [own, their], datagram }),
            b'X' => Some(Self::HeldBack(their)),
            _ => None,
        }
    }
}

fn address(bytes: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (ip, rest) = bytes.split_first_chunk::<16>()?;
    let (port, rest) = rest.split_first_chunk()?;
    let ip = Ipv6Addr::from(*ip).to_canonical();
    Some(((ip, u16::from_be_bytes(*port)).into(), rest))
}

/// Listens to one process until it ends.
///
/// # Errors
///
/// Those of the connection; `InvalidData` if something else is said than the library says.
pub(super) fn listen(stream: UnixStream, station: &Mutex<Station>) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut shown = 0;
    let mut waiting = BTreeMap::<u64, Decision>::new();
    let mut said = Vec::new();
    while read(&mut reader, &mut said)? {
        let mut station = station.lock().unwrap_or_else(PoisonError::into_inner);
        match Said::parse(&said).ok_or(io::ErrorKind::InvalidData)? {
            Said::Show { key, plain } => {
                shown += 1;
                let decision = station.decide(key, plain);
                drop(station);
                let answer = decision.as_ref().and_then(|it| it.plain.as_deref());
                let answer = answer.unwrap_or_default();
                let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
                out.write_all(&[&length.to_le_bytes(), answer].concat())?;
                waiting.extend(decision.map(|decision| (shown, decision)));
                if waiting.len() > WAITING {
                    waiting.pop_first();
                }
            }
            Said::Sent { number, ends, datagram } => {
                station.sent(waiting.remove(&number), ends, datagram);
            }
            Said::Received { ends, datagram } => station.received(ends, datagram),
            Said::HeldBack(to) => station.held_back(to),
        }
    }
    Ok(())
}

/// Reads the next thing that is said; false if there is no more.
fn read(reader: &mut impl Read, said: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    said.resize(length, 0);
    reader.read_exact(said)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_library_says_is_understood_and_nothing_else() {
        let mut said = b"S\x07\0\0\0\0\0\0\0".to_vec();
        said.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1, 0x82, 0xa5]);
        said.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9]);
        let ends = ["127.0.0.1:33445".parse().unwrap(), "[::1]:9".parse().unwrap()];
        assert_eq!(Said::parse(&said), Some(Said::Sent { number: 7, ends, datagram: b"" }));
        for cut in 0..said.len() {
            assert_eq!(Said::parse(said.get(..cut).unwrap()), None);
        }
        let shown = Said::parse(b"A\x01\0\0\0\0\0\0\0plain");
        assert_eq!(shown, Some(Said::Show { key: 1, plain: b"plain" }));
        said.splice(0..1, [b'?']);
        assert_eq!(Said::parse(&said), None);
    }
}
