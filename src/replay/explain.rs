//! The judgement of a packet that was sent.

use super::actions::Action;
use super::doubt::Which;
use super::expected::Expected;
use super::follower::{Follower, HORIZON, HeardWhat, Said, SaidWhat, Teller};
use super::observation::{Class, Difference, DifferenceKind, Sent, What, Why};
use super::rules::{self, Cause, NOBODY};
use super::schedule::Shown;
use crate::conference::{Fact, Group, Input, Request};
use crate::time::Timestamp;
use crate::wire::{
    Conference, GroupMessage, GroupNumber, InviteAccepted, Kind, LossyNumber, MessageBody,
    MessageNumber, Packet, PeerEntry, PeerNumber, PublicKey,
};

/// How long the endpoint may take to send what the rules ask for, in nanoseconds (lint.md 1.3, T1).
const DEADLINE: i64 = 5_000_000_000;
/// Copies of a message go out one after the other, not further apart than this, in nanoseconds.
pub(super) const COPIES: i64 = 5_000_000;
/// How much earlier than it is due a ping may come, in nanoseconds: a busy endpoint notes when its pass
/// began.
const EARLY: i64 = 2_000_000_000;
/// How long after it started again an endpoint may find the first friend, in nanoseconds.
const RESTARTED: i64 = 60_000_000_000;
/// How many numbers may be skipped.
const SKIPPED: u32 = 1 << 16;
/// How many packets are looked through for copies.
const LOOK: usize = 256;
/// How many differences of an endpoint are kept.
const DIFFERENCES: usize = 10_000;

/// Why a packet was sent.
struct Reason {
    class: Class,
    rule: &'static str,
    cause: Option<u64>,
}

impl Reason {
    fn of(expected: &Expected, class: Class) -> Self {
        Self { class, rule: expected.rule, cause: expected.frame }
    }
}

impl Follower {
    /// Judges something that the endpoint said.
    pub(super) fn judge(&mut self, said: &Said, teller: Teller<'_>) {
        self.feed_handled(said.at, teller);
        match &said.what {
            SaidWhat::Friendly => {
                if self.machine.connection(&said.friend).is_none_or(|it| !it.is_friend()) {
                    self.befriend(said.at, said.friend);
                }
            }
            SaidWhat::Nickname(name) => self.learn_nickname(said.at, name, teller),
            SaidWhat::End => {
                self.passes_before(said.at, teller);
                self.end(said.at.max(self.fed_at), said.friend, said.session, None, teller);
            }
            SaidWhat::Seeking => {
                if let Some(session) = self.up.get(&said.friend).copied() {
                    self.passes_before(said.at, teller);
                    self.end(said.at.max(self.fed_at), said.friend, session, None, teller);
                }
            }
            SaidWhat::DhtKey(key) => {
                let known = self.machine.dht_key();
                if known != NOBODY && known != *key {
                    self.restart(said.at, *key, teller);
                } else if known != *key {
                    self.set_dht_key(said.at, *key);
                }
            }
            SaidWhat::Packet(bytes) => self.judge_packet(said, bytes, teller),
        }
    }

    /// The endpoint's own DHT key, which it has had all the time.
    pub(super) fn set_dht_key(&mut self, at: Timestamp, key: PublicKey) {
        let input = Input::Request { at: self.machine_time(at), request: Request::SetDhtKey(key) };
        let _ = self.machine.step(input, &mut Shown(None));
    }

