//! One endpoint of a capture: what it heard and said, in the order in which it lived through it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::age::Age;
use super::doubt::Doubts;
use super::expected::Awaited;
use super::observation::{
    Difference, DifferenceKind, Doubt, Knowledge, Observation, Sent, Tally, What, Why,
};
use super::wire::{Wire, is_before};
use crate::conference::{Endpoint, Fact, Profile, Release, SeededDice};
use crate::time::Timestamp;
use crate::wire::{Conference, DataId, GroupNumber, PublicKey};

/// A pass of the main loop takes no longer than this, in nanoseconds; mostly half of it.
pub(super) const PASS: i64 = 100_000_000;
/// How far behind the capture everything is judged, in nanoseconds: endpoints acknowledge what they
/// handled about once a second.
pub(super) const HORIZON: i64 = 2_000_000_000;
/// Nothing sent for so long: the endpoint does not run.
const STALL: i64 = 3_000_000_000;
/// How many times without a sign of life are remembered.
const STALLS: usize = 16;

/// How many packets may wait to be judged, and how many bytes.
const WAITING: usize = 1 << 14;
const WAITING_BYTES: usize = 8 << 20;

/// A moment, and a count that keeps the order within it.
pub(super) type Key = (Timestamp, u64);

/// Who is told.
pub(super) type Teller<'a> = &'a mut dyn FnMut(&Observation<'_>);

/// Something that reached the endpoint.
pub(super) struct Heard {
    /// When it passed by.
    pub(super) at: Timestamp,
    pub(super) frame: u64,
    /// When it was handled, if that is known: later than the one, not later than the other.
    pub(super) after: Option<Timestamp>,
    pub(super) by: Option<Timestamp>,
    pub(super) session: u32,
    pub(super) friend: PublicKey,
    /// It was seen on its way to a relay, and not yet on its way from there.
    pub(super) at_relay: bool,
    pub(super) what: HeardWhat,
}

pub(super) enum HeardWhat {
    /// A session has begun.
    Begun { dht_key: PublicKey },
    /// The other side ended the session.
    Ended,
    /// A sign of life on a friend connection.
    Alive { number: u32 },
    /// A conference packet; lossless ones have a number.
    Packet { number: Option<u32>, bytes: Rc<[u8]> },
}

impl Heard {
    fn size(&self) -> usize {
        match &self.what {
            HeardWhat::Packet { bytes, .. } => size_of::<Self>() + bytes.len(),
            HeardWhat::Begun { .. } | HeardWhat::Ended | HeardWhat::Alive { .. } => {
                size_of::<Self>()
            }
        }
    }
}

/// Something that the endpoint sent. What it has in common with what others heard is not copied.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) at: Timestamp,
    pub(super) frame: u64,
    /// On which session; 0 outside of all.
    pub(super) session: u32,
    pub(super) friend: PublicKey,
    /// In which conference, as far as earlier packets tell.
    pub(super) conference: Option<Conference>,
    pub(super) what: SaidWhat,
}

#[derive(Clone)]
pub(super) enum SaidWhat {
    /// A conference packet.
    Packet(Rc<[u8]>),
    /// Something that one says to friends only.
    Friendly,
    /// The own name, to a friend.
    Nickname(Vec<u8>),
    /// The end of a session.
    End,
    /// A request for a cookie: the endpoint has no session with this friend.
    Seeking,
    /// The own DHT key.
    DhtKey(PublicKey),
}

impl Said {
    fn size(&self) -> usize {
        match &self.what {
            SaidWhat::Packet(bytes) => size_of::<Self>() + bytes.len(),
            SaidWhat::Nickname(name) => size_of::<Self>() + name.len(),
            SaidWhat::Friendly | SaidWhat::End | SaidWhat::Seeking | SaidWhat::DhtKey(_) => {
                size_of::<Self>()
            }
        }
    }
}

/// Takes out the one that it is: mostly it waits in front.
fn forget<T>(waiting: &mut VecDeque<T>, is_it: impl Fn(&T) -> bool) {
    if let Some(place) = waiting.iter().position(is_it) {
        waiting.remove(place);
    }
}

