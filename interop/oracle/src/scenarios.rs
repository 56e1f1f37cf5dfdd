//! What each endpoint of a simulated scenario went through, as a case.

use std::collections::BTreeMap;

use toxscope::conference::{Endpoint, Event, Input, Output, Request};
use toxscope::simulate::scenario::{Bundled, Options, Player, Scenario};
use toxscope::simulate::{MemberId, Nanos, Observer, timestamp};
use toxscope::time::Timestamp;
use toxscope::wire::PublicKey;

use crate::dice::StepDice;
use crate::judge::Judge;
use crate::original::{Identity, Original};
use crate::profile;
use crate::script::{BEGIN, Case, Step, What};
use crate::tally::Tally;
use crate::told::Told;

/// One endpoint of a scenario.
#[derive(Clone, Debug)]
pub struct Part {
    /// All that happened to it.
    pub case: Case,
    /// The packets that it sent in the simulation, at each step.
    pub sent: Vec<Vec<(PublicKey, Vec<u8>)>>,
    /// Inputs at the end that are left out: from a new DHT key on, if it came while the program ran,
    /// which the original's never does.
    pub left_out: usize,
    saves: Vec<Vec<u8>>,
    dht_key: PublicKey,
    /// It shut down and was not started again yet.
    ended: bool,
    /// When the program that was started last added its first friend.
    starting: Option<Timestamp>,
}

/// Writes down what happens to every endpoint that follows the rules of the original.
#[derive(Clone, Debug, Default)]
struct Recorder(BTreeMap<usize, Part>);

/// Plays a scenario with members that follow the rules of the original, but for those that follow
/// rules of their own, and gives the parts of the former.
///
/// # Errors
///
/// If it cannot be read or played.
pub fn parts(scenario: &Bundled, seed: u64) -> anyhow::Result<Vec<Part>> {
    let parsed = Scenario::parse(scenario.text.as_bytes())?;
    let options = Options { seed, profile: Some(profile()) };
    let (_, recorder) = Player::new(&parsed, &options, (), Recorder::default()).play()?;
    Ok(recorder.0.into_values().map(Part::finished).collect())
}

impl Part {
    fn new(endpoint: &Endpoint) -> Self {
        let (real_key, dht_key) = (endpoint.real_key(), endpoint.dht_key());
        let identity = Identity { real_key, dht_key, name: endpoint.name().to_vec() };
        Self {
            case: Case { identity, steps: Vec::new() },
            sent: Vec::new(),
            left_out: 0,
            saves: Vec::new(),
            dht_key,
            ended: false,
            starting: None,
        }
    }

    fn push(&mut self, step: Step, sent: Vec<(PublicKey, Vec<u8>)>) {
        self.case.steps.push(step);
        self.sent.push(sent);
    }

    /// The original says goodbye as it restarts, so it has to.
    fn finished(mut self) -> Self {
        if self.ended {
            let at = self.case.steps.last().map_or(BEGIN, |step| step.at);
            self.restart(at, self.dht_key, Vec::new());
        }
        self
    }

    fn restart(&mut self, at: Timestamp, dht_key: PublicKey, section: Vec<u8>) {
        let what = What::Restart(self.ended, dht_key);
        let sent = match self.ended {
            true => self.sent.pop().unwrap_or_default(),
            false => Vec::new(),
        };
        self.push(Step { at, dice: StepDice::default(), what, bytes: section }, sent);
        (self.ended, self.dht_key, self.starting) = (false, dht_key, None);
    }

    /// Which of its saves an endpoint was started from: that from which it is what it is.
    fn loaded(&self, at: Timestamp, endpoint: &Endpoint) -> Vec<u8> {
        let (real_key, dht_key) = (endpoint.real_key(), endpoint.dht_key());
        let mut fresh =
            Endpoint::new(endpoint.profile().clone(), real_key, dht_key, endpoint.name());
        fresh.step(Input::Tick { at }, &mut StepDice::default());
        for (friend, _) in endpoint.connections().filter(|(_, connection)| connection.is_friend()) {
            let request = Request::AddFriend(*friend);
            fresh.step(Input::Request { at, request }, &mut StepDice::default());
        }
        let from = self.saves.iter().rev().find(|section| {
            let mut tried = fresh.clone();
            tried.load(at, section, &[]);
            tried == *endpoint
        });
        assert!(
            from.is_some() || fresh == *endpoint,
            "an endpoint is started from one of its saves"
        );
        from.cloned().unwrap_or_default()
    }
}

