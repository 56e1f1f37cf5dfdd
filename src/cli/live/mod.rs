//! `toxscope live`: packets as they come.

pub(super) mod device;
pub(super) mod files;
mod key_logs;
pub(super) mod privileges;
mod pump;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, anyhow};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::Done;
use super::args::LiveArgs;
use super::dissect::Format;
use super::input::{Input, counted, filter};
use super::output::{Output, Stop, Talk, say};
use crate::dissect::Item;
use crate::report::{device_table, printable};
use device::Open;
use files::{Files, Ring};
use key_logs::KeyLogs;
use privileges::User;
use pump::{Pump, Pumped, Until};

pub(super) fn run(args: &LiveArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    if args.list {
        return list(out);
    }
    // What is wrong with the command line is said before any right is asked for.
    let interface = args.interface.as_deref();
    let interface =
        interface.ok_or_else(|| anyhow!("name an interface with -i; --list names them"))?;
    let mut format = Format::of(&args.show, talk.color)?;
    let filter = args.filter.as_deref().map(filter).transpose()?;
    let ring = Ring::of(&args.ring)?;
    let user = User::choose(args.user.as_deref(), true)?;

    let mut open = Open::new(interface, &args.device)?;
    let files = args.write.as_deref();
    let files = files.map(|path| Files::create(path, ring, args.force, false, user.as_ref()));
    let files = files.transpose()?;
    let keys = KeyLogs::open(&args.keys, talk.quiet)?;
    privileges::drop_to(user.as_ref())?;

    if let Some(wanted) = &args.capture_filter {
        open.filter(wanted)?;
    }
    let stop = stop_on_signals()?;
    let until = Until { packets: args.count, duration: args.duration, stop: Arc::clone(&stop) };
    if !talk.quiet {
        let as_user = user.map(|user| format!(" as user {}", user.name)).unwrap_or_default();
        say(&format!("capturing on {}{as_user}; Ctrl-C ends it", printable(interface)));
    }
    out.write(|out| format.begin(out))?;
    out.finish()?;
    let taken = keys.taken();
    let keys = (!args.keys.is_empty()).then(|| keys.ask());
    let (pump, blocks) = Pump::start(open, files, until);
    let input = Input::live(interface, Box::new(blocks), keys, &args.names, out)?;
    let mut shown = 0_u64;
    let ended = input.each(|item| {
        match item {
            Item::Record(record) => {
                let wanted = (args.show.all || record.conference_packet().is_some())
                    && filter.as_ref().is_none_or(|filter| filter.matches(record));
                if wanted {
                    shown += 1;
                    out.write(|out| format.record(record, out))?;
                }
            }
            // Whoever waits for a record gets it before there is nothing to do.
            Item::Pause => out.finish()?,
            Item::NotUdp(_) | Item::Late(_) => {}
        }
        Ok(())
    });
    stop.store(true, Ordering::Relaxed);
    let pumped = pump.join()?;
    let done = match ended {
        // Whoever has seen enough has; the files are complete.
        Err(Stop::ClosedPipe) => Ok(Done::Clean),
        Err(stop) => Err(stop),
        Ok(mut ended) => {
            if let Ok(taken) = taken.lock() {
                taken.iter().for_each(|log| ended.key_log(&log.name, log.tally.as_ref()));
            }
            ended.tell(out, talk)
        }
    };
    if !talk.quiet {
        tell(&pumped, shown);
    }
    match pumped.error {
        Some(error) => Err(Stop::Failed(error)),
        None => done,
    }
}

/// What was captured, and what was lost.
fn tell(pumped: &Pumped, shown: u64) {
    let mut told = format!("{} captured, {} shown", counted(pumped.packets, "packet"), shown);
    match &pumped.stat {
        Some(stat) => {
            told += &format!(
                "; {} dropped for want of room, {} by the interface",
                stat.dropped, stat.if_dropped
            );
        }
        None => told += "; how many were dropped is not known",
    }
    say(&told);
    if let Some(files) = &pumped.files {
        say(&files.told());
    }
}

/// A flag that Ctrl-C and its like raise; the second time, the program ends at once.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_default(signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .context("cannot catch signals")?;
    }
    Ok(stop)
}

fn list(out: &mut Output) -> Result<Done, Stop> {
    let rows = device::list()?;
    out.write(|out| device_table(&rows, out))?;
    Ok(Done::Clean)
}
