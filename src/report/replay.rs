//! What replay found, for people: the machine's state as it changes, what endpoints sent otherwise, and a
//! table.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use comfy_table::CellAlignment;

use super::event::{describe_event, describe_packet};
use super::moment::{TimeStyle, Times};
use super::style::{Tone, styled};
use super::table::{table, trimmed};
use super::who::{self, Who, short};
use crate::conference::{Departure, Endpoint, Event, Group, Input, Output};
use crate::dissect::Party;
use crate::printable::printable;
use crate::replay::{
    Class, Difference, DifferenceKind, Doubt, LeftOut, Observation, Outcome, Sent, What,
};
use crate::time::Timestamp;
use crate::wire::{Conference, GroupNumber, Kind, Packet, PeerNumber, PublicKey};

/// Columns of a time in seconds.
const TIME_WIDTH: usize = 11;
/// Members that a line names.
const MEMBERS: usize = 12;
/// Of how many members it is remembered when they were heard last.
const HEARD: usize = 1 << 16;
/// Columns of a member's name and of a title.
const NAME_WIDTH: usize = 20;
const TITLE_WIDTH: usize = 40;

/// Writes observations as lines.
pub struct ReplayText {
    times: Times,
    start: Option<Timestamp>,
    color: bool,
    all: bool,
    /// How connections of each endpoint's conferences were, when that was last told.
    slots: BTreeMap<PublicKey, Vec<(GroupNumber, PublicKey, bool)>>,
    /// In which frame and when an endpoint last got a message of a member.
    heard: BTreeMap<(PublicKey, GroupNumber, PublicKey), (u64, Timestamp)>,
    /// The kind of the packet that is being handled, if it is one.
    cause: Option<Kind>,
}

impl ReplayText {
    /// Ready; with `all`, each packet that was sent gets a line.
    #[must_use]
    pub const fn new(time: TimeStyle, color: bool, all: bool) -> Self {
        Self {
            times: Times::new(time),
            start: None,
            color,
            all,
            slots: BTreeMap::new(),
            heard: BTreeMap::new(),
            cause: None,
        }
    }

    /// When the first frame was captured.
    pub fn starts(&mut self, at: Timestamp) {
        self.start.get_or_insert(at);
    }

