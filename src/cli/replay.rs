//! `toxscope replay`: what endpoints of a capture should have sent, and what they sent.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};

use super::Done;
use super::args::{ReplayArgs, ReplayFormat};
use super::dissect::time_style;
use super::input::{Input, shown};
use super::output::{Output, Stop, Talk, say};
use super::save;
use crate::conference::savedata::{Savedata, SectionType};
use crate::dissect::Item;
use crate::dissect::filter::Filter;
use crate::printable::printable;
use crate::replay::{Difference, Observation, Options, Replay, Saved, What, Whom};
use crate::report::{ReplayText, replay_json, replay_table};
use crate::time::Timestamp;

/// How many frames that the filter wants are remembered; differences are told soon after.
const FRAMES: usize = 1 << 18;

pub(super) fn run(args: &ReplayArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let whom = args.whom.as_deref().map(Whom::of);
    let state = state(args)?;
    let input = Input::open(&args.input, out)?;
    let mut wanted = Wanted { filter: input.filter.clone(), frames: BTreeSet::new() };
    let owner = state.as_ref().map(|saved| saved.owner);
    let options = Options { profile: args.profile.clone(), only: whom.clone(), state };
    let mut replay = Replay::new(options);
    let mut text = match args.format {
        ReplayFormat::Text => Some(ReplayText::new(time_style(args.time), talk.color, args.all)),
        ReplayFormat::Json => None,
    };
    let mut start = None;
    let show = |seen: &Observation<'_>,
                text: &mut Option<ReplayText>,
                wanted: &Wanted,
                out: &mut Output| {
        let is_shown = whom.as_ref().is_none_or(|whom| whom.is(&seen.endpoint, seen.name))
            && match seen.what {
                What::Difference(difference) => wanted.has(difference),
                What::Sent(_) => wanted.has_frame(seen.frame),
                _ => true,
            };
        match text {
            Some(text) if is_shown => out.write(|out| text.render(seen, out)),
            _ => Ok(()),
        }
    };
    let mut stopped = Ok(());
    let ended = input.each(|item| {
        let Item::Record(record) = item else { return Ok(()) };
        let first = *start.get_or_insert_with(|| {
            Timestamp::from_nanos(record.at.as_nanos().saturating_sub(record.rel))
        });
        if let Some(text) = &mut text {
            text.starts(first);
        }
        wanted.note(record);
        replay.record(record, &mut |seen| {
            if stopped.is_ok() {
                stopped = show(seen, &mut text, &wanted, out);
            }
        });
        std::mem::replace(&mut stopped, Ok(()))
    })?;
    replay.finish(&mut |seen| {
        if stopped.is_ok() {
            stopped = show(seen, &mut text, &wanted, out);
        }
    });
    stopped?;
    let outcomes: Vec<_> = replay.endpoints().collect();
    if let Some(whom) = &args.whom
        && outcomes.is_empty()
    {
        let whom = printable(whom).quoted();
        return Err(anyhow!("no endpoint that takes part in a conference is called {whom}").into());
    }
    if let (Some(path), Some(owner)) = (&args.state, owner)
        && outcomes.iter().all(|outcome| outcome.key != owner)
    {
        let name = shown(path);
        say(&format!("{name} was not used: it belongs to {owner}, of whom nothing was replayed"));
    }
    let left_out = replay.left_out();
    out.write(|out| match args.format {
        ReplayFormat::Text => replay_table(&outcomes, left_out, out),
        ReplayFormat::Json => {
            let wants = |difference: &Difference| wanted.has(difference);
            replay_json(&outcomes, left_out, start.unwrap_or_default(), &wants, out)
        }
    })?;
    let found = outcomes.iter().any(|it| it.tally.unexplained + it.tally.missing > 0);
    if ended.tell(out, talk)? == Done::Findings || found {
        return Ok(Done::Findings);
    }
    Ok(Done::Clean)
}

/// What of the findings is shown.
struct Wanted {
    filter: Option<Filter>,
    frames: BTreeSet<u64>,
}

impl Wanted {
    fn note(&mut self, record: &crate::dissect::Record<'_>) {
        let Some(filter) = &self.filter else { return };
        if record.conference_packet().is_some() && filter.matches(record) {
            self.frames.insert(record.frame);
            if self.frames.len() > FRAMES {
                self.frames.pop_first();
            }
        }
    }

    fn has_frame(&self, frame: Option<u64>) -> bool {
        self.filter.is_none() || frame.is_some_and(|frame| self.frames.contains(&frame))
    }

    fn has(&self, difference: &Difference) -> bool {
        self.has_frame(difference.frame) || self.has_frame(difference.cause)
    }
}

/// What the endpoint that is followed had saved.
fn state(args: &ReplayArgs) -> anyhow::Result<Option<Saved>> {
    let Some(path) = &args.state else { return Ok(None) };
    let (name, file) = (shown(path), save::read(path)?);
    let savedata = Savedata::parse(&file).map_err(|error| anyhow!("{name}: {error}"))?;
    let Some(owner) = savedata.owner() else {
        bail!("{name}: its owner is not in it, so nobody knows whose state it is");
    };
    let section = savedata.section(SectionType::CONFERENCES);
    let conferences = section.map(|section| section.payload.to_vec()).unwrap_or_default();
    let damage = savedata.conferences().damage.len() + savedata.damage.len();
    if damage > 0 {
        say(&format!("{name} is damaged; what of it can be read is used (`toxscope save`)"));
    }
    Ok(Some(Saved { owner, name: savedata.name().to_vec(), conferences }))
}
