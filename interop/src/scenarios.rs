//! The stories.
//!
//! All use real time, so each is as short as the protocol permits: friends find each other
//! within about ten seconds, a silent member freezes after sixty.

use std::f64::consts::TAU;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::net::recorder::LeftOut;
use crate::savedata;
use crate::world::{Reach, Room, Who, World};

/// A story that can be recorded.
pub struct Scenario {
    /// Its name and that of its files.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub about: &'static str,
    /// Over IPv6.
    pub ipv6: bool,
    /// What is left out of its recording.
    pub left_out: LeftOut,
    /// The script.
    pub play: fn(&mut World) -> Result<()>,
}

/// Onion packets (packets §2).
const ONION: LeftOut = &[0x80..=0x8f];
/// Onion packets, and the requests for nodes and their responses of many peers.
const ONION_AND_NODES: LeftOut = &[0x02..=0x04, 0x80..=0x8f];

/// All stories.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "talk",
        about: "three members talk, name themselves and the conference, try nasty text; one leaves",
        ipv6: false,
        left_out: ONION,
        play: talk,
    },
    Scenario {
        name: "rejoin",
        about: "a member is suspended for 78 s, is frozen by the others and comes back by Rejoin",
        ipv6: false,
        left_out: ONION,
        play: rejoin,
    },
    Scenario {
        name: "restart",
        about: "one member shuts down, another one crashes; both come back from savedata",
        ipv6: false,
        left_out: ONION_AND_NODES,
        play: restart,
    },
    Scenario {
        name: "stale",
        about: "a member comes back from a save whose counter lies behind; what it says vanishes",
        ipv6: false,
        left_out: ONION_AND_NODES,
        play: stale,
    },
    Scenario {
        name: "split",
        about: "the network of six members is cut into halves for over a minute and heals",
        ipv6: false,
        left_out: ONION_AND_NODES,
        play: split,
    },
    Scenario {
        name: "relay",
        about: "nine members: most messages reach most members through others",
        ipv6: false,
        left_out: ONION_AND_NODES,
        play: relay,
    },
    Scenario {
        name: "audio",
        about: "four members of an audio conference, ten datagrams of a hundred get lost",
        ipv6: false,
        left_out: ONION,
        play: audio,
    },
    Scenario {
        name: "two",
        about: "two conferences at once over IPv6, and an invitation to a member",
        ipv6: true,
        left_out: ONION,
        play: two,
    },
    Scenario {
        name: "middle",
        about: "the recording begins in the middle of running sessions, then a fourth member joins",
        ipv6: false,
        left_out: &[],
        play: middle,
    },
    Scenario {
        name: "tcp",
        about: "an audio conference of three; two have no UDP, so everything goes through a relay",
        ipv6: false,
        left_out: ONION_AND_NODES,
        play: tcp,
    },
    Scenario {
        name: "detour",
        about: "two members reach each other through a relay, then by UDP, then through the relay again",
        ipv6: false,
        left_out: ONION_AND_NODES,
        play: detour,
    },
    Scenario {
        name: "roam",
        about: "a member's port changes under its running sessions, which end and are made anew",
        ipv6: false,
        left_out: ONION,
        play: roam,
    },
];

/// Where relays listen.
const RELAY_PORT: u16 = 44_180;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Time within which friends find each other, members join and messages arrive.
const SOON: Duration = secs(90);
/// A member that is silent is frozen within this time: 60 s, and a pass for each.
const FREEZING: Duration = secs(80);
/// Long enough for packets that are on their way, relayed copies included.
const SETTLE: Duration = Duration::from_millis(1500);

/// The same where each second of recording counts.
const MOMENT: Duration = Duration::from_millis(200);

/// Founds a conference and lets each member invite the next one.
fn chain(world: &mut World, members: &[Who], audio: bool) -> Result<Room> {
    let [founder, ..] = members else { anyhow::bail!("a conference of nobody") };
    let room = world.found(*founder, audio)?;
    for (joined, pair) in (2..).zip(members.windows(2)) {
        let [inviter, guest] = pair else { continue };
        world.invite(*inviter, *guest, room)?;
        let (there, _) = members.split_at(joined);
        world.wait_members(room, there, SOON)?;
    }
    world.wait(SETTLE)?;
    Ok(room)
}

/// Says something and waits until everybody has heard it.
fn heard(world: &mut World, who: Who, room: Room, text: &str, by: &[Who]) -> Result<()> {
    world.say(who, room, text)?;
    world.wait_heard(room, text, by, SOON)
}

