//! What a rule sees when it looks.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::finding::Spot;
use super::guard::Level;
use super::promise::{Promise, Promises, Proof};
use super::rule::Rule;
use super::view::{Copies, End, Endpoint, Group, Link, Packet, Part, Peer, SECOND};
use crate::printable::printable;
use crate::time::Timestamp;
use crate::wire::{self, Conference, GroupNumber, Hex, Kind, LossyNumber, PeerNumber, PublicKey};

/// Columns of a name in a message.
const NAME: usize = 24;

/// A packet on its session.
pub struct OnLink<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// The session, as it was before the packet.
    pub link: &'a Link,
    /// The conference that the packet is about.
    pub conference: Option<Conference>,
    /// What the receiver invited the sender to, under which numbers, in any session.
    pub invited: &'a [(Conference, GroupNumber)],
}

impl OnLink<'_> {
    /// The end that sends the packet.
    #[must_use]
    pub fn sender(&self) -> &End {
        self.link.end(self.packet.direction)
    }

    /// The end that receives the packet.
    #[must_use]
    pub fn receiver(&self) -> &End {
        self.link.end(self.packet.direction ^ 1)
    }

    /// What the sender said about the conference before.
    #[must_use]
    pub fn part(&self) -> Option<&Part> {
        self.sender().part(&self.conference?)
    }

    /// What the receiver said about the conference before.
    #[must_use]
    pub fn receivers_part(&self) -> Option<&Part> {
        self.receiver().part(&self.conference?)
    }
}

/// A packet at an endpoint that sends or receives it.
pub struct At<'a> {
    /// The packet.
    pub packet: &'a Packet<'a>,
    /// Whether the endpoint sends it.
    pub sent: bool,
    /// Its session.
    pub link: &'a Link,
    /// The endpoint, as it was before the packet.
    pub me: &'a Endpoint,
    /// Who is at the other end.
    pub friend: PublicKey,
    /// The conference that the packet is about.
    pub conference: Option<Conference>,
    /// The conference, and what the endpoint knew of it before the packet.
    pub group: Option<(Conference, &'a Group)>,
    /// The copies of this message that passed through the endpoint before.
    pub copies: Option<&'a Copies>,
    /// Other sessions.
    pub(super) links: &'a dyn Fn(u32) -> Option<&'a Link>,
    /// What people are called.
    pub(super) people: &'a BTreeMap<PublicKey, Endpoint>,
    /// The lowest level of the facts that were asked for.
    pub(super) lowest: Cell<Level>,
}

