//! `L-RESP-OMITS`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-OMITS",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-081",
    says: "All peers that were heard of within a minute are listed.",
    cause: "a list that is cut, or peers that are frozen too early",
    known: "",
    needs: &[Need::Awake, Need::Whole],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

const ROOM: usize = 1369;
const ACTIVE: i64 = 55 * SECOND;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read() else { return };
    let Some(group) = at.group() else { return };
    let alone = at
        .my_part()
        .and_then(|part| part.responded)
        .is_none_or(|(spot, _)| at.now().nanos_since(spot.at) > SECOND / 10);
    if !alone || response.entries.len() + 67 + 128 > ROOM {
        return;
    }
    let listed: Vec<_> = response.peers().map(|entry| entry.real_key).collect();
    for (number, peer) in &group.peers {
        let Some(active) = peer.active.filter(|_| peer.froze.is_none()) else { continue };
        let ago = at.now().nanos_since(active);
        // It had a neighbour all the time, so that it did not freeze everybody at once.
        if (SECOND..ACTIVE).contains(&ago)
            && at.now().nanos_since(peer.since.at) > SECOND
            && !listed.contains(&peer.key)
            && at.handled(peer)
            && at.had_neighbour_since(active, None)
            && at.ran_since(active)
        {
            at.uses(peer.level);
            let who = at.who(&peer.key);
            let seconds = ago / SECOND;
            found.say(format!("does not list {who}, peer {number}, heard of {seconds} s ago"), &[]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| {
            let text = it.saying(b"she sleeps");
            let (bob, ann) = (it.packets[text].from, it.packets[text].to);
            let list = it.find(|p| p.kind() == Some(Kind::PeerResponse) && p.from == bob);
            let mut bytes = it.bytes(list).clone();
            drop_entry(&mut bytes, 0);
            let at = it.last_message(bob, ann, 60 * SECOND);
            it.say(at, 2 * SECOND, bytes);
        }),
        silent("rejoin", |it| {
            // Without cas, who is frozen by then.
            let text = it.saying(b"she sleeps");
            let (bob, ann) = (it.packets[text].from, it.packets[text].to);
            let list = it.find(|p| p.kind() == Some(Kind::PeerResponse) && p.from == bob);
            let mut bytes = it.bytes(list).clone();
            drop_entry(&mut bytes, 2);
            let at = it.last_message(bob, ann, 100 * SECOND);
            it.say(at, 2 * SECOND, bytes);
        }),
    ]
}