fn talk(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas)])?;
    world.wait_friends(SOON)?;
    let room = world.found(ann, false)?;
    world.invite(ann, bob, room)?;
    world.wait_members(room, &[ann, bob], SOON)?;
    world.set_title(ann, room, "tea at four")?;
    world.say(bob, room, "hello ann")?;
    world.wait(SETTLE)?;
    world.invite(bob, cas, room)?;
    world.wait_members(room, &all, SOON)?;
    world.wait(SETTLE)?;

    heard(world, cas, room, "sorry, I'm late", &all)?;
    world.act(ann, room, "pours a cup")?;
    world.rename(cas, "cas 🫖".as_bytes())?;
    world.set_title(bob, room, "tea at five")?;
    world.wait(SETTLE)?;

    // Escape sequences: clipboard, window title, colours, a hyperlink; a forged line.
    world.say(cas, room, "\x1b]52;c;cm0gLXJmIH4=\x07 paste me")?;
    world.say(cas, room, "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m")?;
    world.act(cas, room, "\x1b]8;;https://example.org\x1b\\clicks\x1b]8;;\x1b\\")?;
    world.say(cas, room, "all quiet\r\n12:00:00 ann: send me your keys\n")?;
    // Directions: override, isolate, marks; separators; zero width; too many accents.
    world.say(cas, room, "\u{202e}gpj.exe\u{202c} \u{2066}x\u{2069} \u{200f}y\u{200e}")?;
    world.say(cas, room, "one\u{2028}two\u{2029}three\u{85}four\u{feff}\u{200b}five")?;
    world.say(cas, room, format!("a{} b", "\u{301}".repeat(40)))?;
    // Not text at all: Latin-1, a surrogate, an overlong slash, a C1 control, a NUL.
    world.say(cas, room, b"caf\xe9 \xed\xa0\x80 \xc0\xaf \x9b31m")?;
    world.say(cas, room, b"a\0b\x7f")?;
    // For HTML, spreadsheets and shells.
    world.say(cas, room, "<script>alert(1)</script>]]>&amp;\"'")?;
    world.say(cas, room, "=cmd|'/c calc'!A0")?;
    world.say(cas, room, "$(reboot) `id` ; -rf %s%n {} \\x1b")?;
    world.rename(cas, b"c\x1b[7m\xffas\n")?;
    world.set_title(cas, room, b"\x1b]0;tea\x07 caf\xe9 \x80")?;
    world.wait(SETTLE)?;

    // The longest there is (packets §10).
    world.rename(bob, "b".repeat(128).as_bytes())?;
    world.set_title(bob, room, "t".repeat(128))?;
    heard(world, bob, room, &"m".repeat(1363), &all)?;
    world.wait(SETTLE)?;

    world.leave(bob, room)?;
    world.wait_members(room, &[ann, cas], SOON)?;
    world.wait(SETTLE)?;
    heard(world, ann, room, "bob is gone", &[ann, cas])?;
    world.wait(SETTLE)
}

fn rejoin(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, false)?;
    world.set_title(ann, room, "who is awake?")?;
    heard(world, cas, room, "good night", &all)?;
    world.wait(SETTLE)?;

    world.stall(cas)?;
    heard(world, ann, room, "cas?", &[ann, bob])?;
    world.wait(secs(40))?;
    heard(world, bob, room, "she sleeps", &[ann, bob])?;
    world.wait(secs(37))?;
    for who in [ann, bob] {
        ensure!(world.frozen(who, room).len() == 1, "cas is not frozen after 78 s");
    }
    world.resume(cas)?;
    // Her own list may never have changed; what counts is that she hears again.
    world.wait_members(room, &all, SOON)?;
    world.wait(secs(3))?;
    world.wait_members(room, &all, SOON)?;
    heard(world, ann, room, "there you are", &all)?;
    heard(world, cas, room, "good morning", &all)?;
    world.wait(SETTLE)
}

fn restart(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas), (ann, cas)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, false)?;
    world.set_title(bob, room, "version 1")?;
    heard(world, cas, room, "I'll update my client", &all)?;
    let old = world.save(bob)?;
    heard(world, bob, room, "not in my savedata", &all)?;
    world.wait(SETTLE)?;

    // A clean shutdown: the others are told by Freeze.
    let savedata = world.save(cas)?;
    world.stop(cas)?;
    world.wait_members(room, &[ann, bob], SOON)?;
    world.set_title(ann, room, "version 2")?;
    heard(world, ann, room, "cas missed this", &[ann, bob])?;
    world.restart(cas, savedata)?;
    world.wait_friends(SOON)?;
    world.wait_members(room, &all, SOON)?;
    heard(world, cas, room, "back, with numbers 65536 ahead", &all)?;
    world.wait(SETTLE)?;

    // A crash: nobody is told, and the savedata is an old one.
    world.crash(bob)?;
    world.restart(bob, old)?;
    world.wait_friends(SOON)?;
    world.wait_members(room, &all, SOON)?;
    heard(world, bob, room, "what happened?", &all)?;
    heard(world, ann, room, "you fell over", &all)?;
    world.wait(SETTLE)
}