    /// Writes what there is to say about an observation: nothing, or some lines.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn render(&mut self, seen: &Observation<'_>, out: &mut dyn Write) -> io::Result<()> {
        match seen.what {
            What::Input(input) => self.input(seen, input, out),
            What::Step(step) => {
                let mut changed = false;
                for output in &step.outputs {
                    if let Output::Event(event) = output
                        && let Some(text) = self.event(seen, event)
                    {
                        changed |= !matches!(event, Event::Named { .. });
                        self.line(seen, &text, out)?;
                    }
                }
                self.state(seen, changed, out)
            }
            What::Learned => self.state(seen, false, out),
            What::Restart => self.line(seen, &"starts again", out),
            What::Doubt(doubt) => {
                let about = About(doubt);
                self.line(seen, &styled(self.color, Tone::Wrong, about), out)
            }
            What::Sent(sent) if self.all => {
                let text = self.sent(seen, sent);
                self.line(seen, &text, out)
            }
            What::Sent(_) => Ok(()),
            What::Difference(difference) => self.difference(seen, difference, out),
        }
    }

    /// What reaches the endpoint: sessions that come and go are told, messages remembered.
    fn input(
        &mut self,
        seen: &Observation<'_>,
        input: &Input<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.cause = None;
        match *input {
            Input::Packet { bytes, .. } => {
                let packet = Packet::parse(bytes);
                self.cause = Some(packet.as_ref().map_or(Kind::Malformed, Packet::kind));
                let (group, author) = match packet {
                    Ok(Packet::Message(it)) => (it.group_number, it.peer_number),
                    Ok(Packet::Lossy(it)) => (it.group_number, it.peer_number),
                    _ => return Ok(()),
                };
                let author = seen.machine.group(group).and_then(|it| member(it, author));
                if let (Some(author), Some(frame)) = (author, seen.frame) {
                    let key = (seen.endpoint, group, author);
                    if self.heard.len() < HEARD || self.heard.contains_key(&key) {
                        self.heard.insert(key, (frame, seen.at));
                    }
                }
                Ok(())
            }
            Input::ConnectionUp { friend, .. } if seen.machine.groups().next().is_some() => {
                let text = format!("has a session with {}", named(seen.machine, &friend));
                self.line(seen, &text, out)
            }
            Input::ConnectionDown { friend, .. } if seen.machine.groups().next().is_some() => {
                let friend = named(seen.machine, &friend);
                let text = match seen.frame {
                    Some(frame) => {
                        format!("loses the session with {friend}, who ends it in frame {frame}")
                    }
                    None => format!("has no session with {friend} any more"),
                };
                self.line(seen, &text, out)
            }
            Input::ConnectionUp { .. }
            | Input::ConnectionDown { .. }
            | Input::Request { .. }
            | Input::Tick { .. } => Ok(()),
        }
    }

    /// Why somebody is frozen: silent for too long, or said to be away.
    fn why_frozen(&self, seen: &Observation<'_>, group: GroupNumber, who: &PublicKey) -> String {
        if let Some(kind) = self.cause {
            let frame = seen.frame.map(|frame| format!(" in frame {frame}")).unwrap_or_default();
            return format!(": by {kind}{frame}");
        }
        match self.heard.get(&(seen.endpoint, group, *who)) {
            Some((frame, at)) => {
                let silent = seen.at.nanos_since(*at) as f64 / 1e9;
                format!(": nothing of it for {silent:.1} s, last in frame {frame} (R-143)")
            }
            None => ": nothing of it at all".to_owned(),
        }
    }

    fn line(
        &mut self,
        seen: &Observation<'_>,
        text: &dyn fmt::Display,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let rel = seen.at.nanos_since(self.start.unwrap_or(seen.at));
        let time = format!("{:>TIME_WIDTH$}", self.times.of(seen.at, rel));
        let time = styled(self.color, Tone::Faint, time);
        let party = Party { real_key: Some(seen.endpoint), name: seen.name };
        let who = Who { party: &party, address: None };
        writeln!(out, "{time}  {who:width$}  {text}", width = who::WIDTH)
    }

    fn more(text: &dyn fmt::Display, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:indent$}{text}", "", indent = TIME_WIDTH + who::WIDTH + 4)
    }

    /// What the endpoint sees of its conferences. What is said in them is not told.
    fn event(&self, seen: &Observation<'_>, event: &Event) -> Option<String> {
        let (group, key) = match event {
            Event::Invited { .. } | Event::Said { .. } | Event::Heard { .. } => return None,
            Event::Opened { group, .. }
            | Event::Connected { group }
            | Event::Closed { group }
            | Event::Named { group, .. }
            | Event::Titled { group, .. }
            | Event::Impersonated { group, .. } => (*group, None),
            Event::PeerJoined { group, real_key, .. }
            | Event::PeerLeft { group, real_key, .. }
            | Event::Evicted { group, real_key, .. } => (*group, Some(real_key)),
        };
        let of = |number: PeerNumber| {
            let member = key.copied().or_else(|| member(seen.machine.group(group)?, number));
            match member {
                Some(key) => format!("{} ({number})", named(seen.machine, &key)),
                None => format!("peer {number}"),
            }
        };
        let mut text = describe_event(event, self.color, &of, "somebody");
        if let Event::PeerLeft { group, real_key, why: Departure::Frozen, .. } = event {
            text += &self.why_frozen(seen, *group, real_key);
        }
        Some(text)
    }

    /// The state of conferences, where something changed: members, or connections.
    fn state(
        &mut self,
        seen: &Observation<'_>,
        changed: bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let slots = || {
            seen.machine.groups().flat_map(|group| {
                let slots = group.slots();
                slots.map(move |slot| (group.number(), slot.friend, slot.online))
            })
        };
        let before = self.slots.entry(seen.endpoint).or_default();
        if !changed && slots().eq(before.iter().copied()) {
            return Ok(());
        }
        *before = slots().collect();
        for group in seen.machine.groups() {
            let text = State { machine: seen.machine, group };
            if changed {
                Self::more(&text, out)?;
            } else {
                self.line(seen, &text, out)?;
            }
        }
        Ok(())
    }

    fn sent(&self, seen: &Observation<'_>, sent: &Sent<'_>) -> String {
        let tone = if sent.class == Class::Unexplained { Tone::Wrong } else { Tone::Strong };
        let class = match sent.class {
            Class::NotJudged(why) => format!("not judged ({})", why.name()),
            class => class.name().replace('_', " "),
        };
        let cause = sent.cause.map(|frame| format!(", for frame {frame}")).unwrap_or_default();
        format!(
            "{} by {}{cause}: {}→ {}  {}",
            styled(self.color, tone, class),
            sent.rule,
            seen.frame.map(|frame| format!("frame {frame} ")).unwrap_or_default(),
            named(seen.machine, &sent.to),
            describe_packet(sent.bytes, self.color),
        )
    }

    fn difference(
        &mut self,
        seen: &Observation<'_>,
        difference: &Difference,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let title = match difference.kind {
            DifferenceKind::Unexplained => "UNEXPLAINED",
            DifferenceKind::Otherwise => "OTHERWISE",
            DifferenceKind::Missing => "MISSING",
        };
        let title = styled(self.color, Tone::Wrong, title);
        let of = conference(difference.conference);
        let to = named(seen.machine, &difference.to);
        let rule = difference.rule;
        let cause = difference.cause.map(|frame| format!(", for frame {frame}"));
        let cause = cause.unwrap_or_default();
        self.line(seen, &format_args!("{title}  to {to}{of}  {rule}{cause}"), out)?;
        let frame = difference.frame.filter(|_| difference.sent.is_some());
        let frame = frame.map(|frame| format!("  in frame {frame}")).unwrap_or_default();
        for (what, packet, frame) in
            [("sent", &difference.sent, frame), ("expected", &difference.expected, String::new())]
        {
            let text = match packet {
                Some(bytes) => describe_packet(bytes, self.color),
                None => "nothing".to_owned(),
            };
            Self::more(&format_args!("{what:8}  {}{frame}", text.trim_end()), out)?;
        }
        Ok(())
    }
}

