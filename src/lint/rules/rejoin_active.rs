//! `L-REJOIN-ACTIVE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-REJOIN-ACTIVE",
    severity: Severity::Warning,
    class: Class::Endpoint,
    cites: "R-160, R-161",
    says: "A Rejoin goes to frozen members only.",
    cause: "a member that is frozen too early, by another clock",
    known: "",
    needs: &[Need::Awake],
    looks_at: REJOINS,
    check: Check::Sent(check),
};

const ACTIVE: i64 = 55 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(group) = at.group().filter(|_| at.packet.is(Kind::Rejoin)) else { return };
    let Some(peer) = group.numbers.get(&at.friend).and_then(|it| at.peer(*it)) else { return };
    let Some(active) = peer.active.filter(|_| peer.froze.is_none()) else { return };
    let ago = at.now().nanos_since(active);
    if (SECOND..ACTIVE).contains(&ago)
        && at.link.started < active
        && at.handled(peer)
        && at.had_neighbour_since(active, Some(at.friend))
    {
        let (who, seconds) = (at.friends_name(), ago / SECOND);
        found.say(format!("a Rejoin to {who}, of whom it heard {seconds} s ago"), &[]);
    }
}

/// Ann sends a Rejoin to bob, so long after all were there.
#[cfg(test)]
fn rejoin_after(it: &mut crate::lint::testing::Traffic, later: i64) {
    let title = it.saying(b"tea at five");
    let (bob, ann) = (it.packets[title].from, it.packets[title].to);
    let online = it.first(Kind::Online);
    let bytes = [&[0x64], &it.bytes(online)[3..]].concat();
    let at = it.last_message(ann, bob, it.since_start(it.packets[title].at) + 20 * MS);
    it.say(at, later, bytes);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![fires("talk", |it| rejoin_after(it, 3 * SECOND)), silent("talk", |it| rejoin_after(it, 0))]
}
