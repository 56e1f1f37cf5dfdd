//! Sessions between members: how they come up, carry packets, stall and end (packets §4, §5).
//!
//! * A session is there if both ends want a friend connection, can reach each other both ways, and at
//!   least one knows where to find the other: friends always do, others if the DHT key they were told
//!   is the present one.
//! * Lossless packets come in order, and exactly once, as long as the session lasts. One that got lost
//!   is sent again, and all behind it wait. While a way is cut they wait, too.
//! * Lossy packets come late, twice, in another order, or not at all.
//! * Who hears nothing for 32 s gives the session up and says so, if that can be heard.
//! * A program that starts again has a new DHT key. Its first handshake ends the old session.

use super::link::{End, Quality, Stalled};
use super::world::{Pair, Plan};
use super::{Made, MemberId, Nanos, Observer, Program, SECOND, Sent, World};
use crate::conference::Input;
use crate::wire::{DataId, PublicKey};

/// Silence after which a session is given up (packets §7, 0x10).
const TIMEOUT: Nanos = 32 * SECOND;
/// Time between two signs of life.
pub(super) const ALIVE_INTERVAL: Nanos = 8 * SECOND;
/// How long it takes until a lost packet is sent again.
const RESEND_AFTER: Nanos = SECOND;
/// After so many attempts the packet arrives, however bad the way is.
const MOST_ATTEMPTS: u32 = 64;

impl Quality {
    /// The delay that 32 random bits stand for.
    fn delay(&self, bits: u32) -> Nanos {
        let span = u64::try_from(self.most_delay - self.least_delay).unwrap_or(0);
        let part = (u128::from(bits) * u128::from(span)) >> 32;
        self.least_delay.saturating_add_unsigned(u64::try_from(part).unwrap_or(span))
    }

    /// Whether 32 random bits stand for a loss.
    fn loses(&self, bits: u32) -> bool {
        (u64::from(bits) * 1_000_000) >> 32 < u64::from(self.loss)
    }
}

const fn halves(bits: u64) -> (u32, u32) {
    ((bits >> 32) as u32, bits as u32)
}

impl<O: Observer> World<O> {
    fn quality(&self, pair: Pair, from: End) -> Quality {
        self.link(pair).way(from).quality.unwrap_or(self.network.quality)
    }

    /// What is sent at one end reaches the other.
    fn is_open(&self, pair: Pair, from: End) -> bool {
        let runs = |end| self.member(pair.at(end)).is_running();
        !self.link(pair).way(from).cut && runs(End::Low) && runs(End::High)
    }

    /// A member wants a friend connection to another.
    pub(super) fn want(&mut self, who: MemberId, other: MemberId) {
        let (pair, end) = Pair::of(who, other);
        self.link_mut(pair).side_mut(end).wants = true;
        self.search(pair);
    }

    /// The endpoint asks for a friend connection to a stranger, and says where it may be.
    pub(super) fn look_for(&mut self, who: MemberId, key: &PublicKey, dht_key: PublicKey) {
        // Keys can be made up.
        let Some(other) = self.by_key(key).filter(|other| *other != who) else { return };
        let (pair, end) = Pair::of(who, other);
        self.link_mut(pair).side_mut(end).dht_key = dht_key;
        self.want(who, other);
    }

    /// The endpoint needs a friend connection no longer.
    pub(super) fn release(&mut self, who: MemberId, key: &PublicKey) {
        let Some(other) = self.by_key(key).filter(|other| *other != who) else { return };
        let (pair, end) = Pair::of(who, other);
        self.link_mut(pair).side_mut(end).wants = false;
        self.end_session(pair, end, true);
    }

    /// Whether somebody knows where to find the other.
    fn can_be_found(&self, pair: Pair) -> [bool; 2] {
        let link = self.link(pair);
        [End::Low, End::High].map(|end| {
            let friends = link.side(End::Low).friend && link.side(End::High).friend;
            let present = self.member(pair.at(end.other())).dht.public;
            friends || link.side(end).dht_key == present
        })
    }

    fn may_meet(&self, pair: Pair) -> bool {
        let link = self.link(pair);
        [End::Low, End::High].into_iter().all(|end| {
            let side = link.side(end);
            let stale = side.start != self.member(pair.at(end.other())).starts;
            side.wants && !side.expects && (side.up.is_none() || stale) && self.is_open(pair, end)
        }) && self.can_be_found(pair).contains(&true)
    }

