//! When the machine gets what.

use std::rc::Rc;

use super::expected::Expected;
use super::explain::COPIES;
use super::follower::{Follower, HORIZON, Heard, HeardWhat, Key, PASS, Said, SaidWhat, Teller};
use super::observation::{What, Why};
use super::rules::{self, Cause, NOBODY};
use crate::conference::{Dice, Endpoint, Fact, Group, Input, Output, Request, Step};
use crate::time::Timestamp;
use crate::wire::{
    DataId, GroupNumber, InviteAccepted, InviteMember, Kind, MessageBody, Online, Packet,
    PeerNumber, PublicKey,
};

/// How much capture time is judged at once, in nanoseconds.
const STRIDE: i64 = 20_000_000;
/// How often a pass may follow a pass.
const PASSES: usize = 16;
/// How long a pass is put off whose messages nobody sent, in nanoseconds: seconds of the endpoint begin
/// up to one later.
const PATIENCE: i64 = 1_500_000_000;
/// How long until a pass that was put off is tried again, in nanoseconds.
const RETRY: i64 = 500_000_000;
/// How many lossy packets that were received are remembered.
const RECENT_LOSSY: usize = 64;
/// How long the word that a session is over may be on its way past the capture, in nanoseconds.
const ON_ITS_WAY: i64 = 1_000_000_000;
/// A session ends when nobody gave a sign of life for longer than this, in nanoseconds.
const ALIVE_TIMEOUT: i64 = 32_000_000_000;

/// What the dice showed, as far as the endpoint told.
pub(super) struct Shown(pub(super) Option<PeerNumber>);

impl Dice for Shown {
    fn conference_id(&mut self) -> [u8; 32] {
        [0; 32]
    }

    fn peer_number(&mut self) -> u16 {
        self.0.map_or(0, |number| number.0)
    }
}

impl Follower {
    /// Judges what is old enough: everything that could speak for or against it was seen.
    pub(super) fn run(&mut self, teller: Teller<'_>) {
        let until = self.clock.later(-HORIZON).min(self.last_sign);
        if until.nanos_since(self.ran_until) >= STRIDE {
            self.ran_until = until;
            self.run_until(until, teller);
        }
        while self.is_full() {
            let first = [self.timeline.keys().next(), self.outbox.keys().next()];
            let Some(first) = first.into_iter().flatten().min().copied() else {
                self.parked.clear();
                break;
            };
            self.doubt_all(first.0, Why::NoRoom, teller);
            self.run_until(first.0.later(PASS), teller);
            self.parked.pop_first();
        }
    }

    /// The capture has ended.
    pub(super) fn finish(&mut self, teller: Teller<'_>) {
        self.run_until(self.clock, teller);
        if self.has_company && self.friends.len() == 1 {
            // All that is seen of it is with one other member, at whose machine the capture was taken.
            self.doubt_all(self.clock, Why::Elsewhere, teller);
        }
        self.take_back();
    }

    pub(super) fn run_until(&mut self, until: Timestamp, teller: Teller<'_>) {
        loop {
            let said = self.outbox.first_key_value().map(|(key, _)| *key);
            let said = said.filter(|key| key.0 <= until);
            let heard = self.timeline.first_key_value();
            let heard = heard.map(|(key, heard)| (*key, latest(*key, heard)));
            let heard = heard.filter(|(key, _)| key.0 <= until);
            match (said, heard) {
                (None, None) => break,
                (Some(said), Some((heard, latest))) if latest < said.0 => {
                    self.natural(heard, teller);
                }
                (Some(key), _) => {
                    // It stays where it can be seen while it is judged.
                    if let Some(said) = self.outbox.get(&key).cloned() {
                        self.judge(&said, teller);
                    }
                    self.take_said(key);
                }
                (None, Some((heard, _))) => self.natural(heard, teller),
            }
        }
        self.passes_before(until, teller);
        self.miss_signs_of_life(until, teller);
        self.give_up(until, teller);
    }