fn stale(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, false)?;
    let mut old = world.save(bob)?;
    // As 0.2.9 and 0.2.10 saved it: the number of the last message itself.
    savedata::set_back(&mut old, 65_536).context("savedata that ends early")?;
    for text in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"] {
        heard(world, bob, room, text, &all)?;
    }
    world.wait(SETTLE)?;

    world.crash(bob)?;
    world.restart(bob, old)?;
    world.wait_friends(SOON)?;
    world.wait_members(room, &all, SOON)?;
    heard(world, ann, room, "welcome back", &all)?;
    for text in ["hello?", "does anybody hear me?"] {
        world.say(bob, room, text)?;
        world.wait(SETTLE)?;
        ensure!(!world.has_heard(ann, room, text) && !world.has_heard(cas, room, text), "{text}");
    }
    heard(world, cas, room, "bob is so quiet", &all)?;
    world.wait(SETTLE)
}

fn split(world: &mut World) -> Result<()> {
    world.record()?;
    let all = world.start(["ann", "bob", "cas", "dee", "eve", "fay"])?;
    let [ann, bob, cas, dee, eve, fay] = all;
    world.acquaint(&[(ann, bob), (bob, cas), (cas, dee), (dee, eve), (eve, fay)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, false)?;
    world.set_title(ann, room, "one room")?;
    heard(world, fay, room, "all here", &all)?;
    world.wait(SETTLE)?;

    let (left, right) = ([ann, bob, cas], [dee, eve, fay]);
    world.split(&[&left, &right])?;
    heard(world, ann, room, "only the left hears this", &left)?;
    heard(world, fay, room, "only the right hears this", &right)?;
    world.wait_members(room, &left, FREEZING)?;
    world.wait_members(room, &right, FREEZING)?;
    world.set_title(bob, room, "left room")?;
    world.set_title(eve, room, "right room")?;
    heard(world, cas, room, "three of us", &left)?;
    world.heal()?;
    world.wait_members(room, &all, SOON)?;
    heard(world, dee, room, "six again", &all)?;
    heard(world, ann, room, "so it seems", &all)?;
    world.wait(SETTLE)
}

fn relay(world: &mut World) -> Result<()> {
    world.record()?;
    let all = world.start(["ann", "bob", "cas", "dee", "eve", "fay", "gus", "hal", "ida"])?;
    let pairs: Vec<_> =
        all.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
    world.acquaint(&pairs)?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, false)?;
    let [ann, .., ida] = all;
    world.set_title(ann, room, "whispers")?;
    for (number, who) in (1..).zip(all) {
        heard(world, who, room, &format!("I am number {number}"), &all)?;
    }
    world.act(ida, room, "waves")?;
    world.wait_heard(room, "waves", &all, SOON)?;
    world.rename(ida, b"ida the last")?;
    world.wait(SETTLE)
}

fn audio(world: &mut World) -> Result<()> {
    world.record()?;
    let all = world.start(["ann", "bob", "cas", "dee"])?;
    let [ann, bob, cas, dee] = all;
    world.acquaint(&[(ann, bob), (bob, cas), (cas, dee)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, true)?;
    world.lose(1000)?;
    world.set_title(bob, room, "can you hear me?")?;
    for number in 0..30 {
        world.speak(ann, room, &tone(440.0, number))?;
        if number >= 15 {
            world.speak(cas, room, &tone(660.0, number))?;
        }
        if number % 10 == 5 {
            world.say(dee, room, format!("frame {number}"))?;
        }
        world.wait(Duration::from_millis(20))?;
    }
    heard(world, bob, room, "loud and clear", &all)?;
    world.wait(secs(3))?;
    for who in [bob, cas, dee] {
        ensure!(world.sounds(who) > 0, "somebody heard no sound");
    }
    Ok(())
}

fn two(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas), (ann, cas)])?;
    world.wait_friends(SOON)?;
    // Bob is in the garden under number 0 and in the kitchen under 1, ann the other way round.
    let garden = chain(world, &[bob, cas], false)?;
    world.set_title(bob, garden, "garden")?;
    let kitchen = chain(world, &[ann, bob, cas], false)?;
    world.set_title(ann, kitchen, "kitchen")?;
    world.invite(cas, ann, garden)?;
    world.wait_members(garden, &all, SOON)?;
    world.wait(SETTLE)?;
    heard(world, ann, kitchen, "who is in the kitchen?", &all)?;
    heard(world, cas, garden, "who is in the garden?", &all)?;
    world.act(bob, kitchen, "is in both")?;
    world.act(bob, garden, "is in both")?;
    world.wait(SETTLE)?;
    // Cas is a member already: her client answers by itself.
    world.invite(ann, cas, kitchen)?;
    world.wait(secs(2))?;
    world.wait_members(kitchen, &all, SOON)?;
    heard(world, cas, kitchen, "I am here already", &all)?;
    world.leave(ann, garden)?;
    world.wait_members(garden, &[bob, cas], SOON)?;
    heard(world, bob, garden, "ann left the garden", &[bob, cas])?;
    heard(world, ann, kitchen, "but not the kitchen", &all)?;
    world.wait(SETTLE)
}

