//! Both sides next to each other: the same inputs, and whether the same followed.

use std::collections::BTreeMap;
use std::fmt;

use toxscope::conference::{
    DamageKind, DropReason, Endpoint, Event, Input, Output, Profile, Request,
};
use toxscope::time::Timestamp;
use toxscope::wire::{GroupNumber, MAX_NAME_SIZE, PeerNumber, PublicKey};

use crate::dice::StepDice;
use crate::original::{Identity, Listed, Original};
use crate::told::{Told, short};

/// Peer numbers that are looked at before an acceptance is given up.
const MOST_DRAWS: u32 = 33;

/// Where the two sides part ways, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement(pub String);

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Our machine and the original.
#[derive(Debug)]
pub struct Judge<'a> {
    ours: Endpoint,
    original: &'a mut Original,
    profile: Profile,
    identity: Identity,
    /// Who has which number, as far as ours told of active peers.
    listed: BTreeMap<(GroupNumber, PeerNumber), PublicKey>,
    /// What followed from the last input, on both sides.
    told: Vec<Told>,
    section: Vec<u8>,
}

impl<'a> Judge<'a> {
    /// Two endpoints that have just begun.
    #[must_use]
    pub fn new(
        original: &'a mut Original,
        profile: Profile,
        at: Timestamp,
        identity: Identity,
    ) -> Self {
        original.begin(seconds(at), &identity);
        let Identity { real_key, dht_key, name } = &identity;
        let ours = Endpoint::new(profile.clone(), *real_key, *dht_key, name);
        let (listed, told, section) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { ours, original, profile, identity, listed, told, section }
    }

    /// What followed from the last input on which the sides agree.
    #[must_use]
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// Our machine.
    #[must_use]
    pub const fn ours(&self) -> &Endpoint {
        &self.ours
    }

    /// Hands the same input to both.
    ///
    /// # Errors
    ///
    /// If different things followed, or the two are in different states now.
    pub fn handle(&mut self, input: &Input<'_>, dice: &StepDice) -> Result<(), Disagreement> {
        let mut ours_dice = dice.clone();
        self.ours.handle(input, &mut ours_dice);
        self.original.handle(input, dice.clone());
        let ours = self.ours_told(input);
        let theirs = without_passing(self.original.told());
        if ours != theirs {
            return Err(differing(&ours, &theirs));
        }
        if !self.original.changes_match() {
            return Err(Disagreement("a list of peers changed without a peer".to_owned()));
        }
        // before it gives up, the original draws once more than it looks at.
        let drawn = [ours_dice.drawn(), self.original.drawn().min(MOST_DRAWS)];
        if drawn[0] != drawn[1] {
            return Err(Disagreement(format!("values drawn by ours and the original: {drawn:?}")));
        }
        self.told = ours;
        self.compare_states()
    }

    /// Both end, cleanly or by a crash, and start again from the section that was saved before,
    /// or what became of it. Friends are known again; sessions are not there yet.
    ///
    /// # Errors
    ///
    /// As for [`Self::handle`].
    pub fn restart(
        &mut self,
        at: Timestamp,
        section: &[u8],
        clean: bool,
        dht_key: PublicKey,
    ) -> Result<(), Disagreement> {
        let friends = self.ours.connections().filter(|(_, it)| it.is_friend());
        let friends: Vec<_> = friends.map(|(key, _)| *key).collect();
        self.told.clear();
        if clean {
            let input = Input::Request { at, request: Request::ShutDown };
            self.ours.handle(&input, &mut StepDice::default());
            self.original.handle(&input, StepDice::default());
            let (ours, theirs) = (self.ours_told(&input), without_passing(self.original.told()));
            if ours != theirs {
                return Err(differing(&ours, &theirs));
            }
            self.told = ours;
        }
        self.identity.dht_key = dht_key;
        self.identity.name = self.ours.name().to_vec();
        self.original.begin(seconds(at), &self.identity);
        let Identity { real_key, dht_key, name } = &self.identity;
        self.ours = Endpoint::new(self.profile.clone(), *real_key, *dht_key, name);
        for friend in friends {
            let input = Input::Request { at, request: Request::AddFriend(friend) };
            self.ours.handle(&input, &mut StepDice::default());
            self.original.handle(&input, StepDice::default());
        }
        // D-060: wishes that the original cannot have.
        let numbers = [5, 3, 1, 0].map(GroupNumber);
        let loaded = self.ours.load(at, section, &numbers);
        let refused = loaded.damage.iter().any(|damage| damage.kind.stops_original());
        if !refused && loaded.damage.iter().any(|damage| is_kept(damage.kind)) {
            // B-06: the original takes it as it is, and we leave it out; neither has it now.
            return self.restart(at, &[], false, *dht_key);
        }
        let theirs = self.original.load(section);
        self.listed.clear();
        self.list_active();
        if theirs == refused {
            let text = format!("the original took the save: {theirs}; ours said {loaded:?}");
            return Err(Disagreement(text));
        }
        self.compare_states()
    }