    fn judge_packet(&mut self, said: &Said, bytes: &[u8], teller: Teller<'_>) {
        self.begin_unheard(said, teller);
        let packet = Packet::parse(bytes);
        let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
        let reason = match &packet {
            Ok(packet) => self.explain(said, bytes, packet, teller),
            Err(_) => self.expected(&said.friend, bytes),
        };
        let group = packet.as_ref().ok().and_then(|packet| self.group_of(&said.friend, packet));
        let conference = group.map(|group| group.conference());
        let own = group.is_some_and(|group| {
            let author = packet.as_ref().ok().and_then(rules::author);
            group.own_number().is_some() && group.own_number() == author
        });
        let reason = reason.unwrap_or(Reason {
            class: Class::Unexplained,
            rule: rules::rule(kind, own, None),
            cause: None,
        });
        let mut class = reason.class;
        if class == Class::Unexplained
            && let Some(why) = self.why_not(said, packet.as_ref().ok(), conference, teller)
        {
            class = Class::NotJudged(why);
        }
        if let Ok(packet) = &packet {
            self.note_numbers(said, packet);
            if own
                && matches!(packet, Packet::Message(_))
                && let Some(group) = self.group_of(&said.friend, packet).map(Group::number)
            {
                self.may_skip.remove(&group);
            }
            if matches!(class, Class::NotJudged(_)) {
                self.adopt(said, packet, teller);
                if own {
                    self.follow_numbers(said.at, &said.friend, packet, teller);
                }
            }
        }
        self.count(class);
        let sent = Sent {
            to: said.friend,
            bytes,
            conference,
            class,
            rule: reason.rule,
            cause: reason.cause,
        };
        self.tell_sent(said, &sent, teller);
        if class == Class::Unexplained {
            let expected = self.awaited.take_where(&said.friend, |expected| {
                expected.proven && is_alike(&expected.bytes, bytes)
            });
            let difference = Difference {
                kind: match expected {
                    Some(_) => DifferenceKind::Otherwise,
                    None => DifferenceKind::Unexplained,
                },
                frame: Some(said.frame),
                at: said.at,
                to: said.friend,
                conference,
                rule: expected.as_ref().map_or(reason.rule, |expected| expected.rule),
                sent: Some(bytes.to_vec()),
                cause: expected.as_ref().and_then(|expected| expected.frame),
                expected: expected.map(|expected| expected.bytes),
                knowledge: self.knowledge_of(conference),
            };
            self.differ(difference, teller);
            if own && let Ok(packet) = &packet {
                self.follow_numbers(said.at, &said.friend, packet, teller);
            }
        }
    }

    /// Why a packet that nothing explains is not held against the endpoint, if there is a reason.
    fn why_not(
        &mut self,
        said: &Said,
        packet: Option<&Packet<'_>>,
        conference: Option<Conference>,
        teller: Teller<'_>,
    ) -> Option<Why> {
        let named = packet.and_then(Packet::conference).or(said.conference);
        let about = conference.or(named);
        if let Some(why) = self.doubts.about(about, said.at) {
            return Some(why);
        }
        self.note_company(about);
        let packet = packet?;
        if self.loaded
            && let Packet::InviteAccepted(InviteAccepted { group_number: number, .. }) = packet
            && self.group_of(&said.friend, packet).is_some_and(|group| group.number() != *number)
        {
            // By what was saved, that number is taken.
            self.doubt_all(said.at, Why::OtherState, teller);
            return Some(Why::OtherState);
        }
        if let (Packet::Rejoin(_), Some(conference), Some(since)) =
            (packet, about, self.ran_again_at(said.at))
        {
            // It may have started again without a packet that shows its new DHT key.
            self.doubt(conference, since, Why::StateUnknown, teller);
            return Some(Why::StateUnknown);
        }
        let which = Which::of(packet);
        if which.is_some_and(|which| self.doubts.is_lossy_among_others(which, self.coming())) {
            return Some(Why::Lost);
        }
        if conference.is_some() {
            let which = which.filter(|which| !self.doubts.was_heard(*which))?;
            let author = rules::author(packet);
            let own = self.group_of(&said.friend, packet).and_then(Group::own_number);
            if author == own || !self.doubts.is_hidden(which) {
                return None;
            }
            self.doubt_all(said.at, Why::Elsewhere, teller);
            return Some(Why::Elsewhere);
        }
        // In a conference that it has not joined since the capture began. It may have been there before.
        let is_old = self.wires.get(&said.session).is_some_and(|wire| wire.is_old);
        if is_old || matches!(packet, Packet::Rejoin(_) | Packet::Online(_)) {
            if let Some(conference) = named {
                let always = Timestamp::from_nanos(i64::MIN);
                self.doubt(conference, always, Why::StateUnknown, teller);
            }
            return Some(Why::StateUnknown);
        }
        if !self.doubts.is_hidden(Which::Frame(said.frame)) {
            return None;
        }
        self.doubt_all(said.at, Why::Elsewhere, teller);
        Some(Why::Elsewhere)
    }

