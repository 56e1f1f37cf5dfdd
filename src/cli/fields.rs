//! `toxscope fields`: the field table.

use super::Done;
use super::args::{FieldsArgs, SummaryFormat};
use super::output::{Output, Stop};
use crate::report;

pub(super) fn run(args: &FieldsArgs, out: &mut Output) -> Result<Done, Stop> {
    out.write(|out| match args.format {
        SummaryFormat::Table => report::field_table(out),
        SummaryFormat::Json => report::field_json(out),
    })?;
    Ok(Done::Clean)
}
