//! `L-RESP-DUPKEY`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-DUPKEY",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-031",
    says: "No member is listed under two numbers.",
    cause: "members found by number only",
    known: "c-toxcore before 0.2.9 (e5561ad2b)",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = packet.read() else { return };
    let mut numbers = std::collections::BTreeMap::new();
    for peer in response.peers() {
        if let Some(before) = numbers.insert(peer.real_key, peer.peer_number)
            && before != peer.peer_number
        {
            let key = wire::Hex(peer.real_key.0.get(..4).unwrap_or_default());
            found.say(format!("{key} is listed under {before} and {}", peer.peer_number), &[]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| list_again(it, |entry| entry[0] ^= 1)),
        silent("talk", |it| list_again(it, |entry| entry[2] ^= 1)),
    ]
}
