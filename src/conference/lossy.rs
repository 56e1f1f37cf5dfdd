//! Lossy messages: the window of numbers, and to whom they go.

use super::group::{Context, Group};
use super::peers::Place;
use super::slots::Reasons;
use super::{DropReason, Event, MAX_TEXT_SIZE, Slot};
use crate::wire::{GroupNumber, Lossy, LossyBody, LossyNumber, PeerNumber, PublicKey};

/// How many numbers the window holds.
const WINDOW: u16 = 256;
/// How far from the bottom of the window a number still counts as new.
const NEW_UP_TO: u16 = 1 << 15;

/// the last 256 lossy numbers of one author.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LossyWindow {
    top: Option<u16>,
    /// One bit for each number, by its remainder modulo 256.
    seen: [u64; 4],
}

impl LossyWindow {
    fn mark(&mut self, number: u16, seen: bool) {
        let bit = 1 << (number % 64);
        if let Some(word) = self.seen.get_mut(usize::from(number % WINDOW / 64)) {
            *word = if seen { *word | bit } else { *word & !bit };
        }
    }

    fn is_marked(&self, number: u16) -> bool {
        let word = self.seen.get(usize::from(number % WINDOW / 64));
        word.is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    /// Takes a number that is new, or says why not.
    pub(super) fn accept(&mut self, number: u16) -> Result<(), DropReason> {
        let Some(top) = self.top else {
            self.top = Some(number);
            self.mark(number, true);
            return Ok(());
        };
        let bottom = top.wrapping_sub(WINDOW - 1);
        let from_bottom = number.wrapping_sub(bottom);
        if from_bottom < WINDOW {
            if self.is_marked(number) {
                return Err(DropReason::AlreadySeen);
            }
            self.mark(number, true);
            return Ok(());
        }
        if from_bottom > NEW_UP_TO {
            return Err(DropReason::TooOld);
        }
        let jump = number.wrapping_sub(top);
        if jump >= WINDOW {
            self.seen = [0; 4];
        } else {
            (0..jump).for_each(|passed| self.mark(bottom.wrapping_add(passed), false));
        }
        self.top = Some(number);
        self.mark(number, true);
        Ok(())
    }
}

impl Group {
    /// one packet of audio of our own. The number is used only if a copy was sent.
    pub(super) fn send_audio(
        &mut self,
        cx: &mut Context<'_>,
        sequence_number: u16,
        opus: &[u8],
    ) -> Result<(), DropReason> {
        let own = self.lossy_own(cx).ok_or(DropReason::StillJoining)?;
        if !self.has_audio() {
            return Err(DropReason::NotForText);
        }
        match opus.len() {
            0 => return Err(DropReason::Empty),
            1..=MAX_TEXT_SIZE => {}
            _ => return Err(DropReason::TooLong),
        }
        let lossy = Lossy {
            group_number: GroupNumber(0),
            peer_number: own,
            message_number: LossyNumber(self.lossy_number),
            body: LossyBody::Audio { sequence_number, opus },
        };
        let mut bytes = Vec::new();
        lossy.emit(&mut bytes);
        if self.forward(cx, &bytes, None) == 0 {
            return Err(DropReason::NoOnlineSlot);
        }
        self.lossy_number = self.lossy_number.wrapping_add(1);
        Ok(())
    }

    /// A lossy message came.
    pub(super) fn handle_lossy(
        &mut self,
        cx: &mut Context<'_>,
        from: &PublicKey,
        lossy: &Lossy<'_>,
        bytes: &[u8],
    ) -> Result<(), DropReason> {
        if !self.has_audio() {
            //
            return Err(DropReason::NotForText);
        }
        self.slots.find(from).ok_or(DropReason::NoSlot)?;
        //
        if self.lossy_own(cx) == Some(lossy.peer_number) {
            return Err(DropReason::OwnLossy);
        }
        let place = self.peers.find(lossy.peer_number).ok_or(DropReason::UnknownAuthor)?;
        if let Place::Frozen(_) = place {
            // D-014: no thaw.
            return Err(DropReason::AuthorFrozen);
        }
        let peer = self.peers.get_mut(place).ok_or(DropReason::UnknownAuthor)?;
        peer.lossy.accept(lossy.message_number.0)?;
        // before anybody looks at what it says.
        self.forward(cx, bytes, Some(from));
        match lossy.body {
            //
            LossyBody::Audio { sequence_number, opus } if !opus.is_empty() => {
                cx.event(Event::Heard {
                    group: self.number,
                    peer: lossy.peer_number,
                    sequence_number,
                    opus: opus.to_vec(),
                });
                Ok(())
            }
            LossyBody::Audio { .. } | LossyBody::AudioCut(_) => Err(DropReason::Empty),
            LossyBody::Unknown { .. } => Err(DropReason::UnknownKind),
        }
    }

    /// Our own number. B-21: while joining, the original is peer 0, who hears nothing from the
    /// founder and speaks in its name.
    fn lossy_own(&self, cx: &Context<'_>) -> Option<PeerNumber> {
        self.own.or(cx.profile.own_number_reads_0.then_some(PeerNumber(0)))
    }

    /// to every online slot that is not CLOSEST, and to the nearest of those on either
    /// side; gives the number of copies.
    fn forward(&self, cx: &mut Context<'_>, bytes: &[u8], source: Option<&PublicKey>) -> usize {
        let others = || self.slots.online().filter(|slot| Some(&slot.friend) != source);
        let closest = |slot: &&Slot| slot.reasons.contains(Reasons::CLOSEST);
        let mut copies = 0;
        let mut send = |friend: PublicKey, number: GroupNumber| {
            let Some((id, rest)) = bytes.split_first() else { return };
            let Some((_, rest)) = rest.split_first_chunk::<2>() else { return };
            let copy = [&[*id], &number.0.to_be_bytes()[..], rest].concat();
            cx.out.push_back(super::Output::Send { friend, bytes: copy });
            copies += 1;
        };
        let target = |slot: &Slot| (slot.friend, slot.group_number.unwrap_or(GroupNumber(0)));
        for (friend, number) in others().filter(|slot| !closest(slot)).map(target) {
            send(friend, number);
        }
        let own = &cx.me.real_key;
        let prefix = cx.profile.prefix;
        let left = others().filter(closest).min_by_key(|slot| prefix.distance(own, &slot.friend));
        let Some(left) = left else { return copies };
        let right = if cx.profile.lossy_to_slot_0 {
            // B-04: the original never finds it, and is left with place 0, whatever is there or
            // was. What it does with a session that is not there is nothing that we could do.
            let is_left = self.slots.get(0) == Some(left);
            let record = self.slots.record_0().filter(|_| !is_left);
            record.filter(|(friend, _)| cx.connections.is_up(friend))
        } else {
            let right = others().filter(closest);
            let right = right.min_by_key(|slot| prefix.distance(&slot.friend, own));
            right.filter(|right| right.friend != left.friend).map(target)
        };
        for (friend, number) in [Some(target(left)), right].into_iter().flatten() {
            send(friend, number);
        }
        copies
    }
}
