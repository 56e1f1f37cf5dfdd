//! What `toxscope corpus --layout c-toxcore` writes is what libtoxcore loads.

use std::ffi::c_void;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use toxscope::capture::{Datagrams, Limits};
use toxscope::conference::savedata::Savedata;
use toxscope::corpus::{Corpus, Layout};
use toxscope::crypto::KeyRing;
use toxscope::dissect::{Dissector, Item, stream};
use toxscope_interop::tox::{Origin, Setup, Tox};

// `tox_events.h` of 0.2.18.
unsafe extern "C" {
    fn tox_events_load(bytes: *const u8, size: u32) -> *mut c_void;
    fn tox_events_bytes_size(events: *const c_void) -> u32;
    fn tox_events_get_bytes(events: *const c_void, bytes: *mut u8);
    fn tox_events_free(events: *mut c_void);
}

/// Events as libtoxcore packs them again, sorted by what they are; nothing if it does not load them.
fn packed_again(events: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: the bytes are read until their end only; what is loaded is freed once, and has room for what it
    // is packed to.
    unsafe {
        let loaded = tox_events_load(events.as_ptr(), u32::try_from(events.len()).ok()?);
        if loaded.is_null() {
            return None;
        }
        let mut again = vec![0; tox_events_bytes_size(loaded) as usize];
        tox_events_get_bytes(loaded, again.as_mut_ptr());
        tox_events_free(loaded);
        Some(again)
    }
}

#[test]
fn libtoxcore_loads_the_events_and_the_conferences_of_every_seed() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let read = |file: &str| fs::read(samples.join(file)).expect("a sample");
    let mut corpus = Corpus::new(Layout::CToxcore);
    for story in ["talk", "split", "audio", "restart"] {
        let capture = read(&format!("{story}.pcapng"));
        let mut ring = KeyRing::new();
        ring.read(read(&format!("{story}.keys")).as_slice()).expect("memory does not fail");
        let mut datagrams = Datagrams::new(&*capture, Limits::default()).expect("a capture");
        let ended = stream(&mut datagrams, &mut Dissector::new(ring, None), |item| {
            if let Item::Record(record) = item {
                corpus.record(record, true);
            }
            ControlFlow::<()>::Continue(())
        });
        assert!(matches!(ended, ControlFlow::Continue(None)));
        corpus.end_capture();
    }
    let (mut events, mut saves) = (0, 0);
    for (place, bytes) in corpus.seeds() {
        match place.folder {
            Some("tox_events_fuzz_test") => {
                let (size, rest) = bytes.split_first_chunk::<2>().expect("a size");
                let list = &rest[..usize::from(u16::from_le_bytes(*size))];
                let again = packed_again(list).expect("libtoxcore takes them");
                assert_eq!(again.len(), list.len(), "{}", place.name);
                events += 1;
            }
            _ => {
                let wanted = Savedata::parse(bytes).expect("a save file").conferences();
                let from = Origin::Savedata(bytes.to_vec());
                let setup = Setup { port: None, relay_port: None, ipv6: false, from };
                let tox = Tox::start(&setup).expect("libtoxcore takes it");
                assert_eq!(tox.conferences().len(), wanted.conferences.len(), "{}", place.name);
                for (number, saved) in tox.conferences().into_iter().zip(&wanted.conferences) {
                    let everybody = tox.members(number).len() + tox.frozen(number).len();
                    // Ourselves are not saved.
                    assert_eq!(everybody, saved.peers.len() + 1, "{}", place.name);
                }
                saves += 1;
            }
        }
    }
    assert!(events > 30 && saves > 10, "{events} of events, {saves} save files");
}
