//! Slots: the connections of a conference and why they exist.

use std::fmt;

use super::group::{Context, Group};
use super::{DropReason, MAX_SLOTS, Profile, Seconds};
use crate::wire::{GroupNumber, Packet, PeerIntroduced, PublicKey};

/// why a slot exists; it does not without a reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reasons(u8);

impl Reasons {
    /// The peer is one of the closest.
    pub const CLOSEST: Self = Self(1);
    /// We introduce the peer to the conference.
    pub const INTRODUCING: Self = Self(2);
    /// The peer introduces us.
    pub const INTRODUCER: Self = Self(4);

    /// No reason.
    pub const NONE: Self = Self(0);

    /// All of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These but not `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// There is no reason.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (Self::CLOSEST, "CLOSEST"),
            (Self::INTRODUCING, "INTRODUCING"),
            (Self::INTRODUCER, "INTRODUCER"),
        ];
        let names = all.iter().filter(|(reason, _)| self.contains(*reason));
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { "NONE" } else { "" })?;
        f.write_str(&names.join("+"))
    }
}

/// One connection of a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The real key at the other side.
    pub friend: PublicKey,
    /// Online; otherwise connecting.
    pub online: bool,
    /// Why it exists.
    pub reasons: Reasons,
    /// Index of the conference at the other side, as it last told.
    pub group_number: Option<GroupNumber>,
    /// When an Online was last sent on it.
    pub(super) online_sent: Option<Seconds>,
}

/// the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Slots {
    slots: [Option<Slot>; MAX_SLOTS],
    /// What the original's record in each place says, where a profile reads it (B-04).
    records: Option<Box<[Record; MAX_SLOTS]>>,
}

/// What stays in a place after its slot is gone: the last friend connection, and the last number
/// that any slot in this place had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Record {
    friend: Option<PublicKey>,
    group_number: Option<GroupNumber>,
}

/// Slots that cleaning keeps free.
const KEPT_FREE: usize = 2;

impl Slots {
    pub(super) fn new(profile: &Profile) -> Self {
        let records = profile.lossy_to_slot_0.then(Box::default);
        Self { slots: [None; MAX_SLOTS], records }
    }

    fn record_mut(&mut self, index: usize) -> Option<&mut Record> {
        self.records.as_mut()?.get_mut(index)
    }

    /// B-04: friend and group number in place 0, whether there is a slot, was one, or neither.
    pub(super) fn record_0(&self) -> Option<(PublicKey, GroupNumber)> {
        let record = self.records.as_ref()?.first()?;
        Some((record.friend?, record.group_number.unwrap_or(GroupNumber(0))))
    }

    pub(super) fn get(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Slot> {
        self.slots.get_mut(index)?.as_mut()
    }

    pub(super) fn take(&mut self, index: usize) -> Option<Slot> {
        self.slots.get_mut(index)?.take()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// Index of the slot on a friend connection; there is at most one.
    pub(super) fn find(&self, friend: &PublicKey) -> Option<usize> {
        self.slots.iter().position(|slot| slot.as_ref().is_some_and(|slot| slot.friend == *friend))
    }

    pub(super) fn has_free(&self) -> bool {
        self.slots.iter().any(Option::is_none)
    }

    pub(super) fn free(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_none()).count()
    }

    pub(super) fn online(&self) -> impl Iterator<Item = &Slot> {
        self.iter().filter(|slot| slot.online)
    }

    pub(super) fn any_online(&self) -> bool {
        self.online().next().is_some()
    }

    /// R-058, afterwards: used slots go to the front.
    fn squash(&mut self) {
        let mut used = 0;
        for index in 0..MAX_SLOTS {
            if self.slots.get(index).is_some_and(Option::is_some) {
                self.slots.swap(used, index);
                if let Some(records) = &mut self.records {
                    records.copy_within(index..=index, used);
                }
                used += 1;
            }
        }
    }

    fn is_squashed(&self) -> bool {
        self.slots.is_sorted_by_key(Option::is_none)
    }
}

impl Group {
    /// adds a reason to the slot on a friend connection that exists; makes a slot if
    /// there is none, and returns its index. Nothing happens if all are in use.
    pub(super) fn add_slot(
        &mut self,
        cx: &mut Context<'_>,
        friend: &PublicKey,
        reason: Reasons,
    ) -> Option<usize> {
        let index = match self.slots.find(friend) {
            Some(index) => index,
            None => {
                let free = self.slots.slots.iter().rposition(Option::is_none)?;
                let slot = Slot {
                    friend: *friend,
                    online: false,
                    reasons: Reasons::NONE,
                    group_number: None,
                    online_sent: None,
                };
                *self.slots.slots.get_mut(free)? = Some(slot);
                if let Some(record) = self.slots.record_mut(free) {
                    record.friend = Some(*friend);
                }
                // a slot keeps its friend connection alive.
                cx.connections.lock(friend);
                free
            }
        };
        let slot = self.slots.get_mut(index)?;
        slot.reasons = slot.reasons.with(reason);
        Some(index)
    }

