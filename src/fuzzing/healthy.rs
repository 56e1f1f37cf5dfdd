//! A simulated world to which nothing happens but what a network does, recorded, and linted.

use std::ops::ControlFlow;

use super::machine::Decisions;
use super::trouble;
use crate::capture::pcapng::{Interface, Resolution, Writer};
use crate::capture::{Block, Datagrams, Frames, Limits, LinkType};
use crate::conference::{Profile, Release, Request};
use crate::crypto::KeyRing;
use crate::dissect::{Dissector, Item, stream};
use crate::lint::{Lint, RULES, Rule, Severity};
use crate::simulate::{
    Chance, Clock, MILLISECOND, MemberId, Network, Newcomer, Quality, Recorded, Recorder, SECOND,
    World,
};
use crate::wire::{Conference, ConferenceType, GroupNumber, PublicKey};

/// What is done to a world at most, so that a long input does not take long.
const DEEDS: usize = 24;

/// Healthy endpoints do nothing that must not be, whatever the network does to them, and whatever of it a
/// capture shows: lint finds no error. Where members follow a release of c-toxcore, its known defects are found.
///
/// The first five bytes say who the members are, how much of the capture is there, and with how many of the
/// keys; the others are what happens.
pub fn lint_never_lies(data: &[u8]) {
    let mut decisions = Decisions::of(data);
    let mut lived = Lived::new(&mut decisions);
    let part = Part::new(&mut decisions);
    for _ in 0..DEEDS {
        if decisions.is_empty() {
            break;
        }
        lived.deed(&mut decisions);
    }
    let lies = lived.errors(part, |rule, profile| {
        *profile == Profile::ctoxcore(Release::HEAD) && !rule.known.is_empty()
    });
    assert!(lies.is_empty(), "lint finds in a healthy world: {lies:#?}");
}

/// What of a capture is there.
struct Part {
    /// It begins after so many of 256 parts of it.
    start: u8,
    /// So many frames of 2048 are missing.
    missing: u8,
    /// So many lines of 256 of its key log are missing.
    keys: u8,
    chance: Chance,
}

impl Part {
    /// One of four captures is whole.
    fn new(decisions: &mut Decisions<'_>) -> Self {
        let [which, start, missing] = [0; 3].map(|_: u8| decisions.byte());
        let of = |flag: u8, part: u8| if which & flag == 0 { 0 } else { part };
        let chance = Chance::new(u64::from(which));
        Self { start: of(1, start), missing: of(2, missing), keys: of(4, start), chance }
    }

    fn happens(&mut self, of: u64, part: u8) -> bool {
        self.chance.below(of) < u64::from(part)
    }

    /// The frames that are there.
    fn of_capture(&mut self, capture: &[u8], datagrams: u64) -> Vec<u8> {
        let sound = "a capture of ours is sound";
        let skipped = datagrams * u64::from(self.start) / 256;
        let mut writer = Writer::new(Vec::new()).expect(sound);
        let (link, resolution) = (LinkType::IPV4, Resolution::NANOSECONDS);
        let interface = Interface { link, snap_length: 0, resolution, name: None };
        let interface = writer.interface(interface).expect(sound);
        let mut frames = Frames::new(capture, &Limits::default()).expect(sound);
        while let Some(block) = frames.next().expect(sound) {
            let Block::Frame(frame) = block else { continue };
            if frame.origin.frame > skipped && !self.happens(2048, self.missing) {
                let written = writer.packet(interface, frame.at, frame.bytes, frame.original_len);
                written.expect(sound);
            }
        }
        writer.finish().expect(sound)
    }

    /// The lines that are there.
    fn of_keys(&mut self, log: &str) -> String {
        let lines = log.lines().filter(|_| !self.happens(256, self.keys));
        lines.flat_map(|line| [line, "\n"]).collect()
    }
}

struct Lived {
    world: World<Recorder<Vec<u8>>>,
    members: Vec<MemberId>,
    conference: Option<Conference>,
}

