//! Keys that come later than their packets, as in a capture that is still being made.
//!
//! Nothing is read ahead then, so that no record is delayed: a packet that stays closed is given closed. It is
//! remembered, too, and given again once a key or a handshake that came later opens it.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::opener::{Inside, Kept, Opener, Step};
use crate::capture::{Follows, Piece};
use crate::crypto::{KeyRing, Opened, Sealed, Seen};

/// The secrets type of an empty Decryption Secrets Block that a live source sends ever so often: it says that
/// time has passed.
pub const TICK: u32 = 0x746f_786b;

/// Adds to a ring what key logs have got since the last time; whether that was anything.
pub type MoreKeys = Box<dyn FnMut(&mut KeyRing) -> bool + Send>;

/// How many closed packets are remembered, how many bytes of them, and for how long, in nanoseconds of
/// capture time. Those that have waited longest are given up first.
const WAITING: usize = 16_384;
const WAITING_BYTES: usize = 16 << 20;
const PATIENCE: i64 = 60_000_000_000;

/// Packets that stayed closed, and what may open them.
pub(super) struct Late {
    keys: MoreKeys,
    waiting: VecDeque<(Kept, Sealed)>,
    bytes: usize,
    /// Whether a handshake was opened since all packets were tried.
    has_handshake: bool,
}

impl Late {
    pub(super) fn new(keys: MoreKeys) -> Self {
        Self { keys, waiting: VecDeque::new(), bytes: 0, has_handshake: false }
    }

    fn keep(&mut self, kept: Kept, why: Sealed) {
        let at = kept.at;
        self.bytes += kept.bytes.len();
        self.waiting.push_back((kept, why));
        while self.waiting.len() > WAITING
            || self.bytes > WAITING_BYTES
            || self.waiting.front().is_some_and(|(first, _)| at.nanos_since(first.at) > PATIENCE)
        {
            let Some((first, _)) = self.waiting.pop_front() else { return };
            self.bytes -= first.bytes.len();
        }
    }
}

/// Whether to try again later what stays closed now: when handshakes were looked for, or else, with `late`, when
/// there are more keys.
#[inline]
pub(super) fn waits(late: Option<&mut Late>, opened: &Opened<'_>) -> bool {
    let Some(late) = late else { return opened.may_open_later };
    late.has_handshake |= matches!(opened.seen, Seen::Handshake(Ok(open)) if open.is_new);
    why_closed(&opened.seen).is_some()
}

/// Why it stays closed, if a key or a handshake could open it that is still to come.
fn why_closed(seen: &Seen<'_>) -> Option<Sealed> {
    let why = match seen {
        Seen::CookieRequest(opened) => opened.err(),
        Seen::CookieResponse(opened) => opened.err(),
        Seen::Handshake(opened) => opened.err(),
        Seen::Data(opened) => opened.err(),
        Seen::Other => None,
    };
    why.filter(|why| !matches!(why, Sealed::BadLength | Sealed::Truncated | Sealed::Empty))
}

impl Opener {
    /// A client has the key to a relay before it connects to it; what follows is not tried again.
    pub(super) fn ask_for_keys(&mut self, piece: &Piece<'_>) {
        if let (Some(late), Follows::Start) = (&mut self.late, piece.follows) {
            (late.keys)(self.sessions.ring_mut());
        }
    }

    /// Gives what stayed closed: opened if its key is there by now, and else closed, to wait for it.
    pub(super) fn keep_late<B>(
        &mut self,
        kept: Kept,
        give: &mut impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(late) = &mut self.late {
            // The key was logged before the packet was sent, as a rule.
            (late.keys)(self.sessions.ring_mut());
        }
        let mut closed = None;
        self.again(&kept, true, &mut |step| {
            closed = opened_in(&step).and_then(|opened| why_closed(&opened.seen));
            give(step)
        })?;
        if let (Some(late), Some(why)) = (&mut self.late, closed) {
            late.keep(kept, why);
        }
        ControlFlow::Continue(())
    }

    /// Time has passed: gives again what was given closed and can be opened now.
    ///
    /// Only then, and not at each new key: whoever makes a client derive many cannot have all that waits tried
    /// each time.
    pub(super) fn try_late<B>(
        &mut self,
        give: &mut impl FnMut(Step<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(late) = &mut self.late else { return ControlFlow::Continue(()) };
        let has_keys = (late.keys)(self.sessions.ring_mut());
        if !has_keys && !late.has_handshake {
            return ControlFlow::Continue(());
        }
        late.has_handshake = false;
        for (kept, why) in std::mem::take(&mut late.waiting) {
            let stays = self.again(&kept, false, &mut |step| {
                if opened_in(&step).is_some() {
                    give(Step::Late(why))?;
                }
                give(step)
            })?;
            if let Some(late) = &mut self.late {
                if stays {
                    late.waiting.push_back((kept, why));
                } else {
                    late.bytes -= kept.bytes.len();
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a step opened, if it is one that may wait.
fn opened_in<'a>(step: &Step<'a>) -> Option<&'a Opened<'a>> {
    match step {
        Step::Datagram(_, opened) => Some(opened),
        Step::Relayed(relayed) => match relayed.inside {
            Inside::PassedOn(opened) => Some(opened),
            Inside::Handshake(_) | Inside::Answer(_) | Inside::Packet(_) => None,
        },
        Step::Names(_) | Step::NotUdp { .. } | Step::Late(_) | Step::Pause => None,
    }
}
