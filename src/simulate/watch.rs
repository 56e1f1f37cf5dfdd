//! What must hold after every step: the invariants of states (I-), of what is sent (O-), and of what
//! may follow from what (T-).

use std::fmt;

use super::world::is_passed_on;
use super::{MemberId, Nanos, Observer, SECOND};
use crate::conference::{DropReason, Endpoint, Event, Input, Output, Tap, Violation};
use crate::wire::{FreezePeer, GroupNumber, PeerNumber, PublicKey};

/// Something that should not have happened.
#[derive(Clone, Debug)]
pub struct Finding {
    /// When.
    pub now: Nanos,
    /// At whom.
    pub who: MemberId,
    /// What it took in.
    pub input: String,
    /// What does not hold.
    pub violation: Violation,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, who, input, violation } = self;
        let (seconds, millis) = (now / SECOND, now % SECOND / super::MILLISECOND);
        write!(f, "{seconds}.{millis:03} s, member {}: {violation} after {input}", who.index())
    }
}

/// Looks at every step of every endpoint.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// What goes without saying is left out.
    swift: bool,
    taps: Vec<Tap>,
    /// The peers to which there were online slots before the step.
    online: Vec<(GroupNumber, PublicKey)>,
    finding: Option<Finding>,
}

impl Watch {
    /// Looks at everything after every step.
    #[must_use]
    pub fn closely() -> Self {
        Self::default()
    }

    /// Leaves two things out. A message that was there before and is dropped sends nothing and changes no
    /// more than the time of its author. One that is passed on changes the author's entry at most, so
    /// that only what is sent is looked at; whatever else it broke is seen in the next pass.
    #[must_use]
    pub fn swiftly() -> Self {
        Self { swift: true, ..Self::default() }
    }

    /// The first thing that should not have happened.
    #[must_use]
    pub const fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    fn tap(&mut self, who: MemberId) -> &mut Tap {
        if self.taps.len() <= who.index() {
            self.taps.resize_with(who.index() + 1, Tap::default);
        }
        self.taps.get_mut(who.index()).expect("its place was made above")
    }

    fn found(&mut self, now: Nanos, who: MemberId, input: String, violations: Vec<Violation>) {
        if let Some(violation) = violations.into_iter().next() {
            self.finding.get_or_insert(Finding { now, who, input, violation });
        }
    }
}

impl Observer for Watch {
    fn before(&mut self, _: MemberId, endpoint: &Endpoint, input: &Input<'_>) {
        self.online.clear();
        if let Input::ConnectionDown { .. } = input {
            for group in endpoint.groups() {
                let slots = group.slots().filter(|slot| slot.online);
                self.online.extend(slots.map(|slot| (group.number(), slot.friend)));
            }
        }
    }

    fn after(
        &mut self,
        now: Nanos,
        who: MemberId,
        endpoint: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
    ) {
        if self.swift && outputs == [Output::Dropped(DropReason::AlreadySeen)] {
            return;
        }
        let mut violations = self.tap(who).step(endpoint, input, outputs);
        if !self.swift || !is_passed_on(input, outputs) {
            violations.extend(endpoint.violations());
            if let Input::Tick { .. } = input {
                violations.extend(endpoint.violations_after_pass());
            }
        }
        violations.extend(transition(endpoint, input, outputs));
        violations.extend(self.left_alone(endpoint, input));
        if !violations.is_empty() {
            self.found(now, who, format!("{input:?}"), violations);
        }
    }

    fn started(&mut self, now: Nanos, who: MemberId, endpoint: &Endpoint, _: Option<usize>) {
        let tap = self.tap(who);
        tap.restarted();
        tap.look(endpoint);
        let mut violations = endpoint.violations();
        for group in endpoint.groups() {
            let alone = group.active().len() == 1 && group.slots().next().is_none();
            if !alone || group.title_is_fresh() {
                violations.push(broken("T-016", group.number(), "not as after loading".into()));
            }
        }
        self.found(now, who, "starting".into(), violations);
    }
}

impl Watch {
    /// T-015.
    fn left_alone(&self, endpoint: &Endpoint, input: &Input<'_>) -> Option<Violation> {
        let Input::ConnectionDown { friend: lost, .. } = input else { return None };
        if !endpoint.profile().freezes_when_disconnected {
            return None;
        }
        let mut lost = self.online.iter().filter(|(_, friend)| friend == lost);
        lost.find_map(|(number, _)| {
            let group = endpoint.group(*number)?;
            let crowded = group.active().len() > 1 && group.slots().all(|slot| !slot.online);
            let found = || format!("{} are active without a connection", group.active().len());
            crowded.then(|| broken("T-015", *number, found()))
        })
    }
}

fn broken(id: &'static str, group: GroupNumber, found: String) -> Violation {
    Violation { id, group: Some(group), found }
}

/// T-002, T-003, T-004.
fn transition(endpoint: &Endpoint, input: &Input<'_>, outputs: &[Output]) -> Option<Violation> {
    let Input::Packet { friend, bytes, .. } = input else { return None };
    let [id, high, low, rest @ ..] = bytes else { return None };
    let number = GroupNumber(u16::from_be_bytes([*high, *low]));
    let thawed = || {
        let mut events = outputs.iter();
        events.any(|it| matches!(it, Output::Event(Event::PeerJoined { thawed: true, .. })))
    };
    match (id, rest) {
        (0x62, [9, ..]) if thawed() => {
            Some(broken("T-004", number, "a response thawed somebody".into()))
        }
        (0x63, [_, _, _, _, _, _, FreezePeer::ID, ..]) => {
            thawed().then(|| broken("T-003", number, "a Freeze thawed somebody".into()))
        }
        (0x63, [high, low, _, _, _, _, _, ..]) => {
            let author = PeerNumber(u16::from_be_bytes([*high, *low]));
            let group = endpoint.group(number)?;
            let still = group.frozen().iter().any(|peer| peer.number == author);
            let heard = still && group.slots().any(|slot| slot.friend == *friend);
            heard.then(|| broken("T-002", number, format!("{author} is still frozen")))
        }
        _ => None,
    }
}