impl Lived {
    fn new(decisions: &mut Decisions<'_>) -> Self {
        let (which, profiles) = (decisions.byte(), decisions.byte());
        let count = 2 + usize::from(which >> 6);
        let kind = if which & 0x20 == 0 { ConferenceType::TEXT } else { ConferenceType::AUDIO };
        let seed = u64::from(which & 0x1f);
        let recorder = Recorder::new(seed, "", Vec::new()).expect("memory takes everything");
        let mut world = World::observed(seed, Network::default(), recorder);
        let members: Vec<_> = (0..count)
            .map(|place| {
                let choice = if profiles & 0x80 == 0 { profiles } else { profiles >> place };
                let profile = match choice & 7 {
                    0..3 => Profile::seed(),
                    3 => Profile::spec(),
                    4 | 5 => Profile::hardened(),
                    _ => Profile::ctoxcore(Release::HEAD),
                };
                let name = format!("member {place}");
                let clock = Clock::default();
                world.enter(Newcomer { profile, name: name.as_bytes(), clock, seals: true })
            })
            .collect();
        for (place, one) in members.iter().enumerate() {
            for other in members.iter().take(place).rev() {
                world.befriend(*one, *other);
                if which & 1 != 0 {
                    break;
                }
            }
        }
        let conference = world.gather(kind, &members);
        Self { world, members, conference }
    }

    fn one(&self, decisions: &mut Decisions<'_>) -> MemberId {
        let place = usize::from(decisions.byte()) % self.members.len().max(1);
        *self.members.get(place).expect("there are two members at least")
    }

    fn group(&self, who: MemberId) -> Option<GroupNumber> {
        Some(self.world.group(who, &self.conference?)?.number())
    }

    /// What comes to nothing is left at that.
    fn deed(&mut self, decisions: &mut Decisions<'_>) {
        let deed = decisions.byte() % 20;
        let who = self.one(decisions);
        let group = self.group(who);
        let world = &mut self.world;
        match deed {
            0..3 => trouble::wait(world, decisions, 500 * MILLISECOND),
            3 => trouble::wait(world, decisions, 10 * MILLISECOND),
            4 => {
                let other = self.one(decisions);
                self.world.cut(who, other);
            }
            5 => {
                let other = self.one(decisions);
                self.world.cut(who, other);
                self.world.cut(other, who);
            }
            6 => self.split(decisions.byte()),
            7 => {
                let other = self.one(decisions);
                self.world.restore(who, other);
                self.world.restore(other, who);
            }
            8 => self.heal(),
            9 => {
                let quality = trouble::quality(decisions);
                let other = self.one(decisions);
                self.world.set_quality(who, other, quality);
            }
            10 => trouble::start_again(world, who),
            11 => world.suspend(who),
            12 => world.resume(who),
            13 => {
                let _ = world.quit(who);
            }
            14 => trouble::crash(world, who),
            15 => {
                let _ = world.change_dht_key(who);
            }
            16 => {
                let other = self.one(decisions);
                if let Some(conference) = self.conference {
                    let _ = self.world.invite(who, other, &conference);
                }
            }
            _ => self.speak(who, group, decisions.byte()),
        }
    }

    /// What a client asks for.
    fn speak(&mut self, who: MemberId, group: Option<GroupNumber>, what: u8) {
        let Some(group) = group else { return };
        let letter = [b'a' + what % 26];
        let request = match what >> 5 {
            0..3 => Request::Say { group, text: b"something" },
            3 => Request::Act { group, text: b"does something" },
            4 => Request::SetTitle { group, title: &letter },
            5 => Request::SetName(&letter),
            6 => {
                for sequence_number in 0..u16::from(what % 8) {
                    let audio = Request::SendAudio { group, sequence_number, opus: b"x" };
                    let _ = self.world.request(who, audio);
                }
                return;
            }
            _ => Request::Delete { group },
        };
        let _ = self.world.request(who, request);
    }

    fn split(&mut self, sides: u8) {
        for (place, who) in self.members.iter().enumerate() {
            for (other_place, other) in self.members.iter().enumerate() {
                if (sides >> place & 1) != (sides >> other_place & 1) {
                    self.world.cut(*who, *other);
                }
            }
        }
    }