/// One endpoint of a capture.
pub(super) struct Follower {
    pub(super) key: PublicKey,
    pub(super) name: Option<Vec<u8>>,
    /// The last DHT key that it showed.
    pub(super) dht_key: Option<PublicKey>,
    pub(super) machine: Endpoint,
    pub(super) dice: SeededDice,
    pub(super) wires: BTreeMap<u32, Wire>,
    /// By which session a friend connection of the machine is up.
    pub(super) up: BTreeMap<PublicKey, u32>,
    /// With whom it had sessions: two of them, if there are more.
    pub(super) friends: BTreeSet<PublicKey>,
    /// There was a difference in a conference of more than two.
    pub(super) has_company: bool,
    /// What was heard and not handed to the machine.
    pub(super) timeline: BTreeMap<Key, Heard>,
    /// What was heard and not acknowledged in time.
    pub(super) parked: BTreeMap<Key, Heard>,
    /// What was said and not judged.
    pub(super) outbox: BTreeMap<Key, Said>,
    bytes: usize,
    count: u64,
    pub(super) steps: u64,
    /// The latest moment of the capture, and of the endpoint in it.
    pub(super) clock: Timestamp,
    pub(super) last_sign: Timestamp,
    /// Up to when everything was judged.
    pub(super) ran_until: Timestamp,
    /// When the endpoint did not run: from, to.
    pub(super) stalls: VecDeque<(Timestamp, Timestamp)>,
    /// When the machine's last input was, by the capture's clock.
    pub(super) fed_at: Timestamp,
    /// What is added to the capture's clock for the machine, in nanoseconds: so that its seconds begin
    /// when the endpoint's do.
    pub(super) phase: i64,
    /// A pass that nothing asks for is not tried before.
    pub(super) no_pass_before: Timestamp,
    /// Others sent it signs of life, as all clients do; a session without them is none that times out.
    pub(super) hears_signs_of_life: bool,
    /// No session times out before.
    pub(super) no_time_out_before: Timestamp,
    pub(super) awaited: Awaited,
    /// Lossy packets received last: frame, and bytes.
    pub(super) recent_lossy: VecDeque<(u64, Rc<[u8]>)>,
    /// Conferences whose last ping nobody saw, as no connection carried it.
    pub(super) unseen_pings: BTreeSet<GroupNumber>,
    /// Conferences in which numbers may have been used that nobody saw: a connection went down since the
    /// endpoint's last message, and may have been silent before.
    pub(super) may_skip: BTreeSet<GroupNumber>,
    /// Conferences whose title may have been set while nobody was there to be told.
    pub(super) unknown_titles: BTreeSet<GroupNumber>,
    /// Conferences of a save whose message number may be an older one.
    pub(super) unknown_numbers: BTreeSet<GroupNumber>,
    /// Conferences that it had from what it saved when it ended.
    pub(super) reloaded: BTreeSet<Conference>,
    /// It began with a save file that somebody named.
    pub(super) loaded: bool,
    /// It said that it ends; and whether it did so before it started again.
    pub(super) shut_down: bool,
    pub(super) ended_well: bool,
    pub(super) doubts: Doubts,
    /// Its numbers of conferences, and where it speaks to whom under which number.
    pub(super) own_groups: BTreeMap<Conference, GroupNumber>,
    pub(super) spoken: BTreeMap<(Conference, PublicKey), GroupNumber>,
    /// How old its release is, unless somebody said it.
    pub(super) age: Option<Age>,
    pub(super) tally: Tally,
    pub(super) differences: Vec<Difference>,
}

