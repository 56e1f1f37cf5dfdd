//! `L-TYPE`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-TYPE",
    severity: Severity::Error,
    class: Class::Packet,
    cites: "R-006",
    says: "The type of a conference is 0, text, or 1, audio.",
    cause: "an implementation that invents types; nobody may join such a conference",
    known: "",
    needs: &[],
    looks_at: NAMING,
    check: Check::Packet(check),
};

fn check(packet: &Packet<'_>, found: &mut Found) {
    let Some(conference) = packet.read().and_then(wire::Packet::conference) else { return };
    let ConferenceType(byte) = conference.kind;
    if byte > 1 {
        found.say(format!("conference type {byte}, neither text (0) nor audio (1)"), &[]);
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        fires("talk", |it| {
            let invite = it.first(Kind::Invite);
            it.bytes(invite)[4] = 2;
        }),
        silent("talk", |it| {
            let invite = it.first(Kind::Invite);
            it.bytes(invite)[4] = 1;
        }),
    ]
}