    fn list_active(&mut self) {
        for group in self.ours.groups() {
            for peer in group.active() {
                self.listed.insert((group.number(), peer.number), peer.real_key);
            }
        }
    }

    /// What followed from our machine, in the words of both.
    ///
    /// Left out is what the original has no callback for: why packets are dropped, evictions,
    /// impersonations, and titles that the client set itself. Opened and closed conferences are
    /// compared as states.
    fn ours_told(&mut self, input: &Input<'_>) -> Vec<Told> {
        let request = match input {
            Input::Request {
                request: Request::AddFriend(_) | Request::RemoveFriend(_), ..
            } => None,
            Input::Request { request, .. } => Some(request),
            _ => None,
        };
        let own_title = matches!(request, Some(Request::SetTitle { .. }));
        let mut told = Vec::new();
        while let Some(output) = self.ours.poll_output() {
            match output {
                Output::Send { friend, bytes } => told.push(Told::Sent { to: friend, bytes }),
                Output::Open { friend, dht_key } => {
                    told.push(Told::Opened { key: friend, dht_key });
                }
                Output::Release { friend } => told.push(Told::Released { key: friend }),
                // The original takes a wish for what is so already.
                Output::Dropped(DropReason::SameTitle | DropReason::Unchanged) => {}
                Output::Dropped(_) if request.is_some() => told.push(Told::Refused),
                Output::Saved(_) | Output::Dropped(_) => {}
                Output::Event(event) => told.extend(self.event_told(event, own_title)),
            }
        }
        without_passing(told)
    }

    fn event_told(&mut self, event: Event, own_title: bool) -> Option<Told> {
        let key = |group, peer| {
            let nobody = PublicKey([0xff; 32]);
            self.listed.get(&(group, peer)).copied().unwrap_or(nobody)
        };
        Some(match event {
            Event::Invited { friend, invitation } => Told::Invited { friend, invitation },
            Event::Connected { group } => Told::Connected { group },
            Event::PeerJoined { group, peer, real_key, .. } => {
                self.listed.insert((group, peer), real_key);
                Told::Joined { group, key: real_key }
            }
            Event::PeerLeft { group, peer, real_key, .. } => {
                self.listed.remove(&(group, peer));
                Told::Left { group, key: real_key }
            }
            Event::Named { group, peer, name } => {
                Told::Named { group, key: key(group, peer), name }
            }
            Event::Titled { .. } if own_title => return None,
            Event::Titled { group, by, title } => {
                Told::Titled { group, by: by.map(|peer| key(group, peer)), title }
            }
            Event::Said { group, peer, action, text } => {
                Told::Said { group, key: key(group, peer), action, text }
            }
            Event::Heard { group, peer, sequence_number, opus } => {
                Told::Heard { group, key: key(group, peer), sequence_number, opus }
            }
            Event::Opened { group, .. } => {
                let group = self.ours.group(group)?;
                let own = group.active().first()?;
                self.listed.insert((group.number(), own.number), own.real_key);
                return None;
            }
            Event::Closed { group } => {
                self.listed.retain(|(listed, _), _| *listed != group);
                return None;
            }
            Event::Evicted { .. } | Event::Impersonated { .. } => return None,
        })
    }

    fn compare_states(&mut self) -> Result<(), Disagreement> {
        self.compare_links()?;
        self.compare_groups()?;
        let theirs = self.original.save(&mut self.section);
        let ours = self.ours.save();
        if ours != theirs {
            let at = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
            let text = format!(
                "saves differ: ours {} bytes, the original's {}, first at {at:?}\n  ours      {}\n  original  {}",
                ours.len(),
                theirs.len(),
                section_shown(&ours),
                section_shown(theirs),
            );
            return Err(Disagreement(text));
        }
        Ok(())
    }

    /// Friend connections: which there are, up or not, how many need them.
    fn compare_links(&self) -> Result<(), Disagreement> {
        let ours = || self.ours.connections();
        self.original.links(|links| {
            let mut ours = ours();
            loop {
                match (ours.next(), links.next()) {
                    (None, None) => return Ok(()),
                    (Some((key, ours)), Some(theirs)) => {
                        let users = ours.users() + u32::from(ours.is_friend());
                        let same = *key == theirs.key
                            && ours.is_up() == theirs.up
                            && ours.dht_key() == theirs.dht_key
                            && ours.is_friend() == theirs.friend
                            && users == theirs.locks + 1;
                        if !same {
                            return Err(Disagreement(format!(
                                "connections differ: ours {} {ours:?}, original {} {theirs:?}",
                                short(key),
                                short(&theirs.key)
                            )));
                        }
                    }
                    (Some((key, _)), None) => {
                        return Err(Disagreement(format!("only ours connects to {}", short(key))));
                    }
                    (None, Some(link)) => {
                        let key = short(&link.key);
                        return Err(Disagreement(format!("only the original connects to {key}")));
                    }
                }
            }
        })
    }

