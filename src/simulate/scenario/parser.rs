//! Tokens to statements.

use std::collections::BTreeMap;

use super::error::Error;
use super::lexer::{Placed, Token, tokens};
use super::statement::{
    Act, Change, Deed, Fact, Place, Start, State, Statement, Times, Ways, When,
};
use super::{MOST_LINE_SIZE, MOST_MEMBERS, MOST_NAME_SIZE, MOST_TIME, Scenario};
use crate::conference::Profile;
use crate::simulate::{Clock, MILLISECOND, Nanos, SECOND};
use crate::wire::ConferenceType;

/// Statements that begin with what they are about.
pub(super) const KEYWORDS: &[&str] = &[
    "about",
    "profiles",
    "members",
    "member",
    "friends",
    "conference",
    "delay",
    "loss",
    "duplicates",
    "search",
    "way",
    "cut",
    "heal",
    "split",
    "wait",
    "at",
    "try",
    "expect",
];

/// Words that stand where names do.
const NO_NAMES: &[&str] = &[
    "all",
    "each",
    "nobody",
    "see",
    "sees",
    "frozen",
    "active",
    "unknown",
    "heard",
    "know",
    "knows",
    "title",
    "titles",
    "name",
    "agreement",
    "neighbours",
    "connected",
    "not",
    "within",
    "for",
    "to",
    "audio",
    "is",
    "are",
];

/// What may be so.
pub(super) const FACTS: &[&str] =
    &["agreement", "neighbours", "connected", "title", "titles", "name"];

/// What members do.
pub(super) const VERBS: &[&str] = &[
    "befriends",
    "unfriends",
    "creates",
    "invites",
    "accepts",
    "declines",
    "says",
    "acts",
    "plays",
    "titles",
    "renames",
    "limits",
    "leaves",
    "saves",
    "quits",
    "crashes",
    "starts",
    "suspends",
    "resumes",
    "rekeys",
];

/// Reads the lines of a scenario one by one.
#[derive(Default)]
pub(super) struct Parser {
    scenario: Scenario,
    places: BTreeMap<String, Place>,
}

