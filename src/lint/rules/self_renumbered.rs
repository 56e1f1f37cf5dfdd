//! `L-SELF-RENUMBERED`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SELF-RENUMBERED",
    severity: Severity::Error,
    class: Class::Endpoint,
    cites: "R-035",
    says: "A member lists itself under the number that it speaks under.",
    cause: "somebody announced it under another number, and it took that over: neighbours drop \
           what it says",
    known: "every version since 0.2.9 (B-05)",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Sent(check),
};

fn check(at: &At<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = at.packet.read() else { return };
    let Some(own) = at.own() else { return };
    if let Some(entry) = response.peers().find(|it| it.real_key == at.me.key)
        && entry.peer_number != own
    {
        let message = format!("lists itself as peer {}, but speaks as {own}", entry.peer_number);
        found.say(message, &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            it.bytes(response)[4] ^= 1;
        }),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            let second = 4 + 67 + usize::from(it.bytes(response)[4 + 66]);
            it.bytes(response)[second] ^= 1;
        }),
    ]
}
