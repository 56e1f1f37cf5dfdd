//! What happens in a simulated world that bytes drive, whoever watches it.

use super::machine::Decisions;
use crate::simulate::{MILLISECOND, MemberId, Nanos, Observer, Quality, World};

/// Time passes: so many of a unit.
pub(super) fn wait<O: Observer>(world: &mut World<O>, decisions: &mut Decisions<'_>, unit: Nanos) {
    let wait = Nanos::from(decisions.byte());
    world.run_for(wait * unit);
}

/// How a network treats packets: up to a third get lost.
pub(super) fn quality(decisions: &mut Decisions<'_>) -> Quality {
    let [loss, delay] = [decisions.byte(), decisions.byte()].map(u32::from);
    let least_delay = Nanos::from(delay) * MILLISECOND;
    let most_delay = least_delay + Nanos::from(delay) * 4 * MILLISECOND;
    Quality { least_delay, most_delay, loss: loss * 1300, duplication: loss * 400 }
}

/// A program starts from what it saved last, and saves: from the same save again, it would repeat its
/// numbers (G-017).
pub(super) fn start_again<O: Observer>(world: &mut World<O>, who: MemberId) {
    let last = world.member(who).saves().len().checked_sub(1);
    world.start(who, last);
    let _ = world.save(who);
}

/// A program ends without a word; one that was never saved would forget the conference.
pub(super) fn crash<O: Observer>(world: &mut World<O>, who: MemberId) {
    let _ = world.save(who);
    world.crash(who);
}