impl Follower {
    pub(super) fn new(key: PublicKey, profile: Option<Profile>, at: Timestamp) -> Self {
        let age = if profile.is_some() { None } else { Some(Age::default()) };
        let profile = profile.unwrap_or(Profile::ctoxcore(Release::HEAD));
        Self {
            age,
            key,
            name: None,
            dht_key: None,
            machine: Endpoint::new(profile, key, PublicKey([0; 32]), b""),
            dice: SeededDice::new(0),
            wires: BTreeMap::new(),
            up: BTreeMap::new(),
            friends: BTreeSet::new(),
            has_company: false,
            timeline: BTreeMap::new(),
            parked: BTreeMap::new(),
            outbox: BTreeMap::new(),
            bytes: 0,
            count: 0,
            steps: 0,
            clock: at,
            last_sign: at,
            ran_until: Timestamp::MIN,
            stalls: VecDeque::new(),
            fed_at: at,
            phase: 0,
            no_pass_before: at,
            hears_signs_of_life: false,
            no_time_out_before: at,
            awaited: Awaited::default(),
            recent_lossy: VecDeque::new(),
            unseen_pings: BTreeSet::new(),
            may_skip: BTreeSet::new(),
            unknown_titles: BTreeSet::new(),
            unknown_numbers: BTreeSet::new(),
            reloaded: BTreeSet::new(),
            loaded: false,
            shut_down: false,
            ended_well: false,
            doubts: Doubts::default(),
            own_groups: BTreeMap::new(),
            spoken: BTreeMap::new(),
            tally: Tally::default(),
            differences: Vec::new(),
        }
    }

    fn next_key(&mut self, at: Timestamp) -> Key {
        self.count += 1;
        (at, self.count)
    }

    /// The endpoint's session, seen for the first time or again.
    pub(super) fn wire(&mut self, session: u32) -> &mut Wire {
        self.wires.entry(session).or_default()
    }

    /// The endpoint sent something at this moment: it runs.
    pub(super) fn sign(&mut self, at: Timestamp) {
        if at.nanos_since(self.last_sign) > STALL {
            self.stalls.push_back((self.last_sign, at));
            if self.stalls.len() > STALLS {
                self.stalls.pop_front();
            }
            // What came meanwhile waited for it.
            let stalled = (self.last_sign, u64::MAX)..(at, 0);
            let keys: Vec<_> = self.timeline.range(stalled).map(|(key, _)| *key).collect();
            for key in keys {
                self.postpone(key, at);
            }
        }
        self.last_sign = self.last_sign.max(at);
        self.clock = self.clock.max(at);
    }

    /// What stands at `key` was not handled before `at`.
    pub(super) fn postpone(&mut self, key: Key, at: Timestamp) -> Key {
        let Some(heard) = self.timeline.remove(&key) else { return key };
        let later = (at, key.1);
        if let Some(wire) = self.wires.get_mut(&heard.session) {
            if wire.beginning == Some(key) {
                wire.beginning = Some(later);
            }
            for (_, waiting) in wire.waiting.iter_mut().filter(|(_, waiting)| *waiting == key) {
                *waiting = later;
            }
        }
        self.timeline.insert(later, heard);
        later
    }

    /// The endpoint sent a data packet that says what it still waits for.
    pub(super) fn acknowledged(&mut self, session: u32, at: Timestamp, ack: u32, lossless: bool) {
        let Some(wire) = self.wires.get_mut(&session) else { return };
        let before = wire.last_sign.map(|(at, _)| at);
        let mut handled = Vec::new();
        if (lossless || ack > 0)
            && let Some(key) = wire.beginning.take()
        {
            handled.push(key);
        }
        while let Some((number, key)) = wire.waiting.front().copied() {
            if !is_before(number, ack) {
                break;
            }
            wire.waiting.pop_front();
            handled.push(key);
        }
        wire.last_sign = Some((at, ack));
        for key in handled {
            self.handled(key, before, at);
        }
    }

    /// What stands at `key` was handled after `after` and not after `by`.
    fn handled(&mut self, key: Key, after: Option<Timestamp>, by: Timestamp) {
        let parked = self.parked.remove(&key);
        let was_parked = parked.is_some();
        if let Some(heard) = parked {
            self.timeline.insert(key, heard);
        }
        let Some(heard) = self.timeline.get_mut(&key) else { return };
        // Two packets of one moment do not tell what was handled between them.
        heard.after = after.filter(|after| *after < by);
        heard.by = Some(by);
        let arrived = heard.at;
        if let Some(after) = after
            && (was_parked || after.nanos_since(arrived) > PASS)
        {
            self.postpone(key, after.max(key.0));
        }
    }

