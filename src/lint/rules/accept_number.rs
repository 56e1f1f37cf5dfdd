//! `L-ACCEPT-NUMBER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-ACCEPT-NUMBER",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-016",
    says: "A new member does not get the number of a frozen one.",
    cause: "numbers of frozen members that are not considered",
    known: "",
    needs: &[Need::Awake],
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(MessageBody::NewPeer(new)) = at.packet.body() else { return };
    let is_first = at.copies.is_none_or(|it| it.sent.is_empty() && it.heard.is_empty());
    if !is_first || !at.is_own() {
        return;
    }
    let Some(peer) = at.peer(new.new_peer_number) else { return };
    let active = peer.active.map(|active| at.now().nanos_since(active));
    if peer.key != new.real_key
        && at.handled(peer)
        && (peer.froze.is_some() || active.is_some_and(|ago| ago > 65 * SECOND))
    {
        let message = format!(
            "announces {} under number {}, which the frozen {} has",
            at.who(&new.real_key),
            new.new_peer_number,
            at.who(&peer.key),
        );
        found.say(message, &[peer.since]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("rejoin", |it| newpeer_conflict::announce_a_stranger(it, 85)),
        silent("rejoin", |it| newpeer_conflict::announce_a_stranger(it, 40)),
    ]
}
