//! What the peer does all day.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::api::{ADDRESS, Api, KEY};
use crate::chance::Chance;
use crate::tox::{Event, Origin, Tox};

/// What it says to friends when it wants to be in a conference; programs that serve conferences understand it.
const INVITE: &[u8] = b"invite";

/// Bytes of the longest name and title, and of the longest text in a conference.
const NAME: usize = 128;
const TEXT: usize = 1363;

/// Between two passes of the main loop.
const PASS: Duration = Duration::from_millis(5);

/// How long to wait for an invitation before it asks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it stays in conferences before it leaves and wants to be invited again; every so many times it
/// ends instead, and starts with what it had saved, to be taken back.
const STAY: Duration = Duration::from_secs(15);
const STAYS: u32 = 4;

/// The command line.
pub(crate) struct Plan {
    bootstrap: Vec<(String, u16, [u8; KEY])>,
    friends: Vec<Friend>,
    seed: u64,
    /// Deeds a second.
    pace: u32,
}

enum Friend {
    Id([u8; ADDRESS]),
    Key([u8; KEY]),
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

impl Plan {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut plan = Self { bootstrap: Vec::new(), friends: Vec::new(), seed: 1, pace: 50 };
        while let Some(word) = words.next() {
            let value = words.next().ok_or(format!("{word} needs a value"))?;
            let wrong = || format!("{word} {value}: that is none");
            match word.as_str() {
                "--seed" => plan.seed = value.parse().map_err(|_| wrong())?,
                "--pace" => plan.pace = value.parse().map_err(|_| wrong())?,
                "--friend" => {
                    let friend = bytes(&value).map(Friend::Id);
                    let friend = friend.or_else(|| bytes(&value).map(Friend::Key));
                    plan.friends.push(friend.ok_or_else(wrong)?);
                }
                "--bootstrap" => {
                    let (place, key) = value.rsplit_once(':').ok_or_else(wrong)?;
                    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
                    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                    let port = port.parse().map_err(|_| wrong())?;
                    plan.bootstrap.push((host, port, bytes(key).ok_or_else(wrong)?));
                }
                _ => return Err(format!("{word}: there is no such option")),
            }
        }
        Ok(plan)
    }

    fn start<'a>(&self, api: &'a Api, origin: &Origin<'_>) -> Result<Tox<'a>, String> {
        let ipv6 = self.bootstrap.iter().any(|(host, ..)| host.contains(':'));
        let mut tox = Tox::start(api, ipv6, origin)?;
        for (host, port, key) in &self.bootstrap {
            if !tox.bootstrap(host, *port, key) {
                return Err(format!("cannot bootstrap from {host}:{port}"));
            }
        }
        Ok(tox)
    }
}

/// Lives until standard input ends.
#[expect(clippy::print_stdout, reason = "a program talks")]
pub(crate) fn live(plan: &Plan) -> Result<(), String> {
    let api = Api::open()?;
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    thread::spawn(move || {
        let mut nothing = [0; 256];
        while matches!(io::stdin().read(&mut nothing), Ok(1..)) {}
        over.store(true, Ordering::Relaxed);
    });
    let mut chance = Chance::new(plan.seed);
    let secret = chance.bytes(KEY);
    let nospam = chance.next() as u32;
    let mut tox = plan.start(&api, &Origin::SecretKey(&secret))?;
    tox.set_nospam(nospam);
    tox.set_name(b"toxscope fuzz-peer");
    for friend in &plan.friends {
        match friend {
            Friend::Id(address) => tox.ask(address),
            Friend::Key(key) => tox.befriend(key),
        }
    }
    let id: String = tox.address().iter().map(|byte| format!("{byte:02X}")).collect();
    println!("Tox ID of the peer: {id}");
    let mut day = Day::new(plan, chance);
    while !is_over.load(Ordering::Relaxed) {
        for event in tox.iterate() {
            day.hear(&mut tox, event);
        }
        if day.wants_to_start_anew() {
            let saved = tox.saved();
            drop(tox);
            tox = plan.start(&api, &Origin::Saved(&saved))?;
            println!("the peer has started again");
        }
        day.act(&mut tox);
        thread::sleep(PASS);
    }
    Ok(())
}

