//! What happens in a simulated world, as lines for people.

use std::fmt;
use std::io::{self, Write};
use std::ops::ControlFlow;

use unicode_width::UnicodeWidthStr;

use super::list::describe_field;
use super::style::{Tone, styled};
use super::who::short;
use crate::conference::{Departure, Event};
use crate::dissect::payload;
use crate::printable::printable;
use crate::simulate::scenario::Happening;
use crate::simulate::{MILLISECOND, MemberId, Nanos, SECOND};
use crate::wire::{Kind, Packet, PeerNumber};

/// Columns of names, titles and messages that a line shows.
const TEXT_WIDTH: usize = 200;
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
            Happening::Starts { who, endpoint } => {
                let key = endpoint.real_key();
                let key = short(&key.0);
                let text = format!("{key}  starts, profile {}", endpoint.profile());
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
                let text = self.event(event, *about);
                self.line(now, *who, text, out)
            }
            Happening::Sent { from, to, bytes } if self.all => {
                let text = format!("→ {}  {}", self.name(*to), packet(bytes, self.color));
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

    fn said(&self, text: &[u8]) -> String {
        let text = printable(text).quoted().cut(TEXT_WIDTH);
        styled(self.color, Tone::Said, text).to_string()
    }

    fn event(&self, event: &Event, about: Option<MemberId>) -> String {
        let of = |number| self.name_or(about, number);
        match event {
            Event::Invited { .. } => {
                format!("is invited by {}", about.map_or("a stranger", |who| self.name(who)))
            }
            Event::Opened { group, conference } => {
                let (kind, id) = (conference.kind, short(&conference.id.0));
                format!("opens the {kind} conference {id} under number {group}")
            }
            Event::Connected { .. } => "is a member".to_owned(),
            Event::Closed { .. } => "has left".to_owned(),
            Event::PeerJoined { peer, thawed: false, .. } => format!("sees {} join", of(*peer)),
            Event::PeerJoined { peer, thawed: true, .. } => format!("sees {} return", of(*peer)),
            Event::PeerLeft { peer, why, .. } => {
                let peer = of(*peer);
                match why {
                    Departure::Killed => format!("sees {peer} leave for good"),
                    Departure::Frozen => format!("freezes {peer}"),
                    Departure::Deleted => format!("deletes {peer}"),
                    Departure::Replaced => format!("replaces the entry of {peer}"),
                }
            }
            Event::Evicted { peer, .. } => format!("forgets {}, who was frozen", of(*peer)),
            Event::Named { peer, name, .. } => format!("calls {} {}", of(*peer), self.said(name)),
            Event::Titled { by: Some(by), title, .. } => {
                format!("sees {} set the title {}", of(*by), self.said(title))
            }
            Event::Titled { by: None, title, .. } => {
                format!("is told the title {}", self.said(title))
            }
            Event::Said { peer, action: false, text, .. } => {
                format!("hears {} say {}", of(*peer), self.said(text))
            }
            Event::Said { peer, action: true, text, .. } => {
                format!("sees {} {}", of(*peer), self.said(text))
            }
            Event::Heard { peer, sequence_number, .. } => {
                format!("hears audio {sequence_number} of {}", of(*peer))
            }
            Event::Impersonated { message_number, .. } => {
                format!("sees its own number {message_number} in use by somebody else")
            }
        }
    }
}

fn time(now: Nanos) -> String {
    format!("{}.{:03}", now / SECOND, now % SECOND / MILLISECOND)
}

/// What a packet says, in short.
fn packet(bytes: &[u8], color: bool) -> String {
    let packet = Packet::parse(bytes);
    let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
    let mut text = format!("{:15}", kind.name());
    let _ = payload(&packet, &mut |id, value| {
        // A string takes whatever is written.
        let _ = describe_field(id, value, color, &mut text);
        ControlFlow::Continue(())
    });
    text
}
