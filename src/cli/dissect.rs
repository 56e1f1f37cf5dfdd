//! `toxscope dissect`: the packets of a capture.

use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::bail;

use super::Done;
use super::args::{DissectArgs, RecordFormat, RecordOrder, ShowArgs, TimeStyle};
use super::input::Input;
use super::output::{Output, Stop, Talk};
use crate::dissect::{Delivery, FieldId, Item, Record};
use crate::report::{self, Columns, Detail, JsonLines, List, printable};

pub(super) fn run(args: &DissectArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    let mut format = Format::of(&args.show, talk.color)?;
    let input = Input::open(&args.input, out)?;
    let filter = input.filter.clone();
    out.write(|out| format.begin(out))?;
    let mut show = |record: &Record<'_>| {
        let wanted = (args.show.all || record.conference_packet().is_some())
            && filter.as_ref().is_none_or(|filter| filter.matches(record));
        if wanted { out.write(|out| format.record(record, out)) } else { Ok(()) }
    };
    let ended = match args.order {
        RecordOrder::Capture => input.each(|item| match item {
            Item::Record(record) => show(record),
            Item::NotUdp(_) | Item::Late(_) | Item::Pause => Ok(()),
        })?,
        RecordOrder::Delivery => {
            let mut delivery = Delivery::default();
            let mut handed_out = |record: &Record<'_>| flow(show(record));
            let ended = input.each(|item| match item {
                Item::Record(record) => result(delivery.record(record, &mut handed_out)),
                Item::NotUdp(_) | Item::Late(_) | Item::Pause => Ok(()),
            })?;
            result(delivery.finish(&mut handed_out))?;
            ended
        }
    };
    ended.tell(out, talk)
}

fn flow(result: Result<(), Stop>) -> ControlFlow<Stop> {
    result.map_or_else(ControlFlow::Break, ControlFlow::Continue)
}

fn result(flow: ControlFlow<Stop>) -> Result<(), Stop> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(stop) => Err(stop),
    }
}

/// How times are written.
pub(super) const fn time_style(style: TimeStyle) -> report::TimeStyle {
    match style {
        TimeStyle::Abs => report::TimeStyle::Absolute,
        TimeStyle::Rel => report::TimeStyle::Relative,
        TimeStyle::Delta => report::TimeStyle::Delta,
        TimeStyle::Epoch => report::TimeStyle::Epoch,
    }
}

/// How records are written.
pub(super) enum Format {
    List(List),
    Detail(Detail),
    JsonLines(Box<JsonLines>),
    Columns(Columns),
}

impl Format {
    pub(super) fn of(args: &ShowArgs, color: bool) -> anyhow::Result<Self> {
        let time = time_style(args.time);
        let fields = args.fields.iter().map(|name| field(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(match (args.format, fields.is_empty()) {
            (None | Some(RecordFormat::Fields), false) => Self::Columns(Columns::new(fields)),
            (Some(RecordFormat::Fields), true) => {
                bail!(
                    "--format fields needs fields, such as -e frame -e kind; see `toxscope fields`"
                )
            }
            (Some(_), false) => bail!("-e goes with --format fields only"),
            (None | Some(RecordFormat::List), true) => Self::List(List::new(time, color, args.all)),
            (Some(RecordFormat::Detail), true) => Self::Detail(Detail::new(time, color, false)),
            (Some(RecordFormat::Hex), true) => Self::Detail(Detail::new(time, color, true)),
            (Some(RecordFormat::Jsonl), true) => Self::JsonLines(Box::default()),
        })
    }

    pub(super) fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Columns(columns) => columns.header(out),
            Self::List(_) | Self::Detail(_) | Self::JsonLines(_) => Ok(()),
        }
    }

    pub(super) fn record(&mut self, record: &Record<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::List(list) => list.render(record, out),
            Self::Detail(detail) => detail.render(record, out),
            Self::JsonLines(lines) => lines.render(record, out),
            Self::Columns(columns) => columns.render(record, out),
        }
    }
}

/// The field of that name, or which one may have been meant.
fn field(name: &str) -> anyhow::Result<FieldId> {
    if let Some(id) = FieldId::of(name) {
        return Ok(id);
    }
    let near = FieldId::nearest(name).map(|id| format!("; did you mean {}?", id.field().name));
    bail!(
        "no field is called {}{}",
        printable(name).quoted().cut(60),
        near.unwrap_or_else(|| "; see `toxscope fields`".to_owned())
    )
}