    /// A session that lasts without signs of life is none of a client as they are.
    fn miss_signs_of_life(&mut self, at: Timestamp, teller: Teller<'_>) {
        if self.hears_signs_of_life || at < self.no_time_out_before {
            return;
        }
        let begun = self.up.values().filter_map(|session| self.wires.get(session)?.alive_at);
        let Some(first) = begun.min() else { return };
        self.no_time_out_before = first.later(ALIVE_TIMEOUT);
        if self.no_time_out_before <= at {
            self.doubt_all(at, Why::NoSigns, teller);
            self.no_time_out_before = at.later(ALIVE_TIMEOUT);
        }
    }

    /// Nothing that was sent asked for this; it was handled all the same, or not at all.
    fn natural(&mut self, key: Key, teller: Teller<'_>) {
        let Some(heard) = self.timeline.get(&key) else { return };
        let proven = match &heard.what {
            HeardWhat::Packet { number, .. } => number.is_none() || heard.by.is_some(),
            HeardWhat::Begun { .. } | HeardWhat::Alive { .. } => heard.by.is_some(),
            HeardWhat::Ended => {
                // Who goes on sending has not heard of it, or not yet.
                let wire = self.wires.get(&heard.session);
                match wire.and_then(|wire| wire.last_sign) {
                    Some((last, _)) if last > key.0 => {
                        if last.nanos_since(heard.at) <= ON_ITS_WAY {
                            self.postpone(key, last);
                            return;
                        }
                        false
                    }
                    _ => true,
                }
            }
        };
        if proven {
            self.feed(key, teller);
        } else if matches!(heard.what, HeardWhat::Ended) {
            self.take_heard(key);
        } else if let Some(heard) = self.timeline.remove(&key) {
            if self.wires.get(&heard.session).is_some_and(|wire| !wire.ended) {
                self.parked.insert(key, heard);
            } else {
                self.timeline.insert(key, heard);
                self.take_heard(key);
            }
        }
    }

    /// Hands over everything that was handled before `at`; says if there was anything.
    pub(super) fn feed_handled(&mut self, at: Timestamp, teller: Teller<'_>) -> bool {
        let candidates = self.timeline.range(..=(at, u64::MAX));
        let handled = candidates.filter(|(_, heard)| heard.by.is_some_and(|by| by <= at));
        let Some(last) = handled.map(|(key, _)| *key).next_back() else { return false };
        while let Some(key) = self.first_before(at).filter(|key| *key <= last) {
            let unproven = self.timeline.get(&key).is_some_and(|heard| {
                heard.by.is_none() && !matches!(heard.what, HeardWhat::Packet { number: None, .. })
            });
            if unproven {
                self.natural(key, teller);
            } else {
                self.feed(key, teller);
            }
        }
        true
    }

    /// The first thing that may have been handled before `at`.
    fn first_before(&self, at: Timestamp) -> Option<Key> {
        let mut candidates = self.timeline.range(..=(at, u64::MAX));
        candidates.find(|(_, heard)| !self.is_later(heard, at)).map(|(key, _)| *key)
    }

    /// Hands over the next thing that may have been handled before `at`; says if there was one.
    pub(super) fn feed_next(&mut self, at: Timestamp, teller: Teller<'_>) -> bool {
        let parked = || {
            let mut parked = self.parked.range(..=(at, u64::MAX));
            parked.find(|(_, heard)| !self.is_later(heard, at)).map(|(key, _)| *key)
        };
        match self.first_before(at).or_else(parked) {
            Some(key) => {
                self.feed(key, teller);
                true
            }
            None => false,
        }
    }

    /// Hands over a copy of a message that arrived before `at`, if it was handled later for all that is
    /// known; says if there was one.
    pub(super) fn feed_copy(&mut self, at: Timestamp, copy: &[u8], teller: Teller<'_>) -> bool {
        let tail = copy.get(3..);
        let heard = self.timeline.range(..=(at, u64::MAX)).find(|(_, heard)| match &heard.what {
            HeardWhat::Packet { bytes, .. } => bytes.get(3..) == tail,
            _ => false,
        });
        let Some(key) = heard.map(|(key, _)| *key) else { return false };
        self.feed(key, teller);
        true
    }