    /// Two members look for each other, if there is reason and a chance to.
    pub(super) fn search(&mut self, pair: Pair) {
        if self.link(pair).searching || !self.may_meet(pair) {
            return;
        }
        self.link_mut(pair).searching = true;
        let wait = self.chance.between(self.network.least_search, self.network.most_search);
        self.plan(self.now.saturating_add(wait), Plan::Found(pair));
    }

    /// Two members found each other: cookies and handshakes go back and forth.
    pub(super) fn make_session(&mut self, pair: Pair) {
        self.link_mut(pair).searching = false;
        if !self.may_meet(pair) {
            return;
        }
        let asks = match self.can_be_found(pair) {
            [true, false] => End::Low,
            [false, true] => End::High,
            _ if self.chance.happens(500_000) => End::Low,
            _ => End::High,
        };
        let starts = [End::Low, End::High].map(|end| self.member(pair.at(end.other())).starts);
        let link = self.link_mut(pair);
        link.generation += 1;
        let generation = link.generation;
        for (end, start) in [End::Low, End::High].into_iter().zip(starts) {
            let way = link.way_mut(end);
            (way.silent, way.ended, way.broken, way.sent) = (false, None, false, 0);
            (way.last_arrival, way.last_clean) = (0, 0);
            way.stalled.clear();
            let side = link.side_mut(end);
            (side.expects, side.start) = (true, start);
        }
        let requested = self.now;
        let responded = self.reaches(pair, asks, requested);
        let shaken = self.reaches(pair, asks.other(), responded);
        let answered = self.reaches(pair, asks, shaken);
        // Behind its handshake the other sends its first packet.
        let up = self.reaches(pair, asks.other(), answered);
        let other_up = self.reaches(pair, asks, up);
        let made = Made {
            from: pair.at(asks),
            to: pair.at(asks.other()),
            generation,
            sent: [requested, responded, shaken, answered],
            up: [up, other_up],
        };
        self.observer.session(&made);
        self.plan(up, Plan::Up { pair, end: asks, generation });
        self.plan(other_up, Plan::Up { pair, end: asks.other(), generation });
    }

    /// When something that is sent until it is there is there.
    fn reaches(&mut self, pair: Pair, from: End, mut sent: Nanos) -> Nanos {
        let quality = self.quality(pair, from);
        for _ in 0..MOST_ATTEMPTS {
            let (delay, loss) = halves(self.chance.bits());
            if !quality.loses(loss) {
                return sent.saturating_add(quality.delay(delay));
            }
            sent = sent.saturating_add(RESEND_AFTER);
        }
        sent
    }

    /// The first packet of a session reaches an end.
    pub(super) fn come_up(&mut self, pair: Pair, end: End, generation: u32) {
        let link = self.link_mut(pair);
        if link.generation != generation || !link.side(end).expects {
            return;
        }
        link.side_mut(end).expects = false;
        let before = link.side_mut(end).up.take();
        let wants = link.side(end).wants;
        let (who, other) = (pair.at(end), pair.at(end.other()));
        let (at, friend) = (self.time_at(who), self.member(other).real.public);
        if before.is_some() {
            // The old session gives way to the new one.
            self.step(who, &Input::ConnectionDown { at, friend });
        }
        let starts = self.member(other).starts;
        let hears = self.is_open(pair, end.other()) && self.link(pair).side(end).start == starts;
        if !hears || !wants {
            self.link_mut(pair).way_mut(end).ended = Some(self.now);
            self.fall_silent(pair, end);
            if hears {
                self.tell_end(pair, end);
            }
            self.search(pair);
            return;
        }
        let dht_key = self.member(other).dht.public;
        let side = self.link_mut(pair).side_mut(end);
        (side.up, side.dht_key) = (Some(generation), dht_key);
        self.step(who, &Input::ConnectionUp { at, friend, dht_key });
        let link = self.link(pair);
        if !link.is_up(end.other()) && !link.side(end.other()).expects {
            self.fall_silent(pair, end.other());
        }
    }

