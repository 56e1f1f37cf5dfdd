//! What is recorded is dissected, and every packet is counted back.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::{Recorded, Recorder};
use crate::capture::{Datagrams, Limits};
use crate::crypto::KeyRing;
use crate::dissect::{Content, Dissector, Item, stream};
use crate::simulate::scenario::{BUNDLED, Options, Player, Scenario};
use crate::simulate::{MemberId, Observer, Sent};

/// Who sends whom what.
type Packets = Vec<(MemberId, MemberId, Vec<u8>)>;

/// What is sent, without what is sent again.
#[derive(Default)]
struct List(Packets);

impl Observer for List {
    fn sent(&mut self, sent: &Sent<'_>) {
        self.0.push((sent.from, sent.to, sent.bytes.to_vec()));
    }
}

/// Plays a scenario in front of a list and a recorder.
fn record(scenario: &Scenario, seed: u64, log: &str) -> (Packets, Recorded<Vec<u8>>) {
    let recorder = Recorder::new(seed, log, Vec::new()).unwrap();
    let observer = (List::default(), recorder);
    let options = Options { seed, profile: None };
    let played = Player::new(scenario, &options, (), observer).play();
    let (verdict, (list, recorder)) = played.unwrap_or_else(|stopped| panic!("{stopped}"));
    (list.0, recorder.finish(verdict.simulated).unwrap())
}

fn member(address: SocketAddr) -> MemberId {
    let SocketAddr::V4(address) = address else { panic!("{address}") };
    let place = u32::from_be_bytes(address.ip().octets()) - 0x0a00_0001;
    MemberId(place)
}

#[test]
fn every_packet_of_every_scenario_is_opened_and_counted_back() {
    for bundled in BUNDLED {
        let scenario = Scenario::parse(bundled.text.as_bytes()).unwrap();
        let (_, first) = record(&scenario, 3, "");
        let (mut sent, recorded) = record(&scenario, 3, &first.log);
        assert!(recorded.log == first.log && first.log.contains(" alice\n"));

        let (mut opened, mut datagrams) = (Packets::new(), 0);
        let mut capture = Datagrams::new(recorded.out.as_slice(), Limits::default()).unwrap();
        let mut dissector = Dissector::new(KeyRing::new(), None);
        let ended = stream(&mut capture, &mut dissector, |item| {
            let Item::Record(record) = item else { return ControlFlow::<()>::Continue(()) };
            datagrams += 1;
            assert_eq!(record.sealed(), None, "{}: frame {}", bundled.name, record.frame);
            if let Some(data) = record.conference_packet().filter(|data| !data.resend) {
                let names = [record.from.name, record.to.name].map(|name| name.unwrap().to_vec());
                let ends = [record.src, record.dst].map(member);
                let wanted = ends.map(|who| scenario.names()[who.index()].clone().into_bytes());
                assert_eq!(names, wanted);
                opened.push((ends[0], ends[1], data.bytes.to_vec()));
            }
            if let Content::Data(Ok(data)) = &record.content {
                assert!(data.from_the_start);
            }
            ControlFlow::Continue(())
        });
        assert!(matches!(ended, ControlFlow::Continue(None)));
        assert_eq!(datagrams, recorded.datagrams, "{}", bundled.name);
        assert!(sent.len() > 50, "{}", bundled.name);
        // In order between any two, whatever happens elsewhere at the same moment.
        sent.sort_by_key(|(from, to, _)| (*from, *to));
        opened.sort_by_key(|(from, to, _)| (*from, *to));
        assert!(sent == opened, "{}: {} of {}", bundled.name, opened.len(), sent.len());
    }
}

#[test]
fn the_same_seed_records_the_same_bytes_and_another_seed_others() {
    let scenario = Scenario::parse(BUNDLED[0].text.as_bytes()).unwrap();
    let bytes = |seed| record(&scenario, seed, "").1.out;
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn an_output_that_fails_is_told_in_the_end() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let scenario = Scenario::parse(BUNDLED[0].text.as_bytes()).unwrap();
    let recorder = Recorder::new(1, "", Full(5000)).unwrap();
    let options = Options { seed: 1, profile: None };
    let played = Player::new(&scenario, &options, (), recorder).play();
    let (verdict, recorder) = played.unwrap_or_else(|stopped| panic!("{stopped}"));
    let failed = recorder.finish(verdict.simulated).err().unwrap();
    assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    let too_long = Recorder::new(1, &"x".repeat(16 << 20), io::sink()).err().unwrap();
    assert_eq!(too_long.kind(), io::ErrorKind::InvalidInput);
}
