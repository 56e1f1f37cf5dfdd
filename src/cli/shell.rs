//! `toxscope completions` and `toxscope man`: made from the same description as the help.

use std::fs;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Done;
use super::args::{Cli, ManArgs};
use super::input::shown;
use super::output::{Output, Stop};

pub(super) fn completions(shell: Shell, out: &mut Output) -> Result<Done, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "toxscope", &mut script);
    out.write(|out| out.write_all(&script))?;
    Ok(Done::Clean)
}

pub(super) fn man(args: &ManArgs, out: &mut Output) -> Result<Done, Stop> {
    let command = Cli::command().disable_help_subcommand(true);
    if let Some(folder) = &args.dir {
        let cannot = || format!("cannot write manual pages to {}", shown(folder));
        fs::create_dir_all(folder).with_context(cannot)?;
        clap_mangen::generate_to(command, folder).with_context(cannot)?;
        return Ok(Done::Clean);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("cannot make a manual page")?;
    out.write(|out| out.write_all(&page))?;
    Ok(Done::Clean)
}
