//! `L-RESP-NOSELF`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-NOSELF",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-081",
    says: "A member that answers lists itself, too.",
    cause: "its own entry was removed by somebody else's message; it is mute from then on",
    known: "every version since 0.2.9 (B-05)",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

const ROOM: usize = 1369;

fn check(at: &At<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read() else { return };
    let Some(group) = at.group().filter(|group| !group.joining) else { return };
    if at.own().is_none() || response.entries.is_empty() {
        return;
    }
    // A whole answer: there is room for one more, and none before it.
    let alone = at
        .my_part()
        .and_then(|part| part.responded)
        .is_none_or(|(spot, _)| at.now().nanos_since(spot.at) > SECOND / 10);
    let whole = alone && response.entries.len() + 67 + 128 <= ROOM;
    if whole && group.left.is_none() && response.peers().all(|peer| peer.real_key != at.me.key) {
        found.say("the answer lists others but not itself".to_owned(), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            drop_entry(it.bytes(response), 0);
        }),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            drop_entry(it.bytes(response), 1);
        }),
    ]
}
