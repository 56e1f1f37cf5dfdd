//! `L-FREEZE-EARLY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-FREEZE-EARLY",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-143",
    says: "A peer is frozen only after a minute without a sign of it.",
    cause: "a clock that jumps, or a shorter limit; members appear to leave and to come back",
    known: "",
    needs: &[Need::Awake, Need::Birth, Need::Whole],
    looks_at: REJOINS,
    check: Check::Sent(check),
};

const ACTIVE: i64 = 55 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(group) = at.group().filter(|_| at.packet.is(Kind::Rejoin)) else { return };
    let Some(peer) = group.numbers.get(&at.friend).and_then(|it| at.peer(*it)) else { return };
    let Some(active) = peer.active.filter(|_| peer.froze.is_none()) else { return };
    let ago = at.now().nanos_since(active);
    let omitted = group.omitted.get(&at.friend).filter(|spot| spot.at > active);
    if let Some(omitted) = omitted
        && (SECOND..ACTIVE).contains(&ago)
        && at.handled(peer)
        && at.had_neighbour_since(active, Some(at.friend))
        && at.ran_since(active)
    {
        let message = format!(
            "left {} out of a list in {} and sends it a Rejoin, though it heard of it {} s ago",
            at.friends_name(),
            frame(at.packet, *omitted),
            ago / SECOND
        );
        found.say(message, &[*omitted]);
    }
}

/// Ann sends bob a Rejoin, so long after all were there; before, she lists cas alone.
#[cfg(test)]
fn freeze(it: &mut crate::lint::testing::Traffic, later: i64) {
    let title = it.saying(b"tea at five");
    let (bob, ann) = (it.packets[title].from, it.packets[title].to);
    let list = it.find(|p| p.kind() == Some(Kind::PeerResponse) && p.from == ann);
    let mut bytes = it.bytes(list).clone();
    let Ok(wire::Packet::PeerResponse(response)) = wire::Packet::parse(&bytes) else {
        panic!("a list of peers")
    };
    let entry = response.peers().position(|entry| Some(entry.real_key) == bob);
    drop_entry(&mut bytes, entry.expect("bob is in it"));
    let online = it.first(Kind::Online);
    let rejoin = [&[0x64], &it.bytes(online)[3..]].concat();
    let last = it.last_message(ann, bob, it.since_start(it.packets[title].at) + 20 * MS);
    it.say(last, later - MS, bytes);
    it.say(last, later, rejoin);
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![fires("talk", |it| freeze(it, 3 * SECOND)), silent("talk", |it| freeze(it, SECOND / 2))]
}