    /// Brings a slot online at once, under a number just learned.
    pub(super) fn set_online(&mut self, index: usize, number: GroupNumber) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.online = true;
            slot.group_number = Some(number);
        }
        if let Some(record) = self.slots.record_mut(index) {
            record.group_number = Some(number);
        }
    }

    /// Drops a slot without any packet (R-053: invisible unless the connection ends with it).
    pub(super) fn drop_slot(&mut self, cx: &mut Context<'_>, index: usize) {
        if let Some(slot) = self.slots.take(index) {
            cx.connections.unlock(&slot.friend, cx.profile, cx.out);
        }
    }

    /// Drops the slot of a peer, if it has one.
    pub(super) fn drop_slot_of(&mut self, cx: &mut Context<'_>, friend: &PublicKey) {
        if let Some(index) = self.slots.find(friend) {
            self.drop_slot(cx, index);
        }
    }

    /// takes a reason from a slot, which is dropped with its last one.
    pub(super) fn remove_reason(&mut self, cx: &mut Context<'_>, index: usize, reason: Reasons) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        if !slot.reasons.contains(reason) {
            return;
        }
        slot.reasons = slot.reasons.without(reason);
        let left = slot.reasons;
        if reason == Reasons::INTRODUCER {
            self.send_introduced(cx, index);
        }
        if left.is_empty() {
            self.drop_slot(cx, index);
        }
    }

    /// Sends Introduced, if the slot is online. D-037: old releases did not ask.
    fn send_introduced(&self, cx: &mut Context<'_>, index: usize) {
        let Some(slot) = self.slots.get(index) else { return };
        if slot.online || !cx.profile.direct_when_online_only {
            let group_number = slot.group_number.unwrap_or(GroupNumber(0));
            cx.send(
                &slot.friend,
                &Packet::PeerIntroduced(PeerIntroduced { group_number, trailing: &[] }),
            );
        }
    }

    /// the peer at the other side needs us no longer to introduce it.
    pub(super) fn handle_introduced(
        &mut self,
        cx: &mut Context<'_>,
        index: usize,
    ) -> Result<(), DropReason> {
        let slot = self.slots.get(index).ok_or(DropReason::NoSlot)?;
        if !cx.profile.introduced_keeps_slot {
            // before 0.2.8 it ended the connection, unless to a closest peer (D-022).
            if slot.reasons.contains(Reasons::CLOSEST) {
                return Err(DropReason::NotIntroducing);
            }
            self.drop_slot(cx, index);
            return Ok(());
        }
        if !slot.reasons.contains(Reasons::INTRODUCING) {
            return Err(DropReason::NotIntroducing);
        }
        self.remove_reason(cx, index, Reasons::INTRODUCING);
        Ok(())
    }

    /// a message of `author` came through another slot than its own, so it has
    /// introduced us, if we have connections enough.
    pub(super) fn release_introducer(
        &mut self,
        cx: &mut Context<'_>,
        author: &PublicKey,
        from: usize,
    ) {
        let introducer = |slot: &Slot| slot.reasons.contains(Reasons::INTRODUCER);
        if !self.slots.iter().any(introducer)
            || self.slots.online().count() <= cx.profile.introducer_threshold
        {
            return;
        }
        let Some(index) = self.slots.find(author) else { return };
        if index != from && self.slots.get(index).is_some_and(introducer) {
            self.remove_reason(cx, index, Reasons::INTRODUCER);
        }
    }

    /// R-230, 4: keeps two slots free (R-058, D-046).
    pub(super) fn clean_slots(&mut self, cx: &mut Context<'_>) {
        if !cx.profile.cleans_slots {
            return;
        }
        while self.slots.free() < KEPT_FREE {
            let distant = |online: bool| {
                self.slots.slots.iter().position(|slot| {
                    slot.as_ref().is_some_and(|slot| {
                        slot.online == online && !slot.reasons.contains(Reasons::CLOSEST)
                    })
                })
            };
            let Some(index) = distant(false).or_else(|| distant(true)) else { break };
            let slot = self.slots.get(index);
            // D-046; B-24: the original says nothing.
            if !cx.profile.cleans_silently
                && slot
                    .is_some_and(|slot| slot.online && slot.reasons.contains(Reasons::INTRODUCER))
            {
                self.send_introduced(cx, index);
            }
            self.drop_slot(cx, index);
        }
        self.slots.squash();
    }

    /// Cleaning has something to do.
    pub(super) fn needs_cleaning(&self, cleans: bool) -> bool {
        cleans && (self.slots.free() < KEPT_FREE || !self.slots.is_squashed())
    }
}