    /// Something reached the endpoint.
    pub(super) fn hear(&mut self, heard: Heard) {
        self.clock = self.clock.max(heard.at);
        let key = self.next_key(heard.at);
        if let Some(wire) = self.wires.get_mut(&heard.session) {
            match &heard.what {
                HeardWhat::Packet { number: Some(number), .. } | HeardWhat::Alive { number } => {
                    wire.waiting.push_back((*number, key));
                }
                HeardWhat::Begun { .. } => wire.beginning = Some(key),
                HeardWhat::Packet { number: None, .. } | HeardWhat::Ended => {}
            }
        }
        self.bytes += heard.size();
        self.timeline.insert(key, heard);
    }

    /// What was on its way through a relay reaches the endpoint now: a packet with this number or, of
    /// those that have none, with these bytes, and what came with it or before it.
    pub(super) fn arrive(&mut self, session: u32, at: Timestamp, number: Option<u32>, data: &[u8]) {
        let is_it = |heard: &Heard| match &heard.what {
            HeardWhat::Packet { number: None, bytes } => number.is_none() && **bytes == *data,
            HeardWhat::Packet { number: other, .. } => number.is_some() && *other == number,
            HeardWhat::Alive { .. } => data.first() == Some(&DataId::ALIVE.0),
            HeardWhat::Ended => data.first() == Some(&DataId::KILL_SESSION.0),
            HeardWhat::Begun { .. } => true,
        };
        let coming = self.timeline.iter_mut().chain(&mut self.parked);
        let arrived: Vec<_> = coming
            .filter(|(_, heard)| heard.session == session && heard.at_relay && is_it(heard))
            .map(|(key, heard)| {
                heard.at_relay = false;
                (*key, heard.by)
            })
            .collect();
        for (key, by) in arrived {
            self.postpone(key, by.map_or(at, |by| by.min(at)).max(key.0));
        }
    }

    /// The endpoint said something.
    pub(super) fn say(&mut self, said: Said) {
        let at = said.at;
        let key = self.next_key(at);
        self.bytes += said.size();
        let session = said.session;
        self.outbox.insert(key, said);
        let Some(wire) = self.wires.get_mut(&session) else { return };
        // What was sent before it, though captured later, was sent before it.
        let outbox = &mut self.outbox;
        for earlier in wire.said.iter_mut().rev().take_while(|earlier| earlier.0 > at) {
            if let Some(said) = outbox.remove(earlier) {
                earlier.0 = at;
                outbox.insert(*earlier, Said { at, ..said });
            }
        }
        wire.said.push_back(key);
        if wire.said.len() > WAITING {
            wire.said.pop_front();
        }
    }

    /// It was certainly not handled before `at`.
    pub(super) fn is_later(&self, heard: &Heard, at: Timestamp) -> bool {
        if heard.by.is_some() {
            return heard.after.is_some_and(|after| after >= at);
        }
        let numbered = match &heard.what {
            HeardWhat::Packet { number, .. } => number.is_some(),
            HeardWhat::Alive { .. } => true,
            HeardWhat::Begun { .. } | HeardWhat::Ended => false,
        };
        let wire = self.wires.get(&heard.session);
        let sign = wire.and_then(|wire| wire.last_sign);
        numbered && sign.is_some_and(|(sign, _)| sign >= at)
    }

    pub(super) fn take_heard(&mut self, key: Key) -> Option<Heard> {
        let heard = self.timeline.remove(&key).or_else(|| self.parked.remove(&key))?;
        self.bytes = self.bytes.saturating_sub(heard.size());
        if let Some(wire) = self.wires.get_mut(&heard.session) {
            forget(&mut wire.waiting, |(_, waiting)| *waiting == key);
            wire.beginning = wire.beginning.filter(|beginning| *beginning != key);
        }
        Some(heard)
    }

