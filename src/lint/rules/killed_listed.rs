//! `L-KILLED-LISTED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-KILLED-LISTED",
    severity: Severity::Warning,
    class: Class::Endpoint,
    cites: "R-190",
    says: "Whoever has left does not come back by somebody's list.",
    cause: "a list that was sent before its sender knew of the Kill",
    known: "every version (B-14)",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read() else { return };
    for entry in response.peers() {
        let Some(peer) = at.peer(entry.peer_number) else { continue };
        let (number, Some(kill)) = (&entry.peer_number, &peer.returned) else { continue };
        if at.now().nanos_since(kill.at) < 60 * SECOND {
            let message = format!(
                "lists {}, peer {number}, who left in {}",
                at.who(&entry.real_key),
                frame(at.packet, *kill),
            );
            found.say(message, &[*kill]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| kill_not_applied::list_after_leaving(it, true)),
        silent("talk", |it| kill_not_applied::list_after_leaving(it, false)),
    ]
}
