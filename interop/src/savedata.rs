//! The conferences section of libtoxcore's savedata (packets §12): its word on peer numbers.

use crate::tox::Key;

/// A conference as libtoxcore saves it.
#[derive(Debug, PartialEq, Eq)]
pub struct Saved {
    /// 0 text, 1 audio.
    pub kind: u8,
    /// The 32 random bytes.
    pub id: Key,
    /// The number of the last message, 65536 ahead.
    pub message_number: u32,
    /// The owner's peer number.
    pub own_peer_number: u16,
    /// The title.
    pub title: Vec<u8>,
    /// Everybody else, frozen ones included.
    pub peers: Vec<SavedPeer>,
}

/// A member as libtoxcore saves it.
#[derive(Debug, PartialEq, Eq)]
pub struct SavedPeer {
    /// Real public key.
    pub real_key: Key,
    /// DHT public key.
    pub dht_key: Key,
    /// Peer number.
    pub peer_number: u16,
    /// Name.
    pub name: Vec<u8>,
}

const CONFERENCES: u16 = 0x14;

/// All conferences in a savedata; `None` if a length runs past an end.
#[must_use]
pub fn conferences(savedata: &[u8]) -> Option<Vec<Saved>> {
    let mut rest = savedata.get(8..)?;
    while !rest.is_empty() {
        let length = u32::from_le_bytes(take(&mut rest)?) as usize;
        let kind = u16::from_le_bytes(take(&mut rest)?);
        let _magic: [u8; 2] = take(&mut rest)?;
        let (section, after) = rest.split_at_checked(length)?;
        if kind == CONFERENCES {
            return records(section);
        }
        rest = after;
    }
    Some(Vec::new())
}

/// Sets the message counters of all conferences in a savedata back, modulo 2^32; `None` if a length runs
/// past an end.
pub fn set_back(savedata: &mut [u8], by: u32) -> Option<()> {
    let mut counters = Vec::new();
    for conference in conferences(savedata)? {
        let record = [&[conference.kind][..], &conference.id].concat();
        let at = savedata.windows(record.len()).position(|bytes| bytes == record)?;
        counters.push((at + record.len(), conference.message_number));
    }
    for (at, number) in counters {
        let counter = savedata.get_mut(at..at + 4)?;
        counter.copy_from_slice(&number.wrapping_sub(by).to_le_bytes());
    }
    Some(())
}

fn records(mut rest: &[u8]) -> Option<Vec<Saved>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let [kind] = take(&mut rest)?;
        let id = take(&mut rest)?;
        let message_number = u32::from_le_bytes(take(&mut rest)?);
        let _lossy: [u8; 2] = take(&mut rest)?;
        let own_peer_number = u16::from_le_bytes(take(&mut rest)?);
        let count = u32::from_le_bytes(take(&mut rest)?);
        let title = counted(&mut rest)?;
        let mut peers = Vec::new();
        for _ in 0..count {
            let real_key = take(&mut rest)?;
            let dht_key = take(&mut rest)?;
            let peer_number = u16::from_le_bytes(take(&mut rest)?);
            let _last_active: [u8; 8] = take(&mut rest)?;
            let name = counted(&mut rest)?;
            peers.push(SavedPeer { real_key, dht_key, peer_number, name });
        }
        all.push(Saved { kind, id, message_number, own_peer_number, title, peers });
    }
    Some(all)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*taken)
}

fn counted(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let [length] = take(rest)?;
    let (taken, after) = rest.split_at_checked(length.into())?;
    *rest = after;
    Some(taken.to_vec())
}
