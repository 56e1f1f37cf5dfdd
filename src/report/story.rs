//! What happens in a simulated world, as lines for people.

use std::fmt;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::event::{describe_event, describe_packet};
use super::style::{Tone, styled};
use super::who::short;
use crate::printable::printable;
use crate::simulate::scenario::Happening;
use crate::simulate::{MILLISECOND, MemberId, Nanos, SECOND};
use crate::wire::PeerNumber;

/// Columns of the time: a week in seconds, and three places.
const TIME_WIDTH: usize = 10;

/// Writes what happens as lines for people.
pub struct Story<'n> {
    names: &'n [String],
    name_width: usize,
    color: bool,
    all: bool,
}

impl<'n> Story<'n> {
    /// Ready for a world whose members have these names; with `all`, every packet gets a line, and
    /// whatever has no effect.
    #[must_use]
    pub fn new(names: &'n [String], color: bool, all: bool) -> Self {
        let name_width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        Self { names, name_width, color, all }
    }

    fn name(&self, who: MemberId) -> &'n str {
        self.names.get(who.index()).map_or("?", String::as_str)
    }

    fn name_or(&self, who: Option<MemberId>, number: PeerNumber) -> String {
        who.map_or_else(|| format!("peer {number}"), |who| self.name(who).to_owned())
    }

    /// Writes one thing that happened, if it is to be shown, and a line feed.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&self, now: Nanos, what: &Happening<'_>, out: &mut dyn Write) -> io::Result<()> {
        let wrong = |text: &str| styled(self.color, Tone::Wrong, text.to_owned());
        match what {
            Happening::Starts { who, endpoint, save } => {
                let key = endpoint.real_key();
                let key = short(&key.0);
                let save = match save {
                    Some(place) => format!("from save {}", place + 1),
                    None => "without a save".to_owned(),
                };
                let text = format!("{key}  starts {save}, profile {}", endpoint.profile());
                self.line(now, *who, text, out)
            }
            Happening::Deed { line, text } => {
                let text = styled(self.color, Tone::Strong, printable(text));
                self.told(now, *line, text, out)
            }
            Happening::Refused { line, who, why, expected } => {
                let who = who.map_or("", |who| self.name(who));
                let colon = if who.is_empty() { "" } else { ": " };
                let why = printable(why);
                if *expected {
                    self.told(now, *line, format!("in vain: {who}{colon}{why}"), out)
                } else {
                    self.told(now, *line, wrong(&format!("in vain: {who}{colon}{why}")), out)
                }
            }
            Happening::Expectation { line, text, failed: None } => {
                self.told(now, *line, format!("{}: yes", printable(text)), out)
            }
            Happening::Expectation { line, text, failed: Some(why) } => {
                let text = format!("{}: NO, {}", printable(text), printable(why));
                self.told(now, *line, wrong(&text), out)
            }
            Happening::Session { who, with, up } => {
                let text = if *up { "has a session with" } else { "has no session any more with" };
                self.line(now, *who, format!("{text} {}", self.name(*with)), out)
            }
            Happening::Told { who, event, about } => {
                let of = |number| self.name_or(*about, number);
                let friend = about.map_or("a stranger", |who| self.name(who));
                let text = describe_event(event, self.color, &of, friend);
                self.line(now, *who, text, out)
            }
            Happening::Sent { from, to, bytes } if self.all => {
                let text = format!("→ {}  {}", self.name(*to), describe_packet(bytes, self.color));
                self.line(now, *from, text, out)
            }
            Happening::Dropped { who, from, reason } if self.all => {
                let what = match from {
                    Some(from) => format!("drops what {} sent", self.name(*from)),
                    None => "gets nowhere".to_owned(),
                };
                self.line(now, *who, format!("{what}: {reason}"), out)
            }
            Happening::Sent { .. } | Happening::Dropped { .. } => Ok(()),
            Happening::Broken { who, what } => {
                self.line(now, *who, wrong(&format!("INVARIANT BROKEN: {}", printable(what))), out)
            }
        }
    }

    /// A line about a member.
    fn line(
        &self,
        now: Nanos,
        who: MemberId,
        text: impl fmt::Display,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let time = styled(self.color, Tone::Faint, format!("{:>TIME_WIDTH$}", time(now)));
        writeln!(out, "{time}  {:width$}  {text}", self.name(who), width = self.name_width)
    }

    /// A line about a line of the scenario.
    fn told(
        &self,
        now: Nanos,
        line: usize,
        text: impl fmt::Display,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let time = styled(self.color, Tone::Faint, format!("{:>TIME_WIDTH$}", time(now)));
        writeln!(out, "{time}  line {line}: {text}")
    }
}

fn time(now: Nanos) -> String {
    format!("{}.{:03}", now / SECOND, now % SECOND / MILLISECOND)
}
