//! How the members of a world come together in a conference, and whether they agree about it.

use std::collections::BTreeSet;

use super::{MemberId, Nanos, Observer, SECOND, World};
use crate::wire::{Conference, ConferenceType, PublicKey};

/// How often something is looked at that may take time.
const GLANCE: Nanos = SECOND / 2;
/// How often somebody is invited who does not come.
const INVITATIONS: usize = 30;

impl<O: Observer> World<O> {
    /// Lets time go on until something is so, looking every half second; says if it is by a moment.
    pub fn wait_until(&mut self, moment: Nanos, is_so: impl Fn(&Self) -> bool) -> bool {
        while !is_so(self) {
            if !self.glance(moment) {
                return false;
            }
        }
        true
    }

    /// Lets half a second pass, but not beyond a moment; says no if that has come.
    pub(super) fn glance(&mut self, moment: Nanos) -> bool {
        let passes = self.now() < moment;
        self.run_until(moment.min(self.now() + GLANCE));
        passes
    }

    /// The first member creates a conference; then whoever has a friend in it is invited, one by one.
    /// Nothing if not all are in it in the end.
    pub fn gather(&mut self, kind: ConferenceType, members: &[MemberId]) -> Option<Conference> {
        let (first, others) = members.split_first()?;
        self.run_for(2 * self.network().most_search + SECOND);
        let conference = self.create(*first, kind).ok()?;
        let mut inside = BTreeSet::from([*first]);
        while inside.len() < members.len() {
            let outside = others.iter().filter(|who| !inside.contains(who));
            let (friend, newcomer) = outside.into_iter().find_map(|who| {
                let mut friends = self.member(*who).friends();
                friends.find(|friend| inside.contains(friend)).map(|friend| (friend, *who))
            })?;
            if !self.admit(friend, newcomer, &conference) {
                return None;
            }
            inside.insert(newcomer);
        }
        Some(conference)
    }

    /// A member invites a friend, again and again until that is in.
    fn admit(&mut self, friend: MemberId, newcomer: MemberId, conference: &Conference) -> bool {
        (0..INVITATIONS).any(|_| {
            let invited = self.invite(friend, newcomer, conference).is_ok();
            let limit = self.now() + if invited { 30 * SECOND } else { SECOND };
            self.wait_until(limit, |world| {
                let group = world.group(newcomer, conference);
                group.is_some_and(|group| group.own_number().is_some())
            })
        })
    }

    /// Each of these members lists exactly these members as active.
    #[must_use]
    pub fn see_each_other(&self, conference: &Conference, members: &[MemberId]) -> bool {
        let keys: BTreeSet<PublicKey> =
            members.iter().map(|who| self.member(*who).real().public).collect();
        members.iter().all(|who| {
            self.group(*who, conference).is_some_and(|group| {
                group.active().len() == keys.len()
                    && group.active().iter().all(|peer| keys.contains(&peer.real_key))
            })
        })
    }

    /// Both have an online slot to the other.
    #[must_use]
    pub fn are_neighbours(&self, conference: &Conference, one: MemberId, other: MemberId) -> bool {
        let has_slot = |who: MemberId, other: MemberId| {
            let key = self.member(other).real().public;
            let group = self.group(who, conference);
            group.is_some_and(|it| it.slots().any(|slot| slot.online && slot.friend == key))
        };
        has_slot(one, other) && has_slot(other, one)
    }

    /// Slots that are online at both ends join all of these members, without others in between.
    #[must_use]
    pub fn is_whole(&self, conference: &Conference, members: &[MemberId]) -> bool {
        let Some(first) = members.first() else { return true };
        let mut reached = BTreeSet::from([*first]);
        let mut waiting = vec![*first];
        while let Some(who) = waiting.pop() {
            for other in members {
                if !reached.contains(other) && self.are_neighbours(conference, who, *other) {
                    reached.insert(*other);
                    waiting.push(*other);
                }
            }
        }
        reached.len() == members.len()
    }
}
