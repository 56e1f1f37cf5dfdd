//! `L-RESP-DUPNUMBER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-RESP-DUPNUMBER",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-031",
    says: "No number is given to two members.",
    cause: "two inviters that chose the same number, or a list that is not looked through",
    known: "",
    needs: &[],
    looks_at: DIRECT,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let Some(wire::Packet::PeerResponse(response)) = packet.read() else { return };
    let mut numbers = std::collections::BTreeSet::new();
    for peer in response.peers() {
        if !numbers.insert(peer.peer_number) {
            found.say(format!("number {} is listed twice", peer.peer_number), &[]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| list_again(it, |entry| entry[2] ^= 1)),
        silent("talk", |it| {
            list_again(it, |entry| {
                entry[0] ^= 0x55;
                entry[1] ^= 0x55;
                entry[2] ^= 1;
            });
        }),
    ]
}
