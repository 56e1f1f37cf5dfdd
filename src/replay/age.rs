//! How old the release of an endpoint is, from what it sends.
//!
//! c-toxcore up to 0.2.10 passes messages on to everybody, and so back to whom they came from. Since
//! 0.2.11 only their authors get them back (D-034). What passes by is no proof, since the capture may lack
//! the way by which a message really came first; so something must be sent, too, that the rules of the
//! newest release do not explain.

use super::follower::{Follower, Said, Teller};
use crate::conference::{Fact, Profile, Release};
use crate::recent::Recent;
use crate::time::Timestamp;
use crate::wire::{Conference, MessageNumber, Packet, PeerNumber, PublicKey};

/// The last release that passes messages back.
const OLD: Release = Release(10);
/// How many messages must come back. A single one may be a mistake of the capture.
const ENOUGH: usize = 2;
/// How many messages are remembered.
const MESSAGES: usize = 1024;
/// How long after that was found messages still come back that were received before, in nanoseconds.
const MEANWHILE: i64 = 200_000_000;

type Message = (Option<Conference>, PeerNumber, MessageNumber);

/// What was seen so far.
pub(super) struct Age {
    /// Who was the first that sent a message to the endpoint, unless that was its author.
    first: Recent<Message, Option<PublicKey>>,
    passed_back: Vec<Message>,
    /// When it was found to be old.
    old_since: Option<Timestamp>,
}

impl Default for Age {
    fn default() -> Self {
        Self { first: Recent::new(MESSAGES), passed_back: Vec::new(), old_since: None }
    }
}

impl Age {
    /// A message passed by on its way to the endpoint.
    pub(super) fn heard(
        &mut self,
        conference: Option<Conference>,
        packet: &Packet<'_>,
        friend: PublicKey,
        author: Option<PublicKey>,
    ) {
        let Some(message) = message(conference, packet) else { return };
        if self.first.peek(&message).is_none() {
            let other = author.is_some_and(|author| author != friend).then_some(friend);
            self.first.put(message, other);
        }
    }

    /// The endpoint sent a message.
    fn said(&mut self, conference: Option<Conference>, packet: &Packet<'_>, friend: &PublicKey) {
        if let Some(message) = message(conference, packet)
            && self.passed_back.len() < ENOUGH
            && self.is_passed_back(conference, packet, friend)
            && !self.passed_back.contains(&message)
        {
            self.passed_back.push(message);
        }
    }

    /// The endpoint first got this message from `friend`, who is not its author.
    fn is_passed_back(
        &self,
        conference: Option<Conference>,
        packet: &Packet<'_>,
        friend: &PublicKey,
    ) -> bool {
        let message = message(conference, packet);
        let first = message.and_then(|message| self.first.peek(&message));
        first.is_some_and(|first| first.as_ref() == Some(friend))
    }
}

fn message(conference: Option<Conference>, packet: &Packet<'_>) -> Option<Message> {
    match packet {
        Packet::Message(it) => Some((conference, it.peer_number, it.message_number)),
        _ => None,
    }
}

impl Follower {
    /// The endpoint sent something; it may show how old it is.
    pub(super) fn show_age(
        &mut self,
        conference: Option<Conference>,
        packet: &Packet<'_>,
        friend: &PublicKey,
    ) {
        if let Some(age) = &mut self.age {
            age.said(conference, packet, friend);
        }
    }

    /// A packet that nothing explains may be one that only old releases send: if so, the endpoint is
    /// taken for one from now on.
    pub(super) fn is_of_an_old_release(
        &mut self,
        said: &Said,
        packet: &Packet<'_>,
        teller: Teller<'_>,
    ) -> bool {
        let Some(age) = &mut self.age else { return false };
        let back = age.is_passed_back(said.conference, packet, &said.friend);
        match age.old_since {
            Some(since) => back && said.at.nanos_since(since) <= MEANWHILE,
            None if age.passed_back.len() >= ENOUGH && (back || is_gratuitous(packet)) => {
                age.old_since = Some(said.at);
                self.learn(said.at, &Fact::Profile(Profile::ctoxcore(OLD)), teller);
                true
            }
            None => false,
        }
    }
}

/// Old releases greet all neighbours whenever anybody comes or goes (D-045).
const fn is_gratuitous(packet: &Packet<'_>) -> bool {
    matches!(packet, Packet::Online(_))
}