impl<'a> At<'a> {
    /// When it is.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.packet.spot.at
    }

    /// The conference, as the endpoint knew it before the packet.
    #[must_use]
    pub fn group(&self) -> Option<&'a Group> {
        self.group.map(|(_, group)| group)
    }

    /// A fact was used that is only so sure.
    pub fn uses(&self, level: Level) {
        self.lowest.set(self.lowest.get().min(level));
    }

    /// The endpoint's number in the conference.
    #[must_use]
    pub fn own(&self) -> Option<PeerNumber> {
        let (number, level) = self.group()?.own?;
        self.uses(level);
        Some(number)
    }

    /// Whether the packet is a message of the endpoint itself.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.packet.message().is_some_and(|it| self.own() == Some(it.peer_number))
    }

    /// Whether the packet is a message of somebody else.
    #[must_use]
    pub fn is_of_others(&self) -> bool {
        self.packet.message().is_some_and(|it| self.own().is_some_and(|own| own != it.peer_number))
    }

    /// Whether a peer is frozen at the endpoint, as far as is known.
    #[must_use]
    pub fn was_frozen(&self, key: &PublicKey) -> bool {
        let number = self.group().and_then(|group| group.numbers.get(key));
        number.and_then(|number| self.peer(*number)).is_some_and(|peer| {
            peer.froze.is_some() || peer.active.is_none() || peer.is_silent(self.now())
        })
    }

    /// A peer of the endpoint.
    #[must_use]
    pub fn peer(&self, number: PeerNumber) -> Option<&'a Peer> {
        let peer = self.group()?.peers.get(&number)?;
        self.uses(peer.level);
        Some(peer)
    }

    /// The endpoint's end of the session.
    #[must_use]
    pub fn mine(&self) -> &'a End {
        self.link.end(if self.sent { self.packet.direction } else { self.packet.direction ^ 1 })
    }

    /// The friend's end of the session.
    #[must_use]
    pub fn theirs(&self) -> &'a End {
        self.link.end(if self.sent { self.packet.direction ^ 1 } else { self.packet.direction })
    }

    /// What the endpoint said about the conference in this session.
    #[must_use]
    pub fn my_part(&self) -> Option<&'a Part> {
        self.mine().part(&self.conference?)
    }

    /// What the friend said about the conference in this session.
    #[must_use]
    pub fn their_part(&self) -> Option<&'a Part> {
        self.theirs().part(&self.conference?)
    }

    /// The endpoint's present sessions with others, and its ends of them.
    pub fn sessions(
        &self,
    ) -> impl Iterator<Item = (PublicKey, u32, &'a End, &'a End)> + use<'a, '_> {
        self.me.sessions.iter().filter_map(|(friend, session)| {
            let link = (self.links)(*session)?;
            let mine = u8::from(link.end(0).key != Some(self.me.key));
            Some((*friend, *session, link.end(mine), link.end(mine ^ 1)))
        })
    }

    /// Friends to whom the endpoint's slot in the conference is online: it sent messages there before, and
    /// neither of them has left since.
    pub fn slots(&self) -> impl Iterator<Item = (PublicKey, u32, &'a Part)> + use<'a, '_> {
        let conference = self.group.map(|(conference, _)| conference);
        self.sessions().filter_map(move |(friend, session, mine, theirs)| {
            let part = mine.part(&conference?)?;
            let stays = |part: &Part| part.killed.is_none();
            let both = stays(part) && theirs.part(&conference?).is_none_or(stays);
            (part.messaged.is_some() && both).then_some((friend, session, part))
        })
    }

    /// Somebody, for a message.
    #[must_use]
    pub fn who(&self, key: &PublicKey) -> String {
        who(self.people, key)
    }

    /// The friend, for a message.
    #[must_use]
    pub fn friends_name(&self) -> String {
        self.who(&self.friend)
    }

    /// Whether the packet is about the same conference and session as a promise.
    pub(super) fn is_about(&self, promise: &Promise) -> bool {
        self.packet.session == promise.session && self.conference == Some(promise.conference)
    }

    /// Whether the packet is the message that a promise is about.
    pub(super) fn is_message(&self, promise: &Promise) -> bool {
        let message = self.packet.message().map(|it| (it.peer_number, it.message_number));
        message.is_some() && message == promise.message
    }

    /// Author and number of a lossy message.
    #[must_use]
    pub fn lossy(&self) -> Option<(PeerNumber, LossyNumber)> {
        match self.packet.read() {
            Some(wire::Packet::Lossy(lossy)) => Some((lossy.peer_number, lossy.message_number)),
            _ => None,
        }
    }

    /// The same, if the author is somebody else.
    #[must_use]
    pub fn lossy_of_others(&self) -> Option<(PeerNumber, LossyNumber)> {
        self.lossy().filter(|(author, _)| self.own().is_some_and(|own| own != *author))
    }

    /// Whether the endpoint has acknowledged what it heard of a peer last.
    #[must_use]
    pub fn handled(&self, peer: &Peer) -> bool {
        peer.handled.is_none_or(|by| self.acknowledged(by))
    }

    /// Whether the endpoint has acknowledged a packet, by session and number.
    #[must_use]
    pub fn acknowledged(&self, (session, number): (u32, u32)) -> bool {
        (self.links)(session).is_some_and(|link| {
            let mine = u8::from(link.end(0).key != Some(self.me.key));
            link.end(mine).acked.wrapping_sub(number).wrapping_sub(1) <= u32::MAX / 2
        })
    }

    /// Whether all sessions of the endpoint are older than that: it did not start again since then, not even
    /// unseen.
    #[must_use]
    pub fn ran_since(&self, since: Timestamp) -> bool {
        self.sessions()
            .all(|(_, session, ..)| (self.links)(session).is_some_and(|link| link.started < since))
    }

    /// Whether a neighbour, other than this one, was there all the time since then.
    #[must_use]
    pub fn had_neighbour_since(&self, since: Timestamp, except: Option<PublicKey>) -> bool {
        let Some(conference) = self.conference else { return false };
        self.sessions().any(|(friend, _, mine, theirs)| {
            let part = mine.part(&conference);
            let lately = |at: Timestamp| self.now().nanos_since(at) < 25 * SECOND;
            Some(friend) != except
                && theirs.sent.is_some_and(lately)
                && part.and_then(|part| part.first_messaged).is_some_and(|it| it.at < since)
                && part.and_then(|part| part.messaged).is_some_and(|it| lately(it.at))
        })
    }

    /// Whether the endpoint's slot on this session goes online by this packet: it waited for an Online.
    #[must_use]
    pub fn goes_online(&self) -> bool {
        let Some(mine) = self.my_part().filter(|_| !self.sent && self.packet.is(Kind::Online))
        else {
            return false;
        };
        (mine.online.is_some() || mine.rejoined.is_some())
            && mine.accepted.is_none()
            && mine.messaged.is_none()
            && self.their_part().is_none_or(|it| it.online.is_none() && it.accepted.is_none())
    }

    /// The endpoint has to do something about the conference on this session.
    pub(super) fn promise(&self, rule: &'static Rule, proof: Proof) -> Option<Promise> {
        Some(self.promise_in(self.conference?, rule, proof))
    }

    /// The endpoint has to do something about a conference on this session.
    pub(super) fn promise_in(
        &self,
        conference: Conference,
        rule: &'static Rule,
        proof: Proof,
    ) -> Promise {
        let after = (!self.sent && self.packet.is_lossless())
            .then_some((self.packet.session, self.packet.number));
        Promise {
            rule,
            cause: self.packet.spot,
            conference,
            friend: self.friend,
            session: self.packet.session,
            about: None,
            message: None,
            proof,
            after,
            due: None,
            level: Level::Known,
            kept: Cell::new(false),
        }
    }
}

