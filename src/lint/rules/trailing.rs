//! `L-TRAILING`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-TRAILING",
    severity: Severity::Warning,
    class: Class::Packet,
    cites: "packets §9",
    says: "Nothing follows the end of Introduced, a Peer Query, a ping or a Rejoin.",
    cause: "a sloppy sender; receivers differ: c-toxcore up to 0.2.7 drops such pings",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let Some(read) = packet.read() else { return };
    let bytes = read.trailing().len();
    if bytes > 0 && read.kind() != Kind::PeerResponse {
        found.say(format!("{} with {bytes} more bytes than it has fields", read.kind()), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let query = it.first(Kind::PeerQuery);
            it.bytes(query).push(7);
        }),
        silent("talk", |it| {
            let response = it.first(Kind::PeerResponse);
            it.bytes(response).push(7);
        }),
    ]
}
