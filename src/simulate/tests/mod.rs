//! Tests of worlds.

mod groups;
mod transport;

use super::{Gathering, MemberId, Nanos, Network, Observer, SECOND, Watch};
use crate::conference::{Endpoint, Input, Output, Profile};
use crate::wire::ConferenceType;

/// What every endpoint took in and gave out, by moment and member.
#[derive(Clone, Debug, Default, PartialEq)]
struct Trace(Vec<(Nanos, MemberId, String)>);

impl Trace {
    /// When the input of a member whose text contains `part` came.
    fn times(&self, who: MemberId, part: &str) -> Vec<Nanos> {
        let of = self.0.iter().filter(|(_, whose, what)| *whose == who && what.contains(part));
        of.map(|(at, ..)| *at).collect()
    }
}

impl Observer for Trace {
    fn after(
        &mut self,
        now: Nanos,
        who: MemberId,
        _: &Endpoint,
        input: &Input<'_>,
        outputs: &[Output],
    ) {
        self.0.push((now, who, format!("{input:?} {outputs:?}")));
    }
}

/// Friends of each other in one conference, in a calm network.
fn circle(profiles: &[Profile]) -> Gathering {
    let mut all = Gathering::strangers(7, Network::default(), Watch::closely(), profiles);
    for (place, one) in all.members.clone().into_iter().enumerate() {
        for other in all.members.clone().into_iter().take(place) {
            all.world.befriend(one, other);
        }
    }
    assert!(all.form(ConferenceType::TEXT));
    let members = all.members.clone();
    let limit = all.world.now() + 60 * SECOND;
    assert!(all.wait_until(limit, |all| all.see_each_other(&members) && all.is_whole(&members)));
    all
}

/// Ends a test: nothing was found that should not be.
fn assert_sound(all: &Gathering) {
    assert!(all.finding().is_none(), "{}", all.finding().unwrap());
}
