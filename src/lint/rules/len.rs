//! `L-LEN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-LEN",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "packets §8",
    says: "Invitations, their answers, Online, New Peer, Kill and Freeze have one size each.",
    cause: "a bug in what writes packets; receivers drop them",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Packet(check),
};

const FIXED: &[Kind] = &[
    Kind::Invite,
    Kind::InviteAccepted,
    Kind::InviteMember,
    Kind::Online,
    Kind::NewPeer,
    Kind::KillPeer,
    Kind::FreezePeer,
];

fn check(packet: &Packet<'_>, found: &mut Found) {
    if let Some((kind, error)) = fault(packet, FIXED) {
        found.say(format!("{kind} of {} bytes: {error}", packet.bytes.len()), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let online = it.first(Kind::Online);
            it.bytes(online).push(0);
        }),
        fires("talk", |it| {
            let invite = it.first(Kind::Invite);
            it.bytes(invite).truncate(36);
        }),
        silent("talk", |it| {
            let ping = it.first(Kind::Ping);
            it.bytes(ping).push(0);
        }),
    ]
}