    /// The messages that it received and that were not handed to the machine yet.
    fn coming(&self) -> impl Iterator<Item = Which> {
        self.timeline.values().take(LOOK).filter_map(|heard| match &heard.what {
            HeardWhat::Packet { bytes, .. } => Which::of(&Packet::parse(bytes).ok()?),
            HeardWhat::Begun { .. } | HeardWhat::Ended | HeardWhat::Alive { .. } => None,
        })
    }

    /// When the endpoint ran again after it had not, not long before `at`.
    fn ran_again_at(&self, at: Timestamp) -> Option<Timestamp> {
        let (_, ran) = self.stalls.back().copied()?;
        (at.nanos_since(ran) < RESTARTED).then_some(ran)
    }

    /// Something in this conference is a difference: did others speak to the endpoint, too?
    fn note_company(&mut self, conference: Option<Conference>) {
        let group = conference.and_then(|conference| self.machine.group_of(&conference));
        self.has_company |= group.is_some_and(|group| group.active().len() > 2);
    }

    fn count(&mut self, class: Class) {
        let tally = &mut self.tally;
        let counter = match class {
            Class::Predicted => &mut tally.predicted,
            Class::ClientAction => &mut tally.client_action,
            Class::Timing => &mut tally.timing,
            Class::Unexplained => &mut tally.unexplained,
            Class::NotJudged(why) => return tally.add_not_judged(why),
        };
        *counter += 1;
    }

    fn differ(&mut self, difference: Difference, teller: Teller<'_>) {
        self.tell(difference.frame, difference.at, What::Difference(&difference), teller);
        if self.differences.len() < DIFFERENCES {
            self.differences.push(difference);
        }
    }

    /// The packet was expected.
    fn expected(&mut self, friend: &PublicKey, bytes: &[u8]) -> Option<Reason> {
        let (expected, out_of_turn) = self.awaited.take(friend, bytes)?;
        let class = if out_of_turn { Class::Timing } else { Class::Predicted };
        Some(Reason::of(&expected, class))
    }

    /// The packet was expected, but for DHT keys in it.
    fn expected_but_for_dht_keys(&mut self, friend: &PublicKey, bytes: &[u8]) -> Option<Reason> {
        let is_it = |expected: &Expected| differ_in_dht_keys_only(&expected.bytes, bytes);
        let expected = self.awaited.take_where(friend, is_it)?;
        Some(Reason::of(&expected, Class::NotJudged(Why::DhtKey)))
    }

    /// Looks for what made the endpoint send a packet, and lets it happen.
    fn explain(
        &mut self,
        said: &Said,
        bytes: &[u8],
        packet: &Packet<'_>,
        teller: Teller<'_>,
    ) -> Option<Reason> {
        let friend = &said.friend;
        if let Some(reason) = self.expected(friend, bytes) {
            return Some(reason);
        }
        if let Some(reason) = self.wanted(said, bytes, packet, false, teller) {
            return Some(reason);
        }
        loop {
            if is_of_a_pass(packet) && self.pass_that_sends(said.at, friend, bytes, teller) {
                break;
            }
            if !self.feed_next(said.at, teller) {
                break;
            }
            if self.awaited.contains(friend, bytes) {
                break;
            }
        }
        if let Some(reason) = self.expected(friend, bytes) {
            return Some(reason);
        }
        let early = self.pinged_early(said, bytes, packet, teller);
        let reason = early
            .or_else(|| self.expected_but_for_dht_keys(friend, bytes))
            .or_else(|| self.passed_on(friend, bytes, packet, said.at, teller))
            .or_else(|| self.wanted(said, bytes, packet, true, teller));
        if reason.is_none() && self.is_of_an_old_release(said, packet, teller) {
            if is_of_a_pass(packet) && self.pass_that_sends(said.at, friend, bytes, teller) {
                return self.expected(friend, bytes);
            }
            let rule = rules::rule(packet.kind(), false, Some(Cause::Tick));
            return Some(Reason { class: Class::Predicted, rule, cause: None });
        }
        reason
    }

