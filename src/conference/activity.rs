//! Pings, time-outs, freezing and thawing.

use super::group::{Context, Group};
use super::peers::Place;
use super::{Departure, Event, FREEZE_TIMEOUT, PING_INTERVAL, Peer, Seconds};
use crate::wire::{MessageBody, Ping};

impl Group {
    /// a peer shows that it is there. R-150: it thaws if it was frozen. Gives its place
    /// afterwards.
    pub(super) fn note_active(&mut self, cx: &mut Context<'_>, place: Place) -> Place {
        match place {
            Place::Active(_) => {
                if let Some(peer) = self.peers.get_mut(place) {
                    peer.last_active = cx.now;
                }
                place
            }
            Place::Frozen(_) => self.thaw(cx, place),
        }
    }

    ///
    fn thaw(&mut self, cx: &mut Context<'_>, place: Place) -> Place {
        let Some(mut peer) = self.peers.remove(place) else { return place };
        //
        peer.dht_key_updated = false;
        peer.last_active = cx.now;
        self.closest.offer(cx.profile.prefix, &cx.me.real_key, &peer);
        self.name_scheduled = true;
        self.next_time_out = self.next_time_out.min(cx.now + FREEZE_TIMEOUT);
        cx.event(Event::PeerJoined {
            group: self.number,
            peer: peer.number,
            real_key: peer.real_key,
            thawed: true,
        });
        let thawed = Place::Active(self.peers.active().len());
        self.peers.push_active(peer);
        thawed
    }

    /// R-230, 2: pings if 20 s have passed since the last ping that was sent.
    pub(super) fn ping_if_due(&mut self, cx: &mut Context<'_>) {
        if self.ping_due() <= cx.now {
            self.ping(cx);
        }
    }

    /// When the next ping is due; 0 before the first.
    #[must_use]
    pub fn ping_due(&self) -> Seconds {
        self.last_ping.map_or(0, |last| last.saturating_add(PING_INTERVAL))
    }

    /// Pings. Without an online slot nothing happens, so the next pass tries again.
    pub(super) fn ping(&mut self, cx: &mut Context<'_>) {
        if self.broadcast(cx, &MessageBody::Ping(Ping { trailing: &[] })).is_ok() {
            self.last_ping = Some(cx.now);
        }
    }

    /// R-230, 3: freezes everybody who was silent for 60 s, except ourselves.
    pub(super) fn freeze_timed_out(&mut self, cx: &mut Context<'_>) {
        if self.next_time_out <= cx.now {
            let mut index = 0;
            while let Some(peer) = self.peers.active().get(index) {
                let own = self.never_times_out(cx, peer);
                let due = peer.last_active.saturating_add(FREEZE_TIMEOUT) <= cx.now;
                if own || !due {
                    index += 1;
                    continue;
                }
                self.freeze(cx, index);
                // The last entry is here now; the original does not look at it in this pass.
                index += usize::from(cx.profile.time_out_skips);
            }
            self.next_time_out = self.first_time_out(cx);
        }
        if !cx.profile.freshness_at_once && self.peers.active().len() <= 1 {
            // R-094 as the original does it (D-052).
            self.title_fresh = false;
        }
    }

    /// it is our own entry. The original goes by the number here, and may find ourselves
    /// under another (B-05).
    fn never_times_out(&self, cx: &Context<'_>, peer: &Peer) -> bool {
        if cx.profile.own_entry_unprotected {
            self.own == Some(peer.number)
        } else {
            peer.real_key == cx.me.real_key
        }
    }

    /// When the first peer times out if it stays silent.
    fn first_time_out(&self, cx: &Context<'_>) -> Seconds {
        let others = self.peers.active().iter().filter(|peer| !self.never_times_out(cx, peer));
        let first = others.map(|peer| peer.last_active).min();
        first.map_or(Seconds::MAX, |first| first.saturating_add(FREEZE_TIMEOUT))
    }

    /// freezes an active peer. R-240: members of before 0.2.8 delete it.
    pub(super) fn freeze(&mut self, cx: &mut Context<'_>, index: usize) {
        if !cx.profile.freezes {
            self.take_active(cx, index, Departure::Deleted);
            return;
        }
        let Some(peer) = self.take_active(cx, index, Departure::Frozen) else { return };
        let key = peer.real_key;
        self.peers.push_frozen(peer);
        if cx.profile.rejoins_on_freezing {
            // R-161, D-036.
            self.send_rejoin(cx, &key);
        }
        self.evict(cx);
    }
}
