//! What has to follow: reactions that rules ask for within a short time.
//!
//! Time runs from the moment at which the endpoint has handled what calls for the reaction: when it sends
//! an acknowledgement of it (G4). The reaction is missing once the time is over and the endpoint then
//! still uses the connection; when the session or the capture ends first, nothing is (G5).

use super::finding::Spot;
use super::guard::Level;
use super::rule::Rule;
use super::view::SECOND;
use crate::time::Timestamp;
use crate::wire::{Conference, MessageNumber, PeerNumber, PublicKey};

/// Nanoseconds that a reaction may take: one pass of the main loop, and much more for slow ones.
pub(super) const REACTION: i64 = 5 * SECOND;
/// So long after its time something that shows the connection to be up is waited for.
const PATIENCE: i64 = 60 * SECOND;
/// Promises that are kept in mind of one endpoint.
pub(super) const PROMISES: usize = 1024;

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
    pub(super) fn runs(&mut self, session: u32, ack: u32, at: Timestamp) {
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
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| now > due)
    }

    /// Nothing will show any more that it is missing.
    pub(super) fn is_vain(&self, now: Timestamp) -> bool {
        now.nanos_since(self.cause.at) > REACTION + PATIENCE
    }
}