    /// A ping before its time, as the last one was not sent when it seemed to be; or whose number is
    /// ahead of the last one seen.
    fn pinged_early(
        &mut self,
        said: &Said,
        bytes: &[u8],
        packet: &Packet<'_>,
        teller: Teller<'_>,
    ) -> Option<Reason> {
        let (group, number) = self.own_message(&said.friend, packet)?;
        if !is_of_a_pass(packet) {
            return None;
        }
        let at = said.at.max(self.fed_at);
        let last = self.machine.group(group)?.message_number().0;
        let skipped = number.wrapping_sub(last).wrapping_sub(1);
        if self.may_skip.contains(&group) && (1..SKIPPED).contains(&skipped) {
            self.use_numbers_until(at, group, number, teller);
        }
        let late = said.at.later(EARLY);
        let due = self.machine.group(group)?.ping_due();
        let uncertain = self.unseen_pings.contains(&group)
            || i64::try_from(due).is_ok_and(|due| {
                due.saturating_mul(1_000_000_000) <= self.machine_time(late).as_nanos()
            });
        if uncertain {
            self.learn(at, &Fact::Pinged { group, at: None }, teller);
        }
        if !self.pass_that_sends(at, &said.friend, bytes, teller) {
            return None;
        }
        let (expected, _) = self.awaited.take(&said.friend, bytes)?;
        Some(Reason::of(&expected, Class::Timing))
    }

    /// A message that was received and passed on, though by what the capture shows it was not handled
    /// yet: a packet overtook another on its way to the capture. Or a lossy one, of which another copy
    /// was lost behind the capture.
    fn passed_on(
        &mut self,
        friend: &PublicKey,
        bytes: &[u8],
        packet: &Packet<'_>,
        at: Timestamp,
        teller: Teller<'_>,
    ) -> Option<Reason> {
        if !matches!(packet, Packet::Message(_) | Packet::Lossy(_)) {
            return None;
        }
        if self.feed_copy(at, bytes, teller) {
            let (expected, _) = self.awaited.take(friend, bytes)?;
            return Some(Reason::of(&expected, Class::Timing));
        }
        let tail = bytes.get(3..)?;
        let lossy = matches!(packet, Packet::Lossy(_));
        let is_copy = |copy: &[u8]| lossy && copy.get(3..) == Some(tail);
        let frame = self.recent_lossy.iter().find(|(_, copy)| is_copy(copy));
        let cause = frame.map(|(frame, _)| *frame)?;
        Some(Reason { class: Class::Timing, rule: "R-133", cause: Some(cause) })
    }