    /// A packet is sent on a friend connection.
    pub(super) fn send(&mut self, who: MemberId, key: &PublicKey, bytes: Vec<u8>) {
        let Some(other) = self.by_key(key).filter(|other| *other != who) else { return };
        let (pair, from) = Pair::of(who, other);
        if !self.link(pair).is_up(from) {
            // A session that is over at the other side already.
            return;
        }
        if bytes.first() == Some(&DataId::CONFERENCE_LOSSY.0) {
            self.send_lossy(pair, from, bytes);
        } else {
            self.send_lossless(pair, from, bytes);
        }
    }

    fn send_lossless(&mut self, pair: Pair, from: End, bytes: Vec<u8>) {
        let now = self.now;
        let quality = self.quality(pair, from);
        let open = self.is_open(pair, from);
        let (mut delay, mut loss) = halves(self.chance.bits());
        let mut attempt = now;
        for _ in 0..MOST_ATTEMPTS {
            if !quality.loses(loss) {
                break;
            }
            attempt = attempt.saturating_add(RESEND_AFTER);
            (delay, loss) = halves(self.chance.bits());
        }
        let link = self.link_mut(pair);
        let generation = link.generation;
        let way = link.way_mut(from);
        let number = way.sent;
        way.sent += 1;
        let waits = !open || !way.stalled.is_empty();
        let arrival = attempt.saturating_add(quality.delay(delay)).max(way.last_arrival);
        if !waits {
            way.last_arrival = arrival;
            if attempt == now {
                way.last_clean = arrival;
            }
        }
        self.observer.sent(&Sent {
            from: pair.at(from),
            to: pair.at(from.other()),
            generation,
            number,
            bytes: &bytes,
            attempts: [now, if waits { now } else { attempt }],
            arrives: (!waits).then_some(arrival),
        });
        if waits {
            self.link_mut(pair).way_mut(from).stalled.push_back(Stalled { number, bytes });
        } else {
            let lossy = false;
            let plan = Plan::Arrival { pair, from, generation, number, attempt, lossy, bytes };
            self.plan(arrival, plan);
        }
    }

    fn send_lossy(&mut self, pair: Pair, from: End, bytes: Vec<u8>) {
        let quality = self.quality(pair, from);
        let (delay, loss) = halves(self.chance.bits());
        let arrives = self.is_open(pair, from) && !quality.loses(loss);
        let arrival = self.now.saturating_add(quality.delay(delay));
        let link = self.link(pair);
        let (generation, number) = (link.generation, link.way(from).sent);
        let attempt = self.now;
        self.observer.sent(&Sent {
            from: pair.at(from),
            to: pair.at(from.other()),
            generation,
            number,
            bytes: &bytes,
            attempts: [attempt, attempt],
            arrives: arrives.then_some(arrival),
        });
        if !arrives {
            return;
        }
        if quality.duplication > 0 && self.chance.happens(quality.duplication) {
            let (delay, _) = halves(self.chance.bits());
            let again = self.now.saturating_add(quality.delay(delay));
            let bytes = bytes.clone();
            let lossy = true;
            let plan = Plan::Arrival { pair, from, generation, number, attempt, lossy, bytes };
            self.plan(again, plan);
        }
        let plan = Plan::Arrival { pair, from, generation, number, attempt, lossy: true, bytes };
        self.plan(arrival, plan);
    }

    /// A packet arrives. What it is: its number, when it was last sent, and whether it is lossy.
    pub(super) fn arrive(
        &mut self,
        pair: Pair,
        from: End,
        generation: u32,
        (number, attempt, lossy): (u32, Nanos, bool),
        bytes: Vec<u8>,
    ) {
        let to = from.other();
        let sender = self.member(pair.at(from));
        // What was on its way as the sender was stopped still arrives.
        let was_sent = sender.program != Program::Suspended || attempt <= sender.stopped;
        let open = was_sent && self.is_open_to(pair, to);
        let link = self.link_mut(pair);
        if link.generation != generation {
            return;
        }
        let way = link.way_mut(from);
        if lossy {
            if !open {
                return;
            }
        } else {
            // Who has ended the session sends nothing again.
            way.broken |= way.ended.is_some_and(|ended| attempt > ended);
            if way.broken {
                return;
            }
            if !open || !way.stalled.is_empty() {
                way.stalled.push_back(Stalled { number, bytes });
                return;
            }
        }
        if link.side(to).expects {
            self.come_up(pair, to, generation);
        }
        if !self.link(pair).is_up(to) {
            return;
        }
        let (who, other) = (pair.at(to), pair.at(from));
        let (at, friend) = (self.time_at(who), self.member(other).real.public);
        self.step(who, &Input::Packet { at, friend, bytes: &bytes });
    }