/// What happened, and what is due.
struct Day {
    chance: Chance,
    /// Between two deeds.
    beat: Duration,
    next: Instant,
    asked: Option<Instant>,
    joined: Option<Instant>,
    stays: u32,
}

impl Day {
    fn new(plan: &Plan, chance: Chance) -> Self {
        let beat = Duration::from_secs(1) / plan.pace.clamp(1, 1000);
        Self { chance, beat, next: Instant::now(), asked: None, joined: None, stays: 0 }
    }

    #[expect(clippy::print_stdout, reason = "a program talks")]
    fn hear(&mut self, tox: &mut Tox<'_>, event: Event) {
        match event {
            Event::Request(key) => tox.befriend(&key),
            Event::Friend(friend, true) => println!("friend {friend} is there"),
            Event::Friend(friend, false) => println!("friend {friend} is not there any more"),
            Event::Invited { friend, has_audio, cookie } => {
                tox.join(friend, has_audio, &cookie);
                self.joined.get_or_insert_with(Instant::now);
                println!("friend {friend} invites");
            }
        }
    }

    /// Whether it has stayed long enough, and is to start again this time.
    fn wants_to_start_anew(&mut self) -> bool {
        let is_time = self.has_stayed() && self.stays % STAYS == STAYS - 1;
        if is_time {
            self.stays += 1;
            self.joined = None;
        }
        is_time
    }

    fn has_stayed(&self) -> bool {
        self.joined.is_some_and(|joined| joined.elapsed() > STAY)
    }

    /// Does whatever is due.
    fn act(&mut self, tox: &mut Tox<'_>) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        // What was missed is not made good.
        self.next = now.max(self.next + self.beat);
        let conferences = tox.conferences();
        let company: Vec<u32> =
            conferences.iter().copied().filter(|it| tox.members(*it) > 1).collect();
        if company.is_empty() {
            self.ask(tox, &conferences, now);
            return;
        }
        if self.has_stayed() {
            conferences.into_iter().for_each(|conference| tox.leave(conference));
            (self.joined, self.asked) = (None, None);
            self.stays += 1;
            return;
        }
        self.joined.get_or_insert(now);
        if let Some(conference) = company.get(self.chance.below(company.len())) {
            self.talk(tox, *conference);
        }
    }

    /// Has itself invited by every friend that is there, after leaving where it is alone: who is a member
    /// already is not invited.
    fn ask(&mut self, tox: &mut Tox<'_>, conferences: &[u32], now: Instant) {
        if self.asked.is_some_and(|asked| now.duration_since(asked) < PATIENCE) {
            return;
        }
        conferences.iter().for_each(|conference| tox.leave(*conference));
        for friend in tox.friends() {
            tox.tell(friend, INVITE);
            self.asked = Some(now);
        }
    }

    fn talk(&mut self, tox: &mut Tox<'_>, conference: u32) {
        let length = match self.chance.below(8) {
            0 => TEXT,
            1 => self.chance.below(TEXT),
            _ => self.chance.below(40),
        };
        let text: Vec<u8> = b"so many words ".iter().copied().cycle().take(length + 1).collect();
        let short = text.get(..self.chance.below(NAME.min(text.len())) + 1).unwrap_or(&text);
        match self.chance.below(100) {
            0..50 => tox.say(conference, false, text.get(..TEXT).unwrap_or(&text)),
            50..60 => tox.say(conference, true, short),
            60..70 => tox.set_title(conference, short),
            70..80 => tox.set_name(short),
            80..99 if tox.has_audio(conference) => {
                let tone = self.chance.next();
                tox.sound(conference, tone);
            }
            99 if tox.conferences().len() < 4 => {
                let friends = tox.friends();
                if let Some(friend) = friends.get(self.chance.below(friends.len())) {
                    tox.found(*friend);
                }
            }
            _ => tox.say(conference, false, short),
        }
    }
}