impl Parser {
    /// Reads one line.
    pub(super) fn line(&mut self, number: usize, line: &str) -> Result<(), Error> {
        let fail = |at, len, fault: &str| Error {
            line: number,
            text: line.to_owned(),
            at,
            len,
            fault: fault.to_owned(),
        };
        if line.len() > MOST_LINE_SIZE {
            let text = line.chars().take(MOST_LINE_SIZE / 4).collect();
            let fault = format!("a line of at most {MOST_LINE_SIZE} bytes is expected");
            return Err(Error { line: number, text, at: 0, len: 0, fault });
        }
        if let Some(about) = line.trim_start_matches([' ', '\t']).strip_prefix("about ") {
            return self.about(about).map_err(|fault| fail(0, line.len(), fault));
        }
        let tokens = tokens(line).map_err(|it| fail(it.at, it.len, it.fault))?;
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return Ok(()) };
        let text = line.get(first.at..last.at + last.len).unwrap_or_default().to_owned();
        let mut words = Words { line: number, text: line, tokens: &tokens, next: 0 };
        let deed = self.statement(&mut words)?;
        words.end()?;
        let statements = &mut self.scenario.statements;
        statements.extend(deed.map(|deed| Statement { line: number, text, deed }));
        Ok(())
    }

    pub(super) fn finish(self) -> Scenario {
        self.scenario
    }

    fn about(&mut self, about: &str) -> Result<(), &'static str> {
        if about.chars().any(char::is_control) {
            return Err("control characters cannot be shown");
        }
        let all = &mut self.scenario.about;
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(about.trim());
        Ok(())
    }

    fn statement(&mut self, words: &mut Words<'_>) -> Result<Option<Deed>, Error> {
        let Some(word) = words.peek_word() else {
            return Err(words.wanted("a statement or a member's name"));
        };
        Ok(Some(match word {
            "profiles" => {
                words.skip();
                while !words.is_at_end() {
                    let profile = words.profile()?;
                    self.scenario.profiles.push(profile);
                }
                return if self.scenario.profiles.is_empty() {
                    Err(words.wanted("a profile"))
                } else {
                    Ok(None)
                };
            }
            "members" => {
                words.skip();
                let mut members = vec![self.newcomer(words)?];
                while !words.is_at_end() {
                    members.push(self.newcomer(words)?);
                }
                Deed::Enter { members, profile: None, clock: Clock::default() }
            }
            "member" => {
                words.skip();
                self.member(words)?
            }
            "friends" => {
                words.skip();
                Deed::Friends(self.names(words, 2)?)
            }
            "conference" => {
                words.skip();
                let kind = words.audio();
                Deed::Conference { kind, members: self.names(words, 1)? }
            }
            "delay" | "loss" | "duplicates" => {
                Deed::Quality { ways: None, change: words.change()? }
            }
            "way" => {
                words.skip();
                let ways = self.ways(words)?;
                Deed::Quality { ways: Some(ways), change: words.change()? }
            }
            "search" => {
                words.skip();
                let (least, most) = words.range()?;
                Deed::Search(least, most)
            }
            "cut" => {
                words.skip();
                Deed::Cut(self.ways(words)?)
            }
            "heal" => {
                words.skip();
                Deed::Heal(if words.is_at_end() { None } else { Some(self.ways(words)?) })
            }
            "split" => {
                words.skip();
                self.split(words)?
            }
            "wait" => {
                words.skip();
                Deed::Wait(words.duration()?)
            }
            "at" => {
                words.skip();
                Deed::At(words.duration()?)
            }
            "expect" => {
                words.skip();
                self.expect(words)?
            }
            "try" => {
                words.skip();
                self.act(words, true)?
            }
            word if self.places.contains_key(word) || word == "all" => self.act(words, false)?,
            word => {
                let known = KEYWORDS.iter().copied().chain(self.places.keys().map(String::as_str));
                let fault = unknown("a statement or a member's name", word, known);
                return Err(words.fault(&fault));
            }
        }))
    }

    /// The name of somebody new.
    fn newcomer(&mut self, words: &mut Words<'_>) -> Result<Place, Error> {
        let Some(name) = words.peek_word() else { return Err(words.wanted("a new member's name")) };
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !first || !rest || name.len() > MOST_NAME_SIZE {
            let fault = format!(
                "a new member's name is expected: a letter, then letters, digits and _, \
                 {MOST_NAME_SIZE} at most"
            );
            return Err(words.fault(&fault));
        }
        if [KEYWORDS, NO_NAMES, VERBS].concat().contains(&name) {
            return Err(words.fault("a member's name is expected, and this word means something"));
        }
        if self.places.contains_key(name) {
            return Err(words.fault("a new member's name is expected, and this one is taken"));
        }
        if self.places.len() >= MOST_MEMBERS {
            return Err(words.fault(&format!("at most {MOST_MEMBERS} members are expected")));
        }
        let place = self.places.len();
        self.places.insert(name.to_owned(), place);
        self.scenario.names.push(name.to_owned());
        words.skip();
        Ok(place)
    }

    fn member(&mut self, words: &mut Words<'_>) -> Result<Deed, Error> {
        let members = vec![self.newcomer(words)?];
        let (mut profile, mut clock) = (None, Clock::default());
        while !words.is_at_end() {
            match words.choice("profile, clock or drift", &["profile", "clock", "drift"])? {
                "profile" => profile = Some(words.profile()?),
                "clock" => clock.ahead = words.signed_duration()?,
                _ => clock.drift = words.drift()?,
            }
        }
        Ok(Deed::Enter { members, profile, clock })
    }

    fn name(&self, words: &mut Words<'_>) -> Result<Place, Error> {
        let Some(word) = words.peek_word() else { return Err(words.wanted("a member's name")) };
        let Some(place) = self.places.get(word) else {
            let known = self.places.keys().map(String::as_str);
            return Err(words.fault(&unknown("a member's name", word, known)));
        };
        words.skip();
        Ok(*place)
    }

    /// Names until something else comes; `all` for everybody.
    fn names(&self, words: &mut Words<'_>, least: usize) -> Result<Vec<Place>, Error> {
        if words.peek_word() == Some("all") {
            words.skip();
            return Ok((0..self.places.len()).collect());
        }
        let mut names = Vec::new();
        loop {
            let is_name = words.peek_word().is_some_and(|word| self.places.contains_key(word));
            if !is_name && names.len() >= least {
                return Ok(names);
            }
            let place = self.name(words)?;
            if names.contains(&place) {
                return Err(words.fault_before("another member's name is expected"));
            }
            names.push(place);
        }
    }

    fn ways(&self, words: &mut Words<'_>) -> Result<Ways, Error> {
        let from = self.names(words, 1)?;
        let both = words.choice("-> or <->", &["->", "<->"])? == "<->";
        Ok(Ways { from, to: self.names(words, 1)?, both })
    }

    fn split(&self, words: &mut Words<'_>) -> Result<Deed, Error> {
        let mut parts = vec![self.names(words, 1)?];
        loop {
            words.choice("another member or |", &["|"])?;
            let part = self.names(words, 1)?;
            let before = |place: &Place| parts.iter().flatten().any(|other| other == place);
            if let Some(again) = part.iter().position(before) {
                let token = (words.next + again).saturating_sub(part.len()).min(words.next - 1);
                return Err(words.fault_at(token, "each member is expected in one part only"));
            }
            parts.push(part);
            if words.is_at_end() {
                return Ok(Deed::Split(parts));
            }
        }
    }

    fn act(&self, words: &mut Words<'_>, may_fail: bool) -> Result<Deed, Error> {
        let who = self.names(words, 1)?;
        let what = match words.choice("what they do", VERBS)? {
            "befriends" => Act::Befriend(self.names(words, 1)?),
            "unfriends" => Act::Unfriend(self.names(words, 1)?),
            "creates" => Act::Create(words.audio()),
            "invites" => Act::Invite(self.names(words, 1)?),
            "accepts" => Act::Accept(true),
            "declines" => Act::Accept(false),
            "says" => Act::Say(words.quoted()?),
            "acts" => Act::Emote(words.quoted()?),
            "plays" => Act::Play(words.number("how many packets of audio", 1000)? as u16),
            "titles" => Act::Title(words.quoted()?),
            "renames" => Act::Rename(words.quoted()?),
            "limits" => Act::Limit(words.number("how many frozen peers", 65_536)?),
            "leaves" => Act::Leave,
            "saves" => Act::Save,
            "quits" => Act::Quit,
            "crashes" => Act::Crash,
            "starts" => Act::Start(words.start()?),
            "suspends" => Act::Suspend,
            "resumes" => Act::Resume,
            _ => Act::Rekey,
        };
        Ok(Deed::Do { who, what, may_fail })
    }

    fn expect(&self, words: &mut Words<'_>) -> Result<Deed, Error> {
        let when = match words.peek_word() {
            Some("within") => {
                words.skip();
                When::Within(words.duration()?)
            }
            Some("for") => {
                words.skip();
                When::For(words.duration()?)
            }
            _ => When::Now,
        };
        let negated = words.peek_word() == Some("not");
        if negated {
            words.skip();
        }
        Ok(Deed::Expect { fact: self.fact(words)?, negated, when })
    }

    fn fact(&self, words: &mut Words<'_>) -> Result<Fact, Error> {
        let Some(word) = words.peek_word() else { return Err(words.wanted("what is to be so")) };
        match word {
            "agreement" => {
                words.skip();
                Ok(Fact::Agreement(self.names(words, 0)?))
            }
            "neighbours" => {
                words.skip();
                Ok(Fact::Neighbours(self.names(words, 2)?))
            }
            "connected" => {
                words.skip();
                Ok(Fact::Connected(self.names(words, 2)?))
            }
            "title" => {
                words.skip();
                let title = words.quoted()?;
                words.choice("at", &["at"])?;
                Ok(Fact::Title { title, at: self.names(words, 1)? })
            }
            "titles" => {
                words.skip();
                words.choice("agree", &["agree"])?;
                Ok(Fact::TitlesAgree(self.names(words, 0)?))
            }
            "name" => {
                words.skip();
                let of = self.name(words)?;
                let name = words.quoted()?;
                words.choice("at", &["at"])?;
                Ok(Fact::Name { of, name, at: self.names(words, 1)? })
            }
            word if self.places.contains_key(word) || word == "all" => self.fact_of(words),
            word => {
                let known = FACTS.iter().copied().chain(self.places.keys().map(String::as_str));
                Err(words.fault(&unknown("what is to be so", word, known)))
            }
        }
    }

    /// What somebody is to be or do.
    fn fact_of(&self, words: &mut Words<'_>) -> Result<Fact, Error> {
        let who = self.names(words, 1)?;
        let verbs = ["see", "sees", "active", "frozen", "unknown", "heard", "know", "knows"];
        match words.choice("another member, see, active, frozen, unknown, heard or know", &verbs)? {
            "see" | "sees" => {
                let whom = match words.peek_word() {
                    Some("each") => {
                        words.skip();
                        words.choice("other", &["other"])?;
                        who.clone()
                    }
                    Some("nobody") => {
                        words.skip();
                        Vec::new()
                    }
                    _ => self.names(words, 1)?,
                };
                Ok(Fact::See { who, whom })
            }
            "heard" => {
                if words.peek_word() == Some("audio") {
                    words.skip();
                    return Ok(Fact::HeardAudio { who, times: words.times()? });
                }
                let text = words.quoted()?;
                Ok(Fact::Heard { who, text, times: words.times()? })
            }
            "know" | "knows" => {
                words.choice("key", &["key"])?;
                words.choice("of", &["of"])?;
                Ok(Fact::KnowKey { who, of: self.name(words)? })
            }
            state => {
                let state = match state {
                    "active" => State::Active,
                    "frozen" => State::Frozen,
                    _ => State::Unknown,
                };
                words.choice("at", &["at"])?;
                Ok(Fact::Is { who, state, at: self.names(words, 1)? })
            }
        }
    }
}

