//! An endpoint that ends and starts again: another DHT key shows it.

use super::follower::{Follower, Teller};
use super::observation::{What, Why};
use super::people::Saved;
use crate::conference::{Endpoint, Input, Request};
use crate::time::Timestamp;
use crate::wire::PublicKey;

impl Follower {
    /// The endpoint starts again, with another DHT key, and from what it had saved: for all that is
    /// known, what it knew at last. How old the save is, its message numbers tell.
    pub(super) fn restart(&mut self, at: Timestamp, dht_key: PublicKey, teller: Teller<'_>) {
        let old = &self.machine;
        let section = old.save();
        let numbers: Vec<_> = old.groups().map(|group| group.number()).collect();
        let friends: Vec<_> = old
            .connections()
            .filter(|(_, connection)| connection.is_friend())
            .map(|(key, _)| *key)
            .collect();
        let name = old.name().to_vec();
        let mut machine = Endpoint::new(old.profile().clone(), self.key, dht_key, &name);
        let time = self.machine_time(at);
        for friend in friends {
            let request = Request::AddFriend(friend);
            let _ = machine.step(Input::Request { at: time, request }, &mut self.dice);
        }
        let _ = machine.load(time, &section, &numbers);
        self.machine = machine;
        self.forget_sessions();
        self.fed_at = self.fed_at.max(at);
        let groups: Vec<_> =
            self.machine.groups().map(|it| (it.number(), it.conference())).collect();
        for (number, conference) in groups {
            self.unknown_numbers.insert(number);
            self.reloaded.insert(conference);
            if !self.shut_down {
                // Nobody knows how old what it had saved was.
                self.doubt(conference, at, Why::StateUnknown, teller);
            }
        }
        self.ended_well = std::mem::take(&mut self.shut_down);
        self.tell(None, at, What::Restart, teller);
    }

    /// The endpoint starts from what it had saved.
    pub(super) fn load(&mut self, saved: &Saved) {
        let profile = self.machine.profile().clone();
        self.machine = Endpoint::new(profile, self.key, self.machine.dht_key(), &saved.name);
        let _ = self.machine.load(self.machine_time(self.fed_at), &saved.conferences, &[]);
        for group in self.machine.groups() {
            self.unknown_numbers.insert(group.number());
            self.reloaded.insert(group.conference());
        }
        self.loaded = true;
        // Whether it went on after that, its numbers tell.
        self.ended_well = true;
    }

    /// Nothing that was under way on the old sessions matters any more.
    fn forget_sessions(&mut self) {
        for wire in self.wires.values_mut() {
            wire.ended = true;
            wire.waiting.clear();
        }
        let old: Vec<_> = self.up.values().copied().collect();
        self.timeline.retain(|_, heard| !old.contains(&heard.session));
        self.parked.retain(|_, heard| !old.contains(&heard.session));
        self.up.clear();
        self.awaited = super::expected::Awaited::default();
        self.unseen_pings.clear();
        self.unknown_titles.clear();
        self.unknown_numbers.clear();
    }
}
