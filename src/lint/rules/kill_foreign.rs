//! `L-KILL-FOREIGN`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-KILL-FOREIGN",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-122",
    says: "Kill and Freeze name their author.",
    cause: "an attempt to remove somebody else; receivers drop it",
    known: "",
    needs: &[],
    looks_at: MESSAGES,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let Some(message) = packet.message() else { return };
    let (what, named) = match message.body {
        MessageBody::KillPeer(kill) => ("Kill", kill.killed_peer_number),
        MessageBody::FreezePeer(freeze) => ("Freeze", freeze.frozen_peer_number),
        _ => return,
    };
    let author = message.peer_number;
    if named != author {
        found.say(format!("a {what} of peer {author} names peer {named}: nobody obeys"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let kill = it.first(Kind::KillPeer);
            it.bytes(kill)[10] ^= 1;
        }),
        silent("talk", |it| {
            // The author changes with it.
            let kill = it.first(Kind::KillPeer);
            it.bytes(kill)[3] ^= 1;
            it.bytes(kill)[10] ^= 1;
        }),
    ]
}