/// The tokens of a line that are still to be read.
struct Words<'a> {
    line: usize,
    text: &'a str,
    tokens: &'a [Placed<'a>],
    next: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a Placed<'a>> {
        self.tokens.get(self.next)
    }

    fn peek_word(&self) -> Option<&'a str> {
        match self.peek()?.token {
            Token::Word(word) => Some(word),
            Token::Text(_) => None,
        }
    }

    fn skip(&mut self) {
        self.next += 1;
    }

    fn is_at_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    fn end(&self) -> Result<(), Error> {
        if self.is_at_end() { Ok(()) } else { Err(self.wanted("the end of the line")) }
    }

    /// Something else should stand here.
    fn wanted(&self, what: &str) -> Error {
        let found = match self.peek().map(|placed| &placed.token) {
            None => "the line ends".to_owned(),
            Some(Token::Text(_)) => "this is a text".to_owned(),
            Some(Token::Word(word)) => format!("this is {}", shown(word)),
        };
        self.fault(&format!("{what} is expected, and {found}"))
    }

    /// The next token is wrong, or that there is none.
    fn fault(&self, fault: &str) -> Error {
        self.fault_at(self.next, fault)
    }

    /// The token before was wrong.
    fn fault_before(&self, fault: &str) -> Error {
        self.fault_at(self.next.saturating_sub(1), fault)
    }

    fn fault_at(&self, token: usize, fault: &str) -> Error {
        let last = self.tokens.last().map_or(0, |last| last.at + last.len);
        let (at, len) = self.tokens.get(token).map_or((last, 0), |it| (it.at, it.len));
        let (line, text, fault) = (self.line, self.text.to_owned(), fault.to_owned());
        Error { line, text, at, len, fault }
    }

    /// One of a few words.
    fn choice(&mut self, what: &str, choices: &[&'static str]) -> Result<&'static str, Error> {
        let Some(word) = self.peek_word() else { return Err(self.wanted(what)) };
        let Some(choice) = choices.iter().find(|choice| **choice == word) else {
            return Err(self.fault(&unknown(what, word, choices.iter().copied())));
        };
        self.skip();
        Ok(choice)
    }

    fn quoted(&mut self) -> Result<Vec<u8>, Error> {
        match self.peek().map(|placed| &placed.token) {
            Some(Token::Text(text)) => {
                self.skip();
                Ok(text.clone())
            }
            _ => Err(self.wanted("a text in quotation marks")),
        }
    }

    fn audio(&mut self) -> ConferenceType {
        if self.peek_word() == Some("audio") {
            self.skip();
            return ConferenceType::AUDIO;
        }
        ConferenceType::TEXT
    }

    fn profile(&mut self) -> Result<Profile, Error> {
        let wanted =
            "a profile (seed, spec, hardened, legacy, ctoxcore, ctoxcore:0.2.N from 0.2.4)";
        let profile = self.peek_word().and_then(|word| word.parse().ok());
        let profile = profile.ok_or_else(|| self.wanted(wanted))?;
        self.skip();
        Ok(profile)
    }

    fn number(&mut self, what: &str, most: u32) -> Result<u32, Error> {
        let digits = self.peek_word().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok()).filter(|it| *it <= most);
        let number = number.ok_or_else(|| self.wanted(&format!("{what}, 0 to {most},")))?;
        self.skip();
        Ok(number)
    }

    fn start(&mut self) -> Result<Start, Error> {
        if self.is_at_end() {
            return Ok(Start::Last);
        }
        if self.choice("from, afresh or the end of the line", &["from", "afresh"])? == "afresh" {
            return Ok(Start::Afresh);
        }
        Ok(Start::From(self.number("the number of a save", 10_000)? as usize))
    }

    fn times(&mut self) -> Result<Times, Error> {
        match self.peek_word() {
            Some("once") => {
                self.skip();
                Ok(Times::Exactly(1))
            }
            Some("never") => {
                self.skip();
                Ok(Times::Exactly(0))
            }
            Some(_) => {
                let times = self.number("once, never, or how many times", 1_000_000)?;
                self.choice("times", &["times"])?;
                Ok(Times::Exactly(times))
            }
            None => Ok(Times::Some),
        }
    }

    fn duration(&mut self) -> Result<Nanos, Error> {
        let duration = self.peek_word().and_then(duration);
        let wanted = "a duration such as 500ms, 90s, 2.5m or 1h, at most 7d,";
        let duration = duration.ok_or_else(|| self.wanted(wanted))?;
        self.skip();
        Ok(duration)
    }

    fn signed_duration(&mut self) -> Result<Nanos, Error> {
        let (sign, rest) = self.peek_word().map_or((0, ""), signed);
        let duration = duration(rest).filter(|_| sign != 0);
        let wanted = "how far the clock is ahead or behind, such as +30s or -5m,";
        let duration = duration.ok_or_else(|| self.wanted(wanted))?;
        self.skip();
        Ok(duration * i64::from(sign))
    }

    fn drift(&mut self) -> Result<i32, Error> {
        let (sign, rest) = self.peek_word().map_or((0, ""), signed);
        let digits = Some(rest).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let drift = digits.and_then(|it| it.parse::<i32>().ok()).filter(|it| *it <= 500_000);
        let wanted = "what the clock gains or loses in millionths, +500000 to -500000,";
        let drift = drift.filter(|_| sign != 0).ok_or_else(|| self.wanted(wanted))?;
        self.skip();
        Ok(drift * sign)
    }

    /// One duration, or two with `to` between them.
    fn range(&mut self) -> Result<(Nanos, Nanos), Error> {
        let least = self.duration()?;
        if self.peek_word() != Some("to") {
            return Ok((least, least));
        }
        self.skip();
        let most = self.duration()?;
        if most < least {
            return Err(self.fault_before("a duration that is not shorter is expected"));
        }
        Ok((least, most))
    }

    /// A part of the whole, in millionths.
    fn percentage(&mut self) -> Result<u32, Error> {
        let percent = self.peek_word().and_then(|word| decimal(word.strip_suffix('%')?));
        let percent = percent.filter(|percent| *percent <= 100 * SECOND);
        let wanted = "a percentage such as 2% or 0.5%";
        let percent = percent.ok_or_else(|| self.wanted(wanted))?;
        self.skip();
        // A decimal is in thousand millionths.
        Ok(u32::try_from(percent / 100_000).unwrap_or(u32::MAX))
    }

    fn change(&mut self) -> Result<Change, Error> {
        let mut change = Change::default();
        loop {
            let kinds = ["delay", "loss", "duplicates"];
            match self.choice("delay, loss or duplicates", &kinds)? {
                "delay" => change.delay = Some(self.range()?),
                "loss" => change.loss = Some(self.percentage()?),
                _ => change.duplication = Some(self.percentage()?),
            }
            if self.is_at_end() {
                return Ok(change);
            }
        }
    }
}