    fn compare_groups(&self) -> Result<(), Disagreement> {
        let theirs = self.original.groups();
        let numbers = || self.ours.groups().map(|group| u32::from(group.number().0));
        if !numbers().eq(theirs.iter().copied()) {
            let ours: Vec<_> = numbers().collect();
            return Err(Disagreement(format!("conferences: ours {ours:?}, original {theirs:?}")));
        }
        let mut room = [0; MAX_NAME_SIZE];
        for (group, number) in self.ours.groups().zip(theirs) {
            let differ = |what: &str, ours: &dyn fmt::Debug, theirs: &dyn fmt::Debug| {
                Err(Disagreement(format!(
                    "{what} of conference {number} differ:\n  ours      {ours:?}\n  original  {theirs:?}"
                )))
            };
            let conference = self.original.conference(number);
            if group.conference() != conference {
                return differ("ids", &group.conference(), &conference);
            }
            let title = self.original.title(number, &mut room);
            if group.title() != title {
                return differ("titles", &group.title(), &title);
            }
            let own_key = self.ours.real_key();
            for (frozen, peers) in [(false, group.active()), (true, group.frozen())] {
                let count = self.original.count(number, frozen);
                if peers.len() != count {
                    return differ("numbers of peers", &(frozen, peers.len()), &count);
                }
                for (index, peer) in peers.iter().enumerate() {
                    // In a save is all of this but for ourselves; while joining there is none.
                    let saved = group.own_number().is_some() && peer.real_key != own_key;
                    let mine = group.own_number() == Some(peer.number);
                    if mine && !frozen && !self.original.is_ours(number, index) {
                        return differ("own numbers", &group.own_number(), &index);
                    }
                    if saved {
                        continue;
                    }
                    let ours = Listed {
                        key: peer.real_key,
                        name: &peer.name,
                        last_active: frozen.then_some(peer.last_active),
                    };
                    let theirs = self.original.peer(number, index, frozen, &mut room);
                    if ours != theirs {
                        return differ("peers", &(frozen, index, ours), &theirs);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What the original loads as if nothing were wrong, and ours leaves out (docs/divergences.md).
const fn is_kept(kind: DamageKind) -> bool {
    matches!(
        kind,
        DamageKind::UnknownType(_)
            | DamageKind::DuplicateConference
            | DamageKind::DuplicateNumber(_)
            | DamageKind::DuplicateKey
    )
}

/// Whole seconds.
fn seconds(at: Timestamp) -> u64 {
    at.as_nanos().max(0).unsigned_abs() / 1_000_000_000
}

/// Without friend connections that ended as soon as they were started, with nothing in between:
/// the original starts one before it looks for a free slot. Nobody else can see that.
fn without_passing(told: Vec<Told>) -> Vec<Told> {
    let mut kept: Vec<Told> = Vec::with_capacity(told.len());
    for told in told {
        if let (Some(Told::Opened { key: opened, .. }), Told::Released { key }) =
            (kept.last(), &told)
            && opened == key
        {
            kept.pop();
        } else {
            kept.push(told);
        }
    }
    kept
}

fn differing(ours: &[Told], theirs: &[Told]) -> Disagreement {
    let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
    let list = |told: &[Told]| {
        let rest = told.iter().skip(same).take(5);
        rest.map(|told| format!("\n    {told:?}")).collect::<String>()
    };
    Disagreement(format!(
        "{same} outputs agree, of {} and {}; then ours{}\n  and the original{}",
        ours.len(),
        theirs.len(),
        list(ours),
        list(theirs)
    ))
}

fn section_shown(section: &[u8]) -> String {
    let parsed = toxscope::conference::Section::parse(section);
    let mut text = String::new();
    for conference in parsed.conferences {
        text.push_str(&format!(
            "[{} {} {} {}:",
            conference.conference.kind.0,
            conference.message_number,
            conference.lossy_number,
            conference.own_number
        ));
        for peer in conference.peers.iter() {
            let (key, dht) = (short(&peer.real_key), short(&peer.dht_key));
            text.push_str(&format!(" {}={key}/{dht}@{}", peer.number, peer.last_active));
        }
        text.push(']');
    }
    text
}
