//! What is left of a finding when the capture has ended: what it does not show comes out only by then.

use std::collections::BTreeSet;

use super::{Endpoint, Group, View};
use crate::lint::finding::{Finding, Held};
use crate::lint::guard::Why;
use crate::lint::rule::{Class, Need};
use crate::wire::PublicKey;

impl View {
    /// The finding as far as it still holds, or why it does not. Some endpoints were seen only in part.
    pub(in crate::lint) fn released(
        &self,
        held: Held,
        in_part: &BTreeSet<PublicKey>,
    ) -> Result<Finding, Why> {
        let Held { finding, session, missing_at } = held;
        let Some(spot) = finding.spot else { return Ok(finding) };
        let endpoint = finding.endpoint.and_then(|key| self.people.get(&key));
        let (lost_since, missed) = match finding.rule.class {
            Class::Connection => {
                let link = self.links.peek(&session);
                (link.and_then(super::Link::lost_since), false)
            }
            Class::Endpoint => {
                if endpoint.is_some_and(|it| in_part.contains(&it.key)) {
                    return Err(Why::Elsewhere);
                }
                let lost_since =
                    endpoint.and_then(|it| it.losses.iter().map(|loss| loss.since).min());
                let until = missing_at.unwrap_or(spot.at);
                (lost_since, endpoint.is_some_and(|it| it.missed(spot.at, until)))
            }
            Class::Packet | Class::Save => return Ok(finding),
        };
        if missing_at.is_some() && missed {
            return Err(Why::Lost);
        }
        if finding.rule.needs.contains(&Need::Whole)
            && lost_since.is_some_and(|since| since <= spot.at)
        {
            return Err(Why::Lost);
        }
        Ok(finding)
    }

    /// The endpoints that have connections that the capture does not show, for all that is known by now.
    ///
    /// Whoever captures on one machine sees all that one says, and little of its neighbours: they know
    /// members that they have to be connected to, but no session between them was captured.
    pub(in crate::lint) fn seen_in_part(&self) -> BTreeSet<PublicKey> {
        let groups = self.people.values().flat_map(|endpoint| endpoint.groups.values());
        let peers = groups.flat_map(|group| group.peers.values());
        let heard = peers.filter(|peer| peer.heard.is_some()).map(|peer| peer.key);
        let met = self.people.values().filter(|it| !it.met.is_empty()).map(|it| it.key);
        let take_part: BTreeSet<_> = heard.chain(met).collect();
        let is_seen_in_part = |endpoint: &&Endpoint| {
            let unmet = |key: &PublicKey| !endpoint.met.contains(key) && take_part.contains(key);
            let lacks = |group: &Group| group.wanted(&endpoint.key).iter().any(unmet);
            endpoint.elsewhere.is_some() || endpoint.groups.values().any(lacks)
        };
        self.people.values().filter(is_seen_in_part).map(|endpoint| endpoint.key).collect()
    }
}