/// A word as an error quotes it.
fn shown(word: &str) -> String {
    let mut shown: String = word.chars().take(40).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    shown
}

/// What is expected, what stands there, and what it may have been meant to be.
fn unknown<'k>(what: &str, word: &str, known: impl Iterator<Item = &'k str>) -> String {
    let distance = |other: &str| strsim::damerau_levenshtein(word, other);
    let near = known.map(|other| (distance(other), other)).min();
    let found = format!("{what} is expected, and this is {}", shown(word));
    match near {
        Some((distance, near)) if word.len() <= 40 && distance <= 2 && distance < near.len() => {
            format!("{found}; did you mean {near}?")
        }
        _ => found,
    }
}

fn signed(word: &str) -> (i32, &str) {
    match (word.strip_prefix('+'), word.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        (None, None) => (0, word),
    }
}

/// A decimal number, in thousand millionths.
fn decimal(digits: &str) -> Option<i64> {
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let numeric = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(whole) || !numeric(part) || whole.len() > 7 || part.len() > 9 {
        return None;
    }
    let part: i64 = format!("{part:0<9}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * SECOND + part)
}

fn duration(word: &str) -> Option<Nanos> {
    let unit_at = word.find(|c: char| c.is_ascii_alphabetic())?;
    let (digits, unit) = word.split_at_checked(unit_at)?;
    let unit = match unit {
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => 86_400 * SECOND,
        _ => return None,
    };
    let nanos = i128::from(decimal(digits)?) * i128::from(unit) / i128::from(SECOND);
    Nanos::try_from(nanos).ok().filter(|nanos| *nanos <= MOST_TIME)
}
