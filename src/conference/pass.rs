//! One run of the main loop, and when the next one has something to do.

use super::endpoint::{Endpoint, seconds};
use super::group::{Context, Group};
use super::{DropReason, Profile, Seconds};
use crate::time::Timestamp;

impl Group {
    /// the order is part of the protocol. R-020: so this is what a new member does first.
    fn pass(&mut self, cx: &mut Context<'_>) {
        if self.own.is_none() {
            return;
        }
        self.connect_to_closest(cx);
        self.ping_if_due(cx);
        self.freeze_timed_out(cx);
        self.clean_slots(cx);
        self.send_scheduled_name(cx);
        self.forget_killed(cx);
    }

    /// When a pass has something to do; nothing while only packets can change that.
    fn next_due(&self, profile: &Profile, now: Seconds) -> Option<Seconds> {
        self.own?;
        let online = self.slots.any_online();
        let at_once = self.closest.is_changed()
            || self.closest.is_unserved() && self.slots.has_free()
            || self.name_scheduled && (online || profile.forgets_name)
            || self.needs_cleaning(profile.cleans_slots);
        if at_once {
            return Some(now);
        }
        let ping = if online { self.ping_due() } else { Seconds::MAX };
        let due = ping.min(self.next_time_out);
        if due == Seconds::MAX { None } else { Some(due.max(now)) }
    }
}

impl Endpoint {
    /// The end of a pass.
    pub(super) fn pass(&mut self) -> Result<(), DropReason> {
        let before = self.output.len();
        let (groups, mut cx) = self.split();
        for group in groups.iter_mut() {
            group.pass(&mut cx);
        }
        // B-15: whatever the pass did with a connection is done.
        cx.connections.release_idle(cx.out);
        if self.output.len() == before { Err(DropReason::NothingDue) } else { Ok(()) }
    }

    /// The second from which on a [`Tick`](super::Input::Tick) has something to do, judged from
    /// now; nothing if only other inputs can give it something. Never too late.
    #[must_use]
    pub fn next_due(&self) -> Option<Seconds> {
        if self.connections.has_idle() {
            return Some(self.now);
        }
        self.groups.iter().filter_map(|group| group.next_due(&self.profile, self.now)).min()
    }

    /// Whether a [`Tick`](super::Input::Tick) at this moment has something to do; yes when in doubt.
    #[must_use]
    pub fn is_due(&self, at: Timestamp) -> bool {
        self.next_due().is_some_and(|due| due <= seconds(at).max(self.now))
    }
}
