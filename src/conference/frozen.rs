//! The limit of the frozen list.

use std::cmp::Reverse;

use super::group::{Context, Group};
use super::{DropReason, Event};

impl Group {
    /// forgets frozen peers above the limit: friends are kept before others, then who was
    /// active last.
    pub(super) fn evict(&mut self, cx: &mut Context<'_>) {
        let limit = self.frozen_limit as usize;
        if self.peers.frozen().len() <= limit {
            return;
        }
        let evicted = self.peers.evict_frozen(limit, |peer| {
            // as it is now; the original remembers what it was (B-13).
            let friend = match cx.profile.stale_friend_flag {
                true => peer.was_friend,
                false => cx.connections.is_friend(&peer.real_key),
            };
            (Reverse(friend), Reverse(peer.last_active))
        });
        for peer in evicted {
            if !cx.profile.evicted_keeps_slot {
                // B-23: its messages would be from an unknown author.
                self.drop_slot_of(cx, &peer.real_key);
            }
            cx.event(Event::Evicted {
                group: self.number,
                peer: peer.number,
                real_key: peer.real_key,
            });
        }
    }

    /// the client changes the limit, which takes effect at once.
    pub(super) fn set_frozen_limit(
        &mut self,
        cx: &mut Context<'_>,
        limit: u32,
    ) -> Result<(), DropReason> {
        if self.frozen_limit == limit {
            return Err(DropReason::Unchanged);
        }
        self.frozen_limit = limit;
        self.evict(cx);
        Ok(())
    }
}
