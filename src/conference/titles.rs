//! The title of a conference and its freshness.

use super::group::{Context, Group};
use super::{DropReason, Event};
use crate::wire::{MAX_TITLE_SIZE, MessageBody, PeerNumber, Title};

impl Group {
    /// the client sets the title.
    pub(super) fn set_title(
        &mut self,
        cx: &mut Context<'_>,
        title: &[u8],
    ) -> Result<(), DropReason> {
        match title.len() {
            0 => return Err(DropReason::Empty),
            1..=MAX_TITLE_SIZE => {}
            _ => return Err(DropReason::TooLong),
        }
        if self.title == title {
            return Err(DropReason::SameTitle);
        }
        // The original counts entries, whoever they are, and may not be among them (B-05).
        let alone = match cx.profile.own_entry_unprotected {
            true => self.peers.active().len() == 1,
            false => !self.has_others(),
        };
        if !alone {
            let sent = self.broadcast(cx, &MessageBody::Title(Title { title }));
            // B-22: the original keeps what it could not send.
            if sent.is_err() && !cx.profile.keeps_failed_title {
                return sent;
            }
            self.store_own_title(cx, title);
            return sent;
        }
        self.store_own_title(cx, title);
        Ok(())
    }

    fn store_own_title(&mut self, cx: &mut Context<'_>, title: &[u8]) {
        self.title = title.to_vec();
        if cx.profile.own_title_is_fresh {
            // D-051.
            self.title_fresh = self.has_others();
        }
        cx.event(Event::Titled { group: self.number, by: self.own, title: title.to_vec() });
    }

    /// takes a title over and marks it fresh.
    pub(super) fn take_title(
        &mut self,
        cx: &mut Context<'_>,
        by: Option<PeerNumber>,
        title: &[u8],
    ) {
        let equal = self.title == title;
        if !equal || cx.profile.equal_title_is_fresh {
            // R-095, D-053. R-094: fresh only while somebody else is there.
            self.title_fresh = self.has_others() || !cx.profile.freshness_at_once;
        }
        if !equal {
            self.title = title.to_vec();
            cx.event(Event::Titled { group: self.number, by, title: title.to_vec() });
        }
    }

    /// a neighbour tells the title. R-096: so after a split whose parts set one each, each
    /// keeps its own.
    pub(super) fn handle_title_response(
        &mut self,
        cx: &mut Context<'_>,
        title: &[u8],
    ) -> Result<(), DropReason> {
        if self.title_fresh && !cx.profile.title_response_always {
            return Err(DropReason::TitleFresh);
        }
        self.take_title(cx, None, title);
        Ok(())
    }

    /// the title is not fresh while nobody else is active. D-052: the original looks
    /// once per pass.
    pub(super) fn lose_freshness(&mut self, cx: &Context<'_>) {
        if cx.profile.freshness_at_once && !self.has_others() {
            self.title_fresh = false;
        }
    }
}
