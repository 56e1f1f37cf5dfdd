//! `toxscope stats`: what a capture holds, in numbers.

use super::Done;
use super::args::{StatsArgs, SummaryFormat};
use super::input::Input;
use super::output::{Output, Stop, Talk};
use crate::dissect::{Item, Totals};
use crate::report::{stats_json, stats_table};

pub(super) fn run(args: &StatsArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let mut input = Input::open(&args.input, out)?;
    let filter = input.filter.clone();
    let mut totals = if filter.is_none() { input.count_unopened() } else { Totals::default() };
    let ended = input.each(|item| {
        match item {
            Item::Record(record) => {
                if filter.as_ref().is_none_or(|filter| filter.matches(record)) {
                    totals.record(record);
                }
            }
            Item::NotUdp(why) => totals.not_udp(why),
            Item::Late(_) | Item::Pause => {}
        }
        Ok(())
    })?;
    out.write(|out| match args.format {
        SummaryFormat::Table => stats_table(&totals, ended.frames, &ended.streams, out),
        SummaryFormat::Json => stats_json(&totals, ended.frames, &ended.streams, out),
    })?;
    ended.tell(out, talk)
}