impl Promises {
    /// Adds one, if there is one.
    pub(super) fn add(&mut self, promise: Option<Promise>) {
        self.begun.extend(promise);
    }
}

/// Somebody by name and the beginning of the key: anybody can take any name.
pub(super) fn who(people: &BTreeMap<PublicKey, Endpoint>, key: &PublicKey) -> String {
    let mut text = String::new();
    if let Some(name) =
        people.get(key).and_then(|it| it.name.as_deref()).filter(|it| !it.is_empty())
    {
        let _ = write!(text, "{} ", printable(name).cut(NAME));
    }
    let _ = write!(text, "{}", Hex(key.0.get(..4).unwrap_or_default()));
    text
}

/// "frame 17", or "frame 17 of b.pcapng" when that is another file than the one of the packet.
pub(super) fn frame(here: &Packet<'_>, there: Spot) -> String {
    frame_in(here.files, here.spot, there)
}

/// The same, beside a spot rather than a packet. Files are given by their names.
pub(super) fn frame_in(files: &[String], here: Spot, there: Spot) -> String {
    let number = there.frame.number;
    if here.frame.file == there.frame.file {
        return format!("frame {number}");
    }
    match files.get(usize::from(there.frame.file)) {
        Some(file) => format!("frame {number} of {file}"),
        None => format!("frame {number} of file {}", u32::from(there.frame.file) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::finding::Frame;

    #[test]
    fn a_frame_of_another_file_is_given_with_its_name() {
        let spot = |file| Spot { frame: Frame { file, number: 7 }, ..Spot::default() };
        let files = ["a.pcapng".to_owned(), "b.pcapng".to_owned()];
        assert_eq!(frame_in(&files, spot(1), spot(1)), "frame 7");
        assert_eq!(frame_in(&files, spot(0), spot(1)), "frame 7 of b.pcapng");
    }
}