    /// Hands something that was heard to the machine.
    fn feed(&mut self, key: Key, teller: Teller<'_>) {
        let Some(heard) = self.take_heard(key) else { return };
        if heard.at_relay {
            self.doubt_all(heard.at, Why::Relay, teller);
        }
        self.passes_before(key.0, teller);
        let at = key.0.max(self.fed_at);
        match &heard.what {
            HeardWhat::Alive { .. } => {
                if !std::mem::replace(&mut self.hears_signs_of_life, true) {
                    self.no_time_out_before = at;
                }
                if let Some(wire) = self.wires.get_mut(&heard.session) {
                    wire.alive_at = Some(at);
                }
            }
            HeardWhat::Begun { dht_key } => self.begin(at, &heard, *dht_key, teller),
            HeardWhat::Ended => self.end(at, heard.friend, heard.session, Some(&heard), teller),
            HeardWhat::Packet { bytes, .. } => {
                if let Ok(packet) = Packet::parse(bytes) {
                    self.doubts.heard(&packet);
                }
                let Some(mut dice) = self.foresee(at, &heard, bytes, teller) else { return };
                if bytes.first() == Some(&DataId::CONFERENCE_LOSSY.0) {
                    self.recent_lossy.push_back((heard.frame, Rc::clone(bytes)));
                    if self.recent_lossy.len() > RECENT_LOSSY {
                        self.recent_lossy.pop_front();
                    }
                }
                let input =
                    Input::Packet { at: self.machine_time(at), friend: heard.friend, bytes };
                self.step(at, input, &mut dice, Some(&heard), teller);
            }
        }
    }

    fn begin(&mut self, at: Timestamp, heard: &Heard, dht_key: PublicKey, teller: Teller<'_>) {
        let friend = heard.friend;
        if self.up.get(&friend).is_some_and(|session| *session != heard.session) {
            // Of two sessions, the older one has ended, without a word that was captured.
            self.down(at, friend, None, teller);
        }
        if self.machine.connection(&friend).is_none() {
            // Nobody but friends has a connection that no conference wants.
            self.befriend(at, friend);
        }
        self.up.insert(friend, heard.session);
        if self.friends.len() < 2 {
            self.friends.insert(friend);
        }
        if let Some(wire) = self.wires.get_mut(&heard.session) {
            wire.alive_at = Some(at);
        }
        let input = Input::ConnectionUp { at: self.machine_time(at), friend, dht_key };
        self.step(at, input, &mut Shown(None), Some(heard), teller);
    }

    /// Who sends a packet of conferences in a session has heard the other in it, though what was heard first
    /// may not have been captured.
    pub(super) fn begin_unheard(&mut self, said: &Said, teller: Teller<'_>) {
        if self.up.get(&said.friend) == Some(&said.session) {
            return;
        }
        let begun = self.timeline.iter().find(|(_, heard)| {
            heard.session == said.session && matches!(heard.what, HeardWhat::Begun { .. })
        });
        if let Some(key) = begun.map(|(key, _)| *key) {
            let key = self.postpone(key, said.at);
            self.feed(key, teller);
        }
    }

    /// A session ended.
    pub(super) fn end(
        &mut self,
        at: Timestamp,
        friend: PublicKey,
        session: u32,
        heard: Option<&Heard>,
        teller: Teller<'_>,
    ) {
        if let Some(wire) = self.wires.get_mut(&session) {
            wire.ended = true;
        }
        self.parked.retain(|_, heard| heard.session != session);
        if self.up.get(&friend) == Some(&session) {
            self.down(at, friend, heard, teller);
        }
    }

    fn down(
        &mut self,
        at: Timestamp,
        friend: PublicKey,
        heard: Option<&Heard>,
        teller: Teller<'_>,
    ) {
        self.up.remove(&friend);
        self.may_skip.extend(self.machine.groups().map(Group::number));
        let input = Input::ConnectionDown { at: self.machine_time(at), friend };
        self.step(at, input, &mut Shown(None), heard, teller);
    }

