//! What has to follow: reactions that rules ask for within a short time.
//!
//! Time runs from the moment at which the endpoint has handled what calls for the reaction: when it sends
//! an acknowledgement of it (G4). The reaction is missing once the time is over and the endpoint then
//! still uses the connection; when the session or the capture ends first, nothing is (G5).

use std::cell::Cell;
use std::collections::BTreeMap;

use super::finding::Spot;
use super::guard::Level;
use super::rule::{Check, Rule};
use super::view::{Packet, SECOND};
use crate::time::Timestamp;
use crate::wire::{Conference, MessageBody, MessageNumber, PeerNumber, PublicKey};

/// Nanoseconds that a reaction may take: one pass of the main loop, and much more for slow ones.
pub(super) const REACTION: i64 = 5 * SECOND;
/// So long after its time something that shows the connection to be up is waited for.
const PATIENCE: i64 = 60 * SECOND;
/// Promises that are kept in mind of one endpoint.
const PROMISES: usize = 1024;

/// What shows that a reaction is missing, once its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Any lossless packet in the session.
    Link,
    /// A group message, or direct packet, in the session: the slot is still there.
    Slot,
}

/// Something that an endpoint has to send.
#[derive(Clone, Debug)]
pub struct Promise {
    pub(super) rule: &'static Rule,
    /// The packet that calls for it.
    pub cause: Spot,
    /// In which conference.
    pub conference: Conference,
    /// On the connection to whom, or what the proof is awaited on.
    pub friend: PublicKey,
    /// The session with that friend.
    pub session: u32,
    /// A peer that it is about.
    pub about: Option<PublicKey>,
    /// A message that it is about.
    pub message: Option<(PeerNumber, MessageNumber)>,
    /// What shows that it is missing.
    pub proof: Proof,
    /// Session and number of what has to be handled first.
    pub(super) after: Option<(u32, u32)>,
    /// When its time is over, once it runs.
    pub(super) due: Option<Timestamp>,
    /// How sure the facts are that call for it.
    pub(super) level: Level,
    /// What was called for was sent.
    pub(super) kept: Cell<bool>,
}

/// The promises that begin with a packet.
#[derive(Default)]
pub struct Promises {
    pub(super) begun: Vec<Promise>,
}

impl Promise {
    /// The message that it is about, for people.
    pub(super) fn messages(&self) -> String {
        match self.message {
            Some((author, number)) => format!("message {number} of peer {author}"),
            None => "a message".to_owned(),
        }
    }

    /// The endpoint sends something in a session, at this time, having handled all before `ack` there.
    fn runs(&mut self, session: u32, ack: u32, at: Timestamp) {
        if let Some((awaited, number)) = self.after
            && awaited == session
            && ack.wrapping_sub(number).wrapping_sub(1) <= u32::MAX / 2
        {
            self.after = None;
        }
        if self.after.is_none() && self.due.is_none() {
            self.due = Some(Timestamp::from_nanos(at.as_nanos().saturating_add(REACTION)));
        }
    }

    /// Its time is over.
    fn is_over(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| now > due)
    }

    /// Nothing will show any more that it is missing.
    fn is_vain(&self, now: Timestamp) -> bool {
        now.nanos_since(self.cause.at) > REACTION + PATIENCE
    }

    fn is_kept_anywhere(&self) -> bool {
        matches!(&self.rule.check, Check::Promise(it) if it.anywhere)
    }

    /// The packet shows that it is missing, if its time is over.
    fn is_proven_by(&self, packet: &Packet<'_>, conference: Option<Conference>) -> bool {
        packet.session == self.session
            && match self.proof {
                Proof::Link => packet.is_lossless(),
                Proof::Slot => packet.is_addressed() && conference == Some(self.conference),
            }
    }
}

/// What an endpoint has to send: many promises may wait for a proof in sessions that are hardly used any
/// more, so that a packet looks at those only that it may concern.
#[derive(Default)]
pub(super) struct Pending {
    /// Those whose time does not run yet.
    waiting: Vec<Promise>,
    /// The others by session; by none, if a packet in any session may keep them.
    running: BTreeMap<Option<u32>, Vec<Promise>>,
}

impl Pending {
    /// Adds one; says if there is room.
    pub(super) fn begin(&mut self, promise: Promise, now: Timestamp) -> bool {
        let len = |pending: &Self| {
            pending.waiting.len() + pending.running.values().map(Vec::len).sum::<usize>()
        };
        if len(self) >= PROMISES {
            self.retain(|promise| !promise.is_vain(now));
        }
        let has_room = len(self) < PROMISES;
        if has_room {
            self.waiting.push(promise);
        }
        has_room
    }

    /// Those that a packet in this session may keep.
    pub(super) fn concerned(&self, session: u32) -> impl Iterator<Item = &Promise> {
        let running = [None, Some(session)].into_iter().filter_map(|key| self.running.get(&key));
        running.chain([&self.waiting]).flatten()
    }

    /// The endpoint sends a packet: gives the promises that it breaks. Of conferences that are `gone` there
    /// are none any more.
    pub(super) fn sends(
        &mut self,
        packet: &Packet<'_>,
        conference: Option<Conference>,
        gone: impl Fn(&Conference) -> bool,
    ) -> Vec<Promise> {
        let now = packet.spot.at;
        if matches!(packet.body(), Some(MessageBody::KillPeer(_))) {
            // It leaves, and may come back before others of its sessions are looked at.
            self.retain(|promise| !gone(&promise.conference));
        }
        // Those of one conference mostly stand together.
        let mut last = None;
        let mut broken = Vec::new();
        let mut stays = |promise: &mut Promise| {
            last = last.filter(|(conference, _)| *conference == promise.conference);
            let (_, gone) =
                *last.get_or_insert_with(|| (promise.conference, gone(&promise.conference)));
            if promise.kept.get() || gone || promise.is_vain(now) {
                return false;
            }
            if promise.is_over(now) && promise.is_proven_by(packet, conference) {
                broken.push(promise.clone());
                return false;
            }
            promise.runs(packet.session, packet.ack, now);
            true
        };
        for key in [None, Some(packet.session)] {
            if let Some(promises) = self.running.get_mut(&key) {
                promises.retain_mut(&mut stays);
            }
        }
        self.waiting.retain_mut(stays);
        for promise in self.waiting.extract_if(.., |promise| promise.due.is_some()) {
            let key = (!promise.is_kept_anywhere()).then_some(promise.session);
            self.running.entry(key).or_default().push(promise);
        }
        broken
    }

    /// Forgets all others.
    pub(super) fn retain(&mut self, stays: impl Fn(&Promise) -> bool) {
        self.waiting.retain(&stays);
        self.running.retain(|_, promises| {
            promises.retain(&stays);
            !promises.is_empty()
        });
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