    /// One end has no session any more. It tells the other, if it `tells` and can be heard.
    fn end_session(&mut self, pair: Pair, end: End, tells: bool) {
        let now = self.now;
        let link = self.link_mut(pair);
        if std::mem::take(&mut link.side_mut(end).expects) {
            // The other may have it already, and hears nothing in it.
            self.fall_silent(pair, end);
        }
        let link = self.link_mut(pair);
        let Some(up) = link.side_mut(end).up.take() else { return };
        if up == link.generation {
            link.way_mut(end).ended = Some(now);
            self.observer.closed(now, pair.at(end), pair.at(end.other()), up);
            self.fall_silent(pair, end);
            if tells && self.is_open(pair, end) {
                self.tell_end(pair, end);
            }
        }
        self.search(pair);
    }

    /// Sends word that the session is over; it may get lost.
    fn tell_end(&mut self, pair: Pair, end: End) {
        let link = self.link(pair);
        let (generation, earliest) = (link.generation, link.way(end).last_clean);
        self.observer.ended(self.now, pair.at(end), pair.at(end.other()), generation);
        let quality = self.quality(pair, end);
        let (delay, loss) = halves(self.chance.bits());
        if !quality.loses(loss) {
            let arrival = self.now.saturating_add(quality.delay(delay)).max(earliest);
            self.plan(arrival, Plan::Ended { pair, from: end, generation });
        }
    }

    /// Word arrives that the other end has ended the session.
    pub(super) fn hear_of_end(&mut self, pair: Pair, from: End, generation: u32) {
        let end = from.other();
        if self.link(pair).generation == generation && self.is_open_to(pair, end) {
            self.go_down(pair, end, false);
        }
    }

    /// What the other end sent while its program ran is received.
    fn is_open_to(&self, pair: Pair, end: End) -> bool {
        !self.link(pair).way(end.other()).cut && self.member(pair.at(end)).is_running()
    }

    /// An end loses its session, and its endpoint hears of it.
    fn go_down(&mut self, pair: Pair, end: End, tells: bool) {
        let was_up = self.link(pair).is_up(end);
        self.end_session(pair, end, tells);
        if was_up {
            let (who, other) = (pair.at(end), pair.at(end.other()));
            let (at, friend) = (self.time_at(who), self.member(other).real.public);
            self.step(who, &Input::ConnectionDown { at, friend });
        }
    }

    /// From now on, nothing from `from` is heard at the other end.
    fn fall_silent(&mut self, pair: Pair, from: End) {
        let end = from.other();
        let link = self.link_mut(pair);
        if !link.is_up(end) || link.way(from).silent {
            return;
        }
        let generation = link.generation;
        let way = link.way_mut(from);
        way.silent = true;
        way.silences += 1;
        let silence = way.silences;
        let since = self.chance.between(0, ALIVE_INTERVAL - 1);
        let alarm = self.now.saturating_add(TIMEOUT - since);
        self.plan(alarm, Plan::Alarm { pair, end, generation, silence });
    }

    /// An end has heard nothing for 32 s.
    pub(super) fn give_up(&mut self, pair: Pair, end: End, generation: u32, silence: u32) {
        let link = self.link(pair);
        let way = link.way(end.other());
        if link.generation != generation || !way.silent || way.silences != silence {
            return;
        }
        let (who, other) = (pair.at(end), pair.at(end.other()));
        if self.member(who).program == Program::Suspended {
            self.member_mut(who).overdue.push(other);
            return;
        }
        self.go_down(pair, end, true);
    }

    /// What is sent at `from` can be heard again, if there is something to hear.
    fn sound_again(&mut self, pair: Pair, from: End) {
        if !self.is_open(pair, from) {
            return;
        }
        let link = self.link_mut(pair);
        let generation = link.generation;
        if link.is_up(from) {
            let way = link.way_mut(from);
            way.silent = false;
            let waiting = std::mem::take(&mut way.stalled);
            self.send_again(pair, from, generation, waiting);
        }
        self.search(pair);
    }