    /// It was judged.
    pub(super) fn take_said(&mut self, key: Key) {
        let Some(said) = self.outbox.remove(&key) else { return };
        self.bytes = self.bytes.saturating_sub(said.size());
        if let Some(wire) = self.wires.get_mut(&said.session) {
            forget(&mut wire.said, |waiting| *waiting == key);
        }
    }

    /// There is too much that waits.
    pub(super) fn is_full(&self) -> bool {
        self.timeline.len() + self.parked.len() + self.outbox.len() > WAITING
            || self.bytes > WAITING_BYTES
    }

    /// How far the state of a conference is known.
    pub(super) fn knowledge_of(&self, conference: Option<Conference>) -> Knowledge {
        if self.doubts.about(conference, self.fed_at).is_some() {
            return Knowledge::Unknown;
        }
        let reloaded = conference.is_some_and(|it| self.reloaded.contains(&it));
        if reloaded { Knowledge::Assumed } else { Knowledge::Known }
    }

    /// The machine's time at a moment of the capture.
    pub(super) const fn machine_time(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_nanos(at.as_nanos().saturating_add(self.phase))
    }

    pub(super) fn tell(
        &self,
        frame: Option<u64>,
        at: Timestamp,
        what: What<'_>,
        teller: Teller<'_>,
    ) {
        teller(&Observation {
            endpoint: self.key,
            name: self.name.as_deref(),
            frame,
            at,
            machine: &self.machine,
            what,
        });
    }

    /// Takes a fact over into the machine.
    pub(super) fn learn(&mut self, at: Timestamp, fact: &Fact<'_>, teller: Teller<'_>) {
        if self.machine.assume(self.machine_time(at), fact).is_ok() {
            self.tell(None, at, What::Learned, teller);
        }
    }

    pub(super) fn tell_sent(&self, said: &Said, sent: &Sent<'_>, teller: Teller<'_>) {
        self.tell(Some(said.frame), said.at, What::Sent(sent), teller);
    }

    /// Doubts a conference from now on, or from the beginning.
    pub(super) fn doubt(
        &mut self,
        conference: Conference,
        since: Timestamp,
        why: Why,
        teller: Teller<'_>,
    ) {
        if self.doubts.doubt(conference, since, why) {
            let doubt = Doubt { conference: Some(conference), since, why };
            self.tell(None, self.fed_at, What::Doubt(&doubt), teller);
        }
    }

    /// Doubts everything.
    pub(super) fn doubt_all(&mut self, at: Timestamp, why: Why, teller: Teller<'_>) {
        if self.doubts.doubt_all(at, why) {
            let doubt = Doubt { conference: None, since: at, why };
            self.tell(None, self.fed_at, What::Doubt(&doubt), teller);
        }
    }

    /// A packet to or from the endpoint was not captured, or may not have been.
    pub(super) fn lost(&mut self, at: Timestamp, why: Why, teller: Teller<'_>) {
        if self.doubts.lost(at, why) {
            let doubt = Doubt { conference: None, since: at, why };
            self.tell(None, self.fed_at, What::Doubt(&doubt), teller);
        }
    }

    /// The endpoint sent or received a conference packet.
    pub(super) fn took_part(&self) -> bool {
        self.tally.sent() > 0 || self.machine.groups().next().is_some()
    }

    /// Takes back what doubts that came later do not let stand.
    pub(super) fn take_back(&mut self) {
        let (doubts, tally) = (&self.doubts, &mut self.tally);
        self.differences.retain(|difference| {
            let Some(why) = doubts.about(difference.conference, difference.at) else { return true };
            match difference.kind {
                DifferenceKind::Missing => tally.missing = tally.missing.saturating_sub(1),
                DifferenceKind::Unexplained | DifferenceKind::Otherwise => {
                    tally.unexplained = tally.unexplained.saturating_sub(1);
                    tally.add_not_judged(why);
                }
            }
            false
        });
    }
}
