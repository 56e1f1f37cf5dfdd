//! `toxscope simulate`: a scenario played by reference machines.

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use zeroize::Zeroizing;

use super::Done;
use super::args::{SimulateArgs, StoryFormat};
use super::input::{counted, open, shown};
use super::new_file::{NewFile, Readers};
use super::output::{Output, Stop, Talk, say};
use crate::report::{Story, StoryLines, caret, printable, without_secrets};
use crate::simulate::scenario::{
    BUNDLED, Bundled, Error, Happening, MOST_SIZE, Options, Player, Scenario, Stopped, Verdict,
};
use crate::simulate::{Nanos, Observer, Recorded, Recorder, SECOND};

pub(super) fn run(args: &SimulateArgs, out: &mut Output, talk: Talk) -> Result<Done, Stop> {
    if args.list {
        return list(out);
    }
    let Some(path) = &args.scenario else {
        return Err(anyhow!("a scenario is needed; see `toxscope simulate --list`").into());
    };
    let (name, text) = load(path)?;
    let scenario = Scenario::parse(&text).map_err(|error| of_scenario(&name, &error))?;
    let options = Options { seed: args.seed, profile: args.profile.clone() };
    if let Some(profile) = &args.profile
        && !scenario.profiles().is_empty()
        && !scenario.profiles().contains(profile)
        && !talk.quiet
    {
        say(&format!("{name} does not say what to expect in profile {profile}"));
    }
    let Some(path) = &args.write else {
        let (verdict, ()) =
            play(args, &scenario, &options, (out, talk), ()).map_err(|stop| stop.of(&name))?;
        return Ok(tell(&verdict, args.seed, talk));
    };
    let file = NewFile::create(path, args.force, Readers::Usual)?;
    let cannot = || format!("cannot write {}", shown(path));
    let keys = keys(&scenario, &options).map_err(|stop| stop.of(&name))?;
    let recorder = Recorder::new(args.seed, &keys, file).with_context(cannot)?;
    let (verdict, recorder) =
        play(args, &scenario, &options, (out, talk), recorder).map_err(|stop| stop.of(&name))?;
    let Recorded { out: file, datagrams, .. } =
        recorder.finish(verdict.simulated).with_context(cannot)?;
    file.finish()?;
    talk.detail(&format!("{}: {}", shown(path), counted(datagrams, "datagram")));
    Ok(tell(&verdict, args.seed, talk))
}

/// The keys that a play makes: the same ones each time.
fn keys(scenario: &Scenario, options: &Options) -> Result<Zeroizing<String>, NoVerdict> {
    let nowhere = Recorder::new(options.seed, "", io::sink()).map_err(NoVerdict::of_nowhere)?;
    let player = Player::new(scenario, options, (), nowhere);
    let (verdict, recorder) = player.play().map_err(NoVerdict::Stopped)?;
    Ok(recorder.finish(verdict.simulated).map_err(NoVerdict::of_nowhere)?.log)
}

/// Why a play gave no verdict.
enum NoVerdict {
    Stopped(Stopped),
    Stop(Stop),
}

impl NoVerdict {
    /// What is written nowhere does not fail to be written.
    fn of_nowhere(error: io::Error) -> Self {
        Self::Stop(anyhow!(error).into())
    }

    fn of(self, name: &str) -> Stop {
        match self {
            Self::Stopped(stopped) => anyhow!("{name}: {stopped}").into(),
            Self::Stop(stop) => stop,
        }
    }
}

fn play<O: Observer>(
    args: &SimulateArgs,
    scenario: &Scenario,
    options: &Options,
    (out, talk): (&mut Output, Talk),
    observer: O,
) -> Result<(Verdict, O), NoVerdict> {
    let format = match args.format {
        StoryFormat::Text => Format::Text(Story::new(scenario.names(), talk.color, args.all)),
        StoryFormat::Jsonl => Format::Lines(StoryLines::new(scenario.names(), args.all)),
    };
    let mut failed = None;
    let audience =
        |now: Nanos, what: &Happening<'_>| match out.write(|out| format.render(now, what, out)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(stop) => {
                failed = Some(stop);
                ControlFlow::Break(())
            }
        };
    let played = Player::new(scenario, options, audience, observer).play();
    match (played, failed) {
        (_, Some(stop)) => Err(NoVerdict::Stop(stop)),
        (Err(stopped), None) => Err(NoVerdict::Stopped(stopped)),
        (Ok(played), None) => Ok(played),
    }
}

/// How things that happen are written.
enum Format<'n> {
    Text(Story<'n>),
    Lines(StoryLines<'n>),
}

impl Format<'_> {
    fn render(&self, now: Nanos, what: &Happening<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Text(story) => story.render(now, what, out),
            Self::Lines(lines) => lines.render(now, what, out),
        }
    }
}

fn tell(verdict: &Verdict, seed: u64, talk: Talk) -> Done {
    let Verdict { expectations, failures, finding, simulated, steps } = verdict;
    talk.detail(&format!(
        "{expectations} expectations; {} s simulated in {steps} steps; seed {seed}",
        simulated / SECOND
    ));
    if let Some(finding) = finding {
        say(&format!("an invariant of the reference machine is broken: {finding}; seed {seed}"));
    }
    if *failures > 0 {
        let things = if *failures == 1 { "thing" } else { "things" };
        say(&format!("{failures} {things} did not come about as expected; seed {seed}"));
    }
    if verdict.is_good() { Done::Clean } else { Done::Findings }
}

/// The bundled scenarios.
fn list(out: &mut Output) -> Result<Done, Stop> {
    let width = BUNDLED.iter().map(|bundled| bundled.name.len()).max().unwrap_or(0);
    for Bundled { name, text } in BUNDLED {
        let scenario =
            Scenario::parse(text.as_bytes()).map_err(|error| of_scenario(name, &error))?;
        out.write(|out| writeln!(out, "{name:width$}  {}", scenario.about()))?;
    }
    Ok(Done::Clean)
}

/// The scenario in a file, or the bundled one of that name if there is no such file.
fn load(path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let name = shown(path);
    let bundled = BUNDLED.iter().find(|bundled| path.as_os_str() == bundled.name);
    if let Some(bundled) = bundled
        && !path.exists()
    {
        return Ok((name, bundled.text.as_bytes().to_vec()));
    }
    let opened = open(path);
    let (reader, _) = match opened {
        Err(error) if path.components().count() == 1 && path.extension().is_none() => {
            let known = BUNDLED.iter().map(|bundled| bundled.name).collect::<Vec<_>>().join(", ");
            bail!("{error:#}; bundled scenarios are {known}");
        }
        opened => opened?,
    };
    let mut text = Vec::new();
    let most = MOST_SIZE as u64 + 1;
    reader.take(most).read_to_end(&mut text).with_context(|| format!("cannot read {name}"))?;
    Ok((name, text))
}

fn of_scenario(name: &str, error: &Error) -> anyhow::Error {
    let fault = printable(&without_secrets(&error.to_string())).to_string();
    let place = caret(&without_secrets(&error.text), error.at, error.len);
    anyhow!("{name}: {fault}\n{place}")
}