impl Observer for Recorder {
    fn before(&mut self, who: MemberId, endpoint: &Endpoint, input: &Input<'_>) {
        if let Some(part) = self.0.get_mut(&who.index())
            && part.left_out == 0
            && endpoint.dht_key() != part.dht_key
        {
            // Its friends are added before it loads.
            part.starting.get_or_insert(input.at());
        }
    }

    fn after(
        &mut self,
        _now: Nanos,
        who: MemberId,
        _endpoint: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
    ) {
        let Some(part) = self.0.get_mut(&who.index()) else { return };
        let new_key = matches!(input, Input::Request { request: Request::SetDhtKey(_), .. });
        let is_running = !part.ended && part.starting.is_none();
        if part.left_out > 0 || is_running && new_key {
            part.left_out += 1;
            return;
        }
        for output in outputs {
            if let Output::Saved(section) = output {
                part.saves.push(section.clone());
            }
        }
        if !is_running {
            return;
        }
        let sent = outputs.iter().filter_map(|output| match output {
            Output::Send { friend, bytes } => Some((*friend, bytes.clone())),
            _ => None,
        });
        let sent: Vec<_> = sent.collect();
        if let Input::Request { request: Request::ShutDown, .. } = input {
            part.ended = true;
            part.sent.push(sent);
        } else if let Some((what, bytes)) = What::of(input) {
            let dice = drawn(outputs);
            part.push(Step { at: input.at(), dice, what, bytes: bytes.to_vec() }, sent);
        }
    }

    fn started(&mut self, now: Nanos, who: MemberId, endpoint: &Endpoint, _: Option<usize>) {
        if *endpoint.profile() != profile() {
            return;
        }
        let part = self.0.entry(who.index()).or_insert_with(|| Part::new(endpoint));
        if part.left_out == 0 && endpoint.dht_key() != part.dht_key {
            let at = part.starting.unwrap_or(timestamp(now));
            let section = part.loaded(at, endpoint);
            part.restart(at, endpoint.dht_key(), section);
        }
    }
}

/// Dice that show what was drawn, as far as it is seen in what followed.
fn drawn(outputs: &[Output]) -> StepDice {
    let mut dice = StepDice::default();
    for output in outputs {
        match output {
            Output::Event(Event::Opened { conference, .. }) => dice.show_id(conference.id.0),
            Output::Event(Event::PeerJoined { peer, .. }) => dice.show_number(peer.0),
            _ => {}
        }
    }
    dice
}

/// Hands a part to both sides, and counts.
///
/// # Errors
///
/// The step at which the sides part ways, or do otherwise than in the simulation, and how.
pub fn play(original: &mut Original, part: &Part, tally: &mut Tally) -> Result<(), String> {
    let Part { case, sent, .. } = part;
    let mut judge = Judge::new(original, profile(), BEGIN, case.identity.clone());
    tally.cases += 1;
    for (index, (step, sent)) in case.steps.iter().zip(sent).enumerate() {
        tally.step(step, judge.ours());
        let result = step.run(&mut judge);
        let fail = |how: &str| Err(format!("step {index}, {step:?}: {how}"));
        if let Err(disagreement) = result {
            return fail(&disagreement.0);
        }
        tally.told(judge.told());
        let again = judge.told().iter().filter_map(|told| match told {
            Told::Sent { to, bytes } => Some((to, bytes)),
            _ => None,
        });
        if !again.eq(sent.iter().map(|(to, bytes)| (to, bytes))) {
            return fail(&format!("not as in the simulation, but {:?}", judge.told()));
        }
    }
    Ok(())
}