    pub(super) fn befriend(&mut self, at: Timestamp, friend: PublicKey) {
        let request = Request::AddFriend(friend);
        let at = self.machine_time(at);
        let _ = self.machine.step(Input::Request { at, request }, &mut self.dice);
    }

    /// Reads ahead what a packet makes the endpoint tell. Nothing, if it does not answer.
    fn foresee(
        &mut self,
        at: Timestamp,
        heard: &Heard,
        bytes: &[u8],
        teller: Teller<'_>,
    ) -> Option<Shown> {
        let friend = &heard.friend;
        match Packet::parse(bytes) {
            Ok(
                Packet::InviteAccepted(InviteAccepted { conference, .. })
                | Packet::InviteMember(InviteMember { conference, .. })
                | Packet::Online(Online { conference, .. }),
            ) => {
                self.skip_numbers(at, teller);
                let new = self.new_member(friend, &conference);
                if let Some((_, dht_key)) = new
                    && self.machine.connection(friend).is_some_and(|it| it.dht_key() == NOBODY)
                {
                    self.learn(at, &Fact::DhtKey { friend: *friend, dht_key }, teller);
                }
                let accepted = bytes.get(..2) == Some(&[0x60, 1]);
                if accepted && new.is_none() {
                    // Nobody was announced: the machine cannot know the number either.
                    return None;
                }
                Some(Shown(new.map(|(number, _)| number)))
            }
            Ok(Packet::PeerQuery(query)) => {
                self.learn_own_dht_key(at);
                self.learn_own_name(at, teller);
                self.learn_title(at, friend, query.group_number, teller);
                Some(Shown(None))
            }
            _ => Some(Shown(None)),
        }
    }

    /// Everything that the main loop does of itself before `at`: passes, and sessions that time out.
    pub(super) fn passes_before(&mut self, at: Timestamp, teller: Teller<'_>) {
        for _ in 0..PASSES {
            let pass = self.next_pass().filter(|(pass, _)| *pass <= at);
            let over = self.next_time_out(at);
            match (pass, over) {
                (pass, Some((end, friend, session)))
                    if pass.is_none_or(|(pass, _)| end <= pass) || self.no_pass_before > end =>
                {
                    self.end(end.max(self.fed_at), friend, session, None, teller);
                }
                (Some((pass, due)), _) if self.no_pass_before <= at => {
                    self.learn_own_name(pass, teller);
                    if !self.try_pass(pass, at.nanos_since(due) >= PATIENCE, teller) {
                        self.no_pass_before = at.later(RETRY);
                    }
                }
                _ => return,
            }
        }
    }

    /// When the next pass is that has something to do, and since when that is due.
    fn next_pass(&self) -> Option<(Timestamp, Timestamp)> {
        let due = i64::try_from(self.machine.next_due()?).unwrap_or(i64::MAX);
        let due = due.saturating_mul(1_000_000_000).saturating_sub(self.phase);
        let due = Timestamp::from_nanos(due);
        Some((self.awake(due.max(self.fed_at.later(PASS))), due))
    }

    /// The next session to end before `at`, since nobody gave a sign of life on it for 32 s (packets §7).
    fn next_time_out(&mut self, at: Timestamp) -> Option<(Timestamp, PublicKey, u32)> {
        if at < self.no_time_out_before || !self.hears_signs_of_life {
            return None;
        }
        let mut next = at.later(ALIVE_TIMEOUT);
        let mut over = None;
        for (friend, session) in &self.up {
            let Some(wire) = self.wires.get(session) else { continue };
            let Some(alive) = wire.alive_at else { continue };
            let end = self.awake(self.next_second(alive).later(ALIVE_TIMEOUT));
            let still_there = wire.last_sign.is_some_and(|(sign, _)| sign > end.later(PASS));
            if still_there {
                continue;
            }
            next = next.min(end);
            if end <= at {
                over = over.min(Some((end, *friend, *session))).or(Some((end, *friend, *session)));
            }
        }
        self.no_time_out_before = next;
        over
    }