fn conference(conference: Option<Conference>) -> String {
    conference.map(|it| format!("  in {}", short(&it.id.0))).unwrap_or_default()
}

fn member(group: &Group, number: PeerNumber) -> Option<PublicKey> {
    let mut all = group.active().iter().chain(group.frozen());
    all.find(|peer| peer.number == number).map(|peer| peer.real_key)
}

/// What the endpoint calls somebody, with the beginning of the key.
fn named(machine: &Endpoint, key: &PublicKey) -> String {
    let name = machine.groups().find_map(|group| {
        group.peer(key).map(|peer| peer.name.as_slice()).filter(|name| !name.is_empty())
    });
    match name {
        Some(name) => format!("{} {}", printable(name).cut(NAME_WIDTH), short(&key.0)),
        None => short(&key.0).to_string(),
    }
}

/// A doubt in words.
struct About<'a>(&'a Doubt);

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "not judged from here on{}: {}",
            conference(self.0.conference),
            self.0.why.title()
        )
    }
}

/// A conference as an endpoint has it.
struct State<'a> {
    machine: &'a Endpoint,
    group: &'a Group,
}

impl State<'_> {
    fn members<'a>(
        &self,
        members: impl ExactSizeIterator<Item = (&'a PublicKey, &'a str)>,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let count = members.len();
        if count == 0 {
            return f.write_str(" nobody");
        }
        for (at, (key, mark)) in members.take(MEMBERS).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma} {}{mark}", named(self.machine, key))?;
        }
        if count > MEMBERS { write!(f, " … {} more", count - MEMBERS) } else { Ok(()) }
    }
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = self.group;
        write!(f, "in {}: active", short(&group.conference().id.0))?;
        self.members(group.active().iter().map(|peer| (&peer.real_key, "")), f)?;
        if !group.frozen().is_empty() {
            f.write_str("; frozen")?;
            self.members(group.frozen().iter().map(|peer| (&peer.real_key, "")), f)?;
        }
        let slots: Vec<_> = group
            .slots()
            .map(|slot| (&slot.friend, if slot.online { "" } else { " (connecting)" }))
            .collect();
        f.write_str("; connected to")?;
        self.members(slots.into_iter(), f)?;
        if group.title().is_empty() {
            Ok(())
        } else {
            write!(f, "; title {}", printable(group.title()).quoted().cut(TITLE_WIDTH))
        }
    }
}

/// Writes how many packets of each endpoint were judged how, and what was not judged.
///
/// # Errors
///
/// Those of `out`.
pub fn replay_table(
    outcomes: &[Outcome<'_>],
    left_out: LeftOut,
    out: &mut dyn Write,
) -> io::Result<()> {
    let headings = [
        "endpoint",
        "profile",
        "sent",
        "predicted",
        "client action",
        "timing",
        "unexplained",
        "missing",
        "not judged",
    ];
    let mut rows = table(&headings);
    for column in rows.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for outcome in outcomes {
        let tally = outcome.tally;
        let numbers = [
            tally.sent(),
            tally.predicted,
            tally.client_action,
            tally.timing,
            tally.unexplained,
            tally.missing,
            tally.not_judged.iter().sum(),
        ];
        let cells = [who(outcome), outcome.profile.to_string()];
        rows.add_row(cells.into_iter().chain(numbers.iter().map(u64::to_string)));
    }
    writeln!(out, "\n{}", trimmed(&rows))?;
    for outcome in outcomes {
        for doubt in &outcome.doubts {
            let about = match doubt.conference {
                Some(conference) => format!("of {}", short(&conference.id.0)),
                None => "of everything".to_owned(),
            };
            let why = doubt.why.title();
            writeln!(out, "not judged {about} at {}: {why}", who(outcome))?;
        }
    }
    if left_out.nobody > 0 {
        let packets = left_out.nobody;
        writeln!(out, "not judged: conference packets whose sender is not known: {packets}")?;
    }
    if left_out.no_room > 0 {
        let packets = left_out.no_room;
        writeln!(out, "not judged: packets of too many endpoints: {packets}")?;
    }
    Ok(())
}

fn who(outcome: &Outcome<'_>) -> String {
    let party = Party { real_key: Some(outcome.key), name: outcome.name };
    Who { party: &party, address: None }.to_string()
}