    fn send_again(
        &mut self,
        pair: Pair,
        from: End,
        generation: u32,
        waiting: impl IntoIterator<Item = Stalled>,
    ) {
        let quality = self.quality(pair, from);
        let attempt = self.now.saturating_add(self.chance.between(0, RESEND_AFTER));
        for Stalled { number, bytes } in waiting {
            let (delay, _) = halves(self.chance.bits());
            let way = self.link_mut(pair).way_mut(from);
            let arrival = attempt.saturating_add(quality.delay(delay)).max(way.last_arrival);
            way.last_arrival = arrival;
            self.observer.sent_again(&Sent {
                from: pair.at(from),
                to: pair.at(from.other()),
                generation,
                number,
                bytes: &bytes,
                attempts: [attempt, attempt],
                arrives: Some(arrival),
            });
            let lossy = false;
            let plan = Plan::Arrival { pair, from, generation, number, attempt, lossy, bytes };
            self.plan(arrival, plan);
        }
    }

    /// From now on, nothing that `from` sends reaches `to`.
    pub fn cut(&mut self, from: MemberId, to: MemberId) {
        if from == to {
            return;
        }
        let (pair, end) = Pair::of(from, to);
        self.link_mut(pair).way_mut(end).cut = true;
        self.fall_silent(pair, end);
    }

    /// From now on, what `from` sends reaches `to` again.
    pub fn restore(&mut self, from: MemberId, to: MemberId) {
        if from == to {
            return;
        }
        let (pair, end) = Pair::of(from, to);
        self.link_mut(pair).way_mut(end).cut = false;
        self.sound_again(pair, end);
    }

    /// Whether the way from one to another is cut.
    #[must_use]
    pub fn is_cut(&self, from: MemberId, to: MemberId) -> bool {
        let (pair, end) = Pair::of(from, to);
        from != to && self.link(pair).way(end).cut
    }

    /// How the way from one to another treats datagrams.
    #[must_use]
    pub fn quality_of(&self, from: MemberId, to: MemberId) -> Quality {
        let (pair, end) = Pair::of(from, to);
        if from == to { self.network.quality } else { self.quality(pair, end) }
    }

    /// Gives the way from one to another a quality of its own.
    pub fn set_quality(&mut self, from: MemberId, to: MemberId, quality: Quality) {
        if from != to {
            let (pair, end) = Pair::of(from, to);
            self.link_mut(pair).way_mut(end).quality = Some(quality);
        }
    }

    /// Whether both ends have a session with each other.
    #[must_use]
    pub fn is_connected(&self, one: MemberId, other: MemberId) -> bool {
        let (pair, _) = Pair::of(one, other);
        one != other && self.link(pair).is_up(End::Low) && self.link(pair).is_up(End::High)
    }

    /// The program of a member stops running: nobody hears of it anymore, and it hears of nobody.
    pub(super) fn go_quiet(&mut self, who: MemberId) {
        for other in self.ids().filter(|other| *other != who) {
            let (pair, end) = Pair::of(who, other);
            self.fall_silent(pair, end);
            self.fall_silent(pair, end.other());
        }
    }

    /// The program of a member runs on after it was suspended.
    pub(super) fn wake(&mut self, who: MemberId) {
        for other in std::mem::take(&mut self.member_mut(who).overdue) {
            let (pair, end) = Pair::of(who, other);
            self.go_down(pair, end, true);
        }
        for other in self.ids().filter(|other| *other != who) {
            let (pair, end) = Pair::of(who, other);
            self.sound_again(pair, end);
            self.sound_again(pair, end.other());
        }
    }

    /// All sessions of a member end; it tells the others, if it `tells`.
    pub(super) fn end_all(&mut self, who: MemberId, tells: bool) {
        for other in self.ids().filter(|other| *other != who) {
            let (pair, end) = Pair::of(who, other);
            self.link_mut(pair).side_mut(end).wants = false;
            self.end_session(pair, end, tells);
        }
    }

    /// Looks for everybody that a member wants to reach.
    pub(super) fn search_all(&mut self, who: MemberId) {
        for other in self.ids().filter(|other| *other != who) {
            self.search(Pair::of(who, other).0);
        }
    }
}