    /// `at`, or when the endpoint runs again: it first handles what came meanwhile.
    fn awake(&self, at: Timestamp) -> Timestamp {
        let stall = self.stalls.iter().find(|(from, to)| *from < at && at <= *to);
        stall.map_or(at, |(_, to)| to.later(PASS))
    }

    /// When the endpoint's next second begins.
    const fn next_second(&self, at: Timestamp) -> Timestamp {
        let machine = self.machine_time(at).as_nanos();
        let rest = 1_000_000_000 - machine.rem_euclid(1_000_000_000);
        at.later(rest)
    }

    /// Lets a pass be, unless it says what the endpoint did not say.
    fn try_pass(&mut self, at: Timestamp, overdue: bool, teller: Teller<'_>) -> bool {
        let (trial, step) = self.trial(self.machine_time(at));
        let sends: Vec<_> = own_messages(&trial, &step).collect();
        if !sends.is_empty()
            && !overdue
            && !sends.iter().any(|(friend, bytes)| self.says(friend, bytes))
        {
            return false;
        }
        if let Some((friend, bytes)) = sends.first()
            && self.says(friend, bytes)
            && self.outbox.values().next().is_none_or(|said| !is_packet(said, friend, bytes))
        {
            // It is sent, but not yet: the pass comes with it.
            return false;
        }
        self.unseen_pings.extend(pinged(&self.machine, &step));
        self.pass(trial, at, step, teller);
        true
    }

    /// A pass that sends `bytes` to `friend` at `at`, if there is one.
    pub(super) fn pass_that_sends(
        &mut self,
        at: Timestamp,
        friend: &PublicKey,
        bytes: &[u8],
        teller: Teller<'_>,
    ) -> bool {
        self.learn_own_name(at, teller);
        // The endpoint's seconds may begin earlier than they were taken to.
        for nudge in [0, 250_000_000, 500_000_000, 750_000_000, 1_000_000_000] {
            let time = self.machine_time(at).later(nudge);
            if !self.machine.is_due(time) {
                // It sends nothing.
                continue;
            }
            let (mut trial, mut step) = self.trial(time);
            let Some(last) = self.end_of_pass(&step, at, friend, bytes) else { continue };
            // An endpoint takes in what has come, then passes. What it had handled as it sent the last
            // packet of the pass came before the pass.
            if self.feed_handled(last, teller) {
                (trial, step) = self.trial(time);
                if self.end_of_pass(&step, at, friend, bytes).is_none() {
                    return false;
                }
            }
            self.phase += nudge;
            for group in pinged(&self.machine, &step) {
                self.unseen_pings.remove(&group);
            }
            self.pass(trial, at.max(self.fed_at), step, teller);
            return true;
        }
        false
    }

    /// A pass of the machine at `time` of its own clock, and the machine after it.
    fn trial(&self, time: Timestamp) -> (Endpoint, Step<'static>) {
        let mut trial = self.machine.clone();
        let step = trial.step(Input::Tick { at: time }, &mut Shown(None));
        (trial, step)
    }

    /// When the endpoint sent the last of the packets that a pass sends at `at`. Nothing, if `bytes` to
    /// `friend` is none of them.
    fn end_of_pass(
        &self,
        step: &Step<'_>,
        at: Timestamp,
        friend: &PublicKey,
        bytes: &[u8],
    ) -> Option<Timestamp> {
        let is_of_it = |friend: &PublicKey, bytes: &[u8]| {
            step.outputs.iter().any(|output| {
                matches!(output, Output::Send { friend: to, bytes: sent } if to == friend && sent == bytes)
            })
        };
        let together = self.soon().take_while(|(said, _)| said.at <= at.later(COPIES));
        let last = together.filter(|(said, bytes)| is_of_it(&said.friend, bytes)).last();
        is_of_it(friend, bytes).then(|| last.map_or(at, |(said, _)| said.at.max(at)))
    }