    fn heal(&mut self) {
        for who in &self.members {
            for other in &self.members {
                self.world.restore(*who, *other);
                self.world.set_quality(*who, *other, Quality::default());
            }
        }
    }

    /// The errors that lint finds in a part of the capture, without those that are known of a profile.
    fn errors(mut self, mut part: Part, is_known: impl Fn(&Rule, &Profile) -> bool) -> Vec<String> {
        self.world.run_for(20 * SECOND);
        let now = self.world.now();
        let people: Vec<(PublicKey, Profile)> = self
            .members
            .iter()
            .map(|who| self.world.member(*who))
            .map(|member| (member.real().public, member.endpoint().profile().clone()))
            .collect();
        let recorded = self.world.into_observer().finish(now).expect("memory takes everything");
        let Recorded { out, datagrams, log } = recorded;
        let capture = part.of_capture(&out, datagrams);
        let mut ring = KeyRing::new();
        let keys = part.of_keys(&log);
        ring.read(keys.as_bytes()).expect("memory does not fail");
        let mut lint = Lint::new(RULES.to_vec());
        let mut datagrams = Datagrams::new(capture.as_slice(), Limits::default())
            .expect("a capture of ours is sound");
        let ended = stream(&mut datagrams, &mut Dissector::new(ring, None), |item| {
            if let Item::Record(record) = item {
                lint.record(record, &|_| true);
            }
            ControlFlow::<()>::Continue(())
        });
        assert!(matches!(ended, ControlFlow::Continue(None)));
        let known = |rule: &Rule, key: Option<PublicKey>| {
            people.iter().any(|(real, profile)| Some(*real) == key && is_known(rule, profile))
        };
        let report = lint.finish(&|_| true);
        let errors = report.findings.into_iter().filter(|it| it.severity == Severity::Error);
        let errors = errors.filter(|it| !known(it.rule, it.endpoint));
        errors
            .map(|it| format!("{} {:?}: {}", it.rule.id, it.spot.map(|it| it.frame), it.message))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::{env, fs};

    /// Deeds, each with its arguments.
    const WAIT: u8 = 0;
    const CUT: u8 = 5;
    const SPLIT: u8 = 6;
    const HEAL: u8 = 8;
    const QUALITY: u8 = 9;
    const START: u8 = 10;
    const SUSPEND: u8 = 11;
    const RESUME: u8 = 12;
    const QUIT: u8 = 13;
    const CRASH: u8 = 14;
    const NEW_DHT_KEY: u8 = 15;
    const INVITE: u8 = 16;
    const SPEAK: u8 = 17;
    /// What is said.
    const SAY: u8 = 0;
    const TITLE: u8 = 4 << 5;
    const NAME: u8 = 5 << 5;
    const AUDIO: u8 = 6 << 5 | 7;
    const LEAVE: u8 = 7 << 5;
    /// Five members, all of them friends of each other.
    const FIVE: u8 = 0xc0;
    /// As a chain of friends.
    const CHAIN: u8 = 0xc1;
    /// Profiles of all.
    const SEED: u8 = 0;
    const HARDENED: u8 = 4;
    const RELEASE: u8 = 7;
    /// Each another one.
    const MIXED: u8 = 0x80 | 0b0101_1100;
    const WHOLE: [u8; 3] = [0; 3];

    /// Seconds to wait, at most 127.
    const fn wait(seconds: u8) -> [u8; 3] {
        [WAIT, 0, seconds * 2]
    }

    fn seeds() -> BTreeMap<&'static str, Vec<u8>> {
        let talk =
            [[SPEAK, 0, SAY], wait(3), [SPEAK, 1, TITLE], [SPEAK, 2, NAME], wait(5)].concat();
        let split = [
            &[SPLIT, 0, 3][..],
            &wait(70),
            &[SPEAK, 0, SAY],
            &wait(2),
            &[HEAL, 0],
            &wait(90),
            &talk,
        ]
        .concat();
        let crash = [&[CRASH, 1][..], &wait(60), &[START, 1], &wait(60), &talk].concat();
        let head = |who: u8, profiles: u8, part: [u8; 3]| [&[who, profiles][..], &part].concat();
        let seed = |head: Vec<u8>, deeds: &[u8]| [&head, deeds].concat();
        let bad_line =
            [&[QUALITY, 0, 150, 60, 1][..], &talk, &[QUALITY, 1, 255, 200, 0], &wait(60), &talk]
                .concat();
        let asleep =
            [&[SUSPEND, 2][..], &wait(90), &[SPEAK, 0, SAY, RESUME, 2], &wait(60), &talk].concat();
        let quits =
            [&[SPLIT, 0, 3][..], &wait(70), &[QUIT, 4], &wait(20), &[HEAL, 0], &wait(120)].concat();
        let leaves =
            [&[SPEAK, 3, LEAVE][..], &wait(10), &[INVITE, 0, 3], &wait(30), &talk].concat();
        [
            ("all-is-quiet", seed(head(FIVE, SEED, WHOLE), &talk)),
            ("split-and-healed", seed(head(FIVE, SEED, WHOLE), &split)),
            ("split-and-healed-hardened", seed(head(CHAIN, HARDENED, WHOLE), &split)),
            ("split-and-healed-of-a-release", seed(head(FIVE, RELEASE, WHOLE), &split)),
            ("crash-and-start-from-the-save", seed(head(FIVE, SEED, WHOLE), &crash)),
            ("crash-of-a-release", seed(head(CHAIN, RELEASE, WHOLE), &crash)),
            ("bad-line", seed(head(CHAIN, MIXED, WHOLE), &bad_line)),
            ("asleep", seed(head(FIVE, MIXED, WHOLE), &asleep)),
            ("quits-during-a-split-hardened", seed(head(FIVE, HARDENED, WHOLE), &quits)),
            ("quits-during-a-split", seed(head(FIVE, SEED, WHOLE), &quits)),
            ("leaves-and-is-invited-again", seed(head(FIVE, SEED, WHOLE), &leaves)),
            (
                "new-dht-key",
                seed(head(CHAIN, SEED, WHOLE), &[&[NEW_DHT_KEY, 1][..], &wait(60), &talk].concat()),
            ),
            (
                "cut-between-two",
                seed(
                    head(FIVE, SEED, WHOLE),
                    &[&[CUT, 0, 1][..], &wait(100), &talk, &[HEAL, 0], &wait(60)].concat(),
                ),
            ),
            (
                "audio",
                seed(
                    head(FIVE | 0x20, SEED, WHOLE),
                    &[&[SPEAK, 0, AUDIO, SPEAK, 1, AUDIO][..], &wait(5), &split].concat(),
                ),
            ),
            ("captured-late", seed(head(FIVE, SEED, [1, 128, 0]), &split)),
            ("frames-missing", seed(head(FIVE, SEED, [2, 0, 60]), &split)),
            ("keys-missing", seed(head(CHAIN, SEED, [4, 100, 0]), &crash)),
            ("all-is-missing-a-little", seed(head(CHAIN, MIXED, [7, 20, 20]), &split)),
        ]
        .into()
    }

    /// `UPDATE_GOLDEN=1` writes them. Findings of the fuzzer lie beside them.
    #[test]
    fn seeds_are_as_they_were_written() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/lint_never_lies");
        for (name, seed) in seeds() {
            let path = folder.join(format!("{name}.bin"));
            if env::var_os("UPDATE_GOLDEN").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &seed).unwrap();
            }
            assert_eq!(fs::read(&path).unwrap(), seed, "{name}");
        }
    }

    /// What is found in a capture of which nothing is missing is a finding, if somebody is not healthy.
    #[test]
    fn a_member_that_is_not_healthy_is_found() {
        let mut decisions = super::Decisions::of(&[FIVE | 0x20, RELEASE, 0, 0, 0]);
        let mut lived = super::Lived::new(&mut decisions);
        let part = super::Part::new(&mut decisions);
        for who in 0..5 {
            lived.deed(&mut super::Decisions::of(&[SPEAK, who, AUDIO]));
            lived.deed(&mut super::Decisions::of(&wait(2)));
        }
        let errors = lived.errors(part, |_, _| false);
        assert!(errors.iter().any(|it| it.starts_with("L-LOSSY-ECHO")), "{errors:?}");
    }
}
