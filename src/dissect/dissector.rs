//! Capture events and keys in, records out.

use std::ops::ControlFlow;

use super::late::{Late, MoreKeys};
use super::opener::{Opener, Step};
use super::record::Record;
use super::recorder::Recorder;
use crate::capture::{Event, Piece};
use crate::crypto::{KeyRing, Sessions, Tally};

/// Turns the events of a capture, in their order, into records.
pub struct Dissector {
    pub(super) opener: Opener,
    pub(super) recorder: Recorder,
}

impl Dissector {
    /// With the keys to begin with. Key logs embedded in the capture's comments are used too, and so
    /// are its secrets blocks of `secrets_type`, if the user names one.
    #[must_use]
    pub fn new(ring: KeyRing, secrets_type: Option<u32>) -> Self {
        Self { opener: Opener::new(ring, secrets_type), recorder: Recorder::new() }
    }

    /// The same for a capture that is still being made: `keys` adds what key logs have got since it was
    /// asked last, and says whether that was anything. Packets that stay closed are remembered, and handed
    /// out again once a key or a handshake that came later opens them. Nothing is read ahead, so that no
    /// record is delayed.
    #[must_use]
    pub fn with_more_keys(mut self, keys: MoreKeys) -> Self {
        self.opener.late = Some(Late::new(keys));
        self
    }

    /// The sessions followed so far, and the keys.
    #[must_use]
    pub const fn sessions(&self) -> &Sessions {
        &self.opener.sessions
    }

    /// The sessions followed so far, to add keys while packets come in.
    pub const fn sessions_mut(&mut self) -> &mut Sessions {
        &mut self.opener.sessions
    }

    /// How often something about sessions or conferences was forgotten for want of room.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        let Opener { sessions, relays, .. } = &self.opener;
        sessions.forgotten() + relays.forgotten() + self.recorder.forgotten()
    }

    /// How the lines of key logs inside the capture were taken, if there were any.
    #[must_use]
    pub const fn embedded(&self) -> Option<&Tally> {
        self.opener.embedded.as_ref()
    }

    /// Takes the next event. Datagrams give a record; pieces of streams are for [`Self::piece`].
    #[inline]
    pub fn event<'a>(&'a mut self, event: Event<'a>) -> Option<Record<'a>> {
        if let Some(names) = self.opener.new_names() {
            self.recorder.name(names);
        }
        match event {
            Event::Datagram(datagram) => {
                let opened = self.opener.datagram(&datagram);
                Some(self.recorder.record(&datagram, &opened))
            }
            Event::Other { at, .. } => {
                self.recorder.frame(at);
                None
            }
            Event::Piece(_) => None,
            Event::Comment(_) | Event::Secrets { .. } => {
                self.opener.embed(&event);
                None
            }
        }
    }

    /// Takes the next piece of a stream, which may be one to a relay: then what is in it gives records.
    pub fn piece(&mut self, piece: &Piece<'_>, mut visit: impl FnMut(&Record<'_>)) {
        let Self { opener, recorder } = self;
        if let Some(names) = opener.new_names() {
            recorder.name(names);
        }
        for kept in opener.frames(piece) {
            let done = opener.again(&kept, true, &mut |step| {
                if let Step::Relayed(relayed) = step {
                    visit(&recorder.relayed(relayed));
                }
                ControlFlow::<()>::Continue(())
            });
            debug_assert!(done.is_continue());
        }
    }
}