    /// The packet is what a client may want.
    fn wanted(
        &mut self,
        said: &Said,
        bytes: &[u8],
        packet: &Packet<'_>,
        last_resort: bool,
        teller: Teller<'_>,
    ) -> Option<Reason> {
        let friend = &said.friend;
        if let Some((group, number)) = self.own_message(friend, packet) {
            let next = self.machine.group(group)?.message_number().0.wrapping_add(1).max(1);
            if number != next {
                // D-031: numbers in between were used for what nobody saw.
                let may_skip =
                    self.may_skip.contains(&group) || self.unknown_numbers.contains(&group);
                if !last_resort || !may_skip || number.wrapping_sub(next) > SKIPPED {
                    return None;
                }
                self.use_numbers_until(said.at, group, number, teller);
            }
            if matches!(packet, Packet::Message(message) if matches!(message.body, MessageBody::Name(_)))
                && !last_resort
            {
                // More often than not, it is the end of a pass.
                return None;
            }
            self.reach_copies(said, bytes, group, teller);
        }
        let action = self.action(friend, packet)?;
        let at = said.at.max(self.fed_at);
        match action {
            Action::Request(request) => {
                match request {
                    Request::Accept { invitation, .. } => {
                        self.doubts.trust(invitation.conference, at);
                    }
                    Request::ShutDown => self.shut_down = true,
                    _ => {}
                }
                self.request(at, request, teller);
            }
            Action::Found(conference, group, friend) => {
                if self.is_new_conference(&friend, &conference) {
                    self.doubts.trust(conference, at);
                } else {
                    let always = Timestamp::from_nanos(i64::MIN);
                    self.doubt(conference, always, Why::StateUnknown, teller);
                    return None;
                }
                let fact = Fact::Conference { group, conference, own: Some(PeerNumber(0)) };
                self.learn(at, &fact, teller);
                self.unknown_titles.insert(group);
                self.request(at, Request::Invite { group, friend }, teller);
            }
        }
        let (expected, _) = self.awaited.take(friend, bytes)?;
        Some(Reason::of(&expected, Class::ClientAction))
    }

    fn request(&mut self, at: Timestamp, request: Request<'_>, teller: Teller<'_>) {
        let input = Input::Request { at: self.machine_time(at), request };
        self.step(at, input, &mut Shown(None), None, teller);
    }

    /// A message of the endpoint's own: in which conference, and its number.
    fn own_message(&self, friend: &PublicKey, packet: &Packet<'_>) -> Option<(GroupNumber, u32)> {
        let Packet::Message(message) = packet else { return None };
        let group = self.group_of(friend, packet)?;
        (group.own_number() == Some(message.peer_number))
            .then_some((group.number(), message.message_number.0))
    }

    fn use_numbers_until(
        &mut self,
        at: Timestamp,
        group: GroupNumber,
        number: u32,
        teller: Teller<'_>,
    ) {
        let number = MessageNumber(number.wrapping_sub(1));
        self.learn(at, &Fact::MessageNumber { group, number }, teller);
    }

    /// The number of a message that nothing explains is used, all the same.
    fn follow_numbers(
        &mut self,
        at: Timestamp,
        friend: &PublicKey,
        packet: &Packet<'_>,
        teller: Teller<'_>,
    ) {
        if let Some((group, number)) = self.own_message(friend, packet) {
            let last = self.machine.group(group).map(|group| group.message_number().0);
            if last.is_some_and(|last| super::wire::is_before(last, number)) {
                let number = MessageNumber(number);
                self.learn(at, &Fact::MessageNumber { group, number }, teller);
            }
        }
        if let (Packet::Lossy(lossy), Some(group)) = (packet, self.group_of(friend, packet)) {
            let group = group.number();
            let number = LossyNumber(lossy.message_number.0.wrapping_add(1));
            self.learn(at, &Fact::LossyNumber { group, number }, teller);
        }
    }

    /// Lets happen what brings the slots online to which copies of a message were sent.
    fn reach_copies(&mut self, said: &Said, bytes: &[u8], group: GroupNumber, teller: Teller<'_>) {
        let mut last = said.at;
        let mut copies = Vec::new();
        for (key, other) in self.outbox.iter().take(LOOK) {
            if key.0 > last.later(COPIES) {
                break;
            }
            if let SaidWhat::Packet(copy) = &other.what
                && copy.get(3..) == bytes.get(3..)
                && is_message(copy)
            {
                last = key.0;
                copies.push((other.friend, other.at));
            }
        }
        for (friend, at) in copies {
            loop {
                let online = self.machine.group(group).is_some_and(|group| {
                    group.slots().any(|slot| slot.friend == friend && slot.online)
                });
                if online || !self.feed_next(at, teller) {
                    break;
                }
            }
        }
    }

