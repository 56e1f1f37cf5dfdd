//! What people do with their programs: friendships, ending, starting again.

use super::world::Pair;
use super::{MemberId, Observer, Program, World};
use crate::conference::{DropReason, Endpoint, Input, Request};

impl<O: Observer> World<O> {
    /// Two members become friends.
    pub fn befriend(&mut self, one: MemberId, other: MemberId) {
        self.add_friend(one, other);
        self.add_friend(other, one);
    }

    /// A member takes another for a friend. Only if both do, they find each other.
    pub fn add_friend(&mut self, who: MemberId, other: MemberId) {
        if who == other {
            return;
        }
        self.member_mut(who).friends.insert(other);
        let (pair, end) = Pair::of(who, other);
        self.link_mut(pair).side_mut(end).friend = true;
        let key = self.member(other).real.public;
        // Whoever does not run now will know when it starts.
        if self.request(who, Request::AddFriend(key)).is_ok() {
            self.want(who, other);
        }
    }

    /// A member removes another from its friends.
    ///
    /// # Errors
    ///
    /// Those of [`Self::request`].
    pub fn remove_friend(&mut self, who: MemberId, other: MemberId) -> Result<(), DropReason> {
        let key = self.member(other).real.public;
        self.request(who, Request::RemoveFriend(key))?;
        self.member_mut(who).friends.remove(&other);
        let (pair, end) = Pair::of(who, other);
        self.link_mut(pair).side_mut(end).friend = false;
        Ok(())
    }

    /// Whether a member accepts invitations as they come.
    pub fn set_accepts(&mut self, who: MemberId, accepts: bool) {
        self.member_mut(who).accepts = accepts;
    }

    /// A member gets a new DHT key while its program runs on.
    ///
    /// # Errors
    ///
    /// Those of [`Self::request`].
    pub fn change_dht_key(&mut self, who: MemberId) -> Result<(), DropReason> {
        let seals = self.member(who).real.secret.is_some();
        let dht = self.key_pair(seals);
        let public = dht.public;
        if self.member(who).is_running() {
            let Self { observer, members, .. } = self;
            if let Some(member) = members.get_mut(who.index()) {
                member.dht = dht;
                observer.keys(who, &member.real, &member.dht);
            }
        }
        self.request(who, Request::SetDhtKey(public))
    }

    /// The program of a member is stopped in the middle and does not know it.
    pub fn suspend(&mut self, who: MemberId) {
        let now = self.now;
        let member = self.member_mut(who);
        if member.is_running() {
            (member.program, member.stopped) = (Program::Suspended, now);
            self.go_quiet(who);
        }
    }

    /// The program of a member that was suspended runs on.
    pub fn resume(&mut self, who: MemberId) {
        if self.member(who).program == Program::Suspended {
            self.member_mut(who).program = Program::Running;
            self.wake(who);
            self.plan_tick(who);
        }
    }

    /// The program of a member ends as it should: it says goodbye and saves.
    ///
    /// # Errors
    ///
    /// Those of [`Self::request`].
    pub fn quit(&mut self, who: MemberId) -> Result<(), DropReason> {
        let quit = self.request(who, Request::ShutDown);
        let saved = self.request(who, Request::Save);
        self.end_all(who, true);
        self.member_mut(who).program = Program::Ended;
        quit.and(saved)
    }

    /// The program of a member ends without a word.
    pub fn crash(&mut self, who: MemberId) {
        self.end_all(who, false);
        self.member_mut(who).program = Program::Ended;
    }

    /// The program of a member saves its state.
    ///
    /// # Errors
    ///
    /// Those of [`Self::request`].
    pub fn save(&mut self, who: MemberId) -> Result<(), DropReason> {
        self.request(who, Request::Save)
    }

    /// The program of a member starts again, from the save with that number, or from nothing. Its
    /// friends it has kept, its DHT key is a new one.
    pub fn start(&mut self, who: MemberId, save: Option<usize>) {
        if self.member(who).program != Program::Ended {
            return;
        }
        let seals = self.member(who).real.secret.is_some();
        let dht = self.key_pair(seals);
        let now = self.now;
        let at = self.time_at(who);
        let member = self.member_mut(who);
        member.dht = dht;
        member.starts += 1;
        member.program = Program::Running;
        member.tick_at = None;
        let saved = save.and_then(|save| member.saves.get(save)).cloned();
        let from = save.filter(|_| saved.is_some());
        let name = saved.as_ref().map_or(member.endpoint.name(), |saved| &saved.name).to_vec();
        let (real, dht) = (member.real.public, member.dht.public);
        member.endpoint = Endpoint::new(member.profile.clone(), real, dht, &name);
        // So that it knows the time before it loads.
        member.endpoint.step(Input::Tick { at }, &mut member.dice);
        for friend in self.member(who).friends.clone() {
            self.add_friend(who, friend);
        }
        if let Some(saved) = saved {
            self.member_mut(who).endpoint.load(at, &saved.section, &saved.numbers);
        }
        let Self { observer, members, .. } = self;
        if let Some(member) = members.get(who.index()) {
            observer.keys(who, &member.real, &member.dht);
            observer.started(now, who, &member.endpoint, from);
        }
        self.search_all(who);
        self.plan_tick(who);
    }
}