    fn pass(&mut self, after: Endpoint, at: Timestamp, step: Step<'_>, teller: Teller<'_>) {
        self.tell(None, at, What::Input(&step.input), teller);
        self.machine = after;
        self.took(at, step, Cause::Tick, None, true, teller);
    }

    /// Hands an input to the machine.
    pub(super) fn step(
        &mut self,
        at: Timestamp,
        input: Input<'_>,
        dice: &mut dyn Dice,
        heard: Option<&Heard>,
        teller: Teller<'_>,
    ) {
        let frame = heard.map(|heard| heard.frame);
        self.tell(frame, at, What::Input(&input), teller);
        let cause = Cause::of(&input);
        let step = self.machine.step(input, dice);
        let proven = heard.is_none_or(|heard| heard.by.is_some());
        self.took(at, step, cause, frame, proven, teller);
    }

    /// The machine took a step.
    fn took(
        &mut self,
        at: Timestamp,
        step: Step<'_>,
        cause: Cause,
        frame: Option<u64>,
        proven: bool,
        teller: Teller<'_>,
    ) {
        self.fed_at = self.fed_at.max(at);
        self.steps += 1;
        self.tell(frame, at, What::Step(&step), teller);
        for output in step.outputs {
            let Output::Send { friend, bytes } = output else { continue };
            let packet = Packet::parse(&bytes);
            let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
            let group = packet.as_ref().ok().and_then(|packet| self.group_of(&friend, packet));
            let own = group.is_some_and(|group| group.own_number() == author(&packet));
            let expected = Expected {
                at,
                step: self.steps,
                session: self.up.get(&friend).copied(),
                frame,
                rule: rules::rule(kind, own, Some(cause)),
                conference: group.map(|group| group.conference()),
                lossy: kind == Kind::Lossy,
                proven,
                bytes,
            };
            self.awaited.add(friend, expected);
        }
    }

    /// A fact that no input tells.
    pub(super) fn learn_nickname(&mut self, at: Timestamp, name: &[u8], teller: Teller<'_>) {
        if self.machine.name() != name {
            self.learn(at, &Fact::Name(name), teller);
        }
    }
}

fn author(packet: &Result<Packet<'_>, crate::wire::Malformed<'_>>) -> Option<PeerNumber> {
    packet.as_ref().ok().and_then(rules::author)
}

/// When something was handled at the latest: known, or else within a pass.
fn latest(key: Key, heard: &Heard) -> Timestamp {
    let pass = key.0.later(PASS);
    heard.by.map_or(pass, |by| by.min(pass).max(key.0))
}

fn is_packet(said: &Said, friend: &PublicKey, bytes: &[u8]) -> bool {
    said.friend == *friend && matches!(&said.what, SaidWhat::Packet(sent) if **sent == *bytes)
}

/// The conferences in which a step pings.
fn pinged(machine: &Endpoint, step: &Step<'_>) -> Vec<GroupNumber> {
    let groups = machine.groups().filter(|group| {
        own_messages(machine, step).any(|(friend, bytes)| match Packet::parse(bytes) {
            Ok(Packet::Message(message)) => {
                matches!(message.body, MessageBody::Ping(_))
                    && group.own_number() == Some(message.peer_number)
                    && group.slots().any(|slot| slot.friend == *friend)
            }
            _ => false,
        })
    });
    groups.map(Group::number).collect()
}

/// The endpoint's own messages among what a step sends.
fn own_messages<'a>(
    machine: &'a Endpoint,
    step: &'a Step<'_>,
) -> impl Iterator<Item = (&'a PublicKey, &'a [u8])> {
    step.outputs.iter().filter_map(|output| {
        let Output::Send { friend, bytes } = output else { return None };
        let Ok(Packet::Message(message)) = Packet::parse(bytes) else { return None };
        let own = machine.groups().any(|group| group.own_number() == Some(message.peer_number));
        own.then_some((friend, bytes.as_slice()))
    })
}
