//! What cannot be judged, and why: facts that the capture does not show.
//!
//! A machine whose state may be another than the endpoint's still predicts most of what is sent; what it
//! does not predict proves nothing then. So a doubt takes back findings, never predictions.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use foldhash::quality::RandomState;

use super::observation::{Doubt, Why};
use crate::time::Timestamp;
use crate::wire::{Conference, LossyNumber, MessageNumber, Packet, PeerNumber};

/// How many packets that only hidden connections explain are put down to such. Fewer are findings.
const HIDDEN: usize = 3;
/// How many messages are remembered as received.
const HEARD: usize = 4096;
/// How many doubts of a kind are kept.
const DOUBTS: usize = 1024;
/// How long before it was noticed a packet may have been lost, in nanoseconds: sessions never are silent
/// for longer.
const NOTICED_LATE: i64 = 10_000_000_000;
/// How far apart the numbers of lossy messages may be that belong together.
const NEAR: u16 = 16;

/// A message, or else a packet in a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Which {
    Message(PeerNumber, MessageNumber),
    Lossy(PeerNumber, LossyNumber),
    Frame(u64),
}

impl Which {
    pub(super) fn of(packet: &Packet<'_>) -> Option<Self> {
        match packet {
            Packet::Message(it) => Some(Self::Message(it.peer_number, it.message_number)),
            Packet::Lossy(it) => Some(Self::Lossy(it.peer_number, it.message_number)),
            _ => None,
        }
    }
}

/// The doubts about one endpoint.
#[derive(Default)]
pub(super) struct Doubts {
    /// About everything, from the beginning to the end.
    whole: Option<Doubt>,
    /// About conferences, from a moment on.
    of: BTreeMap<Conference, Doubt>,
    /// When packets were found not to have been captured, and by what; and the first time of each.
    lost: Vec<(Timestamp, Why)>,
    first_lost: BTreeMap<Why, Timestamp>,
    /// Since when all about a conference is known.
    known: BTreeMap<Conference, Timestamp>,
    heard: HashSet<Which, RandomState>,
    heard_in_order: VecDeque<Which>,
    /// What only hidden connections explain.
    hidden: BTreeSet<Which>,
}

impl Doubts {
    /// Why nothing is found wrong at `at` in `conference`.
    pub(super) fn about(&self, conference: Option<Conference>, at: Timestamp) -> Option<Why> {
        let of = match &conference {
            Some(conference) => self.of.get(conference),
            // In which one nobody knows: in a doubtful one, perhaps.
            None => self.of.values().min_by_key(|doubt| doubt.since),
        };
        let of = of.filter(|doubt| doubt.since <= at);
        let known = conference.and_then(|it| self.known.get(&it).copied());
        let lost = self.lost.iter().find(|(lost, _)| {
            lost.later(-NOTICED_LATE) <= at && known.is_none_or(|known| known <= *lost)
        });
        let why = self.whole.as_ref().or(of).map(|doubt| doubt.why);
        why.or(lost.map(|(_, why)| *why))
    }

    /// The conference is in doubt from `since` on; says if that is new.
    pub(super) fn doubt(&mut self, conference: Conference, since: Timestamp, why: Why) -> bool {
        if self.of.contains_key(&conference) {
            return false;
        }
        if self.of.len() >= DOUBTS {
            return self.doubt_all(since, Why::NoRoom);
        }
        self.of.insert(conference, Doubt { conference: Some(conference), since, why });
        true
    }

    /// Everything is in doubt, as was noticed at `since`; says if that is new.
    pub(super) fn doubt_all(&mut self, since: Timestamp, why: Why) -> bool {
        let is_new = self.whole.is_none();
        self.whole.get_or_insert(Doubt { conference: None, since, why });
        is_new
    }

    /// A packet was not captured, or may not have been; says if that is new.
    pub(super) fn lost(&mut self, at: Timestamp, why: Why) -> bool {
        let is_new = !self.first_lost.contains_key(&why);
        self.first_lost.entry(why).or_insert(at);
        if self.lost.len() >= DOUBTS {
            self.lost.pop();
        }
        self.lost.push((at, why));
        is_new
    }

    /// The endpoint joins or founds the conference: all about it is known.
    pub(super) fn trust(&mut self, conference: Conference, at: Timestamp) {
        self.of.remove(&conference);
        if self.known.len() < DOUBTS || self.known.contains_key(&conference) {
            self.known.insert(conference, at);
        }
    }

    /// All doubts, and since when packets are missing from the capture.
    pub(super) fn all(&self) -> impl Iterator<Item = Doubt> {
        let lost = self.first_lost.iter().map(|(why, at)| {
            let since = at.later(-NOTICED_LATE);
            Doubt { conference: None, since, why: *why }
        });
        self.whole.iter().chain(self.of.values()).copied().chain(lost)
    }

    /// A message reached the endpoint.
    pub(super) fn heard(&mut self, packet: &Packet<'_>) {
        let Some(which) = Which::of(packet) else { return };
        if self.heard.insert(which) {
            self.heard_in_order.push_back(which);
        }
        if self.heard_in_order.len() > HEARD
            && let Some(oldest) = self.heard_in_order.pop_front()
        {
            self.heard.remove(&oldest);
        }
    }

    pub(super) fn was_heard(&self, which: Which) -> bool {
        self.heard.contains(&which)
    }

    /// A lossy message that was not received, while others around it were: the way of each is its own,
    /// and nobody knows which were captured. `coming` is what was received later.
    pub(super) fn is_lossy_among_others(
        &self,
        which: Which,
        mut coming: impl Iterator<Item = Which>,
    ) -> bool {
        let Which::Lossy(author, number) = which else { return false };
        let is_near = |other: Which| match other {
            Which::Lossy(other, near) => {
                let far = near.0.wrapping_sub(number.0);
                other == author && far != 0 && far.min(far.wrapping_neg()) <= NEAR
            }
            Which::Message(..) | Which::Frame(_) => false,
        };
        !self.was_heard(which)
            && (coming.any(is_near)
                || (1..=NEAR).any(|far| {
                    [number.0.wrapping_add(far), number.0.wrapping_sub(far)]
                        .iter()
                        .any(|near| self.was_heard(Which::Lossy(author, LossyNumber(*near))))
                }))
    }

    /// Something that only a hidden connection explains; says if there is enough of that.
    pub(super) fn is_hidden(&mut self, which: Which) -> bool {
        if self.hidden.len() < HIDDEN {
            self.hidden.insert(which);
        }
        self.hidden.len() >= HIDDEN
    }
}