    /// What the endpoint did not send: it went on to other things.
    ///
    /// The lossless packets of a session keep their order. So whatever a session was given to send
    /// stands before all that it was given later, however long it takes.
    pub(super) fn give_up(&mut self, until: Timestamp, teller: Teller<'_>) {
        let (wires, up) = (&self.wires, &self.up);
        let settled = until.later(-HORIZON);
        let given_up = self.awaited.take_those(until.later(-DEADLINE), |friend, expected| {
            let session = up.get(friend).filter(|session| expected.session == Some(**session));
            match session.and_then(|session| wires.get(session)) {
                // Nobody knows what was left when the session ended.
                None => true,
                Some(wire) if !expected.lossy => {
                    wire.spoke_between(expected.at.later(DEADLINE), settled)
                }
                Some(_) => true,
            }
        });
        for (friend, expected) in given_up {
            let doubt = self.doubts.about(expected.conference, expected.at);
            if doubt.is_some() || self.is_excused(&friend, &expected) {
                continue;
            }
            self.note_company(expected.conference);
            self.tally.missing += 1;
            let difference = Difference {
                kind: DifferenceKind::Missing,
                frame: expected.frame,
                at: expected.at,
                to: friend,
                conference: expected.conference,
                rule: expected.rule,
                sent: None,
                cause: expected.frame,
                knowledge: self.knowledge_of(expected.conference),
                expected: Some(expected.bytes),
            };
            self.differ(difference, teller);
        }
    }

    /// What was expected need not have been sent, or was not captured.
    fn is_excused(&self, friend: &PublicKey, expected: &Expected) -> bool {
        let over = self.up.get(friend).copied() != expected.session;
        expected.lossy || !expected.proven || over
    }
}

/// It may be sent at the end of a pass.
const fn is_of_a_pass(packet: &Packet<'_>) -> bool {
    match packet {
        Packet::Message(message) => {
            matches!(message.body, MessageBody::Ping(_) | MessageBody::Name(_))
        }
        Packet::Online(_) | Packet::PeerIntroduced(_) | Packet::Rejoin(_) => true,
        _ => false,
    }
}

fn is_message(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x63)
}

/// Both announce the same members, with other DHT keys.
fn differ_in_dht_keys_only(one: &[u8], other: &[u8]) -> bool {
    match (Packet::parse(one), Packet::parse(other)) {
        (Ok(Packet::Message(one)), Ok(Packet::Message(other))) => {
            let MessageBody::NewPeer(announced) = other.body else { return false };
            let MessageBody::NewPeer(mut expected) = one.body else { return false };
            expected.dht_key = announced.dht_key;
            GroupMessage { body: MessageBody::NewPeer(expected), ..one } == other
        }
        (Ok(Packet::PeerResponse(one)), Ok(Packet::PeerResponse(other))) => {
            let expected = one.peers().zip(other.peers());
            let mut expected =
                expected.map(|(one, other)| PeerEntry { dht_key: other.dht_key, ..one });
            one.group_number == other.group_number
                && one.peers().count() == other.peers().count()
                && other.peers().all(|peer| expected.next() == Some(peer))
        }
        _ => false,
    }
}

/// The same kind of packet about the same thing, in another form.
fn is_alike(expected: &[u8], sent: &[u8]) -> bool {
    match (Packet::parse(expected), Packet::parse(sent)) {
        (Ok(Packet::Message(one)), Ok(Packet::Message(other))) => {
            one.peer_number == other.peer_number && one.message_number == other.message_number
        }
        (Ok(one), Ok(other)) => {
            one.kind() == other.kind()
                && matches!(
                    one.kind(),
                    Kind::PeerResponse | Kind::TitleResponse | Kind::Online | Kind::InviteMember
                )
        }
        _ => false,
    }
}