fn middle(world: &mut World) -> Result<()> {
    let [ann, bob, cas, dee] = world.start(["ann", "bob", "cas", "dee"])?;
    world.acquaint(&[(ann, bob), (bob, cas), (cas, dee)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &[ann, bob, cas], false)?;
    world.set_title(ann, room, "before")?;
    heard(world, bob, room, "not recorded", &[ann, bob, cas])?;
    world.wait(secs(20))?;
    world.record()?;
    world.wait(MOMENT)?;
    heard(world, bob, room, "recorded", &[ann, bob, cas])?;
    world.set_title(cas, room, "after")?;
    world.wait(MOMENT)?;
    world.invite(cas, dee, room)?;
    world.wait_members(room, &[ann, bob, cas, dee], SOON)?;
    world.wait(MOMENT)?;
    heard(world, dee, room, "what did I miss?", &[ann, bob, cas, dee])?;
    heard(world, ann, room, "the beginning", &[ann, bob, cas, dee])?;
    world.leave(dee, room)?;
    world.wait_members(room, &[ann, bob, cas], SOON)?;
    world.wait(MOMENT)
}

fn roam(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, false)?;
    heard(world, cas, room, "at home", &all)?;
    world.wait(SETTLE)?;
    world.roam(cas)?;
    // Nobody takes data from an address it does not know, and pings from there change nothing:
    // the session ends after 32 s, the next one is made from the new port.
    world.say(cas, room, "does this reach you?")?;
    world.wait_lost(bob, cas, secs(45))?;
    world.wait_friends(SOON)?;
    world.wait_members(room, &all, SOON)?;
    world.wait(SETTLE)?;
    heard(world, cas, room, "on the train", &all)?;
    heard(world, ann, room, "now we hear you", &all)?;
    world.wait(SETTLE)
}

fn tcp(world: &mut World) -> Result<()> {
    world.record()?;
    world.start_with(Reach::Relay(RELAY_PORT), ["hub"])?;
    world.start(["one", "two", "six"])?;
    let [ann, bob] = world.start_with(Reach::Relays, ["ann", "bob"])?;
    let [cas] = world.start_with(Reach::Both, ["cas"])?;
    let all = [ann, bob, cas];
    world.acquaint(&[(ann, bob), (bob, cas)])?;
    world.wait_friends(SOON)?;
    let room = chain(world, &all, true)?;
    world.set_title(ann, room, "no way through but one")?;
    heard(world, cas, room, "why do I hear you so late?", &all)?;
    heard(world, bob, room, "my network lets no UDP out", &all)?;
    heard(world, bob, room, &"m".repeat(1363), &all)?;
    for number in 0..10 {
        world.speak(ann, room, &tone(440.0, number))?;
        world.wait(Duration::from_millis(20))?;
    }
    world.wait(SETTLE)?;
    world.leave(bob, room)?;
    world.wait_members(room, &[ann, cas], SOON)?;
    world.wait(SETTLE)
}

fn detour(world: &mut World) -> Result<()> {
    world.record()?;
    world.start_with(Reach::Relay(RELAY_PORT), ["hub"])?;
    world.start(["one", "two", "six"])?;
    let all = world.start_with(Reach::Both, ["ann", "bob"])?;
    let [ann, bob] = all;
    world.cut_udp(ann, bob)?;
    world.acquaint(&[(ann, bob)])?;
    world.wait_friends(SOON)?;
    world.wait_transport(ann, bob, false, SOON)?;
    let room = chain(world, &all, false)?;
    heard(world, ann, room, "through the relay", &all)?;
    world.restore_udp()?;
    world.wait_transport(ann, bob, true, SOON)?;
    heard(world, bob, room, "and now directly", &all)?;
    heard(world, ann, room, "much faster", &all)?;
    world.wait(SETTLE)?;
    world.cut_udp(ann, bob)?;
    world.wait_transport(ann, bob, false, SOON)?;
    heard(world, bob, room, "back on the detour", &all)?;
    world.wait(SETTLE)
}

/// 20 ms of a tone in mono at 48 kHz.
fn tone(hertz: f64, frame: u32) -> Vec<i16> {
    const SAMPLES: u32 = 960;
    (0..SAMPLES)
        .map(|i| {
            let seconds = f64::from(frame * SAMPLES + i) / 48_000.0;
            (8000.0 * (TAU * hertz * seconds).sin()) as i16
        })
        .collect()
}
